package audit

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/lienthong/lienthong/hub"
)

// stampedMemory is a store whose checkpoints are time-stamped by the test.
type stampedMemory struct {
	*memory
	stamps
}

func (s *stampedMemory) LogShards(ctx context.Context) ([]hub.LogShard, error) {
	return s.memory.LogShards(ctx)
}

// TestUnproven: the age is that of the oldest entry that nothing covers, in the log or
// before it, whatever came later.
func TestUnproven(t *testing.T) {
	begin := *at(2026)
	now := begin
	s := &stampedMemory{memory: newMemory()}
	u := &Unproven{Store: s, Now: func() time.Time { return now }}
	log := newTestLog(s.memory, &now)
	record := func(id string) {
		s.sources = append(s.sources, hub.LogSource{ID: id, Note: &hub.LogNote{ID: id, Kind: hub.LogNoteKey, Time: now.UTC().Truncate(time.Millisecond), Body: []byte("{}")}})
	}
	expect := func(what string, stamp, quorum time.Duration) {
		t.Helper()
		gotStamp, err := u.SinceStamp(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		gotQuorum, err := u.SinceQuorum(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if gotStamp.Round(time.Second) != stamp || gotQuorum.Round(time.Second) != quorum {
			t.Errorf("%s: %s without a time-stamp, %s without a quorum; want %s and %s", what, gotStamp, gotQuorum, stamp, quorum)
		}
	}
	expect("nothing recorded", 0, 0)
	record("a")
	now = now.Add(time.Hour)
	expect("recorded and not in the log", time.Hour, time.Hour)
	if err := grow(log); err != nil {
		t.Fatal(err)
	}
	record("b")
	now = now.Add(time.Hour)
	expect("in the log", 2*time.Hour, 2*time.Hour)
	s.kept = append(s.kept, hub.LogStamp{Origin: s.memory.shards[0].Origin, Size: 1, Time: now})
	expect("time-stamped; another one waits", time.Hour, 2*time.Hour)
	s.memory.shards[0].Witnessed = hub.LogHead{Size: 1}
	expect("witnessed, too", time.Hour, time.Hour)
	if err := grow(log); err != nil {
		t.Fatal(err)
	}
	s.kept = append(s.kept, hub.LogStamp{Origin: s.memory.shards[0].Origin, Size: 2, Time: now})
	s.memory.shards[0].Witnessed.Size = 2
	now = now.Add(100 * time.Hour)
	expect("all is proven, long ago", 0, 0)
	now = now.AddDate(1, 0, 0)
	record("c")
	if err := grow(log); err != nil {
		t.Fatal(err)
	}
	now = now.Add(time.Minute)
	expect("a new year, behind its link", time.Minute, time.Minute)
}

// TestClock: it is wrong when the authority's time lies more than a minute outside of the
// span in which it was asked.
func TestClock(t *testing.T) {
	now := *at(2026)
	c := NewClock(nil, slog.New(slog.DiscardHandler))
	for _, step := range []struct {
		ahead time.Duration // of the authority
		wrong bool
	}{{0, false}, {61 * time.Second, true}, {59 * time.Second, false}, {-65 * time.Second, true}, {-59 * time.Second, false}, {time.Hour, true}, {0, false}} {
		c.Observe(t.Context(), hub.TimeToken{Time: now.Add(step.ahead), Asked: now, Answered: now, Authority: "tsa"})
		if err := c.Fault(); (err != nil) != step.wrong {
			t.Errorf("an authority that is %s ahead: %v", step.ahead, err)
		}
	}
	c.Observe(t.Context(), hub.TimeToken{Time: now.Add(time.Hour), Asked: now, Answered: now.Add(time.Hour)})
	if err := c.Fault(); err != nil {
		t.Errorf("an answer that took long: %v", err)
	}
}
