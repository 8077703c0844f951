package hub

import (
	"io"
	"strings"
	"time"
)

// The types in this file are what a hub exchanges with another axis of which it is a
// member: it takes what waits there for its agencies, and hands over what is for
// agencies behind it.

// AxisRow is a package that waits on the axis for an agency of the member.
type AxisRow struct {
	ID   string // on the axis
	Kind PackageKind
	From string // codes as the axis says them; the package decides
	To   string
}

// AxisPackage is a package on its way to the axis.
type AxisPackage struct {
	Kind    PackageKind
	From    string
	To      []string // recipients behind the axis; empty: those that the package names
	Digest  Digest   // SHA-256 of the content
	Size    int64    // bytes
	Content io.Reader
}

// AxisOutcome is what the axis says of one recipient of a package.
type AxisOutcome struct {
	To     string // code
	State  AxisState
	Detail string
}

// AxisSent is one recipient of a package that the axis has from an agency.
type AxisSent struct {
	ID       string
	From, To string // codes
	Number   string // number and notation
	Subject  string
	At       time.Time // zero where the axis does not say it in a form that is known
}

// AxisState is where a package is at its recipient, as far as an axis tells.
type AxisState string

// The states. What an axis says otherwise is AxisWaiting: nothing is concluded from it.
const (
	AxisWaiting   AxisState = "waiting"
	AxisCollected AxisState = "collected" // the recipient's system said that it has it
	AxisRefused   AxisState = "refused"
	AxisWithdrawn AxisState = "withdrawn" // taken back for its sender before the recipient had it
)

// AxisUnit is an agency in the register of the axis.
type AxisUnit struct {
	ID     string `json:"id"`
	Code   string `json:"code"`
	Parent string `json:"parent,omitempty"` // code
	Name   string `json:"name"`
	Email  string `json:"email,omitempty"`
	Phone  string `json:"phone,omitempty"`
	Fax    string `json:"fax,omitempty"`
	Known  bool   `json:"known"` // this hub has an agency with the code
	Local  bool   `json:"local"` // it is reached here, not behind the axis
}

// AxisUnitChange is an agency in the register of the axis as it stands there, with what
// tells whether it is still as it was.
type AxisUnitChange struct {
	AxisUnit
	Version  int    `json:"version"`
	Deleted  bool   `json:"deleted"`
	Modified string `json:"modified,omitempty"` // in words of the axis
}

// HeldPackage is a package that came from the axis and is not in the exchange: it waits
// for another try or, where trying again cannot help, for the operator. It was not
// acknowledged, and what was fetched of it is kept. Out, it is a status message that the
// axis did not take.
type HeldPackage struct {
	ID       string      `json:"id"` // on the axis; of the report where it goes out; with the system that passes through before it
	Kind     PackageKind `json:"kind"`
	Out      bool        `json:"out,omitempty"`
	From     string      `json:"from,omitempty"`
	To       string      `json:"to,omitempty"`
	Package  *Part       `json:"package,omitempty"` // as received; nil while it could not be fetched
	Reason   string      `json:"reason,omitempty"`  // empty before the first try
	Errors   []HeldError `json:"errors,omitempty"`
	Waits    bool        `json:"waits_for_operator"`
	Attempts int         `json:"attempts"`
	Since    time.Time   `json:"since"`         // UTC, milliseconds
	Next     time.Time   `json:"next,omitzero"` // of the next try, where it is tried by itself
}

// HeldError is one thing that is wrong with a held package.
type HeldError struct {
	Kind    ErrorKind `json:"kind"`
	Field   string    `json:"field,omitempty"`
	Rule    string    `json:"rule,omitempty"`
	Message string    `json:"message,omitempty"`
}

// AxisStatus tells the operator how the membership goes.
type AxisStatus struct {
	Endpoint  string    `json:"endpoint"`
	System    string    `json:"system"`
	Leads     bool      `json:"leads"`                // this node is the one that polls
	LastPoll  time.Time `json:"last_poll,omitzero"`   // of this node, when the axis answered last
	LastError string    `json:"last_error,omitempty"` // since then
	Held      int       `json:"held"`                 // that wait for the operator, at most MaxHeld
	Retrying  int       `json:"retrying"`             // that are tried again
	Relayed   int       `json:"relayed"`              // dispatches about which the axis has more to say
	Waiting   int       `json:"waiting_statuses"`     // status messages for the axis, when looked at last
}

