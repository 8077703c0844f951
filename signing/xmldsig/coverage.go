package xmldsig

import (
	"slices"

	"github.com/lienthong/lienthong/signing/c14n"
)

// coversWhole reports whether nothing of the document is left that is not signed.
func (v *verification) coversWhole() bool {
	root := v.document.Root
	switch {
	case v.options.Files != nil:
		return true // the files are what is signed; the container knows which there are
	case slices.Contains(v.covered, root):
		return v.objectsCovered()
	case root == v.element:
		return len(v.block.objects) > 0 && v.objectsCovered()
	case isEnvelope(v.document):
		return v.objectsCovered() && v.partsCovered(root)
	}
	return false
}

// objectsCovered requires that nothing of the signature element itself could be taken
// for data: each Object is signed, or holds the properties of the signature, or is
// empty, and what is not signed has names of signatures only.
func (v *verification) objectsCovered() bool {
	for _, object := range v.block.objects {
		if !v.isCovered(object) && !isProperties(object) && !v.contentCovered(object) {
			return false
		}
	}
	return v.ownNames(v.element)
}

func (v *verification) isCovered(e *c14n.Element) bool { return slices.Contains(v.covered, e) }

// ownNames reports whether what lies in the element is signed or has names of
// signatures.
func (v *verification) ownNames(e *c14n.Element) bool {
	if v.isCovered(e) && e != v.document.Root {
		return true
	}
	switch e.Space {
	case namespace, "http://www.w3.org/2009/xmldsig11#", newestAlgorithms, xades132, xades141, exclusiveC14N:
	default:
		return false
	}
	return !slices.ContainsFunc(e.Elements(), func(child *c14n.Element) bool { return !v.ownNames(child) })
}

// contentCovered reports whether the element has nothing but signed elements.
func (v *verification) contentCovered(e *c14n.Element) bool {
	children, ok := parts(e)
	return ok && !slices.ContainsFunc(children, func(child *c14n.Element) bool { return !v.isCovered(child) })
}

// partsCovered is for an edXML file that is signed in parts: the envelope, and each
// attachment by itself. What is around them must be nothing but the frame.
func (v *verification) partsCovered(root *c14n.Element) bool {
	children, ok := parts(root)
	if !ok || len(children) > 2 || len(children) == 0 || !v.isCovered(children[0]) || !v.element.Within(children[0]) {
		return false
	}
	for _, child := range children[1:] {
		if child.Local != "AttachmentEncoded" || !v.isCovered(child) && !v.contentCovered(child) {
			return false
		}
	}
	return true
}
