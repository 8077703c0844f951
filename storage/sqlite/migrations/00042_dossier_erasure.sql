-- +goose Up
-- Whether what a dossier held of persons is gone.
ALTER TABLE dossiers ADD COLUMN erased INTEGER NOT NULL DEFAULT 0;
CREATE INDEX dossiers_whole ON dossiers (ended, id) WHERE erased = 0;
