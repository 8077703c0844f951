package hubclient

import (
	"cmp"
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/lienthong/lienthong/hub"
)

// Retry says how often and how patiently idempotent calls are repeated.
type Retry struct {
	Attempts int           // all tries together; default 5, 1 means no repetition
	First    time.Duration // longest wait before the second try; default 200 ms, doubled each time
	Max      time.Duration // longest wait; default 20 s. A longer Retry-After is obeyed
	// Wait replaces the waiting itself, for tests. It returns early with ctx's
	// error when ctx ends.
	Wait func(ctx context.Context, d time.Duration) error
}

func (r Retry) withDefaults() Retry {
	r.Attempts = cmp.Or(r.Attempts, 5)
	r.First = cmp.Or(r.First, 200*time.Millisecond)
	r.Max = cmp.Or(r.Max, 20*time.Second)
	if r.Wait == nil {
		r.Wait = sleep
	}
	return r
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// run calls try until it succeeds, fails for good, or the attempts are used up.
func (r Retry) run(ctx context.Context, idempotent bool, try func() error) error {
	for attempt := 1; ; attempt++ {
		err := try()
		if err == nil || !idempotent || attempt >= r.Attempts || ctx.Err() != nil || !Temporary(err) {
			return err
		}
		if r.Wait(ctx, r.pause(attempt, err)) != nil {
			return err // the reason of the failure says more than that time ran out
		}
	}
}

// pause returns the wait after the given attempt: full jitter below a doubling
// bound, so that clients that failed together do not come back together.
func (r Retry) pause(attempt int, err error) time.Duration {
	bound := min(r.First<<min(attempt-1, 20), r.Max)
	pause := time.Duration(rand.Int64N(int64(bound) + 1))
	var e *hub.Error
	if errors.As(err, &e) {
		pause = max(pause, e.RetryAfter)
	}
	return pause
}

// Temporary reports whether the same call may succeed later: the hub is busy,
// away or cannot be reached.
func Temporary(err error) bool {
	switch hub.KindOf(err) {
	case hub.KindBusy, hub.KindUnavailable:
		return true
	}
	return false
}
