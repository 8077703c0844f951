package axistest

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/lienthong/lienthong/adapters/hubclient"
	"github.com/lienthong/lienthong/hub"
)

// TestBetweenProvinces: a document goes from a commune of one province to two agencies of
// the other and one of its own, in one call; its statuses come back, and nothing of what
// is local goes to the nation.
func TestBetweenProvinces(t *testing.T) {
	t.Parallel()
	c := newCountry(t)
	sent := c.first.send("11", commune, department, neighbour, office)
	if d := c.first.delivery(commune, sent.Dispatch.ID, neighbour); d.State != hub.StateConsigned {
		t.Errorf("the neighbour's delivery is %s", d.State)
	}
	arrived := c.second.awaitArrival(department, "11")
	atOffice := c.second.awaitArrival(office, "11")
	if arrived.Dispatch.ID != atOffice.Dispatch.ID {
		t.Errorf("one package became the dispatches %s and %s", arrived.Dispatch.ID, atOffice.Dispatch.ID)
	}
	came := c.second.evidence(c.second.keys[department], arrived.Dispatch.ID)
	if got := events(came, ""); !slices.Equal(got, []string{"SubmissionAcceptance", "ReceivedFromNonERDS"}) {
		t.Errorf("the evidence of where it came from: %v", got)
	}
	part := arrived.Dispatch.PartByID("p1")
	if part == nil || part.Digest != sent.Dispatch.Parts[0].Digest {
		t.Fatalf("the parts that came are %+v", arrived.Dispatch.Parts)
	}
	c.first.awaitState(commune, sent.Dispatch.ID, department, hub.StateHandedOver)
	c.second.collect(department, arrived)
	c.second.enter(department, arrived, "715")
	d := c.first.awaitState(commune, sent.Dispatch.ID, department, hub.StateAccepted)
	all := c.first.evidence(c.first.keys[commune], sent.Dispatch.ID)
	if got := events(all, d.ID); !slices.Equal(got, []string{"RelayAcceptance", "ContentHandover", "ConsignmentAcceptance"}) {
		t.Errorf("the evidence at the sender's hub: %v", got)
	}
	for _, e := range all {
		ack := e.Evidence.DeliveryInfo
		if e.Evidence.Event == hub.EventContentHandover && (ack.Ack == nil || ack.Ack.Method != hub.AuthAxis) {
			t.Errorf("the hand-over was acknowledged by %+v", ack)
		}
		if e.Evidence.Event == hub.EventRelayAcceptance && !strings.Contains(e.Evidence.Note, "as 0") {
			t.Errorf("the note of the relay is %q", e.Evidence.Note)
		}
	}
	c.second.collect(office, atOffice)
	if _, err := c.second.keys[office].Refuse(t.Context(), atOffice.Delivery.ID, 0, hub.Reason{Code: hub.ReasonWrongAddressee, Detail: "Không thuộc thẩm quyền"}); err != nil {
		t.Fatal(err)
	}
	refused := c.first.awaitState(commune, sent.Dispatch.ID, office, hub.StateRefused)
	if refused.Reason == nil || !strings.Contains(refused.Reason.Detail, "thẩm quyền") {
		t.Errorf("refused because of %+v", refused.Reason)
	}
	if _, err := c.second.keys[department].ReportStatus(t.Context(), arrived.Delivery.ID, hubclient.Status{Code: hub.StatusCompleted, Description: "Xong"}); err != nil {
		t.Fatal(err)
	}
	await(t, "status 06", func() (bool, string) {
		d := c.first.delivery(commune, sent.Dispatch.ID, department)
		return d.Progress == hub.StatusCompleted, string(d.Progress)
	})
	c.onceOnTheAxis(map[string]int{"11": 2})
	c.nothingHeld()
}

// onceOnTheAxis fails the test unless the nation has each document once, with so many
// recipients.
func (c *country) onceOnTheAxis(want map[string]int) {
	c.t.Helper()
	auditor := c.nation.auditor(commune)
	list, err := auditor.Sent(c.t.Context(), hubclient.SentQuery{Page: hub.Page{Limit: 200}})
	if err != nil {
		c.t.Fatal(err)
	}
	found := map[string]int{}
	for i := range list.Items {
		number := list.Items[i].Dispatch.Document.CodeNumber
		if found[number] > 0 {
			c.t.Errorf("%s is on the axis twice", number)
		}
		found[number] += len(list.Items[i].Deliveries)
		c.nation.evidence(auditor, list.Items[i].Dispatch.ID)
	}
	for number, recipients := range want {
		if found[number] != recipients {
			c.t.Errorf("%s is on the axis for %d recipients, want %d", number, found[number], recipients)
		}
	}
	if len(found) != len(want) {
		c.t.Errorf("on the axis are %v, want %v", found, want)
	}
}

