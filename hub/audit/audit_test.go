package audit_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/hub/audit"
)

// shelf is a store with the evidence and dispatches that a test puts there.
type shelf struct {
	evidence []hub.SealedEvidence
	items    []hub.SentItem
}

func (s *shelf) Evidences(_ context.Context, q hub.EvidenceQuery) (hub.List[hub.SealedEvidence], error) {
	var list hub.List[hub.SealedEvidence]
	start, _ := strconv.Atoi(q.Page.After)
	for i, e := range s.evidence[start:] {
		rejected := e.Evidence.Dispatch == ""
		fits := q.Dispatch != "" && e.Evidence.Dispatch == q.Dispatch || q.Delivery != "" && e.Evidence.Delivery == q.Delivery ||
			q.Sender != "" && rejected && e.Evidence.Sender.ID == q.Sender || q.Dispatch == "" && q.Delivery == "" && q.Sender == ""
		if !fits || q.Whole && e.Evidence.Delivery != "" {
			continue
		}
		if len(list.Items) == q.Page.Limit {
			list.Next = strconv.Itoa(start + i)
			break
		}
		list.Items = append(list.Items, e)
	}
	return list, nil
}

func (s *shelf) Evidence(_ context.Context, id hub.EvidenceID) (hub.SealedEvidence, error) {
	for _, e := range s.evidence {
		if e.Evidence.ID == id {
			return e, nil
		}
	}
	return hub.SealedEvidence{}, hub.Errorf(hub.KindNotFound, "", "", "none")
}

func (s *shelf) DispatchItem(_ context.Context, id hub.DispatchID) (hub.SentItem, error) {
	for _, item := range s.items {
		if item.Dispatch.ID == id {
			return item, nil
		}
	}
	return hub.SentItem{}, hub.Errorf(hub.KindNotFound, "", "", "none")
}

type sealer struct{ err error }

func (s sealer) SealEvidence(_ context.Context, evidence ...hub.Evidence) ([]hub.SealedEvidence, error) {
	sealed := make([]hub.SealedEvidence, len(evidence))
	for i, e := range evidence {
		sealed[i] = seal(e)
	}
	return sealed, s.err
}

func newService(store audit.Store, failure error) *audit.Service {
	n := 0
	return audit.New(audit.Options{
		Store: store, Sealer: sealer{failure}, Issuer: hub.Party{ID: "hub"}, Origin: "hub.example/log",
		Now:   func() time.Time { return time.Date(2025, 7, 1, 8, 0, 0, 123_456_789, hub.Vietnam()) },
		NewID: func() string { n++; return fmt.Sprint("id", n) },
	})
}

// TestClockBehindEvidence: a clock that is behind what it made before, or behind that of
// another node, is told until it has caught up; a little is nothing.
func TestClockBehindEvidence(t *testing.T) {
	now := time.Date(2026, 3, 2, 1, 30, 0, 0, time.UTC)
	s := audit.New(audit.Options{
		Store: &shelf{}, Sealer: sealer{}, Issuer: hub.Party{ID: "hub"}, Origin: "hub.example/log",
		Now: func() time.Time { return now }, NewID: func() string { return "id" },
	})
	sealAt := func(at time.Time) {
		t.Helper()
		if _, err := s.Seal(t.Context(), hub.Evidence{Event: hub.EventContentConsignment, Time: at}); err != nil {
			t.Fatal(err)
		}
	}
	for _, tt := range []struct {
		name  string
		step  time.Duration // of the clock
		at    time.Duration // of the next evidence, after the clock; none below 0
		fault string
	}{
		{"before anything was sealed", 0, -1, ""},
		{"after the first", time.Second, 0, ""},
		{"a little back", -2 * time.Second, 0, ""},
		{"set back", -time.Hour, 0, "1h0m2s behind"},
		{"an hour later, nearly", time.Hour - 10*time.Second, -1, "12s behind"},
		{"caught up", 13 * time.Second, -1, ""},
		{"another node is ahead", 0, time.Minute, "1m0s behind"},
		{"it is not", time.Minute, -1, ""},
	} {
		now = now.Add(tt.step)
		if tt.at >= 0 {
			sealAt(now.Add(tt.at))
		}
		err := s.ClockFault()
		if (err == nil) != (tt.fault == "") || err != nil && (!strings.Contains(err.Error(), tt.fault) || hub.KindOf(err) != hub.KindUnavailable) {
			t.Errorf("%s: %v, want %q", tt.name, err, tt.fault)
		}
	}
}

