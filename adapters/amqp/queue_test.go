package amqp_test

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/lienthong/lienthong/adapters/amqp"
	"github.com/lienthong/lienthong/hub"
)

// TestThereAndBack: what many publish at once, several consumers handle, in batches.
func TestThereAndBack(t *testing.T) {
	t.Parallel()
	w, s := newWorld(t), newSeen()
	q := w.open(t, func(o *amqp.Options) { o.Consumers = 2 })
	batches := 0
	s.fail = func(dispatches []hub.DispatchID) error {
		s.mu.Lock()
		defer s.mu.Unlock()
		batches++
		if len(dispatches) > 128 {
			t.Errorf("a batch of %d", len(dispatches))
		}
		return nil
	}
	list := ids("there", 6000)
	consume(t, q, s)
	if confirmed := publish(t, q, 32, false, list); len(confirmed) != len(list) {
		t.Fatalf("%d of %d were confirmed", len(confirmed), len(list))
	}
	await(t, "all are handled", func() bool { return s.count() == len(list) })
	await(t, "all are acknowledged", func() bool { return q.Stats().Consumed == int64(len(list)) })
	if batches > len(list)/2 {
		t.Errorf("%d batches for %d messages", batches, len(list))
	}
	if st := q.Stats(); st.Published != int64(len(list)) || st.Confirmed != st.Published || st.Returned+st.Nacked+st.Redelivered+st.Dead != 0 {
		t.Errorf("%+v", st)
	}
	for name, depth := range depths(t, q) {
		if depth != 0 {
			t.Errorf("%d messages are left in %s", depth, name)
		}
	}
}

func depths(t *testing.T, q *amqp.Queue) map[string]int {
	t.Helper()
	d, err := q.Depths(t.Context())
	must(t, err)
	return d
}

// TestMessages: a message is a reference, durable, named, with its trace, and
// dispatches are spread over the shards, each always to the same.
func TestMessages(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	now := time.Date(2026, 1, 5, 8, 30, 0, 0, time.FixedZone("ICT", 7*3600))
	type key struct{}
	q := w.open(t, func(o *amqp.Options) {
		o.Now = func() time.Time { return now }
		o.TraceID = func(ctx context.Context) string { id, _ := ctx.Value(key{}).(string); return id }
	})
	for range 3 {
		must(t, q.Publish(context.WithValue(t.Context(), key{}, "4bf9"), "one", true))
	}
	ch := w.channel(t, w.url)
	for range 3 {
		d, ok, err := ch.Get("lienthong.urgent", true)
		if err != nil || !ok {
			t.Fatal(ok, err)
		}
		if d.MessageId != "one" || !d.Timestamp.Equal(now) || d.DeliveryMode != 2 || d.Headers["trace_id"] != "4bf9" ||
			string(d.Body) != `{"dispatch":"one"}` || d.ContentType != "application/json" {
			t.Errorf("message %+v", d)
		}
	}
	for _, id := range ids("spread", 400) {
		must(t, q.Publish(t.Context(), id, false))
	}
	for shard, name := range []string{"lienthong.work.00", "lienthong.work.01", "lienthong.work.02", "lienthong.work.03"} {
		if n := depths(t, q)[name]; n < 60 || n > 140 {
			t.Errorf("shard %d has %d of 400 messages", shard, n)
		}
	}
	before := depths(t, q)
	must(t, q.Publish(t.Context(), "spread-000000", false))
	must(t, q.Publish(t.Context(), "spread-000000", false))
	grown := 0
	for name, n := range depths(t, q) {
		if n == before[name]+2 {
			grown++
		}
	}
	if grown != 1 {
		t.Errorf("the same dispatch went to several shards")
	}
}

