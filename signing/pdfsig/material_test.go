package pdfsig_test

import (
	"bytes"
	"testing"

	"github.com/lienthong/lienthong/signing/pki"
)

// withStore appends a document security store with one certificate, two lists and
// one response; one of the lists is in the entry of a single signature alone.
func withStore(t testing.TB, file []byte, a *pki.Authority) []byte {
	t.Helper()
	id := person(t, a, pki.P256)
	certificate := string(id.Certificate().Raw)
	return update(t, file, map[int]string{
		1: replace(t, object(t, file, 1), "/DSS << /Certs 14 0 R >>",
			"/DSS << /Certs [90 0 R 90 0 R 91 0 R] /CRLs 92 0 R /OCSPs [94 0 R] /VRI << /AB 95 0 R >> >>"),
		90: stream("", certificate), 91: stream("", certificate),
		92: "[93 0 R]", 93: stream("", "list"), 94: stream("", "response"),
		95: "<< /Cert [90 0 R] /CRL [93 0 R 96 0 R] /OCSP [94 0 R] /TU (D:20261123000000Z) >>",
		96: stream("", "another list"),
	})
}

// Whoever judges paths, times and revocation gets each item of the store once, and
// the message of each signature.
func TestMaterial(t *testing.T) {
	a := authority(t, pki.P256)
	report := verify(t, withStore(t, signTarget(t, a), a), validator(t, a))
	expectPassed(t, report, 1)
	m := report.Material
	if len(m.Certificates) != 1 || len(m.OCSPs) != 1 || string(m.OCSPs[0]) != "response" {
		t.Errorf("%d certificates, responses %q", len(m.Certificates), m.OCSPs)
	}
	if got := string(bytes.Join(m.CRLs, []byte("|"))); got != "list|another list" {
		t.Errorf("lists %q", got)
	}
	message := report.Details[0].Message
	if message == nil || len(message.Certificates) == 0 {
		t.Errorf("message %+v", message)
	}
}
