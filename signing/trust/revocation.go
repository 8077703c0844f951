package trust

import (
	"crypto/x509"
	"fmt"
	"time"

	"github.com/lienthong/lienthong/signing/verdict"
)

// Tolerances of the clock and of answers without an end.
const (
	futureSkew   = 5 * time.Minute // a list from further ahead is not believed
	openEndFresh = 24 * time.Hour  // how long an answer without nextUpdate counts
)

// word is what one list or response says about one certificate.
type word struct {
	kind       string // "CRL" or "OCSP"
	by         string // who signed it
	thisUpdate time.Time
	nextUpdate time.Time
	revoked    *entry // nil: not revoked
	reasons    reasonMask
	aged       bool // its signer's certificate has ended, and nothing proves the word older

	along        bool
	lists        [][]byte
	answers      [][]byte
	certificates []*x509.Certificate
}

// standing is what is known about one certificate.
type standing struct {
	good    *word // newest fresh word that it is not revoked
	revoked *word
	hold    *word // newest word, and it says that the certificate is on hold
	stale   *word // said it is not revoked, too long ago
	aged    bool  // there was a word whose signer has ended
}

// standingOf asks everything at hand about a certificate of an issuer, whose own path
// goes on with above (the issuer first).
func (s *search) standingOf(certificate *x509.Certificate, above []*x509.Certificate) standing {
	var st standing
	if s.depth >= maxDepth {
		return st
	}
	var newest *word
	var good []*word
	for _, w := range append(s.askAnswers(certificate, above), s.askLists(certificate, above)...) {
		if w.thisUpdate.After(s.At.Add(futureSkew)) {
			continue
		}
		switch {
		case w.revoked != nil && w.revoked.reason != reasonHold:
			if st.revoked == nil || w.revoked.time().Before(st.revoked.revoked.time()) {
				st.revoked = w
			}
		case w.revoked == nil && w.aged:
			st.aged = true
			continue
		case w.revoked == nil:
			good = append(good, w)
		}
		if newest == nil || w.thisUpdate.After(newest.thisUpdate) {
			newest = w
		}
	}
	if newest != nil && newest.revoked != nil && newest.revoked.reason == reasonHold {
		st.hold = newest
	}
	st.settle(good, s.best(), certificate.NotAfter)
	return st
}

// settle finds the newest fresh word among those that say good, and whether they
// together speak of every reason.
func (st *standing) settle(good []*word, best, notAfter time.Time) {
	var covered reasonMask
	for _, w := range good {
		switch {
		case !w.fresh(best) || w.thisUpdate.After(notAfter): // expired certificates leave the lists
			if st.stale == nil || w.thisUpdate.After(st.stale.thisUpdate) {
				st.stale = w
			}
		default:
			covered |= w.reasons
			if st.good == nil || w.thisUpdate.After(st.good.thisUpdate) {
				st.good = w
			}
		}
	}
	if covered != allReasons {
		st.good = nil
	}
	if st.good != nil {
		for _, w := range good { // lists of part of the reasons prove together
			if w != st.good && w.reasons != allReasons && w.fresh(best) {
				st.good = st.good.with(w)
			}
		}
	}
}

// with adds the proof of another word.
func (w *word) with(other *word) *word {
	sum := *w
	sum.along = w.along && other.along
	sum.lists = append(append([][]byte{}, w.lists...), other.lists...)
	sum.certificates = append(append([]*x509.Certificate{}, w.certificates...), other.certificates...)
	return &sum
}

// fresh reports whether a word speaks of the best signature time: made after it, or
// before it with an end behind it.
func (w *word) fresh(best time.Time) bool {
	if !w.thisUpdate.Before(best) {
		return true
	}
	if w.nextUpdate.IsZero() {
		return !best.After(w.thisUpdate.Add(openEndFresh))
	}
	return !best.After(w.nextUpdate)
}

func (w *word) String() string {
	return fmt.Sprintf("%s of %s at %s", w.kind, w.by, w.thisUpdate.UTC().Format(time.RFC3339))
}

// time returns since when a certificate is not to be relied upon: the revocation, or
// the earlier invalidity that the authority states.
func (e *entry) time() time.Time {
	if !e.invalidity.IsZero() && e.invalidity.Before(e.at) {
		return e.invalidity
	}
	return e.at
}