// TestTopology: the queues are what other parts and operators rely on.
func TestTopology(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.open(t, func(o *amqp.Options) { o.OnDead = func(context.Context, amqp.DeadLetter) error { return nil } })
	text, err := w.API(http.MethodGet, w.path(t, "queues", ""), "")
	must(t, err)
	var queues []struct {
		Name      string
		Type      string
		Durable   bool
		Arguments map[string]any
	}
	must(t, json.Unmarshal([]byte(text), &queues))
	if len(queues) != 7 {
		t.Errorf("%d queues, want 4 shards, urgent, dead and its notices", len(queues))
	}
	for _, q := range queues {
		if q.Type != "quorum" || !q.Durable || q.Arguments["x-max-length"] == nil || q.Arguments["x-delivery-limit"] == nil {
			t.Errorf("%+v", q)
		}
		working := q.Name == "lienthong.urgent" || strings.HasPrefix(q.Name, "lienthong.work.")
		if working && (q.Arguments["x-delivery-limit"] != 20.0 || q.Arguments["x-dead-letter-strategy"] != "at-least-once" ||
			q.Arguments["x-overflow"] != "reject-publish" || q.Arguments["x-dead-letter-exchange"] != "lienthong.dead") {
			t.Errorf("%+v", q)
		}
	}
}

// TestUrgentFirst: what is urgent overtakes what waits.
func TestUrgentFirst(t *testing.T) {
	w, s := newWorld(t), newSeen()
	q := w.open(t)
	normal, urgent := ids("normal", 1500), ids("urgent", 100)
	publish(t, q, 64, false, normal)
	publish(t, q, 64, true, urgent)
	consume(t, q, s)
	await(t, "all are handled", func() bool { return s.count() == len(normal)+len(urgent) })
	last := 0
	for i, id := range s.order {
		if strings.HasPrefix(string(id), "urgent") {
			last = i
		}
	}
	if last > 800 {
		t.Errorf("the last urgent one was handled after %d others", last)
	}
}

// TestUnroutable: a message without a queue is an error although the broker confirms
// it, and the queue is made again.
func TestUnroutable(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	q := w.open(t)
	w.deleteQueue(t, "lienthong.urgent")
	err := q.Publish(t.Context(), "lost", true)
	if err == nil || hub.KindOf(err) != hub.KindUnavailable || !strings.Contains(err.Error(), "no queue") {
		t.Fatalf("published into nowhere: %v", err)
	}
	await(t, "the queue is there again", func() bool { return q.Publish(t.Context(), "kept", true) == nil })
	if st := q.Stats(); st.Returned == 0 || st.Confirmed != 1 {
		t.Errorf("%+v", st)
	}
}

// TestQueueDeletedUnderConsumers: they go on with the queue made anew.
func TestQueueDeletedUnderConsumers(t *testing.T) {
	t.Parallel()
	w, s := newWorld(t), newSeen()
	q := w.open(t)
	consume(t, q, s)
	published(t, q, s, "before")
	for _, name := range []string{"lienthong.urgent", "lienthong.work.00", "lienthong.work.01", "lienthong.work.02", "lienthong.work.03"} {
		w.deleteQueue(t, name)
	}
	await(t, "it takes messages again", func() bool { return q.Publish(t.Context(), "probe", false) == nil })
	published(t, q, s, "after")
}

// published publishes one message of each lane and awaits that it is handled.
func published(t *testing.T, q *amqp.Queue, s *seen, name string) {
	t.Helper()
	list := []hub.DispatchID{hub.DispatchID(name + " normal"), hub.DispatchID(name + " urgent")}
	for i, id := range list {
		await(t, "published", func() bool { return q.Publish(t.Context(), id, i == 1) == nil })
	}
	await(t, "handled", func() bool { return len(s.missing(list)) == 0 })
}

// TestConnectionsClosedByTheServer: each is made again.
func TestConnectionsClosedByTheServer(t *testing.T) {
	w, s := newWorld(t), newSeen()
	q := w.open(t)
	consume(t, q, s)
	for _, round := range []string{"first", "second", "third"} {
		published(t, q, s, round)
		_, err := w.Ctl("close_all_connections", "test")
		must(t, err)
	}
	published(t, q, s, "after")
}

