-- +goose Up
-- By what the owner of a dossier finds it: a digest of its number and a secret.
ALTER TABLE dossiers ADD COLUMN lookup TEXT NOT NULL DEFAULT '';
CREATE UNIQUE INDEX dossiers_by_lookup ON dossiers (lookup) WHERE lookup <> '';
