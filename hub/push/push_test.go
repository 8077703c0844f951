package push_test

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/hub/push"
)

func (w *world) wantTold(t *testing.T, f *teller, want ...[]string) {
	t.Helper()
	if got := f.told(); !reflect.DeepEqual(got, want) && len(got)+len(want) > 0 {
		t.Errorf("told %v, want %v", got, want)
	}
}

func (w *world) wantStates(t *testing.T, id string, want ...hub.PushState) {
	t.Helper()
	var got []hub.PushState
	for _, p := range w.pushed(id) {
		got = append(got, p.State)
	}
	if !slices.Equal(got, want) {
		t.Errorf("pushes are %v, want %v", got, want)
	}
}

// TestWhoIsToldOfWhat: by topic and party, in the order of the log, once.
func TestWhoIsToldOfWhat(t *testing.T) {
	w := newWorld(t)
	w.happen("before", hub.EventContentConsignment, w.clock.Now().Add(-time.Minute), hub.StateConsigned)
	receives := w.subscribe(t, hub.Subscription{Agency: recipient, Kind: hub.SubscriptionWebhook})
	sends := w.subscribe(t, hub.Subscription{Agency: sender, Kind: hub.SubscriptionWebhook, Target: "sender"})
	all := w.subscribe(t, hub.Subscription{Agency: recipient, Kind: hub.SubscriptionWebhook, Topics: []hub.Topic{hub.TopicEvidence}})
	now := w.clock.Now()
	w.happen("e1", hub.EventContentConsignment, now, hub.StateConsigned)
	w.happen("e2", hub.EventContentHandover, now, hub.StateHandedOver)
	w.happen("e3", hub.EventStatusReport, now, hub.StateAccepted)
	rejected := w.evidence["e2"]
	rejected.Evidence.ID, rejected.Evidence.Dispatch, rejected.Evidence.Delivery = "e4", "", ""
	w.evidence["e4"], w.log = rejected, append(w.log, hub.PlacedEvidence{Place: 4, Evidence: rejected})
	w.log = append(w.log, hub.PlacedEvidence{Place: 5}) // a note
	w.work(t)
	w.work(t)
	by := map[string][]string{}
	for _, c := range w.hook.calls {
		by[c.Subscription.ID] = append(by[c.Subscription.ID], string(c.Events[0].Topic)+" "+c.Events[0].ID)
	}
	want := map[string][]string{
		receives.ID: {"delivery.waiting e1"}, sends.ID: {"status.reported e3"},
		all.ID: {"evidence.recorded e1", "evidence.recorded e2", "evidence.recorded e3"},
	}
	if !reflect.DeepEqual(by, want) {
		t.Errorf("told %v, want %v", by, want)
	}
}

// acted lets somebody act on a task of a delivery in a state.
func (w *world) acted(act hub.TaskAct, state hub.DeliveryState) {
	id := hub.EvidenceID(act + "-" + hub.TaskAct(state))
	w.happen(id, hub.EventTask, w.clock.Now(), state)
	sealed := w.evidence[id]
	sealed.Evidence.Tasks = []hub.TaskFact{{Act: act, ID: "t"}}
	w.evidence[id], w.log[len(w.log)-1].Evidence = sealed, sealed
}

