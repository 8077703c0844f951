package signing_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"strings"
	"testing"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/signing"
	"github.com/lienthong/lienthong/signing/asic"
	"github.com/lienthong/lienthong/signing/cms"
	"github.com/lienthong/lienthong/signing/xmldsig"
)

const smallEnvelope = `<edXML xmlns="http://www.mic.gov.vn/TBT/QCVN_102_2016"><edXMLEnvelope><edXMLHeader><Subject>1</Subject></edXMLHeader></edXMLEnvelope></edXML>`

func (s *stage) envelope(t testing.TB, stamped bool) []byte {
	t.Helper()
	m := xmldsig.Maker{Key: s.signer.Key, Chain: s.signer.Chain}
	if stamped {
		m.Stamp = s.stamp
	}
	signed, err := m.SignEnvelope(t.Context(), []byte(smallEnvelope), now)
	if err != nil {
		t.Fatal(err)
	}
	return signed
}

func (s *stage) container(t testing.TB, stamped bool) []byte {
	t.Helper()
	m := cms.Maker{Key: s.signer.Key, Chain: s.signer.Chain}
	if stamped {
		m.Stamp = s.stamp
	}
	var out bytes.Buffer
	err := asic.Write(t.Context(), &out, []asic.File{asic.Bytes("a.pdf", "application/pdf", []byte("%PDF-1.7 stored at the front"))},
		func(ctx context.Context, manifest []byte) ([]byte, error) {
			sum := sha256.Sum256(manifest)
			return m.Sign(ctx, sum[:], now)
		})
	if err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// Envelopes and containers are judged as PDF files are: at the time that a timestamp or
// a receipt proves, with the material that came inside.
func TestOtherFormatsAtTheBestTime(t *testing.T) {
	s := newStage(t)
	later := now.AddDate(3, 0, 0) // the signer's certificate has expired
	long := strings.Replace(string(s.envelope(t, true)), "</xades:UnsignedSignatureProperties>", `<xades:RevocationValues><xades:CRLValues>`+s.encapsulated(t)+
		`</xades:CRLValues></xades:RevocationValues></xades:UnsignedSignatureProperties>`, 1)
	for name, c := range map[string]struct {
		file    []byte
		inquiry signing.Inquiry
		level   string
		sub     hub.SubReason
	}{
		"envelope":                     {s.envelope(t, false), signing.Inquiry{}, "B-B", ""},
		"envelope, expired":            {s.envelope(t, false), signing.Inquiry{At: later}, "B-B", hub.SubOutOfBoundsNoPOE},
		"envelope, known to a hub":     {s.envelope(t, false), signing.Inquiry{At: later, Known: now}, "B-B", ""},
		"stamped envelope, expired":    {s.envelope(t, true), signing.Inquiry{At: later}, "B-T", ""},
		"envelope with material":       {[]byte(long), signing.Inquiry{At: now}, "B-LT", ""},
		"container":                    {s.container(t, false), signing.Inquiry{}, "B-B", ""},
		"container, expired":           {s.container(t, false), signing.Inquiry{At: later}, "B-B", hub.SubOutOfBoundsNoPOE},
		"stamped container, expired":   {s.container(t, true), signing.Inquiry{At: later}, "B-T", ""},
		"stamp of another envelope":    {s.stampOfAnother(t), signing.Inquiry{}, "B-B", hub.SubHashFailure},
		"stamp that nobody can follow": {bytes.Replace(s.envelope(t, true), []byte("EncapsulatedTimeStamp>M"), []byte("EncapsulatedTimeStamp>N"), 1), signing.Inquiry{}, "B-B", ""},
	} {
		report := s.examine(t, c.file, signing.VerifierOptions{}, c.inquiry).Report
		if len(report.Signatures) != 1 || report.Signatures[0].Level != c.level || report.Sub != c.sub {
			t.Errorf("%s: %s %s, %+v", name, report.Indication, report.Sub, report.Signatures)
		}
	}
}

// encapsulated are revocation lists of the hierarchy as XAdES carries them.
func (s *stage) encapsulated(t testing.TB) string {
	var b strings.Builder
	for _, der := range s.lists(t, now) {
		b.WriteString("<xades:EncapsulatedCRLValue>" + base64.StdEncoding.EncodeToString(der) + "</xades:EncapsulatedCRLValue>")
	}
	return b.String()
}

func (s *stage) stampOfAnother(t testing.TB) []byte {
	t.Helper()
	token := func(document []byte) []byte {
		_, rest, _ := bytes.Cut(document, []byte("<xades:EncapsulatedTimeStamp>"))
		inner, _, _ := bytes.Cut(rest, []byte("<"))
		return inner
	}
	first, second := s.envelope(t, true), s.envelope(t, true)
	return bytes.Replace(first, token(first), token(second), 1)
}
