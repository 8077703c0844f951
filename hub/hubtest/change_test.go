package hubtest_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/hub/audit"
	"github.com/lienthong/lienthong/hub/hubtest"
)

// recall takes a document back: a second call changes nothing.
func (p *play) recall(t *rapid.T) {
	s := p.draw(t)
	reason := rapid.SampledFrom([]string{"ban hành nhầm", "sai nơi nhận"}).Draw(t, "reason")
	got, err := p.tracking.Recall(p.ctx, province(), s.first.Dispatch.ID, nil, reason)
	if s.sub.Operation == hub.OperationRecall {
		if err == nil || hub.KindOf(err) != hub.KindConflict {
			t.Fatalf("a recall was recalled: %v", err)
		}
		return
	}
	if err != nil || len(got) != len(s.first.Deliveries) {
		t.Fatalf("recall: %+v, %v", got, err)
	}
	before := p.countEvidence(t)
	again, err := p.tracking.Recall(p.ctx, province(), s.first.Dispatch.ID, nil, reason)
	if err != nil || p.countEvidence(t) != before {
		t.Fatalf("recall again made %d evidences, %v", p.countEvidence(t)-before, err)
	}
	for i := range got {
		if got[i].Outcome != again[i].Outcome || (got[i].Receipt == nil) != (got[i].Outcome == hub.RecallEnded) {
			t.Fatalf("recall %+v, again %+v", got[i], again[i])
		}
	}
}

// sendChange submits what acts on an earlier document; it may be refused.
func (p *play) sendChange(t *rapid.T, op hub.Operation) {
	s := p.draw(t)
	sub := p.Submission(fmt.Sprint("document ", len(p.accepted)), s.sub.Recipients...)
	sub.Operation = op
	sub.Document.Business = hub.BusinessInfo{EarlierID: s.sub.ExternalID, Reason: "sửa sai sót"}
	first, err := p.intake.Submit(p.ctx, province(), sub)
	var rejection *hub.Rejection
	switch {
	case errors.As(err, &rejection):
	case err != nil || first.Duplicate:
		t.Fatalf("%s: %+v, %v", op, first, err)
	default:
		p.accepted = append(p.accepted, submitted{sub, first})
	}
}

func (p *play) sendRecall(t *rapid.T) { p.sendChange(t, hub.OperationRecall) }
func (p *play) sendUpdate(t *rapid.T) { p.sendChange(t, hub.OperationUpdate) }

// answer says yes or no to what is asked; a conflict where nothing is.
func (p *play) answer(t *rapid.T) {
	id, actor := p.drawDelivery(t)
	r := hub.StatusReport{
		Code:        rapid.SampledFrom([]hub.StatusCode{"15", "16"}).Draw(t, "code"),
		Description: "trả lời", StatedAt: p.Clock.Now(),
	}
	p.perform(t, "answer "+string(r.Code), func() (hub.SealedEvidence, error) { return p.tracking.Report(p.ctx, actor, id, r) })
}

// checkTakenBack: what was taken back is no longer given to its recipient, and everything
// else is; the sender keeps its copy.
func (p *play) checkTakenBack(t *rapid.T, item *hub.SentItem, d *hub.Delivery) {
	if item.Dispatch.Purged != nil || d.State == hub.StateQueued || d.State == hub.StateFailed || d.State == hub.StateExpired {
		return
	}
	for _, actor := range []hub.Actor{hubtest.System(d.Recipient), province()} {
		_, blob, err := p.tracking.Open(p.ctx, actor, item.Dispatch.ID, "p1")
		wanted := !d.TakenBack() || actor.Agencies[0] == hubtest.Province
		if (err == nil) != wanted {
			t.Fatalf("%s opens what is %s, taken back %v: %v", actor.Name, d.State, d.TakenBack(), err)
		}
		if err == nil {
			blob.Close()
		}
	}
}

// acts is a hub in which documents are changed after they were sent.
type acts struct {
	*play
	t *testing.T
}

func newActs(t *testing.T) *acts { return &acts{newPlay(), t} }

