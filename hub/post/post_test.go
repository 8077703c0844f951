package post_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/hub/hubtest"
	"github.com/lienthong/lienthong/hub/post"
)

func (w *world) tells(act hub.PostalAct, ago time.Duration, bill string) {
	w.operator.rows = append(w.operator.rows, hub.PostalEvent{Act: act, At: w.Clock.Now().Add(-ago), Bill: bill, Code: "c"})
}

func acts(o *hub.PostalOrder) string {
	var list []string
	for i := range o.Events {
		list = append(list, string(o.Events[i].Act))
	}
	return strings.Join(list, " ")
}

// TestResultByPost: an order is given once, what the post tells is kept with bill, times and
// fees, and stands in the course of the dossier at the times of the bill.
func TestResultByPost(t *testing.T) {
	w := newWorld()
	o := w.order(t, func(w *hub.PostalWish) { w.Collect = 50_000 })
	if o.To.Name != "Nguyễn Văn Ví Dụ" || o.To.Phone != "0900" || o.From.Address != "10 Trần Phú" || o.Number != dossier || o.Envelopes != 1 {
		t.Errorf("the order: %+v, from %+v to %+v", o, o.From, o.To)
	}
	w.later(t, time.Second)
	if o = w.orders[o.ID]; o.State != hub.PostalOrdered || w.operator.got[o.ID] != 1 {
		t.Fatalf("ordered: %+v, given %d times", o, w.operator.got[o.ID])
	}
	w.Clock.Advance(time.Hour)
	w.tells(hub.PostalAccepted, time.Minute, "EB1")
	w.operator.fees = &hub.PostalFees{Main: 22_000, COD: 13_000, Collect: 50_000}
	w.later(t, 0)
	accepted := w.orders[o.ID].BilledAt
	w.Clock.Advance(time.Hour)
	w.tells(hub.PostalDelivered, time.Minute, "EB1")
	w.later(t, time.Hour)
	w.later(t, 24*time.Hour)
	o = w.orders[o.ID]
	if acts(&o) != "ordered accepted delivered" || o.Bill != "EB1" || !o.BilledAt.Equal(accepted) || *o.Fees != *w.operator.fees || o.Open() || !o.Next.IsZero() || len(o.Look(w.Clock.Now())) != 0 {
		t.Errorf("in the end: %s, %+v", acts(&o), o)
	}
	if w.operator.got[o.ID] != 1 || w.operator.asked != 2 {
		t.Errorf("given %d times, asked %d times", w.operator.got[o.ID], w.operator.asked)
	}
	clock := func(at time.Time) string { return at.In(hub.Vietnam()).Format("15:04") }
	want := []string{
		"d1 province return ordered  " + clock(o.Events[0].At), "d1 province return accepted EB1 " + clock(accepted), "d1 province return delivered EB1 " + clock(o.Events[2].At),
	}
	if !slices.Equal(w.desk.posted, want) {
		t.Errorf("the dossier was told\n%v, want\n%v", w.desk.posted, want)
	}
	if got := fmt.Sprint(w.calls); got != "[order answered ask answered ask answered]" {
		t.Errorf("calls that were counted: %s", got)
	}
}

// TestNoSecondOrder: whatever becomes of the answer to an order, and wherever the process
// ends, the operator gets it once under its number.
func TestNoSecondOrder(t *testing.T) {
	for name, c := range map[string]func(*testing.T, *world){
		"the answer is lost": func(t *testing.T, w *world) {
			w.operator.lose = true
			w.later(t, time.Second)
			w.operator.lose = false
		},
		"lost again and again": func(t *testing.T, w *world) {
			w.operator.lose = true
			for range 3 {
				w.later(t, time.Hour)
			}
		},
		"the operator is away at first": func(t *testing.T, w *world) {
			w.operator.fail = errors.New("no route")
			w.later(t, time.Second)
			w.later(t, time.Hour)
			w.operator.fail = nil
		},
		"the process ends before the order goes out": func(t *testing.T, w *world) {
			w.crash = "change"
			if _, err := w.Work(t.Context()); err == nil {
				t.Error("it went on")
			}
			w.restart()
		},
		"the process ends between the order and its record": func(t *testing.T, w *world) {
			ends := *w.operator
			w.options.Operator = dying{&ends, w}
			w.restart()
			if _, err := w.Work(t.Context()); err == nil {
				t.Error("it went on")
			}
			w.options.Operator = w.operator
			w.restart()
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld()
			o := w.order(t)
			c(t, w)
			for range 5 {
				w.later(t, time.Hour)
			}
			if o = w.orders[o.ID]; w.operator.got[o.ID] != 1 || o.State != hub.PostalOrdered || acts(&o) != "ordered" || o.Asked != 0 || o.LastError != "" {
				t.Errorf("given %d times, %s, %+v", w.operator.got[o.ID], acts(&o), o)
			}
		})
	}
}

