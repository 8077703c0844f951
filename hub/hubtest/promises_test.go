package hubtest_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/hub/audit"
	"github.com/lienthong/lienthong/hub/delivery"
	"github.com/lienthong/lienthong/hub/hubtest"
	"github.com/lienthong/lienthong/hub/intake"
	"github.com/lienthong/lienthong/hub/tracking"
)

// TestPromises plays all services together, in any order of acts, with
// repetitions, late collectors, jumps of the clock, failing stores and crashes,
// and checks the promises of the hub after each act.
func TestPromises(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := newPlay()
		for range rapid.IntRange(1, 3).Draw(t, "dispatches at first") {
			p.submit(t)
		}
		t.Repeat(map[string]func(*rapid.T){
			"submit":           p.submit,
			"submit rejected":  p.submitRejected,
			"submit again":     p.submitAgain,
			"submit other":     p.submitOther,
			"work":             p.work,
			"work and crash":   p.workAndCrash,
			"carrier":          p.setCarrier,
			"lease":            p.lease,
			"acknowledge":      p.acknowledge,
			"acknowledge else": p.acknowledgeElse,
			"go on":            p.goOn,
			"go on, too":       p.goOn,
			"go on again":      p.goOn,
			"accept":           p.accept,
			"refuse":           p.refuse,
			"report":           p.report,
			"recall":           p.recall,
			"send a recall":    p.sendRecall,
			"send an update":   p.sendUpdate,
			"answer":           p.answer,
			"answer, too":      p.answer,
			"act again":        p.actAgain,
			"expire":           p.expire,
			"classes":          p.setClasses,
			"purge":            p.purge,
			"purge again":      p.purge,
			"hold":             p.hold,
			"release":          p.release,
			"clock":            p.moveClock,
			"crash":            p.crash,
			"peek":             p.peek,
			"":                 p.check,
		})
		p.end(t)
	})
}

// play is a hub, and what the test remembers of it.
type play struct {
	*hubtest.World
	ctx      context.Context //nolint:containedctx // that of the test
	intake   *intake.Service
	delivery *delivery.Service
	tracking *tracking.Service
	carrier  atomic.Pointer[error] // what the carrier of the agency Remote answers

	accepted []submitted
	leases   []hub.Item
	acts     []act
	digests  []hub.Digest                         // of all evidence, in order
	ended    map[hub.DeliveryID]hub.DeliveryState // what has ended, and how
	versions map[hub.DeliveryID]int64
	held     map[string]hub.DispatchID // by id of the hold
	purged   map[hub.DispatchID]bool
}

type submitted struct {
	sub   hub.Submission
	first hub.Accepted
}

// act is something that a recipient did, with its first answer.
type act struct {
	name    string
	again   func() (hub.SealedEvidence, error)
	receipt hub.SealedEvidence
}

func newPlay() *play {
	p := &play{
		World: hubtest.NewWorld(), ctx: context.Background(),
		ended: map[hub.DeliveryID]hub.DeliveryState{}, versions: map[hub.DeliveryID]int64{},
		held: map[string]hub.DispatchID{}, purged: map[hub.DispatchID]bool{},
	}
	for _, id := range []hub.AgencyID{hubtest.Bureau, hubtest.Ward} {
		a, _ := p.Directory.ByID(id)
		a.ReportsArrival = true
	}
	p.start()
	return p
}

