-- +goose Up
-- Which tasks agencies have: what lists and reminders are found by. The tasks themselves
-- stand in dispatches and deliveries; these rows are made from them.
CREATE TABLE tasks (
    task     text COLLATE "C" NOT NULL,
    delivery text COLLATE "C" NOT NULL,
    assigner text COLLATE "C" NOT NULL,
    agency   text COLLATE "C" NOT NULL, -- that has the task
    state    text NOT NULL,
    closed   smallint NOT NULL, -- 1 when nothing more can happen
    due      text COLLATE "C" NOT NULL, -- the last day; '9999-12-31' for none
    ended    text COLLATE "C" NOT NULL, -- the day on which it was said to be done; '' for none
    remind   text COLLATE "C" NOT NULL, -- the day from which the hub reminds; '' for none
    PRIMARY KEY (task, delivery)
);

CREATE INDEX tasks_by_agency ON tasks (agency, closed, due, task, delivery);
CREATE INDEX tasks_by_assigner ON tasks (assigner, closed, due, task, delivery);
CREATE INDEX tasks_to_remind ON tasks (remind, task, delivery) WHERE remind <> '';
