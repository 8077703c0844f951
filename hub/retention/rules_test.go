package retention_test

import (
	"strings"
	"testing"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/hub/hubtest"
)

// TestWhoMay: operators act, auditors read, everybody else is denied.
func TestWhoMay(t *testing.T) {
	w := newWorld(t)
	d := w.ended("1", nil)
	set := hub.RetentionClasses{Classes: []hub.RetentionClass{class("a", "P1Y")}}
	page := hub.Page{Limit: 5}
	for name, c := range map[string]struct {
		try   func(hub.Actor) error
		reads bool
	}{
		"classes":  {func(a hub.Actor) error { _, err := w.service.Classes(w.ctx, a); return err }, true},
		"holds":    {func(a hub.Actor) error { _, err := w.service.Holds(w.ctx, a, false, page); return err }, true},
		"runs":     {func(a hub.Actor) error { _, err := w.service.Runs(w.ctx, a, page); return err }, true},
		"findings": {func(a hub.Actor) error { _, err := w.service.Findings(w.ctx, a, page); return err }, true},
		"set":      {func(a hub.Actor) error { _, err := w.service.SetClasses(w.ctx, a, set); return err }, false},
		"forecast": {func(a hub.Actor) error { _, err := w.service.ForecastClasses(w.ctx, a, set); return err }, false},
		"ask":      {func(a hub.Actor) error { _, err := w.service.AskPurge(w.ctx, a); return err }, false},
		"hold": {func(a hub.Actor) error {
			_, err := w.service.PlaceHold(w.ctx, a, hub.LegalHold{Dispatch: d.ID, Reason: "x"})
			return err
		}, false},
		"release": {func(a hub.Actor) error {
			_, err := w.service.ReleaseHold(w.ctx, a, "none", "x")
			if err != nil && hub.KindOf(err) == hub.KindNotFound {
				return nil
			}
			return err
		}, false},
	} {
		if err := c.try(operator()); err != nil {
			t.Errorf("%s by an operator: %v", name, err)
		}
		w.denied(name, c.try(hubtest.System(hubtest.Province)))
		if err := c.try(auditor()); c.reads && err != nil {
			t.Errorf("%s by an auditor: %v", name, err)
		} else if !c.reads {
			w.denied(name, err)
		}
	}
}

func (w *world) denied(what string, err error) {
	w.t.Helper()
	if err == nil || hub.KindOf(err) != hub.KindDenied {
		w.t.Errorf("%s by somebody else: %v, want %s", what, err, hub.KindDenied)
	}
}

// TestClassesAreChecked: what is wrong is named, and a set made from an older one is
// refused.
func TestClassesAreChecked(t *testing.T) {
	w := newWorld(t)
	bad := []hub.RetentionClass{
		class("Sai", "P1Y"),
		class("a", "P1Y", func(c *hub.RetentionClass) { c.Name, c.LegalBasis = "", " " }),
		class("a", "", func(c *hub.RetentionClass) {
			c.LegalBasis, c.Types, c.Agencies = strings.Repeat("đ", 501), []int{0}, []hub.AgencyID{""}
		}),
	}
	_, err := w.service.SetClasses(w.ctx, operator(), hub.RetentionClasses{Classes: bad})
	found := map[string]bool{}
	for _, v := range hub.ViolationsOf(err) {
		found[v.Field+" "+v.Rule] = true
	}
	for _, want := range []string{
		"classes[0].id class_id", "classes[1].name required", "classes[1].legal_basis required", "classes[2].id duplicate",
		"classes[2].legal_basis max_length", "classes[2].types range", "classes[2].agencies required",
	} {
		if !found[want] {
			t.Errorf("not found: %s in %v", want, err)
		}
	}
	first := w.activate(class("a", "P1Y"), class("mai", "", func(c *hub.RetentionClass) { c.LegalBasis = "" }))
	if first.Version != 1 || first.SetBy != operator().Name || first.SetAt.IsZero() {
		t.Errorf("the first set is %+v", first)
	}
	second := w.activate()
	_, err = w.service.SetClasses(w.ctx, operator(), first)
	w.wants(hub.KindConflict, err)
	if set, err := w.service.Classes(w.ctx, auditor()); err != nil || set.Version != 2 || set.Version != second.Version || len(set.Classes) != 0 {
		t.Errorf("in force is %+v, %v", set, err)
	}
}

// TestHoldsAreChecked: a hold is about one thing, says why, and is not over.
func TestHoldsAreChecked(t *testing.T) {
	w := newWorld(t)
	d := w.ended("1", nil)
	for name, c := range map[string]struct {
		hold hub.LegalHold
		kind hub.ErrorKind
	}{
		"nothing":         {hub.LegalHold{Reason: "x"}, hub.KindInvalid},
		"blank number":    {hub.LegalHold{Number: " ", Reason: "x"}, hub.KindInvalid},
		"two things":      {hub.LegalHold{Dispatch: d.ID, Agency: "a", Reason: "x"}, hub.KindInvalid},
		"no reason":       {hub.LegalHold{Dispatch: d.ID}, hub.KindInvalid},
		"over":            {hub.LegalHold{Dispatch: d.ID, Reason: "x", Until: w.Clock.Now()}, hub.KindInvalid},
		"no such":         {hub.LegalHold{Dispatch: "none", Reason: "x"}, hub.KindNotFound},
		"long reason":     {hub.LegalHold{Dispatch: d.ID, Reason: strings.Repeat("x", 501)}, hub.KindInvalid},
		"long number too": {hub.LegalHold{Number: strings.Repeat("x", 501), Reason: "x"}, hub.KindInvalid},
	} {
		_, err := w.service.PlaceHold(w.ctx, operator(), c.hold)
		if err == nil || hub.KindOf(err) != c.kind {
			t.Errorf("%s: %v, want %s", name, err, c.kind)
		}
	}
	_, err := w.service.ReleaseHold(w.ctx, operator(), "none", "x")
	w.wants(hub.KindNotFound, err)
	_, err = w.service.ReleaseHold(w.ctx, operator(), "none", "")
	w.wants(hub.KindInvalid, err)
	for range 3 {
		_, err := w.service.PlaceHold(w.ctx, operator(), hub.LegalHold{Number: "173", Reason: "x", ReleasedBy: "nobody"})
		w.must(err)
	}
	listed := 0
	for page := (hub.Page{Limit: 2}); ; {
		l, err := w.service.Holds(w.ctx, auditor(), false, page)
		w.must(err)
		for _, h := range l.Items {
			listed++
			if h.PlacedBy != operator().Name || h.ReleasedBy != "" || !h.Active(w.Clock.Now()) {
				t.Errorf("listed is %+v", h)
			}
		}
		if page.After = l.Next; l.Next == "" {
			break
		}
	}
	if listed != 3 {
		t.Errorf("%d holds are listed", listed)
	}
}