// compromised reports whether a revocation takes back every token of a time-stamp
// authority, those made before it, too: each but the three reasons that say that the
// key is safe (RFC 3161, 4.1; a reason that is not stated says nothing of the kind).
func (e *entry) compromised() bool { return e.reason < 3 || e.reason > 5 }

// checkRevocation judges every certificate of a path below its anchor.
func (s *search) checkRevocation(r *Result) {
	if len(r.Chain) == 1 {
		r.Notes = []string{subjectOf(r.Chain[0]) + ": trusted itself, for as long as the operator says so"}
		return
	}
	r.Known, r.Complete = true, true
	for i := range len(r.Chain) - 1 {
		certificate := r.Chain[i]
		if i > 0 && !s.along[certificate] {
			r.Complete = false
		}
		st := s.standingOf(certificate, r.Chain[i+1:])
		problem, w, note := s.weigh(&st, certificate, i == 0)
		r.Notes = append(r.Notes, subjectOf(certificate)+": "+note)
		if problem != nil && (r.Revocation == nil || revoked(problem) && !revoked(r.Revocation)) {
			r.Revocation = problem
		}
		if w == nil || w != st.good {
			r.Known, r.Complete = false, false
		}
		if w != nil {
			r.Complete = r.Complete && w.along
			r.Used.CRLs = append(r.Used.CRLs, w.lists...)
			r.Used.OCSPs = append(r.Used.OCSPs, w.answers...)
			r.Used.Certificates = append(r.Used.Certificates, w.certificates...)
		}
	}
	if *s.budget <= 0 { // what was not looked at may say that it was revoked
		r.Known, r.Complete = false, false
		if r.Revocation == nil {
			r.Revocation = verdict.Doubt(verdict.TryLater, "there is more validation data than is looked at: revocation was not fully checked")
		}
	}
}

// spent reports whether no more signatures are checked on lists and responses. Anybody
// can put any number of forged ones into a file: what came along has half of the budget,
// so that it never keeps those of the operator from being looked at.
func (s *search) spent(along bool) bool {
	return *s.budget <= 0 || along && *s.budget <= maxSignatures/2
}

// weigh turns a standing into a problem, the word that it rests on, and a note.
func (s *search) weigh(st *standing, certificate *x509.Certificate, signer bool) (*verdict.Problem, *word, string) {
	best := s.best()
	if w := st.revoked; w != nil {
		at := w.revoked.time()
		when := fmt.Sprintf("revoked at %s (%s)", at.UTC().Format(time.RFC3339), w)
		if !s.proven() || !at.After(best) || signer && s.Purpose == ForTimestamping && w.revoked.compromised() {
			return s.revokedProblem(certificate, w.revoked, signer), w, when
		}
		// Revoked later: what says so proves that it was good before.
		st.good = w
		return nil, w, "good at the proven time, " + when
	}
	if w := st.hold; w != nil && (!s.proven() || !w.revoked.at.After(best)) {
		return verdict.Doubt(verdict.TryLater, "%s is on hold", subjectOf(certificate)), w, fmt.Sprintf("on hold (%s)", w)
	}
	if w := st.good; w != nil {
		return nil, w, "not revoked, " + w.String()
	}
	note, problem := "no information", verdict.Doubt(verdict.TryLater, "it is not known whether %s was revoked", subjectOf(certificate))
	switch {
	case st.aged:
		note = "only information whose signer has expired since"
		problem = verdict.Doubt(verdict.RevocationNoPOE, "nothing proves that what is known about %s is older than the end of its signer", subjectOf(certificate))
	case st.stale != nil:
		note = "no fresh information, " + st.stale.String()
	}
	if s.validator.options.Revocation == RevocationRequired {
		return problem, nil, note
	}
	return nil, nil, note
}

// revokedProblem says what a revocation means, and what it is.
func (s *search) revokedProblem(certificate *x509.Certificate, e *entry, signer bool) *verdict.Problem {
	problem := s.meaningOf(certificate, e.time(), signer)
	problem.Revocation = &verdict.Revocation{Certificate: certificate, At: e.at.UTC(), Reason: reasonName(e.reason)}
	return problem
}

