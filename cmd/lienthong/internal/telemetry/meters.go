package telemetry

import (
	"github.com/prometheus/client_golang/prometheus"
)

// meters are the metrics that are counted as things happen.
type meters struct {
	info        *prometheus.GaugeVec
	requests    *prometheus.HistogramVec
	received    prometheus.Counter
	sent        prometheus.Counter
	store       *prometheus.HistogramVec
	submissions *prometheus.CounterVec
	steps       *prometheus.CounterVec
	retries     *prometheus.CounterVec
	handover    prometheus.Histogram
	consigned   prometheus.Histogram
	missed      prometheus.Counter
	stamps      *prometheus.CounterVec
	witnesses   *prometheus.CounterVec
	relayed     *prometheus.CounterVec
	portal      *prometheus.HistogramVec
	guesses     *prometheus.CounterVec
	post        *prometheus.CounterVec
}

// moments are the bounds of the times from acceptance, in seconds: from at once to
// thirty days.
func moments() []float64 {
	return []float64{0.01, 0.05, 0.1, 0.5, 1, 5, 30, 60, 300, 1800, 3600, 4 * 3600, 24 * 3600, 7 * 24 * 3600, 30 * 24 * 3600}
}

func newMeters(r prometheus.Registerer) meters {
	short := []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30}
	m := meters{
		info: gauges("lienthong_info", "The running program; always 1.", "hub", "version"),
		requests: histograms("lienthong_http_request_seconds",
			"Time from the head of a request to the end of its answer.", short, "method", "route", "status"),
		received: prometheus.NewCounter(prometheus.CounterOpts{Name: "lienthong_http_received_bytes_total", Help: "Bytes of request bodies."}),
		sent:     prometheus.NewCounter(prometheus.CounterOpts{Name: "lienthong_http_sent_bytes_total", Help: "Bytes of answer bodies."}),
		store: histograms("lienthong_store_seconds",
			"Time of one call to a store (state, objects) or the queue; failed calls have the kind of their error.", short, "store", "call", "error"),
		submissions: counters("lienthong_submissions_total", "Submissions by outcome: accepted, duplicate, rejected (with evidence), or the kind of the error.", "outcome"),
		steps:       counters("lienthong_delivery_steps_total", "Transitions of deliveries by the state they reached and the channel.", "state", "channel"),
		retries:     counters("lienthong_delivery_retries_total", "Carries that failed, by channel and class of error.", "channel", "class"),
		handover: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "lienthong_handover_seconds", Help: "Time from acceptance to hand-over.", Buckets: moments(),
		}),
		consigned: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "lienthong_consignment_seconds", Help: "Time from acceptance to the recipient's box.", Buckets: moments(),
		}),
		missed: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "lienthong_broker_missed_total", Help: "References that the broker did not take; the node delivered them itself.",
		}),
		stamps:    counters("lienthong_log_timestamps_total", "Time-stamps asked for over the log, by outcome: token, or the kind of the error.", "outcome"),
		witnesses: counters("lienthong_log_witness_answers_total", "Answers of the witnesses that were asked about the log, by outcome: cosigned, or the kind of the error.", "witness", "outcome"),
		relayed:   counters("lienthong_axis_packages_total", "Packages exchanged with the axis of which the hub is a member, by direction (in, out), kind (edoc, status) and outcome: accepted, duplicate, reported, echo, moot, held, retried, sent_back, sent, or the kind of the error.", "direction", "kind", "outcome"),
		portal:    histograms("lienthong_portal_request_seconds", "Time of a request to the portal, by the pattern of its address.", short, "route", "status"),
		guesses:   counters("lienthong_portal_wrong_secrets_total", "Looks for a dossier with a wrong number or secret: many of them are somebody who guesses.", "route"),
	}
	m.post = counters("lienthong_post_calls_total", "Calls to the operator of the post, by call (order, ask) and outcome: answered, or the kind of the error.", "call", "outcome")
	r.MustRegister(m.post, m.info, m.requests, m.received, m.sent, m.store, m.submissions, m.steps, m.retries, m.handover, m.consigned, m.missed, m.stamps, m.witnesses, m.relayed, m.portal, m.guesses)
	return m
}

func gauges(name, help string, labels ...string) *prometheus.GaugeVec {
	return prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: name, Help: help}, labels)
}

func counters(name, help string, labels ...string) *prometheus.CounterVec {
	return prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
}

func histograms(name, help string, buckets []float64, labels ...string) *prometheus.HistogramVec {
	return prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: name, Help: help, Buckets: buckets}, labels)
}
