package storagetest

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lienthong/lienthong/hub"
)

// dossier is one of a unit on the day of the clock, with its place on it and one event.
func (b *bench) dossier(unit hub.AgencyID, sequence int64, others ...hub.AgencyID) hub.DossierFile {
	at := b.Clock.UTC().Truncate(time.Millisecond)
	day := hub.DateOf(at)
	f := hub.DossierFile{Dossier: hub.Dossier{
		ID: hub.DossierID(b.ID()), Number: fmt.Sprint(unit, "-", day, "-", sequence), Unit: unit, UnitName: "Đơn vị", Day: day, Sequence: sequence,
		Procedure: hub.DossierProcedure{Code: "1.001", Version: 2, Name: "Đăng ký <khai sinh>", Limit: hub.ProcedureLimit{Amount: 3, Unit: hub.LimitWorkingDays}},
		Owner:     &hub.DossierOwner{Name: "Trần Thị Mẫu", Contact: "0900"}, Channel: hub.ChannelPost, Received: at, Parties: append([]hub.AgencyID{unit}, others...),
	}}
	b.happens(&f, hub.DossierRegister)
	return f
}

// happens adds an event to a file in memory.
func (b *bench) happens(f *hub.DossierFile, act hub.DossierAct) {
	f.Version++
	f.Events = append(slices.Clone(f.Events), hub.DossierEvent{
		Seq: f.Version, Act: act, At: f.Received, Agency: f.Unit, Name: f.UnitName, By: "an", Recorded: f.Received, Status: act.Status(), Text: "thiếu <bản sao>", Previous: f.Digest, Note: b.ID(),
	})
	f.Status, f.Digest = act.Status(), hub.Digest{byte(f.Version)}
}

func (b *bench) dossierNote() hub.LogNote {
	return hub.LogNote{ID: b.ID(), Kind: hub.LogNoteDossier, Time: b.Clock.UTC().Truncate(time.Millisecond), Body: json.RawMessage(`{"seq":1}`)}
}

