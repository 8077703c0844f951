package xmldsig

import (
	"bytes"
	"context"
	"crypto"
	"crypto/x509"
	"errors"
	"fmt"
	"hash"
	"io"
	"slices"

	"github.com/lienthong/lienthong/signing/c14n"
	"github.com/lienthong/lienthong/signing/verdict"
)

// budget is how many canonical bytes one signature may ask for. Namespaces that are
// declared again and again can make the canonical form far longer than the document.
func budget(size int64) int64 { return 4*size + 4<<20 }

var errBudget = errors.New("the signature asks for too much")

// verification checks one located signature.
type verification struct {
	document *c14n.Document
	element  *c14n.Element
	options  Options
	budget   int64

	block   *block
	covered []*c14n.Element // that sound references lead to
	result  verdict.Signature
	detail  Detail
	ioError error
}

// run fills the result. The error is a failure to read a file beside the document.
func (v *verification) run(ctx context.Context) error {
	s := &v.result
	s.Field, s.Format, s.Level = v.field(), "XMLDSig", "legacy"
	if !isReal(v.element) {
		s.Check("format", "", verdict.Doubt(verdict.SigConstraintsFailure,
			"the signature block of the envelope is not an XML signature (another namespace); it is kept and not checked"))
		return nil
	}
	var problem *verdict.Problem
	if v.block, problem = readBlock(v.element); problem != nil {
		s.Algorithm = v.algorithmName()
		s.Check("format", "", problem)
		return nil
	}
	s.Algorithm = v.algorithmName()
	if !s.Check("references", "each leads to one thing", v.checkTargets()) {
		return nil
	}
	s.Check("content digest", "the signed data is unchanged", v.checkReferences(ctx))
	if v.ioError != nil {
		return v.ioError
	}
	s.Check("algorithms", s.Algorithm, v.checkStrengths())
	v.judgeSigner(v.readProperties())
	s.CoversWhole = v.coversWhole()
	if s.CoversWhole {
		s.Revision, s.Revisions = 1, 1
	}
	s.Check("coverage", "the signature covers the whole document", v.checkCoverage())
	return nil
}

func (v *verification) field() string {
	if isEnvelope(v.document) {
		return "edXMLHeader/Signature"
	}
	if id, ok := v.element.Attribute("Id"); ok && len(id) < 100 {
		return "Signature " + id
	}
	return "Signature"
}

func (v *verification) algorithmName() string {
	if v.block == nil {
		return ""
	}
	return v.block.algorithm.name()
}

func (v *verification) checkStrengths() *verdict.Problem {
	if problem := checkStrength(v.block.algorithm.hash, "the signature"); problem != nil {
		return problem
	}
	for i := range v.block.references {
		if problem := checkStrength(v.block.references[i].hash, "a reference of the signature"); problem != nil {
			return problem
		}
	}
	return nil
}

// checkTargets finds what the references into the document lead to, before anything is
// computed: one element each, by an id that is there once.
func (v *verification) checkTargets() *verdict.Problem {
	for i := range v.block.references {
		if r := &v.block.references[i]; r.inDocument() {
			if _, problem := v.target(r); problem != nil {
				return problem
			}
		}
	}
	return nil
}

// target returns the element that a reference leads to.
func (v *verification) target(r *reference) (*c14n.Element, *verdict.Problem) {
	if r.uri == "" {
		return v.document.Root, nil
	}
	id := r.uri[1:]
	if id == "" || bytes.ContainsAny([]byte(id), "()/ %") {
		return nil, unsupported("a reference of the XML signature is an expression: %q", r.uri)
	}
	return byID(v.document, id)
}

// checkReferences checks the digest of each. The worst problem is the one of the check.
func (v *verification) checkReferences(ctx context.Context) *verdict.Problem {
	var worst *verdict.Problem
	for i := range v.block.references {
		r := &v.block.references[i]
		problem := v.checkReference(ctx, r)
		if problem == nil && r.kind == typeManifest {
			problem = unsupported("the XML signature is over a manifest, which is not followed")
		}
		if worst == nil || problem != nil && worst.Indication == verdict.Indeterminate && problem.Indication == verdict.Failed {
			worst = problem
		}
	}
	return worst
}

