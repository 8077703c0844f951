package hub

import (
	"cmp"
	"encoding/json"
	"slices"
	"strings"
	"time"
)

// EventContentPurge tells that the content of a dispatch was removed at the end of
// its time. It follows the SubmissionAcceptance, once in the life of a dispatch,
// after the last of its deliveries has ended.
const EventContentPurge Event = ownEvent + "ContentPurge"

// Purge is what stays of a removal beside the dispatch: receipts, reports and log
// outlive the content.
type Purge struct {
	At         time.Time  `json:"at"` // UTC, milliseconds
	Class      string     `json:"class"`
	Rules      int64      `json:"rules"` // version of the classes that decided
	LegalBasis string     `json:"legal_basis,omitempty"`
	Evidence   EvidenceID `json:"evidence"` // the ContentPurge
}

// RetentionClass says how long content is kept after the last delivery of its
// dispatch has ended.
type RetentionClass struct {
	ID       string          `json:"id"`
	Name     string          `json:"name"`
	Types    []int           `json:"types,omitempty"`    // codes of document types; none: all
	Agencies []AgencyID      `json:"agencies,omitempty"` // sender or any recipient; none: all
	Dossiers bool            `json:"dossiers,omitempty"` // it is about dossiers of one-stop desks, from their end on, and not about documents
	Keep     RetentionPeriod `json:"keep,omitzero"`      // zero: for ever
	// LegalBasis names the law or decision behind the class; it goes into the evidence.
	LegalBasis string `json:"legal_basis,omitempty"`
	Priority   int    `json:"priority,omitempty"` // the highest decides before all else
}

// Fits reports whether the class is about a dispatch.
func (c *RetentionClass) Fits(d *Completed) bool {
	ofType := len(c.Types) == 0 || slices.Contains(c.Types, d.Dispatch.Document.TypeCode)
	return !c.Dossiers && ofType && (len(c.Agencies) == 0 || slices.ContainsFunc(c.Agencies, d.Concerns))
}

// before orders classes that fit the same dispatch, the deciding one first: priority,
// then how specific they are, then the longest keep, then the id.
func (c *RetentionClass) before(other *RetentionClass) int {
	return cmp.Or(
		cmp.Compare(other.Priority, c.Priority), cmp.Compare(other.terms(), c.terms()),
		other.Keep.compare(c.Keep), strings.Compare(c.ID, other.ID))
}

// terms counts what a class asks for.
func (c *RetentionClass) terms() int {
	n := 0
	if len(c.Types) > 0 {
		n++
	}
	if len(c.Agencies) > 0 {
		n++
	}
	return n
}

// RetentionClasses is a whole set of classes. Without any, content is kept for ever.
type RetentionClasses struct {
	Version int64            `json:"version"` // 0 before the first set
	Classes []RetentionClass `json:"classes"`
	SetBy   string           `json:"set_by,omitempty"` // Actor.Name
	SetAt   time.Time        `json:"set_at,omitzero"`  // UTC
}

// Decide returns the class that decides about a dispatch; nil when none fits, which
// means that it is kept for ever.
func (s *RetentionClasses) Decide(d *Completed) *RetentionClass {
	return s.first(func(c *RetentionClass) bool { return c.Fits(d) })
}

// first is the class of those that fit which stands before the others.
func (s *RetentionClasses) first(fits func(*RetentionClass) bool) *RetentionClass {
	var decides *RetentionClass
	for i := range s.Classes {
		c := &s.Classes[i]
		if fits(c) && (decides == nil || c.before(decides) < 0) {
			decides = c
		}
	}
	return decides
}

// Ages are the periods that classes of dossiers have, or those of documents, each once: not
// that of what is kept for ever.
func (s *RetentionClasses) Ages(dossiers bool) []RetentionPeriod {
	var ages []RetentionPeriod
	for i := range s.Classes {
		if c := &s.Classes[i]; c.Dossiers == dossiers && !c.Keep.IsZero() && !slices.Contains(ages, c.Keep) {
			ages = append(ages, c.Keep)
		}
	}
	return ages
}

// Completed is a dispatch of which every delivery has ended and whose content is
// still there.
type Completed struct {
	Dispatch   Dispatch
	Receipt    EvidenceRef // the SubmissionAcceptance
	Recipients []AgencyID
	At         time.Time // when the last delivery ended, UTC, microseconds
}

// Concerns reports whether the agency is the sender or a recipient.
func (c *Completed) Concerns(agency AgencyID) bool {
	return c.Dispatch.Sender == agency || slices.Contains(c.Recipients, agency)
}

// CompletedQuery selects completed dispatches behind (After, AfterDispatch) in the
// order of (At, id), up to and with Until.
type CompletedQuery struct {
	After         time.Time
	AfterDispatch DispatchID
	Until         time.Time
	Limit         int
}

// PurgeBatch asks for the removal of content references in one transaction. It is
// KindConflict as a whole when the rules are no longer of that version.
type PurgeBatch struct {
	Rules int64 // the store's version of classes and holds together
	Items []PurgeItem
}

// PurgeItem is the removal of one dispatch's content with the evidence of it.
type PurgeItem struct {
	Dispatch DispatchID
	Purge    Purge
	Evidence SealedEvidence
}

