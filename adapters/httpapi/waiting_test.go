package httpapi

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lienthong/lienthong/hub"
)

// start sends a request and returns where its answer will come.
func (s *testServer) start(t *testing.T, path string) <-chan answer {
	t.Helper()
	done := make(chan answer, 1)
	go func() { done <- s.call(t, http.MethodGet, path, "") }()
	return done
}

func TestLongPollEndsWithArrival(t *testing.T) {
	s := newTestServer(t)
	s.hub.empty = true
	done := s.start(t, "/v1/mailbox?wait=60")
	<-s.hub.looked
	s.hub.ring()
	a := <-done
	var page listing[json.RawMessage]
	if err := json.Unmarshal(a.body, &page); err != nil || len(page.Items) != 1 {
		t.Errorf("%v: %s", err, a.body)
	}
}

// A ring between the look and the wait is not missed, and one that brings
// nothing does not end the wait.
func TestLongPollLooksAgain(t *testing.T) {
	s := newTestServer(t)
	s.hub.empty = true
	done := s.start(t, "/v1/mailbox?wait=60")
	for range 3 {
		<-s.hub.looked
		s.hub.mu.Lock()
		close(s.hub.bell)
		s.hub.bell = make(chan struct{})
		s.hub.mu.Unlock()
	}
	<-s.hub.looked
	s.hub.ring()
	if a := <-done; a.StatusCode != http.StatusOK {
		t.Errorf("%d", a.StatusCode)
	}
}

func TestLongPollEndsByItself(t *testing.T) {
	s := newTestServer(t)
	s.hub.empty = true
	a := s.call(t, http.MethodGet, "/v1/mailbox?wait=1", "")
	if a.StatusCode != http.StatusOK || !strings.Contains(string(a.body), `"items":[]`) {
		t.Errorf("%d %s", a.StatusCode, a.body)
	}
	if a := s.call(t, http.MethodGet, "/v1/mailbox", ""); a.StatusCode != http.StatusOK {
		t.Errorf("without wait: %d", a.StatusCode)
	}
}

func TestLongPollEndsWhenTheServerStops(t *testing.T) {
	stopping := make(chan struct{})
	s := newTestServer(t, func(o *Options) { o.Stopping = stopping })
	s.hub.empty = true
	done := s.start(t, "/v1/mailbox?wait=60")
	<-s.hub.looked
	close(stopping)
	if a := <-done; a.StatusCode != http.StatusOK {
		t.Errorf("%d %s", a.StatusCode, a.body)
	}
}

// listen opens the event stream and returns its lines.
func (s *testServer) listen(t *testing.T, query string) (lines *bufio.Scanner, resp *http.Response) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL+"/v1/mailbox/events"+query, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer lt_all_x")
	resp, err = s.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { resp.Body.Close() })
	if resp.StatusCode != http.StatusOK || !strings.HasPrefix(resp.Header.Get("Content-Type"), "text/event-stream") {
		t.Fatalf("%d %v", resp.StatusCode, resp.Header)
	}
	return bufio.NewScanner(resp.Body), resp
}

func await(t *testing.T, lines *bufio.Scanner, wanted string) string {
	t.Helper()
	for lines.Scan() {
		if strings.HasPrefix(lines.Text(), wanted) {
			return lines.Text()
		}
	}
	t.Fatalf("the stream ended without %q: %v", wanted, lines.Err())
	return ""
}

func TestEventStream(t *testing.T) {
	stopping := make(chan struct{})
	s := newTestServer(t, func(o *Options) { o.Stopping, o.Limits.Heartbeat = stopping, 10*time.Millisecond })
	s.hub.empty = true
	lines, _ := s.listen(t, "")
	await(t, lines, ": listening")
	await(t, lines, ": heartbeat")
	s.hub.ring()
	await(t, lines, "event: arrival")
	if got := await(t, lines, "data: "); got != `data: {"agency":"a1","at":"2026-01-05T01:00:00Z"}` {
		t.Errorf("%s", got)
	}
	await(t, lines, ": heartbeat")
	s.hub.ring()
	await(t, lines, "event: arrival")
	close(stopping)
	for lines.Scan() {
		continue
	}
	if err := lines.Err(); err != nil {
		t.Errorf("the stream did not end cleanly: %v", err)
	}
}

func TestEventStreamTellsWhatWaits(t *testing.T) {
	s := newTestServer(t, func(o *Options) { o.Limits.Stream = 20 * time.Millisecond })
	lines, _ := s.listen(t, "")
	await(t, lines, "event: arrival")
	for lines.Scan() { // to the end of its life
		continue
	}
}

