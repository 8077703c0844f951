package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/lienthong/lienthong/adapters/hubclient"
	"github.com/lienthong/lienthong/cmd/lienthong/internal/text"
	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/hub/routing"
)

type ruleCommand struct {
	Show     ruleShow     `cmd:"" help:"Show the routing rules of an agency; with --json in the form that set takes."`
	Set      ruleSet      `cmd:"" help:"Put the rules of a file into force, in the place of all before (administrator of the agency)."`
	Example  ruleExample  `cmd:"" help:"Print the rule that copies normative documents (văn bản quy phạm pháp luật) to who inspects them."`
	Test     ruleTest     `cmd:"" help:"Say what rules would have done with past traffic; nothing is changed."`
	Failures ruleFailures `cmd:"" help:"List forwards that rules could not make; the hub tries them again until they end."`
}

type ruleShow struct {
	keeper  `embed:""`
	Version int64 `help:"An earlier version; without it, the rules in force."`
}

// Run shows rules.
func (c *ruleShow) Run(ctx context.Context, e *env) error {
	client, err := c.client(e)
	if err != nil {
		return err
	}
	set, err := client.RoutingRules(ctx, c.Agency, c.Version)
	if err != nil {
		return err
	}
	return e.print(set, func(w io.Writer) { printRouting(w, &set) })
}

func printRouting(w io.Writer, set *hub.RoutingRules) {
	if set.Version == 0 {
		fmt.Fprintln(w, "there never were any rules")
		return
	}
	fmt.Fprintf(w, "version %d, set by %s on %s, %d rules\n", set.Version, set.SetBy, text.Clock(set.SetAt), len(set.Rules))
	if len(set.Rules) == 0 {
		return
	}
	t := text.Table{Head: []string{"RULE", "ACTION", "DOCUMENTS", "RECIPIENTS", "VALID"}}
	for i := range set.Rules {
		r := &set.Rules[i]
		valid := string(r.ValidFrom)
		if r.ValidTo != "" {
			valid += " until " + string(r.ValidTo)
		}
		t.Add(text.Short(r.Name, 50), string(r.Action), text.Short(documents(r), 60), strings.Join(r.Recipients, ","), valid)
	}
	t.Write(w)
}

// documents says which documents a rule means.
func documents(r *hub.RoutingRule) string {
	var parts []string
	for _, c := range []struct {
		name string
		list []string
	}{{"type", r.Types}, {"field", r.Fields}, {"number", r.Numbers}, {"sender", r.Senders}} {
		if len(c.list) > 0 {
			parts = append(parts, c.name+" "+strings.Join(c.list, "|"))
		}
	}
	if r.Priority > 0 {
		parts = append(parts, fmt.Sprintf("urgency from %d", r.Priority))
	}
	if len(parts) == 0 {
		return "all"
	}
	return strings.Join(parts, "; ")
}

type ruleSet struct {
	keeper `embed:""`
	File   string `arg:"" help:"JSON file with the rules as show --json prints them; - for the input. A version in it must be the one in force."`
}

// Run puts rules into force.
func (c *ruleSet) Run(ctx context.Context, e *env) error {
	set, err := readRules(e, c.File)
	if err != nil {
		return err
	}
	client, err := c.client(e)
	if err != nil {
		return err
	}
	if c.Agency != "" {
		set.Agency = hub.AgencyID(c.Agency)
	}
	saved, err := client.SetRoutingRules(ctx, set)
	if err != nil {
		return err
	}
	return e.print(saved, func(w io.Writer) { printRouting(w, &saved) })
}

func readRules(e *env, file string) (set hub.RoutingRules, err error) {
	body, err := readFileOr(e.Stdin, file)
	if err != nil {
		return set, hub.Invalid("file", "file", "%v", err)
	}
	d := json.NewDecoder(strings.NewReader(string(body)))
	d.DisallowUnknownFields()
	if err := d.Decode(&set); err != nil {
		return set, hub.Invalid("file", "json", "%s: %v", file, err)
	}
	return set, nil
}

