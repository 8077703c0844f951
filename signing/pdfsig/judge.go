package pdfsig

import (
	"bytes"
	"crypto/x509"
	"slices"
	"strings"
	"time"

	"github.com/lienthong/lienthong/signing/verdict"
)

func (e *examination) judgeAll() {
	e.judgeTimestamps()
	for _, c := range e.candidates {
		if !c.isTimestamp() {
			e.judge(c)
		}
	}
}

// judge turns a candidate into a verdict.
func (e *examination) judge(c *candidate) {
	s := verdict.Signature{Field: c.field.name, Format: "PDF", Revisions: len(e.revisions), Revision: c.revision()}
	if c.gated == nil {
		s.Check("coverage", "", c.problem)
		e.report.add(s, Detail{})
		return
	}
	detail := Detail{Covered: c.gated.end, Certifies: c.permission.certifies, Permission: c.permission.level, Message: c.message}
	s.Format = c.gated.subFilter()
	s.CoversWhole = c.gated.revision == len(e.revisions)-1
	s.Claimed = pdfTime(c.gated.dict["M"])
	s.Check("coverage", "the signature covers its whole revision", nil)
	if e.encrypted {
		s.Check("structure", "", e.encryption(c.gated.revision))
	} else {
		detail.Changes = e.laterChanges(c)
		s.Check("later revisions", strings.Join(detail.Changes, "; "), e.laterProblem(c))
	}
	switch {
	case !c.knownFormat():
		s.Check("format", "", verdict.Doubt(verdict.FormatFailure, "signatures of the form %q are not supported", s.Format))
	case c.problem != nil:
		s.Check("format", "", c.problem)
	}
	switch {
	case c.old != nil:
		e.judgeOldForm(c, &s)
	case c.message != nil: // also of an unknown form: a digest that differs proves a change
		e.judgeMessage(c, &s)
	}
	e.report.add(s, detail)
}

func (c *candidate) knownFormat() bool {
	switch c.gated.subFilter() {
	case subFilterLegacy, subFilterBaseline, subFilterOldRSA, subFilterOldDigest:
		return true
	}
	return false
}

// laterProblem returns the first change behind the signature that it forbids, else what
// kept a comparison from its end. If that was not in what was signed, it was put there.
func (e *examination) laterProblem(c *candidate) *verdict.Problem {
	var doubt *verdict.Problem
	for number := c.gated.revision + 1; number < len(e.revisions); number++ {
		problem := c.permission.permits(e.changes[number], e.certifiedBefore(number))
		switch {
		case problem == nil || doubt != nil && problem.Indication != verdict.Failed:
		case problem.Indication == verdict.Failed:
			return problem
		case e.wasComparable(c.gated.revision, number):
			return forbidden("later revisions add what cannot be compared")
		default:
			doubt = problem
		}
	}
	return doubt
}

// wasComparable reports whether the file as it was signed would have been compared with
// all its revisions, up to that number, within the bounds: it is what later ones added
// that exceeds them, and somebody could add it to hide what else they do.
func (e *examination) wasComparable(signed, number int) bool {
	const walks = 3 // of one comparison, at most: references, claims, tags
	for _, c := range e.changes[signed+1 : number] {
		if c.size > 0 { // the revisions before it changed nothing
			return c.size*len(e.revisions)*walks <= maxWalkedAll
		}
	}
	return false
}

// certifiedBefore returns the permission of a certification that came before the
// revision of that number; nil without one.
func (e *examination) certifiedBefore(number int) *permission {
	if e.certification == nil || e.certification.gated.revision >= number {
		return nil
	}
	return &e.certification.permission
}

// laterChanges describes what came behind the signature.
func (e *examination) laterChanges(c *candidate) []string {
	var list []string
	for number := c.gated.revision + 1; number < len(e.revisions); number++ {
		for _, note := range e.changes[number].notes {
			if !slices.Contains(list, note) {
				list = append(list, note)
			}
		}
	}
	return list
}

// judgeMessage checks the cryptographic message, its signer and the signer's path.
func (e *examination) judgeMessage(c *candidate, s *verdict.Signature) {
	m := c.message
	s.Algorithm = m.Algorithm()
	s.Level = "legacy"
	if s.Claimed.IsZero() {
		s.Claimed = m.SigningTime
	}
	if c.job != nil {
		s.Check("content digest", "the signed bytes are unchanged", c.checkContent())
	}
	s.Check("algorithms", s.Algorithm, c.checkStrength())
	signer, problem := m.Signer()
	if !s.Check("signer", "", problem) {
		return
	}
	s.Signer = signer
	baseline := c.gated.subFilter() == subFilterBaseline
	s.Check("signing certificate reference", "", m.CheckSigningCertificate(signer, baseline))
	s.Check("signature value", "verifies with the key of the signing certificate", m.CheckSignature(signer))
	stamps := e.judgeSigner(c, s)
	s.Level = e.levelOf(c, s, stamps)
}

// pathCandidates are the certificates that came with the signature and with the
// file.
func (e *examination) pathCandidates(bag []*x509.Certificate) []*x509.Certificate {
	return slices.Concat(bag, e.report.Material.Certificates)
}

// pdfTime reads a PDF date; zero when it is not one.
func pdfTime(o object) time.Time {
	t, ok := o.(*text)
	if !ok {
		return time.Time{}
	}
	value := string(bytes.TrimRight(bytes.ReplaceAll(t.value, []byte("'"), nil), "\x00"))
	for _, layout := range []string{"D:20060102150405-0700", "D:20060102150405Z0000", "D:20060102150405Z", "D:20060102150405"} {
		if at, err := time.Parse(layout, value); err == nil {
			return at.UTC()
		}
	}
	return time.Time{}
}
