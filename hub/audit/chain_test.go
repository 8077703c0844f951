package audit_test

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/hub/audit"
)

// seal makes an evidence canonical in the way that matters here: the same fields
// give the same bytes.
func seal(e hub.Evidence) hub.SealedEvidence {
	canonical, err := json.Marshal(e)
	if err != nil {
		panic(err)
	}
	return hub.SealedEvidence{Evidence: e, Canonical: canonical, JWS: "h..s", Digest: sha256.Sum256(canonical)}
}

// story writes the evidence of one dispatch.
type story struct {
	list []hub.SealedEvidence
	last map[int]hub.EvidenceRef // by recipient
}

func accept(recipients int) *story {
	s := &story{last: map[int]hub.EvidenceRef{}}
	root := hub.Evidence{
		Version: hub.EvidenceVersion, Profile: hub.EvidenceProfile, ID: "e0", Event: hub.EventSubmissionAcceptance,
		Dispatch: "d", Sender: &hub.Party{ID: "sender"}, Time: time.Unix(0, 0).UTC(),
		Content: &hub.Content{Parts: []hub.PartFact{{ID: "p1", Size: 3, SHA256: hub.Digest{1}}, {ID: "envelope", Size: 9, SHA256: hub.Digest{2}}}},
	}
	for i := range recipients {
		root.Recipients = append(root.Recipients, hub.Party{ID: hub.AgencyID(fmt.Sprint("r", i)), Index: &i})
	}
	s.list = append(s.list, seal(root))
	for i := range recipients {
		s.last[i] = s.list[0].Ref()
	}
	return s
}

// add writes an event of a recipient; changes are made before it is sealed.
func (s *story) add(recipient int, event hub.Event, changes ...func(*hub.Evidence)) *story {
	prev := s.last[recipient]
	e := hub.Evidence{
		Version: hub.EvidenceVersion, Profile: hub.EvidenceProfile, ID: hub.EvidenceID(fmt.Sprint("e", len(s.list))), Event: event,
		Dispatch: "d", Delivery: hub.DeliveryID(fmt.Sprint("v", recipient)), Sender: &hub.Party{ID: "sender"}, Time: time.Unix(int64(len(s.list)), 0).UTC(),
		Recipients: []hub.Party{s.list[0].Evidence.Recipients[recipient]},
		Prev:       &prev,
	}
	if event == hub.EventContentHandover {
		e.Content = &hub.Content{Parts: s.list[0].Evidence.Content.Parts[:1]}
	}
	if event.Negative() {
		e.Reasons = []hub.Reason{{Code: hub.ReasonOther}}
	}
	for _, change := range changes {
		change(&e)
	}
	sealed := seal(e)
	s.list = append(s.list, sealed)
	s.last[recipient] = sealed.Ref()
	return s
}

// onTheRoot adds evidence about the dispatch as a whole where it belongs.
func (s *story) onTheRoot(event hub.Event, change func(*hub.Evidence)) *story {
	return s.note(event, new(s.list[0].Ref()), change)
}

// verdict makes an evidence say that a signature passed.
func verdict(e *hub.Evidence) {
	e.Validation = []hub.Validation{{Part: "p1", Indication: hub.TotalPassed, Report: hub.Digest{7}}}
}

// note adds evidence about the dispatch as a whole.
func (s *story) note(event hub.Event, prev *hub.EvidenceRef, changes ...func(*hub.Evidence)) *story {
	e := s.list[0].Evidence
	e.ID, e.Event, e.Prev, e.Recipients = hub.EvidenceID(fmt.Sprint("e", len(s.list))), event, prev, nil
	for _, change := range changes {
		change(&e)
	}
	s.list = append(s.list, seal(e))
	return s
}

func expired(e *hub.Evidence) { e.Reasons = []hub.Reason{{Code: hub.ReasonRetentionExpired}} }

// automatic makes an evidence one of a report that the hub made.
func automatic(code hub.StatusCode) func(*hub.Evidence) {
	return func(e *hub.Evidence) { e.Status = &hub.StatusFact{Automatic: true, Code: code} }
}

