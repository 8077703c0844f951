-- +goose Up
-- Times are microseconds since 1970 in UTC. Whole objects are JSON beside the
-- columns that queries need, so that a field can be added without a migration.

CREATE TABLE agencies (
    id   TEXT PRIMARY KEY,
    body TEXT NOT NULL
) STRICT;

CREATE TABLE counters (
    name  TEXT PRIMARY KEY,
    value INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

INSERT INTO counters (name, value) VALUES ('agencies', 0);

CREATE TABLE api_keys (
    id   TEXT PRIMARY KEY,
    hash BLOB NOT NULL UNIQUE,
    body TEXT NOT NULL
) STRICT;

CREATE TABLE dispatches (
    id          TEXT PRIMARY KEY,
    sender      TEXT NOT NULL,
    external_id TEXT NOT NULL,
    operation   TEXT NOT NULL,
    key         TEXT, -- NULL: the sender gave none
    number      TEXT NOT NULL,
    promulgated TEXT NOT NULL,
    search      TEXT NOT NULL, -- folded
    receipt     TEXT NOT NULL, -- id of the SubmissionAcceptance
    body        TEXT NOT NULL,
    reports     TEXT NOT NULL
) STRICT;

CREATE UNIQUE INDEX dispatches_by_external_id ON dispatches (sender, external_id, operation);
CREATE UNIQUE INDEX dispatches_by_key ON dispatches (sender, key) WHERE key IS NOT NULL;
CREATE INDEX dispatches_by_sender ON dispatches (sender, id);
CREATE INDEX dispatches_by_number ON dispatches (sender, number, id);

CREATE TABLE deliveries (
    id           TEXT PRIMARY KEY,
    dispatch     TEXT NOT NULL REFERENCES dispatches (id),
    position     INTEGER NOT NULL, -- among the recipients
    recipient    TEXT NOT NULL,
    state        TEXT NOT NULL,
    version      INTEGER NOT NULL,
    final        INTEGER NOT NULL,
    calm         INTEGER NOT NULL, -- 0 urgent, 1 not: urgent ones sort first
    next_attempt INTEGER NOT NULL,
    expires_at   INTEGER NOT NULL,
    -- A lease is a right and no transition, so it is not in the body. A fence
    -- only grows; lease_until is 0 when there is no lease.
    fence        INTEGER NOT NULL DEFAULT 0,
    lease_until  INTEGER NOT NULL DEFAULT 0,
    lease_holder TEXT NOT NULL DEFAULT '',
    body         TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX deliveries_by_dispatch ON deliveries (dispatch, position);
CREATE INDEX deliveries_by_recipient ON deliveries (recipient, state, calm, id);
CREATE INDEX deliveries_due ON deliveries (calm, next_attempt, id) WHERE state = 'queued';
CREATE INDEX deliveries_expiring ON deliveries (expires_at, id) WHERE final = 0;

CREATE TABLE evidences (
    position  INTEGER PRIMARY KEY, -- order of recording; one writer, so also that of commits
    id        TEXT NOT NULL UNIQUE,
    dispatch  TEXT NOT NULL,
    delivery  TEXT NOT NULL,
    rejected  TEXT NOT NULL, -- sender of a refused submission, else ''
    canonical BLOB NOT NULL,
    jws       TEXT NOT NULL
) STRICT;

CREATE INDEX evidences_by_dispatch ON evidences (dispatch, position) WHERE dispatch <> '';
CREATE INDEX evidences_by_delivery ON evidences (delivery, position) WHERE delivery <> '';
CREATE INDEX evidences_by_rejection ON evidences (rejected, position) WHERE rejected <> '';

-- +goose StatementBegin
CREATE TRIGGER evidences_never_change BEFORE UPDATE ON evidences
BEGIN SELECT RAISE(ABORT, 'evidence is never changed'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER evidences_never_go BEFORE DELETE ON evidences
BEGIN SELECT RAISE(ABORT, 'evidence is never deleted'); END;
-- +goose StatementEnd

CREATE TABLE status_reports (
    position INTEGER PRIMARY KEY, -- order of recording
    id       TEXT NOT NULL UNIQUE,
    dispatch TEXT NOT NULL,
    body     TEXT NOT NULL
) STRICT;

CREATE INDEX status_reports_by_dispatch ON status_reports (dispatch, position);

CREATE TABLE uploads (
    id      TEXT PRIMARY KEY,
    expires INTEGER NOT NULL,
    body    TEXT NOT NULL
) STRICT;

CREATE INDEX uploads_by_expiry ON uploads (expires);