func (a *acts) send(actor hub.Actor, sub hub.Submission) hub.Accepted {
	a.t.Helper()
	accepted, err := a.intake.Submit(a.ctx, actor, sub)
	if err != nil {
		a.t.Fatal(err)
	}
	return accepted
}

// handedOver has the recipient collect a delivery.
func (a *acts) handedOver(accepted hub.Accepted, i int) {
	a.t.Helper()
	d := accepted.Deliveries[i]
	_, err := a.tracking.Acknowledge(a.ctx, hubtest.System(d.Recipient), d.ID, 0, hubtest.Digests(&accepted.Dispatch))
	if err != nil {
		a.t.Fatal(err)
	}
}

// later is a submission that acts on an earlier document.
func (a *acts) later(op hub.Operation, id string, b hub.BusinessInfo, to ...string) hub.Submission {
	sub := a.Submission(id, to...)
	sub.Operation, sub.Document.Business = op, b
	return sub
}

func (a *acts) now(d hub.Delivery) hub.Delivery {
	a.t.Helper()
	item, err := a.Item(a.ctx, d.ID)
	if err != nil {
		a.t.Fatal(err)
	}
	return item.Delivery
}

// last returns the newest evidence of a delivery and checks the whole chain.
func (a *acts) last(d hub.Delivery) hub.Evidence {
	a.t.Helper()
	list, err := a.Evidences(a.ctx, hub.EvidenceQuery{Dispatch: d.Dispatch, Page: hub.Page{Limit: 1000}})
	if err != nil {
		a.t.Fatal(err)
	}
	if err := audit.CheckChain(list.Items); err != nil {
		a.t.Error(err)
	}
	var last hub.Evidence
	for _, e := range list.Items {
		if e.Evidence.Delivery == d.ID {
			last = e.Evidence
		}
	}
	return last
}

func (a *acts) wantLinks(actor hub.Actor, id hub.DispatchID, want ...hub.Link) {
	a.t.Helper()
	related, err := a.tracking.Related(a.ctx, actor, id)
	if err != nil {
		a.t.Error(err)
	}
	var got []hub.Link
	for _, r := range related {
		got = append(got, r.Link)
		if r.Number == "" || r.SenderName == "" || r.ExternalID == "" {
			a.t.Errorf("the other end reads %+v", r)
		}
	}
	if !slices.Equal(got, want) {
		a.t.Errorf("%s sees the links %v, want %v", actor.Name, got, want)
	}
}

var (
	office   = hubtest.System(hubtest.Office)
	ward     = hubtest.System(hubtest.Ward)
	stranger = hubtest.System(hubtest.Stranger)
)

const officeCode, wardCode, bureauCode = "000.00.12.H47", "000.31.05.H47", "000.00.13.H47"

