package relay

import (
	"context"
	"encoding/json"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/lienthong/lienthong/hub"
)

// The names of notes. What came in is under the id of the axis, what goes out under that
// of the dispatch.
const (
	settledNotes = hub.RelayNotes + "in/"     // came in and is settled: settled
	heldNotes    = hub.RelayNotes + "held/"   // came in and is not: hub.HeldPackage
	sendingNotes = hub.RelayNotes + "out/"    // goes out or went: sending
	holdNotes    = hub.RelayNotes + "hold/"   // does not go out for now: hold
	openNotes    = hub.RelayNotes + "open/"   // goes out, or went and the axis has more to say: following
	unsentNotes  = hub.RelayNotes + "unsent/" // a status message that the axis does not take: hub.HeldPackage
	agencyNotes  = hub.RelayNotes + "agency/" // the axis was asked to register: registered
)

// settled is what became of a package that came in. It stays, so that the same id of the
// axis is known for ever.
type settled struct {
	Kind     hub.PackageKind `json:"kind"`
	Outcome  string          `json:"outcome"` // accepted, duplicate, reported, echo, moot, sent_back
	Dispatch hub.DispatchID  `json:"dispatch,omitempty"`
	Evidence hub.EvidenceID  `json:"evidence,omitempty"`
	Reason   string          `json:"reason,omitempty"`
	By       string          `json:"by,omitempty"` // the operator, where one decided
	At       time.Time       `json:"at"`
}

// sending is a dispatch on its way to the axis.
type sending struct {
	State  sendingState `json:"state"`
	Until  time.Time    `json:"until,omitzero"` // of the claim of who hands it over
	To     []string     `json:"to"`             // codes in the call
	Digest hub.Digest   `json:"sha256"`
	Size   int64        `json:"size"`
	Made   bool         `json:"made,omitempty"` // the package was made here and is no part of the dispatch
	AxisID string       `json:"axis_id,omitempty"`
	At     time.Time    `json:"at,omitzero"`
	// Doubt are codes in calls of which no end is known: the axis may have it for them.
	Doubt []string `json:"doubt,omitempty"`
	Looks int      `json:"looks,omitempty"` // that the axis answered otherwise
}

// keep is the note by which a package that was made here is kept.
func (s *sending) keep(name string) hub.RetentionNote {
	return hub.KeepNote(s.Digest, s.Size, "relay-"+named(name))
}

// doubt keeps in mind whom a call named that came to no known end.
func (s *sending) doubt() {
	for _, code := range s.To {
		if !slices.Contains(s.Doubt, code) {
			s.Doubt = append(s.Doubt, code)
		}
	}
}

// sendingState is where a dispatch is on its way.
type sendingState string

const (
	sendFree    sendingState = "free"    // nobody hands it over now
	sendClaimed sendingState = "claimed" // somebody does, until its claim ends
	sendDone    sendingState = "sent"
	sendSplit   sendingState = "split" // the axis refused the whole: each recipient has a call of its own
)

// following is a package about which the axis may have more to say, or one that was made
// here and is not there yet.
type following struct {
	AxisID string    `json:"axis_id,omitempty"` // empty while it is not there
	At     time.Time `json:"at"`
	Next   time.Time `json:"next"`
}

// named is an id as a part of the name of a note.
func named(id string) string { return url.PathEscape(id) }

// note encodes a note.
func note(name string, body any) (hub.RetentionNote, error) {
	raw, err := json.Marshal(body)
	if err != nil {
		return hub.RetentionNote{}, hub.Internal("encode a note", err)
	}
	return hub.RetentionNote{Name: name, Body: raw}, nil
}

func gone(name string) hub.RetentionNote { return hub.RetentionNote{Name: name} }

// load reads a note into body, and reports whether it is there.
func (s *Service) load(ctx context.Context, name string, body any) (hub.RetentionNote, bool, error) {
	n, err := s.Notes.Note(ctx, name)
	switch {
	case err != nil && hub.KindOf(err) == hub.KindNotFound:
		return gone(name), false, nil
	case err != nil:
		return n, false, err
	}
	if err := json.Unmarshal(n.Body, body); err != nil {
		return n, false, hub.Internal("decode the note "+name, err)
	}
	return n, true, nil
}

// notePage is how many notes are read at once.
const notePage = 200

// each calls do for the notes of a prefix, by name, until it says no or there are none.
func each[T any](ctx context.Context, notes Notes, prefix string, do func(id string, body T) (bool, error)) error {
	for after := ""; ; {
		found, err := notes.Notes(ctx, hub.NotesQuery{Prefix: prefix, After: after, Limit: notePage})
		if err != nil {
			return err
		}
		for _, n := range found {
			var body T
			if err := json.Unmarshal(n.Body, &body); err != nil {
				return hub.Internal("decode the note "+n.Name, err)
			}
			if goOn, err := do(strings.TrimPrefix(n.Name, prefix), body); err != nil || !goOn {
				return err
			}
		}
		if len(found) < notePage {
			return nil
		}
		after = found[len(found)-1].Name
	}
}
