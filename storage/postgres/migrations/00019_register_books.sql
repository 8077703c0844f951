-- +goose Up
-- What registers are printed from: entries of an agency by day and number. The texts are
-- those of RegisteredBetween, or the index is of no use.
CREATE INDEX deliveries_registered ON deliveries (recipient, ((body::jsonb #>> '{registration,date}') COLLATE "C"),
    length(ltrim(body::jsonb #>> '{registration,number}', '0')), (ltrim(body::jsonb #>> '{registration,number}', '0') COLLATE "C"), id)
    WHERE state = 'accepted';
