package faulttest

import (
	"context"
	"maps"
	"math/rand/v2"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lienthong/lienthong/cmd/lienthong/internal/hubproc"
)

// rounds reads how often to strike from the environment; the default keeps
// `go test ./...` short.
func rounds(t *testing.T, name string, fallback int) int {
	t.Helper()
	text := os.Getenv(name)
	if text == "" {
		return fallback
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 {
		t.Fatalf("%s=%q is not a count", name, text)
	}
	return n
}

// TestKill kills the hub with SIGKILL at random moments under load and lets the
// checker compare promises and hub.
func TestKill(t *testing.T) {
	t.Parallel() // half of it waits: for starts, synchronisation, leases
	violations, stats := killLoop(t, "", rounds(t, "LIENTHONG_KILLS", 5), 10)
	t.Logf("%d kills, %d receipts, %d hand-overs, %d unknown outcomes retried", stats.kills, stats.receipts, stats.handovers, stats.unknown)
	for _, v := range violations {
		t.Error(v)
	}
	if stats.receipts == 0 || stats.handovers == 0 {
		t.Error("the load did nothing: this run proves nothing")
	}
}

type stats struct{ kills, receipts, handovers, unknown int }

// killLoop runs lives of one hub, each ended by a kill. Every few rounds it checks what
// was promised since the last time, at the end everything. It stops at the first
// violations.
func killLoop(t *testing.T, mutant string, kills, checkEvery int) ([]string, stats) {
	t.Helper()
	dir := t.TempDir()
	l := &load{keys: prepared(t, dir), record: newRecord(), counter: new(atomic.Int64), slow: true}
	h := startHub(t, dir, mutant)
	defer func() { h.Kill() }()
	var s stats
	for round := 1; round <= kills; round++ {
		live(t, h, l)
		s.kills++
		h = startHub(t, dir, mutant)
		s.unknown += len(l.record.unresolved())
		if err := l.settle(t.Context(), h.URL); err != nil {
			return []string{"lost: " + err.Error()}, s
		}
		if round%checkEvery == 0 || round == kills {
			if err := l.repeat(t.Context(), h.URL, 20); err != nil {
				return []string{"repetition refused: " + err.Error()}, s
			}
			if v := auditRecent(t, h, l); len(v) > 0 {
				return v, s
			}
		}
	}
	v := auditUnseen(t, h, l)
	snapshot := l.record.snapshot()
	s.receipts, s.handovers = len(snapshot.accepted), len(snapshot.handed)
	return v, s
}

// live lets the hub work under load for a moment and kills it.
func live(t *testing.T, h *hubproc.Process, l *load) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var group sync.WaitGroup
	group.Go(func() { l.run(ctx, h.URL) })
	select {
	case <-time.After(20*time.Millisecond + rand.N(280*time.Millisecond)):
	case <-h.Done():
		cancel()
		t.Fatalf("the hub ended by itself:\n%s", h.Log())
	}
	h.Kill()
	cancel()
	group.Wait()
}

// audit runs the checker as the sender, over every promise.
func audit(t *testing.T, h *hubproc.Process, l *load) []string {
	t.Helper()
	return auditOf(t, h, l, l.record.snapshot())
}

// auditRecent checks the promises that no audit has looked at: after every fault it shows
// what that fault did. That no later one harmed them is for an audit at the end to see.
func auditRecent(t *testing.T, h *hubproc.Process, l *load) []string {
	t.Helper()
	r := l.record.snapshot()
	maps.DeleteFunc(r.accepted, func(id string, _ promise) bool { return l.audited[id] })
	return auditOf(t, h, l, r)
}

func auditOf(t *testing.T, h *hubproc.Process, l *load, r *record) []string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	violations, err := check(ctx, newClient(h.URL, l.keys.sender), r)
	if err != nil {
		t.Fatalf("the checker could not read the hub: %v\n%s", err, h.Log())
	}
	if l.audited == nil {
		l.audited = map[string]bool{}
	}
	for id := range r.accepted {
		l.audited[id] = true
	}
	return violations
}

// auditUnseen waits until all leases of the load have run out or been used,
// empties every mailbox and checks that each promised delivery was seen by its
// recipient, either now or before.
func auditUnseen(t *testing.T, h *hubproc.Process, l *load) []string {
	t.Helper()
	c := newClient(h.URL, l.keys.sender)
	const still = 2 * time.Minute // many times as long as a lease of the load lasts
	left, since := -1, time.Now()
	open := l.record.snapshot().accepted // what has been seen stays so
	for {
		if _, err := l.drain(t.Context(), h.URL); err != nil {
			return []string{"unseen: " + err.Error()}
		}
		waiting, err := openDeliveries(t.Context(), c, open)
		if err != nil {
			t.Fatal(err)
		}
		if len(waiting) == 0 {
			return audit(t, h, l)
		}
		if len(waiting) != left {
			left, since = len(waiting), time.Now()
		}
		if time.Since(since) > still {
			return waiting
		}
		time.Sleep(200 * time.Millisecond) // leases end by the hub's clock alone; nothing announces it
	}
}

// openDeliveries names the deliveries that wait for their recipients, and forgets the
// promises of which none does.
func openDeliveries(ctx context.Context, sender *client, promises map[string]promise) ([]string, error) {
	var waiting []string
	for id, p := range promises {
		before := len(waiting)
		deliveries, err := sender.dispatch(ctx, p.dispatch)
		if err != nil {
			return nil, err
		}
		for _, d := range deliveries {
			if d.AddressedAs == carriedCode {
				continue // nobody collects it
			}
			if d.State == "queued" || d.State == "consigned" {
				waiting = append(waiting, "unseen: delivery of "+id+" to "+d.AddressedAs+" stays "+d.State)
			}
		}
		if len(waiting) == before {
			delete(promises, id)
		}
	}
	return waiting, nil
}
