-- +goose Up
-- Times are microseconds since 1970 in UTC. Whole objects are JSON beside the
-- columns that queries need, so that a field can be added without a migration. Ids
-- are UUIDv7 texts and compare byte by byte, so their order is that of time.
--
-- Two roles: the owner runs migrations and owns all that is here; the application
-- may be another role, which the owner lets in with SELECT grant_application('role').
-- Both may be one, and then the triggers alone keep evidence from being changed.

CREATE TABLE agencies (
    id   text COLLATE "C" PRIMARY KEY,
    body text NOT NULL
);

CREATE TABLE counters (
    name  text COLLATE "C" PRIMARY KEY,
    value bigint NOT NULL
);

INSERT INTO counters (name, value) VALUES ('agencies', 0);

CREATE TABLE api_keys (
    id   text COLLATE "C" PRIMARY KEY,
    hash bytea NOT NULL UNIQUE,
    body text NOT NULL
);

CREATE TABLE uploads (
    id      text COLLATE "C" PRIMARY KEY,
    expires bigint NOT NULL,
    body    text NOT NULL
);

CREATE INDEX uploads_by_expiry ON uploads (expires, id);

-- The holders of single-holder jobs. The epoch grows with every change of holder.
CREATE TABLE leaders (
    name  text COLLATE "C" PRIMARY KEY,
    epoch bigint NOT NULL
);

-- What makes a submission the same as another: one small table, because a table in
-- partitions cannot be unique over all of them.
CREATE TABLE acceptances (
    dispatch    text COLLATE "C" PRIMARY KEY,
    sender      text COLLATE "C" NOT NULL,
    external_id text COLLATE "C" NOT NULL,
    operation   text COLLATE "C" NOT NULL,
    key         text COLLATE "C", -- NULL: the sender gave none
    receipt     text COLLATE "C" NOT NULL -- id of the SubmissionAcceptance
);

CREATE UNIQUE INDEX acceptances_by_external_id ON acceptances (sender, external_id, operation);
CREATE UNIQUE INDEX acceptances_by_key ON acceptances (sender, key) WHERE key IS NOT NULL;

-- The large tables lie in partitions by month of the id. Rows whose ids are no
-- UUIDv7, and those of months that nobody prepared, lie in the default partitions.
CREATE TABLE dispatches (
    id          text COLLATE "C" PRIMARY KEY,
    sender      text COLLATE "C" NOT NULL,
    number      text COLLATE "C" NOT NULL,
    promulgated text COLLATE "C" NOT NULL,
    search      text COLLATE "C" NOT NULL, -- folded
    -- The range of the ids of its deliveries: whoever looks for them need not look
    -- into every month.
    first_delivery text COLLATE "C" NOT NULL,
    last_delivery  text COLLATE "C" NOT NULL,
    body    text NOT NULL,
    reports text NOT NULL
) PARTITION BY RANGE (id);

CREATE INDEX dispatches_by_sender ON dispatches (sender, id);
CREATE INDEX dispatches_by_number ON dispatches (sender, number, id);

-- Which dispatches hold a content.
CREATE TABLE dispatch_parts (
    dispatch text COLLATE "C" NOT NULL,
    position integer NOT NULL,
    digest   bytea NOT NULL,
    PRIMARY KEY (dispatch, position)
) PARTITION BY RANGE (dispatch);

CREATE INDEX dispatch_parts_by_digest ON dispatch_parts (digest);

CREATE TABLE deliveries (
    id           text COLLATE "C" PRIMARY KEY,
    dispatch     text COLLATE "C" NOT NULL,
    position     integer NOT NULL, -- among the recipients
    recipient    text COLLATE "C" NOT NULL,
    state        text COLLATE "C" NOT NULL,
    version      bigint NOT NULL,
    final        boolean NOT NULL,
    calm         smallint NOT NULL, -- 0 urgent, 1 not: urgent ones sort first
    next_attempt bigint NOT NULL,
    expires_at   bigint NOT NULL,
    -- A lease is a right and no transition, so it is not in the body. A fence
    -- only grows; lease_until is 0 when there is no lease.
    fence        bigint NOT NULL DEFAULT 0,
    lease_until  bigint NOT NULL DEFAULT 0,
    lease_holder text NOT NULL DEFAULT '',
    body         text NOT NULL
) PARTITION BY RANGE (id);