// TestRecallAsDocument: a submission recalls before and after the hand-over at once, the
// recipients also get it as a document, and answer on either.
func TestRecallAsDocument(t *testing.T) {
	a := newActs(t)
	first := a.send(province(), a.Submission("1", officeCode, wardCode, bureauCode))
	a.handedOver(first, 0)
	// As on the wire: the recall repeats the id of the document.
	recall := a.send(province(), a.later(hub.OperationRecall, "1", hub.BusinessInfo{Reason: "nhầm"}, officeCode, wardCode))
	link := hub.Link{Kind: hub.LinkRecalledBy, Dispatch: recall.Dispatch.ID}
	if want := []hub.Link{{Kind: hub.LinkRecalls, Dispatch: first.Dispatch.ID}}; !slices.Equal(recall.Dispatch.Links, want) || !slices.Equal(recall.Receipt.Evidence.Links, want) {
		t.Errorf("links %v, in the receipt %v", recall.Dispatch.Links, recall.Receipt.Evidence.Links)
	}
	if d := a.now(first.Deliveries[0]); d.State != hub.StateHandedOver || !d.Request.Open() || d.Request.By != recall.Dispatch.ID {
		t.Errorf("after the hand-over %+v", d)
	}
	if e := a.last(first.Deliveries[1]); e.Event != hub.EventWithdrawal || !slices.Equal(e.Links, []hub.Link{link}) {
		t.Errorf("before it %+v", e)
	}
	if d := a.now(first.Deliveries[2]); d.State != hub.StateConsigned || d.Request != nil {
		t.Errorf("who is not named has %+v", d)
	}
	// The recipient answers on the document that asks.
	_, err := a.tracking.Report(a.ctx, office, recall.Deliveries[0].ID, hub.StatusReport{Code: "15", Description: "đồng ý"})
	if err != nil {
		t.Fatal(err)
	}
	if d := a.now(first.Deliveries[0]); d.Destroyed == nil || a.last(d).Event != hub.EventContentPurge {
		t.Errorf("after 15 %+v", d)
	}
	a.wantLinks(province(), first.Dispatch.ID, link)
	a.wantLinks(office, first.Dispatch.ID, link)
	a.wantLinks(hubtest.System(hubtest.Bureau), first.Dispatch.ID) // it does not see the recall
	a.wantLinks(office, recall.Dispatch.ID, hub.Link{Kind: hub.LinkRecalls, Dispatch: first.Dispatch.ID})
	if _, err := a.tracking.Related(a.ctx, stranger, first.Dispatch.ID); err == nil || hub.KindOf(err) != hub.KindNotFound {
		t.Errorf("a stranger sees links: %v", err)
	}
	if again := a.send(province(), a.later(hub.OperationRecall, "1", hub.BusinessInfo{Reason: "nhầm"}, officeCode, wardCode)); !again.Duplicate {
		t.Error("the same recall made another dispatch")
	}
	a.wantRejected(a.later(hub.OperationRecall, "2", hub.BusinessInfo{EarlierID: "none"}, officeCode), "document.business.earlier_id unknown_document")
	a.wantRejected(a.later(hub.OperationUpdate, "2", hub.BusinessInfo{EarlierID: "1", ToChanged: true, Receivers: []hub.ReceiverChange{{Agency: officeCode}}}, officeCode), "recipients required")
}

func (a *acts) wantRejected(sub hub.Submission, rule string) {
	a.t.Helper()
	_, err := a.intake.Submit(a.ctx, province(), sub)
	var rejection *hub.Rejection
	if !errors.As(err, &rejection) {
		a.t.Errorf("not rejected: %v", err)
		return
	}
	var rules []string
	for _, v := range rejection.Violations {
		rules = append(rules, v.Field+" "+v.Rule)
	}
	if !slices.Equal(rules, []string{rule}) {
		a.t.Errorf("rejected for %v, want %s", rules, rule)
	}
}

// TestUpdate: new content for who keeps the document, a recall from who is removed,
// nothing of the earlier one for who is added.
func TestUpdate(t *testing.T) {
	a := newActs(t)
	first := a.send(province(), a.Submission("1", officeCode, wardCode))
	a.handedOver(first, 0)
	a.handedOver(first, 1)
	update := a.send(province(), a.later(hub.OperationUpdate, "1", hub.BusinessInfo{
		EarlierID: "1", Reason: "sửa điều 2", InfoChanged: true, ToChanged: true,
		Receivers: []hub.ReceiverChange{{Agency: wardCode}, {Agency: bureauCode, Added: true}},
	}, officeCode, wardCode))
	var to []hub.AgencyID
	for _, d := range update.Deliveries {
		to = append(to, d.Recipient)
	}
	if !slices.Equal(to, []hub.AgencyID{hubtest.Office, hubtest.Bureau}) {
		t.Errorf("the update goes to %v", to)
	}
	kept, removed := a.now(first.Deliveries[0]), a.now(first.Deliveries[1])
	if !kept.Request.Open() || kept.Request.Operation != hub.OperationUpdate || kept.Request.By != update.Dispatch.ID {
		t.Errorf("kept: %+v", kept.Request)
	}
	if !removed.Request.Open() || removed.Request.Operation != hub.OperationRecall || removed.Request.By != "" {
		t.Errorf("removed: %+v", removed.Request)
	}
	e := a.last(kept)
	if e.Event != hub.EventCorrection || !slices.Equal(e.Links, []hub.Link{{Kind: hub.LinkUpdatedBy, Dispatch: update.Dispatch.ID}}) || e.Sender.Auth == nil {
		t.Errorf("evidence %+v", e)
	}
	if _, err := a.tracking.Report(a.ctx, office, update.Deliveries[0].ID, hub.StatusReport{Code: "15"}); err != nil {
		t.Fatal(err)
	}
	if d := a.now(kept); d.Request.Answer != "15" || d.Destroyed != nil {
		t.Errorf("after 15 %+v", d)
	}
	if _, err := a.tracking.Report(a.ctx, ward, removed.ID, hub.StatusReport{Code: "15"}); err != nil {
		t.Fatal(err)
	}
	if d := a.now(removed); d.Destroyed == nil {
		t.Errorf("after 15 %+v", d)
	}
	a.wantLinks(office, update.Dispatch.ID, hub.Link{Kind: hub.LinkUpdates, Dispatch: first.Dispatch.ID})
	a.wantLinks(hubtest.System(hubtest.Bureau), update.Dispatch.ID) // it never had the earlier one
	a.wantLinks(ward, first.Dispatch.ID)
	a.last(removed)
}

