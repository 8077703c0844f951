package app_test

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/lienthong/lienthong/adapters/hubclient"
	"github.com/lienthong/lienthong/cmd/lienthong/internal/sample"
	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/signing/pki"
)

// TestJudgedAgainWhenRootsCome: a document whose authority is not known is undecided; once
// the operator trusts the authority, another verdict stands beside the first, for all who
// see the dispatch, with its entry in the log.
func TestJudgedAgainWhenRootsCome(t *testing.T) {
	t.Parallel()
	authority, err := pki.New(time.Now(), pki.P256)
	if err != nil {
		t.Fatal(err)
	}
	other, err := pki.New(time.Now(), pki.P256)
	if err != nil {
		t.Fatal(err)
	}
	config := configIn(t.TempDir())
	config.Anchors = filepath.Join(t.TempDir(), "anchors.pem")
	trust := func(pem []byte) {
		t.Helper()
		if err := os.WriteFile(config.Anchors, pem, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	trust(other.AnchorsPEM())
	h := start(t, config)
	senderKey, recipientKey := h.enroll(t)
	pdf := signedUnder(t, authority)
	sent, err := h.client(t, senderKey).Submit(t.Context(), submission("a"), []hubclient.File{{
		Part: hub.Part{ID: "p1", Role: hub.RoleOriginal, Name: "173.pdf", MediaType: "application/pdf", Size: int64(len(pdf))},
		Open: func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(pdf)), nil },
	}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	arrived(t, h.client(t, recipientKey))
	if err := h.JudgeAgain(t.Context()); err != nil {
		t.Fatal(err)
	}
	if list, err := h.client(t, senderKey).Rechecks(t.Context(), sent.Dispatch.ID); err != nil || len(list) != 0 {
		t.Fatalf("nothing has come and the verdict is %v, %v", list, err)
	}
	if err := h.stop(); err != nil {
		t.Fatal(err)
	}

	trust(append(other.AnchorsPEM(), authority.AnchorsPEM()...))
	h = start(t, config)
	for range 2 {
		if err := h.JudgeAgain(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	for _, key := range []string{senderKey, recipientKey} {
		c := h.client(t, key)
		list, err := c.Rechecks(t.Context(), sent.Dispatch.ID)
		if err != nil || len(list) != 1 || list[0].Part != "p1" || list[0].Report.Indication != hub.TotalPassed {
			t.Fatalf("judged again: %+v, %v", list, err)
		}
		if at := list[0].Report.Signatures[0].ProvenAt; !at.Equal(sent.Dispatch.AcceptedAt) {
			t.Errorf("the signature is proven at %s, the document was accepted at %s", at, sent.Dispatch.AcceptedAt)
		}
		first, err := c.SignatureReports(t.Context(), sent.Dispatch.ID)
		if err != nil || first[0].Indication != hub.Indeterminate || first[0].Sub != hub.SubNoCertificateChain {
			t.Errorf("the first verdict is now %+v, %v", first, err)
		}
		archive, err := c.Validation(t.Context(), sent.Dispatch.ID)
		if err != nil || len(archive.Rechecks) != 1 || len(archive.Material) < len(list[0].Report.Material) || len(list[0].Report.Material) == 0 {
			t.Errorf("the archive: %d rechecks, %d pieces, %v", len(archive.Rechecks), len(archive.Material), err)
		}
	}
	expectNotes(t, h, 3+3+1) // keys, rules and the operator at the start, the enrolment, the other rules
}

func signedUnder(t *testing.T, authority *pki.Authority) []byte {
	t.Helper()
	signers, err := sample.NewSigners(authority, "UBND tỉnh Quảng Nam", pki.P256)
	if err != nil {
		t.Fatal(err)
	}
	pdf, err := sample.NewSeries(signers, 40<<10).Document(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	return pdf
}
