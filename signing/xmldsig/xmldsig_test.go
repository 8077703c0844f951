package xmldsig_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/asn1"
	"encoding/base64"
	"errors"
	"fmt"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/lienthong/lienthong/signing/pki"
	"github.com/lienthong/lienthong/signing/trust"
	"github.com/lienthong/lienthong/signing/verdict"
	"github.com/lienthong/lienthong/signing/xmldsig"
)

const (
	ds        = "http://www.w3.org/2000/09/xmldsig#"
	edxml     = "http://www.mic.gov.vn/TBT/QCVN_102_2016"
	exclusive = "http://www.w3.org/2001/10/xml-exc-c14n#"
	inclusive = "http://www.w3.org/TR/2001/REC-xml-c14n-20010315"
	v11       = "http://www.w3.org/2006/12/xml-c14n11"
	xades     = "http://uri.etsi.org/01903/v1.3.2#"
	sha256URI = "http://www.w3.org/2001/04/xmlenc#sha256"
	more      = "http://www.w3.org/2001/04/xmldsig-more#"
)

var now = time.Date(2026, 11, 23, 3, 0, 0, 0, time.UTC)

// The envelope is written in canonical form by hand, so that the bytes to digest
// are known without the code under test: what stands here without the signature.
const before = `<edXML xmlns="` + edxml + `"><edXML:edXMLEnvelope xmlns:edXML="` + edxml + `"><edXML:edXMLHeader>` +
	`<edXML:MessageHeader><edXML:Subject>V/v cải cách &amp; đổi mới</edXML:Subject></edXML:MessageHeader>`
const after = `</edXML:edXMLHeader><edXML:edXMLBody></edXML:edXMLBody></edXML:edXMLEnvelope></edXML>`

// parts is what a test may change in a signature before and after it is made.
type parts struct {
	method, c14n, digestURI, reference, transforms, digest string
	keyInfo, object                                        string
}

func newParts(t testing.TB, by pki.Identity) *parts {
	t.Helper()
	sum := sha256.Sum256([]byte(before + after))
	p := &parts{
		method: more + "ecdsa-sha256", c14n: exclusive, digestURI: sha256URI,
		reference: `URI=""`, digest: base64.StdEncoding.EncodeToString(sum[:]),
		transforms: `<Transform Algorithm="` + ds + `enveloped-signature"></Transform><Transform Algorithm="` + exclusive + `"></Transform>`,
	}
	if _, ok := by.Key.(*rsa.PrivateKey); ok {
		p.method = more + "rsa-sha256"
	}
	for _, certificate := range by.Chain {
		p.keyInfo += "<X509Certificate>" + base64.StdEncoding.EncodeToString(certificate.Raw) + "</X509Certificate>"
	}
	p.keyInfo = "<X509Data>" + p.keyInfo + "</X509Data>"
	return p
}

func (p *parts) signedInfo(namespaces string) string {
	return `<SignedInfo` + namespaces + `><CanonicalizationMethod Algorithm="` + p.c14n + `"></CanonicalizationMethod>` +
		`<SignatureMethod Algorithm="` + p.method + `"></SignatureMethod><Reference ` + p.reference + `><Transforms>` + p.transforms +
		`</Transforms><DigestMethod Algorithm="` + p.digestURI + `"></DigestMethod><DigestValue>` + p.digest + `</DigestValue></Reference></SignedInfo>`
}

// sign returns the signature element.
func (p *parts) sign(t testing.TB, key crypto.Signer) string {
	t.Helper()
	namespaces := ` xmlns="` + ds + `"`
	if p.c14n == inclusive { // inherits every declaration in scope
		namespaces += ` xmlns:edXML="` + edxml + `"`
	}
	value := rawValue(t, key, []byte(p.signedInfo(namespaces)))
	return `<Signature xmlns="` + ds + `">` + p.signedInfo("") + `<SignatureValue>` + base64.StdEncoding.EncodeToString(value) +
		`</SignatureValue><KeyInfo>` + p.keyInfo + `</KeyInfo>` + p.object + `</Signature>`
}

// rawValue signs bytes with SHA-256 and gives the value the form of XML Signature.
func rawValue(t testing.TB, key crypto.Signer, signed []byte) []byte {
	t.Helper()
	sum := sha256.Sum256(signed)
	value, err := key.Sign(rand.Reader, sum[:], crypto.SHA256)
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := key.(*ecdsa.PrivateKey); !ok {
		return value
	}
	var pair struct{ R, S *big.Int }
	if _, err := asn1.Unmarshal(value, &pair); err != nil {
		t.Fatal(err)
	}
	return append(pair.R.FillBytes(make([]byte, 32)), pair.S.FillBytes(make([]byte, 32))...)
}

