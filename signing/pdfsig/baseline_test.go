package pdfsig_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lienthong/lienthong/signing/appearance"
	"github.com/lienthong/lienthong/signing/pdfsig"
	"github.com/lienthong/lienthong/signing/pki"
	"github.com/lienthong/lienthong/signing/verdict"
)

func baseline(by pki.Identity) pdfsig.SignRequest {
	return pdfsig.SignRequest{Key: by.Key, Chain: by.Chain, Level: pdfsig.LevelB, Time: now.In(appearance.Zone()),
		Reason: `Ký ban hành (nghĩa \ vụ)`, Location: "Quảng Nam"}
}

// packed rewrites a file with object streams and a cross-reference stream.
func packed(t testing.TB, file []byte) []byte {
	t.Helper()
	from, to := write(t, file), filepath.Join(t.TempDir(), "packed.pdf")
	if out, err := tool(t, "qpdf", "--object-streams=generate", from, to); err != nil {
		t.Fatal(out, err)
	}
	data, err := os.ReadFile(to)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// expectSound requires the verdict of this package and of two other readers.
func expectSound(t testing.TB, file []byte, a *pki.Authority, signatures int) pdfsig.Report {
	t.Helper()
	report := verify(t, file, validator(t, a))
	expectPassed(t, report, signatures)
	if !report.Signatures[signatures-1].CoversWhole {
		t.Error("the last signature does not cover the whole file")
	}
	path := write(t, file)
	if out, err := tool(t, "qpdf", "--check", path); err != nil || strings.Contains(out, "WARNING") {
		t.Errorf("qpdf: %v\n%s", err, out)
	}
	out, err := tool(t, "pdfsig", "-nocert", path)
	if err != nil || strings.Count(out, "Signature is Valid") != signatures {
		t.Errorf("pdfsig: %v\n%s", err, out)
	}
	return report
}

func TestBaseline(t *testing.T) {
	a := authority(t, pki.P256)
	for form, original := range map[string][]byte{"table": document(t), "streams": packed(t, document(t))} {
		for _, algorithm := range []pki.Algorithm{pki.P256, pki.RSA2048} {
			t.Run(fmt.Sprint(form, algorithm), func(t *testing.T) {
				leader, seal := person(t, a, algorithm), agency(t, a, algorithm)
				first := baseline(leader)
				first.PSS = algorithm == pki.RSA2048
				file := signedWith(t, signedWith(t, original, first), baseline(seal))
				if !bytes.HasPrefix(file, original) {
					t.Error("bytes that were there before were changed")
				}
				report := expectSound(t, file, a, 2)
				for i, s := range report.Signatures {
					if s.Level != "B-B" || s.Field != fmt.Sprint("Signature", i+1) || !s.Claimed.Equal(now) {
						t.Errorf("level %q, field %q, claimed %v", s.Level, s.Field, s.Claimed)
					}
				}
			})
		}
	}
}

// TestMixedRoutes signs with the library for the older form and with this package in
// turn, as agencies and the hub do.
func TestMixedRoutes(t *testing.T) {
	a := authority(t, pki.P256)
	leader, seal := person(t, a, pki.P256), agency(t, a, pki.P256)
	file := signedWith(t, signed(t, document(t), leader), baseline(seal))
	expectSound(t, file, a, 2)
	file = signedWith(t, signedWith(t, document(t), baseline(leader)), pdfsig.SignRequest{Key: seal.Key, Chain: seal.Chain, Time: now})
	expectSound(t, file, a, 2)
}

// TestNamesAndForms signs files whose form is kept in each of the ways that writers
// have.
func TestNamesAndForms(t *testing.T) {
	const page = `<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] %s >>`
	text := `<< /FT /Tx /T (ten) /Subtype /Widget /Type /Annot /Rect [10 10 90 30] /P 3 0 R /DA (/Helv 0 Tf 0 g) >>`
	cases := map[string]map[int]string{
		"no form": {1: `<< /Type /Catalog /Pages 2 0 R >>`, 3: fmt.Sprintf(page, "")},
		"direct":  {1: `<< /Type /Catalog /Pages 2 0 R /AcroForm << /Fields [5 0 R] /DA (x) /Q 1 >> >>`, 3: fmt.Sprintf(page, "/Annots [5 0 R]"), 5: text},
		"apart": {1: `<< /Type /Catalog /Pages 2 0 R /AcroForm 6 0 R >>`, 3: fmt.Sprintf(page, "/Annots 7 0 R"), 5: text,
			6: `<< /Fields 8 0 R /SigFlags 3 >>`, 7: `[5 0 R]`, 8: `[5 0 R]`},
		"name taken": {1: `<< /Type /Catalog /Pages 2 0 R /AcroForm << /Fields [5 0 R] >> >>`, 3: fmt.Sprintf(page, "/Annots [5 0 R]"),
			5: strings.Replace(text, "(ten)", "(Signature1)", 1)},
	}
	a := authority(t, pki.P256)
	by := person(t, a, pki.P256)
	for name, objects := range cases {
		t.Run(name, func(t *testing.T) {
			objects[2] = `<< /Type /Pages /Kids [3 0 R] /Count 1 >>`
			request := baseline(by)
			request.Appearance = &pdfsig.Appearance{Page: 1, Rect: [4]float64{100, 100, 300, 150}, Lines: []string{"173/UBND-KSTTHC"}}
			file := signedWith(t, signedWith(t, rawPDF(objects, "/Root 1 0 R"), request), baseline(by))
			report := expectSound(t, file, a, 2)
			want := "Signature1"
			if name == "name taken" {
				want = "Signature2"
			}
			if report.Signatures[0].Field != want {
				t.Errorf("field %q, want %q", report.Signatures[0].Field, want)
			}
			if _, had := objects[5]; had && !strings.Contains(last(t, file, `/Fields ?\[[^]]*\]|obj\s\[5 0 R [^]]*\]`), "5 0 R") {
				t.Error("the field that was there is gone")
			}
		})
	}
}

func emptyField(extra string) map[int]string {
	return map[int]string{
		1: `<< /Type /Catalog /Pages 2 0 R /AcroForm << /Fields [5 0 R] >> >>`,
		2: `<< /Type /Pages /Kids [3 0 R] /Count 1 /MediaBox [0 0 595 842] >>`,
		3: `<< /Type /Page /Parent 2 0 R /Annots [5 0 R] >>`,
		5: `<< /FT /Sig /T (KySo) /Subtype /Widget /Type /Annot /Rect [100 100 300 200] /P 3 0 R ` + extra + ` >>`,
	}
}

func TestEmptyFieldIsSigned(t *testing.T) {
	a := authority(t, pki.P256)
	by := person(t, a, pki.P256)
	request := baseline(by)
	request.Field = "KySo"
	request.Appearance = &pdfsig.Appearance{Lines: []string{"Nguyễn Văn Nghĩa"}}
	file := signedWith(t, rawPDF(emptyField("/Lock << /Type /SigFieldLock /Action /All >>"), "/Root 1 0 R"), request)
	if report := expectSound(t, file, a, 1); report.Signatures[0].Field != "KySo" {
		t.Errorf("field %q", report.Signatures[0].Field)
	}
	if !bytes.Contains(file, []byte("/TransformMethod /FieldMDP")) {
		t.Error("the lock of the field is not in the signature")
	}
	// The field is taken now: a second signature gets one of its own.
	request.Appearance = nil
	again := signedWith(t, file, request)
	if report := expectSound(t, again, a, 2); report.Signatures[1].Field != "KySo1" {
		t.Errorf("field %q", report.Signatures[1].Field)
	}
}

func TestCertification(t *testing.T) {
	a := authority(t, pki.P256)
	by, seal := person(t, a, pki.P256), agency(t, a, pki.P256)
	for level := 1; level <= 3; level++ {
		t.Run(fmt.Sprint(level), func(t *testing.T) {
			request := baseline(by)
			request.Certify = level
			file := signedWith(t, document(t), request)
			report := expectSound(t, file, a, 1)
			if d := report.Details[0]; !d.Certifies || d.Permission != int64(level) {
				t.Errorf("%+v", d)
			}
			var out bytes.Buffer
			err := pdfsig.Sign(t.Context(), bytes.NewReader(file), int64(len(file)), &out, baseline(seal))
			if level == 1 {
				expectRefused(t, err, "permission", "nothing may follow")
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			expectSound(t, out.Bytes(), a, 2)
			// A new visible field could cover what was certified.
			shown := baseline(seal)
			shown.Appearance = &pdfsig.Appearance{Page: 1, Rect: [4]float64{10, 10, 200, 60}, Lines: []string{"Số 1"}}
			expectRefused(t, pdfsig.Sign(t.Context(), bytes.NewReader(file), int64(len(file)), &out, shown), "permission", "visible")
			shown.Certify = 2
			expectRefused(t, pdfsig.Sign(t.Context(), bytes.NewReader(file), int64(len(file)), &out, shown), "permission", "only the first")
		})
	}
}

// TestOlderFormKeepsToPermissions: the library that makes it knows of none.
func TestOlderFormKeepsToPermissions(t *testing.T) {
	a := authority(t, pki.P256)
	by, seal := person(t, a, pki.P256), agency(t, a, pki.P256)
	older := pdfsig.SignRequest{Key: seal.Key, Chain: seal.Chain, Time: now}
	request := baseline(by)
	request.Certify = 1
	certified := signedWith(t, document(t), request)
	var out bytes.Buffer
	expectRefused(t, pdfsig.Sign(t.Context(), bytes.NewReader(certified), int64(len(certified)), &out, older), "permission", "nothing may follow")
	// The library drops form fields from the list of the form.
	form := map[int]string{
		1: `<< /Type /Catalog /Pages 2 0 R /AcroForm << /Fields [5 0 R] >> >>`,
		2: `<< /Type /Pages /Kids [3 0 R] /Count 1 /MediaBox [0 0 595 842] >>`,
		3: `<< /Type /Page /Parent 2 0 R /Annots [5 0 R] >>`,
		5: `<< /FT /Tx /T (ten) /Subtype /Widget /Type /Annot /Rect [10 10 90 30] /P 3 0 R >>`,
	}
	filled := signedWith(t, rawPDF(form, "/Root 1 0 R"), baseline(by))
	expectRefused(t, pdfsig.Sign(t.Context(), bytes.NewReader(filled), int64(len(filled)), &out, older), "permission", "field was removed")
	if out.Len() > 0 {
		t.Errorf("%d bytes were written", out.Len())
	}
}

func expectRefused(t testing.TB, err error, rule, reason string) {
	t.Helper()
	var refused *pdfsig.SignError
	if !errors.As(err, &refused) || refused.Rule != rule || !strings.Contains(refused.Reason, reason) {
		t.Errorf("got %v, want a refusal %q with %q", err, rule, reason)
	}
}

func TestSignRefuses(t *testing.T) {
	a := authority(t, pki.P256)
	by := person(t, a, pki.P256)
	good := document(t)
	encrypted := filepath.Join(t.TempDir(), "encrypted.pdf")
	if out, err := tool(t, "qpdf", "--encrypt", "", "x", "256", "--", write(t, good), encrypted); err != nil {
		t.Fatal(out, err)
	}
	secret, err := os.ReadFile(encrypted)
	if err != nil {
		t.Fatal(err)
	}
	at := func(page int, rect [4]float64) func(*pdfsig.SignRequest) {
		return func(r *pdfsig.SignRequest) {
			r.Appearance = &pdfsig.Appearance{Page: page, Rect: rect, Lines: []string{"x"}}
		}
	}
	box := [4]float64{10, 10, 100, 40}
	cases := map[string]struct {
		file         []byte
		change       func(*pdfsig.SignRequest)
		rule, reason string
	}{
		"no PDF":        {[]byte("text"), nil, "structure", "cannot be read strictly"},
		"tail":          {append(bytes.Clone(good), "more"...), nil, "structure", "%%EOF"},
		"encrypted":     {secret, nil, "encrypted", "encrypted"},
		"page":          {good, at(9, box), "page", "2 pages"},
		"page zero":     {good, at(0, box), "page", "no page 0"},
		"outside":       {good, at(1, [4]float64{500, 10, 700, 40}), "appearance", "beyond the page"},
		"huge":          {good, at(1, [4]float64{0, 0, 595, 841}), "appearance", "most of the page"},
		"empty":         {good, at(1, [4]float64{}), "appearance", "empty"},
		"text too long": {good, func(r *pdfsig.SignRequest) { at(1, box)(r); r.Appearance.Lines = []string{strings.Repeat("mm", 40)} }, "appearance", "takes"},
		"letter":        {good, func(r *pdfsig.SignRequest) { at(1, box)(r); r.Appearance.Lines = []string{"漢"} }, "appearance", "U+6F22"},
		"picture": {good, func(r *pdfsig.SignRequest) {
			at(1, box)(r)
			r.Appearance.Lines, r.Appearance.Image = nil, []byte("JFIF")
		}, "appearance", "PNG"},
		"dots":         {good, func(r *pdfsig.SignRequest) { r.Field = "a.b" }, "field", "dots"},
		"level":        {good, func(r *pdfsig.SignRequest) { r.Level = "B-X" }, "level", "B-X"},
		"no authority": {good, func(r *pdfsig.SignRequest) { r.Level = pdfsig.LevelT }, "level", "time-stamp authority"},
		"certify":      {good, func(r *pdfsig.SignRequest) { r.Certify = 4 }, "permission", "1, 2 or 3"},
		"key":          {good, func(r *pdfsig.SignRequest) { r.Chain = agency(t, a, pki.P256).Chain }, "key", "does not belong"},
		"seed values":  {rawPDF(emptyField("/SV << /Ff 1 >>"), "/Root 1 0 R"), func(r *pdfsig.SignRequest) { r.Field = "KySo" }, "field", "seed"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			request := baseline(by)
			if c.change != nil {
				c.change(&request)
			}
			var out bytes.Buffer
			expectRefused(t, pdfsig.Sign(t.Context(), bytes.NewReader(c.file), int64(len(c.file)), &out, request), c.rule, c.reason)
			if out.Len() > 0 {
				t.Errorf("%d bytes were written", out.Len())
			}
		})
	}
}

var errAway = errors.New("the authority is away")

func TestAuthorityAway(t *testing.T) {
	by := person(t, authority(t, pki.P256), pki.P256)
	request, file := baseline(by), document(t)
	request.Level = pdfsig.LevelT
	request.Stamp = func(context.Context, []byte) ([]byte, error) { return nil, errAway }
	var out bytes.Buffer
	if err := pdfsig.Sign(t.Context(), bytes.NewReader(file), int64(len(file)), &out, request); !errors.Is(err, errAway) {
		t.Errorf("got %v", err)
	}
}

// TestSigningOverABrokenSignature: what an earlier signer did not permit is not made
// good by another signature.
func TestSigningOverABrokenSignature(t *testing.T) {
	a := authority(t, pki.P256)
	by := person(t, a, pki.P256)
	file := signedWith(t, document(t), baseline(by))
	changed := bytes.Clone(file)
	at := bytes.Index(changed, []byte("/Producer"))
	changed[at+1] = 'p'
	again := signedWith(t, changed, baseline(by))
	report := verify(t, again, validator(t, a))
	if worst := worstOf(report); worst == nil || worst.Sub != verdict.HashFailure {
		t.Errorf("got %v", worst)
	}
}
