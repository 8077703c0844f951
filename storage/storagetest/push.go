package storagetest

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/lienthong/lienthong/hub"
)

// Subscriptions keeps who wants to be told.
type Subscriptions interface {
	SubscriptionsVersion(ctx context.Context) (int64, error)
	Subscriptions(ctx context.Context) ([]hub.Subscription, error)
	Subscription(ctx context.Context, id string) (hub.Subscription, error)
	SaveSubscription(ctx context.Context, s hub.Subscription) error
	RemoveSubscription(ctx context.Context, id string) error
}

// Feed reads the log for subscriptions.
type Feed interface {
	PushPosition(ctx context.Context) (position, end int64, err error)
	LogFrom(ctx context.Context, place int64, limit int) ([]hub.PlacedEvidence, error)
	AddPushes(ctx context.Context, from, next int64, pushes []hub.Push) error
}

// Pushes keeps what subscriptions are told.
type Pushes interface {
	DuePushes(ctx context.Context, subscription string, now time.Time, limit int) ([]hub.Push, time.Time, error)
	SavePushes(ctx context.Context, pushes ...hub.Push) (int, error)
	Pushes(ctx context.Context, query hub.PushQuery) (hub.List[hub.Push], error)
	ReplayPushes(ctx context.Context, subscription string, which hub.Replay, now time.Time) (int, error)
	PrunePushes(ctx context.Context, before time.Time, limit int) (int, error)
}

func (b *bench) subscription(id string) hub.Subscription {
	return hub.Subscription{
		ID: id, Agency: "r1", Kind: hub.SubscriptionWebhook, Target: "https://xa.example/<hook>", Topics: hub.Topics(), Created: b.Clock, By: "k1",
		Version: 1, Secrets: []hub.SubscriptionSecret{{Sealed: []byte{0, 255}, Created: b.Clock}},
	}
}

func (b *bench) push(subscription string, place int64) hub.Push {
	return hub.Push{
		Subscription: subscription, Place: place, Evidence: hub.EvidenceID(b.ID()), Topic: hub.TopicWaiting, Dispatch: "d", Delivery: "v",
		At: b.Clock.Add(time.Duration(place) * time.Minute), State: hub.PushWaiting, Due: b.Clock.Add(time.Duration(place) * time.Minute),
	}
}

// pushHistory gives a store subscriptions and pushes.
func (b *bench) pushHistory() {
	b.t.Helper()
	b.must(b.store.SaveSubscription(b.ctx, b.subscription("s1")))
	b.must(b.store.AddPushes(b.ctx, 0, 7, []hub.Push{b.push("s1", 2), b.push("s1", 5)}))
}

func (b *bench) pushAnswers(keep func(name string, value any, err error)) {
	all, err := b.store.Subscriptions(b.ctx)
	keep("subscriptions", all, err)
	list, err := b.store.Pushes(b.ctx, hub.PushQuery{Subscription: "s1", Page: hub.Page{Limit: 10}})
	keep("pushes", list, err)
	position, _, err := b.store.PushPosition(b.ctx)
	keep("push position", position, err)
}

func testSubscriptions(t *testing.T, back Backend) {
	b := newBench(t, back)
	version := func() int64 {
		v, err := b.store.SubscriptionsVersion(b.ctx)
		b.must(err)
		return v
	}
	began := version()
	second := b.subscription("s2")
	b.must(b.store.SaveSubscription(b.ctx, second))
	b.must(b.store.SaveSubscription(b.ctx, b.subscription("s1")))
	b.wants(hub.KindConflict, b.store.SaveSubscription(b.ctx, second))
	second.Version, second.Paused = 2, &hub.Pause{Reason: hub.PauseGone, At: b.Clock}
	b.must(b.store.SaveSubscription(b.ctx, second))
	b.wants(hub.KindConflict, b.store.SaveSubscription(b.ctx, second)) // made from a version of before
	if version() <= began {
		t.Error("a change of subscriptions cannot be noticed")
	}
	b.store = back.Reopen(t, b.store)
	all, err := b.store.Subscriptions(b.ctx)
	b.must(err)
	same(t, "subscriptions by id", all, []hub.Subscription{b.subscription("s1"), second})

	b.must(b.store.AddPushes(b.ctx, 0, 9, []hub.Push{b.push("s1", 1), b.push("s2", 1)}))
	before := version()
	b.must(b.store.RemoveSubscription(b.ctx, "s2"))
	b.must(b.store.RemoveSubscription(b.ctx, "s2"))
	if version() == before {
		t.Error("a removal cannot be noticed")
	}
	_, err = b.store.Subscription(b.ctx, "s2")
	b.wants(hub.KindNotFound, err)
	third := b.subscription("s2")
	third.Version = 3
	b.wants(hub.KindConflict, b.store.SaveSubscription(b.ctx, third)) // what is gone does not come back
	if n := len(b.pushes("s2", "")); n != 0 {
		t.Errorf("%d pushes stay behind", n)
	}
	if n := len(b.pushes("s1", "")); n != 1 {
		t.Errorf("%d pushes of another one are there, want 1", n)
	}
}

