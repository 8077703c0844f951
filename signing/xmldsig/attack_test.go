package xmldsig_test

import (
	"bytes"
	"crypto"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"strings"
	"testing"

	"github.com/lienthong/lienthong/signing/c14n"
	"github.com/lienthong/lienthong/signing/pki"
	"github.com/lienthong/lienthong/signing/verdict"
)

// ref is a reference that a test signs.
type ref struct {
	uri, kind string
	enveloped bool
	content   string // what it leads to, where that lies in the signature; else looked up
}

// signs returns a document with a signature in place of the mark §, over what the
// references lead to. Objects are put into the signature.
func (f fixture) signs(t testing.TB, template, objects string, refs ...ref) string {
	t.Helper()
	info := `<SignedInfo xmlns="` + ds + `"><CanonicalizationMethod Algorithm="` + exclusive + `"></CanonicalizationMethod><SignatureMethod Algorithm="` + more + `ecdsa-sha256"></SignatureMethod>`
	plain := strings.Replace(template, "§", "", 1)
	for _, r := range refs {
		content := r.content
		if content == "" {
			content = plain
		}
		sum := sha256.Sum256(canonicalOf(t, content, r))
		kind, enveloped := "", ""
		if r.kind != "" {
			kind = ` Type="` + r.kind + `"`
		}
		if r.enveloped {
			enveloped = `<Transform Algorithm="` + ds + `enveloped-signature"></Transform>`
		}
		info += `<Reference` + kind + ` URI="` + r.uri + `"><Transforms>` + enveloped + `<Transform Algorithm="` + exclusive + `"></Transform></Transforms>` +
			`<DigestMethod Algorithm="` + sha256URI + `"></DigestMethod><DigestValue>` + base64.StdEncoding.EncodeToString(sum[:]) + `</DigestValue></Reference>`
	}
	info += `</SignedInfo>`
	return strings.Replace(template, "§", signatureOver(t, f.identity.Key, info, newParts(t, f.identity).keyInfo, objects), 1)
}

func signatureOver(t testing.TB, key crypto.Signer, info, keyInfo, objects string) string {
	t.Helper()
	return `<Signature xmlns="` + ds + `" Id="s1">` + info + `<SignatureValue>` + base64.StdEncoding.EncodeToString(rawValue(t, key, []byte(info))) +
		`</SignatureValue><KeyInfo>` + keyInfo + `</KeyInfo>` + objects + `</Signature>`
}

