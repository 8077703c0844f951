package app_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/lienthong/lienthong/adapters/hubclient"
	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/hub/hubtest/server"
)

// slowFile is one part whose second half comes when the test lets it.
type slowFile struct {
	begun   chan struct{} // closed when the hub reads the first half
	release chan struct{}
}

func newSlowFile() *slowFile {
	return &slowFile{begun: make(chan struct{}), release: make(chan struct{})}
}

func (s *slowFile) files(size int) []hubclient.File {
	files := original(strings.Repeat("x", size))
	files[0].Open = func() (io.ReadCloser, error) {
		first := strings.NewReader(strings.Repeat("x", size/2))
		second := strings.NewReader(strings.Repeat("x", size-size/2))
		gate := func() io.Reader {
			close(s.begun)
			<-s.release
			return second
		}
		return io.NopCloser(io.MultiReader(first, &lazy{open: gate})), nil
	}
	return files
}

// lazy opens its reader at the first read.
type lazy struct {
	open func() io.Reader
	r    io.Reader
}

// Read implements io.Reader.
func (l *lazy) Read(p []byte) (int, error) {
	if l.r == nil {
		l.r = l.open()
	}
	return l.r.Read(p)
}

type submitted struct {
	accepted hub.Accepted
	err      error
}

func submitSlowly(ctx context.Context, c *hubclient.Client, s *slowFile) <-chan submitted {
	answer := make(chan submitted, 1)
	go func() {
		accepted, err := c.Submit(ctx, submission("slow"), s.files(4<<20), nil)
		answer <- submitted{accepted, err}
	}()
	return answer
}

func TestStopLetsOpenSubmissionsFinish(t *testing.T) {
	t.Parallel()
	config := configIn(t.TempDir())
	config.StopLimit = server.Patience
	h := start(t, config)
	senderKey, recipientKey := h.enroll(t)
	slow := newSlowFile()
	answer := submitSlowly(t.Context(), h.client(t, senderKey), slow)
	<-slow.begun

	// Waiting requests do not hold up the stop.
	polled := make(chan error, 1)
	poller := h.client(t, recipientKey)
	go func() {
		_, err := poller.Mailbox(context.Background(), hubclient.MailboxQuery{Wait: time.Minute})
		polled <- err
	}()
	stopped := make(chan error, 1)
	go func() { stopped <- h.stop() }()
	if err := <-polled; err != nil && hub.KindOf(err) != hub.KindUnavailable {
		t.Errorf("the waiting request was answered by %v", err)
	}
	awaitRefused(t, h.URL())

	close(slow.release)
	if got := <-answer; got.err != nil || got.accepted.Dispatch.ID == "" {
		t.Errorf("a submission that was open at the stop: %+v", got.err)
	}
	if err := <-stopped; err != nil {
		t.Errorf("stop: %v", err)
	}
	// What was accepted last is there afterwards.
	h = start(t, h.config)
	list, err := h.client(t, senderKey).Sent(t.Context(), hubclient.SentQuery{ExternalID: "slow", Page: hub.Page{Limit: 1}})
	if err != nil || len(list.Items) != 1 {
		t.Errorf("%d dispatches after the stop, %v", len(list.Items), err)
	}
}

// awaitRefused waits until nobody listens any more.
func awaitRefused(t *testing.T, url string) {
	t.Helper()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	for deadline := time.Now().Add(server.Patience); time.Now().Before(deadline); {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url+"/healthz", nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := client.Do(req)
		if err != nil {
			return
		}
		resp.Body.Close()
	}
	t.Error("new connections are still taken after a stop")
}

func TestStopIsBounded(t *testing.T) {
	t.Parallel()
	config := configIn(t.TempDir())
	config.StopLimit = 200 * time.Millisecond
	h := start(t, config)
	senderKey, _ := h.enroll(t)
	slow := newSlowFile()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	answer := submitSlowly(ctx, h.client(t, senderKey), slow)
	<-slow.begun
	if err := h.stop(); err != nil {
		t.Errorf("stop: %v", err)
	}
	cancel()
	close(slow.release)
	if got := <-answer; got.err == nil {
		t.Error("a submission was accepted after the hub was gone")
	}
	h = start(t, config)
	_, err := h.client(t, senderKey).Sent(t.Context(), hubclient.SentQuery{ExternalID: "slow", Page: hub.Page{Limit: 1}})
	if err != nil {
		t.Error(err)
	}
}

func TestRunEndsWhenItCannotServe(t *testing.T) {
	t.Parallel()
	h := start(t, configIn(t.TempDir()))
	if err := h.Close(); err != nil {
		t.Fatal(err)
	}
	err := h.stop()
	if err == nil || errors.Is(err, context.Canceled) {
		t.Errorf("Run on a closed listener returned %v", err)
	}
	h.stop = func() error { return nil } // it was expected to fail
}
