package web

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/lienthong/lienthong/hub"
)

// Procedures keeps the catalogue of administrative procedures.
type Procedures interface {
	List(ctx context.Context, query hub.ProcedureQuery) (hub.List[hub.ProcedureVersion], error)
	Versions(ctx context.Context, code string) ([]hub.ProcedureVersion, error)
	ImportList(ctx context.Context, actor hub.Actor, wish hub.ProcedureWish, list io.Reader) (hub.ProcedureImport, error)
	Abolish(ctx context.Context, actor hub.Actor, wish hub.ProcedureWish, codes ...string) (hub.ProcedureImport, error)
}

type proceduresPage struct {
	asOf
	Text          string
	Procedures    []hub.ProcedureVersion
	Shown         time.Time // the instant at which they are in force
	First, Follow string
	Publishes     bool // the person may import a list
}

// procedures lists what is in force, now or at the beginning of a day.
func (x *exchange) procedures() error {
	q := x.r.URL.Query()
	p := proceduresPage{asOf: x.asOf(), Text: strings.TrimSpace(q.Get("q")), Publishes: x.visit.Actor.Has(hub.ScopeSubmit)}
	p.Shown = p.at
	found, err := x.Procedures.List(x.r.Context(), hub.ProcedureQuery{At: p.at, Text: p.Text, Page: hub.Page{After: q.Get("after"), Limit: 2 * rows}})
	if err != nil {
		return err
	}
	p.Procedures = found.Items
	if q.Get("after") != "" {
		p.First = "/procedures?" + query("q", p.Text, "day", p.Day)
	}
	if found.Next != "" {
		p.Follow = "/procedures?" + query("q", p.Text, "day", p.Day, "after", found.Next)
	}
	return x.show(http.StatusOK, "procedures", p, p.problems(x))
}

type procedurePage struct {
	Code     string
	Name     string                 // in the newest version
	Versions []hub.ProcedureVersion // the newest first
	Open     bool                   // the newest version has no end yet, and the person may give it one
	Typed    actTyped
	Done     bool // it was just abolished
}

// actTyped is what a form about an act by a decision holds.
type actTyped struct {
	Decision, From string
	Decisions      []decisionRow // that the office sent last
}

type decisionRow struct {
	ID   hub.DispatchID
	Text string
}

// procedure shows all versions of a procedure.
func (x *exchange) procedure() error { return x.showProcedure(http.StatusOK, actTyped{}, nil) }

func (x *exchange) showProcedure(status int, typed actTyped, problems map[string]string) error {
	versions, err := x.Procedures.Versions(x.r.Context(), x.r.PathValue("code"))
	if err != nil {
		return err
	}
	newest := &versions[len(versions)-1]
	p := procedurePage{Code: newest.Code, Name: newest.Name, Typed: typed, Done: x.r.URL.Query().Get("done") != ""}
	if p.Open = newest.Ended == nil && newest.State != hub.ProcedureLapsed && x.visit.Actor.Has(hub.ScopeSubmit); p.Open {
		if p.Typed.Decisions, err = x.decisions(); err != nil {
			return err
		}
	}
	slices.Reverse(versions)
	p.Versions = versions
	return x.show(status, "procedure", p, problems)
}

// decisions are the documents that the office sent last, for choosing one.
func (x *exchange) decisions() ([]decisionRow, error) {
	if !x.visit.Actor.Has(hub.ScopeRead) {
		return nil, nil
	}
	sent, err := x.Boxes.Sent(x.r.Context(), x.visit.Actor, hub.SentQuery{Agency: x.office(), Page: hub.Page{Limit: 2 * rows}})
	if err != nil {
		return nil, err
	}
	var list []decisionRow
	for i := range sent.Items {
		d := &sent.Items[i].Dispatch
		if d.Origin == nil && (d.Operation == hub.OperationNew || d.Operation == hub.OperationReplace) {
			list = append(list, decisionRow{d.ID, d.Document.Number() + " " + d.Document.Subject})
		}
	}
	return list, nil
}

// abolishProcedure ends a procedure by a decision.
func (x *exchange) abolishProcedure() error {
	typed := actTyped{Decision: x.r.PostFormValue("decision"), From: x.r.PostFormValue("from")}
	from, ok := hub.ParseProcedureMinute(typed.From)
	if !ok {
		return x.showProcedure(http.StatusUnprocessableEntity, typed, map[string]string{"from": x.say("procedure.from_wrong")})
	}
	_, err := x.Procedures.Abolish(x.r.Context(), x.visit.Actor, hub.ProcedureWish{Decision: hub.DispatchID(typed.Decision), From: from}, x.r.PathValue("code"))
	switch {
	case err != nil && again(err):
		problems := map[string]string{}
		for _, v := range hub.ViolationsOf(err) {
			field := v.Field
			if field != "decision" {
				field = "from"
			}
			problems[field] = x.refusal(v)
		}
		return x.showProcedure(statusOf(hub.KindOf(err)), typed, problems)
	case err != nil:
		return err
	}
	return x.redirect("/procedures/" + url.PathEscape(x.r.PathValue("code")) + "?done=1")
}

// refusal says what is wrong with an act on the catalogue.
func (x *exchange) refusal(v *hub.Error) string {
	if text, ok := x.texts[x.lang]["procedure.rule."+v.Rule]; ok {
		return text
	}
	return x.explain(v)
}