// TestDigest: what there is to tell of tasks waits for one mail in the morning, whatever else
// is told before; a subscription without it tells at once.
func TestDigest(t *testing.T) {
	w := newWorld(t)
	to := func(clock string) {
		t.Helper()
		now := w.clock.Now().In(hub.Vietnam())
		at, err := time.ParseInLocation("15:04", clock, hub.Vietnam())
		if err != nil {
			t.Fatal(err)
		}
		next := time.Date(now.Year(), now.Month(), now.Day(), at.Hour(), at.Minute(), 0, 0, hub.Vietnam())
		if !next.After(now) {
			next = next.AddDate(0, 0, 1)
		}
		w.clock.Advance(next.Sub(now))
		w.work(t)
	}
	to("07:00")
	sub := w.subscribe(t, hub.Subscription{Agency: recipient, Kind: hub.SubscriptionMail, Gather: 1, Digest: true})
	w.acted(hub.ActExtend, hub.StateAccepted)
	to("08:00")
	w.acted(hub.ActOverdue, hub.StateAccepted)
	w.acted(hub.ActDueSoon, hub.StateAccepted)
	w.happen("e1", hub.EventContentConsignment, w.clock.Now(), hub.StateConsigned)
	w.work(t)
	w.clock.Advance(time.Second)
	w.work(t)
	w.wantTold(t, w.mail, []string{"e1"})
	to("08:29")
	w.wantTold(t, w.mail)
	to("08:30")
	w.wantTold(t, w.mail, []string{"extend-accepted", "overdue-accepted", "due_soon-accepted"})
	w.acted(hub.ActConfirm, hub.StateAccepted)
	to("23:00")
	w.wantTold(t, w.mail)
	to("08:30")
	w.wantTold(t, w.mail, []string{"confirm-accepted"})
	w.wantStates(t, sub.ID, hub.PushTold, hub.PushTold, hub.PushTold, hub.PushTold, hub.PushTold)
	_, _, err := w.Create(t.Context(), operator(), hub.Subscription{Agency: recipient, Kind: hub.SubscriptionWebhook, Target: "there", Digest: true})
	if hub.KindOf(err) != hub.KindInvalid {
		t.Errorf("a webhook with a digest: %v", err)
	}
}

// TestWhoIsToldOfTasks: each side is told what the other did, and of deadlines; that one is
// over concerns both. Of a document that was taken back its recipient is told nothing.
func TestWhoIsToldOfTasks(t *testing.T) {
	w := newWorld(t)
	receives := w.subscribe(t, hub.Subscription{Agency: recipient, Kind: hub.SubscriptionWebhook})
	sends := w.subscribe(t, hub.Subscription{Agency: sender, Kind: hub.SubscriptionWebhook, Target: "sender"})
	for _, act := range []hub.TaskAct{hub.ActProgress, hub.ActAnswer, hub.ActConfirm, hub.ActDueSoon, hub.ActOverdue, hub.ActHandOver, hub.ActNote, hub.ActSee} {
		w.acted(act, hub.StateAccepted)
	}
	w.acted(hub.ActConfirm, hub.StateWithdrawn)
	w.work(t)
	w.work(t)
	by := map[string][]string{}
	for _, c := range w.hook.calls {
		by[c.Subscription.ID] = append(by[c.Subscription.ID], string(c.Events[0].Topic)+" "+c.Events[0].ID)
	}
	want := map[string][]string{
		receives.ID: {"task.changed confirm-accepted", "task.changed due_soon-accepted", "task.changed overdue-accepted"},
		sends.ID:    {"task.changed progress-accepted", "task.changed answer-accepted", "task.changed overdue-accepted", "task.changed hand_over-accepted"},
	}
	if !reflect.DeepEqual(by, want) {
		t.Errorf("told %v, want %v", by, want)
	}
}

