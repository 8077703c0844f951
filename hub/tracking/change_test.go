package tracking_test

import (
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/hub/hubtest"
)

const mistake = "Ban hành nhầm phụ lục"

// recalled takes a document back from all recipients and returns the results.
func (f *fixture) recalled(t *testing.T, id hub.DispatchID, reason string) []hub.RecallOutcome {
	t.Helper()
	outcomes, err := f.Recall(t.Context(), province, id, nil, reason)
	if err != nil {
		t.Fatal(err)
	}
	return outcomes
}

// TestRecallBeforeHandOver: at once, for queued deliveries and those in the box, also
// under somebody's lease; the content is no longer given.
func TestRecallBeforeHandOver(t *testing.T) {
	f := newFixture()
	leased := f.leased(t, office)
	for name, item := range map[string]hub.Item{
		"queued":     {Delivery: f.accept(t, hubtest.Office).Deliveries[0]},
		"in the box": f.consigned(t, hubtest.Office),
		"leased":     leased,
	} {
		id, dispatch := item.Delivery.ID, item.Delivery.Dispatch
		got := f.recalled(t, dispatch, mistake)
		if len(got) != 1 || got[0].Outcome != hub.RecallWithdrawn || got[0].Delivery != id || got[0].Receipt == nil {
			t.Fatalf("%s: %+v", name, got)
		}
		e := got[0].Receipt.Evidence
		if e.Event != hub.EventWithdrawal || len(e.Reasons) != 1 || e.Reasons[0] != (hub.Reason{Code: hub.ReasonRecalled, Detail: mistake}) || e.Sender.Auth == nil || e.Status.Code != "13" {
			t.Errorf("%s: evidence %+v", name, e)
		}
		f.wantEvents(t, id, hub.StateWithdrawn, "Withdrawal")
		if d := f.now(t, id); !d.Final() || d.Reason.Code != hub.ReasonRecalled {
			t.Errorf("%s: %+v", name, d)
		}
		again := f.recalled(t, dispatch, "another reason")
		wantSame(t, *got[0].Receipt, *again[0].Receipt, nil)
		f.wantStub(t, id)
	}
	_, err := f.ack(t, office, leased)
	wantError(t, err, hub.KindConflict, "delivery state")
}

// wantStub fails the test unless the recipient sees only that there was something.
func (f *fixture) wantStub(t *testing.T, id hub.DeliveryID) {
	t.Helper()
	item, err := f.Item(t.Context(), office, id)
	if err != nil || item.Dispatch.Document.Subject != "" || len(item.Dispatch.Parts) != 0 || item.Dispatch.Document.Number() != "173/UBND-KSTTHC" {
		t.Errorf("the recipient sees %+v, %v", item.Dispatch, err)
	}
	sent, err := f.Dispatch(t.Context(), office, item.Dispatch.ID)
	if err != nil || sent.Dispatch.Document.Subject != "" || len(sent.Dispatch.Parts) != 0 {
		t.Errorf("the recipient sees %+v, %v", sent.Dispatch, err)
	}
	_, _, err = f.Open(t.Context(), office, item.Dispatch.ID, "p1")
	wantError(t, err, hub.KindNotFound, "part recalled")
	_, err = f.SignatureReports(t.Context(), office, item.Dispatch.ID)
	wantError(t, err, hub.KindNotFound, "dispatch recalled")
	all := hub.MailboxQuery{Agency: hubtest.Office, States: hub.DeliveryStates()}
	list, err := f.Mailbox(t.Context(), office, all)
	if err != nil || !slices.ContainsFunc(list.Items, func(i hub.Item) bool { return i.Delivery.ID == id && i.Dispatch.Document.Subject == "" }) {
		t.Errorf("in the mailbox %+v, %v", list.Items, err)
	}
	all.Text = "cải cách"
	if list, err := f.Mailbox(t.Context(), office, all); err != nil || slices.ContainsFunc(list.Items, func(i hub.Item) bool { return i.Delivery.ID == id }) {
		t.Errorf("it is found by what it said, %v", err)
	}
	_, blob, err := f.Open(t.Context(), province, item.Dispatch.ID, "p1") // the sender's copy stays
	if err != nil {
		t.Fatal(err)
	}
	blob.Close()
	if sent, err := f.Dispatch(t.Context(), province, item.Dispatch.ID); err != nil || sent.Dispatch.Document.Subject == "" {
		t.Errorf("the sender sees %+v, %v", sent.Dispatch, err)
	}
}