type procedureImportPage struct {
	Typed   actTyped
	Record  bool
	Report  *hub.ProcedureImport
	More    int // rows of the report that are not shown
	Refused []refusedRow
}

// refusedRow is one fault of a list: the row from 1, none for the list as a whole.
type refusedRow struct{ Row, Field, Text string }

// importForm offers to import a list.
func (x *exchange) importForm() error {
	return x.showImport(http.StatusOK, procedureImportPage{}, nil)
}

func (x *exchange) showImport(status int, p procedureImportPage, problems map[string]string) (err error) {
	if p.Typed.Decisions, err = x.decisions(); err != nil {
		return err
	}
	return x.show(status, "procedureimport", &p, problems)
}

// maxShown bounds the rows of a report that a page shows; the command line shows all.
const maxShown = 500

// maxList bounds a list that comes over the pages, in bytes.
const maxList = 32 << 20

// importProcedures tells what a list would do or, where that is marked, does it.
func (x *exchange) importProcedures() error {
	x.r.Body = http.MaxBytesReader(x.w, x.r.Body, maxList)
	form, err := x.r.MultipartReader()
	if err != nil {
		return hub.Invalid("list", "required", "choose a file")
	}
	if err := x.tokenFirst(form); err != nil {
		return err
	}
	var p procedureImportPage
	wish := hub.ProcedureWish{DryRun: true}
	for {
		part, err := form.NextPart()
		if err != nil {
			return x.showImport(http.StatusUnprocessableEntity, p, map[string]string{"list": x.say("procedure.list_missing")})
		}
		if part.FormName() == "list" {
			if part.FileName() == "" {
				return x.showImport(http.StatusUnprocessableEntity, p, map[string]string{"list": x.say("procedure.list_missing")})
			}
			report, err := x.Procedures.ImportList(x.r.Context(), x.visit.Actor, wish, listBody{part})
			return x.imported(p, report, err)
		}
		value, err := io.ReadAll(io.LimitReader(part, 200))
		if err != nil {
			return hub.Invalid("list", "upload", "the form did not come whole")
		}
		switch part.FormName() {
		case "decision":
			p.Typed.Decision = string(value)
			wish.Decision = hub.DispatchID(value)
		case "from":
			var ok bool
			if wish.From, ok = hub.ParseProcedureMinute(string(value)); !ok {
				return x.showImport(http.StatusUnprocessableEntity, p, map[string]string{"from": x.say("procedure.from_wrong")})
			}
			p.Typed.From = string(value)
		case "record":
			p.Record, wish.DryRun = true, false
		}
	}
}

// listBody says of a list that is too large what it is, which a reader of lists cannot know.
type listBody struct{ io.Reader }

func (b listBody) Read(p []byte) (int, error) {
	n, err := b.Reader.Read(p)
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) {
		err = hub.Errorf(hub.KindTooLarge, "list", "max_size", "a list has at most %d MiB", maxList>>20)
	}
	return n, err
}

func (x *exchange) imported(p procedureImportPage, report hub.ProcedureImport, err error) error {
	switch {
	case err == nil:
		if p.More = len(report.Rows) - maxShown; p.More > 0 {
			report.Rows = report.Rows[:maxShown]
		}
		p.Report, p.Record = &report, false
		return x.showImport(http.StatusOK, p, nil)
	case !again(err):
		return err
	}
	problems := map[string]string{}
	for _, v := range hub.ViolationsOf(err) {
		var row int
		place, name, _ := strings.Cut(v.Field, ".")
		if _, err := fmt.Sscanf(place, "procedures[%d]", &row); err == nil {
			p.Refused = append(p.Refused, refusedRow{strconv.Itoa(row + 1), name, x.refusal(v)})
		} else if v.Field == "decision" {
			problems["decision"] = x.refusal(v)
		} else {
			problems["list"] = x.refusal(v)
		}
	}
	return x.showImport(statusOf(hub.KindOf(err)), p, problems)
}

// Limit is how long a procedure may take, in words.
func (v *view) Limit(l hub.ProcedureLimit) string { return v.T("limit."+string(l.Unit), l.Amount) }

// FeeText is a fee in words.
func (v *view) FeeText(f hub.ProcedureFee) string {
	if f.Amount == 0 && f.Note != "" {
		return f.Note
	}
	return strings.TrimSpace(v.T("procedure.dong", v.Count(f.Amount)) + " " + f.Note)
}

// LevelNames are the words for levels.
func (v *view) LevelNames(levels []hub.Level) string {
	names := make([]string, len(levels))
	for i, l := range levels {
		names[i] = v.LevelName(l)
	}
	return strings.Join(names, ", ")
}

// DecisionText is number and date of a decision.
func (v *view) DecisionText(d hub.ProcedureDecision) string {
	return v.T("procedure.decision_of", d.Number+"/"+d.Notation, v.Day(d.Date))
}

// DecisionPath is the page of the dispatch of a decision; empty for who may not open it.
func (v *view) DecisionPath(d hub.ProcedureDecision) string {
	if d.Agency != v.x.office() || !v.x.visit.Actor.Has(hub.ScopeRead) {
		return ""
	}
	return "/sent/" + string(d.Dispatch)
}

// ResponsibleAt is the name that the responsible agency had on the first day of a version.
func (v *view) ResponsibleAt(p hub.ProcedureVersion) string {
	if a, ok := v.x.Directory.ByID(p.Agency); ok {
		return a.NameAt(p.Valid.From)
	}
	return string(p.AgencyCode)
}
