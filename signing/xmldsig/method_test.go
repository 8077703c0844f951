package xmldsig_test

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"os"
	"strings"
	"testing"

	"github.com/lienthong/lienthong/signing/pki"
	"github.com/lienthong/lienthong/signing/verdict"
	"github.com/lienthong/lienthong/signing/xmldsig"
)

const xpathURI = "http://www.w3.org/TR/1999/REC-xpath-19991116"

// expression is an XPath transform, with a canonicalization behind it.
func expression(declaration, text string) string {
	return `<Transform Algorithm="` + xpathURI + `"><XPath` + declaration + `>` + text + `</XPath></Transform><Transform Algorithm="` + exclusive + `"></Transform>`
}

// TestEnvelopedAsAnExpression: the one expression that leaves out signatures is taken for
// the enveloped signature, as xmlsec1 evaluates it; no other is.
func TestEnvelopedAsAnExpression(t *testing.T) {
	f := newFixture(t, pki.P256)
	const xmlnsDS, wanted = ` xmlns:ds="` + ds + `"`, "not(ancestor-or-self::ds:Signature)"
	sign := func(transforms string) string {
		p := newParts(t, f.identity)
		p.transforms, p.c14n = transforms, inclusive // which keeps the prefix that only a text uses
		return before + p.sign(t, f.identity.Key) + after
	}
	enveloped := `<Transform Algorithm="` + ds + `enveloped-signature"></Transform>`
	for name, transforms := range map[string]string{
		"alone":           expression(xmlnsDS, wanted),
		"another prefix":  expression(` xmlns:sig="`+ds+`"`, "not(ancestor-or-self::sig:Signature)"),
		"space around":    expression(xmlnsDS, "\n  "+wanted+"\n"),
		"behind its name": enveloped + expression(xmlnsDS, wanted),
	} {
		document := sign(transforms)
		if s := f.verify(t, document); s == nil || s.Indication() != verdict.Passed || !s.CoversWhole {
			t.Errorf("%s: %s", name, say(s))
		}
		agree(t, document, f.identity)
		if s := f.verify(t, strings.Replace(document, "đổi mới", "đổi  mới", 1)); s.Problem == nil || s.Problem.Sub != verdict.HashFailure {
			t.Errorf("%s, changed: %s", name, say(s))
		}
	}
	const constraints, doubt = verdict.SigConstraintsFailure, verdict.Indeterminate
	good := sign(expression(xmlnsDS, wanted))
	f.run(t, map[string]attack{
		"more than signatures":  {sign(expression(xmlnsDS, "not(ancestor-or-self::ds:Signature or self::text())")), doubt, constraints},
		"another element":       {sign(expression(xmlnsDS, "not(ancestor-or-self::ds:Signatures)")), doubt, constraints},
		"prefix of others":      {sign(expression(` xmlns:ds="urn:x"`, wanted)), doubt, constraints},
		"prefix bound anew":     {strings.Replace(sign(expression(` xmlns:ds="urn:x"`, wanted)), "<SignedInfo>", `<SignedInfo xmlns:ds="`+ds+`">`, 1), doubt, constraints},
		"prefix of nobody":      {sign(expression("", wanted)), doubt, constraints},
		"twice":                 {sign(strings.Replace(expression(xmlnsDS, wanted), "</Transform>", "</Transform>"+expression(xmlnsDS, wanted), 1)), doubt, constraints},
		"a comment in it":       {sign(expression(xmlnsDS, "not(ancestor-or-self::<!-- -->ds:Signature)")), doubt, constraints},
		"an element in it":      {sign(expression(xmlnsDS, wanted+"<x></x>")), doubt, constraints},
		"two expressions":       {sign(strings.Replace(expression(xmlnsDS, wanted), "</XPath>", "</XPath><XPath>1</XPath>", 1)), doubt, constraints},
		"behind canonical form": {sign(`<Transform Algorithm="` + exclusive + `"></Transform>` + expression(xmlnsDS, wanted)), doubt, constraints},
	})
	// Text in another signature is left out, too: nobody may take it for signed.
	hidden := strings.Replace(good, "<edXML:edXMLBody>", `<edXML:edXMLBody><Signature xmlns="`+ds+`"><Object>trả 9 tỷ</Object></Signature>`, 1)
	if s := f.verify(t, hidden); s != nil && s.Indication() == verdict.Passed {
		t.Errorf("content hidden in a second signature: %s", say(s))
	}
	if out, err := opinion(t, hidden, f.identity); err != nil {
		t.Errorf("xmlsec1 leaves out all signatures, or this test proves nothing: %v\n%s", err, out)
	}
	vector, err := os.ReadFile("testdata/enveloped-x509-ski.xml")
	if err != nil {
		t.Fatal(err)
	}
	if s := f.verify(t, strings.Replace(string(vector), "Hello", "hello", 1)); s.Problem == nil || s.Problem.Sub != verdict.HashFailure {
		t.Errorf("the file of another maker, changed: %s", say(s))
	}
}