func canonicalOf(t testing.TB, text string, r ref) []byte {
	t.Helper()
	d, err := c14n.Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	var target *c14n.Element
	if id := strings.TrimPrefix(r.uri, "#"); id != "" {
		d.Root.Walk(func(e *c14n.Element) bool {
			if value, _ := e.Attribute("Id"); value == id {
				target = e
			}
			return target == nil
		})
	}
	var b bytes.Buffer
	if err := d.Write(&b, target, nil, c14n.Method{Exclusive: true}); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// attack is a document and the class it must fall into: the indication, and the
// sub-indication where it matters.
type attack struct {
	document   string
	indication verdict.Indication
	sub        verdict.Sub
}

func (f fixture) run(t *testing.T, attacks map[string]attack) {
	t.Helper()
	for name, a := range attacks {
		t.Run(name, func(t *testing.T) {
			s := f.verify(t, a.document)
			if s == nil || s.Indication() != a.indication || a.sub != "" && s.Problem.Sub != a.sub {
				t.Errorf("%s, want %s/%s", say(s), a.indication, a.sub)
			}
		})
	}
}

// The positions of signature wrapping that are numbered 1 to 8 for SAML, here on a
// receipt whose root is signed by its id: another one is read in its place.
func TestSignatureWrapping(t *testing.T) {
	f := newFixture(t, pki.P256)
	const open, end = `<Receipt xmlns="urn:r" Id="r1"><Amount>1</Amount>`, `</Receipt>`
	whole := f.signs(t, open+"§"+end, "", ref{uri: "#r1", enveloped: true})
	signature := whole[len(open) : len(whole)-len(end)]
	original, evilOpen := open+end, `<Receipt xmlns="urn:r" Id="evil"><Amount>9</Amount>`
	evil := evilOpen + end
	within := func(inner string) string { return strings.Replace(signature, "</Signature>", inner+"</Signature>", 1) }
	sameID := strings.Replace(evilOpen, `"evil"`, `"r1"`, 1)
	doubt, failed := verdict.Indeterminate, verdict.Failed
	f.run(t, map[string]attack{
		"0 untouched":                           {whole, verdict.Passed, ""},
		"0 comments and spaces between":         {strings.Replace(whole, "<Amount>", "<!-- c --><Amount>", 1), verdict.Passed, ""},
		"1 original in an object":               {evilOpen + within("<Object>"+original+"</Object>") + end, doubt, verdict.SigConstraintsFailure},
		"2 original beside the signature":       {evilOpen + original + signature + end, doubt, verdict.SigConstraintsFailure},
		"3 evil before the original":            {`<Wrap xmlns="urn:r">` + evil + whole + `</Wrap>`, doubt, verdict.SigConstraintsFailure},
		"4 original inside of evil":             {evilOpen + whole + end, doubt, verdict.SigConstraintsFailure},
		"5 original behind the signature":       {evilOpen + signature + original + end, doubt, verdict.SigConstraintsFailure},
		"6 original as a child of signature":    {evilOpen + within(original) + end, doubt, verdict.FormatFailure},
		"7 original behind an extension":        {`<Wrap xmlns="urn:r"><Extensions>` + evil + `</Extensions>` + whole + `</Wrap>`, doubt, verdict.SigConstraintsFailure},
		"8 evil in an object of the signature":  {open + within("<Object>"+evil+"</Object>") + end, doubt, verdict.SigConstraintsFailure},
		"9 evil in the key info":                {open + strings.Replace(signature, "<KeyInfo>", "<KeyInfo>"+evil, 1) + end, doubt, verdict.SigConstraintsFailure},
		"same id, original first":               {`<Wrap xmlns="urn:r">` + whole + sameID + end + `</Wrap>`, failed, verdict.FormatFailure},
		"same id, evil root":                    {sameID + within("<Object>"+original+"</Object>") + end, failed, verdict.FormatFailure},
		"same id in another spelling":           {strings.Replace(evilOpen, `Id="evil"`, `ID="r1"`, 1) + original + signature + end, failed, verdict.FormatFailure},
		"same id of xml":                        {strings.Replace(evilOpen, `Id="evil"`, `xml:id="r1"`, 1) + original + signature + end, failed, verdict.FormatFailure},
		"signature alone":                       {signature, doubt, verdict.SignedDataNotFound},
		"amount changed":                        {strings.Replace(whole, ">1<", ">9<", 1), failed, verdict.HashFailure},
		"comment splits the amount, still read": {strings.Replace(whole, ">1<", "><!-- -->1<", 1), verdict.Passed, ""},
		"CDATA in place of text":                {strings.Replace(whole, ">1<", "><![CDATA[1]]><", 1), verdict.Passed, ""},
		"namespace of the root changed":         {strings.Replace(whole, "urn:r", "urn:x", 1), failed, verdict.HashFailure},
		"prefix declared anew":                  {strings.Replace(whole, `Id="r1"`, `Id="r1" xmlns:u="urn:unused"`, 1), verdict.Passed, ""},
	})
}

// An edXML file that is signed in parts: the envelope and each attachment by itself.
func TestEnvelopeSignedInParts(t *testing.T) {
	f := newFixture(t, pki.P256)
	const attachments = `<AttachmentEncoded><Attachment Id="a1">QQ==</Attachment><Attachment Id="a2">Qg==</Attachment></AttachmentEncoded>`
	const template = `<edXML xmlns="` + edxml + `"><edXMLEnvelope Id="e1"><edXMLHeader><Subject>đổi mới</Subject>§</edXMLHeader></edXMLEnvelope>` + attachments + `</edXML>`
	envelope := ref{uri: "#e1", enveloped: true}
	good := f.signs(t, template, "", envelope, ref{uri: "#a1"}, ref{uri: "#a2"})
	edit := func(from, to string) string { return strings.Replace(good, from, to, 1) }
	doubt, failed := verdict.Indeterminate, verdict.Failed
	f.run(t, map[string]attack{
		"good":                    {good, verdict.Passed, ""},
		"all attachments as one":  {f.signs(t, strings.Replace(template, "<AttachmentEncoded>", `<AttachmentEncoded Id="all">`, 1), "", envelope, ref{uri: "#all"}), verdict.Passed, ""},
		"first reference broken":  {edit("đổi mới", "cũ"), failed, verdict.HashFailure},
		"second reference broken": {edit("QQ==", "QR=="), failed, verdict.HashFailure},
		"third reference broken":  {edit("Qg==", "Qh=="), failed, verdict.HashFailure},
		"attachment not signed":   {f.signs(t, template, "", envelope, ref{uri: "#a1"}), doubt, verdict.SigConstraintsFailure},
		"only the envelope":       {f.signs(t, template, "", envelope), doubt, verdict.SigConstraintsFailure},
		"only the attachments":    {f.signs(t, template, "", ref{uri: "#a1"}, ref{uri: "#a2"}), doubt, verdict.SigConstraintsFailure},
		"attachment added":        {edit("</AttachmentEncoded>", "<Attachment>QQ==</Attachment></AttachmentEncoded>"), doubt, verdict.SigConstraintsFailure},
		"attachment removed":      {edit(`<Attachment Id="a1">QQ==</Attachment>`, ""), doubt, verdict.SignedDataNotFound},
		"attachment twice":        {edit(`<Attachment Id="a1">QQ==</Attachment>`, strings.Repeat(`<Attachment Id="a1">QQ==</Attachment>`, 2)), failed, verdict.FormatFailure},
		"text among attachments":  {edit("<AttachmentEncoded>", "<AttachmentEncoded>x"), doubt, verdict.SigConstraintsFailure},
		"attachments elsewhere":   {strings.NewReplacer("<AttachmentEncoded>", "<Extra>", "</AttachmentEncoded>", "</Extra>").Replace(good), doubt, verdict.SigConstraintsFailure},
		"second envelope":         {edit("<AttachmentEncoded>", "<edXMLEnvelope><edXMLHeader/></edXMLEnvelope><AttachmentEncoded>"), doubt, verdict.SigConstraintsFailure},
		"evil envelope before":    {edit("<edXMLEnvelope Id", "<edXMLEnvelope><edXMLHeader/></edXMLEnvelope><edXMLEnvelope Id"), doubt, verdict.SigConstraintsFailure},
		"file of another package": {f.signs(t, template, "", envelope, ref{uri: "cid:1", content: "<a/>"}), doubt, verdict.SignedDataNotFound},
	})
}

// Properties, manifests and objects that only look like those that were signed.
func TestFakesInsideOfTheSignature(t *testing.T) {
	f := newFixture(t, pki.P256)
	const open, end = `<Receipt xmlns="urn:r"><Amount>1</Amount>`, `</Receipt>`
	const typeSP = "http://uri.etsi.org/01903#SignedProperties"
	whole := ref{uri: "", enveloped: true}
	digest := sha256.Sum256(f.identity.Certificate().Raw)
	properties := func(digest []byte) string {
		return `<x:SignedProperties xmlns:x="` + xades + `" Id="p1"><x:SignedSignatureProperties><x:SigningTime>2026-11-23T03:00:00Z</x:SigningTime><x:SigningCertificateV2><x:Cert><x:CertDigest>` +
			`<DigestMethod xmlns="` + ds + `" Algorithm="` + sha256URI + `"></DigestMethod><DigestValue xmlns="` + ds + `">` + base64.StdEncoding.EncodeToString(digest) +
			`</DigestValue></x:CertDigest></x:Cert></x:SigningCertificateV2></x:SignedSignatureProperties></x:SignedProperties>`
	}
	honest := properties(digest[:])
	qualifying := func(target, inner string) string {
		return `<x:QualifyingProperties xmlns:x="` + xades + `" Target="` + target + `">` + inner + `</x:QualifyingProperties>`
	}
	object := func(inner string) string { return "<Object>" + inner + "</Object>" }
	sp := func(content string) ref { return ref{uri: "#p1", kind: typeSP, content: content} }
	good := f.signs(t, open+"§"+end, object(qualifying("#s1", honest)), whole, sp(honest))
	otherDigest := properties(make([]byte, 32))
	manifest := `<Manifest xmlns="` + ds + `" Id="m1"></Manifest>`
	doubt, failed := verdict.Indeterminate, verdict.Failed
	f.run(t, map[string]attack{
		"good":                              {good, verdict.Passed, ""},
		"properties changed":                {strings.Replace(good, "2026-11-23T03", "2020-11-23T03", 1), failed, verdict.HashFailure},
		"properties taken away":             {strings.Replace(good, object(qualifying("#s1", honest)), "", 1), doubt, verdict.SignedDataNotFound},
		"properties moved to the document":  {f.signs(t, open+honest+"§"+end, "", whole, sp(honest)), doubt, verdict.SignedDataNotFound},
		"signed ones in another object":     {f.signs(t, open+"§"+end, object(qualifying("#s1", strings.Replace(honest, `"p1"`, `"p2"`, 1)))+object(honest), whole, sp(honest)), doubt, verdict.SignedDataNotFound},
		"properties not signed":             {f.signs(t, open+"§"+end, object(qualifying("#s1", honest)), whole), doubt, verdict.SignedDataNotFound},
		"properties twice":                  {f.signs(t, open+"§"+end, object(qualifying("#s1", honest))+object(qualifying("#s1", strings.Replace(honest, "p1", "p2", 1))), whole, sp(honest)), doubt, verdict.FormatFailure},
		"same id of properties":             {f.signs(t, open+"§"+end, object(qualifying("#s1", honest+honest)), whole, sp(honest)), failed, verdict.FormatFailure},
		"properties of another signature":   {f.signs(t, open+"§"+end, object(qualifying("#other", honest)), whole, sp(honest)), doubt, verdict.FormatFailure},
		"properties of an old version":      {f.signs(t, open+"§"+end, strings.ReplaceAll(object(qualifying("#s1", honest)), "v1.3.2#", "v1.1.1#"), whole, sp(strings.ReplaceAll(honest, "v1.3.2#", "v1.1.1#"))), doubt, verdict.SigConstraintsFailure},
		"another certificate named":         {f.signs(t, open+"§"+end, object(qualifying("#s1", otherDigest)), whole, sp(otherDigest)), doubt, verdict.NoSigningCertificate},
		"no certificate named":              {f.signs(t, open+"§"+end, object(qualifying("#s1", `<x:SignedProperties xmlns:x="`+xades+`" Id="p1"></x:SignedProperties>`)), whole, sp(`<x:SignedProperties xmlns:x="`+xades+`" Id="p1"></x:SignedProperties>`)), doubt, verdict.SigConstraintsFailure},
		"evil beside the properties":        {strings.Replace(good, "</Object>", "<Amount xmlns='urn:r'>9</Amount></Object>", 1), doubt, verdict.SigConstraintsFailure},
		"evil in the unsigned properties":   {strings.Replace(good, "</x:QualifyingProperties>", "<x:UnsignedProperties><Amount xmlns='urn:r'>9</Amount></x:UnsignedProperties></x:QualifyingProperties>", 1), doubt, verdict.SigConstraintsFailure},
		"fake object":                       {strings.Replace(good, "</Signature>", "<Object>evil</Object></Signature>", 1), doubt, verdict.SigConstraintsFailure},
		"manifest":                          {f.signs(t, open+"§"+end, object(manifest), whole, ref{uri: "#m1", kind: ds + "Manifest", content: manifest}), doubt, verdict.SigConstraintsFailure},
		"manifest alone, of other data":     {f.signs(t, open+"§"+end, object(manifest), ref{uri: "#m1", kind: ds + "Manifest", content: manifest}), doubt, verdict.SigConstraintsFailure},
		"signature over its own signedinfo": {f.signs(t, open+"§"+end, "", ref{uri: "#s1", content: `<a Id="s1"/>`}), failed, verdict.HashFailure},
	})
}

// An enveloping signature: the data lies in an object of it.
func TestEnvelopingSignature(t *testing.T) {
	f := newFixture(t, pki.P256)
	const data = `<Object xmlns="` + ds + `" Id="o1"><Amount xmlns="urn:r">1</Amount></Object>`
	good := f.signs(t, "§", data, ref{uri: "#o1", content: data})
	f.run(t, map[string]attack{
		"good":                {good, verdict.Passed, ""},
		"changed":             {strings.Replace(good, ">1<", ">9<", 1), verdict.Failed, verdict.HashFailure},
		"second object":       {strings.Replace(good, "<Object", "<Object><Amount xmlns='urn:r'>9</Amount></Object><Object", 1), verdict.Indeterminate, verdict.SigConstraintsFailure},
		"object in its place": {strings.Replace(good, `Id="o1"`, `Id="o2"`, 1), verdict.Indeterminate, verdict.SignedDataNotFound},
		"object twice":        {strings.Replace(good, data, data+data, 1), verdict.Failed, verdict.FormatFailure},
		"nothing signed":      {f.signs(t, "§", "", ref{uri: "#o1", content: data}), verdict.Indeterminate, verdict.SignedDataNotFound},
	})
}

func TestKeyConfusion(t *testing.T) {
	f, foreign := newFixture(t, pki.P256), newFixture(t, pki.P256)
	cert := func(f fixture, n int) string {
		return "<X509Certificate>" + base64.StdEncoding.EncodeToString(f.identity.Chain[n].Raw) + "</X509Certificate>"
	}
	mine, theirs := cert(f, 0), cert(foreign, 0)
	signed := func(by fixture, keyInfo string) string {
		p := newParts(t, f.identity)
		p.keyInfo = keyInfo
		return before + p.sign(t, by.identity.Key) + after
	}
	good := makeFor(t, f, before+after, false)
	doubled := makeFor(t, foreign, before+after, false) // by somebody else, with our certificate added
	doubled = strings.Replace(doubled, "<X509Data>", "<X509Data>"+mine, 1)
	doubt, failed := verdict.Indeterminate, verdict.Failed
	f.run(t, map[string]attack{
		"certificate first, key of the second":  {signed(foreign, "<X509Data>"+mine+theirs+"</X509Data>"), doubt, verdict.NoCertificateChain},
		"two lists of certificates":             {signed(foreign, "<X509Data>"+mine+"</X509Data><X509Data>"+theirs+"</X509Data>"), doubt, verdict.NoCertificateChain},
		"the same certificate twice":            {signed(f, "<X509Data>"+mine+mine+cert(f, 1)+"</X509Data>"), verdict.Passed, ""},
		"authorities first":                     {signed(f, "<X509Data>"+cert(f, 1)+cert(f, 2)+mine+"</X509Data>"), verdict.Passed, ""},
		"only an authority":                     {signed(f, "<X509Data>"+cert(f, 1)+"</X509Data>"), failed, verdict.SigCryptoFailure},
		"bare key":                              {signed(f, "<KeyValue><ECKeyValue xmlns='http://www.w3.org/2009/xmldsig11#'/></KeyValue>"), doubt, verdict.NoSigningCertificate},
		"name of a key":                         {signed(f, "<KeyName>k</KeyName>"), doubt, verdict.NoSigningCertificate},
		"pointer to a key":                      {signed(f, `<RetrievalMethod URI="http://127.0.0.1/"/><X509Data>`+mine+`</X509Data>`), doubt, verdict.NoSigningCertificate},
		"pointer to a key info":                 {signed(f, `<KeyInfoReference xmlns="http://www.w3.org/2009/xmldsig11#" URI="#x"/><X509Data>`+mine+`</X509Data>`), doubt, verdict.NoSigningCertificate},
		"too many certificates":                 {signed(f, "<X509Data>"+strings.Repeat(mine, 17)+"</X509Data>"), doubt, verdict.NoSigningCertificate},
		"XAdES by another, our certificate too": {doubled, doubt, verdict.NoCertificateChain},
		"XAdES, certificate exchanged":          {strings.Replace(good, mine, theirs, 1), doubt, verdict.NoSigningCertificate},
		"XAdES, order of the bag":               {strings.Replace(strings.Replace(good, mine, "", 1), "</X509Data>", mine+"</X509Data>", 1), verdict.Passed, ""},
		"XAdES, ours only among the values":     {withValues(strings.Replace(good, mine, "", 1), f.identity.Chain[:1]...), doubt, verdict.NoSigningCertificate},
		"XAdES, all among the values":           {withValues(withoutKeyInfo(good), f.identity.Chain...), verdict.Passed, ""},
		"XAdES, theirs among the values":        {withValues(withoutKeyInfo(good), foreign.identity.Chain...), doubt, verdict.NoSigningCertificate},
		"no key info":                           {withoutKeyInfo(good), doubt, verdict.NoSigningCertificate},
	})
}

func withoutKeyInfo(document string) string {
	before, rest, _ := strings.Cut(document, "<KeyInfo>")
	_, after, _ := strings.Cut(rest, "</KeyInfo>")
	return before + after
}

// withValues adds certificates as XAdES carries them for later validation.
func withValues(document string, certificates ...*x509.Certificate) string {
	values := `<xades:UnsignedProperties><xades:UnsignedSignatureProperties><xades:CertificateValues>`
	for _, certificate := range certificates {
		values += `<xades:EncapsulatedX509Certificate>` + base64.StdEncoding.EncodeToString(certificate.Raw) + `</xades:EncapsulatedX509Certificate>`
	}
	values += `</xades:CertificateValues></xades:UnsignedSignatureProperties></xades:UnsignedProperties>`
	return strings.Replace(document, "</xades:SignedProperties>", "</xades:SignedProperties>"+values, 1)
}

func TestTransformsAndMethods(t *testing.T) {
	f := newFixture(t, pki.P256)
	edit := func(change func(p *parts)) string {
		p := newParts(t, f.identity)
		change(p)
		return before + p.sign(t, f.identity.Key) + after
	}
	transform := func(uri, inner string) string {
		return edit(func(p *parts) { p.transforms = `<Transform Algorithm="` + uri + `">` + inner + `</Transform>` })
	}
	method := func(uri string) string { return edit(func(p *parts) { p.method = uri }) }
	enveloped := `<Transform Algorithm="` + ds + `enveloped-signature"></Transform>`
	good := edit(func(*parts) {})
	reference := good[strings.Index(good, "<Reference"):strings.Index(good, "</SignedInfo>")]
	const constraints, algorithms, doubt = verdict.SigConstraintsFailure, verdict.CryptoConstraintsFailure, verdict.Indeterminate
	f.run(t, map[string]attack{
		"XPath":                     {transform("http://www.w3.org/TR/1999/REC-xpath-19991116", "<XPath>1</XPath>"), doubt, constraints},
		"XPath filter":              {transform("http://www.w3.org/2002/06/xmldsig-filter2", "<XPath>/</XPath>"), doubt, constraints},
		"XSLT":                      {transform("http://www.w3.org/TR/1999/REC-xslt-19991116", "<x/>"), doubt, constraints},
		"base64":                    {transform(ds+"base64", ""), doubt, constraints},
		"decryption":                {transform("http://www.w3.org/2002/07/decrypt#XML", ""), doubt, constraints},
		"a file":                    {transform("file:///etc/passwd", ""), doubt, constraints},
		"none":                      {edit(func(p *parts) { p.transforms = "" }), doubt, constraints},
		"enveloped twice":           {edit(func(p *parts) { p.transforms = enveloped + enveloped }), doubt, constraints},
		"enveloped behind":          {edit(func(p *parts) { p.transforms = `<Transform Algorithm="` + exclusive + `"></Transform>` + enveloped }), doubt, constraints},
		"canonicalized twice":       {edit(func(p *parts) { p.transforms += `<Transform Algorithm="` + exclusive + `"></Transform>` }), doubt, constraints},
		"flood of transforms":       {edit(func(p *parts) { p.transforms = strings.Repeat(enveloped, 500) }), doubt, constraints},
		"flood of references":       {strings.Replace(good, reference, strings.Repeat(reference, 500), 1), doubt, constraints},
		"flood of outer references": {strings.Replace(good, reference, strings.Repeat(strings.Replace(reference, `URI=""`, `URI="x"`, 1), 1001), 1), doubt, constraints},
		"flood of prefixes":         {strings.Replace(good, `<CanonicalizationMethod Algorithm="`+exclusive+`">`, `<CanonicalizationMethod Algorithm="`+exclusive+`"><InclusiveNamespaces xmlns="`+exclusive+`" PrefixList="`+strings.Repeat("a ", 40)+`"/>`, 1), doubt, verdict.FormatFailure},
		"HMAC":                      {method(ds + "hmac-sha1"), doubt, algorithms},
		"HMAC cut to nothing":       {strings.Replace(method(more+"hmac-sha256"), `hmac-sha256"></SignatureMethod>`, `hmac-sha256"><HMACOutputLength>0</HMACOutputLength></SignatureMethod>`, 1), doubt, algorithms},
		"none at all":               {method("none"), doubt, algorithms},
		"DSA":                       {method(ds + "dsa-sha1"), doubt, algorithms},
		"RSA with MD5":              {method(more + "rsa-md5"), doubt, algorithms},
		"PSS with parameters":       {strings.Replace(good, `ecdsa-sha256"></SignatureMethod>`, `ecdsa-sha256"><Params/></SignatureMethod>`, 1), doubt, constraints},
		"wrong letters in c14n":     {edit(func(p *parts) { p.c14n = strings.ToUpper(exclusive) }), doubt, constraints},
		"c14n of the sample":        {edit(func(p *parts) { p.c14n = "http://www.w3.org/TR/xml-exc-c14n#" }), doubt, constraints},
		"c14n of none":              {edit(func(p *parts) { p.c14n = "" }), doubt, constraints},
	})
}

func TestDocumentsThatAreTraps(t *testing.T) {
	f := newFixture(t, pki.P256)
	good := makeFor(t, f, before+after, false)
	inside := func(text string) string {
		return strings.Replace(good, "<edXML:edXMLBody>", "<edXML:edXMLBody>"+text, 1)
	}
	const doubt, failed, format = verdict.Indeterminate, verdict.Failed, verdict.FormatFailure
	laughs := `<!DOCTYPE l [<!ENTITY a0 "ha">`
	for i := 1; i < 10; i++ {
		laughs += `<!ENTITY a` + string(rune('0'+i)) + ` "` + strings.Repeat(`&a`+string(rune('0'+i-1))+`;`, 10) + `">`
	}
	f.run(t, map[string]attack{
		"billion laughs":         {laughs + `]>` + inside("&a9;"), failed, format},
		"external entity":        {`<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]>` + inside("&x;"), failed, format},
		"external type":          {`<!DOCTYPE a SYSTEM "http://127.0.0.1/a.dtd">` + good, failed, format},
		"default attribute":      {`<!DOCTYPE a [<!ATTLIST a b CDATA "evil">]>` + good, failed, format},
		"entity without type":    {inside("&x;"), doubt, format},
		"XInclude":               {inside(`<xi:include xmlns:xi="http://www.w3.org/2001/XInclude" href="file:///etc/passwd"/>`), failed, verdict.HashFailure},
		"style sheet":            {`<?xml-stylesheet href="http://127.0.0.1/"?>` + good, doubt, format},
		"prefix kept in a name":  {inside("<x:Root>"), doubt, format},
		"attribute of colons":    {inside(`<Root ::attr="x">]]><x::Element/></Root>`), doubt, format},
		"attribute named colon":  {inside(`<Root :="value"/>`), doubt, format},
		"undeclared prefix":      {inside(`<u:a/>`), doubt, ""},
		"depth":                  {inside(strings.Repeat("<a>", 100_000)), doubt, format},
		"width":                  {inside(strings.Repeat("<a/>", 1_000_000)), doubt, format},
		"attributes":             {inside("<a" + strings.Repeat(" b='1'", 100_000) + "/>"), failed, format},
		"long attribute":         {inside("<a b='" + strings.Repeat("x", 20<<20) + "'/>"), failed, verdict.HashFailure},
		"long name":              {inside("<" + strings.Repeat("x", 1<<20) + "/>"), doubt, format},
		"references to nothing":  {inside(strings.Repeat("&#0;", 1000)), doubt, format},
		"UTF-16":                 {"<?xml version='1.0' encoding='UTF-16'?>" + good, doubt, format},
		"bytes that are no text": {inside("\xc0\xaf"), doubt, format},
		"two documents":          {good + good, doubt, format},
		"many signatures":        {"<a>" + strings.Repeat(`<Signature xmlns="`+ds+`"/>`, 20) + "</a>", doubt, format},
		"namespaces that grow":   {growing(good), doubt, format},
	})
}

// growing needs little space and has a canonical form of a gigabyte: a long namespace
// is declared once and must be written at each of many elements.
func growing(good string) string {
	long := "urn:" + strings.Repeat("x", 1<<20)
	return strings.Replace(good, "<edXML:edXMLBody>", "<edXML:edXMLBody xmlns:l='"+long+"'>"+strings.Repeat("<l:a/>", 1000), 1)
}
