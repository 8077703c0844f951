package hub

// LogRow is an entry of the log as a store has it, beside what the store holds under the
// id that the entry names; or something recorded that has no entry. Nothing in it is
// believed: it is what an auditor compares with the log.
type LogRow struct {
	Origin string // of the shard; empty without an entry
	Index  int64
	Data   []byte // the leaf
	Source string // id of the evidence or note; empty for a link to the shard before
	// Of an evidence: the columns of its row. Canonical is nil where there is none.
	Canonical []byte
	JWS       string
	Dispatch  DispatchID
	Delivery  DeliveryID
	// Of a note: JSON of the whole note, nil where there is none.
	Note []byte
}
