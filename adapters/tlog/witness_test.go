package tlog

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lienthong/lienthong/hub"
)

// fakeWitness answers as it is told.
type fakeWitness struct {
	got  hub.CheckpointUpdate
	err  error
	view hub.WitnessedLog
}

func (f *fakeWitness) AddCheckpoint(_ context.Context, u hub.CheckpointUpdate) ([]byte, error) {
	f.got = u
	return []byte("— w AAAA\n"), f.err
}

func (f *fakeWitness) VerifierKey() string { return "w+01234567+KEY" }

func (f *fakeWitness) Views(context.Context) ([]hub.WitnessedLog, error) {
	return []hub.WitnessedLog{f.view}, nil
}

func sampleUpdate() hub.CheckpointUpdate {
	return hub.CheckpointUpdate{Old: 5, Proof: []hub.Digest{{1}, {2}}, Note: []byte("hub/evidence/2026\n7\nAAAA\n\n— hub/evidence/2026 AAAA\n")}
}

func serve(t *testing.T, f *fakeWitness) string {
	t.Helper()
	server := httptest.NewServer(NewWitnessHandler(f, slog.New(slog.DiscardHandler)))
	t.Cleanup(server.Close)
	return server.URL
}

// TestWitnessProtocol: each answer of the witness has its status, and the client reads
// it back as what it was.
func TestWitnessProtocol(t *testing.T) {
	stale := &hub.StaleSize{Size: 12, Err: hub.Errorf(hub.KindConflict, "old", "old_size", "elsewhere")}
	for name, c := range map[string]struct {
		err    error
		status int
		kind   hub.ErrorKind // that the client reports
	}{
		"cosigned":    {nil, http.StatusOK, ""},
		"unknown log": {hub.Errorf(hub.KindNotFound, "checkpoint", "origin", "no"), http.StatusNotFound, hub.KindUnavailable},
		"signature":   {hub.Errorf(hub.KindUntrusted, "checkpoint", "signature", "no"), http.StatusForbidden, hub.KindUnavailable},
		"size":        {hub.Invalid("old", "size", "no"), http.StatusBadRequest, hub.KindUnavailable},
		"proof":       {hub.Errorf(hub.KindUntrusted, "checkpoint", "consistency", "no"), http.StatusUnprocessableEntity, hub.KindUntrusted},
		"elsewhere":   {stale, http.StatusConflict, hub.KindConflict},
		"disk":        {hub.Internal("keep", errors.New("secret path")), http.StatusInternalServerError, hub.KindUnavailable},
	} {
		t.Run(name, func(t *testing.T) {
			f := &fakeWitness{err: c.err}
			url := serve(t, f)
			answer, err := http.Post(url+"/add-checkpoint", "text/plain", bytes.NewReader(encodeUpdate(ptr(sampleUpdate()))))
			if err != nil {
				t.Fatal(err)
			}
			body, _ := io.ReadAll(answer.Body)
			answer.Body.Close()
			if answer.StatusCode != c.status || strings.Contains(string(body), "secret") {
				t.Errorf("%d %q", answer.StatusCode, body)
			}
			if c.status == http.StatusConflict && (string(body) != "12\n" || answer.Header.Get("Content-Type") != "text/x.tlog.size") {
				t.Errorf("the size: %q as %q", body, answer.Header.Get("Content-Type"))
			}
			lines, err := NewWitnessClient(nil).AddCheckpoint(t.Context(), url+"/", sampleUpdate())
			if diff := cmp.Diff(sampleUpdate(), f.got); diff != "" {
				t.Errorf("the witness got something else: %s", diff)
			}
			if c.kind == "" {
				if err != nil || string(lines) != "— w AAAA\n" {
					t.Errorf("%q, %v", lines, err)
				}
				return
			}
			var s *hub.StaleSize
			if hub.KindOf(err) != c.kind || errors.As(err, &s) != (c.kind == hub.KindConflict) || s != nil && s.Size != 12 {
				t.Errorf("the client says %v", err)
			}
		})
	}
}

func ptr[T any](v T) *T { return &v }