// testDossiers: numbers have no gap from however many sides they come, an event is recorded
// with its note or not at all, and an agency finds its own alone.
func testDossiers(t *testing.T, back Backend) {
	b := newBench(t, back)
	page := hub.Page{Limit: 10}
	listed := func(query hub.DossierQuery) string {
		t.Helper()
		var got []string
		for query.Page = (hub.Page{Limit: 1}); ; {
			list, err := b.store.Dossiers(b.ctx, query)
			b.must(err)
			for i := range list.Items {
				got = append(got, fmt.Sprint(list.Items[i].Number, "/", len(list.Items[i].Events)))
			}
			if query.Page.After = list.Next; list.Next == "" {
				return fmt.Sprint(got)
			}
		}
	}
	notes := func() int {
		t.Helper()
		found, err := b.store.LogNotes(b.ctx, hub.LogNoteDossier, 100)
		b.must(err)
		return len(found)
	}
	first := b.dossier("u1", 1)
	first.Key, first.Lookup = "k1", hub.Digest{5, 1}
	brought, refused := hub.Digest{6, 1}, hub.Digest{6, 2}
	b.must(b.store.AddDossier(b.ctx, first, true, []hub.LogNote{b.dossierNote()}, hub.KeepNote(brought, 4, "dossier-0")))
	shared := b.dossier("u1", 2, "h1")
	b.must(b.store.AddDossier(b.ctx, shared, true, []hub.LogNote{b.dossierNote()}))
	for what, change := range map[string]func(*hub.DossierFile){
		"number":   func(f *hub.DossierFile) { f.Number = first.Number },
		"place":    func(f *hub.DossierFile) { f.Sequence = 2 },
		"key":      func(f *hub.DossierFile) { f.Key = "k1" },
		"with gap": func(f *hub.DossierFile) { f.Sequence = 4 },
	} {
		f := b.dossier("u1", 3)
		change(&f)
		if err := b.store.AddDossier(b.ctx, f, true, []hub.LogNote{b.dossierNote()}, hub.KeepNote(refused, 4, "dossier-9")); hub.KindOf(err) != hub.KindConflict {
			t.Errorf("the %s of another dossier: %v", what, err)
		}
	}
	gone, err := b.store.Unreferenced(b.ctx, []hub.Digest{brought, refused})
	b.must(err)
	same(t, "content that no dossier brought", gone, []hub.Digest{refused})
	elsewhere := b.dossier("u2", 7)
	elsewhere.Key = "k1"
	b.must(b.store.AddDossier(b.ctx, elsewhere, false, []hub.LogNote{b.dossierNote()}))
	if got := notes(); got != 3 {
		t.Errorf("%d notes of three dossiers", got)
	}

	// Events: one after the other, with their notes.
	b.happens(&shared, hub.DossierAccept)
	stale := shared
	kept, lost := hub.Digest{7, 1}, hub.Digest{7, 2}
	b.must(b.store.AddDossierEvent(b.ctx, shared, b.dossierNote(), hub.KeepNote(kept, 4, "dossier-1")))
	b.wants(hub.KindConflict, b.store.AddDossierEvent(b.ctx, stale, b.dossierNote(), hub.KeepNote(lost, 4, "dossier-1")))
	gone, err = b.store.Unreferenced(b.ctx, []hub.Digest{kept, lost})
	b.must(err)
	same(t, "content that no event keeps", gone, []hub.Digest{lost})
	b.must(b.store.SaveNotes(b.ctx, hub.KeepNote(hub.Digest{7, 0}, 4, "somebody")))
	for after, want := range map[hub.Digest][]hub.Digest{{}: {brought, kept}, {7}: {kept}, kept: nil} {
		named, err := b.store.NamedContent(b.ctx, after, 10)
		b.must(err)
		if !slices.Equal(named, want) {
			t.Errorf("content that is scrubbed behind %v: %v, want %v", after, named, want)
		}
	}
	b.happens(&shared, hub.DossierHandOver)
	shared.Status, shared.Parties = hub.DossierAccepted, append(shared.Parties, "h2")
	b.must(b.store.AddDossierEvent(b.ctx, shared, b.dossierNote()))
	ended := first
	b.happens(&ended, hub.DossierFinish)
	ended.Ended, ended.Lookup = b.Clock.UTC().Add(time.Hour).Truncate(time.Millisecond), hub.Digest{5, 2}
	b.must(b.store.AddDossierEvent(b.ctx, ended, b.dossierNote()))
	if got := notes(); got != 6 {
		t.Errorf("%d notes of six events", got)
	}
	for _, key := range []hub.DossierKey{{ID: ended.ID}, {Number: ended.Number}, {Lookup: ended.Lookup}, {Unit: "u1", Key: "k1"}} {
		f, err := b.store.FindDossier(b.ctx, key)
		b.must(err)
		same(t, "a dossier", f, ended)
	}
	for _, key := range []hub.DossierKey{{}, {ID: "x"}, {Number: "x"}, {Lookup: first.Lookup}, {Unit: "u1", Key: "x"}, {Unit: "u3", Key: "k1"}, {Unit: "u1"}} {
		_, err := b.store.FindDossier(b.ctx, key)
		b.wants(hub.KindNotFound, err)
	}

	// Each finds its own, and what an agency got by a hand-over.
	own, others := fmt.Sprint(shared.Number, "/3"), fmt.Sprint(ended.Number, "/2")
	for _, c := range []struct {
		query hub.DossierQuery
		want  string
	}{
		{hub.DossierQuery{Agency: "u1"}, "[" + own + " " + others + "]"},
		{hub.DossierQuery{Agency: "u1", Open: true}, "[" + own + "]"},
		{hub.DossierQuery{Agency: "u1", Status: hub.DossierDone}, "[" + others + "]"},
		{hub.DossierQuery{Agency: "u1", Status: hub.DossierDone, Open: true}, "[]"},
		{hub.DossierQuery{Agency: "h1"}, "[" + own + "]"},
		{hub.DossierQuery{Agency: "h2", Open: true, Status: hub.DossierAccepted}, "[" + own + "]"},
		{hub.DossierQuery{Agency: "h3"}, "[]"},
	} {
		if got := listed(c.query); got != c.want {
			t.Errorf("%+v: %s, want %s", c.query, got, c.want)
		}
	}
	_, err = b.store.Dossiers(b.ctx, hub.DossierQuery{Agency: "u1", Page: hub.Page{Limit: 1, After: "x"}})
	b.wants(hub.KindInvalid, err)

	b.dossierNews(ended, shared)
	b.dossierLooks(ended, shared)
	b.erasedDossier(ended)

	b.dossierRows(shared)

	// Many at once: each tries until it is its turn.
	const writers = 8
	var all sync.WaitGroup
	for range writers {
		f := b.dossier("u3", 0)
		all.Go(func() {
			for {
				last, err := b.store.LastDossier(b.ctx, "u3", f.Day)
				if err == nil {
					f.Sequence, f.Number = last+1, fmt.Sprint("u3-", last+1)
					err = b.store.AddDossier(b.ctx, f, true, nil)
				}
				if err == nil {
					return
				}
				if hub.KindOf(err) != hub.KindConflict {
					t.Error(err)
					return
				}
			}
		})
	}
	all.Wait()
	list, err := b.store.Dossiers(b.ctx, hub.DossierQuery{Agency: "u3", Page: page})
	b.must(err)
	var places []int64
	for i := range list.Items {
		places = append(places, list.Items[i].Sequence)
	}
	b.unbroken("u3", writers)
	slices.Sort(places)
	if got := fmt.Sprint(places); got != "[1 2 3 4 5 6 7 8]" {
		t.Error("the places are", got)
	}
}

