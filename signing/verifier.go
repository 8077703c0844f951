package signing

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"strings"
	"time"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/signing/pdfsig"
	"github.com/lienthong/lienthong/signing/trust"
	"github.com/lienthong/lienthong/signing/verdict"
	"github.com/lienthong/lienthong/signing/xmldsig"
)

// Policy names the rules of every report: first level, without revocation and
// timestamps.
const Policy = "urn:lienthong:policy:signature:basic:1"

// sniffBytes is how much of a file decides what it is. Readers of PDF accept the
// header anywhere in the first 1024 bytes; so must whoever wants to stop that.
const sniffBytes = 1024

// VerifierOptions configures a Verifier.
type VerifierOptions struct {
	Anchors *trust.Anchors   // nil trusts nobody: sound signatures are INDETERMINATE
	Now     func() time.Time // required; the time that chains are judged at
}

// Verifier gives verdicts on files. It is safe for concurrent use and remembers
// verified links between certificates, nothing else.
type Verifier struct {
	validator *trust.Validator
	now       func() time.Time
}

// NewVerifier returns a verifier.
func NewVerifier(options VerifierOptions) *Verifier {
	return &Verifier{validator: trust.NewValidator(options.Anchors), now: options.Now}
}

// VerifyPart judges one part of a document whose digest the store has verified: a
// PDF by its content, the envelope by its role. Anything else carries no signature
// that is looked for. The error is an I/O failure.
func (v *Verifier) VerifyPart(ctx context.Context, part hub.Part, content hub.Blob) (hub.SignatureReport, error) {
	report := v.newReport(part.ID, part.Digest)
	kind, err := sniff(content, content.Size())
	if err != nil {
		return report, hub.Internal("read a part", err)
	}
	if part.Role == hub.RoleEnvelope && kind == kindOther {
		kind = kindXML
	}
	if part.Role != hub.RoleEnvelope && kind == kindXML {
		kind = kindOther
	}
	return v.verify(ctx, report, kind, saysPDF(part.Name, part.MediaType), content)
}

// VerifyFile judges a file on its own: PDF or the XML of an edXML envelope, told
// apart by content, never by name. The error is an I/O failure.
func (v *Verifier) VerifyFile(ctx context.Context, name string, content hub.Blob) (hub.SignatureReport, error) {
	report := v.newReport("", hub.Digest{})
	digest, err := digestOf(ctx, content)
	if err != nil {
		return report, hub.Internal("read a file", err)
	}
	report.SHA256 = digest
	kind, err := sniff(content, content.Size())
	if err != nil {
		return report, hub.Internal("read a file", err)
	}
	return v.verify(ctx, report, kind, saysPDF(name, ""), content)
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
		ValidatedAt:  v.now().UTC().Truncate(time.Millisecond),
		Policy:       Policy,
		Signatures:   []hub.SignatureVerdict{},
		AnchorSource: v.validator.Anchors().Source(),
	}
}

func (v *Verifier) verify(ctx context.Context, report hub.SignatureReport, kind fileKind, saysPDF bool, content hub.Blob) (hub.SignatureReport, error) {
	var signatures []verdict.Signature
	var details []pdfsig.Detail
	switch kind {
	case kindPDF:
		found, err := pdfsig.Verify(ctx, content, content.Size(), v.validator, report.ValidatedAt)
		if err != nil {
			return report, ioFailure(ctx, err)
		}
		signatures, details, report.Findings = found.Signatures, found.Details, found.Findings
	case kindXML:
		found, err := xmldsig.Verify(ctx, content, content.Size(), v.validator, report.ValidatedAt)
		if err != nil {
			return report, ioFailure(ctx, err)
		}
		if found != nil {
			signatures = append(signatures, *found)
		}
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
	}
	report.Conclude()
	return report, nil
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
)

// sniff tells a file by its content. A PDF header that is not at the first byte
// still makes it a PDF, one that the strict reader refuses.
func sniff(content io.ReaderAt, size int64) (fileKind, error) {
	head := make([]byte, min(sniffBytes, size))
	if n, err := content.ReadAt(head, 0); n < len(head) {
		return kindOther, errors.Join(io.ErrUnexpectedEOF, err)
	}
	switch {
	case bytes.Contains(head, []byte("%PDF-")):
		return kindPDF, nil
	case bytes.HasPrefix(bytes.TrimLeft(bytes.TrimPrefix(head, []byte("\xEF\xBB\xBF")), " \r\n\t"), []byte("<")):
		return kindXML, nil
	}
	return kindOther, nil
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
