package bench

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/signing"
	"github.com/lienthong/lienthong/signing/trust"
)

// Every spelling is another file, of the same size, and both signatures are sound.
func TestSpellingsAreDifferentSoundDocuments(t *testing.T) {
	anchorsFile := filepath.Join(t.TempDir(), "anchors.pem")
	signers, err := newSigners(anchorsFile)
	if err != nil {
		t.Fatal(err)
	}
	pem, err := os.ReadFile(anchorsFile)
	if err != nil {
		t.Fatal(err)
	}
	anchors, err := trust.LoadAnchors(pem)
	if err != nil {
		t.Fatal(err)
	}
	verifier := signing.NewVerifier(signing.VerifierOptions{Anchors: anchors, Now: time.Now})
	for _, size := range []int{1, 10_000, 200_000} {
		l, err := newLetter(t.Context(), signers, size)
		if err != nil {
			t.Fatal(err)
		}
		if got := int(l.size()); got < size || size > 50_000 && got > size+size/100 {
			t.Errorf("a document of %d bytes for %d", got, size)
		}
		t.Logf("wanted %d, has %d", size, l.size())
		seen := map[[32]byte]bool{}
		for _, n := range []uint64{0, 1, 2, 1 << 40, 1<<64 - 1} {
			content, err := io.ReadAll(l.body(n, "", ""))
			if err != nil || int64(len(content)) != l.size() {
				t.Fatalf("%d bytes of %d, %v", len(content), l.size(), err)
			}
			if digest := sha256.Sum256(content); seen[digest] {
				t.Errorf("spelling %d was there before", n)
			} else {
				seen[digest] = true
			}
			if err := sound(t.Context(), verifier, content); err != nil {
				t.Errorf("%d bytes, spelling %d: %v", size, n, err)
			}
		}
	}
}

func sound(ctx context.Context, verifier *signing.Verifier, content []byte) error {
	report, err := verifier.VerifyFile(ctx, "a.pdf", hub.BlobOf(content))
	if err != nil {
		return err
	}
	if report.Indication != hub.TotalPassed || len(report.Signatures) != 2 {
		return fmt.Errorf("%s, %d signatures: %+v", report.Indication, len(report.Signatures), report.Signatures)
	}
	return nil
}
