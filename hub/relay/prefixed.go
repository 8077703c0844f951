package relay

import (
	"context"
	"strings"

	"github.com/lienthong/lienthong/hub"
)

// prefixed are the notes of one passage among those of all: what the membership of the
// hub and those of other systems keep under the same names is kept apart.
type prefixed struct {
	all  Notes
	kept string // who the passage is
}

// passageNotes begin the names of what passages keep.
const passageNotes = hub.RelayNotes + "pass/"

// outer is a name as the store has it.
func (p prefixed) outer(name string) string {
	if rest, ok := strings.CutPrefix(name, hub.RelayNotes); ok {
		return passageNotes + named(p.kept) + "/" + rest
	}
	return name + "@" + named(p.kept) // keeps content: who keeps it stands at the end
}

func (p prefixed) inner(name string) string {
	return hub.RelayNotes + strings.TrimPrefix(name, passageNotes+named(p.kept)+"/")
}

// SaveNotes implements Notes.
func (p prefixed) SaveNotes(ctx context.Context, notes ...hub.RetentionNote) error {
	outer := make([]hub.RetentionNote, len(notes))
	for i, n := range notes {
		outer[i] = hub.RetentionNote{Name: p.outer(n.Name), Body: n.Body}
	}
	return p.all.SaveNotes(ctx, outer...)
}

// SwapNote implements Notes.
func (p prefixed) SwapNote(ctx context.Context, was, now hub.RetentionNote) error {
	was.Name, now.Name = p.outer(was.Name), p.outer(now.Name)
	return p.all.SwapNote(ctx, was, now)
}

// Note implements Notes.
func (p prefixed) Note(ctx context.Context, name string) (hub.RetentionNote, error) {
	n, err := p.all.Note(ctx, p.outer(name))
	n.Name = name
	return n, err
}

// Notes implements Notes, for the names of this room alone.
func (p prefixed) Notes(ctx context.Context, query hub.NotesQuery) ([]hub.RetentionNote, error) {
	query.Prefix = p.outer(query.Prefix)
	if query.After != "" {
		query.After = p.outer(query.After)
	}
	found, err := p.all.Notes(ctx, query)
	for i := range found {
		found[i].Name = p.inner(found[i].Name)
	}
	return found, err
}
