-- +goose Up
-- Numbers that agencies gave to documents of their own. take is the key of the act that
-- took one, '' for none.
CREATE TABLE outgoing_numbers (
    agency   text COLLATE "C" NOT NULL,
    year     bigint NOT NULL,
    series   text COLLATE "C" NOT NULL,
    number   bigint NOT NULL,
    notation text COLLATE "C" NOT NULL,
    take     text COLLATE "C" NOT NULL,
    body     text NOT NULL,
    PRIMARY KEY (agency, year, series, number)
);

CREATE UNIQUE INDEX outgoing_numbers_printed ON outgoing_numbers (agency, year, number, notation);
CREATE UNIQUE INDEX outgoing_numbers_by_take ON outgoing_numbers (agency, take) WHERE take <> '';
