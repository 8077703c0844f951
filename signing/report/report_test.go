package report

import (
	"bytes"
	"cmp"
	"encoding/json"
	"encoding/xml"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"io/fs"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/lienthong/lienthong/hub"
)

var at = time.Date(2026, 11, 23, 3, 0, 0, 0, time.UTC)

// files are a package with every kind of verdict, and a file without a signature.
func files() []hub.FileReport {
	good := hub.SignatureVerdict{
		Field: "Chữ ký 1", Format: "ETSI.CAdES.detached", Level: "B-B", Indication: hub.TotalPassed, Signer: "Nguyễn <b>A</b>",
		Organization: "UBND tỉnh Quảng Nam", Issuer: "CA & Co", Serial: "1f", ClaimedAt: at, Algorithm: "RSA with SHA-256",
		Chain: []hub.Digest{{1}, {2}, {3}}, Anchor: "Gốc", Revision: 1, Revisions: 2, CoveredBytes: 4711,
		Changes: []string{"a signature was added in the field Signature 2", "the field x was filled in", "something unheard of"},
		Checks: []hub.Check{
			{Name: "coverage", Passed: true}, {Name: "revocation", Skipped: true, Detail: "not checked"}, {Name: "a new check", Passed: true},
		},
	}
	bad := good
	bad.Indication, bad.Sub, bad.Reason, bad.ProvenAt = hub.TotalFailed, hub.SubHashFailure, "the digest differs", at.Add(time.Minute)
	bad.Checks, bad.CoversWhole, bad.Chain = []hub.Check{{Name: "content digest", Detail: "the digest differs"}}, true, []hub.Digest{{1}, {3}}
	gone := good
	gone.Indication, gone.Sub, gone.Reason, gone.Checks = hub.Indeterminate, hub.SubRevokedNoPOE, "it was revoked", nil
	gone.Revocation = &hub.RevocationStatus{Certificate: hub.Digest{1}, Subject: "Nguyễn <b>A</b>", At: at.Add(-time.Hour), Reason: hub.RevokedKeyCompromise}
	weak := good
	weak.Indication, weak.Sub, weak.Reason, weak.Checks = hub.Indeterminate, hub.SubCryptoConstraintsNoPOE, "it is weak", nil
	weak.Crypto = &hub.CryptoStatus{Algorithm: "RSA with SHA-256, 2048 bits", SecureUntil: time.Date(2029, 1, 1, 0, 0, 0, 0, time.UTC)}
	report := hub.SignatureReport{Part: "p1", AlgorithmTable: "2024-10-13", SHA256: hub.Digest{9}, ValidatedAt: at, Policy: "urn:test", Signatures: []hub.SignatureVerdict{good, bad, gone, weak}, AnchorSource: "two roots"}
	report.Conclude()
	pkg := hub.FileReport{SignatureReport: report, Name: "a.edxml", Kind: hub.FileEdXML, Parts: []hub.SignatureReport{report}}
	none := hub.SignatureReport{SHA256: hub.Digest{8}, ValidatedAt: at, Policy: "urn:test", Findings: []string{"odd <file>"}}
	none.Conclude()
	return []hub.FileReport{pkg, {SignatureReport: none, Name: "b.pdf", Kind: hub.FilePDF}}
}

func forms(t *testing.T) map[string]func(io.Writer, ...hub.FileReport) error {
	pages, err := NewPages()
	if err != nil {
		t.Fatal(err)
	}
	page := func(l Language) func(io.Writer, ...hub.FileReport) error {
		return func(w io.Writer, f ...hub.FileReport) error { return pages.Write(w, l, f...) }
	}
	return map[string]func(io.Writer, ...hub.FileReport) error{"json": WriteJSON, "xml": WriteXML, "vi": page(Vietnamese), "en": page(English)}
}

