-- +goose Up
-- Tasks count for the agency that has them while it sees them, which is a bit of what was
-- marks. By another name, so that a node of before does not go on counting without it.
ALTER TABLE figure_facts RENAME COLUMN marks TO measures;

-- Everything is counted anew, but the traffic; what a node is counting now is of a version before.
TRUNCATE figure_facts, figures, figure_refusals;
UPDATE figure_progress SET version = version + 1, place = 0, day = '', at = 0 WHERE version > 0;
