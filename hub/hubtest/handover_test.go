package hubtest_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/hub/audit"
	"github.com/lienthong/lienthong/hub/handover"
	"github.com/lienthong/lienthong/hub/hubtest"
)

// offices is a store with people and their drafts.
type offices struct {
	*hubtest.Memory
	*hubtest.Persons
	drafts map[hub.AgencyID]int
}

func (o *offices) OfficeDrafts(_ context.Context, id hub.AgencyID) (int, error) {
	return o.drafts[id], nil
}

func (o *offices) HandOver(ctx context.Context, h hub.HandOverChange) error {
	if _, err := o.SaveAgencies(ctx, h.Version, h.Agencies); err != nil {
		return err
	}
	for _, a := range h.Accounts {
		if err := o.SaveAccount(ctx, a); err != nil {
			return err
		}
	}
	results, err := o.ApplySteps(ctx, h.Steps...)
	if err := errors.Join(append(results, err)...); err != nil {
		return err
	}
	o.drafts[h.To] += o.drafts[h.From]
	delete(o.drafts, h.From)
	return o.SaveNotes(ctx, h.Note)
}

// acting is the system of an agency as the edges see it: with those for whom it receives.
func (r *reform) acting(agency hub.AgencyID) hub.Actor {
	actor := hubtest.System(agency)
	actor.ReceivesFor = r.directory.ReceivesFor(actor.Agencies, r.Clock.Now())
	actor.TookOver = r.directory.TookOver(actor.Agencies, r.Clock.Now())
	return actor
}

// tasksGoOn: the successor has the tasks of the closed agency with all that was said, acts on
// them and answers them; the assigner sees who has them now and is told, and the chain is whole.
func (r *reform) tasksGoOn(o *offices, sent hub.Accepted) {
	r.Helper()
	ctx, heir, province := r.Context(), r.acting("dnang-s02"), hubtest.System("qnam")
	portal, reply := sent.Dispatch.Tasks[0].ID, sent.Dispatch.Tasks[1].ID
	list, err := r.tasks.Tasks(ctx, heir, hub.TaskQuery{Agency: "dnang-s02", Noticed: true})
	if err != nil || len(list.Items) != 2 || list.Items[1].ID != portal || list.Items[1].Assignment.Role != hub.RoleLead || list.Items[1].Assignment.Due != "2025-08-31" {
		r.Fatalf("the successor has %+v, %v", list.Items, err)
	}
	views, err := r.tasks.Task(ctx, province, portal)
	if err != nil || len(views) != 2 || views[0].Agency != "qnam-s02" || views[0].Assignment.Holder != "dnang-s02" || views[0].HolderName == "" || views[1].Assignment.Holder != "" {
		r.Errorf("the assigner sees %+v, %v", views, err)
	}
	if told, err := r.tasks.Tasks(ctx, province, hub.TaskQuery{Assigner: "qnam", Noticed: true}); err != nil || len(told.Items) != 2 {
		r.Errorf("the assigner is told of %d, %v", len(told.Items), err)
	}
	_, err = r.tasks.Act(ctx, hubtest.System("qnam-s02"), portal, hub.TaskOrder{Act: hub.ActStart})
	if v := hub.ViolationsOf(err); len(v) != 1 || v[0].Rule != "handed_over" {
		r.Errorf("the closed agency acts: %v", err)
	}
	seen, err := r.tasks.Act(ctx, province, portal, hub.TaskOrder{Act: hub.ActSee, Agency: "qnam-s02"})
	again, lost := r.tasks.Act(ctx, province, portal, hub.TaskOrder{Act: hub.ActSee, Agency: "qnam-s02"})
	if err != nil || lost != nil || seen.Digest != again.Digest {
		r.Errorf("it takes note twice: %v, %v", err, lost)
	}
	started, err := r.tasks.Act(ctx, heir, portal, hub.TaskOrder{Act: hub.ActProgress, Text: "Tiếp nhận, đang làm", Percent: 10})
	if err != nil || started.Evidence.Delegate == nil || started.Evidence.Delegate.ID != "dnang-s02" {
		r.Fatalf("the successor goes on: %+v, %v", started.Evidence.Delegate, err)
	}
	answer := r.Submission("H17,2025/07/01,9", "H47")
	answer.Sender, answer.Document.ResponseTasks = "H17.02", []string{string(reply)}
	if _, err := r.intake.Submit(ctx, hubtest.System("dnang-s02"), answer); err != nil {
		r.Fatal(err)
	}
	history, err := r.tasks.History(ctx, province, reply, "qnam-s02")
	var acts []hub.TaskAct
	for _, e := range history {
		acts = append(acts, e.Evidence.Tasks[0].Act)
	}
	if want := []hub.TaskAct{hub.ActHandOver, hub.ActAnswer}; err != nil || !slices.Equal(acts, want) || history[0].Evidence.Delegate.ID != "dnang-s02" {
		r.Errorf("the history is %v, %v", acts, err)
	}
	if totals, err := r.tasks.Totals(ctx, heir, hub.TaskQuery{Agency: "dnang-s02"}); err != nil || totals.OpenInTime != 2 {
		r.Errorf("%+v, %v", totals, err)
	}
	if chain, err := o.Evidences(ctx, hub.EvidenceQuery{Dispatch: sent.Dispatch.ID, Page: hub.Page{Limit: 100}}); err != nil || audit.CheckChain(chain.Items) != nil {
		r.Errorf("the chain: %v", audit.CheckChain(chain.Items))
	}
}

