-- +goose Up
-- Whether an agency sees a task: not while the document is on its way to it, nor when it was
-- taken back. Lists and totals of the agency are of those alone; the index still holds all that
-- totals count.
ALTER TABLE tasks ADD COLUMN shown INTEGER NOT NULL DEFAULT 0;

UPDATE tasks SET shown = (SELECT v.state NOT IN ('queued', 'withdrawn') AND NOT (v.state = 'consigned' AND v.body ->> '$.channel' = 'axis') AND v.body ->> '$.destroyed' IS NULL FROM deliveries v WHERE v.id = tasks.delivery);

DROP INDEX tasks_by_agency;
CREATE INDEX tasks_by_agency ON tasks (agency, closed, due, task, delivery, state, ended, shown);
