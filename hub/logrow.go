package hub

import "time"

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
	Rejected  AgencyID // sender of a refused submission
	// Of a note: JSON of the whole note, nil where there is none.
	Note []byte
}

// LogTokenRow is a time-stamped checkpoint as a store has it, or a renewal of one: the
// columns by which it is found, and what is kept there.
type LogTokenRow struct {
	Origin  string // of the shard; ? where there is none
	Size    int64
	Stamped time.Time // UTC, microseconds
	Number  int       // of the renewal, from 1; 0: the time-stamp itself
	Body    []byte    // JSON of a LogStamp or LogRenewal
}

// CatalogueRow is a change of the catalogue of procedures as a store has it, or a version of
// a procedure: the columns by which it is found, and what is kept there. Nothing in it is
// believed.
type CatalogueRow struct {
	Seq    int64 // of a change, from 1; 0: a version
	Code   string
	Number int64  // of the version
	Body   []byte // JSON of a ProcedureChange or ProcedureVersion
	// Of a change: JSON of the version that it is about, and of the one before that; nil
	// where there is none.
	Made, Before []byte
	// Of a version: whether the columns by which it is listed and searched are those of the
	// body.
	Listed bool
}

// DossierRow is an event of a dossier as a store has it, the dossier itself, or one of its
// agencies. Nothing in it is believed.
type DossierRow struct {
	Dossier DossierID
	Seq     int64    // of an event, from 1; 0: the dossier; -1: an agency
	Body    []byte   // JSON of a DossierEvent or Dossier; nil of an agency
	Agency  AgencyID // of an agency
	// Of a dossier: whether the columns by which it is found are those of the body.
	Listed bool
}

// LogRehashRow is a shard hashed anew as a store has it, or a tile of one: the columns by
// which it is found, and what is kept there.
type LogRehashRow struct {
	Origin string // of the shard; ? where there is none
	Number int    // of the rehash
	Tokens int    // that the row of the rehash says there are; of a tile 0
	Body   []byte // JSON of a LogRehash; nil: a tile
	Tile   RehashTile
}
