package hub

import (
	"slices"
	"strings"
	"time"
)

// AgencyID identifies an agency for ever, whatever its codes and names become.
// It is opaque (a UUIDv7 in canonical text form, or a name chosen at import).
type AgencyID string

// Level is the place of an agency in the tree of government.
type Level string

// The levels.
const (
	LevelCentral    Level = "central"
	LevelProvince   Level = "province"
	LevelDepartment Level = "department" // sở, ban, ngành of a province
	LevelDistrict   Level = "district"   // abolished on 1 July 2025, kept for history
	LevelCommune    Level = "commune"
	LevelUnit       Level = "unit" // a unit inside an agency
)

// Levels lists all levels from the top down.
func Levels() []Level {
	return []Level{LevelCentral, LevelProvince, LevelDepartment, LevelDistrict, LevelCommune, LevelUnit}
}

// Valid reports whether the level is one of the list above.
func (l Level) Valid() bool { return slices.Contains(Levels(), l) }

// Channel says how an agency is reached.
type Channel string

// The channels. Pull agencies collect from their mailbox; the others are pushed to.
const (
	ChannelPull  Channel = "pull"
	ChannelAMQP  Channel = "amqp" // a queue of its own in RabbitMQ
	ChannelAxis  Channel = "axis" // lives behind another axis, of which this hub is a member
	ChannelPaper Channel = "post" // not connected: gets documents on paper, by post
)

// Agency is a party of the exchange. Everything about it but the id can change
// with time, so each property carries its validity.
type Agency struct {
	ID       AgencyID          `json:"id"`
	Codes    []Dated[Code]     `json:"codes"`
	Names    []Dated[string]   `json:"names"`
	Levels   []Dated[Level]    `json:"levels"`
	Kinds    []Dated[string]   `json:"kinds,omitempty"`
	Parents  []Dated[AgencyID] `json:"parents,omitempty"`
	Contacts []Dated[Contact]  `json:"contacts,omitempty"`
	Channels []Dated[Channel]  `json:"channels,omitempty"`
	// ReceivedBy are agencies that receive for this one, at a time one: an office for the
	// units that it serves. Its own people and systems go on receiving, too.
	ReceivedBy []Dated[AgencyID] `json:"received_by,omitempty"`
	// Valid is the life of the agency itself. From the instant Valid.To on it
	// can neither send nor receive.
	Valid Interval `json:"valid,omitzero"`
	// Successors are the agencies that took over when this one closed: one for a
	// rename or a merger, several for a split.
	Successors []AgencyID `json:"successors,omitempty"`
	// Acts tells by what the agency became what it is, oldest day first.
	Acts []AgencyAct `json:"acts,omitempty"`
	// Registers says whether the agency registers incoming documents: then a
	// delivery ends with acceptance or refusal, otherwise with the hand-over.
	Registers bool `json:"registers"`
	// ReportsArrival has the hub report 01 (đã đến) for the agency when a document comes
	// into its box, as its own system does not.
	ReportsArrival bool `json:"reports_arrival,omitempty"`
	// Test marks a unit that exists for connection tests (codes with W00).
	Test bool `json:"test,omitempty"`
	// Version is that of the directory when the agency last changed on this hub.
	Version int64 `json:"version,omitempty"`
}

// Contact is how people of an agency are reached.
type Contact struct {
	Address   string `json:"address,omitempty"`
	Email     string `json:"email,omitempty"`
	Telephone string `json:"telephone,omitempty"`
	Fax       string `json:"fax,omitempty"`
	Website   string `json:"website,omitempty"`
}

// NameAt returns the name at t, or the last known one.
func (a *Agency) NameAt(t time.Time) string {
	if name, ok := At(a.Names, t); ok {
		return name
	}
	if n := len(a.Names); n > 0 {
		return a.Names[n-1].Value
	}
	return ""
}

// CodeAt returns the first code valid at t (the primary one), or the last known one.
func (a *Agency) CodeAt(t time.Time) Code {
	if code, ok := At(a.Codes, t); ok {
		return code
	}
	if n := len(a.Codes); n > 0 {
		return a.Codes[n-1].Value
	}
	return ""
}

// ChannelAt returns the channel at t; ChannelPull when none is set.
func (a *Agency) ChannelAt(t time.Time) Channel {
	if c, ok := At(a.Channels, t); ok {
		return c
	}
	return ChannelPull
}

// ReceivedByAt returns who receives for the agency at t; "" for nobody else.
func (a *Agency) ReceivedByAt(t time.Time) AgencyID {
	by, _ := At(a.ReceivedBy, t)
	return by
}

// Resolution is what a code means at an instant: the agency that receives, the
// code as it was written, and a note when a closed code led to a successor.
type Resolution struct {
	Agency *Agency
	Code   Code
	Note   string
}

// Code is an agency identifier in one of the two official grammars: the
// thirteen characters of QCVN 102:2016 (000.00.12.H47) or the form of decision
// 20/2020/QĐ-TTg (H47.12), at most 35 characters.
type Code string

// CodeForm names the grammar of a code.
type CodeForm string

// The grammars.
const (
	FormQCVN102 CodeForm = "qcvn102" // VVV.ZZ.YY.MXX, levels grow from right to left
	FormQD20    CodeForm = "qd20"    // MXX.YY.ZZ, levels grow from left to right
)

