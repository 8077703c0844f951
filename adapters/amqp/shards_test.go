package amqp_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/lienthong/lienthong/adapters/amqp"
)

// TestShardsMayChange: what waits in queues of another number of shards is handled,
// and queues that nobody needs any more go.
func TestShardsMayChange(t *testing.T) {
	t.Parallel()
	w, s := newWorld(t), newSeen()
	with := func(shards int) *amqp.Queue {
		return w.open(t, func(o *amqp.Options) { o.Shards = shards })
	}
	first, second, third := ids("of16", 500), ids("of4", 500), ids("of16again", 500)
	sixteen := with(16)
	publish(t, sixteen, 64, false, first)
	must(t, sixteen.Close())
	four := with(4)
	publish(t, four, 64, false, second)
	stop := consume(t, four, s)
	await(t, "what waited is handled", func() bool { return len(s.missing(append(first, second...))) == 0 })
	await(t, "old queues are removed", func() bool { return w.shards(t) == 4 })
	published(t, four, s, "with four")
	stop()
	publish(t, four, 64, false, third)
	must(t, four.Close())
	again := with(16)
	publish(t, again, 64, false, ids("of16more", 500))
	consume(t, again, s)
	await(t, "what waited is handled", func() bool { return s.count() == 2002 })
	if n := w.shards(t); n != 16 {
		t.Errorf("%d shards", n)
	}
	if redelivered := s.twice(); redelivered != 0 {
		t.Errorf("%d came twice", redelivered)
	}
}

func (w *world) shards(t *testing.T) int {
	t.Helper()
	text, err := w.API(http.MethodGet, w.path(t, "queues", ""), "")
	must(t, err)
	return strings.Count(text, `"name":"lienthong.work.`)
}

func (s *seen) twice() (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, times := range s.times {
		if times > 1 {
			n++
		}
	}
	return n
}

// TestNodesWithDifferentShards: while a node with more shards runs, its queues stay.
func TestNodesWithDifferentShards(t *testing.T) {
	t.Parallel()
	w, s := newWorld(t), newSeen()
	more := w.open(t, func(o *amqp.Options) { o.Shards = 8 })
	stop := consume(t, more, s)
	published(t, more, s, "the first node is there")
	less := w.open(t, func(o *amqp.Options) { o.Shards = 2 })
	consume(t, less, s)
	for _, round := range []string{"one", "two", "three", "four", "five"} {
		list := append(ids("more"+round, 200), ids("less"+round, 200)...)
		a := publish(t, more, 8, false, list[:200])
		b := publish(t, less, 8, false, list[200:])
		if len(a)+len(b) != 400 {
			t.Fatalf("%d were confirmed", len(a)+len(b))
		}
		await(t, "handled", func() bool { return len(s.missing(list)) == 0 })
	}
	if n := w.shards(t); n != 8 {
		t.Errorf("%d shards", n)
	}
	stop()
	rest := publish(t, more, 8, false, ids("rest", 300))
	must(t, more.Close())
	await(t, "the rest is handled by the other node", func() bool { return len(s.missing(rest)) == 0 })
	await(t, "old queues are removed", func() bool { return w.shards(t) == 2 })
}
