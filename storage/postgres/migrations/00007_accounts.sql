-- +goose Up
-- Persons who sign in to the pages.
CREATE TABLE accounts (
    name    text COLLATE "C" PRIMARY KEY,
    version bigint NOT NULL,
    body    text NOT NULL
);

-- Who is signed in; nobody is after a restore.
CREATE TABLE sessions (
    hash    bytea PRIMARY KEY,
    account text COLLATE "C" NOT NULL,
    expires bigint NOT NULL,
    body    text NOT NULL
);

CREATE INDEX sessions_by_account ON sessions (account);
CREATE INDEX sessions_by_expiry ON sessions (expires);

-- Numbers in the registers of incoming documents that agencies keep on this hub.
CREATE TABLE register_numbers (
    agency   text COLLATE "C" NOT NULL,
    year     bigint NOT NULL,
    number   text COLLATE "C" NOT NULL,
    position bigint NOT NULL, -- the number as a number, 0 where it is none
    delivery text COLLATE "C" NOT NULL,
    PRIMARY KEY (agency, year, number)
);

CREATE INDEX register_numbers_by_position ON register_numbers (agency, year, position);
