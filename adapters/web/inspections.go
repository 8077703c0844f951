package web

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/lienthong/lienthong/hub"
)

// Inspections keeps inspections of normative documents and of agencies.
type Inspections interface {
	InspectionLists
	Visit(ctx context.Context, actor hub.Actor, wish hub.InspectionWish) (view hub.InspectionView, made bool, err error)
	Act(ctx context.Context, actor hub.Actor, id hub.InspectionID, order hub.InspectionOrder) (hub.InspectionView, error)
}

// InspectionLists shows inspections, and counts them.
type InspectionLists interface {
	List(ctx context.Context, actor hub.Actor, query hub.InspectionQuery) (hub.List[hub.InspectionView], error)
	Show(ctx context.Context, actor hub.Actor, id hub.InspectionID) (hub.InspectionView, error)
	Figures(ctx context.Context, actor hub.Actor, agency hub.AgencyID, period hub.Period) (hub.InspectionFigures, error)
	Counted(ctx context.Context, actor hub.Actor, agency hub.AgencyID, period hub.Period, measure hub.InspectionMeasure, page hub.Page) (hub.List[hub.InspectionView], error)
}

type inspectionsPage struct {
	State, Kind, Year string
	Measure           hub.InspectionMeasure
	States            []hub.InspectionState
	Kinds             []hub.InspectionKind
	Figures           []inspectionFigure // of the year
	More              bool               // there are more than were counted
	Rows              []hub.InspectionView
	First, Follow     string
	Partial           bool
	Registers         bool // the person may register a visit
}

type inspectionFigure struct {
	Measure hub.InspectionMeasure
	Count   int
}

func (p *inspectionsPage) address(extra ...string) string {
	return "/inspections?" + query(append([]string{"state", p.State, "kind", p.Kind, "year", p.Year, "measure", string(p.Measure)}, extra...)...)
}

// inspections lists those that the office makes, or that recommend something to it; with a
// number those behind it.
func (x *exchange) inspections() error {
	q := x.r.URL.Query()
	p := inspectionsPage{
		State: q.Get("state"), Kind: q.Get("kind"), Year: q.Get("year"), Measure: hub.InspectionMeasure(q.Get("measure")),
		States: hub.InspectionStates(), Kinds: hub.InspectionKinds(), Registers: x.visit.Actor.Has(hub.ScopeSubmit),
	}
	if p.Year == "" {
		p.Year = strconv.Itoa(x.Now().In(hub.Vietnam()).Year())
	}
	ctx, actor, page := x.r.Context(), x.visit.Actor, hub.Page{After: q.Get("after"), Limit: rows}
	figures, err := x.Inspections.Figures(ctx, actor, x.office(), hub.Period(p.Year))
	if err != nil {
		return err
	}
	p.More = figures.More
	for _, m := range hub.InspectionMeasures() {
		p.Figures = append(p.Figures, inspectionFigure{m, figures.Counts[m]})
	}
	var found hub.List[hub.InspectionView]
	if p.Measure != "" {
		found, err = x.Inspections.Counted(ctx, actor, x.office(), hub.Period(p.Year), p.Measure, page)
	} else {
		found, err = x.Inspections.List(ctx, actor, hub.InspectionQuery{Agency: x.office(), State: hub.InspectionState(p.State), Kind: hub.InspectionKind(p.Kind), Page: page})
	}
	if err != nil {
		return err
	}
	p.Rows, p.Partial = found.Items, found.Next != "" && len(found.Items) < rows
	if found.Next != "" {
		p.Follow = p.address("after", found.Next)
	}
	if page.After != "" {
		p.First = p.address()
	}
	return x.show(http.StatusOK, "inspections", &p, nil)
}

// visitForm is what was typed about a visit.
type visitForm struct {
	fields map[string]string
	Kinds  []hub.InspectionKind
}

// Get returns what was typed into a field.
func (f *visitForm) Get(field string) string { return f.fields[field] }

// newVisit offers the form for a visit.
func (x *exchange) newVisit() error {
	return x.showVisit(http.StatusOK, map[string]string{"key": x.NewID(), "day": x.today()}, nil)
}

func (x *exchange) showVisit(status int, typed, problems map[string]string) error {
	kinds := slices.DeleteFunc(hub.InspectionKinds(), func(k hub.InspectionKind) bool { return !k.Visit() })
	return x.show(status, "inspectionnew", &visitForm{typed, kinds}, problems)
}

// registerVisit records the inspection of an agency.
func (x *exchange) registerVisit() error {
	typed := x.typedOf("key", "subject", "kind", "day", "title")
	wish := hub.InspectionWish{Agency: x.office(), Kind: hub.InspectionKind(typed["kind"]), Day: hub.Date(typed["day"]), Title: typed["title"], Key: typed["key"]}
	var err error
	if wish.Subject, err = x.oneAgency(typed["subject"]); err != nil {
		return x.showVisit(http.StatusUnprocessableEntity, typed, map[string]string{"subject": x.problems(err)[""]})
	}
	v, _, err := x.Inspections.Visit(x.r.Context(), x.visit.Actor, wish)
	switch {
	case err != nil && again(err):
		return x.showVisit(statusOf(hub.KindOf(err)), typed, x.inspectionProblems(err))
	case err != nil:
		return err
	}
	return x.redirect("/inspections/" + url.PathEscape(string(v.ID)) + "?done=1")
}

