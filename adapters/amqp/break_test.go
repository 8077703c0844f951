package amqp_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lienthong/lienthong/adapters/amqp"
	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/hub/hubtest/server"
)

// TestBrokerKilledUnderLoad: nothing that was confirmed is lost, publishing fails fast
// in the meantime, and all goes on by itself.
func TestBrokerKilledUnderLoad(t *testing.T) {
	w, s := newWorld(t), newSeen()
	q := w.open(t, func(o *amqp.Options) { o.Consumers = 2 })
	consume(t, q, s)
	confirmed := publishThroughKill(t, w, q)
	if len(confirmed) < 1000 {
		t.Fatalf("only %d were confirmed", len(confirmed))
	}
	await(t, "all that was confirmed is handled", func() bool { return len(s.missing(confirmed)) == 0 })
	t.Logf("%d confirmed, %d handled, %+v", len(confirmed), s.count(), q.Stats())
}

// publishThroughKill publishes without pause while the broker is killed and started.
func publishThroughKill(t *testing.T, w *world, q *amqp.Queue) (confirmed []hub.DispatchID) {
	t.Helper()
	stop := make(chan struct{})
	var mu sync.Mutex
	var publishing sync.WaitGroup
	var slowest time.Duration
	for n := range 16 {
		publishing.Go(func() {
			for i := 0; ; i++ {
				id := hub.DispatchID(fmt.Sprintf("%d-%d", n, i))
				begun := time.Now()
				err := q.Publish(context.Background(), id, false)
				took := time.Since(begun)
				mu.Lock()
				if err == nil {
					confirmed = append(confirmed, id)
				}
				slowest = max(slowest, took)
				mu.Unlock()
				select {
				case <-stop:
					return
				default:
				}
				if err != nil {
					time.Sleep(time.Millisecond) // as a sender would: the next one comes
				}
			}
		})
	}
	total := func() int { mu.Lock(); defer mu.Unlock(); return len(confirmed) }
	// Not at once: RabbitMQ 3.10 damages a queue when it is killed as it makes it.
	started := time.Now()
	await(t, "some are confirmed", func() bool { return total() > 500 && time.Since(started) > 2*time.Second })
	w.Kill()
	await(t, "the loss is known", func() bool { return q.Health(t.Context()) != nil })
	begun := time.Now()
	if err := q.Publish(t.Context(), "away", false); err == nil || time.Since(begun) > atOnce {
		t.Errorf("%v after %v", err, time.Since(begun))
	}
	must(t, w.Start())
	before := total()
	await(t, "it goes on", func() bool { return total() > before+500 })
	close(stop)
	publishing.Wait()
	if slowest > atOnce {
		t.Errorf("somebody waited %v", slowest)
	}
	return confirmed
}

// TestNoBroker: a queue opens, fails fast and connects when there is one.
func TestNoBroker(t *testing.T) {
	w := newWorld(t)
	w.Kill()
	q := w.openAway(t)
	s := newSeen()
	consume(t, q, s)
	await(t, "the refusal is known", func() bool { _, _, reason := q.State(); return strings.Contains(reason, "refused") })
	begun := time.Now()
	for _, id := range ids("away", 1000) {
		if err := q.Publish(t.Context(), id, false); err == nil || hub.KindOf(err) != hub.KindUnavailable {
			t.Fatal(err)
		}
	}
	if took := time.Since(begun); took > atOnce {
		t.Errorf("1000 failures took %v", took)
	}
	if _, err := q.Depths(t.Context()); hub.KindOf(err) != hub.KindUnavailable {
		t.Error(err)
	}
	must(t, w.Start())
	connected(t, q)
	published(t, q, s, "back")
}

// TestMemoryAlarm: a broker that takes nothing makes nobody wait, consumers go on,
// and afterwards all is as before.
func TestMemoryAlarm(t *testing.T) {
	w, s := newWorld(t), newSeen()
	q := w.open(t)
	must(t, q.Publish(t.Context(), "before", false))
	must(t, w.FillMemory())
	defer func() { must(t, w.FreeMemory()) }()
	await(t, "the alarm is known", func() bool {
		_ = q.Publish(t.Context(), "during", false) // only who publishes is told
		_, _, reason := q.State()
		return strings.Contains(reason, "blocked")
	})
	begun := time.Now()
	for _, id := range ids("blocked", 1000) {
		if err := q.Publish(t.Context(), id, false); hub.KindOf(err) != hub.KindUnavailable {
			t.Fatal(err)
		}
	}
	if took := time.Since(begun); took > atOnce {
		t.Errorf("1000 failures took %v", took)
	}
	consume(t, q, s)
	await(t, "consumers go on", func() bool { return len(s.missing([]hub.DispatchID{"before"})) == 0 })
	if _, err := q.Depths(t.Context()); err != nil {
		t.Error(err)
	}
	must(t, w.FreeMemory())
	connected(t, q)
	published(t, q, s, "after")
}

