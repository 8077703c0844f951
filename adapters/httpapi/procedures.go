package httpapi

import (
	"context"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/lienthong/lienthong/hub"
)

// Procedures keeps the catalogue of administrative procedures.
type Procedures interface {
	List(ctx context.Context, query hub.ProcedureQuery) (hub.List[hub.ProcedureVersion], error)
	Versions(ctx context.Context, code string) ([]hub.ProcedureVersion, error)
	Changes(ctx context.Context, after int64, limit int) ([]hub.ProcedureChange, error)
	ImportList(ctx context.Context, actor hub.Actor, wish hub.ProcedureWish, list io.Reader) (hub.ProcedureImport, error)
	Abolish(ctx context.Context, actor hub.Actor, wish hub.ProcedureWish, codes ...string) (hub.ProcedureImport, error)
}

func procedureRoutes() []route {
	send := []hub.Scope{hub.ScopeSubmit}
	return []route{
		{method: http.MethodGet, pattern: "/v1/procedures", handle: (*api).procedures},
		{method: http.MethodGet, pattern: "/v1/procedures/changes", handle: (*api).procedureChanges},
		{method: http.MethodGet, pattern: "/v1/procedures/{code}", handle: (*api).procedure},
		{method: http.MethodPost, pattern: "/v1/procedures/import", scopes: send, limit: csvLimit, handle: (*api).importProcedures},
		{method: http.MethodPost, pattern: "/v1/procedures/abolitions", scopes: send, limit: jsonLimit, handle: (*api).abolishProcedures},
	}
}

// current lets nobody keep an answer about what is in force without asking whether it is
// still so: a procedure lapses on the minute, and one may be abolished at once.
func (x *exchange) current(v any) error {
	x.w.Header().Set("Cache-Control", "private, no-cache")
	return x.json(http.StatusOK, v)
}

func (a *api) procedures(x *exchange) error {
	q := x.query()
	wanted := hub.ProcedureQuery{At: q.at(a.Now()), Text: q.text("q"), Page: q.page()}
	agency := q.text("agency")
	if err := q.done(); err != nil {
		return err
	}
	if agency != "" {
		held, err := a.lookUp(agency, wanted.At)
		if err != nil {
			return err
		}
		wanted.Agency = held.Agency.ID
	}
	list, err := a.Procedures.List(x.r.Context(), wanted)
	if err != nil {
		return err
	}
	return x.current(listed(list))
}

func (a *api) procedure(x *exchange) error {
	if err := x.query().done(); err != nil {
		return err
	}
	versions, err := a.Procedures.Versions(x.r.Context(), x.param("code"))
	if err != nil {
		return err
	}
	return x.current(listed(hub.List[hub.ProcedureVersion]{Items: versions}))
}

// procedureFeed is a page of changes. Last is the number behind which the next page begins.
type procedureFeed struct {
	Items []hub.ProcedureChange `json:"items"`
	Last  int64                 `json:"last"`
}

func (a *api) procedureChanges(x *exchange) error {
	q := x.query()
	after := q.number("after", 0, 1<<53, 0)
	limit := q.number("limit", 1, 500, 100)
	if err := q.done(); err != nil {
		return err
	}
	changes, err := a.Procedures.Changes(x.r.Context(), after, int(limit))
	if err != nil {
		return err
	}
	feed := procedureFeed{Items: []hub.ProcedureChange{}, Last: after}
	if n := len(changes); n > 0 {
		feed.Items, feed.Last = changes, changes[n-1].Seq
	}
	return x.current(feed)
}

func (a *api) importProcedures(x *exchange) error {
	q := x.query()
	wish := hub.ProcedureWish{Decision: hub.DispatchID(q.text("decision")), DryRun: q.flag("dry_run"), From: q.minute("from"), Columns: map[string]string{}}
	for _, pair := range q.all("column") {
		theirs, ours, ok := strings.Cut(pair, "=")
		if !ok || len(pair) > maxQuery || len(wish.Columns) == maxColumns {
			q.fail("column", "form", "a column is given as theirs=ours")
		}
		wish.Columns[theirs] = ours
	}
	if err := q.done(); err != nil {
		return err
	}
	if err := x.wants("text/csv", "application/json", "application/xml", "text/xml"); err != nil {
		return err
	}
	if err := x.plain(); err != nil {
		return err
	}
	report, err := a.Procedures.ImportList(x.r.Context(), x.actor, wish, x.r.Body)
	if err != nil {
		return err
	}
	return x.json(http.StatusOK, report)
}

const (
	maxColumns   = 50 // names of columns given with one list
	minuteWanted = "a day or minute like 2025-07-01 or 2025-07-01T07:30 is wanted"
)

// minute reads a minute in Vietnam, zero when it is absent.
func (q *query) minute(name string) time.Time {
	t, ok := hub.ParseProcedureMinute(q.text(name))
	if !ok {
		q.fail(name, "date_time", minuteWanted)
	}
	return t
}

// abolition is the body of POST /v1/procedures/abolitions.
type abolition struct {
	Decision hub.DispatchID      `json:"decision"`
	Codes    []string            `json:"codes"`
	From     hub.ProcedureMinute `json:"from"`
	DryRun   bool                `json:"dry_run"`
}

func (a *api) abolishProcedures(x *exchange) error {
	var w abolition
	if err := x.read(&w); err != nil {
		return err
	}
	from, ok := hub.ParseProcedureMinute(string(w.From))
	if !ok {
		return hub.Invalid("from", "date_time", minuteWanted)
	}
	report, err := a.Procedures.Abolish(x.r.Context(), x.actor, hub.ProcedureWish{Decision: w.Decision, From: from, DryRun: w.DryRun}, w.Codes...)
	if err != nil {
		return err
	}
	return x.json(http.StatusOK, report)
}
