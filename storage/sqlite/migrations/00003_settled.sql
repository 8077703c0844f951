-- +goose Up
-- What the nodes of a hub agreed on, once.
CREATE TABLE settled (
    name  TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;
