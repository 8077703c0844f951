package audit

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/lienthong/lienthong/hub"
)

// shelf is what a store keeps of dossiers, and the notes in the log of it.
type shelf struct {
	dossiers []hub.DossierFile
	strange  []hub.AgencyID // that the store shows the first dossier to
	facts    []hub.DossierFact
}

func (s *shelf) happens(t *testing.T, n int, e hub.DossierEvent) {
	t.Helper()
	f := &s.dossiers[n]
	e.Seq, e.Previous = f.Version+1, f.Digest
	f.Events = append(f.Events, e)
	f.Version++
	var err error
	if f.Digest, err = e.SHA256(); err != nil {
		t.Fatal(err)
	}
	s.facts = append(s.facts, hub.DossierFact{Dossier: f.ID, Seq: e.Seq, Act: e.Act, SHA256: f.Digest})
}

func (s *shelf) rows(t *testing.T, found func(rule, format string, args ...any)) *DossierRows {
	t.Helper()
	rows := NewDossierRows(found)
	text := func(v any) []byte {
		body, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		return body
	}
	for i := range s.dossiers {
		for k := range s.dossiers[i].Events {
			rows.Row(&hub.DossierRow{Dossier: s.dossiers[i].ID, Seq: int64(k + 1), Body: text(&s.dossiers[i].Events[k])})
		}
	}
	for i := range s.dossiers {
		d := &s.dossiers[i]
		rows.Row(&hub.DossierRow{Dossier: d.ID, Body: text(&d.Dossier), Listed: d.Number != ""})
	}
	for _, party := range append(slices.Clone(s.dossiers[0].Parties), s.strange...) {
		rows.Row(&hub.DossierRow{Dossier: s.dossiers[0].ID, Seq: -1, Agency: party})
	}
	return rows
}

// TestDossierRows: what somebody does to dossiers behind the hub's back is named; what the
// hub does itself, words that went at their time among it, is not.
func TestDossierRows(t *testing.T) {
	made := func() *shelf {
		s := &shelf{dossiers: []hub.DossierFile{{Dossier: hub.Dossier{ID: "d1", Number: "1", Parties: []hub.AgencyID{"u", "c"}}}, {Dossier: hub.Dossier{ID: "d2", Number: "2", Parties: []hub.AgencyID{"u"}}}}}
		for n := range s.dossiers {
			s.happens(t, n, hub.DossierEvent{Act: hub.DossierRegister, Agency: "u", Lookup: hub.Digest{byte(n), 7}})
			s.dossiers[n].Lookup = hub.Digest{byte(n), 7}
		}
		s.happens(t, 0, hub.DossierEvent{Act: hub.DossierHandOver, Agency: "u", To: "c", Text: "chuyển"})
		s.happens(t, 0, hub.DossierEvent{Act: hub.DossierStop, Agency: "u", Text: "rút"})
		return s
	}
	erase := func(s *shelf) {
		s.dossiers[0].Lookup = hub.Digest{}
		for i := range s.dossiers[0].Events {
			if err := s.dossiers[0].Events[i].Erase(); err != nil {
				t.Fatal(err)
			}
		}
	}
	for what, c := range map[string]struct {
		change func(*shelf)
		want   []string // beginnings of findings; none: nothing is found
	}{
		"nothing":              {func(*shelf) {}, nil},
		"erased by the hub":    {func(s *shelf) { erase(s); s.happens(t, 0, hub.DossierEvent{Act: hub.DossierErase, Agency: "u"}) }, nil},
		"words are gone":       {erase, []string{"dossier_row words of the dossier d1"}},
		"an event is edited":   {func(s *shelf) { s.dossiers[0].Events[1].Text = "x" }, []string{"dossier_gone the log notes event 2", "dossier_row event 3 of the dossier d1 does not follow"}},
		"the last is edited":   {func(s *shelf) { s.dossiers[0].Events[2].Act = hub.DossierFinish }, []string{"dossier_gone the log notes event 3", "dossier_row the dossier d1 is at event 3"}},
		"an event is deleted":  {func(s *shelf) { s.dossiers[0].Events = s.dossiers[0].Events[:2] }, []string{"dossier_gone the log notes event 3", "dossier_row the dossier d1 is at event 3"}},
		"a dossier is deleted": {func(s *shelf) { s.dossiers = s.dossiers[:1] }, []string{"dossier_gone the log notes event 1 of the dossier d2"}},
		"an event is added": {func(s *shelf) {
			s.happens(t, 1, hub.DossierEvent{Act: hub.DossierFinish})
			s.facts = s.facts[:len(s.facts)-1]
		},
			[]string{"dossier_row the store keeps event 2 of the dossier d2, and the log has no note"}},
		"shown to another":      {func(s *shelf) { s.strange = []hub.AgencyID{"x"} }, []string{"dossier_row the store shows the dossier d1 to the agency x"}},
		"names another":         {func(s *shelf) { s.dossiers[1].Parties = []hub.AgencyID{"u", "x"} }, []string{"dossier_row the dossier d2 names an agency"}},
		"found by another":      {func(s *shelf) { s.dossiers[1].Number = "" }, []string{"dossier_row the dossier d2 stands in the store with other columns"}},
		"found by a secret":     {func(s *shelf) { s.dossiers[1].Lookup = s.dossiers[0].Lookup }, []string{"dossier_row the dossier d2 is found by another secret"}},
		"without its events":    {func(s *shelf) { s.dossiers[1].Events = nil }, []string{"dossier_gone the log notes event 1 of the dossier d2", "dossier_row the store keeps the dossier d2 without an event"}},
		"an event counts twice": {func(s *shelf) { s.dossiers[1].Events[0].Seq = 2 }, []string{"dossier_gone the log notes event 1 of the dossier d2", "dossier_row event 1 of the dossier d2 stands", "dossier_row the dossier d2 is at event 1"}},
	} {
		s := made()
		c.change(s)
		var got []string
		found := func(rule, format string, args ...any) { got = append(got, rule+" "+fmt.Sprintf(format, args...)) }
		comparison := &Comparison{found: found, dossiers: s.facts}
		told := func(string, string, ...any) {}
		if err := comparison.DossierRows(s.rows(t, found), func() (*DossierRows, error) { return s.rows(t, told), nil }); err != nil {
			t.Fatal(err)
		}
		slices.Sort(got)
		if !slices.EqualFunc(got, c.want, strings.HasPrefix) {
			t.Errorf("%s: %q, want %q", what, got, c.want)
		}
	}

	// What came while the rows were read is there when they are read again.
	s := made()
	before := s.rows(t, func(string, string, ...any) {})
	s.happens(t, 1, hub.DossierEvent{Act: hub.DossierFinish, Agency: "u"})
	found := func(rule, format string, args ...any) { t.Errorf("%s "+format, append([]any{rule}, args...)...) }
	comparison := &Comparison{found: found, dossiers: s.facts}
	if err := comparison.DossierRows(before, func() (*DossierRows, error) { return s.rows(t, found), nil }); err != nil {
		t.Fatal(err)
	}
}
