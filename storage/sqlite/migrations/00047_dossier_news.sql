-- +goose Up
-- The events of dossiers as each agency follows them: numbered by agency without gaps, in the
-- order in which they became visible.
CREATE TABLE dossier_news (
    agency  TEXT NOT NULL,
    seq     INTEGER NOT NULL,
    dossier TEXT NOT NULL,
    event   INTEGER NOT NULL,
    PRIMARY KEY (agency, seq)
) STRICT, WITHOUT ROWID;
INSERT INTO dossier_news (agency, seq, dossier, event)
    SELECT p.agency, row_number() OVER (PARTITION BY p.agency ORDER BY e.dossier, e.seq), e.dossier, e.seq
    FROM dossier_parties p JOIN dossier_events e ON e.dossier = p.dossier;
