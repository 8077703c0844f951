package pdfsig_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lienthong/lienthong/signing/pdfsig"
	"github.com/lienthong/lienthong/signing/pki"
	"github.com/lienthong/lienthong/signing/trust"
	"github.com/lienthong/lienthong/signing/verdict"
)

func validator(t testing.TB, a *pki.Authority) *trust.Validator {
	t.Helper()
	anchors, err := trust.LoadAnchors(a.AnchorsPEM())
	if err != nil {
		t.Fatal(err)
	}
	return trust.NewValidator(anchors)
}

func verify(t testing.TB, file []byte, v *trust.Validator) pdfsig.Report {
	t.Helper()
	report, err := pdfsig.Verify(t.Context(), bytes.NewReader(file), int64(len(file)), v, now)
	if err != nil {
		t.Fatal(err)
	}
	return report
}

// expectPassed requires that many signatures and all of them to pass.
func expectPassed(t testing.TB, report pdfsig.Report, signatures int) {
	t.Helper()
	if len(report.Signatures) != signatures {
		t.Fatalf("%d signatures, want %d; findings %q", len(report.Signatures), signatures, report.Findings)
	}
	for _, s := range report.Signatures {
		if s.Indication() != verdict.Passed {
			t.Errorf("%s: %v", s.Field, s.Problem)
		}
	}
}

// expectFailed requires a signature, and each that covers an earlier revision than
// the newest to be proved bad for its format.
func expectFailed(t testing.TB, report pdfsig.Report, sub verdict.Sub, reason string) {
	t.Helper()
	worst := worstOf(report)
	if worst == nil || worst.Indication != verdict.Failed || worst.Sub != sub || !strings.Contains(worst.Reason, reason) {
		t.Fatalf("got %v, want TOTAL-FAILED/%s with %q; findings %q", worst, sub, reason, report.Findings)
	}
}

func worstOf(report pdfsig.Report) *verdict.Problem {
	var worst *verdict.Problem
	for _, s := range report.Signatures {
		if s.Problem != nil && (worst == nil || s.Problem.Indication == verdict.Failed) {
			worst = s.Problem
		}
	}
	return worst
}

func TestTwiceSigned(t *testing.T) {
	for _, leader := range []pki.Algorithm{pki.P256, pki.RSA2048} {
		for _, seal := range []pki.Algorithm{pki.P256, pki.RSA2048} {
			t.Run(fmt.Sprint(leader, seal), func(t *testing.T) {
				a := authority(t, pki.P256)
				file := signed(t, signed(t, document(t), person(t, a, leader)), agency(t, a, seal))
				report := verify(t, file, validator(t, a))
				expectPassed(t, report, 2)
				first, second := report.Signatures[0], report.Signatures[1]
				if first.Revision != 2 || first.CoversWhole || second.Revision != 3 || !second.CoversWhole || second.Revisions != 3 {
					t.Errorf("revisions %d and %d of %d", first.Revision, second.Revision, second.Revisions)
				}
				if first.Signer.Subject.CommonName != "Nguyễn Văn Nghĩa (hư cấu)" || !first.Claimed.Equal(now) || len(first.Chain) != 3 {
					t.Errorf("signer %v, claimed %v, %d certificates", first.Signer.Subject, first.Claimed, len(first.Chain))
				}
			})
		}
	}
}

func TestVisibleSignatures(t *testing.T) {
	a := authority(t, pki.P256)
	file := document(t)
	for i, by := range []pki.Identity{person(t, a, pki.P256), agency(t, a, pki.P256)} {
		file = signedWith(t, file, pdfsig.SignRequest{Key: by.Key, Chain: by.Chain, Time: now, Name: "Nguoi ky",
			Appearance: &pdfsig.Appearance{Page: 1, Rect: [4]float64{100 + 150*float64(i), 100, 230 + 150*float64(i), 150}}})
	}
	expectPassed(t, verify(t, file, validator(t, a)), 2)
}

func TestUnsignedFileHasNoSignature(t *testing.T) {
	report := verify(t, document(t), trust.NewValidator(nil))
	if len(report.Signatures) != 0 || len(report.Findings) != 0 {
		t.Errorf("%+v", report)
	}
}

func TestSoundSignatureWithoutAnchorIsUndecided(t *testing.T) {
	a := authority(t, pki.P256)
	file := signed(t, document(t), person(t, a, pki.P256))
	for _, v := range []*trust.Validator{trust.NewValidator(nil), validator(t, authority(t, pki.P256))} {
		worst := worstOf(verify(t, file, v))
		if worst == nil || worst.Indication != verdict.Indeterminate || worst.Sub != verdict.NoCertificateChain {
			t.Errorf("got %v", worst)
		}
	}
}

