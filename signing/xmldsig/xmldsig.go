// Package xmldsig checks the XML signature (W3C XML Signature 1.1) of an edXML
// envelope: one signature, in the header of the envelope, over the whole document.
//
// Promises: exactly one signature at exactly one place; one reference, with URI ""
// and no transform but the enveloped signature and a canonicalization; exclusive
// or inclusive Canonical XML 1.0 without comments; SHA-256 or stronger with RSA or
// ECDSA; the key only from the first certificate of the signature. A document type
// declaration, a processing instruction, an attribute given twice, a nesting too
// deep or a document too large is refused before a tree is built. Whatever the
// check cannot decide is INDETERMINATE, never passed.
//
// The reference builder of edXML writes a block that looks like a signature but
// lies in the edXML namespace and holds constants: it is kept and shown, never
// checked, and counts neither for nor against the document's own PDF signatures.
//
// Limits of this version: XAdES properties and references to attachments are not
// evaluated and leave the signature undecided, as does SHA-1.
package xmldsig

import (
	"bytes"
	"context"
	"crypto/subtle"
	"errors"
	"io"
	"slices"
	"time"

	"github.com/beevik/etree"
	"github.com/russellhaering/goxmldsig/etreeutils"

	"github.com/lienthong/lienthong/signing/trust"
	"github.com/lienthong/lienthong/signing/verdict"
)

// MaxBytes is the largest document whose signature is checked. Attachments are
// part of what is signed, and the tree takes several times the size of the text.
const MaxBytes = 32 << 20

// namespace is the one of XML Signature.
const namespace = "http://www.w3.org/2000/09/xmldsig#"

// Verify looks for the signature of an edXML envelope and judges it at the given
// time. It returns nil when there is none. The error is for I/O failures only.
func Verify(ctx context.Context, source io.ReaderAt, size int64, validator *trust.Validator, at time.Time) (*verdict.Signature, error) {
	mentioned, err := mentionsSignature(ctx, source, size)
	if err != nil || !mentioned {
		return nil, err
	}
	s := &verdict.Signature{Field: "edXMLHeader/Signature", Format: "XMLDSig", Level: "legacy"}
	if size > MaxBytes {
		s.Check("size", "", verdict.Doubt(verdict.FormatFailure, "the document is larger than %d MiB, its XML signature is not checked", MaxBytes>>20))
		return s, nil
	}
	data := make([]byte, size)
	if n, err := source.ReadAt(data, 0); n < len(data) {
		return nil, errors.Join(io.ErrUnexpectedEOF, err)
	}
	found, problem := locate(data)
	if problem != nil {
		s.Check("structure", "", problem)
		return s, nil
	}
	if found == nil {
		return nil, nil
	}
	v := verification{signature: found, result: s, validator: validator, at: at}
	v.run()
	return s, nil
}

// mentionsSignature looks for the word in the bytes, in constant memory: most
// envelopes carry no signature and need no tree.
func mentionsSignature(ctx context.Context, source io.ReaderAt, size int64) (bool, error) {
	word := []byte("Signature")
	buffer := make([]byte, min(64<<10, size))
	for offset := int64(0); offset < size; {
		if err := ctx.Err(); err != nil {
			return false, err
		}
		n, err := source.ReadAt(buffer, offset)
		if bytes.Contains(buffer[:n], word) {
			return true, nil
		}
		if err != nil && !errors.Is(err, io.EOF) || n == 0 {
			return false, errors.Join(io.ErrUnexpectedEOF, err)
		}
		if offset += int64(n); offset < size && n > len(word) {
			offset -= int64(len(word)) // look at the seam again
		}
	}
	return false, nil
}

// locate parses the document and returns its one signature element, or nil.
func locate(data []byte) (*etree.Element, *verdict.Problem) {
	if problem := checkTokens(data); problem != nil {
		return nil, problem
	}
	document := etree.NewDocument()
	document.ReadSettings = etree.ReadSettings{MaxDepth: maxDepth}
	if err := document.ReadFromBytes(data); err != nil || document.Root() == nil {
		return nil, verdict.Doubt(verdict.FormatFailure, "the document is not well-formed XML")
	}
	found := signaturesBelow(document.Root(), nil)
	switch {
	case len(found) == 0:
		return nil, nil
	case !slices.ContainsFunc(found, isReal):
		return found[0], nil
	case len(found) > 1:
		return nil, verdict.Fail(verdict.FormatFailure, "the document has more than one signature block")
	case !inHeader(found[0]):
		return nil, verdict.Fail(verdict.FormatFailure, "the signature block is not in the header of the envelope")
	}
	return found[0], nil
}

