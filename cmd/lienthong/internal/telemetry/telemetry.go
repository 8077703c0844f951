// Package telemetry lets an operator see how a hub does: metrics for Prometheus and
// traces by OpenTelemetry.
//
// It watches from outside: the stores, the queue and the HTTP server are wrapped, and
// the rooms of the domain know nothing of it. Labels have few values: the name of a
// method, a route's pattern, a kind of error; never an agency, a document or a person.
package telemetry

import (
	"context"
	"crypto/rand"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"github.com/lienthong/lienthong/adapters/httpapi"
	"github.com/lienthong/lienthong/adapters/portal"
)

// Options configure a Telemetry.
type Options struct {
	// Endpoint is the address of an OTLP/HTTP collector, such as
	// http://127.0.0.1:4318; empty for traces that are named and not kept.
	Endpoint string
	// Ratio of the requests without a caller's decision whose traces are kept, 0 to 1.
	Ratio   float64
	Name    string // of the hub
	Version string
}

// Telemetry holds the metrics and the tracer of one process.
type Telemetry struct {
	registry *prometheus.Registry
	provider *sdktrace.TracerProvider
	tracer   trace.Tracer
	meters
}

// New returns a Telemetry. It does not wait for the collector.
func New(ctx context.Context, o Options) (*Telemetry, error) {
	options := []sdktrace.TracerProviderOption{
		sdktrace.WithResource(resource.NewSchemaless(
			attribute.String("service.name", "lienthong"), attribute.String("service.namespace", o.Name),
			attribute.String("service.version", o.Version))),
		sdktrace.WithSampler(sdktrace.NeverSample()), // ids are made all the same
	}
	if o.Endpoint != "" {
		exporter, err := otlptracehttp.New(ctx, otlptracehttp.WithEndpointURL(o.Endpoint))
		if err != nil {
			return nil, err
		}
		options = append(options, sdktrace.WithBatcher(exporter),
			sdktrace.WithSampler(sdktrace.ParentBased(sdktrace.TraceIDRatioBased(o.Ratio))))
	}
	t := &Telemetry{registry: prometheus.NewRegistry(), provider: sdktrace.NewTracerProvider(options...)}
	t.tracer = t.provider.Tracer("github.com/lienthong/lienthong")
	t.registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	t.meters = newMeters(t.registry)
	t.info.WithLabelValues(o.Name, o.Version).Set(1)
	return t, nil
}

// Close sends what is left to the collector; ctx bounds the wait.
func (t *Telemetry) Close(ctx context.Context) error { return t.provider.Shutdown(ctx) }

// Metrics answers a Prometheus server.
func (t *Telemetry) Metrics() http.Handler {
	return promhttp.HandlerFor(t.registry, promhttp.HandlerOpts{})
}

// TraceID names the trace of a context in 32 hexadecimal digits; "" without one.
func TraceID(ctx context.Context) string {
	if c := trace.SpanContextFromContext(ctx); c.HasTraceID() {
		return c.TraceID().String()
	}
	return ""
}

// Trace gives every request a trace: the caller's (W3C traceparent) or a new one. The
// handler finds its id in that header, the caller in the answer's header Traceresponse.
func (t *Telemetry) Trace(next http.Handler) http.Handler {
	w3c := propagation.TraceContext{}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx := w3c.Extract(r.Context(), propagation.HeaderCarrier(r.Header))
		ctx, span := t.tracer.Start(ctx, "HTTP "+r.Method, trace.WithSpanKind(trace.SpanKindServer))
		defer span.End()
		r = r.WithContext(ctx)
		w3c.Inject(ctx, propagation.HeaderCarrier(r.Header))
		w.Header().Set("Traceresponse", r.Header.Get("Traceparent"))
		next.ServeHTTP(w, r)
	})
}

// Observe counts a request that is over and names its span.
func (t *Telemetry) Observe(ctx context.Context, o httpapi.Observation) {
	status := statusClass(o.Status)
	t.requests.WithLabelValues(o.Method, o.Route, status).Observe(o.Took.Seconds())
	t.received.Add(float64(o.In))
	t.sent.Add(float64(o.Out))
	span := trace.SpanFromContext(ctx)
	span.SetName(o.Method + " " + o.Route)
	span.SetAttributes(attribute.String("http.route", o.Route), attribute.Int("http.response.status_code", o.Status))
}

// Portal counts a request to the portal that is over.
func (t *Telemetry) Portal(o portal.Observation) {
	t.portal.WithLabelValues(o.Route, statusClass(o.Status)).Observe(o.Took.Seconds())
	if o.Guessed {
		t.guesses.WithLabelValues(o.Route).Inc()
	}
}

func statusClass(status int) string {
	switch {
	case status >= 500:
		return "5xx"
	case status == http.StatusTooManyRequests:
		return "429"
	case status >= 400:
		return "4xx"
	}
	return "2xx"
}

// step notes a moment of a dispatch in its trace: it began in another request, so
// all that is known of the parent is the trace.
func (t *Telemetry) step(name, traceID string, at time.Time, attributes ...attribute.KeyValue) {
	id, err := trace.TraceIDFromHex(traceID)
	if err != nil {
		return // the dispatch came in before there were traces
	}
	parent := trace.NewSpanContext(trace.SpanContextConfig{TraceID: id, SpanID: newSpanID(), TraceFlags: trace.FlagsSampled, Remote: true})
	_, span := t.tracer.Start(trace.ContextWithRemoteSpanContext(context.Background(), parent), name,
		trace.WithTimestamp(at), trace.WithAttributes(attributes...))
	span.End()
}

func newSpanID() trace.SpanID {
	var id trace.SpanID
	_, _ = rand.Read(id[:]) // never fails
	return id
}