// TestWhoIsToldOfDossiers: the agencies that a note names, but not of what they reported
// themselves; of a reminder those who can do something.
func TestWhoIsToldOfDossiers(t *testing.T) {
	w := newWorld(t)
	here := w.subscribe(t, hub.Subscription{Agency: recipient, Kind: hub.SubscriptionWebhook})
	w.subscribe(t, hub.Subscription{Agency: sender, Kind: hub.SubscriptionMail, Topics: []hub.Topic{hub.TopicDossier}})
	w.subscribe(t, hub.Subscription{Agency: sender, Kind: hub.SubscriptionMail, Topics: []hub.Topic{hub.TopicEvidence}})
	now := w.clock.Now()
	both := []hub.AgencyID{sender, recipient}
	w.dossier(t, "old", now.Add(-time.Hour), hub.DossierFact{Dossier: "d0", Agency: sender, Tell: both})
	w.dossier(t, "n1", now, hub.DossierFact{Dossier: "d1", Seq: 3, Act: hub.DossierProcess, Agency: sender, Tell: both})
	w.dossier(t, "n2", now, hub.DossierFact{Dossier: "d1", Seq: 4, Act: hub.DossierRemind, Agency: sender, Finding: hub.FindingLetterDue, Tell: []hub.AgencyID{sender}})
	w.dossier(t, "n3", now, hub.DossierFact{Dossier: "d1", Seq: 5, Act: hub.DossierReport, Agency: recipient, Tell: both})
	w.work(t)
	told := func(f *teller) string {
		var list []string
		for _, c := range f.calls {
			for i := range c.Events {
				e := &c.Events[i]
				list = append(list, fmt.Sprint(e.ID, " ", e.Topic, " ", e.Dossier.Seq, e.Dossier.Act, e.Dossier.Finding))
			}
		}
		return strings.Join(list, "; ")
	}
	if got := told(w.hook); got != "n1 dossier.changed 3process" || w.hook.calls[0].Subscription.ID != here.ID {
		t.Errorf("the other agency is told %s", got)
	}
	w.clock.Advance(time.Hour)
	w.work(t)
	if got := told(w.mail); got != "n2 dossier.changed 4remindletter_due; n3 dossier.changed 5report" || len(w.mail.calls) != 1 {
		t.Errorf("the unit is told %s in %d mails", got, len(w.mail.calls))
	}
}

// TestAFailingTarget: it is left alone with growing pauses, loses nothing, keeps its
// order, and is paused in the end, with a note and the reason.
func TestAFailingTarget(t *testing.T) {
	w := newWorld(t, func(o *push.Options) { o.First, o.Max, o.PauseAfter = 10*time.Second, time.Minute, time.Hour })
	sub := w.subscribe(t, hub.Subscription{Agency: recipient, Kind: hub.SubscriptionWebhook})
	w.hook.answer = func(hub.PushCall) error { return hub.Errorf(hub.KindUnavailable, "", "", "away") }
	w.happen("e1", hub.EventContentConsignment, w.clock.Now(), hub.StateConsigned)
	w.happen("e2", hub.EventContentConsignment, w.clock.Now(), hub.StateConsigned)
	w.work(t)
	w.wantTold(t, w.hook, []string{"e1"})
	w.clock.Advance(9 * time.Second)
	w.work(t)
	w.wantTold(t, w.hook)
	w.clock.Advance(time.Second)
	w.work(t)
	w.wantTold(t, w.hook, []string{"e1"})
	if h := w.sub(t, sub.ID).Health; h.Failures != 2 || !h.Next.Equal(w.clock.Now().Add(20*time.Second)) || h.LastError != "unavailable: away" {
		t.Errorf("%+v", h)
	}
	tries := 0
	for range 90 {
		w.clock.Advance(time.Minute)
		w.work(t)
		tries += len(w.hook.told())
	}
	paused := w.sub(t, sub.ID)
	if paused.Paused == nil || paused.Paused.Reason != hub.PauseUnreachable || tries > 61 || !strings.Contains(w.notes[len(w.notes)-1], "unreachable") {
		t.Errorf("after %d tries: %+v, notes %v", tries, paused.Paused, w.notes)
	}
	w.wantStates(t, sub.ID, hub.PushWaiting, hub.PushWaiting)
	w.hook.answer = nil
	if _, err := w.Resume(t.Context(), operator(), sub.ID); err != nil {
		t.Fatal(err)
	}
	w.work(t)
	w.wantTold(t, w.hook, []string{"e1"}, []string{"e2"})
	w.wantStates(t, sub.ID, hub.PushTold, hub.PushTold)
}

