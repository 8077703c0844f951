package audit

import (
	"bytes"
	"encoding/json"
	"time"

	"github.com/lienthong/lienthong/hub"
)

// aboutReceipt is what the log says of an evidence: event and time in clear, the agencies
// that it names by their sequences; and by what else its row is found.
type aboutReceipt struct {
	Event    hub.Event
	Time     time.Time
	ID       hub.EvidenceID
	Dispatch hub.DispatchID
	Delivery hub.DeliveryID
	Sender   hub.AgencyID
	Parties  []hub.AgencyID
}

// refused is whose submission was refused; empty for all other evidence.
func (a *aboutReceipt) refused() hub.AgencyID {
	if a.Event == hub.EventSubmissionRejection {
		return a.Sender
	}
	return ""
}

// readAbout reads it out of the canonical bytes. The sequencer does so for every evidence
// there is: to decode the whole text costs more than all else that a leaf needs.
func readAbout(canonical []byte) (a aboutReceipt, err error) {
	if w := (aboutWalk{text: canonical}); w.run() {
		if a.Time, err = time.Parse(time.RFC3339, string(w.at)); err == nil {
			a.Event, a.Parties = hub.Event(w.event), parties(w.sender, w.recipients)
			a.Sender = w.sender
			a.ID, a.Dispatch, a.Delivery = hub.EvidenceID(w.evidence), hub.DispatchID(w.dispatch), hub.DeliveryID(w.delivery)
			return a, nil
		}
	}
	return decodeAbout(canonical)
}

func decodeAbout(canonical []byte) (aboutReceipt, error) {
	type party struct {
		ID hub.AgencyID `json:"id"`
	}
	var e struct {
		Event      hub.Event      `json:"event"`
		Time       time.Time      `json:"event_time"`
		ID         hub.EvidenceID `json:"evidence_id"`
		Dispatch   hub.DispatchID `json:"message_id"`
		Delivery   hub.DeliveryID `json:"delivery_id"`
		Sender     party          `json:"sender"`
		Recipients []party        `json:"recipients"`
	}
	err := json.Unmarshal(canonical, &e)
	recipients := make([]hub.AgencyID, len(e.Recipients))
	for i := range e.Recipients {
		recipients[i] = e.Recipients[i].ID
	}
	return aboutReceipt{e.Event, e.Time, e.ID, e.Dispatch, e.Delivery, e.Sender.ID, parties(e.Sender.ID, recipients)}, err
}

// aboutWalk looks for event, time and ids in the outermost object, and for the ids of sender
// and recipients, by walking over its text. It gives up where encoding/json might see
// something else: at names with escapes, that differ in case alone, or that come twice,
// and at values of another kind.
type aboutWalk struct {
	text       []byte
	event, at  []byte
	evidence   []byte // ids
	dispatch   []byte
	delivery   []byte
	sender     hub.AgencyID
	recipients []hub.AgencyID

	depth   int
	name    bool   // the next string is a name, and one that matters
	in      string // "sender" or "recipients" within them
	seen    [2]bool
	objects int // parties that were begun
	ids     int // and those that have an id
	hasID   bool
}

// run reports whether everything was found.
func (w *aboutWalk) run() bool {
	for i := 0; i < len(w.text); i++ {
		switch w.text[i] {
		case '{', '[':
			if !w.begin(w.text[i]) {
				return false
			}
		case '}', ']':
			if w.depth--; w.depth == 1 {
				w.in = ""
			}
			w.name = false
		case ',':
			w.name = w.depth == 1 || w.ofParty()
		case '"':
			s, plain := stringAt(w.text[i:])
			i += len(s) + 1
			if !w.name {
				continue
			}
			w.name = false
			n, ok := w.member(s, plain, w.text[min(i+1, len(w.text)):])
			if !ok {
				return false
			}
			i += n
		}
	}
	return w.depth == 0 && w.event != nil && w.at != nil && w.objects == w.ids
}

// ofParty reports whether the walk is among the members of a party.
func (w *aboutWalk) ofParty() bool {
	return w.in == "sender" && w.depth == 2 || w.in == "recipients" && w.depth == 3
}

func (w *aboutWalk) begin(kind byte) bool {
	w.depth++
	w.name = false
	switch {
	case w.depth == 1:
		w.name = kind == '{'
	case w.in == "recipients" && w.depth == 2:
		return kind == '['
	case w.ofParty():
		w.objects++
		w.name, w.hasID = true, false
		return kind == '{'
	}
	return true
}

// member takes a member of the outermost object or of a party; what follows its name is
// in rest. It returns how much of that it took, and false to give up.
func (w *aboutWalk) member(name []byte, plain bool, rest []byte) (int, bool) {
	if !plain {
		return 0, false
	}
	if w.depth > 1 {
		return w.id(name, rest)
	}
	var value *[]byte
	switch {
	case bytes.EqualFold(name, []byte("event")):
		value = &w.event
	case bytes.EqualFold(name, []byte("event_time")):
		value = &w.at
	case bytes.EqualFold(name, []byte("evidence_id")):
		value = &w.evidence
	case bytes.EqualFold(name, []byte("message_id")):
		value = &w.dispatch
	case bytes.EqualFold(name, []byte("delivery_id")):
		value = &w.delivery
	case bytes.EqualFold(name, []byte("sender")):
		return 0, w.enter("sender", 0, name, rest, ":{")
	case bytes.EqualFold(name, []byte("recipients")):
		return 0, w.enter("recipients", 1, name, rest, ":[")
	default:
		return 0, true
	}
	if *value != nil || hasUpper(name) {
		return 0, false
	}
	var n int
	*value, n = plainValue(rest)
	return n, n > 0
}

func (w *aboutWalk) enter(member string, place int, name, rest []byte, begins string) bool {
	again := w.seen[place]
	w.in, w.seen[place] = member, true
	return !again && !hasUpper(name) && bytes.HasPrefix(rest, []byte(begins))
}

func (w *aboutWalk) id(name, rest []byte) (int, bool) {
	if !bytes.EqualFold(name, []byte("id")) {
		return 0, true
	}
	value, n := plainValue(rest)
	if w.hasID || hasUpper(name) || n == 0 {
		return 0, false
	}
	w.hasID = true
	w.ids++
	if w.in == "sender" {
		w.sender = hub.AgencyID(value)
	} else {
		w.recipients = append(w.recipients, hub.AgencyID(value))
	}
	return n, true
}

func hasUpper(name []byte) bool {
	return bytes.ContainsFunc(name, func(r rune) bool { return r >= 'A' && r <= 'Z' })
}

// plainValue reads the value behind a name: a string that is not empty and says what is
// written. It returns how long that is with what stands before; 0 for everything else.
func plainValue(rest []byte) (value []byte, length int) {
	if !bytes.HasPrefix(rest, []byte(`:"`)) {
		return nil, 0
	}
	s, plain := stringAt(rest[1:])
	if !plain || len(s) == 0 {
		return nil, 0
	}
	return s, len(s) + 3
}

// stringAt returns what is between the quotes of the string that text begins with, as it
// is written, and whether that is what it says: printable ASCII without escapes.
func stringAt(text []byte) (s []byte, plain bool) {
	plain = true
	for i := 1; i < len(text); i++ {
		switch c := text[i]; {
		case c == '"':
			return text[1:i], plain
		case c == '\\':
			i++
			plain = false
		case c < ' ' || c > '~':
			plain = false
		}
	}
	return text[1:], false
}