func isReal(e *etree.Element) bool { return e.NamespaceURI() == namespace }

// signaturesBelow collects the elements of that name in any namespace.
func signaturesBelow(e *etree.Element, list []*etree.Element) []*etree.Element {
	if e.Tag == "Signature" {
		return append(list, e)
	}
	for _, child := range e.ChildElements() {
		list = signaturesBelow(child, list)
	}
	return list
}

// inHeader requires the path edXML / edXMLEnvelope / edXMLHeader / Signature.
func inHeader(e *etree.Element) bool {
	for _, tag := range []string{"edXMLHeader", "edXMLEnvelope", "edXML"} {
		if e = e.Parent(); e == nil || e.Tag != tag {
			return false
		}
	}
	return e.Parent() == nil || e.Parent().Parent() == nil && e.Parent().Tag == ""
}

// verification checks one located signature.
type verification struct {
	signature *etree.Element
	result    *verdict.Signature
	validator *trust.Validator
	at        time.Time
}

func (v *verification) run() {
	if !isReal(v.signature) {
		v.result.Check("format", "", verdict.Doubt(verdict.SigConstraintsFailure,
			"the signature block of the envelope is not an XML signature (another namespace); it is kept and not checked"))
		return
	}
	block, problem := readBlock(v.signature)
	if !v.result.Check("format", "one enveloped signature over the whole document", problem) {
		return
	}
	v.result.Algorithm = block.algorithm.name()
	if !v.result.Check("algorithms", v.result.Algorithm, block.algorithm.check()) {
		return
	}
	v.result.CoversWhole, v.result.Revision, v.result.Revisions = true, 1, 1
	v.result.Check("content digest", "the signed document is unchanged", v.checkDigest(block))
	v.result.Signer = block.certificates[0]
	v.result.Check("signature value", "verifies with the key of the signing certificate", v.checkValue(block))
	v.validator.Judge(v.result, block.certificates, v.at)
}

// checkDigest canonicalizes the document without its signature and compares the
// digest. The tree is a copy: the signed info is still needed in its place.
func (v *verification) checkDigest(b *block) *verdict.Problem {
	root := v.signature
	for root.Parent() != nil && root.Parent().Parent() != nil {
		root = root.Parent()
	}
	path := indexPath(v.signature, root)
	document := root.Copy()
	enveloped := document
	for _, index := range path[:len(path)-1] {
		enveloped = enveloped.Child[index].(*etree.Element)
	}
	enveloped.RemoveChildAt(path[len(path)-1])
	canonical, err := b.transform.canonicalize(document)
	if err != nil {
		return verdict.Doubt(verdict.FormatFailure, "the document cannot be made canonical: %v", err)
	}
	digest := b.digest.New()
	digest.Write(canonical)
	if subtle.ConstantTimeCompare(digest.Sum(nil), b.sum) != 1 {
		return verdict.Fail(verdict.HashFailure, "the document is not the one that was signed: its digest differs")
	}
	return nil
}

// indexPath returns the child indexes that lead from root to the element.
func indexPath(e, root *etree.Element) []int {
	var path []int
	for ; e != root; e = e.Parent() {
		path = append([]int{e.Index()}, path...)
	}
	return path
}

// checkValue verifies the signature over the canonical signed info, with the
// namespaces that are in scope where it stands.
func (v *verification) checkValue(b *block) *verdict.Problem {
	context, err := etreeutils.NSBuildParentContext(b.signedInfo)
	if err != nil {
		return verdict.Doubt(verdict.FormatFailure, "the signed info cannot be made canonical: %v", err)
	}
	detached, err := etreeutils.NSDetatch(context, b.signedInfo)
	if err != nil {
		return verdict.Doubt(verdict.FormatFailure, "the signed info cannot be made canonical: %v", err)
	}
	canonical, err := b.method.canonicalize(detached)
	if err != nil {
		return verdict.Doubt(verdict.FormatFailure, "the signed info cannot be made canonical: %v", err)
	}
	return b.algorithm.verify(b.certificates[0], canonical, b.value)
}