// dying takes an order, and the process is gone.
type dying struct {
	*operator
	w *world
}

func (d dying) Order(ctx context.Context, order *hub.PostalOrder) error {
	d.w.crash = "change"
	return d.operator.Order(ctx, order)
}

// TestMisbehaviour: twice, out of order, with times that cannot be and codes that nobody
// knows: all is kept, once, what is wrong is a finding, and moves nothing.
func TestMisbehaviour(t *testing.T) {
	w := newWorld()
	o := w.order(t)
	w.later(t, time.Second)
	w.Clock.Advance(5 * time.Hour)
	w.tells(hub.PostalAccepted, -time.Hour, "EB1") // in an hour
	w.tells(hub.PostalAccepted, 100*365*24*time.Hour, "EB1")
	w.tells(hub.PostalUnknown, time.Minute, "EB1")
	w.operator.rows = append(w.operator.rows, w.operator.rows...)
	w.later(t, 0)
	w.later(t, time.Hour/2)
	o = w.orders[o.ID]
	if acts(&o) != "ordered accepted accepted unknown" || o.State != hub.PostalOrdered || o.Bill != "" {
		t.Errorf("what cannot be: %s, %+v", acts(&o), o)
	}
	if got := fmt.Sprint(o.Look(w.Clock.Now())); got != "[impossible_time unknown_code]" {
		t.Errorf("findings: %s", got)
	}
	w.operator.rows = nil
	w.tells(hub.PostalDelivered, 2*time.Hour, "EB1")
	w.tells(hub.PostalAccepted, time.Hour, "EB2")
	w.later(t, 24*time.Hour)
	o = w.orders[o.ID]
	if o.State != hub.PostalDelivered || o.Bill != "EB1" {
		t.Errorf("in the end: %+v", o)
	}
	if got := fmt.Sprint(o.Look(w.Clock.Now())); got != "[impossible_time unknown_code other_bill out_of_order]" {
		t.Errorf("findings: %s", got)
	}
	if len(w.desk.posted) != 3 {
		t.Errorf("the dossier was told %v", w.desk.posted)
	}
}

// TestOperatorAway: an operator that is away is asked ever more rarely, by one order at a
// time, and one refusal ends an order.
func TestOperatorAway(t *testing.T) {
	w := newWorld()
	for range 20 {
		w.order(t)
	}
	w.operator.fail = errors.New("no route")
	w.later(t, time.Second)
	if len(w.calls) != 1 {
		t.Errorf("%d calls to an operator that is away, for 20 orders", len(w.calls))
	}
	for range 60 {
		w.later(t, time.Minute)
	}
	if len(w.calls) > 20 {
		t.Errorf("%d calls in an hour in which the operator is away", len(w.calls))
	}
	w.operator.fail = nil
	for range 60 {
		w.later(t, time.Minute)
	}
	for id, o := range w.orders {
		if o.State != hub.PostalOrdered || w.operator.got[id] != 1 {
			t.Errorf("when it is back: %+v, given %d times", o, w.operator.got[id])
		}
	}
	refused := w.order(t)
	w.operator.fail = hub.Invalid("", "post", "ngoài vùng phục vụ")
	w.later(t, time.Second)
	w.later(t, time.Hour)
	refused = w.orders[refused.ID]
	if refused.State != hub.PostalRejected || refused.Open() || refused.Events[0].Text != "ngoài vùng phục vụ" || fmt.Sprint(refused.Look(w.Clock.Now())) != "[rejected]" {
		t.Errorf("refused: %+v", refused)
	}
}

