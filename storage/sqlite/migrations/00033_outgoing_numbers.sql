-- +goose Up
-- Numbers that agencies gave to documents of their own. take is the key of the act that
-- took one, '' for none.
CREATE TABLE outgoing_numbers (
    agency   TEXT NOT NULL,
    year     INTEGER NOT NULL,
    series   TEXT NOT NULL,
    number   INTEGER NOT NULL,
    notation TEXT NOT NULL,
    take     TEXT NOT NULL,
    body     TEXT NOT NULL,
    PRIMARY KEY (agency, year, series, number)
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX outgoing_numbers_printed ON outgoing_numbers (agency, year, number, notation);
CREATE UNIQUE INDEX outgoing_numbers_by_take ON outgoing_numbers (agency, take) WHERE take <> '';
