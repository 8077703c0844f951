// Package trust decides whether a signing certificate leads to an anchor that the
// operator configured, at a given time.
//
// Promises: only configured anchors are trusted, never a system root, never a
// certificate because it came with a signature; certificates from the signature
// are candidates for the path and nothing more. Nothing is fetched. The search is
// bounded whatever the candidates are. A path passes only if every link verifies
// with an allowed algorithm and key, every issuer is a certification authority
// that may sign certificates, path lengths hold, no critical extension is
// unknown, every certificate and the anchor itself are valid at the time, and the
// signer's certificate may sign documents.
//
// Limits of this version: revocation is not checked, and every judgement says so
// in its checks; name constraints and policy constraints are not processed, so a
// path that has them is INDETERMINATE. The standard library parses certificates
// and verifies single signatures; its path verifier is not used.
package trust

import (
	"bytes"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"slices"
	"time"
)

// maxAnchors bounds an anchor file; both Vietnamese hierarchies together have a
// few dozen certificates.
const maxAnchors = 1000

// Anchor is one certificate that the operator trusts, and when.
type Anchor struct {
	Certificate *x509.Certificate
	From, Until time.Time // inclusive, UTC
}

// Anchors is a fixed set of anchors. The nil value trusts nothing.
type Anchors struct {
	byName map[string][]Anchor // by the key of the subject
	size   int
	source string
}

// LoadAnchors reads the CERTIFICATE blocks of a PEM file. Each anchor is trusted
// for as long as its certificate is valid. Text between blocks is allowed, any
// other kind of block is not.
func LoadAnchors(data []byte) (*Anchors, error) {
	var certificates []*x509.Certificate
	for {
		block, rest := pem.Decode(data)
		if block == nil {
			break
		}
		data = rest
		if block.Type != "CERTIFICATE" {
			return nil, fmt.Errorf("anchors: a block of type %q is not a certificate", block.Type)
		}
		certificate, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("anchors: certificate %d: %w", len(certificates)+1, err)
		}
		certificates = append(certificates, certificate)
	}
	if bytes.Contains(data, []byte("-----BEGIN")) {
		return nil, errors.New("anchors: a block is damaged")
	}
	if len(certificates) == 0 || len(certificates) > maxAnchors {
		return nil, fmt.Errorf("anchors: %d certificates, want 1 to %d", len(certificates), maxAnchors)
	}
	return NewAnchors(certificates...), nil
}

// NewAnchors returns a set of the given certificates.
func NewAnchors(certificates ...*x509.Certificate) *Anchors {
	a := &Anchors{byName: map[string][]Anchor{}, size: len(certificates)}
	digests := make([][]byte, 0, len(certificates))
	for _, certificate := range certificates {
		name := nameKey(certificate.RawSubject)
		a.byName[name] = append(a.byName[name], Anchor{certificate, certificate.NotBefore, certificate.NotAfter})
		sum := sha256.Sum256(certificate.Raw)
		digests = append(digests, sum[:])
	}
	slices.SortFunc(digests, bytes.Compare)
	all := sha256.Sum256(bytes.Join(digests, nil))
	a.source = "sha256:" + hex.EncodeToString(all[:])
	return a
}

// Len returns the number of anchors.
func (a *Anchors) Len() int {
	if a == nil {
		return 0
	}
	return a.size
}

// Source names the set: the digest over the sorted digests of its certificates,
// so that equal sets have equal names. It is empty for no anchors.
func (a *Anchors) Source() string {
	if a == nil {
		return ""
	}
	return a.source
}

// matching returns the anchor with the name and key of the certificate. The
// receiver is not nil.
func (a *Anchors) matching(certificate *x509.Certificate) (Anchor, bool) {
	for _, anchor := range a.byName[nameKey(certificate.RawSubject)] {
		if bytes.Equal(anchor.Certificate.RawSubjectPublicKeyInfo, certificate.RawSubjectPublicKeyInfo) {
			return anchor, true
		}
	}
	return Anchor{}, false
}
