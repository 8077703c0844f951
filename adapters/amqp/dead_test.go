package amqp_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	amqp091 "github.com/rabbitmq/amqp091-go"

	"github.com/lienthong/lienthong/adapters/amqp"
	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/hub/hubtest/server"
)

// notices collects what OnDead is told; it fails the first time.
type notices struct {
	mu      sync.Mutex
	calls   int
	letters []amqp.DeadLetter
}

func (n *notices) tell(_ context.Context, letter amqp.DeadLetter) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.calls++; n.calls == 1 {
		return errors.New("the database is away")
	}
	n.letters = append(n.letters, letter)
	return nil
}

func (n *notices) count() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return len(n.letters)
}

// TestPoison: a dispatch whose handling always fails comes again, then ends as a dead
// letter with the reason, without its neighbours; replayed, it is handled.
func TestPoison(t *testing.T) {
	t.Parallel()
	w, s, n := newWorld(t), newSeen(), &notices{}
	q := w.open(t, func(o *amqp.Options) { o.Redeliveries, o.OnDead = 5, n.tell })
	tries := 0
	s.fail = func(dispatches []hub.DispatchID) error {
		if slices.Contains(dispatches, "poison") {
			s.mu.Lock()
			defer s.mu.Unlock()
			tries++
			return errors.New("no such dispatch")
		}
		return nil
	}
	list := append(ids("good", 50), "poison")
	publish(t, q, 16, true, list)
	consume(t, q, s)
	await(t, "neighbours are handled", func() bool { return len(s.missing(list[:50])) == 0 })
	await(t, "it is a dead letter, and OnDead knows", func() bool { return n.count() == 1 })
	want := amqp.DeadLetter{
		ID: "poison", Dispatch: "poison", Urgent: true, Reason: "redelivered_too_often", Queue: "lienthong.urgent", Count: 7,
	}
	letters := dead(t, q, 1)
	got := letters[0]
	if age := time.Since(got.First); age < 0 || age > server.Patience || got.Last.Before(got.First) || time.Since(got.Last) > server.Patience {
		t.Errorf("times %v, %v", got.First, got.Last)
	}
	got.First, got.Last = time.Time{}, time.Time{}
	if got != want || tries != 6 {
		t.Errorf("after %d tries: %+v", tries, got)
	}
	if dead(t, q, 1)[0] != letters[0] {
		t.Error("a look at dead letters changes them")
	}
	s.mu.Lock()
	s.fail = nil
	s.mu.Unlock()
	if n, err := q.Replay(t.Context(), "another"); n != 0 || err != nil {
		t.Error(n, err)
	}
	if n, err := q.Replay(t.Context(), "poison"); n != 1 || err != nil {
		t.Error(n, err)
	}
	await(t, "it is handled", func() bool { return len(s.missing(list)) == 0 })
	dead(t, q, 0)
}

// dead returns the dead letters once there are so many.
func dead(t *testing.T, q *amqp.Queue, count int) (letters []amqp.DeadLetter) {
	t.Helper()
	await(t, "dead letters", func() bool {
		var err error
		letters, err = q.DeadLetters(t.Context(), 100)
		must(t, err)
		return len(letters) == count
	})
	return letters
}

// TestPanic: a handler that panics has failed, no more.
func TestPanic(t *testing.T) {
	t.Parallel()
	w, s := newWorld(t), newSeen()
	q := w.open(t)
	var once sync.Once
	s.fail = func([]hub.DispatchID) error { once.Do(func() { panic("nil pointer") }); return nil }
	consume(t, q, s)
	published(t, q, s, "panic")
}

// TestUnreadable: messages of strangers do not stop ours; an operator sees and
// discards them.
func TestUnreadable(t *testing.T) {
	t.Parallel()
	w, s := newWorld(t), newSeen()
	q := w.open(t)
	ch := w.channel(t, w.url)
	for _, body := range []string{"", "{", `{"dispatch":7}`, `{"dispatch":""}`, `{"dispatch":"` + strings.Repeat("x", 2000) + `"}`} {
		must(t, ch.PublishWithContext(t.Context(), "lienthong.work", "work.normal.01", true, false, amqp091.Publishing{Body: []byte(body)}))
	}
	consume(t, q, s)
	published(t, q, s, "ours")
	letters := dead(t, q, 5)
	var names []string
	for _, l := range letters {
		if l.Reason != "unreadable" || l.Queue != "lienthong.work.01" || l.Dispatch != "" || !strings.HasPrefix(l.ID, "sha256:") {
			t.Errorf("%+v", l)
		}
		names = append(names, l.ID)
	}
	if n, err := q.Replay(t.Context()); n != 0 || err != nil {
		t.Errorf("replayed %d unreadable ones, %v", n, err)
	}
	if n, err := q.Discard(t.Context(), names[:2]...); n != 2 || err != nil {
		t.Error(n, err)
	}
	dead(t, q, 3)
	if few, err := q.DeadLetters(t.Context(), 2); len(few) != 2 || err != nil {
		t.Error(len(few), err)
	}
	if n, err := q.Discard(t.Context()); n != 3 || err != nil {
		t.Errorf("discarded %d of all, %v", n, err)
	}
	dead(t, q, 0)
	if st := q.Stats(); st.Dead != 5 {
		t.Errorf("%+v", st)
	}
}

// TestConsumersThatCrash: what takes consumers with it ends, too, by the broker's own
// limit, and is told with the broker's reason.
func TestConsumersThatCrash(t *testing.T) {
	t.Parallel()
	w, n := newWorld(t), &notices{}
	q := w.open(t, func(o *amqp.Options) { o.OnDead = n.tell })
	must(t, q.Publish(t.Context(), "crash", true))
	c, err := amqp091.Dial(w.url)
	must(t, err)
	defer c.Close()
	await(t, "the broker gives it up", func() bool {
		ch, err := c.Channel()
		must(t, err)
		_, there, err := ch.Get("lienthong.urgent", false)
		must(t, err)
		must(t, ch.Close()) // without an answer
		return !there && depths(t, q)["lienthong.dead"] == 1
	})
	letter := dead(t, q, 1)[0]
	if letter.Reason != "delivery_limit" || letter.Queue != "lienthong.urgent" || letter.Dispatch != "crash" || letter.Count != 1 ||
		letter.Last.Before(letter.First.Truncate(time.Second)) || time.Since(letter.Last) > server.Patience {
		t.Errorf("%+v", letter)
	}
	consume(t, q, newSeen())
	await(t, "OnDead knows", func() bool { return n.count() == 1 })
	if n, err := q.Replay(t.Context()); n != 1 || err != nil {
		t.Error(n, err)
	}
}