// TestRecallAfterHandOver is a request: it shows in the mailbox of the recipient, who
// agrees; then its copy is gone, and the record of the act stays.
func TestRecallAfterHandOver(t *testing.T) {
	f := newFixture()
	item := f.handedOver(t, office)
	id := item.Delivery.ID
	rung := f.Listen(hubtest.Office)
	asked := f.recalled(t, item.Dispatch.ID, mistake)
	if len(asked) != 1 || asked[0].Outcome != hub.RecallAsked || asked[0].Receipt.Evidence.Status.Code != "13" {
		t.Fatalf("%+v", asked)
	}
	select {
	case <-rung:
	default:
		t.Error("the recipient is not told")
	}
	list, err := f.Mailbox(t.Context(), office, hub.MailboxQuery{Agency: hubtest.Office, Asked: true})
	if err != nil || len(list.Items) != 1 || list.Items[0].Delivery.Request.Reason != mistake || list.Items[0].Dispatch.Document.Subject == "" {
		t.Errorf("asked %+v, %v", list.Items, err)
	}
	again := f.recalled(t, item.Dispatch.ID, "other words")
	wantSame(t, *asked[0].Receipt, *again[0].Receipt, nil)

	first := f.report(t, office, id, stated("15", 3))
	if first.Evidence.Event != hub.EventStatusReport || first.Evidence.Status.Code != "15" {
		t.Errorf("%+v", first.Evidence)
	}
	f.wantEvents(t, id, hub.StateHandedOver, "ContentHandover", "StatusReport", "StatusReport", "ContentPurge")
	f.wantStub(t, id)
	d := f.now(t, id)
	if d.Request.Answer != "15" || d.Destroyed == nil || d.Destroyed.Evidence != d.LastEvidence.ID {
		t.Errorf("%+v", d)
	}
	same, err := f.Report(t.Context(), office, id, stated("15", 3))
	wantSame(t, first, same, err)
	if got := f.recalled(t, item.Dispatch.ID, mistake); got[0].Outcome != hub.RecallAgreed {
		t.Errorf("%+v", got)
	}
	if list, err := f.Mailbox(t.Context(), office, hub.MailboxQuery{Agency: hubtest.Office, Asked: true}); err != nil || len(list.Items) != 0 {
		t.Errorf("still asked: %+v, %v", list.Items, err)
	}
	for _, actor := range []hub.Actor{province, office} {
		reports, err := f.Reports(t.Context(), actor, item.Dispatch.ID)
		if err != nil || len(reports) != 2 || reports[0].Code != "13" || reports[0].Reporter != hubtest.Province || reports[1].Code != "15" {
			t.Errorf("%s sees the reports %+v, %v", actor.Name, reports, err)
		}
	}
	_, err = f.Report(t.Context(), office, id, hub.StatusReport{Code: "16", Description: "đổi ý"})
	wantError(t, err, hub.KindConflict, "code request")

	// It has ended: nobody blames the recipient for not having registered it, nor can it.
	if late, err := f.ExpiringDeliveries(t.Context(), f.Clock.Now().Add(365*24*time.Hour), 10); err != nil || len(late) != 0 {
		t.Errorf("%+v expire, %v", late, err)
	}
	_, err = f.Accept(t.Context(), office, id, hub.Registration{Number: "1", Date: "2026-03-03"})
	wantError(t, err, hub.KindConflict, "registration state")
	if f.report(t, office, id, stated("03", 4)); f.now(t, id).State != hub.StateHandedOver {
		t.Errorf("%+v", f.now(t, id))
	}
}

