-- +goose Up
-- For which reason a delivery was refused, so that the documents behind that number can be
-- listed, and how many of the refusals are of the agency itself. Without a default: a node
-- of before does not go on counting refusals without it.
DROP TABLE figure_refusals;
CREATE TABLE figure_refusals (
    agency text COLLATE "C" NOT NULL,
    kind   text COLLATE "C" NOT NULL,
    period text COLLATE "C" NOT NULL,
    side   text COLLATE "C" NOT NULL,
    reason text COLLATE "C" NOT NULL,
    count  bigint NOT NULL, -- of the agency and all that were under it
    own    bigint NOT NULL, -- of the agency itself
    PRIMARY KEY (agency, kind, period, side, reason)
);

ALTER TABLE figure_facts ADD COLUMN reason text COLLATE "C"; -- NULL for what was not refused
CREATE INDEX figure_facts_refused_sent ON figure_facts (sender, reason, day, dispatch, position) WHERE reason IS NOT NULL;
CREATE INDEX figure_facts_refused_received ON figure_facts (recipient, reason, day, dispatch, position) WHERE reason IS NOT NULL;

-- Everything that was counted is counted anew, but the traffic; what a node is counting now is of a version before.
TRUNCATE figure_facts, figures;
UPDATE figure_progress SET version = version + 1, place = 0, day = '', at = 0 WHERE version > 0;