CREATE INDEX deliveries_by_dispatch ON deliveries (dispatch, position);
CREATE INDEX deliveries_by_recipient ON deliveries (recipient, state, calm, id);
CREATE INDEX deliveries_due ON deliveries (calm, next_attempt, id) WHERE state = 'queued';
CREATE INDEX deliveries_expiring ON deliveries (expires_at, id) WHERE NOT final;

CREATE SEQUENCE evidence_positions;

-- Clusters that this database has lived in. A dump restored into another cluster
-- takes rows along whose transaction numbers mean nothing there: they belong to an
-- earlier era, which is settled as a whole.
CREATE TABLE eras (
    era     integer PRIMARY KEY,
    cluster bigint NOT NULL -- system identifier
);

CREATE TABLE evidences (
    id        text COLLATE "C" PRIMARY KEY,
    dispatch  text COLLATE "C" NOT NULL,
    delivery  text COLLATE "C" NOT NULL,
    rejected  text COLLATE "C" NOT NULL, -- sender of a refused submission, else ''
    -- Order of recording: by transaction, within it by position. Only the number of
    -- the transaction tells when no earlier row can come any more.
    era       integer NOT NULL,
    xid       xid8 NOT NULL DEFAULT pg_current_xact_id(),
    position  bigint NOT NULL DEFAULT nextval('evidence_positions'),
    canonical bytea NOT NULL,
    jws       text NOT NULL
) PARTITION BY RANGE (id);

CREATE INDEX evidences_in_order ON evidences (era, xid, position);
CREATE INDEX evidences_by_dispatch ON evidences (dispatch, era, xid, position) WHERE dispatch <> '';
CREATE INDEX evidences_by_delivery ON evidences (delivery, era, xid, position) WHERE delivery <> '';
CREATE INDEX evidences_by_rejection ON evidences (rejected, era, xid, position) WHERE rejected <> '';

CREATE SEQUENCE status_report_positions;

CREATE TABLE status_reports (
    id       text COLLATE "C" PRIMARY KEY,
    dispatch text COLLATE "C" NOT NULL,
    position bigint NOT NULL DEFAULT nextval('status_report_positions'), -- order of recording
    body     text NOT NULL
) PARTITION BY RANGE (id);

CREATE INDEX status_reports_by_dispatch ON status_reports (dispatch, position);

CREATE TABLE dispatches_default PARTITION OF dispatches DEFAULT;
CREATE TABLE dispatch_parts_default PARTITION OF dispatch_parts DEFAULT;
CREATE TABLE deliveries_default PARTITION OF deliveries DEFAULT;
CREATE TABLE evidences_default PARTITION OF evidences DEFAULT;
CREATE TABLE status_reports_default PARTITION OF status_reports DEFAULT;

-- +goose StatementBegin
CREATE FUNCTION evidence_stays() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'evidence is never changed or deleted' USING ERRCODE = 'integrity_constraint_violation';
END $$;
-- +goose StatementEnd

-- The trigger of rows comes to every partition by itself, that of TRUNCATE does not.
CREATE TRIGGER evidences_stay BEFORE UPDATE OR DELETE ON evidences
    FOR EACH ROW EXECUTE FUNCTION evidence_stays();
CREATE TRIGGER evidences_are_not_emptied BEFORE TRUNCATE ON evidences
    EXECUTE FUNCTION evidence_stays();
CREATE TRIGGER evidences_are_not_emptied BEFORE TRUNCATE ON evidences_default
    EXECUTE FUNCTION evidence_stays();

-- month_bound is the smallest beginning of a UUIDv7 of that month (RFC 9562, 5.7: 48
-- bits of milliseconds since 1970).
-- +goose StatementBegin
CREATE FUNCTION month_bound(month date) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT substr(hex, 1, 8) || '-' || substr(hex, 9)
    FROM lpad(to_hex((extract(epoch FROM month) * 1000)::bigint), 12, '0') AS hex
$$;
-- +goose StatementEnd

