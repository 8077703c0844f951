package push_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/hub/hubtest"
	"github.com/lienthong/lienthong/hub/push"
)

// world is a service over a store in memory, with tellers that do as they are told.
type world struct {
	*push.Service
	*memory
	clock *hubtest.Clock
	hook  *teller
	mail  *teller
	notes []string
}

const (
	sender    hub.AgencyID = "sender"
	recipient hub.AgencyID = "recipient"
)

func newWorld(t *testing.T, change ...func(*push.Options)) *world {
	t.Helper()
	w := &world{memory: newMemory(), clock: hubtest.NewClock(), hook: &teller{}, mail: &teller{}}
	n := 0
	o := push.Options{
		Subscriptions: w.memory, Feed: w.memory, Outbox: w.memory, Items: w.memory, Noted: w.memory, Steps: w.memory, Contents: w.memory, Directory: w.memory, Vault: safe{}, Notes: w,
		Now: w.clock.Now, Random: func(b []byte) error { return nil }, Jitter: func(time.Duration) time.Duration { return 0 },
		NewID: func() string { n++; return fmt.Sprintf("id%d", n) },
		Ways: map[hub.SubscriptionKind]push.Way{
			hub.SubscriptionWebhook: {Teller: w.hook, Batch: 1, Signed: true},
			hub.SubscriptionMail:    {Teller: w.mail, Batch: 10, Gather: 10 * time.Minute, Once: true},
		},
	}
	o.Notary = &hubtest.Notary{Now: o.Now, NewID: o.NewID}
	for _, c := range change {
		c(&o)
	}
	w.Service = push.New(o)
	return w
}

// Note implements push.Notes.
func (w *world) Note(_ context.Context, kind hub.LogNoteKind, fact any) error {
	w.notes = append(w.notes, fmt.Sprintf("%s %+v", kind, fact))
	return nil
}

