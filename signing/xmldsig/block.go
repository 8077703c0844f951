package xmldsig

import (
	"crypto"
	"encoding/base64"
	"strings"

	"github.com/lienthong/lienthong/signing/c14n"
	"github.com/lienthong/lienthong/signing/verdict"
)

const (
	transformEnveloped = namespace + "enveloped-signature"
	transformXPath     = "http://www.w3.org/TR/1999/REC-xpath-19991116"
	exclusiveC14N      = "http://www.w3.org/2001/10/xml-exc-c14n#"
	withComments       = "WithComments"
	typeManifest       = namespace + "Manifest"

	maxReferences = 16   // into the document
	maxFiles      = 1000 // beside it
)

// block is what a signature element says, read strictly.
type block struct {
	signedInfo *c14n.Element
	method     c14n.Method // of the signed info
	algorithm  algorithm
	references []reference
	value      []byte
	valueAt    *c14n.Element // the SignatureValue
	keyInfo    *c14n.Element // nil when there is none
	objects    []*c14n.Element
}

// reference is one Reference of the signed info.
type reference struct {
	id, kind  string // Id and Type
	uri       string
	enveloped bool
	alone     bool // it leaves out every signature, so there must be no other
	canonical bool // a canonicalization is named
	method    c14n.Method
	hash      crypto.Hash
	sum       []byte
}

func unsupported(format string, args ...any) *verdict.Problem {
	return verdict.Doubt(verdict.SigConstraintsFailure, format, args...)
}

func malformed(what string) *verdict.Problem {
	return verdict.Doubt(verdict.FormatFailure, "the XML signature is malformed: %s", what)
}

// named reports whether an element has that name in the signature namespace.
func named(e *c14n.Element, name string) bool { return e.Is(namespace, name) }

// parts returns the child elements of an element that holds nothing else but white
// space and comments.
func parts(e *c14n.Element) ([]*c14n.Element, bool) {
	for i := range e.Children {
		if n := &e.Children[i]; n.Kind == c14n.TextNode && strings.Trim(n.Text, " \t\r\n") != "" {
			return nil, false
		}
	}
	return e.Elements(), true
}

// readBlock reads SignedInfo, SignatureValue, KeyInfo and Objects, in this order.
func readBlock(signature *c14n.Element) (*block, *verdict.Problem) {
	children, ok := parts(signature)
	if !ok || len(children) < 2 || !named(children[0], "SignedInfo") || !named(children[1], "SignatureValue") {
		return nil, malformed("SignedInfo and SignatureValue are expected")
	}
	b := &block{signedInfo: children[0], valueAt: children[1]}
	rest := children[2:]
	if len(rest) > 0 && named(rest[0], "KeyInfo") {
		b.keyInfo, rest = rest[0], rest[1:]
	}
	for _, other := range rest {
		if !named(other, "Object") {
			return nil, malformed("an unexpected element follows KeyInfo")
		}
	}
	b.objects = rest
	if b.value, ok = base64Text(children[1]); !ok {
		return nil, malformed("the signature value")
	}
	return b, b.readSignedInfo()
}

func (b *block) readSignedInfo() *verdict.Problem {
	children, ok := parts(b.signedInfo)
	if !ok || len(children) < 3 || !named(children[0], "CanonicalizationMethod") || !named(children[1], "SignatureMethod") {
		return malformed("the signed info")
	}
	var problem *verdict.Problem
	if b.method, problem = readCanonicalizer(children[0]); problem != nil {
		return problem
	}
	if b.algorithm, problem = readMethod(children[1]); problem != nil {
		return problem
	}
	b.references, problem = readReferences(children[2:])
	return problem
}

func readReferences(elements []*c14n.Element) ([]reference, *verdict.Problem) {
	var list []reference
	inside := 0
	for _, e := range elements {
		r, problem := readReference(e)
		if problem != nil {
			return nil, problem
		}
		if r.inDocument() {
			inside++
		}
		if list = append(list, r); inside > maxReferences || len(list) > maxFiles {
			return nil, unsupported("the XML signature has more than %d references", maxReferences)
		}
	}
	return list, nil
}

// inDocument reports whether the reference leads into the document itself.
func (r *reference) inDocument() bool { return r.uri == "" || r.uri[0] == '#' }

