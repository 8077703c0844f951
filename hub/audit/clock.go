package audit

import (
	"context"
	"crypto/rand"
	"log/slog"
	"sync"
	"time"

	"github.com/lienthong/lienthong/hub"
)

// How clocks are compared.
const (
	maxDrift     = time.Minute      // between the clock of the hub and a time-stamp authority
	clockPace    = 10 * time.Minute // between two comparisons
	clockAlarmed = 30 * time.Second // the same while the clocks differ
)

// Clock compares the clock of a node with that of time-stamp authorities, so that no
// evidence says a time that others will not believe. It is safe for concurrent use.
type Clock struct {
	authority TimeAuthority
	log       *slog.Logger

	mu    sync.Mutex // guards fault
	fault error
}

// NewClock returns a clock check.
func NewClock(authority TimeAuthority, log *slog.Logger) *Clock {
	return &Clock{authority: authority, log: log}
}

// Run compares at a steady pace until ctx ends, more often while the clocks differ. An
// authority that does not answer says nothing about the clock.
func (c *Clock) Run(ctx context.Context) {
	for {
		var something hub.Digest // a token over nothing in particular
		_, _ = rand.Read(something[:])
		if token, err := c.authority.Timestamp(ctx, something); err == nil {
			c.Observe(ctx, token)
		}
		pause := clockPace
		if c.Fault() != nil {
			pause = clockAlarmed
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(pause):
		}
	}
}

// Observe compares with a token that was asked for anyway. The authority said its time
// between question and answer.
func (c *Clock) Observe(ctx context.Context, token hub.TimeToken) {
	var fault error
	switch {
	case token.Time.Before(token.Asked.Add(-maxDrift)):
		fault = drift("clock_ahead", "ahead of", token.Asked.Sub(token.Time), token.Authority)
	case token.Time.After(token.Answered.Add(maxDrift)):
		fault = drift("clock_behind", "behind", token.Time.Sub(token.Answered), token.Authority)
	}
	c.mu.Lock()
	was := c.fault
	c.fault = fault
	c.mu.Unlock()
	switch {
	case fault != nil && was == nil:
		c.log.ErrorContext(ctx, "the clock of this node is wrong, or that of the time-stamp authority", "error", fault)
	case fault == nil && was != nil:
		c.log.InfoContext(ctx, "the clocks agree again")
	}
}

func drift(rule, how string, by time.Duration, authority string) error {
	return hub.Errorf(hub.KindUnavailable, "", rule, "the clock of this node is %s "+how+" that of the time-stamp authority %s", by.Round(time.Second), authority)
}

// Fault returns by how much the clocks differ when that is too much, nil while they agree
// as far as is known.
func (c *Clock) Fault() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.fault
}