func TestChainsThatAreRight(t *testing.T) {
	const (
		consigned, handover   = hub.EventContentConsignment, hub.EventContentHandover
		accepted, refused     = hub.EventConsignmentAcceptance, hub.EventConsignmentRejection
		report, access        = hub.EventStatusReport, hub.EventContentAccessTracking
		failed, notHandedOver = hub.EventContentConsignmentFailure, hub.EventContentHandoverFailure
	)
	tests := []struct {
		name  string
		story *story
		state hub.DeliveryState
		end   hub.EvidenceID
	}{
		{"just accepted", accept(1), hub.StateQueued, ""},
		{"in the box", accept(1).add(0, consigned), hub.StateConsigned, ""},
		{"handed over", accept(1).add(0, consigned).add(0, handover), hub.StateHandedOver, ""},
		{"pushed", accept(1).add(0, handover), hub.StateHandedOver, ""},
		{"registered", accept(1).add(0, consigned).add(0, handover).add(0, accepted), hub.StateAccepted, "e3"},
		{"refused from the box", accept(1).add(0, consigned).add(0, refused), hub.StateRefused, "e2"},
		{"refused after hand-over", accept(1).add(0, consigned).add(0, handover).add(0, refused), hub.StateRefused, "e3"},
		{"no box", accept(1).add(0, failed), hub.StateFailed, "e1"},
		{"never fetched", accept(1).add(0, consigned).add(0, notHandedOver, expired), hub.StateExpired, "e2"},
		{"never registered", accept(1).add(0, consigned).add(0, handover).add(0, hub.EventAcceptanceRejectionExpiry), hub.StateExpired, "e3"},
		{"withdrawn", accept(1).add(0, consigned).add(0, hub.EventWithdrawal), hub.StateWithdrawn, "e2"},
		{"reports before and after the end", accept(1).add(0, report).add(0, consigned).add(0, report).add(0, handover).add(0, accepted).add(0, report).add(0, access).add(0, report), hub.StateAccepted, "e5"},
		{"with another axis", accept(1).add(0, hub.EventRelayAcceptance), hub.StateConsigned, ""},
		{"collected from another axis", accept(1).add(0, hub.EventRelayAcceptance).add(0, handover), hub.StateHandedOver, ""},
		{"refused by another axis", accept(1).add(0, hub.EventRelayRejection), hub.StateFailed, "e1"},
		{"no answer from another axis", accept(1).add(0, hub.EventRelayFailure), hub.StateFailed, "e1"},
		{"no answer from another axis in time", accept(1).add(0, hub.EventRelayFailure, expired), hub.StateExpired, "e1"},
		{"reported by the hub", accept(1).add(0, consigned).add(0, report, automatic("01")).add(0, report), hub.StateConsigned, ""},
		{"forwarded before and after the end", accept(1).add(0, consigned).add(0, handover).add(0, hub.EventForward).add(0, accepted).add(0, hub.EventForward), hub.StateAccepted, "e4"},
		{"notices", accept(1).add(0, consigned).add(0, hub.EventConsignmentNotification).add(0, hub.EventNotificationFailure), hub.StateConsigned, ""},
	}
	for _, tt := range tests {
		got, err := audit.InspectChain(tt.story.list)
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		chain := got.Recipients[0]
		if chain.State != tt.state || chain.Terminal != tt.end || len(chain.Evidence) != len(tt.story.list) {
			t.Errorf("%s: %+v", tt.name, chain)
		}
	}
}

func TestSeveralRecipients(t *testing.T) {
	s := accept(3).add(2, hub.EventContentConsignment).add(0, hub.EventContentConsignment).add(0, hub.EventConsignmentRejection)
	ref := s.list[0].Ref()
	s.note(hub.EventSignatureValidation, &ref, verdict)
	s.note(hub.EventReceivedFromNonERDS, &ref)
	slices.Reverse(s.list)
	got, err := audit.InspectChain(s.list)
	if err != nil {
		t.Fatal(err)
	}
	if got.Dispatch != "d" || got.Acceptance != "e0" {
		t.Errorf("report %+v", got)
	}
	for i, want := range []hub.DeliveryState{hub.StateRefused, hub.StateQueued, hub.StateConsigned} {
		if got.Recipients[i].State != want {
			t.Errorf("recipient %d: %+v", i, got.Recipients[i])
		}
	}
}

