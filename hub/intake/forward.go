package intake

import (
	"context"
	"crypto/sha256"
	"fmt"
	"time"

	"github.com/lienthong/lienthong/hub"
)

const (
	maxForwardNote = 1000 // characters
	maxHouse       = 32   // levels of the tree of agencies
)

// Forwards is what the intake asks of the room that keeps what recipients have.
type Forwards interface {
	// Held returns a delivery to who may act for its recipient; KindNotFound otherwise.
	Held(ctx context.Context, actor hub.Actor, delivery hub.DeliveryID) (hub.Item, error)
	// Forward seals the step of the delivery that is forwarded, as it is; KindConflict or
	// KindNotFound where it can't be.
	Forward(ctx context.Context, actor hub.Actor, item hub.Item, by hub.DispatchID) (hub.Step, error)
}

// Verdicts are those on a dispatch: as recorded, and as given again later.
type Verdicts interface {
	Verdicts(ctx context.Context, actor hub.Actor, id hub.DispatchID) ([]hub.SignatureReport, []hub.Recheck, error)
}

// Forward hands a document that the actor's agency received on to others in the same house,
// as a dispatch of that agency with the same files and verdicts (decision 33). The act is
// one transaction with the evidence of it in the chain of the delivery that is forwarded.
// The same order again gives the first answer; with a key, another order under it is a
// conflict. A refusal leaves no evidence: nothing was submitted.
//
// Errors: KindDenied without the scopes submit and collect; KindNotFound for a delivery that
// is not the actor's, or was taken back (rule recalled) or purged; KindConflict where it was
// not received or its sender asks for it back; hub.Violations for recipients (rule house:
// one of another house), note and idempotency_key.
func (s *Service) Forward(ctx context.Context, actor hub.Actor, o hub.ForwardOrder) (hub.Accepted, error) {
	now := s.now()
	if err := actor.Require(hub.ScopeSubmit); err != nil {
		return hub.Accepted{}, err
	}
	item, err := s.Forwards.Held(ctx, actor, o.Delivery)
	if err != nil {
		return hub.Accepted{}, err
	}
	forwarder, err := s.forwarder(&actor, &item, now)
	if err != nil {
		return hub.Accepted{}, err
	}
	var c checker
	if c.text("idempotency_key", o.Key, false, maxKey); len(c.found) > 0 {
		return hub.Accepted{}, c.found
	}
	if o.Key == "" {
		o.Key = "forward:" + o.Fingerprint().String()
	}
	f := &forwarding{Service: s, order: o, item: item, sender: forwarder, externalID: forwardedID(&item, o.Key)}
	if first, found, err := f.first(ctx); found || err != nil {
		if item.Delivery.TakenBack() { // the forwarder has nothing of it any more
			first.Dispatch = hub.Item{Dispatch: first.Dispatch}.Stub().Dispatch
		}
		return first, err
	}
	if err := s.Closed(); err != nil {
		return hub.Accepted{}, err
	}
	if err := item.Forwardable(); err != nil {
		return hub.Accepted{}, err
	}
	recipients, err := f.recipients(now)
	if err != nil {
		return hub.Accepted{}, err
	}
	return f.accept(ctx, actor, recipients, now)
}

// forwarder is the recipient of an item as the sender of what it forwards.
func (s *Service) forwarder(actor *hub.Actor, item *hub.Item, now time.Time) (*hub.Agency, error) {
	id := item.Delivery.Recipient
	if err := actor.SpeaksFor(id, hub.ScopeSubmit); err != nil {
		return nil, err
	}
	a, ok := s.Directory.ByID(id)
	if !ok || !a.LivesAt(now) {
		return nil, hub.Errorf(hub.KindDenied, "delivery", "agency", "%s has closed and forwards nothing", item.Delivery.Name)
	}
	return a, nil
}

// forwarding is one order on its way.
type forwarding struct {
	*Service
	order      hub.ForwardOrder
	item       hub.Item
	sender     *hub.Agency
	externalID string
}

// forwardDigits tell apart what one agency forwards of one document. They are more than
// those that the hub takes off ids on their way out: behind another axis, too, each
// dispatch has an id of its own.
const forwardDigits = 16

func forwardedID(item *hub.Item, key string) string {
	id := []rune(item.Dispatch.ExternalID)
	longest := maxExternalID - forwardDigits - len(hub.IDMark)
	act := hub.Digest(sha256.Sum256([]byte(string(item.Delivery.ID) + " " + key)))
	return string(id[:min(len(id), longest)]) + hub.IDMark + act.String()[:forwardDigits]
}

// first looks for what the order led to before.
func (f *forwarding) first(ctx context.Context) (hub.Accepted, bool, error) {
	first, err := f.Store.FindAccepted(ctx, f.sender.ID, f.order.Key, f.externalID, hub.OperationNew)
	switch {
	case err != nil && hub.KindOf(err) == hub.KindNotFound:
		return hub.Accepted{}, false, nil
	case err != nil:
		return hub.Accepted{}, false, err
	case first.Dispatch.Fingerprint != f.order.Fingerprint():
		return hub.Accepted{}, false, conflict(&first)
	}
	first.Duplicate = true
	return first, true, nil
}

