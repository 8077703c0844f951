package alerts

import (
	"context"

	"github.com/lienthong/lienthong/hub"
)

// Notes keeps what is remembered, by name.
type Notes interface {
	// Note answers KindNotFound when there is none.
	Note(ctx context.Context, name string) (hub.RetentionNote, error)
	Notes(ctx context.Context, query hub.NotesQuery) ([]hub.RetentionNote, error)
	// SaveNotes inserts or replaces notes in one transaction; one without a body goes.
	SaveNotes(ctx context.Context, notes ...hub.RetentionNote) error
	// SwapNote saves a note in the place of the one that was read; KindConflict where
	// another stands there. It MUST be durable when it returns.
	SwapNote(ctx context.Context, was, now hub.RetentionNote) error
}

// Mailer sends one mail to one address. Errors: KindNotFound or KindInvalid when the
// address or the mail is refused for good; hub.ErrUncertain in the tree when nobody knows
// whether it was taken; every other error is temporary.
type Mailer interface {
	TellAlerts(ctx context.Context, to string, mail hub.AlertMail) error
}

// Look finds causes, and names the node in those that are of one. It MUST find all that are
// there, or fail.
type Look func(ctx context.Context) ([]hub.Finding, error)
