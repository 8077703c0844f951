-- +goose Up
-- Inspections of normative documents and of agencies. delivery is that of the copy, empty of
-- a visit.
CREATE TABLE inspections (
    id       TEXT NOT NULL PRIMARY KEY,
    agency   TEXT NOT NULL,
    day      TEXT NOT NULL,
    key      TEXT NOT NULL,
    delivery TEXT NOT NULL,
    waits    INTEGER NOT NULL,
    body     TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX inspections_by_key ON inspections (agency, key) WHERE key <> '';
CREATE UNIQUE INDEX inspections_by_delivery ON inspections (delivery) WHERE delivery <> '';
CREATE INDEX inspections_by_day ON inspections (agency, day, id);
CREATE INDEX inspections_waiting ON inspections (id) WHERE waits = 1;

-- The agencies that see them: by these they are found, and by nobody else.
CREATE TABLE inspection_parties (
    agency     TEXT NOT NULL,
    inspection TEXT NOT NULL,
    state      TEXT NOT NULL,
    kind       TEXT NOT NULL,
    PRIMARY KEY (agency, inspection)
) STRICT, WITHOUT ROWID;
CREATE INDEX inspection_parties_state ON inspection_parties (agency, state, inspection, kind);
CREATE INDEX inspection_parties_kind ON inspection_parties (agency, kind, inspection);

-- What happened to them, numbered without gaps as it was recorded.
CREATE TABLE inspection_events (
    inspection TEXT NOT NULL,
    seq        INTEGER NOT NULL,
    body       TEXT NOT NULL,
    PRIMARY KEY (inspection, seq)
) STRICT, WITHOUT ROWID;
