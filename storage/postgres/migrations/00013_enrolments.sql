-- +goose Up
-- Permissions to fetch credentials once; none is open after a restore.
CREATE TABLE enrolments (
    id   text COLLATE "C" PRIMARY KEY,
    hash bytea NOT NULL UNIQUE,
    open boolean NOT NULL,
    body text NOT NULL
);
