package pki_test

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"strings"
	"testing"
	"time"

	"github.com/lienthong/lienthong/signing/pki"
)

var now = time.Date(2026, 11, 23, 3, 0, 0, 0, time.UTC)

func TestEverySubjectIsMarked(t *testing.T) {
	for _, algorithm := range []pki.Algorithm{pki.P256, pki.RSA2048} {
		a, err := pki.New(now, algorithm)
		if err != nil {
			t.Fatal(err)
		}
		person, err := a.Person("Nguyễn Văn Nghĩa (hư cấu)", "UBND tỉnh Quảng Nam", algorithm)
		if err != nil {
			t.Fatal(err)
		}
		seal, err := a.Agency("UBND tỉnh Quảng Nam", algorithm)
		if err != nil {
			t.Fatal(err)
		}
		for _, certificate := range append(person.Chain, seal.Chain...) {
			if got := certificate.Subject.Organization; len(got) != 1 || got[0] != pki.Mark {
				t.Errorf("organisation %q", got)
			}
			if certificate.NotBefore.After(now) || certificate.NotAfter.Before(now) {
				t.Errorf("%s is valid from %v to %v", certificate.Subject.CommonName, certificate.NotBefore, certificate.NotAfter)
			}
			if !bytes.Contains(certificate.RawSubject, append([]byte{0x0C, byte(len(pki.Mark))}, pki.Mark...)) {
				t.Error("the mark is not a UTF8String")
			}
		}
	}
}

// The standard library's verifier accepts what we issue.
func TestChainVerifies(t *testing.T) {
	a, err := pki.New(now, pki.P256)
	if err != nil {
		t.Fatal(err)
	}
	person, err := a.Person("Lê Thị Mẫu", "Sở Thử nghiệm", pki.RSA2048)
	if err != nil {
		t.Fatal(err)
	}
	roots, between := x509.NewCertPool(), x509.NewCertPool()
	if !roots.AppendCertsFromPEM(a.AnchorsPEM()) {
		t.Fatal("no anchors")
	}
	between.AddCert(person.Chain[1])
	chains, err := person.Certificate().Verify(x509.VerifyOptions{Roots: roots, Intermediates: between, CurrentTime: now})
	if err != nil || len(chains[0]) != len(person.Chain) {
		t.Errorf("%v, %d chains", err, len(chains))
	}
	if n := strings.Count(string(person.PEM()), "BEGIN CERTIFICATE"); n != 3 {
		t.Errorf("%d certificates in PEM", n)
	}
	if block, _ := pem.Decode(a.AnchorsPEM()); !bytes.Equal(block.Bytes, person.Chain[2].Raw) {
		t.Error("the anchor is not the root")
	}
}

func TestUnknownAlgorithm(t *testing.T) {
	if _, err := pki.New(now, "DSA"); err == nil {
		t.Error("accepted")
	}
}
