package httpapi

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/lienthong/lienthong/hub"
)

// Retention keeps content for as long as it must be kept.
type Retention interface {
	RetentionRules
	LegalHolds
	RetentionRuns
}

// RetentionRules are the classes that say how long content is kept.
type RetentionRules interface {
	Classes(ctx context.Context, actor hub.Actor) (hub.RetentionClasses, error)
	SetClasses(ctx context.Context, actor hub.Actor, set hub.RetentionClasses) (hub.RetentionClasses, error)
	ForecastClasses(ctx context.Context, actor hub.Actor, set hub.RetentionClasses) (hub.RetentionForecast, error)
}

// LegalHolds keep content beyond its time.
type LegalHolds interface {
	PlaceHold(ctx context.Context, actor hub.Actor, hold hub.LegalHold) (hub.LegalHold, error)
	ReleaseHold(ctx context.Context, actor hub.Actor, id, reason string) (hub.LegalHold, error)
	Holds(ctx context.Context, actor hub.Actor, released bool, page hub.Page) (hub.List[hub.LegalHold], error)
}

// RetentionRuns tell what was done, and what is wrong with content.
type RetentionRuns interface {
	Runs(ctx context.Context, actor hub.Actor, page hub.Page) (hub.List[hub.RetentionRun], error)
	RunOf(ctx context.Context, actor hub.Actor, id string) (hub.RetentionRun, error)
	AskPurge(ctx context.Context, actor hub.Actor) (id string, err error)
	Findings(ctx context.Context, actor hub.Actor, page hub.Page) (hub.List[hub.RetentionFinding], error)
}

func retentionRoutes() []route {
	act := []hub.Scope{hub.ScopeOperate}
	look := []hub.Scope{hub.ScopeOperate, hub.ScopeAudit}
	routes := []route{
		{method: http.MethodGet, pattern: "/v1/retention/classes", scopes: look, handle: (*api).retentionClasses},
		{method: http.MethodPut, pattern: "/v1/retention/classes", scopes: act, limit: jsonLimit, handle: (*api).setRetentionClasses},
		{method: http.MethodGet, pattern: "/v1/retention/holds", scopes: look, handle: (*api).legalHolds},
		{method: http.MethodPost, pattern: "/v1/retention/holds", scopes: act, limit: jsonLimit, handle: (*api).placeHold},
		{method: http.MethodDelete, pattern: "/v1/retention/holds/{hold}", scopes: act, handle: (*api).releaseHold},
		{method: http.MethodGet, pattern: "/v1/retention/runs", scopes: look, handle: (*api).retentionRuns},
		{method: http.MethodPost, pattern: "/v1/retention/runs", scopes: act, handle: (*api).askPurge},
		{method: http.MethodGet, pattern: "/v1/retention/runs/{run}", scopes: look, handle: (*api).retentionRun},
		{method: http.MethodGet, pattern: "/v1/retention/findings", scopes: look, handle: (*api).retentionFindings},
	}
	for i := range routes {
		handle := routes[i].handle
		routes[i].handle = func(a *api, x *exchange) error {
			if a.Retention == nil {
				return a.noRoute(x)
			}
			return handle(a, x)
		}
	}
	return routes
}

func (a *api) retentionClasses(x *exchange) error {
	if err := x.query().done(); err != nil {
		return err
	}
	set, err := a.Retention.Classes(x.r.Context(), x.actor)
	if err != nil {
		return err
	}
	return x.json(http.StatusOK, set)
}

// classesWish is the body of PUT /v1/retention/classes.
type classesWish struct {
	Version int64                `json:"version"` // that it was made from; 0 for whichever
	Classes []hub.RetentionClass `json:"classes"`
}

// classesChange is the answer: the set in force, or the one that would be, with what it
// would purge.
type classesChange struct {
	Classes  hub.RetentionClasses   `json:"classes"`
	Forecast *hub.RetentionForecast `json:"forecast,omitempty"`
}