type fixture struct {
	identity  pki.Identity
	validator *trust.Validator
}

func newFixture(t testing.TB, algorithm pki.Algorithm) fixture {
	t.Helper()
	a, err := pki.New(now, pki.P256)
	if err != nil {
		t.Fatal(err)
	}
	id, err := a.Agency("UBND tỉnh Thử nghiệm", algorithm)
	if err != nil {
		t.Fatal(err)
	}
	anchors, err := trust.LoadAnchors(a.AnchorsPEM())
	if err != nil {
		t.Fatal(err)
	}
	return fixture{id, trust.NewValidator(anchors)}
}

func (f fixture) verify(t testing.TB, document string) *verdict.Signature {
	t.Helper()
	report, err := xmldsig.Verify(t.Context(), strings.NewReader(document), int64(len(document)), f.options())
	if err != nil {
		t.Fatal(err)
	}
	if len(report.Signatures) != len(report.Details) || len(report.Signatures) > 1 {
		t.Fatalf("%d signatures, %d details", len(report.Signatures), len(report.Details))
	}
	if len(report.Signatures) == 0 {
		return nil
	}
	return &report.Signatures[0]
}

func (f fixture) options() xmldsig.Options { return f.optionsAt(now) }

func (f fixture) optionsAt(at time.Time) xmldsig.Options {
	return xmldsig.Options{Judge: func(s *verdict.Signature, along verdict.Material, stamps []verdict.Stamp) {
		question := trust.Case{Candidates: along.Certificates, CRLs: along.CRLs, OCSPs: along.OCSPs, At: at}
		for _, stamp := range stamps {
			question.Proven = stamp.Time
		}
		f.validator.JudgeCase(s, question)
	}}
}

// say puts a result in one line.
func say(s *verdict.Signature) string {
	if s == nil {
		return "no signature"
	}
	if s.Problem == nil {
		return string(s.Indication())
	}
	return s.Problem.String()
}

func TestSignedEnvelopePasses(t *testing.T) {
	for _, algorithm := range []pki.Algorithm{pki.P256, pki.RSA2048} {
		for _, c14n := range []string{exclusive, inclusive} {
			f := newFixture(t, algorithm)
			p := newParts(t, f.identity)
			p.c14n = c14n
			p.transforms = strings.Replace(p.transforms, exclusive, c14n, 1)
			document := before + p.sign(t, f.identity.Key) + after
			s := f.verify(t, `<?xml version="1.0" encoding="UTF-8"?>`+"\r\n"+document)
			if s == nil || s.Indication() != verdict.Passed {
				t.Errorf("%s, %s: %v", algorithm, c14n, s)
				continue
			}
			if s.Signer.Subject.CommonName != "UBND tỉnh Thử nghiệm" || len(s.Chain) != 3 || s.Format != "XMLDSig" {
				t.Errorf("%+v", s)
			}
			agree(t, document, f.identity)
		}
	}
}

func TestNoSignature(t *testing.T) {
	f := newFixture(t, pki.P256)
	for name, document := range map[string]string{
		"plain":          before + after,
		"word in text":   before + "<edXML:Note>Signature</edXML:Note>" + after,
		"empty":          "",
		"not XML":        "hello",
		"word at a seam": strings.Repeat(" ", 64<<10-4) + "<a/>",
	} {
		if s := f.verify(t, document); s != nil {
			t.Errorf("%s: %+v", name, s)
		}
	}
}

func TestDummyBlockIsKeptUnchecked(t *testing.T) {
	f := newFixture(t, pki.P256)
	dummy := `<Signature><SignedInfo></SignedInfo><SignatureValue>abc</SignatureValue></Signature>`
	for name, block := range map[string]string{"one": dummy, "two": dummy + dummy} {
		s := f.verify(t, before+block+after)
		if s == nil || s.Indication() != verdict.Indeterminate || s.Problem.Sub != verdict.SigConstraintsFailure {
			t.Errorf("%s: %+v", name, s)
		}
	}
}

