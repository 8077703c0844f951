package hub

import (
	"encoding/json"
	"slices"
	"time"
)

// Recheck is a later look at a verdict that could not be decided at acceptance, with
// roots and revocation lists that came since. It stands beside the verdict that was
// recorded then, which stays as it was: receipts refer to it.
type Recheck struct {
	At   time.Time `json:"at"`             // UTC, milliseconds
	Part string    `json:"part,omitempty"` // part id; empty when it is about the dispatch
	// Report is the verdict now. The acceptance is the proof that the part existed then.
	Report *SignatureReport `json:"report,omitempty"`
	SHA256 Digest           `json:"report_sha256,omitzero"` // of the report as RFC 8785 JSON, as the evidence names it
	// Evidence is the SignatureValidation that proves it to sender and recipients.
	Evidence EvidenceID `json:"evidence_id,omitempty"`
	// Skipped says why there is no report, and will be none.
	Skipped SkipReason `json:"skipped,omitempty"`
}

// SkipReason says why nothing is judged again.
type SkipReason string

// SkipPurged says that the content came to the end of its time.
const SkipPurged SkipReason = "purged"

// MayChange reports whether other roots, lists or responses can lead to another verdict.
// What is wrong with the file or its signature stays so.
func (s SubReason) MayChange() bool {
	switch s {
	case SubTryLater, SubNoCertificateChain, SubNoCertificateChainNoPOE, SubChainConstraintsFailure, SubChainGeneralFailure,
		SubCryptoConstraintsNoPOE, SubRevokedNoPOE, SubRevokedCANoPOE, SubOutOfBoundsNotRevoked, SubOutOfBoundsNoPOE,
		SubRevocationOutOfBounds, SubNoPOE, SubExpired, SubNotYetValid:
		return true
	}
	return false
}

// MayChange reports whether the verdict on the file is undecided for a reason that may
// change. One failed signature decides it.
func (r *SignatureReport) MayChange() bool {
	return r.Indication == Indeterminate && slices.ContainsFunc(r.Signatures, func(s SignatureVerdict) bool {
		return s.Indication == Indeterminate && s.Sub.MayChange()
	})
}

// SameVerdict reports whether two reports on one file decide alike, signature by
// signature.
func (r *SignatureReport) SameVerdict(other *SignatureReport) bool {
	return r.Indication == other.Indication && r.Sub == other.Sub &&
		slices.EqualFunc(r.Signatures, other.Signatures, func(a, b SignatureVerdict) bool {
			return a.Indication == b.Indication && a.Sub == b.Sub
		})
}

// VerdictRound is one step of judging again: what was found, with its evidence, and how
// far the round has come.
type VerdictRound struct {
	Was      RetentionNote // the position as it was read
	Position RetentionNote // and as it becomes
	Evidence []SealedEvidence
	Notes    []RetentionNote
}

// DeliveryVerdicts are the verdicts on the document of one delivery as they are kept.
type DeliveryVerdicts struct {
	Delivery Delivery // without its lease
	Reports  []SignatureReport
	Later    json.RawMessage // a list of Recheck; empty: no later look
}

// NewestReports returns the reports with the last verdict on each part in the place of
// the first.
func NewestReports(reports []SignatureReport, later []Recheck) []SignatureReport {
	newest := slices.Clone(reports)
	for _, r := range later {
		for i := range newest {
			if r.Report != nil && r.Report.Part == newest[i].Part {
				newest[i] = *r.Report
			}
		}
	}
	return newest
}