// TestHandOverOf2025 hands agencies over that closed on 1 July 2025 with documents on their
// way: the successors act for them, in the evidence as their delegates, and nobody else does.
func TestHandOverOf2025(t *testing.T) {
	r := newReform(t)
	ctx := t.Context()
	r.until("2025-06-20 09:00")
	r.importSample("quang-nam-before")
	r.importSample("quang-nam-after")
	r.until("2025-06-30 23:59")
	province := hubtest.System("qnam")
	evening := r.Submission("H47,2025/06/30,1", "H47.02", "H47.31")
	evening.Sender = "H47"
	evening.Tasks = []hub.TaskWish{
		{Content: "Nâng cấp Cổng", Lead: "H47.02", TaskTerm: hub.TaskTerm{Before: "2025-09-01"}, Co: []hub.CoWish{{Agency: "H47.31"}}, Answer: hub.AnswerReport},
		{Content: "Trả lời kiến nghị", Each: []string{"H47.02", "H47.31"}, TaskTerm: hub.TaskTerm{Before: "2025-07-10"}},
	}
	sent, err := r.intake.Submit(ctx, province, evening)
	if err != nil {
		t.Fatal(err)
	}
	o := &offices{Memory: r.Memory, Persons: hubtest.NewPersons(), drafts: map[hub.AgencyID]int{"qnam-s02": 2}}
	for name, memberships := range map[string][]hub.Membership{
		"van.thu": {{Agency: "qnam-s02", Role: hub.RoleClerk}}, "lanh.dao": {{Agency: "qnam-s02", Role: hub.RoleLeader}, {Agency: "dnang-s02", Role: hub.RoleLeader}},
		"quan.tri": {{Agency: "qnam-s02", Role: hub.RoleAdministrator}}, "nguoi.la": {{Agency: "dnang", Role: hub.RoleClerk}},
	} {
		if err := o.SaveAccount(ctx, hub.Account{Name: name, Memberships: memberships, Version: 1}); err != nil {
			t.Fatal(err)
		}
	}
	s := handover.New(handover.Options{Store: o, Directory: r.directory, Tasks: r.tasks, Now: r.Clock.Now})
	operator := hub.Actor{Name: "op", Kind: hub.ActorOperator, Scopes: []hub.Scope{hub.ScopeOperate}}
	hand := func(actor hub.Actor, agency, to string, dryRun bool) (hub.HandOver, error) {
		return s.HandOver(ctx, actor, hub.HandOverOrder{Agency: agency, To: to, Basis: "NQ 202/2025/QH15"}, dryRun)
	}
	refused := func(what string, err error, kind hub.ErrorKind, rule string) {
		t.Helper()
		if hub.KindOf(err) != kind || !strings.Contains(hub.ViolationsOf(err)[0].Rule, rule) {
			t.Errorf("%s: %v, want %s %s", what, err, kind, rule)
		}
	}
	_, err = hand(operator, "H47.02", "", true)
	refused("before it closes", err, hub.KindConflict, "open")

	r.until("2025-07-01 08:00")
	_, err = hand(hubtest.System("dnang-s02"), "H47.02", "", true)
	refused("by the successor itself", err, hub.KindDenied, "")
	_, err = hand(operator, "H47.31", "", true)
	refused("a district that was split", err, hub.KindConflict, "several_successors")
	_, err = hand(operator, "H47.02", "H17.03", true)
	refused("to who did not take over", err, hub.KindInvalid, "successor")
	_, err = hand(operator, "H47.02", "H47.03", true)
	refused("to who closed itself", err, hub.KindInvalid, "closed")
	_, err = hand(operator, "H99.99", "", true)
	refused("of nobody", err, hub.KindUnknownAgency, "unknown_agency")

	// Before the hand-over the successor has no part in what was sent to the closed one.
	d := sent.Deliveries[0]
	if _, err := r.tracking.Item(ctx, r.acting("dnang-s02"), d.ID); hub.KindOf(err) != hub.KindNotFound {
		t.Errorf("the successor sees the delivery before: %v", err)
	}
	would, err := hand(operator, "H47.02", "", true)
	if err != nil || would.To != "dnang-s02" || would.Deliveries != 1 || would.Drafts != 2 || would.Tasks != 2 || !slices.Equal(would.Accounts, []string{"van.thu"}) {
		t.Fatalf("it would be %+v, %v", would, err)
	}
	if by := r.directory.TookOver([]hub.AgencyID{"dnang-s02"}, r.Clock.Now()); len(by) != 0 {
		t.Error("a dry run handed over")
	}
	// Another changes an account at the same moment: it is worked out anew.
	r.Before = func(method string) error {
		if method == "SaveAgencies" {
			r.Before = nil
			return hub.Errorf(hub.KindConflict, "", "version", "changed")
		}
		return nil
	}
	done, err := hand(operator, "H47.02", "", false)
	if err != nil || done.Deliveries != 1 || done.Drafts != 2 || done.Tasks != 2 || done.Before || o.drafts["dnang-s02"] != 2 {
		t.Fatalf("it is %+v, %v", done, err)
	}
	if clerk, err := o.Account(ctx, "van.thu"); err != nil || !slices.Contains(clerk.Memberships, hub.Membership{Agency: "dnang-s02", Role: hub.RoleClerk}) || len(clerk.Memberships) != 2 {
		t.Errorf("the clerk is %+v, %v", clerk.Memberships, err)
	}
	if admin, err := o.Account(ctx, "quan.tri"); err != nil || len(admin.Memberships) != 1 {
		t.Errorf("the administrator became %+v, %v", admin.Memberships, err)
	}
	again, err := hand(operator, "qnam-s02", "H17.02", false)
	if err != nil || !again.Before || !again.At.Equal(done.At) || again.Deliveries != 1 {
		t.Errorf("the same again: %+v, %v", again, err)
	}
	if a, _ := r.directory.ByID("qnam-s02"); len(a.ReceivedBy) != 1 {
		t.Errorf("it is received by %+v", a.ReceivedBy)
	}

	// The successor collects, registers and answers, and the evidence names both.
	heir := r.acting("dnang-s02")
	leased, err := r.tracking.Lease(ctx, heir, hub.LeaseRequest{Agency: "qnam-s02", Max: 10})
	if err != nil || len(leased) != 1 {
		t.Fatalf("the successor collects %d, %v", len(leased), err)
	}
	if _, err := r.tracking.Acknowledge(ctx, heir, d.ID, leased[0].Delivery.Lease.Fence, hubtest.Digests(&leased[0].Dispatch)); err != nil {
		t.Fatal(err)
	}
	accepted, err := r.tracking.Accept(ctx, heir, d.ID, hub.Registration{Number: "1", Date: "2025-07-01"})
	if err != nil || accepted.Evidence.Recipients[0].ID != "qnam-s02" || accepted.Evidence.Delegate == nil || accepted.Evidence.Delegate.ID != "dnang-s02" {
		t.Fatalf("it registers: %+v, %v", accepted.Evidence.Delegate, err)
	}
	item, err := r.tracking.Item(ctx, heir, d.ID)
	if err != nil || item.Delivery.Recipient != "qnam-s02" || item.Delivery.Register != "dnang-s02" {
		t.Errorf("the number stands in the register of %q, %v", item.Delivery.Register, err)
	}
	for _, other := range []hub.AgencyID{"dnang-s03", "dnang"} {
		if _, err := r.tracking.Item(ctx, r.acting(other), d.ID); hub.KindOf(err) != hub.KindNotFound {
			t.Errorf("%s sees the delivery: %v", other, err)
		}
	}
	r.tasksGoOn(o, sent)

	// It reads what the closed one sent, and sends nothing in its name.
	if _, err := r.tracking.Sent(ctx, heir, hub.SentQuery{Agency: "qnam-s02"}); err != nil {
		t.Error(err)
	}
	if err := heir.SpeaksFor("qnam-s02", hub.ScopeSubmit); hub.KindOf(err) != hub.KindDenied {
		t.Errorf("it may send for the closed one: %v", err)
	}
	// What comes later goes to the successor itself, by the rule of addressing.
	next := r.Submission("H17,2025/07/01,1", "H47.02")
	next.Sender = "H17"
	if later, err := r.intake.Submit(ctx, hubtest.System("dnang"), next); err != nil || later.Deliveries[0].Recipient != "dnang-s02" || later.Deliveries[0].Note == "" {
		t.Errorf("what comes later: %+v, %v", later.Deliveries, err)
	}

	// The district goes to one of its successors. Another node, whose clock is ahead, does it
	// while this one does the same, or hands it to another: it is done once.
	node := r.node()
	elsewhere := handover.New(handover.Options{Store: o, Directory: node, Tasks: r.tasks, Now: func() time.Time { return r.Clock.Now().Add(time.Second) }})
	var first hub.HandOver
	r.Before = func(method string) error {
		if method != "SaveAgencies" {
			return nil
		}
		r.Before = nil
		var err error
		first, err = elsewhere.HandOver(ctx, operator, hub.HandOverOrder{Agency: "H47.31", To: "H17.101"}, false)
		if err != nil {
			t.Errorf("on the other node: %v", err)
		}
		return nil
	}
	_, err = hand(operator, "H47.31", "H17.102", false)
	refused("to another at the same moment", err, hub.KindConflict, "handed_over")
	same, err := hand(operator, "H47.31", "H17.101", false)
	if err != nil || !same.Before || !same.At.Equal(first.At) {
		t.Errorf("the same on both nodes: %+v, %v", same, err)
	}
	if a, _ := r.directory.ByID("qnam-d31"); len(a.ReceivedBy) != 1 || a.ReceivedBy[0].Value != "dnang-x101" {
		t.Errorf("the district is received by %+v", a.ReceivedBy)
	}

	// When that one closes it goes on to the next.
	_, err = hand(operator, "H47.31", "H17.102", false)
	refused("to another", err, hub.KindConflict, "handed_over")
	if _, err := r.directory.Reorganise(ctx, operator, hub.AgencyChange{Kind: hub.ActMerge, Day: "2025-07-02", From: []string{"H17.101"}, To: []string{"H17.102"}}, false); err != nil {
		t.Fatal(err)
	}
	r.until("2025-07-02 09:00")
	if items, err := r.tracking.Mailbox(ctx, r.acting("dnang-x101"), hub.MailboxQuery{Agency: "qnam-d31"}); err == nil {
		t.Errorf("who has closed acts for another: %d", len(items.Items))
	}
	on, err := hand(operator, "H17.101", "", false)
	if err != nil || !slices.Equal(on.Further, []hub.AgencyID{"qnam-d31"}) {
		t.Fatalf("%+v, %v", on, err)
	}
	if items, err := r.tracking.Mailbox(ctx, r.acting(on.To), hub.MailboxQuery{Agency: "qnam-d31"}); err != nil || len(items.Items) != 1 {
		t.Errorf("the next successor finds %d, %v", len(items.Items), err)
	}
}
