package hub_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/lienthong/lienthong/hub"
)

func TestErrors(t *testing.T) {
	cause := errors.New("disk full")
	if kind := hub.KindOf(fmt.Errorf("saving: %w", hub.Internal("writing", cause))); kind != hub.KindInternal {
		t.Errorf("kind %s", kind)
	}
	if kind := hub.KindOf(cause); kind != hub.KindInternal {
		t.Errorf("a foreign error is of kind %s", kind)
	}
	invalid := hub.Invalid("subject", "required", "a %s is required", "subject")
	if got := fmt.Errorf("checking: %w", invalid); hub.KindOf(got) != hub.KindInvalid {
		t.Errorf("kind %s", hub.KindOf(got))
	}
	if got, want := invalid.Error(), "invalid: subject [required]: a subject is required"; got != want {
		t.Errorf("text %q, want %q", got, want)
	}
	if !errors.Is(hub.Internal("writing", cause), cause) {
		t.Error("the cause is lost")
	}
}

func TestViolations(t *testing.T) {
	a, b := hub.Invalid("a", "x", ""), hub.Errorf(hub.KindTooLarge, "b", "y", "")
	if err := (hub.Violations{}).AsError(); err != nil {
		t.Errorf("no violations are the error %v", err)
	}
	if err := (hub.Violations{a}).AsError(); !errors.Is(err, a) || len(hub.ViolationsOf(err)) != 1 {
		t.Errorf("one violation is %v", err)
	}
	both := hub.Violations{a, b}.AsError()
	if !errors.Is(both, a) || !errors.Is(both, b) {
		t.Errorf("%v does not unwrap to its members", both)
	}
	if got := hub.ViolationsOf(fmt.Errorf("checking: %w", both)); len(got) != 2 || got[1] != b {
		t.Errorf("violations %v", got)
	}
	if got := hub.ViolationsOf(&hub.Rejection{Violations: hub.Violations{a, b}}); len(got) != 2 {
		t.Errorf("violations of a rejection %v", got)
	}
	if got := hub.ViolationsOf(errors.New("x")); len(got) != 1 || got[0].Kind != hub.KindInternal {
		t.Errorf("violations of a foreign error %v", got)
	}
	if got := hub.ViolationsOf(nil); got != nil {
		t.Errorf("violations of nil %v", got)
	}
}

func TestActorDeniesByDefault(t *testing.T) {
	nobody := hub.Actor{}
	for _, s := range hub.Scopes() {
		if !s.Valid() || hub.KindOf(nobody.Require(s)) != hub.KindDenied {
			t.Errorf("an empty actor holds %s", s)
		}
	}
	if hub.Scope("root").Valid() {
		t.Error("an unknown scope is valid")
	}
	a := hub.Actor{Agencies: []hub.AgencyID{"a"}, Scopes: []hub.Scope{hub.ScopeSubmit}}
	tests := []struct {
		agency  hub.AgencyID
		scope   hub.Scope
		allowed bool
	}{{"a", hub.ScopeSubmit, true}, {"a", hub.ScopeCollect, false}, {"b", hub.ScopeSubmit, false}, {"", hub.ScopeSubmit, false}}
	for _, tt := range tests {
		if err := a.SpeaksFor(tt.agency, tt.scope); (err == nil) != tt.allowed {
			t.Errorf("%q with %s: %v", tt.agency, tt.scope, err)
		}
	}
	odd := hub.Actor{Agencies: []hub.AgencyID{""}, Scopes: hub.Scopes()}
	if odd.SpeaksFor("", hub.ScopeSubmit) == nil {
		t.Error("the empty agency may be spoken for")
	}
}

func TestWhoOversees(t *testing.T) {
	for _, s := range hub.Scopes() {
		a := hub.Actor{Agencies: []hub.AgencyID{"a"}, Scopes: []hub.Scope{s}}
		want := s == hub.ScopeAudit || s == hub.ScopeOperate
		if err := a.Oversees(); (err == nil) != want || err != nil && hub.KindOf(err) != hub.KindDenied {
			t.Errorf("with %s: %v", s, err)
		}
	}
}

