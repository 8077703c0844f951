package hub

import "time"

// SequenceQuery asks for the sequence of an agency in a year.
type SequenceQuery struct {
	Agency AgencyID
	Year   int   // 0: the newest
	After  int64 // a number; 0: from the beginning
	Limit  int
}

// Sequence lists the receipts of a year that name an agency, as the log numbers them. With
// its key anybody finds the same receipts in the public log, and those that are kept back.
type Sequence struct {
	Agency AgencyID `json:"agency"`
	Log    string   `json:"log"` // origin of the shard
	// Key makes the tags that stand in the leaves: the first 16 bytes of HMAC-SHA256 over
	// the number as 8 bytes. In hex. Who has it sees which leaves name the agency.
	Key   string         `json:"key"`
	Size  int64          `json:"size"` // entries of the log that were published then
	Items []SequenceItem `json:"items"`
	Next  int64          `json:"next,omitempty"` // to list on behind; 0 at the end
}

// SequenceItem is one receipt of a sequence.
type SequenceItem struct {
	Number   int64      `json:"number"` // from 1 without gaps
	Index    int64      `json:"index"`  // of its entry in the log
	Evidence EvidenceID `json:"evidence_id"`
	SHA256   Digest     `json:"sha256"` // of the evidence
	Event    Event      `json:"event"`
	Time     time.Time  `json:"time"` // UTC
}
