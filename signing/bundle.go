package signing

import (
	"bytes"
	"context"
	"crypto"
	"crypto/x509"
	"errors"
	"io"
	"time"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/signing/asic"
	"github.com/lienthong/lienthong/signing/cms"
	"github.com/lienthong/lienthong/signing/jose"
	"github.com/lienthong/lienthong/signing/trust"
	"github.com/lienthong/lienthong/signing/verdict"
)

// BundleJudge judges the signatures in an evidence bundle (hub/audit/bundle) for one
// time: that of its container, those of receipts, and the time-stamps over checkpoints.
type BundleJudge struct{ *examination }

// Bundle returns the judge of a bundle. What came along in it helps to find paths and to
// know of revocations; it makes nobody trusted, and what cannot be read of it is passed
// over. A zero time means now.
func (v *Verifier) Bundle(along []hub.Material, at time.Time) *BundleJudge {
	inquiry := Inquiry{At: at}
	for _, piece := range along {
		switch piece.Kind {
		case hub.MaterialCertificate:
			if certificate, err := x509.ParseCertificate(piece.DER); err == nil {
				inquiry.Archived.Certificates = append(inquiry.Archived.Certificates, certificate)
			}
		case hub.MaterialCRL:
			inquiry.Archived.CRLs = append(inquiry.Archived.CRLs, piece.DER)
		case hub.MaterialOCSP:
			inquiry.Archived.OCSPs = append(inquiry.Archived.OCSPs, piece.DER)
		}
	}
	return &BundleJudge{v.beginEvidence(inquiry)}
}

// At is the time that is judged for.
func (j *BundleJudge) At() time.Time { return j.examination.Report.ValidatedAt }

// Seal judges the container of a bundle: one signature over all files, and not a byte
// that it leaves free. The error is for I/O failures only.
func (j *BundleJudge) Seal(ctx context.Context, source io.ReaderAt, size int64) (hub.SignatureVerdict, error) {
	found, err := asic.Verify(ctx, source, size, asic.Options{Judge: j.judge, Tokens: j.tokens()})
	if err != nil {
		return hub.SignatureVerdict{}, ioFailure(ctx, err)
	}
	if len(found.Signatures) != 1 {
		s := &verdict.Signature{Field: "container", Format: "ASiC"}
		s.Check("container", "", verdict.Fail(verdict.FormatFailure, "the container has %d signatures, not the one of a bundle", len(found.Signatures)))
		return toHub(s), nil
	}
	s := &found.Signatures[0]
	if s.Problem != nil && s.Problem.Indication == verdict.Failed {
		return toHub(s), nil
	}
	var refusal *asic.Refusal
	switch err := asic.CheckForm(ctx, source, size); {
	case errors.As(err, &refusal):
		s.Check("container form", "", verdict.Fail(verdict.FormatFailure, "%s", refusal.Reason))
	case err != nil:
		return hub.SignatureVerdict{}, ioFailure(ctx, err)
	}
	return toHub(s), nil
}

// Receipt judges the signature of a receipt that is proven to have existed at a time;
// the zero time: nothing proves it.
func (j *BundleJudge) Receipt(sealed *hub.SealedEvidence, proven time.Time) hub.SignatureVerdict {
	s := newReceiptVerdict(sealed)
	judgeReceipt(s, sealed, func(chain []*x509.Certificate) {
		j.validator.JudgeCase(s, trust.Case{Candidates: chain, Kept: j.kept, At: j.At(), Proven: proven, Purpose: j.purpose})
	})
	return toHub(s)
}

