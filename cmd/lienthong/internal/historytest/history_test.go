package historytest

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/hub/audit"
	"github.com/lienthong/lienthong/hub/delivery"
	"github.com/lienthong/lienthong/hub/hubtest"
	"github.com/lienthong/lienthong/hub/hubtest/server"
	"github.com/lienthong/lienthong/hub/intake"
	"github.com/lienthong/lienthong/hub/push"
	"github.com/lienthong/lienthong/hub/tasks"
	"github.com/lienthong/lienthong/hub/tracking"
	"github.com/lienthong/lienthong/signing"
	"github.com/lienthong/lienthong/signing/pki"
	"github.com/lienthong/lienthong/storage/sqlite"
)

// tiles keeps the files of the log.
type tiles struct {
	mu    sync.Mutex
	files map[string][]byte
}

func (s *tiles) PutTiles(_ context.Context, list []hub.LogTile) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, tile := range list {
		s.files[tile.Name] = tile.Data
	}
	return nil
}

func (s *tiles) Tile(_ context.Context, name string) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if data, ok := s.files[name]; ok {
		return data, nil
	}
	return nil, hub.Errorf(hub.KindNotFound, "tile", "", "there is no such tile")
}

func (s *tiles) PutHead(ctx context.Context, head hub.LogTile) error {
	return s.PutTiles(ctx, []hub.LogTile{head})
}

func (s *tiles) DropPartial(context.Context, string) error { return nil }

// station is one hub that is started again and again.
type station struct {
	*hubtest.World
	path     string
	sealer   *signing.Sealer
	files    *tiles
	epoch    int64
	store    *sqlite.Store
	intake   *intake.Service
	delivery *delivery.Service
	tracking *tracking.Service
	push     *push.Service
	tasks    *tasks.Service
	stopLog  func()
	carry    error // what carriers answer
	heard    error // what those answer who are told

	log    []hub.PlacedEvidence // what subscriptions are told of, of all histories
	logged map[hub.EvidenceID]bool
	bells  []string // subscriptions
	events map[hub.Event]int
	totals map[hub.Measure]int // of tasks that were seen in figures
	unseen int                 // of these, those that the agency did not see
	opened int                 // measures whose documents were listed
	latest time.Time           // that the clock ever said

	sent []hub.Submission
	open []hub.Delivery // of this history
	ids  []hub.DispatchID
	n    int
}

// Carry implements delivery.Carrier.
func (s *station) Carry(context.Context, hub.Item) error { return s.carry }

// CheckTarget implements push.Teller.
func (s *station) CheckTarget(string) error { return nil }

// Tell implements push.Teller.
func (s *station) Tell(context.Context, hub.PushCall) error { return s.heard }

// feed reads the evidence of this history as if the log had it at once.
type feed struct{ *station }

// PushPosition implements push.Feed.
func (f feed) PushPosition(ctx context.Context) (position, end int64, err error) {
	for _, id := range f.ids {
		list, err := f.store.Evidences(ctx, hub.EvidenceQuery{Dispatch: id, Page: hub.Page{Limit: 1000}})
		if err != nil {
			return 0, 0, err
		}
		for _, e := range list.Items {
			if !f.logged[e.Evidence.ID] {
				f.logged[e.Evidence.ID] = true
				f.log = append(f.log, hub.PlacedEvidence{Place: int64(len(f.log)), Evidence: e})
			}
		}
	}
	position, _, err = f.store.PushPosition(ctx)
	return position, int64(len(f.log)), err
}

// LogFrom implements push.Feed.
func (f feed) LogFrom(_ context.Context, place int64, limit int) ([]hub.PlacedEvidence, error) {
	rest := f.log[min(int(place), len(f.log)):]
	return rest[:min(limit, len(rest))], nil
}

// AddPushes implements push.Feed.
func (f feed) AddPushes(ctx context.Context, from, next int64, pushes []hub.Push) error {
	return f.store.AddPushes(ctx, from, next, pushes)
}

// axisCode is that of an agency behind another axis.
const axisCode = "000.00.00.H48"

// fatal is what a history fails by.
type fatal interface {
	Fatal(args ...any)
	Fatalf(format string, args ...any)
}

