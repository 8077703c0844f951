package hub

import "time"

// Indication is the main result of a signature validation (ETSI EN 319 102-1).
type Indication string

// The indications.
const (
	TotalPassed      Indication = "TOTAL-PASSED"
	TotalFailed      Indication = "TOTAL-FAILED"
	Indeterminate    Indication = "INDETERMINATE"
	NoSignatureFound Indication = "NO_SIGNATURE_FOUND"
)

// SubReason is the sub-indication of a result that is not TOTAL-PASSED.
type SubReason string

// The sub-indications of ETSI EN 319 102-1.
const (
	SubFormatFailure            SubReason = "FORMAT_FAILURE"
	SubHashFailure              SubReason = "HASH_FAILURE"
	SubSigCryptoFailure         SubReason = "SIG_CRYPTO_FAILURE"
	SubRevoked                  SubReason = "REVOKED"
	SubExpired                  SubReason = "EXPIRED"
	SubNotYetValid              SubReason = "NOT_YET_VALID"
	SubSigConstraintsFailure    SubReason = "SIG_CONSTRAINTS_FAILURE"
	SubChainConstraintsFailure  SubReason = "CHAIN_CONSTRAINTS_FAILURE"
	SubChainGeneralFailure      SubReason = "CERTIFICATE_CHAIN_GENERAL_FAILURE"
	SubCryptoConstraintsFailure SubReason = "CRYPTO_CONSTRAINTS_FAILURE"
	SubCryptoConstraintsNoPOE   SubReason = "CRYPTO_CONSTRAINTS_FAILURE_NO_POE"
	SubPolicyProcessingError    SubReason = "POLICY_PROCESSING_ERROR"
	SubPolicyNotAvailable       SubReason = "SIGNATURE_POLICY_NOT_AVAILABLE"
	SubTimestampOrderFailure    SubReason = "TIMESTAMP_ORDER_FAILURE"
	SubNoSigningCertificate     SubReason = "NO_SIGNING_CERTIFICATE_FOUND"
	SubNoCertificateChain       SubReason = "NO_CERTIFICATE_CHAIN_FOUND"
	SubNoCertificateChainNoPOE  SubReason = "NO_CERTIFICATE_CHAIN_FOUND_NO_POE"
	SubRevokedNoPOE             SubReason = "REVOKED_NO_POE"
	SubRevokedCANoPOE           SubReason = "REVOKED_CA_NO_POE"
	SubOutOfBoundsNotRevoked    SubReason = "OUT_OF_BOUNDS_NOT_REVOKED"
	SubOutOfBoundsNoPOE         SubReason = "OUT_OF_BOUNDS_NO_POE"
	SubRevocationOutOfBounds    SubReason = "REVOCATION_OUT_OF_BOUNDS_NO_POE"
	SubNoPOE                    SubReason = "NO_POE"
	SubTryLater                 SubReason = "TRY_LATER"
	SubSignedDataNotFound       SubReason = "SIGNED_DATA_NOT_FOUND"
)

// SubReasons lists all sub-indications.
func SubReasons() []SubReason {
	return []SubReason{
		SubFormatFailure, SubHashFailure, SubSigCryptoFailure, SubRevoked, SubExpired, SubNotYetValid,
		SubSigConstraintsFailure, SubChainConstraintsFailure, SubChainGeneralFailure,
		SubCryptoConstraintsFailure, SubCryptoConstraintsNoPOE, SubPolicyProcessingError, SubPolicyNotAvailable,
		SubTimestampOrderFailure, SubNoSigningCertificate, SubNoCertificateChain, SubNoCertificateChainNoPOE,
		SubRevokedNoPOE, SubRevokedCANoPOE, SubOutOfBoundsNotRevoked, SubOutOfBoundsNoPOE, SubRevocationOutOfBounds,
		SubNoPOE, SubTryLater, SubSignedDataNotFound,
	}
}

