-- +goose Up
-- The events of dossiers as each agency follows them: numbered by agency without gaps, in the
-- order in which they became visible.
CREATE TABLE dossier_news (
    agency  text COLLATE "C" NOT NULL,
    seq     bigint NOT NULL,
    dossier text COLLATE "C" NOT NULL,
    event   bigint NOT NULL,
    PRIMARY KEY (agency, seq)
);
INSERT INTO dossier_news (agency, seq, dossier, event)
    SELECT p.agency, row_number() OVER (PARTITION BY p.agency ORDER BY e.dossier, e.seq), e.dossier, e.seq
    FROM dossier_parties p JOIN dossier_events e ON e.dossier = p.dossier;
