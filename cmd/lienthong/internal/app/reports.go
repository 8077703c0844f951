package app

import (
	"context"

	"github.com/lienthong/lienthong/adapters/httpapi"
	"github.com/lienthong/lienthong/adapters/office"
	"github.com/lienthong/lienthong/adapters/web"
	"github.com/lienthong/lienthong/cmd/lienthong/internal/engine"
	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/hub/audit"
	"github.com/lienthong/lienthong/hub/directory"
	"github.com/lienthong/lienthong/hub/dossiers"
	"github.com/lienthong/lienthong/hub/figures"
	"github.com/lienthong/lienthong/hub/inspection"
	"github.com/lienthong/lienthong/hub/procedures"
	"github.com/lienthong/lienthong/hub/reports"
)

var (
	_ reports.Notes       = engine.State(nil)
	_ reports.Directory   = (*directory.Directory)(nil)
	_ reports.Figures     = (*figures.Service)(nil)
	_ reports.Dossiers    = (*dossiers.Service)(nil)
	_ reports.Inspections = (*inspection.Service)(nil)
	_ reports.Procedures  = (*procedures.Service)(nil)
	_ reports.Chronicle   = reportChronicle{}
	_ reports.Office      = office.Office{}
	_ httpapi.Reports     = (*reports.Service)(nil)
	_ web.Reports         = (*reports.Service)(nil)
)

// openReports wires the reports of agencies on reform.
func (a *App) openReports() {
	s := &a.services
	s.reports = reports.New(reports.Options{
		Counters: reports.Counters{Figures: s.figures, Dossiers: s.dossiers, Inspections: s.inspected, Evaluations: s.evaluated, Procedures: s.catalogue},
		Notes:    a.store, Directory: s.directory, Chronicle: reportChronicle{s.notes}, Blobs: a.blobs, Office: office.Office{}, Calendar: s.calendar.Calendar,
		Now: a.now, NewID: a.newID, Log: a.log,
	})
}

// reportChronicle notes which reports were made.
type reportChronicle struct{ notes *audit.Notes }

// ReportMade implements reports.Chronicle.
func (c reportChronicle) ReportMade(ctx context.Context, _ hub.Actor, fact hub.ReportFact) error {
	return c.notes.Note(ctx, hub.LogNoteReport, fact)
}
