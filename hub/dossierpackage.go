package hub

import (
	"strings"
	"time"
)

// DossierPart is the name of the part of a submission that says what happened to a dossier;
// all other parts are files of it.
const DossierPart = "hoso.xml"

// DossierPartOf is which of parts says what happened to a dossier, or nil.
func DossierPartOf(parts []Part) *Part {
	for i := range parts {
		if strings.EqualFold(parts[i].Name, DossierPart) {
			return &parts[i]
		}
	}
	return nil
}

// DossierPackage is what one-stop systems hand to each other about one dossier: what it is,
// as far as that is said, and what happened to it.
type DossierPackage struct {
	Head   DossierWish // its number always
	Events []DossierPackageEvent
	Papers []DossierPackagePaper // what is said of the files beside it
}

// DossierPackageEvent is an event as a package reports it.
type DossierPackageEvent struct {
	DossierOrder
	ToCode string // of the agency that the dossier is handed over to, as written
}

// DossierPackagePaper is what a package says of a file beside it.
type DossierPackagePaper struct {
	Name string
	Kind DossierPaperKind
	Key  string // "": its name and its digest
}

// DossierTaking is a package that was accepted, or will be, and of which not all is in its
// dossier yet.
type DossierTaking struct {
	Dispatch DispatchID     `json:"dispatch"`
	Sender   AgencyID       `json:"sender"`
	Number   string         `json:"number"` // of the dossier
	At       time.Time      `json:"at"`     // UTC; of the acceptance
	Refused  []DossierFault `json:"refused,omitempty"`
	By       string         `json:"by"` // Actor.Name
	TookOver []AgencyID     `json:"took_over,omitempty"`
	Seals    bool           `json:"seals,omitempty"` // who sent it may have letters sealed

	Settled *DossierSettlement `json:"settled,omitempty"` // nil while nobody looked after what was refused
}

// DossierSettlement ends a package that can't be put into its dossier: what was done instead.
type DossierSettlement struct {
	At     time.Time `json:"at"` // UTC
	By     string    `json:"by"` // Actor.Name
	Reason string    `json:"reason"`
}

// DossierTakingFact is the body of a note of LogNoteTaking. The words of the reason are not
// in the log, nor is anything that the package says.
type DossierTakingFact struct {
	Dispatch DispatchID `json:"dispatch"`
	Sender   AgencyID   `json:"sender"`
	Actor    string     `json:"actor"`
	SHA256   Digest     `json:"reason_sha256"`
}

// DossierFault says why something of a package could not be done when it was, though nothing
// was wrong with it when it was accepted.
type DossierFault struct {
	Field   string `json:"field,omitempty"`
	Rule    string `json:"rule,omitempty"`
	Message string `json:"message"`
}
