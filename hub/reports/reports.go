// Package reports makes the periodic reports of agencies on reform (báo cáo cải cách hành
// chính): of an agency alone, or of it and all that stand under it.
//
// It promises that each number of a report says which question to the hub gives it and which
// one lists what is behind it; that a number which is not known is left out with its reason
// and never made up; that a report holds its numbers as they stood when it was made, with
// its digest in the log; that a template is checked whole when it is set, and every version
// of it stays, so that a report is written tomorrow as today. Reports are for who may see the
// figures of the agency.
package reports

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"io"
	"log/slog"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/lienthong/lienthong/hub"
)

// Notes keeps what is remembered, by name.
type Notes interface {
	// RulesVersion grows with every change of rules of whatever kind.
	RulesVersion(ctx context.Context) (int64, error)
	// ChangeRules saves notes in one transaction when the rules are of the version, which
	// then grows by one; else nothing is saved (KindConflict).
	ChangeRules(ctx context.Context, version int64, notes ...hub.RetentionNote) error
	// SaveNotes saves notes in one transaction.
	SaveNotes(ctx context.Context, notes ...hub.RetentionNote) error
	Note(ctx context.Context, name string) (hub.RetentionNote, error)
	Notes(ctx context.Context, query hub.NotesQuery) ([]hub.RetentionNote, error)
}

// Directory knows agencies over time.
type Directory interface {
	ByID(id hub.AgencyID) (*hub.Agency, bool)
	// Children are the agencies directly under another at an instant, test units left out.
	Children(parent hub.AgencyID, at time.Time) []hub.Agency
}

// Figures counts documents and tasks.
type Figures interface {
	Report(ctx context.Context, actor hub.Actor, query hub.FiguresQuery) (hub.FigureReport, error)
}

// Dossiers counts dossiers of one-stop desks.
type Dossiers interface {
	Figures(ctx context.Context, actor hub.Actor, query hub.DossierFigureQuery) (hub.DossierFigures, error)
}

// Inspections counts inspections.
type Inspections interface {
	Figures(ctx context.Context, actor hub.Actor, agency hub.AgencyID, period hub.Period) (hub.InspectionFigures, error)
}

// Evaluations knows what agencies scored.
type Evaluations interface {
	// Show is the last result; KindNotFound while there is none, KindInvalid without a table for
	// the period.
	Show(ctx context.Context, actor hub.Actor, key hub.EvaluationKey) (hub.Evaluation, error)
}

// Procedures tells what decisions did to the catalogue, in order.
type Procedures interface {
	Changes(ctx context.Context, after int64, limit int) ([]hub.ProcedureChange, error)
}

// Counters are what numbers come from.
type Counters struct {
	Figures     Figures
	Dossiers    Dossiers
	Inspections Inspections
	Evaluations Evaluations
	Procedures  Procedures
}

// Chronicle notes in the log that a report was made; durable when it returns.
type Chronicle interface {
	ReportMade(ctx context.Context, actor hub.Actor, fact hub.ReportFact) error
}

// Blobs takes and reads content.
type Blobs interface {
	CreateBlob(ctx context.Context) (hub.BlobWriter, error)
	// OpenBlob answers KindNotFound when the content is absent.
	OpenBlob(ctx context.Context, digest hub.Digest) (hub.Blob, error)
}

// Office writes files.
type Office interface {
	// Placeholders names those of a document of a word processor, and refuses one that is no
	// plain document (KindInvalid, with the rule).
	Placeholders(content []byte) ([]string, error)
	// Fill writes such a document with values in the place of its placeholders.
	Fill(to io.Writer, content []byte, values map[string]string) error
	// Write writes a report in a format.
	Write(to io.Writer, format hub.ReportFormat, report *hub.ReportText) error
}

// Options are what a Service needs; all of it.
type Options struct {
	Counters  Counters
	Notes     Notes
	Directory Directory
	Chronicle Chronicle
	Blobs     Blobs
	Office    Office
	Calendar  func() *hub.Calendar
	Now       func() time.Time
	NewID     func() string
	Log       *slog.Logger
}

