package numbering_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/hub/numbering"
)

// store remembers what it was asked for; what stores promise is tested with them.
type store struct {
	numbering.Store
	asked hub.OutgoingNumber
	query hub.OutgoingQuery
}

func (s *store) TakeOutgoing(_ context.Context, n hub.OutgoingNumber) (hub.OutgoingNumber, error) {
	s.asked = n
	return n, nil
}

func (s *store) CancelOutgoing(_ context.Context, n hub.OutgoingNumber) (hub.OutgoingNumber, error) {
	s.asked = n
	return n, nil
}

func (s *store) NextOutgoing(context.Context, hub.AgencyID, int, string) (int64, error) {
	return 7, nil
}

func (s *store) OutgoingNumbers(_ context.Context, q hub.OutgoingQuery) (hub.List[hub.OutgoingNumber], error) {
	s.query = q
	return hub.List[hub.OutgoingNumber]{}, nil
}

func TestNumbers(t *testing.T) {
	kept := &store{}
	now := time.Date(2025, 12, 31, 17, 30, 0, 0, time.UTC) // 2026 in Viet Nam
	s := numbering.New(numbering.Options{Store: kept, Now: func() time.Time { return now }})
	clerk := hub.Actor{Name: "an", Agencies: []hub.AgencyID{"a"}, Scopes: []hub.Scope{hub.ScopeSubmit}}
	reader := hub.Actor{Name: "binh", Agencies: []hub.AgencyID{"a"}, Scopes: []hub.Scope{hub.ScopeRead}}
	wish := hub.NumberWish{Agency: "a", Kind: " Quyết  định ", Notation: "QĐ-UBND", Key: "k"}
	if n, err := s.Take(t.Context(), clerk, wish); err != nil || n.Year != 2026 || n.Kind != "Quyết định" || n.State != hub.NumberReserved || n.TakenBy != "an" || !n.TakenAt.Equal(now) {
		t.Errorf("%+v %v", n, err)
	}
	if n, err := s.Cancel(t.Context(), clerk, "a", 2025, 3, "QĐ-UBND", " soạn sai "); err != nil || n.Year != 2025 || n.Reason != "soạn sai" || n.CancelledBy != "an" {
		t.Errorf("%+v %v", n, err)
	}
	if _, err := s.List(t.Context(), reader, hub.OutgoingQuery{Agency: "a"}); err != nil || kept.query.Year != 2026 || kept.query.Page.Limit != 50 {
		t.Errorf("%+v %v", kept.query, err)
	}
	if n, err := s.Next(t.Context(), clerk, "a", 0, "Công văn"); err != nil || n != 7 {
		t.Errorf("%d %v", n, err)
	}
	for name, act := range map[string]func(hub.Actor) error{
		"take":   func(a hub.Actor) error { _, err := s.Take(t.Context(), a, wish); return err },
		"next":   func(a hub.Actor) error { _, err := s.Next(t.Context(), a, "a", 0, "x"); return err },
		"cancel": func(a hub.Actor) error { _, err := s.Cancel(t.Context(), a, "a", 0, 1, "x", "y"); return err },
		"list":   func(a hub.Actor) error { _, err := s.List(t.Context(), a, hub.OutgoingQuery{Agency: "a"}); return err },
	} {
		other := clerk
		other.Agencies = []hub.AgencyID{"b"}
		if err := act(other); hub.KindOf(err) != hub.KindDenied {
			t.Errorf("another agency may %s: %v", name, err)
		}
		if err := act(reader); name != "list" && hub.KindOf(err) != hub.KindDenied {
			t.Errorf("who only reads may %s: %v", name, err)
		}
	}
	with := func(change func(*hub.NumberWish)) error {
		w := wish
		change(&w)
		_, err := s.Take(t.Context(), clerk, w)
		return err
	}
	for _, tt := range []struct {
		err         error
		field, rule string
	}{
		{with(func(w *hub.NumberWish) { w.Kind = " " }), "kind", "required"},
		{with(func(w *hub.NumberWish) { w.Notation = strings.Repeat("x", 31) }), "notation", "max_length"},
		{with(func(w *hub.NumberWish) { w.Notation = " " }), "notation", "required"},
		{with(func(w *hub.NumberWish) { w.Notation = "QĐ SNV/2" }), "notation", "notation"},
		{with(func(w *hub.NumberWish) { w.Subject = "a\x00" }), "subject", "control_character"},
		{with(func(w *hub.NumberWish) { w.Year = 2024 }), "year", "range"},
		{with(func(w *hub.NumberWish) { w.Number = -1 }), "number", "range"},
	} {
		if v := hub.ViolationsOf(tt.err); tt.err == nil || v[0].Field != tt.field || v[0].Rule != tt.rule {
			t.Errorf("%v, want %s %s", tt.err, tt.field, tt.rule)
		}
	}
	if _, err := s.Cancel(t.Context(), clerk, "a", 0, 1, "x", " "); err == nil || hub.ViolationsOf(err)[0].Field != "reason" {
		t.Errorf("without a reason: %v", err)
	}
	if _, err := s.List(t.Context(), clerk, hub.OutgoingQuery{Agency: "a", State: "lost"}); err == nil || hub.ViolationsOf(err)[0].Field != "state" {
		t.Errorf("an unknown state: %v", err)
	}
}
