package hub

import "time"

// SealRole says what the seal of an agency stands for on a document (NĐ 30/2020/NĐ-CP,
// annex I, part II, 8 and 14).
type SealRole string

// The roles.
const (
	SealIssued SealRole = "seal" // the agency issues the document: its picture over the left third of the leader's signature
	SealCopied SealRole = "copy" // the agency makes an electronic copy (SAO Y): text at the top right of page 1
)

// SealRoles lists all roles.
func SealRoles() []SealRole { return []SealRole{SealIssued, SealCopied} }

// SealOrder asks for the seal of an agency on one PDF.
type SealOrder struct {
	Agency AgencyID
	Role   SealRole
	Name   string    // of the agency, as a copy shows it
	At     time.Time // claimed in the signature
}

// SealFact is the body of a note of LogNoteSeal: who had what sealed with which
// certificate. It names no person; when, says the note.
type SealFact struct {
	Agency      AgencyID `json:"agency"`
	Role        SealRole `json:"role"`
	Actor       string   `json:"actor"` // id of the API key
	Input       Digest   `json:"input_sha256"`
	Output      Digest   `json:"output_sha256"`
	Certificate Digest   `json:"certificate_sha256"`
}
