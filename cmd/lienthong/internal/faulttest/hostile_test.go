package faulttest

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lienthong/lienthong/cmd/lienthong/internal/hubproc"
)

// maxMemory is what a hub may take under any of these attacks, in bytes.
const maxMemory = 200 << 20

// besieged is a hub with parties, and a load that must go on.
func besieged(t *testing.T) (*hubproc.Process, *load) {
	t.Helper()
	dir := t.TempDir()
	l := &load{keys: prepared(t, dir), record: newRecord(), counter: new(atomic.Int64)}
	return startHub(t, dir, ""), l
}

// goesOn sends documents, wants each of them accepted and handed over, and the hub
// small.
func (l *load) goesOn(t *testing.T, h *hubproc.Process) {
	t.Helper()
	c := newClient(h.URL, l.keys.sender)
	for range 20 {
		if err := submitRecorded(t.Context(), c, l.record, l.newDocument()); err != nil {
			t.Fatalf("an honest sender was refused: %v", err)
		}
	}
	for _, waiting := range l.stillOpen(t, h) {
		t.Error(waiting)
	}
	if peak := h.PeakMemory(); peak > maxMemory {
		t.Errorf("the hub took %d MiB", peak>>20)
	}
}

// stillOpen collects until nothing of this load is open, and returns what stays.
func (l *load) stillOpen(t *testing.T, h *hubproc.Process) []string {
	t.Helper()
	deadline := time.Now().Add(patience)
	open := l.record.snapshot().accepted
	for {
		if _, err := l.drain(t.Context(), h.URL); err != nil {
			t.Fatal(err)
		}
		waiting, err := openDeliveries(t.Context(), newClient(h.URL, l.keys.sender), open)
		if err != nil {
			t.Fatal(err)
		}
		if len(waiting) == 0 || time.Now().After(deadline) {
			return waiting
		}
		time.Sleep(100 * time.Millisecond) // leases end by the hub's clock alone
	}
}

// others is a load between all parties but the first recipient.
func (l *load) others() *load {
	return &load{
		keys: keys{sender: l.keys.sender, recipients: l.keys.recipients[1:]}, first: 1,
		record: newRecord(), counter: l.counter,
	}
}

func hostOf(t *testing.T, h *hubproc.Process) string {
	t.Helper()
	u, err := url.Parse(h.URL)
	if err != nil {
		t.Fatal(err)
	}
	return u.Host
}

// TestSlowHeaders: two thousand connections that never finish their first line keep
// nobody out, and are closed by the hub.
func TestSlowHeaders(t *testing.T) {
	t.Parallel() // mostly waits
	h, l := besieged(t)
	const connections = 2000
	var dialer net.Dialer
	closed := make(chan error, connections)
	for range connections {
		c, err := dialer.DialContext(t.Context(), "tcp", hostOf(t, h))
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if _, err := io.WriteString(c, "POST /v1/dispatches HT"); err != nil {
			t.Fatal(err)
		}
		go func() {
			_ = c.SetReadDeadline(time.Now().Add(patience))
			_, err := io.Copy(io.Discard, c)
			closed <- err
		}()
	}
	l.goesOn(t, h)
	for range connections {
		if err := <-closed; err != nil && errors.Is(err, context.DeadlineExceeded) {
			t.Fatal("the hub leaves a connection open that says nothing")
		}
	}
}