func (s *station) start(t fatal) {
	var err error
	s.store, err = sqlite.Open(context.Background(), sqlite.Options{Path: s.path, Fatal: func(err error) { panic(err) }})
	if err != nil {
		t.Fatal(err)
	}
	notary := audit.New(audit.Options{
		Store: s.store, Sealer: s.sealer, Issuer: hub.Party{ID: "hub"}, Origin: "hub.test/evidence", Now: s.Clock.Now, NewID: s.IDs.New,
	})
	s.tracking = tracking.New(tracking.Options{
		Store: s.store, Leases: s.store, Reports: s.store, Links: s.store, Evidences: s.store, Blobs: s.Blobs, Directory: s.Directory,
		Notary: notary, Now: s.Clock.Now, NewID: s.IDs.New, TrackAccess: true,
	})
	s.delivery = delivery.New(delivery.Options{
		Store: s.store, Notary: notary, Queue: delivery.NewLocalQueue(4), Bell: s.tracking, Now: s.Clock.Now, NewID: s.IDs.New,
		Carriers: map[hub.Channel]delivery.Carrier{hubtest.ChannelTest: s, hub.ChannelAxis: s}, Retry: delivery.Backoff{Attempts: 3},
	})
	s.push = push.New(push.Options{
		Subscriptions: s.store, Feed: feed{s}, Outbox: s.store, Items: s.store, Steps: s.store, Notary: notary, Directory: s.Directory,
		Notes: &audit.Notes{Store: s.store, Now: s.Clock.Now, NewID: s.IDs.New}, Now: s.Clock.Now, NewID: s.IDs.New,
		Ways: map[hub.SubscriptionKind]push.Way{
			hub.SubscriptionWebhook: {Teller: s, Batch: 1}, hub.SubscriptionMail: {Teller: s, Batch: 9, Once: true},
		},
		PauseAfter: time.Hour, Refusals: 2,
	})
	s.tasks = tasks.New(tasks.Options{
		Store: s.store, Directory: s.Directory, Notary: notary, Bell: s.tracking, Calendar: workingDays, Now: s.Clock.Now,
	})
	s.intake = intake.New(intake.Options{
		Store: s.store, Uploads: s.store, Blobs: s.Blobs, Staging: s.Blobs, Directory: s.Directory, Verifier: s.Verifier, Changes: s.tracking,
		Notary: notary, Queue: s.Queue, Bell: s.tracking, Now: s.Clock.Now, NewID: s.IDs.New, Canonical: signing.CanonicalReport,
		Tasks: s.tasks, Calendar: workingDays,
	})
	log := audit.NewLog(audit.LogOptions{
		Store: s.store, Numbers: s.store, Tiles: s.files, Origin: "hub.test/evidence", Key: ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize)),
		Now: s.Clock.Now, Log: slog.New(slog.DiscardHandler),
	})
	s.epoch++
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { log.Run(ctx, s.epoch) })
	s.stopLog = func() { cancel(); running.Wait() }
}

// workingDays is a calendar without swapped days.
func workingDays() *hub.Calendar { return hub.NewCalendar() }

func (s *station) stop(t fatal) {
	s.stopLog()
	if err := s.store.Close(); err != nil {
		t.Fatal(err)
	}
}

// allowed fails a history for any error but those that an act out of its turn gets.
func allowed(t fatal, err error) {
	switch hub.KindOf(err) {
	case hub.KindConflict, hub.KindNotFound:
		return
	}
	if err != nil {
		t.Fatal(err)
	}
}

func (s *station) submit(t *rapid.T) {
	all := []string{"000.00.12.H47", "000.00.13.H47", "000.31.05.H47", "000.00.14.H47", axisCode}
	to := rapid.SliceOfNDistinct(rapid.SampledFrom(all), 1, 3, rapid.ID[string]).Draw(t, "to")
	s.n++
	sub := s.Submission(fmt.Sprint("x", s.n), to...)
	accepted, err := s.intake.Submit(context.Background(), hubtest.System(hubtest.Province), sub)
	if err != nil {
		t.Fatal(err)
	}
	s.sent, s.ids, s.open = append(s.sent, sub), append(s.ids, accepted.Dispatch.ID), append(s.open, accepted.Deliveries...)
}

// submitBad sends what is refused, and nothing else.
func (s *station) submitBad(t *rapid.T) {
	s.n++
	sub := s.Submission(fmt.Sprint("x", s.n), rapid.SampledFrom([]string{hubtest.UnknownCode, hubtest.DividedCode}).Draw(t, "to"))
	var rejection *hub.Rejection
	if _, err := s.intake.Submit(context.Background(), hubtest.System(hubtest.Province), sub); !errors.As(err, &rejection) {
		t.Fatal("what nobody can get: ", err)
	}
}

// come lets a document come over the axis.
func (s *station) come(t *rapid.T) {
	s.n++
	sub := s.Submission(fmt.Sprint("x", s.n), "000.00.12.H47", "000.00.13.H47")
	sub.Sender = axisCode
	axis := hubtest.System(hubtest.Stranger)
	axis.Auth = hub.AuthAxis
	accepted, err := s.intake.Submit(context.Background(), axis, sub)
	if err != nil {
		t.Fatal(err)
	}
	s.ids, s.open = append(s.ids, accepted.Dispatch.ID), append(s.open, accepted.Deliveries...)
}

