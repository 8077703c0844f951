package jose_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"strings"
	"testing"

	"github.com/lienthong/lienthong/signing/jose"
)

func signBatch(t testing.TB, n int) (tokens []string, payloads [][]byte) {
	t.Helper()
	key, certificate := newKey(t, elliptic.P256())
	signer, err := jose.NewSigner(key, []*x509.Certificate{certificate})
	if err != nil {
		t.Fatal(err)
	}
	for i := range n {
		payloads = append(payloads, fmt.Appendf(nil, `{"n":%d}`, i))
	}
	if tokens, err = signer.SignBatch(payloads, claimed); err != nil || len(tokens) != n {
		t.Fatal(len(tokens), err)
	}
	return tokens, payloads
}

// TestBatch: every payload of a batch verifies with its own token and with no other.
func TestBatch(t *testing.T) {
	for _, n := range []int{1, 2, 3, 4, 5, 7, 8, 13, 64, 100} {
		tokens, payloads := signBatch(t, n)
		for i, token := range tokens {
			for j, payload := range payloads {
				signature, err := jose.VerifyDetached(token, payload)
				if (err == nil) != (i == j) {
					t.Fatalf("token %d of %d on payload %d: %v", i, n, j, err)
				}
				if err == nil && signature.Claimed.Unix() != claimed.Unix() {
					t.Errorf("claimed %v", signature.Claimed)
				}
			}
		}
	}
}

// TestHeadOfABatch: the root and the path of leaf 2 in a tree of three, worked
// out by hand from RFC 9162 (2.1.1 and 2.1.3.1), are what is signed and shown.
func TestHeadOfABatch(t *testing.T) {
	tokens, payloads := signBatch(t, 3)
	hash := func(prefix byte, parts ...[]byte) []byte {
		return sum(append([][]byte{{prefix}}, parts...)...)
	}
	ab := hash(1, hash(0, payloads[0]), hash(0, payloads[1]))
	root := hash(1, ab, hash(0, payloads[2]))
	token, place, _ := strings.Cut(tokens[2], "~")
	want := append([]byte{0, 0, 0, 2, 0, 0, 0, 3}, ab...)
	if place != base64.RawURLEncoding.EncodeToString(want) {
		t.Errorf("the place is %s", place)
	}
	// Without its place the token is a plain JWS over the head, apart from its typ.
	head := fmt.Appendf(nil, `{"root":"%s","size":3}`, base64.RawURLEncoding.EncodeToString(root))
	if !verifiesPlainly(t, token, head) {
		t.Error("the signature does not cover the head of the batch")
	}
}

func sum(parts ...[]byte) []byte {
	hash := sha256.New()
	for _, part := range parts {
		hash.Write(part)
	}
	return hash.Sum(nil)
}

// verifiesPlainly checks a detached JWS with nothing but the standard library.
func verifiesPlainly(t *testing.T, token string, payload []byte) bool {
	t.Helper()
	parts := strings.Split(token, ".")
	raw, err := base64.RawURLEncoding.DecodeString(parts[0])
	if err != nil {
		t.Fatal(err)
	}
	var header struct {
		Chain [][]byte `json:"x5c"`
		Type  string   `json:"typ"`
	}
	if err := json.Unmarshal(raw, &header); err != nil || header.Type != "evidence-batch" {
		t.Fatalf("typ %q, %v", header.Type, err)
	}
	certificate, err := x509.ParseCertificate(header.Chain[0])
	if err != nil {
		t.Fatal(err)
	}
	value, err := base64.RawURLEncoding.DecodeString(parts[2])
	if err != nil {
		t.Fatal(err)
	}
	digest := sum([]byte(parts[0] + "." + base64.RawURLEncoding.EncodeToString(payload)))
	r, s := new(big.Int).SetBytes(value[:32]), new(big.Int).SetBytes(value[32:])
	return ecdsa.Verify(certificate.PublicKey.(*ecdsa.PublicKey), digest, r, s)
}

// TestEveryBitOfAPlaceCounts: index, size and path have one value.
func TestEveryBitOfAPlaceCounts(t *testing.T) {
	tokens, payloads := signBatch(t, 7)
	for n, token := range tokens {
		signed, text, _ := strings.Cut(token, "~")
		place, err := base64.RawURLEncoding.DecodeString(text)
		if err != nil {
			t.Fatal(err)
		}
		for i := range 8 * len(place) {
			place[i/8] ^= 1 << (i % 8)
			changed := signed + "~" + base64.RawURLEncoding.EncodeToString(place)
			if _, err := jose.VerifyDetached(changed, payloads[n]); err == nil {
				t.Fatalf("leaf %d verifies with bit %d changed", n, i)
			}
			place[i/8] ^= 1 << (i % 8)
		}
		for what, changed := range map[string]string{
			"no place":       signed,
			"empty place":    signed + "~",
			"a longer path":  signed + "~" + base64.RawURLEncoding.EncodeToString(append(place[:len(place):len(place)], make([]byte, 32)...)),
			"a shorter path": signed + "~" + base64.RawURLEncoding.EncodeToString(place[:len(place)-32]),
			"two places":     token + "~" + text,
			"padding":        token + "=",
			"a line break":   token + "\n",
		} {
			var why *jose.Error
			if _, err := jose.VerifyDetached(changed, payloads[n]); !errors.As(err, &why) {
				t.Errorf("%s: %v", what, err)
			}
		}
	}
}

// A signature over one payload has no place, and its header says nothing of a batch.
func TestNoBatchOfOneSignature(t *testing.T) {
	payload := []byte(`{"n":0}`)
	token, _ := sign(t, payload)
	for _, place := range []string{"~", "~AAAAAAAAAAE"} {
		if _, err := jose.VerifyDetached(token+place, payload); err == nil {
			t.Errorf("%q was taken", place)
		}
	}
}

func TestSizeOfABatch(t *testing.T) {
	key, certificate := newKey(t, elliptic.P256())
	signer, err := jose.NewSigner(key, []*x509.Certificate{certificate})
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range []int{0, jose.MaxBatch + 1} {
		if _, err := signer.SignBatch(make([][]byte, n), claimed); err == nil {
			t.Errorf("a batch of %d was signed", n)
		}
	}
}

func BenchmarkSignBatch500(b *testing.B) {
	key, certificate := newKey(b, elliptic.P256())
	signer, err := jose.NewSigner(key, []*x509.Certificate{certificate})
	if err != nil {
		b.Fatal(err)
	}
	payloads := make([][]byte, 500)
	for i := range payloads {
		payloads[i] = []byte(strings.Repeat("x", 900))
	}
	for b.Loop() {
		if _, err := signer.SignBatch(payloads, claimed); err != nil {
			b.Fatal(err)
		}
	}
}
