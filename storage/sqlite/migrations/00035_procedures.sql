-- +goose Up
-- Administrative procedures. A version is in force from valid_from up to valid_to, both in
-- microseconds; 9223372036854775807 is open. search is in what a search looks.
CREATE TABLE procedure_versions (
    code       TEXT NOT NULL,
    number     INTEGER NOT NULL,
    valid_from INTEGER NOT NULL,
    valid_to   INTEGER NOT NULL,
    agency     TEXT NOT NULL,
    search     TEXT NOT NULL,
    body       TEXT NOT NULL,
    PRIMARY KEY (code, number)
) STRICT, WITHOUT ROWID;

-- The acts that made and ended them, numbered without gaps.
CREATE TABLE procedure_changes (
    seq    INTEGER NOT NULL PRIMARY KEY,
    code   TEXT NOT NULL,
    number INTEGER NOT NULL,
    body   TEXT NOT NULL
) STRICT;