func TestSealCompletes(t *testing.T) {
	s := newService(&shelf{}, nil)
	mine := time.Date(2025, 7, 1, 9, 0, 0, 999_999, hub.Vietnam())
	sealed, err := s.Seal(context.Background(),
		hub.Evidence{Event: hub.EventContentConsignment},
		hub.Evidence{Event: hub.EventContentHandover, ID: "own", Time: mine, SubmissionTime: mine, Issuer: hub.Party{ID: "forged"}, Profile: "forged"})
	if err != nil || len(sealed) != 2 {
		t.Fatalf("%v, %v", sealed, err)
	}
	first, second := sealed[0].Evidence, sealed[1].Evidence
	if first.ID != "id1" || second.ID != "own" {
		t.Errorf("ids %s, %s", first.ID, second.ID)
	}
	if want := "2025-07-01T01:00:00.123Z"; first.Time.Format(time.RFC3339Nano) != want || !first.SubmissionTime.IsZero() {
		t.Errorf("times %s, %s; want %s", first.Time.Format(time.RFC3339Nano), first.SubmissionTime, want)
	}
	if want := "2025-07-01T02:00:00Z"; second.Time.Format(time.RFC3339Nano) != want || second.SubmissionTime.Format(time.RFC3339Nano) != want {
		t.Errorf("times %s, %s; want %s", second.Time, second.SubmissionTime, want)
	}
	for _, e := range []hub.Evidence{first, second} {
		if e.Version != hub.EvidenceVersion || e.Profile != hub.EvidenceProfile || e.Issuer.ID != "hub" || e.Log.Origin != "hub.example/log" {
			t.Errorf("evidence %+v", e)
		}
	}
}

func TestSealRefuses(t *testing.T) {
	ctx := context.Background()
	s := newService(&shelf{}, nil)
	for _, e := range []hub.Evidence{{}, {Event: hub.EventConsignmentRejection}, {Event: hub.EventContentHandoverFailure}} {
		if _, err := s.Seal(ctx, e); err == nil || hub.KindOf(err) != hub.KindInternal {
			t.Errorf("%q: %v", e.Event, err)
		}
	}
	away := errors.New("key away")
	if _, err := newService(&shelf{}, away).Seal(ctx, hub.Evidence{Event: hub.EventContentHandover}); !errors.Is(err, away) {
		t.Errorf("error %v", err)
	}
	if sealed, err := s.Seal(ctx); err != nil || len(sealed) != 0 {
		t.Errorf("sealing nothing: %v, %v", sealed, err)
	}
}

// library holds one dispatch to three recipients, the last not yet touched, and
// one rejection of the same sender.
func library() *shelf {
	s := accept(3).add(0, hub.EventContentConsignment).add(1, hub.EventContentConsignment).
		add(0, hub.EventContentHandover).add(1, hub.EventConsignmentRejection).add(0, hub.EventConsignmentAcceptance)
	rejection := seal(hub.Evidence{ID: "no", Event: hub.EventSubmissionRejection, Sender: &hub.Party{ID: "sender"}, Reasons: []hub.Reason{{Code: hub.ReasonTooLarge}}})
	item := hub.SentItem{Dispatch: hub.Dispatch{ID: "d", Sender: "sender"}}
	for i := range 3 {
		item.Deliveries = append(item.Deliveries, hub.Delivery{
			ID: hub.DeliveryID(fmt.Sprint("v", i)), Dispatch: "d", Recipient: hub.AgencyID(fmt.Sprint("r", i)), LastEvidence: s.last[i],
		})
	}
	return &shelf{evidence: append(s.list, rejection), items: []hub.SentItem{item}}
}

func reader(agencies ...hub.AgencyID) hub.Actor {
	return hub.Actor{Kind: hub.ActorSystem, Agencies: agencies, Scopes: []hub.Scope{hub.ScopeSubmit, hub.ScopeCollect, hub.ScopeRead, hub.ScopeVerify}}
}

func auditor() hub.Actor {
	return hub.Actor{Kind: hub.ActorAuditor, Scopes: []hub.Scope{hub.ScopeAudit}}
}

func names(list []hub.SealedEvidence) []hub.EvidenceID {
	var out []hub.EvidenceID
	for _, e := range list {
		out = append(out, e.Evidence.ID)
	}
	return out
}

