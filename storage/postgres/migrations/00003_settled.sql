-- +goose Up
-- What the nodes of a hub agreed on, once.
CREATE TABLE settled (
    name  text COLLATE "C" PRIMARY KEY,
    value text NOT NULL
);