// TestRecallRefused: the recipient keeps the document, and may be asked again for
// another reason.
func TestRecallRefused(t *testing.T) {
	f := newFixture()
	item := f.handedOver(t, office)
	id := item.Delivery.ID
	f.recalled(t, item.Dispatch.ID, mistake)
	_, err := f.Report(t.Context(), office, id, hub.StatusReport{Code: "16"})
	wantError(t, err, hub.KindInvalid, "description required")
	f.report(t, office, id, stated("16", 1))
	_, blob, err := f.Open(t.Context(), office, item.Dispatch.ID, "p1")
	if err != nil {
		t.Fatal(err)
	}
	blob.Close()
	if got := f.recalled(t, item.Dispatch.ID, mistake); got[0].Outcome != hub.RecallRefused {
		t.Errorf("the same again: %+v", got)
	}
	f.wantEvents(t, id, hub.StateHandedOver, "ContentHandover", "StatusReport", "StatusReport")
	if got := f.recalled(t, item.Dispatch.ID, "vì lý do khác"); got[0].Outcome != hub.RecallAsked {
		t.Errorf("for another reason: %+v", got)
	}
	f.Clock.Advance(time.Minute)
	no := hub.StatusReport{Code: "16", Description: "vẫn giữ"}
	f.report(t, office, id, no)
	f.recalled(t, item.Dispatch.ID, "lý do thứ ba")
	f.Clock.Advance(time.Minute)
	if f.report(t, office, id, no); f.now(t, id).Request.Open() { // the same words answer another question
		t.Error("the answer was taken for an earlier one")
	}
	f.recalled(t, item.Dispatch.ID, "lý do thứ tư")
	f.report(t, office, id, stated("15", 2))
	f.wantStub(t, id)
}

// TestRecallOfSome: only from whom it is wanted, and what never came there is told.
func TestRecallOfSome(t *testing.T) {
	f := newFixture()
	a := f.accept(t, hubtest.Office, hubtest.Ward, hubtest.Bureau)
	f.to(t, a.Deliveries[1], hub.StateConsigned)
	f.to(t, a.Deliveries[2], hub.StateFailed)
	got, err := f.Recall(t.Context(), province, a.Dispatch.ID, []string{"000.31.05.H47", string(hubtest.Bureau)}, mistake)
	if err != nil || len(got) != 2 || got[0].Outcome != hub.RecallWithdrawn || got[1].Outcome != hub.RecallEnded || got[1].Receipt != nil {
		t.Fatalf("%+v, %v", got, err)
	}
	if s := f.now(t, a.Deliveries[0].ID).State; s != hub.StateQueued {
		t.Errorf("the other recipient's is %s", s)
	}
}

func TestWhatIsNoRecall(t *testing.T) {
	f := newFixture()
	item := f.handedOver(t, office)
	reader := province
	reader.Scopes = []hub.Scope{hub.ScopeRead}
	for name, tt := range map[string]struct {
		actor  hub.Actor
		to     []string
		reason string
		kind   hub.ErrorKind
		rule   string
	}{
		"by the recipient":  {office, nil, mistake, hub.KindNotFound, "dispatch "},
		"by a stranger":     {stranger, nil, mistake, hub.KindNotFound, "dispatch "},
		"without the scope": {reader, nil, mistake, hub.KindDenied, " scope"},
		"without a reason":  {province, nil, " ", hub.KindInvalid, "reason required"},
		"too long":          {province, nil, strings.Repeat("ậ", 1001), hub.KindInvalid, "reason max_length"},
		"from nobody":       {province, []string{hubtest.UnknownCode}, mistake, hub.KindUnknownAgency, "recipients unknown_agency"},
		"from another":      {province, []string{"000.31.05.H47"}, mistake, hub.KindInvalid, "recipients unknown"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := f.Recall(t.Context(), tt.actor, item.Dispatch.ID, tt.to, tt.reason)
			wantError(t, err, tt.kind, tt.rule)
		})
	}
	_, err := f.Recall(t.Context(), province, "nothing", nil, mistake)
	wantError(t, err, hub.KindNotFound, "dispatch ")
	f.wantEvents(t, item.Delivery.ID, hub.StateHandedOver, "ContentHandover")
}

// TestRecallRacesHandOver: whatever is recorded first holds, in both orders of one race
// and among many at once.
func TestRecallRacesHandOver(t *testing.T) {
	f := newFixture()
	item := f.leased(t, office)
	f.interrupt("ApplySteps", func() {
		if _, err := f.ack(t, office, item); err != nil {
			t.Error(err)
		}
	})
	if got := f.recalled(t, item.Dispatch.ID, mistake); got[0].Outcome != hub.RecallAsked {
		t.Errorf("the hand-over was first: %+v", got)
	}
	f.wantEvents(t, item.Delivery.ID, hub.StateHandedOver, "ContentHandover", "StatusReport")

	item = f.leased(t, office)
	f.interrupt("ApplySteps", func() { f.recalled(t, item.Dispatch.ID, mistake) })
	_, err := f.ack(t, office, item)
	wantError(t, err, hub.KindConflict, "delivery state")
	f.wantEvents(t, item.Delivery.ID, hub.StateWithdrawn, "Withdrawal")

	for range 50 {
		item := f.leased(t, office)
		var outcome hub.RecallResult
		var acknowledged error
		var both sync.WaitGroup
		both.Go(func() { outcome = f.recalled(t, item.Dispatch.ID, mistake)[0].Outcome })
		both.Go(func() { _, acknowledged = f.ack(t, office, item) })
		both.Wait()
		if won := outcome == hub.RecallWithdrawn; won == (acknowledged == nil) {
			t.Fatalf("recall %s and hand-over %v", outcome, acknowledged)
		}
	}
}

