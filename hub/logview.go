package hub

import "time"

// LogLine is an entry of the log as auditors read it.
type LogLine struct {
	Index  int64
	Source string      // id of the evidence or note; empty for a link to the shard before
	Event  Event       // of an evidence
	Note   LogNoteKind // of a note
	Time   time.Time   // of the evidence or note, UTC; zero for a link
}

// LogTree is the tree of a shard at one size.
type LogTree struct {
	Origin string
	Size   int64
	Root   Digest
}

// LogView is what is known of a shard now.
type LogView struct {
	LogTree
	Note   string    // signed checkpoint
	Seen   []LogSeen // by these witnesses
	Quorum bool      // they are enough
	Wanted bool      // witnesses are asked at all
}

// LogSeen says that a witness has seen a tree.
type LogSeen struct {
	Witness string
	Time    time.Time // UTC, seconds
}

// LogPath leads from an entry to the root of a tree (RFC 9162, 2.1.3).
type LogPath struct {
	LogView
	Index int64
	Leaf  Digest // of the entry
	Steps []LogStep
}

// LogStep takes one hash further up.
type LogStep struct {
	Sibling Digest
	Left    bool   // the sibling stands on the left
	Node    Digest // of both
}

// LogGrowth shows that a tree that was kept is the beginning of the one of now.
type LogGrowth struct {
	Kept, Now LogTree
	Proof     []Digest // RFC 9162, 2.1.4
}
