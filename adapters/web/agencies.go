package web

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/lienthong/lienthong/hub"
)

// agencyRow is an agency as it is on a day.
type agencyRow struct {
	ID        hub.AgencyID
	Code      hub.Code
	Name      string
	Level     hub.Level
	Registers bool
	Arrival   bool // the hub reports for it that a document has come
}

func rowOf(a *hub.Agency, at time.Time) agencyRow {
	r := agencyRow{ID: a.ID, Code: a.CodeAt(at), Name: a.NameAt(at), Registers: a.Registers, Arrival: a.ReportsArrival}
	r.Level, _ = hub.At(a.Levels, at)
	return r
}

func rowsOf(list []hub.Agency, at time.Time) []agencyRow {
	found := make([]agencyRow, len(list))
	for i := range list {
		found[i] = rowOf(&list[i], at)
	}
	return found
}

// asOf is the day that a page about agencies shows. Past is for a day that is not today.
type asOf struct {
	Day   string // in a form; empty: now
	at    time.Time
	wrong bool
}

func (x *exchange) asOf() asOf {
	day := x.r.URL.Query().Get("day")
	t, err := time.ParseInLocation(time.DateOnly, day, hub.Vietnam())
	if day == "" || err != nil {
		return asOf{at: x.Now(), wrong: day != ""}
	}
	return asOf{Day: day, at: t}
}

func (d asOf) problems(x *exchange) map[string]string {
	if !d.wrong {
		return nil
	}
	return map[string]string{"day": x.texts.text(x.lang, "agency.day_wrong")}
}

// At returns the day for an address.
func (d asOf) At() string {
	if d.Day == "" {
		return ""
	}
	return "?day=" + d.Day
}

type agenciesPage struct {
	asOf
	Text          string
	Agencies      []agencyRow
	First, Follow string
}

// Rows are what the table shows.
func (p agenciesPage) Rows() []agencyRow { return p.Agencies }

// agencies shows the top of the tree, or what a search finds, on a day.
func (x *exchange) agencies() error {
	q := x.r.URL.Query()
	p := agenciesPage{asOf: x.asOf(), Text: strings.TrimSpace(q.Get("q"))}
	if p.Text == "" {
		p.Agencies = rowsOf(x.Directory.Tops(p.at), p.at)
		return x.show(http.StatusOK, "agencies", p, p.problems(x))
	}
	if q.Get("after") != "" {
		p.First = "/agencies?" + query("q", p.Text, "day", p.Day)
	}
	found := x.Directory.Search(p.Text, p.at, hub.Page{After: q.Get("after"), Limit: 2 * rows})
	p.Agencies = rowsOf(found.Items, p.at)
	if found.Next != "" {
		p.Follow = "/agencies?" + query("q", p.Text, "day", p.Day, "after", found.Next)
	}
	return x.show(http.StatusOK, "agencies", p, p.problems(x))
}

// agencySpan is a value of an agency with the time during which it holds.
type agencySpan struct {
	What, Value string
	Valid       hub.Interval
}

type agencyPage struct {
	asOf
	agencyRow
	Above        []agencyRow // from the top down to the parent
	Under        []agencyRow
	Spans        []agencySpan
	Valid        hub.Interval
	Predecessors []agencyRow
	Successors   []agencyRow
	Acts         []hub.Reorganisation
	Kinds        []hub.ActKind
	Change       hub.AgencyChange // as typed
	To           string
	Report       *hub.ImportReport // of a dry run

	Closed            bool          // it can be handed over
	HandTo, HandBasis string        // as typed
	HandOver          *hub.HandOver // what is handed over, or would be
	Handed, HandOpen  bool
}

// Children are what the table below the agency shows.
func (p agencyPage) Children() agenciesPage { return agenciesPage{asOf: p.asOf, Agencies: p.Under} }

// agency shows one agency with all that it ever was.
func (x *exchange) agency() error { return x.showAgency(http.StatusOK, agencyPage{}, nil) }

// reorganise lets an act happen to an agency, after it has shown what that would change.
func (x *exchange) reorganise() error {
	value := func(name string) string { return strings.TrimSpace(x.r.PostFormValue(name)) }
	p := agencyPage{To: value("to"), Change: hub.AgencyChange{
		Kind: hub.ActKind(value("kind")), Day: value("on"), From: []string{x.r.PathValue("agency")}, To: strings.Fields(value("to")),
		Name: value("name"), Code: value("code"), Basis: value("basis"),
	}}
	report, err := x.Registry.Reorganise(x.r.Context(), x.visit.Actor, p.Change, value("do") != "record")
	switch {
	case err != nil && again(err):
		problems := map[string]string{}
		for _, v := range hub.ViolationsOf(err) {
			field, _, _ := strings.Cut(v.Field, "[")
			if !slices.Contains([]string{"kind", "to", "name", "code", "basis"}, field) {
				field = "on" // of the day, and of the agency on that day
			}
			of := *v
			of.Field = "act" // the texts of its rules
			problems[field] = strings.TrimSpace(problems[field] + " " + x.explain(&of))
		}
		return x.showAgency(http.StatusUnprocessableEntity, p, problems)
	case err != nil:
		return err
	case value("do") == "record":
		return x.redirect("/agencies/" + url.PathEscape(x.r.PathValue("agency")))
	}
	p.Report = &report
	return x.showAgency(http.StatusOK, p, nil)
}

