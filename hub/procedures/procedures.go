// Package procedures keeps the catalogue of administrative procedures (thủ tục hành chính):
// versions that are in force from one minute up to another.
//
// It promises that a procedure is shown as in force at no instant outside its validity, by
// the clock that it was given, and that of two versions of one procedure at most one is in
// force at a time; that nothing is published, amended or abolished without a signed
// decision that was sent over this hub by an agency with the right to it; that a list is
// taken whole or not at all; that each act is noted in the log with what it does; and that
// changes are numbered without gaps in the order in which they became visible, so that who
// reads on behind the last number that it has misses none.
//
// Versions are only added and ended. What a decision changes begins behind what earlier
// ones changed of the same procedure.
package procedures

import (
	"context"
	"log/slog"
	"slices"
	"time"
	"unicode/utf8"

	"github.com/lienthong/lienthong/hub"
)

// Store keeps procedures.
type Store interface {
	// SaveProcedures adds changes, numbered on from last without gaps, writes the versions
	// that they make or end, and records the note of it, all in one transaction:
	// KindConflict, and nothing, when the last change of the store is another. It MUST be
	// durable when it returns.
	SaveProcedures(ctx context.Context, last int64, changes []hub.ProcedureChange, versions []hub.ProcedureVersion, note hub.LogNote) error
	// LastProcedureChange is the number of the last change; 0 for none.
	LastProcedureChange(ctx context.Context) (int64, error)
	// ProcedureVersions are all versions of these procedures, by code and number.
	ProcedureVersions(ctx context.Context, codes []string) ([]hub.ProcedureVersion, error)
	// Procedures lists the versions that are in force at an instant, by code.
	Procedures(ctx context.Context, query hub.ProcedureQuery) (hub.List[hub.ProcedureVersion], error)
	// ProcedureChanges are the changes behind a number, each with its version as it is now.
	ProcedureChanges(ctx context.Context, after int64, limit int) ([]hub.ProcedureChange, error)
}

// Dispatches reads what was sent over this hub.
type Dispatches interface {
	DispatchItem(ctx context.Context, id hub.DispatchID) (hub.SentItem, error)
}

// Verdicts tells how the signatures of a dispatch were judged.
type Verdicts interface {
	Verdicts(ctx context.Context, actor hub.Actor, id hub.DispatchID) ([]hub.SignatureReport, []hub.Recheck, error)
}

// Directory knows agencies over time.
type Directory interface {
	ByID(id hub.AgencyID) (*hub.Agency, bool)
	Resolve(code string, at time.Time) (hub.Resolution, error)
	// Heirs are the agencies that stand in for one at an instant: itself while it lives, else
	// those that took over.
	Heirs(id hub.AgencyID, at time.Time) []hub.AgencyID
}

// Chronicle words what was done to the catalogue for the log.
type Chronicle interface {
	// ProceduresChanged is the note of an act, which is recorded together with it.
	ProceduresChanged(actor hub.Actor, fact hub.CatalogueFact) (hub.LogNote, error)
}

// Options are what a Service needs; all of it.
type Options struct {
	Store      Store
	Dispatches Dispatches
	Verdicts   Verdicts
	Directory  Directory
	Chronicle  Chronicle
	// Publishers are codes of agencies that publish for all others, too, by a right that is
	// not in the tree.
	Publishers []hub.Code
	Now        func() time.Time
	Log        *slog.Logger
}

// Service keeps the catalogue. It is safe for concurrent use.
type Service struct{ Options }

// New returns a Service.
func New(o Options) *Service { return &Service{o} }

const (
	maxPage    = 200
	maxChanges = 500
	maxText    = 200
)

// List is a page of the procedures in force at an instant, now where it is zero. What it
// says is public, so it asks for no right.
func (s *Service) List(ctx context.Context, query hub.ProcedureQuery) (hub.List[hub.ProcedureVersion], error) {
	now := s.Now()
	if query.At.IsZero() {
		query.At = now
	}
	if utf8.RuneCountInString(query.Text) > maxText {
		return hub.List[hub.ProcedureVersion]{}, hub.Invalid("q", "max_length", "a search has at most %d characters", maxText)
	}
	if query.Page.Limit <= 0 || query.Page.Limit > maxPage {
		query.Page.Limit = min(max(query.Page.Limit, 50), maxPage)
	}
	list, err := s.Store.Procedures(ctx, query)
	for i := range list.Items {
		list.Items[i].State = list.Items[i].StateAt(now)
	}
	return list, err
}

