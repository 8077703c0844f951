package faulttest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/lienthong/lienthong/cmd/lienthong/internal/crashpoint"
	"github.com/lienthong/lienthong/cmd/lienthong/internal/hubproc"
)

// TestEveryStep lets a hub die before and after every step of the way of a document,
// under load, and asks after each whether it kept its word.
func TestEveryStep(t *testing.T) {
	t.Parallel() // half of it waits for starts
	everyStep(t)
}

func everyStep(t *testing.T, env ...string) {
	t.Helper()
	dir := t.TempDir()
	l := &load{keys: prepared(t, dir, env...), record: newRecord(), counter: new(atomic.Int64)}
	for _, step := range crashpoint.Steps() {
		for _, side := range []string{"before:", "after:"} {
			point := fmt.Sprintf("%s%s:%d", side, step, 1+rand.IntN(3))
			h := startHub(t, dir, "", append(env, "LIENTHONG_CRASH_AT="+point)...)
			if err := dieAt(t.Context(), h, l); err != nil {
				t.Fatalf("%s: %v\n%s", point, err, h.Log())
			}
			h = startHub(t, dir, "", env...)
			if err := l.settle(t.Context(), h.URL); err != nil {
				t.Errorf("%s: lost: %v", point, err)
			}
			for _, violation := range auditRecent(t, h, l) {
				t.Errorf("%s: %s", point, violation)
			}
			h.Kill()
			if t.Failed() {
				return
			}
		}
	}
	h := startHub(t, dir, "", env...)
	defer h.Kill()
	for _, violation := range auditUnseen(t, h, l) {
		t.Error(violation)
	}
	t.Logf("%d points, %d receipts", 2*len(crashpoint.Steps()), len(l.record.snapshot().accepted))
}

// dieAt drives every kind of act until the hub dies.
func dieAt(ctx context.Context, h *hubproc.Process, l *load) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	var group sync.WaitGroup
	group.Go(func() { l.run(ctx, h.URL) })
	group.Go(func() { l.sendChunked(ctx, newClient(h.URL, l.keys.sender)) })
	group.Go(func() { l.misdirect(ctx, newClient(h.URL, l.keys.sender)) })
	group.Go(func() { l.sendCarried(ctx, newClient(h.URL, l.keys.sender)) })
	defer group.Wait()
	select {
	case <-h.Done():
		cancel()
		return nil
	case <-ctx.Done():
		h.Kill()
		return errors.New("the hub never came to this step")
	}
}

func (l *load) sendChunked(ctx context.Context, c *client) {
	for ctx.Err() == nil {
		d := l.newDocument()
		d.chunked = true
		if submitRecorded(ctx, c, l.record, d) != nil {
			return
		}
	}
}

// sendCarried sends what a carrier must bring: a notice in the agency's queue where
// there is a broker, else a failure with evidence. Nobody collects it.
func (l *load) sendCarried(ctx context.Context, c *client) {
	for ctx.Err() == nil {
		d := l.newDocument()
		d.recipients = []string{carriedCode}
		if submitRecorded(ctx, c, l.record, d) != nil {
			return
		}
	}
}

// misdirect sends what must be refused with evidence.
func (l *load) misdirect(ctx context.Context, c *client) {
	for ctx.Err() == nil {
		d := l.newDocument()
		d.recipients = []string{"000.00.99.H99"}
		var no *refused
		if _, err := c.submit(ctx, senderCode, d); !errors.As(err, &no) {
			return
		}
	}
}
