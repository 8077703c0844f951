-- +goose Up
-- Connection tests under way and lately, so that their bounds hold over all nodes. Times
-- are microseconds since 1970; rows whose free has passed mean nothing and are removed.
CREATE TABLE test_turns (
    agency text COLLATE "C" PRIMARY KEY,
    ends   bigint NOT NULL,
    free   bigint NOT NULL
);
