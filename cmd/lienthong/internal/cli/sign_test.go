package cli

import (
	"bytes"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"image"
	"image/color"
	"image/png"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"codeberg.org/go-pdf/fpdf"
	"software.sslmate.com/src/go-pkcs12"

	"github.com/lienthong/lienthong/signing/pdfsig"
	"github.com/lienthong/lienthong/signing/pki"
	"github.com/lienthong/lienthong/signing/trust"
	"github.com/lienthong/lienthong/signing/tsp"
	findings "github.com/lienthong/lienthong/signing/verdict"
	"github.com/lienthong/lienthong/signing/xmldsig"
)

// desk is a folder with what a signer has: keys, pictures, a document, and an
// authority for timestamps in reach.
type desk struct {
	dir, tsa string
}

func (d desk) path(name string) string { return filepath.Join(d.dir, name) }

func newDesk(t *testing.T) desk {
	t.Helper()
	d := desk{dir: t.TempDir()}
	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	write := func(name string, data []byte) {
		t.Helper()
		check(os.WriteFile(d.path(name), data, 0o600))
	}
	a, err := pki.New(time.Now(), pki.P256)
	check(err)
	leader, err := a.Person("Nguyễn Văn Ví Dụ", "UBND tỉnh", pki.RSA2048)
	check(err)
	seal, err := a.Agency("UBND tỉnh", pki.P256)
	check(err)
	der, err := x509.MarshalPKCS8PrivateKey(leader.Key)
	check(err)
	write("leader.key", pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
	write("leader.pem", leader.PEM())
	p12, err := pkcs12.Modern2023.Encode(seal.Key, seal.Chain[0], seal.Chain[1:], "mật khẩu")
	check(err)
	write("seal.p12", p12)
	write("passphrase", []byte("mật khẩu\n"))
	write("wrong", []byte("other\n"))
	write("anchors.pem", a.AnchorsPEM())
	lists, err := a.CRLs()
	check(err)
	write("root.crl", lists[0])
	write("issuing.crl", pem.EncodeToMemory(&pem.Block{Type: "X509 CRL", Bytes: lists[1]}))
	write("blue.png", picture(t, color.NRGBA{B: 200, A: 255}))
	write("red.png", picture(t, color.NRGBA{R: 200, A: 255}))
	page := fpdf.New("P", "mm", "A4", "")
	page.AddPage()
	page.AddPage()
	var document bytes.Buffer
	check(page.Output(&document))
	write("van-ban.pdf", document.Bytes())
	clock, err := a.TimestampAuthority("Dấu thời gian", pki.P256)
	check(err)
	authority, err := tsp.NewAuthority(tsp.AuthorityOptions{Key: clock.Key, Chain: clock.Chain, Now: time.Now})
	check(err)
	server := httptest.NewServer(authority)
	t.Cleanup(server.Close)
	d.tsa = server.URL
	return d
}

func picture(t *testing.T, ink color.NRGBA) []byte {
	t.Helper()
	p := image.NewNRGBA(image.Rect(0, 0, 40, 40))
	for i := range 40 {
		p.SetNRGBA(i, i, ink)
	}
	var out bytes.Buffer
	if err := png.Encode(&out, p); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func (d desk) layout(t *testing.T, name string) pdfsig.Layout {
	t.Helper()
	data, err := os.ReadFile(d.path(name))
	if err != nil {
		t.Fatal(err)
	}
	l, err := pdfsig.ReadLayout(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// TestSignAsAnOfficeDoes: the leader signs, the clerk numbers, the agency seals over
// the left third of the leader's signature, and somebody makes an electronic copy.
func TestSignAsAnOfficeDoes(t *testing.T) {
	d := newDesk(t)
	leader := []string{"--key-file", d.path("leader.key"), "--chain-file", d.path("leader.pem")}
	agency := []string{"--key-file", d.path("seal.p12"), "--passphrase-file", d.path("passphrase")}
	for _, step := range []struct {
		from, to string
		flags    []string
	}{
		{"van-ban.pdf", "1.pdf", append(leader, "--role", "leader", "--image", d.path("blue.png"), "--rect", "125,200,40,25", "--pss")},
		{"1.pdf", "2.pdf", append(agency, "--text", "173/UBND-KSTTHC", "--page", "1", "--rect", "40,38,40,6", "--field", "SoVB")},
		{"2.pdf", "3.pdf", append(agency, "--role", "seal", "--image", d.path("red.png"), "--beside", "Signature1", "--level", "lt", "--tsa", d.tsa,
			"--crl", d.path("root.crl"), "--crl", d.path("issuing.crl"))},
		{"3.pdf", "4.pdf", append(agency, "--role", "copy", "--agency", "SỞ NỘI VỤ", "--level", "t", "--tsa", d.tsa)},
		{"4.pdf", "5.pdf", append(agency, "--level", "lta", "--tsa", d.tsa, "--crl", d.path("root.crl"), "--crl", d.path("issuing.crl"))},
	} {
		args := append([]string{"sign", d.path(step.from), "--out", d.path(step.to), "--json"}, step.flags...)
		code, out, errs := run(t, args...)
		var done signedFile
		if code != exitOK || json.Unmarshal([]byte(out), &done) != nil || done.Out != d.path(step.to) || done.Size == 0 {
			t.Fatalf("%v: %d\n%s%s", args, code, out, errs)
		}
	}
	code, out, errs := run(t, "verify", d.path("4.pdf"), "--anchors", d.path("anchors.pem"))
	if code != exitOK || strings.Count(out, "TOTAL-PASSED, ") != 4 {
		t.Errorf("%d\n%s%s", code, out, errs)
	}
	later := time.Now().AddDate(3, 0, 0).Format(time.RFC3339) // the certificates are valid for two years
	code, out, errs = run(t, "verify", d.path("5.pdf"), "--anchors", d.path("anchors.pem"), "--at", later, "--json")
	if code != exitOK || strings.Count(out, `"level": "B-LTA"`) != 5 {
		t.Errorf("%d\n%s%s", code, out, errs)
	}
	if code, out, _ = run(t, "verify", d.path("1.pdf"), "--anchors", d.path("anchors.pem"), "--at", later); code != exitIndeterminate || !strings.Contains(out, "_NO_POE") {
		t.Errorf("%d\n%s", code, out)
	}
	fields := d.layout(t, "4.pdf").Fields
	if len(fields) != 4 || fields[1].Name != "SoVB" {
		t.Fatalf("%+v", fields)
	}
	hand, seal, copied := fields[0].Box, fields[2].Box, fields[3].Box
	if third := (seal.Right - hand.Left) / hand.Width(); fields[0].Page != 2 || fields[2].Page != 2 || third < 0.33 || third > 0.34 {
		t.Errorf("the seal covers %.2f of the signature, pages %d and %d", third, fields[0].Page, fields[2].Page)
	}
	if fields[3].Page != 1 || copied.Left < 300 || copied.Bottom < 760 {
		t.Errorf("the copy is marked at %+v on page %d", copied, fields[3].Page)
	}
}

// TestSignPackage signs an edXML package, which verifies, and not twice.
func TestSignPackage(t *testing.T) {
	d := newDesk(t)
	key := []string{"--key-file", d.path("leader.key"), "--chain-file", d.path("leader.pem")}
	const envelope = `<?xml version="1.0" encoding="UTF-8"?>
<edXML xmlns="http://www.mic.gov.vn/TBT/QCVN_102_2016"><edXMLEnvelope><edXMLHeader><MessageHeader><Subject>V/v cải cách</Subject></MessageHeader></edXMLHeader><edXMLBody></edXMLBody></edXMLEnvelope></edXML>`
	if err := os.WriteFile(d.path("a.edxml"), []byte(envelope), 0o600); err != nil {
		t.Fatal(err)
	}
	code, out, errs := run(t, append([]string{"sign", d.path("a.edxml"), "--level", "t", "--tsa", d.tsa}, key...)...)
	if code != exitOK || !strings.Contains(out, "a-signed.edxml: signed by Nguyễn Văn Ví Dụ, level B-T") {
		t.Fatalf("%d\n%s%s", code, out, errs)
	}
	signed, err := os.ReadFile(d.path("a-signed.edxml"))
	if err != nil {
		t.Fatal(err)
	}
	anchors, err := os.ReadFile(d.path("anchors.pem"))
	if err != nil {
		t.Fatal(err)
	}
	trusted, err := trust.LoadAnchors(anchors)
	if err != nil {
		t.Fatal(err)
	}
	judge := func(s *findings.Signature, along findings.Material, _ []findings.Stamp) {
		trust.NewValidator(trusted).Judge(s, along.Certificates, time.Now())
	}
	found, err := xmldsig.Verify(t.Context(), bytes.NewReader(signed), int64(len(signed)), xmldsig.Options{Judge: judge})
	if err != nil || len(found.Signatures) != 1 || found.Signatures[0].Problem != nil {
		t.Errorf("%v, %+v", err, found)
	}
	for want, flags := range map[string][]string{
		"file [signed]":   {"sign", d.path("a-signed.edxml"), "--out", d.path("b.edxml")},
		"level [package]": {"sign", d.path("a.edxml"), "--level", "legacy"},
		"role [package]":  {"sign", d.path("a.edxml"), "--role", "seal", "--image", d.path("red.png")},
		"field [package]": {"sign", d.path("a.edxml"), "--reason", "x"},
	} {
		if code, _, errs := run(t, append(flags, key...)...); code == exitOK || !strings.Contains(errs, want) {
			t.Errorf("%v: %d\n%s", flags, code, errs)
		}
	}
	if _, err := os.Stat(d.path("b.edxml")); err == nil {
		t.Error("a file was left behind")
	}
}

func TestSignLegacy(t *testing.T) {
	d := newDesk(t)
	code, out, errs := run(t, "sign", d.path("van-ban.pdf"), "--level", "legacy", "--key-file", d.path("leader.key"), "--chain-file", d.path("leader.pem"))
	if code != exitOK || !strings.Contains(out, "van-ban-signed.pdf") || !strings.Contains(out, "level legacy") {
		t.Fatalf("%d\n%s%s", code, out, errs)
	}
	if code, out, _ := run(t, "verify", d.path("van-ban-signed.pdf"), "--anchors", d.path("anchors.pem")); code != exitOK {
		t.Errorf("%d\n%s", code, out)
	}
}

func TestSignSaysWhatIsWrong(t *testing.T) {
	d := newDesk(t)
	key := []string{"--key-file", d.path("leader.key"), "--chain-file", d.path("leader.pem")}
	p12 := []string{"--key-file", d.path("seal.p12")}
	shown := func(flags ...string) []string { return append(flags, key...) }
	for name, c := range map[string]struct {
		flags []string
		code  int
		want  string
	}{
		"no key":           {nil, exitInvalid, "key-file [required]"},
		"no certificate":   {[]string{"--key-file", d.path("leader.key")}, exitInvalid, "--chain-file"},
		"no PDF":           {append(key, "--out", d.path("x.pdf")), exitInvalid, "cannot be read strictly"},
		"wrong passphrase": {append(p12, "--passphrase-file", d.path("wrong")), exitInvalid, "the passphrase is wrong"},
		"no terminal":      {p12, exitInvalid, "--passphrase-file"},
		"exists":           {append(key, "--out", d.path("anchors.pem")), exitConflict, "out [exists]"},
		"no authority":     {append(key, "--level", "t"), exitInvalid, "tsa [required]"},
		"authority away":   {append(key, "--level", "t", "--tsa", "http://127.0.0.1:1/"), exitTryAgain, "tsa [timestamp]"},
		"no lists":         {append(key, "--level", "lt", "--tsa", d.tsa), exitInvalid, "crl [required]"},
		"no lists at lta":  {append(key, "--level", "lta", "--tsa", d.tsa), exitInvalid, "crl [required]"},
		"lists short":      {append(key, "--level", "lt", "--tsa", d.tsa, "--crl", d.path("root.crl")), exitInvalid, "crl [current]"},
		"stamp at b":       {append(key, "--tsa", d.tsa), exitInvalid, "tsa [exclusive]"},
		"leader no place":  {shown("--role", "leader", "--image", d.path("blue.png")), exitInvalid, "rect [required]"},
		"leader no image":  {shown("--role", "leader"), exitInvalid, "image [required]"},
		"seal alone":       {shown("--role", "seal", "--image", d.path("red.png")), exitInvalid, "beside [exists]"},
		"rect":             {shown("--text", "x", "--rect", "1,2,3"), exitInvalid, "rect [format]"},
		"rect NaN":         {shown("--text", "x", "--rect", "NaN,2,3,4"), exitInvalid, "rect [format]"},
		"rect outside":     {shown("--text", "x", "--rect", "200,280,100,100"), exitInvalid, "beyond the page"},
		"page":             {shown("--text", "x", "--page", "7"), exitInvalid, "no page 7"},
		"not a picture":    {shown("--image", d.path("anchors.pem"), "--rect", "10,10,10,10"), exitInvalid, "PNG"},
		"hardware":         {[]string{"--pkcs11-module", d.path("blue.png"), "--pkcs11-label", "a", "--pkcs11-object", "b", "--passphrase-file", d.path("wrong")}, exitLimit, "-tags pkcs11"},
		"unknown level":    {append(key, "--level", "x"), exitUsage, "--level"},
	} {
		t.Run(name, func(t *testing.T) {
			file, out := d.path("van-ban.pdf"), d.path("out.pdf")
			if name == "no PDF" {
				file = d.path("passphrase")
			}
			args := append([]string{"sign", file}, c.flags...)
			if !strings.Contains(strings.Join(args, " "), "--out") {
				args = append(args, "--out", out)
			}
			code, _, errs := run(t, args...)
			if code != c.code || !strings.Contains(errs, c.want) {
				t.Errorf("%d\n%s, want %d with %q", code, errs, c.code, c.want)
			}
			if _, err := os.Stat(out); err == nil {
				t.Error("a file was left behind")
			}
		})
	}
}
