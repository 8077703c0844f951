-- +goose Up
-- Deliveries whose last attempt failed, by recipient: few, however many wait. The text is
-- that of FailingDeliveries, or the index is of no use.
CREATE INDEX deliveries_failing ON deliveries (recipient, id)
    WHERE state = 'queued' AND body::jsonb ->> 'last_error' <> '';
