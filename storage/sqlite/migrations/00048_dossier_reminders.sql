-- +goose Up
-- When the hub looks at a dossier next for something to say, in microseconds;
-- 9223372036854775807 once it has ended.
ALTER TABLE dossiers ADD COLUMN remind INTEGER NOT NULL DEFAULT 0;
UPDATE dossiers SET remind = 9223372036854775807 WHERE ended < 9223372036854775807;
CREATE INDEX dossiers_to_remind ON dossiers (remind, id) WHERE remind < 9223372036854775807;
