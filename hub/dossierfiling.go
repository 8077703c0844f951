package hub

import "time"

// DossierOnline says of which procedures an agency takes dossiers on the portal.
type DossierOnline struct {
	Agency     AgencyID  `json:"agency"`
	Procedures []string  `json:"procedures"` // codes; none: it takes nothing there
	SetBy      string    `json:"set_by,omitempty"`
	SetAt      time.Time `json:"set_at,omitzero"` // UTC
}

// FilingUnit is an agency that takes dossiers of a procedure on the portal.
type FilingUnit struct {
	Code Code
	Name string
}

// DossierFiling is what somebody hands in on the portal.
type DossierFiling struct {
	// Form is that of the form, 32 random hexadecimal digits that its owner alone has: the same
	// again is the same dossier.
	Form      string
	Procedure string // code
	Unit      Code
	Owner     DossierOwner
	Consent   bool // to what agencies do with what stands in it
	Papers    []FiledPaper
}

// FiledPaper is a file that somebody hands in on the portal.
type FiledPaper struct {
	For       string // what the procedure asks for; "" for another paper
	Name      string // data, never a path
	MediaType string
	Size      int64 // bytes
	Digest    Digest
}

// FilingReceipt is what the owner of a dossier is told that was handed in on the portal.
type FilingReceipt struct {
	Number    string
	Secret    DossierSecret // "" where the owner has another one since
	Unit      string        // name
	Procedure string        // name
	Received  time.Time     // UTC
	Papers    []string      // names of what was filed
	Progress  string        // address that leads to the dossier with its secret; "" for none
}
