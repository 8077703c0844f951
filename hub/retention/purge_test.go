package retention_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/hub/hubtest"
	"github.com/lienthong/lienthong/hub/retention"
)

// TestNothingIsPurgedWithoutClasses: purge is off until the operator says otherwise.
func TestNothingIsPurgedWithoutClasses(t *testing.T) {
	w := newWorld(t)
	d := w.ended("1", nil)
	w.Clock.Advance(100 * 365 * day)
	if run := w.run(); run.Purged != 0 || run.Rules != 0 || w.purged(d.ID) {
		t.Errorf("the run without classes: %+v", run)
	}
}

// TestPurge: content goes when its time is over, not before, and what stays says why.
func TestPurge(t *testing.T) {
	w := newWorld(t)
	begun := w.Clock.Now()
	d := w.ended("1", nil)
	open := w.submit("2", nil, "000.00.12.H47", "000.00.13.H47")
	w.end(&open.Dispatch, open.Deliveries[0]) // one of two
	w.activate(class("cong-van", "P10D"))
	w.Clock.Advance(10*day - time.Second)
	if run := w.purge(); run.Purged != 0 || w.purged(d.ID) {
		t.Errorf("a second too early: %+v", run)
	}
	w.must(w.opens(d.ID))
	w.Clock.Advance(time.Second)
	run := w.purge()
	if run.Purged != 1 || run.ByClass["cong-van"] != 1 || run.AskBy != operator().Name || run.Rules != 1 || !w.purged(d.ID) || w.purged(open.Dispatch.ID) {
		t.Fatalf("on the second: %+v", run)
	}
	err := w.wants(hub.KindNotFound, w.opens(d.ID))
	if err.Rule != "purged" || !strings.Contains(err.Message, begun.Add(10*day).Format(time.RFC3339)) {
		t.Errorf("reading later: %v", err)
	}
	item, _ := w.DispatchItem(w.ctx, d.ID)
	proof, _ := w.Evidence(w.ctx, item.Dispatch.Purged.Evidence)
	e := proof.Evidence
	if len(e.Content.Parts) != 1 || e.Content.Parts[0].SHA256 != d.Parts[0].Digest || e.Reasons[0].Detail != "Quyết định mẫu (hư cấu)" ||
		!strings.Contains(e.Note, "cong-van") || e.Delivery != "" || e.Sender.ID != hubtest.Province {
		t.Errorf("the evidence says %+v", e)
	}
	if again := w.purge(); again.Purged != 0 {
		t.Errorf("again: %+v", again)
	}
	w.end(&open.Dispatch, open.Deliveries[1])
	w.Clock.Advance(9 * day)
	if w.purge(); w.purged(open.Dispatch.ID) {
		t.Error("the time began before the last delivery ended")
	}
	w.Clock.Advance(day)
	if w.purge(); !w.purged(open.Dispatch.ID) {
		t.Error("the time of the second was over")
	}
}

// TestClassesDecide: priority, then the most specific, then the longest; none: for ever.
func TestClassesDecide(t *testing.T) {
	types := func(codes ...int) func(*hub.RetentionClass) {
		return func(c *hub.RetentionClass) { c.Types = codes }
	}
	agencies := func(ids ...hub.AgencyID) func(*hub.RetentionClass) {
		return func(c *hub.RetentionClass) { c.Agencies = ids }
	}
	first := func(c *hub.RetentionClass) { c.Priority = 1 }
	of := hub.Completed{Dispatch: hub.Dispatch{Sender: "s", Document: hub.Document{TypeCode: 7}}, Recipients: []hub.AgencyID{"r1", "r2"}}
	for name, c := range map[string]struct {
		classes []hub.RetentionClass
		want    string
	}{
		"none":                    {nil, ""},
		"another type":            {[]hub.RetentionClass{class("a", "P1Y", types(8))}, ""},
		"another agency":          {[]hub.RetentionClass{class("a", "P1Y", agencies("r3"))}, ""},
		"type but not agency":     {[]hub.RetentionClass{class("a", "P1Y", types(7), agencies("r3"))}, ""},
		"all":                     {[]hub.RetentionClass{class("a", "P1Y")}, "a"},
		"of the sender":           {[]hub.RetentionClass{class("a", "P1Y", agencies("s"))}, "a"},
		"of a recipient":          {[]hub.RetentionClass{class("a", "P1Y", agencies("r2"))}, "a"},
		"specific over longer":    {[]hub.RetentionClass{class("all", "P99Y"), class("a", "P1D", types(7))}, "a"},
		"more specific":           {[]hub.RetentionClass{class("b", "P9Y", types(7)), class("a", "P1Y", types(1, 7), agencies("r2"))}, "a"},
		"longest of equals":       {[]hub.RetentionClass{class("b", "P1Y", types(7)), class("a", "P13M", agencies("s"))}, "a"},
		"for ever is the longest": {[]hub.RetentionClass{class("b", "P900Y"), class("a", "")}, "a"},
		"priority over all":       {[]hub.RetentionClass{class("b", "P9Y", types(7), agencies("s")), class("a", "P1D", first)}, "a"},
		"days against months":     {[]hub.RetentionClass{class("b", "P31D"), class("a", "P2M")}, "a"},
		"the id at last":          {[]hub.RetentionClass{class("b", "P1Y"), class("a", "P1Y")}, "a"},
	} {
		for range 2 {
			set := hub.RetentionClasses{Classes: c.classes}
			got := ""
			if decides := set.Decide(&of); decides != nil {
				got = decides.ID
			}
			if got != c.want {
				t.Errorf("%s: %q decides, want %q", name, got, c.want)
			}
			slices.Reverse(c.classes)
		}
	}
}

