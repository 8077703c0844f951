-- +goose Up
-- What deliveries count for in figures, as the log says; hub.DeliveryFacts. These tables are
-- made anew from the log where they are lost.
CREATE TABLE figure_facts (
    dispatch  TEXT NOT NULL,
    position  INTEGER NOT NULL, -- among the recipients
    delivery  TEXT NOT NULL,
    sender    TEXT NOT NULL,
    recipient TEXT NOT NULL,
    day       TEXT NOT NULL, -- of the acceptance by the hub, in Viet Nam
    kind      TEXT NOT NULL,
    marks     INTEGER NOT NULL, -- hub.Marks
    due       TEXT, -- day of an answer that may become overdue; NULL for none
    body      TEXT NOT NULL,
    PRIMARY KEY (dispatch, position)
) STRICT, WITHOUT ROWID;

CREATE INDEX figure_facts_sent ON figure_facts (sender, day, dispatch, position, marks, kind);
CREATE INDEX figure_facts_received ON figure_facts (recipient, day, dispatch, position, marks, kind);
CREATE INDEX figure_facts_due ON figure_facts (due) WHERE due IS NOT NULL;

-- Sums of them by day and by month: "2026-11-29", "2026-11". The empty kind stands for all.
-- They are those of an agency with all that were under it on the day: unit is the agency
-- directly under it that they come from or itself, level that of whose they are.
CREATE TABLE figures (
    agency           TEXT NOT NULL,
    kind             TEXT NOT NULL,
    period           TEXT NOT NULL,
    side             TEXT NOT NULL,
    unit             TEXT NOT NULL,
    level            TEXT NOT NULL,
    documents        INTEGER NOT NULL,
    deliveries       INTEGER NOT NULL,
    electronic       INTEGER NOT NULL,
    waiting          INTEGER NOT NULL,
    handed_over      INTEGER NOT NULL,
    accepted         INTEGER NOT NULL,
    refused          INTEGER NOT NULL,
    failed           INTEGER NOT NULL,
    expired          INTEGER NOT NULL,
    withdrawn        INTEGER NOT NULL,
    answered_in_time INTEGER NOT NULL,
    answered_late    INTEGER NOT NULL,
    open             INTEGER NOT NULL,
    overdue          INTEGER NOT NULL,
    signed           INTEGER NOT NULL,
    signed_in_day    INTEGER NOT NULL,
    taken            INTEGER NOT NULL,
    taken_in_day     INTEGER NOT NULL,
    signing_seconds  INTEGER NOT NULL,
    taking_seconds   INTEGER NOT NULL,
    PRIMARY KEY (agency, kind, period, side, unit, level)
) STRICT, WITHOUT ROWID;

CREATE TABLE figure_refusals (
    agency TEXT NOT NULL,
    kind   TEXT NOT NULL,
    period TEXT NOT NULL,
    side   TEXT NOT NULL,
    reason TEXT NOT NULL,
    count  INTEGER NOT NULL,
    PRIMARY KEY (agency, kind, period, side, reason)
) STRICT, WITHOUT ROWID;

-- How far the log was counted; one row.
CREATE TABLE figure_progress (
    version INTEGER NOT NULL,
    place   INTEGER NOT NULL,
    day     TEXT NOT NULL,
    at      INTEGER NOT NULL
) STRICT;

INSERT INTO figure_progress (version, place, day, at) VALUES (0, 0, '', 0);