// auditor reads at a hub what an agency sent.
func (s *site) auditor(code string) *hubclient.Client {
	s.t.Helper()
	issued, err := s.operator.IssueKey(s.t.Context(), hubclient.NewKey{
		Name: "checker", Kind: hub.ActorSystem, Agencies: []string{code}, Scopes: []hub.Scope{hub.ScopeRead},
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return s.client(issued.Secret)
}

// nothingHeld fails the test where a package of the axis is not in the exchange.
func (c *country) nothingHeld() {
	c.t.Helper()
	for _, s := range []*site{c.first, c.second} {
		await(c.t, "nothing being held at "+s.name, func() (bool, string) {
			held, err := s.operator.AxisHeld(c.t.Context(), hub.Page{Limit: 100})
			if err != nil {
				return false, err.Error()
			}
			return len(held.Items) == 0, fmt.Sprintf("%+v\n%s", held.Items, s.process.Log())
		})
	}
}

// TestTakenBackOverTheAxis: a recall reaches the recipient as a request where it has the
// document, and the answer comes back; where nobody has fetched it, the axis withdraws.
func TestTakenBackOverTheAxis(t *testing.T) {
	t.Parallel()
	c := newCountry(t)
	sent := c.first.send("21", commune, department)
	arrived := c.second.awaitArrival(department, "21")
	c.second.collect(department, arrived)
	c.first.awaitState(commune, sent.Dispatch.ID, department, hub.StateHandedOver)
	outcomes, err := c.first.keys[commune].Recall(t.Context(), sent.Dispatch.ID, nil, "Ban hành nhầm")
	if err != nil || outcomes[0].Outcome != hub.RecallAsked {
		t.Fatal(outcomes, err)
	}
	await(t, "the request", func() (bool, string) {
		asked, err := c.second.keys[department].Mailbox(t.Context(), hubclient.MailboxQuery{Asked: true})
		if err != nil {
			return false, err.Error()
		}
		return len(asked.Items) == 1 && asked.Items[0].Delivery.Request.Reason == "Ban hành nhầm", c.first.process.Log()
	})
	if _, err := c.second.keys[department].ReportStatus(t.Context(), arrived.Delivery.ID, hubclient.Status{Code: hub.StatusChangeAccepted}); err != nil {
		t.Fatal(err)
	}
	await(t, "the answer", func() (bool, string) {
		d := c.first.delivery(commune, sent.Dispatch.ID, department)
		return d.Destroyed != nil && d.Request.Answer == hub.StatusChangeAccepted, c.second.process.Log()
	})
	c.first.evidence(c.first.keys[commune], sent.Dispatch.ID)

	c.second.process.Kill() // nobody fetches
	second := c.first.send("22", commune, department)
	c.first.awaitState(commune, second.Dispatch.ID, department, hub.StateConsigned)
	if outcomes, err = c.first.keys[commune].Recall(t.Context(), second.Dispatch.ID, nil, "Sai phụ lục"); err != nil || outcomes[0].Outcome != hub.RecallAsked {
		t.Fatal(outcomes, err)
	}
	d := c.first.awaitState(commune, second.Dispatch.ID, department, hub.StateWithdrawn)
	if got := events(c.first.evidence(c.first.keys[commune], second.Dispatch.ID), d.ID); !slices.Equal(got, []string{"RelayAcceptance", "StatusReport", "Withdrawal"}) {
		t.Errorf("the evidence of what the axis withdrew: %v", got)
	}
	c.second.start()
	last := c.first.send("23", commune, department)
	c.second.awaitArrival(department, "23") // so the second was never there
	c.first.awaitState(commune, last.Dispatch.ID, department, hub.StateHandedOver)
	list, err := c.second.keys[department].Mailbox(t.Context(), hubclient.MailboxQuery{States: hub.DeliveryStates()})
	if err != nil || slices.ContainsFunc(list.Items, func(i hub.Item) bool { return i.Dispatch.Document.CodeNumber == "22" }) {
		t.Errorf("what was withdrawn came to %v, %v", list.Items, err)
	}
	c.nothingHeld()
}

// TestHeldForTheOperator: what cannot be taken waits with its bytes and its reason, is
// not acknowledged, and goes on when the operator has mended what was wrong; or the sender
// learns that it is not taken.
func TestHeldForTheOperator(t *testing.T) {
	t.Parallel()
	c := newCountry(t)
	ctx := t.Context()
	stranger := "000.00.00.H60"
	list := agencies("") + "h60," + stranger + ",UBND tỉnh lạ (hư cấu),unit,,,,,true,,,,,\n"
	if _, err := c.nation.operator.ImportAgencies(ctx, strings.NewReader(list), false); err != nil {
		t.Fatal(err)
	}
	c.nation.keys[stranger] = c.nation.sender(stranger)
	sent := c.nation.send("31", stranger, department)
	var held hub.HeldPackage
	await(t, "the held package", func() (bool, string) {
		all, err := c.second.operator.AxisHeld(ctx, hub.Page{Limit: 10})
		if err == nil && len(all.Items) == 1 && all.Items[0].Waits {
			held = all.Items[0]
			return true, ""
		}
		return false, c.second.process.Log()
	})
	if held.From != stranger || len(held.Errors) != 1 || held.Errors[0].Field != "sender" || held.Errors[0].Kind != hub.KindUnknownAgency {
		t.Errorf("held as %+v", held)
	}
	var raw strings.Builder
	if err := c.second.operator.AxisPackage(ctx, held.ID, &raw); err != nil || !strings.Contains(raw.String(), "edXMLEnvelope") || int64(raw.Len()) != held.Package.Size {
		t.Errorf("%d bytes, %v", raw.Len(), err)
	}
	if d := c.nation.delivery(stranger, sent.Dispatch.ID, department); d.State != hub.StateConsigned {
		t.Errorf("on the axis it is %s", d.State)
	}
	await(t, "the health of the hub telling of it", func() (bool, string) {
		st, err := c.second.operator.AxisStatus(ctx)
		return err == nil && st.Held == 1 && st.Leads, c.second.process.Log()
	})
	c.second.crash()
	mended := agencies("H47") + "h60," + stranger + ",UBND tỉnh lạ (hư cấu),unit,,,,,true,,,,,axis\n"
	if _, err := c.second.operator.ImportAgencies(ctx, strings.NewReader(mended), false); err != nil {
		t.Fatal(err)
	}
	if _, err := c.second.operator.AxisRetry(ctx, held.ID); err != nil {
		t.Fatal(err)
	}
	c.second.awaitArrival(department, "31")
	c.nation.awaitState(stranger, sent.Dispatch.ID, department, hub.StateHandedOver)
	c.nothingHeld()

	if _, err := c.nation.operator.ImportAgencies(ctx, strings.NewReader(list+"h61,000.00.00.H61,Tỉnh khác (hư cấu),unit,,,,,true,,,,,\n"), false); err != nil {
		t.Fatal(err)
	}
	c.nation.keys["000.00.00.H61"] = c.nation.sender("000.00.00.H61")
	refused := c.nation.send("32", "000.00.00.H61", department)
	await(t, "another held package", func() (bool, string) {
		all, err := c.second.operator.AxisHeld(ctx, hub.Page{Limit: 10})
		if err == nil && len(all.Items) == 1 && all.Items[0].Waits {
			held = all.Items[0]
			return true, ""
		}
		return false, c.second.process.Log()
	})
	if err := c.second.operator.AxisGiveUp(ctx, held.ID, ""); hub.KindOf(err) != hub.KindInvalid {
		t.Errorf("given up without a reason: %v", err)
	}
	if err := c.second.operator.AxisGiveUp(ctx, held.ID, "Tỉnh này không có trong danh bạ"); err != nil {
		t.Fatal(err)
	}
	d := c.nation.awaitState("000.00.00.H61", refused.Dispatch.ID, department, hub.StateRefused)
	if d.Reason == nil || !strings.Contains(d.Reason.Detail, "danh bạ") {
		t.Errorf("the sender reads %+v", d.Reason)
	}
	c.nothingHeld()
}

// sender is a key to send with.
func (s *site) sender(code string) *hubclient.Client {
	s.t.Helper()
	issued, err := s.operator.IssueKey(s.t.Context(), hubclient.NewKey{
		Name: code, Kind: hub.ActorSystem, Agencies: []string{code}, Scopes: []hub.Scope{hub.ScopeSubmit, hub.ScopeRead},
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return s.client(issued.Secret)
}

// TestConnectionOverTheAxis: a connection test of an agency behind the axis calls the axis
// as the hub does, takes nothing there, and tells a wrong secret from a line that is cut.
func TestConnectionOverTheAxis(t *testing.T) {
	t.Parallel()
	c := newCountry(t)
	const hops = "hub/health hub/agency hub/store hub/rules hub/package hub/box axis/name axis/connect "
	if got := c.first.hops(department); got != hops+"axis/answer" {
		t.Errorf("got %s", got)
	}
	for _, setting := range c.second.options.Env {
		if file, ok := strings.CutPrefix(setting, "LIENTHONG_AXIS_SECRET_FILE="); ok {
			if err := os.WriteFile(file, []byte("another"), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	if got := c.second.hops(commune); got != hops+"axis/sign_in!" {
		t.Errorf("with a wrong secret: %s", got)
	}
	c.nothingHeld()
}

// hops tests the connection of an agency and lists way/hop, what failed with "!". What the
// hub tells of itself may be degraded by the axis.
func (s *site) hops(agency string) string {
	s.t.Helper()
	test, err := s.operator.TestConnection(s.t.Context(), agency)
	if err != nil {
		s.t.Fatal(err)
	}
	var all []string
	for _, way := range test.Ways {
		for _, hop := range way.Hops {
			text := string(way.Way) + "/" + string(hop.Hop)
			if !hop.Passed {
				text += "!"
			}
			all = append(all, text)
		}
	}
	return strings.Join(all, " ")
}
