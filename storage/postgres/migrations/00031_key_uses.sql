-- +goose Up
-- When a key last opened something; 0 for never, as far as is known.
ALTER TABLE api_keys ADD COLUMN used bigint NOT NULL DEFAULT 0;
