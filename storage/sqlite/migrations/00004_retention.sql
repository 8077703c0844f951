-- +goose Up
-- Which dispatches name a content. The rows of a dispatch go when its content is
-- purged; what no row names is removed later.
CREATE TABLE dispatch_parts (
    dispatch TEXT NOT NULL REFERENCES dispatches (id),
    position INTEGER NOT NULL,
    digest   BLOB NOT NULL,
    PRIMARY KEY (dispatch, position)
) STRICT, WITHOUT ROWID;

CREATE INDEX dispatch_parts_by_digest ON dispatch_parts (digest, dispatch);

INSERT INTO dispatch_parts (dispatch, position, digest)
    SELECT d.id, p.key + 1, unhex(p.value ->> 'sha256') FROM dispatches d, json_each(d.body, '$.parts') p;

-- The packages of status reports. They belong to the record of what happened, as
-- receipts do, and are never purged.
CREATE TABLE report_parts (
    report TEXT PRIMARY KEY,
    digest BLOB NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX report_parts_by_digest ON report_parts (digest);

INSERT INTO report_parts (report, digest)
    SELECT id, unhex(body ->> '$.envelope.sha256') FROM status_reports WHERE body ->> '$.envelope.sha256' IS NOT NULL;

-- How many deliveries of a dispatch are open, and when the last one ended. The row
-- goes when the content is purged.
CREATE TABLE completions (
    dispatch     TEXT PRIMARY KEY REFERENCES dispatches (id),
    open         INTEGER NOT NULL,
    completed_at INTEGER NOT NULL -- says nothing while one is open
) STRICT, WITHOUT ROWID;

CREATE INDEX completions_done ON completions (completed_at, dispatch) WHERE open = 0;

-- Of deliveries that ended before this table was there, the last change counts.
INSERT INTO completions (dispatch, open, completed_at)
    SELECT d.id, (SELECT count(*) FROM deliveries v WHERE v.dispatch = d.id AND v.final = 0),
        coalesce((SELECT max(CAST(unixepoch(v.body ->> 'updated_at', 'subsec') * 1e6 AS INTEGER)) FROM deliveries v WHERE v.dispatch = d.id), 0)
    FROM dispatches d;

-- What retention remembers: classes, holds, runs, findings, positions.
CREATE TABLE retention_notes (
    name TEXT PRIMARY KEY,
    body TEXT NOT NULL
) STRICT, WITHOUT ROWID;

INSERT INTO counters (name, value) VALUES ('retention', 0);
