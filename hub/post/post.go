// Package post has the post carry what is on paper (bưu chính công ích): the papers of a
// dossier from its owner to the unit, its result to the owner, and documents to recipients
// that are not connected.
//
// It promises that an order is durable before the operator hears of it; that its number is
// the same in every try, and that after an answer that was lost the operator is asked what
// it has before anything is sent again: there is never a second order; that what the
// operator tells is kept as it came, also twice, late, in the wrong order, with a time that
// cannot be or a code that nobody knows, and is a finding where it is wrong; that the times
// of bills stand in the course of the dossier, and what the post did with a document in its
// evidence (RelayToNonERDS, its failure, PostalDelivery); and that an order exists for its
// agency alone.
//
// One node at a time calls Work. An operator that is away is left alone with growing pauses;
// everything else goes on, and what a bill says can be reported by hand.
package post

import (
	"context"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/lienthong/lienthong/hub"
)

// Store keeps orders.
type Store interface {
	// AddPostalOrder records an order; KindConflict, and nothing, when the agency has another
	// one with its key, or the delivery has one that is open.
	AddPostalOrder(ctx context.Context, order hub.PostalOrder) error
	// ChangePostalOrder replaces an order; KindConflict, and nothing, when it is not at the
	// version before. It MUST be durable when it returns.
	ChangePostalOrder(ctx context.Context, order hub.PostalOrder) error
	// FindPostalOrder returns one order; KindNotFound when there is none.
	FindPostalOrder(ctx context.Context, key hub.PostalKey) (hub.PostalOrder, error)
	Lists
}

// Lists find orders.
type Lists interface {
	// PostalOrders lists those of an agency, the last ordered first. Findings do not count.
	PostalOrders(ctx context.Context, query hub.PostalQuery) (hub.List[hub.PostalOrder], error)
	// DuePostalOrders are those whose Next has come, the oldest first.
	DuePostalOrders(ctx context.Context, now time.Time, limit int) ([]hub.PostalOrder, error)
	// PostalBacklog counts what waits.
	PostalBacklog(ctx context.Context) (hub.PostalBacklog, error)
}

// Operator is the other side. Errors of KindInvalid, KindConflict and KindDenied are refusals
// of that order; every other error says that no answer came.
type Operator interface {
	// Order gives an order; the same number again is the same order.
	Order(ctx context.Context, order *hub.PostalOrder) error
	// Ask tells what the operator knows of an order; KindNotFound where it has none.
	Ask(ctx context.Context, order *hub.PostalOrder) (hub.PostalNews, error)
}

// Dossiers are those of one-stop desks.
type Dossiers interface {
	// Show returns a dossier to one of its agencies, which is noted of persons.
	Show(ctx context.Context, actor hub.Actor, name string) (hub.DossierView, error)
	// Posted records what the post did for a dossier; the same key again changes nothing.
	Posted(ctx context.Context, id hub.DossierID, agency hub.AgencyID, key string, at time.Time, post hub.DossierPost) error
}

// Documents are dispatches and their deliveries.
type Documents interface {
	// Dispatch returns a dispatch to its parties.
	Dispatch(ctx context.Context, actor hub.Actor, id hub.DispatchID) (hub.SentItem, error)
}

// Deliveries record what becomes of documents.
type Deliveries interface {
	Item(ctx context.Context, id hub.DeliveryID) (hub.Item, error)
	// ApplySteps is that of hub/delivery.
	ApplySteps(ctx context.Context, steps ...hub.Step) ([]error, error)
}

// Notary completes and seals evidences.
type Notary interface {
	Seal(ctx context.Context, evidence ...hub.Evidence) ([]hub.SealedEvidence, error)
}

// Directory knows agencies over time.
type Directory interface {
	ByID(id hub.AgencyID) (*hub.Agency, bool)
}

// Options are what a Service needs.
type Options struct {
	Store      Store
	Operator   Operator // nil: orders are kept, and bills reported by hand
	Dossiers   Dossiers
	Documents  Documents
	Deliveries Deliveries
	Notary     Notary
	Directory  Directory
	Observed   func(call, outcome string) // default: nobody counts
	Now        func() time.Time
	NewID      func() string
	Jitter     func(d time.Duration) time.Duration // a random part of a pause; default none
	Log        *slog.Logger
	Poll       time.Duration // between two questions about an order that is young; default 10 min
	Patience   time.Duration // one call; default 1 min
}

// Service has the post carry things. It is safe for concurrent use.
type Service struct {
	Options
	away pause        // of the operator; of Work alone
	seen atomic.Int64 // when the operator answered last, in milliseconds
}

