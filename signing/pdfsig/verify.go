package pdfsig

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"io"
	"slices"
	"time"

	"github.com/lienthong/lienthong/signing/cms"
	"github.com/lienthong/lienthong/signing/trust"
	"github.com/lienthong/lienthong/signing/verdict"
)

// The encodings of a signature value that are known.
const (
	subFilterLegacy    = "adbe.pkcs7.detached"
	subFilterBaseline  = "ETSI.CAdES.detached"
	subFilterTimestamp = "ETSI.RFC3161"
)

// Report is what was found in one file.
type Report struct {
	Signatures []verdict.Signature // by the revision they cover; timestamps are not among them
	Findings   []string            // about the file as a whole
}

// examination is the verification of one file.
type examination struct {
	*file
	validator *trust.Validator
	at        time.Time
	changes   []revisionChange // by number of the revision; the first is empty
	report    *Report
}

// revisionChange is what compareRevision said.
type revisionChange struct {
	kind    change
	problem *verdict.Problem
}

// candidate is a signature field on its way to a verdict.
type candidate struct {
	field   field
	gated   *signature
	problem *verdict.Problem // of the gate
	message *cms.Message
	job     *digestJob
}

// Verify finds the signatures of a PDF and judges each at the given time. The
// error is for I/O failures only.
func Verify(ctx context.Context, source io.ReaderAt, size int64, validator *trust.Validator, at time.Time) (Report, error) {
	report := Report{}
	f, err := open(source, size)
	if err == nil {
		e := &examination{file: f, validator: validator, at: at, report: &report}
		err = e.run(ctx)
	}
	var structure *structureError
	if errors.As(err, &structure) {
		return unreadable(ctx, source, size, structure)
	}
	return report, err
}

// unreadable is the report on a file that leaves the strict grammar. If the text of
// a byte range stands in it, there was a signature and its file is not as it should
// be; otherwise there is none to judge.
func unreadable(ctx context.Context, source io.ReaderAt, size int64, cause *structureError) (Report, error) {
	report := Report{Findings: []string{"the PDF cannot be read strictly: " + cause.reason}}
	found, err := scan(ctx, source, size, nil)
	if err != nil || len(found.marks) == 0 {
		return report, err
	}
	s := verdict.Signature{Format: "PDF"}
	s.Check("structure", "", verdict.Fail(verdict.FormatFailure, "the file cannot be read strictly: %s", cause.reason))
	report.Signatures = []verdict.Signature{s}
	return report, nil
}

func (e *examination) run(ctx context.Context) error {
	if _, encrypted := e.revisions[len(e.revisions)-1].trailer()["Encrypt"]; encrypted {
		return e.encrypted(ctx)
	}
	candidates, err := e.candidates()
	if err != nil {
		return err
	}
	if len(candidates) > maxSignatures {
		return broken(e.size, "the file has too many signatures")
	}
	found, err := e.digest(ctx, candidates)
	if err != nil {
		return err
	}
	if err := e.compareRevisions(ctx, candidates); err != nil {
		return err
	}
	for _, c := range candidates {
		e.judge(c)
	}
	return e.findStrays(found.marks, candidates)
}

// encrypted leaves a signed file undecided: its strings cannot be compared.
func (e *examination) encrypted(ctx context.Context) error {
	e.report.Findings = append(e.report.Findings, "the PDF is encrypted, which is not supported")
	found, err := scan(ctx, e.source, e.size, nil)
	if err != nil || len(found.marks) == 0 {
		return err
	}
	s := verdict.Signature{Format: "PDF", Revisions: len(e.revisions)}
	s.Check("structure", "", verdict.Doubt(verdict.FormatFailure, "the file is encrypted, which is not supported"))
	e.report.Signatures = append(e.report.Signatures, s)
	return nil
}

