package audit

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"
)

const aboutEvidence = `{"content":{"parts":[{"id":"p1","name":"\"event\":\"x\" [{,","note":{"event":"inner","event_time":"2020"}}]},` +
	`"event":"http://uri.etsi.org/19522/Event/ContentHandover","event_time":"2026-11-23T10:15:31.204Z","sender":{"name":"Nguyễn Văn A (hư cấu)"}}`

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
		`[{"event":"a","event_time":"2026-11-23T10:15:31Z"}]`,
		"{\"event\":\"a\",\"event_time\":\"2026-11-23T10:15:31Z\",\"\u017fevent\":\"\xff\"}",
		"{\"event\":\"a\",\"event_time\":\"2026-11-23T10:15:31Z\",\"event_t\u0131me\":\"x\"}",
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		event, at, ok := findAbout(text)
		if !ok || !json.Valid(text) {
			return
		}
		if _, err := time.Parse(time.RFC3339, string(at)); err != nil {
			return // encoding/json decides
		}
		got, err := readAbout(text)
		if err != nil {
			t.Fatal(err)
		}
		var want aboutReceipt
		if err := json.Unmarshal(text, &want); err != nil {
			t.Fatalf("encoding/json reads no %q: %v", text, err)
		}
		if got.Event != want.Event || !got.Time.Equal(want.Time) {
			t.Errorf("%s of %s, want %+v: %q", event, at, want, text)
		}
	})
}

// TestAboutIsFound: evidence as hubs write it takes the short way.
func TestAboutIsFound(t *testing.T) {
	event, at, ok := findAbout([]byte(aboutEvidence))
	if got := fmt.Sprintf("%s %s %v", event, at, ok); got != "http://uri.etsi.org/19522/Event/ContentHandover 2026-11-23T10:15:31.204Z true" {
		t.Error(got)
	}
}
