package tsp

import (
	"crypto"
	"slices"
	"time"

	"github.com/lienthong/lienthong/signing/trust"
	"github.com/lienthong/lienthong/signing/verdict"
)

// Bounds of what a token may say about time.
const (
	maxAccuracy = 10 * time.Minute // an authority that knows its time no better proves little
	futureSkew  = 5 * time.Minute  // of clocks; a token from further ahead proves nothing yet
)

// Judge returns a judge of tokens for the time of a validation. A token counts if it is
// over the right bytes with a strong digest, signed by one certificate for nothing but
// timestamps that the token is tied to (ESS), with a path that held, and was not
// revoked, at the time of the token (RFC 3161, ETSI EN 319 102-1, 5.4). What is kept
// from an earlier validation helps (nil: nothing); it and what came along is proven to
// have been there at the time known (zero: not).
//
// That the certificate of the authority has ended since takes nothing from a token, with
// a later one over it or without: an authority that gives up an unharmed key says so by
// its revocation, and one that was harmed takes all its tokens back (RFC 3161, 4.1).
// What a later timestamp is needed for is the information about revocation itself, once
// its signer has ended: without a proof that it is older it counts for nothing, and where
// the policy requires it the token proves nothing.
func Judge(validator *trust.Validator, at time.Time, kept *trust.Mirror, known time.Time) verdict.TokenJudge {
	return func(der []byte, over func(hash crypto.Hash) []byte, along verdict.Material, archived time.Time) verdict.Stamp {
		if archived.IsZero() || !known.IsZero() && known.Before(archived) {
			archived = known
		}
		token, problem := Parse(der)
		if problem != nil {
			return verdict.Stamp{Problem: problem}
		}
		s := token.judge(validator, trust.Case{At: at, Kept: kept, Archived: archived}, over, along)
		return verdict.Stamp{Time: token.Time.UTC(), Complete: s.Complete, Used: s.Used, Problem: s.Problem}
	}
}

// judge runs every check; a proof that the token is wrong outweighs a doubt.
func (t *Token) judge(validator *trust.Validator, c trust.Case, over func(hash crypto.Hash) []byte, along verdict.Material) *verdict.Signature {
	s := &verdict.Signature{Algorithm: t.Message.Algorithm()}
	s.Check("imprint", "", t.Over(over))
	s.Check("strength", "", t.checkStrength())
	if !s.Check("time", "", t.checkTime(c.At)) {
		return s
	}
	signer, problem := t.Message.Signer()
	if !s.Check("signer", "", problem) {
		return s
	}
	if !s.Check("signature value", "", t.checkSignature()) {
		return s
	}
	c.Candidates = slices.Concat(t.Message.Certificates, along.Certificates)
	c.CRLs = slices.Concat(along.CRLs, t.Message.CRLs)
	c.OCSPs = slices.Concat(along.OCSPs, t.Message.OCSPs)
	c.Proven, c.Purpose = t.Time, trust.ForTimestamping
	path := &verdict.Signature{Algorithm: s.Algorithm, Signer: signer}
	validator.JudgeCase(path, c)
	s.Complete, s.Used = path.Complete, path.Used
	if p := path.Problem; p != nil {
		s.Note(verdict.Doubt(p.Sub, "%s", p.Reason)) // it proves nothing, which proves no forgery
	}
	return s
}

// checkStrength refuses digests that no longer protect: anybody could have made the
// token fit other bytes since.
func (t *Token) checkStrength() *verdict.Problem {
	if t.Imprint.Hash == crypto.SHA1 {
		return verdict.Doubt(verdict.CryptoConstraintsFailure, "the timestamp uses SHA-1, which is not accepted")
	}
	return t.Message.CheckStrength()
}

func (t *Token) checkTime(at time.Time) *verdict.Problem {
	switch {
	case t.Time.After(at.Add(futureSkew)):
		return verdict.Doubt(verdict.NoPOE, "the timestamp is of %s, later than the validation", t.Time.UTC().Format(time.RFC3339))
	case t.Accuracy > maxAccuracy:
		return verdict.Doubt(verdict.NoPOE, "the timestamp knows its time no better than by %s", t.Accuracy)
	}
	return nil
}
