package inspect_test

import (
	"slices"
	"testing"
	"time"

	"github.com/lienthong/lienthong/cmd/lienthong/internal/inspect"
	"github.com/lienthong/lienthong/hub"
)

// TestReportsThatAreGone: the evidence of a status report misses it when it was deleted,
// edited, or moved to another delivery.
func TestReportsThatAreGone(t *testing.T) {
	at := time.Date(2026, 11, 23, 3, 0, 0, 0, time.UTC)
	told := func(id hub.EvidenceID) hub.SealedEvidence {
		return hub.SealedEvidence{Evidence: hub.Evidence{ID: id, Event: hub.EventStatusReport, Dispatch: "d", Delivery: "v",
			Status: &hub.StatusFact{Code: hub.StatusInProgress, Description: "đang xử lý", StatedAt: at}}}
	}
	report := func(id string) hub.StatusReport {
		return hub.StatusReport{ID: id, Dispatch: "d", Delivery: "v", Code: hub.StatusInProgress, Description: "đang xử lý", StatedAt: at.In(hub.Vietnam())}
	}
	for name, c := range map[string]struct {
		change func(d *hub.DispatchFile)
		gone   int
	}{
		"all there":                      {func(*hub.DispatchFile) {}, 0},
		"one more":                       {func(d *hub.DispatchFile) { d.Reports = append(d.Reports, report("r3")) }, 0},
		"one deleted":                    {func(d *hub.DispatchFile) { d.Reports = d.Reports[:1] }, 1},
		"all deleted":                    {func(d *hub.DispatchFile) { d.Reports = nil }, 2},
		"another code":                   {func(d *hub.DispatchFile) { d.Reports[0].Code = hub.StatusCompleted }, 1},
		"other words":                    {func(d *hub.DispatchFile) { d.Reports[1].Description = "xong" }, 1},
		"another time":                   {func(d *hub.DispatchFile) { d.Reports[1].StatedAt = at.Add(time.Second) }, 1},
		"said to be the recipient's own": {func(d *hub.DispatchFile) { d.Reports[1].Automatic = true }, 1},
		"of another":                     {func(d *hub.DispatchFile) { d.Reports[1].Delivery = "w" }, 1},
		"no evidence tells":              {func(d *hub.DispatchFile) { d.Evidence = nil }, 0},
		"in the other order":             {func(d *hub.DispatchFile) { slices.Reverse(d.Reports) }, 0},
	} {
		o := one{hub.DispatchFile{
			ID: "d", Dispatch: &hub.Dispatch{ID: "d"}, Deliveries: []hub.Delivery{{ID: "v"}},
			Evidence: []hub.SealedEvidence{told("e1"), told("e2")}, Reports: []hub.StatusReport{report("r1"), report("r2")},
		}}
		c.change(&o.DispatchFile)
		gone := 0
		_, err := inspect.Run(t.Context(), inspect.Options{State: o, Receipts: o, Found: func(f inspect.Finding) {
			if f.Rule == "report_gone" {
				gone++
			}
		}})
		if err != nil || gone != c.gone {
			t.Errorf("%s: %d reports are missed, want %d, %v", name, gone, c.gone, err)
		}
	}
}