func (s *search) meaningOf(certificate *x509.Certificate, at time.Time, signer bool) *verdict.Problem {
	name, when := subjectOf(certificate), at.UTC().Format(time.RFC3339)
	switch {
	case signer && s.Purpose == ForTimestamping && at.After(s.best()):
		return verdict.Doubt(verdict.RevokedNoPOE, "%s was revoked at %s for a reason that takes back all its timestamps", name, when)
	case !signer:
		return verdict.Doubt(verdict.RevokedCANoPOE, "the authority %s was revoked at %s and nothing proves that the signature is older", name, when)
	case !s.NotOlder.IsZero() && !s.NotOlder.Before(at):
		return verdict.Fail(verdict.Revoked, "it was made after %s, when %s had been revoked at %s",
			s.NotOlder.UTC().Format(time.RFC3339), name, when)
	}
	return verdict.Doubt(verdict.RevokedNoPOE, "%s was revoked at %s and nothing proves that the signature is older", name, when)
}

// revoked reports whether a problem is a revocation, which says more than any date.
func revoked(p *verdict.Problem) bool {
	return p != nil && (p.Sub == verdict.Revoked || p.Sub == verdict.RevokedNoPOE || p.Sub == verdict.RevokedCANoPOE)
}

// askLists returns what revocation lists say about a certificate.
func (s *search) askLists(certificate *x509.Certificate, above []*x509.Certificate) []*word {
	var words []*word
	seen := map[[32]byte]bool{}
	for _, point := range pointsOf(certificate) {
		issuers := []string{nameKey(certificate.RawIssuer)}
		for _, other := range point.issuers {
			if other.kind == nameDirectory {
				issuers = append(issuers, nameKey(other.value))
			}
		}
		for _, issuer := range issuers {
			for _, held := range s.listsOf(issuer) {
				reasons, ok := held.speaksOf(certificate, point)
				if !ok || held.base != nil || seen[held.digest] {
					continue
				}
				seen[held.digest] = true
				if w := s.askList(held, certificate, above, reasons); w != nil {
					words = append(words, w)
				}
			}
		}
	}
	return words
}

// askList returns what one complete list says, with the newest delta upon it.
func (s *search) askList(held heldList, certificate *x509.Certificate, above []*x509.Certificate, reasons reasonMask) *word {
	signer, ok := s.listSigner(held, certificate, above)
	if !ok || !held.usable {
		return nil
	}
	w := &word{
		kind: "CRL", by: subjectOf(signer), thisUpdate: held.list.ThisUpdate, nextUpdate: held.list.NextUpdate, reasons: reasons,
		aged: s.agedOut(signer, held.dated), along: held.along, lists: [][]byte{held.raw}, certificates: []*x509.Certificate{signer},
	}
	if e, found := held.find(certificate); found && e.reason != reasonRemove {
		w.revoked = &e
	}
	for _, delta := range s.listsOf(held.issuer) {
		if !delta.extends(held.crl) || delta.list.ThisUpdate.Before(w.thisUpdate) {
			continue
		}
		if by, ok := s.listSigner(delta, certificate, above); !ok || !by.Equal(signer) {
			continue
		}
		w.thisUpdate, w.nextUpdate = delta.list.ThisUpdate, delta.list.NextUpdate
		w.lists, w.along = append(w.lists[:1:1], delta.raw), w.along && delta.along
		if e, found := delta.find(certificate); found {
			if w.revoked = &e; e.reason == reasonRemove {
				w.revoked = nil
			}
		}
	}
	return w
}

// listSigner returns the certificate whose key signed a list: that of the issuer in
// the path, or another one of that name with a path of its own to the same anchor. The
// certificate of such a signer may be covered by its own list (as NIST wants it in
// PKITS 4.14.30): its authority chose so.
func (s *search) listSigner(held heldList, certificate *x509.Certificate, above []*x509.Certificate) (*x509.Certificate, bool) {
	candidates := append([]*x509.Certificate{above[0]}, s.named(held.issuer)...)
	for _, anchor := range s.validator.options.Anchors.byName[held.issuer] {
		candidates = append(candidates, anchor.Certificate)
	}
	for i, candidate := range candidates {
		if nameKey(candidate.RawSubject) != held.issuer || s.spent(held.along) ||
			candidate.KeyUsage != 0 && candidate.KeyUsage&x509.KeyUsageCRLSign == 0 {
			continue
		}
		*s.budget--
		if !s.validator.links.verified(held.digest, candidate, held.list.SignatureAlgorithm, held.list.RawTBSRevocationList, held.list.Signature) ||
			s.checkListSuite(held, candidate) != nil {
			continue
		}
		if i == 0 || contains(above, candidate) || s.depth > 0 && candidate.Equal(certificate) || s.leadsToAnchor(candidate, held.list.ThisUpdate, above) {
			return candidate, true
		}
	}
	return nil, false
}

