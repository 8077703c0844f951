-- +goose Up
-- The order of the log. What has an index keeps it: rows are added and never change.
CREATE TABLE log_entries (
    shard  INTEGER NOT NULL, -- log_shards.number
    idx    INTEGER NOT NULL, -- in the shard, from 0 without gaps
    source TEXT, -- id of the evidence or note; NULL for a link to the shard before
    data   BLOB NOT NULL,
    PRIMARY KEY (shard, idx)
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX log_entries_by_source ON log_entries (source) WHERE source IS NOT NULL;

-- +goose StatementBegin
CREATE TRIGGER log_entries_never_change BEFORE UPDATE ON log_entries
BEGIN SELECT RAISE(ABORT, 'the log is never changed'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER log_entries_never_go BEFORE DELETE ON log_entries
BEGIN SELECT RAISE(ABORT, 'the log is never shortened'); END;
-- +goose StatementEnd

-- One row for each year: how far it was numbered, published and witnessed.
CREATE TABLE log_shards (
    number    INTEGER PRIMARY KEY, -- from 0 without gaps
    origin    TEXT NOT NULL UNIQUE,
    epoch     INTEGER NOT NULL, -- of the sequencer that wrote last
    size      INTEGER NOT NULL, -- entries that have an index
    mark      TEXT NOT NULL,
    head      TEXT NOT NULL, -- JSON of the newest checkpoint; '' before the first
    witnessed TEXT NOT NULL -- JSON of the newest one with a quorum; '' before the first
) STRICT;

-- Facts about the hub itself. The log holds their digests.
CREATE TABLE log_notes (
    position INTEGER PRIMARY KEY, -- order of recording
    id       TEXT NOT NULL UNIQUE,
    kind     TEXT NOT NULL,
    body     TEXT NOT NULL, -- JSON of the whole note
    pending  INTEGER NOT NULL -- 1 while it has no index
) STRICT;

CREATE INDEX log_notes_pending ON log_notes (position) WHERE pending = 1;
CREATE INDEX log_notes_by_kind ON log_notes (kind, position);

-- Checkpoints with time-stamps.
CREATE TABLE log_stamps (
    shard INTEGER NOT NULL, -- log_shards.number
    size  INTEGER NOT NULL,
    time  INTEGER NOT NULL,
    body  TEXT NOT NULL, -- JSON of the whole stamp
    PRIMARY KEY (shard, size, time)
) STRICT, WITHOUT ROWID;
