-- +goose Up
-- How an identity provider names the person of an account: issuer, claim and value, one a
-- line. NULL for who signs in here alone.
ALTER TABLE accounts ADD COLUMN login TEXT;
CREATE UNIQUE INDEX accounts_by_login ON accounts (login);
