-- +goose Up
-- What figures need of a dispatch (hub.FigureSource); NULL in rows of before, of which body
-- and reports are read.
ALTER TABLE dispatches ADD COLUMN figures text;
