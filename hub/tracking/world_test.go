package tracking_test

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/hub/hubtest"
	"github.com/lienthong/lienthong/hub/tracking"
)

// fixture is tracking in its surroundings.
type fixture struct {
	*hubtest.World
	*tracking.Service
	links []hub.Link // of what is accepted
}

func newFixture() *fixture {
	w := hubtest.NewWorld()
	return &fixture{World: w, Service: tracking.New(tracking.Options{
		Store: w, Leases: w, Reports: w, Links: w, Notices: w, Evidences: w, Blobs: w.Blobs, Directory: w.Directory,
		Notary: w.Notary, Now: w.Clock.Now, NewID: w.IDs.New,
	})}
}

var (
	province = hubtest.System(hubtest.Province)
	office   = hubtest.System(hubtest.Office)
	bureau   = hubtest.System(hubtest.Bureau)
	ward     = hubtest.System(hubtest.Ward)
	stranger = hubtest.System(hubtest.Stranger)
)

// accept records a dispatch with two parts and a package, as the intake does.
func (f *fixture) accept(t *testing.T, recipients ...hub.AgencyID) hub.Accepted {
	t.Helper()
	id, now := hub.DispatchID(f.IDs.New()), f.Clock.Now()
	sub := f.Submission("ext-" + string(id))
	d := hub.Dispatch{
		ID: id, Sender: hubtest.Province, SenderCode: "000.00.00.H47", ExternalID: sub.ExternalID,
		Operation: hub.OperationNew, AcceptedAt: now, Document: sub.Document, Links: f.links,
		Parts: append(sub.Parts, f.Part("p2", hub.RoleAttachment, "annex"), f.Part("envelope", hub.RoleEnvelope, "package "+string(id))),
	}
	e := hub.Evidence{Event: hub.EventSubmissionAcceptance, Dispatch: id, Content: hub.PartFacts(d.Parts)}
	for i, r := range recipients {
		e.Recipients = append(e.Recipients, hub.Party{ID: r, Index: &i})
	}
	sealed, err := f.Notary.Seal(t.Context(), e)
	if err != nil {
		t.Fatal(err)
	}
	a := hub.Acceptance{Dispatch: d, Evidence: sealed, Reports: []hub.SignatureReport{{Part: "p1", Indication: hub.TotalPassed}}}
	for i, r := range recipients {
		agency, _ := f.Directory.ByID(r)
		a.Deliveries = append(a.Deliveries, hub.Delivery{
			ID: hub.DeliveryID(f.IDs.New()), Dispatch: id, Index: i, Recipient: r, Channel: hub.ChannelPull,
			Registers: agency.Registers, State: hub.StateQueued, Version: 1, ExpiresAt: now.Add(30 * 24 * time.Hour),
			LastEvidence: sealed[0].Ref(), LastError: "of the hub",
		})
	}
	accepted, err := f.World.Accept(t.Context(), a)
	if err != nil {
		t.Fatal(err)
	}
	return accepted
}

// to moves a delivery along without evidence, as somebody else's act.
func (f *fixture) to(t *testing.T, d hub.Delivery, states ...hub.DeliveryState) hub.Delivery {
	t.Helper()
	for _, state := range states {
		d = f.now(t, d.ID)
		step := hub.Step{Delivery: d, From: d.State, Version: d.Version}
		step.Delivery.State = state
		if results, err := f.ApplySteps(t.Context(), step); err != nil || results[0] != nil {
			t.Fatal(results, err)
		}
	}
	return f.now(t, d.ID)
}

// consigned returns a delivery in the box of a recipient.
func (f *fixture) consigned(t *testing.T, recipient hub.AgencyID) hub.Item {
	t.Helper()
	a := f.accept(t, recipient)
	return hub.Item{Dispatch: a.Dispatch, Delivery: f.to(t, a.Deliveries[0], hub.StateConsigned)}
}

// leased returns a delivery under a lease of the recipient's system.
func (f *fixture) leased(t *testing.T, actor hub.Actor) hub.Item {
	t.Helper()
	item := f.consigned(t, actor.Agencies[0])
	items, err := f.Lease(t.Context(), actor, hub.LeaseRequest{Agency: actor.Agencies[0], IDs: []hub.DeliveryID{item.Delivery.ID}})
	if err != nil {
		t.Fatal(err)
	}
	return items[0]
}

// handedOver returns a delivery that the recipient's system acknowledged.
func (f *fixture) handedOver(t *testing.T, actor hub.Actor) hub.Item {
	t.Helper()
	item := f.leased(t, actor)
	if _, err := f.ack(t, actor, item); err != nil {
		t.Fatal(err)
	}
	return hub.Item{Dispatch: item.Dispatch, Delivery: f.now(t, item.Delivery.ID)}
}

func (f *fixture) ack(t *testing.T, actor hub.Actor, item hub.Item) (hub.SealedEvidence, error) {
	return f.Acknowledge(t.Context(), actor, item.Delivery.ID, item.Delivery.Lease.Fence, hubtest.Digests(&item.Dispatch))
}

func (f *fixture) now(t *testing.T, id hub.DeliveryID) hub.Delivery {
	t.Helper()
	item, err := f.World.Item(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return item.Delivery
}

// events lists the events of a delivery, and fails the test where a link is wrong.
func (f *fixture) events(t *testing.T, id hub.DeliveryID) []string {
	t.Helper()
	list, err := f.World.Evidences(t.Context(), hub.EvidenceQuery{Delivery: id, Page: hub.Page{Limit: 1000}})
	if err != nil {
		t.Fatal(err)
	}
	var events []string
	for i, e := range list.Items {
		if i > 0 && *e.Evidence.Prev != list.Items[i-1].Ref() {
			t.Errorf("%s does not follow its predecessor", e.Evidence.Event.Name())
		}
		events = append(events, e.Evidence.Event.Name())
	}
	if n := len(list.Items); n > 0 && f.now(t, id).LastEvidence != list.Items[n-1].Ref() {
		t.Error("the delivery does not point to the end of its chain")
	}
	return events
}

// wantEvents fails the test unless the delivery is in a state after these events.
func (f *fixture) wantEvents(t *testing.T, id hub.DeliveryID, state hub.DeliveryState, events ...string) {
	t.Helper()
	if got := f.events(t, id); !slices.Equal(got, events) {
		t.Errorf("events %v, want %v", got, events)
	}
	if got := f.now(t, id).State; got != state {
		t.Errorf("the delivery is %s, want %s", got, state)
	}
}

func rules(err error) string {
	var list []string
	for _, v := range hub.ViolationsOf(err) {
		list = append(list, v.Field+" "+v.Rule)
	}
	return strings.Join(list, ", ")
}

func wantError(t *testing.T, err error, kind hub.ErrorKind, rule string) {
	t.Helper()
	if err == nil || hub.KindOf(err) != kind || rules(err) != rule {
		t.Errorf("got %v (%s), want kind %s, %s", err, rules(err), kind, rule)
	}
}

// wantSame fails the test unless both are the same receipt, byte for byte.
func wantSame(t *testing.T, first, again hub.SealedEvidence, err error) {
	t.Helper()
	if err != nil || !bytes.Equal(hub.MarshalReceipt(first), hub.MarshalReceipt(again)) {
		t.Errorf("the same act again gives another answer: %s and %s, %v", first.Evidence.ID, again.Evidence.ID, err)
	}
}

// interrupt runs act once, just before the store does what method says.
func (f *fixture) interrupt(method string, act func()) {
	f.Before = func(m string) error {
		if m == method {
			f.Before = nil
			act()
		}
		return nil
	}
}
