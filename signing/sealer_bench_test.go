package signing_test

import (
	"fmt"
	"path/filepath"
	"testing"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/signing"
)

// BenchmarkSealEvidence500 seals what a dispatch to 500 recipients needs.
func BenchmarkSealEvidence500(b *testing.B) {
	key, chain, err := signing.LoadOrCreateHubKey(filepath.Join(b.TempDir(), "key"), "Trục thử nghiệm", now)
	if err != nil {
		b.Fatal(err)
	}
	sealer, err := signing.NewSealer(key, chain)
	if err != nil {
		b.Fatal(err)
	}
	dispatch := hub.Dispatch{
		ID: "0199-dispatch", Sender: "ubnd", SenderCode: "000.00.00.H47", SenderName: "UBND tỉnh (hư cấu)",
		ExternalID: "cv-173", Operation: hub.OperationNew, TraceID: "4bf92f3577b34da6a3ce929d0e0e4736",
		Parts: []hub.Part{{ID: "p1", Role: hub.RoleOriginal, Name: "173.pdf", MediaType: "application/pdf", Size: 200 << 10}},
	}
	evidence := make([]hub.Evidence, 500)
	for i := range evidence {
		delivery := hub.Delivery{
			ID: hub.DeliveryID(fmt.Sprintf("0199-delivery-%d", i)), Index: i, Recipient: "so-noi-vu",
			AddressedAs: "000.00.12.H47", Name: "Sở Nội vụ (hư cấu)", LastEvidence: hub.EvidenceRef{ID: "0199-acceptance", SHA256: hub.Digest{1}},
		}
		evidence[i] = hub.DeliveryEvidence(hub.EventContentConsignment, &dispatch, &delivery, now)
		evidence[i].DeliveryInfo = &hub.DeliveryInfo{Attempt: 1, Channel: hub.ChannelPull}
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := sealer.SealEvidence(b.Context(), evidence...); err != nil {
			b.Fatal(err)
		}
	}
}
