package law_test

import (
	"bytes"
	"log/slog"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/hub/hubtest"
	"github.com/lienthong/lienthong/hub/law"
)

var (
	operator = hub.Actor{Name: "op", Kind: hub.ActorOperator, Scopes: []hub.Scope{hub.ScopeOperate}}
	system   = hub.Actor{Name: "sy", Kind: hub.ActorSystem, Scopes: []hub.Scope{hub.ScopeSubmit}, Agencies: []hub.AgencyID{"a"}}
)

func node(t *testing.T, w *hubtest.World) *law.Service {
	t.Helper()
	s, err := law.New(law.Options{Notes: w, Now: w.Clock.Now, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestShipped: the rules that come with the program are sound, name their article, and go
// through CSV and back as they are.
func TestShipped(t *testing.T) {
	set, err := law.Shipped()
	if err != nil {
		t.Fatal(err)
	}
	if err := hub.CheckLegalTerms(set.Terms); err != nil {
		t.Error(err)
	}
	for _, duty := range hub.Duties() {
		for _, urgent := range []bool{false, true} {
			if _, ok := set.Term(duty, urgent, hubtest.NewWorld().Clock.Now()); !ok {
				t.Errorf("no rule for %s, urgent %t", duty, urgent)
			}
		}
	}
	var b bytes.Buffer
	if err := law.WriteCSV(&b, set.Terms); err != nil {
		t.Fatal(err)
	}
	back, err := law.ReadTerms(strings.NewReader("\ufeff"+b.String()), true)
	if err != nil || len(back) != len(set.Terms) {
		t.Fatalf("%d rules, %v", len(back), err)
	}
	for i := range back {
		if back[i] != set.Terms[i] {
			t.Errorf("%+v, want %+v", back[i], set.Terms[i])
		}
	}
}

// TestImport: a dry run changes nothing; an import is in force here at once and on another
// node after its refresh; the same again is no new version.
func TestImport(t *testing.T) {
	w := hubtest.NewWorld()
	here, there := node(t, w), node(t, w)
	terms := []hub.LegalTerm{{ID: "a", Duty: hub.DutySend, From: "2020-01-01", Days: 5, Source: "x"}}
	dry, err := here.Import(t.Context(), operator, "ND 1", terms, true)
	if err != nil || !dry.DryRun || len(dry.Changes) != 7 || here.Terms().Version != 0 {
		t.Fatalf("%+v %v", dry, err)
	}
	if made, err := here.Import(t.Context(), operator, "ND 1", terms, false); err != nil || made.Version != 1 || here.Terms().Terms[0].ID != "a" {
		t.Fatalf("%+v %v", made, err)
	}
	if there.Terms().Version != 0 {
		t.Error("another node knows before it refreshed")
	}
	if err := there.Refresh(t.Context()); err != nil || there.Terms().Version != 1 || there.Terms().Source != "ND 1" || there.Terms().SetBy != "op" {
		t.Errorf("another node does not know: %+v %v", there.Terms(), err)
	}
	if same, err := there.Import(t.Context(), operator, "ND 2", terms, false); err != nil || same.Version != 1 || len(same.Changes) != 0 {
		t.Errorf("%+v %v", same, err)
	}
}

func TestImportRefuses(t *testing.T) {
	s := node(t, hubtest.NewWorld())
	good := []hub.LegalTerm{{ID: "a", Duty: hub.DutySend, From: "2020-01-01", Source: "x"}}
	if _, err := s.Import(t.Context(), system, "ND", good, false); hub.KindOf(err) != hub.KindDenied {
		t.Errorf("a system changes the law: %v", err)
	}
	for source, rule := range map[string]string{" ": "required", "a\x00": "control_character", strings.Repeat("a", 501): "max_length"} {
		if _, err := s.Import(t.Context(), operator, source, good, false); err == nil || hub.ViolationsOf(err)[0].Rule != rule {
			t.Errorf("%.10q: %v", source, err)
		}
	}
	if _, err := s.Import(t.Context(), operator, "ND", nil, false); err == nil || hub.ViolationsOf(err)[0].Field != "terms" {
		t.Errorf("no rules: %v", err)
	}
	const head = "id,duty,urgent,from,to,days,by,within,source,note\n"
	for text, field := range map[string]string{
		"": "terms", "id\n": "terms", head + "a,b\n": "terms[0]", head + "a,send,no,2020-01-01,,one,,,x,\n": "terms[0].days",
		head + strings.Repeat("a,send,no,2020-01-01,,1,,,x,\n", 201): "terms",
	} {
		if _, err := law.ReadTerms(strings.NewReader(text), true); err == nil || hub.ViolationsOf(err)[0].Field != field {
			t.Errorf("%.80q: %v", text, err)
		}
	}
	for text, field := range map[string]string{
		"": "terms", "{}": "terms", "null": "terms", "[] []": "terms", `[{"id":"a","hour":1}]`: "terms[0]", `[{},null]`: "terms[1]", `[{}`: "terms[1]",
		`[{},{"days":"one"}]`: "terms[1].days", "[" + strings.Repeat("{},", 200) + "{}]": "terms",
	} {
		if _, err := law.ReadTerms(strings.NewReader(text), false); err == nil || hub.ViolationsOf(err)[0].Field != field {
			t.Errorf("%.80q: %v", text, err)
		}
	}
}

// FuzzReadTerms: no file brings more rules than a set has; what is refused, by the reader or
// by the check of the whole, names the rule of the file it is about, the field and the rule
// it breaks; what is taken goes through CSV and back as it is.
func FuzzReadTerms(f *testing.F) {
	const head = "id,duty,urgent,from,to,days,by,within,source,note\n"
	f.Add(head+"a,send,no,2020-01-01,,1,12:00,,x,\n", true)
	f.Add("\ufeff"+head+"a,notice,yes,2020-01-01,2021-01-01,,,1h,x,\"y, \"\"z\"\"\"\n", true)
	f.Add(head+"a,send,maybe,2020-01-01,,one,,,x,\n\"", true)
	f.Add(`[{"id":"a","duty":"send","from":"2020-01-01","days":1,"source":"x"}]`, false)
	f.Add(`[{"id":"a","days":"one"},null]`, false)
	f.Add(`[] []`, false)
	f.Fuzz(func(t *testing.T, file string, isCSV bool) {
		terms, err := law.ReadTerms(strings.NewReader(file), isCSV)
		if len(terms) > 200 {
			t.Errorf("%d rules", len(terms))
		}
		if err == nil {
			err = hub.CheckLegalTerms(terms)
		}
		if err != nil {
			for _, v := range hub.ViolationsOf(err) {
				if v.Kind != hub.KindInvalid && v.Kind != hub.KindTooLarge || v.Rule == "" || !named.MatchString(v.Field) {
					t.Errorf("%s %q [%s]: %v", v.Kind, v.Field, v.Rule, v)
				}
			}
			return
		}
		var b bytes.Buffer
		if err := law.WriteCSV(&b, terms); err != nil {
			t.Fatal(err)
		}
		if back, err := law.ReadTerms(&b, true); err != nil || !slices.Equal(back, terms) {
			t.Errorf("%+v become %+v: %v", terms, back, err)
		}
	})
}

// named are the fields by which a refusal says where it is about.
var named = regexp.MustCompile(`^terms(\[\d+\](\.[a-z]+)?)?$`)
