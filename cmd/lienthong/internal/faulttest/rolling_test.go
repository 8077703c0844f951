package faulttest

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lienthong/lienthong/cmd/lienthong/internal/hubproc"
)

// balancer is a load balancer as operators run them: it asks every node for its
// readiness, sends requests to those that are ready, one after the other, and repeats
// nothing.
type balancer struct {
	mu    sync.Mutex
	nodes map[string]*httputil.ReverseProxy // those that were ready when asked last
	names []string
	next  int
	lost  atomic.Int64 // requests that no node answered
}

func newBalancer(t *testing.T) (*balancer, string) {
	t.Helper()
	b := &balancer{nodes: map[string]*httputil.ReverseProxy{}}
	s := httptest.NewServer(b)
	t.Cleanup(s.Close)
	return b, s.URL
}

func (b *balancer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if node := b.pick(); node != nil {
		node.ServeHTTP(w, r)
		return
	}
	b.lost.Add(1)
	w.WriteHeader(http.StatusBadGateway)
}

func (b *balancer) pick() *httputil.ReverseProxy {
	b.mu.Lock()
	defer b.mu.Unlock()
	for range b.names {
		b.next = (b.next + 1) % len(b.names)
		if node := b.nodes[b.names[b.next]]; node != nil {
			return node
		}
	}
	return nil
}

// watch asks a node until it is gone.
func (b *balancer) watch(ctx context.Context, t *testing.T, h *hubproc.Process) {
	u, err := url.Parse(h.URL)
	if err != nil {
		t.Error(err)
		return
	}
	proxy := httputil.NewSingleHostReverseProxy(u)
	proxy.ErrorHandler = func(w http.ResponseWriter, r *http.Request, err error) {
		if r.Context().Err() == nil {
			b.lost.Add(1)
			t.Errorf("%s %s met a node that was gone: %v", r.Method, r.URL.Path, err)
		}
		w.WriteHeader(http.StatusBadGateway)
	}
	b.mu.Lock()
	b.names = append(b.names, h.URL)
	b.mu.Unlock()
	for ctx.Err() == nil {
		r, err := readiness(ctx, h)
		b.mu.Lock()
		if b.nodes[h.URL] = nil; err == nil && r.Ready {
			b.nodes[h.URL] = proxy
		}
		b.mu.Unlock()
		select {
		case <-ctx.Done():
		case <-h.Done():
			return
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// TestRollingRestart: all nodes are stopped and started again, one after the other,
// while clients send and collect through a load balancer; no request is refused.
func TestRollingRestart(t *testing.T) {
	rollingRestart(t, startServers(t).env...)
}

func rollingRestart(t *testing.T, env ...string) {
	s := newSite(t, 2, append(env, "LIENTHONG_DRAIN_FOR=4s")...)
	nodes := s.start(t)
	b, address := newBalancer(t)
	ctx, cancel := context.WithCancel(t.Context())
	var watching, clients sync.WaitGroup
	defer func() { cancel(); clients.Wait(); watching.Wait() }()
	for _, h := range nodes {
		watching.Go(func() { b.watch(ctx, t, h) })
	}
	await(t, "a node is ready", func() bool { return b.pick() != nil })
	l := s.load()
	var refusals atomic.Int64
	working, stop := context.WithCancel(ctx)
	for range 4 {
		clients.Go(func() {
			c := newClient(address, l.keys.sender)
			for working.Err() == nil {
				if err := submitRecorded(ctx, c, l.record, l.newDocument()); err != nil {
					refusals.Add(1)
					t.Errorf("a submission was refused: %v", err)
					return
				}
			}
		})
	}
	for _, key := range l.keys.recipients {
		clients.Go(func() { l.collectGently(working, newClient(address, key), &refusals, t) })
	}
	for i, dir := range s.dirs {
		goesOn(t, l, "before a restart")
		if err := nodes[i].Stop(patience); err != nil {
			t.Fatal(err)
		}
		nodes[i] = startHub(t, dir, "", s.env...)
		h := nodes[i]
		watching.Go(func() { b.watch(ctx, t, h) })
		awaitReadiness(t, h, "restart", true, "", "")
	}
	goesOn(t, l, "after all restarts")
	stop()
	clients.Wait()
	if b.lost.Load() > 0 || refusals.Load() > 0 {
		t.Errorf("%d requests met no node, %d were refused", b.lost.Load(), refusals.Load())
	}
	for _, violation := range auditUnseen(t, nodes[0], l) {
		t.Error(violation)
	}
}

// collectGently collects like any recipient; it counts what was refused for another
// reason than a rule of the exchange.
func (l *load) collectGently(ctx context.Context, c *client, refusals *atomic.Int64, t *testing.T) {
	for ctx.Err() == nil {
		items, err := c.lease(context.WithoutCancel(ctx), 4)
		var no *refused
		if err != nil && (!errors.As(err, &no) || no.status >= 500) {
			refusals.Add(1)
			t.Errorf("a collector was refused: %v", err)
			return
		}
		for _, it := range items {
			if err := l.collectOne(context.WithoutCancel(ctx), c, it); err != nil && (!errors.As(err, &no) || no.status >= 500) {
				refusals.Add(1)
				t.Errorf("a collector was refused: %v", err)
				return
			}
		}
		pause(ctx)
	}
}

// TestArrivalOnAnotherNode: who waits on one node is woken by what comes in on another.
func TestArrivalOnAnotherNode(t *testing.T) {
	t.Parallel()
	database := sharedDatabase.Get(t)
	s := newSite(t, 2, "LIENTHONG_DATABASE="+database.Database(t))
	nodes := s.start(t)
	arrived, listening := make(chan error, 1), make(chan struct{}, 1)
	go func() { arrived <- awaitArrival(t.Context(), nodes[1].URL, s.keys.recipients[0], listening) }()
	select {
	case <-listening:
	case err := <-arrived:
		t.Fatal(err)
	}
	l := s.load()
	d := l.newDocument()
	d.recipients = []string{recipientCode(0)}
	if err := submitRecorded(t.Context(), newClient(nodes[0].URL, l.keys.sender), l.record, d); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-arrived:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(patience):
		t.Error("nobody was told")
	}
}

// TestNodesMustSignWithOneKey: a node with a key of its own is refused, and told why.
func TestNodesMustSignWithOneKey(t *testing.T) {
	t.Parallel()
	database := sharedDatabase.Get(t)
	env := "LIENTHONG_DATABASE=" + database.Database(t)
	startHub(t, t.TempDir(), "", env)
	bin, err := program.Program()
	if err != nil {
		t.Fatal(err)
	}
	_, err = hubproc.Start(t.Context(), hubproc.Options{Bin: bin, DataDir: t.TempDir(), Env: []string{env}})
	if err == nil || !strings.Contains(err.Error(), "[hub_key]") {
		t.Errorf("a node with another key: %v", err)
	}
}