// start makes the services anew: all that they remembered themselves is gone.
func (p *play) start() {
	p.tracking = tracking.New(tracking.Options{
		Store: p, Leases: p, Reports: p, Links: p, Evidences: p, Blobs: p.Blobs, Directory: p.Directory,
		Notary: p.Notary, Now: p.Clock.Now, NewID: p.IDs.New,
	})
	queue := delivery.NewLocalQueue(4)
	p.delivery = delivery.New(delivery.Options{
		Store: p, Notary: p.Notary, Queue: queue, Bell: p.tracking, Now: p.Clock.Now, NewID: p.IDs.New, Batch: 3,
		Carriers: map[hub.Channel]delivery.Carrier{hubtest.ChannelTest: p}, Retry: delivery.Backoff{Attempts: 3},
	})
	p.intake = intake.New(intake.Options{
		Store: p, Uploads: p, Blobs: p.Blobs, Staging: p.Blobs, Directory: p.Directory, Verifier: p.Verifier,
		Notary: p.Notary, Queue: queue, Bell: p.tracking, Now: p.Clock.Now, NewID: p.IDs.New, Changes: p.tracking, Canonical: hubtest.CanonicalReport,
	})
}

// Carry implements delivery.Carrier.
func (p *play) Carry(context.Context, hub.Item) error {
	if answer := p.carrier.Load(); answer != nil {
		return *answer
	}
	return nil
}

func (p *play) setCarrier(t *rapid.T) {
	answers := []error{nil, errors.New("no answer"), hub.Invalid("document", "required", "refused")}
	p.carrier.Store(&answers[rapid.IntRange(0, 2).Draw(t, "answer")])
}

func codes() []string {
	return []string{"000.00.12.H47", "000.00.13.H47", "000.31.05.H47", "000.00.14.H47"}
}

func recipients() []hub.AgencyID {
	return []hub.AgencyID{hubtest.Office, hubtest.Bureau, hubtest.Ward, hubtest.Remote}
}

func province() hub.Actor { return hubtest.System(hubtest.Province) }

func (p *play) submit(t *rapid.T) {
	to := rapid.SliceOfNDistinct(rapid.SampledFrom(codes()), 1, 4, rapid.ID).Draw(t, "to")
	sub := p.Submission(fmt.Sprint("document ", len(p.accepted)), to...)
	if rapid.Bool().Draw(t, "with key") {
		sub.Key = "key of " + sub.ExternalID
	}
	if rapid.Bool().Draw(t, "with a shared annex") {
		sub.Parts = append(sub.Parts, p.Part("p2", hub.RoleAttachment, "annex of many"))
	}
	sub.Document.Priority = hub.Priority(rapid.IntRange(0, 3).Draw(t, "priority"))
	first, err := p.intake.Submit(p.ctx, province(), sub)
	if err != nil || first.Duplicate {
		t.Fatalf("submit: %+v, %v", first, err)
	}
	p.accepted = append(p.accepted, submitted{sub, first})
}

func (p *play) submitRejected(t *rapid.T) {
	sub := p.Submission("never", codes()[0], hubtest.UnknownCode)
	_, err := p.intake.Submit(p.ctx, province(), sub)
	var rejection *hub.Rejection
	if !errors.As(err, &rejection) {
		t.Fatalf("not rejected: %v", err)
	}
}

func (p *play) draw(t *rapid.T) *submitted {
	if len(p.accepted) == 0 {
		t.Skip("nothing was sent yet")
	}
	return &p.accepted[rapid.IntRange(0, len(p.accepted)-1).Draw(t, "which")]
}

func (p *play) submitAgain(t *rapid.T) {
	s, before := p.draw(t), p.countEvidence(t)
	got, err := p.intake.Submit(p.ctx, province(), s.sub)
	if err != nil || !got.Duplicate || !bytes.Equal(hub.MarshalReceipt(got.Receipt), hub.MarshalReceipt(s.first.Receipt)) {
		t.Fatalf("submitted again: %+v, %v", got, err)
	}
	if after := p.countEvidence(t); after != before {
		t.Fatalf("the repetition made %d evidences", after-before)
	}
}

func (p *play) submitOther(t *rapid.T) {
	s, before := *p.draw(t), p.countEvidence(t)
	s.sub.Document.Subject += ", bản khác"
	_, err := p.intake.Submit(p.ctx, province(), s.sub)
	if err == nil || hub.KindOf(err) != hub.KindConflict || !strings.Contains(err.Error(), string(s.first.Dispatch.ID)) {
		t.Fatalf("other content under the same id: %v", err)
	}
	if after := p.countEvidence(t); after != before {
		t.Fatalf("the conflict made %d evidences", after-before)
	}
}