// TestARefusedMessage stops no other, is set aside and told again by a replay.
func TestARefusedMessage(t *testing.T) {
	w := newWorld(t, func(o *push.Options) { o.Refusals = 2 })
	sub := w.subscribe(t, hub.Subscription{Agency: recipient, Kind: hub.SubscriptionWebhook})
	w.hook.answer = func(c hub.PushCall) error {
		if c.Events[0].ID == "e1" {
			return hub.Invalid("target", "refused", "no")
		}
		return nil
	}
	w.happen("e1", hub.EventContentConsignment, w.clock.Now(), hub.StateConsigned)
	w.happen("e2", hub.EventContentConsignment, w.clock.Now(), hub.StateConsigned)
	w.work(t)
	w.wantTold(t, w.hook, []string{"e1"}, []string{"e2"})
	w.clock.Advance(time.Minute)
	w.work(t)
	w.wantStates(t, sub.ID, hub.PushSetAside, hub.PushTold)
	if h := w.sub(t, sub.ID).Health; h.Failures != 0 {
		t.Errorf("a refusal is an answer: %+v", h)
	}
	w.hook.told()
	w.hook.answer = nil
	n, err := w.Replay(t.Context(), system(recipient), sub.ID, hub.Replay{SetAside: true})
	if err != nil || n != 1 {
		t.Fatal(n, err)
	}
	w.work(t)
	w.wantTold(t, w.hook, []string{"e1"})
	if _, err := w.Replay(t.Context(), operator(), sub.ID, hub.Replay{}); hub.KindOf(err) != hub.KindInvalid {
		t.Errorf("a replay of nothing: %v", err)
	}
}

// TestGone pauses at once.
func TestGone(t *testing.T) {
	w := newWorld(t)
	sub := w.subscribe(t, hub.Subscription{Agency: recipient, Kind: hub.SubscriptionWebhook})
	w.hook.answer = func(hub.PushCall) error { return hub.Errorf(hub.KindNotFound, "", "gone", "410") }
	w.happen("e1", hub.EventContentConsignment, w.clock.Now(), hub.StateConsigned)
	w.work(t)
	if p := w.sub(t, sub.ID).Paused; p == nil || p.Reason != hub.PauseGone {
		t.Errorf("%+v", p)
	}
	w.wantStates(t, sub.ID, hub.PushWaiting)
}

// TestMail: what comes together goes into one mail; what was collected meanwhile into
// none; nothing into two, whatever happened to the first.
func TestMail(t *testing.T) {
	w := newWorld(t)
	sub := w.subscribe(t, hub.Subscription{Agency: recipient, Kind: hub.SubscriptionMail})
	w.happen("e1", hub.EventContentConsignment, w.clock.Now(), hub.StateConsigned)
	w.happen("e2", hub.EventContentConsignment, w.clock.Now(), hub.StateHandedOver)
	w.work(t)
	w.wantTold(t, w.mail)
	w.clock.Advance(5 * time.Minute)
	w.happen("e3", hub.EventContentConsignment, w.clock.Now(), hub.StateConsigned)
	w.work(t)
	w.clock.Advance(5 * time.Minute)
	w.work(t)
	w.wantTold(t, w.mail, []string{"e1", "e3"})
	w.wantStates(t, sub.ID, hub.PushTold, hub.PushMoot, hub.PushTold)

	w.mail.answer = func(hub.PushCall) error { return fmt.Errorf("cut off: %w", hub.ErrUncertain) }
	w.happen("e4", hub.EventContentConsignment, w.clock.Now(), hub.StateConsigned)
	w.work(t)
	w.clock.Advance(10 * time.Minute)
	w.work(t)
	w.mail.answer = func(hub.PushCall) error { return hub.Errorf(hub.KindUnavailable, "", "", "421") }
	w.happen("e5", hub.EventExpiryWarning, w.clock.Now(), hub.StateHandedOver)
	w.clock.Advance(time.Hour)
	w.work(t)
	w.clock.Advance(10 * time.Minute)
	w.work(t)
	w.mail.answer = nil
	w.clock.Advance(time.Hour)
	w.work(t)
	w.wantTold(t, w.mail, []string{"e4"}, []string{"e5"}, []string{"e5"})
	w.wantStates(t, sub.ID, hub.PushTold, hub.PushMoot, hub.PushTold, hub.PushUnknown, hub.PushTold)
}

