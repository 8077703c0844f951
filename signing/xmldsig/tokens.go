package xmldsig

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"strings"

	"github.com/lienthong/lienthong/signing/verdict"
)

// Bounds of a document whose signature is checked.
const (
	maxDepth      = 128
	maxTokens     = 200_000
	maxAttributes = 64 // of one element
)

// checkTokens reads the document once as a stream and refuses what a tree must not
// be built from, or what canonicalization treats differently from tool to tool.
func checkTokens(data []byte) *verdict.Problem {
	decoder := xml.NewDecoder(bytes.NewReader(data))
	decoder.CharsetReader = func(charset string, input io.Reader) (io.Reader, error) {
		if strings.EqualFold(charset, "utf-8") {
			return input, nil
		}
		return nil, errors.New("another character set")
	}
	depth, roots := 0, 0
	for count := 0; ; count++ {
		token, err := decoder.RawToken()
		if errors.Is(err, io.EOF) && depth == 0 && roots == 1 {
			return nil
		}
		if err != nil || count > maxTokens {
			return verdict.Doubt(verdict.FormatFailure, "the document is not well-formed XML in UTF-8, or too large")
		}
		switch t := token.(type) {
		case xml.StartElement:
			if depth == 0 {
				roots++
			}
			depth++
			if problem := checkElement(t, depth); problem != nil {
				return problem
			}
		case xml.EndElement:
			depth--
		case xml.Directive:
			return verdict.Fail(verdict.FormatFailure, "the document has a document type declaration")
		case xml.ProcInst:
			if t.Target != "xml" || count > 0 {
				return verdict.Doubt(verdict.FormatFailure, "the document has a processing instruction")
			}
		}
	}
}

func checkElement(e xml.StartElement, depth int) *verdict.Problem {
	if depth > maxDepth || len(e.Attr) > maxAttributes {
		return verdict.Doubt(verdict.FormatFailure, "the document is nested too deeply or has too many attributes")
	}
	for i, attribute := range e.Attr {
		for _, earlier := range e.Attr[:i] {
			if earlier.Name == attribute.Name {
				return verdict.Fail(verdict.FormatFailure, "the document has an attribute twice")
			}
		}
		if strings.ContainsAny(attribute.Value, "\r\n\t") {
			return verdict.Doubt(verdict.FormatFailure, "the document has a line break or tab in an attribute")
		}
		if attribute.Name.Space == "xml" {
			return verdict.Doubt(verdict.FormatFailure, "the document has an xml: attribute")
		}
	}
	return nil
}
