package signing_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
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
)

func blob(data []byte) hub.Blob { return hub.BlobOf(data) }

func newAuthority(t testing.TB) (*pki.Authority, *trust.Anchors) {
	t.Helper()
	a, err := pki.New(now, pki.P256)
	if err != nil {
		t.Fatal(err)
	}
	anchors, err := trust.LoadAnchors(a.AnchorsPEM())
	if err != nil {
		t.Fatal(err)
	}
	return a, anchors
}

func newVerifier(anchors *trust.Anchors) *signing.Verifier {
	return signing.NewVerifier(signing.VerifierOptions{Anchors: anchors, Now: func() time.Time { return now }})
}

// signedPDF is a document that a leader signed and an agency sealed.
func signedPDF(t testing.TB, a *pki.Authority) []byte {
	t.Helper()
	page := fpdf.New("P", "mm", "A4", "")
	page.SetFont("Helvetica", "", 12)
	page.AddPage()
	page.Cell(0, 10, "173/UBND-KSTTHC")
	var file bytes.Buffer
	if err := page.Output(&file); err != nil {
		t.Fatal(err)
	}
	leader, err := a.Person("Nguyễn Văn Nghĩa (hư cấu)", "UBND tỉnh Quảng Nam", pki.P256)
	if err != nil {
		t.Fatal(err)
	}
	seal, err := a.Agency("UBND tỉnh Quảng Nam", pki.P256)
	if err != nil {
		t.Fatal(err)
	}
	for _, by := range []pki.Identity{leader, seal} {
		in := bytes.NewReader(bytes.Clone(file.Bytes()))
		file.Reset()
		if err := pdfsig.Sign(t.Context(), in, in.Size(), &file, pdfsig.SignRequest{Key: by.Key, Chain: by.Chain, Time: now}); err != nil {
			t.Fatal(err)
		}
	}
	return file.Bytes()
}

func TestReportOfASignedPDF(t *testing.T) {
	a, anchors := newAuthority(t)
	file := signedPDF(t, a)
	part := hub.Part{ID: "p1", Role: hub.RoleOriginal, Name: "173.pdf", MediaType: "application/pdf", Digest: sha256.Sum256(file)}
	report, err := newVerifier(anchors).VerifyPart(t.Context(), part, blob(file))
	if err != nil {
		t.Fatal(err)
	}
	if report.Indication != hub.TotalPassed || len(report.Signatures) != 2 || report.Part != "p1" || report.SHA256 != part.Digest ||
		report.Policy != signing.Policy || !report.ValidatedAt.Equal(now) || report.AnchorSource != anchors.Source() {
		t.Fatalf("%+v", report)
	}
	leader := report.Signatures[0]
	want := hub.SignatureVerdict{
		Field: "Signature 1", Format: "adbe.pkcs7.detached", Level: "legacy", Indication: hub.TotalPassed,
		Signer: "Nguyễn Văn Nghĩa (hư cấu)", Organization: pki.Mark + ", UBND tỉnh Quảng Nam",
		Issuer: "Cấp phát thử nghiệm", Serial: "3", ClaimedAt: now, Algorithm: "ECDSA with SHA-256",
		Chain: leader.Chain, Anchor: "Gốc thử nghiệm", Revision: 2, Revisions: 3, Checks: leader.Checks,
		Certificate: leader.Chain[0], Subject: leader.Subject,
		CoveredBytes: leader.CoveredBytes, Changes: []string{"a signature was added in the field Signature 2"},
	}
	if !reflect.DeepEqual(leader, want) {
		t.Errorf("got  %+v\nwant %+v", leader, want)
	}
	if seal := report.Signatures[1]; leader.CoveredBytes <= 0 || leader.CoveredBytes >= int64(len(file)) || seal.CoveredBytes != int64(len(file)) || seal.Changes != nil {
		t.Errorf("the leader covers %d bytes, the seal %d of %d; behind it: %q", leader.CoveredBytes, seal.CoveredBytes, len(file), seal.Changes)
	}
	if names := leader.Subject; !slices.Contains(names, "OU=UBND tỉnh Quảng Nam") || !slices.Contains(names, "CN=Nguyễn Văn Nghĩa (hư cấu)") {
		t.Errorf("the subject is %q", names)
	}
	if len(leader.Chain) != 3 || !report.Signatures[1].CoversWhole {
		t.Errorf("chain %d, covers whole %v", len(leader.Chain), report.Signatures[1].CoversWhole)
	}
}

func TestSameInputsGiveTheSameReport(t *testing.T) {
	a, anchors := newAuthority(t)
	file := signedPDF(t, a)
	var first []byte
	for range 5 {
		report, err := newVerifier(anchors).VerifyFile(t.Context(), "a.pdf", blob(file))
		if err != nil {
			t.Fatal(err)
		}
		text, err := json.Marshal(report)
		if err != nil {
			t.Fatal(err)
		}
		if first == nil {
			first = text
		}
		if !bytes.Equal(first, text) {
			t.Fatalf("%s\n%s", first, text)
		}
	}
}

