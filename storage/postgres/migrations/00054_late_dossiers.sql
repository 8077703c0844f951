-- +goose Up
-- Late dossiers of a unit among very many that are not, and how many these are, without a look at their rows.
CREATE INDEX dossier_facts_late ON dossier_facts (unit, ended, until) INCLUDE (since, late, start, marks) WHERE late <> 9223372036854775807;
DROP INDEX dossier_facts_counted;
CREATE INDEX dossier_facts_counted ON dossier_facts (unit, ended, until, dossier) INCLUDE (since, start);
