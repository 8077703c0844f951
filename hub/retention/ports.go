package retention

import (
	"context"
	"time"

	"github.com/lienthong/lienthong/hub"
)

// Store knows which content is named, and by what that may go.
type Store interface {
	// Completed lists dispatches of which every delivery has ended and whose content
	// is there, in the order of (instant of the last end, id).
	Completed(ctx context.Context, query hub.CompletedQuery) ([]hub.Completed, error)
	// Purge removes content references in one transaction with the evidence of it and
	// MUST NOT return before that is durable. A dispatch that is not completed is left
	// out and its error (by index) is KindConflict. The second result is KindConflict
	// when classes or holds are no longer those of batch.Rules: nothing is purged then.
	Purge(ctx context.Context, batch hub.PurgeBatch) ([]error, error)
	// Unreferenced returns those of the digests that no dispatch, status report or
	// upload names.
	Unreferenced(ctx context.Context, digests []hub.Digest) ([]hub.Digest, error)
	// NamedContent lists what dispatches, status reports and dossiers name, in the order
	// of digests, each once.
	NamedContent(ctx context.Context, after hub.Digest, limit int) ([]hub.Digest, error)
	// DispatchesWith lists dispatches that name a content, by id.
	DispatchesWith(ctx context.Context, digest hub.Digest, limit int) ([]hub.DispatchID, error)
}

// Notes keeps what retention remembers, by name. The rules are the notes that say what
// is purged: they have one version together.
type Notes interface {
	RulesVersion(ctx context.Context) (int64, error)
	// ChangeRules saves notes in one transaction when the rules are of the version,
	// which then grows by one; else nothing is saved (KindConflict).
	ChangeRules(ctx context.Context, version int64, notes ...hub.RetentionNote) error
	// SaveNotes inserts or replaces notes in one transaction; one without a body goes.
	SaveNotes(ctx context.Context, notes ...hub.RetentionNote) error
	// Note answers KindNotFound when there is none.
	Note(ctx context.Context, name string) (hub.RetentionNote, error)
	Notes(ctx context.Context, query hub.NotesQuery) ([]hub.RetentionNote, error)
}

// Dispatches looks a dispatch up; KindNotFound when there is none.
type Dispatches interface {
	DispatchItem(ctx context.Context, dispatch hub.DispatchID) (hub.SentItem, error)
}

// Blobs lists, reads and removes content.
type Blobs interface {
	// OpenBlob answers KindNotFound when the content is absent.
	OpenBlob(ctx context.Context, digest hub.Digest) (hub.Blob, error)
	// BlobInfos lists content in the order of digests, limit at most.
	BlobInfos(ctx context.Context, after hub.Digest, limit int) ([]hub.BlobInfo, error)
	// RemoveBlob removes content that was last stored before the instant. It MUST be
	// KindConflict when the content was stored since, however narrowly.
	RemoveBlob(ctx context.Context, digest hub.Digest, before time.Time) error
	// SweepStaging removes unfinished content and staged bytes that have not changed
	// since the instant.
	SweepStaging(ctx context.Context, before time.Time) (int, error)
}

// Desks keeps the dossiers of one-stop desks.
type Desks interface {
	// Ended lists dossiers that have ended and still hold something of persons.
	Ended(ctx context.Context, query hub.EndedDossiers) ([]hub.Dossier, error)
	// Erase takes that from a dossier, with an event that says so. It MUST be KindConflict when
	// classes and holds are no longer of the version rules, or when something happened to the
	// dossier meanwhile.
	Erase(ctx context.Context, dossier hub.DossierID, why hub.DossierErasure, rules int64) error
}

// Notary completes and seals evidences.
type Notary interface {
	Seal(ctx context.Context, evidence ...hub.Evidence) ([]hub.SealedEvidence, error)
}
