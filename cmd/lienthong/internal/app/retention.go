package app

import (
	"github.com/lienthong/lienthong/adapters/httpapi"
	"github.com/lienthong/lienthong/cmd/lienthong/internal/engine"
	"github.com/lienthong/lienthong/hub/audit"
	"github.com/lienthong/lienthong/hub/dossiers"
	"github.com/lienthong/lienthong/hub/retention"
)

// Who implements the ports of retention.
var (
	_ retention.Store      = engine.State(nil)
	_ retention.Notes      = engine.State(nil)
	_ retention.Dispatches = engine.State(nil)
	_ retention.Blobs      = engine.Content(nil)
	_ retention.Notary     = (*audit.Service)(nil)
	_ retention.Desks      = (*dossiers.Service)(nil)
	_ httpapi.Retention    = (*retention.Service)(nil)
)

// newRetention wires what ends the time of content. It keeps nothing in memory, so every
// node has one for its operators, and the one that holds the schedule runs another.
func (a *App) newRetention() *retention.Service {
	return retention.New(retention.Options{
		Store: a.store, Notes: a.store, Dispatches: a.store, Blobs: a.blobs, Desks: a.services.dossiers, Notary: a.services.audit,
		Now: a.now, NewID: a.newID, Log: a.log,
	})
}