// TestAMailIsMarkedFirst: a crash in the middle of a mail leaves the mark that keeps it
// from being sent again.
func TestAMailIsMarkedFirst(t *testing.T) {
	w := newWorld(t)
	sub := w.subscribe(t, hub.Subscription{Agency: recipient, Kind: hub.SubscriptionMail, Gather: 1})
	w.happen("e1", hub.EventContentConsignment, w.clock.Now(), hub.StateConsigned)
	w.work(t)
	w.clock.Advance(time.Second)
	w.mail.answer = func(hub.PushCall) error {
		w.wantStates(t, sub.ID, hub.PushUnknown)
		return nil
	}
	w.work(t)
	w.wantTold(t, w.mail, []string{"e1"})
}

// TestTwoNodesMail: a node that was asleep while another one took its place sends nothing
// that the other one has.
func TestTwoNodesMail(t *testing.T) {
	w := newWorld(t)
	w.subscribe(t, hub.Subscription{Agency: recipient, Kind: hub.SubscriptionMail, Gather: 1})
	w.happen("e1", hub.EventContentConsignment, w.clock.Now(), hub.StateConsigned)
	w.work(t)
	w.clock.Advance(time.Second)
	w.saving = func() { // about to mark the mail
		w.saving = nil
		w.work(t)
	}
	if err := w.Work(t.Context()); hub.KindOf(err) != hub.KindConflict {
		t.Errorf("%v", err)
	}
	w.wantTold(t, w.mail, []string{"e1"})
}

// TestSecrets: two sign while they overlap, and none opens for another subscription.
func TestSecrets(t *testing.T) {
	w := newWorld(t)
	sub := w.subscribe(t, hub.Subscription{Agency: recipient, Kind: hub.SubscriptionWebhook})
	signed := func() int {
		t.Helper()
		if err := w.Test(t.Context(), system(recipient), sub.ID); err != nil {
			t.Fatal(err)
		}
		calls := w.hook.calls
		return len(calls[len(calls)-1].Secrets)
	}
	if n := signed(); n != 1 {
		t.Errorf("%d secrets sign", n)
	}
	_, secret, err := w.Rotate(t.Context(), system(recipient), sub.ID, time.Hour)
	if err != nil || !strings.HasPrefix(secret, push.SecretPrefix) {
		t.Fatal(secret, err)
	}
	if n := signed(); n != 2 {
		t.Errorf("%d secrets sign while they overlap", n)
	}
	w.clock.Advance(time.Hour)
	if n := signed(); n != 1 {
		t.Errorf("%d secrets sign after that", n)
	}
	if _, _, err := w.Rotate(t.Context(), operator(), sub.ID, 31*24*time.Hour); hub.KindOf(err) != hub.KindInvalid {
		t.Errorf("an overlap for ever: %v", err)
	}
}

