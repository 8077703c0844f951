package audit

import (
	"bytes"
	"encoding/json"
	"time"

	"github.com/lienthong/lienthong/hub"
)

// aboutReceipt is what a leaf says in clear of an evidence.
type aboutReceipt struct {
	Event hub.Event `json:"event"`
	Time  time.Time `json:"event_time"`
}

// readAbout reads it out of the canonical bytes. The sequencer does so for every evidence
// there is: to decode the whole text costs more than all else that a leaf needs.
func readAbout(canonical []byte) (a aboutReceipt, err error) {
	if event, at, ok := findAbout(canonical); ok {
		if a.Time, err = time.Parse(time.RFC3339, string(at)); err == nil {
			a.Event = hub.Event(event)
			return a, nil
		}
	}
	err = json.Unmarshal(canonical, &a)
	return a, err
}

// findAbout looks for the two members of the outermost object by walking over its text.
// It gives up where encoding/json might see something else: at names with escapes, that
// differ in case alone, or that come twice, and at values that are no plain strings.
func findAbout(text []byte) (event, at []byte, ok bool) {
	depth, name := 0, false // name: the next string of the outermost object is one
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '{', '[':
			depth++
			name = depth == 1 && text[i] == '{'
		case '}', ']':
			depth--
		case ',':
			name = depth == 1
		case '"':
			s, plain := stringAt(text[i:])
			i += len(s) + 1
			if !name {
				continue
			}
			name = false
			value := &event
			switch {
			case !plain:
				return nil, nil, false
			case bytes.EqualFold(s, []byte("event_time")):
				value = &at
			case !bytes.EqualFold(s, []byte("event")):
				continue
			}
			if *value != nil || bytes.ContainsAny(s, "EVNTIM") || !bytes.HasPrefix(text[i+1:], []byte(`:"`)) {
				return nil, nil, false
			}
			if *value, plain = stringAt(text[i+2:]); !plain || len(*value) == 0 {
				return nil, nil, false
			}
		}
	}
	return event, at, depth == 0 && event != nil && at != nil
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