func (p *play) work(t *rapid.T) {
	if _, err := p.delivery.Work(p.ctx); err != nil {
		t.Fatal(err)
	}
}

// workAndCrash lets the store fail from the n-th change on, and starts anew.
func (p *play) workAndCrash(t *rapid.T) {
	var left atomic.Int64
	left.Store(rapid.Int64Range(0, 3).Draw(t, "changes before the crash"))
	p.Before = func(string) error {
		if left.Add(-1) < 0 {
			return errors.New("the machine is gone")
		}
		return nil
	}
	_, _ = p.delivery.Work(p.ctx) // fails or not
	_, _ = p.delivery.Expire(p.ctx)
	p.Before = nil
	p.start()
}

func (p *play) crash(*rapid.T) { p.start() }

func (p *play) lease(t *rapid.T) {
	agency := rapid.SampledFrom(recipients()).Draw(t, "agency")
	actor := hubtest.System(agency)
	actor.Name += rapid.SampledFrom([]string{" A", " B"}).Draw(t, "collector")
	items, err := p.tracking.Lease(p.ctx, actor, hub.LeaseRequest{Agency: agency, Max: 2})
	if err != nil {
		t.Fatal(err)
	}
	for _, item := range items {
		if item.Delivery.Recipient != agency || item.Delivery.State != hub.StateConsigned || item.Delivery.Lease.Holder != actor.Name {
			t.Fatalf("leased %+v", item.Delivery)
		}
	}
	p.leases = append(p.leases, items...)
}

// perform remembers an act that succeeded. Only a conflict may stand against it.
func (p *play) perform(t *rapid.T, name string, do func() (hub.SealedEvidence, error)) {
	receipt, err := do()
	switch {
	case err == nil:
		p.acts = append(p.acts, act{name, do, receipt})
	case hub.KindOf(err) != hub.KindConflict:
		t.Fatalf("%s: %v", name, err)
	}
}

func (p *play) drawLease(t *rapid.T) (hub.Item, hub.Actor) {
	if len(p.leases) == 0 {
		t.Skip("nothing was leased yet")
	}
	item := p.leases[rapid.IntRange(0, len(p.leases)-1).Draw(t, "lease")]
	actor := hubtest.System(item.Delivery.Recipient)
	actor.Name = item.Delivery.Lease.Holder
	return item, actor
}

func (p *play) acknowledge(t *rapid.T) {
	item, actor := p.drawLease(t)
	p.acknowledgeThis(t, item, actor)
}

func (p *play) acknowledgeThis(t *rapid.T, item hub.Item, actor hub.Actor) {
	p.perform(t, "acknowledge", func() (hub.SealedEvidence, error) {
		return p.tracking.Acknowledge(p.ctx, actor, item.Delivery.ID, item.Delivery.Lease.Fence, hubtest.Digests(&item.Dispatch))
	})
}

func (p *play) acknowledgeElse(t *rapid.T) {
	item, actor := p.drawLease(t)
	digests := hubtest.Digests(&item.Dispatch)
	digests["p1"] = hub.Digest{1}
	_, err := p.tracking.Acknowledge(p.ctx, actor, item.Delivery.ID, item.Delivery.Lease.Fence, digests)
	if err == nil || hub.KindOf(err) != hub.KindInvalid {
		t.Fatalf("other bytes were acknowledged: %v", err)
	}
}

