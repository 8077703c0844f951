-- +goose Up
-- What agencies have the post carry. next is in microseconds, 0 where nothing is to be done.
CREATE TABLE postal_orders (
    id       text COLLATE "C" NOT NULL PRIMARY KEY,
    agency   text COLLATE "C" NOT NULL,
    key      text COLLATE "C" NOT NULL,
    outgoing boolean NOT NULL,
    open     boolean NOT NULL,
    day      text COLLATE "C" NOT NULL,
    dossier  text COLLATE "C" NOT NULL,
    dispatch text COLLATE "C" NOT NULL,
    delivery text COLLATE "C" NOT NULL,
    sent     boolean NOT NULL,
    next     bigint NOT NULL,
    version  bigint NOT NULL,
    body     text NOT NULL
);
CREATE UNIQUE INDEX postal_orders_by_key ON postal_orders (agency, key) WHERE key <> '';
CREATE UNIQUE INDEX postal_orders_by_delivery ON postal_orders (delivery) WHERE delivery <> '' AND open;
CREATE INDEX postal_orders_of_agency ON postal_orders (agency, id);
CREATE INDEX postal_orders_by_dossier ON postal_orders (dossier, id) WHERE dossier <> '';
CREATE INDEX postal_orders_by_dispatch ON postal_orders (dispatch, id) WHERE dispatch <> '';
CREATE INDEX postal_orders_due ON postal_orders (next, id) WHERE next > 0;
CREATE INDEX postal_orders_open ON postal_orders (sent) WHERE open;