func readReference(e *c14n.Element) (reference, *verdict.Problem) {
	children, ok := parts(e)
	if !ok || !named(e, "Reference") {
		return reference{}, malformed("the reference")
	}
	r := reference{}
	r.id, _ = e.Attribute("Id")
	r.kind, _ = e.Attribute("Type")
	if r.uri, ok = e.Attribute("URI"); !ok {
		return r, unsupported("a reference of the XML signature says not to what")
	}
	if len(children) == 3 && named(children[0], "Transforms") {
		if problem := r.readTransforms(children[0]); problem != nil {
			return r, problem
		}
		children = children[1:]
	}
	if len(children) != 2 || !named(children[0], "DigestMethod") || !named(children[1], "DigestValue") {
		return r, malformed("the reference")
	}
	uri, _ := children[0].Attribute("Algorithm")
	if r.hash = digestOf(uri); r.hash == 0 {
		return r, verdict.Weak(uri, "the digest method %q of the XML signature is not accepted", uri)
	}
	if r.sum, ok = base64Text(children[1]); !ok || len(r.sum) != r.hash.Size() {
		return r, malformed("the digest value")
	}
	return r, nil
}

// readTransforms allows the enveloped signature, by its name, by the one expression that
// says the same or by both, then one canonicalization.
func (r *reference) readTransforms(e *c14n.Element) *verdict.Problem {
	transforms, ok := parts(e)
	if !ok || len(transforms) == 0 || len(transforms) > 3 {
		return unsupported("the transforms of the XML signature are not supported")
	}
	for _, transform := range transforms {
		algorithm, _ := transform.Attribute("Algorithm")
		switch {
		case !named(transform, "Transform"):
			return malformed("the transforms")
		case algorithm == transformEnveloped && !r.enveloped && !r.canonical && len(transform.Elements()) == 0:
			r.enveloped = true
		case algorithm == transformXPath && !r.alone && !r.canonical && leavesOutSignatures(transform):
			r.enveloped, r.alone = true, true
		case r.canonical:
			return unsupported("the transforms of the XML signature are not supported")
		default:
			var problem *verdict.Problem
			if r.method, problem = readCanonicalizer(transform); problem != nil {
				return problem
			}
			r.canonical = true
		}
	}
	return nil
}

// readCanonicalizer reads one of the six canonicalizations with its parameter.
func readCanonicalizer(e *c14n.Element) (c14n.Method, *verdict.Problem) {
	uri, _ := e.Attribute("Algorithm")
	method, known := methodOf(uri)
	parameters := e.Elements()
	switch {
	case known && len(parameters) == 0:
		return method, nil
	case known && method.Exclusive && len(parameters) == 1 && parameters[0].Is(exclusiveC14N, "InclusiveNamespaces"):
		list, _ := parameters[0].Attribute("PrefixList")
		for _, prefix := range strings.Fields(list) {
			if prefix == "#default" {
				prefix = ""
			}
			method.Prefixes = append(method.Prefixes, prefix)
		}
		return method, nil
	}
	return method, unsupported("the transform or canonicalization %q of the XML signature is not supported", uri)
}

// methodOf returns the canonicalization of a URI.
func methodOf(uri string) (c14n.Method, bool) {
	var m c14n.Method
	base, comments := strings.CutSuffix(uri, withComments)
	if m.Comments = comments; comments && !strings.HasSuffix(base, "#") {
		return m, false
	}
	switch strings.TrimSuffix(base, "#") {
	case "http://www.w3.org/TR/2001/REC-xml-c14n-20010315":
		return m, comments == strings.HasSuffix(base, "#")
	case "http://www.w3.org/2006/12/xml-c14n11":
		m.V11 = true
		return m, comments == strings.HasSuffix(base, "#")
	case strings.TrimSuffix(exclusiveC14N, "#"):
		m.Exclusive = true
		return m, strings.HasSuffix(base, "#")
	}
	return m, false
}

// base64Text decodes the text of an element; only white space may be between.
func base64Text(e *c14n.Element) ([]byte, bool) {
	text, ok := e.PlainText()
	if !ok {
		return nil, false // a comment would split what another reader joins
	}
	value, err := base64.StdEncoding.Strict().DecodeString(strings.Join(strings.Fields(text), ""))
	return value, err == nil && len(value) > 0
}
