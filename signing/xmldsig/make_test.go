package xmldsig_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/lienthong/lienthong/signing/pki"
	"github.com/lienthong/lienthong/signing/verdict"
	"github.com/lienthong/lienthong/signing/xmldsig"
)

func TestMadeSignaturesPass(t *testing.T) {
	for _, algorithm := range keys() {
		for _, pss := range []bool{false, true} {
			if pss && algorithm != pki.RSA2048 {
				continue
			}
			f := newFixture(t, algorithm)
			signed := makeFor(t, f, before+after, pss)
			s := f.verify(t, signed)
			if s == nil || s.Indication() != verdict.Passed {
				t.Errorf("%s, PSS %v: %+v", algorithm, pss, s)
				continue
			}
			if s.Format != "XAdES" || s.Level != "B-B" || !s.Claimed.Equal(now) || !s.CoversWhole || !s.Signer.Equal(f.identity.Certificate()) {
				t.Errorf("%+v", s)
			}
			if strings.HasPrefix(s.Algorithm, "RSA-PSS") != pss {
				t.Errorf("PSS %v: %s", pss, s.Algorithm)
			}
			if at := len(before); signed[:at] != before || signed[len(signed)-len(after):] != after {
				t.Error("other bytes than those of the signature changed")
			}
		}
	}
}

func TestVerifiedBytesAreKept(t *testing.T) {
	f := newFixture(t, pki.P256)
	signed := makeFor(t, f, before+after, false)
	options := f.options()
	options.Keep = true
	report, err := xmldsig.Verify(t.Context(), strings.NewReader(signed), int64(len(signed)), options)
	if err != nil || len(report.Details) != 1 || len(report.Details[0].Verified) != 1 {
		t.Fatalf("%+v, %v", report, err)
	}
	if got := string(report.Details[0].Verified[0]); got != before+after { // which are written in canonical form
		t.Errorf("%s", got)
	}
}

// A timestamp is asked for over the value, and found over the same bytes.
func TestMadeWithTimestamp(t *testing.T) {
	f := newFixture(t, pki.P256)
	var stamped string
	m := xmldsig.Maker{Key: f.identity.Key, Chain: f.identity.Chain, Stamp: func(_ context.Context, b []byte) ([]byte, error) {
		stamped = string(b)
		return []byte("token"), nil
	}}
	signed, err := m.SignEnvelope(t.Context(), []byte(before+after), now)
	if err != nil {
		t.Fatal(err)
	}
	options := f.optionsAt(now.AddDate(10, 0, 0)) // long after the certificate ended
	answer := verdict.Stamp{Time: now.Add(-time.Hour)}
	options.Tokens = func(token []byte, over func(crypto.Hash) []byte, _ verdict.Material, _ time.Time) verdict.Stamp {
		sum := sha256.Sum256([]byte(stamped))
		if string(token) != "token" || !bytes.Equal(over(crypto.SHA256), sum[:]) || !strings.HasPrefix(stamped, `<SignatureValue xmlns="`+ds+`">`) {
			t.Errorf("%q over other bytes than %q", token, stamped)
		}
		return answer
	}
	verify := func() *verdict.Signature {
		report, err := xmldsig.Verify(t.Context(), strings.NewReader(string(signed)), int64(len(signed)), options)
		if err != nil || len(report.Signatures) != 1 || len(report.Details[0].Tokens) != 1 {
			t.Fatalf("%+v, %v", report, err)
		}
		return &report.Signatures[0]
	}
	if s := verify(); s.Indication() != verdict.Passed || s.Level != "B-T" {
		t.Errorf("proven: %+v", s)
	}
	answer.Problem = verdict.Doubt(verdict.NoCertificateChain, "another authority")
	if s := verify(); s.Indication() != verdict.Indeterminate || s.Problem.Sub != verdict.OutOfBoundsNoPOE || s.Level != "B-B" {
		t.Errorf("of an authority that is not trusted: %s", say(s))
	}
	answer.Problem = verdict.Fail(verdict.HashFailure, "of another signature")
	if s := verify(); s.Indication() != verdict.Failed {
		t.Errorf("of another signature: %s", say(s))
	}
	options.Tokens = nil
	if s := verify(); s.Indication() != verdict.Indeterminate || s.Problem.Sub != verdict.OutOfBoundsNoPOE {
		t.Errorf("not judged: %+v", s)
	}
	broken := errors.New("no answer")
	m.Stamp = func(context.Context, []byte) ([]byte, error) { return nil, broken }
	if _, err := m.SignEnvelope(t.Context(), []byte(before+after), now); !errors.Is(err, broken) {
		t.Errorf("a timestamp that fails: %v", err)
	}
}

func TestMakerRefuses(t *testing.T) {
	f, other := newFixture(t, pki.P256), newFixture(t, pki.P256)
	good := xmldsig.Maker{Key: f.identity.Key, Chain: f.identity.Chain}
	if err := good.Check(); err != nil {
		t.Error(err)
	}
	for name, document := range map[string]string{
		"no XML": "hello", "another root": "<a/>", "no header": "<edXML><edXMLEnvelope/></edXML>", "an empty header": "<edXML><edXMLEnvelope><edXMLHeader/></edXMLEnvelope></edXML>",
		"a document type": "<!DOCTYPE edXML>" + before + after, "an instruction": "<?a b?>" + before + after,
		"an undeclared prefix": strings.Replace(before+after, "<edXML:edXMLBody>", "<edXML:edXMLBody x:y='1'>", 1),
		"too large":            before + strings.Repeat(" ", xmldsig.MaxBytes) + after,
	} {
		if _, err := good.SignEnvelope(t.Context(), []byte(document), now); !errors.Is(err, xmldsig.ErrNotEnvelope) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, document := range map[string]string{"signed": makeFor(t, f, before+after, false), "with a dummy block": before + "<Signature></Signature>" + after} {
		if _, err := good.SignEnvelope(t.Context(), []byte(document), now); !errors.Is(err, xmldsig.ErrAlreadySigned) {
			t.Errorf("%s: %v", name, err)
		}
	}
	short, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	p224, err := ecdsa.GenerateKey(elliptic.P224(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	certified := func(public any) xmldsig.Maker {
		certificate := *f.identity.Certificate()
		certificate.PublicKey = public
		m := good
		m.Chain = append(m.Chain[:0:0], &certificate)
		return m
	}
	shortRSA, smallCurve := certified(short.Public()), certified(p224.Public())
	shortRSA.Key, smallCurve.Key = short, p224
	for name, m := range map[string]xmldsig.Maker{
		"nothing": {}, "another key": {Key: other.identity.Key, Chain: f.identity.Chain}, "PSS with EC": {Key: f.identity.Key, Chain: f.identity.Chain, PSS: true},
		"short RSA": shortRSA, "P-224": smallCurve,
	} {
		if _, err := m.SignEnvelope(t.Context(), []byte(before+after), now); err == nil || m.Check() == nil {
			t.Errorf("%s: signed", name)
		}
	}
}