// erasedDossier checks that a dossier is erased as a whole or not at all, once, and that it
// is found until then.
func (b *bench) erasedDossier(ended hub.DossierFile) {
	b.t.Helper()
	after := func(query hub.EndedDossiers) string {
		b.t.Helper()
		query.Limit = 10
		found, err := b.store.EndedDossiers(b.ctx, query)
		b.must(err)
		var got []string
		for i := range found {
			got = append(got, found[i].Number)
		}
		return fmt.Sprint(got)
	}
	at := ended.Ended
	for _, c := range []struct {
		query hub.EndedDossiers
		want  string
	}{
		{hub.EndedDossiers{Until: at}, "[" + ended.Number + "]"}, {hub.EndedDossiers{Until: at.Add(-time.Microsecond)}, "[]"},
		{hub.EndedDossiers{Until: at.Add(time.Hour), After: at, AfterDossier: ended.ID}, "[]"}, {hub.EndedDossiers{Until: at, After: at.Add(-time.Second)}, "[" + ended.Number + "]"},
	} {
		if got := after(c.query); got != c.want {
			b.t.Errorf("ended %+v: %s, want %s", c.query, got, c.want)
		}
	}
	version, err := b.store.RulesVersion(b.ctx)
	b.must(err)
	content := hub.Digest{7, 3}
	keep := hub.KeepNote(content, 4, "dossier-2")
	b.must(b.store.SaveNotes(b.ctx, keep))
	erased := ended
	b.happens(&erased, hub.DossierErase)
	erased.Events[0].Text, erased.Events[0].Erased, erased.Owner, erased.Status, erased.Ended = "", hub.Digest{9}, nil, ended.Status, ended.Ended
	erased.Lookup = hub.Digest{}
	erased.Erased = &hub.DossierErasure{At: b.Clock.UTC().Truncate(time.Millisecond), Class: "hs", Rules: 1}
	gone := []hub.RetentionNote{{Name: keep.Name}}
	b.wants(hub.KindConflict, b.store.EraseDossier(b.ctx, erased, b.dossierNote(), version+1, gone))
	moved := erased
	moved.Version++
	moved.Events = append(slices.Clone(moved.Events), hub.DossierEvent{Seq: moved.Version})
	b.wants(hub.KindConflict, b.store.EraseDossier(b.ctx, moved, b.dossierNote(), version, gone))
	f, err := b.store.FindDossier(b.ctx, hub.DossierKey{ID: ended.ID})
	b.must(err)
	same(b.t, "a dossier that was not erased", f, ended)

	b.must(b.store.EraseDossier(b.ctx, erased, b.dossierNote(), version, gone))
	f, err = b.store.FindDossier(b.ctx, hub.DossierKey{ID: ended.ID})
	b.must(err)
	same(b.t, "a dossier that was erased", f, erased)
	_, err = b.store.FindDossier(b.ctx, hub.DossierKey{Lookup: ended.Lookup})
	b.wants(hub.KindNotFound, err)
	free, err := b.store.Unreferenced(b.ctx, []hub.Digest{content})
	b.must(err)
	same(b.t, "content of an erased dossier", free, []hub.Digest{content})
	b.wants(hub.KindConflict, b.store.EraseDossier(b.ctx, erased, b.dossierNote(), version, nil))
	if got := after(hub.EndedDossiers{Until: at.Add(time.Hour)}); got != "[]" {
		b.t.Errorf("an erased dossier is found again: %s", got)
	}
}

