// Package audit completes and seals evidence, shows it to those whom it names,
// and checks the chains that it forms.
//
// It promises that a sealed evidence always says which version of the field set
// and which policy it follows, who issued it, when (UTC, milliseconds) and which
// log it goes to; that nobody sees the evidence of another recipient; and that
// CheckChain needs nothing but the evidence itself, so that anybody can repeat it
// without the hub.
//
// Sealing alone records nothing: the service whose act an evidence proves stores
// it in the transaction of that act. An evidence that was sealed and never stored
// is in no list and proves nothing.
package audit

import (
	"context"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"github.com/lienthong/lienthong/hub"
)

// Options are what a Service needs; all fields are required.
type Options struct {
	Store  Store
	Sealer Sealer
	Issuer hub.Party // the hub as it names itself in evidence
	Origin string    // name of the log that evidence goes to
	Now    func() time.Time
	NewID  func() string
}

// Service seals and shows evidence; it is safe for concurrent use.
type Service struct {
	o      Options
	latest atomic.Int64 // time of evidence, Unix milliseconds
}

// New returns a service.
func New(o Options) *Service { return &Service{o: o} }

// Seal completes the evidences and signs them, in order. It sets version,
// profile, issuer and log; id and time too where they are not set. Times become
// UTC with milliseconds. A negative event without a reason is refused
// (KindInternal): it would be worthless as a proof.
func (s *Service) Seal(ctx context.Context, evidence ...hub.Evidence) ([]hub.SealedEvidence, error) {
	complete := make([]hub.Evidence, len(evidence))
	for i, e := range evidence {
		if wrong := e.CheckReasons(); e.Event == "" || wrong != "" {
			return nil, hub.Errorf(hub.KindInternal, "", "", "evidence %q lacks its event or its reason: %s", e.Event.Name(), wrong)
		}
		complete[i] = s.complete(e)
		s.seen(complete[i].Time)
	}
	sealed, err := s.o.Sealer.SealEvidence(ctx, complete...)
	if err != nil {
		return nil, fmt.Errorf("sealing evidence: %w", err)
	}
	return sealed, nil
}

func (s *Service) complete(e hub.Evidence) hub.Evidence {
	e.Version, e.Profile = hub.EvidenceVersion, hub.EvidenceProfile
	e.Issuer, e.Log = s.o.Issuer, hub.LogRef{Origin: s.o.Origin}
	if e.ID == "" {
		e.ID = hub.EvidenceID(s.o.NewID())
	}
	if e.Time.IsZero() {
		e.Time = s.o.Now()
	}
	e.Time = e.Time.UTC().Truncate(time.Millisecond)
	e.SubmissionTime = e.SubmissionTime.UTC().Truncate(time.Millisecond)
	return e
}

// Evidence returns one evidence to an auditor or to a party that it concerns: the
// sender, the one recipient it is about, every recipient for an acceptance. To
// all others it does not exist (KindNotFound). It needs ScopeRead or ScopeAudit.
func (s *Service) Evidence(ctx context.Context, actor hub.Actor, id hub.EvidenceID) (hub.SealedEvidence, error) {
	if err := requireRead(actor); err != nil {
		return hub.SealedEvidence{}, err
	}
	sealed, err := s.o.Store.Evidence(ctx, id)
	if err != nil {
		return hub.SealedEvidence{}, err
	}
	if actor.Has(hub.ScopeAudit) {
		return sealed, nil
	}
	if sealed.Evidence.Dispatch == "" { // a rejection: only its sender knows of it
		if from := sealed.Evidence.Sender; from != nil && slices.Contains(actor.Agencies, from.ID) {
			return sealed, nil
		}
		return hub.SealedEvidence{}, notFound()
	}
	item, err := s.o.Store.DispatchItem(ctx, sealed.Evidence.Dispatch)
	if err != nil {
		return hub.SealedEvidence{}, err
	}
	if !concerns(actor, item, sealed.Evidence.Delivery) {
		return hub.SealedEvidence{}, notFound()
	}
	return sealed, nil
}

// Evidences lists evidence, oldest first: of a dispatch (its sender sees all of
// it, a recipient what is about its own delivery or about the document as a whole), of a
// delivery (sender and that recipient), the rejections of a sender (that sender),
// or, for an auditor, everything. To strangers a dispatch or delivery does not
// exist (KindNotFound). It needs ScopeRead or ScopeAudit.
func (s *Service) Evidences(ctx context.Context, actor hub.Actor, query hub.EvidenceQuery) (hub.List[hub.SealedEvidence], error) {
	none := hub.List[hub.SealedEvidence]{}
	if err := requireRead(actor); err != nil {
		return none, err
	}
	query.Page.Limit = max(query.Page.Limit, 1)
	switch {
	case countSet(query) > 1:
		return none, hub.Invalid("query", "exclusive", "evidence is listed by dispatch, by delivery or by sender, not by several")
	case actor.Has(hub.ScopeAudit):
		return s.o.Store.Evidences(ctx, query)
	case query.Sender != "":
		if err := actor.SpeaksFor(query.Sender, hub.ScopeRead); err != nil {
			return none, err
		}
		return s.o.Store.Evidences(ctx, query)
	case query.Delivery != "":
		return s.ofDelivery(ctx, actor, query)
	case query.Dispatch != "":
		return s.ofDispatch(ctx, actor, query)
	}
	return none, hub.Errorf(hub.KindDenied, "", "scope", "only an auditor lists all evidence")
}