func TestEvents(t *testing.T) {
	if got := hub.EventContentHandover.Name(); got != "ContentHandover" {
		t.Errorf("name %q", got)
	}
	if got := hub.EventWithdrawal.Name(); got != "Withdrawal" {
		t.Errorf("name %q", got)
	}
	if got := hub.Event("plain").Name(); got != "plain" {
		t.Errorf("name %q", got)
	}
	negative := []hub.Event{hub.EventSubmissionRejection, hub.EventContentConsignmentFailure, hub.EventContentHandoverFailure, hub.EventConsignmentRejection, hub.EventAcceptanceRejectionExpiry}
	for _, e := range negative {
		if !e.Negative() {
			t.Errorf("%s is not negative", e)
		}
	}
	for _, e := range []hub.Event{hub.EventSubmissionAcceptance, hub.EventContentHandover, hub.EventWithdrawal, hub.EventStatusReport} {
		if e.Negative() {
			t.Errorf("%s is negative", e)
		}
	}
}

func TestStatusCodes(t *testing.T) {
	for _, c := range []hub.StatusCode{"01", "02", "03", "04", "05", "06"} {
		if !c.Progress() || c.ChangeRequest() || !c.Valid() {
			t.Errorf("%s is not progress", c)
		}
	}
	for _, c := range []hub.StatusCode{"13", "15", "16"} {
		if c.Progress() || !c.ChangeRequest() || !c.Valid() {
			t.Errorf("%s is not a change request", c)
		}
	}
	for _, c := range []hub.StatusCode{"", "0", "00", "07", "14", "1", "011", "03 ", "3"} {
		if c.Valid() {
			t.Errorf("%q is valid", c)
		}
	}
}

// Whatever the order in which reports arrive, the same progress is shown.
func TestProgressDoesNotDependOnOrder(t *testing.T) {
	codes := []hub.StatusCode{"01", "02", "03", "04", "05", "06", "13", "15", "16"}
	rapid.Check(t, func(t *rapid.T) {
		reports := rapid.SliceOf(rapid.SampledFrom(codes)).Draw(t, "reports")
		var shown, backwards, best hub.StatusCode
		for i, c := range reports {
			shown = shown.Further(c)
			backwards = backwards.Further(reports[len(reports)-1-i])
			if c.Progress() && c > best {
				best = c
			}
		}
		if shown != best || backwards != best {
			t.Fatalf("%v shows %q, backwards %q, want %q", reports, shown, backwards, best)
		}
	})
}

func TestTheWorstSignatureDecides(t *testing.T) {
	verdict := func(i hub.Indication, sub hub.SubReason) hub.SignatureVerdict {
		return hub.SignatureVerdict{Indication: i, Sub: sub}
	}
	passed, unsure := verdict(hub.TotalPassed, ""), verdict(hub.Indeterminate, hub.SubTryLater)
	failed := verdict(hub.TotalFailed, hub.SubHashFailure)
	tests := []struct {
		list []hub.SignatureVerdict
		want hub.SignatureVerdict
	}{
		{nil, verdict(hub.NoSignatureFound, "")},
		{[]hub.SignatureVerdict{passed, passed}, passed},
		{[]hub.SignatureVerdict{passed, unsure}, unsure},
		{[]hub.SignatureVerdict{failed, unsure, passed}, failed},
		{[]hub.SignatureVerdict{unsure, failed}, failed},
	}
	for i, tt := range tests {
		r := hub.SignatureReport{Signatures: tt.list, Indication: "stale", Sub: "stale"}
		r.Conclude()
		if r.Indication != tt.want.Indication || r.Sub != tt.want.Sub {
			t.Errorf("case %d: %s %s, want %s %s", i, r.Indication, r.Sub, tt.want.Indication, tt.want.Sub)
		}
	}
}

