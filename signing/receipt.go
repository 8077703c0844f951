package signing

import (
	"crypto/x509"
	"errors"
	"time"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/signing/jose"
	"github.com/lienthong/lienthong/signing/trust"
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
	s := newReceiptVerdict(&sealed)
	judgeReceipt(s, &sealed, func(chain []*x509.Certificate) {
		v.validator.Load().JudgeCase(s, trust.Case{Candidates: chain, At: report.ValidatedAt, Purpose: trust.ForEvidence})
	})
	report.Signatures = append(report.Signatures, toHub(s))
	report.Conclude()
	return sealed, report, nil
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
