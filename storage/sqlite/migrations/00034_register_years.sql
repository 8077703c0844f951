-- +goose Up
-- Years whose registers are closed: nothing is entered into them any more.
CREATE TABLE register_years (
    agency TEXT NOT NULL,
    year   INTEGER NOT NULL,
    body   TEXT NOT NULL,
    PRIMARY KEY (agency, year)
) STRICT, WITHOUT ROWID;
