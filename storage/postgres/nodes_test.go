package postgres

import (
	"context"
	"net"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/storage/storagetest"
)

// TestNodesSideBySide: nodes that work on the same deliveries share them: each
// delivery is leased by one collector at a time and moves once.
func TestNodesSideBySide(t *testing.T) {
	url := shared.Get(t).Database(t)
	nodes := []stored{openAt(t, url), openAt(t, url), openAt(t, url)}
	m := storagetest.NewMaker()
	to := make([]hub.AgencyID, 60)
	for i := range to {
		to[i] = "r1"
	}
	accept(t, nodes[0].Store, m, to...)
	var moved, leased atomic.Int64
	var group sync.WaitGroup
	for _, s := range nodes {
		group.Go(func() {
			moved.Add(moveDue(t, s.Store, m))
			leased.Add(leaseFree(t, s.Store, m))
		})
	}
	group.Wait()
	if moved.Load() != 60 {
		t.Errorf("%d of 60 deliveries moved once", moved.Load())
	}
	// A node may find the box empty while another leases the rest: all are leased.
	rest, err := nodes[0].TakeLeases(t.Context(), hub.LeaseRequest{Agency: "r1", Holder: "k", Max: 60, Now: m.Clock, Until: m.Clock.Add(time.Minute)})
	if err != nil || leased.Load()+int64(len(rest)) != 60 {
		t.Errorf("%d of 60 deliveries were leased, %v", leased.Load()+int64(len(rest)), err)
	}
}

// moveDue puts deliveries into their boxes until none is due, and returns how many
// it moved.
func moveDue(t *testing.T, s *Store, m *storagetest.Maker) (moved int64) {
	for {
		due, err := s.DueDeliveries(t.Context(), m.Clock, 10)
		if err != nil {
			t.Error(err)
		}
		if len(due) == 0 {
			return moved
		}
		steps := make([]hub.Step, len(due))
		for i := range due {
			steps[i] = m.Step(due[i].Delivery, hub.StateConsigned)
		}
		results, err := s.ApplySteps(t.Context(), steps...)
		if err != nil {
			t.Error(err)
			return moved
		}
		for _, err := range results {
			if err == nil {
				moved++
			}
		}
	}
}

// leaseFree leases until nothing is free, and returns how many it leased.
func leaseFree(t *testing.T, s *Store, m *storagetest.Maker) (leased int64) {
	for {
		items, err := s.TakeLeases(t.Context(), hub.LeaseRequest{Agency: "r1", Holder: "k", Max: 7, Now: m.Clock, Until: m.Clock.Add(time.Minute)})
		if err != nil {
			t.Error(err)
		}
		if len(items) == 0 {
			return leased
		}
		leased += int64(len(items))
		for i := range items {
			if fence := items[i].Delivery.Lease.Fence; fence != 1 {
				t.Errorf("a delivery was leased %d times", fence)
			}
		}
	}
}

// fragile is a connection that loses the server's answer, or what it was to send,
// when it is told to.
type fragile struct {
	net.Conn
	loseAnswer, loseCall *atomic.Bool
}

func (f *fragile) Read(b []byte) (int, error) {
	n, err := f.Conn.Read(b)
	if n > 0 && f.loseAnswer.CompareAndSwap(true, false) {
		_ = f.Close()
		return 0, syscall.ECONNRESET
	}
	return n, err
}

func (f *fragile) Write(b []byte) (int, error) {
	if f.loseCall.CompareAndSwap(true, false) {
		_ = f.Close()
		return 0, syscall.EPIPE
	}
	return f.Conn.Write(b)
}

// TestAnswerLost: the outcome of an act whose answer got lost is unknown: the store
// does not claim success, does not do it twice, and the caller's repetition tells.
func TestAnswerLost(t *testing.T) {
	var loseAnswer, loseCall atomic.Bool
	s := openAt(t, shared.Get(t).Database(t), func(c *pgxpool.Config) {
		c.MaxConns = 1
		dial := c.ConnConfig.DialFunc
		c.ConnConfig.DialFunc = func(ctx context.Context, network, address string) (net.Conn, error) {
			conn, err := dial(ctx, network, address)
			return &fragile{conn, &loseAnswer, &loseCall}, err
		}
	})
	m := storagetest.NewMaker()
	d := accept(t, s.Store, m, "r1").Deliveries[0] // the connection knows the statement from now on

	loseAnswer.Store(true)
	a := m.Acceptance("r1")
	_, err := s.Accept(t.Context(), a)
	wants(t, hub.KindUnavailable, err)
	again := must[hub.Accepted](t)(s.Accept(t.Context(), a))
	if !again.Duplicate || again.Receipt.Evidence.ID != a.Evidence[0].Evidence.ID {
		t.Errorf("repeated, the act gives %+v", again)
	}

	must[[]error](t)(s.ApplySteps(t.Context())) // nothing, and no connection
	step := m.Step(d, hub.StateConsigned)
	accept(t, s.Store, m, "r1")
	if results, err := s.ApplySteps(t.Context(), m.Step(d, hub.StateQueued)); err != nil || results[0] != nil {
		t.Fatal(results, err)
	}
	step.Version++
	loseAnswer.Store(true)
	_, err = s.ApplySteps(t.Context(), step)
	wants(t, hub.KindUnavailable, err)
	results, err := s.ApplySteps(t.Context(), step)
	if err != nil || results[0] == nil {
		t.Errorf("a step that had taken effect was recorded twice: %v, %v", results, err)
	}

	// What never left is sent again by the store itself, or the caller is told.
	accept(t, s.Store, m, "r1")
	loseCall.Store(true)
	lost := m.Acceptance("r1")
	if _, err := s.Accept(t.Context(), lost); err != nil {
		wants(t, hub.KindUnavailable, err)
		t.Logf("an act that never left: %v", err)
	}
	// A read is tried again whatever got lost.
	loseAnswer.Store(true)
	must[int64](t)(s.AgenciesVersion(t.Context()))
}
