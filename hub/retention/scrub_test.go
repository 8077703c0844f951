package retention_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/hub/hubtest"
	"github.com/lienthong/lienthong/hub/retention"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func (w *world) findings() []hub.RetentionFinding {
	w.t.Helper()
	l, err := w.service.Findings(w.ctx, auditor(), hub.Page{Limit: 100})
	w.must(err)
	return l.Items
}

// TestScrub: damage and loss of what is named are found, told with the dispatches, and
// taken back when the content is sound again or named no more.
func TestScrub(t *testing.T) {
	var log bytes.Buffer
	w := newWorld(t, func(o *retention.Options) { o.Log = slog.New(slog.NewTextHandler(&log, nil)) })
	damaged, lost, sound := w.ended("damaged", nil), w.ended("lost", nil), w.ended("sound", nil)
	w.Blobs.Damage(damaged.Parts[0].Digest)
	w.Blobs.Remove(lost.Parts[0].Digest)
	orphan := w.Blobs.Put([]byte("orphan"))
	w.Blobs.Damage(orphan) // nothing names it
	w.must(w.service.Scrub(w.ctx))
	found := w.findings()
	problems := map[hub.Digest]hub.ContentProblem{}
	for _, f := range found {
		problems[f.Digest] = f.Problem
		if len(f.Dispatches) != 1 || !f.First.Equal(w.Clock.Now()) {
			t.Errorf("the finding is %+v", f)
		}
	}
	if len(found) != 2 || problems[damaged.Parts[0].Digest] != hub.ContentDamaged || problems[lost.Parts[0].Digest] != hub.ContentMissing {
		t.Fatalf("found are %+v", found)
	}
	run := w.lastRun(hub.JobScrub)
	if run.Checked != 3 || run.Findings != 2 || run.CheckedBytes < int64(len("signed original of sound")) || run.Ended.IsZero() {
		t.Errorf("the run is %+v", run)
	}
	if text := log.String(); strings.Count(text, "level=ERROR") != 2 || !strings.Contains(text, lost.Parts[0].Digest.String()) {
		t.Errorf("logged is %s", text)
	}
	w.must(w.service.Scrub(w.ctx)) // not its time
	if again := w.lastRun(hub.JobScrub); again.ID != run.ID {
		t.Error("the scrub began again at once")
	}
	w.Blobs.Put([]byte("signed original of damaged")) // healed
	w.activate(class("a", "P1D"))
	w.Clock.Advance(8 * day)
	w.run() // purges all three
	if w.must(w.service.Scrub(w.ctx)); len(w.findings()) != 0 || w.lastRun(hub.JobScrub).ID == run.ID {
		t.Errorf("still found are %+v", w.findings())
	}
	_ = sound
}

// TestScrubHeals: content that came in once more is no finding any more.
func TestScrubHeals(t *testing.T) {
	w := newWorld(t)
	d := w.ended("1", nil)
	w.Blobs.Damage(d.Parts[0].Digest)
	w.must(w.service.Scrub(w.ctx))
	first := w.findings()
	w.Clock.Advance(8 * day)
	w.must(w.service.Scrub(w.ctx))
	if second := w.findings(); len(second) != 1 || !second[0].First.Equal(first[0].First) || !second[0].Last.After(first[0].Last) {
		t.Errorf("found again is %+v, first %+v", second, first)
	}
	w.Blobs.Put([]byte("signed original of 1"))
	w.Clock.Advance(8 * day)
	if w.must(w.service.Scrub(w.ctx)); len(w.findings()) != 0 {
		t.Errorf("still found are %+v", w.findings())
	}
}