// pushes reads a listing in pages of one.
func (b *bench) pushes(subscription string, state hub.PushState) []hub.Push {
	b.t.Helper()
	var all []hub.Push
	for page := (hub.Page{Limit: 1}); ; {
		list, err := b.store.Pushes(b.ctx, hub.PushQuery{Subscription: subscription, State: state, Page: page})
		b.must(err)
		all = append(all, list.Items...)
		if page.After = list.Next; page.After == "" {
			return all
		}
	}
}

func testPushes(t *testing.T, back Backend) {
	b := newBench(t, back)
	_, err := b.store.Pushes(b.ctx, hub.PushQuery{Subscription: "s1", Page: hub.Page{Limit: 1, After: "x"}})
	b.wants(hub.KindInvalid, err)
	all := []hub.Push{b.push("s1", 1), b.push("s1", 2), b.push("s1", 3)}
	b.must(b.store.AddPushes(b.ctx, 0, 4, append(slices.Clone(all), b.push("s2", 2))))
	same(t, "pushes by place", b.pushes("s1", ""), all)

	at := func(minutes int) time.Time { return b.Clock.Add(time.Duration(minutes) * time.Minute) }
	due := func(now time.Time) ([]hub.Push, time.Time) {
		list, next, err := b.store.DuePushes(b.ctx, "s1", now, 10)
		b.must(err)
		return list, next
	}
	if list, next := due(at(0)); len(list) != 0 || !next.Equal(at(1)) {
		t.Errorf("nothing is due before %s, not %v", next, list)
	}
	list, _ := due(at(2))
	same(t, "what is due", list, all[:2])

	all[0].State, all[0].Tried, all[0].Attempts = hub.PushTold, at(2), 1
	all[1].Due, all[1].Attempts, all[1].LastError = at(30), 1, "500 <Lỗi>"
	all[2].State = hub.PushUnknown
	save := func(want int, pushes ...hub.Push) {
		t.Helper()
		n, err := b.store.SavePushes(b.ctx, pushes...)
		b.must(err)
		if n != want {
			t.Errorf("%d pushes were saved, want %d", n, want)
		}
	}
	save(3, all...)
	save(0, all[2]) // it was marked before
	all[2].Attempts, all[2].LastError = 1, "no answer"
	save(1, all[2])
	same(t, "saved", b.pushes("s1", ""), all)
	late := all[0]
	late.State = hub.PushSetAside
	all[2].State = hub.PushSetAside // an unknown end may become known
	save(1, late, all[2])
	same(t, "what is settled stays", b.pushes("s1", ""), all)
	same(t, "by state", b.pushes("s1", hub.PushSetAside), all[2:])
	from, err := b.store.Pushes(b.ctx, hub.PushQuery{Subscription: "s1", From: 2, Page: hub.Page{Limit: 1}})
	b.must(err)
	rest, err := b.store.Pushes(b.ctx, hub.PushQuery{Subscription: "s1", From: 2, Page: hub.Page{Limit: 9, After: from.Next}})
	b.must(err)
	same(t, "from a place on", append(from.Items, rest.Items...), all[1:])
	if list, next := due(at(3)); len(list) != 0 || !next.Equal(at(30)) {
		t.Errorf("the next is due at %s, %v now", next, list)
	}

	replay := func(which hub.Replay, want int) {
		t.Helper()
		n, err := b.store.ReplayPushes(b.ctx, "s1", which, at(40))
		b.must(err)
		if n != want {
			t.Errorf("%+v replays %d, want %d", which, n, want)
		}
	}
	replay(hub.Replay{Since: at(2), SetAside: true}, 1)
	replay(hub.Replay{Evidence: "none"}, 0)
	replay(hub.Replay{Evidence: all[0].Evidence}, 1)
	replay(hub.Replay{}, 0) // all wait already
	if list, _ := due(at(40)); len(list) != 3 || list[0].Attempts != 0 || list[1].Attempts != 1 {
		t.Errorf("after a replay: %+v", list)
	}

	n, err := b.store.PrunePushes(b.ctx, at(3), 2)
	b.must(err)
	if left := b.pushes("s1", ""); n != 2 || len(left)+len(b.pushes("s2", "")) != 2 || left[len(left)-1].Place != 3 {
		t.Errorf("pruned %d, %+v are left", n, left)
	}
}

