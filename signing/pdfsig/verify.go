package pdfsig

import (
	"context"
	"errors"
	"fmt"
	"io"
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

// Options say what signatures are judged by.
type Options struct {
	Validator *trust.Validator   // required; of the signers' paths
	At        time.Time          // that the paths must hold at, never a claimed one
	Tokens    verdict.TokenJudge // nil leaves the authorities of timestamps unjudged
	Kept      *trust.Mirror      // validation data of an earlier verification; nil: none
	Known     time.Time          // the file is proven to have existed then by other means; zero: not
}

// Report is what was found in one file.
type Report struct {
	Signatures []verdict.Signature // by the revision they cover; sound timestamps are not among them
	Details    []Detail            // one for each of the signatures
	Timestamps []Timestamp         // document timestamps, by the revision they cover
	Material   Material            // validation data that the newest revision carries
	Findings   []string            // about the file as a whole
}

// Detail is what only a PDF can say about a signature.
type Detail struct {
	Covered    int64    // bytes from the start of the file that the signature fixes; 0 when unknown
	Certifies  bool     // it is the certification of the document (DocMDP)
	Permission int64    // level of changes that it permits, 1 to 3; 0 without a word on it
	Changes    []string // what later revisions did, in order

	// Message is the signature value with the timestamps, certificates and revocation
	// data inside of it; nil where there is none that can be read.
	Message *cms.Message
}

// examination is the verification of one file.
type examination struct {
	*file
	options       Options
	encrypted     bool
	candidates    []*candidate
	certification *candidate
	changes       []change // by number of the revision; the first is empty
	report        *Report
}

// Verify finds the signatures of a PDF and judges each at the given time. The
// error is for I/O failures only.
func Verify(ctx context.Context, source io.ReaderAt, size int64, validator *trust.Validator, at time.Time) (Report, error) {
	return VerifyWith(ctx, source, size, Options{Validator: validator, At: at})
}

// VerifyWith is Verify with every option. A panic is an error of this program: it
// proves nothing about the file, so the result is undecided, and whoever asked lives on.
func VerifyWith(ctx context.Context, source io.ReaderAt, size int64, options Options) (report Report, err error) {
	defer func() {
		if cause := recover(); cause != nil {
			report, err = crashed(cause), nil
		}
	}()
	f, err := open(source, size)
	if err == nil {
		e := &examination{file: f, options: options, report: &report}
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
	report.add(s, Detail{})
	return report, nil
}

// crashed is the report on a file that the verifier failed on.
func crashed(cause any) Report {
	report := Report{Findings: []string{fmt.Sprintf("the verifier failed on this file: %v", cause)}}
	s := verdict.Signature{Format: "PDF"}
	s.Check("structure", "", verdict.Doubt(verdict.FormatFailure, "the verifier failed on this file, which is an error of the program"))
	report.add(s, Detail{})
	return report
}

func (r *Report) add(s verdict.Signature, d Detail) {
	r.Signatures = append(r.Signatures, s)
	r.Details = append(r.Details, d)
}

func (e *examination) run(ctx context.Context) error {
	_, e.encrypted = e.revisions[len(e.revisions)-1].trailer()["Encrypt"]
	if e.encrypted {
		e.report.Findings = append(e.report.Findings, "the PDF is encrypted, which is not supported")
	}
	err := e.findCandidates()
	var structure *structureError
	if e.encrypted && errors.As(err, &structure) {
		return e.undecided(ctx)
	}
	if err != nil {
		return err
	}
	found, err := e.digest(ctx)
	if err != nil {
		return err
	}
	if err := e.compareRevisions(ctx); err != nil {
		return err
	}
	if len(e.candidates) > 0 && !e.encrypted {
		if err := e.collect(); err != nil {
			return err
		}
		if err := e.collectDynamic(); err != nil {
			return err
		}
	}
	e.judgeAll()
	return e.findStrays(found.marks)
}

// undecided is the result for an encrypted file whose objects cannot be read.
func (e *examination) undecided(ctx context.Context) error {
	found, err := scan(ctx, e.source, e.size, nil)
	if err != nil || len(found.marks) == 0 {
		return err
	}
	s := verdict.Signature{Format: "PDF", Revisions: len(e.revisions)}
	s.Check("structure", "", e.encryption(0))
	e.report.add(s, Detail{})
	return nil
}

// encryption returns the problem of what was signed with that revision, from 0, of an
// encrypted file. One that was encrypted later was changed: everything in it is read
// in another way.
func (e *examination) encryption(signed int) *verdict.Problem {
	for _, r := range e.revisions[signed:] {
		if _, encrypted := r.trailer()["Encrypt"]; !encrypted {
			return verdict.Fail(verdict.FormatFailure, "a later revision encrypts the file: what it changed cannot be told")
		}
	}
	return verdict.Doubt(verdict.FormatFailure, "the file is encrypted, which is not supported")
}

// compareRevisions judges every revision behind the first signed one. What changed in
// an encrypted file cannot be told.
func (e *examination) compareRevisions(ctx context.Context) error {
	e.changes = make([]change, len(e.revisions))
	first := len(e.revisions)
	for _, c := range e.candidates {
		if c.gated != nil {
			first = min(first, c.gated.revision)
		}
	}
	for number := first + 1; number < len(e.revisions) && !e.encrypted; number++ {
		if err := ctx.Err(); err != nil {
			return err
		}
		var err error
		if e.changes[number], err = e.compareRevision(number); err != nil {
			return err
		}
	}
	return nil
}

// Revision returns the bytes that a signature or timestamp of that revision (from 1)
// covers, with its own value: the document as its signer left it. It does not verify.
func Revision(_ context.Context, source io.ReaderAt, size int64, number int) (*io.SectionReader, error) {
	f, err := open(source, size)
	if err != nil {
		return nil, err
	}
	e := &examination{file: f, report: &Report{}}
	if err := e.findCandidates(); err != nil {
		return nil, err
	}
	for _, c := range e.candidates {
		if c.gated != nil && c.revision() == number {
			return io.NewSectionReader(source, 0, c.gated.end), nil
		}
	}
	return nil, ErrNoRevision
}

// ErrNoRevision says that no signature of the file covers the revision of that number.
var ErrNoRevision = errors.New("no signature covers this revision")
