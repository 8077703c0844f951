-- +goose Up
-- What those who filed dossiers say of agencies: ratings and complaints, nothing of persons.
-- Instants are in microseconds; 9223372036854775807 is never.
CREATE TABLE feedback (
    agency   TEXT NOT NULL,
    id       TEXT NOT NULL,
    kind     TEXT NOT NULL,
    at       INTEGER NOT NULL,
    score    INTEGER NOT NULL,
    due      INTEGER NOT NULL,
    answered INTEGER NOT NULL,
    body     TEXT NOT NULL,
    PRIMARY KEY (agency, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX feedback_by_time ON feedback (at, agency, kind, score, due, answered);
