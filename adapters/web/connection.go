package web

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/lienthong/lienthong/hub"
)

// Connections tests how agencies are connected.
type Connections interface {
	// Test walks all ways of an agency; what a hop finds is in the result and no error.
	Test(ctx context.Context, actor hub.Actor, agency hub.AgencyID) (hub.ConnectionTest, error)
}

type connectionPage struct {
	Wide   bool   // of any agency, not of the person's own alone
	Agency string // code, as typed
	Own    hub.AgencyID
	Test   *hub.ConnectionTest // nil before there is one
	Failed int                 // hops
}

func (x *exchange) connectionShown(status int, p connectionPage, problems map[string]string) error {
	p.Wide, p.Own = x.visit.Actor.Has(hub.ScopeOperate), x.office()
	return x.show(status, "connection", p, problems)
}

func (x *exchange) connectionForm() error {
	return x.connectionShown(http.StatusOK, connectionPage{Agency: x.r.URL.Query().Get("agency")}, nil)
}

// testConnection answers when all ways were walked; the service bounds that.
func (x *exchange) testConnection() error {
	p := connectionPage{Agency: strings.TrimSpace(x.r.PostFormValue("agency"))}
	agency := x.office()
	if x.visit.Actor.Has(hub.ScopeOperate) {
		found, err := x.Directory.Resolve(p.Agency, x.Now())
		if err != nil {
			return x.connectionShown(http.StatusUnprocessableEntity, p, map[string]string{"agency": x.problems(err)[""]})
		}
		agency = found.Agency.ID
	}
	test, err := x.Connections.Test(x.r.Context(), x.visit.Actor, agency)
	var busy *hub.Error
	switch {
	case errors.As(err, &busy) && busy.Kind == hub.KindBusy:
		x.w.Header().Set("Retry-After", fmt.Sprint(max(1, int(busy.RetryAfter.Seconds()))))
		return x.connectionShown(http.StatusServiceUnavailable, p, x.problems(err))
	case err != nil:
		return err
	}
	p.Test = &test
	for i := range test.Ways {
		for _, hop := range test.Ways[i].Hops {
			if !hop.Passed {
				p.Failed++
			}
		}
	}
	return x.connectionShown(http.StatusOK, p, nil)
}

// Milliseconds is a short time for people.
func (v *view) Milliseconds(ms float64) string {
	return v.Decimal(fmt.Sprintf("%.1f ms", ms))
}
