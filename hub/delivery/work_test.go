package delivery_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/hub/delivery"
	"github.com/lienthong/lienthong/hub/hubtest"
)

func TestPutIntoTheBox(t *testing.T) {
	f := newFixture()
	a := f.accept(t, hubtest.Office, hubtest.Bureau, hubtest.Ward)
	f.work(t, 3, a.Dispatch.ID)
	for _, d := range a.Deliveries {
		now := f.now(t, d)
		if now.State != hub.StateConsigned || now.Version != 2 || now.Attempts != 1 || !now.UpdatedAt.Equal(f.Clock.Now()) {
			t.Errorf("delivery %+v", now)
		}
		f.wantChain(t, d, "ContentConsignment")
	}
	if heard := f.bell.heard(); !slices.Equal(heard, []hub.AgencyID{hubtest.Bureau, hubtest.Office, hubtest.Ward}) {
		t.Errorf("rung for %v", heard)
	}
	f.work(t, 0, a.Dispatch.ID)
	f.work(t, 0)
}

func TestWorkIsForThoseNamedOrAll(t *testing.T) {
	f := newFixture(func(o *delivery.Options) { o.Batch = 2 })
	a := f.accept(t, hubtest.Office)
	f.accept(t, hubtest.Office, hubtest.Ward, hubtest.Bureau)
	f.work(t, 1, a.Dispatch.ID)
	f.work(t, 3) // more than a batch
	if len(f.bell.heard()) != 4 {
		t.Errorf("rung for %v", f.bell.heard())
	}
}

func TestABatchIsOneTransaction(t *testing.T) {
	f := newFixture()
	f.accept(t, hubtest.Office, hubtest.Ward, hubtest.Bureau)
	transactions := 0
	f.Before = func(string) error { transactions++; return nil }
	f.work(t, 3)
	if transactions != 1 {
		t.Errorf("%d transactions", transactions)
	}
}

// TestLosingARaceIsNormal: another worker was faster with one of them.
func TestLosingARaceIsNormal(t *testing.T) {
	f := newFixture()
	a := f.accept(t, hubtest.Office, hubtest.Ward)
	f.Before = func(string) error {
		f.Before = nil
		f.work(t, 2)
		return nil
	}
	f.work(t, 0)
	for _, d := range a.Deliveries {
		f.wantChain(t, d, "ContentConsignment")
	}
}

func TestNothingIsLostWhenTheStoreFails(t *testing.T) {
	f := newFixture()
	a := f.accept(t, hubtest.Office)
	f.Before = func(string) error { return errors.New("disk full") }
	if n, err := f.Work(t.Context()); n != 0 || err == nil {
		t.Errorf("settled %d, %v", n, err)
	}
	if len(f.bell.heard()) != 0 {
		t.Error("rung for what is not there")
	}
	f.Before = nil
	f.work(t, 1)
	f.wantChain(t, a.Deliveries[0], "ContentConsignment")
}

// TestArrivalIsReported: with the consignment, in one transaction, where the directory said
// so; not for what is handed over or lies with another axis.
func TestArrivalIsReported(t *testing.T) {
	for channel, want := range map[hub.Channel][]string{
		hub.ChannelAMQP: {"ContentConsignment", "StatusReport"}, hub.ChannelPull: {"ContentConsignment", "StatusReport"},
		hub.ChannelAxis: {"RelayAcceptance"}, hubtest.ChannelTest: {"ContentHandover"},
	} {
		brings := carrier(func(context.Context, hub.Item) error { return nil })
		f := newFixture(func(o *delivery.Options) {
			o.Carriers = map[hub.Channel]delivery.Carrier{hub.ChannelAMQP: brings, hub.ChannelAxis: brings, hubtest.ChannelTest: brings}
		})
		f.channel = channel
		a := f.acceptAs(t, func(a *hub.Acceptance) { a.Deliveries[0].ReportsArrival = true }, "queued")
		f.work(t, 1)
		f.wantChain(t, a.Deliveries[0], want...)
		reports, err := f.StatusReports(t.Context(), a.Dispatch.ID)
		progress := f.now(t, a.Deliveries[0]).Progress
		if told := len(want) == 2; err != nil || (len(reports) == 1) != told || (progress == hub.StatusArrived) != told || told && !reports[0].Automatic {
			t.Errorf("%s: reports %+v, progress %q, %v", channel, reports, progress, err)
		}
	}
}

