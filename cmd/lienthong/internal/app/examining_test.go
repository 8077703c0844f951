package app_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lienthong/lienthong/adapters/hubclient"
	"github.com/lienthong/lienthong/cmd/lienthong/internal/app"
	"github.com/lienthong/lienthong/cmd/lienthong/internal/examine"
	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/hub/audit"
	"github.com/lienthong/lienthong/hub/audit/bundle"
	"github.com/lienthong/lienthong/signing"
	"github.com/lienthong/lienthong/signing/trust"
)

// trustingItself is the settings of a hub whose roots are its own certificate and that of
// its time-stamps, as the first start made them.
func trustingItself(t *testing.T) app.Config {
	t.Helper()
	config := configIn(t.TempDir())
	config.StampEvery = time.Second
	h := start(t, config)
	if err := h.stop(); err != nil {
		t.Fatal(err)
	}
	config.Anchors = filepath.Join(t.TempDir(), "anchors.pem")
	trustItself(t, &config, "evidence")
	return config
}

// trustItself writes the roots of such a hub, its own certificate for those purposes.
func trustItself(t *testing.T, config *app.Config, purposes string) {
	t.Helper()
	own, ownErr := os.ReadFile(config.CertificateFile())
	stamps, stampsErr := os.ReadFile(config.TimestampAnchorsFile())
	roots := slices.Concat([]byte("# purpose: "+purposes+"\n"), own, []byte("# purpose: timestamping\n"), stamps)
	if err := errors.Join(ownErr, stampsErr, os.WriteFile(config.Anchors, roots, 0o600)); err != nil {
		t.Fatal(err)
	}
}