// TestScrubRate: so many bytes in a second, whether they lie in one content or in many,
// and none are read again after a stop.
func TestScrubRate(t *testing.T) {
	for name, size := range map[string]int{"large": 12 << 20, "small": 300 << 10} {
		var ended error
		w := newWorld(t, func(o *retention.Options) { o.ScrubRate = 4 << 20 })
		total := 0
		for n := range 5 {
			body := strings.Repeat(string(rune('a'+n)), size/(4*(n%2)+1))
			w.ended(name+string(rune('a'+n)), func(s *hub.Submission) { s.Parts = []hub.Part{w.Part("p1", hub.RoleOriginal, body)} })
			total += len(body)
		}
		w.onWait = func() error {
			if w.waited > 2*time.Second && ended == nil {
				ended = context.Canceled
				return ended
			}
			return nil
		}
		err := w.service.Scrub(w.ctx)
		if name == "large" && !errors.Is(err, context.Canceled) {
			t.Fatalf("the stop in between: %v", err)
		}
		if err != nil {
			w.must(w.service.Scrub(w.ctx)) // goes on
		}
		run := w.lastRun(hub.JobScrub)
		if run.Checked != 5 || run.CheckedBytes != int64(total) || run.Findings != 0 {
			t.Errorf("%s: the run is %+v, want %d bytes", name, run, total)
		}
		least := time.Duration(float64(total)/(4<<20)*float64(time.Second)) - 2*time.Second
		most := time.Duration(float64(total+size) / (4 << 20) * float64(time.Second))
		if w.waited < least || w.waited > most {
			t.Errorf("%s: %d bytes took %s, want %s to %s", name, total, w.waited, least, most)
		}
	}
}

// TestScrubWaitsForTheStore: a store that is away is no damage.
func TestScrubWaitsForTheStore(t *testing.T) {
	w := newWorld(t)
	w.ended("1", nil)
	away := &awayBlobs{Blobs: w.Blobs}
	w.service = retention.New(retention.Options{
		Store: w, Notes: w, Dispatches: w, Blobs: away, Notary: w.Notary, Now: w.Clock.Now, NewID: w.IDs.New, Wait: w.wait,
	})
	if err := w.service.Scrub(w.ctx); hub.KindOf(err) != hub.KindUnavailable || len(w.findings()) != 0 {
		t.Errorf("a store that is away: %v, %+v", err, w.findings())
	}
	away.back = true
	if w.must(w.service.Scrub(w.ctx)); w.lastRun(hub.JobScrub).Checked != 1 {
		t.Errorf("then: %+v", w.lastRun(hub.JobScrub))
	}
}

type awayBlobs struct {
	*hubtest.Blobs
	back bool
}

func (a *awayBlobs) OpenBlob(ctx context.Context, digest hub.Digest) (hub.Blob, error) {
	if !a.back {
		return nil, hub.Errorf(hub.KindUnavailable, "", "", "the store is away")
	}
	return a.Blobs.OpenBlob(ctx, digest)
}

// TestRun: it does everything in its time, takes what operators ask for in between, goes
// on after failures, and ends with its context.
func TestRun(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	asked := make(chan string, 1)
	var w *world
	steps := make(chan func(), 1)
	w = newWorld(t, func(o *retention.Options) {
		o.Wait = func(ctx context.Context, d time.Duration) error {
			select { // every look at the clock is a turn of the test
			case step := <-steps:
				step()
				return ctx.Err()
			case <-ctx.Done():
				return ctx.Err()
			}
		}
	})
	d := w.ended("1", nil)
	w.activate(class("a", "P1D"))
	ended := make(chan struct{})
	go func() { defer close(ended); w.service.Run(ctx) }()
	turn := func(f func()) {
		t.Helper()
		done := make(chan struct{})
		select {
		case steps <- func() { f(); close(done) }:
			<-done
		case <-time.After(10 * time.Minute):
			t.Fatal("the service does not turn")
		}
	}
	until := func(what string, reached func() bool) {
		t.Helper()
		for range 1000 {
			if reached() {
				return
			}
			turn(func() {})
		}
		t.Fatalf("never reached: %s", what)
	}
	runs := func() []hub.RetentionRun {
		l, err := w.service.Runs(t.Context(), auditor(), hub.Page{Limit: 50})
		w.must(err)
		return l.Items
	}
	until("the first run and the first scrub", func() bool { return len(runs()) == 2 })
	turn(func() {
		w.Clock.Advance(2 * time.Hour)
		id, err := w.service.AskPurge(t.Context(), operator())
		w.must(err)
		asked <- id
	})
	id := <-asked
	until("the run that was asked for", func() bool {
		return slices.ContainsFunc(runs(), func(r hub.RetentionRun) bool { return r.ID == id })
	})
	turn(func() { w.Clock.Advance(23 * time.Hour) })
	until("the next day", func() bool { return len(runs()) == 4 })
	if !w.purged(d.ID) {
		t.Error("the content was not purged")
	}
	stop()
	<-ended
}