func TestCarriedAndHandedOver(t *testing.T) {
	var carried []hub.DeliveryID
	f := newFixture(carriedBy(carrier(func(_ context.Context, item hub.Item) error {
		carried = append(carried, item.Delivery.ID)
		return nil
	})))
	a := f.accept(t, hubtest.Remote)
	f.work(t, 1)
	d := f.now(t, a.Deliveries[0])
	if d.State != hub.StateHandedOver || d.Attempts != 1 || !slices.Equal(carried, []hub.DeliveryID{d.ID}) {
		t.Errorf("delivery %+v, carried %v", d, carried)
	}
	f.wantChain(t, d, "ContentHandover")
}

func TestErrorsOfCarriers(t *testing.T) {
	for _, tt := range []struct {
		err    error
		state  hub.DeliveryState
		reason hub.ReasonCode
		told   string
	}{
		{hub.Invalid("document", "required", "a number is wanted"), hub.StateFailed, hub.ReasonUnreachable, "invalid: a number is wanted"},
		{hub.Errorf(hub.KindUnsupported, "", "", "no such type"), hub.StateFailed, hub.ReasonUnreachable, "unsupported: no such type"},
		{hub.Errorf(hub.KindUnknownAgency, "", "", "not there"), hub.StateFailed, hub.ReasonUnreachable, "unknown_agency: not there"},
		{fmt.Errorf("post: %w", hub.Errorf(hub.KindNotFound, "", "", "gone")), hub.StateFailed, hub.ReasonUnreachable, "not_found: gone"},
		{hub.Errorf(hub.KindUnavailable, "", "", "down"), hub.StateQueued, "", "unavailable: down"},
		{hub.Errorf(hub.KindUntrusted, "", "", "key expired"), hub.StateQueued, "", "untrusted: key expired"},
		{errors.New("dial tcp 10.1.2.3: secret of ours"), hub.StateQueued, "", "the carrier failed"},
		{context.DeadlineExceeded, hub.StateQueued, "", "the carrier failed"},
	} {
		t.Run(tt.err.Error(), func(t *testing.T) {
			f := newFixture(carriedBy(carrier(func(context.Context, hub.Item) error { return tt.err })))
			a := f.accept(t, hubtest.Remote)
			_, err := f.Work(t.Context())
			d := f.now(t, a.Deliveries[0])
			if err != nil || d.State != tt.state || d.LastError != tt.told || d.Attempts != 1 {
				t.Fatalf("delivery %+v, %v", d, err)
			}
			if tt.state == hub.StateQueued {
				f.wantChain(t, d)
				return
			}
			if d.Reason.Code != tt.reason || !strings.Contains(d.Reason.Detail, tt.told) {
				t.Errorf("reason %+v", d.Reason)
			}
			f.wantChain(t, d, "ContentConsignmentFailure("+string(tt.reason)+")")
		})
	}
}

func TestNoCarrierIsPermanent(t *testing.T) {
	f := newFixture()
	a := f.accept(t, hubtest.Remote)
	f.work(t, 1)
	f.wantChain(t, a.Deliveries[0], "ContentConsignmentFailure(unreachable)")
}

