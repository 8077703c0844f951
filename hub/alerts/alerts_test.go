package alerts_test

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/hub/alerts"
	"github.com/lienthong/lienthong/hub/hubtest"
)

// office is a mail server that fails when it is told to.
type office struct {
	mu    sync.Mutex
	mails []string
	fail  func(to string, mail hub.AlertMail) error
}

func (o *office) TellAlerts(_ context.Context, to string, m hub.AlertMail) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	var err error
	if o.fail != nil {
		err = o.fail(to, m)
	}
	if err != nil && !strings.Contains(err.Error(), "taken") {
		return err
	}
	var words []string
	for i := range m.Begun {
		words = append(words, "+"+m.Begun[i].Cause())
	}
	for i := range m.Ended {
		words = append(words, "-"+m.Ended[i].Cause())
	}
	o.mails = append(o.mails, to+": "+strings.Join(words, " "))
	return err
}

// got returns what was mailed since the last time.
func (o *office) got() []string {
	o.mu.Lock()
	defer o.mu.Unlock()
	mails := o.mails
	o.mails = nil
	return mails
}

// hubOf is a hub of one or more nodes in a bubble of time.
type hubOf struct {
	t     *testing.T
	store *hubtest.Memory
	office
	own  map[string][]hub.Finding // by node, and of the hub
	stop map[string]func()
	set  func(*alerts.Options)
}

func newHub(t *testing.T) *hubOf {
	return &hubOf{t: t, store: hubtest.NewMemory(), own: map[string][]hub.Finding{}, stop: map[string]func(){}}
}

// node starts a node; the one that leads puts all together.
func (h *hubOf) node(name string, leads bool) *alerts.Service {
	options := alerts.Options{
		Pace:  10 * time.Second,
		Notes: h.store, Mailer: &h.office, Recipients: []string{"a@x.example"}, Node: name,
		Own:    func(context.Context) ([]hub.Finding, error) { return h.found(name), nil },
		All:    func(context.Context) ([]hub.Finding, error) { return h.found(ofHub), nil },
		Gather: 10 * time.Minute, Settle: 5 * time.Minute,
		Now: time.Now, NewID: newIDs(name), Log: slog.New(slog.DiscardHandler),
	}
	if h.set != nil {
		h.set(&options)
	}
	s := alerts.New(options)
	ctx, cancel := context.WithCancel(h.t.Context())
	var running sync.WaitGroup
	running.Go(func() { s.Watch(ctx) })
	if leads {
		running.Go(func() { s.Lead(ctx) })
	}
	h.stop[name] = func() {
		cancel()
		running.Wait()
	}
	return s
}

// ofHub stands for the hub as a whole among the nodes.
const ofHub = "the hub"

// finds says what a node finds from now on.
func (h *hubOf) finds(node string, found ...hub.Finding) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for i := range found {
		if node != ofHub {
			found[i].Node = node
		}
	}
	h.own[node] = found
}

// found is what a node finds.
func (h *hubOf) found(node string) []hub.Finding {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.own[node])
}

func newIDs(node string) func() string {
	var ids hubtest.IDs
	return func() string { return node + ids.New() }
}

// end stops all nodes.
func (h *hubOf) end() {
	for _, stop := range h.stop {
		stop()
	}
}

// after lets time pass and expects what was mailed meanwhile.
func (h *hubOf) after(d time.Duration, want ...string) {
	h.t.Helper()
	time.Sleep(d)
	synctest.Wait()
	if got := h.got(); !slices.Equal(got, want) {
		h.t.Errorf("mailed %q, want %q", got, want)
	}
}

func part(name string, urgent bool) hub.Finding {
	return hub.Finding{Kind: hub.AlertPart, About: name, Urgent: urgent}
}

var operator = hub.Actor{Name: "van.hanh", Scopes: []hub.Scope{hub.ScopeOperate}}

// TestOnce: what stays is told once, when it has stayed; what comes together is one mail;
// its end is told once; and it is told again when it comes back.
func TestOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHub(t)
		defer h.end()
		h.node("", true)
		h.finds("", part("broker", false))
		h.after(4 * time.Minute)
		h.finds(ofHub, hub.Finding{Kind: hub.AlertRecipient, About: "xa"})
		h.after(8 * time.Minute) // the recipient waits for others since minute 4
		h.after(3*time.Minute, "a@x.example: +part//broker +recipient//xa")
		h.after(3 * time.Hour)
		h.finds("")
		h.finds(ofHub)
		h.after(15 * time.Minute)
		h.after(10*time.Minute, "a@x.example: -part//broker -recipient//xa")
		h.after(time.Hour)
		h.finds(ofHub, hub.Finding{Kind: hub.AlertRecipient, About: "xa"})
		h.after(11*time.Minute, "a@x.example: +recipient//xa")
	})
}

