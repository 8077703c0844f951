package audit

import (
	"context"
	"slices"
	"testing"

	"github.com/lienthong/lienthong/hub"
)

// LogSequence is that of a store.
func (m *memory) LogSequence(_ context.Context, origin string, agency hub.AgencyID, after int64, limit int) ([]hub.SequenceEntry, error) {
	var list []hub.SequenceEntry
	for _, n := range m.numbers[sequenceID{origin, agency}] {
		if n.Number > after && len(list) < limit {
			e := m.entries[origin][n.Index]
			list = append(list, hub.SequenceEntry{Number: n.Number, Index: n.Index, Evidence: hub.EvidenceID(e.Source), Data: e.Data})
		}
	}
	return list, nil
}

// TestSequenceReader: an agency gets its own sequence and key, an auditor each, nobody
// else any; and finds in the log what the hub keeps back or makes up.
func TestSequenceReader(t *testing.T) {
	m := twoYears(t, 30)
	secret := NewSequenceSecret(testKey(1))
	r := &SequenceReader{Store: m, Secret: &secret}
	mine := hub.Actor{Agencies: []hub.AgencyID{"R1"}, Scopes: []hub.Scope{hub.ScopeRead}}
	query := hub.SequenceQuery{Agency: "R1", Year: 2026, Limit: 7}
	said, err := r.Sequence(t.Context(), mine, query)
	if err != nil || len(said.Items) != 7 || said.Next != 7 || said.Size != 30 || said.Log != "hub/evidence/2026" {
		t.Fatalf("%+v, %v", said, err)
	}
	query.After = said.Next
	rest, err := r.Sequence(t.Context(), mine, query)
	if err != nil || len(rest.Items) != 3 || rest.Next != 0 {
		t.Fatalf("%+v, %v", rest, err)
	}
	said.Items = append(said.Items, rest.Items...)
	for name, actor := range map[string]hub.Actor{
		"another agency": {Agencies: []hub.AgencyID{"S"}, Scopes: []hub.Scope{hub.ScopeRead}},
		"no reader":      {Agencies: []hub.AgencyID{"R1"}, Scopes: []hub.Scope{hub.ScopeSubmit}},
	} {
		if got, err := r.Sequence(t.Context(), actor, query); err == nil || got.Key != "" || len(got.Items) > 0 {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
	if got, err := r.Sequence(t.Context(), hub.Actor{Scopes: []hub.Scope{hub.ScopeAudit}}, hub.SequenceQuery{Agency: "R1", Limit: 1}); err != nil || got.Log != "hub/evidence/2027" || got.Key == said.Key {
		t.Errorf("an auditor: %+v, %v", got, err)
	}
	for name, c := range map[string]struct {
		change func(s *hub.Sequence)
		rules  []string
	}{
		"an honest hub":            {func(*hub.Sequence) {}, nil},
		"the last one kept back":   {func(s *hub.Sequence) { s.Items = s.Items[:9] }, []string{"sequence_hidden"}},
		"one in between kept back": {func(s *hub.Sequence) { s.Items = slices.Delete(s.Items, 3, 4) }, []string{"sequence_hidden", "sequence_list"}},
		"another evidence":         {func(s *hub.Sequence) { s.Items[3].SHA256[0] ^= 1 }, []string{"sequence_list"}},
		"one more than there are":  {func(s *hub.Sequence) { s.Items = append(s.Items, hub.SequenceItem{Number: 11, Index: 29}) }, []string{"sequence_list"}},
		"another place":            {func(s *hub.Sequence) { s.Items[3].Index++ }, []string{"sequence_list"}},
	} {
		told := said
		told.Items = slices.Clone(said.Items)
		c.change(&told)
		var rules []string
		w, err := WatchSequence(told, func(rule, _ string, _ ...any) { rules = append(rules, rule) })
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range m.entries[told.Log] {
			if err := w.Entry(told.Log, e.Index, e.Data); err != nil {
				t.Fatal(err)
			}
		}
		w.End()
		slices.Sort(rules)
		if got := slices.Compact(rules); !slices.Equal(got, c.rules) {
			t.Errorf("%s: found %v, want %v", name, got, c.rules)
		}
	}
}
