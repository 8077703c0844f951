-- +goose Up
-- What those who filed dossiers say of agencies: ratings and complaints, nothing of persons.
-- Instants are in microseconds; 9223372036854775807 is never.
CREATE TABLE feedback (
    agency   text COLLATE "C" NOT NULL,
    id       text COLLATE "C" NOT NULL,
    kind     text COLLATE "C" NOT NULL,
    at       bigint NOT NULL,
    score    bigint NOT NULL,
    due      bigint NOT NULL,
    answered bigint NOT NULL,
    body     text NOT NULL,
    PRIMARY KEY (agency, id)
);
CREATE INDEX feedback_by_time ON feedback (at, agency, kind, score, due, answered);
