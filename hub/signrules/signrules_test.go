package signrules_test

import (
	"log/slog"
	"testing"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/hub/hubtest"
	"github.com/lienthong/lienthong/hub/signrules"
)

var (
	operator = hub.Actor{Name: "op", Kind: hub.ActorOperator, Scopes: []hub.Scope{hub.ScopeOperate}}
	auditor  = hub.Actor{Name: "au", Kind: hub.ActorAuditor, Scopes: []hub.Scope{hub.ScopeAudit}}
	system   = hub.Actor{Name: "sy", Kind: hub.ActorSystem, Scopes: []hub.Scope{hub.ScopeSubmit}, Agencies: []hub.AgencyID{"a"}}
)

func node(w *hubtest.World) *signrules.Service {
	return signrules.New(signrules.Options{Notes: w, Now: w.Clock.Now, NewID: w.IDs.New, Log: slog.New(slog.DiscardHandler)})
}

func rule(sender hub.AgencyID, channel hub.Format, verdict hub.SignaturePolicy) hub.SignatureRule {
	return hub.SignatureRule{Sender: sender, Channel: channel, Verdict: verdict, TwoSignatures: hub.CheckOff, Binding: hub.CheckNote}
}

func TestTheMostSpecialRuleDecides(t *testing.T) {
	w := hubtest.NewWorld()
	s := node(w)
	if d := s.Demands("a", hub.FormatREST); d.Rule != nil {
		t.Fatalf("a rule came from nowhere: %+v", d.Rule)
	}
	set, err := s.SetRules(t.Context(), operator, hub.SignatureRules{Rules: []hub.SignatureRule{
		rule("a", "", hub.PolicyStrict), rule("", hub.FormatEdXML, hub.PolicyEnforce), rule("a", hub.FormatEdXML, hub.PolicyRecord), rule("", "", hub.PolicyEnforce),
	}})
	if err != nil || set.Version != 1 || set.SetBy != "op" || set.SetAt.IsZero() {
		t.Fatalf("%+v %v", set, err)
	}
	for _, tt := range []struct {
		sender  hub.AgencyID
		channel hub.Format
		want    int
	}{{"a", hub.FormatREST, 0}, {"b", hub.FormatEdXML, 1}, {"a", hub.FormatEdXML, 2}, {"b", hub.FormatREST, 3}} {
		if got := s.Demands(tt.sender, tt.channel).Rule; got == nil || *got != set.Rules[tt.want] {
			t.Errorf("%s over %s: %+v, want rule %d", tt.sender, tt.channel, got, tt.want)
		}
	}
}

func TestChangesReachOtherNodesAndAreKept(t *testing.T) {
	w := hubtest.NewWorld()
	one, other := node(w), node(w)
	for range 2 {
		if _, err := one.SetRules(t.Context(), operator, hub.SignatureRules{Rules: []hub.SignatureRule{rule("", "", hub.PolicyStrict)}}); err != nil {
			t.Fatal(err)
		}
	}
	b, err := one.Bind(t.Context(), operator, hub.CertificateBinding{Agency: "a/b", SHA256: hub.Digest{1}, Role: hub.RoleSeal})
	if err != nil || b.ID == "" || b.BoundBy != "op" {
		t.Fatalf("%+v %v", b, err)
	}
	again, err := other.Bind(t.Context(), operator, hub.CertificateBinding{Agency: "a/b", SHA256: hub.Digest{1}, Role: hub.RoleSeal})
	if err != nil || again.ID != b.ID {
		t.Errorf("the same binding again: %+v %v", again, err)
	}
	if err := other.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	if d := other.Demands("a/b", hub.FormatREST); d.Rule == nil || len(d.Bindings) != 1 || d.Bindings[0].ID != b.ID {
		t.Errorf("the other node asks %+v", d)
	}
	if d := other.Demands("a", hub.FormatREST); len(d.Bindings) != 0 {
		t.Errorf("bindings of another agency: %+v", d.Bindings)
	}
	if rules, err := other.Rules(t.Context(), auditor); err != nil || rules.Version != 2 {
		t.Errorf("%+v %v", rules, err)
	}
	gone, err := one.Unbind(t.Context(), operator, "a/b", b.ID)
	if err != nil || gone.RemovedBy != "op" {
		t.Fatalf("%+v %v", gone, err)
	}
	list, err := one.Bindings(t.Context(), auditor, "a/b")
	if err != nil || len(list) != 0 || len(one.Demands("a/b", "").Bindings) != 0 {
		t.Errorf("%+v %v", list, err)
	}
	notes, err := w.Notes(t.Context(), hub.NotesQuery{Prefix: "signature-", Limit: 10})
	if err != nil || len(notes) != 3 {
		t.Errorf("%d notes are kept, %v", len(notes), err)
	}
}

