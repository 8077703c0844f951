-- +goose Up
-- Years whose registers are closed: nothing is entered into them any more.
CREATE TABLE register_years (
    agency text COLLATE "C" NOT NULL,
    year   bigint NOT NULL,
    body   text NOT NULL,
    PRIMARY KEY (agency, year)
);
