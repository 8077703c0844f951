package amqp_test

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"sync"
	"testing"
	"time"

	amqp091 "github.com/rabbitmq/amqp091-go"
	"go.uber.org/goleak"

	"github.com/lienthong/lienthong/adapters/amqp"
	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/hub/hubtest/server"
)

// brokers is the one broker of these tests; they come apart by virtual hosts. Those that
// kill or freeze it, count goroutines or give agencies users, whose names are those of the
// whole broker, do not run in parallel: the others begin when they have ended.
var brokers server.SharedRabbitMQ

func TestMain(m *testing.M) {
	code := m.Run()
	brokers.Close()
	if err := goleak.Find(); err != nil && code == 0 {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

// world is a virtual host of the broker.
type world struct {
	*server.Broker
	url string // with user and password
}

func newWorld(t testing.TB) *world {
	t.Helper()
	b := brokers.Get(t)
	return &world{Broker: b, url: b.VHost(t)}
}

// options reach the virtual host; pauses are short.
func (w *world) options(t testing.TB, changes ...func(*amqp.Options)) amqp.Options {
	t.Helper()
	u, err := url.Parse(w.url)
	if err != nil {
		t.Fatal(err)
	}
	u.User = nil
	o := amqp.Options{
		URL: u.String(), Credentials: func() (string, string, error) { user, password := w.Login(); return user, password, nil },
		PublishLimit: 10 * time.Second, Shards: 4, Retry: amqp.Backoff{First: 20 * time.Millisecond, Max: 200 * time.Millisecond},
	}
	for _, change := range changes {
		change(&o)
	}
	return o
}

// open returns a Queue that is connected.
func (w *world) open(t testing.TB, changes ...func(*amqp.Options)) *amqp.Queue {
	t.Helper()
	q := w.openAway(t, changes...)
	connected(t, q)
	return q
}

// openAway returns a Queue, connected or not.
func (w *world) openAway(t testing.TB, changes ...func(*amqp.Options)) *amqp.Queue {
	t.Helper()
	q, err := amqp.Open(w.options(t, changes...))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if connected, since, reason := q.State(); t.Failed() {
			t.Logf("connected %v since %v %s, %+v", connected, since, reason, q.Stats())
		}
		_ = q.Close()
	})
	return q
}

func connected(t testing.TB, q *amqp.Queue) {
	t.Helper()
	await(t, "the queue is connected", func() bool { return q.Health(t.Context()) == nil })
}

// atOnce bounds what must not wait for the broker at all, for many calls together: far
// above what they take, far below what they would if each of them waited.
const atOnce = 2 * time.Minute

// await waits for what has to come.
func await(t testing.TB, what string, there func() bool) {
	t.Helper()
	for deadline := time.Now().Add(server.Patience); !there(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not within %s: %s", server.Patience, what)
		}
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// channel is what an operator's tool does with the broker.
func (w *world) channel(t testing.TB, broker string) *amqp091.Channel {
	t.Helper()
	c, err := amqp091.Dial(broker)
	must(t, err)
	t.Cleanup(func() { _ = c.Close() })
	ch, err := c.Channel()
	must(t, err)
	return ch
}

// path is where the management API has something of the virtual host.
func (w *world) path(t testing.TB, kind, rest string) string {
	return "/api/" + kind + "/" + server.VHostOf(t, w.url) + rest
}

func (w *world) deleteQueue(t testing.TB, name string) {
	t.Helper()
	_, err := w.API(http.MethodDelete, w.path(t, "queues", "/"+name), "")
	must(t, err)
}

// seen collects what consumers handle.
type seen struct {
	mu    sync.Mutex
	times map[hub.DispatchID]int
	order []hub.DispatchID
	fail  func(dispatches []hub.DispatchID) error
}

func newSeen() *seen { return &seen{times: map[hub.DispatchID]int{}} }

func (s *seen) handle(_ context.Context, dispatches []hub.DispatchID) error {
	s.mu.Lock()
	fail := s.fail
	s.mu.Unlock()
	if fail != nil {
		if err := fail(dispatches); err != nil {
			return err
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, d := range dispatches {
		s.times[d]++
	}
	s.order = append(s.order, dispatches...)
	return nil
}

func (s *seen) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.times)
}

func (s *seen) missing(ids []hub.DispatchID) (missing []hub.DispatchID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, id := range ids {
		if s.times[id] == 0 {
			missing = append(missing, id)
		}
	}
	return missing
}

// consume runs a consumer until stop is called or the test ends.
func consume(t testing.TB, q *amqp.Queue, s *seen) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() {
		if err := q.Consume(ctx, s.handle); err != ctx.Err() { //nolint:errorlint // exactly this one
			t.Errorf("Consume ended with %v", err)
		}
	})
	stop = func() { cancel(); running.Wait() }
	t.Cleanup(stop)
	return stop
}

// ids are n ids of dispatches.
func ids(prefix string, n int) []hub.DispatchID {
	list := make([]hub.DispatchID, n)
	for i := range list {
		list[i] = hub.DispatchID(fmt.Sprintf("%s-%06d", prefix, i))
	}
	return list
}

// publish publishes with several callers and returns those that were confirmed.
func publish(t testing.TB, q *amqp.Queue, callers int, urgent bool, list []hub.DispatchID) (confirmed []hub.DispatchID) {
	t.Helper()
	confirmed, _ = publishTimed(t, q, callers, urgent, list)
	return confirmed
}

// publishTimed also tells how long each call took.
func publishTimed(t testing.TB, q *amqp.Queue, callers int, urgent bool, list []hub.DispatchID) (confirmed []hub.DispatchID, took []time.Duration) {
	t.Helper()
	var mu sync.Mutex
	var all sync.WaitGroup
	next := make(chan hub.DispatchID)
	for range callers {
		all.Go(func() {
			for id := range next {
				begun := time.Now()
				err := q.Publish(context.Background(), id, urgent)
				mu.Lock()
				took = append(took, time.Since(begun))
				if err == nil {
					confirmed = append(confirmed, id)
				}
				mu.Unlock()
				if err != nil && hub.KindOf(err) != hub.KindUnavailable {
					t.Errorf("publish: %v", err)
				}
			}
		})
	}
	for _, id := range list {
		next <- id
	}
	close(next)
	all.Wait()
	return confirmed, took
}
