package xmldsig

import (
	"bytes"
	"context"
	"errors"
	"io"
	"slices"

	"github.com/lienthong/lienthong/signing/c14n"
	"github.com/lienthong/lienthong/signing/verdict"
)

// maxSignatures of one document are judged.
const maxSignatures = 16

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

// locate returns the signatures that are to be judged.
func locate(document *c14n.Document) ([]*c14n.Element, *verdict.Problem) {
	found := signaturesBelow(document.Root, nil)
	if len(found) > 0 && document.Instructions {
		return nil, verdict.Doubt(verdict.FormatFailure, "the document has a processing instruction")
	}
	if isEnvelope(document) {
		return locateInEnvelope(found)
	}
	found = slices.DeleteFunc(found, func(e *c14n.Element) bool { return !isReal(e) })
	if len(found) > maxSignatures {
		return nil, verdict.Doubt(verdict.FormatFailure, "the document has more than %d signatures", maxSignatures)
	}
	return found, nil
}

// isEnvelope reports whether this is an edXML file. The namespace is not asked for:
// files in circulation differ in it.
func isEnvelope(document *c14n.Document) bool { return document.Root.Local == "edXML" }

func locateInEnvelope(found []*c14n.Element) ([]*c14n.Element, *verdict.Problem) {
	switch {
	case len(found) == 0:
		return nil, nil
	case !slices.ContainsFunc(found, isReal):
		return found[:1], nil
	case len(found) > 1:
		return nil, verdict.Fail(verdict.FormatFailure, "the document has more than one signature block")
	case !inHeader(found[0]):
		return nil, verdict.Fail(verdict.FormatFailure, "the signature block is not in the header of the envelope")
	}
	return found, nil
}

func isReal(e *c14n.Element) bool { return e.Space == namespace }

// signaturesBelow collects the elements of that name in any namespace. What lies inside
// of one belongs to it.
func signaturesBelow(e *c14n.Element, list []*c14n.Element) []*c14n.Element {
	if e.Local == "Signature" {
		return append(list, e)
	}
	for i := range e.Children {
		if child := e.Children[i].Element; child != nil {
			list = signaturesBelow(child, list)
		}
	}
	return list
}

// inHeader requires the path edXML / edXMLEnvelope / edXMLHeader / Signature.
func inHeader(e *c14n.Element) bool {
	for _, name := range []string{"edXMLHeader", "edXMLEnvelope", "edXML"} {
		if e = e.Parent; e == nil || e.Local != name {
			return false
		}
	}
	return e.Parent == nil
}

// byID returns the one element of that id. Twins prove a manipulation: one of them is
// what was signed, another what is read.
func byID(document *c14n.Document, id string) (*c14n.Element, *verdict.Problem) {
	var found *c14n.Element
	twin := false
	document.Root.Walk(func(e *c14n.Element) bool {
		for _, a := range e.Attributes {
			if a.Value == id && isID(a) {
				twin = found != nil
				found = e
			}
		}
		return !twin
	})
	switch {
	case twin:
		return nil, verdict.Fail(verdict.FormatFailure, "the id %q, which the signature refers to, is given twice", id)
	case found == nil:
		return nil, verdict.Doubt(verdict.SignedDataNotFound, "the signature refers to the id %q, which is not there", id)
	}
	return found, nil
}

// isID knows the attributes that one or the other reader takes for an id.
func isID(a c14n.Attribute) bool {
	switch a.Local {
	case "Id", "ID", "id":
		return a.Space == "" || a.Prefix == "xml"
	}
	return false
}
