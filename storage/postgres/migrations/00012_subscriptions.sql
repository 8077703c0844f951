-- +goose Up
-- Who wants to be told of what happens, and where.
CREATE TABLE subscriptions (
    id      text COLLATE "C" PRIMARY KEY,
    version bigint NOT NULL,
    body    text NOT NULL
);

-- What they are told: an evidence for one of them.
CREATE TABLE pushes (
    subscription text COLLATE "C" NOT NULL,
    place        bigint NOT NULL, -- of the evidence in all shards of the log
    evidence     text NOT NULL,
    topic        text NOT NULL,
    dispatch     text NOT NULL,
    delivery     text NOT NULL,
    at           bigint NOT NULL,
    state        text NOT NULL,
    due          bigint NOT NULL,
    attempts     bigint NOT NULL,
    tried        bigint NOT NULL,
    last_error   text NOT NULL,
    PRIMARY KEY (subscription, place)
);

CREATE INDEX pushes_that_wait ON pushes (subscription, place, due) WHERE state = 'waiting';
CREATE INDEX pushes_by_age ON pushes (at);

-- How far the log was read for them, and how often subscriptions changed.
INSERT INTO counters (name, value) VALUES ('pushes', 0), ('subscriptions', 0);
