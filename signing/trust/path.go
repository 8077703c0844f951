package trust

import (
	"bytes"
	"crypto/x509"
	"strings"
	"time"

	"github.com/lienthong/lienthong/signing/verdict"
)

// Bounds of the search, so that a bag of forged certificates of one name costs
// little: a real path has three or four certificates and one candidate per step.
const (
	maxPathLength = 8
	maxLinks      = 48  // of one search
	maxSignatures = 192 // checked for one signer, lists and responses included; see spent
	maxDepth      = 3   // of signers of lists of signers of lists
)

// Options configures a Validator.
type Options struct {
	Anchors    *Anchors    // nil trusts nobody
	Mirror     *Mirror     // certificates, lists and responses at hand; nil: none
	Revocation Requirement // RevocationIfAvailable when empty
	Algorithms *Algorithms // nil takes DefaultAlgorithms
}

// Validator builds and checks paths to one set of anchors. It is safe for
// concurrent use.
type Validator struct {
	options Options
	links   linkCache
	lists   *generations[[32]byte, *crl]
	answers *generations[[32]byte, *ocspResponse]
}

// NewValidator returns a validator for the anchors; nil anchors trust nothing.
func NewValidator(anchors *Anchors) *Validator { return New(Options{Anchors: anchors}) }

// New returns a validator.
func New(options Options) *Validator {
	if options.Revocation == "" {
		options.Revocation = RevocationIfAvailable
	}
	if options.Algorithms == nil {
		options.Algorithms = DefaultAlgorithms()
	}
	return &Validator{
		options: options, links: newLinkCache(),
		lists:   newGenerations[[32]byte, *crl](listGeneration),
		answers: newGenerations[[32]byte, *ocspResponse](listGeneration),
	}
}

// Anchors returns the set that the validator trusts.
func (v *Validator) Anchors() *Anchors { return v.options.Anchors }

// Mirror returns what the validator has at hand; it may be nil.
func (v *Validator) Mirror() *Mirror { return v.options.Mirror }

// Algorithms returns the table that the validator applies.
func (v *Validator) Algorithms() *Algorithms { return v.options.Algorithms }

// Judge judges the signer when nothing is known but the candidates that came along.
// The time is that of the validation; it must never come from the signature itself.
func (v *Validator) Judge(signature *verdict.Signature, candidates []*x509.Certificate, at time.Time) {
	v.JudgeCase(signature, Case{Candidates: candidates, At: at})
}

// JudgeCase judges the signer at the best signature time and adds chain, time and
// checks to the signature.
func (v *Validator) JudgeCase(signature *verdict.Signature, c Case) {
	result := v.Validate(signature.Signer, c)
	signature.Chain, signature.Used, signature.Complete = result.Chain, result.Used, result.Complete
	if c.proven() {
		signature.Proven = c.best().UTC()
	}
	detail := ""
	if len(result.Chain) > 0 {
		detail = "anchor: " + subjectOf(result.Chain[len(result.Chain)-1])
	}
	signature.Check("certificate path", detail, result.Problem)
	if c.Purpose == ForTimestamping {
		signature.Check("signing certificate", "may make timestamps", MayStamp(signature.Signer))
	} else {
		signature.Check("signing certificate", "may sign documents", checkSigner(signature.Signer))
	}
	if suite, ok := suiteOf(signature.Algorithm, signature.Signer.PublicKey); ok {
		signature.Check("algorithm dates", suite.String()+", table "+v.options.Algorithms.Version,
			v.options.Algorithms.check(suite, c.best(), c.proven(), "the signature"))
	}
	notes := strings.Join(result.Notes, "; ")
	switch {
	case result.Revocation != nil || result.Known:
		signature.Check("revocation", notes, result.Revocation)
	case notes == "":
		signature.Skip("revocation", "not checked: there is no path")
	default:
		signature.Skip("revocation", notes)
	}
}

// Path returns the certificates from the signer to an anchor, without asking for
// more than Judge does.
func (v *Validator) Path(signer *x509.Certificate, candidates []*x509.Certificate, at time.Time) ([]*x509.Certificate, *verdict.Problem) {
	result := v.Validate(signer, Case{Candidates: candidates, At: at})
	return result.Chain, result.worst()
}

