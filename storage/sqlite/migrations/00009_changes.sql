-- +goose Up
-- Deliveries whose sender asks something that the recipient has not answered: few, and
-- looked for by their recipients.
ALTER TABLE deliveries ADD COLUMN asked INTEGER NOT NULL DEFAULT 0;

CREATE INDEX deliveries_asked ON deliveries (recipient, calm, id) WHERE asked = 1;

-- Which dispatches recall, update, replace or answer an earlier one. The later one says
-- so in its body; this is the way back.
CREATE TABLE dispatch_links (
    earlier TEXT NOT NULL,
    later   TEXT NOT NULL,
    kind    TEXT NOT NULL,
    PRIMARY KEY (earlier, later, kind)
) STRICT, WITHOUT ROWID;
