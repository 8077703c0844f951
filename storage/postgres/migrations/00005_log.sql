-- +goose Up
-- One row for each year of the log: how far it was numbered, published and witnessed.
CREATE TABLE log_shards (
    number    bigint PRIMARY KEY, -- from 0 without gaps
    origin    text COLLATE "C" NOT NULL UNIQUE,
    epoch     bigint NOT NULL, -- of the sequencer that wrote last
    size      bigint NOT NULL, -- entries that have an index
    published bigint NOT NULL, -- size of the newest checkpoint
    mark      text NOT NULL,
    head      text NOT NULL, -- JSON of the newest checkpoint; '' before the first
    witnessed text NOT NULL -- JSON of the newest one with a quorum; '' before the first
) WITH (fillfactor = 50);

-- The order of the log. What has an index keeps it: rows are added and never change.
CREATE TABLE log_entries (
    shard  bigint NOT NULL, -- log_shards.number
    idx    bigint NOT NULL, -- in the shard, from 0 without gaps
    source text COLLATE "C", -- id of the evidence or note; NULL for a link to the shard before
    data   bytea NOT NULL,
    PRIMARY KEY (shard, idx)
);

CREATE UNIQUE INDEX log_entries_by_source ON log_entries (source) WHERE source IS NOT NULL;

CREATE TRIGGER log_entries_stay BEFORE UPDATE OR DELETE ON log_entries
    FOR EACH ROW EXECUTE FUNCTION evidence_stays();
CREATE TRIGGER log_entries_are_not_emptied BEFORE TRUNCATE ON log_entries
    EXECUTE FUNCTION evidence_stays();

-- Facts about the hub itself. The log holds their digests.
CREATE TABLE log_notes (
    position bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id       text COLLATE "C" NOT NULL UNIQUE,
    kind     text COLLATE "C" NOT NULL,
    body     text NOT NULL, -- JSON of the whole note
    pending  boolean NOT NULL -- while it has no index
);

CREATE INDEX log_notes_pending ON log_notes (position) WHERE pending;
CREATE INDEX log_notes_by_kind ON log_notes (kind, position);

-- Checkpoints with time-stamps.
CREATE TABLE log_stamps (
    shard bigint NOT NULL, -- log_shards.number
    size  bigint NOT NULL,
    time  bigint NOT NULL,
    body  text NOT NULL, -- JSON of the whole stamp
    PRIMARY KEY (shard, size, time)
);