// candidates gates the signed fields of the newest view, in the order of the
// revisions that they cover.
func (e *examination) candidates() ([]*candidate, error) {
	all, err := e.latest().fields()
	if err != nil {
		return nil, err
	}
	names, values := map[string]int{}, map[ref]int{}
	for _, f := range all {
		names[f.name]++
		values[f.value]++
	}
	var list []*candidate
	for _, f := range signedFields(all) {
		c := &candidate{field: f}
		switch {
		case f.loose:
			c.problem = verdict.Fail(verdict.FormatFailure, "the signature is not an object of its own")
		case names[f.name] > 1 || values[f.value] > 1:
			c.problem = verdict.Fail(verdict.FormatFailure, "two signature fields share a name or a signature")
		default:
			if c.gated, c.problem, err = e.latest().gate(f.value); err != nil {
				return nil, err
			}
		}
		if c.problem == nil {
			c.parse()
		}
		list = append(list, c)
	}
	slices.SortStableFunc(list, func(a, b *candidate) int { return cmp.Compare(a.revision(), b.revision()) })
	return list, nil
}

// revision returns the number of the covered revision, from 1; 0 when unknown.
func (c *candidate) revision() int {
	if c.gated == nil {
		return 0
	}
	return c.gated.revision + 1
}

// parse reads the signature value and prepares the digest that it asks for.
func (c *candidate) parse() {
	if c.gated.isTimestamp() {
		return
	}
	c.message, c.problem = cms.Parse(cms.TrimPadding(c.gated.contents))
	if c.problem != nil {
		return
	}
	if hash, problem := c.message.Hash(); problem == nil {
		c.job = &digestJob{hash: hash, low: c.gated.low, high: c.gated.high, end: c.gated.end}
	}
}

func (c *candidate) knownFormat() bool {
	return c.gated.subFilter() == subFilterLegacy || c.gated.subFilter() == subFilterBaseline
}

func (e *examination) digest(ctx context.Context, candidates []*candidate) (scanResult, error) {
	var jobs []*digestJob
	for _, c := range candidates {
		if c.job != nil {
			jobs = append(jobs, c.job)
		}
	}
	return scan(ctx, e.source, e.size, jobs)
}

// compareRevisions judges every revision behind the first signed one.
func (e *examination) compareRevisions(ctx context.Context, candidates []*candidate) error {
	e.changes = make([]revisionChange, len(e.revisions))
	first := len(e.revisions)
	for _, c := range candidates {
		if c.gated != nil {
			first = min(first, c.gated.revision)
		}
	}
	for number := first + 1; number < len(e.revisions); number++ {
		if err := ctx.Err(); err != nil {
			return err
		}
		kind, problem, err := e.compareRevision(number)
		if err != nil {
			return err
		}
		e.changes[number] = revisionChange{kind, problem}
	}
	return nil
}

// judge turns a candidate into a verdict. Document timestamps are reported as
// findings: this version does not evaluate them.
func (e *examination) judge(c *candidate) {
	s := verdict.Signature{Field: c.field.name, Format: "PDF", Revisions: len(e.revisions), Revision: c.revision()}
	if c.gated == nil {
		s.Check("coverage", "", c.problem)
		e.report.Signatures = append(e.report.Signatures, s)
		return
	}
	if c.gated.isTimestamp() {
		e.report.Findings = append(e.report.Findings, "document timestamp in field "+c.field.name+": not evaluated at this level")
		return
	}
	s.Format = c.gated.subFilter()
	s.CoversWhole = c.gated.revision == len(e.revisions)-1
	s.Claimed = pdfTime(c.gated.dict["M"])
	s.Check("coverage", "the signature covers its whole revision", nil)
	s.Check("later revisions", "", e.laterProblem(c))
	known := c.knownFormat()
	if !known {
		s.Check("format", "", verdict.Doubt(verdict.FormatFailure, "signatures of the form %q are not supported", s.Format))
	}
	switch {
	case c.message != nil: // also of an unknown form: a digest that differs proves a change
		e.judgeMessage(c, &s)
	case known:
		s.Check("format", "", c.problem)
	}
	e.report.Signatures = append(e.report.Signatures, s)
}

// laterProblem returns the first change behind the signature that it forbids.
func (e *examination) laterProblem(c *candidate) *verdict.Problem {
	frozen := c.gated.forbidsChanges()
	for number := c.gated.revision + 1; number < len(e.revisions); number++ {
		later := e.changes[number]
		if later.problem != nil {
			return later.problem
		}
		if frozen && later.kind == changeSignature {
			return verdict.Fail(verdict.FormatFailure,
				"the file was changed after this signature: it certifies that nothing may follow, and a signature does")
		}
	}
	return nil
}

