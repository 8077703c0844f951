package directory

import (
	"context"
	"fmt"
	"slices"
	"time"

	"golang.org/x/text/unicode/norm"

	"github.com/lienthong/lienthong/hub"
)

// maxChanged is how many agencies one act may name.
const maxChanged = 1000

// Reorganise lets agencies be renamed, merged, split, moved or abolished from a day on,
// as one act, and says what that changes. A day that has gone by is allowed: decisions
// come late. It refuses, naming field and rule, what contradicts the directory, and then
// changes nothing. It needs ScopeOperate.
func (d *Directory) Reorganise(ctx context.Context, actor hub.Actor, wish hub.AgencyChange, dryRun bool) (hub.ImportReport, error) {
	if err := actor.Require(hub.ScopeOperate); err != nil {
		return hub.ImportReport{}, err
	}
	var report hub.ImportReport
	err := d.changing(ctx, func() ([]hub.Agency, error) {
		p := &plan{world: world{base: d.current.Load(), place: map[hub.AgencyID]int{}}, wish: wish}
		p.make()
		if err := p.found.AsError(); err != nil {
			return nil, err
		}
		report = p.report()
		record(p.merged, wish.Basis, d.now().UTC(), d.newID)
		if dryRun {
			return nil, nil
		}
		return p.merged, nil
	})
	if err != nil {
		return hub.ImportReport{}, err
	}
	return report, nil
}

// plan works out what an act makes of the directory.
type plan struct {
	world
	wish  hub.AgencyChange
	at    time.Time
	to    []hub.AgencyID
	name  string
	code  hub.Code
	found hub.Violations
}

func (p *plan) refuse(field, rule, format string, args ...any) {
	p.found = append(p.found, hub.Invalid(field, rule, format, args...))
}

func (p *plan) make() {
	p.check()
	if len(p.found) > 0 {
		return
	}
	for i, who := range p.wish.To {
		p.takeOver(fmt.Sprintf("to[%d]", i), who)
	}
	for i, who := range p.wish.From {
		p.change(fmt.Sprintf("from[%d]", i), who)
	}
	if len(p.found) > 0 {
		return
	}
	p.claim()
	for i := range p.merged {
		p.contradict(fmt.Sprintf("from[%d]", i), &p.merged[i])
	}
}

// check looks at the wish by itself.
func (p *plan) check() {
	w := p.wish
	if !slices.Contains(hub.ActKinds(), w.Kind) {
		p.refuse("kind", "kind", "an act is rename, merge, split, move or abolish, not %.20q", w.Kind)
		return
	}
	at, err := time.ParseInLocation(time.DateOnly, w.Day, hub.Vietnam())
	if err != nil || at.Year() < 1900 {
		p.refuse("day", "date", "%.20q is not a date of the form YYYY-MM-DD that exists", w.Day)
	}
	p.at = at.UTC()
	if rule := badText(w.Basis, maxBasis); rule != "" {
		p.refuse("basis", rule, "the basis is a text of at most %d characters", maxBasis)
	}
	if len(w.From) == 0 || len(w.From) > maxChanged {
		p.refuse("from", "count", "an act happens to between 1 and %d agencies", maxChanged)
	}
	p.checkTo()
	p.checkName()
}

func (p *plan) checkTo() {
	n := len(p.wish.To)
	switch p.wish.Kind {
	case hub.ActMerge, hub.ActMove:
		if n != 1 {
			p.refuse("to", "count", "a %s leads to one agency", p.wish.Kind)
		}
	case hub.ActSplit:
		if n < 2 || n > maxChanged || len(p.wish.From) != 1 {
			p.refuse("to", "count", "a split leads from one agency to several")
		}
	default:
		if n > 0 {
			p.refuse("to", "count", "a %s leads to no other agency", p.wish.Kind)
		}
	}
}

func (p *plan) checkName() {
	w := p.wish
	if w.Kind != hub.ActRename {
		if w.Name != "" || w.Code != "" {
			p.refuse("name", "rename", "a %s gives no new name or code", w.Kind)
		}
		return
	}
	p.name = norm.NFC.String(w.Name)
	switch rule := badName(p.name); {
	case len(w.From) != 1:
		p.refuse("from", "count", "one agency is renamed at a time")
	case p.name == "" && w.Code == "":
		p.refuse("name", "required", "a rename gives a new name, a new code or both")
	case p.name != "" && rule != "":
		p.refuse("name", rule, "a name has at most 200 characters and begins with a letter or a digit")
	}
	if w.Code == "" {
		return
	}
	code, err := hub.ParseCode(w.Code)
	if err != nil {
		v := hub.ViolationsOf(err)[0]
		p.refuse("code", v.Rule, "%s", v.Message)
	}
	p.code = code
}

