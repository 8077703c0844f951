-- +goose Up
-- Shards of the log hashed anew by another digest. The log holds a note of each token.
CREATE TABLE log_rehashes (
    shard  bigint NOT NULL,
    number bigint NOT NULL, -- from 1 without gaps
    tokens bigint NOT NULL, -- 0 until it is finished, which only the last one of a shard is not
    body   text NOT NULL, -- JSON of the whole rehash
    PRIMARY KEY (shard, number)
);
-- The trees of a rehash. They stay as they are once it is finished.
CREATE TABLE log_rehash_tiles (
    shard  bigint NOT NULL, -- these two name the row of log_rehashes
    number bigint NOT NULL,
    tree   bigint NOT NULL,
    level  bigint NOT NULL,
    n      bigint NOT NULL,
    data   bytea NOT NULL,
    PRIMARY KEY (shard, number, tree, level, n)
);
