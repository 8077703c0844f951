-- +goose Up
-- A recipient finds its own delivery of a dispatch, however many others there are.
CREATE INDEX deliveries_by_share ON deliveries (dispatch, recipient);
