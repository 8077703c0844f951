package trust

import (
	"crypto/x509"
	"time"

	"github.com/lienthong/lienthong/signing/verdict"
)

// Purpose is what an anchor is trusted for.
type Purpose string

// The purposes. None of them implies another: who may sign documents cannot make
// evidence of a hub by that, nor can a time-stamp authority.
const (
	ForSigning      Purpose = "signing"      // of documents, by people and agencies
	ForTimestamping Purpose = "timestamping" // tokens of RFC 3161
	ForEvidence     Purpose = "evidence"     // of a hub: receipts, their XML forms, seals of bundles
)

// known tells whether there is such a purpose.
func (p Purpose) known() bool { return p == ForSigning || p == ForTimestamping || p == ForEvidence }

// Requirement says what becomes of a signature whose revocation is not known.
type Requirement string

// The requirements. Whatever is known counts under both.
const (
	RevocationIfAvailable Requirement = "if-available" // it may pass; the report says that nothing was known
	RevocationRequired    Requirement = "required"     // it is INDETERMINATE, try later
)

// Case is what is known about one signature when its signer is judged.
type Case struct {
	Candidates []*x509.Certificate // that came along; candidates for the path, nothing more
	CRLs       [][]byte            // that came along, DER, unproven
	OCSPs      [][]byte            // that came along, DER, unproven

	Kept *Mirror // kept from an earlier validation; nil: nothing

	At       time.Time // the time of the validation; never a claim of the signature
	Proven   time.Time // the signature is proven to have existed then; zero: nothing proves it
	NotOlder time.Time // it is proven not to have existed before; zero when nothing says so
	Archived time.Time // what came along and what is kept is proven to have existed then; zero: not

	Purpose  Purpose // ForSigning when empty
	Policies Policies
}

// best returns the best signature time: the proven one, or that of the validation.
func (c *Case) best() time.Time {
	if c.Proven.IsZero() || c.Proven.After(c.At) {
		return c.At
	}
	return c.Proven
}

func (c *Case) proven() bool { return !c.Proven.IsZero() }

// Result is the judgement on a signer.
type Result struct {
	Chain      []*x509.Certificate // signer first, anchor last; empty without a path
	Problem    *verdict.Problem    // of the path; nil when it holds
	Revocation *verdict.Problem    // of what is known about revocation; nil when nothing speaks against it
	Known      bool                // every certificate below the anchor is known not to have been revoked in time
	Notes      []string            // what was known about revocation, signer first
	Complete   bool                // the whole proof came along: path and revocation
	Used       verdict.Material    // what the judgement was made from
}

// worst returns the problem that decides.
func (r *Result) worst() *verdict.Problem {
	if r.Problem != nil {
		return r.Problem
	}
	return r.Revocation
}
