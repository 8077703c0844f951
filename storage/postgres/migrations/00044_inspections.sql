-- +goose Up
-- Inspections of normative documents and of agencies. delivery is that of the copy, empty of
-- a visit.
CREATE TABLE inspections (
    id       text COLLATE "C" NOT NULL PRIMARY KEY,
    agency   text COLLATE "C" NOT NULL,
    day      text COLLATE "C" NOT NULL,
    key      text COLLATE "C" NOT NULL,
    delivery text COLLATE "C" NOT NULL,
    waits    boolean NOT NULL,
    body     text NOT NULL
);
CREATE UNIQUE INDEX inspections_by_key ON inspections (agency, key) WHERE key <> '';
CREATE UNIQUE INDEX inspections_by_delivery ON inspections (delivery) WHERE delivery <> '';
CREATE INDEX inspections_by_day ON inspections (agency, day, id);
CREATE INDEX inspections_waiting ON inspections (id) WHERE waits;

-- The agencies that see them: by these they are found, and by nobody else.
CREATE TABLE inspection_parties (
    agency     text COLLATE "C" NOT NULL,
    inspection text COLLATE "C" NOT NULL,
    state      text COLLATE "C" NOT NULL,
    kind       text COLLATE "C" NOT NULL,
    PRIMARY KEY (agency, inspection)
);
CREATE INDEX inspection_parties_state ON inspection_parties (agency, state, inspection, kind);
CREATE INDEX inspection_parties_kind ON inspection_parties (agency, kind, inspection);

-- What happened to them, numbered without gaps as it was recorded.
CREATE TABLE inspection_events (
    inspection text COLLATE "C" NOT NULL,
    seq        bigint NOT NULL,
    body       text NOT NULL,
    PRIMARY KEY (inspection, seq)
);