// TestSilence: what nobody tells anything about is a finding, and in the end not asked about
// any more.
func TestSilence(t *testing.T) {
	w := newWorld()
	o := w.order(t)
	w.later(t, time.Second)
	for range 200 {
		w.later(t, 12*time.Hour)
	}
	o = w.orders[o.ID]
	if got := fmt.Sprint(o.Look(w.Clock.Now())); got != "[silent]" || !o.Next.IsZero() || !o.Open() {
		t.Errorf("after 100 days: %s, %+v", got, o)
	}
	if w.operator.asked > 200 || w.operator.asked < 50 {
		t.Errorf("asked %d times", w.operator.asked)
	}
}

// TestDocumentOnPaper: a document for an agency that is not connected waits for the post;
// that the post has it, delivered it or brought it back is evidence, and the chain holds.
func TestDocumentOnPaper(t *testing.T) {
	for name, c := range map[string]struct {
		acts  []hub.PostalAct
		state hub.DeliveryState
		chain string
	}{
		"delivered":                 {[]hub.PostalAct{hub.PostalCollected, hub.PostalAccepted, hub.PostalDelivered}, hub.StateHandedOver, "SubmissionAcceptance RelayToNonERDS PostalDelivery"},
		"delivered, and no more":    {[]hub.PostalAct{hub.PostalDelivered}, hub.StateHandedOver, "SubmissionAcceptance RelayToNonERDS PostalDelivery"},
		"tried in vain, then there": {[]hub.PostalAct{hub.PostalAccepted, hub.PostalFailed, hub.PostalDelivered}, hub.StateHandedOver, "SubmissionAcceptance RelayToNonERDS PostalDelivery"},
		"tried in vain":             {[]hub.PostalAct{hub.PostalAccepted, hub.PostalFailed}, hub.StateConsigned, "SubmissionAcceptance RelayToNonERDS"},
		"back":                      {[]hub.PostalAct{hub.PostalAccepted, hub.PostalFailed, hub.PostalReturned}, hub.StateFailed, "SubmissionAcceptance RelayToNonERDS RelayToNonERDSFailure"},
		"ordered":                   {nil, hub.StateQueued, "SubmissionAcceptance"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld()
			a := w.send(t, "x")
			if n, err := w.delivery.Work(t.Context()); n != 0 || err != nil {
				t.Fatalf("%d deliveries were settled without the post, %v", n, err)
			}
			o := w.order(t, func(o *hub.PostalWish) {
				*o = hub.PostalWish{Agency: hubtest.Province, Kind: hub.PostalPaper, Dispatch: a.Dispatch.ID}
			})
			if o.Place != "Hội Mẫu (hư cấu)" || o.To.Address != "10 Trần Phú" || o.Number != "173/UBND-KSTTHC" {
				t.Errorf("the order: %+v to %+v", o, o.To)
			}
			w.later(t, time.Second)
			w.Clock.Advance(time.Hour)
			for i, act := range c.acts {
				w.tells(act, time.Duration(10-i)*time.Minute, "EB1")
			}
			w.later(t, 0)
			w.later(t, time.Hour)
			d := w.state(t, &a)
			names, last := w.chain(t, &a)
			if got := strings.Join(names, " "); d.State != c.state || got != c.chain {
				t.Errorf("%s, %s, want %s, %s", d.State, got, c.state, c.chain)
			}
			if len(c.acts) > 0 && (!strings.Contains(last.Note, `bill "EB1"`) || last.DeliveryInfo.Channel != hub.ChannelPaper) {
				t.Errorf("the last evidence: %+v", last)
			}
			if d.Final() != (c.state == hub.StateHandedOver || c.state == hub.StateFailed) {
				t.Errorf("the delivery: %+v", d)
			}
			w.Clock.Advance(hub.DefaultTerm)
			if _, err := w.delivery.Expire(t.Context()); err != nil {
				t.Fatal(err)
			}
			if now := w.state(t, &a); !now.Final() || d.Final() && now.State != d.State {
				t.Errorf("when its time is over: %+v", now)
			}
			if names, last = w.chain(t, &a); !d.Final() && (last.Event != hub.EventRelayToNonERDSFailure || last.Reasons[0].Code != hub.ReasonRetentionExpired) {
				t.Errorf("when its time is over: %v, %+v", names, last)
			}
		})
	}
}

