package pdfsig

import (
	"bytes"
	"crypto"
	encoding "encoding/asn1"
	"slices"
	"time"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"

	"github.com/lienthong/lienthong/signing/cms"
	"github.com/lienthong/lienthong/signing/verdict"
)

// Timestamp is a document timestamp (ETSI EN 319 142-1, 5.4.3).
type Timestamp struct {
	Field    string
	Revision int       // that it covers, from 1
	Covered  int64     // bytes from the start of the file
	Time     time.Time // UTC, of the token; proves nothing while Problem is set or Judged is not
	Token    []byte    // RFC 3161, in DER; nil when it could not be read
	Judged   bool      // a verdict.TokenJudge was asked
	Complete bool      // its authority could be judged from what is in the file alone
	Used     verdict.Material
	Problem  *verdict.Problem
}

// proves reports whether the file up to that byte existed at the time.
func (t Timestamp) proves(covered int64) bool {
	return t.Judged && t.Problem == nil && t.Covered >= covered
}

// token is what a timestamp says.
type token struct {
	raw     []byte
	hash    crypto.Hash
	imprint []byte
	time    time.Time
}

func (c *candidate) digestJob(hash crypto.Hash) *digestJob {
	return &digestJob{hash: hash, low: c.gated.low, high: c.gated.high, end: c.gated.end}
}

// parseToken reads what a token says of the bytes that it stamps: the beginning of a
// TSTInfo (RFC 3161, 2.4.2). Package tsp reads all of it.
func parseToken(value []byte) (*token, *verdict.Problem) {
	unreadable := verdict.Doubt(verdict.FormatFailure, "the document timestamp cannot be read")
	message, problem := cms.ParseToken(value)
	if problem != nil {
		return nil, unreadable
	}
	t := &token{raw: value}
	content := cryptobyte.String(message.Content)
	var info, imprint, algorithm cryptobyte.String
	var hash encoding.ObjectIdentifier
	if !content.ReadASN1(&info, asn1.SEQUENCE) || !info.SkipASN1(asn1.INTEGER) || !info.SkipASN1(asn1.OBJECT_IDENTIFIER) ||
		!info.ReadASN1(&imprint, asn1.SEQUENCE) || !imprint.ReadASN1(&algorithm, asn1.SEQUENCE) ||
		!algorithm.ReadASN1ObjectIdentifier(&hash) || !imprint.ReadASN1Bytes(&t.imprint, asn1.OCTET_STRING) ||
		!info.SkipASN1(asn1.INTEGER) || !readTokenTime(&info, &t.time) {
		return nil, unreadable
	}
	t.time = t.time.UTC()
	if t.hash = cms.HashOf(hash); t.hash == 0 {
		return nil, verdict.Doubt(verdict.CryptoConstraintsFailure, "the digest algorithm %s of the document timestamp is not accepted", hash)
	}
	return t, nil
}

// readTokenTime reads a time that may have a fraction of a second.
func readTokenTime(from *cryptobyte.String, at *time.Time) bool {
	var text cryptobyte.String
	if !from.ReadASN1(&text, asn1.GeneralizedTime) || len(text) > 32 {
		return false
	}
	parsed, err := time.Parse("20060102150405Z", string(text))
	*at = parsed
	return err == nil
}

// judgeTimestamps judges the document timestamps from the newest to the oldest, so that
// what a later one proves counts for those before it (ETSI EN 319 102-1, 5.6.3), and
// reports them by the revision that they cover.
func (e *examination) judgeTimestamps() {
	var stamps []*candidate
	for _, c := range e.candidates {
		if c.isTimestamp() {
			stamps = append(stamps, c)
		}
	}
	for _, c := range slices.Backward(stamps) {
		t := Timestamp{Field: c.field.name, Revision: c.revision(), Covered: c.gated.end, Problem: c.problem}
		if t.Problem == nil {
			t.Time, t.Token = c.token.time, c.token.raw
			t.Problem = e.tokenProblem(c, &t)
		}
		e.report.Timestamps = append(e.report.Timestamps, t)
	}
	slices.Reverse(e.report.Timestamps)
	for i := range e.report.Timestamps {
		e.reportTimestamp(&e.report.Timestamps[i])
	}
}

// reportTimestamp reports a document timestamp. One that is not over its own bytes,
// or whose revision was changed, is reported as a signature that failed: somebody
// put it there to make the document look proven.
func (e *examination) reportTimestamp(t *Timestamp) {
	switch {
	case t.Problem == nil && !t.Judged:
		e.report.Findings = append(e.report.Findings, "document timestamp in field "+t.Field+": its authority was not judged")
	case t.Problem != nil:
		e.report.Findings = append(e.report.Findings, "document timestamp in field "+t.Field+": "+t.Problem.Reason)
	}
	if t.Problem == nil || t.Problem.Indication != verdict.Failed {
		return
	}
	s := verdict.Signature{Field: t.Field, Format: subFilterTimestamp, Revision: t.Revision, Revisions: len(e.revisions)}
	s.CoversWhole = t.Revision == s.Revisions
	s.Check("document timestamp", "", t.Problem)
	e.report.add(s, Detail{Covered: t.Covered})
}

func (e *examination) tokenProblem(c *candidate, t *Timestamp) *verdict.Problem {
	switch {
	case !bytes.Equal(c.token.imprint, c.job.sum):
		return verdict.Fail(verdict.HashFailure, "the document timestamp was made for other bytes")
	case e.encrypted:
		return e.encryption(c.gated.revision)
	case c.token.hash == crypto.SHA1 || c.token.hash == crypto.MD5:
		return verdict.Doubt(verdict.CryptoConstraintsFailure, "the document timestamp uses %s, which is not accepted", c.token.hash)
	}
	if problem := e.laterProblem(c); problem != nil || e.options.Tokens == nil {
		return problem
	}
	t.Judged = true
	over := func(hash crypto.Hash) []byte {
		if hash != c.token.hash {
			return nil
		}
		return c.job.sum
	}
	stamp := e.options.Tokens(c.token.raw, over, e.report.Material.along(), e.archivedAt(c))
	t.Complete, t.Used = stamp.Complete, stamp.Used
	return stamp.Problem
}