func written(t *testing.T, form string, f ...hub.FileReport) string {
	t.Helper()
	var b bytes.Buffer
	if err := forms(t)[form](&b, f...); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// What a report says does not depend on when, where or how often it is written, nor on
// the zone that its times come in.
func TestSameReportSameBytes(t *testing.T) {
	local := files()
	for i := range local {
		local[i].ValidatedAt = local[i].ValidatedAt.In(hub.Vietnam())
		for j := range local[i].Parts {
			local[i].Parts[j].ValidatedAt = local[i].Parts[j].ValidatedAt.In(hub.Vietnam())
		}
	}
	for form := range forms(t) {
		first := written(t, form, files()...)
		for range 20 {
			if written(t, form, files()...) != first {
				t.Fatalf("%s: the same report gives other bytes", form)
			}
		}
		if written(t, form, local...) != first {
			t.Errorf("%s: the zone of the times shows", form)
		}
	}
}

func TestEveryWordHasAText(t *testing.T) {
	c, err := readCatalogue()
	if err != nil {
		t.Fatal(err)
	}
	need := func(what string, text text) {
		for _, l := range []Language{Vietnamese, English} {
			if strings.TrimSpace(text[l]) == "" {
				t.Errorf("%s has no text in %q", what, l)
			}
		}
	}
	for _, i := range []hub.Indication{hub.TotalPassed, hub.TotalFailed, hub.Indeterminate, hub.NoSignatureFound} {
		need(string(i), c.Indication[i])
		need(string(i), c.Meaning[i])
	}
	for _, s := range hub.SubReasons() {
		need(string(s), c.Sub[s])
	}
	for _, r := range hub.RevocationReasons() {
		need(string(r), c.Revoked[r])
	}
	for _, name := range calls(t, "..", "Check", "Skip") {
		need("the check "+name, c.Check[name])
	}
	for name, text := range c.Label {
		need("the label "+name, text)
		if strings.Count(text["vi"], "{}") != strings.Count(text["en"], "{}") {
			t.Errorf("the label %s has other gaps in the other language", name)
		}
	}
	for pattern, text := range c.Change {
		need("the change "+pattern, text)
		if text[English] != pattern {
			t.Errorf("the English text of a change is the change: %q", pattern)
		}
	}
	for _, finding := range findings(t) {
		if text, said := c.finding(finding, Vietnamese); !said || text == finding {
			t.Errorf("the finding %q has no text in Vietnamese", finding)
		}
	}
	for _, label := range labels(t) {
		need("the label "+label, c.Label[label])
	}
}

// findings are all findings about files as the source has them, with what differs left out.
func findings(t *testing.T) []string {
	t.Helper()
	var found []string
	for _, pattern := range []string{"../*.go", "../*/*.go", "../../cmd/lienthong/internal/examine/*.go", "../../hub/intake/*.go"} {
		files, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range files {
			if strings.HasSuffix(name, "_test.go") {
				continue
			}
			file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
			if err != nil {
				t.Fatal(err)
			}
			ast.Inspect(file, func(n ast.Node) bool {
				found = append(found, findingsIn(n)...)
				return true
			})
		}
	}
	if len(found) < 20 {
		t.Errorf("the source has %d findings: %q", len(found), found)
	}
	return found
}

// findingsIn are those that a node of the source makes.
func findingsIn(n ast.Node) (found []string) {
	named := func(e ast.Expr, name string) bool {
		switch e := e.(type) {
		case *ast.SelectorExpr:
			return e.Sel.Name == name
		case *ast.Ident:
			return e.Name == name
		}
		return false
	}
	take := func(values ...ast.Expr) {
		for _, value := range values {
			if text := beginning(value); text != "" {
				found = append(found, text)
			}
		}
	}
	switch n := n.(type) {
	case *ast.CallExpr:
		if named(n.Fun, "append") && named(n.Args[0], "Findings") || named(n.Fun, "unsigned") {
			take(n.Args[1:]...)
		}
	case *ast.KeyValueExpr:
		if list, ok := n.Value.(*ast.CompositeLit); ok && named(n.Key, "Findings") {
			take(list.Elts...)
		}
	case *ast.ValueSpec:
		if strings.HasPrefix(n.Names[0].Name, "find") {
			take(n.Values...)
		}
	}
	return found
}

// beginning is the text that an expression begins with, with a value behind it where it
// goes on; empty for one that begins with something else.
func beginning(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.BasicLit:
		text, _ := strconv.Unquote(e.Value)
		return text
	case *ast.BinaryExpr:
		if begins := beginning(e.X); begins != "" {
			rest := beginning(e.Y)
			return begins + cmp.Or(rest, "x")
		}
	case *ast.CallExpr:
		if f, ok := e.Fun.(*ast.SelectorExpr); ok && f.Sel.Name == "Sprintf" {
			return regexp.MustCompile(`%[a-z]`).ReplaceAllString(beginning(e.Args[0]), "x")
		}
	}
	return ""
}

