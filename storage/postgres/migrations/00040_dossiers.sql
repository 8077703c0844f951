-- +goose Up
-- Dossiers of one-stop desks. received and ended are in microseconds; ended is
-- 9223372036854775807 while one is open.
CREATE TABLE dossiers (
    id       text COLLATE "C" NOT NULL PRIMARY KEY,
    number   text COLLATE "C" NOT NULL UNIQUE,
    unit     text COLLATE "C" NOT NULL,
    day      text COLLATE "C" NOT NULL,
    sequence bigint NOT NULL,
    key      text COLLATE "C" NOT NULL,
    received bigint NOT NULL,
    ended    bigint NOT NULL,
    body     text NOT NULL,
    UNIQUE (unit, day, sequence)
);
CREATE UNIQUE INDEX dossiers_by_key ON dossiers (unit, key) WHERE key <> '';
CREATE INDEX dossiers_by_end ON dossiers (unit, ended, id);

-- The agencies of dossiers: by these they are found, and by nobody else.
CREATE TABLE dossier_parties (
    agency  text COLLATE "C" NOT NULL,
    dossier text COLLATE "C" NOT NULL,
    open    boolean NOT NULL,
    status  bigint NOT NULL,
    PRIMARY KEY (agency, dossier)
);
CREATE INDEX dossier_parties_open ON dossier_parties (agency, dossier) WHERE open;
CREATE INDEX dossier_parties_status ON dossier_parties (agency, status, dossier, open);

-- What happened to them, numbered without gaps as it was recorded.
CREATE TABLE dossier_events (
    dossier text COLLATE "C" NOT NULL,
    seq     bigint NOT NULL,
    body    text NOT NULL,
    PRIMARY KEY (dossier, seq)
);
