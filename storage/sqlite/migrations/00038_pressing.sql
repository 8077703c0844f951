-- +goose Up
-- What the store looks for when it is asked which documents press: facts alone, since how they
-- stand to the deadlines changes with every hour.
ALTER TABLE deliveries ADD COLUMN awaits INTEGER NOT NULL DEFAULT 0; -- which duties of the law are open: 1 notice, 2 registration, 3 both
ALTER TABLE deliveries ADD COLUMN arrived INTEGER NOT NULL DEFAULT 0; -- microseconds; 0: not yet
ALTER TABLE deliveries ADD COLUMN due TEXT NOT NULL DEFAULT ''; -- first deadline of a task that is not said to be done; '' for none

UPDATE deliveries SET
    awaits = (state <> 'handed_over' AND body ->> '$.handed_over_at' IS NULL)
        + 2 * (body ->> '$.registers' AND NOT coalesce(body ->> '$.for_information', 0) AND body ->> '$.registered_at' IS NULL),
    arrived = CAST(round(1e6 * unixepoch(coalesce(body ->> '$.consigned_at',
        CASE WHEN body ->> '$.channel' = 'pull' THEN (SELECT d.body ->> '$.accepted_at' FROM dispatches d WHERE d.id = deliveries.dispatch) ELSE body ->> '$.handed_over_at' END, '1970-01-01'), 'subsec')) AS INTEGER)
    WHERE state IN ('consigned', 'handed_over', 'expired') AND body ->> '$.destroyed' IS NULL;

UPDATE deliveries SET due = coalesce((SELECT min(t.value ->> 'due') FROM json_each(body, '$.tasks') t
        WHERE t.value ->> 'state' NOT IN ('done', 'cancelled', 'returned') AND t.value ->> 'ended_on' IS NULL AND coalesce(t.value ->> 'holder', recipient) = recipient), '')
    WHERE id IN (SELECT delivery FROM tasks WHERE closed = 0);

CREATE INDEX deliveries_awaiting ON deliveries (recipient, state, calm, awaits, arrived, id) WHERE awaits > 0;
CREATE INDEX deliveries_due_first ON deliveries (recipient, state, calm, due, id) WHERE due <> '';
