package xmldsig_test

import (
	"strings"
	"testing"

	"github.com/lienthong/lienthong/signing/pki"
	"github.com/lienthong/lienthong/signing/verdict"
	"github.com/lienthong/lienthong/signing/xmldsig"
)

// envelope268 is an envelope with an attachment of 200 KB, as offices send it.
func envelope268() string {
	return strings.Replace(before+after, "</edXML:edXMLEnvelope>", "</edXML:edXMLEnvelope><AttachmentEncoded><Attachment>"+strings.Repeat("QUJDREVGR0hJSktM", 16_700)+"</Attachment></AttachmentEncoded>", 1)
}

// The verification of a signed envelope of 268 KB, which is what a hub does for each.
func BenchmarkVerify268KB(b *testing.B) {
	for _, algorithm := range []pki.Algorithm{pki.RSA2048, pki.P256} {
		b.Run(string(algorithm), func(b *testing.B) {
			f := newFixture(b, algorithm)
			document := makeFor(b, f, envelope268(), false)
			b.SetBytes(int64(len(document)))
			b.ReportAllocs()
			for b.Loop() {
				if s := f.verify(b, document); s.Indication() != verdict.Passed {
					b.Fatal(say(s))
				}
			}
		})
	}
}

func BenchmarkSign268KB(b *testing.B) {
	f := newFixture(b, pki.P256)
	document := []byte(envelope268())
	m := xmldsig.Maker{Key: f.identity.Key, Chain: f.identity.Chain}
	b.SetBytes(int64(len(document)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := m.SignEnvelope(b.Context(), document, now); err != nil {
			b.Fatal(err)
		}
	}
}
