// Package tracking is what parties do and see after acceptance: the recipient's
// mailbox with leases, hand-over, registration, refusal and status reports; the
// sender's list of what became of each delivery.
//
// Every act is idempotent: the same act again gives the evidence of the first,
// byte for byte. Every answer is decided by agency in hub.Actor; what an actor
// may not see does not exist for it. Nothing is acknowledged before it is durable.
package tracking

import (
	"context"
	"log/slog"
	"slices"
	"time"

	"github.com/lienthong/lienthong/hub"
)

// Options configure a Service. Zero limits take the defaults named beside them.
type Options struct {
	Store     Store
	Leases    LeaseStore
	Reports   ReportStore
	Links     LinkStore
	Notices   NoticeStore
	Evidences EvidenceStore
	Registers RegisterStore // needed by NextNumber and Register alone
	Books     BookStore     // needed by Outgoing, Incoming and CloseYear alone
	Years     YearStore     // needed by CloseYear and ClosedYears alone
	Chronicle Chronicle     // needed by CloseYear alone
	Blobs     Blobs
	Directory Directory
	Notary    Notary
	Now       func() time.Time
	NewID     func() string
	Log       *slog.Logger // default: silent
	// Bell is rung when a sender asks something of a recipient, or a lease was given
	// back; default: the service's own, which is heard on this node.
	Bell Bell

	Deadlines hub.Deadlines // of recipients
	// Law and Calendar are what the clocks of the law are computed by; without them there are none.
	Law          func() *hub.LegalTerms
	Calendar     func() *hub.Calendar
	TrackAccess  bool          // prove by ContentAccessTracking when a recipient first opens content
	DefaultLease time.Duration // default 5 min
	MaxLease     time.Duration // default 1 h
	MaxPage      int           // rows of a page; default 200
}

// Service follows dispatches after acceptance. It is safe for concurrent use.
type Service struct {
	Options
	*bell
}

