package app

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/lienthong/lienthong/cmd/lienthong/internal/engine"
	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/hub/tracking"
)

// bells ring for those who wait on this node at once, and for those on other nodes a
// moment later, many together.
type bells struct {
	here  *tracking.Service
	there engine.Bells
	log   *slog.Logger

	mu   sync.Mutex
	rung []hub.AgencyID // for the other nodes, not told yet
	news chan struct{}
}

// bellsTogether is how long a node gathers before it tells the others.
const bellsTogether = 10 * time.Millisecond

func newBells(here *tracking.Service, there engine.Bells, log *slog.Logger) *bells {
	return &bells{here: here, there: there, log: log, news: make(chan struct{}, 1)}
}

// Ring implements delivery.Bell.
func (b *bells) Ring(agency hub.AgencyID) {
	b.here.Ring(agency)
	b.mu.Lock()
	b.rung = append(b.rung, agency)
	b.mu.Unlock()
	select {
	case b.news <- struct{}{}:
	default:
	}
}

// run tells the other nodes and hears them until ctx ends.
func (b *bells) run(ctx context.Context) error {
	var telling sync.WaitGroup
	telling.Go(func() { b.tell(ctx) })
	defer telling.Wait()
	return b.there.Hear(ctx, b.here.Ring, b.here.RingAll)
}

func (b *bells) tell(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-b.news:
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(bellsTogether):
		}
		if err := b.there.RingOthers(ctx, b.take()...); err != nil && ctx.Err() == nil {
			b.log.Debug("the other nodes were not told of arrivals", "error", err)
		}
	}
}

// take returns what rang since the last time, each agency once.
func (b *bells) take() []hub.AgencyID {
	b.mu.Lock()
	defer b.mu.Unlock()
	rung := b.rung
	b.rung = nil
	slices.Sort(rung)
	return slices.Compact(rung)
}

// lateBell rings the bells of an application that has them only when its services are
// made.
type lateBell struct{ app *App }

// Ring implements tracking.Bell.
func (b lateBell) Ring(agency hub.AgencyID) { b.app.bells.Ring(agency) }
