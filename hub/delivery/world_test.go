package delivery_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/hub/delivery"
	"github.com/lienthong/lienthong/hub/hubtest"
)

// fixture is a delivery engine in its surroundings.
type fixture struct {
	*hubtest.World
	*delivery.Service
	bell    *bell
	channel hub.Channel // of recipients that are not in the directory
}

func newFixture(changes ...func(*delivery.Options)) *fixture {
	w := hubtest.NewWorld()
	f := &fixture{World: w, bell: &bell{}, channel: hubtest.ChannelTest}
	o := delivery.Options{
		Store: w, Notary: w.Notary, Queue: delivery.NewLocalQueue(100), Bell: f.bell, Now: w.Clock.Now, NewID: w.IDs.New,
		Jitter: func(time.Duration) time.Duration { return 0 },
	}
	for _, change := range changes {
		change(&o)
	}
	f.Service = delivery.New(o)
	return f
}

// carriedBy gives the test channel a carrier.
func carriedBy(c delivery.Carrier) func(*delivery.Options) {
	return func(o *delivery.Options) { o.Carriers = map[hub.Channel]delivery.Carrier{hubtest.ChannelTest: c} }
}

// carrier is a function that carries.
type carrier func(ctx context.Context, item hub.Item) error

func (c carrier) Carry(ctx context.Context, item hub.Item) error { return c(ctx, item) }

// bell remembers who was rung for.
type bell struct {
	mu   sync.Mutex
	rung []hub.AgencyID
}

func (b *bell) Ring(agency hub.AgencyID) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.rung = append(b.rung, agency)
}

func (b *bell) heard() []hub.AgencyID {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Sorted(slices.Values(b.rung))
}

// accept records a dispatch to recipients, as the intake does.
func (f *fixture) accept(t *testing.T, recipients ...hub.AgencyID) hub.Accepted {
	t.Helper()
	return f.acceptAs(t, func(*hub.Acceptance) {}, recipients...)
}

// acceptAs records a dispatch that was changed before.
func (f *fixture) acceptAs(t *testing.T, change func(*hub.Acceptance), recipients ...hub.AgencyID) hub.Accepted {
	t.Helper()
	id, now := hub.DispatchID(f.IDs.New()), f.Clock.Now()
	d := hub.Dispatch{
		ID: id, Sender: hubtest.Province, ExternalID: string(id), Operation: hub.OperationNew, AcceptedAt: now,
		Parts: []hub.Part{f.Part("p1", hub.RoleOriginal, "signed")},
	}
	e := hub.Evidence{Event: hub.EventSubmissionAcceptance, Dispatch: id, Content: hub.PartFacts(d.Parts)}
	for i, r := range recipients {
		e.Recipients = append(e.Recipients, hub.Party{ID: r, Index: &i})
	}
	sealed, err := f.Notary.Seal(t.Context(), e)
	if err != nil {
		t.Fatal(err)
	}
	a := hub.Acceptance{Dispatch: d, Evidence: sealed}
	for i, r := range recipients {
		agency, ok := f.Directory.ByID(r)
		if !ok {
			agency = &hub.Agency{ID: r, Channels: []hub.Dated[hub.Channel]{{Value: f.channel}}}
		}
		a.Deliveries = append(a.Deliveries, hub.Delivery{
			ID: hub.DeliveryID(f.IDs.New()), Dispatch: id, Index: i, Recipient: r, Channel: agency.ChannelAt(now),
			Registers: agency.Registers, State: hub.StateQueued, Version: 1, ExpiresAt: now.Add(30 * 24 * time.Hour),
			NextAttempt: now, LastEvidence: sealed[0].Ref(),
		})
	}
	change(&a)
	accepted, err := f.Accept(t.Context(), a)
	if err != nil {
		t.Fatal(err)
	}
	return accepted
}

func (f *fixture) work(t *testing.T, want int, dispatches ...hub.DispatchID) {
	t.Helper()
	if n, err := f.Work(t.Context(), dispatches...); n != want || err != nil {
		t.Fatalf("settled %d, %v; want %d", n, err, want)
	}
}

// now returns a delivery as it is stored.
func (f *fixture) now(t *testing.T, d hub.Delivery) hub.Delivery {
	t.Helper()
	item, err := f.Item(t.Context(), d.ID)
	if err != nil {
		t.Fatal(err)
	}
	return item.Delivery
}

// chain returns the events of a delivery, and fails the test where a link is wrong.
func (f *fixture) chain(t *testing.T, d hub.Delivery) []string {
	t.Helper()
	item, err := f.DispatchItem(t.Context(), d.Dispatch)
	if err != nil {
		t.Fatal(err)
	}
	list, err := f.Evidences(t.Context(), hub.EvidenceQuery{Dispatch: item.Dispatch.ID, Page: hub.Page{Limit: 1000}})
	if err != nil {
		t.Fatal(err)
	}
	last := list.Items[0].Ref()
	var events []string
	for _, e := range list.Items[1:] {
		if e.Evidence.Delivery != d.ID {
			continue
		}
		if *e.Evidence.Prev != last {
			t.Errorf("%s does not follow its predecessor", e.Evidence.Event.Name())
		}
		last = e.Ref()
		text := e.Evidence.Event.Name()
		if e.Evidence.Event.Negative() {
			text += fmt.Sprintf("(%s)", e.Evidence.Reasons[0].Code)
		}
		events = append(events, text)
	}
	if head := f.now(t, d).LastEvidence; head != last {
		t.Errorf("the delivery's last evidence is %s, the chain ends with %s", head.ID, last.ID)
	}
	return events
}

func (f *fixture) wantChain(t *testing.T, d hub.Delivery, events ...string) {
	t.Helper()
	if got := f.chain(t, d); !slices.Equal(got, events) {
		t.Errorf("chain %v, want %v", got, events)
	}
}