// TestSlowBodies: a sender that drips its bodies uses its own budget up and nobody
// else's.
func TestSlowBodies(t *testing.T) {
	t.Parallel() // mostly waits
	h, l := besieged(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	refused := make(chan struct{}, 160)
	var all sync.WaitGroup
	defer all.Wait()
	defer cancel()
	dripping := make(chan struct{}, 256)
	for range 160 {
		all.Go(func() {
			body := &drip{ctx: ctx, begun: dripping}
			req, err := http.NewRequestWithContext(ctx, http.MethodPost, h.URL+"/v1/packages", body)
			if err != nil {
				t.Error(err)
				return
			}
			req.Header.Set("Authorization", "Bearer "+l.keys.recipients[0])
			req.Header.Set("Content-Type", "application/xml")
			answer, err := http.DefaultClient.Do(req)
			if err != nil {
				return // cut off at the end of the test
			}
			answer.Body.Close()
			if answer.StatusCode == http.StatusTooManyRequests {
				refused <- struct{}{}
			}
		})
	}
	for range 128 {
		<-dripping
	}
	l.others().goesOn(t, h)
	select {
	case <-refused:
	case <-time.After(patience):
		t.Error("nobody told the dripping client that it has too much under way")
	}
}

// drip is a body that gives a byte now and then.
type drip struct {
	ctx   context.Context //nolint:containedctx // ends the body with the test
	begun chan<- struct{}
	given int
}

func (d *drip) Read(p []byte) (int, error) {
	if d.given++; d.given == 2 {
		d.begun <- struct{}{}
	}
	if d.given == 1 {
		return copy(p, "<"), nil
	}
	select {
	case <-d.ctx.Done():
		return 0, d.ctx.Err()
	case <-time.After(time.Second):
		return copy(p, " "), nil
	}
}

// TestPollers: five hundred waits at once cost little, and each is woken by what comes
// for it.
func TestPollers(t *testing.T) {
	t.Parallel() // mostly waits
	h, l := besieged(t)
	operatorKey, err := h.OperatorKey()
	if err != nil {
		t.Fatal(err)
	}
	operator := newClient(h.URL, operatorKey)
	const keysNeeded, waitsOfAKey = 20, 25
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	woken, streams := make(chan error, keysNeeded*waitsOfAKey), make(chan struct{}, keysNeeded*waitsOfAKey)
	for range keysNeeded {
		key, err := operator.issueKey(ctx, recipientCode(0))
		if err != nil {
			t.Fatal(err)
		}
		for range waitsOfAKey {
			go func() { woken <- awaitArrival(ctx, h.URL, key, streams) }()
		}
	}
	for range keysNeeded * waitsOfAKey {
		select {
		case <-streams:
		case err := <-woken:
			t.Fatalf("a wait was refused: %v", err)
		}
	}
	d := l.newDocument()
	d.recipients = []string{recipientCode(0)}
	if err := submitRecorded(ctx, newClient(h.URL, l.keys.sender), l.record, d); err != nil {
		t.Fatal(err)
	}
	for range keysNeeded * waitsOfAKey {
		if err := <-woken; err != nil {
			t.Fatalf("a wait was not woken: %v", err)
		}
	}
	l.goesOn(t, h)
}

// awaitArrival listens to the events of a mailbox until something arrives.
func awaitArrival(ctx context.Context, base, key string, listening chan<- struct{}) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, base+"/v1/mailbox/events", nil)
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+key)
	answer, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("HTTP %d", answer.StatusCode)
	}
	listening <- struct{}{}
	lines := bufio.NewScanner(answer.Body)
	for lines.Scan() {
		if strings.HasPrefix(lines.Text(), "event: ") || strings.HasPrefix(lines.Text(), "data: ") {
			return nil
		}
	}
	return errors.Join(lines.Err(), errors.New("the stream ended"))
}

// TestARecipientThatNeverAcknowledges leases everything again and again; what it holds
// comes back to it alone, and all others are served.
func TestARecipientThatNeverAcknowledges(t *testing.T) {
	t.Parallel() // mostly waits
	h, l := besieged(t)
	c := newClient(h.URL, l.keys.sender)
	for range 30 {
		d := l.newDocument()
		d.recipients = []string{recipientCode(0)}
		if err := submitRecorded(t.Context(), c, l.record, d); err != nil {
			t.Fatal(err)
		}
	}
	greedy := newClient(h.URL, l.keys.recipients[0])
	ctx, cancel := context.WithCancel(t.Context())
	var held atomic.Int64
	var group sync.WaitGroup
	group.Go(func() {
		for ctx.Err() == nil {
			items, err := greedy.lease(ctx, 100)
			if err != nil {
				return
			}
			held.Add(int64(len(items)))
		}
	})
	await(t, "the greedy recipient holds something", func() bool { return held.Load() > 0 })
	l.others().goesOn(t, h)
	cancel()
	group.Wait()
	for _, waiting := range l.stillOpen(t, h) { // its leases run out
		t.Error(waiting)
	}
}
