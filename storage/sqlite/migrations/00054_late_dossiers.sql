-- +goose Up
-- Late dossiers of a unit among very many that are not.
CREATE INDEX dossier_facts_late ON dossier_facts (unit, ended, until, since, late, start, marks) WHERE late <> 9223372036854775807;
