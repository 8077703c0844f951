package httpapi

import (
	"bytes"
	"fmt"
	"net/http"
	"strings"
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
	return x.json(http.StatusOK, struct {
		Name     string        `json:"name"`
		Kind     hub.ActorKind `json:"kind"`
		Agencies []myAgency    `json:"agencies"`
		Receives []myAgency    `json:"receives_for,omitempty"`
		Scopes   []hub.Scope   `json:"scopes"`
	}{x.actor.Name, x.actor.Kind, a.named(x.actor.Agencies), a.named(x.actor.ReceivesFor), x.actor.Scopes})
}

// named tells what agencies are called now.
func (a *api) named(ids []hub.AgencyID) []myAgency {
	now := a.Now()
	list := []myAgency{}
	for _, id := range ids {
		m := myAgency{ID: id}
		if agency, ok := a.Directory.ByID(id); ok {
			m.Code, m.Name = agency.CodeAt(now), agency.NameAt(now)
		}
		list = append(list, m)
	}
	return list
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

// agencyHistory tells what an agency was, who came before and who after it.
func (a *api) agencyHistory(x *exchange) error {
	if err := x.query().done(); err != nil {
		return err
	}
	id := hub.AgencyID(x.param("code"))
	if held, ok := a.Directory.Holder(x.param("code"), a.Now()); ok {
		id = held.ID
	}
	h, ok := a.Directory.History(id)
	if !ok {
		return hub.Errorf(hub.KindNotFound, "code", "unknown_agency", "no agency has the code or id %.64s, now or before", id)
	}
	return x.json(http.StatusOK, h)
}

func (a *api) agencyActs(x *exchange) error {
	q := x.query()
	page := q.page()
	if err := q.done(); err != nil {
		return err
	}
	return x.json(http.StatusOK, listed(a.Directory.Acts(page)))
}

// maxChanges is how many agencies one answer about changes has: they are small.
const maxChanges = 5000

func (a *api) agencyChanges(x *exchange) error {
	q := x.query()
	since, limit := q.text("since"), q.number("limit", 1, maxChanges, maxChanges)
	if err := q.done(); err != nil {
		return err
	}
	found, err := a.Directory.Changes(x.r.Context(), since, int(limit))
	if err != nil {
		return err
	}
	return x.json(http.StatusOK, found)
}

func (a *api) reorganise(x *exchange) error {
	q := x.query()
	dryRun := q.flag("dry_run")
	if err := q.done(); err != nil {
		return err
	}
	var change hub.AgencyChange
	if err := x.read(&change); err != nil {
		return err
	}
	report, err := a.Registry.Reorganise(x.r.Context(), x.actor, change, dryRun)
	if err != nil {
		return err
	}
	return x.json(http.StatusOK, reported(report))
}

// reported writes no rows as an empty list.
func reported(r hub.ImportReport) hub.ImportReport {
	if r.Rows == nil {
		r.Rows = []hub.ImportRow{}
	}
	return r
}

func (a *api) importAgencies(x *exchange) error {
	q := x.query()
	options := hub.ImportOptions{Format: hub.ListCSV, DryRun: q.flag("dry_run"), From: q.day("from"), Basis: q.text("basis"), Since: q.text("since"), Follow: q.flag("follow")}
	if err := q.done(); err != nil {
		return err
	}
	if err := x.wants("text/csv", "application/json"); err != nil {
		return err
	}
	if err := x.plain(); err != nil {
		return err
	}
	if strings.HasPrefix(x.r.Header.Get("Content-Type"), "application/json") {
		options.Format = hub.ListJSON
	}
	report, err := a.Registry.Import(x.r.Context(), x.actor, x.r.Body, options)
	if err != nil {
		return err
	}
	return x.json(http.StatusOK, reported(report))
}

func (a *api) exportAgencies(x *exchange) error {
	q := x.query()
	at := q.at(a.Now())
	if err := q.done(); err != nil {
		return err
	}
	position := a.Registry.Position() // what changes while the list is written is behind it
	var csv bytes.Buffer              // a few megabytes for all agencies of the country
	if err := a.Registry.Export(x.r.Context(), x.actor, &csv, hub.ListCSV, at); err != nil {
		return err
	}
	x.w.Header().Set("Directory-Position", position)
	x.w.Header().Set("Content-Disposition", `attachment; filename="agencies.csv"`)
	return x.text(http.StatusOK, "text/csv; charset=utf-8", csv.Bytes())
}

func (a *api) exportWhole(x *exchange) error {
	if err := x.query().done(); err != nil {
		return err
	}
	var list bytes.Buffer
	if err := a.Registry.Export(x.r.Context(), x.actor, &list, hub.ListJSON, a.Now()); err != nil {
		return err
	}
	x.w.Header().Set("Content-Disposition", `attachment; filename="agencies.json"`)
	return x.text(http.StatusOK, "application/json", list.Bytes())
}

// newKey is the body of POST /v1/keys.
type newKey struct {
	Name     string        `json:"name"`
	Kind     hub.ActorKind `json:"kind"`
	Agencies []string      `json:"agencies"`
	Scopes   []hub.Scope   `json:"scopes"`
	Expires  time.Time     `json:"expires"`
	System   string        `json:"system"`
	Client   string        `json:"client"`
}

func (a *api) issueKey(x *exchange) error {
	var wish newKey
	if err := x.read(&wish); err != nil {
		return err
	}
	key := hub.APIKey{Name: wish.Name, Kind: wish.Kind, Agencies: []hub.AgencyID{}, Scopes: wish.Scopes, Expires: wish.Expires.UTC(), System: wish.System, Client: wish.Client}
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
