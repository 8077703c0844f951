-- +goose Up
-- Which tasks agencies have, made anew from the deliveries: with the dispatch, so that they
-- are searched, with what agencies have yet to take note of, and with indexes that hold all
-- that totals count.
DROP TABLE tasks;

CREATE TABLE tasks (
    task     text COLLATE "C" NOT NULL,
    delivery text COLLATE "C" NOT NULL,
    dispatch text COLLATE "C" NOT NULL,
    assigner text COLLATE "C" NOT NULL,
    agency   text COLLATE "C" NOT NULL, -- that has the task, also since another was handed over to it
    state    text NOT NULL,
    closed   smallint NOT NULL, -- 1 when nothing more can happen
    due      text COLLATE "C" NOT NULL, -- the last day; '9999-12-31' for none
    ended    text COLLATE "C" NOT NULL, -- the day on which it was said to be done; '' for none
    remind   text COLLATE "C" NOT NULL, -- the day from which the hub reminds; '' for none
    told     smallint NOT NULL, -- 1 while the agency has yet to take note of what the hub said last
    reported smallint NOT NULL, -- 1 while the assigner has yet to
    PRIMARY KEY (task, delivery)
);

INSERT INTO tasks (task, delivery, dispatch, assigner, agency, state, closed, due, ended, remind, told, reported)
    SELECT t.value ->> 'task', v.id, v.dispatch, d.sender, coalesce(t.value ->> 'holder', v.recipient), t.value ->> 'state', (t.value ->> 'state' IN ('done', 'cancelled'))::integer,
        coalesce(t.value ->> 'due', '9999-12-31'), coalesce(t.value ->> 'ended_on', ''), coalesce(t.value ->> 'remind_on', ''),
        (t.value -> 'notice' IS NOT NULL AND t.value -> 'notice' -> 'noted' IS NULL)::integer,
        (coalesce(t.value -> 'notice' ->> 'act' IN ('overdue', 'escalate', 'hand_over'), false) AND t.value -> 'notice' -> 'seen' IS NULL)::integer
    FROM deliveries v CROSS JOIN LATERAL (SELECT sender FROM dispatches WHERE id = v.dispatch LIMIT 1) d
        CROSS JOIN LATERAL json_array_elements(v.body::json -> 'tasks') t (value) 
    WHERE v.body::json -> 'tasks' IS NOT NULL;

CREATE INDEX tasks_by_agency ON tasks (agency, closed, due, task, delivery, state, ended);
CREATE INDEX tasks_by_assigner ON tasks (assigner, closed, due, task, delivery, state, ended);
CREATE INDEX tasks_to_remind ON tasks (remind, task, delivery) WHERE remind <> '';
CREATE INDEX tasks_told ON tasks (agency, closed, due, task, delivery) WHERE told = 1;
CREATE INDEX tasks_reported ON tasks (assigner, closed, due, task, delivery) WHERE reported = 1;
