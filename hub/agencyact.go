package hub

import "time"

// ActKind says by what an agency became what it is.
type ActKind string

// The kinds of acts.
const (
	ActRename  ActKind = "rename"  // the same agency under another name, perhaps with another code
	ActMerge   ActKind = "merge"   // n agencies close, one takes over
	ActSplit   ActKind = "split"   // one agency closes, several take over
	ActMove    ActKind = "move"    // another parent
	ActAbolish ActKind = "abolish" // closes, nobody takes over
)

// ActKinds lists all kinds.
func ActKinds() []ActKind {
	return []ActKind{ActRename, ActMerge, ActSplit, ActMove, ActAbolish}
}

// Closes reports whether agencies close by such an act.
func (k ActKind) Closes() bool { return k == ActMerge || k == ActSplit || k == ActAbolish }

// AgencyAct is the part of one agency in an act by which agencies change. All agencies
// to which the same act happened carry it with the same id.
type AgencyAct struct {
	ID    string     `json:"id"`
	Kind  ActKind    `json:"kind"`
	At    time.Time  `json:"at"`              // from which instant it holds
	To    []AgencyID `json:"to,omitempty"`    // who took over; of a move the new parent
	Basis string     `json:"basis,omitempty"` // the decision behind it
	// Recorded is when the hub was told, Withdrawn when it was told otherwise.
	Recorded  time.Time `json:"recorded"`
	Withdrawn time.Time `json:"withdrawn,omitzero"`
}

// Reorganisation is an act with all agencies to which it happened.
type Reorganisation struct {
	AgencyAct
	From []AgencyID `json:"from"`
}

// AgencyChange asks for an act. From and To are codes or ids; Day is the first day, in
// Vietnam, on which it holds.
type AgencyChange struct {
	Kind  ActKind  `json:"kind"`
	Day   string   `json:"day"` // 2025-07-01
	From  []string `json:"from"`
	To    []string `json:"to,omitempty"`
	Name  string   `json:"name,omitempty"` // of a rename: the new one
	Code  string   `json:"code,omitempty"` // of a rename: the new one; empty: as before
	Basis string   `json:"basis,omitempty"`
}

// AgencyHistory is an agency with those before and after it.
type AgencyHistory struct {
	Agency       *Agency          `json:"agency"`
	Predecessors []AgencyID       `json:"predecessors"` // those that it took over
	Successors   []AgencyID       `json:"successors"`
	Acts         []Reorganisation `json:"acts"` // that happened to it or made it take over, oldest day first
}
