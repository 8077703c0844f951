package routing_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/hub/hubtest"
	"github.com/lienthong/lienthong/hub/routing"
)

// TestCopies: the shipped example brings normative documents, and no others, to who
// inspects them, in the acceptance itself; recipients do not see what rules did.
func TestCopies(t *testing.T) {
	w := newWorld(t)
	example, err := routing.Normative(bureau)
	if err != nil {
		t.Fatal(err)
	}
	w.set(t, hubtest.Province, example...)

	sent := w.submit(t, w.normative("1", office))
	if len(sent.Deliveries) != 2 {
		t.Fatalf("%d deliveries", len(sent.Deliveries))
	}
	ref := hub.RuleRef{Name: example[0].Name, Version: 1}
	d, party := sent.Deliveries[1], sent.Receipt.Evidence.Recipients[1]
	if d.Recipient != hubtest.Bureau || d.Rule == nil || *d.Rule != ref || !d.ForInformation || d.State != hub.StateConsigned {
		t.Errorf("the copy is %+v", d)
	}
	if party.Rule == nil || *party.Rule != ref || sent.Receipt.Evidence.Recipients[0].Rule != nil || sent.Deliveries[0].Rule != nil {
		t.Errorf("the receipt says %+v", sent.Receipt.Evidence.Recipients)
	}
	if want := []hub.RuleTrace{{Rule: ref, Action: hub.RouteCopy, Recipient: bureau, Outcome: hub.RuleAdded}}; !slices.Equal(sent.Dispatch.Routing, want) {
		t.Errorf("the trace is %+v", sent.Dispatch.Routing)
	}
	for _, agency := range []hub.AgencyID{hubtest.Office, hubtest.Bureau} {
		actor := hubtest.System(agency)
		seen, err := w.tracking.Dispatch(t.Context(), actor, sent.Dispatch.ID)
		list, errList := w.tracking.Mailbox(t.Context(), actor, hub.MailboxQuery{Agency: agency})
		if err != nil || errList != nil || seen.Dispatch.Routing != nil || len(list.Items) != 1 || list.Items[0].Dispatch.Routing != nil {
			t.Errorf("%s sees what the rules of the sender did: %v %v", agency, err, errList)
		}
	}
	leased, err := w.tracking.Lease(t.Context(), hubtest.System(hubtest.Office), hub.LeaseRequest{Agency: hubtest.Office, Max: 1})
	if err != nil || len(leased) != 1 || leased[0].Dispatch.Routing != nil {
		t.Errorf("a lease shows what the rules of the sender did: %v", err)
	}

	named := w.submit(t, w.normative("2", office, bureau))
	if len(named.Deliveries) != 2 || named.Deliveries[1].Rule != nil || named.Dispatch.Routing[0].Outcome != hub.RulePresent {
		t.Errorf("who is named already: %+v", named.Dispatch.Routing)
	}
	for number, document := range map[string]func(*hub.Document){
		"an individual decision": func(d *hub.Document) { d.CodeNumber, d.CodeNotation = "173", "QĐ-UBND" },
		"a letter":               func(d *hub.Document) { d.TypeName = "Công văn" },
	} {
		sub := w.normative(number, office)
		document(&sub.Document)
		if other := w.submit(t, sub); len(other.Deliveries) != 1 || other.Dispatch.Routing != nil {
			t.Errorf("%s: %+v", number, other.Dispatch.Routing)
		}
	}
	// The same again is the same, whatever the rules are by now.
	w.set(t, hubtest.Province)
	if again := w.submit(t, w.normative("1", office)); !again.Duplicate || again.Receipt.Digest != sent.Receipt.Digest {
		t.Error("the same again is something else")
	}
}