func (a *api) setRetentionClasses(x *exchange) error {
	q := x.query()
	dryRun := q.flag("dry_run")
	if err := q.done(); err != nil {
		return err
	}
	var wish classesWish
	if err := x.read(&wish); err != nil {
		return err
	}
	set := hub.RetentionClasses{Version: wish.Version, Classes: append([]hub.RetentionClass{}, wish.Classes...)}
	for i := range set.Classes {
		if err := a.resolveAgencies(fmt.Sprintf("classes[%d].agencies", i), set.Classes[i].Agencies); err != nil {
			return err
		}
	}
	answer := classesChange{Classes: set}
	var err error
	if dryRun {
		var forecast hub.RetentionForecast
		forecast, err = a.Retention.ForecastClasses(x.r.Context(), x.actor, set)
		answer.Forecast = &forecast
	} else {
		answer.Classes, err = a.Retention.SetClasses(x.r.Context(), x.actor, set)
	}
	if err != nil {
		return err
	}
	return x.json(http.StatusOK, answer)
}

// resolveAgencies turns codes into ids, in place.
func (a *api) resolveAgencies(field string, agencies []hub.AgencyID) error {
	for i, value := range agencies {
		id, err := a.anyAgency(fmt.Sprintf("%s[%d]", field, i), string(value))
		if err != nil {
			return err
		}
		agencies[i] = id
	}
	return nil
}

// holdWish is the body of POST /v1/retention/holds.
type holdWish struct {
	Dispatch hub.DispatchID `json:"dispatch"`
	Agency   string         `json:"agency"` // code or id
	Number   string         `json:"number"`
	Reason   string         `json:"reason"`
	Until    time.Time      `json:"until"`
}

func (a *api) placeHold(x *exchange) error {
	var wish holdWish
	if err := x.read(&wish); err != nil {
		return err
	}
	hold := hub.LegalHold{Dispatch: wish.Dispatch, Number: wish.Number, Reason: wish.Reason, Until: wish.Until}
	var err error
	if hold.Agency, err = a.agencyOrNone("agency", wish.Agency); err != nil {
		return err
	}
	placed, err := a.Retention.PlaceHold(x.r.Context(), x.actor, hold)
	if err != nil {
		return err
	}
	x.w.Header().Set("Location", "/v1/retention/holds")
	return x.json(http.StatusCreated, placed)
}

func (a *api) releaseHold(x *exchange) error {
	q := x.query()
	reason := q.text("reason")
	if err := q.done(); err != nil {
		return err
	}
	hold, err := a.Retention.ReleaseHold(x.r.Context(), x.actor, x.param("hold"), reason)
	if err != nil {
		return err
	}
	return x.json(http.StatusOK, hold)
}

func (a *api) legalHolds(x *exchange) error {
	q := x.query()
	released, page := q.flag("released"), q.page()
	if err := q.done(); err != nil {
		return err
	}
	l, err := a.Retention.Holds(x.r.Context(), x.actor, released, page)
	if err != nil {
		return err
	}
	return x.json(http.StatusOK, listed(l))
}

func (a *api) retentionRuns(x *exchange) error {
	return paged(x, a.Retention.Runs)
}

func (a *api) retentionFindings(x *exchange) error {
	return paged(x, a.Retention.Findings)
}

// paged answers with one page of a listing.
func paged[T any](x *exchange, list func(context.Context, hub.Actor, hub.Page) (hub.List[T], error)) error {
	q := x.query()
	page := q.page()
	if err := q.done(); err != nil {
		return err
	}
	l, err := list(x.r.Context(), x.actor, page)
	if err != nil {
		return err
	}
	return x.json(http.StatusOK, listed(l))
}

func (a *api) retentionRun(x *exchange) error {
	run, err := a.Retention.RunOf(x.r.Context(), x.actor, x.param("run"))
	if err != nil {
		return err
	}
	return x.json(http.StatusOK, run)
}

func (a *api) askPurge(x *exchange) error {
	id, err := a.Retention.AskPurge(x.r.Context(), x.actor)
	if err != nil {
		return err
	}
	x.w.Header().Set("Location", "/v1/retention/runs/"+id)
	return x.json(http.StatusAccepted, map[string]string{"id": id})
}
