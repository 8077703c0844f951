// Package figures counts what agencies send and receive. It reads the log of evidence in
// its order, keeps what each delivery counts for (hub.DeliveryFacts), and keeps sums by
// agency, kind of document, day and month, so that a question about a year and a whole
// province reads a few thousand rows and no delivery.
//
// The figures of a period are about the documents that the hub accepted in it, as they
// stand now. They are those of an agency and of all that were under it: each document
// counts for whoever was above its sender and its recipient on the day that it was
// accepted, whatever the tree is today. It promises that every figure is what a recount of the log gives: a step of
// counting and how far the log was read are recorded together, or nothing is. Counting
// runs behind the exchange on one node at a time and never holds it up; how far it came is
// said with every figure. The traffic of hours is counted in the same steps (hub/traffic):
// nobody else reads the whole log, and each step has a place of its own for either.
//
// Not counted are recalls, which are no documents, forwarding inside a house, whose
// document was counted when it came, and what goes to or comes from test units.
package figures

import (
	"context"
	"log/slog"
	"time"

	"github.com/lienthong/lienthong/hub"
)

// Store keeps what was counted.
type Store interface {
	// FigureProgress tells how far the log was counted, and where it ends.
	FigureProgress(ctx context.Context) (progress hub.FigureProgress, end int64, err error)
	// FigureFacts returns the facts that keys name; what is not there is left out, and the
	// order is any.
	FigureFacts(ctx context.Context, keys []hub.FactsKey) ([]hub.DeliveryFacts, error)
	// FigureFactsDue returns facts of which something runs out before a day
	// (hub.DeliveryFacts.RunsOut).
	FigureFactsDue(ctx context.Context, before hub.Date, limit int) ([]hub.DeliveryFacts, error)
	// SaveFigures MUST record a step whole, or with KindConflict nothing when the version
	// is not the one that the step was made from.
	SaveFigures(ctx context.Context, step hub.FigureStep) error
	// ForgetFigures removes all, so that everything is counted anew.
	ForgetFigures(ctx context.Context) error
}

// Sums reads figures: sums of the rows that a query names.
type Sums interface {
	FiguresByUnit(ctx context.Context, query hub.FigureQuery) ([]hub.FigureRow, error)   // by side, unit and level
	FiguresByPeriod(ctx context.Context, query hub.FigureQuery) ([]hub.FigureRow, error) // by side and period
	Refusals(ctx context.Context, query hub.FigureQuery) ([]hub.RefusalRow, error)       // by side and reason
}

// Log reads the evidence, and the documents that it is about.
type Log interface {
	// FigureEntries reads entries in their order, from a place on: of each evidence its
	// event and time, dispatch and delivery, ids and indexes of the recipients, reasons and
	// tasks. What is no evidence comes with its place alone.
	FigureEntries(ctx context.Context, place int64, limit int) ([]hub.PlacedEvidence, error)
	// FigureSources returns what figures need of dispatches; what is not there is left out.
	FigureSources(ctx context.Context, ids []hub.DispatchID) ([]hub.FigureSource, error)
}

// Traffic is counted beside the figures, from the same entries in the same steps.
type Traffic interface {
	// Begin is the place in the log, which ends at end, from which on it is counted.
	Begin(ctx context.Context, end int64) (int64, error)
	// Count returns what is to be added, when the last evidence of it was (zero for nothing),
	// and before which hour all may be forgotten.
	Count(entries []hub.PlacedEvidence) (hours []hub.HourCount, last, since time.Time)
}

// Directory finds agencies.
type Directory interface {
	ByID(id hub.AgencyID) (*hub.Agency, bool)
}

// Tree knows which agencies are directly under another at an instant, test units left out.
type Tree interface {
	Children(parent hub.AgencyID, at time.Time) []hub.Agency
}

// Options are what a Service needs.
type Options struct {
	Store     Store
	Sums      Sums
	Log       Log
	Traffic   Traffic // nil: not counted
	Directory Directory
	Tree      Tree // asked by reports alone
	Now       func() time.Time
	Logger    *slog.Logger  // nil for none
	Every     time.Duration // how often it is looked for something new; 0: two seconds
}

// Service counts, and answers what was counted. It is safe for concurrent use.
type Service struct {
	Options
	kinds map[string]bool // hub.KindKeys, which are folded anew each time
}

// New returns a service.
func New(o Options) *Service {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Every <= 0 {
		o.Every = 2 * time.Second
	}
	s := &Service{Options: o, kinds: map[string]bool{}}
	for _, key := range hub.KindKeys() {
		s.kinds[key] = true
	}
	return s
}

// restful is how many times as long as a step took Run rests behind it: it takes at most a
// fifth of one core from the exchange, and a peak is counted when it is over.
const restful = 4

// Run counts until ctx ends. One node at a time runs it.
func (s *Service) Run(ctx context.Context) error {
	for ctx.Err() == nil {
		began := time.Now()
		more, err := s.Step(ctx)
		pause := s.Every
		if err != nil && ctx.Err() == nil {
			s.Logger.WarnContext(ctx, "counting will be tried again", "error", err)
		}
		if more && err == nil {
			pause = restful * time.Since(began)
		}
		select {
		case <-ctx.Done():
		case <-time.After(pause):
		}
	}
	return nil
}

// Rebuild has everything counted anew from the beginning of the log, by an operator. Until
// that is done figures are too small, and say how far the log was counted.
func (s *Service) Rebuild(ctx context.Context, actor hub.Actor) error {
	if err := actor.Require(hub.ScopeOperate); err != nil {
		return err
	}
	return s.Store.ForgetFigures(ctx)
}