// tell lets subscriptions be told, with what comes of that, for two hours.
func (s *station) tell(t *rapid.T) {
	ctx := context.Background()
	s.heard = rapid.SampledFrom([]error{
		nil, hub.Invalid("target", "refused", "no"), hub.Errorf(hub.KindNotFound, "target", "gone", "gone"),
		hub.Errorf(hub.KindUnavailable, "target", "", "away"), fmt.Errorf("cut off: %w", hub.ErrUncertain),
	}).Draw(t, "heard")
	if rapid.Bool().Draw(t, "resume") {
		for _, id := range s.bells {
			_, err := s.push.Resume(ctx, operator(), id)
			allowed(t, err)
		}
	}
	for range 3 {
		allowed(t, s.push.Work(ctx))
		s.Clock.Advance(time.Hour)
	}
}

// remind lets the sender remind all who have not collected something.
func (s *station) remind(t *rapid.T) {
	_, err := s.tracking.Remind(context.Background(), hubtest.System(hubtest.Province, hubtest.Stranger), rapid.SampledFrom(s.ids).Draw(t, "which"))
	allowed(t, err)
}

func operator() hub.Actor {
	return hub.Actor{Name: "op", Kind: hub.ActorOperator, Scopes: []hub.Scope{hub.ScopeOperate}}
}

func (s *station) submitAgain(t *rapid.T) {
	again, err := s.intake.Submit(context.Background(), hubtest.System(hubtest.Province), rapid.SampledFrom(s.sent).Draw(t, "which"))
	if err != nil || !again.Duplicate {
		t.Fatal("the same again: ", err)
	}
}

// act lets a recipient do something, whatever the state of its delivery.
func (s *station) act(t *rapid.T) {
	ctx, d := context.Background(), rapid.SampledFrom(s.open).Draw(t, "delivery")
	actor := hubtest.System(d.Recipient)
	item, err := s.store.Item(ctx, d.ID)
	if err != nil {
		t.Fatal(err)
	}
	switch rapid.SampledFrom([]string{"open", "collect", "collect", "accept", "refuse", "report"}).Draw(t, "act") {
	case "open":
		_, blob, openErr := s.tracking.Open(ctx, actor, d.Dispatch, "p1")
		if err = openErr; err == nil {
			err = blob.Close()
		}
	case "collect":
		_, err = s.tracking.Acknowledge(ctx, actor, d.ID, 0, hubtest.Digests(&item.Dispatch))
	case "accept":
		_, err = s.tracking.Accept(ctx, actor, d.ID, hub.Registration{Number: "1", Date: "2026-03-02"})
	case "refuse":
		_, err = s.tracking.Refuse(ctx, actor, d.ID, 0, hub.Reason{Code: hub.ReasonIncomplete, Detail: "thiếu"})
	case "report":
		code := rapid.SampledFrom([]hub.StatusCode{hub.StatusArrived, hub.StatusRefused, hub.StatusAccepted, hub.StatusInProgress}).Draw(t, "code")
		_, err = s.tracking.Report(ctx, actor, d.ID, hub.StatusReport{Code: code, Description: "mẫu"})
	}
	allowed(t, err)
}

func (s *station) work(t *rapid.T) {
	answers := []error{nil, errors.New("no answer"), hub.Invalid("document", "required", "refused")}
	s.carry = rapid.SampledFrom(answers).Draw(t, "answer")
	_, err := s.delivery.Work(context.Background())
	allowed(t, err)
}

func (s *station) pass(t *rapid.T) {
	s.Clock.Advance(time.Duration(rapid.IntRange(1, 15).Draw(t, "days")) * 24 * time.Hour)
	_, err := s.delivery.Expire(context.Background())
	allowed(t, err)
}

// setBack lets the clock jump, as that of a machine does; what was begun goes on.
func (s *station) setBack(t *rapid.T) {
	s.noteClock()
	s.Clock.Advance(-time.Duration(rapid.IntRange(1, 48*3600).Draw(t, "seconds")) * time.Second)
}

// noteClock keeps how far the clock has ever been.
func (s *station) noteClock() {
	if now := s.Clock.Now(); now.After(s.latest) {
		s.latest = now
	}
}

func (s *station) restart(t *rapid.T) { s.stop(t); s.start(t) }

