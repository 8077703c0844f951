-- +goose Up
-- Tasks in four totals. What is overdue behind a day is now said for tasks, too, by a column
-- of another name, so that a node of before does not go on counting without them.
ALTER TABLE figure_facts RENAME COLUMN due TO runs_out;
ALTER TABLE figures ADD COLUMN tasks_done_in_time INTEGER NOT NULL DEFAULT 0;
ALTER TABLE figures ADD COLUMN tasks_done_late INTEGER NOT NULL DEFAULT 0;
ALTER TABLE figures ADD COLUMN tasks_open INTEGER NOT NULL DEFAULT 0;
ALTER TABLE figures ADD COLUMN tasks_overdue INTEGER NOT NULL DEFAULT 0;

-- Everything is counted anew, but the traffic.
DELETE FROM figure_facts;
DELETE FROM figures;
DELETE FROM figure_refusals;
UPDATE figure_progress SET place = 0, day = '', at = 0;