// TestWhoMayOrder: only the sender of a document and a party of a dossier, for what waits for
// the post, and once at a time.
func TestWhoMayOrder(t *testing.T) {
	w := newWorld()
	a := w.send(t, "x")
	connected, err := w.intake.Submit(t.Context(), hubtest.System(hubtest.Province), w.Submission("y", "000.00.12.H47"))
	if err != nil {
		t.Fatal(err)
	}
	onPaper := func(id hub.DispatchID) func(*hub.PostalWish) {
		return func(o *hub.PostalWish) { *o = hub.PostalWish{Agency: o.Agency, Kind: hub.PostalPaper, Dispatch: id} }
	}
	reader := hubtest.System(hubtest.Province)
	reader.Scopes = []hub.Scope{hub.ScopeRead}
	as := hubtest.System
	for name, c := range map[string]struct {
		actor  hub.Actor
		change func(*hub.PostalWish)
		kind   hub.ErrorKind
		field  string
	}{
		"another agency":         {as(hubtest.Office), func(*hub.PostalWish) {}, hub.KindDenied, ""},
		"for another agency":     {as(hubtest.Office), func(o *hub.PostalWish) { o.Agency = hubtest.Office }, hub.KindNotFound, "dossier"},
		"no party":               {as(hubtest.Office, hubtest.Province), func(o *hub.PostalWish) { o.Agency = hubtest.Office }, hub.KindDenied, "agency"},
		"a reader":               {reader, func(*hub.PostalWish) {}, hub.KindDenied, ""},
		"no such dossier":        {as(hubtest.Province), func(o *hub.PostalWish) { o.Dossier = "x" }, hub.KindNotFound, "dossier"},
		"no address":             {as(hubtest.Province), func(o *hub.PostalWish) { o.To = nil }, hub.KindInvalid, "to.address"},
		"two lines":              {as(hubtest.Province), func(o *hub.PostalWish) { o.To.Address = "2\nLê Lợi" }, hub.KindInvalid, "to.address"},
		"a district with a name": {as(hubtest.Province), func(o *hub.PostalWish) { o.To.District = "Thăng Bình" }, hub.KindInvalid, "to.district"},
		"too much":               {as(hubtest.Province), func(o *hub.PostalWish) { o.Collect = 1e12 }, hub.KindInvalid, "cod_collect"},
		"both":                   {as(hubtest.Province), func(o *hub.PostalWish) { o.Dispatch = a.Dispatch.ID }, hub.KindInvalid, "kind"},
		"nothing":                {as(hubtest.Province), func(o *hub.PostalWish) { o.Dossier = "" }, hub.KindInvalid, "dossier"},
		"no kind":                {as(hubtest.Province), func(o *hub.PostalWish) { o.Kind = "" }, hub.KindInvalid, "kind"},
		"a connected recipient":  {as(hubtest.Province), onPaper(connected.Dispatch.ID), hub.KindInvalid, "delivery"},
		"a document of another agency": {as(hubtest.Office), func(o *hub.PostalWish) {
			*o = hub.PostalWish{Agency: hubtest.Office, Kind: hub.PostalPaper, Dispatch: connected.Dispatch.ID}
		}, hub.KindDenied, "dispatch"},
		"a document of strangers": {as(hubtest.Ward), func(o *hub.PostalWish) {
			*o = hub.PostalWish{Agency: hubtest.Ward, Kind: hub.PostalPaper, Dispatch: a.Dispatch.ID}
		}, hub.KindNotFound, ""},
	} {
		_, _, err := w.Order(t.Context(), c.actor, wish(c.change))
		if hub.KindOf(err) != c.kind || err == nil || c.field != "" && hub.ViolationsOf(err)[0].Field != c.field {
			t.Errorf("%s: %v", name, err)
		}
	}
	w.desk.erased = true
	if _, _, err := w.Order(t.Context(), as(hubtest.Province), wish()); hub.KindOf(err) != hub.KindConflict {
		t.Errorf("of a dossier that was erased: %v", err)
	}
	w.desk.erased = false
	first := w.order(t, onPaper(a.Dispatch.ID))
	if _, _, err := w.Order(t.Context(), as(hubtest.Province), wish(onPaper(a.Dispatch.ID))); hub.KindOf(err) != hub.KindConflict {
		t.Errorf("a second order for a document: %v", err)
	}
	keyed := w.order(t, func(o *hub.PostalWish) { o.Key = "k" })
	again, made, err := w.Order(t.Context(), as(hubtest.Province), wish(func(o *hub.PostalWish) { o.Key = "k" }))
	if err != nil || made || again.ID != keyed.ID {
		t.Errorf("the same key again: %v, %t, %v", again.ID, made, err)
	}
	if _, _, err := w.Order(t.Context(), as(hubtest.Province), wish(func(o *hub.PostalWish) { o.Key, o.Kind = "k", hub.PostalPickUp })); hub.KindOf(err) != hub.KindConflict {
		t.Errorf("the same key for something else: %v", err)
	}
	w.seesItsOwn(t, first.ID, keyed.ID)
}