// MaxHeld bounds the counts of an AxisStatus.
const MaxHeld = 1000

// RelayNotes begins the names of the notes that a store keeps for the membership.
const RelayNotes = "relay/"

// MarkedID is the external id with the beginning of the fingerprint behind it: the id
// under which a package is accepted whose own id stands for another one. Empty when it
// would be longer than most characters.
func (s *Submission) MarkedID(most int) string {
	fingerprint := s.Fingerprint()
	marked := s.ExternalID + IDMark + fingerprint.String()[:idMarkDigits]
	if len([]rune(marked)) > most {
		return ""
	}
	return marked
}

// idMarkDigits follow an IDMark.
const idMarkDigits = 12

// UnmarkedID is an external id as its sender gave it: without what MarkedID put behind it.
func UnmarkedID(id string) string {
	i := strings.LastIndex(id, IDMark)
	if i < 0 || len(id) != i+len(IDMark)+idMarkDigits || strings.Trim(id[i+len(IDMark):], "0123456789abcdef") != "" {
		return id
	}
	return id[:i]
}

// Passage is the pass-through of an agency's present system: it speaks to this hub, and
// the hub speaks for it to the axis at which it was before, with the credentials that it
// had there.
type Passage struct {
	System   string       `json:"system"` // on both sides
	Endpoint string       `json:"endpoint"`
	Agencies []AgencyID   `json:"agencies"`
	Secret   string       `json:"secret"` // id of the key that holds the secret
	State    PassageState `json:"state"`
	Since    time.Time    `json:"since"` // of the state; UTC, milliseconds
	By       string       `json:"by,omitempty"`
	Ended    time.Time    `json:"ended,omitzero"` // of a leaving one: the hub lets the system in no more
}

// PassageState is where the move of a system stands.
type PassageState string

// The states. A passage goes from on to leaving by an act of the operator, and from
// leaving to off by itself, when nothing is left here.
const (
	PassageOn      PassageState = "on"      // the hub takes what waits on the axis, and hands over there
	PassageLeaving PassageState = "leaving" // it takes nothing more, and brings to its end what it has
	PassageOff     PassageState = "off"     // the system is at its axis again
)

// PassageStatus tells the operator how a passage goes.
type PassageStatus struct {
	Passage
	Axis AxisStatus  `json:"axis"`
	Left PassageLeft `json:"left"`
}

// PassageLeft is what must come to its end before a system is at its axis again, each at
// most MaxHeld.
type PassageLeft struct {
	Boxes       int `json:"boxes"`       // documents and status messages that the system has not taken here
	Outgoing    int `json:"outgoing"`    // dispatches that the axis has not taken over
	Statuses    int `json:"statuses"`    // status messages that the axis has not taken, when looked at last
	Unconfirmed int `json:"unconfirmed"` // taken here, or that may be of one that leaves, and the axis was not told yet, when looked at last
}

// Nothing reports whether nothing is left.
func (l PassageLeft) Nothing() bool { return l == PassageLeft{} }

// Stray is a status message about a document of the time before its system passed
// through, which this hub never had; it is passed on as it came.
type Stray struct {
	ID      string     `json:"id"`
	Agency  AgencyID   `json:"agency,omitempty"` // for which it waits; empty on its way to the axis
	From    string     `json:"from"`
	To      string     `json:"to"`
	Code    StatusCode `json:"code,omitempty"`
	Package Part       `json:"package"`
	At      time.Time  `json:"at"`             // of what was done last; UTC, milliseconds
	Came    string     `json:"came,omitempty"` // as on the axis
	Went    string     `json:"went,omitempty"`
	Taken   time.Time  `json:"taken,omitzero"` // by the system
}

// PassageWish asks for a passage.
type PassageWish struct {
	System   string
	Endpoint string
	Agencies []AgencyID
	Secret   string // of the system on the axis, as text
}
