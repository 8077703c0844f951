package audit

import (
	"bytes"
	"context"
	"encoding/json"
	"time"

	"github.com/lienthong/lienthong/hub"
)

// NoteStore keeps facts about the hub itself, which the log will hold.
type NoteStore interface {
	AddLogNote(ctx context.Context, note hub.LogNote) error
	// LogNotes lists notes of a kind, newest first.
	LogNotes(ctx context.Context, kind hub.LogNoteKind, limit int) ([]hub.LogNote, error)
}

// Notes records facts about the hub itself: which keys it signs with, which rules are
// in force, what its operators do. The log holds the digest of each, so that none can
// be taken back.
type Notes struct {
	Store NoteStore
	Now   func() time.Time
	NewID func() string
}

// Note records a fact durably. The log holds it a moment later.
func (n *Notes) Note(ctx context.Context, kind hub.LogNoteKind, fact any) error {
	body, err := json.Marshal(fact)
	if err != nil {
		return hub.Internal("encode a note", err)
	}
	return n.add(ctx, kind, body)
}

// NoteChange records a fact unless the last one of its kind says the same.
func (n *Notes) NoteChange(ctx context.Context, kind hub.LogNoteKind, fact any) error {
	body, err := json.Marshal(fact)
	if err != nil {
		return hub.Internal("encode a note", err)
	}
	last, err := n.Store.LogNotes(ctx, kind, 1)
	if err != nil || len(last) > 0 && bytes.Equal(last[0].Body, body) {
		return err
	}
	return n.add(ctx, kind, body)
}

func (n *Notes) add(ctx context.Context, kind hub.LogNoteKind, body []byte) error {
	return n.Store.AddLogNote(ctx, noteOf(kind, body, n.NewID(), n.Now()))
}

func noteOf(kind hub.LogNoteKind, body []byte, id string, now time.Time) hub.LogNote {
	return hub.LogNote{ID: id, Kind: kind, Time: now.UTC().Truncate(time.Millisecond), Body: body}
}

// NewNote is a note of a fact that is recorded together with something else.
func NewNote(kind hub.LogNoteKind, fact any, id string, now time.Time) (hub.LogNote, error) {
	body, err := json.Marshal(fact)
	if err != nil {
		return hub.LogNote{}, hub.Internal("encode a note", err)
	}
	return noteOf(kind, body, id, now), nil
}
