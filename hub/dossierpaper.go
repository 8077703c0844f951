package hub

import (
	"crypto/sha256"
	"slices"
	"strings"
	"time"
)

// DossierPaperKind is what a file is to its dossier.
type DossierPaperKind string

// The kinds.
const (
	DossierFiled    DossierPaperKind = "filed"  // thành phần hồ sơ: what the owner handed in
	DossierResult   DossierPaperKind = "result" // kết quả giải quyết
	DossierOther    DossierPaperKind = "other"  // what agencies add: requests, opinions
	DossierLetterOf DossierPaperKind = "letter" // phiếu xin lỗi và hẹn lại ngày trả kết quả
)

// DossierPaperKinds lists all kinds.
func DossierPaperKinds() []DossierPaperKind {
	return []DossierPaperKind{DossierFiled, DossierResult, DossierOther, DossierLetterOf}
}

// DossierPaper is a file of a dossier: an original, byte for byte as it came. It stands in
// the event that brought it and is named by the number of that.
type DossierPaper struct {
	Kind      DossierPaperKind `json:"kind"`
	Name      string           `json:"name"` // data, never a path
	MediaType string           `json:"media_type"`
	Size      int64            `json:"size"` // bytes
	Digest    Digest           `json:"sha256"`
	Report    *SignatureReport `json:"signatures,omitempty"` // the verdict when it came
}

// DossierLetter is what a letter of apology says.
type DossierLetter struct {
	Unit, Owner, Number, Procedure, Reason string
	Received, Due, Anew, At                time.Time // UTC; Due as it was set, Anew the new appointment
}

// DossierReceipt is what the receipt of a dossier says (giấy tiếp nhận hồ sơ và hẹn trả kết
// quả).
type DossierReceipt struct {
	Unit, Number     string
	Owner            DossierOwner
	Procedure        DossierProcedure
	Papers           []string // names of what was filed
	Channel          DossierChannel
	Received, Due    time.Time // UTC; Due zero where nothing says it
	At               time.Time // UTC; when it was written
	Secret           DossierSecret
	Portal, Progress string // addresses: of the portal, and where a code leads; "" for none
}

// Part is the paper as content is handed out.
func (p *DossierPaper) Part() Part {
	return Part{ID: "paper", Role: RoleAttachment, Name: p.Name, MediaType: p.MediaType, Size: p.Size, Digest: p.Digest}
}

// Event returns the event of a number; nil where there is none.
func (f *DossierFile) Event(seq int64) *DossierEvent {
	for i := range f.Events {
		if f.Events[i].Seq == seq {
			return &f.Events[i]
		}
	}
	return nil
}

// DossierErasure says why what a dossier held of persons is gone: its owner, the words of
// its events, and its files. What happened, when, and by which agency stays.
type DossierErasure struct {
	At         time.Time `json:"at"`    // UTC, milliseconds
	Class      string    `json:"class"` // of retention
	Rules      int64     `json:"rules"` // version of the classes that decided
	LegalBasis string    `json:"legal_basis,omitempty"`
}

// SHA256 is the digest of an event as it was recorded, also where words of it are gone.
func (e *DossierEvent) SHA256() (Digest, error) {
	if !e.Erased.IsZero() {
		return e.Erased, nil
	}
	text, err := e.DigestText()
	return sha256.Sum256(text), err
}

// Erase takes from an event what it may say of persons, and keeps its digest.
func (e *DossierEvent) Erase() error {
	digest, err := e.SHA256()
	if err != nil {
		return err
	}
	e.Erased, e.Text, e.Lookup = digest, "", Digest{}
	if e.Paper != nil {
		e.Paper = &DossierPaper{Kind: e.Paper.Kind, Size: e.Paper.Size, Digest: e.Paper.Digest}
	}
	return nil
}

// EndedDossiers selects dossiers that still hold something of persons, by their end, behind
// (After, AfterDossier) and up to and with Until.
type EndedDossiers struct {
	After        time.Time
	AfterDossier DossierID
	Until        time.Time
	Limit        int
}

// DecideDossier returns the class that decides about a dossier; nil when none does.
func (s *RetentionClasses) DecideDossier(d *Dossier) *RetentionClass {
	return s.first(func(c *RetentionClass) bool {
		return c.Dossiers && (len(c.Agencies) == 0 || slices.ContainsFunc(c.Agencies, d.concerns))
	})
}

func (d *Dossier) concerns(agency AgencyID) bool { return slices.Contains(d.Parties, agency) }

// HoldsDossier reports whether the hold is about a dossier.
func (h *LegalHold) HoldsDossier(d *Dossier) bool {
	switch {
	case h.Agency != "":
		return d.concerns(h.Agency)
	case h.Number != "":
		return strings.Contains(foldNumber(d.Number), foldNumber(h.Number))
	}
	return false
}

// DossierFact is the body of a note of LogNoteDossier: it names an event by its digest. What
// that says of people is not in the log.
type DossierFact struct {
	Dossier DossierID  `json:"dossier"`
	Seq     int64      `json:"seq"`
	Act     DossierAct `json:"act"`
	Agency  AgencyID   `json:"agency"`
	Actor   string     `json:"actor"`
	SHA256  Digest     `json:"event_sha256"`

	Finding DossierRule `json:"finding,omitempty"` // of a reminder
	Tell    []AgencyID  `json:"tell,omitempty"`    // whom subscriptions tell of it
}
