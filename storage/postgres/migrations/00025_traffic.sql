-- +goose Up
-- What went through the hub hour by hour, of some days, counted with the figures: of an
-- hour how much there was of a class, hub.HourCount.
CREATE TABLE traffic (
    hour  bigint NOT NULL, -- its beginning
    class bigint NOT NULL,
    count bigint NOT NULL,
    PRIMARY KEY (hour, class)
);

ALTER TABLE figure_progress ADD COLUMN traffic bigint NOT NULL DEFAULT -1; -- place of the next entry for the traffic; -1: not begun
ALTER TABLE figure_progress ADD COLUMN traffic_at bigint NOT NULL DEFAULT 0;
DELETE FROM retention_notes WHERE name = 'traffic'; -- where it was kept before