// Versions are all versions of a procedure, the first one first, each with how it stands
// now; KindNotFound where there is none.
func (s *Service) Versions(ctx context.Context, code string) ([]hub.ProcedureVersion, error) {
	versions, err := s.Store.ProcedureVersions(ctx, []string{code})
	if err == nil && len(versions) == 0 {
		err = hub.Errorf(hub.KindNotFound, "code", "", "there is no procedure with this code")
	}
	now := s.Now()
	for i := range versions {
		versions[i].State = versions[i].StateAt(now)
	}
	return versions, err
}

// Changes are those behind a number, in their order; limit is at most 500. Each tells how
// its version stands now, so that nothing of what is old looks as if it were in force. Who
// acted is not told: that is the agency's own, and stands in the log.
func (s *Service) Changes(ctx context.Context, after int64, limit int) ([]hub.ProcedureChange, error) {
	if limit <= 0 || limit > maxChanges {
		limit = min(max(limit, 100), maxChanges)
	}
	changes, err := s.Store.ProcedureChanges(ctx, after, limit)
	now := s.Now()
	for i := range changes {
		changes[i].By = ""
		if v := changes[i].Version; v != nil {
			v.State = v.StateAt(now)
		}
	}
	return changes, err
}

// decision finds the signed document by which an actor acts. Errors are of KindInvalid on
// the field "decision"; what the actor may not send for does not exist for it.
func (s *Service) decision(ctx context.Context, actor hub.Actor, id hub.DispatchID) (hub.ProcedureDecision, error) {
	var none hub.ProcedureDecision
	if id == "" {
		return none, hub.Invalid("decision", "required", "name the dispatch of the decision")
	}
	item, err := s.Dispatches.DispatchItem(ctx, id)
	if err != nil && hub.KindOf(err) != hub.KindNotFound {
		return none, err
	}
	d := &item.Dispatch
	if err != nil || actor.SpeaksFor(d.Sender, hub.ScopeSubmit) != nil {
		return none, hub.Invalid("decision", "unknown", "no agency that this credential sends for sent this dispatch")
	}
	switch {
	case d.Origin != nil || d.Operation != hub.OperationNew && d.Operation != hub.OperationReplace:
		return none, hub.Invalid("decision", "own_document", "the decision is a document of the agency's own: no recall, update or forward")
	case !slices.ContainsFunc(item.Deliveries, func(v hub.Delivery) bool { return !v.Recalled() && !replaced(&v) }):
		return none, hub.Invalid("decision", "withdrawn", "the decision was withdrawn, or replaced by another")
	}
	if sender, ok := s.Directory.ByID(d.Sender); !ok || !sender.LivesAt(s.Now()) {
		return none, hub.Invalid("decision", "closed", "the agency that sent the decision has closed: who took over decides")
	}
	reports, later, err := s.Verdicts.Verdicts(ctx, actor, id)
	if err != nil {
		return none, err
	}
	if !signed(d, hub.NewestReports(reports, later)) {
		return none, hub.Invalid("decision", "signature", "the decision carries no signature that is valid")
	}
	return hub.ProcedureDecision{
		Dispatch: id, Agency: d.Sender, Number: d.Document.CodeNumber, Notation: d.Document.CodeNotation, Date: d.Document.Promulgated,
	}, nil
}

// replaced reports whether the sender sent another document in the place of one, and the
// recipient did not refuse it.
func replaced(d *hub.Delivery) bool {
	return d.Request != nil && d.Request.Operation == hub.OperationReplace && d.Request.Answer != hub.StatusChangeRefused
}

// signed reports whether an original of a dispatch carries valid signatures, and no part
// one that failed.
func signed(d *hub.Dispatch, reports []hub.SignatureReport) bool {
	valid := false
	for i := range reports {
		r := &reports[i]
		if r.Indication == hub.TotalFailed {
			return false
		}
		part := d.PartByID(r.Part)
		valid = valid || r.Indication == hub.TotalPassed && part != nil && part.Role == hub.RoleOriginal
	}
	return valid
}

// maxDepth bounds the tree over an agency.
const maxDepth = 20

// over reports whether an agency publishes for another at an instant: for itself, for those
// that stand under it then, and for all where it is named as a publisher. For one that has
// closed stands who took over, alone; what was divided is left to those over it.
func (s *Service) over(publisher, responsible hub.AgencyID, at time.Time) bool {
	for _, code := range s.Publishers {
		if r, err := s.Directory.Resolve(string(code), at); err == nil && r.Agency.ID == publisher {
			return true
		}
	}
	for range maxDepth {
		if heirs := s.Directory.Heirs(responsible, at); len(heirs) == 1 { // itself, mostly
			responsible = heirs[0]
		}
		if responsible == publisher {
			return true
		}
		a, ok := s.Directory.ByID(responsible)
		if !ok {
			return false
		}
		if responsible, ok = hub.At(a.Parents, at); !ok {
			return false
		}
	}
	return false
}