// TestEveryClassHasItsTime: many dispatches of several classes over a long time, in
// batches; each goes on its day and not before, and a run looks only at what is new.
func TestEveryClassHasItsTime(t *testing.T) {
	w := newWorld(t)
	w.activate(
		class("muoi", "P10D", func(c *hub.RetentionClass) { c.Types = []int{1} }),
		class("ba-muoi", "P30D", func(c *hub.RetentionClass) { c.Types = []int{2} }),
		class("mai", "", func(c *hub.RetentionClass) { c.Types = []int{3} }))
	type sent struct {
		id   hub.DispatchID
		over time.Time
	}
	var all []sent
	keep := []time.Duration{200 * 365 * day, 10 * day, 30 * day, 200 * 365 * day}
	for n := range 60 {
		for i := range 1 + n%4 {
			kind := (n + i) % 4
			d := w.ended(fmt.Sprint(n, " ", i), func(s *hub.Submission) { s.Document.TypeCode = kind })
			all = append(all, sent{d.ID, w.Clock.Now().Add(keep[kind])})
		}
		w.Clock.Advance(day)
		w.run()
		for _, s := range all {
			if over := !s.over.After(w.Clock.Now()); w.purged(s.id) != over {
				t.Fatalf("day %d: %s is purged: %v, over since %s", n, s.id, !over, s.over)
			}
		}
	}
}

// TestHolds: what is held stays, by dispatch, agency or number, until the hold ends.
func TestHolds(t *testing.T) {
	for name, c := range map[string]struct {
		hold func(d hub.Dispatch) hub.LegalHold
	}{
		"dispatch":    {func(d hub.Dispatch) hub.LegalHold { return hub.LegalHold{Dispatch: d.ID} }},
		"sender":      {func(hub.Dispatch) hub.LegalHold { return hub.LegalHold{Agency: hubtest.Province} }},
		"recipient":   {func(hub.Dispatch) hub.LegalHold { return hub.LegalHold{Agency: hubtest.Office} }},
		"number":      {func(hub.Dispatch) hub.LegalHold { return hub.LegalHold{Number: "173/ubnd"} }},
		"folded text": {func(hub.Dispatch) hub.LegalHold { return hub.LegalHold{Number: "UBND - ksTTHC"} }},
	} {
		w := newWorld(t)
		d := w.ended("1", nil)
		other := w.submit("2", func(s *hub.Submission) { s.Document.CodeNumber, s.Document.CodeNotation = "9", "QĐ-X" }, "000.00.13.H47")
		w.end(&other.Dispatch, other.Deliveries[0])
		w.activate(class("a", "P1D"))
		hold := c.hold(d)
		hold.Reason = "Thanh tra (hư cấu)"
		placed, err := w.service.PlaceHold(w.ctx, operator(), hold)
		w.must(err)
		w.Clock.Advance(2 * day)
		run := w.purge()
		if w.purged(d.ID) || run.Held == 0 || name != "sender" && !w.purged(other.Dispatch.ID) {
			t.Errorf("%s: held is purged %v, the other %v: %+v", name, w.purged(d.ID), w.purged(other.Dispatch.ID), run)
		}
		w.Clock.Advance(30 * day)
		if w.run(); w.purged(d.ID) {
			t.Errorf("%s: purged later", name)
		}
		released, err := w.service.ReleaseHold(w.ctx, operator(), placed.ID, "Đã xong")
		w.must(err)
		again, err := w.service.ReleaseHold(w.ctx, operator(), placed.ID, "Lần nữa")
		if err != nil || again.ReleaseReason != "Đã xong" || released.ReleasedBy != operator().Name {
			t.Errorf("%s: released %+v, again %+v, %v", name, released, again, err)
		}
		if w.purge(); !w.purged(d.ID) {
			t.Errorf("%s: not purged after the release", name)
		}
		gone, err := w.service.Holds(w.ctx, auditor(), true, hub.Page{Limit: 10})
		if err != nil || len(gone.Items) != 1 || gone.Items[0].Reason != "Thanh tra (hư cấu)" {
			t.Errorf("%s: released are %+v, %v", name, gone, err)
		}
	}
}

