package intake_test

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/hub/hubtest"
	"github.com/lienthong/lienthong/hub/intake"
)

// holder is what recipients have, as the room of tracking keeps it.
type holder struct{ *fixture }

func (h holder) Held(ctx context.Context, actor hub.Actor, id hub.DeliveryID) (hub.Item, error) {
	item, err := h.World.Item(ctx, id)
	if err == nil && actor.SpeaksFor(item.Delivery.Recipient, hub.ScopeCollect) != nil {
		err = hub.Errorf(hub.KindNotFound, "delivery", "", "there is no such delivery")
	}
	return item, err
}

func (h holder) Forward(ctx context.Context, _ hub.Actor, item hub.Item, by hub.DispatchID) (hub.Step, error) {
	if err := item.Forwardable(); err != nil {
		return hub.Step{}, err
	}
	before, next := item.Delivery, item.Delivery
	next.Version++
	e := hub.DeliveryEvidence(hub.EventForward, &item.Dispatch, &before, h.Clock.Now())
	e.Links = []hub.Link{{Kind: hub.LinkForwardedBy, Dispatch: by}}
	sealed, err := h.Notary.Seal(ctx, e)
	if err != nil {
		return hub.Step{}, err
	}
	next.LastEvidence = sealed[0].Ref()
	return hub.Step{Delivery: next, From: before.State, Version: before.Version, Evidence: sealed}, nil
}

func (h holder) Verdicts(ctx context.Context, _ hub.Actor, id hub.DispatchID) ([]hub.SignatureReport, []hub.Recheck, error) {
	reports, err := h.World.SignatureReports(ctx, id)
	return reports, nil, err
}

// house is a fixture in which the office has received a document, and where ward, bureau
// and office stand under the province.
type house struct {
	*fixture
	office hub.Actor
	first  hub.Accepted
}

func newHouse(t *testing.T) *house {
	t.Helper()
	f := newFixture()
	f.Service.Forwards, f.Service.Verdicts = holder{f}, holder{f}
	for _, id := range []hub.AgencyID{hubtest.Office, hubtest.Bureau, hubtest.Ward} {
		a, _ := f.Directory.ByID(id)
		a.Parents = []hub.Dated[hub.AgencyID]{{Value: hubtest.Province}}
	}
	sub := f.Submission("1", office)
	sub.Document.Business.Reason = "between sender and recipient"
	h := &house{fixture: f, office: hubtest.System(hubtest.Office), first: f.submit(t, sub)}
	h.hand(t, h.first.Deliveries[0].ID)
	return h
}