// Service makes reports. It is safe for concurrent use.
type Service struct{ Options }

// New returns a Service.
func New(o Options) *Service { return &Service{o} }

func (s *Service) now() time.Time { return s.Now().UTC().Truncate(time.Millisecond) }

const (
	maxPage  = 200
	maxTries = 100    // against others at the same moment, of whom one always gets through
	maxUnits = 20_000 // agencies of one report
	maxDepth = 20     // of the tree
)

// may refuses who may not see the figures of an agency: who speaks for it with that scope
// may, or for one that stands above it.
func (s *Service) may(actor *hub.Actor, agency hub.AgencyID) error {
	if err := actor.Require(hub.ScopeFigures); err != nil {
		return err
	}
	now := s.now()
	for id, depth := agency, 0; depth < maxDepth; depth++ {
		if actor.SpeaksFor(id, hub.ScopeFigures) == nil {
			return nil
		}
		a, ok := s.Directory.ByID(id)
		if !ok {
			break
		}
		if id, ok = hub.At(a.Parents, now); !ok {
			break
		}
	}
	return hub.Errorf(hub.KindDenied, "agency", "agency", "this credential may not see the figures of that agency")
}

// Preview counts the numbers of a report and keeps nothing.
func (s *Service) Preview(ctx context.Context, actor hub.Actor, agency hub.AgencyID, period hub.Period, scope hub.ReportScope) (hub.ReformReport, error) {
	var none hub.ReformReport
	if err := s.may(&actor, agency); err != nil {
		return none, err
	}
	if _, err := hub.ParsePeriod(string(period)); err != nil {
		return none, err
	}
	if !slices.Contains(hub.ReportScopes(), scope) {
		return none, hub.Unlisted("scope", scope, hub.ReportScopes())
	}
	begin, end := period.Span()
	now := s.now()
	if !begin.Before(now) {
		return none, hub.Invalid("period", "to_come", "the period %s has not begun", period)
	}
	a, ok := s.Directory.ByID(agency)
	if !ok {
		return none, hub.Errorf(hub.KindUnknownAgency, "agency", "unknown_agency", "there is no such agency")
	}
	last := end
	if now.Before(end) {
		last = now
	}
	r := hub.ReformReport{Agency: agency, Name: a.NameAt(last.Add(-time.Nanosecond)), Period: period, Scope: scope, MadeAt: now, By: actor.Name}
	template, err := s.template(ctx, agency)
	if err != nil {
		return none, err
	}
	r.Template = template.Version
	c := &count{Service: s, ctx: ctx, report: &r, until: last}
	return r, c.run()
}

// Make counts the numbers of a report and keeps it, with its digest in the log.
func (s *Service) Make(ctx context.Context, actor hub.Actor, agency hub.AgencyID, period hub.Period, scope hub.ReportScope) (hub.ReformReport, error) {
	r, err := s.Preview(ctx, actor, agency, period, scope)
	if err != nil {
		return r, err
	}
	r.ID = hub.ReportID(s.NewID())
	body, err := json.Marshal(r)
	if err != nil {
		return r, hub.Internal("encode a report", err)
	}
	r.Digest = sha256.Sum256(body)
	// The log first: a report that nobody can have is harmless in it.
	fact := hub.ReportFact{Report: r.ID, Agency: agency, Period: period, Scope: scope, Actor: actor.Name, SHA256: r.Digest}
	if err := s.Chronicle.ReportMade(ctx, actor, fact); err != nil {
		return r, err
	}
	note, err := encode(reportName(agency, r.ID), r)
	if err == nil {
		err = s.Notes.SaveNotes(ctx, note)
	}
	if err == nil {
		s.Log.InfoContext(ctx, "a report was made", "report", r.ID, "agency", agency, "period", period, "scope", scope, "actor", actor.Name)
	}
	return r, err
}