// seesItsOwn: orders exist for their agency alone, lists name no owner, and a look at one is
// noted.
func (w *world) seesItsOwn(t *testing.T, ids ...hub.PostalID) {
	t.Helper()
	for _, id := range append(ids, "x") {
		if _, err := w.Show(t.Context(), hubtest.System(hubtest.Office), id); hub.KindOf(err) != hub.KindNotFound {
			t.Errorf("an order of another agency: %v", err)
		}
		if _, err := w.Report(t.Context(), hubtest.System(hubtest.Office), id, hub.PostalReport{Act: hub.PostalDelivered}); hub.KindOf(err) != hub.KindNotFound {
			t.Errorf("a report about an order of another agency: %v", err)
		}
	}
	if _, err := w.List(t.Context(), hubtest.System(hubtest.Office), hub.PostalQuery{Agency: hubtest.Province}); hub.KindOf(err) != hub.KindDenied {
		t.Errorf("the list of another agency: %v", err)
	}
	list, err := w.List(t.Context(), hubtest.System(hubtest.Province), hub.PostalQuery{Agency: hubtest.Province})
	if err != nil || len(list.Items) != len(ids) {
		t.Fatalf("%d orders, %v", len(list.Items), err)
	}
	for i := range list.Items {
		if o := &list.Items[i]; o.From != nil || o.To != nil || o.Content != "" || o.Events != nil {
			t.Errorf("a list tells %+v", o)
		}
	}
	w.desk.shown = nil
	clerk := hubtest.System(hubtest.Province)
	clerk.Name, clerk.Kind = "an", hub.ActorClerk
	if o, err := w.Show(t.Context(), clerk, ids[1]); err != nil || o.To == nil || !slices.Equal(w.desk.shown, []string{"an"}) {
		t.Errorf("a look at an order of a dossier: %+v, %v, noted %v", o, err, w.desk.shown)
	}
}

// TestReportedByHand: without an operator, what a bill says is reported by who holds it; the
// same key again changes nothing.
func TestReportedByHand(t *testing.T) {
	w := newWorld(func(o *post.Options) { o.Operator = nil })
	a := w.send(t, "x")
	o := w.order(t, func(o *hub.PostalWish) {
		*o = hub.PostalWish{Agency: hubtest.Province, Kind: hub.PostalPaper, Dispatch: a.Dispatch.ID}
	})
	w.later(t, time.Hour)
	as := hubtest.System(hubtest.Province)
	at := func(ago time.Duration) hub.DossierMoment {
		return hub.DossierMoment(w.Clock.Now().Add(-ago).Format(time.RFC3339))
	}
	for name, r := range map[string]hub.PostalReport{
		"no bill":       {Act: hub.PostalHanded},
		"in the future": {Act: hub.PostalHanded, Bill: "EB1", At: at(-time.Hour)},
		"long ago":      {Act: hub.PostalHanded, Bill: "EB1", At: at(365 * 24 * time.Hour)},
		"no time":       {Act: hub.PostalHanded, Bill: "EB1", At: "hôm qua"},
		"of the hub":    {Act: hub.PostalOrdered},
		"no act":        {Bill: "EB1"},
	} {
		if _, err := w.Report(t.Context(), as, o.ID, r); hub.KindOf(err) != hub.KindInvalid {
			t.Errorf("%s: %v", name, err)
		}
	}
	handed := hub.PostalReport{Act: hub.PostalHanded, Bill: "EB1", At: at(time.Minute), Key: "k"}
	for range 2 {
		got, err := w.Report(t.Context(), as, o.ID, handed)
		if err != nil || len(got.Events) != 1 || got.State != hub.PostalHanded || got.Bill != "EB1" || got.PostedAt.IsZero() || got.Events[0].By != as.Name {
			t.Fatalf("handed over: %+v, %v", got, err)
		}
	}
	if _, err := w.Report(t.Context(), as, o.ID, hub.PostalReport{Act: hub.PostalDelivered, Key: "k"}); hub.KindOf(err) != hub.KindConflict {
		t.Errorf("the same key for something else: %v", err)
	}
	if d := w.state(t, &a); d.State != hub.StateConsigned || !d.Relayed() {
		t.Errorf("handed over to the post: %+v", d)
	}
	if _, err := w.Report(t.Context(), as, o.ID, hub.PostalReport{Act: hub.PostalDelivered}); err != nil {
		t.Fatal(err)
	}
	if names, last := w.chain(t, &a); last.Event != hub.EventPostalDelivery || !strings.HasPrefix(last.Note, "the sender says, from the bill") || len(names) != 3 {
		t.Errorf("delivered: %v, %+v", names, last)
	}
	w.later(t, time.Hour)
	if got := w.orders[o.ID]; !got.Next.IsZero() || got.Told != 2 {
		t.Errorf("in the end: %+v", got)
	}
}

