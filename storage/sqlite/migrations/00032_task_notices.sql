-- +goose Up
-- Which tasks agencies have, made anew from the deliveries: with the dispatch, so that they
-- are searched, with what agencies have yet to take note of, and with indexes that hold all
-- that totals count.
DROP TABLE tasks;

CREATE TABLE tasks (
    task     TEXT NOT NULL,
    delivery TEXT NOT NULL,
    dispatch TEXT NOT NULL,
    assigner TEXT NOT NULL,
    agency   TEXT NOT NULL, -- that has the task, also since another was handed over to it
    state    TEXT NOT NULL,
    closed   INTEGER NOT NULL, -- 1 when nothing more can happen
    due      TEXT NOT NULL, -- the last day; '9999-12-31' for none
    ended    TEXT NOT NULL, -- the day on which it was said to be done; '' for none
    remind   TEXT NOT NULL, -- the day from which the hub reminds; '' for none
    told     INTEGER NOT NULL, -- 1 while the agency has yet to take note of what the hub said last
    reported INTEGER NOT NULL, -- 1 while the assigner has yet to
    PRIMARY KEY (task, delivery)
) STRICT, WITHOUT ROWID;

INSERT INTO tasks (task, delivery, dispatch, assigner, agency, state, closed, due, ended, remind, told, reported)
    SELECT t.value ->> 'task', v.id, d.id, d.sender, coalesce(t.value ->> 'holder', v.recipient), t.value ->> 'state', t.value ->> 'state' IN ('done', 'cancelled'),
        coalesce(t.value ->> 'due', '9999-12-31'), coalesce(t.value ->> 'ended_on', ''), coalesce(t.value ->> 'remind_on', ''),
        t.value ->> '$.notice' IS NOT NULL AND t.value ->> '$.notice.noted' IS NULL,
        coalesce(t.value ->> '$.notice.act' IN ('overdue', 'escalate', 'hand_over'), 0) AND t.value ->> '$.notice.seen' IS NULL
    FROM deliveries v JOIN dispatches d ON d.id = v.dispatch, json_each(v.body, '$.tasks') t 
    WHERE v.body ->> '$.tasks' IS NOT NULL;

CREATE INDEX tasks_by_agency ON tasks (agency, closed, due, task, delivery, state, ended);
CREATE INDEX tasks_by_assigner ON tasks (assigner, closed, due, task, delivery, state, ended);
CREATE INDEX tasks_to_remind ON tasks (remind, task, delivery) WHERE remind <> '';
CREATE INDEX tasks_told ON tasks (agency, closed, due, task, delivery) WHERE told = 1;
CREATE INDEX tasks_reported ON tasks (assigner, closed, due, task, delivery) WHERE reported = 1;
