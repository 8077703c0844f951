//go:build !mutants

// Package fault marks the places where a store could break a promise of
// durability. In every normal build each question below is the constant false
// and costs nothing; built with the tag "mutants", the environment variable
// LIENTHONG_MUTANT turns one on, so that the crash tests can prove that they
// would notice.
package fault

// The questions: each is true only in a mutant.
const (
	NoBlobSync         = false // content is not synchronised before it counts as stored
	NoDirSync          = false // the folder is not synchronised after a rename
	SyncNormal         = false // SQLite does not synchronise at every commit
	AnswerBeforeCommit = false // a caller gets its answer before the transaction commits
	NoIdempotencyKey   = false // repeated submissions are not recognised
	RowBeforeObject    = false // content counts as stored before it is
	NoEvidence         = false // evidence is not recorded: SQLite without it is what a benchmark compares with
	SequenceCursor     = false // a mailbox is read above the last id seen, not by state
)
