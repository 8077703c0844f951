package hub

import (
	"encoding/json"
	"time"
)

// LogMark remembers how far a store was searched for what is not in the log yet. Only
// the store that gave it can read it; the empty one stands for the beginning.
type LogMark string

// LogSource is something recorded that the log must hold: an evidence or a note.
type LogSource struct {
	ID   string
	Note *LogNote // nil for an evidence
	// Of an evidence: the bytes that were signed, and the signature.
	Canonical []byte
	JWS       string
}

// LogIntake is what was recorded and is not in the log, in the order of recording.
type LogIntake struct {
	Sources []LogSource
	Mark    LogMark // to search on from, once all sources are in the log
}

// LogNoteKind says what a note is about.
type LogNoteKind string

// The kinds of notes.
const (
	LogNoteKey      LogNoteKind = "key"      // the keys and certificates that the hub signs with
	LogNotePolicy   LogNoteKind = "policy"   // rules of acceptance and trust anchors in force
	LogNoteOperator LogNoteKind = "operator" // what an operator is about to do
	LogNoteSeal     LogNoteKind = "seal"     // a document sealed for an agency, before it is given out
	LogNoteRenewal  LogNoteKind = "renewal"  // time-stamps renewed
	LogNoteRehash   LogNoteKind = "rehash"   // a shard hashed anew by another digest
	LogNoteVerdict  LogNoteKind = "verdict"  // a signature judged again; newer ones have evidence of their own (SignatureValidation)
	LogNoteReading  LogNoteKind = "reading"  // a person read a document
)

// LogNoteApplication is what a system asks of the operator.
const LogNoteApplication LogNoteKind = "application"

// LogNoteStray is a status message that was passed on, a Stray, at each step.
const LogNoteStray LogNoteKind = "stray"

// LogNoteDossier is an event of a dossier, by its digest.
const LogNoteDossier LogNoteKind = "dossier"

// LogNoteTaking is a package about a dossier that could not be put there, settled by its sender.
const LogNoteTaking LogNoteKind = "dossier_package"

// LogNoteInspection is an event of an inspection, by its digest.
const LogNoteInspection LogNoteKind = "inspection"

// LogNoteReport is a reform report that was made, by its digest.
const LogNoteReport LogNoteKind = "report"

// LogNoteSession is a person who signed in or out.
const LogNoteSession LogNoteKind = "session"

// LogNoteSubscription is a subscription made, changed, paused or removed.
const LogNoteSubscription LogNoteKind = "subscription"

// LogNote is a fact about the hub itself that nobody may deny later. The log holds its
// digest only: the body may name people.
type LogNote struct {
	ID   string          `json:"id"`
	Kind LogNoteKind     `json:"kind"`
	Time time.Time       `json:"time"` // UTC, milliseconds
	Body json.RawMessage `json:"body"`
}

// LogEntry is one leaf of the log.
type LogEntry struct {
	Index  int64  `json:"index"`            // in its shard, from 0 without gaps
	Source string `json:"source,omitempty"` // id of the evidence or note; empty for a link to the shard before
	Data   []byte `json:"data"`
	// Numbers are those of a receipt in the sequences of the agencies that it names. An
	// archive holds them as records of their own.
	Numbers []AgencyNumber `json:"-"`
}

// AgencyNumber is a place in the sequence of an agency: of all receipts of a shard that
// name the agency, in the order of the log, from 1 without gaps.
type AgencyNumber struct {
	Agency AgencyID `json:"agency"`
	Number int64    `json:"number"`
}

// SequenceEntry is one receipt of the sequence of an agency.
type SequenceEntry struct {
	Number   int64
	Index    int64      // in the shard
	Evidence EvidenceID // empty where the store has lost it
	Data     []byte     // the leaf
}

// LogNumberRecord is a number in an archive.
type LogNumberRecord struct {
	Shard int64 `json:"shard"` // place among the shards, from 0
	Index int64 `json:"index"` // of the entry
	AgencyNumber
}

// LogBatch is one step of the sequencer: entries that get the next indexes of a shard,
// all or none.
type LogBatch struct {
	Origin  string // of the shard
	Epoch   int64  // of the sequencer: one with a smaller epoch than was seen is refused
	Entries []LogEntry
	Mark    LogMark
}

// LogHead is a checkpoint that was published: all tiles that it needs were durable
// before.
type LogHead struct {
	Origin string    `json:"origin"`
	Epoch  int64     `json:"-"`
	Size   int64     `json:"size"`
	Note   []byte    `json:"note"` // signed note
	At     time.Time `json:"at"`   // UTC, microseconds
}