// maxRulesFile is more than a set of rules can be.
const maxRulesFile = 4 << 20

// readFileOr reads a file, or the input for "-".
func readFileOr(input io.Reader, file string) ([]byte, error) {
	if file == "-" {
		return io.ReadAll(io.LimitReader(input, maxRulesFile))
	}
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, maxRulesFile))
}

type ruleExample struct {
	Recipient string `arg:"" help:"Code of who inspects normative documents: the Department of Justice."`
}

// Run prints the example.
func (c *ruleExample) Run(e *env) error {
	rules, err := routing.Normative(c.Recipient)
	if err != nil {
		return err
	}
	out := json.NewEncoder(e.Stdout)
	out.SetEscapeHTML(false)
	out.SetIndent("", "  ")
	return out.Encode(struct {
		Rules []hub.RoutingRule `json:"rules"`
	}{rules})
}

type ruleTest struct {
	keeper `embed:""`
	File   string `arg:"" optional:"" help:"JSON file with the rules to test; without it, those in force."`
	Days   int    `default:"30" help:"How many past days to look at; at most 366."`
}

// Run tries rules.
func (c *ruleTest) Run(ctx context.Context, e *env) error {
	trial := hubclient.RoutingTrial{Agency: c.Agency, Days: c.Days}
	if c.File != "" {
		set, err := readRules(e, c.File)
		if err != nil {
			return err
		}
		if trial.Rules = set.Rules; trial.Rules == nil {
			return hub.Invalid("rules", "required", "%s has no rules", c.File)
		}
	}
	client, err := c.client(e)
	if err != nil {
		return err
	}
	found := hub.RoutingTrialPart{Touched: []hub.RoutingTouch{}}
	for {
		part, err := client.TryRoutingRules(ctx, trial)
		if err != nil {
			return err
		}
		found.Looked += part.Looked
		found.Touched = append(found.Touched, part.Touched...)
		if part.Next == "" {
			break
		}
		trial.After = part.Next
		fmt.Fprintf(e.Stderr, "looked at %d documents, %d touched\n", found.Looked, len(found.Touched))
	}
	return e.print(found, func(w io.Writer) {
		fmt.Fprintf(w, "of %d documents in %d days:\n", found.Looked, c.Days)
		if len(found.Touched) == 0 {
			fmt.Fprintln(w, "none would have been touched")
			return
		}
		t := text.Table{Head: []string{"NUMBER", "SENT", "RULE", "ACTION", "RECIPIENT", "OUTCOME"}}
		for _, touch := range found.Touched {
			t.Add(touch.Number, text.Clock(touch.At), text.Short(touch.Rule, 40), string(touch.Action), touch.Recipient, strings.TrimSpace(string(touch.Outcome)+" "+text.Short(touch.Problem, 60)))
		}
		t.Write(w)
	})
}

type ruleFailures struct {
	keeper `embed:""`
}

// Run lists failures.
func (c *ruleFailures) Run(ctx context.Context, e *env) error {
	client, err := c.client(e)
	if err != nil {
		return err
	}
	list, err := client.RoutingFailures(ctx, c.Agency)
	if err != nil {
		return err
	}
	return e.print(list, func(w io.Writer) {
		if len(list) == 0 {
			fmt.Fprintln(w, "no forward failed")
			return
		}
		t := text.Table{Head: []string{"NUMBER", "RULE", "RECIPIENT", "DELIVERY", "ATTEMPTS", "NEXT", "PROBLEM"}}
		for i := range list {
			f := &list[i]
			next := text.Clock(f.Next)
			if !f.Ended.IsZero() {
				next = "ended " + text.Clock(f.Ended)
			}
			t.Add(f.Number, text.Short(f.Rule.Name, 40), f.Recipient, string(f.Delivery), fmt.Sprint(f.Attempts), next, text.Short(f.Problem, 80))
		}
		t.Write(w)
	})
}