// hand lets a recipient have acknowledged a delivery.
func (h *house) hand(t *testing.T, id hub.DeliveryID) {
	t.Helper()
	item, err := h.World.Item(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	before, next := item.Delivery, item.Delivery
	next.State = hub.StateHandedOver
	sealed, err := h.Notary.Seal(t.Context(), hub.DeliveryEvidence(hub.EventContentHandover, &item.Dispatch, &before, h.Clock.Now()))
	if err != nil {
		t.Fatal(err)
	}
	next.LastEvidence = sealed[0].Ref()
	results, err := h.ApplySteps(t.Context(), hub.Step{Delivery: next, From: before.State, Version: before.Version, Evidence: sealed})
	if err != nil || results[0] != nil {
		t.Fatal(err, results)
	}
}

func (h *house) order(to ...string) hub.ForwardOrder {
	return hub.ForwardOrder{Delivery: h.first.Deliveries[0].ID, Recipients: to, Note: "ý kiến"}
}

func (h *house) forward(t *testing.T, o hub.ForwardOrder) hub.Accepted {
	t.Helper()
	accepted, err := h.Forward(t.Context(), h.office, o)
	if err != nil {
		t.Fatal(err)
	}
	return accepted
}

func TestForward(t *testing.T) {
	h := newHouse(t)
	got := h.forward(t, h.order(ward, bureau))
	d, from := got.Dispatch, h.first.Dispatch
	if d.Sender != hubtest.Office || d.Operation != hub.OperationNew || d.Format != hub.FormatREST || d.Document.Subject != from.Document.Subject || d.Document.Business.Reason != "" {
		t.Errorf("the dispatch is %+v", d)
	}
	if !slices.Equal(d.Parts, from.Parts) || !slices.Equal(d.Links, []hub.Link{{Kind: hub.LinkForwards, Dispatch: from.ID}}) {
		t.Errorf("parts %+v, links %+v", d.Parts, d.Links)
	}
	want := hub.Origin{
		Dispatch: from.ID, Delivery: h.first.Deliveries[0].ID, Sender: hubtest.Province, SenderCode: from.SenderCode,
		SenderName: from.SenderName, ExternalID: from.ExternalID, AcceptedAt: from.AcceptedAt, Note: "ý kiến",
	}
	if *d.Origin != want || d.AuthorName() != from.SenderName {
		t.Errorf("origin %+v\nwant   %+v", *d.Origin, want)
	}
	if len(got.Deliveries) != 2 || got.Deliveries[0].State != hub.StateConsigned || got.Deliveries[0].Recipient != hubtest.Ward {
		t.Errorf("deliveries %+v", got.Deliveries)
	}
	e := got.Receipt.Evidence
	if e.Origin == nil || e.Origin.ID != hubtest.Province || e.Sender.ID != hubtest.Office || e.Sender.Auth.Actor != h.office.Name || len(e.Validation) == 0 {
		t.Errorf("the receipt says %+v", e)
	}
	reports, err := h.SignatureReports(t.Context(), d.ID)
	first, _ := h.SignatureReports(t.Context(), from.ID)
	if err != nil || len(reports) == 0 || len(reports) != len(first) || reports[0].SHA256 != first[0].SHA256 {
		t.Errorf("verdicts %+v, %v", reports, err)
	}
	item, err := h.World.Item(t.Context(), h.first.Deliveries[0].ID)
	if err != nil || item.Delivery.State != hub.StateHandedOver || item.Delivery.Version != 3 {
		t.Errorf("what was forwarded is %+v, %v", item.Delivery, err)
	}
	if !slices.Contains(h.bell.rung, hubtest.Ward) {
		t.Errorf("rung for %v", h.bell.rung)
	}
}

func TestForwardOfAForward(t *testing.T) {
	h := newHouse(t)
	got := h.forward(t, h.order(ward))
	h.hand(t, got.Deliveries[0].ID)
	again, err := h.Forward(t.Context(), hubtest.System(hubtest.Ward), hub.ForwardOrder{Delivery: got.Deliveries[0].ID, Recipients: []string{bureau}})
	if err != nil {
		t.Fatal(err)
	}
	o := again.Dispatch.Origin
	if o.Sender != hubtest.Province || o.ExternalID != h.first.Dispatch.ExternalID || o.Dispatch != got.Dispatch.ID || o.Note != "" {
		t.Errorf("origin %+v", o)
	}
}

func TestTheSameOrderIsTheSameAct(t *testing.T) {
	h := newHouse(t)
	first := h.forward(t, h.order(ward))
	if again := h.forward(t, h.order(ward)); !again.Duplicate || again.Dispatch.ID != first.Dispatch.ID || again.Receipt.Digest != first.Receipt.Digest {
		t.Error("the same order was another act")
	}
	keyed := h.order(ward)
	keyed.Key = "k"
	second := h.forward(t, keyed)
	if second.Duplicate || second.Dispatch.ExternalID == first.Dispatch.ExternalID {
		t.Error("an order with a key of its own was none")
	}
	keyed.Note = "another"
	_, err := h.Forward(t.Context(), h.office, keyed)
	wantError(t, err, hub.KindConflict, "external_id duplicate")

	var all sync.WaitGroup
	ids := make([]hub.DispatchID, 20)
	for i := range ids {
		all.Go(func() {
			a, err := h.Forward(context.Background(), h.office, h.order(bureau))
			if err != nil {
				t.Error(err)
			}
			ids[i] = a.Dispatch.ID
		})
	}
	all.Wait()
	if slices.Sort(ids); len(slices.Compact(ids)) != 1 {
		t.Errorf("at once it became %v", ids)
	}
}

func TestForwardRefuses(t *testing.T) {
	h := newHouse(t)
	deny := func(actor hub.Actor, o hub.ForwardOrder, kind hub.ErrorKind, rule string) {
		t.Helper()
		_, err := h.Forward(t.Context(), actor, o)
		wantError(t, err, kind, rule)
	}
	deny(hubtest.System(hubtest.Ward), h.order(bureau), hub.KindNotFound, "delivery ")
	deny(h.actor, h.order(bureau), hub.KindNotFound, "delivery ") // its sender does not hold it
	reader := h.office
	reader.Scopes = []hub.Scope{hub.ScopeCollect}
	deny(reader, h.order(bureau), hub.KindDenied, " scope")
	deny(h.office, h.order(), hub.KindInvalid, "recipients required")
	deny(h.office, h.order(ward, ward), hub.KindInvalid, "recipients[1] unique")
	deny(h.office, h.order(office), hub.KindInvalid, "recipients[0] self")
	deny(h.office, h.order("000.00.00.H48"), hub.KindInvalid, "recipients[0] house")
	deny(h.office, h.order(remote), hub.KindInvalid, "recipients[0] house") // without a superior
	deny(h.office, h.order(hubtest.UnknownCode), hub.KindUnknownAgency, "recipients[0] unknown_agency")
	long := h.order(ward)
	for note, rule := range map[string]string{strings.Repeat("ý", 1001): "max_length", "a\x00": "control_character", "\xff": "utf8"} {
		long.Note = note
		deny(h.office, long, hub.KindInvalid, "note "+rule)
	}
	long.Note = "two\r\nlines" // as pages send them
	h.forward(t, long)

	for key, rule := range map[string]string{strings.Repeat("k", 201): "max_length", "a\x00": "control_character", "\xff": "utf8"} {
		keyed := h.order(ward)
		keyed.Key = key
		deny(h.office, keyed, hub.KindInvalid, "idempotency_key "+rule)
	}

	waiting := h.submit(t, h.Submission("2", office))
	deny(h.office, hub.ForwardOrder{Delivery: waiting.Deliveries[0].ID, Recipients: []string{ward}}, hub.KindConflict, "delivery state")
	h.forward(t, h.order(hubtestProvince)) // up to the superior
	if len(h.sentOf(t, hubtest.Office)) != 2 {
		t.Error("a refused order left a dispatch")
	}

	h.Closed = func() error { return hub.Errorf(hub.KindUnavailable, "", "closed", "closed") }
	deny(h.office, h.order(ward), hub.KindUnavailable, " closed")
	if again := h.forward(t, h.order(hubtestProvince)); !again.Duplicate {
		t.Error("a repetition while closed was another act")
	}
}

const hubtestProvince = "000.00.00.H47"

func (h *house) sentOf(t *testing.T, agency hub.AgencyID) []hub.SentItem {
	t.Helper()
	list, err := h.Sent(t.Context(), hub.SentQuery{Agency: agency, Page: hub.Page{Limit: 100}})
	if err != nil {
		t.Fatal(err)
	}
	return list.Items
}

// TestForwardRaces: what happens to the delivery at the same moment comes before the forward
// or makes it impossible, and never half of it is recorded.
func TestForwardRaces(t *testing.T) {
	h := newHouse(t)
	id := h.first.Deliveries[0].ID
	change := func(set func(*hub.Delivery)) {
		item, err := h.World.Item(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		next := item.Delivery
		set(&next)
		if _, err := h.ApplySteps(t.Context(), hub.Step{Delivery: next, From: item.Delivery.State, Version: item.Delivery.Version}); err != nil {
			t.Fatal(err)
		}
	}
	h.interrupt("Accept", func() { change(func(d *hub.Delivery) { d.Progress = hub.StatusArrived }) })
	h.forward(t, h.order(ward))

	h.interrupt("Accept", func() {
		change(func(d *hub.Delivery) { d.Request = &hub.ChangeRequest{Operation: hub.OperationRecall} })
	})
	_, err := h.Forward(t.Context(), h.office, h.order(bureau))
	wantError(t, err, hub.KindConflict, "delivery request")
	if n := len(h.sentOf(t, hubtest.Office)); n != 1 {
		t.Errorf("%d dispatches were sent", n)
	}
}

// TestARepetitionTellsNothingThatWasGivenBack: the first answer comes again, without what
// the document said.
func TestARepetitionTellsNothingThatWasGivenBack(t *testing.T) {
	h := newHouse(t)
	first := h.forward(t, h.order(ward))
	item, err := h.World.Item(t.Context(), h.first.Deliveries[0].ID)
	if err != nil {
		t.Fatal(err)
	}
	next := item.Delivery
	next.Destroyed = &hub.Destruction{}
	if _, err := h.ApplySteps(t.Context(), hub.Step{Delivery: next, From: item.Delivery.State, Version: item.Delivery.Version}); err != nil {
		t.Fatal(err)
	}
	again := h.forward(t, h.order(ward))
	if d := &again.Dispatch; !again.Duplicate || d.ID != first.Dispatch.ID || d.Document.Subject != "" || len(d.Parts) != 0 || d.Origin.Note != "" {
		t.Errorf("it says %+v", d)
	}
}

var _ intake.Forwards = holder{}
