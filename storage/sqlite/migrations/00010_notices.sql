-- +goose Up
-- Status reports that wait to be read by whom they are for, as deliveries wait in a
-- box: reports of a recipient for the sender, requests of a sender for the recipient.
-- They are noted for those agencies alone who read them, from the first time on.
CREATE TABLE notice_readers (
    agency TEXT PRIMARY KEY,
    since  INTEGER NOT NULL -- when it first read
) STRICT, WITHOUT ROWID;

CREATE TABLE notices (
    agency TEXT NOT NULL,
    report TEXT NOT NULL,
    PRIMARY KEY (agency, report)
) STRICT, WITHOUT ROWID;

-- +goose StatementBegin
CREATE TRIGGER status_reports_are_noticed AFTER INSERT ON status_reports
WHEN EXISTS (SELECT 1 FROM notice_readers)
BEGIN
    INSERT OR IGNORE INTO notices (agency, report)
        SELECT n.agency, NEW.id FROM notice_readers n WHERE n.agency = (
            SELECT iif(d.sender = NEW.body ->> '$.reporter', v.recipient, d.sender)
            FROM dispatches d LEFT JOIN deliveries v ON v.id = NEW.body ->> '$.delivery' WHERE d.id = NEW.dispatch);
END;
-- +goose StatementEnd
