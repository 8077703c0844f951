-- +goose Up
-- Persons who sign in to the pages.
CREATE TABLE accounts (
    name    TEXT PRIMARY KEY,
    version INTEGER NOT NULL,
    body    TEXT NOT NULL
) STRICT;

-- Who is signed in; nobody is after a restore.
CREATE TABLE sessions (
    hash    BLOB PRIMARY KEY,
    account TEXT NOT NULL,
    expires INTEGER NOT NULL,
    body    TEXT NOT NULL
) STRICT;

CREATE INDEX sessions_by_account ON sessions (account);
CREATE INDEX sessions_by_expiry ON sessions (expires);

-- Numbers in the registers of incoming documents that agencies keep on this hub.
CREATE TABLE register_numbers (
    agency   TEXT NOT NULL,
    year     INTEGER NOT NULL,
    number   TEXT NOT NULL,
    position INTEGER NOT NULL, -- the number as a number, 0 where it is none
    delivery TEXT NOT NULL,
    PRIMARY KEY (agency, year, number)
) STRICT, WITHOUT ROWID;

CREATE INDEX register_numbers_by_position ON register_numbers (agency, year, position);
