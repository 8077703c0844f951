package storagetest

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/lienthong/lienthong/hub"
)

// inspection is one of an agency, of a copy of its own, seen by others too.
func (b *bench) inspection(agency hub.AgencyID, others ...hub.AgencyID) hub.InspectionFile {
	f := hub.InspectionFile{Inspection: hub.Inspection{
		ID: hub.InspectionID(b.ID()), Kind: hub.InspectDocument, Agency: agency, AgencyName: "Sở", Subject: "x1", SubjectName: "UBND <huyện>", Day: hub.DateOf(b.Clock),
		Document: &hub.InspectedDocument{Dispatch: "d", Delivery: hub.DeliveryID(b.ID()), Number: "01/2026/QĐ-UBND", Subject: "Quy định <mới>"},
		Parties:  append([]hub.AgencyID{agency}, others...), State: hub.InspectionOpen,
	}}
	b.inspects(&f, hub.InspectBegin)
	return f
}

// inspects adds an event to a file in memory.
func (b *bench) inspects(f *hub.InspectionFile, act hub.InspectionAct) {
	f.Version++
	f.Events = append(slices.Clone(f.Events), hub.InspectionEvent{
		Seq: f.Version, Act: act, At: b.Clock.UTC().Truncate(time.Millisecond), Agency: f.Agency, Name: f.AgencyName, By: "an", Text: "trái <thẩm quyền>", Previous: f.Digest, Note: b.ID(),
	})
	f.Digest = hub.Digest{byte(f.Version)}
}

func (b *bench) inspectionNote() hub.LogNote {
	return hub.LogNote{ID: b.ID(), Kind: hub.LogNoteInspection, Time: b.Clock.UTC().Truncate(time.Millisecond), Body: json.RawMessage(`{"seq":1}`)}
}

