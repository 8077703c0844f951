-- +goose Up
-- Which number a delivery has in a register.
CREATE INDEX register_numbers_by_delivery ON register_numbers (delivery, agency, year, position);