func TestSignaturesThatDoNotPass(t *testing.T) {
	f := newFixture(t, pki.P256)
	foreign := newFixture(t, pki.P256).identity
	edit := func(change func(p *parts)) string {
		p := newParts(t, f.identity)
		change(p)
		return before + p.sign(t, f.identity.Key) + after
	}
	good := edit(func(*parts) {})
	element := newParts(t, f.identity).sign(t, f.identity.Key)
	failed, doubt := verdict.Failed, verdict.Indeterminate
	cases := map[string]struct {
		document   string
		indication verdict.Indication
		sub        verdict.Sub
	}{
		"subject changed":        {strings.Replace(good, "cải cách", "cai cach", 1), failed, verdict.HashFailure},
		"comment in the subject": {strings.Replace(good, "cải cách", "cải <!-- x --><b></b>cách", 1), failed, verdict.HashFailure},
		"attribute added":        {strings.Replace(good, "<edXML:edXMLBody>", `<edXML:edXMLBody a="1">`, 1), failed, verdict.HashFailure},
		"digest changed": {strings.Replace(good, "<DigestValue>"+newParts(t, f.identity).digest, "<DigestValue>"+base64.StdEncoding.EncodeToString(make([]byte, 32)), 1),
			failed, verdict.HashFailure},
		"value of another key": {before + newParts(t, f.identity).sign(t, foreign.Key) + after, failed, verdict.SigCryptoFailure},
		"another certificate":  {edit(func(p *parts) { p.keyInfo = newParts(t, foreign).keyInfo }), failed, verdict.SigCryptoFailure},
		"only a key value":     {edit(func(p *parts) { p.keyInfo = "<KeyValue></KeyValue>" }), doubt, verdict.NoSigningCertificate},
		"certificate garbage":  {edit(func(p *parts) { p.keyInfo = "<X509Data><X509Certificate>AAAA</X509Certificate></X509Data>" }), doubt, verdict.NoSigningCertificate},
		"HMAC":                 {edit(func(p *parts) { p.method = ds + "hmac-sha1" }), doubt, verdict.CryptoConstraintsFailure},
		"SHA-1 for another":    {edit(func(p *parts) { p.method = ds + "rsa-sha1" }), failed, verdict.SigCryptoFailure},
		"no algorithm":         {edit(func(p *parts) { p.method = "" }), doubt, verdict.CryptoConstraintsFailure},
		"RSA for an EC key":    {edit(func(p *parts) { p.method = more + "rsa-sha256" }), failed, verdict.SigCryptoFailure},
		"SHA-1, cut":           {edit(func(p *parts) { p.digestURI = ds + "sha1" }), doubt, verdict.FormatFailure},
		"MD5":                  {edit(func(p *parts) { p.digestURI = more + "md5" }), doubt, verdict.CryptoConstraintsFailure},
		"XSLT": {edit(func(p *parts) {
			p.transforms += `<Transform Algorithm="http://www.w3.org/TR/1999/REC-xslt-19991116"></Transform>`
		}), doubt, verdict.SigConstraintsFailure},
		"not enveloped":         {edit(func(p *parts) { p.transforms = `<Transform Algorithm="` + exclusive + `"></Transform>` }), failed, verdict.HashFailure},
		"reference to nothing":  {edit(func(p *parts) { p.reference = `URI="#x"` }), doubt, verdict.SignedDataNotFound},
		"reference by XPointer": {edit(func(p *parts) { p.reference = `URI="#xpointer(/)"` }), doubt, verdict.SigConstraintsFailure},
		"reference outside":     {edit(func(p *parts) { p.reference = `URI="http://127.0.0.1/"` }), doubt, verdict.SignedDataNotFound},
		"reference without URI": {edit(func(p *parts) { p.reference = `Id="x"` }), doubt, verdict.SigConstraintsFailure},
		"two references":        {strings.Replace(good, "</Reference>", "</Reference><Reference></Reference>", 1), doubt, verdict.SigConstraintsFailure},
		"two signatures":        {before + element + element + after, failed, verdict.FormatFailure},
		"signature in the body": {strings.Replace(before+after, "<edXML:edXMLBody>", "<edXML:edXMLBody>"+element, 1), failed, verdict.FormatFailure},
		"wrapped in an object": {`<edXML xmlns="` + edxml + `"><edXMLEnvelope><edXMLHeader><Signature xmlns="` + ds + `"><Object>` + good + `</Object></Signature></edXMLHeader></edXMLEnvelope></edXML>`,
			doubt, verdict.FormatFailure},
		"moved below an evil root": {`<evil>` + good + `</evil>`, failed, verdict.HashFailure},
		"evil envelope, original in an object": {strings.Replace(before, "cải cách", "evil", 1) +
			strings.Replace(element, "</Signature>", "<Object>"+before+after+"</Object></Signature>", 1) + after, failed, verdict.HashFailure},
		"document type":          {`<!DOCTYPE edXML>` + good, failed, verdict.FormatFailure},
		"entities":               {`<!DOCTYPE x [<!ENTITY a "b">]>` + good, failed, verdict.FormatFailure},
		"processing instruction": {strings.Replace(good, "<edXML:edXMLBody>", "<?x y?><edXML:edXMLBody>", 1), doubt, verdict.FormatFailure},
		"attribute twice":        {strings.Replace(good, "<edXML:edXMLBody>", `<edXML:edXMLBody a="1" a="2">`, 1), failed, verdict.FormatFailure},
		"two roots":              {good + "<x/>", doubt, verdict.FormatFailure},
		"another character set":  {`<?xml version="1.0" encoding="UTF-16"?>` + good, doubt, verdict.FormatFailure},
		"cut short":              {good[:len(good)-20], doubt, verdict.FormatFailure},
		"deep":                   {strings.Repeat("<Signature>", 5000), doubt, verdict.FormatFailure},
		"comment in the value":   {strings.Replace(good, "<SignatureValue>", "<SignatureValue><!-- -->", 1), doubt, verdict.FormatFailure},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			s := f.verify(t, c.document)
			if s == nil || s.Indication() != c.indication || s.Problem.Sub != c.sub {
				t.Errorf("got %s, want %s/%s", say(s), c.indication, c.sub)
			}
		})
	}
}

