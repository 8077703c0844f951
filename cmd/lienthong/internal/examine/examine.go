// Package examine verifies whatever file a person has in hand: a signed PDF, an edXML
// package with the files in it, a receipt, or an evidence bundle. What a file is, its content says, never
// its name.
//
// It keeps nothing: the parts of a package lie in a temporary folder while they are
// verified. It uses no network. A file that is damaged, forged or nothing of all this
// has a report that says so; an error means that no verdict could be made.
package examine

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"os"
	"time"

	"github.com/lienthong/lienthong/adapters/edxml"
	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/signing"
	"github.com/lienthong/lienthong/storage/blobdir"
)

// Examiner verifies files. It is safe for concurrent use.
type Examiner struct {
	Signatures *signing.Verifier
	TempDir    string   // for the parts of packages; empty means the system's
	Archive    *Archive // what verdicts are to be given again from; nil for none
	// Bundles is what evidence bundles are verified by; nil takes them for the sealed
	// containers that they are, too.
	Bundles *Auditor
}

// Result is the verdict on a file, and the receipt that it was, if it could be read.
type Result struct {
	hub.FileReport
	Sealed *hub.SealedEvidence
}

const (
	maxReceipt = 1 << 20 // bytes; above the size of any receipt
	sniffBytes = 1024    // readers of PDFs look for its header as far
	pdfHeader  = "%PDF-"
)

// VerifyFile is File without the receipt.
func (e *Examiner) VerifyFile(ctx context.Context, name string, content hub.Blob) (hub.FileReport, error) {
	result, err := e.File(ctx, name, content)
	return result.FileReport, err
}

// File verifies one file. What a reader of PDFs would open is a PDF, whatever else it
// begins like.
func (e *Examiner) File(ctx context.Context, name string, content hub.Blob) (Result, error) {
	var result Result
	var err error
	head := make([]byte, sniffBytes)
	n, _ := content.ReadAt(head, 0) // a shorter file has a shorter head
	head = bytes.TrimLeft(head[:n], "\xef\xbb\xbf \t\r\n")
	switch {
	case e.Bundles != nil && isBundle(head, content):
		result, err = e.bundle(ctx, content)
	case bytes.Contains(head, []byte(pdfHeader)):
		result.FileReport, err = e.plain(ctx, name, content)
	case bytes.HasPrefix(head, []byte("{")):
		result, err = e.receipt(ctx, content)
	case signing.IsReceiptXML(head):
		result, err = e.receiptXML(ctx, content)
	case bytes.HasPrefix(head, []byte("<")):
		result.FileReport, err = e.pack(ctx, content)
	default:
		result.FileReport, err = e.plain(ctx, name, content)
	}
	result.Name = name
	return result, err
}

func (e *Examiner) plain(ctx context.Context, name string, content hub.Blob) (hub.FileReport, error) {
	report, err := e.verifyFile(ctx, name, content)
	kind := hub.FileOther
	head := make([]byte, sniffBytes)
	n, _ := content.ReadAt(head, 0)
	switch {
	case bytes.HasPrefix(head[:n], []byte("PK")) && len(report.Signatures) > 0:
		kind = hub.FileContainer
	case bytes.Contains(head[:n], []byte(pdfHeader)):
		kind = hub.FilePDF
	case len(report.Signatures) > 0:
		kind = hub.FileContainer
	}
	return hub.FileReport{SignatureReport: report, Kind: kind}, err
}

func (e *Examiner) receipt(ctx context.Context, content hub.Blob) (Result, error) {
	if content.Size() > maxReceipt {
		return e.unsigned(ctx, content, hub.FileOther, "this is no receipt: it is larger than 1 MiB")
	}
	raw, err := io.ReadAll(io.NewSectionReader(content, 0, content.Size()))
	if err != nil {
		return Result{}, hub.Internal("read a file", err)
	}
	if !looksLikeReceipt(raw) {
		return e.unsigned(ctx, content, hub.FileOther, "this is no receipt: it has neither evidence nor jws")
	}
	sealed, report, err := e.Signatures.VerifyReceipt(raw, time.Time{})
	if err != nil && hub.KindOf(err) == hub.KindInvalid {
		result, failed := e.unsigned(ctx, content, hub.FileReceipt, "the receipt cannot be read: "+err.Error())
		result.Indication, result.Sub = hub.TotalFailed, hub.SubFormatFailure
		return result, failed
	}
	return Result{FileReport: hub.FileReport{SignatureReport: report, Kind: hub.FileReceipt, Evidence: &sealed.Evidence}, Sealed: &sealed}, err
}