// TestWitnessRefusesRequests that are no requests, before the witness is asked.
func TestWitnessRefusesRequests(t *testing.T) {
	f := &fakeWitness{}
	url := serve(t, f)
	line := strings.Repeat("A", 43) + "=\n"
	for name, c := range map[string]struct {
		body   string
		status int
	}{
		"empty":           {"", http.StatusBadRequest},
		"no old size":     {line + "\nnote\n", http.StatusBadRequest},
		"leading zero":    {"old 05\n\nnote\n", http.StatusBadRequest},
		"negative":        {"old -5\n\nnote\n", http.StatusBadRequest},
		"too large a one": {"old 9223372036854775808\n\nnote\n", http.StatusBadRequest},
		"no note":         {"old 5\n\n", http.StatusBadRequest},
		"short hash":      {"old 5\nAAAA\n\nnote\n", http.StatusBadRequest},
		"loose bits":      {"old 5\n" + strings.Repeat("A", 42) + "B=\n\nnote\n", http.StatusBadRequest},
		"64 hashes":       {"old 5\n" + strings.Repeat(line, 64) + "\nnote\n", http.StatusBadRequest},
		"63 hashes":       {"old 5\n" + strings.Repeat(line, 63) + "\nnote\n", http.StatusOK},
		"too large":       {"old 5\n\n" + strings.Repeat("x", maxUpdate), http.StatusRequestEntityTooLarge},
	} {
		answer, err := http.Post(url+"/add-checkpoint", "text/plain", strings.NewReader(c.body))
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
		if answer.StatusCode != c.status {
			t.Errorf("%s: %d, want %d", name, answer.StatusCode, c.status)
		}
	}
	if answer, err := http.Get(url + "/add-checkpoint"); err != nil || answer.StatusCode != http.StatusMethodNotAllowed {
		t.Errorf("GET: %v", err)
	}
}

// TestTheClientKeepsToItsWitness: it follows no redirect, reads no long answer and waits
// for nobody beyond its time.
func TestTheClientKeepsToItsWitness(t *testing.T) {
	asked := false
	inner := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked = true }))
	defer inner.Close()
	hang := make(chan struct{})
	mux := http.NewServeMux()
	mux.HandleFunc("/away/add-checkpoint", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, inner.URL, http.StatusTemporaryRedirect)
	})
	mux.HandleFunc("/long/add-checkpoint", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(make([]byte, 1<<20)) })
	mux.HandleFunc("/mute/add-checkpoint", func(http.ResponseWriter, *http.Request) { <-hang })
	mux.HandleFunc("/nosize/add-checkpoint", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusConflict) })
	server := httptest.NewServer(mux)
	defer server.Close()
	defer close(hang)
	for _, path := range []string{"/away", "/long", "/mute", "/nosize"} {
		ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
		_, err := NewWitnessClient(nil).AddCheckpoint(ctx, server.URL+path, sampleUpdate())
		cancel()
		if err == nil || hub.KindOf(err) != hub.KindUnavailable {
			t.Errorf("%s: %v", path, err)
		}
	}
	if asked {
		t.Error("a redirect was followed")
	}
}

// TestBoard: everybody may see what the witness has seen.
func TestBoard(t *testing.T) {
	f := &fakeWitness{view: hub.WitnessedLog{
		Origin: "hub/evidence/2026", Size: 7, Time: time.Date(2026, 1, 5, 1, 0, 0, 0, time.UTC),
		Forks: []hub.LogFork{{Seen: []byte("one\n"), Refused: []byte("two\n"), Proven: true}, {}},
	}}
	url := serve(t, f)
	for path, want := range map[string]string{
		"/":        "key: w+01234567+KEY\n\nhub/evidence/2026\n  size 7 ",
		"/seen":    `"proven": true`,
		"/metrics": `lienthong_witness_forks{origin="hub/evidence/2026"} 1` + "\n",
	} {
		answer, err := http.Get(url + path)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(answer.Body)
		answer.Body.Close()
		if !strings.Contains(string(body), want) {
			t.Errorf("%s: %s", path, body)
		}
	}
}

func FuzzParseUpdate(f *testing.F) {
	f.Add(encodeUpdate(ptr(sampleUpdate())))
	f.Add([]byte("old 0\n\nx\n"))
	f.Add([]byte("old 00\n\n\n\n"))
	f.Fuzz(func(t *testing.T, body []byte) {
		u, err := parseUpdate(body)
		if err != nil {
			if hub.KindOf(err) != hub.KindInvalid {
				t.Errorf("%v", err)
			}
			return
		}
		if again := encodeUpdate(&u); !bytes.Equal(again, body) || len(u.Proof) > maxProof {
			t.Errorf("%q was read as %q", body, again)
		}
	})
}
