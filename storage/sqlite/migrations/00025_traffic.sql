-- +goose Up
-- What went through the hub hour by hour, of some days, counted with the figures: of an
-- hour how much there was of a class, hub.HourCount.
CREATE TABLE traffic (
    hour  INTEGER NOT NULL, -- its beginning
    class INTEGER NOT NULL,
    count INTEGER NOT NULL,
    PRIMARY KEY (hour, class)
) STRICT, WITHOUT ROWID;

ALTER TABLE figure_progress ADD COLUMN traffic INTEGER NOT NULL DEFAULT -1; -- place of the next entry for the traffic; -1: not begun
ALTER TABLE figure_progress ADD COLUMN traffic_at INTEGER NOT NULL DEFAULT 0;
DELETE FROM retention_notes WHERE name = 'traffic'; -- where it was kept before