func TestEventStreamEndsWithTheKey(t *testing.T) {
	s := newTestServer(t, func(o *Options) { o.Limits.Heartbeat = 5 * time.Millisecond })
	lines, _ := s.listen(t, "")
	await(t, lines, ": heartbeat")
	s.hub.mu.Lock()
	delete(s.hub.actors, "lt_all_x")
	s.hub.mu.Unlock()
	for lines.Scan() {
		continue
	}
}

// Who receives for another agency hears of what comes for it, as long as it does.
func TestEventStreamOfAnAgencyServed(t *testing.T) {
	s := newTestServer(t, func(o *Options) { o.Limits.Heartbeat = 5 * time.Millisecond })
	s.hub.empty = true
	lines, _ := s.listen(t, "?agency=a9")
	await(t, lines, ": heartbeat")
	s.hub.ring()
	await(t, lines, "event: arrival")
	if got := await(t, lines, "data: "); !strings.Contains(got, `"agency":"a9"`) {
		t.Errorf("%s", got)
	}
	s.hub.mu.Lock()
	s.hub.alone = true
	s.hub.mu.Unlock()
	for lines.Scan() {
		continue
	}
}

// Above its budgets the hub answers 429 and says when to come again; afterwards
// all is as before.
func TestBudgets(t *testing.T) {
	for name, limits := range map[string]Limits{
		"waits":      {Waits: 1},
		"actorWaits": {ActorWaits: 1},
	} {
		t.Run(name, func(t *testing.T) {
			stopping := make(chan struct{})
			s := newTestServer(t, func(o *Options) { o.Stopping, o.Limits = stopping, limits })
			s.hub.empty = true
			done := s.start(t, "/v1/mailbox?wait=60")
			<-s.hub.looked
			a := s.call(t, http.MethodGet, "/v1/mailbox?wait=60", "")
			if p := a.problem(t); p.Status != http.StatusTooManyRequests || a.Header.Get("Retry-After") == "" || p.Kind != hub.KindBusy {
				t.Errorf("%d %s", a.StatusCode, a.body)
			}
			if a := s.call(t, http.MethodGet, "/v1/me", ""); a.StatusCode != http.StatusOK {
				t.Errorf("work is refused because of waits: %d", a.StatusCode)
			}
			close(stopping)
			<-done
			if a := s.call(t, http.MethodGet, "/v1/mailbox?wait=60", ""); a.StatusCode != http.StatusOK {
				t.Errorf("the place did not become free: %d", a.StatusCode)
			}
		})
	}
}

func TestGate(t *testing.T) {
	g := newGate(Limits{Requests: 2, Waits: 1, PerActor: 2, ActorWaits: 1, Bytes: 100, ActorBytes: 50}.withDefaults(), time.Now)
	large, err := g.admit("a", false, 500)
	if err != nil {
		t.Fatalf("a body above the budget must come in alone: %v", err)
	}
	refused := func(rule string, err error) {
		t.Helper()
		if hub.KindOf(err) != hub.KindBusy || hub.ViolationsOf(err)[0].Rule != rule {
			t.Errorf("%s: %v", rule, err)
		}
	}
	_, err = g.admit("a", false, 1)
	refused("actor_bytes", err)
	_, err = g.admit("b", false, 1)
	refused("bytes", err)
	large()
	mine, err := g.admit("a", false, 40)
	if err != nil {
		t.Fatal(err)
	}
	_, err = g.admit("a", false, -1)
	refused("actor_bytes", err)
	more, err := g.admit("a", false, 0)
	if err != nil {
		t.Fatal(err)
	}
	_, err = g.admit("a", false, 0)
	refused("actor", err)
	others, err := g.admit("b", false, 50)
	if err != nil {
		t.Errorf("one actor slows another: %v", err)
	}
	var inside []func()
	for _, waits := range []bool{false, false, true} {
		leave, err := g.enter(waits)
		if err != nil {
			t.Fatalf("waits have a budget of their own: %v", err)
		}
		inside = append(inside, leave)
	}
	_, err = g.enter(false)
	refused("requests", err)
	_, err = g.enter(true)
	refused("requests", err)
	for _, leave := range append(inside, mine, more, others) {
		leave()
	}
	if g.total != [2]int{} || g.bytes != 0 || g.actors["a"].underWay != [2]int{} || g.actors["a"].bytes != 0 {
		t.Errorf("the gate did not become empty: %+v", g)
	}
}

