package inspect_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/lienthong/lienthong/cmd/lienthong/internal/inspect"
	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/hub/hubtest"
)

// one is a store with one dispatch, whose receipts are all well signed.
type one struct{ hub.DispatchFile }

func (o one) DispatchFiles(_ context.Context, emit func(hub.DispatchFile) error) error {
	return emit(o.DispatchFile)
}

func (o one) VerifyReceipt([]byte, time.Time) (hub.SealedEvidence, hub.SignatureReport, error) {
	return hub.SealedEvidence{}, hub.SignatureReport{Indication: hub.TotalPassed}, nil
}

// TestTimeOrder: evidence that is older than what it follows is told by a name of its own.
func TestTimeOrder(t *testing.T) {
	for _, later := range []time.Duration{0, -time.Millisecond} {
		w := hubtest.NewWorld()
		seal := func(e hub.Evidence) hub.SealedEvidence {
			sealed, err := w.Notary.Seal(t.Context(), e)
			if err != nil {
				t.Fatal(err)
			}
			return sealed[0]
		}
		index := 0
		parts := []hub.Part{w.Part("p1", hub.RoleOriginal, "original")}
		party := hub.Party{ID: hubtest.Office, Index: &index}
		root := seal(hub.Evidence{Event: hub.EventSubmissionAcceptance, Dispatch: "d", Sender: &hub.Party{ID: hubtest.Province}, Recipients: []hub.Party{party}, Content: hub.PartFacts(parts)})
		ref := root.Ref()
		last := seal(hub.Evidence{
			Event: hub.EventContentConsignment, Dispatch: "d", Delivery: "v", Recipients: []hub.Party{party},
			Prev: &ref, Time: root.Evidence.Time.Add(later),
		})
		o := one{hub.DispatchFile{
			ID: "d", Dispatch: &hub.Dispatch{ID: "d", Sender: hubtest.Province, Parts: parts}, Receipt: root.Evidence.ID, Evidence: []hub.SealedEvidence{root, last},
			Deliveries: []hub.Delivery{{ID: "v", Dispatch: "d", Recipient: hubtest.Office, State: hub.StateConsigned, LastEvidence: last.Ref()}},
		}}
		var found []inspect.Finding
		_, err := inspect.Run(t.Context(), inspect.Options{State: o, Receipts: o, Found: func(f inspect.Finding) { found = append(found, f) }})
		if err != nil {
			t.Fatal(err)
		}
		wrong := len(found) == 1 && found[0].Rule == "time_order" && strings.Contains(found[0].Message, string(last.Evidence.ID))
		if later == 0 && len(found) != 0 || later < 0 && !wrong {
			t.Errorf("%v after the acceptance: %+v", later, found)
		}
	}
}
