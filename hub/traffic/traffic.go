// Package traffic counts what goes through a hub, hour by hour, for the charts of operators.
//
// The counting of figures reads the log of evidence and gives its entries to Count, and
// what is to be added is recorded in the same step, together with the place up to which it
// was counted: an entry counts once, whoever dies. Counts of eight days are kept, so that
// the older part of a log is never read for them, and showing them reads their rows alone,
// however many deliveries there are. How long hand-overs took is kept in classes that are
// 9 % wide.
package traffic

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/lienthong/lienthong/hub"
)

const (
	kept      = 8 * 24 // hours
	perOctave = 8      // classes between a time and twice that
	probe     = 50     // entries of which one is an evidence, most likely
)

// Store keeps what was counted.
type Store interface {
	// FigureProgress tells how far the log was counted.
	FigureProgress(ctx context.Context) (progress hub.FigureProgress, end int64, err error)
	// TrafficHours returns what was counted of the hours from an instant on, in any order.
	TrafficHours(ctx context.Context, since time.Time) ([]hub.HourCount, error)
}

// Log reads the log.
type Log interface {
	// FigureEntries reads entries in their order, from a place on. What is no evidence comes
	// with its place alone.
	FigureEntries(ctx context.Context, place int64, limit int) ([]hub.PlacedEvidence, error)
}

// Service counts, and shows what was counted. It is safe for concurrent use.
type Service struct {
	Store Store
	Log   Log
	Now   func() time.Time
}

// oldest is the first hour that is kept.
func (s *Service) oldest() time.Time {
	return s.Now().UTC().Truncate(time.Hour).Add((1 - kept) * time.Hour)
}

// Begin is a place in the log, which ends at end, before which all is older than what is
// kept. It is found by halving: evidence is in the order of its time but for seconds, and
// a day is left for clocks that were set.
func (s *Service) Begin(ctx context.Context, end int64) (int64, error) {
	oldest := s.oldest().Add(-24 * time.Hour)
	low, high := int64(0), end // what is before low is old
	for low < high {
		middle := low + (high-low)/2
		entries, err := s.Log.FigureEntries(ctx, middle, probe)
		if err != nil {
			return 0, fmt.Errorf("looking where traffic begins: %w", err)
		}
		n := slices.IndexFunc(entries, func(e hub.PlacedEvidence) bool { return !e.Evidence.Evidence.Time.IsZero() })
		if n < 0 || !entries[n].Evidence.Evidence.Time.Before(oldest) {
			high = middle
			continue
		}
		low = entries[n].Place + 1
	}
	return min(low, end), nil
}

// Count returns what entries add to hours, when the last evidence of it was (zero for
// nothing), and before which hour all may be forgotten. What is older adds nothing.
func (s *Service) Count(entries []hub.PlacedEvidence) (hours []hub.HourCount, last, since time.Time) {
	type key struct {
		hour  time.Time
		class int
	}
	since = s.oldest()
	counts := map[key]int64{}
	for i := range entries {
		e := &entries[i].Evidence.Evidence
		hour := e.Time.UTC().Truncate(time.Hour)
		class, ok := classOf(e)
		if !ok || hour.Before(since) {
			continue
		}
		if e.Time.After(last) {
			last = e.Time.UTC()
		}
		counts[key{hour, class}]++
	}
	for k, n := range counts {
		hours = append(hours, hub.HourCount{Hour: k.hour, Class: k.class, Count: n})
	}
	slices.SortFunc(hours, func(a, b hub.HourCount) int { return cmp.Or(a.Hour.Compare(b.Hour), cmp.Compare(a.Class, b.Class)) })
	return hours, last, since
}

// classOf is what an evidence is counted as; false for nothing.
func classOf(e *hub.Evidence) (class int, ok bool) {
	switch e.Event {
	case hub.EventSubmissionAcceptance:
		return hub.ClassAccepted, true
	case hub.EventContentHandover:
		begun, ok := madeAt(string(e.Dispatch))
		return classOfTime(e.Time.Sub(begun)), ok
	}
	return 0, false
}

// madeAt is when an id of a dispatch (UUIDv7, RFC 9562, 5.7) was made: as it was accepted.
func madeAt(id string) (time.Time, bool) {
	hex := strings.ReplaceAll(id, "-", "")
	if len(hex) != 32 || hex[12] != '7' {
		return time.Time{}, false
	}
	ms, err := strconv.ParseInt(hex[:12], 16, 64)
	return time.UnixMilli(ms), err == nil
}

// classOfTime is the class of a time: the logarithm of its milliseconds.
func classOfTime(took time.Duration) int {
	return int(math.Ceil(perOctave * math.Log2(max(1, float64(took)/float64(time.Millisecond)))))
}

// most is the longest time of a class.
func most(class int) time.Duration {
	return time.Duration(math.Exp2(float64(class)/perOctave) * float64(time.Millisecond))
}

// Traffic shows the last hours, the one that runs included, each of them. It needs
// hub.ScopeOperate.
func (s *Service) Traffic(ctx context.Context, actor hub.Actor, hours int) (hub.Traffic, error) {
	if err := actor.Require(hub.ScopeOperate); err != nil {
		return hub.Traffic{}, err
	}
	if hours < 1 || hours > kept {
		return hub.Traffic{}, hub.Invalid("hours", "range", "1 to %d hours are shown", kept)
	}
	progress, _, err := s.Store.FigureProgress(ctx)
	if err != nil {
		return hub.Traffic{}, err
	}
	last := s.Now().UTC().Truncate(time.Hour)
	shown := hub.Traffic{Until: progress.TrafficAt, Hours: make([]hub.TrafficHour, hours)}
	first := last.Add(time.Duration(1-hours) * time.Hour)
	counts, err := s.Store.TrafficHours(ctx, first)
	if err != nil {
		return hub.Traffic{}, err
	}
	took := make([]map[int]int64, hours)
	for i := range shown.Hours {
		shown.Hours[i].Hour = first.Add(time.Duration(i) * time.Hour)
		took[i] = map[int]int64{}
	}
	for _, c := range counts {
		at := int(c.Hour.Sub(first) / time.Hour)
		switch {
		case at >= hours: // of a clock that was ahead
		case c.Class == hub.ClassAccepted:
			shown.Hours[at].Accepted = c.Count
		default:
			took[at][c.Class] = c.Count
		}
	}
	for i := range shown.Hours {
		shares(&shown.Hours[i], took[i])
	}
	return shown, nil
}

// shares fills in how many hand-overs there were, and how long they took.
func shares(h *hub.TrafficHour, took map[int]int64) {
	classes := make([]int, 0, len(took))
	for class, n := range took {
		classes, h.Handed = append(classes, class), h.Handed+n
	}
	slices.Sort(classes)
	below := int64(0)
	for _, class := range classes {
		before := below
		below += took[class]
		if half := (h.Handed + 1) / 2; before < half && half <= below {
			h.P50 = most(class)
		}
		if tail := (h.Handed*95 + 99) / 100; before < tail && tail <= below {
			h.P95 = most(class)
		}
	}
}