// end lets all terms pass and checks what the history left.
func (s *station) end(t *rapid.T) {
	for range 3 {
		s.Clock.Advance(hub.DefaultTerm)
		if _, err := s.delivery.Expire(context.Background()); err != nil {
			t.Fatal(err)
		}
	}
	for _, id := range s.ids {
		list, err := s.store.Evidences(context.Background(), hub.EvidenceQuery{Dispatch: id, Page: hub.Page{Limit: 1000}})
		if err != nil {
			t.Fatal(err)
		}
		s.wantReasons(t, list.Items)
		report, err := audit.InspectChain(list.Items)
		if err != nil {
			t.Fatal(err)
		}
		item, err := s.store.DispatchItem(context.Background(), id)
		if err != nil {
			t.Fatal(err)
		}
		for i, chain := range report.Recipients {
			d := &item.Deliveries[i]
			if ended := chain.Terminal != "" || d.State == hub.StateHandedOver && !d.Registers; !ended || !d.Final() || chain.State != d.State {
				t.Fatalf("the delivery is %s, its evidence says %s with the end %q", d.State, chain.State, chain.Terminal)
			}
			untold := 0
			for _, e := range list.Items {
				if e.Evidence.Delivery == d.ID && e.Evidence.Event == hub.EventNotificationFailure {
					untold++
				}
			}
			if untold > 1 || (untold == 1) == d.UntoldAt.IsZero() {
				t.Fatalf("%d times not told, the delivery says %s", untold, d.UntoldAt)
			}
		}
	}
}

// wantReasons fails a history in which a negative evidence gives no reason of the closed
// list, whoever issued it.
func (s *station) wantReasons(t fatal, list []hub.SealedEvidence) {
	for i := range list {
		e := &list[i].Evidence
		s.events[e.Event]++
		if e.Event.Negative() && len(e.Reasons) == 0 {
			t.Fatalf("%s gives no reason", list[i].Canonical)
		}
		for _, r := range e.Reasons {
			if !slices.Contains(hub.ReasonCodes(), r.Code) {
				t.Fatalf("%s gives a reason of no list", list[i].Canonical)
			}
		}
	}
}

// wantLogged waits until the log holds all that the histories left.
func (s *station) wantLogged(t *testing.T) {
	t.Helper()
	for deadline := time.Now().Add(server.Patience); ; {
		waiting, err := s.store.Unsequenced(context.Background(), "", 10)
		switch {
		case err != nil || time.Now().After(deadline):
			t.Fatalf("%d evidences are not in the log, %v", len(waiting.Sources), err)
		case len(waiting.Sources) == 0:
			return
		}
		<-time.After(50 * time.Millisecond)
	}
}

// TestHistories: whatever happens, in whatever order and whatever the clock does, each
// recipient of each accepted dispatch has one whole chain with one terminal evidence,
// every negative one says why, and all of it is in the log.
func TestHistories(t *testing.T) {
	authority, err := pki.New(time.Now(), pki.P256)
	if err != nil {
		t.Fatal(err)
	}
	id, err := authority.Agency("Trục liên thông (mẫu)", pki.P256)
	if err != nil {
		t.Fatal(err)
	}
	s := &station{
		World: hubtest.NewWorld(), path: filepath.Join(t.TempDir(), "hub.db"), files: &tiles{files: map[string][]byte{}},
		logged: map[hub.EvidenceID]bool{}, events: map[hub.Event]int{},
	}
	agencies := hubtest.Agencies()
	for i := range agencies {
		if agencies[i].ID == hubtest.Stranger {
			agencies[i].Channels = []hub.Dated[hub.Channel]{{Value: hub.ChannelAxis}}
		}
	}
	s.Directory = hubtest.NewDirectory(agencies...)
	if s.sealer, err = signing.NewSealer(id.Key, id.Chain); err != nil {
		t.Fatal(err)
	}
	s.start(t)
	defer func() { s.stop(t) }()
	for _, wish := range []hub.Subscription{
		{Agency: hubtest.Office, Kind: hub.SubscriptionWebhook}, {Agency: hubtest.Bureau, Kind: hub.SubscriptionMail}, {Agency: hubtest.Ward, Kind: hub.SubscriptionMail},
	} {
		sub, _, err := s.push.Create(t.Context(), operator(), wish)
		if err != nil {
			t.Fatal(err)
		}
		s.bells = append(s.bells, sub.ID)
	}
	rapid.Check(t, func(t *rapid.T) {
		s.sent, s.open, s.ids = nil, nil, nil
		s.submit(t)
		for range rapid.IntRange(3, 12).Draw(t, "acts") {
			rapid.SampledFrom([]func(*rapid.T){s.submit, s.submitAgain, s.act, s.act, s.act, s.act, s.work, s.work, s.pass, s.restart, s.setBack, s.setBack,
				s.submitBad, s.come, s.tell, s.tell, s.remind}).Draw(t, "what")(t)
		}
		s.end(t)
	})
	s.wantLogged(t)
	rejected, err := s.store.Evidences(t.Context(), hub.EvidenceQuery{Sender: hubtest.Province, Page: hub.Page{Limit: 100_000}})
	if err != nil {
		t.Fatal(err)
	}
	s.wantReasons(t, rejected.Items)
	t.Logf("the evidence of these histories: %v", s.events)
}
