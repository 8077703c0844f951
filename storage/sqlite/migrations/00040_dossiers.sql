-- +goose Up
-- Dossiers of one-stop desks. received and ended are in microseconds; ended is
-- 9223372036854775807 while one is open.
CREATE TABLE dossiers (
    id       TEXT NOT NULL PRIMARY KEY,
    number   TEXT NOT NULL UNIQUE,
    unit     TEXT NOT NULL,
    day      TEXT NOT NULL,
    sequence INTEGER NOT NULL,
    key      TEXT NOT NULL,
    received INTEGER NOT NULL,
    ended    INTEGER NOT NULL,
    body     TEXT NOT NULL,
    UNIQUE (unit, day, sequence)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX dossiers_by_key ON dossiers (unit, key) WHERE key <> '';
CREATE INDEX dossiers_by_end ON dossiers (unit, ended, id);

-- The agencies of dossiers: by these they are found, and by nobody else.
CREATE TABLE dossier_parties (
    agency  TEXT NOT NULL,
    dossier TEXT NOT NULL,
    open    INTEGER NOT NULL,
    status  INTEGER NOT NULL,
    PRIMARY KEY (agency, dossier)
) STRICT, WITHOUT ROWID;
CREATE INDEX dossier_parties_open ON dossier_parties (agency, dossier) WHERE open = 1;
CREATE INDEX dossier_parties_status ON dossier_parties (agency, status, dossier, open);

-- What happened to them, numbered without gaps as it was recorded.
CREATE TABLE dossier_events (
    dossier TEXT NOT NULL,
    seq     INTEGER NOT NULL,
    body    TEXT NOT NULL,
    PRIMARY KEY (dossier, seq)
) STRICT, WITHOUT ROWID;
