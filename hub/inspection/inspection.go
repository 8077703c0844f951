// Package inspection keeps the inspections of agencies: of normative documents of which
// routing sent them a copy (kiểm tra văn bản quy phạm pháp luật), and of agencies that they
// visit, announced or by surprise.
//
// It promises that a copy that a rule means becomes one inspection, however often it is told
// of; that events are only added, each with a note in the log that is recorded in the same
// transaction and holds the digest of the event, which names that of the one before; that
// the same key again changes nothing; that a recommendation is a document which sets who was
// inspected a task, and that what becomes of the task (answer, extension, its end) becomes
// an event by itself; and that an inspection exists for the agency that makes it and, from
// the first recommendation on, for who was inspected, and for nobody else.
//
// State and figures follow from the events whenever they are asked for.
package inspection

import (
	"context"
	"log/slog"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/lienthong/lienthong/hub"
)

// Store keeps inspections with their events.
type Store interface {
	// AddInspection records an inspection with its first event and the note of it in one
	// transaction: KindConflict, and nothing, when there is one of the same copy, or with the
	// same key of the agency. It MUST be durable when it returns.
	AddInspection(ctx context.Context, inspection hub.InspectionFile, note hub.LogNote) error
	// AddInspectionEvent records the event that stands last in the file, and the inspection as
	// it then is, with a note, in one transaction: KindConflict, and nothing, when the
	// inspection is not at the version before. It MUST be durable when it returns.
	AddInspectionEvent(ctx context.Context, inspection hub.InspectionFile, note hub.LogNote) error
	// FindInspection returns one inspection; KindNotFound when there is none.
	FindInspection(ctx context.Context, key hub.InspectionKey) (hub.InspectionFile, error)
	Lists
}

// Lists find inspections.
type Lists interface {
	// Inspections lists those that an agency sees, the last begun first.
	Inspections(ctx context.Context, query hub.InspectionQuery) (hub.List[hub.InspectionFile], error)
	// InspectionsBetween lists those that an agency makes, by their day.
	InspectionsBetween(ctx context.Context, span hub.InspectionSpan) (hub.List[hub.InspectionFile], error)
	// WaitingInspections lists those with a recommendation and no conclusion, of all
	// agencies, behind an id, by id.
	WaitingInspections(ctx context.Context, after hub.InspectionID, limit int) ([]hub.InspectionFile, error)
}

// Documents reads what was sent over this hub; KindNotFound where there is nothing.
type Documents interface {
	DispatchItem(ctx context.Context, id hub.DispatchID) (hub.SentItem, error)
	Item(ctx context.Context, id hub.DeliveryID) (hub.Item, error)
}

// Directory knows agencies over time.
type Directory interface {
	ByID(id hub.AgencyID) (*hub.Agency, bool)
	// Heirs are the agencies that stand in for one at an instant: itself while it lives, else
	// those that took over.
	Heirs(id hub.AgencyID, at time.Time) []hub.AgencyID
}

// Chronicle makes the notes of events for the log.
type Chronicle interface {
	InspectionNote(inspection hub.InspectionID, event *hub.InspectionEvent, digest hub.Digest) (hub.LogNote, error)
}

// Options are what a Service needs; all of it.
type Options struct {
	Store     Store
	Documents Documents
	Directory Directory
	Chronicle Chronicle
	Calendar  func() *hub.Calendar
	Now       func() time.Time
	NewID     func() string
	Log       *slog.Logger
}

// Service keeps inspections. It is safe for concurrent use.
type Service struct{ Options }

// New returns a Service.
func New(o Options) *Service { return &Service{o} }

func (s *Service) now() time.Time { return s.Now().UTC().Truncate(time.Millisecond) }

const (
	maxPage   = 200
	maxWalk   = 2000 // inspections that one page of a list by measure looks at
	maxTries  = 100  // against others at the same moment, of whom one always gets through
	maxText   = 4000 // characters
	maxWord   = 200  // of a title, a key, a number
	maxEvents = 1000 // of one inspection; who is inspected leaves half of them to who inspects
	hubName   = "hub"
)

func noInspection() error {
	return hub.Errorf(hub.KindNotFound, "inspection", "", "there is no such inspection")
}

