package trust

import (
	"crypto/x509"
	"time"

	"github.com/lienthong/lienthong/signing/verdict"
)

// Bounds of the search, so that a bag of forged certificates of one name costs
// little: a real path has three or four certificates and one candidate per step.
const (
	maxPathLength = 8
	maxLinks      = 48
)

// Validator builds and checks paths to one set of anchors. It is safe for
// concurrent use.
type Validator struct {
	anchors *Anchors
	links   *linkCache
}

// NewValidator returns a validator for the anchors; nil anchors trust nothing.
func NewValidator(anchors *Anchors) *Validator {
	return &Validator{anchors: anchors, links: newLinkCache()}
}

// Anchors returns the set that the validator trusts.
func (v *Validator) Anchors() *Anchors { return v.anchors }

// Judge builds the path of the signature's signer over the candidates that came
// with it, and adds chain and checks to the signature. The time is the one the
// path must hold at; it must never come from the signature itself.
func (v *Validator) Judge(signature *verdict.Signature, candidates []*x509.Certificate, at time.Time) {
	chain, problem := v.Path(signature.Signer, candidates, at)
	signature.Chain = chain
	detail := ""
	if len(chain) > 0 {
		detail = "anchor: " + chain[len(chain)-1].Subject.CommonName
	}
	signature.Check("certificate path", detail, problem)
	signature.Check("signing certificate", "may sign documents", checkSigner(signature.Signer))
	signature.Skip("revocation", "not checked at this level")
}

// Path returns the certificates from the signer to an anchor. When no path passes,
// it returns the problem of the best one: a complete path that breaks a rule says
// more than none at all.
func (v *Validator) Path(signer *x509.Certificate, candidates []*x509.Certificate, at time.Time) ([]*x509.Certificate, *verdict.Problem) {
	if v.anchors.Len() == 0 {
		return nil, verdict.Doubt(verdict.NoCertificateChain, "no trust anchor is configured")
	}
	s := search{
		validator:  v,
		candidates: map[string][]*x509.Certificate{},
		at:         at,
		problem:    verdict.Doubt(verdict.NoCertificateChain, "no path leads from the signing certificate to a configured anchor"),
	}
	for _, candidate := range candidates {
		name := nameKey(candidate.RawSubject)
		s.candidates[name] = append(s.candidates[name], candidate)
	}
	s.extend([]*x509.Certificate{signer}, nil)
	return s.best, s.problem
}

// search is one depth-first walk towards an anchor.
type search struct {
	validator  *Validator
	candidates map[string][]*x509.Certificate // by the key of the subject
	at         time.Time
	links      int // signatures looked at

	best    []*x509.Certificate
	problem *verdict.Problem // of the best path; nil once one passed
}

// extend tries every way on from the last certificate of the path. weak is the
// problem of a link already taken that could not be trusted for its algorithm.
func (s *search) extend(path []*x509.Certificate, weak *verdict.Problem) {
	last := path[len(path)-1]
	if anchor, ok := s.validator.anchors.matching(last); ok {
		s.finish(path, anchor, weak)
		return
	}
	if len(path) == maxPathLength {
		return
	}
	for _, issuer := range s.issuers(nameKey(last.RawIssuer)) {
		if s.problem == nil || s.links >= maxLinks {
			return
		}
		if contains(path, issuer) {
			continue
		}
		s.links++
		problem, linked := s.validator.link(last, issuer)
		if !linked {
			continue
		}
		if problem == nil {
			problem = weak
		}
		s.extend(append(path[:len(path):len(path)], issuer), problem)
	}
}

// issuers returns the certificates of that name, anchors first.
func (s *search) issuers(name string) []*x509.Certificate {
	var list []*x509.Certificate
	for _, anchor := range s.validator.anchors.byName[name] {
		list = append(list, anchor.Certificate)
	}
	return append(list, s.candidates[name]...)
}

// finish judges a complete path and keeps it if it is the first or the one that passed.
func (s *search) finish(path []*x509.Certificate, anchor Anchor, weak *verdict.Problem) {
	path = append(path[:len(path)-1:len(path)-1], anchor.Certificate)
	problem := weak
	if problem == nil {
		problem = checkPath(path, anchor, s.at)
	}
	if s.best == nil || problem == nil {
		s.best, s.problem = path, problem
	}
}

// contains keeps a certificate, or another one of the same name and key, from
// being used twice in one path.
func contains(path []*x509.Certificate, issuer *x509.Certificate) bool {
	for _, certificate := range path {
		if string(certificate.RawSubjectPublicKeyInfo) == string(issuer.RawSubjectPublicKeyInfo) &&
			string(certificate.RawSubject) == string(issuer.RawSubject) {
			return true
		}
	}
	return false
}

// link reports whether the issuer's key made the certificate's signature. A
// signature of a refused algorithm counts as a link with a problem.
func (v *Validator) link(certificate, issuer *x509.Certificate) (problem *verdict.Problem, linked bool) {
	if problem := checkAlgorithm(certificate); problem != nil {
		return problem, true
	}
	return nil, v.links.verified(certificate, issuer)
}