// TestRateOfAKey: a key that asks too often is told so, until a second has passed, and
// slows no other; who has not asked for long is forgotten.
func TestRateOfAKey(t *testing.T) {
	now := testTime
	g := newGate(Limits{Rate: 10}.withDefaults(), func() time.Time { return now })
	ask := func(actor string) error {
		leave, err := g.admit(actor, false, 0)
		if err == nil {
			leave()
		}
		return err
	}
	for range 20 { // twice the rate at once
		if err := ask("a"); err != nil {
			t.Fatal(err)
		}
	}
	if err := ask("a"); hub.KindOf(err) != hub.KindBusy || hub.ViolationsOf(err)[0].Rule != "rate" {
		t.Errorf("one too many: %v", err)
	}
	if err := ask("b"); err != nil {
		t.Errorf("another key: %v", err)
	}
	now = now.Add(100 * time.Millisecond)
	if err := ask("a"); err != nil {
		t.Errorf("after a tenth of a second: %v", err)
	}
	if err := ask("a"); err == nil {
		t.Error("a tenth of a second gave two requests of ten in a second")
	}
	now = now.Add(2 * time.Minute)
	if err := ask("c"); err != nil || len(g.actors) != 1 {
		t.Errorf("%d accounts are kept, %v", len(g.actors), err)
	}
}

// A peer that stops sending, or sends a byte now and then, is cut off; one that
// makes progress may take longer than the limit altogether.
func TestSlowBodies(t *testing.T) {
	for name, peer := range map[string]struct{ piece, want int }{
		"stops": {0, http.StatusRequestTimeout}, "trickles": {1, http.StatusRequestTimeout}, "flows": {leastProgress, http.StatusNoContent},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			const stall = time.Second
			for {
				status, longest := sendSlowly(t, stall, peer.piece)
				if status == peer.want {
					return
				}
				if longest < stall/2 {
					t.Fatalf("%d, want %d; the longest pause was %s", status, peer.want, longest)
				} // else a busy machine paused instead of the peer
			}
		})
	}
}

// sendSlowly sends a body in pieces of so many bytes, one every tenth of the limit, to a hub
// that gives up after the limit, and returns its answer and the longest pause between two.
func sendSlowly(t *testing.T, stall time.Duration, piece int) (status int, longest time.Duration) {
	t.Helper()
	s := newTestServer(t, func(o *Options) { o.Limits.Stall = stall })
	conn, err := net.Dial("tcp", strings.TrimPrefix(s.URL, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	const pieces = 15
	head := "PATCH /v1/uploads/u1/parts/p1 HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer lt_all_x\r\nUpload-Offset: 0\r\nContent-Length: " + strconv.Itoa(pieces*leastProgress) + "\r\n\r\n"
	if _, err := io.WriteString(conn, head); err != nil {
		t.Fatal(err)
	}
	var sending sync.WaitGroup
	stop := make(chan struct{})
	sending.Go(func() {
		tick, last := time.NewTicker(stall/10), time.Now()
		defer tick.Stop()
		for range pieces {
			select {
			case <-tick.C:
			case <-stop:
				return
			}
			if _, err := conn.Write(bytes.Repeat([]byte("x"), piece)); err != nil {
				return
			}
			longest, last = max(longest, time.Since(last)), time.Now()
		}
	})
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	close(stop)
	sending.Wait()
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	return resp.StatusCode, longest
}

// A deadline for a body or an answer does not end what follows on the same
// connection, and none runs while the hub itself waits; in HTTP/2 neither.
func TestDeadlinesAreForgotten(t *testing.T) {
	short := func(o *Options) { o.Limits.Stall = 3 * time.Second }
	t.Run("HTTP/1.1", func(t *testing.T) { t.Parallel(); useConnection(t, newTestServer(t, short), "HTTP/1.1") })
	t.Run("HTTP/2.0", func(t *testing.T) {
		t.Parallel()
		plain := newTestServer(t, short)
		s := &testServer{httptest.NewUnstartedServer(plain.Config.Handler), plain.hub, plain.log}
		s.EnableHTTP2 = true
		s.StartTLS()
		defer s.Close()
		useConnection(t, s, "HTTP/2.0")
	})
}

func useConnection(t *testing.T, s *testServer, protocol string) {
	t.Helper()
	if a := s.call(t, http.MethodGet, "/v1/me", ""); a.Proto != protocol || (a.Header.Get("Strict-Transport-Security") != "") != (s.TLS != nil) {
		t.Fatalf("%s %v", a.Proto, a.Header)
	}
	s.call(t, http.MethodPost, "/v1/verify", "%PDF-1.7")
	s.hub.empty = true
	if a := s.call(t, http.MethodGet, "/v1/mailbox?wait=4", ""); a.StatusCode != http.StatusOK {
		t.Errorf("%d", a.StatusCode)
	}
	if a := s.call(t, http.MethodPost, "/v1/keys", `{"name":"x","kind":"system","scopes":["read"]}`, "Content-Type", "application/json"); a.StatusCode != http.StatusCreated {
		t.Errorf("%d", a.StatusCode)
	}
}