// goOn does what comes next for one delivery, as most recipients do.
func (p *play) goOn(t *rapid.T) {
	id, actor := p.drawDelivery(t)
	item, err := p.Item(p.ctx, id)
	if err != nil {
		t.Fatal(err)
	}
	switch item.Delivery.State {
	case hub.StateQueued:
		p.work(t)
	case hub.StateConsigned:
		leased, err := p.tracking.Lease(p.ctx, actor, hub.LeaseRequest{Agency: item.Delivery.Recipient, IDs: []hub.DeliveryID{id}})
		if err == nil {
			p.leases = append(p.leases, leased...)
			p.acknowledgeThis(t, leased[0], actor)
		} else if hub.KindOf(err) != hub.KindConflict {
			t.Fatal(err)
		}
	case hub.StateHandedOver:
		rapid.SampledFrom([]func(*rapid.T, hub.DeliveryID, hub.Actor){p.acceptThis, p.refuseThis, p.reportOn}).Draw(t, "answer")(t, id, actor)
	}
}

func (p *play) drawDelivery(t *rapid.T) (hub.DeliveryID, hub.Actor) {
	s := p.draw(t)
	d := s.first.Deliveries[rapid.IntRange(0, len(s.first.Deliveries)-1).Draw(t, "delivery")]
	return d.ID, hubtest.System(d.Recipient)
}

func (p *play) accept(t *rapid.T) {
	id, actor := p.drawDelivery(t)
	p.acceptThis(t, id, actor)
}

func (p *play) acceptThis(t *rapid.T, id hub.DeliveryID, actor hub.Actor) {
	r := hub.Registration{Number: fmt.Sprint(rapid.IntRange(1, 2).Draw(t, "number")), Date: "2026-03-02"}
	p.perform(t, "accept", func() (hub.SealedEvidence, error) { return p.tracking.Accept(p.ctx, actor, id, r) })
}

func (p *play) refuse(t *rapid.T) {
	id, actor := p.drawDelivery(t)
	p.refuseThis(t, id, actor)
}

func (p *play) refuseThis(t *rapid.T, id hub.DeliveryID, actor hub.Actor) {
	reason := hub.Reason{Code: rapid.SampledFrom(hub.RefusalReasons()).Draw(t, "reason"), Detail: "vì sao"}
	fence := rapid.Int64Range(0, 2).Draw(t, "fence")
	p.perform(t, "refuse", func() (hub.SealedEvidence, error) { return p.tracking.Refuse(p.ctx, actor, id, fence, reason) })
}

func (p *play) report(t *rapid.T) {
	id, actor := p.drawDelivery(t)
	p.reportOn(t, id, actor)
}

func (p *play) reportOn(t *rapid.T, id hub.DeliveryID, actor hub.Actor) {
	r := hub.StatusReport{
		Code:        rapid.SampledFrom([]hub.StatusCode{"01", "02", "03", "04", "05", "06"}).Draw(t, "code"),
		Description: "báo cáo", StatedAt: p.Clock.Now(),
	}
	p.perform(t, "report "+string(r.Code), func() (hub.SealedEvidence, error) { return p.tracking.Report(p.ctx, actor, id, r) })
}

// actAgain repeats an act whose answer was lost: the answer is the same.
func (p *play) actAgain(t *rapid.T) {
	if len(p.acts) == 0 {
		t.Skip("nothing was done yet")
	}
	a, before := p.acts[rapid.IntRange(0, len(p.acts)-1).Draw(t, "act")], p.countEvidence(t)
	receipt, err := a.again()
	// A report 03 that came too early has become an acceptance since.
	grown := err == nil && receipt.Evidence.Event == hub.EventConsignmentAcceptance && a.receipt.Evidence.Event == hub.EventStatusReport
	if err != nil || !grown && !bytes.Equal(hub.MarshalReceipt(receipt), hub.MarshalReceipt(a.receipt)) {
		t.Fatalf("%s again: %s after %s, %v", a.name, receipt.Evidence.ID, a.receipt.Evidence.ID, err)
	}
	if after := p.countEvidence(t); after != before {
		t.Fatalf("%s again made %d evidences", a.name, after-before)
	}
}

func (p *play) expire(t *rapid.T) {
	if _, err := p.delivery.Expire(p.ctx); err != nil {
		t.Fatal(err)
	}
}

