package xmldsig_test

import (
	"crypto/x509"
	"encoding/pem"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/lienthong/lienthong/signing/pki"
	"github.com/lienthong/lienthong/signing/verdict"
	"github.com/lienthong/lienthong/signing/xmldsig"
)

// xmlsec runs xmlsec1, which shares no code with us.
func xmlsec(t testing.TB, arguments ...string) (string, error) {
	t.Helper()
	path, err := exec.LookPath("xmlsec1")
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("xmlsec1 is not installed")
		}
		t.Skip("xmlsec1 is not installed")
	}
	out, err := exec.CommandContext(t.Context(), path, arguments...).CombinedOutput()
	return string(out), err
}

func file(t testing.TB, name string, content []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// opinion is what xmlsec1 says of a document.
func opinion(t testing.TB, document string, id pki.Identity) (string, error) {
	t.Helper()
	root := file(t, "root.pem", pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: id.Chain[2].Raw}))
	return xmlsec(t, "--verify", "--trusted-pem", root, "--verification-time", now.Format(time.DateTime),
		"--id-attr:Id", xades+":SignedProperties", file(t, "in.xml", []byte(document)))
}

func agree(t testing.TB, document string, id pki.Identity) {
	t.Helper()
	if out, err := opinion(t, document, id); err != nil {
		t.Errorf("xmlsec1: %v\n%s", err, out)
	}
}

// keys are all kinds of keys that signatures are made with.
func keys() []pki.Algorithm {
	return []pki.Algorithm{pki.RSA2048, pki.P256, pki.P384, pki.P521}
}

// What xmlsec1 signs, with white space and comments as real files have them, passes.
func TestSignedByXMLSec(t *testing.T) {
	methods := map[pki.Algorithm][]string{
		pki.RSA2048: {more + "rsa-sha256", more + "rsa-sha384", more + "rsa-sha512"},
		pki.P256:    {more + "ecdsa-sha256"}, pki.P384: {more + "ecdsa-sha384"}, pki.P521: {more + "ecdsa-sha512"},
	}
	forms := []string{exclusive, exclusive + "WithComments", inclusive, inclusive + "#WithComments", v11, v11 + "#WithComments"}
	for _, algorithm := range keys() {
		f := newFixture(t, algorithm)
		for i, c14n := range forms {
			method := methods[algorithm][i%len(methods[algorithm])]
			signed := xmlsecSigns(t, f, method, c14n)
			if s := f.verify(t, signed); s == nil || s.Indication() != verdict.Passed {
				t.Errorf("%s, %s: %s", method, c14n, say(s))
			}
			if s := f.verify(t, strings.Replace(signed, "V/v", "V/V", 1)); s == nil || s.Indication() != verdict.Failed {
				t.Errorf("%s, %s, changed: %s", method, c14n, say(s))
			}
		}
	}
}

// SHA-1 that holds is weak; SHA-1 that does not is a proof.
func TestSHA1SignedByXMLSec(t *testing.T) {
	f := newFixture(t, pki.RSA2048)
	signed := xmlsecSigns(t, f, ds+"rsa-sha1", inclusive)
	if s := f.verify(t, signed); s.Indication() != verdict.Indeterminate || s.Problem.Sub != verdict.CryptoConstraintsFailure {
		t.Errorf("sound: %s", say(s))
	}
	if s := f.verify(t, strings.Replace(signed, "V/v", "V/V", 1)); s.Indication() != verdict.Failed || s.Problem.Sub != verdict.HashFailure {
		t.Errorf("changed: %s", say(s))
	}
}

func xmlsecSigns(t testing.TB, f fixture, method, c14n string) string {
	t.Helper()
	p := newParts(t, f.identity)
	p.c14n, p.digest, p.method = c14n, "", method
	if strings.HasSuffix(method, "sha1") {
		p.digestURI = ds + "sha1"
	}
	p.transforms = strings.Replace(p.transforms, exclusive, c14n, 1)
	template := `<Signature xmlns="` + ds + `">` + "\n" + p.signedInfo("") + `<SignatureValue/><KeyInfo>` + p.keyInfo + `</KeyInfo></Signature>`
	document := "<?xml version=\"1.0\"?>\n<!-- before -->" + strings.Replace(before, "<edXML:MessageHeader>", "\n <!-- note -->\n <edXML:MessageHeader b='2\n3&#10;' a=\"1\" xml:lang='vi'>\t", 1) + template + "\n" + after + "\n<!-- after -->"
	raw, err := x509.MarshalPKCS8PrivateKey(f.identity.Key)
	if err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(t.TempDir(), "out.xml")
	key := file(t, "key.pem", pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: raw}))
	if text, err := xmlsec(t, "--sign", "--privkey-pem", key, "--output", out, file(t, "in.xml", []byte(document))); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	signed, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	return string(signed)
}

// What we sign, xmlsec1 verifies, all references of it; and it sees the same changes.
func TestMadeForXMLSec(t *testing.T) {
	document := "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\r\n<!-- c -->" + strings.Replace(before+after, "<edXML:edXMLBody>", "<edXML:edXMLBody a='1\n2' xml:space='preserve'>\r\n", 1)
	for _, algorithm := range keys() {
		f := newFixture(t, algorithm)
		signed := makeFor(t, f, document, false)
		out, err := opinion(t, signed, f.identity)
		if err != nil || !strings.Contains(out, "SignedInfo References (ok/all): 2/2") {
			t.Errorf("%s: %v\n%s", algorithm, err, out)
		}
		for name, change := range map[string][2]string{
			"content": {"đổi mới", "đổi  mới"}, "signing time": {"2026-11-23T03:00:00Z", "2020-11-23T03:00:00Z"},
		} {
			bad := strings.Replace(signed, change[0], change[1], 1)
			if _, err := opinion(t, bad, f.identity); err == nil {
				t.Errorf("%s, %s: xmlsec1 did not see it", algorithm, name)
			}
			if s := f.verify(t, bad); s == nil || s.Indication() != verdict.Failed || s.Problem.Sub != verdict.HashFailure {
				t.Errorf("%s, %s: %s", algorithm, name, say(s))
			}
		}
	}
}

func makeFor(t testing.TB, f fixture, document string, pss bool) string {
	t.Helper()
	m := xmldsig.Maker{Key: f.identity.Key, Chain: f.identity.Chain, PSS: pss}
	signed, err := m.SignEnvelope(t.Context(), []byte(document), now)
	if err != nil {
		t.Fatal(err)
	}
	return string(signed)
}
