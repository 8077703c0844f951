package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/lienthong/lienthong/adapters/edxml"
	"github.com/lienthong/lienthong/cmd/lienthong/internal/text"
	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/hub/audit"
	"github.com/lienthong/lienthong/signing"
	"github.com/lienthong/lienthong/signing/trust"
	"github.com/lienthong/lienthong/storage/blobdir"
)

type verifyCommand struct {
	Files   []string  `arg:"" type:"existingfile" help:"Signed PDFs, edXML packages, receipts."`
	Anchors []string  `type:"existingfile" help:"Certificates (PEM) that signatures must lead to; repeat for several files."`
	At      time.Time `format:"2006-01-02T15:04:05Z07:00" help:"Check for this instant instead of now, such as 2026-11-23T10:00:00+07:00."`
}

// Help says what the exit codes mean.
func (verifyCommand) Help() string {
	return "Needs no hub and no network. Receipts of one dispatch, the acceptance among them, are also checked as a chain. Exit code 0: TOTAL-PASSED; 1: TOTAL-FAILED; 2: INDETERMINATE; 3: nothing signed in the file. The worst of several files counts."
}

// fileVerdict is the result for one file.
type fileVerdict struct {
	File     string                `json:"file"`
	Kind     string                `json:"kind"` // pdf, edxml, receipt, chain; json and xml when nothing of these
	Report   hub.SignatureReport   `json:"report"`
	Parts    []hub.SignatureReport `json:"parts,omitempty"` // of an edXML package
	Evidence *hub.Evidence         `json:"evidence,omitempty"`
	Chain    *audit.ChainReport    `json:"chain,omitempty"`
	sealed   *hub.SealedEvidence   // of a receipt that can be read
}

// maxReceipt is above the size of any receipt in bytes.
const maxReceipt = 1 << 20

// Run verifies every file and ends with the worst exit code.
func (c *verifyCommand) Run(ctx context.Context, e *env) error {
	verifier, err := c.verifier()
	if err != nil {
		return err
	}
	var all []fileVerdict
	for _, file := range c.Files {
		v, err := c.verifyFile(ctx, verifier, file)
		if err != nil {
			return err
		}
		all = append(all, v)
	}
	all = append(all, verifyChains(all)...)
	worst := exitOK
	for i := range all {
		worst = worse(worst, exitOfVerdict(all[i].Report.Indication))
	}
	if err := e.print(all, func(w io.Writer) {
		for i := range all {
			all[i].text(w)
		}
	}); err != nil {
		return err
	}
	if worst != exitOK {
		return verdict(worst)
	}
	return nil
}

func (c *verifyCommand) verifier() (*signing.Verifier, error) {
	var pem bytes.Buffer
	for _, file := range c.Anchors {
		raw, err := os.ReadFile(file)
		if err != nil {
			return nil, hub.Invalid("anchors", "file", "%v", err)
		}
		pem.Write(raw)
		pem.WriteByte('\n')
	}
	anchors := trust.NewAnchors()
	if pem.Len() > 0 {
		var err error
		if anchors, err = trust.LoadAnchors(pem.Bytes()); err != nil {
			return nil, hub.Invalid("anchors", "pem", "%v", err)
		}
	}
	return signing.NewVerifier(signing.VerifierOptions{Anchors: anchors, Now: c.now}), nil
}

func (c *verifyCommand) now() time.Time {
	if c.At.IsZero() {
		return time.Now()
	}
	return c.At
}

func (c *verifyCommand) verifyFile(ctx context.Context, verifier *signing.Verifier, path string) (fileVerdict, error) {
	f, err := os.Open(path)
	if err != nil {
		return fileVerdict{}, hub.Invalid("file", "file", "%v", err)
	}
	defer f.Close()
	content, err := newFileContent(f)
	if err != nil {
		return fileVerdict{}, err
	}
	head := make([]byte, 64)
	n, _ := f.ReadAt(head, 0) // a shorter file has a shorter head
	head = bytes.TrimLeft(head[:n], "\xef\xbb\xbf \t\r\n")
	switch {
	case bytes.HasPrefix(head, []byte("{")):
		return c.verifyReceipt(verifier, path, f, content.Size())
	case bytes.HasPrefix(head, []byte("<")):
		return c.verifyPackage(ctx, verifier, path, content)
	}
	report, err := verifier.VerifyFile(ctx, filepath.Base(path), content)
	return fileVerdict{File: path, Kind: "pdf", Report: report}, err
}

func (c *verifyCommand) verifyReceipt(verifier *signing.Verifier, path string, f *os.File, size int64) (fileVerdict, error) {
	if size > maxReceipt {
		return fileVerdict{}, hub.Errorf(hub.KindTooLarge, "file", "max_size", "%s is too large for a receipt", path)
	}
	raw, err := io.ReadAll(io.NewSectionReader(f, 0, size))
	if err != nil {
		return fileVerdict{}, hub.Internal("read "+path, err)
	}
	if !looksLikeReceipt(raw) {
		return notSigned(path, "json", "this is no receipt: it has neither evidence nor jws"), nil
	}
	sealed, report, err := verifier.VerifyReceipt(raw, c.now())
	v := fileVerdict{File: path, Kind: "receipt", Report: report, Evidence: &sealed.Evidence, sealed: &sealed}
	if err != nil && hub.KindOf(err) == hub.KindInvalid {
		v.Evidence, v.sealed = nil, nil
		v.Report = hub.SignatureReport{Indication: hub.TotalFailed, Sub: hub.SubFormatFailure, Findings: []string{err.Error()}}
		return v, nil
	}
	return v, err
}

