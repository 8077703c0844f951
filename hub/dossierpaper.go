package hub

// DossierPaperKind is what a file is to its dossier.
type DossierPaperKind string

// The kinds.
const (
	DossierFiled  DossierPaperKind = "filed"  // thành phần hồ sơ: what the owner handed in
	DossierResult DossierPaperKind = "result" // kết quả giải quyết
	DossierOther  DossierPaperKind = "other"  // what agencies add: requests, opinions, letters
)

// DossierPaperKinds lists all kinds.
func DossierPaperKinds() []DossierPaperKind {
	return []DossierPaperKind{DossierFiled, DossierResult, DossierOther}
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
