-- +goose Up
-- Who wants to be told of what happens, and where.
CREATE TABLE subscriptions (
    id      TEXT PRIMARY KEY,
    version INTEGER NOT NULL,
    body    TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- What they are told: an evidence for one of them.
CREATE TABLE pushes (
    subscription TEXT NOT NULL,
    place        INTEGER NOT NULL, -- of the evidence in all shards of the log
    evidence     TEXT NOT NULL,
    topic        TEXT NOT NULL,
    dispatch     TEXT NOT NULL,
    delivery     TEXT NOT NULL,
    at           INTEGER NOT NULL,
    state        TEXT NOT NULL,
    due          INTEGER NOT NULL,
    attempts     INTEGER NOT NULL,
    tried        INTEGER NOT NULL,
    last_error   TEXT NOT NULL,
    PRIMARY KEY (subscription, place)
) STRICT, WITHOUT ROWID;

CREATE INDEX pushes_that_wait ON pushes (subscription, place, due) WHERE state = 'waiting';
CREATE INDEX pushes_by_age ON pushes (at);

-- How far the log was read for them, and how often subscriptions changed.
INSERT INTO counters (name, value) VALUES ('pushes', 0), ('subscriptions', 0);