func TestWhoMayDoWhat(t *testing.T) {
	s := node(hubtest.NewWorld())
	_, set := s.SetRules(t.Context(), auditor, hub.SignatureRules{})
	_, bind := s.Bind(t.Context(), system, hub.CertificateBinding{Agency: "a", SHA256: hub.Digest{1}})
	_, unbind := s.Unbind(t.Context(), auditor, "a", "x")
	_, rules := s.Rules(t.Context(), system)
	_, list := s.Bindings(t.Context(), system, "a")
	for name, err := range map[string]error{"set": set, "bind": bind, "unbind": unbind, "rules": rules, "list": list} {
		if hub.KindOf(err) != hub.KindDenied {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestWhatIsRefused(t *testing.T) {
	s := node(hubtest.NewWorld())
	for want, set := range map[string]hub.SignatureRules{
		"rules[0].verdict code_list":        {Rules: []hub.SignatureRule{{TwoSignatures: hub.CheckOff, Binding: hub.CheckOff}}},
		"rules[0].two_signatures code_list": {Rules: []hub.SignatureRule{{Verdict: hub.PolicyRecord, TwoSignatures: "x", Binding: hub.CheckOff}}},
		"rules[0].binding code_list":        {Rules: []hub.SignatureRule{{Verdict: hub.PolicyRecord, TwoSignatures: hub.CheckOff}}},
		"rules[0].channel code_list":        {Rules: []hub.SignatureRule{rule("", "fax", hub.PolicyRecord)}},
		"rules[1].sender unique":            {Rules: []hub.SignatureRule{rule("a", "", hub.PolicyRecord), rule("a", "", hub.PolicyStrict)}},
		"version version":                   {Version: 7},
		"rules max_items":                   {Rules: make([]hub.SignatureRule, 20_001)},
	} {
		_, err := s.SetRules(t.Context(), operator, set)
		check(t, want, err)
	}
	for want, b := range map[string]hub.CertificateBinding{
		"agency required":              {SHA256: hub.Digest{1}},
		"sha256 exclusive":             {Agency: "a"},
		"issuer required":              {Agency: "a", Issuer: "CA"},
		"subject[0] format":            {Agency: "a", Issuer: "CA", Subject: []string{"O=*"}},
		"subject max_items":            {Agency: "a", Issuer: "CA", Subject: []string{"O=1", "O=2", "O=3", "O=4", "O=5", "O=6", "O=7", "O=8", "O=9", "O=10", "O=11"}},
		"role code_list":               {Agency: "a", SHA256: hub.Digest{1}, Role: "chief"},
		"note control_character":       {Agency: "a", SHA256: hub.Digest{1}, Note: "a\x00"},
		"subject[0] control_character": {Agency: "a", Issuer: "CA", Subject: []string{"O=a\n"}},
	} {
		_, err := s.Bind(t.Context(), operator, b)
		check(t, want, err)
	}
	_, err := s.Unbind(t.Context(), operator, "a", "nothing")
	if hub.KindOf(err) != hub.KindNotFound {
		t.Error(err)
	}
}

func check(t *testing.T, want string, err error) {
	t.Helper()
	if err == nil {
		t.Errorf("%s: it was taken", want)
		return
	}
	if v := hub.ViolationsOf(err)[0]; v.Field+" "+v.Rule != want {
		t.Errorf("got %s %s, want %s", v.Field, v.Rule, want)
	}
}
