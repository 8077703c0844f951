package postgres

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/hub/hubtest/server"
)

// ear remembers what a node heard.
type ear struct {
	mu      sync.Mutex
	heard   map[hub.AgencyID]bool
	resumed int
	news    chan struct{}
}

func newEar() *ear { return &ear{heard: map[hub.AgencyID]bool{}, news: make(chan struct{}, 1)} }

func (e *ear) note(change func()) {
	e.mu.Lock()
	defer e.mu.Unlock()
	change()
	select {
	case e.news <- struct{}{}:
	default:
	}
}

// await waits until what is wanted was heard.
func (e *ear) await(t *testing.T, wanted func() bool) {
	t.Helper()
	limit := time.After(server.Patience)
	for {
		e.mu.Lock()
		ok := wanted()
		e.mu.Unlock()
		if ok {
			return
		}
		select {
		case <-e.news:
		case <-limit:
			t.Fatal("the bell was not heard")
		}
	}
}

// TestNodesHearOneAnother, also many agencies at once, and again after a connection
// broke.
func TestNodesHearOneAnother(t *testing.T) {
	url := shared.Get(t).Database(t)
	here, there := openAt(t, url), openAt(t, url)
	ctx, cancel := context.WithCancel(t.Context())
	e := newEar()
	ended := make(chan error, 1)
	go func() {
		ended <- there.Hear(ctx, func(a hub.AgencyID) { e.note(func() { e.heard[a] = true }) }, func() { e.note(func() { e.resumed++ }) })
	}()
	e.await(t, func() bool { return e.resumed == 1 })
	var many []hub.AgencyID
	for i := range 1000 {
		many = append(many, hub.AgencyID(fmt.Sprintf("01a20961-0dd0-76b0-a009-%012d", i)))
	}
	if err := here.RingOthers(ctx, many...); err != nil {
		t.Fatal(err)
	}
	e.await(t, func() bool { return !slices.ContainsFunc(many, func(a hub.AgencyID) bool { return !e.heard[a] }) })

	if err := here.exec(ctx, "cut", "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'LISTEN%'"); err != nil {
		t.Fatal(err)
	}
	e.await(t, func() bool { return e.resumed == 2 })
	if err := here.RingOthers(ctx, "after"); err != nil {
		t.Fatal(err)
	}
	e.await(t, func() bool { return e.heard["after"] })
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