// typedOf are fields of a form as they were typed.
func (x *exchange) typedOf(names ...string) map[string]string {
	typed := make(map[string]string, len(names))
	for _, name := range names {
		typed[name] = strings.TrimSpace(x.r.PostFormValue(name))
	}
	return typed
}

// inspectionProblems are what is wrong, beside the field that it is wrong with.
func (x *exchange) inspectionProblems(err error) map[string]string {
	fields := []string{"item", "verdict", "finding", "outcome", "dispatch", "number", "day", "text", "subject", "kind", "title"}
	found := map[string]string{}
	for _, v := range hub.ViolationsOf(err) {
		field := v.Field
		if !slices.Contains(fields, field) {
			field = ""
		}
		text, ok := x.texts[x.lang]["inspection.wrong."+v.Rule]
		if !ok {
			text = x.explain(v)
		}
		found[field] = strings.TrimSpace(found[field] + " " + text)
	}
	return found
}

type inspectionPage struct {
	hub.InspectionView
	fields    map[string]string
	Acts      []hub.InspectionAct // that the person may do now
	Items     []hub.InspectionItem
	Verdicts  []hub.InspectionVerdict
	Faults    []hub.InspectionFinding
	Outcomes  []hub.InspectionOutcome
	Documents []decisionRow // that the office sent last
	Done      bool
}

// Get returns what was typed into a field.
func (p *inspectionPage) Get(field string) string { return p.fields[field] }

// Has reports whether the person may do an act now.
func (p *inspectionPage) Has(act string) bool {
	return slices.Contains(p.Acts, hub.InspectionAct(act))
}

// inspection shows one.
func (x *exchange) inspection() error {
	return x.showInspection(http.StatusOK, map[string]string{}, nil)
}

func (x *exchange) showInspection(status int, typed, problems map[string]string) error {
	v, err := x.Inspections.Show(x.r.Context(), x.visit.Actor, hub.InspectionID(x.r.PathValue("inspection")))
	if err != nil {
		return err
	}
	if typed["key"] == "" {
		typed["key"] = x.NewID()
	}
	p := inspectionPage{InspectionView: v, fields: typed, Done: x.r.URL.Query().Get("done") != "", Acts: x.inspectionActs(&v)}
	if !v.Kind.Visit() {
		p.Items, p.Verdicts = hub.InspectionItems(), hub.InspectionVerdicts()
	}
	p.Faults = slices.DeleteFunc(hub.InspectionFindings(), func(f hub.InspectionFinding) bool { return !f.Of(v.Kind) })
	p.Outcomes = slices.DeleteFunc(hub.InspectionOutcomes(), func(o hub.InspectionOutcome) bool { return !o.Of(v.Kind) })
	if p.Has(string(hub.InspectRecommend)) {
		if p.Documents, err = x.decisions(); err != nil {
			return err
		}
	}
	return x.show(status, "inspection", &p, problems)
}

// inspectionActs are the acts that the office may do as the inspection stands.
func (x *exchange) inspectionActs(v *hub.InspectionView) []hub.InspectionAct {
	if x.visit.Actor.SpeaksFor(x.office(), hub.ScopeSubmit) != nil {
		return nil
	}
	if x.office() != v.Agency {
		if v.Waits && slices.Contains(v.Parties, x.office()) {
			return []hub.InspectionAct{hub.InspectExplain}
		}
		return nil
	}
	if v.State == hub.InspectionConcluded {
		return []hub.InspectionAct{hub.InspectReopen}
	}
	var acts []hub.InspectionAct
	if !v.Kind.Visit() {
		acts = append(acts, hub.InspectCheck)
	}
	acts = append(acts, hub.InspectFind)
	if len(v.Findings) > 0 {
		acts = append(acts, hub.InspectRecommend)
	}
	if v.State == hub.InspectionRecommended {
		acts = append(acts, hub.InspectReceive)
	}
	return append(acts, hub.InspectConclude)
}

// actOnInspection records what the office does. Only the fields that go with the act count.
func (x *exchange) actOnInspection() error {
	typed := x.typedOf("act", "item", "verdict", "finding", "outcome", "dispatch", "number", "day", "text", "key")
	order := hub.InspectionOrder{Agency: x.office(), Act: hub.InspectionAct(typed["act"]), Text: typed["text"], Key: typed["key"]}
	switch order.Act {
	case hub.InspectCheck:
		order.Item, order.Verdict = hub.InspectionItem(typed["item"]), hub.InspectionVerdict(typed["verdict"])
	case hub.InspectFind:
		order.Finding = hub.InspectionFinding(typed["finding"])
	case hub.InspectRecommend:
		order.Dispatch = hub.DispatchID(typed["dispatch"])
	case hub.InspectReceive:
		order.Number, order.Day = typed["number"], hub.Date(typed["day"])
	case hub.InspectConclude:
		order.Outcome = hub.InspectionOutcome(typed["outcome"])
		if order.Outcome.ByDocument() {
			order.Number, order.Day = typed["number"], hub.Date(typed["day"])
		}
	}
	id := hub.InspectionID(x.r.PathValue("inspection"))
	_, err := x.Inspections.Act(x.r.Context(), x.visit.Actor, id, order)
	switch {
	case err != nil && again(err):
		return x.showInspection(statusOf(hub.KindOf(err)), typed, x.inspectionProblems(err))
	case err != nil:
		return err
	}
	return x.redirect("/inspections/" + url.PathEscape(string(id)) + "?done=1")
}
