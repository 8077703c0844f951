package hub_test

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/lienthong/lienthong/hub"
)

// TestEvidenceIsWrittenInOrder: the types of an evidence and of the reports that it names have
// their fields in the order of the names in JSON, which spares sorting them to make it
// canonical.
func TestEvidenceIsWrittenInOrder(t *testing.T) {
	for _, v := range []any{
		hub.Evidence{}, hub.Party{}, hub.AuthFact{}, hub.Content{}, hub.PartFact{}, hub.DeliveryInfo{}, hub.Validation{},
		hub.StatusFact{}, hub.EvidenceRef{}, hub.Reason{}, hub.LogRef{},
		hub.SignatureReport{}, hub.SignatureVerdict{}, hub.RevocationStatus{}, hub.CryptoStatus{}, hub.Check{}, hub.MaterialRef{},
	} {
		kind := reflect.TypeOf(v)
		names := make([]string, kind.NumField())
		for i := range names {
			names[i], _, _ = strings.Cut(kind.Field(i).Tag.Get("json"), ",")
		}
		if !slices.IsSorted(names) {
			t.Errorf("%s: %q", kind.Name(), names)
		}
	}
}