// neededByFigures is an entry without what figures do not need.
func neededByFigures(p *hub.PlacedEvidence) hub.PlacedEvidence {
	e, needed := &p.Evidence.Evidence, hub.PlacedEvidence{Place: p.Place}
	needed.Evidence.Evidence = hub.Evidence{Delivery: e.Delivery, Event: e.Event, Time: e.Time, Dispatch: e.Dispatch, Reasons: e.Reasons, Tasks: e.Tasks}
	for _, r := range e.Recipients {
		needed.Evidence.Evidence.Recipients = append(needed.Evidence.Evidence.Recipients, hub.Party{ID: r.ID, Index: r.Index, ForInformation: r.ForInformation})
	}
	return needed
}

func testPushFeed(t *testing.T, back Backend) {
	b := newBench(t, back)
	accepted := []hub.Accepted{b.accept("r1"), b.accept("r1")}
	b.logHistory() // two shards: a note and two evidences, and a link
	var found []hub.PlacedEvidence
	position, end, err := b.store.PushPosition(b.ctx)
	b.must(err)
	if position != 0 {
		t.Errorf("the log was read to %d", position)
	}
	for from := position; ; {
		page, err := b.store.LogFrom(b.ctx, from, 2)
		b.must(err)
		if len(page) == 0 {
			break
		}
		found = append(found, page...)
		from = page[len(page)-1].Place + 1
	}
	counted, err := b.store.FigureEntries(b.ctx, 0, 10)
	b.must(err)
	if len(counted) != len(found) {
		t.Fatalf("%d entries, with what figures need %d", len(found), len(counted))
	}
	for i := range found {
		same(t, "what figures need of an entry", counted[i], neededByFigures(&found[i]))
	}
	if len(found) != 4 || found[3].Evidence.Canonical != nil || found[3].Place+1 != end {
		t.Fatalf("the log to %d: %+v", end, found)
	}
	evidence := 0
	for i, p := range found {
		if i > 0 && p.Place <= found[i-1].Place {
			t.Errorf("place %d behind %d", p.Place, found[i-1].Place)
		}
		if p.Evidence.Canonical != nil {
			same(t, "an evidence of the log", p.Evidence, accepted[evidence].Receipt)
			evidence++
		}
	}
	if evidence != 2 {
		t.Errorf("%d evidences, want 2", evidence)
	}

	b.must(b.store.AddPushes(b.ctx, 0, found[2].Place, []hub.Push{b.push("s1", 1)}))
	b.wants(hub.KindConflict, b.store.AddPushes(b.ctx, 0, end, []hub.Push{b.push("s1", 2)}))
	b.must(b.store.AddPushes(b.ctx, found[2].Place, end, []hub.Push{b.push("s1", 1)})) // there already
	b.store = back.Reopen(t, b.store)
	b.must(b.store.AddPushes(b.ctx, end, end+1, nil))
	if n := len(b.pushes("s1", "")); n != 1 {
		t.Errorf("%d pushes, want 1", n)
	}
}