func (s *search) checkListSuite(held heldList, signer *x509.Certificate) *verdict.Problem {
	suite, ok := certificateSuite(held.list.SignatureAlgorithm, signer.PublicKey)
	if !ok {
		return verdict.Doubt(verdict.CryptoConstraintsFailure, "a list is signed with %s", held.list.SignatureAlgorithm)
	}
	return s.validator.options.Algorithms.check(suite, held.list.ThisUpdate, true, "a list")
}

// leadsToAnchor judges the signer of a list at the time of the list.
func (s *search) leadsToAnchor(signer *x509.Certificate, at time.Time, above []*x509.Certificate) bool {
	c := s.Case
	c.Proven, c.NotOlder, c.Policies = at, time.Time{}, Policies{}
	sub := search{Case: c, material: s.material, depth: s.depth + 1, within: above, budget: s.budget}
	result := sub.run(signer)
	return len(result.Chain) > 0 && result.worst() == nil
}

// agedOut reports whether a word's signer has ended by now while nothing proves that
// the word was there before: the key may be anybody's today.
func (s *search) agedOut(signer *x509.Certificate, dated bool) bool {
	if !s.At.After(signer.NotAfter) {
		return false
	}
	return !dated || s.Archived.IsZero() || s.Archived.After(signer.NotAfter)
}

// askAnswers returns what OCSP responses say about a certificate.
func (s *search) askAnswers(certificate *x509.Certificate, above []*x509.Certificate) []*word {
	var words []*word
	for _, held := range s.allAnswers() {
		answer := held.about(certificate, above[0])
		if answer == nil || answer.status == ocspStatusUnknown || held.producedAt.After(s.At.Add(futureSkew)) {
			continue
		}
		signer, ok := s.responder(held, above)
		if !ok {
			continue
		}
		w := &word{
			kind: "OCSP", by: subjectOf(signer), thisUpdate: answer.thisUpdate, nextUpdate: answer.nextUpdate, reasons: allReasons,
			aged: s.agedOut(signer, held.dated), along: held.along, answers: [][]byte{held.raw}, certificates: []*x509.Certificate{signer},
		}
		if answer.status == ocspStatusRevoked {
			e := answer.revoked
			w.revoked = &e
		}
		words = append(words, w)
	}
	return words
}

// responder returns the certificate whose key signed a response: the issuer itself,
// or one that the issuer made for this purpose, directly (RFC 6960, 4.2.2.2).
func (s *search) responder(held heldAnswer, above []*x509.Certificate) (*x509.Certificate, bool) {
	issuer := above[0]
	candidates := append([]*x509.Certificate{issuer}, held.certificates...)
	if held.name != nil {
		candidates = append(candidates, s.named(nameKey(held.name))...)
	}
	for i, candidate := range candidates {
		if !held.isBy(candidate) || s.spent(held.along) {
			continue
		}
		*s.budget--
		suite, ok := certificateSuite(held.algorithm, candidate.PublicKey)
		if !ok || s.validator.options.Algorithms.check(suite, held.producedAt, true, "a response") != nil ||
			!s.validator.links.verified(held.digest, candidate, held.algorithm, held.signed, held.signature) {
			continue
		}
		if i == 0 || s.delegated(candidate, held.producedAt, above) {
			return candidate, true
		}
	}
	return nil, false
}

// delegated reports whether an issuer made a certificate for OCSP, and it was good
// when it answered.
func (s *search) delegated(responder *x509.Certificate, at time.Time, above []*x509.Certificate) bool {
	issuer := above[0]
	authorised := false
	for _, usage := range responder.ExtKeyUsage {
		authorised = authorised || usage == x509.ExtKeyUsageOCSPSigning
	}
	if !authorised || at.Before(responder.NotBefore) || at.After(responder.NotAfter) ||
		nameKey(responder.RawIssuer) != nameKey(issuer.RawSubject) || checkExtensions(responder) != nil {
		return false
	}
	if problem, linked := s.link(responder, issuer); problem != nil || !linked {
		return false
	}
	if value, _ := extensionOf(responder, oidNoCheck); value != nil {
		return true
	}
	sub := *s
	sub.depth++
	st := sub.standingOf(responder, above)
	return st.revoked == nil && st.hold == nil
}