// New returns a Service with defaults filled in.
func New(o Options) *Service {
	if o.DefaultLease == 0 {
		o.DefaultLease = 5 * time.Minute
	}
	if o.MaxLease == 0 {
		o.MaxLease = time.Hour
	}
	if o.MaxPage == 0 {
		o.MaxPage = 200
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	s := &Service{Options: o, bell: newBell()}
	if s.Bell == nil {
		s.Bell = s.bell
	}
	return s
}

// now is the time that transitions and evidences carry: UTC, milliseconds.
func (s *Service) now() time.Time { return s.Now().UTC().Truncate(time.Millisecond) }

// Mailbox lists deliveries to an agency, by default those that wait to be collected; of what
// presses, by default all with which something can still be done.
func (s *Service) Mailbox(ctx context.Context, actor hub.Actor, query hub.MailboxQuery) (hub.List[hub.Item], error) {
	if err := actor.Receives(query.Agency); err != nil {
		return hub.List[hub.Item]{}, err
	}
	if err := hub.CheckSearch(query.Text); err != nil {
		return hub.List[hub.Item]{}, err
	}
	switch {
	case len(query.States) == 0 && len(query.Timeliness) > 0:
		query.States = []hub.DeliveryState{hub.StateConsigned, hub.StateHandedOver, hub.StateAccepted}
	case len(query.States) == 0:
		query.States = []hub.DeliveryState{hub.StateConsigned}
	}
	query.Now = s.now()
	if err := s.press(&query); err != nil {
		return hub.List[hub.Item]{}, err
	}
	query.Page = s.page(query.Page)
	list, err := s.Store.Mailbox(ctx, query)
	for i := range list.Items {
		list.Items[i] = s.clocked(recipientsItem(list.Items[i]))
	}
	// What another axis took over waits for its recipient there, and not here, too.
	list.Items = slices.DeleteFunc(list.Items, func(i hub.Item) bool { return i.Delivery.Relayed() })
	if query.Text != "" { // what was taken back can't be found by what it said
		list.Items = slices.DeleteFunc(list.Items, func(i hub.Item) bool { return i.Delivery.TakenBack() })
	}
	return list, err
}

func (s *Service) page(p hub.Page) hub.Page {
	if p.Limit <= 0 || p.Limit > s.MaxPage {
		p.Limit = min(max(p.Limit, 50), s.MaxPage)
	}
	return p
}

// recipientsView leaves out what is the hub's own business with its errors.
func recipientsView(d hub.Delivery) hub.Delivery {
	d.LastError, d.LastSaid = "", nil
	return d
}

// recipientsItem leaves out, too, what rules of the sender did with the document, and what
// a document said that was taken back.
func recipientsItem(item hub.Item) hub.Item {
	item.Delivery, item.Dispatch.Routing = recipientsView(item.Delivery), nil
	if item.Delivery.TakenBack() {
		return item.Stub()
	}
	return item
}

// sendersView leaves out who works on a delivery at the recipient, and when.
func sendersView(d hub.Delivery) hub.Delivery {
	d.Lease = nil
	return d
}

// Item returns one delivery to its recipient or its sender.
func (s *Service) Item(ctx context.Context, actor hub.Actor, id hub.DeliveryID) (hub.Item, error) {
	item, err := s.Store.Item(ctx, id)
	if err != nil {
		return hub.Item{}, err
	}
	switch {
	case actor.Receives(item.Delivery.Recipient) == nil:
		item = recipientsItem(item)
	case actor.SpeaksFor(item.Dispatch.Sender, hub.ScopeRead) == nil:
		item.Delivery = sendersView(item.Delivery)
		err = s.forwardersView(ctx, &actor, &item.Dispatch)
	default:
		return hub.Item{}, noDelivery()
	}
	return s.clocked(item), err
}

func noDelivery() error {
	return hub.Errorf(hub.KindNotFound, "delivery", "", "there is no such delivery")
}

func noDispatch() error {
	return hub.Errorf(hub.KindNotFound, "dispatch", "", "there is no such dispatch")
}

// Sent lists dispatches of an agency, newest first, each with all deliveries, to the agency
// and to auditors, who see every dispatch that they know the id of.
func (s *Service) Sent(ctx context.Context, actor hub.Actor, query hub.SentQuery) (hub.List[hub.SentItem], error) {
	if err := actor.SpeaksFor(query.Agency, hub.ScopeRead); err != nil && !actor.Has(hub.ScopeAudit) {
		return hub.List[hub.SentItem]{}, err
	}
	if err := hub.CheckSearch(query.Text); err != nil {
		return hub.List[hub.SentItem]{}, err
	}
	query.Page = s.page(query.Page)
	list, err := s.Store.Sent(ctx, query)
	dispatches := make([]*hub.Dispatch, len(list.Items))
	for i := range list.Items {
		dispatches[i] = &list.Items[i].Dispatch
	}
	if err := s.forwardersView(ctx, &actor, dispatches...); err != nil {
		return hub.List[hub.SentItem]{}, err
	}
	for i := range list.Items {
		list.Items[i].Deliveries = viewed(list.Items[i].Deliveries, sendersView)
		list.Items[i].Clocks = s.sendClock(&list.Items[i].Dispatch)
	}
	if query.Text != "" { // what its forwarder gave back can't be found by what it said
		list.Items = slices.DeleteFunc(list.Items, func(i hub.SentItem) bool { return i.Dispatch.Origin != nil && len(i.Dispatch.Parts) == 0 })
	}
	return list, err
}

func viewed(deliveries []hub.Delivery, view func(hub.Delivery) hub.Delivery) []hub.Delivery {
	for i := range deliveries {
		deliveries[i] = view(deliveries[i])
	}
	return deliveries
}

// Dispatch returns a dispatch with the deliveries that the actor may see: its
// sender and an auditor see all, a recipient its own. An actor that may not even
// know of the dispatch gets KindNotFound.
func (s *Service) Dispatch(ctx context.Context, actor hub.Actor, id hub.DispatchID) (hub.SentItem, error) {
	item, err := s.Options.Reports.DispatchShare(ctx, id, actor.Recipients())
	if err != nil {
		return hub.SentItem{}, err
	}
	if oversees(&actor, &item.Dispatch) {
		item, err := s.Store.DispatchItem(ctx, id)
		if err != nil {
			return hub.SentItem{}, err
		}
		item.Deliveries = viewed(item.Deliveries, sendersView)
		item.Clocks = append(s.sendClock(&item.Dispatch), s.clocks(&item.Dispatch, item.Deliveries)...)
		return item, s.forwardersView(ctx, &actor, &item.Dispatch)
	}
	if !s.recipientsShare(&actor, &item) {
		return hub.SentItem{}, noDispatch()
	}
	return item, nil
}

// oversees reports whether the actor sees all of a dispatch: as its sender, or as an auditor.
func oversees(actor *hub.Actor, d *hub.Dispatch) bool {
	return actor.SpeaksFor(d.Sender, hub.ScopeRead) == nil || actor.Has(hub.ScopeAudit)
}

// recipientsShare leaves of a dispatch what the actor sees as a recipient, and reports
// whether that is anything.
func (s *Service) recipientsShare(actor *hub.Actor, item *hub.SentItem) bool {
	item.Deliveries = slices.DeleteFunc(item.Deliveries, func(d hub.Delivery) bool {
		return actor.Receives(d.Recipient) != nil
	})
	if len(item.Deliveries) == 0 {
		return false
	}
	item.Deliveries, item.Dispatch.Routing = viewed(item.Deliveries, recipientsView), nil
	item.Clocks = s.clocks(&item.Dispatch, item.Deliveries)
	if takenBack(item.Deliveries) {
		item.Dispatch = hub.Item{Dispatch: item.Dispatch}.Stub().Dispatch
	}
	return true
}

// takenBack reports whether nothing of a dispatch is any recipient's of these.
func takenBack(deliveries []hub.Delivery) bool {
	kept := func(d hub.Delivery) bool { return !d.TakenBack() }
	return len(deliveries) > 0 && !slices.ContainsFunc(deliveries, kept)
}

// Open opens one part for the sender, or for a recipient whose delivery is in
// its box or beyond: not before, and not after it failed or expired. What was taken back
// is KindNotFound with the rule "recalled". Content whose time has ended is KindNotFound
// with the rule "purged". Where access is tracked, the evidence of a recipient's first
// opening is durable before it gets a byte. The caller closes the content.
func (s *Service) Open(ctx context.Context, actor hub.Actor, id hub.DispatchID, partID string) (hub.Part, hub.Blob, error) {
	item, err := s.Options.Reports.DispatchShare(ctx, id, actor.Recipients())
	if err != nil {
		return hub.Part{}, nil, err
	}
	if err := s.mayRead(ctx, actor, &item); err != nil {
		return hub.Part{}, nil, err
	}
	part := item.Dispatch.PartByID(partID)
	if part == nil {
		return hub.Part{}, nil, hub.Errorf(hub.KindNotFound, "part", "", "the dispatch has no part %q", partID)
	}
	if purged := item.Dispatch.Purged; purged != nil {
		return hub.Part{}, nil, hub.Errorf(hub.KindNotFound, "part", "purged",
			"the content was removed at the end of its time of retention, at %s", purged.At.Format(time.RFC3339))
	}
	blob, err := s.Blobs.OpenBlob(ctx, part.Digest)
	if err != nil {
		return hub.Part{}, nil, hub.Internal("open part "+partID+" of dispatch "+string(id), err)
	}
	if err := s.trackAccess(ctx, actor, &item); err != nil {
		_ = blob.Close() // nothing was read
		return hub.Part{}, nil, err
	}
	s.Log.InfoContext(ctx, "content read", "actor", actor.Name, "dispatch", id, "part", partID)
	return *part, blob, nil
}

// mayRead decides on content: an auditor, for one, reads evidence and no content.
func (s *Service) mayRead(ctx context.Context, actor hub.Actor, item *hub.SentItem) error {
	refused := noDispatch()
	if actor.SpeaksFor(item.Dispatch.Sender, hub.ScopeRead) == nil {
		kept, err := s.forwarderKeeps(ctx, &item.Dispatch)
		if kept || err != nil {
			return err
		}
		refused = recalled("part")
	}
	for i := range item.Deliveries {
		d := &item.Deliveries[i]
		switch {
		case collects(actor, d):
			return nil
		case d.TakenBack() && actor.Receives(d.Recipient) == nil:
			refused = recalled("part")
		}
	}
	return refused
}

// collects reports whether the actor may read content by a delivery.
func collects(actor hub.Actor, d *hub.Delivery) bool {
	if actor.Receives(d.Recipient) != nil || d.TakenBack() {
		return false
	}
	switch d.State {
	case hub.StateConsigned, hub.StateHandedOver, hub.StateAccepted, hub.StateRefused:
		return true
	}
	return false
}

func recalled(field string) error {
	return hub.Errorf(hub.KindNotFound, field, "recalled", "the document was taken back by its sender")
}

// Reports returns the status reports of a dispatch that the actor may see.
func (s *Service) Reports(ctx context.Context, actor hub.Actor, id hub.DispatchID) ([]hub.StatusReport, error) {
	item, err := s.Dispatch(ctx, actor, id)
	if err != nil {
		return nil, err
	}
	visible := map[hub.DeliveryID]bool{}
	for _, d := range item.Deliveries {
		visible[d.ID] = true
	}
	list, err := s.Options.Reports.StatusReports(ctx, id)
	return slices.DeleteFunc(list, func(r hub.StatusReport) bool { return !visible[r.Delivery] }), err
}

// SignatureReports returns the verdicts that were recorded at acceptance.
func (s *Service) SignatureReports(ctx context.Context, actor hub.Actor, id hub.DispatchID) ([]hub.SignatureReport, error) {
	item, err := s.Dispatch(ctx, actor, id)
	if err != nil {
		return nil, err
	}
	sender := actor.SpeaksFor(item.Dispatch.Sender, hub.ScopeRead) == nil
	kept, err := true, error(nil)
	switch {
	case actor.Has(hub.ScopeAudit):
	case sender:
		kept, err = s.forwarderKeeps(ctx, &item.Dispatch)
	default:
		kept = !takenBack(item.Deliveries)
	}
	if err != nil {
		return nil, err
	}
	if !kept {
		return nil, recalled("dispatch")
	}
	return s.Options.Reports.SignatureReports(ctx, id)
}
