package cms

import (
	"crypto/x509"
	encoding "encoding/asn1"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"

	"github.com/lienthong/lienthong/signing/verdict"
)

// vectors are the tests of one key.
type vectors struct {
	PublicKeyDer string
	Sha          string
	Tests        []struct {
		TcID                      int
		Comment, Msg, Sig, Result string
	}
}

// identifiers are the algorithm identifiers that a file of vectors stands for.
func identifiers(t *testing.T, file, hash string) (digest, signature identifier) {
	t.Helper()
	digests := map[string]encoding.ObjectIdentifier{
		"SHA-256": {2, 16, 840, 1, 101, 3, 4, 2, 1}, "SHA-384": {2, 16, 840, 1, 101, 3, 4, 2, 2}, "SHA-512": {2, 16, 840, 1, 101, 3, 4, 2, 3},
	}
	digest.algorithm = digests[hash]
	switch {
	case strings.HasPrefix(file, "ecdsa"):
		signature.algorithm = encoding.ObjectIdentifier{1, 2, 840, 10045, 2, 1}
	case strings.HasPrefix(file, "rsa_pss"):
		signature.algorithm = encoding.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 10}
		signature.parameters = pssParameters(digest.algorithm, 32)
	default:
		signature.algorithm = encoding.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 1}
	}
	return digest, signature
}

func pssParameters(hash encoding.ObjectIdentifier, salt int64) []byte {
	field := func(n uint8) asn1.Tag { return asn1.Tag(n).ContextSpecific().Constructed() }
	named := func(b *cryptobyte.Builder) {
		b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) { b.AddASN1ObjectIdentifier(hash) })
	}
	var b cryptobyte.Builder
	b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1(field(0), named)
		b.AddASN1(field(1), func(b *cryptobyte.Builder) {
			b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
				b.AddASN1ObjectIdentifier(encoding.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 8})
				named(b)
			})
		})
		b.AddASN1(field(2), func(b *cryptobyte.Builder) { b.AddASN1Int64(salt) })
	})
	return b.BytesOrPanic()
}

// The signature values of Project Wycheproof: each was made to trip a verifier that
// is lax about padding, parameters, ranges or encodings.
func TestWycheproof(t *testing.T) {
	files, err := filepath.Glob("testdata/wycheproof/*.json")
	if err != nil || len(files) != 5 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			raw, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			var groups []vectors
			if err := json.Unmarshal(raw, &groups); err != nil {
				t.Fatal(err)
			}
			for _, group := range groups {
				group.run(t, filepath.Base(file))
			}
		})
	}
}

func (v vectors) run(t *testing.T, file string) {
	der, err := hex.DecodeString(v.PublicKeyDer)
	if err != nil {
		t.Fatal(err)
	}
	key, err := x509.ParsePKIXPublicKey(der)
	if err != nil {
		t.Fatal(err)
	}
	digest, signature := identifiers(t, file, v.Sha)
	for _, test := range v.Tests {
		message, err := hex.DecodeString(test.Msg)
		if err != nil {
			t.Fatal(err)
		}
		value, err := hex.DecodeString(test.Sig)
		if err != nil {
			t.Fatal(err)
		}
		m := &Message{signer: signerInfo{digest: digest, signature: signature, signedRaw: message, value: value}}
		problem := m.CheckSignature(&x509.Certificate{PublicKey: key})
		switch {
		case test.Result == "valid" && problem != nil:
			t.Errorf("%d (%s): %v", test.TcID, test.Comment, problem)
		case test.Result == "invalid" && (problem == nil || problem.Sub != verdict.SigCryptoFailure):
			t.Errorf("%d (%s): %v", test.TcID, test.Comment, problem)
		}
	}
}