// TestWhoMay: to strangers a subscription does not exist.
func TestWhoMay(t *testing.T) {
	w := newWorld(t)
	ctx, stranger := t.Context(), system(sender)
	sub := w.subscribe(t, hub.Subscription{Agency: recipient, Kind: hub.SubscriptionWebhook})
	if _, _, err := w.Create(ctx, stranger, hub.Subscription{Agency: recipient, Kind: hub.SubscriptionWebhook}); hub.KindOf(err) != hub.KindDenied {
		t.Errorf("create: %v", err)
	}
	for name, act := range map[string]func() error{
		"get":    func() error { _, err := w.Get(ctx, stranger, sub.ID); return err },
		"rotate": func() error { _, _, err := w.Rotate(ctx, stranger, sub.ID, 0); return err },
		"pause":  func() error { _, err := w.Pause(ctx, stranger, sub.ID); return err },
		"resume": func() error { _, err := w.Resume(ctx, stranger, sub.ID); return err },
		"replay": func() error { _, err := w.Replay(ctx, stranger, sub.ID, hub.Replay{SetAside: true}); return err },
		"pushes": func() error {
			_, err := w.Service.Pushes(ctx, stranger, hub.PushQuery{Subscription: sub.ID})
			return err
		},
		"test":   func() error { return w.Test(ctx, stranger, sub.ID) },
		"remove": func() error { return w.Remove(ctx, stranger, sub.ID) },
	} {
		if err := act(); hub.KindOf(err) != hub.KindNotFound {
			t.Errorf("%s: %v", name, err)
		}
	}
	if list, err := w.List(ctx, stranger, ""); err != nil || len(list) != 0 {
		t.Errorf("list: %v, %v", list, err)
	}
	for _, bad := range []hub.Subscription{
		{Agency: "nobody", Kind: hub.SubscriptionWebhook}, {Agency: recipient, Kind: "pigeon"},
		{Agency: recipient, Kind: hub.SubscriptionWebhook, Target: "bad"}, {Agency: recipient, Kind: hub.SubscriptionWebhook, Topics: []hub.Topic{"x"}},
		{Agency: recipient, Kind: hub.SubscriptionMail, Content: true}, {Agency: recipient, Kind: hub.SubscriptionWebhook, Details: true},
		{Agency: recipient, Kind: hub.SubscriptionMail, Gather: -1},
	} {
		if _, _, err := w.Create(ctx, operator(), bad); err == nil {
			t.Errorf("%+v was made", bad)
		}
	}
	administrator := func(agency hub.AgencyID) hub.Actor {
		return hub.Actor{Name: "admin", Kind: hub.ActorAdministrator, Agencies: []hub.AgencyID{agency}, Scopes: []hub.Scope{hub.ScopeAccounts}}
	}
	if _, err := w.Pause(ctx, administrator(sender), sub.ID); hub.KindOf(err) != hub.KindNotFound {
		t.Errorf("the administrator of another agency: %v", err)
	}
	if list, err := w.List(ctx, administrator(sender), ""); err != nil || len(list) != 0 {
		t.Errorf("list of another administrator: %v, %v", list, err)
	}
	if _, err := w.Pause(ctx, administrator(recipient), sub.ID); err != nil {
		t.Error(err)
	}
	if list, err := w.List(ctx, administrator(recipient), ""); err != nil || len(list) != 1 {
		t.Errorf("list of the administrator: %v, %v", list, err)
	}
	if err := w.Remove(ctx, system(recipient), sub.ID); err != nil {
		t.Error(err)
	}
}

// TestASlowTargetSlowsNobodyElse: while one target takes its time for every call, the
// others are told at once.
func TestASlowTargetSlowsNobodyElse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, func(o *push.Options) { o.Now = time.Now; o.Every = 10 * time.Millisecond })
		slow := w.subscribe(t, hub.Subscription{Agency: recipient, Kind: hub.SubscriptionWebhook, Target: "slow"})
		quick := w.subscribe(t, hub.Subscription{Agency: recipient, Kind: hub.SubscriptionWebhook, Target: "quick"})
		w.hook.answer = func(c hub.PushCall) error {
			if c.Subscription.Target == "slow" {
				time.Sleep(20 * time.Second)
			}
			return nil
		}
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- w.Run(ctx) }()
		for n := range 50 {
			w.happen(hub.EvidenceID(fmt.Sprintf("e%d", n)), hub.EventContentConsignment, time.Now(), hub.StateConsigned)
		}
		time.Sleep(time.Second)
		synctest.Wait()
		count := func(id string) (n int) {
			for _, p := range w.pushed(id) {
				if p.State == hub.PushTold {
					n++
				}
			}
			return n
		}
		if q, s := count(quick.ID), count(slow.ID); q != 50 || s != 0 {
			t.Errorf("after a second the quick one was told %d, the slow one %d", q, s)
		}
		time.Sleep(50*20*time.Second + time.Second)
		if s := count(slow.ID); s != 50 {
			t.Errorf("the slow one was told %d in the end", s)
		}
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

