-- +goose Up
-- The packages of status reports. They belong to the record of what happened, as
-- receipts do, and are never purged.
CREATE TABLE report_parts (
    report text COLLATE "C" PRIMARY KEY,
    digest bytea NOT NULL
);

CREATE INDEX report_parts_by_digest ON report_parts (digest);

INSERT INTO report_parts (report, digest)
    SELECT id, decode(body::json #>> '{envelope,sha256}', 'hex') FROM status_reports WHERE body::json #>> '{envelope,sha256}' IS NOT NULL;

-- How many deliveries of a dispatch are open, and when the last one ended. The row goes
-- when the content is purged. It is changed at every end of a delivery: so there is
-- room beside it.
CREATE TABLE completions (
    dispatch     text COLLATE "C" PRIMARY KEY,
    open         integer NOT NULL,
    completed_at bigint NOT NULL -- says nothing while one is open
) WITH (fillfactor = 70);

CREATE INDEX completions_done ON completions (completed_at, dispatch) WHERE open = 0;

-- Of deliveries that ended before this table was there, the last change counts; where
-- they are in the archive, this moment.
INSERT INTO completions (dispatch, open, completed_at)
    SELECT d.id, coalesce(v.open, 0), coalesce(v.changed, (extract(epoch FROM now()) * 1e6)::bigint)
    FROM dispatches d LEFT JOIN (
        SELECT dispatch, count(*) FILTER (WHERE NOT final) AS open,
            max((extract(epoch FROM (body::json ->> 'updated_at')::timestamptz) * 1e6)::bigint) AS changed
        FROM deliveries GROUP BY dispatch) v ON v.dispatch = d.id;

-- What retention remembers: classes, holds, runs, findings, positions.
CREATE TABLE retention_notes (
    name text COLLATE "C" PRIMARY KEY,
    body text NOT NULL
);

INSERT INTO counters (name, value) VALUES ('retention', 0);
