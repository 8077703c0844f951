-- +goose Up
-- What the store looks for when it is asked which documents press: facts alone, since how they
-- stand to the deadlines changes with every hour.
ALTER TABLE deliveries
    ADD COLUMN awaits  smallint NOT NULL DEFAULT 0, -- which duties of the law are open: 1 notice, 2 registration, 3 both
    ADD COLUMN arrived bigint NOT NULL DEFAULT 0, -- microseconds; 0: not yet
    ADD COLUMN due     text COLLATE "C" NOT NULL DEFAULT ''; -- first deadline of a task that is not said to be done; '' for none

UPDATE deliveries v SET
    awaits = (v.state <> 'handed_over' AND b.body ->> 'handed_over_at' IS NULL)::integer
        + 2 * (coalesce((b.body ->> 'registers')::boolean, false) AND NOT coalesce((b.body ->> 'for_information')::boolean, false) AND b.body ->> 'registered_at' IS NULL)::integer,
    arrived = coalesce(round(1e6 * extract(epoch FROM coalesce(b.body ->> 'consigned_at',
        CASE WHEN b.body ->> 'channel' = 'pull' THEN (SELECT d.body::jsonb ->> 'accepted_at' FROM dispatches d WHERE d.id = v.dispatch) ELSE b.body ->> 'handed_over_at' END)::timestamptz))::bigint, 0)
    FROM (SELECT id, body::jsonb AS body FROM deliveries WHERE state IN ('consigned', 'handed_over', 'expired')) b
    WHERE v.id = b.id AND b.body -> 'destroyed' IS NULL;

UPDATE deliveries v SET due = coalesce((SELECT min((t.value ->> 'due') COLLATE "C") FROM jsonb_array_elements(v.body::jsonb -> 'tasks') t
        WHERE t.value ->> 'state' NOT IN ('done', 'cancelled', 'returned') AND t.value ->> 'ended_on' IS NULL AND coalesce(t.value ->> 'holder', v.recipient) = v.recipient), '')
    WHERE v.id IN (SELECT delivery FROM tasks WHERE closed = 0);

CREATE INDEX deliveries_awaiting ON deliveries (recipient, state, calm, awaits, arrived, id) WHERE awaits > 0;
CREATE INDEX deliveries_due_first ON deliveries (recipient, state, calm, due, id) WHERE due <> '';