// TestALogThatNeverEnds: subscriptions are told while the log grows as fast as it is read.
func TestALogThatNeverEnds(t *testing.T) {
	w := newWorld(t)
	w.subscribe(t, hub.Subscription{Agency: recipient, Kind: hub.SubscriptionWebhook})
	n := 0
	grow := func() error {
		if n++; n > 100 {
			t.Fatal("the log is read on and on, and nobody is told")
		}
		w.happen(hub.EvidenceID(fmt.Sprintf("e%d", n)), hub.EventContentConsignment, w.clock.Now(), hub.StateConsigned)
		return nil
	}
	w.added = grow
	if err := grow(); err != nil {
		t.Fatal(err)
	}
	w.work(t)
	w.wantTold(t, w.hook, []string{"e1"})
}

// TestSubscribedMeanwhile: who subscribed before something happened is told of it, also
// when the node that reads the log was just about to.
func TestSubscribedMeanwhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, func(o *push.Options) { o.Now = time.Now; o.Every = 10 * time.Millisecond })
		w.subscribe(t, hub.Subscription{Agency: sender, Kind: hub.SubscriptionWebhook})
		w.happen("e1", hub.EventContentHandover, time.Now(), hub.StateHandedOver)
		once := sync.OnceFunc(func() {
			w.subscribe(t, hub.Subscription{Agency: recipient, Kind: hub.SubscriptionWebhook})
			w.happen("e2", hub.EventContentConsignment, time.Now(), hub.StateConsigned)
		})
		w.looked = once
		w.running(t, time.Second)
		w.wantTold(t, w.hook, []string{"e2"})
	})
}

// TestRecordedUnknowingly: pushes are told at once though the answer to their recording
// was lost.
func TestRecordedUnknowingly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, func(o *push.Options) { o.Now = time.Now; o.Every = 10 * time.Millisecond })
		w.subscribe(t, hub.Subscription{Agency: recipient, Kind: hub.SubscriptionWebhook})
		w.added = func() error {
			w.added = nil
			return hub.Errorf(hub.KindUnavailable, "", "", "the connection broke")
		}
		go func() {
			time.Sleep(100 * time.Millisecond) // the first look is over
			w.happen("e1", hub.EventContentConsignment, time.Now(), hub.StateConsigned)
		}()
		w.running(t, time.Second)
		w.wantTold(t, w.hook, []string{"e1"})
	})
}

// TestWorkersAreShared: those with much to tell, to slow targets, leave the workers to
// the others in between.
func TestWorkersAreShared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, func(o *push.Options) { o.Now = time.Now; o.Every = time.Second; o.Workers = 1 })
		w.subscribe(t, hub.Subscription{Agency: recipient, Kind: hub.SubscriptionWebhook})
		quick := w.subscribe(t, hub.Subscription{Agency: sender, Kind: hub.SubscriptionWebhook, Topics: []hub.Topic{hub.TopicEvidence}})
		w.hook.answer = func(c hub.PushCall) error {
			if c.Subscription.ID != quick.ID {
				time.Sleep(29 * time.Second)
			}
			return nil
		}
		for n := range 200 {
			w.happen(hub.EvidenceID(fmt.Sprintf("e%d", n)), hub.EventContentConsignment, time.Now(), hub.StateConsigned)
		}
		w.running(t, 200*29*time.Second/2)
		for _, p := range w.pushed(quick.ID) {
			if p.State != hub.PushTold {
				t.Fatalf("half of the time is over and %s is %s", p.Evidence, p.State)
			}
		}
	})
}

// running lets the service run for a time.
func (w *world) running(t *testing.T, d time.Duration) {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- w.Run(ctx) }()
	time.Sleep(d)
	stop()
	if err := <-done; err != nil {
		t.Error(err)
	}
}