// SignatureReport says who signed one part, and with what verdict. The same
// inputs give the same report. The fields of all types in it stand in the order of their
// names, as those of Evidence do: the digest of its canonical form stands in every receipt.
type SignatureReport struct {
	AlgorithmTable string             `json:"algorithm_table,omitempty"` // version of the table of dates of algorithms
	AnchorSource   string             `json:"anchor_source,omitempty"`   // number of the trust list, where there is one, and digest of the anchors
	Findings       []string           `json:"findings,omitempty"`        // about the file as a whole
	Indication     Indication         `json:"indication"`                // worst of the signatures
	Material       []MaterialRef      `json:"material,omitempty"`        // that the verdicts were made from and that is archived
	Part           string             `json:"part"`                      // part id; empty for a file on its own
	Policy         string             `json:"policy"`                    // name and version of the validation policy
	SHA256         Digest             `json:"sha256"`
	Signatures     []SignatureVerdict `json:"signatures"`
	Sub            SubReason          `json:"sub_indication,omitempty"`
	ValidatedAt    time.Time          `json:"validated_at"` // UTC; the time the chain was checked for
}

// SignatureVerdict is the result for one signature.
type SignatureVerdict struct {
	Algorithm    string            `json:"algorithm,omitempty"`
	Anchor       string            `json:"anchor,omitempty"`
	Certificate  Digest            `json:"certificate,omitzero"` // SHA-256 of the signer's; zero when it is not known
	Chain        []Digest          `json:"chain,omitempty"`      // SHA-256 of each certificate, signer first
	Changes      []string          `json:"changes,omitempty"`    // what later revisions did, in English, in order
	Checks       []Check           `json:"checks,omitempty"`
	ClaimedAt    time.Time         `json:"claimed_at,omitzero"`
	CoveredBytes int64             `json:"covered_bytes,omitempty"` // from the start of the file; 0 when unknown
	CoversWhole  bool              `json:"covers_whole"`            // the signature covers the file to its last byte
	Crypto       *CryptoStatus     `json:"crypto,omitempty"`        // with the CRYPTO_CONSTRAINTS sub-indications
	Field        string            `json:"field"`                   // name of the signature field, or XML id
	Format       string            `json:"format"`                  // SubFilter or "XMLDSig"
	Indication   Indication        `json:"indication"`
	Issuer       string            `json:"issuer,omitempty"`
	Level        string            `json:"level"` // "B-B", "B-T", "legacy", ...
	Organization string            `json:"organization,omitempty"`
	ProvenAt     time.Time         `json:"proven_at,omitzero"` // best signature time; zero when nothing proves it
	Reason       string            `json:"reason,omitempty"`   // one sentence for a person
	Revision     int               `json:"revision"`           // revision that the signature covers, from 1
	Revisions    int               `json:"revisions"`
	Revocation   *RevocationStatus `json:"revocation,omitempty"` // with the REVOKED sub-indications
	Serial       string            `json:"serial,omitempty"`     // hexadecimal
	Signer       string            `json:"signer"`               // common name of the certificate
	Sub          SubReason         `json:"sub_indication,omitempty"`
	Subject      []string          `json:"subject,omitempty"` // its names, each as "O=...", in the order of the certificate
}

// RevocationStatus says of the certificate whose revocation decided a verdict when and
// why its authority revoked it (RevocationStatusInformation of ETSI TS 119 102-2).
type RevocationStatus struct {
	At          time.Time        `json:"at"`          // UTC
	Certificate Digest           `json:"certificate"` // SHA-256
	Reason      RevocationReason `json:"reason"`
	Subject     string           `json:"subject"` // common name
}

// CryptoStatus names the algorithm that decided a verdict (CryptoInformation of ETSI TS
// 119 102-2).
type CryptoStatus struct {
	Algorithm   string    `json:"algorithm"`
	SecureUntil time.Time `json:"secure_until,omitzero"` // UTC, by the table of the report; zero: at no time
}

// RevocationReason is why a certificate was revoked, by the names of RFC 5280, 5.3.1.
type RevocationReason string

// The reasons that end a certificate.
const (
	RevokedUnspecified        RevocationReason = "unspecified"
	RevokedKeyCompromise      RevocationReason = "keyCompromise"
	RevokedCACompromise       RevocationReason = "cACompromise"
	RevokedAffiliationChanged RevocationReason = "affiliationChanged"
	RevokedSuperseded         RevocationReason = "superseded"
	RevokedCessation          RevocationReason = "cessationOfOperation"
	RevokedPrivilegeWithdrawn RevocationReason = "privilegeWithdrawn"
	RevokedAACompromise       RevocationReason = "aACompromise"
)

