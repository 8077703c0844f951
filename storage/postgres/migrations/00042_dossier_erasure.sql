-- +goose Up
-- Whether what a dossier held of persons is gone.
ALTER TABLE dossiers ADD COLUMN erased boolean NOT NULL DEFAULT false;
CREATE INDEX dossiers_whole ON dossiers (ended, id) WHERE NOT erased;
