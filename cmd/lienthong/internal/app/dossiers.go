package app

import (
	"context"
	"crypto/rand"
	"strings"
	"time"

	"github.com/lienthong/lienthong/adapters/onestop"
	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/hub/audit"
	"github.com/lienthong/lienthong/hub/dossiers"
	"github.com/lienthong/lienthong/hub/evaluation"
	"github.com/lienthong/lienthong/hub/post"
	"github.com/lienthong/lienthong/hub/procedures"
)

// desks are the services that people come to agencies for.
type desks struct {
	catalogue *procedures.Service
	dossiers  *dossiers.Service
	evaluated *evaluation.Service
	post      *post.Service
}

// openDesks wires what people come to agencies for: procedures, dossiers of them, and what
// goes by post.
func (a *App) openDesks() error {
	s := &a.services
	s.catalogue = procedures.New(procedures.Options{
		Store: a.store, Dispatches: a.store, Verdicts: s.archive, Directory: s.directory, Chronicle: catalogueChronicle{a.newID, a.now}, Publishers: a.config.publishers(), Now: a.now, Log: a.log,
	})
	s.dossiers = dossiers.New(dossiers.Options{
		Store: a.store, Counts: a.store, Reminders: a.store, Dispatches: a.store, Packages: onestop.Packages{}, Applications: a.config.DossierApplications, Procedures: s.catalogue, Directory: s.directory, Notes: a.store, Chronicle: dossierChronicle{s.notes}, Blobs: a.blobs, Verifier: &archiving{s.verifier, s.archive},
		Seals: func() dossiers.Seals { return a.services.sealing }, Apology: onestop.Apology, WriteReceipt: onestop.Receipt, Portal: strings.TrimSuffix(a.config.PortalURL, "/"),
		Calendar: s.calendar.Calendar, Hours: a.config.OfficeHours,
		Now: a.now, NewID: a.newID, Random: rand.Reader, Log: a.log,
	})
	a.openScores()
	return a.openPost()
}

// dossierChronicle notes what happens to dossiers, and who reads about their owners.
type dossierChronicle struct{ notes *audit.Notes }

// DossierNote implements dossiers.Chronicle.
func (dossierChronicle) DossierNote(fact hub.DossierFact, id string, at time.Time) (hub.LogNote, error) {
	return audit.NewNote(hub.LogNoteDossier, fact, id, at)
}

// PackageSettled implements dossiers.Chronicle.
func (c dossierChronicle) PackageSettled(ctx context.Context, fact hub.DossierTakingFact) error {
	return c.notes.Note(ctx, hub.LogNoteTaking, fact)
}

// dossierReading is the body of a note.
type dossierReading struct {
	Actor    string         `json:"actor"`
	Agencies []hub.AgencyID `json:"agencies"`
	Dossier  hub.DossierID  `json:"dossier"`
}

// DossierRead implements dossiers.Chronicle.
func (c dossierChronicle) DossierRead(ctx context.Context, actor hub.Actor, id hub.DossierID) error {
	return c.notes.Note(ctx, hub.LogNoteReading, dossierReading{Actor: actor.Name, Agencies: actor.Agencies, Dossier: id})
}
