//go:build mutants

// Package fault, built with the tag "mutants": see fault.go.
package fault

import "os"

// The questions, answered by the environment once at start.
var (
	NoBlobSync         = mutant("no-blob-fsync")
	NoDirSync          = mutant("no-dir-fsync")
	SyncNormal         = mutant("sync-normal")
	AnswerBeforeCommit = mutant("answer-before-commit")
	NoIdempotencyKey   = mutant("no-idempotency-key")
	RowBeforeObject    = mutant("row-before-object")
	NoEvidence         = mutant("no-evidence")
	SequenceCursor     = mutant("sequence-cursor")
)

func mutant(name string) bool { return os.Getenv("LIENTHONG_MUTANT") == name }
