package pdfsig_test

import (
	"bytes"
	"testing"

	"github.com/lienthong/lienthong/signing/pdfsig"
	"github.com/lienthong/lienthong/signing/pki"
)

func TestSignAddsToTheFileOnly(t *testing.T) {
	a := authority(t, pki.P256)
	original := document(t)
	once := signed(t, original, person(t, a, pki.P256))
	twice := signed(t, once, agency(t, a, pki.P256))
	if !bytes.HasPrefix(once, original) || !bytes.HasPrefix(twice, once) {
		t.Error("signing changed bytes that were there before")
	}
	if n := bytes.Count(twice, []byte("/Version")); n != 2 {
		t.Errorf("%d versions in two catalogs", n)
	}
}

func TestSignRefusesWhatIsNoPDF(t *testing.T) {
	id := person(t, authority(t, pki.P256), pki.P256)
	for _, file := range []string{"", "%PDF-1.7\n", "plain text", "%PDF-1.7\nstartxref\n99\n%%EOF"} {
		err := pdfsig.Sign(t.Context(), bytes.NewReader([]byte(file)), int64(len(file)), &bytes.Buffer{},
			pdfsig.SignRequest{Key: id.Key, Chain: id.Chain, Time: now})
		if err == nil {
			t.Errorf("%q was signed", file)
		}
	}
	good := document(t)
	if err := pdfsig.Sign(t.Context(), bytes.NewReader(good), int64(len(good)), &bytes.Buffer{}, pdfsig.SignRequest{}); err == nil {
		t.Error("signed without a key")
	}
}