// setting is an acceptance that sets its first recipient the task t.
func setting() *story {
	s := accept(2)
	s.list[0].Evidence.Tasks = []hub.TaskFact{{Act: hub.ActAssign, ID: "t", State: hub.TaskNotStarted, Assignees: []hub.AssigneeFact{{Recipient: 0, Role: hub.RoleLead}}}}
	s.list[0] = seal(s.list[0].Evidence)
	for i := range s.last {
		s.last[i] = s.list[0].Ref()
	}
	return s
}

func onTask(id hub.TaskID) func(*hub.Evidence) {
	return func(e *hub.Evidence) {
		e.Tasks = []hub.TaskFact{{Act: hub.ActStart, ID: id, State: hub.TaskInProgress}}
	}
}

func TestChainsThatAreWrong(t *testing.T) {
	const consigned, handover, accepted = hub.EventContentConsignment, hub.EventContentHandover, hub.EventConsignmentAcceptance
	whole := func() *story { return accept(2).add(0, consigned).add(0, handover).add(0, accepted) }
	resealed := func(i int, change func(*hub.Evidence)) *story {
		s := whole()
		change(&s.list[i].Evidence)
		s.list[i] = seal(s.list[i].Evidence)
		return s
	}
	foreign := hub.EvidenceRef{ID: "x"}
	tests := []struct {
		name  string
		story *story
		rule  string
	}{
		{"nothing", &story{}, "one_acceptance"},
		{"no acceptance", &story{list: whole().list[1:]}, "one_acceptance"},
		{"two acceptances", &story{list: append(whole().list, accept(1).list...)}, "one_acceptance"},
		{"acceptance with a predecessor", resealed(0, func(e *hub.Evidence) { e.Prev = &foreign }), "acceptance"},
		{"acceptance without recipients", resealed(0, func(e *hub.Evidence) { e.Recipients = nil }), "acceptance"},
		{"acceptance without content", resealed(0, func(e *hub.Evidence) { e.Content = nil }), "content"},
		{"recipients in disorder", resealed(0, func(e *hub.Evidence) { slices.Reverse(e.Recipients) }), "recipient_index"},
		{"content swapped under the digest", func() *story {
			s := whole()
			s.list[2].Canonical = []byte("{}")
			return s
		}(), "digest"},
		{"evidence changed and sealed again", resealed(1, func(e *hub.Evidence) { e.Note = "x" }), "link"},
		{"acceptance changed and sealed again", resealed(0, func(e *hub.Evidence) { e.Note = "x" }), "link"},
		{"evidence missing in the middle", &story{list: slices.Delete(whole().list, 2, 3)}, "link"},
		{"first evidence missing", &story{list: slices.Delete(whole().list, 1, 2)}, "link"},
		{"no predecessor", accept(1).add(0, consigned, func(e *hub.Evidence) { e.Prev = nil }), "link"},
		{"two successors", func() *story {
			s := accept(1).add(0, consigned)
			s.last[0] = s.list[0].Ref()
			return s.add(0, hub.EventContentConsignmentFailure)
		}(), "fork"},
		{"same evidence twice", &story{list: append(whole().list, whole().list[3])}, "duplicate"},
		{"a task that was not set", accept(1).add(0, consigned).add(0, hub.EventTask, onTask("t")), "task"},
		{"an act on no task", setting().add(0, hub.EventTask), "task"},
		{"an act on the task of another", setting().add(1, hub.EventTask, onTask("t")), "task"},
		{"a task in another event", setting().add(0, consigned, onTask("t")), "task"},
		{"the hub reports more than the arrival", accept(1).add(0, consigned).add(0, hub.EventStatusReport, automatic("03")), "automatic"},
		{"the hub reports before the box", accept(1).add(0, hub.EventStatusReport, automatic("01")), "automatic"},
		{"the hub reports twice", accept(1).add(0, consigned).add(0, hub.EventStatusReport, automatic("01")).add(0, hub.EventStatusReport, automatic("01")), "automatic"},
		{"the hub registers", accept(1).add(0, consigned).add(0, handover).add(0, accepted, automatic("03")), "automatic"},
		{"the hub reports over another axis", accept(1).add(0, hub.EventRelayAcceptance).add(0, hub.EventStatusReport, automatic("01")), "automatic"},
		{"forwarded before it came", accept(1).add(0, hub.EventForward), "forward"},
		{"forwarded from the box", accept(1).add(0, consigned).add(0, hub.EventForward), "forward"},
		{"forwarded when it was refused", accept(1).add(0, consigned).add(0, handover).add(0, hub.EventConsignmentRejection).add(0, hub.EventForward), "forward"},
		{"forwarded when it was given back", whole().add(0, hub.EventStatusReport, func(e *hub.Evidence) { e.Status = &hub.StatusFact{Code: hub.StatusChangeAccepted} }).
			add(0, hub.EventContentPurge, func(e *hub.Evidence) { e.Reasons = []hub.Reason{{Code: hub.ReasonRecalled}} }).add(0, hub.EventForward), "forward"},
		{"accepted from the box", accept(1).add(0, consigned).add(0, accepted), "order"},
		{"consigned twice", accept(1).add(0, consigned).add(0, consigned), "order"},
		{"withdrawn after hand-over", accept(1).add(0, consigned).add(0, handover).add(0, hub.EventWithdrawal), "order"},
		{"rejected as a submission", accept(1).add(0, hub.EventSubmissionRejection), "order"},
		{"two ends", whole().add(0, hub.EventConsignmentRejection), "one_terminal"},
		{"expired after the end", whole().add(0, hub.EventAcceptanceRejectionExpiry), "one_terminal"},
		{"two ends behind the same evidence", func() *story {
			s := accept(1).add(0, consigned).add(0, handover).add(0, accepted)
			s.last[0] = s.list[2].Ref()
			return s.add(0, hub.EventConsignmentRejection)
		}(), "one_terminal"},
		{"the same end twice", whole().add(0, accepted), "one_terminal"},
		{"warned after the end", whole().add(0, hub.EventExpiryWarning), "after_terminal"},
		{"a reason of nobody's list", accept(1).add(0, consigned).add(0, hub.EventConsignmentRejection, func(e *hub.Evidence) { e.Reasons = []hub.Reason{{Code: "mood"}} }), "reason"},
		{"a verdict without its report", accept(1).onTheRoot(hub.EventSignatureValidation, func(e *hub.Evidence) { e.Validation = []hub.Validation{{Part: "p1"}} }), "validation"},
		{"no verdict", accept(1).onTheRoot(hub.EventSignatureValidation, func(*hub.Evidence) {}), "validation"},
		{"a verdict in the chain of a delivery", accept(1).add(0, hub.EventSignatureValidation, verdict), "validation"},
		{"where it came from in the chain of a delivery", accept(1).add(0, hub.EventReceivedFromNonERDS), "received"},
		{"an end of nobody's delivery", accept(1).onTheRoot(hub.EventConsignmentAcceptance, func(*hub.Evidence) {}), "delivery"},
		{"notice after the end", whole().add(0, hub.EventConsignmentNotification), "after_terminal"},
		{"refused without a reason", accept(1).add(0, consigned).add(0, hub.EventConsignmentRejection, func(e *hub.Evidence) { e.Reasons = nil }), "reason"},
		{"other content", accept(1).add(0, consigned).add(0, handover, func(e *hub.Evidence) {
			e.Content = &hub.Content{Parts: []hub.PartFact{{ID: "p1", Size: 3, SHA256: hub.Digest{9}}}}
		}), "content"},
		{"unknown part", accept(1).add(0, consigned).add(0, handover, func(e *hub.Evidence) {
			e.Content = &hub.Content{Parts: []hub.PartFact{{ID: "p7", Size: 3, SHA256: hub.Digest{1}}}}
		}), "content"},
		{"hand-over of nothing", accept(1).add(0, consigned).add(0, handover, func(e *hub.Evidence) { e.Content = nil }), "content"},
		{"another dispatch", accept(1).add(0, consigned, func(e *hub.Evidence) { e.Dispatch = "other" }), "dispatch"},
		{"another sender", accept(1).add(0, consigned, func(e *hub.Evidence) { e.Sender = &hub.Party{ID: "other"} }), "sender"},
		{"another profile", accept(1).add(0, consigned, func(e *hub.Evidence) { e.Profile = "urn:x" }), "profile"},
		{"another version", accept(1).add(0, consigned, func(e *hub.Evidence) { e.Version = "2" }), "profile"},
		{"stranger as recipient", accept(1).add(0, consigned, func(e *hub.Evidence) { e.Recipients = []hub.Party{{ID: "x"}} }), "recipient"},
		{"recipient out of range", accept(1).add(0, consigned, func(e *hub.Evidence) { n := 5; e.Recipients = []hub.Party{{ID: "r0", Index: &n}} }), "recipient"},
		{"all recipients", accept(2).add(0, consigned, func(e *hub.Evidence) { e.Recipients = append(e.Recipients, hub.Party{ID: "r1"}) }), "recipient"},
		{"recipient changes on the way", accept(2).add(0, consigned).add(0, handover, func(e *hub.Evidence) { n := 1; e.Recipients = []hub.Party{{ID: "r1", Index: &n}} }), "recipient"},
		{"two deliveries to one recipient", func() *story {
			s := accept(1).add(0, consigned)
			s.last[0] = s.list[0].Ref()
			return s.add(0, consigned, func(e *hub.Evidence) { e.Delivery = "v9" })
		}(), "one_delivery"},
		{"earlier than what it follows", accept(1).add(0, consigned).add(0, handover, func(e *hub.Evidence) { e.Time = e.Time.Add(-time.Second - time.Millisecond) }), "time_order"},
		{"earlier than the acceptance", accept(1).add(0, consigned, func(e *hub.Evidence) { e.Time = time.Unix(-1, 0) }), "time_order"},
		{"a verdict from before the acceptance", accept(1).onTheRoot(hub.EventSignatureValidation, func(e *hub.Evidence) { verdict(e); e.Time = time.Unix(-1, 0) }), "time_order"},
		{"loose note", accept(1).note(hub.EventSignatureValidation, nil), "link"},
		{"note on another chain", accept(1).note(hub.EventSignatureValidation, &foreign), "link"},
	}
	for _, tt := range tests {
		err := audit.CheckChain(tt.story.list)
		if err == nil {
			t.Errorf("%s: passes", tt.name)
			continue
		}
		list := hub.ViolationsOf(err)
		if !slices.ContainsFunc(list, func(e *hub.Error) bool {
			return e.Rule == tt.rule && e.Kind == hub.KindInvalid && strings.HasPrefix(e.Field, "evidence")
		}) {
			t.Errorf("%s: %v, want the rule %s", tt.name, err, tt.rule)
		}
	}
}