// TestRetriesBackOff: the pauses double up to the longest, attempts are counted
// in the store, and after the last one there is evidence.
func TestRetriesBackOff(t *testing.T) {
	f := newFixture(
		carriedBy(carrier(func(context.Context, hub.Item) error { return errors.New("no answer") })),
		func(o *delivery.Options) {
			o.Retry = delivery.Backoff{First: time.Second, Max: 5 * time.Second, Attempts: 6}
			o.Breaker.Failures = 100                                    // the pauses of the delivery alone
			o.Jitter = func(d time.Duration) time.Duration { return d } // the most there is: a quarter
		})
	a := f.accept(t, hubtest.Remote)
	for i, milliseconds := range []int{1250, 2500, 5000, 6250, 6250} {
		pause := time.Duration(milliseconds) * time.Millisecond
		f.work(t, 0)
		d := f.now(t, a.Deliveries[0])
		if d.Attempts != i+1 || !d.NextAttempt.Equal(f.Clock.Now().Add(pause)) {
			t.Fatalf("attempt %d: next in %v", d.Attempts, d.NextAttempt.Sub(f.Clock.Now()))
		}
		f.Clock.Advance(pause - 1)
		f.work(t, 0)
		if f.now(t, d).Attempts != i+1 {
			t.Fatal("tried too early")
		}
		f.Clock.Advance(1)
	}
	f.work(t, 1)
	f.wantChain(t, a.Deliveries[0], "ContentConsignmentFailure(attempts_exhausted)")
}

func TestLongBackOffs(t *testing.T) {
	f := newFixture(
		carriedBy(carrier(func(context.Context, hub.Item) error { return errors.New("no answer") })),
		func(o *delivery.Options) { o.Jitter, o.Breaker.Failures = nil, 100 }) // the real jitter
	a := f.accept(t, hubtest.Remote)
	for n := 1; n < 50; n++ {
		f.work(t, 0)
		d := f.now(t, a.Deliveries[0])
		pause := d.NextAttempt.Sub(f.Clock.Now())
		if d.Attempts != n || pause < 30*time.Second || pause > 75*time.Minute || n > 7 && pause < time.Hour {
			t.Fatalf("after attempt %d a pause of %v", d.Attempts, pause)
		}
		f.Clock.Advance(pause)
	}
	f.work(t, 1)
}

// TestACrashInTheMiddle: a carry that was claimed and never settled is repeated
// when its time is over, under the same id, and counts as an attempt.
func TestACrashInTheMiddle(t *testing.T) {
	var carried []hub.DeliveryID
	crash := true
	var f *fixture
	f = newFixture(
		carriedBy(carrier(func(_ context.Context, item hub.Item) error {
			carried = append(carried, item.Delivery.ID)
			if crash {
				f.Before = func(string) error { return errors.New("the process is gone") }
			}
			return nil
		})),
		func(o *delivery.Options) { o.CarryLimit = time.Minute })
	a := f.accept(t, hubtest.Remote)
	f.work(t, 0)
	f.Before, crash = nil, false
	f.work(t, 0)
	f.Clock.Advance(2*time.Minute - 1)
	f.work(t, 0)
	f.Clock.Advance(1)
	f.work(t, 1)
	d := f.now(t, a.Deliveries[0])
	if d.Attempts != 2 || !slices.Equal(carried, []hub.DeliveryID{d.ID, d.ID}) {
		t.Errorf("attempts %d, carried %v", d.Attempts, carried)
	}
	f.wantChain(t, d, "ContentHandover")
}

// TestPoisonEnds: a delivery whose every carry ends in a crash ends, too.
func TestPoisonEnds(t *testing.T) {
	var f *fixture
	carries := 0
	f = newFixture(
		carriedBy(carrier(func(context.Context, hub.Item) error {
			carries++
			f.Before = func(string) error { return errors.New("the process is gone") }
			return nil
		})),
		func(o *delivery.Options) { o.Retry.Attempts = 3 })
	a := f.accept(t, hubtest.Remote)
	for range 3 {
		f.work(t, 0)
		f.Before = nil
		f.Clock.Advance(time.Hour)
	}
	f.work(t, 1)
	if carries != 3 {
		t.Errorf("carried %d times", carries)
	}
	f.wantChain(t, a.Deliveries[0], "ContentConsignmentFailure(attempts_exhausted)")
}

