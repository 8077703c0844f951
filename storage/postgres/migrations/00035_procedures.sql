-- +goose Up
-- Administrative procedures. A version is in force from valid_from up to valid_to, both in
-- microseconds; 9223372036854775807 is open. search is in what a search looks.
CREATE TABLE procedure_versions (
    code       text COLLATE "C" NOT NULL,
    number     bigint NOT NULL,
    valid_from bigint NOT NULL,
    valid_to   bigint NOT NULL,
    agency     text COLLATE "C" NOT NULL,
    search     text NOT NULL,
    body       text NOT NULL,
    PRIMARY KEY (code, number)
);

-- The acts that made and ended them, numbered without gaps.
CREATE TABLE procedure_changes (
    seq    bigint NOT NULL PRIMARY KEY,
    code   text COLLATE "C" NOT NULL,
    number bigint NOT NULL,
    body   text NOT NULL
);
