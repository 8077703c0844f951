package signing

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"strings"
	"sync/atomic"
	"time"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/signing/asic"
	"github.com/lienthong/lienthong/signing/pdfsig"
	"github.com/lienthong/lienthong/signing/trust"
	"github.com/lienthong/lienthong/signing/tsp"
	"github.com/lienthong/lienthong/signing/verdict"
	"github.com/lienthong/lienthong/signing/xmldsig"
)

// Policy names the rules of every report: paths by RFC 5280, revocation and timestamps
// at the best signature time, algorithms by a table of dates.
const Policy = "urn:lienthong:policy:signature:2"

// sniffBytes is how much of a file decides what it is. Readers of PDF accept the
// header anywhere in the first 1024 bytes; so must whoever wants to stop that.
const sniffBytes = 1024

// VerifierOptions configures a Verifier.
type VerifierOptions struct {
	Anchors    *trust.Anchors    // nil trusts nobody: sound signatures are INDETERMINATE
	Mirror     *trust.Mirror     // validation data at hand; nil: none
	Revocation trust.Requirement // whether revocation must be known; trust.RevocationIfAvailable when empty
	Now        func() time.Time  // required; the time of the validation
	Algorithms *trust.Algorithms // until when algorithms are relied upon; nil: trust.DefaultAlgorithms
}

// Verifier gives verdicts on files. It is safe for concurrent use and remembers
// verified links between certificates, nothing else.
type Verifier struct {
	validator atomic.Pointer[trust.Validator]
	options   VerifierOptions
}

// NewVerifier returns a verifier.
func NewVerifier(options VerifierOptions) *Verifier {
	v := &Verifier{options: options}
	v.Trust(options.Anchors, options.Mirror)
	return v
}

// Trust changes whom the verifier trusts and what it has at hand, from the next
// verification on. Those under way end as they began.
func (v *Verifier) Trust(anchors *trust.Anchors, mirror *trust.Mirror) {
	v.validator.Store(trust.New(trust.Options{Anchors: anchors, Mirror: mirror, Revocation: v.options.Revocation, Algorithms: v.options.Algorithms}))
}

// AnchorSource names what the verifier trusts now, as reports do.
func (v *Verifier) AnchorSource() string { return v.validator.Load().Anchors().Source() }

// AlgorithmTable is the version of the table of dates of algorithms, as reports name it.
func (v *Verifier) AlgorithmTable() string { return v.validator.Load().Algorithms().Version }

// Mirror returns the validation data that the verifier has at hand now; it may be nil.
func (v *Verifier) Mirror() *trust.Mirror { return v.validator.Load().Mirror() }

// Inquiry says what a file is judged by besides what stands in it.
type Inquiry struct {
	At       time.Time        // of the validation; zero: now
	Known    time.Time        // the file is proven to have existed then, by a receipt or a log; zero: not
	Archived verdict.Material // kept from an earlier verification
}

// Examination is a report with the material that it was made from: with the same file
// and anchors, At of the report and the material archived, it comes out again byte for
// byte, whatever became of the authorities since.
type Examination struct {
	Report   hub.SignatureReport
	Material verdict.Material // each item once
}

// VerifyPart judges one part of a document whose digest the store has verified: a
// PDF by its content, the envelope by its role. Anything else carries no signature
// that is looked for. The error is an I/O failure.
func (v *Verifier) VerifyPart(ctx context.Context, part hub.Part, content hub.Blob) (hub.SignatureReport, error) {
	found, err := v.ExaminePart(ctx, part, content, Inquiry{})
	return found.Report, err
}

// ExaminePart is VerifyPart with everything that it is judged by and made from.
func (v *Verifier) ExaminePart(ctx context.Context, part hub.Part, content hub.Blob, inquiry Inquiry) (Examination, error) {
	e := v.begin(part.ID, part.Digest, inquiry)
	kind, err := sniff(content, content.Size())
	if err != nil {
		return e.Examination, hub.Internal("read a part", err)
	}
	if part.Role == hub.RoleEnvelope && kind == kindOther {
		kind = kindXML
	}
	if part.Role != hub.RoleEnvelope && kind == kindXML {
		kind = kindOther
	}
	err = e.verify(ctx, kind, saysPDF(part.Name, part.MediaType), content)
	return e.Examination, err
}

