-- +goose Up
-- Deliveries whose sender asks something that the recipient has not answered: few, and
-- looked for by their recipients.
ALTER TABLE deliveries ADD COLUMN asked boolean NOT NULL DEFAULT false;

CREATE INDEX deliveries_asked ON deliveries (recipient, calm, id) WHERE asked;

-- Which dispatches recall, update, replace or answer an earlier one. The later one says
-- so in its body; this is the way back.
CREATE TABLE dispatch_links (
    earlier text COLLATE "C" NOT NULL,
    later   text COLLATE "C" NOT NULL,
    kind    text COLLATE "C" NOT NULL,
    PRIMARY KEY (earlier, later, kind)
);
