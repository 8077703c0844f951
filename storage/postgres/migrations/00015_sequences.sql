-- +goose Up
-- The sequences of agencies: which receipts of a year name an agency, numbered as the log
-- numbers them. The leaves hold a tag for each number. Rows are added and never change.
CREATE TABLE log_numbers (
    shard  bigint NOT NULL, -- log_shards.number
    agency text COLLATE "C" NOT NULL,
    number bigint NOT NULL, -- from 1 without gaps
    idx    bigint NOT NULL, -- log_entries.idx
    PRIMARY KEY (shard, agency, number)
);

CREATE TRIGGER log_numbers_stay BEFORE UPDATE OR DELETE ON log_numbers
    FOR EACH ROW EXECUTE FUNCTION evidence_stays();
CREATE TRIGGER log_numbers_are_not_emptied BEFORE TRUNCATE ON log_numbers
    EXECUTE FUNCTION evidence_stays();
