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
	"strings"
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

// anyPurpose ends what a line of purposes began.
const anyPurpose = "any"

// LoadAnchors reads the CERTIFICATE blocks of PEM files. Each anchor is trusted for as
// long as its certificate is valid, and for every purpose unless the file says which:
//
//	# purpose: evidence
//	# purpose: signing, timestamping
//
// Such a line, between blocks, counts for all blocks behind it in its file, up to the
// next; "any" ends it. Every tool that reads PEM passes over it. Other text between
// blocks is allowed unless it begins with that word; any other kind of block is not.
func LoadAnchors(files ...[]byte) (*Anchors, error) {
	var anchors []Anchor
	for _, data := range files {
		var err error
		if anchors, err = readAnchors(anchors, data); err != nil {
			return nil, fmt.Errorf("anchors: %w", err)
		}
	}
	if len(anchors) == 0 || len(anchors) > maxAnchors {
		return nil, fmt.Errorf("anchors: %d certificates, want 1 to %d", len(anchors), maxAnchors)
	}
	set := NewAnchorSet(anchors...)
	set.source = sourceOf(anchors, true)
	return set, nil
}

// sourceOf is the digest over the sorted digests of certificates, each with the purposes
// that a file gives it: other purposes are another set, which gives other verdicts.
func sourceOf(anchors []Anchor, purposes bool) string {
	digests := make([][]byte, 0, len(anchors))
	for i := range anchors {
		said := anchors[i].Certificate.Raw
		if purposes && anchors[i].Purposes != nil {
			said = fmt.Appendf(bytes.Clone(said), "%q", slices.Compact(slices.Sorted(slices.Values(anchors[i].Purposes))))
		}
		sum := sha256.Sum256(said)
		digests = append(digests, sum[:])
	}
	slices.SortFunc(digests, bytes.Compare)
	all := sha256.Sum256(bytes.Join(digests, nil))
	return "sha256:" + hex.EncodeToString(all[:])
}

// readAnchors appends the anchors of a file.
func readAnchors(anchors []Anchor, data []byte) ([]Anchor, error) {
	begin := []byte("-----BEGIN")
	var purposes []Purpose
	for {
		at := bytes.Index(data, begin)
		text := data
		if at >= 0 {
			text = data[:at]
		}
		var err error
		if purposes, err = readPurposes(purposes, string(text)); err != nil || at < 0 {
			return anchors, err
		}
		block, rest := pem.Decode(data[at:])
		if block == nil || bytes.Count(data[at:len(data)-len(rest)], begin) > 1 { // one that it passed over
			return nil, errors.New("a block is damaged")
		}
		data = rest
		if block.Type != "CERTIFICATE" {
			return nil, fmt.Errorf("a block of type %q is not a certificate", block.Type)
		}
		certificate, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("certificate %d: %w", len(anchors)+1, err)
		}
		anchors = append(anchors, Anchor{Certificate: certificate, From: certificate.NotBefore, Until: certificate.NotAfter, Purposes: purposes})
	}
}

// readPurposes returns the purposes behind a text between blocks, given those before it.
// A line that looks like one of purposes and is none is an error: passed over, it would
// leave more trust than was meant.
func readPurposes(purposes []Purpose, text string) ([]Purpose, error) {
	for line := range strings.Lines(text) {
		line = strings.ToLower(strings.TrimSpace(strings.TrimLeft(line, "\ufeff# \t")))
		if !strings.HasPrefix(line, "purpose") {
			continue
		}
		list, ok := strings.CutPrefix(line, "purpose:")
		if !ok {
			return nil, fmt.Errorf("%.60q: want \"purpose:\" and signing, timestamping, evidence or any", line)
		}
		purposes = nil
		if strings.TrimSpace(list) == anyPurpose {
			continue
		}
		for word := range strings.SplitSeq(list, ",") {
			purpose := Purpose(strings.TrimSpace(word))
			if !purpose.known() {
				return nil, fmt.Errorf("there is no purpose %.60q: want signing, timestamping, evidence or any", string(purpose))
			}
			purposes = append(purposes, purpose)
		}
	}
	return purposes, nil
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
	for _, anchor := range anchors {
		name := nameKey(anchor.Certificate.RawSubject)
		a.byName[name] = append(a.byName[name], anchor)
	}
	a.source = sourceOf(anchors, false)
	return a
}

// Len returns the number of anchors.
func (a *Anchors) Len() int {
	if a == nil {
		return 0
	}
	return a.size
}

// Source names the set: the digest over the sorted digests of its certificates, with the
// purposes that PEM files give them, so that equal sets have equal names; behind the
// sequence of the list where it is one. It is empty for no anchors.
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