// looksLikeReceipt tells a receipt, sound or not, from any other JSON.
func looksLikeReceipt(raw []byte) bool {
	var members map[string]json.RawMessage
	if json.Unmarshal(raw, &members) != nil {
		return bytes.Contains(raw, []byte(`"jws"`)) || bytes.Contains(raw, []byte(`"evidence"`))
	}
	return members["jws"] != nil || members["evidence"] != nil
}

func notSigned(path, kind, why string) fileVerdict {
	return fileVerdict{File: path, Kind: kind, Report: hub.SignatureReport{Indication: hub.NoSignatureFound, Findings: []string{why}}}
}

// verifyPackage verifies the signature of the package, if it has one, and those
// of the files in it. A package whose own signature block is only a dummy, as
// most are, is judged by its files.
func (c *verifyCommand) verifyPackage(ctx context.Context, verifier *signing.Verifier, path string, content hub.Blob) (fileVerdict, error) {
	dir, err := os.MkdirTemp("", "lienthong-verify")
	if err != nil {
		return fileVerdict{}, hub.Internal("make a temporary folder", err)
	}
	defer os.RemoveAll(dir)
	store, err := blobdir.Open(blobdir.Options{Dir: dir})
	if err != nil {
		return fileVerdict{}, err
	}
	pkg, err := edxml.New(edxml.Options{}).Decode(ctx, content, store)
	switch {
	case err != nil && hub.KindOf(err) == hub.KindInternal:
		return fileVerdict{}, err
	case err != nil:
		return notSigned(path, "xml", messageOf(hub.ViolationsOf(err)[0])), nil
	case pkg.Submission == nil:
		return notSigned(path, "edxml", "a status message carries no signature"), nil
	}
	v := fileVerdict{File: path, Kind: "edxml"}
	for _, part := range pkg.Submission.AllParts() {
		if part.Role == hub.RoleEnvelope && !pkg.Submission.XMLSigned {
			continue
		}
		report, err := verifyPart(ctx, verifier, store, part)
		if err != nil {
			return v, err
		}
		v.Parts = append(v.Parts, report)
	}
	v.Report = summary(v.Parts)
	return v, nil
}

func verifyPart(ctx context.Context, verifier *signing.Verifier, store *blobdir.Dir, part hub.Part) (hub.SignatureReport, error) {
	blob, err := store.OpenBlob(ctx, part.Digest)
	if err != nil {
		return hub.SignatureReport{}, err
	}
	defer blob.Close()
	return verifier.VerifyPart(ctx, part, blob)
}

// summary is the verdict of a package: the worst of its signed parts; unsigned
// attachments and the dummy signature of an envelope do not count against it.
func summary(parts []hub.SignatureReport) hub.SignatureReport {
	var total hub.SignatureReport
	for _, p := range parts {
		if p.Part == string(hub.RoleEnvelope) && p.Indication != hub.TotalFailed {
			continue
		}
		total.Signatures = append(total.Signatures, p.Signatures...)
	}
	total.Conclude()
	return total
}

func exitOfVerdict(i hub.Indication) int {
	switch i {
	case hub.TotalPassed:
		return exitOK
	case hub.TotalFailed:
		return exitFailed
	case hub.Indeterminate:
		return exitIndeterminate
	}
	return exitUsage
}

// worse orders verdicts: a failure outweighs what is undecided, which outweighs
// what is not signed.
func worse(a, b int) int {
	order := []int{exitOK, exitUsage, exitIndeterminate, exitFailed}
	rank := func(code int) int {
		for i, c := range order {
			if c == code {
				return i
			}
		}
		return len(order)
	}
	if rank(b) > rank(a) {
		return b
	}
	return a
}

func (v *fileVerdict) text(w io.Writer) {
	fmt.Fprintf(w, "%s: %s", v.File, v.Report.Indication)
	if v.Report.Sub != "" {
		fmt.Fprintf(w, " (%s)", v.Report.Sub)
	}
	fmt.Fprintln(w)
	if v.Evidence != nil {
		fmt.Fprintf(w, "  %s at %s, dispatch %s\n", v.Evidence.Event.Name(), text.Clock(v.Evidence.Time), v.Evidence.Dispatch)
	}
	if v.Chain != nil {
		printChain(w, v.Chain)
	}
	for _, finding := range v.Report.Findings {
		fmt.Fprintf(w, "  ! %s\n", text.Printable(finding))
	}
	reports := v.Parts
	if len(reports) == 0 {
		reports = []hub.SignatureReport{v.Report}
	}
	for i := range reports {
		for j := range reports[i].Signatures {
			printSignature(w, reports[i].Part, &reports[i].Signatures[j])
		}
	}
}

func printSignature(w io.Writer, part string, s *hub.SignatureVerdict) {
	fmt.Fprintf(w, "  %s%s: %s", partPrefix(part), text.Short(s.Signer, 60), s.Indication)
	if s.Sub != "" {
		fmt.Fprintf(w, " (%s)", s.Sub)
	}
	fmt.Fprintf(w, ", claims %s", text.Clock(s.ClaimedAt))
	if s.Revisions > 1 {
		fmt.Fprintf(w, ", revision %d of %d", s.Revision, s.Revisions)
	}
	fmt.Fprintln(w)
	if s.Reason != "" {
		fmt.Fprintf(w, "    %s\n", text.Printable(s.Reason))
	}
}

func partPrefix(part string) string {
	if part == "" {
		return ""
	}
	return part + " "
}

// fileContent is a file as the verifier wants it.
type fileContent struct {
	*os.File
	size int64
}

func newFileContent(f *os.File) (hub.Blob, error) {
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = errors.New("not a regular file")
	}
	if err != nil {
		return nil, hub.Invalid("file", "file", "%v", err)
	}
	return &fileContent{File: f, size: info.Size()}, nil
}

// Size implements hub.Blob.
func (f *fileContent) Size() int64 { return f.size }
