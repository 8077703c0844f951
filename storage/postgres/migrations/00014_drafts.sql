-- +goose Up
-- Documents that persons have begun to write and not sent.
CREATE TABLE drafts (
    account text COLLATE "C" NOT NULL,
    id      text COLLATE "C" NOT NULL,
    saved   bigint NOT NULL,
    body    text NOT NULL,
    PRIMARY KEY (account, id)
);

CREATE INDEX drafts_by_time ON drafts (account, saved, id);
CREATE INDEX drafts_by_age ON drafts (saved);
