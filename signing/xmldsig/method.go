package xmldsig

import (
	"crypto"
	"strconv"
	"strings"

	"github.com/lienthong/lienthong/signing/c14n"
	"github.com/lienthong/lienthong/signing/verdict"
)

// readMethod reads the signature method. Parameters are for RSASSA-PSS alone.
func readMethod(e *c14n.Element) (algorithm, *verdict.Problem) {
	uri, _ := e.Attribute("Algorithm")
	if uri == newestAlgorithms+"rsa-pss" {
		hash, ok := readPSS(e)
		if !ok {
			return algorithm{uri: uri}, unsupported("the parameters of RSASSA-PSS are not those that its fixed methods have")
		}
		return algorithm{uri, schemePSS, hash}, nil
	}
	a := algorithmOf(uri)
	if problem := a.check(); problem != nil {
		return a, problem
	}
	if len(e.Elements()) > 0 {
		return a, unsupported("the signature method has parameters")
	}
	return a, nil
}

// readPSS accepts parameters that say what the methods without parameters mean (RFC
// 6931, 2.3.9 and 2.3.10): one hash for the content and for MGF1, a salt of its length,
// trailer 1. What is left out but for the trailer is refused: its default is not the
// same in every edition.
func readPSS(method *c14n.Element) (crypto.Hash, bool) {
	outer, ok := parts(method)
	if !ok || len(outer) != 1 || !outer[0].Is(newestAlgorithms, "RSAPSSParams") {
		return 0, false
	}
	list, ok := parts(outer[0])
	if !ok || len(list) != 3 && len(list) != 4 || !named(list[0], "DigestMethod") ||
		!list[1].Is(newestAlgorithms, "MaskGenerationFunction") || !list[2].Is(newestAlgorithms, "SaltLength") {
		return 0, false
	}
	uri, _ := list[0].Attribute("Algorithm")
	hash := digestOf(uri)
	if hash == 0 || len(list[0].Elements()) > 0 {
		return 0, false
	}
	if mask, given := list[1].Attribute("Algorithm"); given && mask != newestAlgorithms+"MGF1" {
		return 0, false
	}
	inner, ok := parts(list[1])
	if !ok || len(inner) != 1 || !named(inner[0], "DigestMethod") {
		return 0, false
	}
	if same, _ := inner[0].Attribute("Algorithm"); same != uri || len(inner[0].Elements()) > 0 {
		return 0, false
	}
	if !says(list[2], strconv.Itoa(hash.Size())) {
		return 0, false
	}
	return hash, len(list) == 3 || list[3].Is(newestAlgorithms, "TrailerField") && says(list[3], "1")
}

// says reports whether an element holds that text and nothing else but space around it.
func says(e *c14n.Element, want string) bool {
	text, ok := e.PlainText()
	return ok && strings.Trim(text, " \t\r\n") == want
}

// leavesOutSignatures reports whether an XPath transform is the expression
// not(ancestor-or-self::ds:Signature), under any prefix of the namespace of signatures:
// what files of other makers have in place of the enveloped signature. It means the
// same where the document has no other signature. Nothing is evaluated.
func leavesOutSignatures(transform *c14n.Element) bool {
	children, ok := parts(transform)
	if !ok || len(children) != 1 || !named(children[0], "XPath") {
		return false
	}
	for e := children[0]; e != nil; e = e.Parent {
		for _, d := range e.Declarations {
			if d.Prefix != "" && d.Space == namespace && says(children[0], "not(ancestor-or-self::"+d.Prefix+":Signature)") {
				return bound(children[0], d.Prefix) == namespace
			}
		}
	}
	return false
}

// bound returns the namespace that a prefix has where an element stands.
func bound(e *c14n.Element, prefix string) string {
	for ; e != nil; e = e.Parent {
		for _, d := range e.Declarations {
			if d.Prefix == prefix {
				return d.Space
			}
		}
	}
	return ""
}

// checkAlone requires of an expression that leaves out every signature that it leaves
// out this one and nothing else.
func (v *verification) checkAlone(target *c14n.Element) *verdict.Problem {
	alone := !target.Within(v.element)
	v.document.Root.Walk(func(e *c14n.Element) bool {
		alone = alone && (!named(e, "Signature") || e.Within(v.element))
		return alone
	})
	if alone {
		return nil
	}
	return unsupported("the transform of the XML signature leaves out other signatures too")
}