// dossierRows checks what an auditor reads: all events, then all dossiers, then their
// agencies.
func (b *bench) dossierRows(shared hub.DossierFile) {
	b.t.Helper()
	var events, dossiers, parties []string
	last := ""
	b.must(b.store.DossierRows(b.ctx, func(r hub.DossierRow) error {
		kind := "event"
		switch {
		case r.Seq == 0:
			var d hub.Dossier
			b.must(json.Unmarshal(r.Body, &d))
			kind, dossiers = "dossier", append(dossiers, fmt.Sprint(d.Number, " ", r.Listed))
		case r.Seq < 0:
			kind = "agency"
			if r.Dossier == shared.ID {
				parties = append(parties, string(r.Agency))
			}
		case r.Dossier == shared.ID:
			var e hub.DossierEvent
			b.must(json.Unmarshal(r.Body, &e))
			events = append(events, fmt.Sprint(r.Seq, e.Act))
		}
		if order := []string{"", "event", "dossier", "agency"}; slices.Index(order, kind) < slices.Index(order, last) {
			b.t.Errorf("%s behind %s", kind, last)
		}
		last = kind
		return nil
	}))
	same(b.t, "events", events, []string{"1register", "2accept", "3hand_over"})
	same(b.t, "agencies", parties, []string{"h1", "h2", "u1"})
	if len(dossiers) != 4 || slices.ContainsFunc(dossiers, func(d string) bool { return !strings.HasSuffix(d, " true") }) {
		b.t.Errorf("dossiers: %q", dossiers)
	}
}

// dossierNews checks that each agency of a dossier is told of its events from when on it is
// one, in a series of its own that has no gap.
func (b *bench) dossierNews(ended, shared hub.DossierFile) {
	b.t.Helper()
	told := func(agency hub.AgencyID, after int64, limit int) string {
		b.t.Helper()
		news, err := b.store.DossierNews(b.ctx, agency, after, limit)
		b.must(err)
		var got []string
		for i := range news {
			n := &news[i]
			got = append(got, fmt.Sprint(n.Seq, " ", n.Number, " ", n.Unit, " ", n.Event.Seq, n.Event.Act))
		}
		return fmt.Sprint(got)
	}
	first, second := ended.Number+" u1 ", shared.Number+" u1 "
	for _, c := range []struct {
		agency hub.AgencyID
		after  int64
		want   []string
	}{
		{"u1", 0, []string{"1 " + first + "1register", "2 " + second + "1register", "3 " + second + "2accept", "4 " + second + "3hand_over", "5 " + first + "2result"}},
		{"u1", 3, []string{"4 " + second + "3hand_over", "5 " + first + "2result"}},
		{"h1", 0, []string{"1 " + second + "1register", "2 " + second + "2accept", "3 " + second + "3hand_over"}},
		{"h2", 0, []string{"1 " + second + "3hand_over"}},
		{"h3", 0, nil},
	} {
		if got := told(c.agency, c.after, 10); got != fmt.Sprint(c.want) {
			b.t.Errorf("%s behind %d: %s, want %s", c.agency, c.after, got, c.want)
		}
	}
	if got := told("u1", 1, 1); got != "[2 "+second+"1register]" {
		b.t.Errorf("a page of one: %s", got)
	}
}

