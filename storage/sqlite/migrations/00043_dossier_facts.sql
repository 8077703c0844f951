-- +goose Up
-- How dossiers count, for looks in spans of time (hub.DossierFacts): lists and figures read it
-- and compute no clocks. Instants are in microseconds; 9223372036854775807 is never. It lies by
-- unit and end, in which figures read it.
CREATE TABLE dossier_facts (
    dossier   TEXT NOT NULL,
    since     INTEGER NOT NULL,
    until     INTEGER NOT NULL,
    unit      TEXT NOT NULL,
    procedure TEXT NOT NULL,
    channel   TEXT NOT NULL,
    start     INTEGER NOT NULL,
    ended     INTEGER NOT NULL,
    late      INTEGER NOT NULL,
    requests  INTEGER NOT NULL,
    parties   INTEGER NOT NULL,
    marks     INTEGER NOT NULL,
    worked    INTEGER NOT NULL,
    allowed   INTEGER NOT NULL,
    PRIMARY KEY (unit, ended, until, dossier)
) STRICT, WITHOUT ROWID;
CREATE INDEX dossier_facts_dossier ON dossier_facts (dossier);

-- Of the present, for lists.
ALTER TABLE dossier_parties ADD COLUMN late INTEGER NOT NULL DEFAULT 9223372036854775807;
ALTER TABLE dossier_parties ADD COLUMN foreseen INTEGER NOT NULL DEFAULT 9223372036854775807;
ALTER TABLE dossier_parties ADD COLUMN marks INTEGER NOT NULL DEFAULT 0;
DROP INDEX dossier_parties_open;
CREATE INDEX dossier_parties_open ON dossier_parties (agency, dossier, late, foreseen, marks) WHERE open = 1;

-- From which working time and how many events it follows; what follows from others is
-- counted anew in the background, as is all that was there before.
ALTER TABLE dossiers ADD COLUMN counted TEXT NOT NULL DEFAULT '';
ALTER TABLE dossiers ADD COLUMN counted_version INTEGER NOT NULL DEFAULT 0;
CREATE INDEX dossiers_counted ON dossiers (counted, id);
CREATE INDEX dossiers_uncounted ON dossiers (id) WHERE counted_version <> body ->> '$.version';
