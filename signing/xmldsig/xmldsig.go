// Package xmldsig checks and makes XML signatures (W3C XML Signature 1.1) and their
// XAdES form (ETSI EN 319 132-1): the signature in the header of an edXML envelope,
// the signatures of signature containers, and those of other XML files.
//
// What is checked is fixed by a profile, not by the document. A reference leads to the
// whole document, to one element by its id, or, where the caller has them, to files
// beside the document. Transforms are the enveloped signature, which may be written as
// not(ancestor-or-self::ds:Signature), and canonicalization; anything that computes
// (other XPath, XSLT, decoding) or fetches is refused. Every reference
// must hold. An id that exists twice proves a manipulation. The document type
// declaration, processing instructions and whatever has no canonical form are refused.
//
// The signature must cover the whole document. One that covers only an element of it is
// sound, but says nothing about what a reader takes from the rest: INDETERMINATE. In an
// edXML file there is exactly one signature, in the header of the envelope.
//
// The key comes only from a certificate that came with the signature: in XAdES from the
// one whose digest the signer signed (SigningCertificate, SigningCertificateV2), else
// from the only one whose key fits. Keys without certificate and pointers to keys
// are never used. SHA-1 is checked, because a value that does not verify proves more
// than an old algorithm does, but never passes.
//
// The reference builder of edXML writes a block that looks like a signature but lies in
// the edXML namespace and holds constants: it is kept and shown, never checked, and
// counts neither for nor against the document's own PDF signatures.
//
// Whether the signer is trusted and when a timestamp was made is for others to decide:
// the judges are handed in. Nothing is fetched. What the check cannot decide
// is INDETERMINATE, never passed.
package xmldsig

import (
	"context"
	"crypto"
	"errors"
	"io"
	"strings"

	"github.com/lienthong/lienthong/signing/c14n"
	"github.com/lienthong/lienthong/signing/verdict"
)

// MaxBytes is the largest document whose signature is checked. Attachments are
// part of what is signed.
const MaxBytes = 32 << 20

// namespace is the one of XML Signature.
const namespace = "http://www.w3.org/2000/09/xmldsig#"

// Judge decides about the path of a signature's signer, with what came along with the
// signature and the timestamps that count, and adds its checks to the signature.
type Judge func(signature *verdict.Signature, along verdict.Material, stamps []verdict.Stamp)

// Files returns the digest of a file beside the document. A name that is not there is
// not found; the error is a failure to read it.
type Files func(ctx context.Context, name string, hash crypto.Hash) (digest []byte, found bool, err error)

// Options say what signatures are judged by.
type Options struct {
	Judge  Judge              // required
	Tokens verdict.TokenJudge // nil leaves timestamps unjudged
	Files  Files              // nil: references to files are not followed
	Keep   bool               // keep the bytes that were verified in Detail.Verified
}

// Report is what was found in one document.
type Report struct {
	Signatures []verdict.Signature
	Details    []Detail // one for each of the signatures
}

// Detail is what only an XML signature can say.
type Detail struct {
	Material verdict.Material // validation data that came inside of it; nothing of it is proven
	Tokens   []verdict.Token
	// Files are the names of files that sound references lead to, in order.
	Files []string
	// Verified are the canonical bytes of the document or element that each sound
	// reference to data leads to: what to read, should the content be used for more than
	// to be handed on. Only with Options.Keep.
	Verified [][]byte
}

// Verify looks for the signature of an edXML envelope, or for those of another XML
// document, and judges each. The error is for I/O failures only.
func Verify(ctx context.Context, source io.ReaderAt, size int64, options Options) (Report, error) {
	mentioned, err := mentionsSignature(ctx, source, size)
	if err != nil || !mentioned {
		return Report{}, err
	}
	if size > MaxBytes {
		return refused(verdict.Doubt(verdict.FormatFailure, "the document is larger than %d MiB, its XML signature is not checked", MaxBytes>>20)), nil
	}
	var data strings.Builder
	data.Grow(int(size))
	if n, err := io.Copy(&data, io.NewSectionReader(source, 0, size)); n < size || err != nil {
		return Report{}, errors.Join(io.ErrUnexpectedEOF, err)
	}
	document, problem := read(data.String())
	if problem != nil {
		return refused(problem), nil
	}
	located, problem := locate(document)
	if problem != nil {
		return refused(problem), nil
	}
	var report Report
	for _, element := range located {
		v := verification{document: document, element: element, options: options, budget: budget(size)}
		if err := v.run(ctx); err != nil {
			return Report{}, err
		}
		report.Signatures = append(report.Signatures, v.result)
		report.Details = append(report.Details, v.detail)
	}
	return report, nil
}

// refused is the report on a document whose signatures cannot be found out about.
func refused(problem *verdict.Problem) Report {
	s := verdict.Signature{Field: "Signature", Format: "XMLDSig", Level: "legacy"}
	s.Check("structure", "", problem)
	return Report{Signatures: []verdict.Signature{s}, Details: make([]Detail, 1)}
}

// read parses the document, once, before anything else looks at it.
func read(data string) (*c14n.Document, *verdict.Problem) {
	document, err := c14n.Parse(data)
	var syntax *c14n.SyntaxError
	switch {
	case errors.As(err, &syntax) && syntax.Hostile:
		return nil, verdict.Fail(verdict.FormatFailure, "the document is not one that is signed honestly: %v", err)
	case err != nil:
		return nil, verdict.Doubt(verdict.FormatFailure, "the document is not XML in UTF-8 as it should be, or too large: %v", err)
	}
	return document, nil
}
