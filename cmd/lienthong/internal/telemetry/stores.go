package telemetry

import (
	"context"
	"time"

	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	"github.com/lienthong/lienthong/cmd/lienthong/internal/engine"
	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/hub/delivery"
)

// The names of stores in metrics.
const (
	storeState   = "state"
	storeObjects = "objects"
	storeBroker  = "queue"
)

// State watches the calls that carry the exchange.
func (t *Telemetry) State(s engine.State) engine.State { return &state{s, t} }

type state struct {
	engine.State
	t *Telemetry
}

// begin starts a clock for one call and, within a trace, a span; what it returns ends both.
func (t *Telemetry) begin(ctx context.Context, store, name string) (context.Context, func(error)) {
	begun := time.Now()
	if !trace.SpanContextFromContext(ctx).IsValid() {
		return ctx, func(err error) { t.call(store, name, begun, err) }
	}
	ctx, span := t.tracer.Start(ctx, store+"."+name, trace.WithSpanKind(trace.SpanKindClient))
	return ctx, func(err error) {
		if err != nil {
			span.SetStatus(codes.Error, string(hub.KindOf(err)))
		}
		span.End()
		t.call(store, name, begun, err)
	}
}

// observed runs one call that answers with a value.
func observed[T any](ctx context.Context, t *Telemetry, store, name string, call func(ctx context.Context) (T, error)) (T, error) {
	ctx, end := t.begin(ctx, store, name)
	v, err := call(ctx)
	end(err)
	return v, err
}

// Accept implements intake.Store.
func (s *state) Accept(ctx context.Context, a hub.Acceptance) (hub.Accepted, error) {
	accepted, err := observed(ctx, s.t, storeState, "Accept", func(ctx context.Context) (hub.Accepted, error) { return s.State.Accept(ctx, a) })
	if err == nil && !accepted.Duplicate {
		s.t.boxed(&a)
	}
	return accepted, err
}

// Reject implements intake.Store.
func (s *state) Reject(ctx context.Context, sender hub.AgencyID, e hub.SealedEvidence) error {
	ctx, end := s.t.begin(ctx, storeState, "Reject")
	err := s.State.Reject(ctx, sender, e)
	end(err)
	return err
}

// FindAccepted implements intake.Store.
func (s *state) FindAccepted(ctx context.Context, sender hub.AgencyID, key, externalID string, op hub.Operation) (hub.Accepted, error) {
	return observed(ctx, s.t, storeState, "FindAccepted", func(ctx context.Context) (hub.Accepted, error) {
		return s.State.FindAccepted(ctx, sender, key, externalID, op)
	})
}

// DueDeliveries implements delivery.Store.
func (s *state) DueDeliveries(ctx context.Context, now time.Time, limit int, dispatches ...hub.DispatchID) ([]hub.Item, error) {
	return observed(ctx, s.t, storeState, "DueDeliveries", func(ctx context.Context) ([]hub.Item, error) {
		return s.State.DueDeliveries(ctx, now, limit, dispatches...)
	})
}

// ApplySteps implements delivery.Store and tracking.Store.
func (s *state) ApplySteps(ctx context.Context, steps ...hub.Step) ([]error, error) {
	results, err := observed(ctx, s.t, storeState, "ApplySteps", func(ctx context.Context) ([]error, error) {
		return s.State.ApplySteps(ctx, steps...)
	})
	if err == nil {
		s.t.stepped(steps, results)
	}
	return results, err
}

// Mailbox implements tracking.Store.
func (s *state) Mailbox(ctx context.Context, q hub.MailboxQuery) (hub.List[hub.Item], error) {
	return observed(ctx, s.t, storeState, "Mailbox", func(ctx context.Context) (hub.List[hub.Item], error) { return s.State.Mailbox(ctx, q) })
}

// Sent implements tracking.Store.
func (s *state) Sent(ctx context.Context, q hub.SentQuery) (hub.List[hub.SentItem], error) {
	return observed(ctx, s.t, storeState, "Sent", func(ctx context.Context) (hub.List[hub.SentItem], error) { return s.State.Sent(ctx, q) })
}

// Item implements tracking.Store.
func (s *state) Item(ctx context.Context, id hub.DeliveryID) (hub.Item, error) {
	return observed(ctx, s.t, storeState, "Item", func(ctx context.Context) (hub.Item, error) { return s.State.Item(ctx, id) })
}

// TakeLeases implements tracking.LeaseStore.
func (s *state) TakeLeases(ctx context.Context, r hub.LeaseRequest) ([]hub.Item, error) {
	return observed(ctx, s.t, storeState, "TakeLeases", func(ctx context.Context) ([]hub.Item, error) { return s.State.TakeLeases(ctx, r) })
}

// Content watches the store of originals.
func (t *Telemetry) Content(c engine.Content) engine.Content { return &content{c, t} }

type content struct {
	engine.Content
	t *Telemetry
}

// CreateBlob implements the writing side.
func (c *content) CreateBlob(ctx context.Context) (hub.BlobWriter, error) {
	w, err := c.Content.CreateBlob(ctx)
	if err != nil {
		return nil, err
	}
	return &blobWriter{w, c.t, ctx}, nil
}

// blobWriter observes how long a commit takes: until the content is durable.
type blobWriter struct {
	hub.BlobWriter
	t   *Telemetry
	ctx context.Context //nolint:containedctx // of the request, for its trace
}

// Commit implements hub.BlobWriter.
func (w *blobWriter) Commit() (hub.Digest, int64, error) {
	_, end := w.t.begin(w.ctx, storeObjects, "Commit")
	digest, size, err := w.BlobWriter.Commit()
	end(err)
	return digest, size, err
}

// OpenBlob implements the reading side.
func (c *content) OpenBlob(ctx context.Context, digest hub.Digest) (hub.Blob, error) {
	return observed(ctx, c.t, storeObjects, "Open", func(ctx context.Context) (hub.Blob, error) { return c.Content.OpenBlob(ctx, digest) })
}

// Queue watches the queue.
func (t *Telemetry) Queue(q engine.Queue) engine.Queue { return &queue{q, t} }

type queue struct {
	engine.Queue
	t *Telemetry
}

// Publish implements delivery.Queue.
func (q *queue) Publish(ctx context.Context, dispatch hub.DispatchID, urgent bool) error {
	ctx, end := q.t.begin(ctx, storeBroker, "Publish")
	err := q.Queue.Publish(ctx, dispatch, urgent)
	end(err)
	return err
}

// Carriers watches the channels that lead through the broker.
func (q *queue) Carriers(directory engine.Directory) map[hub.Channel]delivery.Carrier {
	carriers := q.Queue.Carriers(directory)
	for channel, c := range carriers {
		carriers[channel] = q.t.Carrier(channel, c)
	}
	return carriers
}

// Missed counts a reference that the broker did not take.
func (t *Telemetry) Missed(error) { t.missed.Inc() }

// Carrier watches the carrier of one channel.
func (t *Telemetry) Carrier(channel hub.Channel, c delivery.Carrier) delivery.Carrier {
	return &carrier{c, t, channel}
}

type carrier struct {
	delivery.Carrier
	t       *Telemetry
	channel hub.Channel
}

// Carry implements delivery.Carrier.
func (c *carrier) Carry(ctx context.Context, item hub.Item) error {
	ctx, end := c.t.begin(ctx, "carrier", string(c.channel))
	err := c.Carrier.Carry(ctx, item)
	end(err)
	if err != nil {
		c.t.retries.WithLabelValues(string(c.channel), string(hub.KindOf(err))).Inc()
	}
	return err
}
