package signing

import (
	"errors"
	"time"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/signing/jose"
	"github.com/lienthong/lienthong/signing/verdict"
)

// VerifyReceipt judges a receipt file (see hub.ParseReceipt) offline: its evidence
// must be in canonical form, of a profile that is known here, and signed by a key
// that leads to an anchor at the given time; the zero time means now. An error of
// KindInvalid or KindTooLarge says that the file is no receipt at all; every other
// doubt or failure is in the report.
func (v *Verifier) VerifyReceipt(receipt []byte, at time.Time) (hub.SealedEvidence, hub.SignatureReport, error) {
	sealed, err := hub.ParseReceipt(receipt)
	if err != nil {
		return hub.SealedEvidence{}, hub.SignatureReport{}, err
	}
	report := v.newReport("", sealed.Digest)
	if !at.IsZero() {
		report.ValidatedAt = at.UTC()
	}
	s := &verdict.Signature{Field: string(sealed.Evidence.ID), Format: "JWS", Level: "B-B", Algorithm: "ECDSA with SHA-256"}
	v.judgeReceipt(s, &sealed, report.ValidatedAt)
	report.Signatures = append(report.Signatures, toHub(s))
	report.Conclude()
	return sealed, report, nil
}

func (v *Verifier) judgeReceipt(s *verdict.Signature, sealed *hub.SealedEvidence, at time.Time) {
	s.Check("canonical form", "RFC 8785", checkCanonical(sealed))
	s.Check("profile", sealed.Evidence.Profile, checkProfile(&sealed.Evidence))
	signature, err := jose.VerifyDetached(sealed.JWS, sealed.Canonical)
	if len(signature.Chain) > 0 {
		s.Signer, s.Claimed = signature.Chain[0], signature.Claimed
	}
	if !s.Check("signature value", "verifies with the key of the signing certificate", jwsProblem(err)) {
		return
	}
	s.CoversWhole, s.Revision, s.Revisions = true, 1, 1
	v.validator.Load().Judge(s, signature.Chain, at)
}

func checkCanonical(sealed *hub.SealedEvidence) *verdict.Problem {
	if jose.IsCanonical(sealed.Canonical) {
		return nil
	}
	return verdict.Fail(verdict.FormatFailure, "the evidence is not in canonical form")
}

// checkProfile stops at an evidence whose rules are not known here: what it means
// cannot be said, however well it is signed.
func checkProfile(evidence *hub.Evidence) *verdict.Problem {
	if evidence.Version == hub.EvidenceVersion && evidence.Profile == hub.EvidenceProfile {
		return nil
	}
	return verdict.Doubt(verdict.SigConstraintsFailure,
		"the evidence is of version %q and profile %q, which are not known here", evidence.Version, evidence.Profile)
}

func jwsProblem(err error) *verdict.Problem {
	var refusal *jose.Error
	switch {
	case err == nil:
		return nil
	case errors.As(err, &refusal) && refusal.Forged:
		return verdict.Fail(verdict.SigCryptoFailure, "%v", refusal)
	}
	return verdict.Fail(verdict.FormatFailure, "%v", err)
}