func TestEveryByteCounts(t *testing.T) {
	f := newFixture(t, pki.P256)
	good := before + newParts(t, f.identity).sign(t, f.identity.Key) + after
	certificates := strings.Index(good, "<KeyInfo>")
	end := strings.Index(good, "</KeyInfo>")
	for i := range good {
		if i > certificates && i < end { // the bag is not signed: the path decides about it
			continue
		}
		changed := []byte(good)
		changed[i] ^= 1
		if s := f.verify(t, string(changed)); s != nil && s.Indication() == verdict.Passed {
			t.Fatalf("byte %d (%q): passed", i, good[i])
		}
	}
}

func TestLargeDocuments(t *testing.T) {
	f := newFixture(t, pki.P256)
	filler := strings.Repeat("QUJD", xmldsig.MaxBytes/4)
	large := strings.Replace(before+newParts(t, f.identity).sign(t, f.identity.Key)+after, "<edXML:edXMLBody>", "<edXML:edXMLBody>"+filler, 1)
	if s := f.verify(t, large); s == nil || s.Indication() != verdict.Indeterminate || !strings.Contains(s.Problem.Reason, "larger than 32 MiB") {
		t.Errorf("signed: %+v", s)
	}
	plain := strings.Replace(before+after, "<edXML:edXMLBody>", "<edXML:edXMLBody>"+filler, 1)
	if s := f.verify(t, plain); s != nil {
		t.Errorf("not signed: %+v", s)
	}
}

type failingReader struct{}

var errDisk = errors.New("disk failure")

func (failingReader) ReadAt([]byte, int64) (int, error) { return 0, errDisk }

func TestReadFailureIsNoVerdict(t *testing.T) {
	f := newFixture(t, pki.P256)
	if _, err := xmldsig.Verify(t.Context(), failingReader{}, 100, f.options()); !errors.Is(err, errDisk) {
		t.Errorf("got %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := xmldsig.Verify(ctx, strings.NewReader(before), int64(len(before)), f.options()); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func FuzzVerify(f *testing.F) {
	fixture := newFixture(f, pki.P256)
	good := before + newParts(f, fixture.identity).sign(f, fixture.identity.Key) + after
	f.Add([]byte(good))
	f.Add([]byte(before + "<Signature></Signature>" + after))
	f.Add([]byte(fmt.Sprintf("<Signature xmlns=%q>", ds)))
	f.Fuzz(func(t *testing.T, document []byte) {
		report, err := xmldsig.Verify(t.Context(), bytes.NewReader(document), int64(len(document)), fixture.options())
		if err != nil {
			t.Fatal(err)
		}
		for i := range report.Signatures {
			if report.Signatures[i].Indication() == verdict.Passed && !bytes.Contains(document, []byte("đổi mới")) {
				t.Fatalf("another document passed: %s", document)
			}
		}
	})
}
