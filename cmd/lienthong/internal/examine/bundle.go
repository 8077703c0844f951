package examine

import (
	"bytes"
	"context"
	"io"
	"time"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/hub/audit"
	"github.com/lienthong/lienthong/hub/audit/bundle"
	"github.com/lienthong/lienthong/signing"
	"github.com/lienthong/lienthong/signing/asic"
)

// Auditor is whom an evidence bundle must convince: what is known from elsewhere than
// from the bundle.
type Auditor struct {
	Policy       *audit.Policy     // nil: none, and the log stays undecided
	Kept         []audit.Kept      // checkpoints that were kept
	Originals    []bundle.Original // files to compare with the content; nil: none
	Gap          time.Duration     // between an event and its time-stamp; bundle.DefaultGap when zero
	HandoverEnds bool              // the recipient has agreed to no registration
}

// isBundle reports whether a file is, or pretends to be, an evidence bundle: it begins like
// one, or holds receipts anywhere. Else somebody could put another file before them, and
// what is left is a sealed container, of which nobody asks for proofs.
func isBundle(head []byte, content hub.Blob) bool {
	if bundle.IsBundle(head) {
		return true
	}
	if !bytes.HasPrefix(head, []byte("PK")) {
		return false
	}
	c, err := asic.Read(content, content.Size())
	return err == nil && bundle.HoldsReceipts(c.Names()) // what cannot be read passes as nothing
}

// bundle verifies an evidence bundle for the time of the verifier. The twelve steps of
// bundle.Verify decide on the indication of the file.
func (e *Examiner) bundle(ctx context.Context, content hub.Blob) (Result, error) {
	report, err := e.Signatures.Unsigned(ctx, content) // for its digest and the words of every report
	if err != nil {
		return Result{}, err
	}
	found, err := bundle.Verify(ctx, Question(e.Signatures, e.Bundles, report.ValidatedAt, content, content.Size()))
	if err != nil {
		return Result{}, err
	}
	report.Indication, report.Sub, report.Findings = found.Indication, found.Sub, found.Wrong()
	return Result{FileReport: hub.FileReport{SignatureReport: report, Kind: hub.FileBundle, Bundle: &found}}, nil
}

// Question puts a bundle before the rooms that read and judge it.
func Question(v *signing.Verifier, by *Auditor, at time.Time, content io.ReaderAt, size int64) bundle.Question {
	return bundle.Question{
		Content: content, Size: size, At: at,
		Open: func(source io.ReaderAt, size int64) (bundle.Container, error) {
			c, err := asic.Read(source, size)
			if err != nil {
				return nil, err
			}
			return c, nil
		},
		Judge:  func(along []hub.Material) bundle.Judge { return v.Bundle(along, at) },
		Policy: by.Policy, Kept: by.Kept, Originals: by.Originals, Gap: by.Gap, HandoverEnds: by.HandoverEnds,
	}
}