// Every walk through the transition table makes a chain that passes, in whatever
// order its evidence comes; with one evidence left out of the middle it does not.
func TestEveryLegalWalkPasses(t *testing.T) {
	events := map[hub.DeliveryState]hub.Event{
		hub.StateConsigned: hub.EventContentConsignment, hub.StateHandedOver: hub.EventContentHandover,
		hub.StateAccepted: hub.EventConsignmentAcceptance, hub.StateRefused: hub.EventConsignmentRejection,
		hub.StateFailed: hub.EventContentHandoverFailure, hub.StateExpired: hub.EventAcceptanceRejectionExpiry,
		hub.StateWithdrawn: hub.EventWithdrawal,
	}
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 4).Draw(t, "recipients")
		s := accept(n)
		states := slices.Repeat([]hub.DeliveryState{hub.StateQueued}, n)
		for range rapid.IntRange(0, 12).Draw(t, "steps") {
			r := rapid.IntRange(0, n-1).Draw(t, "recipient")
			next := states[r].Next()
			if len(next) == 0 || rapid.IntRange(0, 3).Draw(t, "report") == 0 {
				s.add(r, hub.EventStatusReport)
				continue
			}
			states[r] = rapid.SampledFrom(next).Draw(t, "state")
			s.add(r, events[states[r]])
		}
		shuffled := rapid.Permutation(s.list).Draw(t, "order")
		report, err := audit.InspectChain(shuffled)
		if err != nil {
			t.Fatal(err)
		}
		for i, chain := range report.Recipients {
			if chain.State != states[i] || (chain.Terminal != "") != (len(states[i].Next()) == 0) {
				t.Fatalf("recipient %d is %s, the chain says %+v", i, states[i], chain)
			}
		}
		victim := rapid.IntRange(0, len(s.list)-1).Draw(t, "victim")
		ref := s.list[victim].Ref()
		hasNext := slices.ContainsFunc(s.list, func(e hub.SealedEvidence) bool { return e.Evidence.Prev != nil && *e.Evidence.Prev == ref })
		if without := slices.Delete(slices.Clone(s.list), victim, victim+1); hasNext && audit.CheckChain(without) == nil {
			t.Fatalf("nobody misses %s", ref.ID)
		}
	})
}