// Every byte that a signature covers counts, and no byte of the value can be
// changed for one that verifies too.
func TestEveryByteCounts(t *testing.T) {
	a := authority(t, pki.P256)
	v := validator(t, a)
	file := signed(t, document(t), person(t, a, pki.P256))
	expectPassed(t, verify(t, file, v), 1)
	low := bytes.Index(file, []byte("/Contents<")) + len("/Contents")
	high := low + bytes.IndexByte(file[low:], '>') + 1
	step := 13
	if testing.Short() {
		step = 97
	}
	for i := 0; i < len(file); i += step {
		changed := bytes.Clone(file)
		changed[i] ^= 1
		report := verify(t, changed, v)
		worst := worstOf(report)
		covered := i < low || i >= high
		switch {
		case worst == nil && len(report.Signatures) > 0 && covered:
			t.Fatalf("byte %d (%q): passed", i, file[i])
		case covered && len(report.Signatures) > 0 && worst.Indication != verdict.Failed:
			t.Fatalf("byte %d (%q): %v", i, file[i], worst)
		}
	}
	for i := len(file) - 300; i < len(file); i++ { // trailer and end mark, byte by byte
		changed := bytes.Clone(file)
		changed[i] ^= 4
		if report := verify(t, changed, v); worstOf(report) == nil || worstOf(report).Indication != verdict.Failed {
			t.Fatalf("byte %d (%q): %v %q", i, file[i], worstOf(report), report.Findings)
		}
	}
}

// tool runs a program that the tests may use where it is installed.
func tool(t testing.TB, name string, arguments ...string) (string, error) {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("%s is not installed", name)
		}
		t.Skipf("%s is not installed", name)
	}
	out, err := exec.CommandContext(t.Context(), path, arguments...).CombinedOutput()
	return string(out), err
}

func write(t testing.TB, data []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file.pdf")
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestPopplerAgrees(t *testing.T) {
	a := authority(t, pki.P256)
	file := signed(t, signed(t, document(t), person(t, a, pki.P256)), agency(t, a, pki.RSA2048))
	out, err := tool(t, "pdfsig", "-nocert", write(t, file))
	if err != nil || strings.Count(out, "Signature is Valid") != 2 || !strings.Contains(out, "Total document signed") {
		t.Errorf("%v\n%s", err, out)
	}
	if !strings.Contains(out, "Nguyễn Văn Nghĩa") {
		t.Errorf("the name of the signer is not shown:\n%s", out)
	}
	if out, err := tool(t, "qpdf", "--check", write(t, file)); err != nil {
		t.Errorf("qpdf: %v\n%s", err, out)
	}
}

// Files as other programs write them: cross-reference streams with object streams,
// and linearized files with their two sections.
func TestOtherLayouts(t *testing.T) {
	a := authority(t, pki.P256)
	for name, arguments := range map[string][]string{
		"object streams": {"--object-streams=generate"},
		"linearized":     {"--linearize"},
		"both":           {"--linearize", "--object-streams=generate"},
		"plain":          {"--qdf", "--object-streams=disable"},
	} {
		t.Run(name, func(t *testing.T) {
			in := write(t, document(t))
			out := filepath.Join(t.TempDir(), "out.pdf")
			if text, err := tool(t, "qpdf", append(arguments, in, out)...); err != nil {
				t.Fatalf("%v\n%s", err, text)
			}
			file, err := os.ReadFile(out)
			if err != nil {
				t.Fatal(err)
			}
			report := verify(t, file, validator(t, a))
			if len(report.Signatures)+len(report.Findings) != 0 {
				t.Fatalf("unsigned: %+v", report)
			}
			once := signed(t, file, person(t, a, pki.P256))
			expectPassed(t, verify(t, once, validator(t, a)), 1)
			expectPassed(t, verify(t, signed(t, once, agency(t, a, pki.P256)), validator(t, a)), 2)
		})
	}
}

func TestCancelledContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	a := authority(t, pki.P256)
	file := signed(t, document(t), person(t, a, pki.P256))
	_, err := pdfsig.Verify(ctx, bytes.NewReader(file), int64(len(file)), validator(t, a), now)
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

// failingReader stands for a disk that fails at some offset.
type failingReader struct {
	*bytes.Reader
	from int64
}

var errDisk = errors.New("disk failure")

func (r failingReader) ReadAt(into []byte, offset int64) (int, error) {
	if offset+int64(len(into)) > r.from && offset < r.Size() {
		return 0, errDisk
	}
	return r.Reader.ReadAt(into, offset)
}

// A disk that fails is an error and never a verdict.
func TestReadFailureIsNoVerdict(t *testing.T) {
	a := authority(t, pki.P256)
	file := signed(t, document(t), person(t, a, pki.P256))
	for from := int64(0); from < int64(len(file)); from += 997 {
		report, err := pdfsig.Verify(t.Context(), failingReader{bytes.NewReader(file), from}, int64(len(file)), validator(t, a), now)
		if !errors.Is(err, errDisk) {
			t.Fatalf("from byte %d: %v, %+v", from, err, report)
		}
	}
}
