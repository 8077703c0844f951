-- +goose Up
-- Further time-stamps of checkpoints, each over those before it. The log holds a note of
-- each.
CREATE TABLE log_renewals (
    shard   INTEGER NOT NULL, -- these three name the row of log_stamps
    size    INTEGER NOT NULL,
    stamped INTEGER NOT NULL,
    number  INTEGER NOT NULL, -- from 1 without gaps
    body    TEXT NOT NULL, -- JSON of the whole renewal
    PRIMARY KEY (shard, size, stamped, number)
) STRICT, WITHOUT ROWID;
