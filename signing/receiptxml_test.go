package signing_test

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/signing"
	"github.com/lienthong/lienthong/signing/pki"
	"github.com/lienthong/lienthong/signing/trust"
)

// fullEvidence has every member that the XML form knows, and what XML has to escape.
func fullEvidence() hub.Evidence {
	at := time.Now().UTC().Truncate(time.Millisecond)
	index := 1
	return hub.Evidence{
		Version: hub.EvidenceVersion, Profile: hub.EvidenceProfile, ID: "0199-1", Event: hub.EventConsignmentRejection, Time: at,
		Reasons:    []hub.Reason{{Code: hub.ReasonIncomplete, Detail: `thiếu trang 2 <"&'>` + "\n\tvà 3"}},
		Issuer:     hub.Party{ID: "hub", Scheme: "hub", Name: "Trục liên thông (mẫu)"},
		Sender:     &hub.Party{ID: "s", Code: "H47", Scheme: "qcvn102", Name: "UBND tỉnh (hư cấu)", Auth: &hub.AuthFact{Method: hub.AuthAPIKey, Actor: "k1"}},
		Recipients: []hub.Party{{ID: "r", Code: "H48", Name: "Sở", Index: &index, Note: "kế thừa", ForInformation: true, Rule: &hub.RuleRef{Name: "Gửi <kiểm tra>", Version: 3}}},
		Dispatch:   "d1", Delivery: "v1", ExternalID: "173/UBND", Operation: hub.OperationNew, Delegate: &hub.Party{ID: "office", Code: "H48.1", Scheme: "qd20", Name: "Văn phòng (hư cấu)"}, Origin: &hub.Party{ID: "author", Code: "H47", Scheme: "qd20", Name: "UBND tỉnh (hư cấu)"}, SubmissionTime: at.Add(-time.Second),
		Content: &hub.Content{Parts: []hub.PartFact{{ID: "p1", Role: hub.RoleOriginal, Name: "công văn & phụ lục.pdf", MediaType: "application/pdf", Size: 7, SHA256: hub.Digest{1}}}},
		Prev:    &hub.EvidenceRef{ID: "0199-0", SHA256: hub.Digest{2}}, DeliveryInfo: &hub.DeliveryInfo{Attempt: 1, Channel: hub.ChannelPull},
		Registration: &hub.Registration{Number: "12", Date: "2026-03-02", Unit: "Văn thư"},
		Validation:   []hub.Validation{{Part: "p1", Signer: "Nguyễn Văn Mẫu (hư cấu)", Indication: hub.TotalPassed, Policy: "p", Report: hub.Digest{3}}},
		Status:       &hub.StatusFact{Automatic: true, Code: hub.StatusRefused, Description: "từ chối", StatedAt: at},
		Note:         "ghi chú", Log: hub.LogRef{Origin: "hub.example/2026"},
	}
}

// formed seals evidences together and returns them with the verifier of their keys.
func formed(t *testing.T, evidence ...hub.Evidence) (*signing.Sealer, []hub.SealedEvidence, *signing.Verifier, *x509.Certificate) {
	t.Helper()
	authority, err := pki.New(time.Now(), pki.P256)
	if err != nil {
		t.Fatal(err)
	}
	id, err := authority.Agency("Trục liên thông (mẫu)", pki.P256)
	if err != nil {
		t.Fatal(err)
	}
	sealer, err := signing.NewSealer(id.Key, id.Chain)
	if err != nil {
		t.Fatal(err)
	}
	sealed, err := sealer.SealEvidence(t.Context(), evidence...)
	if err != nil {
		t.Fatal(err)
	}
	anchors, err := trust.LoadAnchors(authority.AnchorsPEM())
	if err != nil {
		t.Fatal(err)
	}
	return sealer, sealed, signing.NewVerifier(signing.VerifierOptions{Anchors: anchors, Now: time.Now}), id.Chain[len(id.Chain)-1]
}