func (s *Service) ofDispatch(ctx context.Context, actor hub.Actor, query hub.EvidenceQuery) (hub.List[hub.SealedEvidence], error) {
	item, err := s.o.Store.DispatchItem(ctx, query.Dispatch)
	if err != nil {
		return hub.List[hub.SealedEvidence]{}, err
	}
	if concerns(actor, item, anyDelivery) {
		return s.o.Store.Evidences(ctx, query)
	}
	if !concerns(actor, item, "") {
		return hub.List[hub.SealedEvidence]{}, notFound()
	}
	mine, err := s.ofRecipient(ctx, actor, item)
	if err != nil {
		return hub.List[hub.SealedEvidence]{}, err
	}
	return pageOf(mine, query.Page)
}

func (s *Service) ofDelivery(ctx context.Context, actor hub.Actor, query hub.EvidenceQuery) (hub.List[hub.SealedEvidence], error) {
	// The delivery's first evidence names its dispatch; before that there is
	// nothing to show to anybody.
	first := query
	first.Page = hub.Page{Limit: 1}
	list, err := s.o.Store.Evidences(ctx, first)
	if err != nil {
		return hub.List[hub.SealedEvidence]{}, err
	}
	if len(list.Items) == 0 {
		return hub.List[hub.SealedEvidence]{}, notFound()
	}
	item, err := s.o.Store.DispatchItem(ctx, list.Items[0].Evidence.Dispatch)
	if err != nil {
		return hub.List[hub.SealedEvidence]{}, err
	}
	if !concerns(actor, item, query.Delivery) {
		return hub.List[hub.SealedEvidence]{}, notFound()
	}
	return s.o.Store.Evidences(ctx, query)
}

// ofRecipient gathers what the recipients among the actor's agencies may see: the root
// of each chain, what is about the document as a whole, and all evidence of the own
// deliveries, oldest first.
func (s *Service) ofRecipient(ctx context.Context, actor hub.Actor, item hub.SentItem) ([]hub.SealedEvidence, error) {
	mine, err := s.all(ctx, hub.EvidenceQuery{Dispatch: item.Dispatch.ID, Whole: true})
	if err != nil {
		return nil, err
	}
	for _, d := range item.Deliveries {
		if !slices.Contains(actor.Recipients(), d.Recipient) {
			continue
		}
		own, err := s.all(ctx, hub.EvidenceQuery{Delivery: d.ID})
		if err != nil {
			return nil, err
		}
		mine = append(mine, own...)
	}
	slices.SortStableFunc(mine[min(1, len(mine)):], func(a, b hub.SealedEvidence) int {
		return a.Evidence.Time.Compare(b.Evidence.Time)
	})
	return mine, nil
}

// all reads every page of a query.
func (s *Service) all(ctx context.Context, query hub.EvidenceQuery) ([]hub.SealedEvidence, error) {
	var all []hub.SealedEvidence
	query.Page = hub.Page{Limit: 500}
	for {
		list, err := s.o.Store.Evidences(ctx, query)
		if err != nil {
			return nil, err
		}
		all = append(all, list.Items...)
		if list.Next == "" {
			return all, nil
		}
		query.Page.After = list.Next
	}
}

// pageOf cuts a page out of a list; the cursor is the id of its last evidence.
func pageOf(all []hub.SealedEvidence, page hub.Page) (hub.List[hub.SealedEvidence], error) {
	if page.After != "" {
		i := slices.IndexFunc(all, func(e hub.SealedEvidence) bool { return string(e.Evidence.ID) == page.After })
		if i < 0 {
			return hub.List[hub.SealedEvidence]{}, hub.Invalid("after", "cursor", "the cursor belongs to another list")
		}
		all = all[i+1:]
	}
	if len(all) <= page.Limit {
		return hub.List[hub.SealedEvidence]{Items: all}, nil
	}
	return hub.List[hub.SealedEvidence]{Items: all[:page.Limit], Next: string(all[page.Limit-1].Evidence.ID)}, nil
}

// anyDelivery stands for evidence about whichever delivery: only the sender sees it.
const anyDelivery hub.DeliveryID = "*"

// concerns reports whether evidence of a dispatch, about one delivery or about
// the dispatch itself (""), is the actor's to see.
func concerns(actor hub.Actor, item hub.SentItem, delivery hub.DeliveryID) bool {
	if slices.Contains(actor.Agencies, item.Dispatch.Sender) {
		return true
	}
	return slices.ContainsFunc(item.Deliveries, func(d hub.Delivery) bool {
		return (delivery == "" || delivery == d.ID) && slices.Contains(actor.Recipients(), d.Recipient)
	})
}

func requireRead(actor hub.Actor) error {
	if actor.Has(hub.ScopeAudit) {
		return nil
	}
	return actor.Require(hub.ScopeRead)
}

func countSet(q hub.EvidenceQuery) int {
	n := 0
	for _, set := range []bool{q.Dispatch != "", q.Delivery != "", q.Sender != ""} {
		if set {
			n++
		}
	}
	return n
}

func notFound() error { return hub.Errorf(hub.KindNotFound, "", "", "no such evidence") }
