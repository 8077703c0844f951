package web

import (
	"context"
	"net/http"
	"time"

	"github.com/lienthong/lienthong/hub"
)

// Traffic shows what went through the hub, hour by hour.
type Traffic interface {
	Traffic(ctx context.Context, actor hub.Actor, hours int) (hub.Traffic, error)
}

// Vitals are how the parts of a hub are, in numbers.
type Vitals struct {
	Entries   int64         // of the log of this year
	Waits     time.Duration // that the oldest evidence has waited for the log; 0 for none
	Unstamped time.Duration // that the oldest entry has waited for a time-stamp; 0 for none
	Stamped   bool          // there is a time-stamp authority
	Queues    []Queue       // of the broker; empty without one
	Expiries  []hub.Expiry  // the first to end first
}

// Queue is one of the broker.
type Queue struct {
	Name     string
	Messages int
}

type healthPage struct {
	hub.Readiness
	Backlog hub.Backlog
	Waits   int // minutes that the first delivery waits beyond its time
	Vitals  Vitals
	Traffic []graph
	Hours   []hub.TrafficHour // those with something, the last first
	Counted time.Time
	Week    bool
}

// The hours that the graphs show.
const (
	dayHours  = 24
	weekHours = 7 * 24
)

func (x *exchange) health() error {
	ctx := x.r.Context()
	backlog, err := x.Backlog(ctx)
	if err != nil {
		return err
	}
	p := healthPage{
		Readiness: x.Ready(ctx), Backlog: backlog, Waits: int(backlog.Age(x.Now()).Minutes()), Week: x.r.URL.Query().Get("show") == "week",
	}
	if p.Vitals, err = x.Vitals(ctx); err != nil {
		return err
	}
	hours := dayHours
	if p.Week {
		hours = weekHours
	}
	shown, err := x.Traffic.Traffic(ctx, x.visit.Actor, hours)
	if err != nil {
		return err
	}
	p.Counted = shown.Until
	for i := len(shown.Hours) - 1; i >= 0; i-- {
		if h := shown.Hours[i]; h.Accepted+h.Handed > 0 {
			p.Hours = append(p.Hours, h)
		}
	}
	if len(p.Hours) > 0 {
		p.Traffic = x.graphs(shown.Hours)
	}
	return x.show(http.StatusOK, "health", p, nil)
}

// Ending is the style of something that ends: a month before it does it is not good any
// more; a revocation list, in the last quarter of its time.
func (v *view) Ending(e hub.Expiry) string {
	left, now := 30*24*time.Hour, v.x.Now()
	if e.Kind == hub.ExpiryCRL {
		left = e.Until.Sub(e.From) / 4
	}
	switch {
	case !now.Before(e.Until):
		return "bad"
	case e.Until.Sub(now) < left:
		return "open"
	}
	return "good"
}
