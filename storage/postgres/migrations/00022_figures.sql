-- +goose Up
-- What deliveries count for in figures, as the log says; hub.DeliveryFacts. These tables are
-- made anew from the log where they are lost.
CREATE TABLE figure_facts (
    dispatch  text COLLATE "C" NOT NULL,
    position  integer NOT NULL, -- among the recipients
    delivery  text COLLATE "C" NOT NULL,
    sender    text COLLATE "C" NOT NULL,
    recipient text COLLATE "C" NOT NULL,
    day       text COLLATE "C" NOT NULL, -- of the acceptance by the hub, in Viet Nam
    kind      text COLLATE "C" NOT NULL,
    marks     integer NOT NULL, -- hub.Marks
    due       text COLLATE "C", -- day of an answer that may become overdue; NULL for none
    body      text NOT NULL,
    PRIMARY KEY (dispatch, position)
);

CREATE INDEX figure_facts_sent ON figure_facts (sender, day, dispatch, position, marks, kind);
CREATE INDEX figure_facts_received ON figure_facts (recipient, day, dispatch, position, marks, kind);
CREATE INDEX figure_facts_due ON figure_facts (due) WHERE due IS NOT NULL;

-- Sums of them by day and by month: "2026-11-29", "2026-11". The empty kind stands for all.
-- They are those of an agency with all that were under it on the day: unit is the agency
-- directly under it that they come from or itself, level that of whose they are.
CREATE TABLE figures (
    agency           text COLLATE "C" NOT NULL,
    kind             text COLLATE "C" NOT NULL,
    period           text COLLATE "C" NOT NULL,
    side             text COLLATE "C" NOT NULL,
    unit             text COLLATE "C" NOT NULL,
    level            text COLLATE "C" NOT NULL,
    documents        bigint NOT NULL,
    deliveries       bigint NOT NULL,
    electronic       bigint NOT NULL,
    waiting          bigint NOT NULL,
    handed_over      bigint NOT NULL,
    accepted         bigint NOT NULL,
    refused          bigint NOT NULL,
    failed           bigint NOT NULL,
    expired          bigint NOT NULL,
    withdrawn        bigint NOT NULL,
    answered_in_time bigint NOT NULL,
    answered_late    bigint NOT NULL,
    open             bigint NOT NULL,
    overdue          bigint NOT NULL,
    signed           bigint NOT NULL,
    signed_in_day    bigint NOT NULL,
    taken            bigint NOT NULL,
    taken_in_day     bigint NOT NULL,
    signing_seconds  bigint NOT NULL,
    taking_seconds   bigint NOT NULL,
    PRIMARY KEY (agency, kind, period, side, unit, level)
);

CREATE TABLE figure_refusals (
    agency text COLLATE "C" NOT NULL,
    kind   text COLLATE "C" NOT NULL,
    period text COLLATE "C" NOT NULL,
    side   text COLLATE "C" NOT NULL,
    reason text COLLATE "C" NOT NULL,
    count  bigint NOT NULL,
    PRIMARY KEY (agency, kind, period, side, reason)
);

-- How far the log was counted; one row.
CREATE TABLE figure_progress (
    version bigint NOT NULL,
    place   bigint NOT NULL,
    day     text COLLATE "C" NOT NULL,
    at      bigint NOT NULL
);

INSERT INTO figure_progress (version, place, day, at) VALUES (0, 0, '', 0);
