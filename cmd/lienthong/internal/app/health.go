package app

import (
	"context"
	"sync"
	"syscall"
	"time"

	"github.com/lienthong/lienthong/hub"
)

// health looks at what the hub needs at a steady pace, so that asking costs nothing
// and a check that hangs keeps nobody waiting.
type health struct {
	app *App
	mu  sync.Mutex
	// now is by name of the check.
	now     []hub.HealthCheck
	backlog hub.Backlog
	// behind says that deliveries wait too long; nil when nobody could look.
	behind   error
	stopping bool
	looked   chan struct{} // closed when everything was looked at once
}

const (
	lookEvery  = time.Second
	lookLimit  = 5 * time.Second
	backlogCap = 100_000 // deliveries that are counted at most
)

// run looks until ctx ends.
func (h *health) run(ctx context.Context) error {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		h.look(ctx)
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// look asks everything at the same time.
func (h *health) look(ctx context.Context) {
	limited, cancel := context.WithTimeout(ctx, lookLimit)
	defer cancel()
	checks := []struct {
		name  string
		state hub.HealthState // when the check fails
		ask   func(context.Context) error
	}{
		{"database", hub.HealthFailed, h.app.store.Ping},
		{"objects", hub.HealthFailed, h.app.blobs.Ping},
		{"broker", hub.HealthDegraded, h.app.queue.Health},
		{"disk", hub.HealthFailed, h.disk},
		{"queue", hub.HealthDegraded, h.queueAge},
		{"log", hub.HealthDegraded, h.app.logFault},
		{"timestamps", hub.HealthDegraded, h.app.stampFault},
		{"witnesses", hub.HealthDegraded, h.app.witnessFault},
		{"clock", hub.HealthDegraded, h.app.clockFault},
		{"axis", hub.HealthDegraded, h.app.axisFault},
		{"post", hub.HealthDegraded, h.app.postFault},
		{"proofs", hub.HealthDegraded, h.app.proofs},
	}
	found := make([]hub.HealthCheck, len(checks))
	var all sync.WaitGroup
	for i, c := range checks {
		all.Go(func() {
			found[i] = hub.HealthCheck{Name: c.name, State: hub.HealthSound}
			if err := c.ask(limited); err != nil {
				found[i].State = c.state
				found[i].Reason, found[i].Said = reasonOf(err)
			}
		})
	}
	all.Wait()
	if ctx.Err() == nil {
		h.note(found)
	}
}

// reasonOf is what an operator is told without a key: the class and no address.
func reasonOf(err error) (string, *hub.Sentence) {
	if v := hub.Tellable(err); v != nil {
		return v.Message, hub.SaidOf(v)
	}
	return "see the log of this node", hub.Say(string(hub.KindInternal))
}

// note keeps what was found, with the time of each change, and logs changes.
func (h *health) note(found []hub.HealthCheck) {
	h.mu.Lock()
	defer h.mu.Unlock()
	at := h.app.now().UTC().Truncate(time.Millisecond)
	for i := range found {
		c := &found[i]
		c.Since = at
		before := hub.HealthSound
		if i < len(h.now) {
			before = h.now[i].State
			if before == c.State {
				c.Since = h.now[i].Since
			}
		}
		if before != c.State {
			h.app.log.Warn("health", "check", c.Name, "state", c.State, "before", before, "reason", c.Reason)
		}
	}
	if h.now == nil {
		close(h.looked)
	}
	h.now = found
}

// disk fails when the folder of the hub has less room than it needs to finish what it
// has accepted.
func (h *health) disk(context.Context) error {
	free, err := freeDisk(h.app.config.DataDir)
	if err != nil {
		return err
	}
	if free < uint64(h.app.config.MinFree) {
		return hub.Errorf(hub.KindUnavailable, "", "disk", "%d MiB are free in the data folder, %d are needed", free, h.app.config.MinFree)
	}
	return nil
}

// freeDisk is how many MiB are free where a folder lies.
func freeDisk(dir string) (uint64, error) {
	var fs syscall.Statfs_t
	if err := syscall.Statfs(dir, &fs); err != nil {
		return 0, hub.Internal("look at the disk", err)
	}
	return fs.Bavail * uint64(fs.Bsize) >> 20, nil
}

// queueAge fails when deliveries wait beyond what is allowed: the hub cannot keep up.
func (h *health) queueAge(ctx context.Context) error {
	b, err := h.app.store.Backlog(ctx, backlogCap)
	h.mu.Lock()
	defer h.mu.Unlock()
	h.behind = nil
	if err != nil {
		return err
	}
	h.backlog = b
	if age, limit := b.Age(h.app.now()), h.app.config.MaxQueueAge; limit > 0 && age > limit {
		h.behind = hub.Errorf(hub.KindBusy, "", "queue_age", "the first of %d deliveries has waited for %s", b.Queued, age.Round(time.Second))
	}
	return h.behind
}

// lastBacklog is what was counted last.
func (h *health) lastBacklog(context.Context) (hub.Backlog, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.backlog, nil
}

// readiness is what was found last.
func (h *health) readiness(context.Context) hub.Readiness {
	h.mu.Lock()
	defer h.mu.Unlock()
	checks := append([]hub.HealthCheck(nil), h.now...)
	if h.stopping {
		checks = append(checks, hub.HealthCheck{Name: "process", State: hub.HealthFailed, Reason: "the node is stopping", Said: hub.Say("stopping")})
	}
	return hub.ReadinessOf(checks...)
}

// stop makes the node unready for the rest of its life.
func (h *health) stop() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.stopping = true
}

func (h *health) leaving() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.stopping
}

// overloaded refuses requests that would bring something new, before their bytes are
// read, while the disk is full or the queue too old.
func (h *health) overloaded() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, c := range h.now {
		if c.Name == "disk" && c.State != hub.HealthSound {
			return &hub.Error{Kind: hub.KindUnavailable, Rule: "disk", Message: "the hub's storage is full", RetryAfter: time.Minute}
		}
	}
	if h.behind != nil {
		reason, _ := reasonOf(h.behind)
		return &hub.Error{Kind: hub.KindBusy, Rule: "queue_age", Message: "the hub cannot keep up: " + reason, RetryAfter: 30 * time.Second}
	}
	return nil
}

// closed closes the intake while the log proves less than the operator requires, and
// until that was looked at for the first time.
func (h *health) closed() error {
	if !h.app.config.closesUnproven() {
		return nil
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.now == nil {
		return &hub.Error{Kind: hub.KindUnavailable, Rule: "starting", Message: "the hub has just begun", RetryAfter: time.Second}
	}
	for _, c := range h.now {
		if c.Name == "proofs" && c.State != hub.HealthSound {
			return &hub.Error{Kind: hub.KindUnavailable, Rule: "unproven", Message: c.Reason, RetryAfter: 30 * time.Second}
		}
	}
	return nil
}
