package telemetry

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/attribute"

	"github.com/lienthong/lienthong/hub"
)

// Look is what a scrape asks of a hub. A function that is nil has nothing to tell;
// one that fails leaves its figures out.
type Look struct {
	Backlog  func(ctx context.Context) (hub.Backlog, error)
	Depths   func(ctx context.Context) (map[string]int, error)
	Circuits func() map[hub.Channel]int
	Health   func(ctx context.Context) hub.Readiness
	// Axis is how the membership in another axis goes; false without one.
	Axis func(ctx context.Context) (hub.AxisStatus, bool)
	// Post is what waits for the post, and when its operator answered last; false without one.
	Post func(ctx context.Context) (hub.PostalBacklog, time.Time, bool)
	Now  func() time.Time
}

// scrapeLimit bounds what a scrape may take.
const scrapeLimit = 5 * time.Second

// Watch lets scrapes look at the hub.
func (t *Telemetry) Watch(l Look) { t.registry.MustRegister(&scrape{l, newViews()}) }

// views are the metrics that are looked up at each scrape.
type views struct {
	backlog, age, depth, circuits, health, held, following, polled, posted, postAnswer *prometheus.Desc
}

func newViews() views {
	describe := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc(name, help, labels, nil)
	}
	return views{
		backlog:    describe("lienthong_backlog_deliveries", "Deliveries that wait to be carried (queued) or have not ended (open); counting stops at a limit.", "state"),
		age:        describe("lienthong_queue_age_seconds", "How long the first queued delivery has waited beyond its time."),
		depth:      describe("lienthong_broker_queue_messages", "Messages that wait in the broker.", "queue"),
		circuits:   describe("lienthong_open_circuits", "Recipients whose endpoints are left alone for now.", "channel"),
		health:     describe("lienthong_health", "What the hub needs: 1 sound, 0.5 degraded, 0 failed.", "check"),
		held:       describe("lienthong_axis_held_packages", "Packages of the axis that are not in the exchange: those that wait for the operator (held) and those that are tried again (retried); counting stops at a limit.", "state"),
		following:  describe("lienthong_axis_open_dispatches", "Dispatches that the axis took over and about which it has more to say; counting stops at a limit."),
		posted:     describe("lienthong_post_orders", "Orders for the post: those of which it has more to say (open), and of these those that its operator has not got yet (unsent).", "state"),
		postAnswer: describe("lienthong_post_last_answer_timestamp_seconds", "When the operator of the post answered this node last; 0 for never."),
		polled:     describe("lienthong_axis_last_answer_timestamp_seconds", "When the axis answered this node last; 0 for never."),
	}
}

// scrape implements prometheus.Collector.
type scrape struct {
	Look
	views
}

// Describe implements prometheus.Collector.
func (s *scrape) Describe(to chan<- *prometheus.Desc) { prometheus.DescribeByCollect(s, to) }

// Collect implements prometheus.Collector.
func (s *scrape) Collect(to chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), scrapeLimit)
	defer cancel()
	gauge := func(d *prometheus.Desc, value float64, labels ...string) {
		to <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value, labels...)
	}
	if b, err := s.Backlog(ctx); err == nil {
		gauge(s.backlog, float64(b.Queued), "queued")
		gauge(s.backlog, float64(b.Open), "open")
		gauge(s.age, b.Age(s.Now()).Seconds())
	}
	if depths, err := s.Depths(ctx); err == nil {
		for queue, n := range depths {
			gauge(s.depth, float64(n), queue)
		}
	}
	for channel, n := range s.Circuits() {
		gauge(s.circuits, float64(n), string(channel))
	}
	s.axis(ctx, gauge)
	s.post(ctx, gauge)
	worth := map[hub.HealthState]float64{hub.HealthSound: 1, hub.HealthDegraded: 0.5}
	for _, c := range s.Health(ctx).Checks {
		gauge(s.health, worth[c.State], c.Name)
	}
}

// axis tells of the membership in another axis.
func (s *scrape) axis(ctx context.Context, gauge func(d *prometheus.Desc, value float64, labels ...string)) {
	if s.Axis == nil {
		return
	}
	if st, member := s.Axis(ctx); member {
		gauge(s.held, float64(st.Held), "held")
		gauge(s.held, float64(st.Retrying), "retried")
		gauge(s.following, float64(st.Relayed))
		gauge(s.polled, stamp(st.LastPoll))
	}
}

