-- +goose Up
-- Documents that persons have begun to write and not sent.
CREATE TABLE drafts (
    account TEXT NOT NULL,
    id      TEXT NOT NULL,
    saved   INTEGER NOT NULL,
    body    TEXT NOT NULL,
    PRIMARY KEY (account, id)
) STRICT, WITHOUT ROWID;

CREATE INDEX drafts_by_time ON drafts (account, saved, id);
CREATE INDEX drafts_by_age ON drafts (saved);
