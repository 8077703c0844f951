// Package trust decides whether a signing certificate leads to an anchor that the
// operator configured, at the best signature time, and what is known about its
// revocation.
//
// Promises: only configured anchors are trusted, never a system root, never a
// certificate because it came with a signature; what comes along is a candidate for
// the path and nothing more. Nothing is fetched. The search is bounded whatever the
// candidates are.
//
// A path passes only if it follows RFC 5280, 6: every link verifies with an algorithm
// and key that the table of dates relies upon at that time (ETSI TS 119 312), every
// issuer is an authority that may sign certificates, path lengths, name constraints and
// certificate policies hold, no critical extension is unknown, every certificate and
// the trust in the anchor are valid then. The test suite of NIST (PKITS) is part of the
// tests. The standard library parses certificates and lists and verifies single
// signatures; its path verifier is not used.
//
// Revocation is judged from lists (RFC 5280, 5 and 6.3) and OCSP responses (RFC 6960)
// that came along or lie in a Mirror. What is revoked counts always; that nothing is
// known stops a signature only where the operator requires to know. A word counts for
// the best signature time if it was made after it, or before it with its own end behind
// it. The sub-indications are those of ETSI EN 319 102-1: a revocation before the best
// signature time is REVOKED_NO_POE, for that time bounds the signature from above only;
// it is REVOKED, and a failure, when the signature is proven to be younger.
//
// Limits: certificates that the standard library does not parse cannot take part
// (negative serial numbers, distribution points relative to their issuer); SHA-1 and
// DSA never pass.
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
	Purposes    []Purpose // nil: any
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

// NewAnchors returns a set of certificates, each trusted for as long as it is valid.
func NewAnchors(certificates ...*x509.Certificate) *Anchors {
	anchors := make([]Anchor, 0, len(certificates))
	for _, certificate := range certificates {
		anchors = append(anchors, Anchor{Certificate: certificate, From: certificate.NotBefore, Until: certificate.NotAfter})
	}
	return NewAnchorSet(anchors...)
}

// NewAnchorSet returns a set of anchors, each trusted for its own time and purposes.
func NewAnchorSet(anchors ...Anchor) *Anchors {
	a := &Anchors{byName: map[string][]Anchor{}, size: len(anchors)}
	digests := make([][]byte, 0, len(anchors))
	for _, anchor := range anchors {
		name := nameKey(anchor.Certificate.RawSubject)
		a.byName[name] = append(a.byName[name], anchor)
		sum := sha256.Sum256(anchor.Certificate.Raw)
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

// matching returns the anchor with the name and key of the certificate, if it is
// trusted for the purpose. The receiver is not nil.
func (a *Anchors) matching(certificate *x509.Certificate, purpose Purpose) (Anchor, bool) {
	for _, anchor := range a.byName[nameKey(certificate.RawSubject)] {
		if (anchor.Purposes == nil || slices.Contains(anchor.Purposes, purpose)) &&
			bytes.Equal(anchor.Certificate.RawSubjectPublicKeyInfo, certificate.RawSubjectPublicKeyInfo) {
			return anchor, true
		}
	}
	return Anchor{}, false
}
