package httpapi

import (
	"bytes"
	"fmt"
	"net/http"
	"time"

	"github.com/lienthong/lienthong/hub"
)

// health tells that the process lives; whether it wants requests is told by ready.
func (a *api) health(x *exchange) error {
	return x.json(http.StatusOK, map[string]string{"status": "ok"})
}

// ready tells a load balancer whether to send requests here, and an operator why not.
func (a *api) ready(x *exchange) error {
	r := hub.ReadinessOf()
	if a.Ready != nil {
		r = a.Ready(x.r.Context())
	}
	status := http.StatusOK
	if !r.Ready {
		status = http.StatusServiceUnavailable
	}
	if r.Checks == nil {
		r.Checks = []hub.HealthCheck{}
	}
	return x.json(status, r)
}

// metrics are for a Prometheus server.
func (a *api) metrics(x *exchange) error {
	if a.Metrics == nil {
		return a.noRoute(x)
	}
	a.Metrics.ServeHTTP(x.w, x.r)
	return nil
}

func (a *api) version(x *exchange) error {
	return x.json(http.StatusOK, map[string]string{"name": "lienthong", "version": a.Version, "api": "v1"})
}

// myAgency is an agency that a key speaks for.
type myAgency struct {
	ID   hub.AgencyID `json:"id"`
	Code hub.Code     `json:"code"`
	Name string       `json:"name"`
}

func (a *api) me(x *exchange) error {
	now := a.Now()
	mine := []myAgency{}
	for _, id := range x.actor.Agencies {
		m := myAgency{ID: id}
		if agency, ok := a.Directory.ByID(id); ok {
			m.Code, m.Name = agency.CodeAt(now), agency.NameAt(now)
		}
		mine = append(mine, m)
	}
	return x.json(http.StatusOK, struct {
		Name     string        `json:"name"`
		Kind     hub.ActorKind `json:"kind"`
		Agencies []myAgency    `json:"agencies"`
		Scopes   []hub.Scope   `json:"scopes"`
	}{x.actor.Name, x.actor.Kind, mine, x.actor.Scopes})
}

func (a *api) agencies(x *exchange) error {
	q := x.query()
	text, at, page := q.text("q"), q.at(a.Now()), q.page()
	if err := q.done(); err != nil {
		return err
	}
	return x.json(http.StatusOK, listed(a.Directory.Search(text, at, page)))
}

// resolution is hub.Resolution on the wire.
type resolution struct {
	Agency *hub.Agency `json:"agency"`
	Code   hub.Code    `json:"code"`
	Note   string      `json:"note,omitempty"`
}

func (a *api) agency(x *exchange) error {
	q := x.query()
	at := q.at(a.Now())
	if err := q.done(); err != nil {
		return err
	}
	found, err := a.lookUp(x.param("code"), at)
	if err != nil {
		return err
	}
	return x.json(http.StatusOK, resolution{found.Agency, found.Code, found.Note})
}

// lookUp resolves a code or an id from the path: what does not exist is not found.
func (a *api) lookUp(code string, at time.Time) (hub.Resolution, error) {
	if agency, ok := a.Directory.ByID(hub.AgencyID(code)); ok {
		return hub.Resolution{Agency: agency, Code: agency.CodeAt(at)}, nil
	}
	found, err := a.Directory.Resolve(code, at)
	if err != nil && hub.KindOf(err) == hub.KindUnknownAgency {
		e := *hub.ViolationsOf(err)[0]
		e.Kind, e.Field = hub.KindNotFound, "code"
		return found, &e
	}
	return found, err
}

func (a *api) children(x *exchange) error {
	q := x.query()
	at := q.at(a.Now())
	if err := q.done(); err != nil {
		return err
	}
	found, err := a.lookUp(x.param("code"), at)
	if err != nil {
		return err
	}
	return x.json(http.StatusOK, listed(hub.List[hub.Agency]{Items: a.Directory.Children(found.Agency.ID, at)}))
}

func (a *api) importAgencies(x *exchange) error {
	q := x.query()
	dryRun := q.flag("dry_run")
	if err := q.done(); err != nil {
		return err
	}
	if err := x.wants("text/csv"); err != nil {
		return err
	}
	if err := x.plain(); err != nil {
		return err
	}
	report, err := a.Registry.Import(x.r.Context(), x.actor, x.r.Body, dryRun)
	if err != nil {
		return err
	}
	if report.Rows == nil {
		report.Rows = []hub.ImportRow{}
	}
	return x.json(http.StatusOK, report)
}

func (a *api) exportAgencies(x *exchange) error {
	q := x.query()
	at := q.at(a.Now())
	if err := q.done(); err != nil {
		return err
	}
	var csv bytes.Buffer // a few megabytes for all agencies of the country
	if err := a.Registry.Export(x.r.Context(), x.actor, &csv, at); err != nil {
		return err
	}
	x.w.Header().Set("Content-Disposition", `attachment; filename="agencies.csv"`)
	return x.text(http.StatusOK, "text/csv; charset=utf-8", csv.Bytes())
}

// newKey is the body of POST /v1/keys.
type newKey struct {
	Name     string        `json:"name"`
	Kind     hub.ActorKind `json:"kind"`
	Agencies []string      `json:"agencies"`
	Scopes   []hub.Scope   `json:"scopes"`
	Expires  time.Time     `json:"expires"`
	System   string        `json:"system"`
}

func (a *api) issueKey(x *exchange) error {
	var wish newKey
	if err := x.read(&wish); err != nil {
		return err
	}
	key := hub.APIKey{Name: wish.Name, Kind: wish.Kind, Agencies: []hub.AgencyID{}, Scopes: wish.Scopes, Expires: wish.Expires.UTC(), System: wish.System}
	for i, value := range wish.Agencies {
		id, err := a.anyAgency(fmt.Sprintf("agencies[%d]", i), value)
		if err != nil {
			return err
		}
		key.Agencies = append(key.Agencies, id)
	}
	issued, secret, err := a.KeyKeeper.Issue(x.r.Context(), x.actor, key)
	if err != nil {
		return err
	}
	x.w.Header().Set("Location", "/v1/keys")
	return x.json(http.StatusCreated, struct {
		Key    hub.APIKey `json:"key"`
		Secret string     `json:"secret"`
	}{issued, secret})
}

func (a *api) listKeys(x *exchange) error {
	if err := x.query().done(); err != nil {
		return err
	}
	keys, err := a.KeyKeeper.List(x.r.Context(), x.actor)
	if err != nil {
		return err
	}
	return x.json(http.StatusOK, listed(hub.List[hub.APIKey]{Items: keys}))
}

func (a *api) revokeKey(x *exchange) error {
	q := x.query()
	at := q.at(time.Time{})
	if err := q.done(); err != nil {
		return err
	}
	if err := a.KeyKeeper.Revoke(x.r.Context(), x.actor, x.param("key"), at); err != nil {
		return err
	}
	x.w.WriteHeader(http.StatusNoContent)
	return nil
}