// forbidsChanges reports whether this is a certification with DocMDP permission 1.
func (s *signature) forbidsChanges() bool {
	references, _ := s.dict["Reference"].(array)
	for _, o := range references {
		d := dictOf(o)
		if d["TransformMethod"] == name("DocMDP") && dictOf(d["TransformParams"])["P"] == int64(1) {
			return true
		}
	}
	return false
}

// judgeMessage checks the cryptographic message, its signer and the signer's path.
func (e *examination) judgeMessage(c *candidate, s *verdict.Signature) {
	m := c.message
	s.Algorithm = m.Algorithm()
	s.Level = levelOf(c.gated, m)
	if s.Claimed.IsZero() {
		s.Claimed = m.SigningTime
	}
	if c.job != nil {
		s.Check("content digest", "the signed bytes are unchanged", m.CheckDigest(c.job.sum))
	}
	s.Check("algorithms", s.Algorithm, m.CheckStrength())
	signer, problem := m.Signer()
	if !s.Check("signer", "", problem) {
		return
	}
	s.Signer = signer
	baseline := c.gated.subFilter() == subFilterBaseline
	s.Check("signing certificate reference", "", m.CheckSigningCertificate(signer, baseline))
	s.Check("signature value", "verifies with the key of the signing certificate", m.CheckSignature(signer))
	e.validator.Judge(s, m.Certificates, e.at)
	if m.Timestamped {
		s.Skip("signature timestamp", "present, not evaluated at this level")
	}
}

// levelOf names the baseline level as far as this version can tell it: B-B, or
// legacy for what does not follow the baseline profile.
func levelOf(s *signature, m *cms.Message) string {
	_, hasCert := s.dict["Cert"]
	if s.subFilter() == subFilterBaseline && m.HasSigningCertificate() && m.SigningTime.IsZero() && !hasCert {
		return "B-B"
	}
	return "legacy"
}

// findStrays looks for signature dictionaries that no field of the newest view
// reaches: a document whose signature was cut off its form must not pass as one
// that was never signed.
func (e *examination) findStrays(marks []int64, candidates []*candidate) error {
	for _, mark := range marks {
		if e.belongs(mark, candidates) {
			continue
		}
		stray, err := e.strayAt(mark, candidates)
		if err != nil {
			return err
		}
		if !stray {
			continue
		}
		s := verdict.Signature{Format: "PDF", Revisions: len(e.revisions)}
		s.Check("signature field", "", verdict.Fail(verdict.FormatFailure, "the file holds a signature that no field of its form reaches"))
		e.report.Signatures = append(e.report.Signatures, s)
		return nil // one such finding says it all
	}
	return nil
}

func (e *examination) belongs(mark int64, candidates []*candidate) bool {
	for _, c := range candidates {
		if c.gated != nil && mark >= c.gated.object.start && mark < c.gated.object.end {
			return true
		}
	}
	return false
}

// strayAt reports whether the mark stands in an object that is a signature
// dictionary, or in bytes of no object that the cross-reference knows, as when a
// revision is skipped. The bytes of a stream may say what they like.
func (e *examination) strayAt(mark int64, candidates []*candidate) (bool, error) {
	nearest := entry{offset: -1}
	for _, r := range e.revisions {
		for _, s := range r.sections {
			for _, other := range s.entries {
				if other.kind == entryInUse && other.offset < mark && other.offset > nearest.offset {
					nearest = other
				}
			}
		}
	}
	id := refOf(nearest)
	if slices.ContainsFunc(candidates, func(c *candidate) bool { return c.field.value == id }) {
		return false, nil // judged already
	}
	latest := e.latest()
	found, err := e.readIndirect(max(nearest.offset, 0), &latest)
	var structure *structureError
	if errors.As(err, &structure) || err == nil && mark >= found.end {
		return true, nil
	}
	d, ok := found.object.(dict)
	_, ranged := d["ByteRange"]
	_, valued := d["Contents"]
	return ok && ranged && valued && !e.isUsageRight(id), err
}

// isUsageRight reports whether the catalog's permissions name the signature: a
// reader's usage rights are signed without a field.
func (e *examination) isUsageRight(id ref) bool {
	catalog, err := e.latest().catalog()
	if err != nil {
		return false
	}
	permissions, err := e.latest().dict(catalog["Perms"])
	return err == nil && (permissions["UR3"] == id || permissions["UR"] == id)
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
