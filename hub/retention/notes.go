package retention

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/lienthong/lienthong/hub"
)

// The names of notes. What an id or a version follows sorts by time.
const (
	classesPrefix  = "classes/"  // every set of classes that was in force
	holdPrefix     = "hold/"     // legal holds that were not released
	releasedPrefix = "released/" // legal holds that were
	runPrefix      = "run/"
	askPrefix      = "ask/"     // runs that an operator asked for
	findingPrefix  = "finding/" // what the scrub found
	progressNote   = "progress" // how far the purge has come
	scrubNote      = "scrub"    // how far the scrub has come
)

// maxPage bounds the notes that are read at once.
const maxPage = 200

func classesName(version int64) string { return fmt.Sprintf("%s%012d", classesPrefix, version) }

// note writes a value down.
func note(name string, v any) (hub.RetentionNote, error) {
	body, err := json.Marshal(v)
	if err != nil {
		return hub.RetentionNote{}, hub.Internal("encode the note "+name, err)
	}
	return hub.RetentionNote{Name: name, Body: body}, nil
}

// save writes a value down in the store.
func (s *Service) save(ctx context.Context, name string, v any) error {
	n, err := note(name, v)
	if err != nil {
		return err
	}
	return s.Notes.SaveNotes(ctx, n)
}

func decode[T any](n *hub.RetentionNote) (T, error) {
	var v T
	if err := json.Unmarshal(n.Body, &v); err != nil {
		return v, hub.Internal("decode the note "+n.Name, err)
	}
	return v, nil
}

// load reads a note; the zero value when there is none.
func load[T any](ctx context.Context, s *Service, name string) (T, error) {
	n, err := s.Notes.Note(ctx, name)
	if err != nil {
		var zero T
		if hub.KindOf(err) == hub.KindNotFound {
			return zero, nil
		}
		return zero, err
	}
	return decode[T](&n)
}

// list reads one page of notes; the cursor is the rest of the last name.
func list[T any](ctx context.Context, s *Service, q hub.NotesQuery, page hub.Page) (hub.List[T], error) {
	var l hub.List[T]
	q.Limit = min(max(page.Limit, 1), maxPage) + 1
	if page.After != "" {
		q.After = q.Prefix + page.After
	}
	notes, err := s.Notes.Notes(ctx, q)
	if err != nil {
		return l, err
	}
	if len(notes) == q.Limit {
		notes = notes[:q.Limit-1]
		l.Next = notes[len(notes)-1].Name[len(q.Prefix):]
	}
	for i := range notes {
		v, err := decode[T](&notes[i])
		if err != nil {
			return l, err
		}
		l.Items = append(l.Items, v)
	}
	return l, nil
}

// all reads every note of a prefix.
func all[T any](ctx context.Context, s *Service, prefix string) ([]T, error) {
	var found []T
	for page := (hub.Page{Limit: maxPage}); ; {
		l, err := list[T](ctx, s, hub.NotesQuery{Prefix: prefix}, page)
		if err != nil {
			return nil, err
		}
		found = append(found, l.Items...)
		if page.After = l.Next; l.Next == "" {
			return found, nil
		}
	}
}