// calls returns the literal first arguments of all calls of methods in the rooms that
// judge signatures, as its source has them.
func calls(t *testing.T, root string, methods ...string) []string {
	var found []string
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		if err != nil {
			return err
		}
		ast.Inspect(file, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok || len(call.Args) == 0 {
				return true
			}
			method, ok := call.Fun.(*ast.SelectorExpr)
			literal, isText := call.Args[0].(*ast.BasicLit)
			if !ok || !isText || literal.Kind != token.STRING {
				return true
			}
			for _, name := range methods {
				if method.Sel.Name == name {
					text, err := strconv.Unquote(literal.Value)
					if err != nil {
						t.Fatal(err)
					}
					found = append(found, text)
				}
			}
			return true
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(found) < 15 && root == ".." {
		t.Fatalf("only the checks %q were found: the search is broken", found)
	}
	return found
}

func labels(t *testing.T) []string {
	found := calls(t, ".", "Label")
	for rest := pageTemplate; ; {
		_, after, more := strings.Cut(rest, `.Label "`)
		if !more {
			return found
		}
		label, behind, _ := strings.Cut(after, `"`)
		found, rest = append(found, label), behind
	}
}

func TestPage(t *testing.T) {
	for language, wants := range map[string][]string{
		"vi": {`<html lang="vi">`, "Không hợp lệ", "Hợp lệ", "Không có chữ ký số", "thêm một chữ ký trong trường Signature 2", "something unheard of",
			"Nội dung đã bị thay đổi sau khi ký.", "23/11/2026 10:00:00 &#43;07:00", "chưa có bằng chứng", "phiên bản 1 trên 2 của tệp, 4711 byte đầu", "chưa kiểm tra", "a new check",
			"23/11/2026 09:00:00 &#43;07:00, khóa bí mật bị lộ hoặc nghi bị lộ", "RSA with SHA-256, 2048 bits, được coi là an toàn đến trước ngày 01/01/2029", "Bảng thuật toán (phiên bản): 2024-10-13"},
		"en": {`<html lang="en">`, "Not valid", "the field x was filled in", "The content was changed after it was signed.", "revision 1 of 2 of the file, the first 4711 bytes",
			"the private key was compromised, or may have been", "considered safe until before 01/01/2029"},
	} {
		page := written(t, language, files()...)
		for _, want := range append(wants, "Nguyễn &lt;b&gt;A&lt;/b&gt;", "odd &lt;file&gt;", "UBND tỉnh Quảng Nam") {
			if !strings.Contains(page, want) {
				t.Errorf("the page in %q lacks %q", language, want)
			}
		}
		for _, forbidden := range []string{"<script", "http://", "https://", " style=", " onclick", "<link", "<img", "ZgotmplZ", "<b>", "&lt;no value"} {
			if strings.Contains(page, forbidden) {
				t.Errorf("the page in %q contains %q", language, forbidden)
			}
		}
		_, style, _ := strings.Cut(page, "<style>")
		if style, _, _ = strings.Cut(style, "</style>"); style != pageStyle {
			t.Error("the style on the page is not the one that the policy allows")
		}
	}
	if policy := ContentPolicy(); !strings.HasPrefix(policy, "default-src 'none'; style-src 'sha256-") {
		t.Errorf("policy %q", policy)
	}
}

func TestXMLKeepsTheOrderOfTheSchema(t *testing.T) {
	document := written(t, "xml", files()...)
	position := 0
	for _, name := range []string{
		`<ValidationReport xmlns="http://uri.etsi.org/19102/v1.4.1#"`, `<SignatureIdentifier id="sig-1">`, "<ValidationConstraintsEvaluationReport>",
		"<SignatureValidationPolicy>", "<PolicyName>urn:test", "<ValidationConstraint>", "<ValidationTimeInfo>", "<BestSignatureTime>", "<SignersDocument>",
		"<SignatureAttributes>", "<SigningTime>", "<SubFilter>", "<SignerInformation>", "<SignatureValidationProcess>", "<SignatureValidationStatus>",
		"<MainIndication>urn:etsi:019102:mainindication:total-passed", "<TrustAnchor ", "<CertificateChain>", "<CryptoInformation>", "<OtherInformation>",
		"<SubIndication>urn:etsi:019102:subindication:HASH_FAILURE",
		"<CertificateChain>", "<RevocationStatusInformation>", `<ValidationObjectId VOReference="cert-01`, "<RevocationTime>2026-11-23T02:00:00Z",
		"<RevocationReason>urn:etsi:019102:revocationReason:keyCompromise", "<CryptoInformation>", "<SubIndication>urn:etsi:019102:subindication:CRYPTO_CONSTRAINTS_FAILURE_NO_POE",
		"<Algorithm>urn:lienthong:algorithm:RSA-with-SHA-256-2048-bits", "<SecureAlgorithm>false", "<NotAfter>2029-01-01T00:00:00Z", "<lt:AlgorithmTable>2024-10-13", "<MainIndication>urn:lienthong:mainindication:no-signature-found", "<SignatureValidationObjects>",
	} {
		i := strings.Index(document[position:], name)
		if i < 0 {
			t.Fatalf("%s is missing behind %q", name, document[max(0, position-80):position])
		}
		position += i
	}
	ids := map[string]bool{}
	var refs []string
	decoder := xml.NewDecoder(strings.NewReader(document))
	for {
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		start, _ := token.(xml.StartElement)
		for _, a := range start.Attr {
			switch a.Name.Local {
			case "id":
				if ids[a.Value] {
					t.Errorf("the id %s stands twice", a.Value)
				}
				ids[a.Value] = true
			case "VOReference":
				refs = append(refs, a.Value)
			}
		}
	}
	for _, r := range refs {
		if !ids[r] {
			t.Errorf("the reference %s leads nowhere", r)
		}
	}
}

func TestJSONHasTheSameNames(t *testing.T) {
	var document struct {
		ValidationReport struct {
			SignatureValidationReport []struct {
				ValidationTimeInfo struct {
					BestSignatureTime struct{ POETime, TypeOfProof string }
				}
				SignatureValidationStatus struct {
					MainIndication                 string
					SubIndication                  []string
					AssociatedValidationReportData struct {
						TrustAnchor                 struct{ VOReference string }
						CertificateChain            struct{ IntermediateCertificate []any }
						RevocationStatusInformation *struct{ RevocationTime, RevocationReason string }
						CryptoInformation           struct {
							SecureAlgorithm bool
							NotAfter        string
						}
					}
				}
			}
			SignatureValidationObjects []struct{ ID string }
		}
	}
	if err := json.Unmarshal([]byte(written(t, "json", files()...)), &document); err != nil {
		t.Fatal(err)
	}
	reports := document.ValidationReport.SignatureValidationReport
	if len(reports) != 5 || len(document.ValidationReport.SignatureValidationObjects) != 5 {
		t.Fatalf("%+v", document)
	}
	if s := reports[0].SignatureValidationStatus; s.AssociatedValidationReportData.TrustAnchor.VOReference == "" ||
		len(s.AssociatedValidationReportData.CertificateChain.IntermediateCertificate) != 1 || !s.AssociatedValidationReportData.CryptoInformation.SecureAlgorithm {
		t.Errorf("%+v", s)
	}
	if s := reports[2].SignatureValidationStatus.AssociatedValidationReportData.RevocationStatusInformation; s == nil ||
		s.RevocationTime != "2026-11-23T02:00:00Z" || s.RevocationReason != "urn:etsi:019102:revocationReason:keyCompromise" {
		t.Errorf("%+v", s)
	}
	if s := reports[3].SignatureValidationStatus.AssociatedValidationReportData.CryptoInformation; s.SecureAlgorithm || s.NotAfter != "2029-01-01T00:00:00Z" {
		t.Errorf("%+v", s)
	}
	if best := reports[1].ValidationTimeInfo.BestSignatureTime; best.POETime != "2026-11-23T03:01:00Z" || best.TypeOfProof != proofFound {
		t.Errorf("%+v", best)
	}
	if s := reports[1].SignatureValidationStatus; len(s.SubIndication) != 1 || s.MainIndication != urnMain+"total-failed" {
		t.Errorf("%+v", s)
	}
}

func TestChooseLanguage(t *testing.T) {
	for list, want := range map[string]Language{
		"": Vietnamese, "vi-VN,vi;q=0.9,en;q=0.8": Vietnamese, "en-GB, vi": English, "fr, EN;q=0.5": English, "fr": Vietnamese, "*": Vietnamese, ",;=": Vietnamese,
	} {
		if got := ChooseLanguage(list); got != want {
			t.Errorf("%q gives %q, want %q", list, got, want)
		}
	}
}
