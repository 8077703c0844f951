// Package jose makes JSON canonical (RFC 8785) and signs or verifies it as a
// detached JSON Web Signature in compact form (RFC 7515 appendix F), the shape of
// a JAdES baseline B-B signature (ETSI TS 119 182-1). One signature may cover many
// payloads: see batch.go.
//
// Promises: one algorithm (ES256: ECDSA on P-256 with SHA-256), the signing
// certificate inside the signed header (x5c and x5t#S256, which must agree), the
// claimed signing time in iat (older ones: in sigT), typ for a batch, and nothing else. A token with any other header
// parameter, any other algorithm ("none" included), a duplicate member, padded or
// non-canonical base64url, or an attached payload is refused before any
// cryptography runs. The payload is hashed as a stream, never copied.
//
// What it never does: build a path to an anchor or trust the claimed time. The
// caller hands the returned certificates to package trust.
package jose

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/asn1"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"strings"
	"sync/atomic"
	"time"
)

const (
	algorithm = "ES256"
	// fieldBytes is the size of one P-256 field element: r and s each take as much.
	fieldBytes = 32
)

// Signer makes detached signatures with one key. It is safe for concurrent use
// when its crypto.Signer is.
type Signer struct {
	key        crypto.Signer
	chain      []string // base64, as x5c wants it
	thumbprint string
	last       map[string]*atomic.Pointer[protected] // header by kind: it changes once a second
}

// protected is a header ready to be signed.
type protected struct {
	at   int64
	text string // base64url
}

// NewSigner returns a signer for a P-256 key and its certificates, signer first.
func NewSigner(key crypto.Signer, chain []*x509.Certificate) (*Signer, error) {
	if len(chain) == 0 {
		return nil, errors.New("a signer needs its certificate")
	}
	public, ok := key.Public().(*ecdsa.PublicKey)
	if !ok || public.Curve != elliptic.P256() {
		return nil, errors.New("the key is not ECDSA on P-256")
	}
	if !public.Equal(chain[0].PublicKey) {
		return nil, errors.New("the first certificate does not belong to the key")
	}
	s := &Signer{key: key, thumbprint: thumbprint(chain[0]), last: map[string]*atomic.Pointer[protected]{}}
	for _, kind := range []string{"", batchType} {
		s.last[kind] = &atomic.Pointer[protected]{}
	}
	for _, certificate := range chain {
		s.chain = append(s.chain, base64.StdEncoding.EncodeToString(certificate.Raw))
	}
	return s, nil
}

// SignDetached signs payload and returns "<header>..<signature>". The claimed
// time goes into the signed header in whole seconds.
func (s *Signer) SignDetached(payload []byte, claimed time.Time) (string, error) {
	return s.sign(payload, claimed, "")
}

func (s *Signer) sign(payload []byte, claimed time.Time, kind string) (string, error) {
	protected, err := s.header(claimed.Unix(), kind)
	if err != nil {
		return "", fmt.Errorf("marshal the header: %w", err)
	}
	der, err := s.key.Sign(rand.Reader, signingInput(protected, payload), crypto.SHA256)
	if err != nil {
		return "", fmt.Errorf("sign: %w", err)
	}
	raw, err := rawSignature(der)
	if err != nil {
		return "", err
	}
	return protected + ".." + base64.RawURLEncoding.EncodeToString(raw), nil
}

// header returns the protected header in base64url.
func (s *Signer) header(at int64, kind string) (string, error) {
	if last := s.last[kind].Load(); last != nil && last.at == at {
		return last.text, nil
	}
	text, err := json.Marshal(header{
		Algorithm:  algorithm,
		IssuedAt:   at,
		Type:       kind,
		Chain:      s.chain,
		Thumbprint: s.thumbprint,
	})
	if err != nil {
		return "", err
	}
	made := &protected{at, base64.RawURLEncoding.EncodeToString(text)}
	s.last[kind].Store(made)
	return made.text, nil
}

// Signature is what a verified token says.
type Signature struct {
	Chain   []*x509.Certificate // from x5c, signer first; not checked against any anchor
	Claimed time.Time           // iat or sigT, UTC: a claim, never proof
	kind    string              // typ
}

