package web

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/lienthong/lienthong/hub"
)

// RoutingRules keeps the routing rules of an office.
type RoutingRules interface {
	Rules(ctx context.Context, actor hub.Actor, agency hub.AgencyID, version int64) (hub.RoutingRules, error)
	SetRules(ctx context.Context, actor hub.Actor, set hub.RoutingRules) (hub.RoutingRules, error)
	Try(ctx context.Context, actor hub.Actor, trial hub.RoutingTrial) (hub.RoutingTrialPart, error)
	Failures(ctx context.Context, actor hub.Actor, agency hub.AgencyID) ([]hub.RoutingFailure, error)
}

type rulesPage struct {
	hub.RoutingRules
	Failures   []hub.RoutingFailure
	Form       ruleForm
	Actions    []hub.RoutingAction
	Priorities []hub.Priority
	Trial      *hub.RoutingTrialPart // of the rule of the form; nil: none
	More       bool                  // the trial did not come to the end, or touched more than is shown
	Saved      bool
}

// ruleForm is a rule as typed.
type ruleForm struct {
	Name, Action, Types, Fields, Numbers, Senders, Recipients string
	Note, From, To, Priority, Days                            string
	Info                                                      bool
}

// The bounds of a trial on the page: parts of about a thousand documents, and lines.
const (
	shownParts   = 20
	shownTouches = 100
	trialDays    = "30"
)

func (x *exchange) rules() error {
	p := rulesPage{Saved: x.r.URL.Query().Get("saved") != "", Form: ruleForm{Action: string(hub.RouteCopy), Days: trialDays}}
	if x.r.URL.Query().Get("example") != "" {
		if x.NormativeRule == nil {
			return x.nothing()
		}
		rule, err := x.NormativeRule()
		if err != nil {
			return err
		}
		p.Form = formOf(rule)
	}
	return x.rulesShown(http.StatusOK, p, nil)
}

func (x *exchange) rulesShown(status int, p rulesPage, problems map[string]string) error {
	ctx, actor := x.r.Context(), x.visit.Actor
	var err error
	if p.RoutingRules, err = x.RoutingRules.Rules(ctx, actor, x.office(), 0); err != nil {
		return err
	}
	if p.Failures, err = x.RoutingRules.Failures(ctx, actor, x.office()); err != nil {
		return err
	}
	p.Actions = hub.RoutingActions()
	p.Priorities = []hub.Priority{hub.PriorityNormal, hub.PriorityUrgent, hub.PriorityVeryUrgent, hub.PriorityExpress, hub.PriorityTimed}
	return x.show(status, "rules", p, problems)
}

// formOf is a rule as the form shows it.
func formOf(r hub.RoutingRule) ruleForm {
	line := func(list []string) string { return strings.Join(list, "; ") }
	return ruleForm{
		Name: r.Name, Action: string(r.Action), Types: line(r.Types), Fields: line(r.Fields), Numbers: line(r.Numbers), Senders: line(r.Senders),
		Recipients: line(r.Recipients), Note: r.Note, From: string(r.ValidFrom), To: string(r.ValidTo), Priority: strconv.Itoa(int(r.Priority)), Info: r.ForInformation, Days: trialDays,
	}
}

// rule is what the form says. What is no number becomes one that no rule may have.
func (f *ruleForm) rule() hub.RoutingRule {
	list := func(text string) []string {
		found := strings.FieldsFunc(text, func(r rune) bool { return r == ';' || r == ',' || r == '\n' })
		return slices.DeleteFunc(found, func(s string) bool { return strings.TrimSpace(s) == "" })
	}
	priority, err := strconv.Atoi(f.Priority)
	if err != nil {
		priority = -1
	}
	return hub.RoutingRule{
		Name: f.Name, Action: hub.RoutingAction(f.Action), Types: list(f.Types), Fields: list(f.Fields), Numbers: list(f.Numbers), Senders: list(f.Senders),
		Recipients: list(f.Recipients), Note: f.Note, ValidFrom: hub.Date(f.From), ValidTo: hub.Date(f.To), Priority: hub.Priority(priority), ForInformation: f.Info,
	}
}

