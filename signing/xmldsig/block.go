package xmldsig

import (
	"crypto"
	"crypto/x509"
	"encoding/base64"
	"strings"

	"github.com/beevik/etree"
	dsig "github.com/russellhaering/goxmldsig"

	"github.com/lienthong/lienthong/signing/verdict"
)

const (
	transformEnveloped = namespace + "enveloped-signature"
	inclusiveC14N      = "http://www.w3.org/TR/2001/REC-xml-c14n-20010315"
	exclusiveC14N      = "http://www.w3.org/2001/10/xml-exc-c14n#"
	maxCertificates    = 8
)

// block is what a signature element says, read strictly.
type block struct {
	signedInfo   *etree.Element
	method       canonicalizer // of the signed info
	transform    canonicalizer // of the document
	algorithm    algorithm
	digest       crypto.Hash
	sum, value   []byte
	certificates []*x509.Certificate // signer first
}

// canonicalizer is an accepted canonicalization with its parameter.
type canonicalizer struct {
	algorithm string
	prefixes  string // of exclusive canonicalization
}

// canonicalize returns the canonical bytes of a detached element, which it changes.
func (c canonicalizer) canonicalize(e *etree.Element) ([]byte, error) {
	if c.algorithm == exclusiveC14N {
		return dsig.MakeC14N10ExclusiveCanonicalizerWithPrefixList(c.prefixes).Canonicalize(e)
	}
	return dsig.MakeC14N10RecCanonicalizer().Canonicalize(e)
}

func unsupported(format string, args ...any) *verdict.Problem {
	return verdict.Doubt(verdict.SigConstraintsFailure, format, args...)
}

func malformed(what string) *verdict.Problem {
	return verdict.Doubt(verdict.FormatFailure, "the XML signature is malformed: %s", what)
}

// readBlock reads SignedInfo, SignatureValue and KeyInfo, in this order and each
// once; an Object may follow and is not looked at, because nothing refers to it.
func readBlock(signature *etree.Element) (*block, *verdict.Problem) {
	children := signature.ChildElements()
	if len(children) < 3 || !named(children[0], "SignedInfo") || !named(children[1], "SignatureValue") || !named(children[2], "KeyInfo") {
		return nil, malformed("SignedInfo, SignatureValue and KeyInfo are expected")
	}
	for _, other := range children[3:] {
		if !named(other, "Object") {
			return nil, malformed("an unexpected element follows KeyInfo")
		}
	}
	b := &block{signedInfo: children[0]}
	if problem := b.readSignedInfo(); problem != nil {
		return nil, problem
	}
	var ok bool
	if b.value, ok = base64Text(children[1]); !ok {
		return nil, malformed("the signature value")
	}
	return b, b.readCertificates(children[2])
}

// named reports whether an element has that name in the signature namespace.
func named(e *etree.Element, tag string) bool {
	return e.Tag == tag && e.NamespaceURI() == namespace
}

func (b *block) readSignedInfo() *verdict.Problem {
	children := b.signedInfo.ChildElements()
	if len(children) < 3 || !named(children[0], "CanonicalizationMethod") || !named(children[1], "SignatureMethod") {
		return malformed("the signed info")
	}
	if len(children) > 3 {
		return unsupported("the XML signature refers to more than the document, which is not supported at this level")
	}
	var problem *verdict.Problem
	if b.method, problem = readCanonicalizer(children[0]); problem != nil {
		return problem
	}
	if len(children[1].ChildElements()) > 0 {
		return unsupported("the signature method has parameters")
	}
	b.algorithm = algorithm(children[1].SelectAttrValue("Algorithm", ""))
	return b.readReference(children[2])
}

// readReference requires URI "", the enveloped-signature transform, at most one
// canonicalization behind it, and a digest.
func (b *block) readReference(reference *etree.Element) *verdict.Problem {
	uri := reference.SelectAttr("URI")
	children := reference.ChildElements()
	if !named(reference, "Reference") || len(children) != 3 || !named(children[0], "Transforms") ||
		!named(children[1], "DigestMethod") || !named(children[2], "DigestValue") {
		return malformed("the reference")
	}
	if uri == nil || uri.Value != "" {
		return unsupported("the XML signature does not refer to the whole document")
	}
	transforms := children[0].ChildElements()
	if len(transforms) == 0 || len(transforms) > 2 || transforms[0].SelectAttrValue("Algorithm", "") != transformEnveloped {
		return unsupported("the transforms of the XML signature are not supported")
	}
	b.transform = canonicalizer{algorithm: inclusiveC14N} // what the standard takes when none is named
	if len(transforms) == 2 {
		var problem *verdict.Problem
		if b.transform, problem = readCanonicalizer(transforms[1]); problem != nil {
			return problem
		}
	}
	b.digest = digestOf(children[1].SelectAttrValue("Algorithm", ""))
	if b.digest == 0 {
		return verdict.Doubt(verdict.CryptoConstraintsFailure, "the digest algorithm of the XML signature is not accepted")
	}
	var ok bool
	if b.sum, ok = base64Text(children[2]); !ok {
		return malformed("the digest value")
	}
	return nil
}

func readCanonicalizer(e *etree.Element) (canonicalizer, *verdict.Problem) {
	c := canonicalizer{algorithm: e.SelectAttrValue("Algorithm", "")}
	parameters := e.ChildElements()
	switch {
	case c.algorithm == inclusiveC14N && len(parameters) == 0:
	case c.algorithm == exclusiveC14N && len(parameters) == 0:
	case c.algorithm == exclusiveC14N && len(parameters) == 1 && parameters[0].Tag == "InclusiveNamespaces":
		c.prefixes = parameters[0].SelectAttrValue("PrefixList", "")
	default:
		return c, unsupported("the canonicalization %q of the XML signature is not supported", c.algorithm)
	}
	return c, nil
}

// readCertificates reads the certificates of the first X509Data. Key values beside
// them are ignored: a key without a certificate names nobody.
func (b *block) readCertificates(keyInfo *etree.Element) *verdict.Problem {
	for _, data := range keyInfo.ChildElements() {
		if !named(data, "X509Data") {
			continue
		}
		for _, e := range data.ChildElements() {
			if !named(e, "X509Certificate") {
				continue
			}
			der, ok := base64Text(e)
			certificate, err := x509.ParseCertificate(der)
			if !ok || err != nil || len(b.certificates) == maxCertificates {
				return verdict.Doubt(verdict.NoSigningCertificate, "a certificate of the XML signature cannot be read")
			}
			b.certificates = append(b.certificates, certificate)
		}
		break
	}
	if len(b.certificates) == 0 {
		return verdict.Doubt(verdict.NoSigningCertificate, "the XML signature carries no certificate")
	}
	return nil
}

// base64Text decodes the text of an element; only white space may be between.
func base64Text(e *etree.Element) ([]byte, bool) {
	var text strings.Builder
	for _, child := range e.Child {
		data, ok := child.(*etree.CharData)
		if !ok {
			return nil, false // a comment would split what another reader joins
		}
		text.WriteString(data.Data)
	}
	value, err := base64.StdEncoding.Strict().DecodeString(strings.Join(strings.Fields(text.String()), ""))
	return value, err == nil && len(value) > 0
}
