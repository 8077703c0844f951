-- +goose Up
-- The sequences of agencies: which receipts of a year name an agency, numbered as the log
-- numbers them. The leaves hold a tag for each number. Rows are added and never change.
CREATE TABLE log_numbers (
    shard  INTEGER NOT NULL, -- log_shards.number
    agency TEXT NOT NULL,
    number INTEGER NOT NULL, -- from 1 without gaps
    idx    INTEGER NOT NULL, -- log_entries.idx
    PRIMARY KEY (shard, agency, number)
) STRICT, WITHOUT ROWID;

-- +goose StatementBegin
CREATE TRIGGER log_numbers_never_change BEFORE UPDATE ON log_numbers
BEGIN SELECT RAISE(ABORT, 'the log is never changed'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER log_numbers_never_go BEFORE DELETE ON log_numbers
BEGIN SELECT RAISE(ABORT, 'the log is never shortened'); END;
-- +goose StatementEnd