// addRule tries the rule of the form, or adds it to those in force.
func (x *exchange) addRule() error {
	get := x.r.PostFormValue
	p := rulesPage{Form: ruleForm{
		Name: get("name"), Action: get("action"), Types: get("types"), Fields: get("fields"), Numbers: get("numbers"), Senders: get("senders"), Recipients: get("recipients"),
		Note: get("note"), From: get("valid_from"), To: get("valid_to"), Priority: get("priority"), Info: get("for_information") != "", Days: get("days"),
	}}
	rule := p.Form.rule()
	if get("do") != "save" {
		return x.tryRule(p, rule)
	}
	set, err := x.RoutingRules.Rules(x.r.Context(), x.visit.Actor, x.office(), 0)
	if err != nil {
		return err
	}
	set.Rules = append(slices.Clip(set.Rules), rule)
	return x.keepRules(p, set, len(set.Rules)-1)
}

// keepRules puts a set into force that was made from the one on the page.
func (x *exchange) keepRules(p rulesPage, set hub.RoutingRules, added int) error {
	version, err := strconv.ParseInt(x.r.PostFormValue("version"), 10, 64)
	if err == nil && version != set.Version {
		return x.rulesShown(http.StatusConflict, p, map[string]string{"": x.texts.text(x.lang, "rule.version")})
	}
	if _, err := x.RoutingRules.SetRules(x.r.Context(), x.visit.Actor, set); err != nil {
		return x.rulesWrong(p, err, added)
	}
	return x.redirect("/rules?saved=1")
}

// rulesWrong shows the form again with what is wrong beside the fields.
func (x *exchange) rulesWrong(p rulesPage, err error, added int) error {
	if !again(err) {
		return err
	}
	problems := map[string]string{}
	place := fmt.Sprintf("rules[%d].", added)
	for _, v := range hub.ViolationsOf(err) {
		field, own := strings.CutPrefix(v.Field, place)
		if field, _, _ = strings.Cut(field, "["); !own && field != "days" {
			field = ""
		}
		named := *v
		named.Field = field
		text := x.explain(&named)
		if !strings.Contains(problems[field], text) {
			problems[field] = strings.TrimSpace(problems[field] + " " + text)
		}
	}
	return x.rulesShown(statusOf(hub.KindOf(hub.ViolationsOf(err)[0])), p, problems)
}

// tryRule says what the rule would have done.
func (x *exchange) tryRule(p rulesPage, rule hub.RoutingRule) error {
	days, err := strconv.Atoi(p.Form.Days)
	if err != nil {
		days = 0 // which is refused
	}
	trial := hub.RoutingTrial{Agency: x.office(), Rules: []hub.RoutingRule{rule}, Days: days}
	p.Trial = &hub.RoutingTrialPart{}
	for range shownParts {
		part, err := x.RoutingRules.Try(x.r.Context(), x.visit.Actor, trial)
		if err != nil {
			p.Trial = nil
			return x.rulesWrong(p, err, 0)
		}
		p.Trial.Looked += part.Looked
		p.Trial.Touched = append(p.Trial.Touched, part.Touched...)
		if trial.After = part.Next; trial.After == "" {
			break
		}
	}
	p.More = trial.After != "" || len(p.Trial.Touched) > shownTouches
	p.Trial.Touched = p.Trial.Touched[:min(len(p.Trial.Touched), shownTouches)]
	return x.rulesShown(http.StatusOK, p, nil)
}

// removeRule takes a rule away.
func (x *exchange) removeRule() error {
	set, err := x.RoutingRules.Rules(x.r.Context(), x.visit.Actor, x.office(), 0)
	if err != nil {
		return err
	}
	name := x.r.PostFormValue("name")
	set.Rules = slices.DeleteFunc(slices.Clone(set.Rules), func(r hub.RoutingRule) bool { return r.Name == name })
	return x.keepRules(rulesPage{Form: ruleForm{Action: string(hub.RouteCopy), Days: trialDays}}, set, -1)
}

// HasExample reports whether there is a rule to begin with.
func (v *view) HasExample() bool { return v.x.NormativeRule != nil }

// Conditions say which documents a rule means, a line each.
func (v *view) Conditions(r hub.RoutingRule) []string {
	var lines []string
	for name, list := range map[string][]string{"types": r.Types, "fields": r.Fields, "numbers": r.Numbers, "senders": r.Senders} {
		if len(list) > 0 {
			lines = append(lines, v.T("rules.if."+name, strings.Join(list, ", ")))
		}
	}
	slices.Sort(lines)
	if r.Priority > 0 {
		lines = append(lines, v.T("rules.if.priority", v.T(fmt.Sprintf("priority.%d", r.Priority))))
	}
	return lines
}