// meant finds the agency that a code or id means at an instant.
func (p *plan) meant(field, who string, at time.Time) *hub.Agency {
	if a, ok := p.base.agency(hub.AgencyID(who)); ok {
		return a
	}
	held := p.base.lookUp(hub.Code(who), at)
	switch {
	case held.now == nil && held.before != nil:
		p.refuse(field, "closed", "the code %s was closed on %s", who, vietnamDate(held.before.valid.To))
		return nil
	case held.now == nil:
		p.refuse(field, "unknown_agency", "no agency has the code %.40q on that day", who)
		return nil
	}
	return held.now.agency
}

func (p *plan) takeOver(field, who string) {
	a := p.meant(field, who, p.at)
	switch {
	case a == nil:
	case !a.LivesAt(p.at):
		p.refuse(field, "closed", "%s is not open on that day", a.NameAt(p.at))
	case slices.Contains(p.to, a.ID):
		p.refuse(field, "duplicate", "%s is named twice", a.NameAt(p.at))
	default:
		p.to = append(p.to, a.ID)
	}
}

// change lets the act happen to one agency.
func (p *plan) change(field, who string) {
	eve := p.at.Add(-1)
	was := p.meant(field, who, eve)
	if was == nil {
		return
	}
	name := was.NameAt(eve)
	switch {
	case p.names(was.ID):
		p.refuse(field, "duplicate", "%s is named twice", name)
		return
	case slices.Contains(p.to, was.ID):
		p.refuse(field, "cycle", "%s cannot take over from itself or be above itself", name)
		return
	case !was.LivesAt(eve):
		p.refuse(field, "closed", "%s is not open on the eve of that day", name)
		return
	case p.wish.Kind.Closes() && !was.Valid.To.IsZero():
		p.refuse(field, "closed", "%s closes on %s already", name, vietnamDate(was.Valid.To))
		return
	case !p.wish.Kind.Closes() && !was.LivesAt(p.at):
		p.refuse(field, "closed", "%s is closed on that day", name)
		return
	}
	a := *was
	if !p.become(field, &a) {
		return
	}
	p.place[a.ID] = len(p.merged)
	p.merged = append(p.merged, a)
}

// become gives an agency what the act makes of it.
func (p *plan) become(field string, a *hub.Agency) bool {
	v := revision{at: p.at, change: true}
	switch p.wish.Kind {
	case hub.ActRename:
		if changesAfter(a.Names, p.at) || changesAfter(a.Codes, p.at) {
			p.refuse(field, "later_change", "a name or code of the agency changes after that day already")
			return false
		}
		if p.name != "" {
			a.Names = reviseOne(a.Names, p.name, v)
		}
		if p.code != "" {
			a.Codes = reviseCodes(a.Codes, p.codesWith(a), v)
		}
	case hub.ActMove:
		if changesAfter(a.Parents, p.at) {
			p.refuse(field, "later_change", "the agency moves again after that day already")
			return false
		}
		a.Parents = reviseOne(a.Parents, p.to[0], v)
	default:
		a.Valid.To, a.Successors = p.at, p.to
	}
	return true
}

// codesWith lists the codes of the agency with the new one in the place of the primary
// one; further ones stay.
func (p *plan) codesWith(a *hub.Agency) []hub.Code {
	codes := []hub.Code{p.code}
	primary := a.CodeAt(p.at)
	for _, c := range a.Codes {
		if c.Valid.Contains(p.at) && c.Value != primary && c.Value != p.code {
			codes = append(codes, c.Value)
		}
	}
	return codes
}

func changesAfter[T any](list []hub.Dated[T], at time.Time) bool {
	return slices.ContainsFunc(list, func(d hub.Dated[T]) bool { return d.Valid.From.After(at) || d.Valid.To.After(at) })
}

// contradict refuses what would not fit together.
func (p *plan) contradict(field string, a *hub.Agency) {
	if p.underItself(a) || p.inheritsFromItself(a) {
		p.refuse(field, "cycle", "%s would come to stand above itself or take over from itself", a.NameAt(p.at))
	}
	for _, c := range a.Codes {
		if other, ok := p.rival(a, c.Value); ok {
			p.refuse("code", "code_taken", "the code %s belongs to %s at the same time", c.Value, other.NameAt(p.at))
		}
	}
}

func (p *plan) report() hub.ImportReport {
	var report hub.ImportReport
	codeOf := func(id hub.AgencyID) hub.Code {
		if a, ok := p.after(id); ok {
			return a.CodeAt(standing(a.Valid, p.at))
		}
		return ""
	}
	for i := range p.merged {
		a := &p.merged[i]
		was, _ := p.base.agency(a.ID)
		change, differences := difference(cellsOf(was, p.at, codeOf), cellsOf(a, p.at, codeOf))
		if change == "" {
			report.Unchanged++
			continue
		}
		report.Changed++
		report.Rows = append(report.Rows, hub.ImportRow{Line: i + 1, Code: codeOf(a.ID), Change: change, Differences: differences})
	}
	return report
}
