package httpapi

import (
	"context"
	"net/http"

	"github.com/lienthong/lienthong/hub"
)

// DossierNews is for one-stop systems that follow the dossiers of their agency.
type DossierNews interface {
	News(ctx context.Context, actor hub.Actor, agency hub.AgencyID, after int64, limit int) ([]hub.DossierNews, error)
	SettleTaking(ctx context.Context, actor hub.Actor, dispatch hub.DispatchID, reason string) (hub.DossierTaking, error)
	Takings(ctx context.Context, actor hub.Actor, agency hub.AgencyID, settled bool) ([]hub.DossierTaking, error)
}

// dossierFeed is a page of events. Last is the number behind which the next page begins.
type dossierFeed struct {
	Items []hub.DossierNews `json:"items"`
	Last  int64             `json:"last"`
}

func (a *api) dossierNews(x *exchange) error {
	q := x.query()
	after, limit := q.number("after", 0, 1<<53, 0), q.number("limit", 1, 500, 100)
	agency, err := a.agencyIn(x, q)
	if err != nil {
		return err
	}
	news, err := a.Dossiers.News(x.r.Context(), x.actor, agency, after, int(limit))
	if err != nil {
		return err
	}
	feed := dossierFeed{Items: []hub.DossierNews{}, Last: after}
	if n := len(news); n > 0 {
		feed.Items, feed.Last = news, news[n-1].Seq
	}
	return x.current(feed)
}

func (a *api) dossierTakings(x *exchange) error {
	q := x.query()
	settled := q.flag("settled")
	agency, err := a.agencyIn(x, q)
	if err != nil {
		return err
	}
	takings, err := a.Dossiers.Takings(x.r.Context(), x.actor, agency, settled)
	if err != nil {
		return err
	}
	return x.json(http.StatusOK, listed(hub.List[hub.DossierTaking]{Items: takings}))
}

func (a *api) settleDossierTaking(x *exchange) error {
	var wish struct {
		Reason string `json:"reason"`
	}
	if err := x.read(&wish); err != nil {
		return err
	}
	taking, err := a.Dossiers.SettleTaking(x.r.Context(), x.actor, hub.DispatchID(x.param("dispatch")), wish.Reason)
	if err != nil {
		return err
	}
	return x.json(http.StatusOK, taking)
}
