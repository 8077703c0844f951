-- +goose Up
-- Further time-stamps of checkpoints, each over those before it. The log holds a note of
-- each.
CREATE TABLE log_renewals (
    shard   bigint NOT NULL, -- these three name the row of log_stamps
    size    bigint NOT NULL,
    stamped bigint NOT NULL,
    number  bigint NOT NULL, -- from 1 without gaps
    body    text NOT NULL, -- JSON of the whole renewal
    PRIMARY KEY (shard, size, stamped, number)
);