func TestACarryIsCutOff(t *testing.T) {
	f := newFixture(
		carriedBy(carrier(func(ctx context.Context, _ hub.Item) error { <-ctx.Done(); return ctx.Err() })),
		func(o *delivery.Options) { o.CarryLimit = time.Millisecond })
	a := f.accept(t, hubtest.Remote)
	f.work(t, 0)
	if d := f.now(t, a.Deliveries[0]); d.State != hub.StateQueued || d.Attempts != 1 || d.LastError == "" {
		t.Errorf("delivery %+v", d)
	}
}

// TestSharesOfALane: one recipient gets its share of the workers, all recipients
// together all workers, and what has no room waits in the store.
func TestSharesOfALane(t *testing.T) { synctest.Test(t, testSharesOfALane) }

func testSharesOfALane(t *testing.T) {
	var mu sync.Mutex
	running, most := map[hub.AgencyID]int{}, map[hub.AgencyID]int{}
	all, mostAll := 0, 0
	f := newFixture(
		carriedBy(carrier(func(_ context.Context, item hub.Item) error {
			r := item.Delivery.Recipient
			mu.Lock()
			running[r]++
			all++
			most[r], mostAll = max(most[r], running[r]), max(mostAll, all)
			mu.Unlock()
			time.Sleep(time.Millisecond) // of the bubble: the others begin in the meantime
			mu.Lock()
			running[r]--
			all--
			mu.Unlock()
			return nil
		})),
		func(o *delivery.Options) { o.Workers, o.PerRecipient = 3, 2 })
	for range 30 {
		f.accept(t, "slow", "other", "third")
	}
	total := 0
	for range 20 {
		n, err := f.Work(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		total += n
		f.Clock.Advance(15 * time.Second)
	}
	if total != 90 {
		t.Errorf("carried %d", total)
	}
	if mostAll > 3 || most["slow"] > 2 || most["other"] > 2 {
		t.Errorf("at once: %d, of each %v", mostAll, most)
	}
}

func TestExpiry(t *testing.T) {
	for _, tt := range []struct {
		recipient hub.AgencyID
		to        []hub.DeliveryState // on the way to where it expires
		chain     []string            // beyond the way; none for "does not expire"
	}{
		{hubtest.Office, nil, []string{"ContentHandoverFailure(retention_expired)"}},
		{hubtest.Office, []hub.DeliveryState{hub.StateConsigned}, []string{"ContentHandoverFailure(retention_expired)"}},
		{hubtest.Office, []hub.DeliveryState{hub.StateConsigned, hub.StateHandedOver}, []string{"AcceptanceRejectionExpiry(retention_expired)"}},
		{hubtest.Bureau, []hub.DeliveryState{hub.StateConsigned, hub.StateHandedOver}, nil}, // the hand-over was the end
		{hubtest.Office, []hub.DeliveryState{hub.StateConsigned, hub.StateRefused}, nil},
	} {
		t.Run(fmt.Sprint(tt.recipient, tt.to), func(t *testing.T) {
			f := newFixture()
			d := f.accept(t, tt.recipient).Deliveries[0]
			for _, state := range tt.to {
				next := f.now(t, d)
				step := hub.Step{Delivery: next, From: next.State, Version: next.Version}
				step.Delivery.State = state
				if results, err := f.ApplySteps(t.Context(), step); err != nil || results[0] != nil {
					t.Fatal(results, err)
				}
			}
			f.Clock.Advance(30*24*time.Hour - 1)
			if n, err := f.Expire(t.Context()); n != 0 || err != nil {
				t.Fatalf("expired %d too early, %v", n, err)
			}
			f.Clock.Advance(1)
			n, err := f.Expire(t.Context())
			if n != len(tt.chain) || err != nil {
				t.Fatalf("expired %d, %v", n, err)
			}
			f.wantChain(t, d, tt.chain...)
			if n > 0 && f.now(t, d).State != hub.StateExpired {
				t.Errorf("state %s", f.now(t, d).State)
			}
			if n, err := f.Expire(t.Context()); n != 0 || err != nil {
				t.Errorf("expired %d again, %v", n, err)
			}
		})
	}
}

func TestManyExpireTogether(t *testing.T) {
	f := newFixture(func(o *delivery.Options) { o.Batch = 2 })
	for range 5 {
		f.accept(t, hubtest.Office)
	}
	f.Clock.Advance(31 * 24 * time.Hour)
	if n, err := f.Expire(t.Context()); n != 5 || err != nil {
		t.Errorf("expired %d, %v", n, err)
	}
}

// TestExpiryAgainstCarry: the delivery expires while it is being carried; there
// is one end and one evidence.
func TestExpiryAgainstCarry(t *testing.T) {
	var f *fixture
	f = newFixture(carriedBy(carrier(func(ctx context.Context, _ hub.Item) error {
		f.Clock.Advance(31 * 24 * time.Hour)
		_, err := f.Expire(ctx)
		return err
	})))
	a := f.accept(t, hubtest.Remote)
	f.work(t, 0)
	f.wantChain(t, a.Deliveries[0], "ContentHandoverFailure(retention_expired)")
}

// TestANoticeIsNoHandOver: what an agency finds in its queue tells it to collect; its
// content is in the box until it does.
func TestANoticeIsNoHandOver(t *testing.T) {
	carried := 0
	f := newFixture(func(o *delivery.Options) {
		o.Carriers = map[hub.Channel]delivery.Carrier{hub.ChannelAMQP: carrier(func(context.Context, hub.Item) error { carried++; return nil })}
	})
	f.channel = hub.ChannelAMQP
	a := f.accept(t, "queued")
	f.work(t, 1)
	if d := f.now(t, a.Deliveries[0]); d.State != hub.StateConsigned || carried != 1 {
		t.Errorf("the delivery is %s after %d notices", d.State, carried)
	}
	f.wantChain(t, a.Deliveries[0], "ContentConsignment")
}

// TestInBox: what is on its way to the system of an agency that was handed over waits in its
// box instead, for who took over, also where an attempt has failed before.
func TestInBox(t *testing.T) {
	over, carried := false, 0
	f := newFixture(func(o *delivery.Options) {
		c := carrier(func(context.Context, hub.Item) error {
			carried++
			return errors.New("away")
		})
		o.Carriers, o.Workers = map[hub.Channel]delivery.Carrier{hubtest.ChannelTest: c, hub.ChannelAxis: c}, 1
		o.InBox = func(id hub.AgencyID) bool { return over && id == "huyen" }
	})
	a := f.accept(t, "huyen", "xa")
	f.work(t, 0)
	over = true
	f.Clock.Advance(time.Hour)
	f.work(t, 1)
	d := f.now(t, a.Deliveries[0])
	if d.State != hub.StateConsigned || d.Channel != hub.ChannelPull || carried != 3 {
		t.Errorf("it is %s by %s, carried %d times", d.State, d.Channel, carried)
	}
	f.wantChain(t, d, "ContentConsignment")
	if heard := f.bell.heard(); !slices.Contains(heard, "huyen") {
		t.Errorf("nobody hears of it: %v", heard)
	}
	list, err := f.Evidences(t.Context(), hub.EvidenceQuery{Delivery: d.ID, Page: hub.Page{Limit: 10}})
	if err != nil || list.Items[0].Evidence.DeliveryInfo.Channel != hub.ChannelPull {
		t.Errorf("the evidence says %+v, %v", list.Items[0].Evidence.DeliveryInfo, err)
	}
	f.channel = hub.ChannelAxis
	far := f.accept(t, "huyen").Deliveries[0]
	f.work(t, 0)
	if got := f.now(t, far); got.Channel != hub.ChannelAxis || carried != 4 {
		t.Errorf("another axis keeps what is behind it, and this is carried by %s", got.Channel)
	}
}