func TestWhoSeesWhichEvidence(t *testing.T) {
	everything := []hub.EvidenceID{"e0", "e1", "e2", "e3", "e4", "e5", "no"}
	tests := []struct {
		name  string
		actor hub.Actor
		sees  []hub.EvidenceID
	}{
		{"sender", reader("sender"), everything},
		{"first recipient", reader("r0"), []hub.EvidenceID{"e0", "e1", "e3", "e5"}},
		{"second recipient", reader("r1"), []hub.EvidenceID{"e0", "e2", "e4"}},
		{"untouched recipient", reader("r2"), []hub.EvidenceID{"e0"}},
		{"two recipients at once", reader("r0", "r1"), []hub.EvidenceID{"e0", "e1", "e2", "e3", "e4", "e5"}},
		{"stranger", reader("x"), nil},
		{"nobody", reader(), nil},
		{"auditor", auditor(), everything},
	}
	s := newService(library(), nil)
	for _, tt := range tests {
		for _, id := range everything {
			got, err := s.Evidence(context.Background(), tt.actor, id)
			switch {
			case slices.Contains(tt.sees, id) && (err != nil || got.Evidence.ID != id):
				t.Errorf("%s does not see %s: %v", tt.name, id, err)
			case !slices.Contains(tt.sees, id) && (err == nil || hub.KindOf(err) != hub.KindNotFound):
				t.Errorf("%s and %s: %v", tt.name, id, err)
			}
		}
		ofDispatch := slices.DeleteFunc(slices.Clone(tt.sees), func(id hub.EvidenceID) bool { return id == "no" })
		for limit := 1; limit < 8; limit++ {
			got, err := pages(s, tt.actor, hub.EvidenceQuery{Dispatch: "d"}, limit)
			if len(ofDispatch) == 0 && (err == nil || hub.KindOf(err) != hub.KindNotFound) {
				t.Errorf("%s lists %v, %v", tt.name, got, err)
			}
			if len(ofDispatch) > 0 && (err != nil || !slices.Equal(got, ofDispatch)) {
				t.Errorf("%s lists %v by %d, %v; want %v", tt.name, got, limit, err, ofDispatch)
			}
		}
	}
}

// TestOnlyThePartiesGetAReceipt: whatever the event, also one that comes to be known
// later, its receipt goes to the sender, to the recipient that it names or, about the
// document as a whole, to all recipients, and to auditors; never to anybody else.
func TestOnlyThePartiesGetAReceipt(t *testing.T) {
	item := hub.SentItem{
		Dispatch:   hub.Dispatch{ID: "d", Sender: "sender"},
		Deliveries: []hub.Delivery{{ID: "v0", Recipient: "r0"}, {ID: "v1", Recipient: "r1"}},
	}
	for _, event := range []hub.Event{
		hub.EventContentConsignment, hub.EventContentConsignmentFailure, hub.EventConsignmentNotification, hub.EventNotificationFailure,
		hub.EventContentHandover, hub.EventContentHandoverFailure, hub.EventConsignmentAcceptance, hub.EventConsignmentRejection,
		hub.EventAcceptanceRejectionExpiry, hub.EventContentAccessTracking, hub.EventSignatureValidation, hub.EventWithdrawal,
		hub.EventCorrection, hub.EventForward, hub.EventStatusReport, hub.EventReceivedFromNonERDS, hub.EventExpiryWarning,
		hub.EventContentPurge, "urn:of:tomorrow",
	} {
		for _, delivery := range []hub.DeliveryID{"", "v0"} {
			root := seal(hub.Evidence{ID: "e0", Event: hub.EventSubmissionAcceptance, Dispatch: "d"})
			about := seal(hub.Evidence{ID: "e1", Event: event, Dispatch: "d", Delivery: delivery})
			s := newService(&shelf{evidence: []hub.SealedEvidence{root, about}, items: []hub.SentItem{item}}, nil)
			for _, reading := range []struct {
				actor hub.Actor
				sees  bool
			}{
				{reader("sender"), true}, {reader("r0"), true}, {reader("r1"), delivery == ""}, {auditor(), true},
				{reader("x"), false}, {reader(), false}, {hub.Actor{Agencies: []hub.AgencyID{"sender", "r0"}}, false},
			} {
				_, err := s.Evidence(t.Context(), reading.actor, "e1")
				listed, _ := s.Evidences(t.Context(), reading.actor, hub.EvidenceQuery{Dispatch: "d", Page: hub.Page{Limit: 10}})
				inList := slices.Contains(names(listed.Items), "e1")
				if (err == nil) != reading.sees || inList != reading.sees {
					t.Errorf("%s about %q: %v gets %v, in the list %v", event.Name(), delivery, reading.actor.Agencies, err, inList)
				}
			}
		}
	}
}

