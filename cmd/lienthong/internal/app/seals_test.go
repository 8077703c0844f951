package app_test

import (
	"bytes"
	"crypto/sha256"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"image"
	"image/png"
	"io"
	"log/slog"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"codeberg.org/go-pdf/fpdf"

	"github.com/lienthong/lienthong/adapters/hubclient"
	"github.com/lienthong/lienthong/cmd/lienthong/internal/app"
	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/signing"
	"github.com/lienthong/lienthong/signing/pdfsig"
	"github.com/lienthong/lienthong/signing/pki"
	"github.com/lienthong/lienthong/signing/trust"
	"github.com/lienthong/lienthong/signing/tsp"
)

// sealRoom is a folder with what an operator gives a hub that seals, and an authority
// that all signatures lead to.
type sealRoom struct {
	*testing.T
	dir       string
	authority *pki.Authority
	seal      pki.Identity
}

func newSealRoom(t *testing.T) *sealRoom {
	t.Helper()
	authority, err := pki.New(time.Now(), pki.P256)
	if err != nil {
		t.Fatal(err)
	}
	r := &sealRoom{T: t, dir: t.TempDir(), authority: authority}
	if r.seal, err = authority.Agency("UBND tỉnh Quảng Nam", pki.P256); err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(r.seal.Key)
	if err != nil {
		t.Fatal(err)
	}
	r.write("seal.pem", append(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), r.seal.PEM()...))
	var picture bytes.Buffer
	if err := png.Encode(&picture, image.NewNRGBA(image.Rect(0, 0, 20, 20))); err != nil {
		t.Fatal(err)
	}
	r.write("seal.png", picture.Bytes())
	return r
}

func (r *sealRoom) write(name string, data []byte) string {
	r.Helper()
	path := filepath.Join(r.dir, name)
	if err := os.WriteFile(path, data, 0o600); err != nil {
		r.Fatal(err)
	}
	return path
}

func (r *sealRoom) settings(seals ...map[string]any) string {
	r.Helper()
	raw, err := json.Marshal(map[string]any{"seals": seals})
	if err != nil {
		r.Fatal(err)
	}
	return r.write("seals.json", raw)
}

// hub starts a hub that knows the agencies, and again with the seals. It returns a key
// of each agency that may seal.
func (r *sealRoom) hub(config app.Config, seals string) (h *testHub, ours, others string) {
	r.Helper()
	h = start(r.T, config)
	h.enroll(r.T)
	operator := h.client(r.T, h.operatorKey(r.T))
	issue := func(code string) string {
		issued, err := operator.IssueKey(r.Context(), hubclient.NewKey{Name: "seal", Kind: hub.ActorSystem, Agencies: []string{code}, Scopes: []hub.Scope{hub.ScopeSeal}})
		if err != nil {
			r.Fatal(err)
		}
		return issued.Secret
	}
	ours, others = issue(sender), issue(recipient)
	if err := h.stop(); err != nil {
		r.Fatal(err)
	}
	config.Seals = seals
	return start(r.T, config), ours, others
}

// signed is a document that its leader has signed, where the signature shows.
func (r *sealRoom) signed(certify int) []byte {
	r.Helper()
	page := fpdf.New("P", "mm", "A4", "")
	page.AddPage()
	var plain, signed bytes.Buffer
	if err := page.Output(&plain); err != nil {
		r.Fatal(err)
	}
	leader, err := r.authority.Person("Nguyễn Văn Ví Dụ", "UBND tỉnh Quảng Nam", pki.P256)
	if err != nil {
		r.Fatal(err)
	}
	err = pdfsig.Sign(r.Context(), bytes.NewReader(plain.Bytes()), int64(plain.Len()), &signed, pdfsig.SignRequest{
		Key: leader.Key, Chain: leader.Chain, Level: pdfsig.LevelB, Time: time.Now(), Certify: certify,
		Appearance: &pdfsig.Appearance{Page: 1, Rect: [4]float64{300, 300, 420, 360}, Lines: []string{"Đã ký"}},
	})
	if err != nil {
		r.Fatal(err)
	}
	return signed.Bytes()
}

// passes requires of a file that its signatures hold, and returns their number.
func (r *sealRoom) passes(file []byte) int {
	r.Helper()
	report := r.verify(file)
	if report.Indication != hub.TotalPassed {
		r.Errorf("%s: %+v", report.Indication, report)
	}
	return len(report.Signatures)
}

