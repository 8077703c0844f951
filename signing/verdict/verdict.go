// Package verdict holds the words that the signing rooms share: the three-valued
// result of a validation with its sub-indication (ETSI EN 319 102-1), the checks
// that led to it, and the finding about one signature. The words are those of the
// standard and equal, as text, to the constants of the hub, so that the façade
// converts without a table.
package verdict

import (
	"crypto"
	"crypto/x509"
	"fmt"
	"slices"
	"time"
)

// Indication is the main result.
type Indication string

// The indications. The order of the constants is from best to worst.
const (
	Passed        Indication = "TOTAL-PASSED"
	Indeterminate Indication = "INDETERMINATE"
	Failed        Indication = "TOTAL-FAILED"
)

// Sub is the sub-indication of a result that did not pass.
type Sub string

// The sub-indications that this version gives.
const (
	FormatFailure            Sub = "FORMAT_FAILURE"
	HashFailure              Sub = "HASH_FAILURE"
	SigCryptoFailure         Sub = "SIG_CRYPTO_FAILURE"
	SigConstraintsFailure    Sub = "SIG_CONSTRAINTS_FAILURE"
	ChainConstraintsFailure  Sub = "CHAIN_CONSTRAINTS_FAILURE"
	ChainGeneralFailure      Sub = "CERTIFICATE_CHAIN_GENERAL_FAILURE"
	CryptoConstraintsFailure Sub = "CRYPTO_CONSTRAINTS_FAILURE"
	NoSigningCertificate     Sub = "NO_SIGNING_CERTIFICATE_FOUND"
	NoCertificateChain       Sub = "NO_CERTIFICATE_CHAIN_FOUND"
	CryptoConstraintsNoPOE   Sub = "CRYPTO_CONSTRAINTS_FAILURE_NO_POE"
	OutOfBoundsNoPOE         Sub = "OUT_OF_BOUNDS_NO_POE"
	OutOfBoundsNotRevoked    Sub = "OUT_OF_BOUNDS_NOT_REVOKED"
	NotYetValid              Sub = "NOT_YET_VALID"
	Expired                  Sub = "EXPIRED"
	Revoked                  Sub = "REVOKED"
	RevokedNoPOE             Sub = "REVOKED_NO_POE"
	RevokedCANoPOE           Sub = "REVOKED_CA_NO_POE"
	RevocationNoPOE          Sub = "REVOCATION_OUT_OF_BOUNDS_NO_POE"
	TimestampOrderFailure    Sub = "TIMESTAMP_ORDER_FAILURE"
	NoPOE                    Sub = "NO_POE"
	TryLater                 Sub = "TRY_LATER"
	SignedDataNotFound       Sub = "SIGNED_DATA_NOT_FOUND"
)

// Problem is a reason why a signature did not pass. It is no error: an error means
// that no verdict could be made.
type Problem struct {
	Indication Indication
	Sub        Sub
	Reason     string // one sentence for a person, in English, stable for equal inputs

	Revocation *Revocation // of a certificate, which is the problem; nil: none
	Crypto     *Crypto     // the algorithm that is the problem; nil: none, or the one of the signature
}

// Revocation is what a list or an answer says of a certificate.
type Revocation struct {
	Certificate *x509.Certificate
	At          time.Time // UTC, of the revocation
	Reason      string    // "keyCompromise" and so on (RFC 5280, 5.3.1)
}

// Crypto is an algorithm that is not relied upon.
type Crypto struct {
	Algorithm string
	Until     time.Time // UTC, until when it was; zero: never
}

// String implements fmt.Stringer.
func (p *Problem) String() string {
	return fmt.Sprintf("%s/%s: %s", p.Indication, p.Sub, p.Reason)
}

// Fail returns a problem that proves the signature bad.
func Fail(sub Sub, format string, args ...any) *Problem {
	return &Problem{Indication: Failed, Sub: sub, Reason: fmt.Sprintf(format, args...)}
}

// Doubt returns a problem that leaves the signature undecided.
func Doubt(sub Sub, format string, args ...any) *Problem {
	return &Problem{Indication: Indeterminate, Sub: sub, Reason: fmt.Sprintf(format, args...)}
}