// VerifyFile judges a file on its own: PDF, XML such as an edXML envelope, or a
// signature container, told apart by content, never by name. The error is an I/O failure.
func (v *Verifier) VerifyFile(ctx context.Context, name string, content hub.Blob) (hub.SignatureReport, error) {
	found, err := v.ExamineFile(ctx, name, content, Inquiry{})
	return found.Report, err
}

// ExamineFile is VerifyFile with everything that it is judged by and made from.
func (v *Verifier) ExamineFile(ctx context.Context, name string, content hub.Blob, inquiry Inquiry) (Examination, error) {
	e := v.begin("", hub.Digest{}, inquiry)
	digest, err := digestOf(ctx, content)
	if err != nil {
		return e.Examination, hub.Internal("read a file", err)
	}
	e.Report.SHA256 = digest
	kind, err := sniff(content, content.Size())
	if err != nil {
		return e.Examination, hub.Internal("read a file", err)
	}
	err = e.verify(ctx, kind, saysPDF(name, ""), content)
	return e.Examination, err
}

// Unsigned is the report on a file in which nobody looks for a signature, for the
// reasons given. The error is an I/O failure.
func (v *Verifier) Unsigned(ctx context.Context, content hub.Blob, findings ...string) (hub.SignatureReport, error) {
	report := v.newReport("", hub.Digest{})
	report.Indication, report.Findings = hub.NoSignatureFound, findings
	var err error
	if report.SHA256, err = digestOf(ctx, content); err != nil {
		return report, ioFailure(ctx, err)
	}
	return report, nil
}

func (v *Verifier) newReport(part string, digest hub.Digest) hub.SignatureReport {
	return hub.SignatureReport{
		Part:         part,
		SHA256:       digest,
		ValidatedAt:  v.options.Now().UTC().Truncate(time.Millisecond),
		Policy:       Policy,
		Signatures:   []hub.SignatureVerdict{},
		AnchorSource: v.validator.Load().Anchors().Source(),

		AlgorithmTable: v.AlgorithmTable(),
	}
}

// examination is one on its way, with the trust that it began with.
type examination struct {
	Examination
	validator *trust.Validator
	inquiry   Inquiry
	kept      *trust.Mirror
	purpose   trust.Purpose // of the signers; that of documents when empty
}

func (v *Verifier) begin(part string, digest hub.Digest, inquiry Inquiry) *examination {
	e := &examination{validator: v.validator.Load(), inquiry: inquiry}
	e.Report = v.newReport(part, digest)
	e.Report.AnchorSource = e.validator.Anchors().Source()
	if !inquiry.At.IsZero() {
		e.Report.ValidatedAt = inquiry.At.UTC()
	}
	if m := inquiry.Archived; len(m.Certificates)+len(m.CRLs)+len(m.OCSPs) > 0 {
		e.kept = trust.NewMirror(m)
	}
	return e
}

// beginEvidence begins one of what a hub signs as evidence, which anchors for documents
// do not make trusted.
func (v *Verifier) beginEvidence(inquiry Inquiry) *examination {
	e := v.begin("", hub.Digest{}, inquiry)
	e.purpose = trust.ForEvidence
	return e
}

func (e *examination) verify(ctx context.Context, kind fileKind, saysPDF bool, content hub.Blob) error {
	report := &e.Report
	var signatures []verdict.Signature
	var details []pdfsig.Detail
	switch kind {
	case kindPDF:
		found, err := pdfsig.VerifyWith(ctx, content, content.Size(), pdfsig.Options{
			Validator: e.validator, At: report.ValidatedAt, Known: e.inquiry.Known, Kept: e.kept,
			Tokens: e.tokens(),
		})
		if err != nil {
			return ioFailure(ctx, err)
		}
		signatures, details, report.Findings = found.Signatures, found.Details, found.Findings
	case kindXML:
		found, err := xmldsig.Verify(ctx, content, content.Size(), xmldsig.Options{Judge: e.judge, Tokens: e.tokens()})
		if err != nil {
			return ioFailure(ctx, err)
		}
		signatures = found.Signatures
	case kindContainer:
		found, err := asic.Verify(ctx, content, content.Size(), asic.Options{Judge: e.judge, Tokens: e.tokens()})
		if err != nil {
			return ioFailure(ctx, err)
		}
		signatures, report.Findings = found.Signatures, found.Findings
	}
	if saysPDF && kind != kindPDF {
		report.Findings = append(report.Findings, "called a PDF, but its content is none")
	}
	for i := range signatures {
		v := toHub(&signatures[i])
		if i < len(details) { // only a PDF has them
			v.CoveredBytes, v.Changes = details[i].Covered, details[i].Changes
		}
		report.Signatures = append(report.Signatures, v)
		e.Material.Add(signatures[i].Used)
	}
	e.Material.Compact()
	report.Conclude()
	return nil
}

