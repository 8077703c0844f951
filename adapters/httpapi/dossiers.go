package httpapi

import (
	"context"
	"net/http"
	"strconv"

	"github.com/lienthong/lienthong/hub"
)

// Dossiers keeps what is filed at one-stop desks.
type Dossiers interface {
	DossierLists
	Register(ctx context.Context, actor hub.Actor, wish hub.DossierWish) (view hub.DossierView, made bool, err error)
	Act(ctx context.Context, actor hub.Actor, id hub.DossierID, order hub.DossierOrder) (hub.DossierView, error)
	Words(ctx context.Context, actor hub.Actor, agency hub.AgencyID) (hub.DossierWords, error)
	SetWords(ctx context.Context, actor hub.Actor, agency hub.AgencyID, words map[string]hub.DossierStatus) (hub.DossierWords, error)
}

// DossierLists shows dossiers, and counts them.
type DossierLists interface {
	List(ctx context.Context, actor hub.Actor, query hub.DossierQuery) (hub.List[hub.DossierView], error)
	Show(ctx context.Context, actor hub.Actor, name string) (hub.DossierView, error)
	Figures(ctx context.Context, actor hub.Actor, unit hub.AgencyID, period hub.Period) (hub.DossierFigures, error)
	Counted(ctx context.Context, actor hub.Actor, unit hub.AgencyID, period hub.Period, page hub.Page) (hub.List[hub.DossierCounted], error)
}

func dossierRoutes() []route {
	look, act := []hub.Scope{hub.ScopeRead, hub.ScopeSubmit}, []hub.Scope{hub.ScopeSubmit}
	count := []hub.Scope{hub.ScopeRead, hub.ScopeSubmit, hub.ScopeFigures}
	return []route{
		{method: http.MethodGet, pattern: "/v1/dossiers", scopes: look, handle: (*api).dossiers},
		{method: http.MethodPost, pattern: "/v1/dossiers", scopes: act, limit: jsonLimit, handle: (*api).registerDossier},
		{method: http.MethodGet, pattern: "/v1/dossiers/figures", scopes: count, handle: (*api).dossierFigures},
		{method: http.MethodGet, pattern: "/v1/dossiers/counted", scopes: count, handle: (*api).countedDossiers},
		{method: http.MethodGet, pattern: "/v1/dossiers/words", scopes: look, handle: (*api).dossierWords},
		{method: http.MethodPut, pattern: "/v1/dossiers/words", scopes: act, limit: jsonLimit, handle: (*api).setDossierWords},
		{method: http.MethodGet, pattern: "/v1/dossiers/{dossier}", scopes: look, handle: (*api).dossier},
		{method: http.MethodPost, pattern: "/v1/dossiers/{dossier}/events", scopes: act, limit: jsonLimit, handle: (*api).actOnDossier},
	}
}

func (a *api) dossiers(x *exchange) error {
	q := x.query()
	code := q.text("agency")
	wanted := hub.DossierQuery{
		Open: q.flag("open"), Status: hub.DossierStatus(q.number("status", 1, int64(hub.DossierReturned), 0)),
		Timeliness: listedIn(q, "timeliness", hub.Timelinesses()), Page: q.page(),
	}
	if findings := listedIn(q, "finding", hub.DossierFindings()); len(findings) > 1 {
		q.fail("finding", "max_items", "one finding at a time")
	} else if len(findings) == 1 {
		wanted.Finding = findings[0]
	}
	if err := q.done(); err != nil {
		return err
	}
	var err error
	if wanted.Agency, err = a.agencyOf(x.actor, code); err != nil {
		return err
	}
	list, err := a.Dossiers.List(x.r.Context(), x.actor, wanted)
	if err != nil {
		return err
	}
	return x.json(http.StatusOK, listed(list))
}

