package xmldsig_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lienthong/lienthong/signing/pki"
	"github.com/lienthong/lienthong/signing/verdict"
)

// Signatures of other implementations get the class that is theirs: a sound one is never
// called broken, whatever it is made with, and one that is broken always.
func TestSignaturesOfOthers(t *testing.T) {
	const (
		path       = "INDETERMINATE/NO_CERTIFICATE_CHAIN_FOUND"
		algorithm  = "INDETERMINATE/CRYPTO_CONSTRAINTS_FAILURE"
		constraint = "INDETERMINATE/SIG_CONSTRAINTS_FAILURE"
	)
	want := map[string]string{
		"enveloping-sha256-rsa-sha256":                           algorithm, // a key of 512 bits
		"enveloping-sha384-rsa-sha384":                           path,
		"enveloping-sha512-rsa-sha512":                           path,
		"enveloping-sha256-ecdsa-sha256":                         path,
		"enveloping-sha384-ecdsa-sha384":                         path,
		"enveloping-sha512-ecdsa-sha512":                         path,
		"enveloping-sha1-ecdsa-sha1":                             algorithm,
		"enveloping-sha224-rsa-sha224":                           algorithm,
		"enveloped-x509-ski":                                     "INDETERMINATE/NO_SIGNING_CERTIFICATE_FOUND", // XPath as enveloped; the key by its identifier alone
		"signature-enveloping-hmac-sha1-40":                      algorithm,
		"signature-enveloping-rsa":                               algorithm,
		"signature-external-dsa":                                 algorithm,
		"signature-everything":                                   "TOTAL-FAILED/FORMAT_FAILURE", // a document type
		"signature-rsa-enveloped":                                algorithm,
		"signature-rsa-enveloped-bad-digest-val":                 "TOTAL-FAILED/HASH_FAILURE",
		"signature-rsa-enveloping":                               algorithm,
		"signature-rsa-manifest":                                 constraint,
		"signature-rsa-detached":                                 "INDETERMINATE/SIGNED_DATA_NOT_FOUND",
		"signature-rsa-xpath-transform-enveloped":                constraint,
		"signature-rsa-detached-xslt-transform-retrieval-method": constraint,
	}
	files, err := filepath.Glob("testdata/*.xml")
	if err != nil || len(files) != len(want) {
		t.Fatalf("%d files, %v", len(files), err)
	}
	f := newFixture(t, pki.P256)
	for _, name := range files {
		document, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		stem := strings.TrimSuffix(filepath.Base(name), ".xml")
		s := f.verify(t, string(document))
		if s == nil || s.Problem == nil || string(s.Problem.Indication)+"/"+string(s.Problem.Sub) != want[stem] {
			t.Errorf("%s: %s, want %s", stem, say(s), want[stem])
		}
		if want[stem] != path {
			continue
		}
		// The same file with one letter of its data changed is broken.
		broken := strings.Replace(string(document), "some text", "some test", 1)
		if s := f.verify(t, broken); broken == string(document) || s.Indication() != verdict.Failed {
			t.Errorf("%s, changed: %s", stem, say(s))
		}
	}
}