-- ensure_partitions makes the partitions of the months from the first to the last
-- that are not there, and returns their names. A month of which the default
-- partition already holds rows stays there: moving them would mean to delete
-- evidence. It runs with the rights of the owner, so that the application can
-- prepare its months.
-- +goose StatementBegin
CREATE FUNCTION ensure_partitions(first date, last date) RETURNS SETOF text
LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
    large text; part text; month date; late boolean; low text; high text;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('lienthong partitions', 0));
    FOR month IN SELECT generate_series(date_trunc('month', first), date_trunc('month', last), interval '1 month')::date LOOP
        FOREACH large IN ARRAY ARRAY['dispatches', 'dispatch_parts', 'deliveries', 'evidences', 'status_reports'] LOOP
            part := large || to_char(month, '_YYYY_MM');
            CONTINUE WHEN to_regclass(part) IS NOT NULL OR to_regclass('archive.' || part) IS NOT NULL;
            low := month_bound(month);
            high := month_bound((month + interval '1 month')::date);
            EXECUTE format('SELECT EXISTS (SELECT 1 FROM %I WHERE %I >= $1 AND %2$I < $2)',
                large || '_default', CASE large WHEN 'dispatch_parts' THEN 'dispatch' ELSE 'id' END) INTO late USING low, high;
            CONTINUE WHEN late;
            EXECUTE format('CREATE TABLE %I PARTITION OF %I FOR VALUES FROM (%L) TO (%L)', part, large, low, high);
            IF large = 'evidences' THEN
                EXECUTE format('CREATE TRIGGER evidences_are_not_emptied BEFORE TRUNCATE ON %I EXECUTE FUNCTION evidence_stays()', part);
            END IF;
            RETURN NEXT part;
        END LOOP;
    END LOOP;
END $$;
-- +goose StatementEnd

-- detach_partitions moves the months of deliveries and status reports that end by
-- the given day to the schema archive, and returns their names. A month of
-- deliveries stays while one of them is open, a month of status reports while a
-- delivery of it or of an earlier one is.
-- +goose StatementBegin
CREATE FUNCTION detach_partitions(before date) RETURNS SETOF text
LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
    large text; part text; open boolean; low text; high text;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('lienthong partitions', 0));
    FOR part, large IN
        SELECT c.relname, p.relname FROM pg_inherits i
        JOIN pg_class c ON c.oid = i.inhrelid JOIN pg_class p ON p.oid = i.inhparent
        WHERE p.oid IN ('deliveries'::regclass, 'status_reports'::regclass) AND c.relname ~ '_\d{4}_\d\d$'
        ORDER BY 1
    LOOP
        low := month_bound(to_date(right(part, 7), 'YYYY_MM'));
        high := month_bound((to_date(right(part, 7), 'YYYY_MM') + interval '1 month')::date);
        CONTINUE WHEN high > month_bound(before);
        SELECT EXISTS (SELECT 1 FROM deliveries WHERE NOT final AND id < high AND (large = 'status_reports' OR id >= low)) INTO open;
        CONTINUE WHEN open;
        EXECUTE format('ALTER TABLE %I DETACH PARTITION %I', large, part);
        EXECUTE format('ALTER TABLE %I SET SCHEMA archive', part);
        RETURN NEXT part;
    END LOOP;
END $$;
-- +goose StatementEnd

CREATE SCHEMA archive;

-- grant_application lets a role work as the application: it may add evidence and
-- read it, and has no other right to it; partitions it reaches through their tables
-- alone. The owner calls it after every migration that adds a table.
-- +goose StatementBegin
CREATE FUNCTION grant_application(application name) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    here text := current_schema(); t text;
BEGIN
    EXECUTE format('GRANT USAGE ON SCHEMA %I TO %I', here, application);
    FOR t IN SELECT relname FROM pg_class
        WHERE relnamespace = here::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition
    LOOP
        EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %I TO %I', t, application);
    END LOOP;
    EXECUTE format('REVOKE INSERT, UPDATE, DELETE ON goose_db_version FROM %I', application);
    EXECUTE format('REVOKE UPDATE, DELETE ON evidences, eras FROM %I', application);
    EXECUTE format('GRANT USAGE ON ALL SEQUENCES IN SCHEMA %I TO %I', here, application);
    EXECUTE format('GRANT EXECUTE ON FUNCTION ensure_partitions, detach_partitions TO %I', application);
END $$;
-- +goose StatementEnd

REVOKE EXECUTE ON FUNCTION ensure_partitions, detach_partitions, grant_application FROM PUBLIC;
-- A function with the rights of its owner finds its tables where they are now and
-- nowhere else.
-- +goose StatementBegin
DO $$
BEGIN
    EXECUTE format('ALTER FUNCTION ensure_partitions SET search_path = %I, pg_temp', current_schema());
    EXECUTE format('ALTER FUNCTION detach_partitions SET search_path = %I, pg_temp', current_schema());
END $$;
-- +goose StatementEnd