// unbroken checks that an agency was told of so many things, however many told at once.
func (b *bench) unbroken(agency hub.AgencyID, count int) {
	b.t.Helper()
	news, err := b.store.DossierNews(b.ctx, agency, 0, count+1)
	b.must(err)
	for i := range news {
		if news[i].Seq != int64(i+1) {
			b.t.Errorf("%s is told of %d behind %d", agency, news[i].Seq, i)
		}
	}
	if len(news) != count {
		b.t.Errorf("%s is told of %d things, and not of %d", agency, len(news), count)
	}
}

// dossierLooks checks that open dossiers are looked at when their time has come, and those
// that changed meanwhile are not put off.
func (b *bench) dossierLooks(ended, shared hub.DossierFile) {
	b.t.Helper()
	due := func(at time.Time) string {
		b.t.Helper()
		found, err := b.store.DossiersToRemind(b.ctx, at, 10)
		b.must(err)
		var got []string
		for i := range found {
			got = append(got, fmt.Sprint(found[i].Number, "/", len(found[i].Events)))
		}
		return fmt.Sprint(got)
	}
	now := b.Clock.UTC().Truncate(time.Millisecond)
	f := b.dossier("u4", 1)
	f.Remind = now.Add(time.Hour)
	b.must(b.store.AddDossier(b.ctx, f, true, nil))
	others, err := b.store.DossiersToRemind(b.ctx, now, 10)
	b.must(err)
	for i := range others {
		if others[i].ID == ended.ID {
			b.t.Errorf("a dossier that has ended is looked at")
		}
		b.must(b.store.RemindLater(b.ctx, others[i].ID, others[i].Version, now.Add(24*time.Hour)))
	}
	for at, want := range map[time.Duration]string{time.Hour - time.Millisecond: "[]", time.Hour: "[" + f.Number + "/1]"} {
		if got := due(now.Add(at)); got != want {
			b.t.Errorf("after %v: %s, want %s", at, got, want)
		}
	}
	b.happens(&f, hub.DossierAccept)
	f.Remind = now.Add(2 * time.Hour)
	b.must(b.store.AddDossierEvent(b.ctx, f, b.dossierNote()))
	b.must(b.store.RemindLater(b.ctx, f.ID, f.Version-1, now.Add(24*time.Hour)))
	if got := due(now.Add(2 * time.Hour)); got != "["+f.Number+"/2]" {
		b.t.Errorf("after a change: %s", got)
	}
	b.must(b.store.RemindLater(b.ctx, ended.ID, ended.Version, now))
	b.must(b.store.RemindLater(b.ctx, shared.ID, shared.Version, now.Add(-time.Hour)))
	if got := due(now); got != "["+shared.Number+"/3]" {
		b.t.Errorf("the next look: %s", got)
	}
	b.happens(&f, hub.DossierFinish)
	f.Ended = now.Add(1000 * time.Hour)
	b.must(b.store.AddDossierEvent(b.ctx, f, b.dossierNote()))
	if got := due(now.Add(10 * time.Hour)); got != "["+shared.Number+"/3]" {
		b.t.Errorf("after its end: %s", got)
	}
}

// testDossierNotes: the log hands out the notes of events of dossiers with their places, and
// no other notes.
func testDossierNotes(t *testing.T, back Backend) {
	b := newBench(t, back)
	note := b.dossierNote()
	b.must(b.store.AddDossier(b.ctx, b.dossier("u1", 1), true, []hub.LogNote{note}))
	b.note(hub.LogNoteKey)
	intake, ids := b.unsequenced("", 2)
	b.must(b.store.AppendLog(b.ctx, 0, batchOf("o/2026", 1, 0, intake.Mark, ids...)))
	placed, err := b.store.LogFrom(b.ctx, 0, 10)
	b.must(err)
	var found []hub.LogNote
	for i := range placed {
		if placed[i].Note != nil {
			found = append(found, *placed[i].Note)
		}
	}
	if len(placed) != 2 {
		t.Errorf("%d entries", len(placed))
	}
	same(t, "the notes of the log", found, []hub.LogNote{note})
	one, err := b.store.LogNote(b.ctx, note.ID)
	b.must(err)
	same(t, "a note", one, note)
	_, err = b.store.LogNote(b.ctx, "x")
	b.wants(hub.KindNotFound, err)
}