// TestHoldUntil: a hold with an end is over then by itself.
func TestHoldUntil(t *testing.T) {
	w := newWorld(t)
	d := w.ended("1", nil)
	w.activate(class("a", "P1D"))
	_, err := w.service.PlaceHold(w.ctx, operator(), hub.LegalHold{Dispatch: d.ID, Reason: "x", Until: w.Clock.Now().Add(5 * day)})
	w.must(err)
	for n := range 6 {
		w.Clock.Advance(day)
		if w.run(); w.purged(d.ID) != (n == 4 || n == 5) {
			t.Errorf("day %d: purged is %v", n+1, w.purged(d.ID))
		}
	}
}

// TestHoldDuringPurge: a hold that comes while a batch is under way wins.
func TestHoldDuringPurge(t *testing.T) {
	w := newWorld(t)
	d := w.ended("1", nil)
	other := w.ended("2", nil)
	w.activate(class("a", "P1D"))
	w.Clock.Advance(2 * day)
	placed := false
	w.Before = func(method string) error {
		if method != "Purge" || placed {
			return nil
		}
		placed = true
		_, err := w.service.PlaceHold(w.ctx, operator(), hub.LegalHold{Dispatch: d.ID, Reason: "x"})
		return err
	}
	run := w.purge()
	if !placed || w.purged(d.ID) || !w.purged(other.ID) || run.Purged != 1 || run.Held != 1 {
		t.Errorf("held is purged: %v, the other: %v; %+v", w.purged(d.ID), w.purged(other.ID), run)
	}
}

// TestNewClassesLookAtAll: another set of classes decides about what earlier runs left.
func TestNewClassesLookAtAll(t *testing.T) {
	w := newWorld(t)
	d := w.ended("1", nil)
	w.activate(class("a", "P100D"))
	w.Clock.Advance(50 * day)
	w.run()
	w.activate(class("a", "P10D"))
	if run := w.purge(); run.Rules != 2 || !w.purged(d.ID) {
		t.Errorf("after a shorter class: %+v", run)
	}
	if _, err := w.service.PlaceHold(w.ctx, operator(), hub.LegalHold{Dispatch: d.ID, Reason: "x"}); hub.KindOf(err) != hub.KindConflict {
		t.Errorf("a hold on what is gone: %v", err)
	}
}

// TestFailedRunIsRecorded: what was purged before a failure is told, and the next run
// goes on.
func TestFailedRunIsRecorded(t *testing.T) {
	w := newWorld(t)
	for n := range 7 {
		w.ended(fmt.Sprint(n), nil)
	}
	w.activate(class("a", "P1D"))
	w.Clock.Advance(2 * day)
	calls := 0
	w.Before = func(method string) error {
		if method == "Purge" {
			if calls++; calls == 2 {
				return hub.Errorf(hub.KindUnavailable, "", "", "the database is away")
			}
		}
		return nil
	}
	if err := w.service.Purge(w.ctx); hub.KindOf(err) != hub.KindUnavailable {
		t.Fatalf("the failing run: %v", err)
	}
	if run := w.lastRun(hub.JobPurge); run.Purged != 3 || run.Error != "the database is away" || run.Ended.IsZero() {
		t.Errorf("recorded is %+v", run)
	}
	if run := w.run(); run.Purged != 4 || run.Error != "" {
		t.Errorf("the next run: %+v", run)
	}
}