// LegalHold keeps content beyond the end of its time. Exactly one of Dispatch, Agency
// and Number says what it is about.
type LegalHold struct {
	ID       string     `json:"id"` // UUIDv7
	Dispatch DispatchID `json:"dispatch,omitempty"`
	Agency   AgencyID   `json:"agency,omitempty"` // sender or any recipient
	Number   string     `json:"number,omitempty"` // folded text within number and notation
	Reason   string     `json:"reason"`
	Until    time.Time  `json:"until,omitzero"` // UTC; zero: until it is released
	PlacedBy string     `json:"placed_by"`      // Actor.Name
	PlacedAt time.Time  `json:"placed_at"`      // UTC

	ReleasedBy    string    `json:"released_by,omitempty"`
	ReleasedAt    time.Time `json:"released_at,omitzero"` // UTC
	ReleaseReason string    `json:"release_reason,omitempty"`
}

// Active reports whether the hold is in force.
func (h *LegalHold) Active(now time.Time) bool {
	return h.ReleasedAt.IsZero() && (h.Until.IsZero() || now.Before(h.Until))
}

// Holds reports whether the hold is about a dispatch.
func (h *LegalHold) Holds(d *Completed) bool {
	switch {
	case h.Dispatch != "":
		return h.Dispatch == d.Dispatch.ID
	case h.Agency != "":
		return d.Concerns(h.Agency)
	}
	return strings.Contains(foldNumber(d.Dispatch.Document.Number()), foldNumber(h.Number))
}

// foldNumber makes numbers comparable that were written with other blanks.
func foldNumber(number string) string { return strings.Join(strings.Fields(Fold(number)), "") }

// RetentionJob names what a run did.
type RetentionJob string

// The jobs.
const (
	JobPurge RetentionJob = "purge" // end of time, and the content that nothing names any more
	JobScrub RetentionJob = "scrub" // reading all content
)

// RetentionRun tells what one run did, also where it did nothing.
type RetentionRun struct {
	ID    string       `json:"id"` // UUIDv7
	Job   RetentionJob `json:"job"`
	AskBy string       `json:"asked_by,omitempty"` // Actor.Name; empty: the schedule
	Began time.Time    `json:"began"`              // UTC
	Ended time.Time    `json:"ended"`              // UTC
	Rules int64        `json:"rules,omitempty"`    // version of the classes

	Purged  int            `json:"purged"`             // dispatches
	ByClass map[string]int `json:"by_class,omitempty"` // dispatches purged and dossiers erased, by id of the class
	Held    int            `json:"held"`               // dispatches and dossiers whose time is over and that a legal hold keeps
	Erased  int            `json:"erased,omitempty"`   // dossiers of which nothing of persons is left

	Swept      int   `json:"swept"`       // contents removed that nothing names
	SweptBytes int64 `json:"swept_bytes"` // their size
	Leftovers  int   `json:"leftovers"`   // unfinished content and staged bytes removed

	Checked      int64 `json:"checked"`       // contents read
	CheckedBytes int64 `json:"checked_bytes"` // their size
	Findings     int   `json:"findings"`      // contents that are missing or damaged

	Error string `json:"error,omitempty"` // why it ended early; the next run goes on
}

// RetentionFinding is content that a dispatch names and that is not there as it was
// accepted.
type RetentionFinding struct {
	Digest     Digest         `json:"sha256"`
	Problem    ContentProblem `json:"problem"`
	First      time.Time      `json:"first"`                // when it was found first, UTC
	Last       time.Time      `json:"last"`                 // when it was looked at last, UTC
	Dispatches []DispatchID   `json:"dispatches,omitempty"` // that name it, some of them where there are many
}

// ContentProblem says what is wrong with content.
type ContentProblem string

// The problems.
const (
	ContentMissing ContentProblem = "missing" // it is not there
	ContentDamaged ContentProblem = "damaged" // it cannot be read, or has another digest
)

// RetentionForecast tells what a set of classes would purge now.
type RetentionForecast struct {
	Purged   int            `json:"purged"`
	ByClass  map[string]int `json:"by_class"`
	Held     int            `json:"held"`     // whose time is over and that a legal hold keeps
	Examined int            `json:"examined"` // completed dispatches
	Complete bool           `json:"complete"` // false: there are more than were examined
}

// RetentionNote is one entry of what retention remembers: a set of classes, a hold, a
// run, a finding, a position. Stores know nothing of the content.
type RetentionNote struct {
	Name string          `json:"name"`
	Body json.RawMessage `json:"body"` // empty to remove the note
}

// KeepNotes begins the names of notes that keep a content for as long as they stand: its
// SHA-256 in hexadecimal follows, a slash, and who keeps it. Their body is a KeptContent.
const KeepNotes = "content/"

// KeptContent is the body of a note that keeps a content.
type KeptContent struct {
	Digest Digest `json:"sha256"`
	Size   int64  `json:"size"` // bytes
}

// KeepNote returns the note by which somebody keeps a content.
func KeepNote(digest Digest, size int64, by string) RetentionNote {
	body, _ := json.Marshal(KeptContent{digest, size}) //nolint:errchkjson // plain data cannot fail
	return RetentionNote{Name: KeepNotes + digest.String() + "/" + by, Body: body}
}

// NotesQuery selects notes whose names begin with Prefix, in the order of names or,
// Backwards, the other way. After is the name of the row before the first.
type NotesQuery struct {
	Prefix    string
	After     string
	Backwards bool
	Limit     int
}
