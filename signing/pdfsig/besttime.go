package pdfsig

import (
	"crypto"
	"slices"
	"time"

	"github.com/lienthong/lienthong/signing/trust"
	"github.com/lienthong/lienthong/signing/verdict"
)

// judgeSigner judges the signer's path at the best signature time (ETSI EN 319 102-1,
// 5.5): the earliest time at which something proves that the signature existed, never
// a claimed one. It returns the signature timestamps that count.
func (e *examination) judgeSigner(c *candidate, s *verdict.Signature) []verdict.Stamp {
	m := c.message
	along := e.report.Material.along()
	along.Certificates = e.pathCandidates(m.Certificates)
	along.CRLs = slices.Concat(m.CRLs, along.CRLs)
	along.OCSPs = slices.Concat(m.OCSPs, along.OCSPs)
	stamps := e.signatureStamps(c, s, along)
	question := trust.Case{
		Candidates: along.Certificates, CRLs: along.CRLs, OCSPs: along.OCSPs,
		Kept: e.options.Kept, At: e.options.At, Proven: e.options.Known, Archived: e.options.Known,
	}
	by := "other means than the file"
	note := func(at time.Time, what string) {
		if question.Proven.IsZero() || at.Before(question.Proven) {
			question.Proven, by = at, what
		}
	}
	for _, stamp := range stamps {
		note(stamp.Time, "a signature timestamp")
	}
	var used []verdict.Material
	for _, t := range e.report.Timestamps {
		switch {
		case t.proves(c.gated.end):
			note(t.Time, "the document timestamp in field "+t.Field)
			used = append(used, t.Used)
		case t.proves(t.Covered) && t.Time.After(question.NotOlder): // it lies in what was signed
			question.NotOlder = t.Time
			used = append(used, t.Used)
		}
	}
	if at := e.archivedAt(c); question.Archived.IsZero() || !at.IsZero() && at.Before(question.Archived) {
		question.Archived = at
	}
	describeTime(s, &question, by)
	e.options.Validator.JudgeCase(s, question)
	for _, stamp := range stamps {
		used = append(used, stamp.Used)
	}
	for _, material := range used {
		s.Used.Add(material)
	}
	return stamps
}

// describeTime records what is known about the time of the signature.
func describeTime(s *verdict.Signature, question *trust.Case, by string) {
	switch {
	case question.Proven.IsZero():
		s.Skip("best signature time", "nothing proves when it was made: judged at the time of the validation")
	case question.NotOlder.After(question.Proven):
		s.Check("best signature time", "", verdict.Doubt(verdict.TimestampOrderFailure,
			"a timestamp in what was signed is of %s, later than %s by %s",
			question.NotOlder.UTC().Format(time.RFC3339), question.Proven.UTC().Format(time.RFC3339), by))
	default:
		s.Check("best signature time", question.Proven.UTC().Format(time.RFC3339)+" by "+by, nil)
	}
}

// signatureStamps judges the timestamps inside of the signature, which nobody signed:
// one that was made for another signature was put there to deceive; one of an authority
// that is not trusted does not count.
func (e *examination) signatureStamps(c *candidate, s *verdict.Signature, along verdict.Material) []verdict.Stamp {
	value := c.message.Value()
	over := func(hash crypto.Hash) []byte {
		h := hash.New()
		h.Write(value)
		return h.Sum(nil)
	}
	archived := e.archivedAt(c)
	var stamps []verdict.Stamp
	for _, token := range c.message.Tokens {
		if e.options.Tokens == nil {
			s.Skip("signature timestamp", "its authority was not judged")
			continue
		}
		stamp := e.options.Tokens(token, over, along, archived)
		switch {
		case stamp.Problem == nil:
			s.Check("signature timestamp", stamp.Time.Format(time.RFC3339), nil)
			stamps = append(stamps, stamp)
		case stamp.Problem.Indication == verdict.Failed:
			s.Check("signature timestamp", "", stamp.Problem)
		default:
			s.Skip("signature timestamp", "it does not count: "+stamp.Problem.Reason)
		}
	}
	return stamps
}
