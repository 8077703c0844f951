package audit

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/lienthong/lienthong/hub"
)

const aboutEvidence = `{"delivery_id":"d","content":{"parts":[{"id":"p1","name":"\"event\":\"x\" [{,","note":{"event":"inner","event_time":"2020"}}]},` +
	`"event":"http://uri.etsi.org/19522/Event/ContentHandover","event_time":"2026-11-23T10:15:31.204Z","evidence_id":"e","message_id":"m","recipients":[{"code":"H47","id":"B","index":0},{"auth":{"id":"x","method":"key"},"id":"C"},{"id":"B"}],"sender":{"auth":{"actor":"id"},"id":"A","name":"Nguyễn Văn A (hư cấu)"}}`

// FuzzAbout: whatever is valid JSON means to the walk what it means to encoding/json.
func FuzzAbout(f *testing.F) {
	f.Add([]byte(aboutEvidence))
	for _, text := range []string{
		`{}`, `[]`, `"event"`, `null`, ``, `{"event":"a"}`,
		`{"event":"a","event":"b","event_time":"2026-11-23T10:15:31Z"}`,
		`{"event":"a","Event":"b","event_time":"2026-11-23T10:15:31Z"}`,
		`{"event":"a","\u0065vent":"b","event_time":"2026-11-23T10:15:31Z"}`,
		`{"event":"a","event_time":"2026-11-23T10:15:31Z","EVENT_TIME":null}`,
		`{"event":"a","event_time":"2026-11-23T10:15:31+07:00"}`,
		`{"event":"a\n","event_time":"2026-11-23T10:15:31Z"}`,
		`{"event":"Cụm","event_time":"2026-11-23T10:15:31Z"}`,
		`{"event":{"event":"a"},"event_time":"2026-11-23T10:15:31Z"}`,
		`{"x":["event","event_time"],"event":"","event_time":""}`,
		` { "event" : "a" , "event_time" : "2026-11-23T10:15:31Z" } `,
		`{"event":"a","event_time":"2026-11-23T10:15:31Z","sender":{"id":"A"},"recipients":[{"id":"B"},{"ID":"C"}]}`,
		`{"event":"a","event_time":"2026-11-23T10:15:31Z","sender":{"id":"A"},"sender":{"id":"B"}}`,
		`{"event":"a","event_time":"2026-11-23T10:15:31Z","sender":[{"id":"A"}],"recipients":{"id":"B"}}`,
		`{"event":"a","event_time":"2026-11-23T10:15:31Z","sender":null,"recipients":[null,{"id":"B","id":"C"}]}`,
		`{"event":"a","event_time":"2026-11-23T10:15:31Z","recipients":[[{"id":"B"}],{"x":{"id":"C"},"id":"D"}]}`,
		`[{"event":"a","event_time":"2026-11-23T10:15:31Z"}]`,
		"{\"event\":\"a\",\"event_time\":\"2026-11-23T10:15:31Z\",\"\u017fevent\":\"\xff\"}",
		"{\"event\":\"a\",\"event_time\":\"2026-11-23T10:15:31Z\",\"event_t\u0131me\":\"x\"}",
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		w := aboutWalk{text: text}
		if !w.run() || !json.Valid(text) {
			return
		}
		if _, err := time.Parse(time.RFC3339, string(w.at)); err != nil {
			return // encoding/json decides
		}
		got, err := readAbout(text)
		if err != nil {
			t.Fatal(err)
		}
		want, err := decodeAbout(text)
		if err != nil {
			t.Fatalf("encoding/json reads no %q: %v", text, err)
		}
		if got.Event != want.Event || !got.Time.Equal(want.Time) || got.ID != want.ID || got.Dispatch != want.Dispatch || got.Delivery != want.Delivery || !slices.Equal(got.Parties, want.Parties) {
			t.Errorf("%+v, want %+v: %q", got, want, text)
		}
	})
}

// TestAboutIsFound: evidence as hubs write it takes the short way.
func TestAboutIsFound(t *testing.T) {
	w := aboutWalk{text: []byte(aboutEvidence)}
	if !w.run() {
		t.Fatal("it gives up")
	}
	got := fmt.Sprintf("%s %s %s %s %s %s %s", w.event, w.at, w.evidence, w.dispatch, w.delivery, w.sender, w.recipients)
	if got != "http://uri.etsi.org/19522/Event/ContentHandover 2026-11-23T10:15:31.204Z e m d A [B C B]" {
		t.Error(got)
	}
	if about, err := readAbout([]byte(aboutEvidence)); err != nil || !slices.Equal(about.Parties, []hub.AgencyID{"A", "B", "C"}) {
		t.Errorf("%+v, %v", about, err)
	}
}