func (p *play) moveClock(t *rapid.T) {
	steps := []time.Duration{time.Second, 3 * time.Minute, 10 * time.Minute, 2 * time.Hour, 24 * time.Hour, 20 * 24 * time.Hour, -time.Hour}
	p.Clock.Advance(rapid.SampledFrom(steps).Draw(t, "by"))
}

// peek looks with the eyes of everybody who has no business with a dispatch.
func (p *play) peek(t *rapid.T) {
	s := p.draw(t)
	party := map[hub.AgencyID]hub.Delivery{}
	for _, d := range s.first.Deliveries {
		party[d.Recipient] = d
	}
	for _, agency := range append(recipients(), hubtest.Stranger) {
		actor := hubtest.System(agency)
		seen, err := p.tracking.Dispatch(p.ctx, actor, s.first.Dispatch.ID)
		own, is := party[agency]
		switch {
		case is && (err != nil || len(seen.Deliveries) != 1 || seen.Deliveries[0].ID != own.ID):
			t.Fatalf("%s sees %+v of its own, %v", agency, seen.Deliveries, err)
		case !is && (err == nil || hub.KindOf(err) != hub.KindNotFound):
			t.Fatalf("%s sees a dispatch that is not its own: %v", agency, err)
		}
		if _, _, err := p.tracking.Open(p.ctx, actor, s.first.Dispatch.ID, "p1"); !is && (err == nil || hub.KindOf(err) != hub.KindNotFound) {
			t.Fatalf("%s opens content that is not its own: %v", agency, err)
		}
		for _, d := range s.first.Deliveries {
			if _, err := p.tracking.Item(p.ctx, actor, d.ID); d.Recipient != agency && (err == nil || hub.KindOf(err) != hub.KindNotFound) {
				t.Fatalf("%s sees the delivery to %s: %v", agency, d.Recipient, err)
			}
		}
		box, err := p.tracking.Mailbox(p.ctx, actor, hub.MailboxQuery{Agency: agency, States: hub.DeliveryStates()})
		if err != nil {
			t.Fatal(err)
		}
		for _, item := range box.Items {
			if item.Delivery.Recipient != agency {
				t.Fatalf("the box of %s holds a delivery to %s", agency, item.Delivery.Recipient)
			}
		}
	}
}

func (p *play) all(t *rapid.T) []hub.SealedEvidence {
	list, err := p.Evidences(p.ctx, hub.EvidenceQuery{Page: hub.Page{Limit: 10_000}})
	if err != nil || list.Next != "" {
		t.Fatal(list.Next, err)
	}
	return list.Items
}

func (p *play) countEvidence(t *rapid.T) int { return len(p.all(t)) }

// check holds the hub to its promises.
func (p *play) check(t *rapid.T) {
	all := p.all(t)
	p.checkRecord(t, all)
	sent, err := p.Sent(p.ctx, hub.SentQuery{Agency: hubtest.Province, Page: hub.Page{Limit: 10_000}})
	if err != nil || len(sent.Items) != len(p.accepted) {
		t.Fatalf("%d dispatches for %d accepted submissions, %v", len(sent.Items), len(p.accepted), err)
	}
	byDispatch := map[hub.DispatchID][]hub.SealedEvidence{}
	for _, e := range all {
		byDispatch[e.Evidence.Dispatch] = append(byDispatch[e.Evidence.Dispatch], e)
	}
	for i := range p.accepted {
		s, newestFirst := &p.accepted[i], len(sent.Items)-1-i
		item, evidence := &sent.Items[newestFirst], byDispatch[s.first.Dispatch.ID]
		p.checkPurged(t, item, evidence)
		if item.Dispatch.Purged == nil {
			p.checkOriginals(t, s)
		}
		p.checkDispatch(t, s, item, evidence)
	}
}