// receiptXML verifies the XML form of a receipt, and the receipt that it carries.
func (e *Examiner) receiptXML(ctx context.Context, content hub.Blob) (Result, error) {
	if content.Size() > signing.MaxReceiptXML {
		return e.unsigned(ctx, content, hub.FileOther, "this is no receipt: it is larger than 6 MiB")
	}
	raw, err := io.ReadAll(io.NewSectionReader(content, 0, content.Size()))
	if err != nil {
		return Result{}, hub.Internal("read a file", err)
	}
	sealed, report, err := e.Signatures.VerifyReceiptXML(ctx, raw, time.Time{})
	if kind := hub.KindOf(err); err != nil && (kind == hub.KindInvalid || kind == hub.KindTooLarge) {
		result, failed := e.unsigned(ctx, content, hub.FileReceipt, "the receipt cannot be read: "+err.Error())
		result.Indication, result.Sub = hub.TotalFailed, hub.SubFormatFailure
		return result, failed
	}
	return Result{FileReport: hub.FileReport{SignatureReport: report, Kind: hub.FileReceipt, Evidence: &sealed.Evidence}, Sealed: &sealed}, err
}

// looksLikeReceipt tells a receipt, sound or not, from any other JSON.
func looksLikeReceipt(raw []byte) bool {
	var members map[string]json.RawMessage
	if json.Unmarshal(raw, &members) != nil {
		return bytes.Contains(raw, []byte(`"jws"`)) || bytes.Contains(raw, []byte(`"evidence"`))
	}
	return members["jws"] != nil || members["evidence"] != nil
}

// unsigned is the report on a file in which no signature is looked for.
func (e *Examiner) unsigned(ctx context.Context, content hub.Blob, kind hub.FileKind, why string) (Result, error) {
	report, err := e.Signatures.Unsigned(ctx, content, why)
	return Result{FileReport: hub.FileReport{SignatureReport: report, Kind: kind}}, err
}

// pack verifies the signature of a package, if it has one, and those of the files in it;
// of other XML its own signatures.
func (e *Examiner) pack(ctx context.Context, content hub.Blob) (hub.FileReport, error) {
	dir, err := os.MkdirTemp(e.TempDir, "lienthong-verify")
	if err != nil {
		return hub.FileReport{}, hub.Internal("make a temporary folder", err)
	}
	defer os.RemoveAll(dir)
	store, err := blobdir.Open(blobdir.Options{Dir: dir})
	if err != nil {
		return hub.FileReport{}, err
	}
	pkg, err := edxml.New(edxml.Options{}).Decode(ctx, io.NewSectionReader(content, 0, content.Size()), store)
	kind, why := hub.FileEdXML, "a status message carries no signature"
	switch {
	case err != nil && (hub.KindOf(err) == hub.KindInternal || ctx.Err() != nil):
		return hub.FileReport{}, err
	case err != nil:
		kind, why = hub.FileOther, "this is no edXML package: "+messageOf(err)
	case pkg.Submission != nil:
		return e.parts(ctx, content, pkg.Submission, store)
	}
	report, err := e.Signatures.VerifyFile(ctx, "", content)
	if report.Findings = append(report.Findings, why); len(report.Signatures) > 0 && kind == hub.FileOther {
		kind = hub.FileXML
	}
	return hub.FileReport{SignatureReport: report, Kind: kind}, err
}

func messageOf(err error) string {
	first := hub.ViolationsOf(err)[0]
	if first.Message != "" {
		return first.Message
	}
	return first.Error()
}

func (e *Examiner) parts(ctx context.Context, content hub.Blob, sub *hub.Submission, store *blobdir.Dir) (hub.FileReport, error) {
	total, err := e.Signatures.Unsigned(ctx, content)
	report := hub.FileReport{SignatureReport: total, Kind: hub.FileEdXML}
	for _, part := range sub.AllParts() {
		if err != nil {
			return report, err
		}
		if part.Role == hub.RoleEnvelope && !sub.XMLSigned {
			continue
		}
		var verdict hub.SignatureReport
		verdict, err = e.part(ctx, store, part)
		report.Parts = append(report.Parts, verdict)
	}
	report.ConcludeParts()
	return report, err
}

func (e *Examiner) part(ctx context.Context, store *blobdir.Dir, part hub.Part) (hub.SignatureReport, error) {
	blob, err := store.OpenBlob(ctx, part.Digest)
	if err != nil {
		return hub.SignatureReport{}, err
	}
	defer blob.Close()
	recorded := e.Archive.recorded(part.Digest)
	found, err := e.Signatures.ExaminePart(ctx, part, blob, e.Archive.inquiry(recorded))
	if err == nil {
		err = e.Archive.compare(recorded, &found.Report)
	}
	return found.Report, err
}

func (e *Examiner) verifyFile(ctx context.Context, name string, content hub.Blob) (hub.SignatureReport, error) {
	if e.Archive == nil {
		return e.Signatures.VerifyFile(ctx, name, content)
	}
	first, err := e.Signatures.Unsigned(ctx, content) // for its digest
	if err != nil {
		return first, err
	}
	recorded := e.Archive.recorded(first.SHA256)
	found, err := e.Signatures.ExamineFile(ctx, name, content, e.Archive.inquiry(recorded))
	if err == nil {
		err = e.Archive.compare(recorded, &found.Report)
	}
	return found.Report, err
}