// Whatever time a file claims, its report can be written.
func TestReportOfAnImpossibleClaim(t *testing.T) {
	a, anchors := newAuthority(t)
	file := regexp.MustCompile(`/M ?\(D:\d{14}[^)]*\)`).ReplaceAllFunc(signedPDF(t, a), func(date []byte) []byte {
		return append([]byte("/M(D:99991231235959-0700)"), bytes.Repeat([]byte(" "), len(date)-25)...)
	})
	report, err := newVerifier(anchors).VerifyFile(t.Context(), "a.pdf", blob(file))
	if err != nil || len(report.Signatures) != 2 || report.Indication != hub.TotalFailed {
		t.Fatalf("%+v, %v", report, err)
	}
	if _, err := json.Marshal(report); err != nil || !report.Signatures[0].ClaimedAt.IsZero() {
		t.Errorf("%v, %v", report.Signatures[0].ClaimedAt, err)
	}
}

func TestVerdictsOfFiles(t *testing.T) {
	a, anchors := newAuthority(t)
	good := signedPDF(t, a)
	damaged := bytes.Clone(good)
	damaged[500] ^= 1
	junk := append([]byte("junk\n"), good...)
	cases := map[string]struct {
		name    string
		data    []byte
		anchors *trust.Anchors
		want    hub.Indication
		sub     hub.SubReason
		finding string
	}{
		"good":                  {"a.pdf", good, anchors, hub.TotalPassed, "", ""},
		"good, another name":    {"a.bin", good, anchors, hub.TotalPassed, "", ""},
		"no anchors":            {"a.pdf", good, nil, hub.Indeterminate, hub.SubNoCertificateChain, ""},
		"changed":               {"a.pdf", damaged, anchors, hub.TotalFailed, hub.SubHashFailure, ""},
		"junk before header":    {"a.pdf", junk, anchors, hub.TotalFailed, hub.SubFormatFailure, "cannot be read strictly"},
		"data behind the end":   {"a.pdf", append(bytes.Clone(good), "PK\x03\x04"...), anchors, hub.TotalFailed, hub.SubFormatFailure, "cannot be read strictly"},
		"text called PDF":       {"a.pdf", []byte("hello"), anchors, hub.NoSignatureFound, "", "its content is none"},
		"empty":                 {"a.txt", nil, anchors, hub.NoSignatureFound, "", ""},
		"broken, not signed":    {"a.pdf", []byte("%PDF-1.7\n1 0 obj\n"), anchors, hub.NoSignatureFound, "", "cannot be read strictly"},
		"XML without signature": {"a.xml", []byte("<edXML/>"), anchors, hub.NoSignatureFound, "", ""},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			report, err := newVerifier(c.anchors).VerifyFile(t.Context(), c.name, blob(c.data))
			if err != nil {
				t.Fatal(err)
			}
			if report.Indication != c.want || report.Sub != c.sub || report.SHA256 != sha256.Sum256(c.data) {
				t.Errorf("got %s/%s, want %s/%s", report.Indication, report.Sub, c.want, c.sub)
			}
			if got := strings.Join(report.Findings, "; "); !strings.Contains(got, c.finding) || c.finding == "" && got != "" {
				t.Errorf("findings %q, want %q", got, c.finding)
			}
		})
	}
}

func TestChainIsJudgedAtTheHubsTime(t *testing.T) {
	a, anchors := newAuthority(t)
	file := signedPDF(t, a)
	later := signing.NewVerifier(signing.VerifierOptions{Anchors: anchors, Now: func() time.Time { return now.AddDate(3, 0, 0) }})
	report, err := later.VerifyFile(t.Context(), "a.pdf", blob(file))
	if err != nil || report.Indication != hub.Indeterminate || report.Sub != hub.SubOutOfBoundsNoPOE {
		t.Errorf("%s/%s, %v", report.Indication, report.Sub, err)
	}
}

func receipt(t testing.TB, change func(e *hub.Evidence)) (data []byte, anchors *trust.Anchors) {
	t.Helper()
	evidence := hub.Evidence{
		Version: hub.EvidenceVersion, Profile: hub.EvidenceProfile, ID: "0199", Time: now,
		Event: hub.EventContentHandover, Issuer: hub.Party{ID: "hub", Name: "Trục <thử>"},
	}
	change(&evidence)
	receipts, anchors := receipts(t, evidence)
	return receipts[0], anchors
}