// TestShortFaultsAreNotTold: what is gone before it has stayed is told to nobody, and what
// goes for a moment has not ended.
func TestShortFaultsAreNotTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHub(t)
		defer h.end()
		s := h.node("", true)
		for range 30 { // there for 4 minutes, away for 4
			h.finds("", part("broker", false))
			h.after(4 * time.Minute)
			h.finds("")
			h.after(4 * time.Minute)
		}
		h.finds("", part("broker", false))
		h.after(16*time.Minute, "a@x.example: +part//broker")
		for range 30 { // away for 4 minutes, there for 1
			h.finds("")
			h.after(4 * time.Minute)
			h.finds("", part("broker", false))
			h.after(time.Minute)
		}
		if board, err := s.Board(t.Context(), operator); err != nil || len(board.Open) != 1 || board.Recipients != 1 {
			t.Errorf("%+v, %v", board, err)
		}
	})
}

// TestFlapping: what comes and goes at a slow pace does not send a mail each time.
func TestFlapping(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHub(t)
		defer h.end()
		h.set = func(o *alerts.Options) { o.Pace = time.Minute }
		h.node("", true)
		mails := 0
		for range 24 { // a day, away for 20 minutes of each hour
			h.finds("", part("broker", false))
			time.Sleep(40 * time.Minute)
			h.finds("")
			time.Sleep(20 * time.Minute)
			synctest.Wait()
			mails += len(h.got())
		}
		if mails == 0 || mails > 4 {
			t.Errorf("%d mails about a cause that comes and goes", mails)
		}
	})
}

// TestQuietHours: at night only what is urgent is told, and its end; the rest comes in one
// mail in the morning, what is over by then, too.
func TestQuietHours(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHub(t)
		defer h.end()
		quiet, err := alerts.ParseQuiet("22:00-06:00", hub.Vietnam())
		if err != nil {
			t.Fatal(err)
		}
		h.set = func(o *alerts.Options) { o.Quiet = quiet }
		now := time.Now().In(hub.Vietnam())
		night := time.Date(now.Year(), now.Month(), now.Day(), 23, 0, 0, 0, hub.Vietnam())
		time.Sleep(time.Until(night))
		h.node("", true)
		h.finds(ofHub, hub.Finding{Kind: hub.AlertRecipient, About: "xa"})
		h.after(time.Minute) // the oldest is told first
		h.finds("", part("broker", false))
		h.after(2 * time.Hour)
		h.finds("", part("disk", true))
		h.after(time.Minute, "a@x.example: +part//disk")
		h.finds("")
		h.after(15*time.Minute, "a@x.example: -part//disk")
		h.after(time.Until(night.Add(7*time.Hour+time.Minute)), "a@x.example: +recipient//xa +part//broker")
		h.after(4 * time.Hour)
	})
}

// TestMailServerAway: what could not be sent is sent when the server is back, once to each
// address; a refused one keeps nobody waiting.
func TestMailServerAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHub(t)
		defer h.end()
		h.set = func(o *alerts.Options) { o.Recipients = []string{"a@x.example", "b@x.example", "c@x.example"} }
		away := true
		h.fail = func(to string, _ hub.AlertMail) error {
			switch {
			case away && to != "a@x.example":
				return hub.Errorf(hub.KindUnavailable, "mail-server", "connection", "the mail server cannot be reached")
			case to == "b@x.example":
				return hub.Errorf(hub.KindNotFound, "target", "mailbox", "no such box")
			}
			return nil
		}
		s := h.node("", true)
		h.finds("", part("disk", true))
		h.after(time.Hour, "a@x.example: +part//disk")
		board, err := s.Board(t.Context(), operator)
		if err != nil || board.Waiting != 2 || board.Problem != "the mail server cannot be reached" || board.Tried.IsZero() {
			t.Errorf("%+v, %v", board, err)
		}
		h.mu.Lock()
		away = false
		h.mu.Unlock()
		h.after(20*time.Minute, "c@x.example: +part//disk")
		h.after(5 * time.Hour)
	})
}

// TestUncertain: a letter that may have come is sent once more and not for ever.
func TestUncertain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHub(t)
		defer h.end()
		ids := map[string]bool{}
		h.fail = func(_ string, m hub.AlertMail) error {
			ids[m.ID] = true
			return fmt.Errorf("taken, but: %w", hub.ErrUncertain)
		}
		h.node("", true)
		h.finds("", part("disk", true))
		h.after(5*time.Hour, "a@x.example: +part//disk", "a@x.example: +part//disk")
		if len(ids) != 1 {
			t.Errorf("the same mail has the ids %v", ids)
		}
	})
}