// New returns a Service.
func New(o Options) *Service {
	if o.Poll == 0 {
		o.Poll = 10 * time.Minute
	}
	if o.Patience == 0 {
		o.Patience = time.Minute
	}
	if o.Observed == nil {
		o.Observed = func(string, string) {}
	}
	if o.Jitter == nil {
		o.Jitter = func(time.Duration) time.Duration { return 0 }
	}
	return &Service{Options: o}
}

func (s *Service) now() time.Time { return s.Now().UTC().Truncate(time.Millisecond) }

const (
	maxTries    = 100 // against others at the same moment
	maxPage     = 200
	maxWalk     = 2000 // orders that one page of a list looks at
	maxEvents   = 300  // of one order
	maxText     = 500  // characters
	maxWord     = 200
	maxWeight   = 100_000       // grams
	maxCollect  = 1_000_000_000 // đồng
	maxEnvelope = 1000
)

func noOrder() error {
	return hub.Errorf(hub.KindNotFound, "order", "", "there is no such order")
}

func sees(actor *hub.Actor, agency hub.AgencyID) bool {
	return actor.SpeaksFor(agency, hub.ScopeRead) == nil || actor.SpeaksFor(agency, hub.ScopeSubmit) == nil
}

// find is an order that the actor may see; to everybody else it does not exist.
func (s *Service) find(ctx context.Context, actor *hub.Actor, id hub.PostalID) (hub.PostalOrder, error) {
	o, err := s.Store.FindPostalOrder(ctx, hub.PostalKey{ID: id})
	switch {
	case hub.KindOf(err) == hub.KindNotFound, err == nil && !sees(actor, o.Agency):
		return hub.PostalOrder{}, noOrder()
	}
	return o, err
}

// Show returns an order with its parties and its events to its agency; KindNotFound to all
// others. Where it is of a dossier it names the owner: that a person reads it is noted, as a
// look at the dossier is.
func (s *Service) Show(ctx context.Context, actor hub.Actor, id hub.PostalID) (hub.PostalOrder, error) {
	o, err := s.find(ctx, &actor, id)
	if err == nil && o.Dossier != "" && !o.Erased() && actor.Kind != hub.ActorSystem {
		_, err = s.Dossiers.Show(ctx, actor, string(o.Dossier))
	}
	if err != nil {
		return hub.PostalOrder{}, err
	}
	return s.shown(o), nil
}

func (s *Service) shown(o hub.PostalOrder) hub.PostalOrder {
	o.Findings = o.Look(s.now())
	return o
}

// listed is an order without what only one who asks for it alone is shown.
func (s *Service) listed(o hub.PostalOrder) hub.PostalOrder {
	o = s.shown(o)
	o.From, o.To, o.Content, o.Note, o.Events = nil, nil, "", "", nil
	return o
}

// List is a page of the orders of an agency, those ordered last first, without their parties
// and events. Findings are computed for each: a page may be short though there is a next one.
func (s *Service) List(ctx context.Context, actor hub.Actor, query hub.PostalQuery) (hub.List[hub.PostalOrder], error) {
	var list hub.List[hub.PostalOrder]
	if !sees(&actor, query.Agency) {
		return list, actor.SpeaksFor(query.Agency, hub.ScopeRead)
	}
	if err := checkDays(&query); err != nil {
		return list, err
	}
	limit := query.Page.Limit
	if limit <= 0 || limit > maxPage {
		limit = min(max(limit, 50), maxPage)
	}
	for walked := 0; walked < maxWalk; {
		query.Page.Limit = limit - len(list.Items)
		found, err := s.Store.PostalOrders(ctx, query)
		if err != nil {
			return list, err
		}
		walked += query.Page.Limit
		for i := range found.Items {
			if o := s.listed(found.Items[i]); query.Finding == "" || has(&o, query.Finding) {
				list.Items = append(list.Items, o)
			}
		}
		list.Next, query.Page.After = found.Next, found.Next
		if found.Next == "" || len(list.Items) == limit {
			break
		}
	}
	return list, nil
}

// Backlog tells what waits for the post.
func (s *Service) Backlog(ctx context.Context) (hub.PostalBacklog, error) {
	return s.Store.PostalBacklog(ctx)
}

// LastAnswer is when the operator answered this node last; zero for never.
func (s *Service) LastAnswer() time.Time {
	if ms := s.seen.Load(); ms != 0 {
		return time.UnixMilli(ms).UTC()
	}
	return time.Time{}
}