// Validate judges a signer. When no path passes, it returns the problem of the first
// complete one: a path that breaks a rule says more than none at all.
func (v *Validator) Validate(signer *x509.Certificate, c Case) Result {
	if c.Purpose == "" {
		c.Purpose = ForSigning
	}
	if v.options.Anchors.Len() == 0 {
		return Result{Problem: verdict.Doubt(verdict.NoCertificateChain, "no trust anchor is configured")}
	}
	budget := maxSignatures
	s := search{material: v.collect(&c), Case: c, budget: &budget}
	return s.run(signer)
}

// search is one depth-first walk towards an anchor.
type search struct {
	Case
	*material
	depth  int                 // 0 for the signer itself, more for signers of lists
	within []*x509.Certificate // the path to stay below, of a signer of lists: one anchor for both
	links  int
	budget *int // signatures that may still be checked

	found  bool
	result Result
}

func (s *search) run(signer *x509.Certificate) Result {
	s.result.Problem = verdict.Doubt(verdict.NoCertificateChain, "no path leads from the signing certificate to a configured anchor")
	s.extend([]*x509.Certificate{signer}, nil)
	return s.result
}

// done reports whether a path passed or the search is over its bounds.
func (s *search) done() bool {
	return s.found && s.result.worst() == nil || s.links >= maxLinks || *s.budget <= 0
}

// extend tries every way on from the last certificate of the path. weak is the
// problem of a link already taken that could not be trusted for its algorithm.
func (s *search) extend(path []*x509.Certificate, weak *verdict.Problem) {
	last := path[len(path)-1]
	if anchor, ok := s.anchor(last); ok {
		s.finish(path, anchor, weak)
		return
	}
	if len(path) == maxPathLength {
		return
	}
	for _, issuer := range s.issuers(last) {
		if s.done() {
			return
		}
		if contains(path, issuer) {
			continue
		}
		s.links++
		problem, linked := s.link(last, issuer)
		if !linked {
			continue
		}
		if problem == nil {
			problem = weak
		}
		s.extend(append(path[:len(path):len(path)], issuer), problem)
	}
}

// anchor returns the anchor of the right purpose that a certificate is.
func (s *search) anchor(certificate *x509.Certificate) (Anchor, bool) {
	anchor, ok := s.validator.options.Anchors.matching(certificate, s.Purpose)
	if ok && s.within != nil {
		ok = bytes.Equal(anchor.Certificate.RawSubjectPublicKeyInfo, s.within[len(s.within)-1].RawSubjectPublicKeyInfo)
	}
	return anchor, ok
}

// issuers returns the certificates with the name of an issuer: anchors first, then
// those whose key identifier fits, which is a hint and no more.
func (s *search) issuers(certificate *x509.Certificate) []*x509.Certificate {
	name := nameKey(certificate.RawIssuer)
	var list, rest []*x509.Certificate
	for _, anchor := range s.validator.options.Anchors.byName[name] {
		list = append(list, anchor.Certificate)
	}
	for _, candidate := range s.named(name) {
		if len(certificate.AuthorityKeyId) > 0 && bytes.Equal(candidate.SubjectKeyId, certificate.AuthorityKeyId) {
			list = append(list, candidate)
		} else {
			rest = append(rest, candidate)
		}
	}
	return append(list, rest...)
}

// finish judges a complete path and keeps it if it is the first or the one that passed.
func (s *search) finish(path []*x509.Certificate, anchor Anchor, weak *verdict.Problem) {
	path = append(path[:len(path)-1:len(path)-1], anchor.Certificate)
	result := Result{Chain: path, Problem: weak}
	result.Used.Certificates = path
	if result.Problem == nil {
		result.Problem = s.checkPath(path)
	}
	if result.Problem == nil {
		s.checkRevocation(&result)
		if validity := s.checkValidities(path, anchor); validity != nil && !revoked(result.Revocation) {
			result.Problem = validity
			if result.Known && validity.Sub == verdict.OutOfBoundsNoPOE {
				result.Problem.Sub = verdict.OutOfBoundsNotRevoked
			}
			result.Revocation = nil
		}
	}
	if !s.found || result.worst() == nil {
		s.found, s.result = true, result
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
func (s *search) link(certificate, issuer *x509.Certificate) (problem *verdict.Problem, linked bool) {
	if problem := s.checkSuite(certificate, issuer); problem != nil {
		return problem, true
	}
	*s.budget--
	return nil, s.validator.links.certified(certificate, issuer)
}
