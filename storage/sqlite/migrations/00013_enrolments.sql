-- +goose Up
-- Permissions to fetch credentials once; none is open after a restore.
CREATE TABLE enrolments (
    id   TEXT PRIMARY KEY,
    hash BLOB NOT NULL UNIQUE,
    open INTEGER NOT NULL,
    body TEXT NOT NULL
) STRICT;