// TestPSSParameters: parameters that say what the method without them means are taken,
// others are not.
func TestPSSParameters(t *testing.T) {
	f := newFixture(t, pki.RSA2048)
	const newest = "http://www.w3.org/2007/05/xmldsig-more#"
	const digest = `<DigestMethod Algorithm="` + sha256URI + `"></DigestMethod>`
	const mask = `<pss:MaskGenerationFunction Algorithm="` + newest + `MGF1">` + digest + `</pss:MaskGenerationFunction>`
	sign := func(parameters string, salt int) string {
		p := newParts(t, f.identity)
		p.method = "method"
		method := `<SignatureMethod Algorithm="` + newest + `rsa-pss"><pss:RSAPSSParams xmlns:pss="` + newest + `">` + parameters + `</pss:RSAPSSParams></SignatureMethod>`
		info := func(namespaces string) string {
			return strings.Replace(p.signedInfo(namespaces), `<SignatureMethod Algorithm="method"></SignatureMethod>`, method, 1)
		}
		sum := sha256.Sum256([]byte(info(` xmlns="` + ds + `"`)))
		value, err := rsa.SignPSS(rand.Reader, f.identity.Key.(*rsa.PrivateKey), crypto.SHA256, sum[:], &rsa.PSSOptions{SaltLength: salt})
		if err != nil {
			t.Fatal(err)
		}
		return before + `<Signature xmlns="` + ds + `">` + info("") + `<SignatureValue>` + base64.StdEncoding.EncodeToString(value) +
			`</SignatureValue><KeyInfo>` + p.keyInfo + `</KeyInfo></Signature>` + after
	}
	const salt, trailer = `<pss:SaltLength>32</pss:SaltLength>`, `<pss:TrailerField>1</pss:TrailerField>`
	for _, parameters := range []string{digest + mask + salt, digest + mask + salt + trailer} {
		if s := f.verify(t, sign(parameters, 32)); s == nil || s.Indication() != verdict.Passed || s.Algorithm != "RSA-PSS with SHA-256" {
			t.Errorf("%s: %s", parameters, say(s))
		}
	}
	const constraints, doubt = verdict.SigConstraintsFailure, verdict.Indeterminate
	sha512 := strings.Replace(digest, sha256URI, "http://www.w3.org/2001/04/xmlenc#sha512", 1)
	f.run(t, map[string]attack{
		"salt as said, value otherwise": {sign(digest+mask+salt, 20), verdict.Failed, verdict.SigCryptoFailure},
		"short salt":                    {sign(digest+mask+`<pss:SaltLength>20</pss:SaltLength>`, 20), doubt, constraints},
		"another trailer":               {sign(digest+mask+salt+`<pss:TrailerField>2</pss:TrailerField>`, 32), doubt, constraints},
		"another hash in the mask":      {sign(digest+strings.Replace(mask, digest, sha512, 1)+salt, 32), doubt, constraints},
		"another mask":                  {sign(digest+strings.Replace(mask, "MGF1", "MGF2", 1)+salt, 32), doubt, constraints},
		"no hash":                       {sign(mask+salt, 32), doubt, constraints},
		"nothing":                       {sign("", 32), doubt, constraints},
		"something else":                {sign(digest+mask+salt+trailer+trailer, 32), doubt, constraints},
	})
}

// TestExpressionBesideOthers: with a second signature the expression leaves out more than
// the enveloped signature does, which is not decided; it is no proof of a change.
func TestExpressionBesideOthers(t *testing.T) {
	f := newFixture(t, pki.P256)
	p := newParts(t, f.identity)
	sum := sha256.Sum256([]byte("<a><b>9</b></a>"))
	p.digest, p.c14n = base64.StdEncoding.EncodeToString(sum[:]), inclusive
	p.transforms = expression(` xmlns:ds="`+ds+`"`, "not(ancestor-or-self::ds:Signature)")
	signature := p.sign(t, f.identity.Key)
	for name, c := range map[string]struct {
		other string
		want  verdict.Indication
	}{"alone": {"", verdict.Passed}, "with another": {`<Signature xmlns="` + ds + `"><Object>x</Object></Signature>`, verdict.Indeterminate}} {
		document := `<a xmlns:edXML="` + edxml + `"><b>9</b>` + signature + c.other + "</a>"
		report, err := xmldsig.Verify(t.Context(), strings.NewReader(document), int64(len(document)), f.options())
		if err != nil || len(report.Signatures) == 0 || report.Signatures[0].Indication() != c.want {
			t.Errorf("%s: %v, %+v", name, err, report.Signatures)
		}
		agree(t, document, f.identity)
	}
}
