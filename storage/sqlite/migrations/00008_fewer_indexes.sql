-- +goose Up
-- deliveries_by_share finds all deliveries of a dispatch as well; few enough are of one
-- dispatch to be sorted when they are read.
DROP INDEX deliveries_by_dispatch;
