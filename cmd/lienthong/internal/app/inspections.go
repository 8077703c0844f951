package app

import (
	"github.com/lienthong/lienthong/adapters/httpapi"
	"github.com/lienthong/lienthong/adapters/web"
	"github.com/lienthong/lienthong/cmd/lienthong/internal/engine"
	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/hub/audit"
	"github.com/lienthong/lienthong/hub/directory"
	"github.com/lienthong/lienthong/hub/inspection"
	"github.com/lienthong/lienthong/hub/routing"
)

var (
	_ inspection.Store     = engine.State(nil)
	_ inspection.Documents = engine.State(nil)
	_ inspection.Directory = (*directory.Directory)(nil)
	_ inspection.Chronicle = inspectionChronicle{}
	_ routing.Inspections  = (*inspection.Service)(nil)
	_ httpapi.Inspections  = (*inspection.Service)(nil)
	_ web.Inspections      = (*inspection.Service)(nil)
)

// openInspections wires the inspections of agencies.
func (a *App) openInspections() {
	s := &a.services
	s.inspected = inspection.New(inspection.Options{
		Store: a.store, Documents: a.store, Directory: s.directory, Chronicle: inspectionChronicle{}, Calendar: s.calendar.Calendar, Now: a.now, NewID: a.newID, Log: a.log,
	})
}

// inspectionChronicle notes what happens to inspections.
type inspectionChronicle struct{}

// InspectionNote implements inspection.Chronicle.
func (inspectionChronicle) InspectionNote(id hub.InspectionID, e *hub.InspectionEvent, digest hub.Digest) (hub.LogNote, error) {
	return audit.NewNote(hub.LogNoteInspection, hub.InspectionFact{Inspection: id, Seq: e.Seq, Act: e.Act, Agency: e.Agency, Actor: e.By, SHA256: digest}, e.Note, e.At)
}