// TestEndOfConsume: the handler that runs comes to its end and is acknowledged, the
// rest stays in the broker, nothing is left running.
func TestEndOfConsume(t *testing.T) {
	w := newWorld(t)
	q := w.open(t, func(o *amqp.Options) { o.Prefetch = 512 })
	list := ids("end", 400)
	publish(t, q, 64, false, list)
	before := goleak.IgnoreCurrent()
	ctx, cancel := context.WithCancel(t.Context())
	entered, handled := make(chan struct{}), 0
	var once sync.Once
	var ended sync.WaitGroup
	var result error
	ended.Go(func() {
		result = q.Consume(ctx, func(handling context.Context, dispatches []hub.DispatchID) error {
			once.Do(func() { close(entered) })
			<-ctx.Done()
			handled += len(dispatches)
			return handling.Err()
		})
	})
	<-entered
	cancel()
	ended.Wait()
	if !errors.Is(result, context.Canceled) {
		t.Errorf("it ended with %v", result)
	}
	await(t, "the rest is in the broker", func() bool {
		left := 0
		for _, n := range depths(t, q) {
			left += n
		}
		return left == len(list)-handled
	})
	if handled == 0 || handled > 128 {
		t.Errorf("%d were handled", handled)
	}
	goleak.VerifyNone(t, before)
}

// TestPublishEndsWithItsContext: and says so.
func TestPublishEndsWithItsContext(t *testing.T) {
	t.Parallel()
	q := newWorld(t).open(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := q.Publish(ctx, "late", false); err != nil && !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

func TestOptions(t *testing.T) {
	for name, o := range map[string]amqp.Options{
		"no address":  {},
		"other kind":  {URL: "https://broker.example/"},
		"password":    {URL: "amqp://hub:secret@broker.example/"},
		"shards":      {URL: "amqp://broker.example/", Shards: 65},
		"prefetch":    {URL: "amqp://broker.example/", Prefetch: -1},
		"redelivered": {URL: "amqp://broker.example/", Redeliveries: 20},
	} {
		_, err := amqp.Open(o)
		if err == nil || hub.KindOf(err) != hub.KindInvalid || strings.Contains(err.Error(), "secret@") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestCredentials: they are asked for at every connection, and a wrong password is
// told without being repeated.
func TestCredentials(t *testing.T) {
	w := newWorld(t)
	var mu sync.Mutex
	right := false
	q := w.openAway(t, func(o *amqp.Options) {
		o.Credentials = func() (string, string, error) {
			mu.Lock()
			defer mu.Unlock()
			user, password := w.Login()
			if !right {
				password = "mật khẩu sai"
			}
			return user, password, nil
		}
	})
	await(t, "the refusal is known", func() bool { _, _, reason := q.State(); return strings.Contains(reason, "403") })
	if err := q.Ping(t.Context()); err == nil || strings.Contains(err.Error(), "mật khẩu") {
		t.Errorf("ping: %v", err)
	}
	mu.Lock()
	right = true
	mu.Unlock()
	connected(t, q)
	must(t, q.Ping(t.Context()))
	if ok, since, reason := q.State(); !ok || since.IsZero() || since.Location() != time.UTC || reason != "" {
		t.Error(ok, since, reason)
	}
}

// TestTLSIsTried: a broker without TLS is not spoken to in the clear.
func TestTLSIsTried(t *testing.T) {
	w := newWorld(t)
	q := w.openAway(t, func(o *amqp.Options) {
		o.URL = strings.Replace(o.URL, "amqp://", "amqps://", 1)
		o.TLS = &tls.Config{ServerName: "broker.example", MinVersion: tls.VersionTLS12}
	})
	await(t, "the attempt failed", func() bool { _, _, reason := q.State(); return strings.Contains(reason, "no connection") })
}