// TestChangesReachCopies: a recall, and a replacement, reach those to whom a rule brought
// the document, though the sender does not name them and the rule has gone.
func TestChangesReachCopies(t *testing.T) {
	for _, op := range []hub.Operation{hub.OperationRecall, hub.OperationReplace, hub.OperationUpdate} {
		w := newWorld(t)
		w.set(t, hubtest.Province, rule("bản sao", hub.RouteCopy, bureau))
		first := w.submit(t, w.normative("1", office))
		w.set(t, hubtest.Province)
		change := w.normative("2", office)
		change.Operation, change.Document.Business.EarlierID = op, "1"
		after := w.submit(t, change)
		if len(after.Deliveries) != 2 || after.Deliveries[1].Recipient != hubtest.Bureau || after.Deliveries[1].Rule == nil {
			t.Fatalf("%s goes to %+v", op, after.Deliveries)
		}
		old, err := w.Item(t.Context(), first.Deliveries[1].ID)
		if err != nil || old.Delivery.State != hub.StateWithdrawn {
			t.Errorf("%s: the copy is %s, %v", op, old.Delivery.State, err)
		}
	}
	// What an update takes from somebody in so many words stays taken.
	w := newWorld(t)
	w.set(t, hubtest.Province, rule("bản sao", hub.RouteCopy, bureau))
	first := w.submit(t, w.normative("1", office))
	change := w.normative("2", office)
	change.Operation = hub.OperationUpdate
	change.Document.Business = hub.BusinessInfo{EarlierID: "1", ToChanged: true, Receivers: []hub.ReceiverChange{{Agency: bureau}}}
	if after := w.submit(t, change); len(after.Deliveries) != 1 {
		t.Errorf("the update goes to %+v", after.Deliveries)
	}
	if old, err := w.Item(t.Context(), first.Deliveries[1].ID); err != nil || old.Delivery.State != hub.StateWithdrawn {
		t.Errorf("the copy is %s, %v", old.Delivery.State, err)
	}
}

// TestARuleStopsNoDocument: a recipient that closed leads to its successor, one that can't
// be found is left out and named, on the dispatch and in the receipt.
func TestARuleStopsNoDocument(t *testing.T) {
	w := newWorld(t)
	w.set(t, hubtest.Province, rule("một", hub.RouteCopy, hubtest.ClosedCode), rule("hai", hub.RouteRequire, bureau))
	if d := w.submit(t, w.normative("1", bureau)).Deliveries[1]; d.Recipient != hubtest.Ward || d.Note == "" || d.Rule.Name != "một" {
		t.Errorf("the copy for who closed is %+v", d)
	}
	// They close after the rules were set.
	w.set(t, hubtest.Province, rule("một", hub.RouteCopy, "000.00.14.H47"), rule("hai", hub.RouteRequire, bureau))
	for _, id := range []hub.AgencyID{hubtest.Bureau, hubtest.Remote} {
		a, _ := w.Directory.ByID(id)
		a.Valid.To = w.Clock.Now()
	}
	sent := w.submit(t, w.normative("2", office))
	if len(sent.Deliveries) != 1 || len(sent.Dispatch.Routing) != 2 {
		t.Fatalf("%+v %+v", sent.Deliveries, sent.Dispatch.Routing)
	}
	for _, trace := range sent.Dispatch.Routing {
		if trace.Outcome != hub.RuleFailed || !strings.Contains(trace.Problem, "closed") || !strings.Contains(sent.Receipt.Evidence.Note, trace.Recipient) {
			t.Errorf("the trace %+v, the receipt %q", trace, sent.Receipt.Evidence.Note)
		}
	}
	// More recipients than a submission may have.
	w = newWorld(t)
	w.set(t, hubtest.Province, rule("một", hub.RouteCopy, bureau))
	sent = w.submit(t, w.normative("3", office, ward, "000.00.14.H47"))
	if len(sent.Deliveries) != 3 || sent.Dispatch.Routing[0].Outcome != hub.RuleFailed {
		t.Errorf("%+v", sent.Dispatch.Routing)
	}
}

// TestRequire: without the recipient the submission is refused with the rule named; a
// preview says so before.
func TestRequire(t *testing.T) {
	w := newWorld(t)
	r := rule("Báo cáo Sở Mẫu", hub.RouteRequire, office)
	r.Fields, r.Priority = []string{"kstthc"}, hub.PriorityUrgent
	w.set(t, hubtest.Province, r)
	sub := w.Submission("1", bureau)
	sub.Document.Priority = hub.PriorityExpress
	_, err := w.intake.Preview(t.Context(), hubtest.System(hubtest.Province), sub)
	wants(t, "preview", err, "recipients routing_rule")
	_, err = w.intake.Submit(t.Context(), hubtest.System(hubtest.Province), sub)
	wants(t, "submit", err, "recipients routing_rule")
	if err == nil || !strings.Contains(err.Error(), "Báo cáo Sở Mẫu") {
		t.Errorf("the rule is not named: %v", err)
	}
	sub.Recipients = []string{bureau, "H47.12"} // by another code
	if sent := w.submit(t, sub); sent.Dispatch.Routing[0].Outcome != hub.RulePresent {
		t.Errorf("%+v", sent.Dispatch.Routing)
	}
	calm := w.Submission("2", bureau)
	w.submit(t, calm)
}