// TestReportedTooLate: to an order of which all that it said of persons is gone nothing is
// added; what was reported before is.
func TestReportedTooLate(t *testing.T) {
	w := newWorld()
	o := w.order(t)
	as := hubtest.System(hubtest.Province)
	handed := hub.PostalReport{Act: hub.PostalHanded, Bill: "EB1", Key: "k"}
	if _, err := w.Report(t.Context(), as, o.ID, handed); err != nil {
		t.Fatal(err)
	}
	gone := w.orders[o.ID]
	gone.Erase()
	w.orders[o.ID] = gone
	if _, err := w.Report(t.Context(), as, o.ID, handed); err != nil {
		t.Errorf("the same again: %v", err)
	}
	_, err := w.Report(t.Context(), as, o.ID, hub.PostalReport{Act: hub.PostalDelivered, Text: "con gái ký nhận"})
	if hub.KindOf(err) != hub.KindConflict || hub.ViolationsOf(err)[0].Rule != "erased" {
		t.Errorf("another report: %v", err)
	}
	if got := w.orders[o.ID]; len(got.Events) != 1 || got.Events[0].Text != "" {
		t.Errorf("the order holds %+v", got.Events)
	}
	w.later(t, time.Hour)
	if w.operator.got[o.ID] != 0 || w.operator.asked != 0 {
		t.Error("the operator heard of an order that was erased")
	}
}

// TestToldAgain: where dossier or evidence cannot be told now, they are told later, once; and
// what was brought by hand is not ordered, too.
func TestToldAgain(t *testing.T) {
	w := newWorld()
	o := w.order(t)
	w.desk.fail = errors.New("the database is away")
	if _, err := w.Report(t.Context(), hubtest.System(hubtest.Province), o.ID, hub.PostalReport{Act: hub.PostalHanded, Bill: "EB1"}); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Work(t.Context()); err == nil {
		t.Error("nobody hears that the dossier was not told")
	}
	w.desk.fail = nil
	w.later(t, time.Hour)
	w.later(t, time.Hour)
	if len(w.desk.posted) != 1 || w.orders[o.ID].Told != 1 {
		t.Errorf("told %v, %+v", w.desk.posted, w.orders[o.ID])
	}
	if w.operator.got[o.ID] != 0 {
		t.Error("what was brought to the post by hand was ordered, too")
	}
}

// TestRecalledPaper: a document that the sender takes back before the post has it stays
// taken back, whatever the post does with the paper.
func TestRecalledPaper(t *testing.T) {
	w := newWorld()
	a := w.send(t, "x")
	w.order(t, func(o *hub.PostalWish) {
		*o = hub.PostalWish{Agency: hubtest.Province, Kind: hub.PostalPaper, Dispatch: a.Dispatch.ID}
	})
	w.later(t, time.Second)
	if _, err := w.tracking.Recall(t.Context(), hubtest.System(hubtest.Province), a.Dispatch.ID, nil, "sai số"); err != nil {
		t.Fatal(err)
	}
	w.Clock.Advance(time.Hour)
	w.tells(hub.PostalDelivered, time.Minute, "EB1")
	w.later(t, 0)
	w.later(t, time.Hour)
	names, _ := w.chain(t, &a)
	if d := w.state(t, &a); d.State != hub.StateWithdrawn || strings.Join(names, " ") != "SubmissionAcceptance Withdrawal" {
		t.Errorf("%s, %v", d.State, names)
	}
}
