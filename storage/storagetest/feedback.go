package storagetest

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lienthong/lienthong/hub"
)

// testFeedback: what comes again changes nothing but brings the answer to a complaint, something
// else under a known id is refused whole, and sums are of what came in and how it stood.
func testFeedback(t *testing.T, back Backend) {
	b := newBench(t, back)
	at := b.Clock.UTC().Truncate(time.Millisecond)
	rating := func(agency hub.AgencyID, id string, score int) hub.Feedback {
		return hub.Feedback{ID: id, Agency: agency, Kind: hub.FeedbackRating, At: at, Score: score}
	}
	complaint := func(id string, answered time.Duration) hub.Feedback {
		f := hub.Feedback{ID: id, Agency: "u1", Kind: hub.FeedbackComplaint, At: at, Due: at.Add(time.Hour)}
		if answered > 0 {
			f.Answered = at.Add(answered)
		}
		return f
	}
	fed := func(want hub.FeedbackFed, list ...hub.Feedback) {
		t.Helper()
		got, err := b.store.AddFeedback(b.ctx, list)
		b.must(err)
		same(t, "fed", got, want)
	}
	fed(hub.FeedbackFed{New: 4}, rating("u1", "1", 5), rating("u1", "2", 3), rating("u2", "1", 4), complaint("c1", 0))
	fed(hub.FeedbackFed{Same: 2, New: 2, Changed: 1}, rating("u2", "1", 4), complaint("c2", 0), rating("u1", "1", 5), complaint("c3", 0), complaint("c1", 30*time.Minute))
	fed(hub.FeedbackFed{Changed: 1, Same: 1}, complaint("c1", 0), complaint("c2", 2*time.Hour)) // told late
	for what, f := range map[string]hub.Feedback{"a score": rating("u1", "1", 4), "a kind": rating("u1", "c1", 4), "another answer": complaint("c1", time.Minute)} {
		_, err := b.store.AddFeedback(b.ctx, []hub.Feedback{rating("u9", what, 1), f})
		b.wants(hub.KindConflict, err)
	}
	for after, want := range map[time.Duration]hub.FeedbackSum{
		time.Minute:      {Agency: "u1", Ratings: 2, Satisfied: 1, Points: 8, Complaints: 3, InTime: 3},
		45 * time.Minute: {Agency: "u1", Ratings: 2, Satisfied: 1, Points: 8, Complaints: 3, InTime: 3, Answered: 1},
		90 * time.Minute: {Agency: "u1", Ratings: 2, Satisfied: 1, Points: 8, Complaints: 3, InTime: 1, Answered: 1},
		3 * time.Hour:    {Agency: "u1", Ratings: 2, Satisfied: 1, Points: 8, Complaints: 3, InTime: 1, Answered: 2},
	} {
		sums, err := b.store.FeedbackSums(b.ctx, at, at.Add(after))
		b.must(err)
		same(t, "sums after "+after.String(), sums, []hub.FeedbackSum{want, {Agency: "u2", Ratings: 1, Satisfied: 1, Points: 4}})
	}
	for _, span := range [][2]time.Duration{{-time.Hour, 0}, {time.Millisecond, time.Hour}} {
		sums, err := b.store.FeedbackSums(b.ctx, at.Add(span[0]), at.Add(span[1]))
		b.must(err)
		if len(sums) != 0 {
			t.Errorf("elsewhere: %+v", sums)
		}
	}

	// Many at once: each is new for one of them.
	var all sync.WaitGroup
	var made atomic.Int64
	for range 4 {
		all.Go(func() {
			got, err := b.store.AddFeedback(b.ctx, []hub.Feedback{rating("u3", "b", 1), rating("u3", "a", 1)})
			if err != nil {
				t.Error(err)
			}
			made.Add(int64(got.New))
		})
	}
	all.Wait()
	if made.Load() != 2 {
		t.Errorf("%d are new", made.Load())
	}
}