// RevocationReasons lists all reasons.
func RevocationReasons() []RevocationReason {
	return []RevocationReason{
		RevokedUnspecified, RevokedKeyCompromise, RevokedCACompromise, RevokedAffiliationChanged,
		RevokedSuperseded, RevokedCessation, RevokedPrivilegeWithdrawn, RevokedAACompromise,
	}
}

// Check is one step of a validation.
type Check struct {
	Detail  string `json:"detail,omitempty"`
	Name    string `json:"name"`
	Passed  bool   `json:"passed"`
	Skipped bool   `json:"skipped,omitempty"` // the step was not taken; Detail says why
}

// Names of checks on receipts that are a step of their own where bundles are verified.
const (
	CheckCanonicalForm = "canonical form" // RFC 8785
	CheckProfile       = "profile"        // the rules of the evidence are known
)

// FileKind is what a file was found to be.
type FileKind string

// The kinds of files that are verified.
const (
	FilePDF       FileKind = "pdf"
	FileEdXML     FileKind = "edxml"
	FileXML       FileKind = "xml"       // signed, and no edXML package
	FileContainer FileKind = "container" // ASiC: files and the signatures over them
	FileReceipt   FileKind = "receipt"
	FileBundle    FileKind = "bundle" // a container with the evidence of one delivery
	FileOther     FileKind = "other"  // nothing that could be signed
)

// FileReport is the verdict on one file. Of an edXML package it is the worst of
// those on its envelope, where that is signed, and on the files in it.
type FileReport struct {
	SignatureReport
	Name     string            `json:"name,omitempty"`
	Kind     FileKind          `json:"kind"`
	Parts    []SignatureReport `json:"parts,omitempty"`    // of an edXML package
	Evidence *Evidence         `json:"evidence,omitempty"` // of a receipt
	Bundle   *BundleReport     `json:"bundle,omitempty"`   // of an evidence bundle
}

// All returns the reports that hold the signatures: those of the parts of a package,
// else the one of the file itself.
func (r *FileReport) All() []SignatureReport {
	if r.Kind == FileEdXML && len(r.Parts) > 0 {
		return r.Parts
	}
	return []SignatureReport{r.SignatureReport}
}

// ConcludeParts judges a package by its parts: the worst decides of all their signatures
// that count, those of the envelope and of the files. An unsigned attachment does not
// count against it.
func (r *FileReport) ConcludeParts() {
	r.Signatures = []SignatureVerdict{}
	for i := range r.Parts {
		r.Signatures = append(r.Signatures, r.Parts[i].Counted()...)
	}
	r.Conclude()
}

// rank orders indications from best to worst for a document.
func (i Indication) rank() int {
	switch i {
	case TotalPassed:
		return 0
	case Indeterminate:
		return 1
	case NoSignatureFound:
		return 2
	}
	return 3
}

// Counted are the signatures that decide on a document: all, except, in the envelope of a
// package, the block that many systems put where a signature would be. Nobody can be told
// to have made it, and without it the package would count as not signed.
func (r *SignatureReport) Counted() []SignatureVerdict {
	if r.Part != string(RoleEnvelope) {
		return r.Signatures
	}
	var counted []SignatureVerdict
	for _, s := range r.Signatures {
		if s.Indication != Indeterminate || s.Signer != "" {
			counted = append(counted, s)
		}
	}
	return counted
}

// Conclude sets Indication and Sub of the report from its signatures: the worst
// decides; none at all is NO_SIGNATURE_FOUND.
func (r *SignatureReport) Conclude() {
	if len(r.Signatures) == 0 {
		r.Indication, r.Sub = NoSignatureFound, ""
		return
	}
	worst := r.Signatures[0]
	for _, s := range r.Signatures[1:] {
		if s.Indication.rank() > worst.Indication.rank() {
			worst = s
		}
	}
	r.Indication, r.Sub = worst.Indication, worst.Sub
}