// TestTwoNodes: of two nodes each tells what is its own, through the one that leads; a new
// leader and new processes tell nothing twice, and a node that is gone has no causes.
func TestTwoNodes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHub(t)
		h.node("n1", true)
		h.node("n2", false)
		h.finds("n2", part("disk", true))
		h.after(time.Minute, "a@x.example: +part/n2/disk")
		h.stop["n1"]()
		h.node("n1", true) // two lead for a while
		h.stop["n2"]()
		h.node("n2", true)
		h.after(3 * time.Hour)
		h.stop["n2"]()
		h.after(50 * time.Minute) // it may come back
		h.node("n2", false)
		h.after(2 * time.Hour)
		h.stop["n2"]()
		h.after(90*time.Minute, "a@x.example: -part/n2/disk")
		h.stop["n1"]()
	})
}

// TestCrashAfterTheAnswer: who dies between the answer of the mail server and the note of
// it has sent a mail that comes once more, under the same id, and no more.
func TestCrashAfterTheAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHub(t)
		defer h.end()
		var ids []string
		dead := false
		h.fail = func(_ string, m hub.AlertMail) error {
			ids = append(ids, m.ID)
			dead = len(ids) == 1
			return nil
		}
		h.store.Before = func(string) error {
			h.mu.Lock()
			defer h.mu.Unlock()
			if dead {
				return hub.Errorf(hub.KindUnavailable, "", "", "the process is dead")
			}
			return nil
		}
		h.node("n1", true)
		h.finds("n1", part("disk", true))
		h.after(50*time.Second, "a@x.example: +part/n1/disk")
		h.stop["n1"]()
		h.mu.Lock()
		dead = false
		h.mu.Unlock()
		h.node("n1", true)
		h.after(5*time.Hour, "a@x.example: +part/n1/disk")
		if len(ids) != 2 || ids[0] != ids[1] {
			t.Errorf("the mails have the ids %v", ids)
		}
	})
}

// TestStoreAway: a node that cannot reach the store says so once, by itself; when it is
// back that is an alert like any other, and its end is told.
func TestStoreAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHub(t)
		defer h.end()
		var away, deaf atomic.Bool
		h.store.Before = func(string) error {
			if away.Load() {
				return hub.Errorf(hub.KindUnavailable, "", "", "away")
			}
			return nil
		}
		h.fail = func(string, hub.AlertMail) error {
			if deaf.Load() {
				return hub.Errorf(hub.KindUnavailable, "", "", "away, too")
			}
			return nil
		}
		s := h.node("n1", true)
		h.after(time.Minute)
		away.Store(true)
		h.after(20 * time.Second) // shorter than what is told
		away.Store(false)
		h.after(time.Minute)
		for range 2 {
			away.Store(true)
			h.after(3*time.Hour, "a@x.example: +part/n1/database")
			away.Store(false)
			h.after(time.Minute)
			if board, err := s.Board(t.Context(), operator); err != nil || len(board.Open) != 1 || board.Open[0].Told.IsZero() {
				t.Errorf("%+v, %v", board, err)
			}
			h.after(time.Hour, "a@x.example: -part/n1/database")
		}
		away.Store(true)
		deaf.Store(true) // what nobody could be told is left to the mails
		h.after(time.Hour)
		away.Store(false)
		h.after(time.Minute)
		deaf.Store(false)
		h.after(16*time.Minute, "a@x.example: +part/n1/database", "a@x.example: -part/n1/database")
		h.after(5 * time.Hour)
	})
}

// TestQuiet: spans over midnight and within a day; what is none is refused by its name.
func TestQuiet(t *testing.T) {
	at := func(clock string) time.Time {
		when, err := time.ParseInLocation("15:04", clock, hub.Vietnam())
		if err != nil {
			t.Fatal(err)
		}
		return when
	}
	for span, want := range map[string]string{"22:00-06:00": "22:00 23:59 00:00 05:59", "11:30-13:00": "11:30 12:59", "": ""} {
		quiet, err := alerts.ParseQuiet(span, hub.Vietnam())
		if err != nil {
			t.Fatal(err)
		}
		for _, clock := range strings.Fields("21:59 22:00 23:59 00:00 05:59 06:00 11:29 11:30 12:59 13:00") {
			if got := quiet.At(at(clock)); got != strings.Contains(want, clock) {
				t.Errorf("%s in %q: %t", clock, span, got)
			}
		}
	}
	for _, span := range []string{"22:00", "22-6", "24:00-06:00", "22:00-22:00", "22:00-06:00-07:00"} {
		if _, err := alerts.ParseQuiet(span, hub.Vietnam()); hub.KindOf(err) != hub.KindInvalid || !strings.Contains(err.Error(), "alert-quiet") {
			t.Errorf("%q: %v", span, err)
		}
	}
}

