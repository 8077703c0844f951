-- +goose Up
-- What registers are printed from: entries of an agency by day and number. The texts are
-- those of RegisteredBetween, or the index is of no use.
CREATE INDEX deliveries_registered ON deliveries (recipient, json_extract(body, '$.registration.date'),
    length(ltrim(json_extract(body, '$.registration.number'), '0')), ltrim(json_extract(body, '$.registration.number'), '0'), id)
    WHERE state = 'accepted';