// VerifyDetached checks that token is a well-formed signature over exactly
// payload, alone or in a batch, by the key of its first certificate. An *Error tells
// why not.
func VerifyDetached(token string, payload []byte) (Signature, error) {
	protected, raw, place, err := split(token)
	if err != nil {
		return Signature{}, err
	}
	parsed, err := parseHeader(protected)
	if err != nil {
		return Signature{}, err
	}
	if parsed.kind == batchType {
		if payload, err = headOf(place, payload); err != nil {
			return parsed, err
		}
	} else if InBatch(token) {
		return parsed, malformed("typ", "a signature with a place in a batch says that it is one of a batch")
	}
	public, ok := parsed.Chain[0].PublicKey.(*ecdsa.PublicKey)
	if !ok || public.Curve != elliptic.P256() {
		return parsed, malformed("x5c", "the key of the signing certificate is not ECDSA on P-256")
	}
	r, s := new(big.Int).SetBytes(raw[:fieldBytes]), new(big.Int).SetBytes(raw[fieldBytes:])
	if !ecdsa.Verify(public, signingInput(protected, payload), r, s) {
		return parsed, &Error{Part: "signature", Message: "the signature does not belong to these bytes", Forged: true}
	}
	return parsed, nil
}

// Error says what is wrong with a token. Forged is true when the token is well
// formed but its value does not verify over the payload.
type Error struct {
	Part    string // "token", "signature" or the name of a header parameter
	Message string
	Forged  bool
}

// Error implements error.
func (e *Error) Error() string { return "jws " + e.Part + ": " + e.Message }

func malformed(part, format string, args ...any) *Error {
	return &Error{Part: part, Message: fmt.Sprintf(format, args...)}
}

// split takes a compact token with an empty payload apart; place is empty where the
// token has none.
func split(token string) (protected string, signature []byte, place string, err error) {
	if len(token) > maxTokenBytes {
		return "", nil, "", malformed("token", "longer than %d bytes", maxTokenBytes)
	}
	token, place, _ = strings.Cut(token, placeSeparator)
	parts := strings.Split(token, ".")
	if len(parts) != 3 || parts[1] != "" {
		return "", nil, "", malformed("token", "not of the form header..signature")
	}
	signature, err = decode(parts[2])
	if err != nil || len(signature) != 2*fieldBytes {
		return "", nil, "", malformed("signature", "not %d bytes in base64url", 2*fieldBytes)
	}
	return parts[0], signature, place, nil
}

// signingInput is the SHA-256 of "header.payload" with the payload in base64url.
func signingInput(protected string, payload []byte) []byte {
	hash := sha256.New()
	hash.Write([]byte(protected))
	hash.Write([]byte{'.'})
	encoder := base64.NewEncoder(base64.RawURLEncoding, hash)
	_, _ = encoder.Write(payload) // a hash never fails to write
	_ = encoder.Close()
	return hash.Sum(nil)
}

// rawSignature turns the DER form of an ECDSA signature into r||s (RFC 7518, 3.4).
func rawSignature(der []byte) ([]byte, error) {
	var value struct{ R, S *big.Int }
	rest, err := asn1.Unmarshal(der, &value)
	if err != nil || len(rest) != 0 {
		return nil, errors.New("the key returned no ECDSA signature")
	}
	raw := make([]byte, 2*fieldBytes)
	value.R.FillBytes(raw[:fieldBytes])
	value.S.FillBytes(raw[fieldBytes:])
	return raw, nil
}

func thumbprint(certificate *x509.Certificate) string {
	sum := sha256.Sum256(certificate.Raw)
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// decode reads base64url without padding; stray bits in the last character are
// refused, so one value has one spelling. A line break, which the standard
// decoder skips, is refused too.
func decode(text string) ([]byte, error) {
	if strings.ContainsAny(text, "\r\n") {
		return nil, errors.New("line break")
	}
	return base64.RawURLEncoding.Strict().DecodeString(text)
}

// SignerOf reads which certificate a token says that it is signed with, by its SHA-256.
// Nothing is verified.
func SignerOf(token string) (thumbprint [sha256.Size]byte, err error) {
	protected, _, _ := strings.Cut(token, ".")
	raw, err := decode(protected)
	if err != nil {
		return thumbprint, malformed("token", "the header is not base64url")
	}
	var about struct {
		Thumbprint string `json:"x5t#S256"`
	}
	if err := json.Unmarshal(raw, &about); err != nil {
		return thumbprint, malformed("token", "the header is no JSON object")
	}
	digest, err := decode(about.Thumbprint)
	if err != nil || len(digest) != len(thumbprint) {
		return thumbprint, malformed("x5t#S256", "is no digest")
	}
	return [sha256.Size]byte(digest), nil
}