// TestForwards: who registers forwards what it registered, who does not what it
// acknowledged, each once whatever fails in between, and nothing of before the rule.
func TestForwards(t *testing.T) {
	w := newWorld(t)
	before := w.submit(t, w.Submission("0", office))
	w.receive(t, before.Deliveries[0])
	w.Clock.Advance(time.Minute)
	r := rule("Chuyển phường", hub.RouteForward, ward)
	r.Types, r.Senders, r.Note = []string{"cong van"}, []string{"H47"}, "Để thực hiện"
	w.set(t, hubtest.Office, r)
	w.set(t, hubtest.Bureau, rule("Chuyển sở", hub.RouteForward, office, "000.00.00.H47"))

	sent := w.submit(t, w.Submission("1", office, bureau))
	w.feed(t)
	if n := len(w.sentOf(t, hubtest.Office)) + len(w.sentOf(t, hubtest.Bureau)); n != 0 {
		t.Fatalf("%d forwarded before anybody has it", n)
	}
	for _, d := range sent.Deliveries {
		w.receive(t, d)
	}
	// The place in the log can't be kept: everything is made again.
	w.Before = func(method string) error {
		if method == "SwapNote" {
			w.Before = nil
			return errAway
		}
		return nil
	}
	if err := w.forwarder.Feeding(t.Context()); err == nil {
		t.Fatal("the place was kept")
	}
	w.feed(t)
	w.feed(t)
	forwarded := w.sentOf(t, hubtest.Office)
	if len(forwarded) != 1 || len(forwarded[0].Deliveries) != 1 || forwarded[0].Deliveries[0].Recipient != hubtest.Ward {
		t.Fatalf("the office forwarded %+v", forwarded)
	}
	o := forwarded[0].Dispatch.Origin
	if o.Rule == nil || o.Rule.Name != r.Name || o.Steps != 1 || o.Note != r.Note || o.Dispatch != sent.Dispatch.ID {
		t.Errorf("the origin is %+v", o)
	}
	// The bureau forwards to the office, and not back to who sent it.
	if list := w.sentOf(t, hubtest.Bureau); len(list) != 1 || list[0].Deliveries[0].Recipient != hubtest.Office {
		t.Errorf("the bureau forwarded %d", len(list))
	}
	evidence, err := w.Evidences(t.Context(), hub.EvidenceQuery{Delivery: sent.Deliveries[0].ID, Page: hub.Page{Limit: 100}})
	if err != nil {
		t.Fatal(err)
	}
	last := evidence.Items[len(evidence.Items)-1].Evidence
	if last.Event != hub.EventForward || last.DeliveryInfo.Ack.Method != hub.AuthRule || !strings.Contains(last.DeliveryInfo.Ack.Actor, r.Name) {
		t.Errorf("the evidence of the forward is %+v", last)
	}
	other := w.Submission("2", office)
	other.Document.TypeName = "Báo cáo"
	w.receive(t, w.submit(t, other).Deliveries[0])
	w.feed(t)
	if list := w.sentOf(t, hubtest.Office); len(list) != 1 {
		t.Errorf("a document that the rule does not mean was forwarded")
	}
	if len(w.failures(t, hubtest.Office)) != 0 {
		t.Error("something failed")
	}
}

// inspections remembers what is to be inspected.
type inspections struct {
	got  []string
	fail error
}

func (i *inspections) Receive(_ context.Context, item *hub.Item, rule hub.RuleRef) error {
	if i.fail != nil {
		return i.fail
	}
	i.got = append(i.got, fmt.Sprint(item.Dispatch.Document.Number(), " ", item.Delivery.Recipient, " ", rule.Name, "/", rule.Version))
	return nil
}

