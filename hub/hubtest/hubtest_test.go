package hubtest_test

import (
	"testing"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/hub/audit"
	"github.com/lienthong/lienthong/hub/delivery"
	"github.com/lienthong/lienthong/hub/directory"
	"github.com/lienthong/lienthong/hub/hubtest"
	"github.com/lienthong/lienthong/hub/intake"
	"github.com/lienthong/lienthong/hub/tracking"
)

// The ports that the surroundings fit.
var (
	_ directory.Store        = (*hubtest.Memory)(nil)
	_ directory.KeyStore     = (*hubtest.Memory)(nil)
	_ intake.Store           = (*hubtest.Memory)(nil)
	_ intake.UploadStore     = (*hubtest.Memory)(nil)
	_ intake.Blobs           = (*hubtest.Blobs)(nil)
	_ intake.Staging         = (*hubtest.Blobs)(nil)
	_ intake.Directory       = (*hubtest.Directory)(nil)
	_ intake.Verifier        = (*hubtest.Verifier)(nil)
	_ intake.Notary          = (*hubtest.Notary)(nil)
	_ intake.Queue           = (*hubtest.Queue)(nil)
	_ delivery.Store         = (*hubtest.Memory)(nil)
	_ delivery.Notary        = (*hubtest.Notary)(nil)
	_ tracking.Store         = (*hubtest.Memory)(nil)
	_ tracking.LeaseStore    = (*hubtest.Memory)(nil)
	_ tracking.ReportStore   = (*hubtest.Memory)(nil)
	_ tracking.EvidenceStore = (*hubtest.Memory)(nil)
	_ tracking.Blobs         = (*hubtest.Blobs)(nil)
	_ tracking.Directory     = (*hubtest.Directory)(nil)
	_ tracking.Notary        = (*hubtest.Notary)(nil)
	_ audit.Store            = (*hubtest.Memory)(nil)
	_ audit.Sealer           = (*hubtest.Notary)(nil)
)

// TestSealedEvidenceIsAReceipt: what the notary seals can be written, read again
// and follows from its predecessor, though nobody signed it.
func TestSealedEvidenceIsAReceipt(t *testing.T) {
	w := hubtest.NewWorld()
	dispatch := &hub.Dispatch{ID: "d", Sender: hubtest.Province, Parts: []hub.Part{w.Part("p1", hub.RoleOriginal, "<signed> & sealed")}}
	to := &hub.Delivery{ID: "v", Recipient: hubtest.Office, LastEvidence: hub.EvidenceRef{ID: "e", SHA256: hub.Digest{1}}}
	sealed, err := w.Notary.Seal(t.Context(), hub.DeliveryEvidence(hub.EventContentConsignment, dispatch, to, w.Clock.Now()))
	if err != nil {
		t.Fatal(err)
	}
	read, err := hub.ParseReceipt(hub.MarshalReceipt(sealed[0]))
	if err != nil || read.Digest != sealed[0].Digest || *read.Evidence.Prev != to.LastEvidence {
		t.Errorf("read again: %+v, %v", read, err)
	}
	if _, err := w.Notary.Seal(t.Context(), hub.Evidence{Event: hub.EventConsignmentRejection}); err == nil {
		t.Error("a refusal without a reason was sealed")
	}
}

func TestDamagedContentIsNotRead(t *testing.T) {
	w := hubtest.NewWorld()
	digest := w.Blobs.Put([]byte("content"))
	w.Blobs.Damage(digest)
	blob, err := w.Blobs.OpenBlob(t.Context(), digest)
	if err != nil {
		t.Fatal(err)
	}
	if n, err := blob.Read(make([]byte, 7)); n != 0 || err == nil {
		t.Errorf("%d bytes of damaged content, %v", n, err)
	}
	if n, err := blob.ReadAt(make([]byte, 1), 0); n != 0 || err == nil {
		t.Errorf("%d bytes of damaged content, %v", n, err)
	}
}

// TestReadersGetCopies: nobody can change a row by what the store gave out.
func TestReadersGetCopies(t *testing.T) {
	p := newPlay()
	first, err := p.intake.Submit(p.ctx, province(), p.Submission("1", "000.00.12.H47"))
	if err != nil {
		t.Fatal(err)
	}
	first.Dispatch.Parts[0].Name, first.Deliveries[0].State, first.Receipt.Canonical[0] = "changed", hub.StateAccepted, 'x'
	again, err := p.FindAccepted(p.ctx, hubtest.Province, "", "1", hub.OperationNew)
	if err != nil || again.Dispatch.Parts[0].Name != "p1.pdf" || again.Deliveries[0].State != hub.StateConsigned || again.Receipt.Canonical[0] != '{' {
		t.Errorf("the store holds %+v, %v", again, err)
	}
}