func (r *sealRoom) verify(file []byte) hub.SignatureReport {
	r.Helper()
	anchors, err := trust.LoadAnchors(r.authority.AnchorsPEM())
	if err != nil {
		r.Fatal(err)
	}
	report, err := signing.NewVerifier(signing.VerifierOptions{Anchors: anchors, Now: time.Now}).
		VerifyFile(r.Context(), "a.pdf", hub.BlobOf(file))
	if err != nil {
		r.Error(err)
	}
	return report
}

func pdfFile(content []byte) hubclient.File {
	return hubclient.File{
		Part: hub.Part{Name: "a.pdf", Size: int64(len(content))},
		Open: func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(content)), nil },
	}
}

// TestSealForAnAgency: through the API of a real hub, with a real key.
func TestSealForAnAgency(t *testing.T) {
	t.Parallel()
	r := newSealRoom(t)
	h, ours, others := r.hub(configIn(t.TempDir()), r.settings(map[string]any{"agency": sender, "key": "seal.pem", "image": "seal.png", "reason": "Ban hành"}))
	document := r.signed(0)
	client := h.client(t, ours)
	var sealed, copied bytes.Buffer
	digest, err := client.Seal(t.Context(), pdfFile(document), sender, hub.SealIssued, &sealed, nil)
	if err != nil || digest != sha256.Sum256(sealed.Bytes()) || !bytes.HasPrefix(sealed.Bytes(), document) {
		t.Fatalf("sealed: %v", err)
	}
	if n := r.passes(sealed.Bytes()); n != 2 {
		t.Errorf("%d signatures hold, want 2", n)
	}
	if _, err := client.Seal(t.Context(), pdfFile(sealed.Bytes()), "", hub.SealCopied, &copied, nil); err != nil {
		t.Fatal(err)
	}
	if n := r.passes(copied.Bytes()); n != 3 {
		t.Errorf("%d signatures hold, want 3", n)
	}
	layout, err := pdfsig.ReadLayout(bytes.NewReader(copied.Bytes()), int64(copied.Len()))
	if err != nil || len(layout.Fields) != 3 {
		t.Fatalf("%+v, %v", layout, err)
	}
	if box := layout.Fields[1].Box; box.Right < 339 || box.Right > 341 || box.Width() < 101 || box.Width() > 103 {
		t.Errorf("the seal stands at %+v, not over the left third of 300 to 420", box)
	}

	for name, c := range map[string]struct {
		key, agency string
		content     []byte
		role        hub.SealRole
		kind        hub.ErrorKind
		field, rule string
	}{
		"another agency":    {others, sender, document, "", hub.KindDenied, "", "agency"},
		"no seal":           {others, recipient, document, "", hub.KindNotFound, "agency", "seal"},
		"no scope":          {h.operatorKey(t), sender, document, "", hub.KindDenied, "", "scope"},
		"no such role":      {ours, sender, document, "stamp", hub.KindInvalid, "role", "code_list"},
		"no PDF":            {ours, sender, []byte("văn bản"), "", hub.KindInvalid, "file", "structure"},
		"nothing certified": {ours, sender, r.signed(1), "", hub.KindConflict, "file", "permission"},
		"no leader":         {ours, sender, unsignedPDF(t, false), "", hub.KindInvalid, "file", "leader_signature"},
		"encrypted":         {ours, sender, unsignedPDF(t, true), hub.SealCopied, hub.KindUnsupported, "file", "encrypted"},
	} {
		var out bytes.Buffer
		_, err := h.client(t, c.key).Seal(t.Context(), pdfFile(c.content), c.agency, c.role, &out, nil)
		v := hub.ViolationsOf(err)
		if len(v) != 1 || v[0].Kind != c.kind || v[0].Field != c.field || v[0].Rule != c.rule || out.Len() != 0 {
			t.Errorf("%s: %v", name, err)
		}
	}
	// Keys, rules and the operator at the start, the directory and four API keys, two seals, and nothing
	// of what was refused.
	expectNotes(t, h, 3+1+4+2)
}

