package pdfsig

import (
	"cmp"
	"context"
	"crypto"
	"slices"

	"github.com/lienthong/lienthong/signing/cms"
	"github.com/lienthong/lienthong/signing/verdict"
)

// candidate is a signature field on its way to a verdict.
type candidate struct {
	field      field
	gated      *signature
	permission permission
	problem    *verdict.Problem // of the gate, or of the value
	message    *cms.Message
	token      *token // of a document timestamp
	old        *oldForm
	job        *digestJob
}

// findCandidates gates the signed fields of the newest view, in the order of the
// revisions that they cover.
func (e *examination) findCandidates() error {
	all, err := e.latest().fields()
	if err != nil {
		return err
	}
	names, values := map[string]int{}, map[ref]int{}
	for _, f := range all {
		names[f.name]++
		values[f.value]++
	}
	for _, f := range signedFields(all) {
		c := &candidate{field: f}
		if names[f.name] > 1 || !f.loose && values[f.value] > 1 {
			c.problem = verdict.Fail(verdict.FormatFailure, "two signature fields share a name or a signature")
		} else if err := e.read(c); err != nil {
			return err
		}
		e.candidates = append(e.candidates, c)
	}
	if len(e.candidates) > maxSignatures {
		return broken(e.size, "the file has too many signatures")
	}
	slices.SortStableFunc(e.candidates, func(a, b *candidate) int { return cmp.Compare(a.revision(), b.revision()) })
	e.findCertification()
	return nil
}

// read gates a candidate and reads its value.
func (e *examination) read(c *candidate) (err error) {
	if c.gated, c.problem, err = e.latest().gate(c.field); err != nil || c.problem != nil {
		return err
	}
	if c.permission, err = (view{e.file, c.gated.revision}).permissionOf(c.gated, c.field); err != nil {
		return err
	}
	c.parse()
	return nil
}

// findCertification notes the one signature that certifies the document: it is
// the first one (ISO 32000-2, 12.8.2.2).
func (e *examination) findCertification() {
	for i, c := range e.candidates {
		if !c.permission.certifies || c.gated == nil {
			continue
		}
		earlier := slices.ContainsFunc(e.candidates[:i], func(other *candidate) bool { return !other.isTimestamp() })
		if earlier && c.problem == nil {
			c.problem = verdict.Fail(verdict.FormatFailure, "it certifies the document, but other signatures came first")
		}
		if e.certification == nil && !earlier {
			e.certification = c
		}
	}
}

// revision returns the number of the covered revision, from 1; 0 when unknown.
func (c *candidate) revision() int {
	if c.gated == nil {
		return 0
	}
	return c.gated.revision + 1
}

func (c *candidate) isTimestamp() bool { return c.gated != nil && c.gated.isTimestamp() }

// parse reads the signature value and prepares the digest that it asks for.
func (c *candidate) parse() {
	value := cms.TrimPadding(c.gated.contents)
	switch {
	case c.isTimestamp():
		if c.token, c.problem = parseToken(value); c.problem == nil {
			c.job = c.digestJob(c.token.hash)
		}
		return
	case c.gated.subFilter() == subFilterOldRSA:
		if c.old, c.problem = c.gated.parseOldForm(value); c.problem == nil {
			c.job = c.digestJob(crypto.SHA1)
		}
		return
	case c.gated.subFilter() == subFilterOldDigest:
		if c.message, c.problem = cms.ParseEnclosed(value); c.problem == nil {
			c.job = c.digestJob(crypto.SHA1)
		}
		return
	}
	if c.message, c.problem = cms.Parse(value); c.problem != nil {
		return
	}
	if hash, problem := c.message.Hash(); problem == nil {
		c.job = c.digestJob(hash)
	}
}

func (e *examination) digest(ctx context.Context) (scanResult, error) {
	var jobs []*digestJob
	for _, c := range e.candidates {
		if c.job != nil {
			jobs = append(jobs, c.job)
		}
	}
	return scan(ctx, e.source, e.size, jobs)
}
