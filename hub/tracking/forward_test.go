package tracking_test

import (
	"slices"
	"testing"
	"time"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/hub/hubtest"
)

// forwards records a dispatch by which the office forwards an item to the ward, as the
// intake does.
func (f *fixture) forwards(t *testing.T, item hub.Item) hub.Accepted {
	t.Helper()
	d, reports := item.Forwarded("ý kiến", []hub.SignatureReport{{Part: "p1", Indication: hub.TotalPassed}, {Part: "envelope", Indication: hub.TotalFailed}})
	d.ID, d.Sender, d.ExternalID, d.AcceptedAt = hub.DispatchID(f.IDs.New()), hubtest.Office, f.IDs.New(), f.Clock.Now()
	if len(reports) != 1 || d.PartByID("envelope") != nil || len(d.Parts) != 2 {
		t.Fatalf("parts %+v, verdicts %+v", d.Parts, reports)
	}
	held, err := f.Held(t.Context(), office, item.Delivery.ID)
	if err != nil {
		t.Fatal(err)
	}
	step, err := f.Forward(t.Context(), office, held, d.ID)
	if err != nil {
		t.Fatal(err)
	}
	index := 0
	sealed, err := f.Notary.Seal(t.Context(), hub.Evidence{
		Event: hub.EventSubmissionAcceptance, Dispatch: d.ID, Content: hub.PartFacts(d.Parts), Recipients: []hub.Party{{ID: hubtest.Ward, Index: &index}},
	})
	if err != nil {
		t.Fatal(err)
	}
	v := hub.Delivery{
		ID: hub.DeliveryID(f.IDs.New()), Dispatch: d.ID, Recipient: hubtest.Ward, Channel: hub.ChannelPull, Registers: true, State: hub.StateConsigned,
		Version: 1, ExpiresAt: f.Clock.Now().Add(time.Hour), LastEvidence: sealed[0].Ref(),
	}
	got, err := f.World.Accept(t.Context(), hub.Acceptance{Dispatch: d, Deliveries: []hub.Delivery{v}, Evidence: sealed, Reports: reports, Changes: []hub.Step{step}})
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// TestForwardInTheChain: the evidence says who forwards by which dispatch, to author and
// forwarder alike, and the delivery is what it was.
func TestForwardInTheChain(t *testing.T) {
	f := newFixture()
	item := f.handedOver(t, office)
	got := f.forwards(t, item)
	now, err := f.World.Item(t.Context(), item.Delivery.ID)
	if err != nil || now.Delivery.State != hub.StateHandedOver || now.Delivery.Version != item.Delivery.Version+1 {
		t.Fatalf("%+v, %v", now.Delivery, err)
	}
	list, err := f.World.Evidences(t.Context(), hub.EvidenceQuery{Delivery: item.Delivery.ID, Page: hub.Page{Limit: 10}})
	if err != nil {
		t.Fatal(err)
	}
	e := list.Items[len(list.Items)-1].Evidence
	if e.Event != hub.EventForward || !slices.Equal(e.Links, []hub.Link{{Kind: hub.LinkForwardedBy, Dispatch: got.Dispatch.ID}}) ||
		e.DeliveryInfo.Ack.Actor != office.Name || e.Note != "" || len(e.Recipients) != 1 || e.Recipients[0].ID != hubtest.Office {
		t.Errorf("the evidence says %+v", e)
	}
	_, err = f.Dispatch(t.Context(), province, got.Dispatch.ID)
	wantError(t, err, hub.KindNotFound, "dispatch ")
	_, err = f.Dispatch(t.Context(), ward, item.Dispatch.ID)
	wantError(t, err, hub.KindNotFound, "dispatch ")
	related, err := f.Related(t.Context(), office, item.Dispatch.ID)
	if err != nil || len(related) != 1 || related[0].Kind != hub.LinkForwardedBy {
		t.Errorf("related %+v, %v", related, err)
	}
	for _, actor := range []hub.Actor{province, ward} {
		if related, err := f.Related(t.Context(), actor, map[bool]hub.DispatchID{true: item.Dispatch.ID, false: got.Dispatch.ID}[actor.Name == province.Name]); err != nil || len(related) != 0 {
			t.Errorf("%s sees %+v, %v", actor.Name, related, err)
		}
	}
}

// TestGivenBackWhileForwarded: an agreement to give back waits until nobody has it by the
// forward, and then the forwarder has nothing of it by that either.
func TestGivenBackWhileForwarded(t *testing.T) {
	f := newFixture()
	item := f.handedOver(t, office)
	got := f.forwards(t, item)
	f.recalled(t, item.Dispatch.ID, mistake)
	held, _ := f.Held(t.Context(), office, item.Delivery.ID)
	_, err := f.Forward(t.Context(), office, held, "another")
	wantError(t, err, hub.KindConflict, "delivery request")

	yes := hub.StatusReport{Code: hub.StatusChangeAccepted}
	_, err = f.Report(t.Context(), office, item.Delivery.ID, yes)
	wantError(t, err, hub.KindConflict, "code forwarded")
	if _, err := f.Recall(t.Context(), office, got.Dispatch.ID, nil, mistake); err != nil {
		t.Fatal(err)
	}
	_, blob, err := f.Open(t.Context(), office, got.Dispatch.ID, "p1") // still has it by its own delivery
	if err != nil {
		t.Fatal(err)
	}
	blob.Close()
	if _, err := f.Report(t.Context(), office, item.Delivery.ID, yes); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Report(t.Context(), office, item.Delivery.ID, yes); err != nil { // again
		t.Fatal(err)
	}
	_, _, err = f.Open(t.Context(), office, got.Dispatch.ID, "p1")
	wantError(t, err, hub.KindNotFound, "part recalled")
	_, err = f.SignatureReports(t.Context(), office, got.Dispatch.ID)
	wantError(t, err, hub.KindNotFound, "dispatch recalled")
	bare := func(d *hub.Dispatch) bool {
		return d.Document.Subject == "" && len(d.Parts) == 0 && d.Origin.Note == ""
	}
	if sent, err := f.Dispatch(t.Context(), office, got.Dispatch.ID); err != nil || !bare(&sent.Dispatch) {
		t.Errorf("the forwarder sees %+v, %v", sent.Dispatch, err)
	}
	list, err := f.Sent(t.Context(), office, hub.SentQuery{Agency: hubtest.Office})
	if err != nil || len(list.Items) != 1 || !bare(&list.Items[0].Dispatch) {
		t.Errorf("in the list it sees %+v, %v", list.Items, err)
	}
	if list, err := f.Sent(t.Context(), office, hub.SentQuery{Agency: hubtest.Office, Text: "cải cách"}); err != nil || len(list.Items) != 0 {
		t.Errorf("it is found by what it said: %+v, %v", list.Items, err)
	}
}

// TestGivenBackWhileExpired: who acknowledged what was forwarded and did not register it in
// time has it all the same, and a document is not given back while somebody has it.
func TestGivenBackWhileExpired(t *testing.T) {
	f := newFixture()
	item := f.handedOver(t, office)
	got := f.forwards(t, item)
	f.recalled(t, item.Dispatch.ID, mistake)
	yes := hub.StatusReport{Code: hub.StatusChangeAccepted}
	id := got.Deliveries[0].ID
	if _, err := f.Acknowledge(t.Context(), ward, id, 0, hubtest.Digests(&got.Dispatch)); err != nil {
		t.Fatal(err)
	}
	held, err := f.World.Item(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	next := held.Delivery
	next.State, next.Version = hub.StateExpired, next.Version+1
	next.Reason = &hub.Reason{Code: hub.ReasonRetentionExpired, Detail: "x"}
	draft := hub.DeliveryEvidence(hub.EventAcceptanceRejectionExpiry, &held.Dispatch, &held.Delivery, f.Clock.Now())
	draft.Reasons = []hub.Reason{*next.Reason}
	sealed, err := f.Notary.Seal(t.Context(), draft)
	if err != nil {
		t.Fatal(err)
	}
	next.LastEvidence = sealed[0].Ref()
	step := hub.Step{Delivery: next, From: held.Delivery.State, Version: held.Delivery.Version, Evidence: sealed}
	if results, err := f.World.ApplySteps(t.Context(), step); err != nil || results[0] != nil {
		t.Fatal(results, err)
	}
	_, err = f.Report(t.Context(), office, item.Delivery.ID, yes)
	wantError(t, err, hub.KindConflict, "code forwarded")
	if got, err := f.Recall(t.Context(), office, got.Dispatch.ID, nil, mistake); err != nil || got[0].Outcome != hub.RecallAsked {
		t.Fatalf("%+v, %v", got, err)
	}
	if _, err := f.Report(t.Context(), ward, id, yes); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Report(t.Context(), office, item.Delivery.ID, yes); err != nil {
		t.Fatal(err)
	}
}

// TestOnlyTheAuthorChangesWhatIsForwarded: the forwarder can recall it, and no more.
func TestOnlyTheAuthorChangesWhatIsForwarded(t *testing.T) {
	f := newFixture()
	got := f.forwards(t, f.handedOver(t, office))
	for operation, want := range map[hub.Operation]string{hub.OperationUpdate: "document.business.earlier_id forwarded", hub.OperationReplace: "document.business.earlier_id forwarded", hub.OperationRecall: ""} {
		sub := f.Submission("change")
		sub.Operation, sub.Document.CodeNumber, sub.Document.CodeNotation = operation, "", ""
		sub.Document.Business = hub.BusinessInfo{EarlierID: got.Dispatch.ExternalID, InfoChanged: true}
		found, err := f.Earlier(t.Context(), hubtest.Office, &sub, []hub.AgencyID{hubtest.Ward})
		if want != "" {
			wantError(t, err, hub.KindInvalid, want)
		} else if err != nil || len(found.Aims) != 1 {
			t.Errorf("%s: %+v, %v", operation, found, err)
		}
	}
}

// TestAutomaticReportIsNoRepetition: what the hub said for a recipient is never taken for
// the recipient's own word.
func TestAutomaticReportIsNoRepetition(t *testing.T) {
	f := newFixture()
	a := f.accept(t, hubtest.Office)
	before := a.Deliveries[0]
	next := before
	next.State, next.ReportsArrival, next.UpdatedAt = hub.StateConsigned, true, f.Clock.Now()
	r := hub.Arrival(&next, f.IDs.New)
	box := hub.DeliveryEvidence(hub.EventContentConsignment, &a.Dispatch, &before, f.Clock.Now())
	box.ID = hub.EvidenceID(f.IDs.New())
	next.LastEvidence = hub.EvidenceRef{ID: box.ID}
	sealed, err := f.Notary.Seal(t.Context(), box, hub.ArrivalEvidence(&a.Dispatch, &next, r))
	if err != nil {
		t.Fatal(err)
	}
	next.LastEvidence = sealed[1].Ref()
	results, err := f.ApplySteps(t.Context(), hub.Step{Delivery: next, From: before.State, Version: before.Version, Evidence: sealed, Reports: []hub.StatusReport{*r}})
	if err != nil || results[0] != nil {
		t.Fatal(err, results)
	}
	own := hub.StatusReport{Code: r.Code, Description: r.Description, StatedAt: r.StatedAt, Staff: &hub.Staff{Name: "Nguyễn Văn Mẫu"}}
	first, err := f.Report(t.Context(), office, before.ID, own)
	if err != nil || first.Evidence.ID == sealed[1].Evidence.ID {
		t.Fatalf("its own word is %s, %v", first.Evidence.ID, err)
	}
	again, err := f.Report(t.Context(), office, before.ID, own)
	if err != nil || again.Evidence.ID != first.Evidence.ID {
		t.Errorf("again it is %s, %v", again.Evidence.ID, err)
	}
	if reports, err := f.World.StatusReports(t.Context(), a.Dispatch.ID); err != nil || len(reports) != 2 {
		t.Errorf("%d reports, %v", len(reports), err)
	}
}
