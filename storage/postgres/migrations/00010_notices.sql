-- +goose Up
-- Status reports that wait to be read by whom they are for, as deliveries wait in a
-- box: reports of a recipient for the sender, requests of a sender for the recipient.
-- They are noted for those agencies alone who read them, from the first time on.
CREATE TABLE notice_readers (
    agency text COLLATE "C" PRIMARY KEY,
    since  bigint NOT NULL -- when it first read
);

CREATE TABLE notices (
    agency text COLLATE "C" NOT NULL,
    report text COLLATE "C" NOT NULL,
    PRIMARY KEY (agency, report)
);

-- What notes a report and what begins to read exclude one another: a report is either
-- there when the reading begins, or finds the reader.
-- +goose StatementBegin
CREATE FUNCTION notice_report() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock_shared(hashtextextended('lienthong notices', 0));
    IF EXISTS (SELECT FROM notice_readers) THEN
        INSERT INTO notices (agency, report)
            SELECT n.agency, NEW.id FROM notice_readers n WHERE n.agency = (
                SELECT CASE WHEN d.sender = NEW.body::json ->> 'reporter' THEN v.recipient ELSE d.sender END
                FROM dispatches d LEFT JOIN deliveries v ON v.id = NEW.body::json ->> 'delivery' WHERE d.id = NEW.dispatch)
            ON CONFLICT DO NOTHING;
    END IF;
    RETURN NULL;
END $$;
-- +goose StatementEnd

CREATE TRIGGER status_reports_are_noticed AFTER INSERT ON status_reports
    FOR EACH ROW EXECUTE FUNCTION notice_report();

-- +goose StatementBegin
CREATE FUNCTION begin_notices(reader text, at bigint, recorded timestamptz) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('lienthong notices', 0));
    INSERT INTO notice_readers (agency, since) VALUES (reader, at) ON CONFLICT DO NOTHING;
    IF FOUND THEN
        INSERT INTO notices (agency, report) SELECT d.sender, r.id FROM dispatches d JOIN status_reports r ON r.dispatch = d.id
            WHERE d.sender = reader AND r.body::json ->> 'reporter' <> d.sender AND (r.body::json ->> 'recorded_at')::timestamptz >= recorded
            ON CONFLICT DO NOTHING;
    END IF;
END $$;
-- +goose StatementEnd