// TestCloseDuringAlarm: a broker that does not listen cannot hold a hub that stops.
func TestCloseDuringAlarm(t *testing.T) {
	w := newWorld(t)
	q := w.open(t)
	must(t, w.FillMemory())
	defer func() { must(t, w.FreeMemory()) }()
	await(t, "the alarm is known", func() bool {
		_ = q.Publish(t.Context(), "during", false)
		return q.Health(t.Context()) != nil
	})
	begun := time.Now()
	must(t, q.Close())
	if took := time.Since(begun); took > atOnce {
		t.Errorf("it took %v", took)
	}
	if err := q.Publish(t.Context(), "after", false); hub.KindOf(err) != hub.KindUnavailable {
		t.Error(err)
	}
}

// TestFrozenBroker: a broker that neither answers nor closes costs two senders
// PublishLimit and the others nothing.
func TestFrozenBroker(t *testing.T) {
	w := newWorld(t)
	const limit = 10 * time.Second
	q := w.open(t, func(o *amqp.Options) { o.PublishLimit = limit })
	must(t, q.Publish(t.Context(), "before", false))
	must(t, w.Freeze())
	thaw := sync.OnceFunc(func() { must(t, w.Thaw()) })
	defer thaw()
	var waits []time.Duration
	for _, id := range ids("frozen", 1000) {
		begun := time.Now()
		if err := q.Publish(t.Context(), id, false); hub.KindOf(err) != hub.KindUnavailable {
			t.Fatal(err)
		}
		waits = append(waits, time.Since(begun))
	}
	slices.Sort(waits) // the first ones on two routes may wait, and do so until the limit
	if waits[len(waits)-1] > atOnce || waits[len(waits)-3] >= limit {
		t.Errorf("the slowest took %v", waits[len(waits)-5:])
	}
	thaw()
	await(t, "it takes messages again", func() bool { return q.Publish(t.Context(), "after", false) == nil })
}

// TestOneQueueThatDoesNotAnswer: it delays nobody. What belongs there goes elsewhere,
// consumers read the others, and it is read again when it answers.
func TestOneQueueThatDoesNotAnswer(t *testing.T) {
	w, s := newWorld(t), newSeen()
	const limit = 10 * time.Second
	q := w.open(t, func(o *amqp.Options) { o.PublishLimit = limit })
	before := publish(t, q, 16, false, ids("before", 200))
	process := "'" + server.VHostOf(t, w.url) + "_lienthong.work.02'"
	_, err := w.Ctl("eval", "sys:suspend("+process+").")
	must(t, err)
	resume := sync.OnceFunc(func() { _, err := w.Ctl("eval", "sys:resume("+process+")."); must(t, err) })
	defer resume()
	publish(t, q, 16, false, ids("finding out", 100))
	during, took := publishTimed(t, q, 16, false, ids("during", 400))
	waited := 0
	for _, d := range took {
		if d >= limit/2 {
			waited++
		}
	}
	if len(during) < 399 || waited > 50 { // a quarter of them belong there: 100 if each waited
		t.Errorf("%d of 400 were confirmed, %d waited", len(during), waited)
	}
	consume(t, q, s)
	await(t, "the other queues are read", func() bool { return len(s.missing(during)) == 0 })
	if err := q.Health(t.Context()); err == nil || !strings.Contains(err.Error(), "lienthong.work.02") {
		t.Errorf("health: %v", err)
	}
	resume()
	await(t, "all queues are read", func() bool { return len(s.missing(before)) == 0 })
	await(t, "all is well", func() bool { return q.Health(t.Context()) == nil })
	all := publish(t, q, 16, false, ids("after", 200))
	if len(all) < 199 {
		t.Errorf("%d of 200 were confirmed", len(all))
	}
}