// receipts seals evidences together.
func receipts(t testing.TB, evidence ...hub.Evidence) (data [][]byte, anchors *trust.Anchors) {
	t.Helper()
	key, chain, err := signing.LoadOrCreateHubKey(filepath.Join(t.TempDir(), "key"), "Trục thử nghiệm", now)
	if err != nil {
		t.Fatal(err)
	}
	sealer, err := signing.NewSealer(key, chain)
	if err != nil {
		t.Fatal(err)
	}
	sealed, err := sealer.SealEvidence(t.Context(), evidence...)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range sealed {
		data = append(data, hub.MarshalReceipt(s))
	}
	return data, trust.NewAnchors(chain...)
}

// inBatch returns one receipt of a batch of seven.
func inBatch(t testing.TB) (data []byte, anchors *trust.Anchors) {
	t.Helper()
	batch := make([]hub.Evidence, 7)
	for i := range batch {
		batch[i] = hub.Evidence{
			Version: hub.EvidenceVersion, Profile: hub.EvidenceProfile, ID: hub.EvidenceID(fmt.Sprint("e", i)), Time: now,
			Event: hub.EventContentConsignment, Issuer: hub.Party{ID: "hub"},
		}
	}
	all, anchors := receipts(t, batch...)
	for i, data := range all {
		sealed, report, err := newVerifier(anchors).VerifyReceipt(data, time.Time{})
		if err != nil || report.Indication != hub.TotalPassed || sealed.Evidence.ID != batch[i].ID {
			t.Fatalf("receipt %d of a batch: %+v, %v", i, report, err)
		}
	}
	return all[2], anchors
}

func TestVerifyReceipt(t *testing.T) {
	data, anchors := receipt(t, func(*hub.Evidence) {})
	sealed, report, err := newVerifier(anchors).VerifyReceipt(data, time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	if report.Indication != hub.TotalPassed || sealed.Evidence.Event != hub.EventContentHandover ||
		report.Signatures[0].Signer != "Trục thử nghiệm" || report.SHA256 != sealed.Digest {
		t.Errorf("%+v", report)
	}
	if _, report, _ = newVerifier(nil).VerifyReceipt(data, now); report.Sub != hub.SubNoCertificateChain {
		t.Errorf("without anchors: %s/%s", report.Indication, report.Sub)
	}
	if _, report, _ = newVerifier(anchors).VerifyReceipt(data, now.AddDate(30, 0, 0)); report.Sub != hub.SubOutOfBoundsNoPOE {
		t.Errorf("in thirty years: %s/%s", report.Indication, report.Sub)
	}
}

func TestReceiptOfAnUnknownProfile(t *testing.T) {
	data, anchors := receipt(t, func(e *hub.Evidence) { e.Profile = "urn:other" })
	_, report, err := newVerifier(anchors).VerifyReceipt(data, now)
	if err != nil || report.Indication != hub.Indeterminate || report.Sub != hub.SubSigConstraintsFailure {
		t.Errorf("%s/%s, %v", report.Indication, report.Sub, err)
	}
}

// No changed byte of a receipt may pass.
func TestEveryByteOfAReceiptCounts(t *testing.T) {
	t.Run("alone", func(t *testing.T) {
		data, anchors := receipt(t, func(*hub.Evidence) {})
		everyByteCounts(t, data, anchors)
	})
	t.Run("in a batch", func(t *testing.T) {
		data, anchors := inBatch(t)
		everyByteCounts(t, data, anchors)
	})
}

func everyByteCounts(t *testing.T, data []byte, anchors *trust.Anchors) {
	t.Helper()
	verifier := newVerifier(anchors)
	for i := range data {
		for _, bit := range []byte{1, 0x20, 0x80} {
			changed := bytes.Clone(data)
			changed[i] ^= bit
			_, report, err := verifier.VerifyReceipt(changed, now)
			if err == nil && report.Indication == hub.TotalPassed {
				t.Fatalf("byte %d (%q), bit %#x: passed", i, data[i], bit)
			}
		}
	}
}

func TestSamplesOfEnvelopes(t *testing.T) {
	files, err := filepath.Glob("../../shared/samples/edxml/*.edxml")
	if err != nil || len(files) == 0 {
		t.Skip("the sample files are not here")
	}
	for _, path := range files {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		report, err := newVerifier(nil).VerifyPart(t.Context(), hub.Part{ID: "envelope", Role: hub.RoleEnvelope, Name: filepath.Base(path)}, blob(data))
		if err != nil {
			t.Fatal(err)
		}
		if report.Indication != hub.Indeterminate && report.Indication != hub.NoSignatureFound {
			t.Errorf("%s: %s/%s %+v", path, report.Indication, report.Sub, report.Signatures)
		}
		t.Log(filepath.Base(path), report.Indication, report.Sub, report.Signatures)
	}
}