// testInspections: a copy has one inspection, an event is recorded with its note or not at
// all, and an agency finds its own alone.
func testInspections(t *testing.T, back Backend) {
	b := newBench(t, back)
	names := map[hub.InspectionID]string{}
	listed := func(query hub.InspectionQuery) string {
		t.Helper()
		var got []string
		for query.Page = (hub.Page{Limit: 1}); ; {
			list, err := b.store.Inspections(b.ctx, query)
			b.must(err)
			for i := range list.Items {
				got = append(got, fmt.Sprint(names[list.Items[i].ID], "/", len(list.Items[i].Events)))
			}
			if query.Page.After = list.Next; list.Next == "" {
				return fmt.Sprint(got)
			}
		}
	}
	notes := func(want int) {
		t.Helper()
		found, err := b.store.LogNotes(b.ctx, hub.LogNoteInspection, 100)
		b.must(err)
		if len(found) != want {
			t.Errorf("%d notes, want %d", len(found), want)
		}
	}
	first := b.inspection("j1")
	first.Key = "k1"
	visit := b.inspection("j1", "x1")
	visit.Kind, visit.Document, visit.Title = hub.InspectSurprise, nil, "Kiểm tra <đột xuất>"
	visit.Day = visit.Day.Plus(1)
	second := b.inspection("j2")
	second.Key = "k1" // of another agency
	names[first.ID], names[visit.ID], names[second.ID] = "first", "visit", "second"
	for _, f := range []hub.InspectionFile{first, visit, second} {
		b.must(b.store.AddInspection(b.ctx, f, b.inspectionNote()))
	}
	for what, change := range map[string]func(*hub.InspectionFile){
		"copy": func(f *hub.InspectionFile) { f.Document.Delivery = first.Document.Delivery },
		"key":  func(f *hub.InspectionFile) { f.Key = "k1" },
	} {
		f := b.inspection("j1")
		change(&f)
		if err := b.store.AddInspection(b.ctx, f, b.inspectionNote()); hub.KindOf(err) != hub.KindConflict {
			t.Errorf("the %s of another inspection: %v", what, err)
		}
	}
	notes(3)

	stale := first
	b.inspects(&first, hub.InspectRecommend)
	first.State, first.Waits, first.Parties = hub.InspectionRecommended, true, append(first.Parties, "x1")
	b.must(b.store.AddInspectionEvent(b.ctx, first, b.inspectionNote()))
	b.inspects(&stale, hub.InspectFind)
	b.wants(hub.KindConflict, b.store.AddInspectionEvent(b.ctx, stale, b.inspectionNote()))
	notes(4)
	for _, key := range []hub.InspectionKey{{ID: first.ID}, {Delivery: first.Document.Delivery}, {Agency: "j1", Key: "k1"}} {
		f, err := b.store.FindInspection(b.ctx, key)
		b.must(err)
		same(t, "an inspection", f, first)
	}
	for _, key := range []hub.InspectionKey{{}, {ID: "x"}, {Delivery: "x"}, {Agency: "j1"}, {Agency: "x1", Key: "k1"}} {
		_, err := b.store.FindInspection(b.ctx, key)
		b.wants(hub.KindNotFound, err)
	}
	for _, c := range []struct {
		query hub.InspectionQuery
		want  string
	}{
		{hub.InspectionQuery{Agency: "j1"}, "[visit/1 first/2]"},
		{hub.InspectionQuery{Agency: "j1", State: hub.InspectionRecommended}, "[first/2]"},
		{hub.InspectionQuery{Agency: "j1", Kind: hub.InspectSurprise}, "[visit/1]"},
		{hub.InspectionQuery{Agency: "j1", Kind: hub.InspectSurprise, State: hub.InspectionRecommended}, "[]"},
		{hub.InspectionQuery{Agency: "x1"}, "[visit/1 first/2]"},
		{hub.InspectionQuery{Agency: "j2"}, "[second/1]"},
		{hub.InspectionQuery{Agency: "j3"}, "[]"},
	} {
		if got := listed(c.query); got != c.want {
			t.Errorf("%+v: %s, want %s", c.query, got, c.want)
		}
	}
	_, err := b.store.Inspections(b.ctx, hub.InspectionQuery{Agency: "j1", Page: hub.Page{Limit: 1, After: "x"}})
	b.wants(hub.KindInvalid, err)

	day := first.Day
	for _, c := range []struct {
		from, until hub.Date
		want        string
	}{
		{day, day.Plus(2), "[first visit]"}, {day, day.Plus(1), "[first]"}, {day.Plus(1), day.Plus(2), "[visit]"}, {day.Plus(-1), day, "[]"},
	} {
		var got []string
		span := hub.InspectionSpan{Agency: "j1", From: c.from, Until: c.until, Page: hub.Page{Limit: 1}}
		for {
			list, err := b.store.InspectionsBetween(b.ctx, span)
			b.must(err)
			for i := range list.Items {
				got = append(got, names[list.Items[i].ID])
			}
			if span.Page.After = list.Next; list.Next == "" {
				break
			}
		}
		if fmt.Sprint(got) != c.want {
			t.Errorf("between %s and %s: %v, want %s", c.from, c.until, got, c.want)
		}
	}
	_, err = b.store.InspectionsBetween(b.ctx, hub.InspectionSpan{Agency: "j1", Page: hub.Page{Limit: 1, After: "x"}})
	b.wants(hub.KindInvalid, err)

	waiting := func(after hub.InspectionID) []hub.InspectionFile {
		t.Helper()
		found, err := b.store.WaitingInspections(b.ctx, after, 10)
		b.must(err)
		return found
	}
	same(t, "what waits", waiting(""), []hub.InspectionFile{first})
	same(t, "what waits behind it", waiting(first.ID), nil)
	b.inspects(&first, hub.InspectConclude)
	first.State, first.Waits = hub.InspectionConcluded, false
	b.must(b.store.AddInspectionEvent(b.ctx, first, b.inspectionNote()))
	same(t, "what waits when it is concluded", waiting(""), nil)
	if got := listed(hub.InspectionQuery{Agency: "x1", State: hub.InspectionConcluded}); got != "[first/3]" {
		t.Errorf("who was inspected finds %s concluded", got)
	}
}