// checkRecord: evidence is only ever added.
func (p *play) checkRecord(t *rapid.T, all []hub.SealedEvidence) {
	digests := make([]hub.Digest, len(all))
	for i := range all {
		digests[i] = all[i].Digest
	}
	if len(digests) < len(p.digests) || !slices.Equal(digests[:len(p.digests)], p.digests) {
		t.Fatal("recorded evidence has changed")
	}
	p.digests = digests
}

// checkOriginals: no receipt without its bytes, until their time is over.
func (p *play) checkOriginals(t *rapid.T, s *submitted) {
	for _, part := range s.first.Receipt.Evidence.Content.Parts {
		blob, err := p.Blobs.OpenBlob(p.ctx, part.SHA256)
		if err != nil {
			t.Fatal(err)
		}
		if n, err := io.Copy(io.Discard, blob); n != part.Size || err != nil {
			t.Fatalf("part %s has %d of %d bytes, %v", part.ID, n, part.Size, err)
		}
	}
}

// checkDispatch: every delivery is there once, has at most one end, and a whole
// chain that says the same as its row.
func (p *play) checkDispatch(t *rapid.T, s *submitted, item *hub.SentItem, evidence []hub.SealedEvidence) {
	if item.Dispatch.ID != s.first.Dispatch.ID || len(item.Deliveries) != len(s.sub.Recipients) {
		t.Fatalf("%d deliveries of %s for %d recipients of %s", len(item.Deliveries), item.Dispatch.ID, len(s.sub.Recipients), s.first.Dispatch.ID)
	}
	chain, err := audit.InspectChain(evidence)
	if err != nil {
		t.Fatal(err)
	}
	for i := range item.Deliveries {
		d := &item.Deliveries[i]
		if got := chain.Recipients[i].State; got != d.State {
			t.Fatalf("delivery %s is %s, its evidence says %s", d.ID, d.State, got)
		}
		if d.ID != s.first.Deliveries[i].ID || d.Version < p.versions[d.ID] {
			t.Fatalf("delivery %d went back from version %d: %+v", i, p.versions[d.ID], d)
		}
		p.versions[d.ID] = d.Version
		p.checkEnd(t, d, evidence)
		p.checkTakenBack(t, item, d)
	}
}

// checkEnd: one terminal evidence for what has ended, none for what has not, and
// an end for ever.
func (p *play) checkEnd(t *rapid.T, d *hub.Delivery, evidence []hub.SealedEvidence) {
	terminal := 0
	for i := range evidence {
		e := &evidence[i].Evidence
		if e.Delivery != d.ID {
			continue
		}
		switch e.Event {
		case hub.EventConsignmentAcceptance, hub.EventConsignmentRejection, hub.EventContentConsignmentFailure,
			hub.EventContentHandoverFailure, hub.EventAcceptanceRejectionExpiry, hub.EventWithdrawal:
			terminal++
		case hub.EventContentHandover:
			if !d.Registers {
				terminal++
			}
		case hub.EventContentPurge: // it was given back before it was registered
			if d.Registers && d.State == hub.StateHandedOver {
				terminal++
			}
		}
	}
	want := 0
	if d.Final() {
		want = 1
	}
	if terminal != want {
		t.Fatalf("delivery %s is %s with %d terminal evidences", d.ID, d.State, terminal)
	}
	if state, ended := p.ended[d.ID]; ended && state != d.State {
		t.Fatalf("delivery %s had ended as %s and is %s", d.ID, state, d.State)
	}
	if d.Final() {
		p.ended[d.ID] = d.State
	}
}

// end: everything ends visibly, at the latest when its time is over.
func (p *play) end(t *rapid.T) {
	p.Clock.Advance(31*24*time.Hour + time.Hour)
	p.expire(t)
	p.check(t)
	for _, s := range p.accepted {
		for _, d := range s.first.Deliveries {
			if _, ended := p.ended[d.ID]; !ended {
				t.Fatalf("delivery %s never ends", d.ID)
			}
		}
	}
	p.endContent(t)
}