// MaxCodeLength is the longest code in characters (decision 20/2020/QĐ-TTg).
const MaxCodeLength = 35

// ParseCode trims s and checks it against both grammars. Its errors are of
// KindInvalid with the field left empty for the caller to fill.
func ParseCode(s string) (Code, error) {
	s = strings.TrimSpace(s)
	switch {
	case s == "":
		return "", Invalid("", "required", "an agency code is required")
	case len(s) > MaxCodeLength:
		return "", Invalid("", "max_length", "an agency code has at most %d characters", MaxCodeLength)
	}
	code := Code(s)
	if code.Form() == "" {
		return "", Invalid("", "agency_code", "%q is neither of the form 000.00.00.X00 (QCVN 102:2016) nor X00.00 (QĐ 20/2020/QĐ-TTg)", s)
	}
	return code, nil
}

// Form returns the grammar that the code follows, or "" when it follows none.
// Three-group codes such as 28.22.H17, met in real traffic, count as FormQCVN102.
func (c Code) Form() CodeForm {
	groups := strings.Split(string(c), ".")
	switch {
	case len(c) > MaxCodeLength || c == "":
		return ""
	case isLevelOne(groups[0]) && allGroups(groups[1:], upperOrDigit):
		return FormQD20
	case isQCVN102(groups):
		return FormQCVN102
	}
	return ""
}

func isQCVN102(groups []string) bool {
	n := len(groups)
	if n != 3 && n != 4 || !isLevelOne(groups[n-1]) {
		return false
	}
	widths := []int{3, 2, 2}
	for i, g := range groups[:n-1] {
		if len(g) != widths[4-n+i] || !allBytes(g, digit) {
			return false
		}
	}
	return true
}

func isLevelOne(g string) bool {
	return len(g) == 3 && g[0] >= 'A' && g[0] <= 'Z' && digit(g[1]) && digit(g[2])
}

func allGroups(groups []string, ok func(byte) bool) bool {
	for _, g := range groups {
		if g == "" || !allBytes(g, ok) {
			return false
		}
	}
	return true
}

func allBytes(s string, ok func(byte) bool) bool {
	for i := range len(s) {
		if !ok(s[i]) {
			return false
		}
	}
	return true
}

func digit(b byte) bool        { return b >= '0' && b <= '9' }
func upperOrDigit(b byte) bool { return digit(b) || b >= 'A' && b <= 'Z' }

// IsTestUnit reports whether the code names a test unit (W00), which pages and
// address books hide from users.
func (c Code) IsTestUnit() bool {
	for g := range strings.SplitSeq(string(c), ".") {
		if g == "W00" {
			return true
		}
	}
	return false
}

// LivesAt reports whether the agency exists at t.
func (a *Agency) LivesAt(t time.Time) bool { return a.Valid.Contains(t) }

// Above lists the agencies above one at an instant, the nearest first. A circle, which no
// list of agencies may have, ends where it closes.
func Above(byID func(AgencyID) (*Agency, bool), id AgencyID, at time.Time) []AgencyID {
	var list []AgencyID
	for seen := []AgencyID{id}; ; seen = append(seen, id) {
		a, ok := byID(id)
		if !ok {
			return list
		}
		if id, ok = At(a.Parents, at); !ok || id == "" || slices.Contains(seen, id) {
			return list
		}
		list = append(list, id)
	}
}

// The forms of a list of agencies.
const (
	ListCSV  = "csv"  // the directory as it is on one day, a row for each agency
	ListJSON = "json" // agencies with everything they ever were
)

// ImportOptions say how a list of agencies is taken.
type ImportOptions struct {
	Format string // ListCSV, which is also the zero value, or ListJSON
	DryRun bool   // say what would change and change nothing
	// From is the first instant at which changes of a CSV list hold; zero: now. A JSON
	// list says itself from when everything holds.
	From time.Time
	// Basis names the decision that the changes follow; it is kept with the acts.
	Basis string
	// Since is the position (AgencyChanges) of the directory that the list was made from: where
	// an agency changed behind it the list is refused, whatever it says. Empty: not asked.
	Since string
	// Follow takes a JSON list as that of a hub above: how an agency is reached, and
	// whether it registers here, stays as this hub has it.
	Follow bool
}

// AgencyChanges are agencies in the order in which they last changed on a hub.
type AgencyChanges struct {
	Items []Agency `json:"items"`
	// Position is behind the last of them: whoever asks from there gets what changed since.
	Position string `json:"position"`
	More     bool   `json:"more"` // there are further ones now
}

// ImportReport tells what an import of agencies did, or would do (dry run).
type ImportReport struct {
	Added     int         `json:"added"`
	Changed   int         `json:"changed"`
	Unchanged int         `json:"unchanged"`
	Rows      []ImportRow `json:"rows"` // added and changed ones, in file order
}

// ImportRow tells what one line of an import did.
type ImportRow struct {
	Line   int    `json:"line"` // line in the file, the header being line 1; place in a JSON list, from 1
	Code   Code   `json:"code"`
	Change string `json:"change"` // "added", or the changed columns: "name, parent_code"
	// Differences tells each changed column from what to what.
	Differences []ImportDifference `json:"differences,omitempty"`
}

// ImportDifference is one column of an agency before and after an import.
type ImportDifference struct {
	Column string `json:"column"`
	Was    string `json:"was"`
	Is     string `json:"is"`
}
