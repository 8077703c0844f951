-- +goose Up
-- What agencies have the post carry. next is in microseconds, 0 where nothing is to be done.
CREATE TABLE postal_orders (
    id       TEXT NOT NULL PRIMARY KEY,
    agency   TEXT NOT NULL,
    key      TEXT NOT NULL,
    outgoing INTEGER NOT NULL,
    open     INTEGER NOT NULL,
    day      TEXT NOT NULL,
    dossier  TEXT NOT NULL,
    dispatch TEXT NOT NULL,
    delivery TEXT NOT NULL,
    sent     INTEGER NOT NULL,
    next     INTEGER NOT NULL,
    version  INTEGER NOT NULL,
    body     TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX postal_orders_by_key ON postal_orders (agency, key) WHERE key <> '';
CREATE UNIQUE INDEX postal_orders_by_delivery ON postal_orders (delivery) WHERE delivery <> '' AND open = 1;
CREATE INDEX postal_orders_of_agency ON postal_orders (agency, id);
CREATE INDEX postal_orders_by_dossier ON postal_orders (dossier, id) WHERE dossier <> '';
CREATE INDEX postal_orders_by_dispatch ON postal_orders (dispatch, id) WHERE dispatch <> '';
CREATE INDEX postal_orders_due ON postal_orders (next, id) WHERE next > 0;
CREATE INDEX postal_orders_open ON postal_orders (sent) WHERE open = 1;