// post tells of what waits for the post.
func (s *scrape) post(ctx context.Context, gauge func(d *prometheus.Desc, value float64, labels ...string)) {
	if s.Post == nil {
		return
	}
	if b, answered, ok := s.Post(ctx); ok {
		gauge(s.posted, float64(b.Open), "open")
		gauge(s.posted, float64(b.Unsent), "unsent")
		gauge(s.postAnswer, stamp(answered))
	}
}

// stamp is an instant as metrics have it; 0 for none.
func stamp(at time.Time) float64 {
	if at.IsZero() {
		return 0
	}
	return float64(at.Unix())
}

// Posted counts calls to the operator of the post.
func (t *Telemetry) Posted(call, outcome string) { t.post.WithLabelValues(call, outcome).Inc() }

// Relayed counts packages that the axis and the hub exchanged.
func (t *Telemetry) Relayed(direction, kind, outcome string) {
	t.relayed.WithLabelValues(direction, kind, outcome).Inc()
}

// call observes one call to a store.
func (t *Telemetry) call(store, name string, begun time.Time, err error) {
	kind := ""
	if err != nil {
		kind = string(hub.KindOf(err))
	}
	t.store.WithLabelValues(store, name, kind).Observe(time.Since(begun).Seconds())
}

// Stamped counts what a time-stamp authority answered.
func (t *Telemetry) Stamped(_ hub.TimeToken, err error) {
	outcome := "token"
	if err != nil {
		outcome = string(hub.KindOf(err))
	}
	t.stamps.WithLabelValues(outcome).Inc()
}

// Witnessed counts what a witness answered. Their names come from the operator's policy.
func (t *Telemetry) Witnessed(witness string, err error) {
	outcome := "cosigned"
	if err != nil {
		outcome = string(hub.KindOf(err))
	}
	t.witnesses.WithLabelValues(witness, outcome).Inc()
}

// stepped counts transitions that were recorded, and notes them in their traces.
func (t *Telemetry) stepped(steps []hub.Step, results []error) {
	for i := range steps {
		s := &steps[i]
		if results[i] != nil || s.Delivery.State == s.From {
			continue
		}
		t.steps.WithLabelValues(string(s.Delivery.State), string(s.Delivery.Channel)).Inc()
		for j := range s.Evidence {
			t.reached(&s.Delivery, &s.Evidence[j].Evidence)
		}
	}
}

// boxed counts the deliveries that were put into their boxes as they were accepted.
func (t *Telemetry) boxed(a *hub.Acceptance) {
	proofs := make(map[hub.DeliveryID]*hub.Evidence, len(a.Evidence))
	for i := range a.Evidence {
		proofs[a.Evidence[i].Evidence.Delivery] = &a.Evidence[i].Evidence
	}
	for i := range a.Deliveries {
		d := &a.Deliveries[i]
		if e := proofs[d.ID]; e != nil {
			t.steps.WithLabelValues(string(d.State), string(d.Channel)).Inc()
			t.reached(d, e)
		}
	}
}

// reached notes the moment of a delivery that an evidence proves.
func (t *Telemetry) reached(d *hub.Delivery, e *hub.Evidence) {
	t.step(e.Event.Name(), e.TraceID, e.Time,
		attribute.String("lienthong.delivery", string(d.ID)), attribute.String("lienthong.state", string(d.State)))
	t.took(d)
}

// took observes how long after its acceptance a delivery reached a moment that is
// durable now. The id of a delivery (UUIDv7) tells when it was made; where another node
// made it, its clock may be ahead.
func (t *Telemetry) took(d *hub.Delivery) {
	id, err := uuid.Parse(string(d.ID))
	if err != nil || id.Version() != 7 {
		return
	}
	passed := max(0, time.Since(time.Unix(id.Time().UnixTime())).Seconds())
	switch d.State {
	case hub.StateConsigned:
		t.consigned.Observe(passed)
	case hub.StateHandedOver:
		t.handover.Observe(passed)
	}
}
