package inspect_test

import (
	"slices"
	"testing"

	"github.com/lienthong/lienthong/cmd/lienthong/internal/inspect"
	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/hub/hubtest"
)

// TestWhoseDocument: whose document a dispatch forwards, and by what, is as its acceptance
// says.
func TestWhoseDocument(t *testing.T) {
	origin := hub.Origin{Dispatch: "first", Delivery: "w", Sender: "author", SenderCode: "H47", SenderName: "UBND tỉnh (hư cấu)"}
	for name, c := range map[string]struct {
		change func(o *hub.Origin) *hub.Origin
		found  bool
	}{
		"as it was":       {func(o *hub.Origin) *hub.Origin { return o }, false},
		"another author":  {func(o *hub.Origin) *hub.Origin { o.Sender = "x"; return o }, true},
		"another name":    {func(o *hub.Origin) *hub.Origin { o.SenderName = "x"; return o }, true},
		"another forward": {func(o *hub.Origin) *hub.Origin { o.Dispatch = "x"; return o }, true},
		"its own":         {func(*hub.Origin) *hub.Origin { return nil }, true},
	} {
		w, index, stored := hubtest.NewWorld(), 0, origin
		sealed, err := w.Notary.Seal(t.Context(), hub.Evidence{
			Event: hub.EventSubmissionAcceptance, Dispatch: "d", Sender: &hub.Party{ID: hubtest.Office}, Recipients: []hub.Party{{ID: hubtest.Ward, Index: &index}},
			Content: hub.PartFacts([]hub.Part{w.Part("p1", hub.RoleOriginal, "original")}), Links: []hub.Link{{Kind: hub.LinkForwards, Dispatch: "first"}},
			Origin: &hub.Party{ID: origin.Sender, Code: origin.SenderCode, Name: origin.SenderName},
		})
		if err != nil {
			t.Fatal(err)
		}
		o := one{hub.DispatchFile{
			ID: "d", Dispatch: &hub.Dispatch{ID: "d", Sender: hubtest.Office, Parts: []hub.Part{w.Part("p1", hub.RoleOriginal, "original")}, Origin: c.change(&stored)},
			Receipt: sealed[0].Evidence.ID, Evidence: sealed,
			Deliveries: []hub.Delivery{{ID: "v", Dispatch: "d", Recipient: hubtest.Ward, State: hub.StateQueued, LastEvidence: sealed[0].Ref()}},
		}}
		var rules []string
		_, err = inspect.Run(t.Context(), inspect.Options{State: o, Receipts: o, Found: func(f inspect.Finding) { rules = append(rules, f.Rule) }})
		if err != nil || slices.Contains(rules, "origin") != c.found || !c.found && len(rules) > 0 {
			t.Errorf("%s: found %v, %v", name, rules, err)
		}
	}
}