func (e *examination) tokens() verdict.TokenJudge {
	return tsp.Judge(e.validator, e.Report.ValidatedAt, e.kept, e.inquiry.Known)
}

// judge judges the signer of an XML file or container at the best signature time: the
// earliest that a timestamp, or a proof from elsewhere, gives.
func (e *examination) judge(s *verdict.Signature, along verdict.Material, stamps []verdict.Stamp) {
	question := trust.Case{
		Candidates: along.Certificates, CRLs: along.CRLs, OCSPs: along.OCSPs,
		Kept: e.kept, At: e.Report.ValidatedAt, Proven: e.inquiry.Known, Archived: e.inquiry.Known, Purpose: e.purpose,
	}
	by := "other means than the file"
	for _, stamp := range stamps {
		if question.Proven.IsZero() || stamp.Time.Before(question.Proven) {
			question.Proven, by = stamp.Time, "a signature timestamp"
		}
	}
	if question.Proven.IsZero() {
		s.Skip("best signature time", "nothing proves when it was made: judged at the time of the validation")
	} else {
		s.Check("best signature time", question.Proven.UTC().Format(time.RFC3339)+" by "+by, nil)
	}
	e.validator.JudgeCase(s, question)
	for _, stamp := range stamps {
		s.Used.Add(stamp.Used)
	}
}

func ioFailure(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return hub.Internal("read a file to verify its signatures", err)
}

// fileKind is what a file is by its first bytes.
type fileKind int

const (
	kindOther fileKind = iota
	kindPDF
	kindXML
	kindContainer
)

// sniff tells a file by its content. A PDF header that is not at the first byte
// still makes it a PDF, one that the strict reader refuses.
func sniff(content io.ReaderAt, size int64) (fileKind, error) {
	head := make([]byte, min(sniffBytes, size))
	if n, err := content.ReadAt(head, 0); n < len(head) {
		return kindOther, errors.Join(io.ErrUnexpectedEOF, err)
	}
	archived := bytes.HasPrefix(head, []byte("PK\x03\x04"))
	switch {
	case !archived && bytes.Contains(head, []byte("%PDF-")):
		return kindPDF, nil
	case bytes.HasPrefix(bytes.TrimLeft(bytes.TrimPrefix(head, []byte("\xEF\xBB\xBF")), " \r\n\t"), []byte("<")):
		return kindXML, nil
	}
	// A container may begin with a PDF that is stored in it, so it is asked for first.
	container, err := asic.IsContainer(content, size)
	switch {
	case container:
		return kindContainer, err
	case bytes.Contains(head, []byte("%PDF-")):
		return kindPDF, err
	}
	return kindOther, err
}

func saysPDF(name, mediaType string) bool {
	return mediaType == "application/pdf" || strings.HasSuffix(strings.ToLower(name), ".pdf")
}

// digestOf hashes a file through a small buffer.
func digestOf(ctx context.Context, content hub.Blob) (hub.Digest, error) {
	hash := sha256.New()
	reader := io.NewSectionReader(content, 0, content.Size())
	for {
		if err := ctx.Err(); err != nil {
			return hub.Digest{}, err
		}
		if _, err := io.CopyN(hash, reader, 1<<20); errors.Is(err, io.EOF) {
			return hub.Digest(hash.Sum(nil)), nil
		} else if err != nil {
			return hub.Digest{}, err
		}
	}
}
