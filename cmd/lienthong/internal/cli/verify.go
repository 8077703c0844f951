package cli

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/lienthong/lienthong/cmd/lienthong/internal/app"
	"github.com/lienthong/lienthong/cmd/lienthong/internal/examine"
	"github.com/lienthong/lienthong/cmd/lienthong/internal/text"
	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/hub/audit"
	"github.com/lienthong/lienthong/signing"
	signreport "github.com/lienthong/lienthong/signing/report"
	"github.com/lienthong/lienthong/signing/trust"
)

type verifyCommand struct {
	Files       []string  `arg:"" type:"existingfile" help:"Signed PDFs, edXML packages, receipts, evidence bundles; - for standard input."`
	Anchors     []string  `type:"existingfile" help:"Certificates (PEM) that signatures must lead to, or one trust list; repeat for several files of certificates. Lines in a file can say for what (deploy/trust.md)."`
	TrustSigner string    `name:"trust-signer" placeholder:"sha256:…" help:"Fingerprint of the certificate that must have signed the trust list."`
	Mirror      string    `type:"existingdir" help:"Folder of revocation lists, OCSP responses and certificates of authorities."`
	Revocation  string    `enum:"if-available,required" default:"if-available" help:"required: INDETERMINATE unless it is known that no certificate was revoked. What is known counts in any case."`
	Policy      string    `type:"existingfile" help:"Keys of the log and of its witnesses that you trust (c2sp.org/tlog-policy): for evidence bundles, and for the proof that lies beside each receipt."`
	At          time.Time `format:"2006-01-02T15:04:05Z07:00" help:"Check for this instant instead of now, such as 2026-11-23T10:00:00+07:00."`
	Archive     string    `type:"existingfile" help:"What verdicts of a hub were made from (receipt --validation): gives them again, at the time of the record, and says whether they are the same."`
	Form        string    `enum:"text,etsi-json,xml,html" default:"text" help:"text for the terminal; etsi-json or xml for a validation report with the names of ETSI TS 119 102-2; html for a page to hand on. --json is another form, with the names of the API."`
	Lang        string    `enum:"vi,en" default:"vi" help:"Language of --form html."`

	bundleFlags `embed:""`
	digestFlags `embed:""`

	Revision int    `help:"Also write the signed revision of this number of one PDF to --out, as its signer left it."`
	Out      string `help:"New file for --revision."`
}

// Help says what the exit codes mean.
func (verifyCommand) Help() string {
	return "Needs no hub and no network. What a file is, its content says. An edXML package is judged with all files in it, the worst decides. Receipts of one dispatch, the acceptance among them, are also checked as a chain; with --policy, the proof beside each shows its place in the log. An evidence bundle is verified in twelve steps, of which the worst decides; without --anchors and --policy of your own it is INDETERMINATE. Exit code 0: TOTAL-PASSED; 1: TOTAL-FAILED; 2: INDETERMINATE; 3: nothing signed in the file, or wrong use, such as roots that cannot be read. The worst of several files counts."
}

// fileVerdict is the result for one file.
type fileVerdict struct {
	File     string                `json:"file"`
	Kind     string                `json:"kind"` // pdf, edxml, xml, container, receipt, bundle, other; chain for receipts together, proof for what lies beside one
	Report   hub.SignatureReport   `json:"report"`
	Parts    []hub.SignatureReport `json:"parts,omitempty"` // of an edXML package
	Evidence *hub.Evidence         `json:"evidence,omitempty"`
	Chain    *audit.ChainReport    `json:"chain,omitempty"`
	Proof    *audit.Proven         `json:"proof,omitempty"`
	Bundle   *hub.BundleReport     `json:"bundle,omitempty"`
	sealed   *hub.SealedEvidence   // of a receipt that can be read
}

// Run verifies every file and ends with the worst exit code. Its codes are verdicts, so
// what is wrong with flags and files is wrong use, like a flag that there is not.
func (c *verifyCommand) Run(ctx context.Context, e *env) error {
	if err := c.verify(ctx, e); err != nil {
		return misuse{err}
	}
	return nil
}

func (c *verifyCommand) verify(ctx context.Context, e *env) error {
	if e.json && c.Form != "text" {
		return hub.Invalid("form", "exclusive", "choose --json or --form %s", c.Form)
	}
	if err := c.extract(ctx); err != nil {
		return err
	}
	verifier, err := c.verifier()
	if err != nil {
		return err
	}
	policy, err := c.policy()
	if err != nil {
		return err
	}
	examiner := &examine.Examiner{Signatures: verifier}
	if examiner.Bundles, err = c.auditor(ctx, policy); err != nil {
		return err
	}
	if c.Archive != "" {
		text, err := os.ReadFile(c.Archive)
		if err != nil {
			return hub.Invalid("archive", "file", "%v", err)
		}
		if examiner.Archive, err = examine.ReadArchive(text); err != nil {
			return err
		}
	}
	var all []fileVerdict
	var reports []hub.FileReport
	for _, file := range c.Files {
		result, err := verifyFile(ctx, examiner, e.Stdin, file)
		if err != nil {
			return err
		}
		reports = append(reports, result.FileReport)
		all = append(all, fileVerdict{
			File: file, Kind: string(result.Kind), Report: result.SignatureReport, Parts: result.Parts, Evidence: result.Evidence, Bundle: result.Bundle, sealed: result.Sealed,
		})
	}
	chains := verifyChains(all)
	proofs, err := verifyProofs(policy, all)
	if err != nil {
		return err
	}
	chains = append(proofs, chains...)
	all = append(all, chains...)
	if c.Form == "html" { // what receipts say together is no signature, but people want to see it
		for i := range chains {
			reports = append(reports, hub.FileReport{SignatureReport: chains[i].Report, Name: chains[i].File, Kind: hub.FileOther})
		}
	}
	if err := c.write(e, all, reports); err != nil {
		return err
	}
	worst := exitOK
	for i := range all {
		worst = worse(worst, exitOfVerdict(all[i].Report.Indication))
	}
	if worst != exitOK {
		return verdict(worst)
	}
	return nil
}

