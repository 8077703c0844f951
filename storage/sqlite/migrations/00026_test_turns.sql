-- +goose Up
-- Connection tests under way and lately, so that their bounds hold over all nodes. Times
-- are microseconds since 1970; rows whose free has passed mean nothing and are removed.
CREATE TABLE test_turns (
    agency TEXT PRIMARY KEY,
    ends   INTEGER NOT NULL,
    free   INTEGER NOT NULL
) WITHOUT ROWID;
