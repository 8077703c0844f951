-- +goose Up
-- For which reason a delivery was refused, so that the documents behind that number can be
-- listed, and how many of the refusals are of the agency itself. Without a default: a node
-- of before does not go on counting refusals without it.
DROP TABLE figure_refusals;
CREATE TABLE figure_refusals (
    agency TEXT NOT NULL,
    kind   TEXT NOT NULL,
    period TEXT NOT NULL,
    side   TEXT NOT NULL,
    reason TEXT NOT NULL,
    count  INTEGER NOT NULL, -- of the agency and all that were under it
    own    INTEGER NOT NULL, -- of the agency itself
    PRIMARY KEY (agency, kind, period, side, reason)
) STRICT, WITHOUT ROWID;

ALTER TABLE figure_facts ADD COLUMN reason TEXT; -- NULL for what was not refused
CREATE INDEX figure_facts_refused_sent ON figure_facts (sender, reason, day, dispatch, position) WHERE reason IS NOT NULL;
CREATE INDEX figure_facts_refused_received ON figure_facts (recipient, reason, day, dispatch, position) WHERE reason IS NOT NULL;

-- Everything that was counted is counted anew, but the traffic; what a node is counting now is of a version before.
DELETE FROM figure_facts;
DELETE FROM figures;
UPDATE figure_progress SET version = version + 1, place = 0, day = '', at = 0 WHERE version > 0;
