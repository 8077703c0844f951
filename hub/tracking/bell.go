package tracking

import (
	"context"
	"sync"

	"github.com/lienthong/lienthong/hub"
)

// bell wakes those who wait for something to arrive for an agency. It carries no
// data and may ring for nothing: who is woken looks into the mailbox.
type bell struct {
	mu      sync.Mutex
	waiting map[hub.AgencyID]chan struct{} // closed when rung
}

func newBell() *bell { return &bell{waiting: map[hub.AgencyID]chan struct{}{}} }

// Ring wakes everybody who waits for the agency.
func (b *bell) Ring(agency hub.AgencyID) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if c, ok := b.waiting[agency]; ok {
		close(c)
		delete(b.waiting, agency)
	}
}

// RingAll wakes everybody: something may have arrived unheard.
func (b *bell) RingAll() {
	b.mu.Lock()
	defer b.mu.Unlock()
	for agency, c := range b.waiting {
		close(c)
		delete(b.waiting, agency)
	}
}

// Listen returns a channel that is closed at the next ring. Who listens before
// looking into the mailbox misses nothing.
func (b *bell) Listen(agency hub.AgencyID) <-chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	c, ok := b.waiting[agency]
	if !ok {
		c = make(chan struct{})
		b.waiting[agency] = c
	}
	return c
}

// Wait returns nil at the next ring and ctx's error when that comes first.
func (b *bell) Wait(ctx context.Context, agency hub.AgencyID) error {
	select {
	case <-b.Listen(agency):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