// pages reads a list page by page.
func pages(s *audit.Service, actor hub.Actor, q hub.EvidenceQuery, limit int) ([]hub.EvidenceID, error) {
	var all []hub.EvidenceID
	q.Page = hub.Page{Limit: limit}
	for {
		list, err := s.Evidences(context.Background(), actor, q)
		if err != nil {
			return all, err
		}
		if len(list.Items) > limit {
			return all, fmt.Errorf("a page of %d, limit %d", len(list.Items), limit)
		}
		all = append(all, names(list.Items)...)
		if list.Next == "" {
			return all, nil
		}
		q.Page.After = list.Next
	}
}

func TestEvidenceOfADelivery(t *testing.T) {
	s := newService(library(), nil)
	for agency, want := range map[hub.AgencyID][]hub.EvidenceID{"sender": {"e2", "e4"}, "r1": {"e2", "e4"}, "r0": nil, "x": nil} {
		got, err := pages(s, reader(agency), hub.EvidenceQuery{Delivery: "v1"}, 1)
		if want == nil && (err == nil || hub.KindOf(err) != hub.KindNotFound) || want != nil && err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: %v, %v", agency, got, err)
		}
	}
	if _, err := pages(s, reader("sender"), hub.EvidenceQuery{Delivery: "unknown"}, 1); err == nil || hub.KindOf(err) != hub.KindNotFound {
		t.Errorf("unknown delivery: %v", err)
	}
}

func TestRejectionsAreTheSendersBusiness(t *testing.T) {
	s := newService(library(), nil)
	if got, err := pages(s, reader("sender"), hub.EvidenceQuery{Sender: "sender"}, 5); err != nil || !slices.Equal(got, []hub.EvidenceID{"no"}) {
		t.Errorf("%v, %v", got, err)
	}
	if _, err := pages(s, reader("r0"), hub.EvidenceQuery{Sender: "sender"}, 5); err == nil || hub.KindOf(err) != hub.KindDenied {
		t.Errorf("a recipient: %v", err)
	}
}

func TestListsThatAreRefused(t *testing.T) {
	s := newService(library(), nil)
	noScope := reader("sender")
	noScope.Scopes = []hub.Scope{hub.ScopeSubmit, hub.ScopeCollect, hub.ScopeOperate}
	tests := []struct {
		name  string
		actor hub.Actor
		query hub.EvidenceQuery
		kind  hub.ErrorKind
	}{
		{"no scope", noScope, hub.EvidenceQuery{Dispatch: "d"}, hub.KindDenied},
		{"everything", reader("sender"), hub.EvidenceQuery{}, hub.KindDenied},
		{"two keys", reader("sender"), hub.EvidenceQuery{Dispatch: "d", Delivery: "v0"}, hub.KindInvalid},
		{"unknown dispatch", reader("sender"), hub.EvidenceQuery{Dispatch: "x"}, hub.KindNotFound},
		{"foreign cursor", reader("r0"), hub.EvidenceQuery{Dispatch: "d", Page: hub.Page{After: "e4"}}, hub.KindInvalid},
	}
	for _, tt := range tests {
		if list, err := s.Evidences(context.Background(), tt.actor, tt.query); err == nil || hub.KindOf(err) != tt.kind {
			t.Errorf("%s: %v, %v", tt.name, names(list.Items), err)
		}
	}
	if _, err := s.Evidence(context.Background(), noScope, "e0"); err == nil || hub.KindOf(err) != hub.KindDenied {
		t.Errorf("one evidence without the scope: %v", err)
	}
	if got, err := pages(s, auditor(), hub.EvidenceQuery{}, 2); err != nil || len(got) != 7 {
		t.Errorf("the auditor lists %v, %v", got, err)
	}
}

// What a recipient is shown is a chain that it can check on its own.
func TestARecipientsShareIsAChain(t *testing.T) {
	store := library()
	s := newService(store, nil)
	list, err := s.Evidences(context.Background(), reader("r0"), hub.EvidenceQuery{Dispatch: "d", Page: hub.Page{Limit: 100}})
	if err != nil {
		t.Fatal(err)
	}
	report, err := audit.InspectChain(list.Items)
	if err != nil || report.Recipients[0].State != hub.StateAccepted {
		t.Errorf("%+v, %v", report, err)
	}
}