// TestSweep: bytes go a run later than their last reference, and never those that
// another dispatch names, that are young, or that an upload waits with.
func TestSweep(t *testing.T) {
	w := newWorld(t)
	same := func(s *hub.Submission) { s.Parts = append(s.Parts, w.Part("p2", hub.RoleAttachment, "shared")) }
	gone := w.ended("1", same)
	stays := w.submit("2", same, "000.00.12.H47")
	orphan := w.Blobs.Put([]byte("orphan"))
	w.activate(class("a", "P1D"))
	if run := w.run(); run.Swept != 0 {
		t.Errorf("young content was swept: %+v", run)
	}
	upload, err := w.intake.Register(w.ctx, hubtest.System(hubtest.Province), func() hub.Submission {
		s := w.Submission("3", "000.00.12.H47")
		s.Parts[0].Digest = w.Blobs.Put([]byte("uploaded"))
		return s
	}())
	w.must(err)
	_, err = w.Blobs.AppendStaged(w.ctx, "left", 0, strings.NewReader("bytes"))
	w.must(err)
	w.Clock.Advance(25 * time.Hour)
	young := w.Blobs.Put([]byte("young"))
	run := w.run()
	if run.Purged != 1 || run.Swept != 2 || run.SweptBytes != int64(len("orphan")+len("signed original of 3")) || run.Leftovers != 0 || !w.there(gone.Parts[0].Digest) {
		t.Errorf("the first run: %+v", run)
	}
	if w.there(orphan) || !w.there(upload.Submission.Parts[0].Digest) {
		t.Error("swept was not the orphan alone")
	}
	w.Clock.Advance(24*time.Hour + time.Second)
	if run = w.run(); run.Swept != 2 || w.there(gone.Parts[0].Digest) || !w.there(gone.Parts[1].Digest) || w.there(young) || run.Leftovers != 1 {
		t.Errorf("the second run: %+v", run)
	}
	w.must(w.opens(stays.Dispatch.ID))
}

// there reports whether content is in the store.
func (w *world) there(digest hub.Digest) bool {
	blob, err := w.Blobs.OpenBlob(w.ctx, digest)
	if err != nil {
		return false
	}
	return blob.Close() == nil
}

// TestResubmittedContentStays: who stores content again, while the sweep looks for what
// nothing names, keeps it.
func TestResubmittedContentStays(t *testing.T) {
	w := newWorld(t)
	digest := w.Blobs.Put([]byte("signed original of 1"))
	w.Clock.Advance(3 * day)
	renewing := &renewing{w}
	w.service = retention.New(retention.Options{
		Store: renewing, Notes: w, Dispatches: w, Blobs: w.Blobs, Notary: w.Notary, Now: w.Clock.Now, NewID: w.IDs.New,
	})
	if run := w.run(); run.Swept != 0 || !w.there(digest) {
		t.Errorf("swept was what had just come in: %+v", run)
	}
}

// renewing submits a document between the question for orphans and their removal.
type renewing struct{ *world }

func (r *renewing) Unreferenced(_ context.Context, digests []hub.Digest) ([]hub.Digest, error) {
	orphans, err := r.world.Unreferenced(r.ctx, digests)
	r.submit("1", nil, "000.00.12.H47")
	return orphans, err
}

// TestForecast: it counts what a set would purge and changes nothing.
func TestForecast(t *testing.T) {
	w := newWorld(t, func(o *retention.Options) { o.Forecast = 9 })
	for n := range 6 {
		w.ended(fmt.Sprint(n), func(s *hub.Submission) { s.Document.TypeCode = n % 2 })
	}
	held := w.ended("held", nil)
	_, err := w.service.PlaceHold(w.ctx, operator(), hub.LegalHold{Dispatch: held.ID, Reason: "x"})
	w.must(err)
	w.Clock.Advance(5 * day)
	w.ended("young", nil)
	set := hub.RetentionClasses{Classes: []hub.RetentionClass{class("all", "P4D"), class("one", "P2D", func(c *hub.RetentionClass) { c.Types = []int{1} })}}
	f, err := w.service.ForecastClasses(w.ctx, operator(), set)
	w.must(err)
	got, _ := json.Marshal(f)
	if want := `{"purged":6,"by_class":{"all":3,"one":3},"held":1,"examined":8,"complete":true}`; string(got) != want {
		t.Errorf("the forecast is %s, want %s", got, want)
	}
	if classes, err := w.service.Classes(w.ctx, auditor()); err != nil || classes.Version != 0 {
		t.Errorf("the forecast changed the classes: %+v, %v", classes, err)
	}
	for n := range 4 {
		w.ended(fmt.Sprint("more ", n), nil)
	}
	if f, err = w.service.ForecastClasses(w.ctx, operator(), set); err != nil || f.Complete || f.Examined != 9 {
		t.Errorf("of many the forecast is %+v, %v", f, err)
	}
}
