package tlog

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/lienthong/lienthong/hub"
)

// Watching is a witness that tells what it has seen.
type Watching interface {
	Witness
	// VerifierKey is its key as policies name it.
	VerifierKey() string
	// Views lists the logs that it knows.
	Views(ctx context.Context) ([]hub.WitnessedLog, error)
}

// NewWitnessHandler serves a witness: add-checkpoint for logs, and for everybody what it
// has seen, as text (GET /), JSON (GET /seen) and metrics for Prometheus (GET /metrics).
// There is nothing secret in it.
func NewWitnessHandler(witness Watching, log *slog.Logger) http.Handler {
	b := &board{witness: witness, log: log, answers: map[int]int{}}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /add-checkpoint", func(w http.ResponseWriter, r *http.Request) {
		b.count(addCheckpoint(witness, log, w, r))
	})
	mux.HandleFunc("GET /{$}", b.show("text/plain; charset=utf-8", b.page))
	mux.HandleFunc("GET /seen", b.show("application/json", asJSON))
	mux.HandleFunc("GET /metrics", b.show("text/plain; version=0.0.4; charset=utf-8", b.metrics))
	return mux
}

// board shows a witness.
type board struct {
	witness Watching
	log     *slog.Logger

	mu      sync.Mutex // guards answers
	answers map[int]int
}

func (b *board) count(status int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.answers[status]++
}

func (b *board) show(mediaType string, write func(views []hub.WitnessedLog) []byte) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		views, err := b.witness.Views(r.Context())
		if err != nil {
			b.log.ErrorContext(r.Context(), "what the witness has seen cannot be read", "error", err)
			http.Error(w, "the witness cannot answer now", http.StatusInternalServerError)
			return
		}
		w.Header().Set("Content-Type", mediaType)
		w.Header().Set("X-Content-Type-Options", "nosniff")
		_, _ = w.Write(write(views)) // the reader may be gone
	}
}

func asJSON(views []hub.WitnessedLog) []byte {
	text, err := json.MarshalIndent(views, "", "  ")
	if err != nil {
		return nil // there is nothing in it that cannot be encoded
	}
	return append(text, '\n')
}

func (b *board) page(views []hub.WitnessedLog) []byte {
	return append([]byte("A witness of transparency logs (c2sp.org/tlog-witness)\nkey: "+b.witness.VerifierKey()+"\n\n"), WitnessedText(views)...)
}

// WitnessedText tells people what a witness has seen: for each log size, root and time,
// and where it showed what does not fit.
func WitnessedText(views []hub.WitnessedLog) []byte {
	var out bytes.Buffer
	for i := range views {
		v := &views[i]
		fmt.Fprintf(&out, "%s\n", v.Origin)
		if v.Size == 0 {
			out.WriteString("  nothing seen yet\n")
		} else {
			fmt.Fprintf(&out, "  size %d  root %s  seen %s\n", v.Size, v.Root, v.Time.Format(time.RFC3339))
		}
		for j := range v.Forks {
			f := &v.Forks[j]
			what := "refused, and nothing proven: the proof that came along leads nowhere"
			if f.Proven {
				what = "FORKED: the log signed two histories"
			}
			fmt.Fprintf(&out, "  %s, %s\n--- seen\n%s--- refused\n%s---\n", what, f.At.Format(time.RFC3339), f.Seen, f.Refused)
		}
	}
	return out.Bytes()
}

func (b *board) metrics(views []hub.WitnessedLog) []byte {
	var out bytes.Buffer
	out.WriteString("# HELP lienthong_witness_size Entries of the tree that was cosigned last.\n# TYPE lienthong_witness_size gauge\n")
	for i := range views {
		fmt.Fprintf(&out, "lienthong_witness_size{origin=%q} %d\n", views[i].Origin, views[i].Size)
	}
	out.WriteString("# HELP lienthong_witness_forks Proofs kept that a log signed two histories.\n# TYPE lienthong_witness_forks gauge\n")
	for i := range views {
		proven := 0
		for j := range views[i].Forks {
			if views[i].Forks[j].Proven {
				proven++
			}
		}
		fmt.Fprintf(&out, "lienthong_witness_forks{origin=%q} %d\n", views[i].Origin, proven)
	}
	out.WriteString("# HELP lienthong_witness_answers_total Answers to add-checkpoint, by status.\n# TYPE lienthong_witness_answers_total counter\n")
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, status := range slices.Sorted(maps.Keys(b.answers)) {
		fmt.Fprintf(&out, "lienthong_witness_answers_total{status=\"%d\"} %d\n", status, b.answers[status])
	}
	return out.Bytes()
}
