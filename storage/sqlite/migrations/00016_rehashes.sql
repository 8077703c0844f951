-- +goose Up
-- Shards of the log hashed anew by another digest. The log holds a note of each token.
CREATE TABLE log_rehashes (
    shard  INTEGER NOT NULL,
    number INTEGER NOT NULL, -- from 1 without gaps
    tokens INTEGER NOT NULL, -- 0 until it is finished, which only the last one of a shard is not
    body   TEXT NOT NULL, -- JSON of the whole rehash
    PRIMARY KEY (shard, number)
) STRICT;
-- The trees of a rehash. They stay as they are once it is finished.
CREATE TABLE log_rehash_tiles (
    shard  INTEGER NOT NULL, -- these two name the row of log_rehashes
    number INTEGER NOT NULL,
    tree   INTEGER NOT NULL,
    level  INTEGER NOT NULL,
    n      INTEGER NOT NULL,
    data   BLOB NOT NULL,
    PRIMARY KEY (shard, number, tree, level, n)
) STRICT;
