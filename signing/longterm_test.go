package signing_test

import (
	"bytes"
	"context"
	"crypto/x509"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"codeberg.org/go-pdf/fpdf"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/signing"
	"github.com/lienthong/lienthong/signing/pdfsig"
	"github.com/lienthong/lienthong/signing/pki"
	"github.com/lienthong/lienthong/signing/trust"
	"github.com/lienthong/lienthong/signing/tsp"
	"github.com/lienthong/lienthong/signing/verdict"
)

// proofs is an authority for certificates with one for timestamps.
type proofs struct {
	*pki.Authority
	leader, seal pki.Identity
	stamp        func(ctx context.Context, value []byte) ([]byte, error)
}

func newProofs(t *testing.T) *proofs {
	t.Helper()
	a, err := pki.New(time.Now(), pki.P256)
	if err != nil {
		t.Fatal(err)
	}
	p := &proofs{Authority: a}
	if p.leader, err = a.Person("Nguyễn Văn Ví Dụ", "UBND tỉnh", pki.RSA2048); err != nil {
		t.Fatal(err)
	}
	if p.seal, err = a.Agency("UBND tỉnh", pki.P256); err != nil {
		t.Fatal(err)
	}
	clock, err := a.TimestampAuthority("Dấu thời gian thử nghiệm", pki.P256)
	if err != nil {
		t.Fatal(err)
	}
	authority, err := tsp.NewAuthority(tsp.AuthorityOptions{Key: clock.Key, Chain: clock.Chain, Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(authority)
	t.Cleanup(server.Close)
	p.stamp = signing.Stamp(tsp.NewClient(tsp.ClientOptions{URL: server.URL}))
	return p
}

func (p *proofs) lists(t *testing.T, revoked ...*x509.Certificate) []*x509.RevocationList {
	t.Helper()
	raw, err := p.CRLs(revoked...)
	if err != nil {
		t.Fatal(err)
	}
	var lists []*x509.RevocationList
	for _, der := range raw {
		read, err := signing.ReadCRLs(der)
		if err != nil {
			t.Fatal(err)
		}
		lists = append(lists, read...)
	}
	return lists
}

func (p *proofs) request(by pki.Identity, lists []*x509.RevocationList) pdfsig.SignRequest {
	long := signing.LongTerm{CRLs: lists, Now: time.Now}
	return pdfsig.SignRequest{Key: by.Key, Chain: by.Chain, Level: pdfsig.LevelLT, Time: time.Now(), Stamp: p.stamp, Material: long.Material}
}

func sign(t *testing.T, file []byte, request pdfsig.SignRequest) ([]byte, error) {
	t.Helper()
	var out bytes.Buffer
	err := pdfsig.Sign(t.Context(), bytes.NewReader(file), int64(len(file)), &out, request)
	return out.Bytes(), err
}

// TestLongTerm signs twice at level B-LT: both signatures hold, the store of the file
// has every certificate and list, each timestamp is over its own signature, and other
// readers agree.
func TestLongTerm(t *testing.T) {
	p := newProofs(t)
	lists := p.lists(t)
	file := unsignedPDF(t)
	for _, by := range []pki.Identity{p.leader, p.seal} {
		var err error
		if file, err = sign(t, file, p.request(by, lists)); err != nil {
			t.Fatal(err)
		}
	}
	anchors, err := trust.LoadAnchors(p.AnchorsPEM())
	if err != nil {
		t.Fatal(err)
	}
	report, err := pdfsig.Verify(t.Context(), bytes.NewReader(file), int64(len(file)), trust.NewValidator(anchors), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	if len(report.Signatures) != 2 {
		t.Fatalf("%d signatures", len(report.Signatures))
	}
	for i, s := range report.Signatures {
		if s.Indication() != verdict.Passed {
			t.Errorf("%s: %v", s.Field, s.Problem)
		}
		tokens := report.Details[i].Message.Tokens
		if len(tokens) != 1 {
			t.Fatalf("%s: %d timestamps", s.Field, len(tokens))
		}
		token, problem := tsp.Parse(tokens[0])
		if problem != nil || time.Since(token.Time) > time.Hour {
			t.Errorf("%s: %v, %v", s.Field, problem, token)
		}
	}
	m := report.Material
	for _, want := range slices.Concat(p.leader.Chain, p.seal.Chain) {
		if !slices.ContainsFunc(m.Certificates, want.Equal) {
			t.Errorf("the certificate of %q is not in the store", want.Subject.CommonName)
		}
	}
	if len(m.CRLs) != 2 || len(m.OCSPs) != 0 {
		t.Errorf("%d lists, %d answers", len(m.CRLs), len(m.OCSPs))
	}
	found, err := signing.NewVerifier(signing.VerifierOptions{Anchors: anchors, Now: time.Now}).
		ExamineFile(t.Context(), "van-ban.pdf", blob(file), signing.Inquiry{})
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range found.Report.Signatures {
		if s.Indication != hub.TotalPassed || s.Level != string(pdfsig.LevelLT) {
			t.Errorf("%s: %s, level %s: %s", s.Field, s.Indication, s.Level, s.Reason)
		}
	}
	agreeing(t, file)
}

// agreeing has qpdf and poppler read the file.
func agreeing(t *testing.T, file []byte) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file.pdf")
	if err := os.WriteFile(path, file, 0o600); err != nil {
		t.Fatal(err)
	}
	for tool, arguments := range map[string][]string{"qpdf": {"--check", path}, "pdfsig": {"-nocert", path}} {
		out, err := exec.CommandContext(t.Context(), tool, arguments...).CombinedOutput()
		if errIsMissing(err) && os.Getenv("CI") != "true" {
			t.Logf("%s is not installed", tool)
			continue
		}
		if err != nil || tool == "pdfsig" && strings.Count(string(out), "Signature is Valid") != 2 {
			t.Errorf("%s: %v\n%s", tool, err, out)
		}
	}
}

func errIsMissing(err error) bool {
	return err != nil && strings.Contains(err.Error(), "executable file not found")
}

func TestLongTermRefuses(t *testing.T) {
	p := newProofs(t)
	file := unsignedPDF(t)
	short := p.leader
	short.Chain = short.Chain[:1]
	for name, c := range map[string]struct {
		request pdfsig.SignRequest
		kind    hub.ErrorKind
		rule    string
	}{
		"no list":   {p.request(p.leader, p.lists(t)[:1]), hub.KindInvalid, "current"},
		"no issuer": {p.request(short, p.lists(t)), hub.KindInvalid, "complete"},
		"revoked":   {p.request(p.leader, p.lists(t, p.leader.Certificate())), hub.KindUntrusted, "revoked"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := sign(t, file, c.request)
			if v := hub.ViolationsOf(err); err == nil || v[0].Kind != c.kind || v[0].Rule != c.rule {
				t.Errorf("got %v", err)
			}
		})
	}
	if _, err := signing.ReadCRLs([]byte("text")); err == nil {
		t.Error("a text was read as a revocation list")
	}
}

func unsignedPDF(t testing.TB) []byte {
	t.Helper()
	page := fpdf.New("P", "mm", "A4", "")
	page.SetFont("Helvetica", "", 12)
	page.AddPage()
	page.Cell(0, 10, "173/UBND-KSTTHC")
	var file bytes.Buffer
	if err := page.Output(&file); err != nil {
		t.Fatal(err)
	}
	return file.Bytes()
}
