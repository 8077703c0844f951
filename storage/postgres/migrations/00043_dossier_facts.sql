-- +goose Up
-- How dossiers count, for looks in spans of time (hub.DossierFacts): lists and figures read it
-- and compute no clocks. Instants are in microseconds; 9223372036854775807 is never.
CREATE TABLE dossier_facts (
    dossier   text COLLATE "C" NOT NULL,
    since     bigint NOT NULL,
    until     bigint NOT NULL,
    unit      text COLLATE "C" NOT NULL,
    procedure text COLLATE "C" NOT NULL,
    channel   text COLLATE "C" NOT NULL,
    start     bigint NOT NULL,
    ended     bigint NOT NULL,
    late      bigint NOT NULL,
    requests  bigint NOT NULL,
    parties   bigint NOT NULL,
    marks     bigint NOT NULL,
    worked    bigint NOT NULL,
    allowed   bigint NOT NULL,
    PRIMARY KEY (dossier, until)
);
CREATE INDEX dossier_facts_counted ON dossier_facts (unit, ended, until, dossier);

-- Of the present, for lists.
ALTER TABLE dossier_parties ADD COLUMN late bigint NOT NULL DEFAULT 9223372036854775807;
ALTER TABLE dossier_parties ADD COLUMN foreseen bigint NOT NULL DEFAULT 9223372036854775807;
ALTER TABLE dossier_parties ADD COLUMN marks bigint NOT NULL DEFAULT 0;
DROP INDEX dossier_parties_open;
CREATE INDEX dossier_parties_open ON dossier_parties (agency, dossier) INCLUDE (late, foreseen, marks) WHERE open;
CREATE INDEX dossier_parties_all ON dossier_parties (agency, dossier) INCLUDE (late, foreseen, marks);

-- From which working time and how many events it follows; what follows from others is
-- counted anew in the background, as is all that was there before.
ALTER TABLE dossiers ADD COLUMN counted text COLLATE "C" NOT NULL DEFAULT '';
ALTER TABLE dossiers ADD COLUMN counted_version bigint NOT NULL DEFAULT 0;
CREATE INDEX dossiers_counted ON dossiers (counted, id);
CREATE INDEX dossiers_uncounted ON dossiers (id) WHERE counted_version <> (body::jsonb ->> 'version')::bigint;