// sees reports whether the actor reads inspections of an agency.
func sees(actor *hub.Actor, agency hub.AgencyID) bool {
	return actor.SpeaksFor(agency, hub.ScopeRead) == nil || actor.SpeaksFor(agency, hub.ScopeSubmit) == nil
}

// actsFor reports whether the actor acts for an agency, its own or one that it took over.
func actsFor(actor *hub.Actor, agency hub.AgencyID) bool {
	return actor.SpeaksFor(agency, hub.ScopeSubmit) == nil || actor.Has(hub.ScopeSubmit) && slices.Contains(actor.TookOver, agency)
}

// file is an inspection that the actor may see; to everybody else it does not exist.
func (s *Service) file(ctx context.Context, actor *hub.Actor, id hub.InspectionID) (hub.InspectionFile, error) {
	f, err := s.Store.FindInspection(ctx, hub.InspectionKey{ID: id})
	if err != nil {
		if hub.KindOf(err) == hub.KindNotFound {
			err = noInspection()
		}
		return hub.InspectionFile{}, err
	}
	if !slices.ContainsFunc(f.Parties, func(party hub.AgencyID) bool { return sees(actor, party) }) {
		return hub.InspectionFile{}, noInspection()
	}
	return f, nil
}

// view is an inspection as the actor sees it now.
func (s *Service) view(actor *hub.Actor, f *hub.InspectionFile) hub.InspectionView {
	today := hub.DateOf(s.now())
	v := f.View(today, s.Calendar().Soon(today))
	if !sees(actor, f.Agency) {
		v = v.Seen()
	}
	return v
}

// Show returns an inspection with its events to the agency that makes it and, from a
// recommendation on, to who was inspected; KindNotFound to all others.
func (s *Service) Show(ctx context.Context, actor hub.Actor, id hub.InspectionID) (hub.InspectionView, error) {
	f, err := s.file(ctx, &actor, id)
	if err != nil {
		return hub.InspectionView{}, err
	}
	return s.view(&actor, &f), nil
}

// List is a page of the inspections that an agency makes, or that it was recommended
// something by, those begun last first, without their events.
func (s *Service) List(ctx context.Context, actor hub.Actor, query hub.InspectionQuery) (hub.List[hub.InspectionView], error) {
	var list hub.List[hub.InspectionView]
	if !sees(&actor, query.Agency) {
		return list, actor.SpeaksFor(query.Agency, hub.ScopeRead)
	}
	if query.State != "" && !slices.Contains(hub.InspectionStates(), query.State) {
		return list, hub.Unlisted("state", query.State, hub.InspectionStates())
	}
	if query.Kind != "" && !slices.Contains(hub.InspectionKinds(), query.Kind) {
		return list, hub.Unlisted("kind", query.Kind, hub.InspectionKinds())
	}
	query.Page.Limit = limitOf(query.Page)
	found, err := s.Store.Inspections(ctx, query)
	if err != nil {
		return list, err
	}
	list.Next = found.Next
	for i := range found.Items {
		list.Items = append(list.Items, s.row(&actor, &found.Items[i]))
	}
	return list, nil
}

// row is an inspection in a list.
func (s *Service) row(actor *hub.Actor, f *hub.InspectionFile) hub.InspectionView {
	v := s.view(actor, f)
	v.Events = nil
	return v
}

func limitOf(page hub.Page) int {
	if page.Limit <= 0 {
		return 50
	}
	return min(page.Limit, maxPage)
}

func text(field, value string, longest int, required bool) hub.Violations {
	forbidden := func(r rune) bool { return unicode.IsControl(r) && r != '\n' && r != '\r' && r != '\t' }
	switch {
	case required && strings.TrimSpace(value) == "":
		return hub.Violations{hub.Invalid(field, "required", "%s is missing", field)}
	case !utf8.ValidString(value) || strings.ContainsFunc(value, forbidden):
		return hub.Violations{hub.Invalid(field, "control_character", "%s is plain text", field)}
	case utf8.RuneCountInString(value) > longest:
		return hub.Violations{hub.Invalid(field, "max_length", "%s has at most %d characters", field, longest)}
	}
	return nil
}