func (v *verification) checkReference(ctx context.Context, r *reference) *verdict.Problem {
	if !r.inDocument() {
		return v.checkFile(ctx, r)
	}
	target, problem := v.target(r)
	if problem != nil {
		return problem
	}
	if r.alone {
		if problem := v.checkAlone(target); problem != nil {
			return problem
		}
	}
	var kept bytes.Buffer
	sum := r.hash.New()
	out := io.Writer(sum)
	if v.options.Keep && !target.Within(v.element) {
		out = io.MultiWriter(sum, &kept)
	}
	if err := v.canonical(out, r, target); err != nil {
		return verdict.Doubt(verdict.FormatFailure, "the signed data cannot be made canonical: %v", err)
	}
	if !bytes.Equal(sum.Sum(nil), r.sum) {
		return verdict.Fail(verdict.HashFailure, "the document is not the one that was signed: the digest of %s differs", r.what())
	}
	v.covered = append(v.covered, target)
	if kept.Len() > 0 {
		v.detail.Verified = append(v.detail.Verified, kept.Bytes())
	}
	return nil
}

func (r *reference) what() string {
	if r.uri == "" {
		return "the whole document"
	}
	return fmt.Sprintf("%q", r.uri)
}

// canonical writes what a reference leads to. Comments are never part of it (XML
// Signature, 4.4.3.3), whatever the method says.
func (v *verification) canonical(w io.Writer, r *reference, target *c14n.Element) error {
	method := r.method // inclusive 1.0 when none is named
	method.Comments = false
	var omit *c14n.Element
	if r.enveloped {
		omit = v.element
	}
	if r.uri == "" {
		target = nil // with what stands around the root
	}
	return v.document.Write(&limited{w, &v.budget}, target, omit, method)
}

// limited ends with an error when the budget is used up.
type limited struct {
	w    io.Writer
	left *int64
}

// Write implements io.Writer.
func (l *limited) Write(p []byte) (int, error) {
	if *l.left -= int64(len(p)); *l.left < 0 {
		return 0, errBudget
	}
	return l.w.Write(p)
}

// checkFile checks the digest of a file beside the document.
func (v *verification) checkFile(ctx context.Context, r *reference) *verdict.Problem {
	missing := verdict.Doubt(verdict.SignedDataNotFound, "the signature is over %q, which is not there", r.uri)
	if v.options.Files == nil {
		return missing
	}
	if r.enveloped || r.canonical {
		return unsupported("a reference to a file is transformed")
	}
	digest, found, err := v.options.Files(ctx, r.uri, r.hash)
	switch {
	case err != nil:
		v.ioError = err
		return missing
	case !found:
		return missing
	case slices.Contains(v.detail.Files, r.uri):
		return verdict.Fail(verdict.FormatFailure, "the signature refers to %q twice", r.uri)
	case !bytes.Equal(digest, r.sum):
		return verdict.Fail(verdict.HashFailure, "the file %q is not the one that was signed", r.uri)
	}
	v.detail.Files = append(v.detail.Files, r.uri)
	return nil
}

// checkValue verifies the signature over the canonical signed info, with the
// namespaces that are in scope where it stands.
func (v *verification) checkValue(signer *x509.Certificate) *verdict.Problem {
	sum, err := v.digest(v.block.algorithm.hash, v.block.signedInfo, v.block.method)
	if err != nil {
		return verdict.Doubt(verdict.FormatFailure, "the signed info cannot be made canonical: %v", err)
	}
	return v.block.algorithm.verify(signer, sum.Sum(nil), v.block.value)
}

func (v *verification) digest(hash crypto.Hash, e *c14n.Element, method c14n.Method) (hash.Hash, error) {
	sum := hash.New()
	return sum, v.document.Write(&limited{sum, &v.budget}, e, nil, method)
}

func (v *verification) checkCoverage() *verdict.Problem {
	if v.result.CoversWhole {
		return nil
	}
	return verdict.Doubt(verdict.SigConstraintsFailure, "the signature does not cover the whole document: the rest can be anything")
}