func TestDigests(t *testing.T) {
	hex := strings.Repeat("0123456789abcdef", 4)
	d, err := hub.ParseDigest(strings.ToUpper(hex))
	if err != nil || d.String() != hex || d.IsZero() {
		t.Errorf("digest %s, %v", d, err)
	}
	text, err := json.Marshal(map[string]hub.Digest{"x": d})
	if err != nil || string(text) != `{"x":"`+hex+`"}` {
		t.Errorf("JSON %s, %v", text, err)
	}
	var back map[string]hub.Digest
	if err := json.Unmarshal(text, &back); err != nil || back["x"] != d {
		t.Errorf("back %v, %v", back, err)
	}
	for _, bad := range []string{"", hex[1:], hex + "0", strings.Repeat("zz", 32)} {
		if _, err := hub.ParseDigest(bad); err == nil || hub.KindOf(err) != hub.KindInvalid {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

func TestDates(t *testing.T) {
	if d, err := hub.ParseDate("2024-02-29"); err != nil || d != "2024-02-29" {
		t.Errorf("%s, %v", d, err)
	}
	for _, bad := range []string{"", "2014-02-30", "2023-02-29", "2020/01/10", "2020-1-10", "10-01-2020"} {
		if _, err := hub.ParseDate(bad); err == nil {
			t.Errorf("%q is a date", bad)
		}
	}
	if got := time.Date(2025, 6, 30, 17, 0, 0, 0, time.UTC).In(hub.Vietnam()).Format(time.RFC3339); got != "2025-07-01T00:00:00+07:00" {
		t.Errorf("in Vietnam it is %s", got)
	}
}

func TestOperations(t *testing.T) {
	for code, want := range []hub.Operation{hub.OperationNew, hub.OperationRecall, hub.OperationUpdate, hub.OperationReplace} {
		if got, err := hub.OperationOfCode(code); err != nil || got != want || want.Code() != code {
			t.Errorf("code %d: %s, %v", code, got, err)
		}
	}
	for _, code := range []int{-1, 4} {
		if _, err := hub.OperationOfCode(code); err == nil {
			t.Errorf("%d is an operation", code)
		}
	}
}

func TestDocumentNumber(t *testing.T) {
	for _, tt := range []struct{ number, notation, want string }{{"173", "UBND-KSTTHC", "173/UBND-KSTTHC"}, {"173", "", "173"}, {"", "QĐ-TTg", "QĐ-TTg"}, {"", "", ""}} {
		d := hub.Document{CodeNumber: tt.number, CodeNotation: tt.notation}
		if got := d.Number(); got != tt.want {
			t.Errorf("%q and %q: %q", tt.number, tt.notation, got)
		}
	}
}

func TestFingerprintTellsSubmissionsApart(t *testing.T) {
	base := func() hub.Submission {
		return hub.Submission{Sender: "H47", Recipients: []string{"H47.12"}, ExternalID: "1", Parts: []hub.Part{{ID: "p1", Digest: hub.Digest{1}}}}
	}
	same := base()
	same.Key, same.TraceID, same.ReceivedAt = "k", "t", time.Unix(1, 0)
	first := base()
	if same.Fingerprint() != first.Fingerprint() {
		t.Error("key, trace and time of receipt change the fingerprint")
	}
	changes := map[string]func(*hub.Submission){
		"sender":     func(s *hub.Submission) { s.Sender = "H48" },
		"recipients": func(s *hub.Submission) { s.Recipients = append(s.Recipients, "H47.13") },
		"external":   func(s *hub.Submission) { s.ExternalID = "2" },
		"operation":  func(s *hub.Submission) { s.Operation = hub.OperationRecall },
		"subject":    func(s *hub.Submission) { s.Document.Subject = "x" },
		"digest":     func(s *hub.Submission) { s.Parts[0].Digest = hub.Digest{2} },
		"part name":  func(s *hub.Submission) { s.Parts[0].Name = "x" },
		"envelope":   func(s *hub.Submission) { s.Envelope = &hub.Part{Digest: hub.Digest{3}} },
	}
	seen := map[hub.Digest]string{first.Fingerprint(): "none"}
	for name, change := range changes {
		s := base()
		change(&s)
		if other, ok := seen[s.Fingerprint()]; ok {
			t.Errorf("%s has the fingerprint of %s", name, other)
		}
		seen[s.Fingerprint()] = name
	}
}

func TestAllPartsLeavesTheSubmissionAlone(t *testing.T) {
	s := hub.Submission{Parts: make([]hub.Part, 1, 4), Envelope: &hub.Part{ID: "envelope"}}
	all := s.AllParts()
	if len(all) != 2 || all[1].ID != "envelope" || s.Parts[:2][1].ID != "" {
		t.Errorf("all parts %v, submission %v", all, s.Parts[:2])
	}
}

func TestKeyLife(t *testing.T) {
	now := time.Unix(100, 0)
	tests := []struct {
		key  hub.APIKey
		want bool
	}{
		{hub.APIKey{}, true},
		{hub.APIKey{Expires: now}, false},
		{hub.APIKey{Expires: now.Add(1)}, true},
		{hub.APIKey{Revoked: now}, false},
		{hub.APIKey{Revoked: now.Add(1)}, true},
		{hub.APIKey{Expires: now.Add(1), Revoked: now}, false},
	}
	for i, tt := range tests {
		if got := tt.key.LiveAt(now); got != tt.want {
			t.Errorf("key %d lives: %v", i, got)
		}
	}
	text, err := json.Marshal(hub.APIKey{Hash: hub.Digest{1}})
	if err != nil || strings.Contains(strings.ToLower(string(text)), "hash") {
		t.Errorf("the hash of a key is shown: %s, %v", text, err)
	}
}