// TestUpdateBeforeHandOver: what nobody took yet is withdrawn, the update stands in its
// place; whom only the list of recipients concerns is asked nothing.
func TestUpdateBeforeHandOver(t *testing.T) {
	a := newActs(t)
	first := a.send(province(), a.Submission("1", officeCode, wardCode))
	update := a.send(province(), a.later(hub.OperationUpdate, "1", hub.BusinessInfo{EarlierID: "1"}, officeCode))
	if e := a.last(first.Deliveries[0]); e.Event != hub.EventWithdrawal || e.Links[0] != (hub.Link{Kind: hub.LinkUpdatedBy, Dispatch: update.Dispatch.ID}) {
		t.Errorf("%+v", e)
	}
	a.send(province(), a.later(hub.OperationUpdate, "2", hub.BusinessInfo{
		EarlierID: "1", ToChanged: true, Receivers: []hub.ReceiverChange{{Agency: bureauCode, Added: true}},
	}, wardCode))
	if d := a.now(first.Deliveries[1]); d.State != hub.StateConsigned || d.Request != nil {
		t.Errorf("%+v", d)
	}
}

// TestFrozen: what was recalled everywhere can be replaced, and not updated.
func TestFrozen(t *testing.T) {
	a := newActs(t)
	first := a.send(province(), a.Submission("1", officeCode))
	a.handedOver(first, 0)
	if _, err := a.tracking.Recall(a.ctx, province(), first.Dispatch.ID, nil, "nhầm"); err != nil {
		t.Fatal(err)
	}
	a.wantRejected(a.later(hub.OperationUpdate, "2", hub.BusinessInfo{EarlierID: "1"}, officeCode), "document.business.earlier_id frozen")
	replacement := a.send(province(), a.later(hub.OperationReplace, "2", hub.BusinessInfo{EarlierID: "1"}, officeCode))
	if d := a.now(first.Deliveries[0]); d.Request.Operation != hub.OperationRecall || d.Request.By != "" {
		t.Errorf("the recall gave way: %+v", d.Request)
	}
	a.wantLinks(office, first.Dispatch.ID, hub.Link{Kind: hub.LinkReplacedBy, Dispatch: replacement.Dispatch.ID})
}

