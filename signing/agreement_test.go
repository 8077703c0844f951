package signing_test

import (
	"bytes"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/signing"
	"github.com/lienthong/lienthong/signing/cms"
	"github.com/lienthong/lienthong/signing/pdfsig"
	"github.com/lienthong/lienthong/signing/pki"
)

// bench is what other programs need to judge the files of a stage.
type bench struct {
	*stage
	dir, anchors string
}

func newBench(t *testing.T) *bench {
	t.Helper()
	b := &bench{stage: newStage(t), dir: t.TempDir()}
	b.anchors = b.write(t, "anchors.pem", b.AnchorsPEM())
	return b
}

func (b *bench) write(t *testing.T, name string, data []byte) string {
	t.Helper()
	path := filepath.Join(b.dir, name)
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// ask runs another program; a missing one is an error in CI and skips the test elsewhere.
func ask(t *testing.T, tool string, arguments ...string) (string, error) {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), tool, arguments...).CombinedOutput()
	if errIsMissing(err) && os.Getenv("CI") != "true" {
		t.Skipf("%s is not installed", tool)
	}
	return string(out), err
}

// extracted is a value with the bytes that its byte range covers, found as text.
type extracted struct {
	value, covered []byte
	timestamp      bool
}

func extract(t *testing.T, file []byte) []extracted {
	t.Helper()
	var found []extracted
	ranges := regexp.MustCompile(`/ByteRange ?\[ ?0 (\d+) (\d+) (\d+) *\]`)
	for _, at := range ranges.FindAllSubmatchIndex(file, -1) {
		var n [3]int
		for i := range n {
			var err error
			if n[i], err = strconv.Atoi(string(file[at[2+2*i]:at[3+2*i]])); err != nil {
				t.Fatal(err)
			}
		}
		value := make([]byte, (n[1]-n[0]-2)/2)
		if _, err := hex.Decode(value, file[n[0]+1:n[1]-1]); err != nil {
			t.Fatal(err)
		}
		end, _, _ := bytes.Cut(file[n[1]:], []byte("endobj"))
		begin := file[bytes.LastIndex(file[:at[0]], []byte(" obj")):at[0]]
		found = append(found, extracted{
			value: cms.TrimPadding(value), covered: append(bytes.Clone(file[:n[0]]), file[n[1]:n[1]+n[2]]...),
			timestamp: bytes.Contains(end, []byte("ETSI.RFC3161")) || bytes.Contains(begin, []byte("ETSI.RFC3161")),
		})
	}
	return found
}

// expectOpenSSL has OpenSSL verify every signature and document timestamp over the
// bytes that it covers, and refuse it over others.
func (b *bench) expectOpenSSL(t *testing.T, file []byte) (signatures, timestamps int) {
	t.Helper()
	at := strconv.FormatInt(now.Add(time.Hour).Unix(), 10)
	for _, s := range extract(t, file) {
		value := b.write(t, "value.der", s.value)
		verify := func(covered []byte) (string, error) {
			data := b.write(t, "covered", covered)
			if s.timestamp {
				return ask(t, "openssl", "ts", "-verify", "-token_in", "-in", value, "-data", data, "-CAfile", b.anchors, "-attime", at,
					"-untrusted", b.write(t, "issuing.pem", pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: b.Issuing().Certificate().Raw})))
			}
			return ask(t, "openssl", "cms", "-verify", "-binary", "-inform", "DER", "-in", value, "-content", data, "-CAfile", b.anchors,
				"-purpose", "any", "-attime", at, "-out", os.DevNull)
		}
		if out, err := verify(s.covered); err != nil {
			t.Errorf("openssl, timestamp %v: %v\n%s", s.timestamp, err, out)
		}
		if out, err := verify(append(s.covered, ' ')); err == nil {
			t.Errorf("openssl takes other bytes, timestamp %v\n%s", s.timestamp, out)
		}
		if s.timestamp {
			timestamps++
		} else {
			signatures++
		}
	}
	return signatures, timestamps
}

// TestOthersAgree: poppler, OpenSSL and qpdf find in files of every level and kind of
// key what this package finds, and take all of it for good.
func TestOthersAgree(t *testing.T) {
	b := newBench(t)
	keys := map[string]pki.Algorithm{"P-256": pki.P256, "P-384": pki.P384, "P-521": pki.P521, "RSA": pki.RSA2048, "PSS": pki.RSA2048}
	levels := []pdfsig.Level{pdfsig.LevelLegacy, pdfsig.LevelB, pdfsig.LevelT, pdfsig.LevelLT, pdfsig.LevelLTA}
	seal, err := b.Agency("UBND tỉnh Quảng Nam", pki.P256)
	if err != nil {
		t.Fatal(err)
	}
	for kind, algorithm := range keys {
		signer, err := b.Person("Nguyễn Văn Nghĩa (hư cấu)", "UBND tỉnh Quảng Nam", algorithm)
		if err != nil {
			t.Fatal(err)
		}
		for _, level := range levels {
			if level == pdfsig.LevelLegacy && kind == "PSS" {
				continue // there is no such form
			}
			t.Run(fmt.Sprintf("%s %s", kind, level), func(t *testing.T) {
				b := *b
				b.dir, b.stage.signer = t.TempDir(), signer
				pss := func(r *pdfsig.SignRequest) { r.PSS = kind == "PSS" }
				file := b.sign(t, level, pss)
				request := pdfsig.SignRequest{Key: seal.Key, Chain: seal.Chain, Level: pdfsig.LevelB, Time: now}
				file, err := sign(t, file, request)
				if err != nil {
					t.Fatal(err)
				}
				b.expectAgreement(t, file, level, 2)
			})
		}
	}
	t.Run("certified, nothing may follow", func(t *testing.T) {
		file := b.sign(t, pdfsig.LevelLTA, func(r *pdfsig.SignRequest) { r.Certify = 1 })
		b.expectAgreement(t, file, pdfsig.LevelLTA, 1)
	})
}

// expectAgreement compares the verdicts on a file whose first signature has a level.
func (b *bench) expectAgreement(t *testing.T, file []byte, level pdfsig.Level, signatures int) {
	t.Helper()
	wantStamps := 0
	if level == pdfsig.LevelLTA {
		wantStamps = 1
	}
	report := b.examine(t, file, signing.VerifierOptions{}, signing.Inquiry{}).Report
	want := string(level)
	if level == pdfsig.LevelLegacy {
		want = "legacy"
	}
	if report.Indication != hub.TotalPassed || len(report.Signatures) != signatures || report.Signatures[0].Level != want {
		t.Errorf("%s/%s, %d signatures: %+v", report.Indication, report.Sub, len(report.Signatures), report.Signatures)
	}
	if n, stamps := b.expectOpenSSL(t, file); n != signatures || stamps != wantStamps {
		t.Errorf("openssl judged %d signatures and %d document timestamps, want %d and %d", n, stamps, signatures, wantStamps)
	}
	path := b.write(t, "file.pdf", file)
	if out, err := ask(t, "qpdf", "--check", path); err != nil || strings.Contains(out, "WARNING") {
		t.Errorf("qpdf: %v\n%s", err, out)
	}
	// Poppler of Debian 12 lists document timestamps and does not judge them.
	out, err := ask(t, "pdfsig", "-nocert", path)
	if err != nil || strings.Count(out, "Signature is Valid") != signatures || strings.Count(out, "Signature #") != signatures+wantStamps {
		t.Errorf("pdfsig: %v\n%s", err, out)
	}
}