// ReceiptXML judges the signature of an XML form, and that it carries a receipt, byte for
// byte, and says what that says. The error is for I/O failures only.
func (j *BundleJudge) ReceiptXML(ctx context.Context, form []byte, sealed *hub.SealedEvidence) (hub.SignatureVerdict, error) {
	refused := func(why string) (hub.SignatureVerdict, error) {
		s := &verdict.Signature{Field: "Signature", Format: "XAdES"}
		s.Check("receipt", "", verdict.Fail(verdict.FormatFailure, "%s", why))
		return toHub(s), nil
	}
	carried, digest, err := carriedReceipt(form)
	switch {
	case err != nil:
		return refused(err.Error())
	case !bytes.Equal(carried, hub.MarshalReceipt(*sealed)):
		return refused("the XML form carries another receipt")
	}
	verdicts, err := j.receiptXML(ctx, form, sealed, digest)
	if err != nil {
		return hub.SignatureVerdict{}, err
	}
	if len(verdicts) != 1 {
		return refused("the XML form has more than one signature")
	}
	return verdicts[0], nil
}

// Token judges a time-stamp token (RFC 3161) over some bytes. ProvenAt of the verdict is
// its time if it counts.
func (j *BundleJudge) Token(token, stamped []byte) hub.SignatureVerdict {
	s := &verdict.Signature{Field: "token", Format: "RFC 3161"}
	stamp := j.tokens()(token, func(hash crypto.Hash) []byte {
		h := hash.New()
		h.Write(stamped)
		return h.Sum(nil)
	}, verdict.Material{}, time.Time{})
	if s.Check("time-stamp", "", stamp.Problem) {
		s.Proven = stamp.Time
	}
	return toHub(s)
}

// Report digests a signature report as receipts name it.
func (j *BundleJudge) Report(report *hub.SignatureReport) (hub.Digest, error) {
	return ReportDigest(report)
}

// TokenEnd returns when a time-stamp token stops proving anything by itself.
func (j *BundleJudge) TokenEnd(token []byte) (hub.TokenEnd, error) {
	return tokenEnd(token, j.validator.Algorithms())
}

// DigestEnd returns the end of a digest by its name; zero where none is set. That of one
// that the table does not list is long ago.
func (j *BundleJudge) DigestEnd(name string) time.Time {
	end, known := j.validator.Algorithms().UntilOfDigest(name)
	if !known {
		return time.Unix(0, 0).UTC()
	}
	return end
}

// BundleSeal makes the signature over the manifest of a bundle with the key of the hub.
// The certificates above its own are for the files of the bundle, where the signature
// covers them.
func BundleSeal(key crypto.Signer, certificate *x509.Certificate, now func() time.Time) asic.Seal {
	maker := cms.Maker{Key: key, Chain: []*x509.Certificate{certificate}}
	return func(ctx context.Context, manifest []byte) ([]byte, error) {
		hash, err := maker.Hash()
		if err != nil {
			return nil, hub.Internal("seal a bundle", err)
		}
		sum := hash.New()
		sum.Write(manifest)
		return maker.Sign(ctx, sum.Sum(nil), now())
	}
}

func newReceiptVerdict(sealed *hub.SealedEvidence) *verdict.Signature {
	return &verdict.Signature{Field: string(sealed.Evidence.ID), Format: "JWS", Level: "B-B", Algorithm: "ECDSA with SHA-256"}
}

// judgeReceipt judges a receipt; path judges the certificates that it came with.
func judgeReceipt(s *verdict.Signature, sealed *hub.SealedEvidence, path func(chain []*x509.Certificate)) {
	s.Check(hub.CheckCanonicalForm, "RFC 8785", checkCanonical(sealed))
	s.Check(hub.CheckProfile, sealed.Evidence.Profile, checkProfile(&sealed.Evidence))
	signature, err := jose.VerifyDetached(sealed.JWS, sealed.Canonical)
	if len(signature.Chain) > 0 {
		s.Signer, s.Claimed = signature.Chain[0], signature.Claimed
	}
	if !s.Check("signature value", "verifies with the key of the signing certificate", jwsProblem(err)) {
		return
	}
	s.CoversWhole, s.Revision, s.Revisions = true, 1, 1
	path(signature.Chain)
}