// The names of notes: an agency follows.
const (
	reportPrefix   = "reform-report/"
	templatePrefix = "reform-template/"
	schedulePrefix = "reform-schedule/"
)

func reportName(agency hub.AgencyID, id hub.ReportID) string {
	return reportPrefix + url.PathEscape(string(agency)) + "/" + string(id)
}

func encode(name string, v any) (hub.RetentionNote, error) {
	body, err := json.Marshal(v)
	if err != nil {
		return hub.RetentionNote{}, hub.Internal("encode the note "+name, err)
	}
	return hub.RetentionNote{Name: name, Body: body}, nil
}

func decode[T any](n *hub.RetentionNote) (T, error) {
	var v T
	if err := json.Unmarshal(n.Body, &v); err != nil {
		return v, hub.Internal("decode the note "+n.Name, err)
	}
	return v, nil
}

// Show returns a report that was made.
func (s *Service) Show(ctx context.Context, actor hub.Actor, agency hub.AgencyID, id hub.ReportID) (hub.ReformReport, error) {
	if err := s.may(&actor, agency); err != nil {
		return hub.ReformReport{}, err
	}
	if strings.ContainsAny(string(id), "/%") {
		return hub.ReformReport{}, noReport()
	}
	n, err := s.Notes.Note(ctx, reportName(agency, id))
	if err != nil {
		if hub.KindOf(err) == hub.KindNotFound {
			err = noReport()
		}
		return hub.ReformReport{}, err
	}
	return decode[hub.ReformReport](&n)
}

func noReport() error {
	return hub.Errorf(hub.KindNotFound, "report", "", "there is no such report")
}

// List is a page of the reports of an agency, those made last first.
func (s *Service) List(ctx context.Context, actor hub.Actor, agency hub.AgencyID, page hub.Page) (hub.List[hub.ReformReport], error) {
	var list hub.List[hub.ReformReport]
	if err := s.may(&actor, agency); err != nil {
		return list, err
	}
	limit := page.Limit
	if limit <= 0 || limit > maxPage {
		limit = 50
	}
	query := hub.NotesQuery{Prefix: reportName(agency, ""), Backwards: true, Limit: limit + 1}
	if page.After != "" {
		query.After = reportName(agency, hub.ReportID(page.After))
	}
	notes, err := s.Notes.Notes(ctx, query)
	if err != nil {
		return list, err
	}
	for i := range notes[:min(len(notes), limit)] {
		r, err := decode[hub.ReformReport](&notes[i])
		if err != nil {
			return list, err
		}
		list.Items = append(list.Items, r)
	}
	if len(notes) > limit {
		list.Next = string(list.Items[limit-1].ID)
	}
	return list, nil
}

// File writes a report that was made, in a format, by the template of its time.
func (s *Service) File(ctx context.Context, actor hub.Actor, agency hub.AgencyID, id hub.ReportID, format hub.ReportFormat, to io.Writer) error {
	r, err := s.Show(ctx, actor, agency, id)
	if err != nil {
		return err
	}
	if !slices.Contains(hub.ReportFormats(), format) {
		return hub.Unlisted("format", format, hub.ReportFormats())
	}
	t, err := s.templateOf(ctx, agency, r.Template)
	if err != nil {
		return err
	}
	said := words(&t, &r)
	if format == hub.ReportDOCX && t.File != nil {
		content, err := s.content(ctx, t.File)
		if err != nil {
			return err
		}
		values := make(map[string]string, len(said.Values))
		for key, value := range said.Values {
			values[string(key)] = value
		}
		return s.Office.Fill(to, content, values)
	}
	return s.Office.Write(to, format, said)
}

func (s *Service) content(ctx context.Context, f *hub.ReportFile) ([]byte, error) {
	blob, err := s.Blobs.OpenBlob(ctx, f.Digest)
	if err != nil {
		return nil, err
	}
	defer func() { _ = blob.Close() }() // it was read
	return io.ReadAll(io.LimitReader(blob, MaxFile+1))
}
