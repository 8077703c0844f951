package hub

import "crypto/sha256"

// MaterialKind says what a piece of validation material is.
type MaterialKind string

// The kinds, all in DER.
const (
	MaterialCertificate MaterialKind = "certificate" // X.509
	MaterialCRL         MaterialKind = "crl"         // RFC 5280
	MaterialOCSP        MaterialKind = "ocsp"        // a response, RFC 6960
)

// Material is a piece of what verdicts are made from. It outlives the content that was
// judged (TT 15/2025/TT-BKHCN, annex II: the certificate, the list of the time of signing
// and the result are kept with the message).
type Material struct {
	Kind   MaterialKind `json:"kind"`
	SHA256 Digest       `json:"sha256"`
	DER    []byte       `json:"der"` // base64 in JSON
}

// NewMaterial names a piece by its digest.
func NewMaterial(kind MaterialKind, der []byte) Material {
	return Material{Kind: kind, SHA256: sha256.Sum256(der), DER: der}
}

// Ref names the piece.
func (m *Material) Ref() MaterialRef { return MaterialRef{m.Kind, m.SHA256} }

// MaterialRef names a piece of material that is archived.
type MaterialRef struct {
	Kind   MaterialKind `json:"kind"`
	SHA256 Digest       `json:"sha256"`
}

// ValidationArchive is what is needed to give the verdicts on a dispatch again, without
// the hub and years later: with a part, the anchors and this, the report on it comes out
// byte for byte.
type ValidationArchive struct {
	Dispatch DispatchID        `json:"dispatch"`
	Reports  []SignatureReport `json:"reports"`  // as recorded at acceptance
	Material []Material        `json:"material"` // each piece once
	Rechecks []Recheck         `json:"rechecks,omitempty"`
}