func unsignedPDF(t *testing.T, encrypted bool) []byte {
	t.Helper()
	page := fpdf.New("P", "mm", "A4", "")
	if encrypted {
		page.SetProtection(fpdf.CnProtectPrint, "", "chủ")
	}
	page.AddPage()
	var out bytes.Buffer
	if err := page.Output(&out); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// TestSealThatLasts: with timestamps and revocation lists, or not at all.
func TestSealThatLasts(t *testing.T) {
	t.Parallel()
	r := newSealRoom(t)
	clock, err := r.authority.TimestampAuthority("Dấu thời gian", pki.P256)
	if err != nil {
		t.Fatal(err)
	}
	tsa, err := tsp.NewAuthority(tsp.AuthorityOptions{Key: clock.Key, Chain: clock.Chain, Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(tsa)
	defer server.Close()
	lists, err := r.authority.CRLs()
	if err != nil {
		t.Fatal(err)
	}
	r.write("root.crl", lists[0])
	issuing := r.write("issuing.crl", lists[1])
	h, ours, _ := r.hub(configIn(t.TempDir()), r.settings(map[string]any{
		"agency": sender, "key": "seal.pem", "level": "lta", "tsa": server.URL, "crl": []string{"root.crl", "issuing.crl"},
	}))
	client, document := h.client(t, ours), r.signed(0)
	var out bytes.Buffer
	if _, err := client.Seal(t.Context(), pdfFile(document), "", "", &out, nil); err != nil {
		t.Fatal(err)
	}
	r.passes(out.Bytes())
	if report := r.verify(out.Bytes()); !slices.ContainsFunc(report.Signatures, func(s hub.SignatureVerdict) bool { return s.Field == "Signature2" && s.Level == "B-LTA" }) {
		t.Errorf("the seal is not at level B-LTA: %+v", report.Signatures)
	}
	expectUnavailable := func(rule string) {
		t.Helper()
		_, err := client.Seal(t.Context(), pdfFile(document), "", "", &bytes.Buffer{}, nil)
		if v := hub.ViolationsOf(err); len(v) != 1 || v[0].Kind != hub.KindUnavailable || v[0].Rule != rule {
			t.Errorf("got %v, want unavailable by %s", err, rule)
		}
	}
	if err := os.Remove(issuing); err != nil {
		t.Fatal(err)
	}
	expectUnavailable("validation_data")
	server.Close()
	expectUnavailable("timestamp")
}

func TestManySealAtOnce(t *testing.T) {
	t.Parallel()
	r := newSealRoom(t)
	h, ours, _ := r.hub(configIn(t.TempDir()), r.settings(map[string]any{"agency": sender, "key": "seal.pem"}))
	document, client := r.signed(0), h.client(t, ours)
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			var out bytes.Buffer
			if _, err := client.Seal(t.Context(), pdfFile(document), "", "", &out, nil); err != nil {
				t.Error(err)
			} else if r.passes(out.Bytes()) != 2 {
				t.Error("a seal does not hold")
			}
		})
	}
	all.Wait()
}

// TestSealSettingsThatAreWrong: every fault is named with its place, before the hub runs.
func TestSealSettingsThatAreWrong(t *testing.T) {
	t.Parallel()
	r := newSealRoom(t)
	r.write("nokey.pem", r.seal.PEM())
	r.write("pin", []byte("1234\n"))
	open := r.write("open.pem", []byte("x"))
	if err := os.Chmod(open, 0o644); err != nil {
		t.Fatal(err)
	}
	good := func(change ...string) map[string]any {
		set := map[string]any{"agency": sender, "key": "seal.pem"}
		for i := 0; i < len(change); i += 2 {
			set[change[i]] = change[i+1]
		}
		return set
	}
	for want, seals := range map[string][]map[string]any{
		"seals[0].key [permissions]":       {good("key", "open.pem")},
		"seals[0].key [file]":              {good("key", "absent.pem")},
		"seals[0].key [key]":               {good("key", "nokey.pem")},
		"seals[0].key [required]":          {good("key", "")},
		"seals[0].key [pkcs11_uri]":        {good("key", "pkcs11:token=a;object=b?module-path=/x;pin-value=1234", "secret_file", "pin")},
		"seals[0].key [module]":            {good("key", "pkcs11:token=a;object=b?module-path=/absent.so", "secret_file", "pin")},
		"seals[0].level [code_list]":       {good("level", "legacy")},
		"seals[0].tsa [level]":             {good("level", "t")},
		"seals[0].tsa [url]":               {good("level", "t", "tsa", "clock")},
		"seals[0].crl [level]":             {good("level", "lt", "tsa", "http://127.0.0.1:1/")},
		"seals[0].image [png]":             {good("image", "seal.pem")},
		"seals[1].agency [unique]":         {good(), good()},
		"seals [json]":                     {good("pin", "1234")},
		"seals[0].agency [unknown_agency]": {good("agency", "000.00.99.H47")},
	} {
		config := configIn(t.TempDir())
		config.Seals = r.settings(seals...)
		a, err := app.New(t.Context(), config, "test", slog.New(slog.DiscardHandler))
		if err == nil {
			t.Errorf("%s: the hub starts", want)
			_ = a.Close()
			continue
		}
		if !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "1234") {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}
