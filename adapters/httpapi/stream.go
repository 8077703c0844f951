package httpapi

import (
	"errors"
	"io"
	"net/http"
	"os"
	"time"

	"github.com/lienthong/lienthong/hub"
)

// leastProgress is how many bytes must come within the time of Limits.Stall, so
// that a peer which sends one byte now and then does not hold a place for ever.
const leastProgress = 4 << 10

// body guards the body of a request: its size, and the time for which the hub
// waits. Only the time spent waiting for the peer counts, not the hub's own work.
type body struct {
	inner   io.ReadCloser
	control *http.ResponseController
	wanted  bool  // there is one, and neither its end nor a failure has been read
	limit   int64 // bytes; 0 means that the operation takes none
	stall   time.Duration
	waited  time.Duration // since the last progress
	recent  int64         // bytes since the last progress
	total   int64
	err     error // first error of Read but io.EOF
}

func newBody(w http.ResponseWriter, r *http.Request, limit int64, stall time.Duration) *body {
	b := &body{inner: r.Body, control: http.NewResponseController(w), wanted: r.ContentLength != 0, limit: limit, stall: stall}
	if b.wanted {
		b.deadline(stall) // counts too when no handler ever reads
	}
	return b
}

// deadline lets Read wait for d from now; the clock of the operating system
// decides, as for every connection. Writers in tests have no deadlines, which is
// fine: nothing is waited for there.
func (b *body) deadline(d time.Duration) { _ = b.control.SetReadDeadline(time.Now().Add(d)) }

// Read implements io.Reader. Errors: KindTooLarge, KindInvalid (timeout, truncated).
func (b *body) Read(p []byte) (int, error) {
	if b.err != nil {
		return 0, b.err
	}
	start := time.Now()
	b.deadline(b.stall - b.waited)
	n, err := b.inner.Read(p)
	b.waited += time.Since(start)
	b.total += int64(n)
	if b.recent += int64(n); b.recent >= leastProgress {
		b.recent, b.waited = 0, 0
	}
	switch {
	case b.total > b.limit:
		b.err = tooLarge(b.limit)
		return 0, b.err
	case errors.Is(err, io.EOF):
		b.wanted = false
		_ = b.control.SetReadDeadline(time.Time{}) // else it would end a long poll
	case err != nil:
		b.wanted = false
		b.err = brokenBody(err)
		return n, b.err
	}
	return n, err
}

// linger bounds how long the server waits for the rest of a body that nobody will
// read, before it sends the answer and closes the connection.
func (b *body) linger() {
	if b.wanted {
		b.deadline(min(b.stall/2, time.Second)) // the answer needs time of its own
	}
}

// Close implements io.Closer.
func (b *body) Close() error { return b.inner.Close() }

// failure returns what broke the body, nil when nothing did.
func (b *body) failure() error { return b.err }

func tooLarge(limit int64) error {
	if limit == 0 {
		return hub.Errorf(hub.KindTooLarge, "", "body", "this operation takes no body")
	}
	return hub.Errorf(hub.KindTooLarge, "", "max_size", "the body is above %d bytes", limit)
}

func brokenBody(err error) error {
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return &hub.Error{Kind: hub.KindInvalid, Rule: "body_timeout", Message: "the body came too slowly", Err: err}
	}
	return &hub.Error{Kind: hub.KindInvalid, Rule: "truncated", Message: "the body broke off", Err: err}
}

// recorder is the way of an answer: it keeps the status and the size for the log
// and gives the peer time as long as it takes bytes.
type recorder struct {
	http.ResponseWriter
	control *http.ResponseController
	stall   time.Duration
	status  int
	bytes   int64
}

func newRecorder(w http.ResponseWriter, stall time.Duration) *recorder {
	r := &recorder{ResponseWriter: w, control: http.NewResponseController(w), stall: stall}
	_ = r.control.SetWriteDeadline(time.Time{}) // forget that of the request before; writers in tests have none
	return r
}

// Unwrap serves http.ResponseController.
func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }

// begun reports whether the head of the answer has gone out.
func (r *recorder) begun() bool { return r.status != 0 }

// WriteHeader implements http.ResponseWriter.
func (r *recorder) WriteHeader(status int) {
	if r.status == 0 {
		r.status = status
		r.allow()
	}
	r.ResponseWriter.WriteHeader(status)
}

// Write implements io.Writer.
func (r *recorder) Write(p []byte) (int, error) {
	if r.status == 0 {
		r.WriteHeader(http.StatusOK)
	}
	r.allow()
	n, err := r.ResponseWriter.Write(p) //nolint:gosec // every answer is nosniff and has a type; the one page is made by html/template
	r.bytes += int64(n)
	return n, err
}

// allow gives the peer the full time for the next bytes.
func (r *recorder) allow() { _ = r.control.SetWriteDeadline(time.Now().Add(r.stall)) }

// flush sends what is buffered; writers that cannot flush do not buffer.
func (r *recorder) flush() error {
	r.allow()
	err := r.control.Flush()
	if errors.Is(err, http.ErrNotSupported) {
		return nil
	}
	return err
}