func (a *api) registerDossier(x *exchange) error {
	var wish struct {
		hub.DossierWish
		Unit string `json:"unit"` // code or id; with a code, that stands in the number
	}
	if err := x.read(&wish); err != nil {
		return err
	}
	unit, err := a.agencyOf(x.actor, wish.Unit)
	if err != nil {
		return renamed(err, "agency", "unit")
	}
	w := wish.DossierWish
	if w.Unit = unit; w.UnitCode == "" && wish.Unit != string(unit) {
		w.UnitCode = hub.Code(wish.Unit)
	}
	view, made, err := a.Dossiers.Register(x.r.Context(), x.actor, w)
	if err != nil {
		return err
	}
	status := http.StatusOK
	if made {
		status = http.StatusCreated
	}
	return x.json(status, view)
}

// renamed is an error about a field under the name that it has in a request.
func renamed(err error, was, is string) error {
	found := hub.ViolationsOf(err)
	if len(found) != 1 || found[0].Field != was {
		return err
	}
	e := *found[0]
	e.Field = is
	return &e
}

func (a *api) dossier(x *exchange) error {
	if err := x.query().done(); err != nil {
		return err
	}
	view, err := a.Dossiers.Show(x.r.Context(), x.actor, x.param("dossier"))
	if err != nil {
		return err
	}
	return x.json(http.StatusOK, view)
}

func (a *api) actOnDossier(x *exchange) error {
	var order struct {
		hub.DossierOrder
		Agency string `json:"agency"`
		To     string `json:"to"`
	}
	if err := x.read(&order); err != nil {
		return err
	}
	o := order.DossierOrder
	var err error
	if order.Agency != "" {
		if o.Agency, err = a.anyAgency("agency", order.Agency); err != nil {
			return err
		}
	}
	if order.To != "" {
		if o.To, err = a.anyAgency("to", order.To); err != nil {
			return err
		}
	}
	view, err := a.Dossiers.Act(x.r.Context(), x.actor, hub.DossierID(x.param("dossier")), o)
	if err != nil {
		return err
	}
	return x.json(http.StatusOK, view)
}

// countedUnit reads whose dossiers are counted, and in which period.
func (a *api) countedUnit(x *exchange, q *query) (hub.AgencyID, hub.Period, error) {
	code, period := q.text("agency"), hub.Period(q.text("period"))
	if period == "" {
		period = hub.Period(strconv.Itoa(a.Now().In(hub.Vietnam()).Year()))
	}
	if err := q.done(); err != nil {
		return "", "", err
	}
	unit, err := a.agencyOf(x.actor, code)
	return unit, period, err
}

func (a *api) dossierFigures(x *exchange) error {
	unit, period, err := a.countedUnit(x, x.query())
	if err != nil {
		return err
	}
	figures, err := a.Dossiers.Figures(x.r.Context(), x.actor, unit, period)
	if err != nil {
		return err
	}
	return x.json(http.StatusOK, figures)
}

func (a *api) countedDossiers(x *exchange) error {
	q := x.query()
	page := q.page()
	unit, period, err := a.countedUnit(x, q)
	if err != nil {
		return err
	}
	list, err := a.Dossiers.Counted(x.r.Context(), x.actor, unit, period, page)
	if err != nil {
		return err
	}
	return x.json(http.StatusOK, listed(list))
}

func (a *api) dossierWords(x *exchange) error {
	agency, err := a.agencyAsked(x)
	if err != nil {
		return err
	}
	words, err := a.Dossiers.Words(x.r.Context(), x.actor, agency)
	if err != nil {
		return err
	}
	return x.json(http.StatusOK, words)
}

func (a *api) setDossierWords(x *exchange) error {
	var wish struct {
		Agency string                       `json:"agency"`
		Words  map[string]hub.DossierStatus `json:"words"`
	}
	if err := x.read(&wish); err != nil {
		return err
	}
	agency, err := a.agencyOf(x.actor, wish.Agency)
	if err != nil {
		return err
	}
	words, err := a.Dossiers.SetWords(x.r.Context(), x.actor, agency, wish.Words)
	if err != nil {
		return err
	}
	return x.json(http.StatusOK, words)
}
