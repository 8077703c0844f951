package app_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lienthong/lienthong/adapters/hubclient"
	"github.com/lienthong/lienthong/cmd/lienthong/internal/app"
	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/hub/hubtest/server"
)

// collector is what an OpenTelemetry collector receives.
type collector struct {
	*httptest.Server
	mu  sync.Mutex
	got []byte
}

func newCollector(t *testing.T) *collector {
	c := &collector{}
	c.Server = httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		var body io.Reader = r.Body
		if r.Header.Get("Content-Encoding") == "gzip" {
			body, _ = gzip.NewReader(r.Body)
		}
		read, _ := io.ReadAll(body)
		c.mu.Lock()
		defer c.mu.Unlock()
		c.got = append(c.got, read...)
	}))
	t.Cleanup(c.Close)
	return c
}

func (c *collector) has(text string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return bytes.Contains(c.got, []byte(text))
}

// withHeader sets a header on every request.
type withHeader struct{ name, value string }

func (h withHeader) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set(h.name, h.value)
	return http.DefaultTransport.RoundTrip(r)
}

type logBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *logBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *logBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

func startLogged(t *testing.T, config app.Config, log io.Writer) *testHub {
	t.Helper()
	a, err := app.New(t.Context(), config, "test", slog.New(slog.NewJSONHandler(log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	running, end := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- a.Run(running) }()
	h := &testHub{App: a, config: config, stop: sync.OnceValue(func() error {
		end()
		if err := <-ended; err != nil {
			return err
		}
		return a.Close()
	})}
	t.Cleanup(func() {
		if err := h.stop(); err != nil {
			t.Errorf("the hub did not stop cleanly: %v", err)
		}
	})
	return h
}

// TestOneTraceFromSubmitToHandOver: the caller's trace id stands in the answer, in the
// log, in every evidence and in the spans up to the hand-over. None of them, nor the
// log, says what the document is about or who signed it.
func TestOneTraceFromSubmitToHandOver(t *testing.T) {
	t.Parallel()
	spans, log := newCollector(t), &logBuffer{}
	config := configIn(t.TempDir())
	config.Traces, config.TraceRatio = spans.URL, 1
	h := startLogged(t, config, log)
	senderKey, recipientKey := h.enroll(t)
	const id = "0af7651916cd43dd8448eb211c80319c"
	c, err := hubclient.New(hubclient.Options{URL: h.URL(), Key: senderKey, Transport: withHeader{"Traceparent", "00-" + id + "-b7ad6b7169203331-01"}})
	if err != nil {
		t.Fatal(err)
	}
	defer c.CloseIdle()
	accepted, err := c.Submit(t.Context(), submission("traced"), original("Nội dung."), nil)
	if err != nil || accepted.Dispatch.TraceID != id {
		t.Fatalf("the answer has the trace %q: %v", accepted.Dispatch.TraceID, err)
	}
	handOver(t, h.client(t, recipientKey))
	list, err := h.client(t, senderKey).DispatchEvidence(t.Context(), accepted.Dispatch.ID, hub.Page{Limit: 10})
	if err != nil || len(list.Items) != 3 {
		t.Fatalf("%d evidences: %v", len(list.Items), err)
	}
	for _, e := range list.Items {
		if e.Evidence.TraceID != id {
			t.Errorf("%s has the trace %q", e.Evidence.Event.Name(), e.Evidence.TraceID)
		}
	}
	if err := h.stop(); err != nil { // sends what is left to the collector
		t.Fatal(err)
	}
	raw, _ := hex.DecodeString(id)
	for _, text := range []string{string(raw), "POST /v1/dispatches", "state.Accept", "objects.Commit", "ContentConsignment", "ContentHandover"} {
		if !spans.has(text) {
			t.Errorf("no span has %q", text)
		}
	}
	if !strings.Contains(log.String(), `"trace":"`+id+`"`) {
		t.Error("the log does not name the trace")
	}
	for _, private := range []string{"cải cách hành chính", "173.txt", senderKey} {
		if spans.has(private) || strings.Contains(log.String(), private) {
			t.Errorf("%q left the hub in a span or the log", private)
		}
	}
}

// handOver collects and acknowledges one delivery.
func handOver(t *testing.T, box *hubclient.Client) {
	t.Helper()
	arrived(t, box)
	items, err := box.Lease(t.Context(), hubclient.LeaseRequest{Max: 1, For: time.Hour})
	if err != nil || len(items) != 1 {
		t.Fatalf("%d leased, %v", len(items), err)
	}
	digests := map[string]hub.Digest{}
	for _, p := range items[0].Dispatch.Parts {
		digests[p.ID] = p.Digest
	}
	if _, err := box.Acknowledge(t.Context(), items[0].Delivery.ID, items[0].Delivery.Lease.Fence, digests); err != nil {
		t.Fatal(err)
	}
}

func get(t *testing.T, url, key string) (int, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	if key != "" {
		r.Header.Set("Authorization", "Bearer "+key)
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, string(body)
}

func TestMetrics(t *testing.T) {
	t.Parallel()
	config := configIn(t.TempDir())
	config.MetricsListen = server.FreeAddresses(t, 1)[0]
	h := start(t, config)
	senderKey, recipientKey := h.enroll(t)
	c := h.client(t, senderKey)
	for range 2 { // the second one is a duplicate
		if _, err := c.Submit(t.Context(), submission("counted"), original("x"), nil); err != nil {
			t.Fatal(err)
		}
	}
	handOver(t, h.client(t, recipientKey))
	for address, key := range map[string]string{h.URL(): h.operatorKey(t), "http://" + config.MetricsListen: ""} {
		status, text := get(t, address+"/metrics", key)
		if status != http.StatusOK {
			t.Fatalf("%d %s", status, text)
		}
		for _, line := range []string{
			`lienthong_info{hub="test",version="test"} 1`,
			`lienthong_submissions_total{outcome="accepted"} 1`,
			`lienthong_submissions_total{outcome="duplicate"} 1`,
			`lienthong_delivery_steps_total{channel="pull",state="consigned"} 1`,
			`lienthong_delivery_steps_total{channel="pull",state="handed_over"} 1`,
			`lienthong_handover_seconds_count 1`,
			`lienthong_http_request_seconds_count{method="POST",route="/v1/dispatches",status="2xx"} 2`,
			`lienthong_store_seconds_count{call="Accept",error="",store="state"}`,
			`lienthong_backlog_deliveries{state="queued"} 0`,
			`lienthong_queue_age_seconds 0`,
			`lienthong_health{check="database"} 1`,
		} {
			if !strings.Contains(text, line) {
				t.Errorf("%s: no metric %s", address, line)
			}
		}
		if strings.Contains(text, "000.00") || strings.Contains(text, "173") && strings.Contains(text, "UBND") {
			t.Error("a metric names an agency or a document")
		}
	}
	if status, _ := get(t, h.URL()+"/metrics", senderKey); status != http.StatusForbidden {
		t.Errorf("a sender sees metrics: %d", status)
	}
	for _, path := range []string{"/healthz", "/readyz"} {
		if status, text := get(t, "http://"+config.MetricsListen+path, ""); status != http.StatusOK {
			t.Errorf("%s: %d %s", path, status, text)
		}
	}
	if status, _ := get(t, "http://"+config.MetricsListen+"/v1/mailbox", recipientKey); status != http.StatusNotFound {
		t.Errorf("the operator's listener serves the API: %d", status)
	}
}

// TestAFullDiskRefusesNewWork and lets what is in the hub go on.
func TestAFullDiskRefusesNewWork(t *testing.T) {
	t.Parallel()
	h := start(t, configIn(t.TempDir()))
	senderKey, recipientKey := h.enroll(t)
	if _, err := h.client(t, senderKey).Submit(t.Context(), submission("before"), original("x"), nil); err != nil {
		t.Fatal(err)
	}
	if err := h.stop(); err != nil {
		t.Fatal(err)
	}
	config := h.config
	config.MinFree = 1 << 40 // more than any disk has
	h = start(t, config)
	unready := await(t, h, func(r hub.Readiness) bool { return !r.Ready })
	if c := unready.Checks[3]; c.Name != "disk" || c.State != hub.HealthFailed || !strings.Contains(c.Reason, "MiB") || c.Since.IsZero() {
		t.Errorf("the check is %+v", c)
	}
	c, err := hubclient.New(hubclient.Options{URL: h.URL(), Key: senderKey, Retry: hubclient.Retry{Attempts: 1}})
	if err != nil {
		t.Fatal(err)
	}
	defer c.CloseIdle()
	if _, err := c.Submit(t.Context(), submission("full"), original("x"), nil); hub.KindOf(err) != hub.KindUnavailable {
		t.Errorf("a submission onto a full disk: %v", err)
	}
	handOver(t, h.client(t, recipientKey))
}

// await waits until the node tells what is wanted.
func await(t *testing.T, h *testHub, wanted func(hub.Readiness) bool) hub.Readiness {
	t.Helper()
	for deadline := time.Now().Add(server.Patience); ; {
		_, text := get(t, h.URL()+"/readyz", "")
		var r hub.Readiness
		if err := json.Unmarshal([]byte(text), &r); err != nil {
			t.Fatalf("%v: %s", err, text)
		}
		if wanted(r) {
			return r
		}
		if time.Now().After(deadline) {
			t.Fatalf("still %s", text)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// TestDrain: a node that was told to stop serves on for a while, says that it is
// leaving, and asks its clients for new connections.
func TestDrain(t *testing.T) {
	t.Parallel()
	for lasts := 2 * time.Second; ; lasts *= 2 { // a busy machine may ask only when it is over
		config := configIn(t.TempDir())
		config.DrainFor = lasts
		h := start(t, config)
		senderKey, _ := h.enroll(t)
		await(t, h, func(r hub.Readiness) bool { return r.Ready })
		begun, stopped := time.Now(), make(chan error, 1)
		go func() { stopped <- h.stop() }()
		err := h.drains(t, senderKey)
		inTime := time.Since(begun) < lasts
		if err := <-stopped; err != nil {
			t.Error(err)
		}
		if inTime || lasts > server.Patience {
			if err != nil {
				t.Error(err)
			}
			return
		}
	}
}

// drains says how a node that was told to stop is unlike one that drains.
func (h *testHub) drains(t *testing.T, key string) error {
	t.Helper()
	once, err := hubclient.New(hubclient.Options{URL: h.URL(), Key: key, Retry: hubclient.Retry{Attempts: 1}})
	if err != nil {
		return err
	}
	defer once.CloseIdle()
	for ready := true; ready; time.Sleep(20 * time.Millisecond) {
		answer, err := http.Get(h.URL() + "/readyz")
		if err != nil {
			return err
		}
		answer.Body.Close()
		ready = answer.StatusCode == http.StatusOK
	}
	if _, err := once.Submit(t.Context(), submission("late"), original("x"), nil); err != nil {
		return fmt.Errorf("it refuses: %w", err)
	}
	answer, err := http.Get(h.URL() + "/healthz")
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if !answer.Close {
		return errors.New("it keeps the connection of a client")
	}
	return nil
}

// TestQueueTooOld: while deliveries wait too long new ones are refused for a while. That
// nobody could look at the queue is no such reason: it would turn senders away for longer
// than the database is away.
func TestQueueTooOld(t *testing.T) {
	t.Parallel()
	config := configIn(t.TempDir())
	config.MaxQueueAge = time.Minute
	h := start(t, config)
	for name, c := range map[string]struct {
		backlog hub.Backlog
		failure error
		refused bool
	}{
		"nothing waits":      {},
		"waits not long":     {backlog: hub.Backlog{Queued: 1, Due: time.Now().Add(-30 * time.Second)}},
		"waits too long":     {backlog: hub.Backlog{Queued: 1, Due: time.Now().Add(-2 * time.Minute)}, refused: true},
		"nobody could look":  {failure: hub.Errorf(hub.KindUnavailable, "", "database", "the database does not answer")},
		"an error not known": {failure: errors.New("broken")},
	} {
		err := h.Overloaded(t.Context(), c.backlog, c.failure)
		if !c.refused {
			if err != nil {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		v := hub.ViolationsOf(err)
		if len(v) != 1 || v[0].Kind != hub.KindBusy || v[0].Rule != "queue_age" || v[0].RetryAfter == 0 || !strings.Contains(v[0].Message, "has waited for 2m0s") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
