package app_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/lienthong/lienthong/adapters/hubclient"
	"github.com/lienthong/lienthong/hub"
)

// TestWhatIsRefusedChangesNothing drives what an operator and an agency get wrong over time
// (parents in a circle, times that overlap, a code that nobody has, a deadline that is past,
// a rule that loops) through the API and through the pages that have the act. Row, field and
// rule are named, and directory, rules and documents are as before. The script refusals has
// the same for the command line.
func TestWhatIsRefusedChangesNothing(t *testing.T) {
	t.Parallel()
	const third = "000.00.13.H47"
	h, clerk := author(t)
	operator := h.client(t, h.operatorKey(t))
	issued, err := operator.IssueKey(t.Context(), hubclient.NewKey{
		Name: "rules", Kind: hub.ActorSystem, Agencies: []string{sender, recipient, third}, Scopes: []hub.Scope{hub.ScopeAccounts, hub.ScopeSubmit, hub.ScopeRead},
	})
	if err != nil {
		t.Fatal(err)
	}
	agency := h.client(t, issued.Secret)
	forward := func(name, to string) []hub.RoutingRule {
		return []hub.RoutingRule{{Name: name, Action: hub.RouteForward, Recipients: []string{to}}}
	}
	setRules := func(of string, rules []hub.RoutingRule) error {
		_, err := agency.SetRoutingRules(t.Context(), hub.RoutingRules{Agency: hub.AgencyID(of), Rules: rules})
		return err
	}
	if err := setRules("snv", forward("Chuyển Sở Giáo dục", third)); err != nil {
		t.Fatal(err)
	}
	operatorPage := h.signIn(t, "van.hanh", member("", hub.RoleOperator))
	thirdPage := h.signIn(t, "quan.tri", member("sgd", hub.RoleAdministrator))
	var whole bytes.Buffer
	if err := operator.ExportHistory(t.Context(), &whole); err != nil {
		t.Fatal(err)
	}
	imports := func(list string) error {
		_, err := operator.ImportAgencies(t.Context(), strings.NewReader(list), false)
		return err
	}
	const row = "000.00.14.H47,Sở Mới (hư cấu),department,,"
	submits := func(change func(*hub.Submission)) error {
		sub := submission("refused")
		change(&sub)
		_, err := agency.Submit(t.Context(), sub, original("Nội dung."), nil)
		return err
	}
	rule := func(code string) page {
		return thirdPage.post("/rules", "version", "0", "name", "Quay lại", "action", "forward", "recipients", code, "priority", "0", "days", "30", "do", "save")
	}
	cases := []struct {
		name, says string // the field, after the row where there is one, and the rule
		api        error
		page       *page
		shows      []string
	}{
		{
			name: "parents in a circle", says: "rows[2].parent_code [cycle]: line 2",
			api: imports(strings.Replace(agencies, "province,,,", "province,,000.00.12.H47,", 1)),
		},
		{
			name: "an agency under itself", says: "[cycle]",
			api:  reorganises(t, operator, hub.AgencyChange{Kind: hub.ActMove, Day: "2030-07-01", From: []string{sender}, To: []string{recipient}}),
			page: post(operatorPage, "/agencies/h47/acts", "kind", "move", "on", "2030-07-01", "to", recipient, "do", "record"), shows: []string{`id="wrong-on"`, "trực thuộc chính mình"},
		},
		{
			name: "times that overlap", says: ".valid [overlap]",
			api: func() error {
				text := strings.Replace(whole.String(), `"names":[{"value":"Sở Nội vụ (hư cấu)"}]`,
					`"names":[{"value":"Sở Nội vụ (hư cấu)","valid":{"to":"2030-12-31T17:00:00Z"}},{"value":"Sở Mới (hư cấu)","valid":{"from":"2030-12-30T17:00:00Z"}}]`, 1)
				if text == whole.String() {
					t.Fatal(text)
				}
				_, err := operator.ImportList(t.Context(), strings.NewReader(text), hub.ImportOptions{Format: hub.ListJSON})
				return err
			}(),
		},
		{
			name: "a code that nobody has", says: "rows[4].parent_code [unknown_agency]: line 4",
			api: imports(agencies + "moi," + row + "000.00.99.H47,,,true,,,,\n"),
		},
		{
			name: "a recipient that nobody is", says: "recipients[0] [unknown_agency]",
			api:  submits(func(s *hub.Submission) { s.Recipients = []string{"000.00.99.H47"} }),
			page: pressed(clerk.press("check", clerk.get("/send").carries(append(typedLetter(), "to", "000.00.99.H47")...).with("original", "174.pdf", signedPDF(t)))), shows: []string{`id="wrong-to"`, "000.00.99.H47"},
		},
		{
			name: "a deadline that is past", says: "tasks[0].due [past]",
			api: submits(func(s *hub.Submission) {
				s.Tasks = []hub.TaskWish{{Content: "Trả lời", Lead: recipient, TaskTerm: hub.TaskTerm{Due: "2020-02-27"}}}
			}),
		},
		{
			name: "a rule that loops", says: "rules[0].recipients[0] [loop]",
			api:  setRules("sgd", forward("Quay lại", recipient)),
			page: pressed(rule(recipient)), shows: []string{`id="wrong-recipients"`, "Quay lại"},
		},
	}
	for _, c := range cases {
		if c.api == nil || !strings.Contains(c.api.Error(), c.says) {
			t.Errorf("%s: the API says %v, want %q", c.name, c.api, c.says)
		}
		if c.page != nil {
			c.page.shows(t, c.shows...)
		}
	}
	var after bytes.Buffer
	if err := operator.ExportHistory(t.Context(), &after); err != nil || after.String() != whole.String() {
		t.Errorf("the directory has changed, %v:\n%s\nit was\n%s", err, after.String(), whole.String())
	}
	if set, err := agency.RoutingRules(t.Context(), "sgd", 0); err != nil || set.Version != 0 {
		t.Errorf("the rules are %+v, %v", set, err)
	}
	if got := clerk.get("/sent"); strings.Contains(got.text, `href="/sent/`) {
		t.Error("something was sent")
	}
}

func reorganises(t *testing.T, c *hubclient.Client, change hub.AgencyChange) error {
	t.Helper()
	_, err := c.Reorganise(t.Context(), change, false)
	return err
}

func post(p *person, path string, pairs ...string) *page { return pressed(p.post(path, pairs...)) }

func pressed(p page) *page { return &p }