// TestMute: no mail is written about a cause that is muted, with a reason, until that is
// over; others than operators see and do nothing.
func TestMute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHub(t)
		defer h.end()
		h.set = func(o *alerts.Options) { o.Pace = time.Minute }
		s := h.node("", true)
		h.finds(ofHub, hub.Finding{Kind: hub.AlertRecipient, About: "xa"})
		h.after(11*time.Minute, "a@x.example: +recipient//xa")
		board, err := s.Board(t.Context(), operator)
		if err != nil || len(board.Open) != 1 {
			t.Fatalf("%+v, %v", board, err)
		}
		id := board.Open[0].ID
		for rule, act := range map[string]func() error{
			"reason required":          func() error { return s.Acknowledge(t.Context(), operator, id, "  ") },
			"reason control_character": func() error { return s.Acknowledge(t.Context(), operator, id, "a\x00b") },
			"reason max_length":        func() error { return s.Mute(t.Context(), operator, id, strings.Repeat("x", 501), 1) },
			"days mute_days":           func() error { return s.Mute(t.Context(), operator, id, "x", 366) },
			"alert ":                   func() error { return s.Acknowledge(t.Context(), operator, "none", "x") },
			"alert muted":              func() error { return s.Unmute(t.Context(), operator, id) },
		} {
			found := hub.ViolationsOf(act())
			if len(found) != 1 || found[0].Field+" "+found[0].Rule != rule {
				t.Errorf("%s: %v", rule, found)
			}
		}
		other := hub.Actor{Name: "x", Scopes: []hub.Scope{hub.ScopeAccounts, hub.ScopeRead, hub.ScopeAudit}}
		_, shown := s.Board(t.Context(), other)
		_, past := s.Past(t.Context(), other, hub.Page{})
		for what, err := range map[string]error{
			"board": shown, "past": past, "acknowledge": s.Acknowledge(t.Context(), other, id, "x"),
			"mute": s.Mute(t.Context(), other, id, "x", 1), "unmute": s.Unmute(t.Context(), other, id),
		} {
			if hub.KindOf(err) != hub.KindDenied {
				t.Errorf("%s of another: %v", what, err)
			}
		}
		if err := s.Acknowledge(t.Context(), operator, id, "đang xử lý"); err != nil {
			t.Fatal(err)
		}
		if err := s.Mute(t.Context(), operator, id, "xã đang nâng cấp", 2); err != nil {
			t.Fatal(err)
		}
		board, err = s.Board(t.Context(), operator)
		if a := board.Open[0]; err != nil || a.Seen == nil || a.Seen.By != "van.hanh" || a.Muted == nil || a.Muted.Reason != "xã đang nâng cấp" {
			t.Errorf("%+v, %v", a, err)
		}
		h.finds(ofHub)
		h.after(time.Hour)
		h.finds(ofHub, hub.Finding{Kind: hub.AlertRecipient, About: "xa"})
		h.after(time.Hour)
		h.finds(ofHub)
		h.after(time.Hour)
		if board, err = s.Board(t.Context(), operator); err != nil || len(board.Open) != 0 || len(board.Muted) != 1 {
			t.Errorf("%+v, %v", board, err)
		}
		h.finds(ofHub, hub.Finding{Kind: hub.AlertRecipient, About: "xa"})
		h.after(44 * time.Hour)
		h.after(3*time.Hour, "a@x.example: +recipient//xa") // the mute is over
		past1, err := s.Past(t.Context(), operator, hub.Page{Limit: 1})
		if err != nil || len(past1.Items) != 1 || past1.Next == "" {
			t.Fatalf("%+v, %v", past1, err)
		}
		past2, err := s.Past(t.Context(), operator, hub.Page{Limit: 1, After: past1.Next})
		if err != nil || len(past2.Items) != 1 || past2.Next != "" || past2.Items[0].ID != id || !past1.Items[0].Ended.After(past2.Items[0].Ended) {
			t.Errorf("%+v, %v", past2, err)
		}
	})
}

// TestPastOnce: an alert whose end could not be noted for a while, or whose node died before
// it was, stands among the past ones once.
func TestPastOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHub(t)
		defer h.end()
		var away atomic.Bool
		h.store.Before = func(method string) error {
			if method == "SwapNote" && away.Load() {
				return hub.Errorf(hub.KindUnavailable, "", "", "away")
			}
			return nil
		}
		s := h.node("n1", true)
		h.finds(ofHub, hub.Finding{Kind: hub.AlertRecipient, About: "xa"})
		h.after(time.Hour, "a@x.example: +recipient//xa")
		h.finds(ofHub)
		h.after(5 * time.Minute)
		away.Store(true)
		h.after(7 * time.Minute)
		away.Store(false)
		h.after(time.Hour, "a@x.example: -recipient//xa")
		past, err := s.Past(t.Context(), operator, hub.Page{})
		if err != nil || len(past.Items) != 1 || past.Items[0].Ended.IsZero() {
			t.Errorf("%d past alerts, %v", len(past.Items), err)
		}
	})
}