// LogShard is the log of one year.
type LogShard struct {
	Origin string
	Epoch  int64
	Size   int64   // entries that have an index
	Mark   LogMark // of the last batch
	// Head is the newest checkpoint; its Size is 0 before the first.
	Head LogHead
	// Witnessed is the newest checkpoint with a quorum of cosignatures; its Size is 0
	// before the first.
	Witnessed LogHead
}

// LogStamp is a checkpoint with a time-stamp token (RFC 3161) over its note.
type LogStamp struct {
	Origin string    `json:"origin"`
	Size   int64     `json:"size"`
	Note   []byte    `json:"note"`
	Token  []byte    `json:"token"` // DER
	Time   time.Time `json:"time"`  // genTime of the token
}

// LogRenewal is a further time-stamp token for a checkpoint that has some: over the bytes
// of its note and of all tokens that it had before, one behind the other. Made while the
// last of them still proves something, it proves that they were there then (RFC 4998,
// 5.2).
type LogRenewal struct {
	Origin  string    `json:"origin"`
	Size    int64     `json:"size"`
	Stamped time.Time `json:"stamped"` // Time of the LogStamp that is renewed
	Number  int       `json:"number"`  // from 1 without gaps
	Token   []byte    `json:"token"`   // DER
	Time    time.Time `json:"time"`    // genTime of the token
}

// MaxLogRenewals bounds the renewals of one time-stamp: more than a century of tokens
// that last ten years each.
const MaxLogRenewals = 16

// TokenEnd is when a time-stamp token stops proving anything by itself.
type TokenEnd struct {
	At  time.Time `json:"at"`  // UTC
	Why string    `json:"why"` // what ends
	Sub SubReason `json:"sub_indication"`
	// Algorithm is that of its signature, or its digest if that ends before.
	Algorithm string `json:"algorithm"`
}

// TimeToken is a time-stamp token (RFC 3161) as it was given.
type TimeToken struct {
	DER       []byte
	Time      time.Time // genTime, UTC
	Authority string    // who gave it, for logs
	// When it was asked for and was there, by the clock of the hub.
	Asked, Answered time.Time
}

// CheckpointUpdate is what a log hands to a witness (c2sp.org/tlog-witness): its new
// checkpoint, and the proof that the tree of the old size is its beginning.
type CheckpointUpdate struct {
	Old   int64    // size that the witness has seen last, as far as the log knows
	Proof []Digest // RFC 6962, 2.1.2; none from size 0
	Note  []byte   // signed checkpoint
}

// StaleSize says which tree a witness has seen last, to a log that thought of another.
type StaleSize struct {
	Size int64
	Err  *Error // KindConflict
}

// Error implements error.
func (s *StaleSize) Error() string { return s.Err.Error() }

// Unwrap returns the error with its kind.
func (s *StaleSize) Unwrap() error { return s.Err }

// LogFork is what a witness was shown that does not fit to what it had seen, both signed
// by the log.
type LogFork struct {
	Origin  string `json:"origin"`
	Seen    []byte `json:"seen"`    // the checkpoint that the witness had cosigned
	Refused []byte `json:"refused"` // the one that it was shown then
	// Old and Proof are what came with it.
	Old   int64     `json:"old"`
	Proof []Digest  `json:"proof"`
	At    time.Time `json:"at"` // UTC
	// Proven says that the two checkpoints and the proof show two histories. Else the
	// proof that came along shows nothing, which a stranger can bring about.
	Proven bool `json:"proven"`
}

// WitnessedLog is what a witness knows of one log.
type WitnessedLog struct {
	Origin     string    `json:"origin"`
	Size       int64     `json:"size"` // 0 before the first checkpoint
	Root       Digest    `json:"root"`
	Time       time.Time `json:"time,omitzero"`        // of the cosignature, UTC
	Checkpoint string    `json:"checkpoint,omitempty"` // with the cosignature
	Forks      []LogFork `json:"forks"`
}

// LogPlace is where the log holds something.
type LogPlace struct {
	Origin string
	Index  int64
	Data   []byte // the leaf
}

// LogTile is one file of a log in the layout of c2sp.org/tlog-tiles. It never changes.
type LogTile struct {
	Name string // with slashes, beginning with the shard
	Data []byte
}

// LogShardRecord is a shard in an archive. Whose turn it is to write and how far was
// searched belong to the store that it came from.
type LogShardRecord struct {
	Origin    string   `json:"origin"`
	Size      int64    `json:"size"`
	Head      *LogHead `json:"head,omitempty"`
	Witnessed *LogHead `json:"witnessed,omitempty"`
}

// LogEntryRecord is an entry in an archive.
type LogEntryRecord struct {
	Shard int64 `json:"shard"` // place among the shards, from 0
	LogEntry
}
