package httpapi

import (
	"context"
	"net/http"

	"github.com/lienthong/lienthong/hub"
)

// Tasks follows what documents ask of agencies.
type Tasks interface {
	Tasks(ctx context.Context, actor hub.Actor, query hub.TaskQuery) (hub.List[hub.TaskView], error)
	Totals(ctx context.Context, actor hub.Actor, query hub.TaskQuery) (hub.TaskTotals, error)
	Task(ctx context.Context, actor hub.Actor, id hub.TaskID) ([]hub.TaskView, error)
	History(ctx context.Context, actor hub.Actor, id hub.TaskID, agency hub.AgencyID) ([]hub.SealedEvidence, error)
	Act(ctx context.Context, actor hub.Actor, id hub.TaskID, order hub.TaskOrder) (hub.SealedEvidence, error)
}

func taskRoutes() []route {
	look := []hub.Scope{hub.ScopeRead, hub.ScopeCollect, hub.ScopeSubmit}
	return []route{
		{method: http.MethodGet, pattern: "/v1/tasks", scopes: look, handle: (*api).tasks},
		{method: http.MethodGet, pattern: "/v1/tasks/totals", scopes: look, handle: (*api).taskTotals},
		{method: http.MethodGet, pattern: "/v1/tasks/{task}", scopes: append(look, hub.ScopeAudit), handle: (*api).task},
		{method: http.MethodGet, pattern: "/v1/tasks/{task}/history", scopes: append(look, hub.ScopeAudit), handle: (*api).taskHistory},
		{method: http.MethodPost, pattern: "/v1/tasks/{task}/acts", scopes: []hub.Scope{hub.ScopeCollect, hub.ScopeSubmit}, limit: jsonLimit, handle: (*api).taskAct},
	}
}

func (a *api) tasks(x *exchange) error {
	q := x.query()
	wanted := hub.TaskQuery{
		States:     listedIn(q, "state", hub.TaskStates()),
		Timeliness: listedIn(q, "timeliness", hub.Timelinesses()),
		Text:       q.text("q"),
		Noticed:    q.flag("noticed"),
		Page:       q.page(),
	}
	if err := a.tasksOf(x, q, &wanted); err != nil {
		return err
	}
	list, err := a.Tasks.Tasks(x.r.Context(), x.actor, wanted)
	if err != nil {
		return err
	}
	return x.json(http.StatusOK, listed(list))
}

func (a *api) taskTotals(x *exchange) error {
	var wanted hub.TaskQuery
	if err := a.tasksOf(x, x.query(), &wanted); err != nil {
		return err
	}
	totals, err := a.Tasks.Totals(x.r.Context(), x.actor, wanted)
	if err != nil {
		return err
	}
	return x.json(http.StatusOK, totals)
}

// tasksOf reads whose tasks are asked for, and ends the parameters.
func (a *api) tasksOf(x *exchange, q *query, wanted *hub.TaskQuery) error {
	code, as, with := q.text("agency"), q.text("as"), q.text("with")
	if as != "" && as != "assignee" && as != "assigner" {
		q.fail("as", "code_list", "as is assignee or assigner")
	}
	if err := q.done(); err != nil {
		return err
	}
	agency, err := a.agencyOf(x.actor, code)
	if err != nil {
		return err
	}
	if wanted.Agency = agency; as == "assigner" {
		wanted.Agency, wanted.Assigner = "", agency
	}
	wanted.With, err = a.agencyOrNone("with", with)
	return err
}

func (x *exchange) task() hub.TaskID { return hub.TaskID(x.param("task")) }

func (a *api) task(x *exchange) error {
	views, err := a.Tasks.Task(x.r.Context(), x.actor, x.task())
	if err != nil {
		return err
	}
	return x.json(http.StatusOK, listed(hub.List[hub.TaskView]{Items: views}))
}

func (a *api) taskHistory(x *exchange) error {
	q := x.query()
	code := q.text("agency")
	if err := q.done(); err != nil {
		return err
	}
	agency, err := a.agencyOrNone("agency", code)
	if err != nil {
		return err
	}
	acts, err := a.Tasks.History(x.r.Context(), x.actor, x.task(), agency)
	if err != nil {
		return err
	}
	return x.json(http.StatusOK, listed(hub.List[hub.SealedEvidence]{Items: acts}))
}

func (a *api) taskAct(x *exchange) error {
	var wish struct {
		hub.TaskOrder
		Agency string `json:"agency"`
	}
	if err := x.read(&wish); err != nil {
		return err
	}
	agency, err := a.agencyOrNone("agency", wish.Agency)
	if err != nil {
		return err
	}
	wish.TaskOrder.Agency = agency
	sealed, err := a.Tasks.Act(x.r.Context(), x.actor, x.task(), wish.TaskOrder)
	return x.receipt(http.StatusOK, sealed, err)
}