// recipients resolves and checks to whom the document is to go.
func (f *forwarding) recipients(now time.Time) ([]hub.Resolution, error) {
	codes := f.order.Recipients
	var wrong hub.Violations
	switch {
	case len(codes) == 0:
		wrong = append(wrong, hub.Invalid("recipients", "required", "at least one recipient is required"))
	case len(codes) > f.MaxRecipients:
		wrong = append(wrong, hub.Errorf(hub.KindTooLarge, "recipients", "max_items", "%d recipients, at most %d are allowed", len(codes), f.MaxRecipients))
	}
	var c checker
	c.lines("note", f.order.Note, maxForwardNote)
	wrong = append(wrong, c.found...)
	list, unresolved := f.resolve(written(codes), now)
	wrong = append(wrong, unresolved...)
	for i, code := range codes {
		r, err := f.Directory.Resolve(code, now)
		if err != nil {
			continue // told above
		}
		field := fmt.Sprintf("recipients[%d]", i)
		switch {
		case r.Agency.ID == f.sender.ID:
			wrong = append(wrong, hub.Invalid(field, "self", "%s is who forwards", code))
		case !f.SameHouse(f.sender, r.Agency, now):
			wrong = append(wrong, hub.Invalid(field, "house", "%s is not under the same superior: send it a document of your own", r.Agency.NameAt(now)))
		}
	}
	return list, wrong.AsError()
}

// SameHouse reports whether an agency is the superior of a forwarder, or somewhere below
// that; for a forwarder without a superior: somewhere below itself.
func (s *Service) SameHouse(forwarder, a *hub.Agency, now time.Time) bool {
	house := forwarder.ID
	if superior, ok := hub.At(forwarder.Parents, now); ok && superior != "" {
		house = superior
	}
	for range maxHouse {
		if a.ID == house {
			return true
		}
		superior, ok := hub.At(a.Parents, now)
		if !ok {
			return false
		}
		if a, ok = s.Directory.ByID(superior); !ok {
			return false
		}
	}
	return false
}

// accept makes the dispatch durable together with the evidence in the chain of what it
// forwards.
func (f *forwarding) accept(ctx context.Context, actor hub.Actor, recipients []hub.Resolution, now time.Time) (hub.Accepted, error) {
	reports, later, err := f.Verdicts.Verdicts(ctx, actor, f.item.Dispatch.ID)
	if err != nil {
		return hub.Accepted{}, err
	}
	forwarded, reports := f.item.Forwarded(f.order.Note, hub.NewestReports(reports, later))
	p := f.plan(&forwarded, recipients, reports, now)
	a := f.draft(p, now)
	a.Dispatch.Fingerprint, a.Dispatch.Origin = f.order.Fingerprint(), forwarded.Origin
	if f.order.Rule != nil {
		a.Dispatch.Origin.Rule = f.order.Rule
		a.Dispatch.Origin.Steps++
	}
	evidence, err := f.acceptanceEvidence(&a, p, actor)
	if err != nil {
		return hub.Accepted{}, err
	}
	o := forwarded.Origin
	evidence.Origin = &hub.Party{ID: o.Sender, Code: o.SenderCode, Scheme: string(o.SenderCode.Form()), Name: o.SenderName}
	if err := f.seal(ctx, &a, evidence); err != nil {
		return hub.Accepted{}, err
	}
	if err := f.watch(ctx, &a); err != nil {
		return hub.Accepted{}, err
	}
	accepted, err := f.record(ctx, actor, &a)
	if err == nil && !accepted.Duplicate {
		f.announce(ctx, &accepted)
	}
	return accepted, err
}

// plan is what an acceptance is drafted from.
func (f *forwarding) plan(d *hub.Dispatch, recipients []hub.Resolution, reports []hub.SignatureReport, now time.Time) *plan {
	return &plan{
		sub: &hub.Submission{
			Sender: string(f.sender.CodeAt(now)), ExternalID: f.externalID, Operation: d.Operation, Document: d.Document,
			Parts: d.Parts, Format: d.Format, Key: f.order.Key, TraceID: f.order.TraceID, ReceivedAt: now,
		},
		sender: f.sender, routed: routed{recipients: recipients}, reports: reports, earlier: hub.Earlier{Links: d.Links},
	}
}

// record tries again against a delivery that somebody else changes at the same moment.
func (f *forwarding) record(ctx context.Context, actor hub.Actor, a *hub.Acceptance) (hub.Accepted, error) {
	for try := 0; ; try++ {
		step, err := f.Forwards.Forward(ctx, actor, f.item, a.Dispatch.ID)
		if err != nil {
			return hub.Accepted{}, err
		}
		a.Changes = []hub.Step{step}
		accepted, err := f.Store.Accept(ctx, *a)
		switch {
		case err == nil:
			return accepted, nil
		case hub.KindOf(err) != hub.KindConflict || try == changeRetries:
			return hub.Accepted{}, err
		case !isChanged(err): // the same key came twice at once and the other one was faster
			first, found, why := f.first(ctx)
			if found || why != nil {
				return first, why
			}
			return hub.Accepted{}, err
		}
		if f.item, err = f.Forwards.Held(ctx, actor, f.order.Delivery); err != nil {
			return hub.Accepted{}, err
		}
	}
}