func (w *world) work(t *testing.T) {
	t.Helper()
	if err := w.Work(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func operator() hub.Actor {
	return hub.Actor{Name: "op", Kind: hub.ActorOperator, Scopes: []hub.Scope{hub.ScopeOperate}}
}

func system(agency hub.AgencyID) hub.Actor {
	return hub.Actor{Name: "key", Kind: hub.ActorSystem, Agencies: []hub.AgencyID{agency}, Scopes: []hub.Scope{hub.ScopeCollect}}
}

func (w *world) subscribe(t *testing.T, wish hub.Subscription) hub.Subscription {
	t.Helper()
	if wish.Target == "" {
		wish.Target = "there"
	}
	sub, _, err := w.Create(t.Context(), operator(), wish)
	if err != nil {
		t.Fatal(err)
	}
	return sub
}

func (w *world) sub(t *testing.T, id string) hub.Subscription {
	t.Helper()
	sub, err := w.Get(t.Context(), operator(), id)
	if err != nil {
		t.Fatal(err)
	}
	return sub
}

// teller notes what it is told and answers what the test says.
type teller struct {
	mu    sync.Mutex
	calls []hub.PushCall
	// answer returns what becomes of a call; nil for success.
	answer func(hub.PushCall) error
}

// CheckTarget implements push.Teller.
func (*teller) CheckTarget(target string) error {
	if target == "bad" {
		return hub.Invalid("target", "url", "bad")
	}
	return nil
}

// Tell implements push.Teller.
func (f *teller) Tell(_ context.Context, call hub.PushCall) error {
	f.mu.Lock()
	f.calls = append(f.calls, call)
	answer := f.answer
	f.mu.Unlock()
	if answer == nil {
		return nil
	}
	return answer(call)
}

// told lists the ids of all events of all calls since the last time.
func (f *teller) told() [][]string {
	f.mu.Lock()
	defer f.mu.Unlock()
	var all [][]string
	for _, c := range f.calls {
		var ids []string
		for _, e := range c.Events {
			ids = append(ids, e.ID)
		}
		all = append(all, ids)
	}
	f.calls = nil
	return all
}

// memory is a store that forgets nothing it was told durably.
type memory struct {
	mu       sync.Mutex
	version  int64
	subs     map[string]hub.Subscription
	log      []hub.PlacedEvidence
	position int64
	outbox   map[string][]hub.Push
	items    map[hub.DeliveryID]hub.Item
	evidence map[hub.EvidenceID]hub.SealedEvidence
	dossiers map[string]hub.LogNote
	// looked is called before each look into the log, added behind what was recorded; its
	// error is the answer.
	looked func()
	added  func() error
	saving func() // called before what became of pushes is recorded
	// stepping is called before steps are recorded; its error is the answer.
	stepping func() error
}

func newMemory() *memory {
	return &memory{
		subs: map[string]hub.Subscription{}, outbox: map[string][]hub.Push{}, items: map[hub.DeliveryID]hub.Item{}, evidence: map[hub.EvidenceID]hub.SealedEvidence{}, dossiers: map[string]hub.LogNote{},
	}
}

// dossier puts the note of an event of a dossier into the log.
func (m *memory) dossier(t *testing.T, id string, at time.Time, fact hub.DossierFact) {
	t.Helper()
	body, err := json.Marshal(fact)
	if err != nil {
		t.Fatal(err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	note := hub.LogNote{ID: id, Kind: hub.LogNoteDossier, Time: at, Body: body}
	m.dossiers[id] = note
	m.log = append(m.log, hub.PlacedEvidence{Place: int64(len(m.log)), Note: &note})
}

func (m *memory) LogNote(_ context.Context, id string) (hub.LogNote, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.dossiers[id], nil
}

// happen puts an evidence about a delivery into the log.
func (m *memory) happen(id hub.EvidenceID, event hub.Event, at time.Time, state hub.DeliveryState) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delivery := hub.DeliveryID("d-" + id)
	m.items[delivery] = hub.Item{
		Dispatch: hub.Dispatch{ID: "x", Sender: sender}, Delivery: hub.Delivery{ID: delivery, Recipient: recipient, Registers: true, State: state, LastEvidence: hub.EvidenceRef{ID: id, SHA256: hub.Digest{1}}},
	}
	sealed := hub.SealedEvidence{Canonical: []byte("{}"), Evidence: hub.Evidence{
		ID: id, Event: event, Time: at, Dispatch: "x", Delivery: delivery, Sender: &hub.Party{ID: sender}, Recipients: []hub.Party{{ID: recipient}},
	}}
	m.evidence[id] = sealed
	m.log = append(m.log, hub.PlacedEvidence{Place: int64(len(m.log)), Evidence: sealed})
}

func (m *memory) SubscriptionsVersion(context.Context) (int64, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.version, nil
}

func (m *memory) Subscriptions(context.Context) ([]hub.Subscription, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var all []hub.Subscription
	for _, s := range m.subs {
		all = append(all, s)
	}
	slices.SortFunc(all, func(a, b hub.Subscription) int { return len(a.ID) - len(b.ID) })
	return all, nil
}

func (m *memory) Subscription(_ context.Context, id string) (hub.Subscription, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	s, ok := m.subs[id]
	if !ok {
		return s, hub.Errorf(hub.KindNotFound, "", "", "none")
	}
	return s, nil
}

func (m *memory) SaveSubscription(_ context.Context, s hub.Subscription) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.subs[s.ID].Version != s.Version-1 {
		return hub.Errorf(hub.KindConflict, "", "", "changed")
	}
	m.subs[s.ID] = s
	m.version++
	return nil
}

func (m *memory) RemoveSubscription(_ context.Context, id string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.subs, id)
	delete(m.outbox, id)
	m.version++
	return nil
}

func (m *memory) PushPosition(context.Context) (int64, int64, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.position, int64(len(m.log)), nil
}

func (m *memory) LogFrom(_ context.Context, place int64, limit int) ([]hub.PlacedEvidence, error) {
	if m.looked != nil {
		m.looked()
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	rest := m.log[min(int(place), len(m.log)):]
	return slices.Clone(rest[:min(limit, len(rest))]), nil
}

func (m *memory) AddPushes(_ context.Context, from, next int64, pushes []hub.Push) error {
	if err := m.add(from, next, pushes); err != nil || m.added == nil {
		return err
	}
	return m.added()
}

func (m *memory) add(from, next int64, pushes []hub.Push) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.position != from {
		return hub.Errorf(hub.KindConflict, "", "", "moved")
	}
	m.position = next
	for _, p := range pushes {
		m.outbox[p.Subscription] = append(m.outbox[p.Subscription], p)
	}
	return nil
}

func (m *memory) DuePushes(_ context.Context, id string, now time.Time, limit int) ([]hub.Push, time.Time, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var due []hub.Push
	var next time.Time
	for _, p := range m.outbox[id] {
		switch {
		case p.State != hub.PushWaiting:
		case !p.Due.After(now) && len(due) < limit:
			due = append(due, p)
		case next.IsZero() || p.Due.Before(next):
			next = p.Due
		}
	}
	if len(due) > 0 {
		next = time.Time{}
	}
	return due, next, nil
}

func (m *memory) SavePushes(_ context.Context, pushes ...hub.Push) (int, error) {
	if m.saving != nil {
		m.saving()
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	n := 0
	for _, p := range pushes {
		for i, there := range m.outbox[p.Subscription] {
			again := there.State == hub.PushUnknown && (p.State != hub.PushUnknown || p.Attempts > there.Attempts)
			if there.Place == p.Place && (there.State == hub.PushWaiting || again) {
				m.outbox[p.Subscription][i] = p
				n++
			}
		}
	}
	return n, nil
}

func (m *memory) Pushes(_ context.Context, q hub.PushQuery) (hub.List[hub.Push], error) {
	all := slices.DeleteFunc(m.pushed(q.Subscription), func(p hub.Push) bool { return p.Place < q.From || q.State != "" && p.State != q.State })
	return hub.List[hub.Push]{Items: all[:min(len(all), q.Page.Limit)]}, nil
}

// ApplySteps records steps, and the log takes their evidence.
func (m *memory) ApplySteps(_ context.Context, steps ...hub.Step) ([]error, error) {
	if m.stepping != nil {
		if err := m.stepping(); err != nil {
			return nil, err
		}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	results := make([]error, len(steps))
	for i, s := range steps {
		item := m.items[s.Delivery.ID]
		if item.Delivery.Version != s.Version || item.Delivery.State != s.From {
			results[i] = hub.Errorf(hub.KindConflict, "", "", "moved")
			continue
		}
		item.Delivery = s.Delivery
		m.items[s.Delivery.ID] = item
		for _, e := range s.Evidence {
			m.evidence[e.Evidence.ID] = e
			m.log = append(m.log, hub.PlacedEvidence{Place: int64(len(m.log)), Evidence: e})
		}
	}
	return results, nil
}

func (m *memory) pushed(id string) []hub.Push {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.outbox[id])
}

func (m *memory) ReplayPushes(_ context.Context, id string, which hub.Replay, now time.Time) (int, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	n := 0
	for i := range m.outbox[id] {
		p := &m.outbox[id][i]
		if p.State != hub.PushWaiting && (!which.SetAside || p.State == hub.PushSetAside) {
			p.State, p.Due, p.Attempts = hub.PushWaiting, now, 0
			n++
		}
	}
	return n, nil
}

func (m *memory) PrunePushes(_ context.Context, before time.Time, _ int) (int, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for id, list := range m.outbox {
		m.outbox[id] = slices.DeleteFunc(list, func(p hub.Push) bool { return p.At.Before(before) })
	}
	return 0, nil
}

func (m *memory) Item(_ context.Context, id hub.DeliveryID) (hub.Item, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.items[id], nil
}

func (m *memory) Evidence(_ context.Context, id hub.EvidenceID) (hub.SealedEvidence, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.evidence[id], nil
}

func (m *memory) Open(context.Context, hub.Actor, hub.DispatchID, string) (hub.Part, hub.Blob, error) {
	return hub.Part{}, nil, hub.Errorf(hub.KindNotFound, "", "", "none")
}

func (m *memory) ByID(id hub.AgencyID) (*hub.Agency, bool) {
	return &hub.Agency{ID: id}, id == sender || id == recipient
}

// safe is a vault.
type safe struct{}

func (safe) Seal(_ context.Context, secret []byte, about string) ([]byte, error) {
	return append([]byte(about+" "), secret...), nil
}

func (safe) Open(sealed []byte, about string) ([]byte, error) {
	secret, ok := bytes.CutPrefix(sealed, []byte(about+" "))
	if !ok {
		return nil, hub.Errorf(hub.KindInternal, "", "", "sealed about something else")
	}
	return secret, nil
}