// TestReceiptXML: the XML form of a receipt follows its schema, other software verifies
// its signature, and ours proves that it says what the JSON says, alone or of a batch.
func TestReceiptXML(t *testing.T) {
	small := hub.Evidence{
		Version: hub.EvidenceVersion, Profile: hub.EvidenceProfile, ID: "e2", Event: hub.EventContentConsignment,
		Time: time.Now().UTC().Truncate(time.Millisecond), Issuer: hub.Party{ID: "hub"}, Log: hub.LogRef{Origin: "l"},
	}
	sealer, sealed, verifier, root := formed(t, fullEvidence(), small)
	for i := range sealed {
		form, err := sealer.ReceiptXML(t.Context(), sealed[i])
		if err != nil {
			t.Fatal(err)
		}
		if !signing.IsReceiptXML(form) {
			t.Error("the form is not known again")
		}
		carried, report, err := verifier.VerifyReceiptXML(t.Context(), form, time.Time{})
		if err != nil || report.Indication != hub.TotalPassed || len(report.Signatures) != 2 {
			t.Errorf("%s (%s), %d signatures, %v", report.Indication, report.Sub, len(report.Signatures), err)
		}
		if !bytes.Equal(hub.MarshalReceipt(carried), hub.MarshalReceipt(sealed[i])) {
			t.Error("the form carries another receipt")
		}
		dir := t.TempDir()
		file := func(name string, content []byte) string {
			path := filepath.Join(dir, name)
			if err := os.WriteFile(path, content, 0o600); err != nil {
				t.Fatal(err)
			}
			return path
		}
		xml := file("receipt.xml", form)
		anchor := file("root.pem", pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: root.Raw}))
		others(t, "xmlsec1", "--verify", "--trusted-pem", anchor, "--id-attr:Id", "http://uri.etsi.org/01903/v1.3.2#:SignedProperties", xml)
		others(t, "xmllint", "--noout", "--nonet", "--schema", filepath.Join("..", "schemas", "evidence.xsd"), xml)
	}
}

// others runs another program, which must agree.
func others(t *testing.T, program string, arguments ...string) {
	t.Helper()
	path, err := exec.LookPath(program)
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal(program + " is not installed")
		}
		t.Skip(program + " is not installed")
	}
	if out, err := exec.CommandContext(t.Context(), path, arguments...).CombinedOutput(); err != nil {
		t.Errorf("%s: %v\n%s", program, err, out)
	}
}

// TestReceiptXMLChanged: nothing in the form can be changed, also not by whoever signs it
// with the same key: the form must say what the receipt says.
func TestReceiptXMLChanged(t *testing.T) {
	sealer, sealed, verifier, _ := formed(t, fullEvidence())
	form, err := sealer.ReceiptXML(t.Context(), sealed[0])
	if err != nil {
		t.Fatal(err)
	}
	other := fullEvidence()
	other.Reasons[0].Code = hub.ReasonOther
	lies := sealed[0]
	lies.Evidence = other // what the form is written from, while it carries the first
	forged, err := sealer.ReceiptXML(t.Context(), lies)
	if err != nil {
		t.Fatal(err)
	}
	swap := func(from, to string) []byte {
		t.Helper()
		if !bytes.Contains(form, []byte(from)) {
			t.Fatalf("the form has no %q", from)
		}
		return bytes.Replace(form, []byte(from), []byte(to), 1)
	}
	unsigned := append(bytes.Clone(form[:bytes.Index(form, []byte("<Signature"))]), "</e:Evidence>"...)
	for name, changed := range map[string][]byte{
		"signed again with another reason": forged,
		"another reason":                   swap(">incomplete<", ">other<"),
		"another time":                     swap("<EventTime>2", "<EventTime>1"),
		"another digest":                   swap(sealed[0].Digest.String(), strings.Repeat("0", 64)),
		"an element more":                  swap("<e:Extensions>", "<e:Extensions><h:Note>x</h:Note>"),
		"white space":                      swap("<e:Extensions>", "<e:Extensions> "),
		"no signature":                     unsigned,
	} {
		_, report, err := verifier.VerifyReceiptXML(t.Context(), changed, time.Time{})
		if err != nil || report.Indication != hub.TotalFailed {
			t.Errorf("%s: %s, %v", name, report.Indication, err)
		}
	}
	for name, broken := range map[string][]byte{
		"no XML":     []byte("<e:Evidence"),
		"no receipt": swap("h:JSONReceipt sha", "h:Other sha"),
		"no base64":  swap("\">eyJ", "\">?yJ"),
		"too large":  make([]byte, signing.MaxReceiptXML+1),
	} {
		if _, _, err := verifier.VerifyReceiptXML(t.Context(), broken, time.Time{}); err == nil {
			t.Errorf("%s is read", name)
		}
	}
}

// FuzzReceiptXML: whatever comes, the reader neither fails hard nor passes it, unless it
// is the form as it was made.
func FuzzReceiptXML(f *testing.F) {
	verifier := signing.NewVerifier(signing.VerifierOptions{Now: time.Now})
	f.Add([]byte(`<e:Evidence xmlns:e="http://uri.etsi.org/19522/v1#" xmlns:h="urn:lienthong:evidence:1" version="1"><e:Extensions><h:JSONReceipt sha256="00">e30=</h:JSONReceipt></e:Extensions></e:Evidence>`))
	f.Add([]byte("<"))
	f.Fuzz(func(t *testing.T, form []byte) {
		if _, report, err := verifier.VerifyReceiptXML(t.Context(), form, time.Time{}); err == nil && report.Indication == hub.TotalPassed {
			t.Error("nobody is trusted, and it passes")
		}
	})
}