func (x *exchange) showAgency(status int, p agencyPage, problems map[string]string) error {
	h, ok := x.Directory.History(hub.AgencyID(x.r.PathValue("agency")))
	if !ok {
		return hub.Errorf(hub.KindNotFound, "", "unknown_agency", "no agency has this id")
	}
	p.asOf, p.Valid, p.Acts, p.Kinds = x.asOf(), h.Agency.Valid, h.Acts, hub.ActKinds()
	p.Closed = !p.Valid.To.IsZero() && !x.Now().Before(p.Valid.To)
	p.agencyRow = rowOf(h.Agency, p.at)
	p.Above = x.above(h.Agency, p.at)
	p.Under = rowsOf(x.Directory.Under([]hub.AgencyID{h.Agency.ID}, p.at)[h.Agency.ID], p.at)
	p.Spans = x.spans(h.Agency)
	p.Predecessors, p.Successors = x.rowsByID(h.Predecessors), x.rowsByID(h.Successors)
	if problems == nil {
		problems = p.problems(x)
	}
	return x.show(status, "agency", p, problems)
}

// deepest bounds the way up: no tree of government comes near.
const deepest = 20

func (x *exchange) above(a *hub.Agency, at time.Time) []agencyRow {
	var way []agencyRow
	for range deepest {
		parent, ok := hub.At(a.Parents, at)
		if !ok {
			break
		}
		if a, ok = x.Directory.ByID(parent); !ok {
			break
		}
		way = append(way, rowOf(a, at))
	}
	slices.Reverse(way)
	return way
}

func (x *exchange) rowsByID(ids []hub.AgencyID) []agencyRow {
	var list []agencyRow
	for _, id := range ids {
		if a, ok := x.Directory.ByID(id); ok {
			list = append(list, rowOf(a, x.Now()))
		}
	}
	return list
}

// spans lists every value with its time, kinds of values one after the other.
func (x *exchange) spans(a *hub.Agency) []agencySpan {
	var list []agencySpan
	list = addSpans(list, "name", a.Names, func(s string) string { return s })
	list = addSpans(list, "code", a.Codes, func(c hub.Code) string { return string(c) })
	list = addSpans(list, "level", a.Levels, func(l hub.Level) string { return x.texts.text(x.lang, "level."+string(l)) })
	list = addSpans(list, "kind", a.Kinds, func(s string) string { return s })
	named := func(id hub.AgencyID) string {
		if other, ok := x.Directory.ByID(id); ok {
			return other.NameAt(x.Now())
		}
		return string(id)
	}
	list = addSpans(list, "parent", a.Parents, named)
	list = addSpans(list, "received_by", a.ReceivedBy, named)
	list = addSpans(list, "contact", a.Contacts, func(c hub.Contact) string {
		known := slices.DeleteFunc([]string{c.Address, c.Email, c.Telephone, c.Fax, c.Website}, func(s string) bool { return s == "" })
		return strings.Join(known, ", ")
	})
	return addSpans(list, "channel", a.Channels, func(c hub.Channel) string { return x.texts.text(x.lang, "channel."+string(c)) })
}

func addSpans[T any](list []agencySpan, what string, values []hub.Dated[T], text func(T) string) []agencySpan {
	for _, v := range values {
		list = append(list, agencySpan{What: what, Value: text(v.Value), Valid: v.Valid})
	}
	return list
}

type actsPage struct {
	Acts          []hub.Reorganisation
	First, Follow string
}

// agencyActs shows by what agencies changed.
func (x *exchange) agencyActs() error {
	after := x.r.URL.Query().Get("after")
	found := x.Directory.Acts(hub.Page{After: after, Limit: 2 * rows})
	p := actsPage{Acts: found.Items}
	if after != "" {
		p.First = "/agencies/acts"
	}
	if found.Next != "" {
		p.Follow = "/agencies/acts?" + query("after", found.Next)
	}
	return x.show(http.StatusOK, "acts", p, nil)
}

// Since is a day for people; the first or last of for ever is empty.
func (v *view) Since(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	local := t.In(hub.Vietnam())
	if local.Hour() == 0 && local.Minute() == 0 && local.Second() == 0 {
		return local.Format("02/01/2006")
	}
	return v.Clock(t)
}

// During says when something holds.
func (v *view) During(i hub.Interval) string {
	switch {
	case i.From.IsZero() && i.To.IsZero():
		return v.T("agency.always")
	case i.To.IsZero():
		return v.T("agency.since", v.Since(i.From))
	case i.From.IsZero():
		return v.T("agency.until", v.Since(i.To))
	}
	return fmt.Sprintf("%s, %s", v.T("agency.since", v.Since(i.From)), v.T("agency.until", v.Since(i.To)))
}

// LevelName is the word for a level.
func (v *view) LevelName(l hub.Level) string {
	if l == "" {
		return ""
	}
	return v.T("level." + string(l))
}