// TestInspects: what an agency has received and a rule means is handed on for inspection, and
// again until that has worked; what the agency sends is not touched by such a rule.
func TestInspects(t *testing.T) {
	w := newWorld(t)
	cases := &inspections{}
	w.forwarder.Inspections = cases
	r := hub.RoutingRule{Name: "Kiểm tra", Action: hub.RouteInspect, Types: []string{"quyet dinh"}, Senders: []string{"H47"}}
	set := w.set(t, hubtest.Office, r)
	if again := w.set(t, hubtest.Office, r); again.Version != set.Version {
		t.Errorf("the same rules again have the version %d", again.Version)
	}
	for want, change := range map[string]func(*hub.RoutingRule){
		"rules[0].recipients action":      func(r *hub.RoutingRule) { r.Recipients = []string{bureau} },
		"rules[0].for_information action": func(r *hub.RoutingRule) { r.ForInformation = true },
		"rules[0].note action":            func(r *hub.RoutingRule) { r.Note = "x" },
	} {
		wrong := r
		change(&wrong)
		_, err := w.rules.SetRules(t.Context(), admin(hubtest.Office), hub.RoutingRules{Agency: hubtest.Office, Rules: []hub.RoutingRule{wrong}})
		wants(t, "a rule", err, want)
	}
	sent := w.submit(t, w.normative("1", office, bureau))
	other := w.submit(t, w.Submission("2", office))
	w.feed(t)
	if len(cases.got) != 0 {
		t.Fatalf("inspected before it is received: %v", cases.got)
	}
	for _, d := range append(sent.Deliveries, other.Deliveries...) {
		w.receive(t, d)
	}
	cases.fail = errAway
	if err := w.forwarder.Feeding(t.Context()); err == nil {
		t.Fatal("a failure moved the place in the log")
	}
	cases.fail = nil
	w.feed(t)
	w.feed(t)
	if want := []string{"04/2026/QĐ-UBND " + string(hubtest.Office) + " Kiểm tra/1"}; !slices.Equal(cases.got, want) {
		t.Errorf("inspected are %q, want %q", cases.got, want)
	}
	own, err := w.intake.Submit(t.Context(), hubtest.System(hubtest.Office), func() hub.Submission {
		sub := w.normative("3", bureau)
		sub.Sender = office
		return sub
	}())
	if err != nil || len(own.Deliveries) != 1 || len(own.Dispatch.Routing) != 0 {
		t.Errorf("what the agency sends itself: %d deliveries, %v, %v", len(own.Deliveries), own.Dispatch.Routing, err)
	}
	part, err := w.rules.Try(t.Context(), admin(hubtest.Office), hub.RoutingTrial{Agency: hubtest.Office, Days: 30})
	for err == nil && part.Next != "" && len(part.Touched) == 0 {
		part, err = w.rules.Try(t.Context(), admin(hubtest.Office), hub.RoutingTrial{Agency: hubtest.Office, Days: 30, After: part.Next})
	}
	if err != nil || len(part.Touched) != 1 || part.Touched[0].Action != hub.RouteInspect || part.Touched[0].Outcome != hub.RuleAdded {
		t.Errorf("a trial: %+v, %v", part.Touched, err)
	}
}