// withdrawn sends a document, takes it back, and returns its bundle when the log is
// time-stamped so far.
func (h *testHub) withdrawn(t *testing.T, c *hubclient.Client) []byte {
	t.Helper()
	accepted, err := c.Submit(t.Context(), submission("t-1"), original("content"), nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Recall(t.Context(), accepted.Dispatch.ID, nil, "wrong file"); err != nil {
		t.Fatal(err)
	}
	order := hub.BundleOrder{Dispatch: accepted.Dispatch.ID, Content: true}
	for {
		var out bytes.Buffer
		if err := c.Bundle(t.Context(), order, &out, nil); err != nil { // waits for the log
			t.Fatal(err)
		}
		if report := h.verified(t, c, out.Bytes()); report.Bundle != nil && report.Bundle.Steps[6].Outcome == hub.StepPassed {
			return out.Bytes()
		}
	}
}

// verified is what POST /v1/verify says of a file.
func (h *testHub) verified(t *testing.T, c *hubclient.Client, content []byte) hub.FileReport {
	t.Helper()
	report, err := c.VerifyFile(t.Context(), hubclient.File{
		Part: hub.Part{Name: "evidence.asice", Size: int64(len(content))},
		Open: func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(content)), nil },
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return report
}

// TestBundlesOverTheNetwork: the API gives the report on a bundle that lienthong verify
// gives with the same roots and keys, and the page shows its steps; a changed byte fails
// both.
func TestBundlesOverTheNetwork(t *testing.T) {
	t.Parallel()
	config := trustingItself(t)
	h := start(t, config)
	senderKey, _ := h.enroll(t)
	c := h.client(t, senderKey)
	content := h.withdrawn(t, c)

	report := h.verified(t, c, content)
	if report.Kind != hub.FileBundle || report.Indication != hub.TotalPassed || report.Bundle.State != hub.StateWithdrawn {
		t.Fatalf("the hub says %+v, %v", report.Bundle, report.Findings)
	}
	policy, policyErr := os.ReadFile(config.PolicyFile())
	pem, pemErr := os.ReadFile(config.Anchors)
	keys, keysErr := audit.ParsePolicy(policy)
	anchors, anchorsErr := trust.LoadAnchors(pem)
	if err := errors.Join(policyErr, pemErr, keysErr, anchorsErr); err != nil {
		t.Fatal(err)
	}
	offline := examine.Examiner{
		Signatures: signing.NewVerifier(signing.VerifierOptions{Anchors: anchors, Now: func() time.Time { return report.ValidatedAt }}),
		Bundles:    &examine.Auditor{Policy: keys},
	}
	alone, err := offline.VerifyFile(t.Context(), "evidence.asice", hub.BlobOf(content))
	if err != nil {
		t.Fatal(err)
	}
	want, _ := json.Marshal(alone.Bundle)
	if got, _ := json.Marshal(report.Bundle); !bytes.Equal(got, want) {
		t.Errorf("the hub says\n%s\nand lienthong verify\n%s", got, want)
	}

	auditor := h.signIn(t, "kiem.tra", member("", hub.RoleAuditor))
	auditor.get("/examine")
	shown := auditor.upload("evidence.asice", content)
	shown.shows(t, "Gói bằng chứng", "Mười hai bước kiểm tra", "Chuỗi bằng chứng", "Sở Nội vụ", "tệp, tất cả đều được niêm phong.", "biên nhận, đầy đủ đến kết thúc.")
	changed := bytes.Clone(content)
	changed[strings.Index(string(changed), "wrong file")] ^= 1
	if bad := h.verified(t, c, changed); bad.Indication != hub.TotalFailed || bad.Bundle.Steps[0].Outcome != hub.StepFailed {
		t.Errorf("a changed byte: %+v", bad.Bundle)
	}
	broken := auditor.upload("evidence.asice", changed)
	broken.shows(t, "không đạt", "Chi tiết kỹ thuật (tiếng Anh)")
	for name, file := range map[string]struct{ content, says string }{
		"renamed.pdf":  {"PK", "Tệp mang tên PDF nhưng nội dung không phải PDF."},
		"broken.pdf":   {"%PDF-1.7\nx", "PDF không đúng cấu trúc chuẩn"},
		"locked.pdf":   {string(unsignedPDF(t, true)), "PDF bị mã hóa, không kiểm tra được."},
		"receipt.json": {`{"evidence": {}, "jws": "x"}`, "Không đọc được biên nhận."},
		"other.xml":    {"<x/>", "Đây không phải gói tin edXML."},
	} {
		auditor.upload(name, []byte(file.content)).shows(t, file.says)
	}

	// A hub that trusts the certificate for documents and time-stamps alone believes no evidence.
	if err := h.stop(); err != nil {
		t.Fatal(err)
	}
	trustItself(t, &config, "signing, timestamping")
	h = start(t, config)
	if report := h.verified(t, h.client(t, senderKey), content); report.Indication != hub.Indeterminate ||
		report.Bundle.Steps[2].Outcome != hub.StepIndeterminate || report.Bundle.Steps[6].Outcome != hub.StepPassed {
		t.Errorf("with a root for other purposes: %+v", report.Bundle)
	}
}

// TestEverySentenceHasATextInBothLanguages: what a report says of a bundle by a code stands
// in both catalogues of the pages, with the same values.
func TestEverySentenceHasATextInBothLanguages(t *testing.T) {
	t.Parallel()
	texts := map[string]map[string]string{}
	for _, language := range []string{"vi", "en"} {
		raw, err := os.ReadFile("../../../../adapters/web/messages/" + language + ".json")
		if err != nil {
			t.Fatal(err)
		}
		all := map[string]string{}
		if err := json.Unmarshal(raw, &all); err != nil {
			t.Fatal(err)
		}
		texts[language] = all
	}
	codes := bundle.Codes()
	if len(codes) < 50 {
		t.Errorf("%d codes", len(codes))
	}
	gap := regexp.MustCompile(`\{\d\}`)
	for _, code := range codes {
		vi, en := texts["vi"]["said."+code], texts["en"]["said."+code]
		if vi == "" || en == "" || vi == en {
			t.Errorf("%s: %q and %q", code, vi, en)
		}
		if in, also := slices.Sorted(slices.Values(gap.FindAllString(vi, -1))), slices.Sorted(slices.Values(gap.FindAllString(en, -1))); !slices.Equal(in, also) {
			t.Errorf("%s has the values %v and %v", code, in, also)
		}
	}
}