// TestRecallBetweenLeases: a lease taken in between does not lose the recall.
func TestRecallBetweenLeases(t *testing.T) {
	f := newFixture()
	item := f.consigned(t, hubtest.Office)
	f.interrupt("ApplySteps", func() {
		if _, err := f.Lease(t.Context(), office, hub.LeaseRequest{Agency: hubtest.Office, IDs: []hub.DeliveryID{item.Delivery.ID}}); err != nil {
			t.Error(err)
		}
	})
	if got := f.recalled(t, item.Dispatch.ID, mistake); got[0].Outcome != hub.RecallWithdrawn {
		t.Errorf("%+v", got)
	}
}

// TestRecallMessage: status 13 of a package does the same, also where a program wrote
// its own agency for whom the package is.
func TestRecallMessage(t *testing.T) {
	f := newFixture()
	item := f.handedOver(t, office)
	envelope := f.Part("envelope", hub.RoleEnvelope, "status 13")
	m := hub.StatusMessage{
		From: "000.00.00.H47", For: hub.Reference{Agency: "000.00.12.H47", ExternalID: item.Dispatch.ExternalID},
		Code: "13", Description: mistake, StatedAt: time.Date(2026, 3, 2, 1, 0, 0, 0, time.UTC), Envelope: &envelope,
	}
	sealed, err := f.ReportMessage(t.Context(), province, m)
	if err != nil || sealed.Evidence.Status.Code != "13" || !sealed.Evidence.Status.StatedAt.Equal(m.StatedAt) {
		t.Fatalf("%+v, %v", sealed.Evidence, err)
	}
	reports, err := f.Reports(t.Context(), province, item.Dispatch.ID)
	if err != nil || len(reports) != 1 || reports[0].Envelope == nil || reports[0].Envelope.Digest != envelope.Digest {
		t.Errorf("reports %+v, %v", reports, err)
	}
	again, err := f.ReportMessage(t.Context(), province, m)
	wantSame(t, sealed, again, err)
	answer := hub.StatusMessage{From: "000.00.12.H47", For: hub.Reference{Agency: "000.00.00.H47", ExternalID: item.Dispatch.ExternalID}, Code: "15"}
	if _, err := f.ReportMessage(t.Context(), office, answer); err != nil {
		t.Error(err)
	}
	f.wantStub(t, item.Delivery.ID)

	other := f.consigned(t, hubtest.Office)
	m.For = hub.Reference{Agency: "H47", Number: "173/UBND-KSTTHC", Promulgated: "2020-01-10"}
	if sealed, err = f.ReportMessage(t.Context(), province, m); err != nil || sealed.Evidence.Event != hub.EventWithdrawal || sealed.Evidence.Delivery != other.Delivery.ID {
		t.Errorf("%+v, %v", sealed.Evidence, err)
	}
	for name, tt := range map[string]struct {
		actor  hub.Actor
		change func(*hub.StatusMessage)
		kind   hub.ErrorKind
		rule   string
	}{
		"of another":       {office, func(*hub.StatusMessage) {}, hub.KindDenied, "from agency"},
		"without a reason": {province, func(m *hub.StatusMessage) { m.Description = "" }, hub.KindInvalid, "description required"},
		"unknown document": {province, func(m *hub.StatusMessage) { m.For.Number = "1/X" }, hub.KindNotFound, "response_for "},
		"another date":     {province, func(m *hub.StatusMessage) { m.For.Promulgated = "2020-01-11" }, hub.KindNotFound, "response_for "},
		"another's":        {province, func(m *hub.StatusMessage) { m.For.Agency = "000.00.00.H48" }, hub.KindNotFound, "response_for "},
	} {
		t.Run(name, func(t *testing.T) {
			wrong := m
			tt.change(&wrong)
			_, err := f.ReportMessage(t.Context(), tt.actor, wrong)
			wantError(t, err, tt.kind, tt.rule)
		})
	}
}