// TestFailuresOfForwards: what fails is shown, tried again, and ends in success, by the
// rule being taken away, when the document is taken back, or after a week.
func TestFailuresOfForwards(t *testing.T) {
	closed := true
	begin := func() (*world, hub.Delivery) {
		w := newWorld(t)
		w.intake.Closed = func() error {
			if closed {
				return hub.Errorf(hub.KindUnavailable, "", "", "closed for now")
			}
			return nil
		}
		closed = false
		w.set(t, hubtest.Office, rule("Chuyển phường", hub.RouteForward, ward))
		sent := w.submit(t, w.Submission("1", office))
		w.receive(t, sent.Deliveries[0])
		closed = true
		w.feed(t)
		return w, sent.Deliveries[0]
	}
	retry := func(w *world, wait time.Duration) {
		t.Helper()
		w.Clock.Advance(wait)
		if err := w.forwarder.Retry(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	w, d := begin()
	f := w.failures(t, hubtest.Office)
	if len(f) != 1 || f[0].Delivery != d.ID || f[0].Problem != "closed for now" || f[0].Attempts != 1 || f[0].Next.IsZero() || f[0].Number == "" {
		t.Fatalf("%+v", f)
	}
	retry(w, time.Second)
	if f = w.failures(t, hubtest.Office); f[0].Attempts != 1 {
		t.Error("it was tried before its time")
	}
	retry(w, time.Hour)
	if f = w.failures(t, hubtest.Office); f[0].Attempts != 2 {
		t.Errorf("%+v", f)
	}
	closed = false
	retry(w, time.Hour)
	if n := len(w.failures(t, hubtest.Office)); n != 0 || len(w.sentOf(t, hubtest.Office)) != 1 {
		t.Errorf("%d failures, %d forwarded", n, len(w.sentOf(t, hubtest.Office)))
	}

	w, _ = begin()
	w.set(t, hubtest.Office)
	retry(w, time.Hour)
	if f = w.failures(t, hubtest.Office); f[0].Ended.IsZero() || len(w.sentOf(t, hubtest.Office)) != 0 {
		t.Errorf("the rule has gone: %+v", f)
	}
	if open, ended := w.noted(t, "routing-waiting/"), w.noted(t, "routing-ended/"); open != 0 || ended != 1 {
		t.Errorf("%d are looked at all the time, and %d ended", open, ended)
	}
	tidy := func() {
		t.Helper()
		if err := w.forwarder.Tidy(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	tidy()
	if len(w.failures(t, hubtest.Office)) != 1 {
		t.Error("what ended is forgotten at once")
	}
	w.Clock.Advance(31 * 24 * time.Hour)
	tidy()
	if len(w.failures(t, hubtest.Office)) != 0 {
		t.Error("what ended is kept for ever")
	}

	// A failure that ended is under the name of open ones: before there was another, or where
	// a crash came between the two.
	w, _ = begin()
	w.set(t, hubtest.Office)
	ended := false
	w.Before = func(method string) error {
		if method == "SwapNote" {
			if ended {
				return hub.Errorf(hub.KindUnavailable, "", "", "the store went away")
			}
			ended = true
		}
		return nil
	}
	w.Clock.Advance(time.Hour)
	if err := w.forwarder.Retry(t.Context()); err == nil {
		t.Fatal("no crash in between")
	}
	w.Before = nil
	if f = w.failures(t, hubtest.Office); len(f) != 2 {
		t.Fatalf("%+v", f)
	}
	w.set(t, hubtest.Office, rule("Chuyển phường", hub.RouteForward, ward))
	closed = false
	retry(w, time.Hour)
	if n := len(w.failures(t, hubtest.Office)); n != 0 || len(w.sentOf(t, hubtest.Office)) != 1 {
		t.Errorf("behind a crash %d failures, %d forwarded", n, len(w.sentOf(t, hubtest.Office)))
	}

	w, _ = begin()
	retry(w, 8*24*time.Hour)
	if f = w.failures(t, hubtest.Office); f[0].Ended.IsZero() {
		t.Errorf("after a week: %+v", f)
	}
	w.rewind(t)
	w.feed(t)
	if f = w.failures(t, hubtest.Office); len(f) != 1 || f[0].Ended.IsZero() {
		t.Errorf("what ended began anew: %+v", f)
	}

	w, _ = begin()
	closed = false
	a, _ := w.Directory.ByID(hubtest.Office)
	a.Valid.To = w.Clock.Now()
	retry(w, time.Hour)
	if f = w.failures(t, hubtest.Office); f[0].Ended.IsZero() {
		t.Errorf("of an agency that closed: %+v", f)
	}
}

// TestCircles: rules by which a document would come back are refused with rule and field
// named; rules that no one document fits are none.
func TestCircles(t *testing.T) {
	w := newWorld(t)
	w.set(t, hubtest.Office, rule("xuống", hub.RouteForward, ward))
	w.set(t, hubtest.Ward, rule("ngang", hub.RouteForward, bureau))
	back := rule("lên", hub.RouteForward, "000.00.00.H47", "H47.12")
	try := func(change func(*hub.RoutingRule)) error {
		r := back
		change(&r)
		_, err := w.rules.SetRules(t.Context(), admin(hubtest.Bureau), hub.RoutingRules{Agency: hubtest.Bureau, Rules: []hub.RoutingRule{r}})
		return err
	}
	err := try(func(*hub.RoutingRule) {})
	wants(t, "a circle", err, "rules[0].recipients[1] loop")
	if err == nil || !strings.Contains(err.Error(), `"lên"`) {
		t.Errorf("the rule is not named: %v", err)
	}
	typed := rule("xuống", hub.RouteForward, ward)
	typed.Types, typed.Fields, typed.Senders, typed.ValidTo = []string{"Công văn"}, []string{"VX"}, []string{"H47"}, "2026-06-01"
	w.set(t, hubtest.Office, typed)
	for what, change := range map[string]func(*hub.RoutingRule){
		"types":   func(r *hub.RoutingRule) { r.Types = []string{"Báo cáo"} },
		"fields":  func(r *hub.RoutingRule) { r.Fields = []string{"KT"} },
		"senders": func(r *hub.RoutingRule) { r.Senders = []string{"000.00.00.H48"} },
		"times":   func(r *hub.RoutingRule) { r.ValidFrom = "2026-06-01" },
	} {
		if err := try(change); err != nil {
			t.Errorf("%s that never meet: %v", what, err)
		}
	}
	wants(t, "types that meet", try(func(r *hub.RoutingRule) { r.Types = []string{"Báo cáo", "cong van"} }), "rules[0].recipients[1] loop")
}

// TestStepsAreBounded: whatever the rules came to be, no document goes on for ever.
func TestStepsAreBounded(t *testing.T) {
	w := newWorld(t)
	w.set(t, hubtest.Office, rule("đi", hub.RouteForward, ward))
	// Each forward is looked at as if it came back to the office.
	item := w.submit(t, w.Submission("1", office)).Deliveries[0]
	w.receive(t, item)
	stored, err := w.Item(t.Context(), item.ID)
	if err != nil {
		t.Fatal(err)
	}
	stored.Dispatch.Origin = &hub.Origin{Steps: hub.MaxRuleSteps}
	w.forwarder.Items = oneItem{stored}
	w.feed(t)
	if f := w.failures(t, hubtest.Office); len(f) != 1 || f[0].Ended.IsZero() || !strings.Contains(f[0].Problem, "8 times") {
		t.Errorf("%+v", f)
	}
	if len(w.sentOf(t, hubtest.Office)) != 0 {
		t.Error("it was forwarded")
	}
}

// TestVersions: each set stays, a change made from an older one is refused, the same again
// changes nothing, and a rule keeps since when it is there.
func TestVersions(t *testing.T) {
	w := newWorld(t)
	first := w.set(t, hubtest.Office, rule("một", hub.RouteForward, ward))
	w.Clock.Advance(time.Hour)
	second := w.set(t, hubtest.Office, rule("một", hub.RouteForward, ward, bureau), rule("hai", hub.RouteCopy, ward))
	if second.Version != 2 || !second.Rules[0].Since.Equal(first.Rules[0].Since) || second.Rules[1].Since.Equal(first.Rules[0].Since) {
		t.Errorf("%+v", second)
	}
	if again := w.set(t, hubtest.Office, rule(" một ", hub.RouteForward, ward, bureau), rule("hai", hub.RouteCopy, ward)); again.Version != 2 {
		t.Errorf("the same again is version %d", again.Version)
	}
	_, err := w.rules.SetRules(t.Context(), admin(hubtest.Office), hub.RoutingRules{Agency: hubtest.Office, Version: 1})
	wants(t, "from an older one", err, "version version")
	actor := hubtest.System(hubtest.Office)
	if old, err := w.rules.Rules(t.Context(), actor, hubtest.Office, 1); err != nil || len(old.Rules) != 1 || old.SetBy != "quan.tri" {
		t.Errorf("%+v %v", old, err)
	}
	if _, err := w.rules.Rules(t.Context(), actor, hubtest.Office, 3); hub.KindOf(err) != hub.KindNotFound {
		t.Error(err)
	}
	other := w.node()
	if err := other.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := len(other.Sending(hubtest.Office, &hub.Document{}, w.Clock.Now())); n != 1 {
		t.Errorf("another node knows %d rules for sending", n)
	}
	r := rule("ba", hub.RouteCopy, ward)
	r.ValidFrom, r.ValidTo = "2030-01-01", "2030-01-02"
	w.set(t, hubtest.Office, r)
	for at, n := range map[string]int{"2029-12-31T16:59:59Z": 0, "2029-12-31T17:00:00Z": 1, "2030-01-01T17:00:00Z": 0} {
		instant, _ := time.Parse(time.RFC3339, at)
		if got := len(w.rules.Sending(hubtest.Office, &hub.Document{}, instant)); got != n {
			t.Errorf("%d rules act at %s", got, at)
		}
	}
	// Two at once: the second is made from what the first left.
	w.Before = func(method string) error {
		if method == "ChangeRules" {
			w.Before = nil
			w.set(t, hubtest.Ward, rule("x", hub.RouteCopy, bureau))
		}
		return nil
	}
	if set := w.set(t, hubtest.Office, rule("bốn", hub.RouteCopy, ward)); set.Version != 4 {
		t.Errorf("%+v", set)
	}
}

func TestWhoMayDoWhat(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	w.set(t, hubtest.Office, rule("một", hub.RouteForward, ward))
	operator := hub.Actor{Kind: hub.ActorOperator, Scopes: []hub.Scope{hub.ScopeOperate}}
	for what, actor := range map[string]hub.Actor{"another": hubtest.System(hubtest.Ward), "the administrator of another": admin(hubtest.Ward)} {
		if _, err := w.rules.Rules(ctx, actor, hubtest.Office, 0); hub.KindOf(err) != hub.KindDenied {
			t.Errorf("%s reads the rules: %v", what, err)
		}
		if _, err := w.rules.Rules(ctx, actor, hubtest.Office, 1); hub.KindOf(err) != hub.KindDenied {
			t.Errorf("%s reads old rules: %v", what, err)
		}
		if _, err := w.rules.Failures(ctx, actor, hubtest.Office); hub.KindOf(err) != hub.KindDenied {
			t.Errorf("%s reads failures: %v", what, err)
		}
		if _, err := w.rules.Try(ctx, actor, hub.RoutingTrial{Agency: hubtest.Office, Days: 1}); hub.KindOf(err) != hub.KindDenied {
			t.Errorf("%s tries rules: %v", what, err)
		}
	}
	for what, actor := range map[string]hub.Actor{"a system": hubtest.System(hubtest.Office), "another": admin(hubtest.Ward), "an operator": operator} {
		if _, err := w.rules.SetRules(ctx, actor, hub.RoutingRules{Agency: hubtest.Office}); hub.KindOf(err) != hub.KindDenied {
			t.Errorf("%s sets rules: %v", what, err)
		}
	}
	if _, err := w.rules.Rules(ctx, operator, hubtest.Office, 0); err != nil {
		t.Error(err)
	}
	if _, err := w.rules.Try(ctx, operator, hub.RoutingTrial{Agency: hubtest.Office, Days: 1}); hub.KindOf(err) != hub.KindDenied {
		t.Errorf("an operator looks at traffic: %v", err)
	}
	_, err := w.rules.SetRules(ctx, admin("old-district"), hub.RoutingRules{Agency: "old-district"})
	wants(t, "of a closed agency", err, "agency closed")
}

func TestWhatIsRefused(t *testing.T) {
	w := newWorld(t)
	for want, change := range map[string]func(*hub.RoutingRule){
		"rules[0].name required":                func(r *hub.RoutingRule) { r.Name = " " },
		"rules[0].name max_length":              func(r *hub.RoutingRule) { r.Name = strings.Repeat("x", 101) },
		"rules[0].name control_character":       func(r *hub.RoutingRule) { r.Name = "a\x01b" },
		"rules[0].action code_list":             func(r *hub.RoutingRule) { r.Action = "burn" },
		"rules[0].types[0] required":            func(r *hub.RoutingRule) { r.Types = []string{""} },
		"rules[0].numbers max_items":            func(r *hub.RoutingRule) { r.Numbers = make([]string, 101) },
		"rules[0].priority code_list":           func(r *hub.RoutingRule) { r.Priority = 5 },
		"rules[0].recipients required":          func(r *hub.RoutingRule) { r.Recipients = nil },
		"rules[0].recipients max_items":         func(r *hub.RoutingRule) { r.Recipients = make([]string, 21) },
		"rules[0].recipients[0] self":           func(r *hub.RoutingRule) { r.Recipients = []string{"H47.12"} },
		"rules[0].recipients[1] unique":         func(r *hub.RoutingRule) { r.Recipients = []string{ward, hubtest.ClosedCode} },
		"rules[0].recipients[0] house":          func(r *hub.RoutingRule) { r.Recipients = []string{"000.00.00.H48"} },
		"rules[0].senders[0] unknown_agency":    func(r *hub.RoutingRule) { r.Senders = []string{hubtest.UnknownCode} },
		"rules[0].senders action":               func(r *hub.RoutingRule) { r.Action, r.Senders = hub.RouteCopy, []string{"H47"} },
		"rules[0].note action":                  func(r *hub.RoutingRule) { r.Action, r.Note = hub.RouteRequire, "x" },
		"rules[0].note max_length":              func(r *hub.RoutingRule) { r.Note = strings.Repeat("x", 1001) },
		"rules[0].for_information action":       func(r *hub.RoutingRule) { r.ForInformation = true },
		"rules[0].valid_from date":              func(r *hub.RoutingRule) { r.ValidFrom = "2026-02-30" },
		"rules[0].valid_to period":              func(r *hub.RoutingRule) { r.ValidFrom, r.ValidTo = "2026-02-02", "2026-02-02" },
		"rules[0].recipients[0] unknown_agency": func(r *hub.RoutingRule) { r.Recipients = []string{hubtest.UnknownCode} },
	} {
		r := rule("một", hub.RouteForward, ward)
		change(&r)
		set := hub.RoutingRules{Agency: hubtest.Office, Rules: []hub.RoutingRule{r}}
		_, err := w.rules.SetRules(t.Context(), admin(hubtest.Office), set)
		wants(t, want, err, want)
		_, err = w.rules.Try(t.Context(), admin(hubtest.Office), hub.RoutingTrial{Agency: hubtest.Office, Days: 1, Rules: set.Rules})
		wants(t, "tried", err, want)
	}
	_, err := w.rules.SetRules(t.Context(), admin(hubtest.Office), hub.RoutingRules{Agency: hubtest.Office, Rules: []hub.RoutingRule{rule("Một", hub.RouteCopy, ward), rule("mot", hub.RouteCopy, bureau)}})
	wants(t, "two of a name", err, "rules[1].name unique")
	_, err = w.rules.SetRules(t.Context(), admin(hubtest.Office), hub.RoutingRules{Agency: hubtest.Office, Rules: make([]hub.RoutingRule, 101)})
	wants(t, "too many", err, "rules max_items")
	if set, err := w.rules.Rules(t.Context(), admin(hubtest.Office), hubtest.Office, 0); err != nil || set.Version != 0 || len(set.Rules) != 0 {
		t.Errorf("something was kept: %+v %v", set, err)
	}
}

// TestTry: rules that are not in force are tried against what was sent and received, in
// parts, and nothing happens.
func TestTry(t *testing.T) {
	w := newWorld(t)
	for i := range 15 {
		sub := w.normative(fmt.Sprint("n", i), office)
		if i%5 == 0 {
			sub.Recipients = append(sub.Recipients, bureau)
		}
		if i%2 == 0 {
			sub.Document.TypeName = "Công văn"
		}
		w.receive(t, w.submit(t, sub).Deliveries[0])
	}
	try := func(agency hub.AgencyID, rules ...hub.RoutingRule) (touched []hub.RoutingTouch, looked, parts int) {
		t.Helper()
		trial := hub.RoutingTrial{Agency: agency, Rules: rules, Days: 30}
		for {
			part, err := w.rules.Try(t.Context(), admin(agency), trial)
			if err != nil {
				t.Fatal(err)
			}
			touched, looked, parts = append(touched, part.Touched...), looked+part.Looked, parts+1
			if trial.After = part.Next; trial.After == "" {
				return touched, looked, parts
			}
		}
	}
	copies, require := rule("bản sao", hub.RouteCopy, bureau), rule("bắt buộc", hub.RouteRequire, bureau)
	copies.Types, copies.ValidFrom = []string{"Quyết định"}, "2099-01-01"
	require.Types = []string{"Công văn"}
	touched, looked, parts := try(hubtest.Province, copies, require)
	count := map[string]int{}
	for _, touch := range touched {
		count[string(touch.Action)+" "+string(touch.Outcome)]++
	}
	if looked != 15 || parts < 2 || len(touched) != 15 || count["copy added"] != 6 || count["copy present"] != 1 || count["require failed"] != 6 || count["require present"] != 2 {
		t.Errorf("looked at %d in %d parts: %v", looked, parts, count)
	}
	forward := rule("chuyển", hub.RouteForward, ward, "000.00.00.H47")
	forward.Types = []string{"Quyết định"}
	touched, looked, _ = try(hubtest.Office, forward)
	if looked != 15 || len(touched) != 14 || touched[0].Recipient != ward || touched[0].Outcome != hub.RuleAdded || touched[1].Outcome != hub.RulePresent {
		t.Errorf("looked at %d: %+v", looked, touched)
	}
	if n := len(w.sentOf(t, hubtest.Office)); n != 0 {
		t.Errorf("a trial forwarded %d", n)
	}
	// Those in force, of which there are none.
	if touched, looked, _ := try(hubtest.Office); looked != 0 || len(touched) != 0 {
		t.Errorf("without rules it looked at %d", looked)
	}
	for want, trial := range map[string]hub.RoutingTrial{
		"days range":   {Agency: hubtest.Office, Days: 367},
		"after cursor": {Agency: hubtest.Office, Days: 1, After: "!"},
	} {
		_, err := w.rules.Try(t.Context(), admin(hubtest.Office), trial)
		wants(t, want, err, want)
	}
}
