package hub

import "time"

// Draft is a document that a person has begun to write on the pages and not sent. It
// belongs to the person alone, in one office.
type Draft struct {
	ID      string    `json:"id"` // of the document that it becomes
	Account string    `json:"account"`
	Office  AgencyID  `json:"office"`
	Title   string    `json:"title"`            // to tell it from others
	Saved   time.Time `json:"saved"`            // UTC
	Letter  []byte    `json:"letter"`           // as the pages write it
	Removed time.Time `json:"removed,omitzero"` // UTC; by the person, who can take it back; zero: not
}

// DraftLife is how long a draft is kept after it was last saved.
const DraftLife = 30 * 24 * time.Hour

// MaxDrafts is how many of one person are kept: the ones saved last.
const MaxDrafts = 20