// Weak is a doubt about an algorithm that is never accepted.
func Weak(algorithm, format string, args ...any) *Problem {
	problem := Doubt(CryptoConstraintsFailure, format, args...)
	problem.Crypto = &Crypto{Algorithm: algorithm}
	return problem
}

// Check is one step of a validation.
type Check struct {
	Detail  string
	Name    string
	Passed  bool
	Skipped bool // the step was not taken
}

// Material is validation data: what a verdict was made from and what must be kept to
// give it again.
type Material struct {
	Certificates []*x509.Certificate
	CRLs         [][]byte // DER
	OCSPs        [][]byte // DER
}

// Stamp is the judgement on a timestamp.
type Stamp struct {
	Time     time.Time // UTC, of the token; proves nothing while Problem is set
	Complete bool      // path and revocation could be judged from what came along alone
	Used     Material
	Problem  *Problem
}

// TokenJudge decides whether an RFC 3161 token (DER) proves that some bytes existed at
// its time: over hashes those bytes, along is what came with them, a help and no more.
// archived is when along is proven to have been there, by a timestamp over it; zero:
// nothing in the file proves it.
type TokenJudge func(token []byte, over func(hash crypto.Hash) []byte, along Material, archived time.Time) Stamp

// Signature is what was found out about one signature.
type Signature struct {
	Field     string // name of the signature field, or the XML id
	Format    string // SubFilter, "XMLDSig" or "JWS"
	Level     string // "B-B" for a baseline signature, "legacy" for the older form
	Algorithm string
	Signer    *x509.Certificate   // nil when it could not be identified
	Chain     []*x509.Certificate // signer first, anchor last; empty without a path
	Claimed   time.Time           // UTC; zero when nothing is claimed

	Proven   time.Time // UTC, best signature time; zero when nothing proves one
	Complete bool      // path and revocation could be judged from what came along alone
	Used     Material  // what the judgement on the signer was made from

	CoversWhole bool // the signature covers the file to its last byte
	Revision    int  // from 1; zero when unknown
	Revisions   int

	Checks  []Check
	Problem *Problem // the worst one; nil when everything held
}

// Indication returns the main result.
func (s *Signature) Indication() Indication {
	if s.Problem == nil {
		return Passed
	}
	return s.Problem.Indication
}

// Check records a step and, when it failed, its problem; a nil problem passed.
// The first problem of the worst kind is kept: a proof that the signature is bad
// outweighs every doubt.
func (s *Signature) Check(name, detail string, problem *Problem) bool {
	if problem == nil {
		s.Checks = append(s.Checks, Check{Name: name, Passed: true, Detail: detail})
		return true
	}
	s.Checks = append(s.Checks, Check{Name: name, Detail: problem.Reason})
	s.Note(problem)
	return false
}

// Note keeps a problem if it is worse than the one kept.
func (s *Signature) Note(problem *Problem) {
	if s.Problem == nil || s.Problem.Indication == Indeterminate && problem.Indication == Failed {
		s.Problem = problem
	}
}

// Add appends material; neither slice is shared.
func (m *Material) Add(other Material) {
	m.Certificates = slices.Concat(m.Certificates, other.Certificates)
	m.CRLs = slices.Concat(m.CRLs, other.CRLs)
	m.OCSPs = slices.Concat(m.OCSPs, other.OCSPs)
}

// Compact keeps the first of equal items, in order.
func (m *Material) Compact() {
	seen := map[string]bool{}
	repeated := func(raw []byte) bool {
		again := seen[string(raw)]
		seen[string(raw)] = true
		return again
	}
	m.Certificates = slices.DeleteFunc(m.Certificates, func(c *x509.Certificate) bool { return repeated(c.Raw) })
	m.CRLs = slices.DeleteFunc(m.CRLs, repeated)
	m.OCSPs = slices.DeleteFunc(m.OCSPs, repeated)
}

// Skip records a step that this version does not take, so that nobody reads the
// verdict as if it did.
func (s *Signature) Skip(name, detail string) {
	s.Checks = append(s.Checks, Check{Name: name, Skipped: true, Detail: detail})
}