// TestReplace: per replaced document and agency.
func TestReplace(t *testing.T) {
	a := newActs(t)
	one := a.send(province(), a.Submission("1", officeCode, wardCode))
	two := a.send(province(), a.Submission("2", officeCode))
	a.handedOver(one, 0)
	a.handedOver(one, 1)
	replacement := a.send(province(), a.later(hub.OperationReplace, "3", hub.BusinessInfo{Reason: "thay thế", Replacements: []hub.ReplacementInfo{
		{ExternalID: "1", Agencies: []string{wardCode}}, {ExternalID: "2"}, {ExternalID: "sent on paper"},
	}}, officeCode, wardCode))
	if d := a.now(one.Deliveries[0]); d.Request != nil {
		t.Errorf("who is not named is asked: %+v", d.Request)
	}
	if d := a.now(one.Deliveries[1]); !d.Request.Open() || d.Request.Operation != hub.OperationReplace {
		t.Errorf("%+v", d.Request)
	}
	if d := a.now(two.Deliveries[0]); d.State != hub.StateWithdrawn {
		t.Errorf("not taken yet: %+v", d)
	}
	if note := replacement.Receipt.Evidence.Note; note != `The earlier document "sent on paper" is not known to this hub.` {
		t.Errorf("note %q", note)
	}
	a.wantLinks(province(), replacement.Dispatch.ID,
		hub.Link{Kind: hub.LinkReplaces, Dispatch: one.Dispatch.ID}, hub.Link{Kind: hub.LinkReplaces, Dispatch: two.Dispatch.ID})
	if _, err := a.tracking.Report(a.ctx, ward, replacement.Deliveries[1].ID, hub.StatusReport{Code: "16", Description: "đã ban hành theo bản cũ"}); err != nil {
		t.Fatal(err)
	}
	if d := a.now(one.Deliveries[1]); d.Request.Answer != "16" || d.Request.AnswerReason == "" {
		t.Errorf("%+v", d.Request)
	}
	a.wantRejected(a.later(hub.OperationReplace, "4", hub.BusinessInfo{Replacements: []hub.ReplacementInfo{
		{ExternalID: "1", Agencies: []string{bureauCode}},
	}}, officeCode), "document.business.replacements[0].agencies[0] recipient")
}

// TestAnswers: a document that responds to another is linked to it, for both sides and
// nobody else; a reference to what did not come through this hub is no error.
func TestAnswers(t *testing.T) {
	a := newActs(t)
	question := a.send(province(), a.Submission("1", officeCode, wardCode))
	answer := a.Submission("answer", "000.00.00.H47", bureauCode)
	answer.Sender = officeCode
	answer.Document.ResponseFor = []hub.Reference{
		{Agency: "000.00.00.H47", ExternalID: "1"}, {Agency: "000.00.00.H47", ExternalID: "on paper"}, {Agency: hubtest.UnknownCode, Number: "1/X"}, {Number: "2/X"},
	}
	sent := a.send(office, answer)
	back := hub.Link{Kind: hub.LinkAnsweredBy, Dispatch: sent.Dispatch.ID}
	there := hub.Link{Kind: hub.LinkAnswers, Dispatch: question.Dispatch.ID}
	a.wantLinks(province(), question.Dispatch.ID, back)
	a.wantLinks(office, question.Dispatch.ID, back)
	a.wantLinks(office, sent.Dispatch.ID, there)
	a.wantLinks(province(), sent.Dispatch.ID, there)
	a.wantLinks(ward, question.Dispatch.ID)                       // it did not get the answer
	a.wantLinks(hubtest.System(hubtest.Bureau), sent.Dispatch.ID) // it did not get the question
	if !slices.Equal(sent.Receipt.Evidence.Links, []hub.Link{there}) {
		t.Errorf("the receipt says %v", sent.Receipt.Evidence.Links)
	}
}

// TestChangeRacesHandOver: what a submission does is decided by what is recorded first.
func TestChangeRacesHandOver(t *testing.T) {
	a := newActs(t)
	first := a.send(province(), a.Submission("1", officeCode))
	a.Before = func(method string) error {
		if method == "Accept" {
			a.Before = nil
			a.handedOver(first, 0)
		}
		return nil
	}
	a.send(province(), a.later(hub.OperationRecall, "1", hub.BusinessInfo{Reason: "nhầm"}, officeCode))
	if d := a.now(first.Deliveries[0]); d.State != hub.StateHandedOver || !d.Request.Open() {
		t.Errorf("%+v", d)
	}
	a.last(first.Deliveries[0])
}
