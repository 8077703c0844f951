//go:build mutants

// Package crashpoint, built with the tag "mutants": see crashpoint.go.
package crashpoint

import (
	"context"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/lienthong/lienthong/cmd/lienthong/internal/engine"
	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/hub/audit"
)

// chosen is the step at which this process dies, and how often it is reached before.
var chosen, left = parse(os.Getenv("LIENTHONG_CRASH_AT"))

func parse(text string) (string, *atomic.Int64) {
	step, count := text, int64(1)
	if i := strings.LastIndex(text, ":"); i > strings.Index(text, ":") {
		if n, err := strconv.ParseInt(text[i+1:], 10, 64); err == nil {
			step, count = text[:i], n
		}
	}
	n := &atomic.Int64{}
	n.Store(count)
	return step, n
}

// at dies when this is the place and the time.
func at(step string) {
	if step == chosen && left.Add(-1) == 0 {
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
		select {} // the signal is on its way
	}
}

// around runs one call between its two places.
func around[T any](step string, call func() (T, error)) (T, error) {
	at("before:" + step)
	v, err := call()
	if err == nil {
		at("after:" + step)
	}
	return v, err
}

func do(step string, call func() error) error {
	_, err := around(step, func() (struct{}, error) { return struct{}{}, call() })
	return err
}

// State wraps a store of state.
func State(s engine.State) engine.State { return &state{s} }

type state struct{ engine.State }

func (s *state) Accept(ctx context.Context, a hub.Acceptance) (hub.Accepted, error) {
	return around("accept", func() (hub.Accepted, error) { return s.State.Accept(ctx, a) })
}

func (s *state) Reject(ctx context.Context, sender hub.AgencyID, e hub.SealedEvidence) error {
	return do("reject", func() error { return s.State.Reject(ctx, sender, e) })
}

func (s *state) FindAccepted(ctx context.Context, sender hub.AgencyID, key, externalID string, op hub.Operation) (hub.Accepted, error) {
	at("before:find")
	defer at("after:find")
	return s.State.FindAccepted(ctx, sender, key, externalID, op)
}

func (s *state) SaveUpload(ctx context.Context, u hub.Upload) error {
	return do("upload", func() error { return s.State.SaveUpload(ctx, u) })
}

func (s *state) DueDeliveries(ctx context.Context, now time.Time, limit int, dispatches ...hub.DispatchID) ([]hub.Item, error) {
	items, err := s.State.DueDeliveries(ctx, now, limit, dispatches...)
	if err == nil && len(items) > 0 { // nothing due is no step
		at("before:due")
		at("after:due")
	}
	return items, err
}

func (s *state) ApplySteps(ctx context.Context, steps ...hub.Step) ([]error, error) {
	name := map[hub.DeliveryState]string{
		hub.StateHandedOver: "handover", hub.StateAccepted: "register",
	}[steps[0].Delivery.State]
	if steps[0].From == hub.StateQueued && steps[0].Delivery.State != hub.StateQueued {
		name = "settle"
	}
	return around(name, func() ([]error, error) { return s.State.ApplySteps(ctx, steps...) })
}

func (s *state) TakeLeases(ctx context.Context, r hub.LeaseRequest) ([]hub.Item, error) {
	at("before:lease")
	items, err := s.State.TakeLeases(ctx, r)
	if len(items) > 0 {
		at("after:lease")
	}
	return items, err
}

// Content wraps a store of originals.
func Content(c engine.Content) engine.Content { return &content{c} }

type content struct{ engine.Content }

func (c *content) CreateBlob(ctx context.Context) (hub.BlobWriter, error) {
	w, err := c.Content.CreateBlob(ctx)
	if err != nil {
		return nil, err
	}
	return &writer{w}, nil
}

type writer struct{ hub.BlobWriter }

func (w *writer) Write(p []byte) (int, error) {
	return around("write", func() (int, error) { return w.BlobWriter.Write(p) })
}

func (w *writer) Commit() (hub.Digest, int64, error) {
	at("before:commit")
	digest, size, err := w.BlobWriter.Commit()
	if err == nil {
		at("after:commit")
	}
	return digest, size, err
}

func (c *content) OpenBlob(ctx context.Context, digest hub.Digest) (hub.Blob, error) {
	return around("open", func() (hub.Blob, error) { return c.Content.OpenBlob(ctx, digest) })
}

func (c *content) AppendStaged(ctx context.Context, id string, offset int64, r io.Reader) (int64, error) {
	return around("staged", func() (int64, error) { return c.Content.AppendStaged(ctx, id, offset, r) })
}

func (c *content) CommitStaged(ctx context.Context, id string) (hub.Digest, int64, error) {
	at("before:gather")
	digest, size, err := c.Content.CommitStaged(ctx, id)
	if err == nil {
		at("after:gather")
	}
	return digest, size, err
}

// AppendLog is a step of the sequencer.
func (s *state) AppendLog(ctx context.Context, first int64, b hub.LogBatch) error {
	return do("sequence", func() error { return s.State.AppendLog(ctx, first, b) })
}

// PublishLog makes a checkpoint stand.
func (s *state) PublishLog(ctx context.Context, head hub.LogHead) error {
	return do("checkpoint", func() error { return s.State.PublishLog(ctx, head) })
}

// Tiles wraps the place of the log.
func Tiles(t audit.TileStore) audit.TileStore { return &tiles{t} }

type tiles struct{ audit.TileStore }

func (t *tiles) PutTiles(ctx context.Context, list []hub.LogTile) error {
	return do("tiles", func() error { return t.TileStore.PutTiles(ctx, list) })
}

// Queue wraps a queue.
func Queue(q engine.Queue) engine.Queue { return &queue{q} }

type queue struct{ engine.Queue }

func (q *queue) Publish(ctx context.Context, dispatch hub.DispatchID, urgent bool) error {
	return do("publish", func() error { return q.Queue.Publish(ctx, dispatch, urgent) })
}

func (q *queue) Consume(ctx context.Context, handle func(ctx context.Context, dispatches []hub.DispatchID) error) error {
	return q.Queue.Consume(ctx, func(ctx context.Context, dispatches []hub.DispatchID) error {
		return do("consume", func() error { return handle(ctx, dispatches) })
	})
}

// Answers wraps the API: a sender's receipt leaves the hub, or does not.
func Answers(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h.ServeHTTP(&answer{w, r.Method == http.MethodPost && r.URL.Path == "/v1/dispatches"}, r)
	})
}

type answer struct {
	http.ResponseWriter
	submission bool
}

// Unwrap lets http.ResponseController through.
func (a *answer) Unwrap() http.ResponseWriter { return a.ResponseWriter }

func (a *answer) Write(p []byte) (int, error) {
	if !a.submission {
		return a.ResponseWriter.Write(p)
	}
	at("before:answer")
	n, err := a.ResponseWriter.Write(p)
	if err == nil {
		_ = http.NewResponseController(a.ResponseWriter).Flush() // the bytes are with the kernel
		at("after:answer")
	}
	return n, err
}
