package audit

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lienthong/lienthong/hub"
)

// catalogue is what a store keeps of procedures, and the notes in the log of it.
type catalogue struct {
	changes  []hub.ProcedureChange
	versions []hub.ProcedureVersion
	facts    []hub.CatalogueFact
}

// act adds changes by one decision, as the hub does.
func (k *catalogue) act(t *testing.T, decision hub.DispatchID, changes ...hub.ProcedureChange) {
	t.Helper()
	var effects []hub.ProcedureVersion
	for i := range changes {
		c := &changes[i]
		c.Seq, c.Decision = int64(len(k.changes)+1), hub.ProcedureDecision{Dispatch: decision, Act: c.Act}
		made := hub.ProcedureVersion{Procedure: hub.Procedure{Code: c.Code, Name: fmt.Sprint("bản ", c.Number)}, Version: c.Number, Valid: hub.Interval{From: c.From}, Decision: c.Decision}
		if old := k.version(c.Code, c.Number); old != nil {
			made = *old
		}
		var before hub.ProcedureVersion
		if old := k.version(c.Code, c.Number-1); old != nil {
			before = *old
		}
		left := c.Effects(&made, &before)
		for _, v := range left {
			k.versions = slices.DeleteFunc(k.versions, func(o hub.ProcedureVersion) bool { return o.Code == v.Code && o.Version == v.Version })
			k.versions = append(k.versions, v)
		}
		effects = append(effects, left...)
		k.changes = append(k.changes, *c)
	}
	fact, err := hub.NewCatalogueFact(hub.ProcedureDecision{Dispatch: decision}, changes, effects)
	if err != nil {
		t.Fatal(err)
	}
	k.facts = append(k.facts, fact)
}

func (k *catalogue) version(code string, number int64) *hub.ProcedureVersion {
	for i := range k.versions {
		if k.versions[i].Code == code && k.versions[i].Version == number {
			return &k.versions[i]
		}
	}
	return nil
}

// rows are the rows that a store hands out.
func (k *catalogue) rows(t *testing.T, found func(rule, format string, args ...any)) *CatalogueRows {
	t.Helper()
	text := func(v any) []byte {
		body, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		return body
	}
	body := func(v *hub.ProcedureVersion) []byte {
		if v == nil {
			return nil
		}
		return text(v)
	}
	rows := NewCatalogueRows(found)
	for _, c := range k.changes {
		rows.Row(&hub.CatalogueRow{Seq: c.Seq, Code: c.Code, Number: c.Number, Body: text(c), Made: body(k.version(c.Code, c.Number)), Before: body(k.version(c.Code, c.Number-1))})
	}
	slices.SortFunc(k.versions, func(a, b hub.ProcedureVersion) int {
		return cmp.Or(strings.Compare(a.Code, b.Code), cmp.Compare(a.Version, b.Version))
	})
	for _, v := range k.versions {
		rows.Row(&hub.CatalogueRow{Code: v.Code, Number: v.Version, Body: text(v), Listed: true})
	}
	return rows
}

// TestCompareCatalogue: whatever is edited, removed or added in the catalogue of procedures
// behind the hub's back is named; what the hub did is not, and not what it does meanwhile.
func TestCompareCatalogue(t *testing.T) {
	minute := func(n int) time.Time { return time.Date(2026, 3, 2, 1, n, 0, 0, time.UTC) }
	for name, c := range map[string]struct {
		change func(*catalogue)
		later  bool // the last act comes after the rows were read for the first time
		want   string
	}{
		"as it was":             {},
		"it grows meanwhile":    {later: true},
		"a version is edited":   {change: func(k *catalogue) { k.version("1.2", 1).Limit.Amount = 9 }, want: "catalogue_gone changes 1 to 2"},
		"an end is moved":       {change: func(k *catalogue) { k.version("1.1", 2).Valid.To = minute(50) }, want: "catalogue_row version 2"},
		"an end is forgotten":   {change: func(k *catalogue) { v := k.version("1.1", 2); v.Ended, v.Valid.To = nil, time.Time{} }, want: "catalogue_row version 2"},
		"an ender is exchanged": {change: func(k *catalogue) { k.version("1.1", 1).Ended.Dispatch = "x" }, want: "catalogue_row version 1"},
		"a version is removed":  {change: func(k *catalogue) { k.versions = k.versions[1:] }, want: "catalogue_gone change 1"},
		"a version is added": {change: func(k *catalogue) {
			k.versions = append(k.versions, hub.ProcedureVersion{Procedure: hub.Procedure{Code: "1.9"}, Version: 1})
		}, want: "catalogue_row version 1 of the procedure \"1.9\""},
		"a change is edited":     {change: func(k *catalogue) { k.changes[0].By = "x" }, want: "catalogue_gone changes 1 to 2"},
		"an effect is backdated": {change: func(k *catalogue) { k.changes[2].From = minute(5) }, want: "catalogue_gone changes 3 to 3"},
		"a change is removed":    {change: func(k *catalogue) { k.changes = k.changes[1:] }, want: "catalogue_gone changes 1 to 2"},
		"the last one is removed": {change: func(k *catalogue) {
			k.changes = k.changes[:3]
			v := k.version("1.1", 2)
			v.Ended, v.Valid.To = nil, time.Time{}
		}, want: "catalogue_gone changes 4 to 4"},
		"a change is added": {change: func(k *catalogue) {
			k.act(t, "x", hub.ProcedureChange{Act: hub.ProcedurePublish, Code: "1.3", Number: 1, From: minute(9)})
			k.facts = k.facts[:len(k.facts)-1]
		}, want: "catalogue_row change 5"},
	} {
		t.Run(name, func(t *testing.T) {
			k := &catalogue{}
			k.act(t, "q1", hub.ProcedureChange{Act: hub.ProcedurePublish, Code: "1.1", Number: 1, From: minute(10)}, hub.ProcedureChange{Act: hub.ProcedurePublish, Code: "1.2", Number: 1, From: minute(10)})
			k.act(t, "q2", hub.ProcedureChange{Act: hub.ProcedureAmend, Code: "1.1", Number: 2, From: minute(20)})
			var found []string
			tell := func(rule, format string, args ...any) { found = append(found, rule+" "+fmt.Sprintf(format, args...)) }
			before := k.rows(t, tell)
			k.act(t, "q3", hub.ProcedureChange{Act: hub.ProcedureAbolish, Code: "1.1", Number: 2, From: minute(30)})
			if c.change != nil {
				c.change(k)
			}
			if !c.later {
				before = k.rows(t, tell)
			}
			comparison := &Comparison{found: tell}
			for i, f := range k.facts {
				body, err := json.Marshal(map[string]any{"action": hub.ActProceduresChange, "what": f})
				if err != nil {
					t.Fatal(err)
				}
				note, err := json.Marshal(hub.LogNote{ID: fmt.Sprint(i), Kind: hub.LogNoteOperator, Body: body})
				if err != nil {
					t.Fatal(err)
				}
				comparison.noted(note)
			}
			told := func(string, string, ...any) {}
			if err := comparison.CatalogueRows(before, func() (*CatalogueRows, error) { return k.rows(t, told), nil }); err != nil {
				t.Fatal(err)
			}
			if c.want == "" && len(found) > 0 {
				t.Errorf("what is sound is named: %q", found)
			}
			rule, what, _ := strings.Cut(c.want, " ")
			if !slices.ContainsFunc(found, func(f string) bool { return strings.HasPrefix(f, rule) && strings.Contains(f, what) }) && c.want != "" {
				t.Errorf("no finding %q in %q", c.want, found)
			}
		})
	}
}