// write prints the verdicts in the form that was asked for.
func (c *verifyCommand) write(e *env, all []fileVerdict, reports []hub.FileReport) error {
	switch c.Form {
	case "xml":
		return signreport.WriteXML(e.Stdout, reports...)
	case "etsi-json":
		return signreport.WriteJSON(e.Stdout, reports...)
	case "html":
		pages, err := signreport.NewPages()
		if err != nil {
			return err
		}
		return pages.Write(e.Stdout, signreport.Language(c.Lang), reports...)
	}
	return e.print(all, func(w io.Writer) {
		for i := range all {
			all[i].text(w)
		}
	})
}

func (c *verifyCommand) verifier() (*signing.Verifier, error) {
	settings := app.TrustSettings{TrustSigner: c.TrustSigner, Mirror: c.Mirror}
	if len(c.Anchors) == 1 {
		settings.Anchors = c.Anchors[0]
	}
	anchors, mirror, _, err := settings.Load()
	if err != nil {
		return nil, err
	}
	if len(c.Anchors) > 1 {
		if anchors, err = joinAnchors(c.Anchors); err != nil {
			return nil, err
		}
	}
	algorithms, err := c.table()
	if err != nil {
		return nil, err
	}
	return signing.NewVerifier(signing.VerifierOptions{
		Anchors: anchors, Mirror: mirror, Revocation: trust.Requirement(c.Revocation), Algorithms: algorithms, Now: c.now,
	}), nil
}

// joinAnchors reads several files of certificates as one set.
func joinAnchors(files []string) (*trust.Anchors, error) {
	var all [][]byte
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			return nil, hub.Invalid("anchors", "file", "%v", err)
		}
		if _, err := trust.LoadAnchors(raw); err != nil { // none is passed over for the others
			return nil, hub.Invalid("anchors", "pem", "%s: %v", file, err)
		}
		all = append(all, raw)
	}
	anchors, err := trust.LoadAnchors(all...)
	if err != nil {
		return nil, hub.Invalid("anchors", "pem", "%v", err)
	}
	return anchors, nil
}

func (c *verifyCommand) now() time.Time {
	if c.At.IsZero() {
		return time.Now()
	}
	return c.At
}

// verifyFile verifies one file. Verifying jumps to and fro in it, so what comes through
// a pipe is copied to a file without a name first.
func verifyFile(ctx context.Context, examiner *examine.Examiner, stdin io.Reader, path string) (examine.Result, error) {
	if path == "-" {
		return verifyStream(ctx, examiner, path, stdin)
	}
	f, err := os.Open(path)
	if err != nil {
		return examine.Result{}, hub.Invalid("file", "file", "%v", err)
	}
	defer f.Close()
	info, err := f.Stat()
	switch {
	case err != nil:
		return examine.Result{}, hub.Invalid("file", "file", "%v", err)
	case !info.Mode().IsRegular():
		return verifyStream(ctx, examiner, path, f)
	}
	return examiner.File(ctx, filepath.Base(path), &fileContent{f, info.Size()})
}

func verifyStream(ctx context.Context, examiner *examine.Examiner, path string, in io.Reader) (examine.Result, error) {
	f, err := os.CreateTemp("", "lienthong-verify-*")
	if err != nil {
		return examine.Result{}, hub.Internal("make a temporary file", err)
	}
	defer f.Close()
	if err := os.Remove(f.Name()); err != nil {
		return examine.Result{}, hub.Internal("take the name from a temporary file", err)
	}
	size, err := io.Copy(f, in)
	if err != nil {
		return examine.Result{}, hub.Internal("read "+path, err)
	}
	return examiner.File(ctx, filepath.Base(path), &fileContent{f, size})
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
	if v.Bundle != nil {
		printBundle(w, v.Bundle)
	}
	if v.Proof != nil {
		fmt.Fprintf(w, "  entry %d of %d in the log %s, seen by %d witnesses\n", v.Proof.Index, v.Proof.Size, text.Printable(v.Proof.Origin), len(v.Proof.Witnesses))
	}
	if v.Bundle == nil { // its steps say more
		for _, finding := range v.Report.Findings {
			fmt.Fprintf(w, "  ! %s\n", text.Printable(finding))
		}
	}
	reports := v.Parts
	if len(reports) == 0 {
		reports = []hub.SignatureReport{v.Report}
	}
	for i := range reports {
		for _, finding := range v.findingsOf(i) {
			fmt.Fprintf(w, "  ! %s%s\n", partPrefix(reports[i].Part), text.Printable(finding))
		}
		for j := range reports[i].Signatures {
			printSignature(w, reports[i].Part, &reports[i].Signatures[j])
		}
	}
}

// findingsOf returns what was found out about a part besides its signatures.
func (v *fileVerdict) findingsOf(part int) []string {
	if len(v.Parts) == 0 {
		return nil // those of the file are printed with it
	}
	return v.Parts[part].Findings
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

// Size implements hub.Blob.
func (f *fileContent) Size() int64 { return f.size }
