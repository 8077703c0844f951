package httpapi

import (
	"context"
	"net/http"

	"github.com/lienthong/lienthong/hub"
)

// Numbers gives numbers to outgoing documents.
type Numbers interface {
	Take(ctx context.Context, actor hub.Actor, wish hub.NumberWish) (hub.OutgoingNumber, error)
	Next(ctx context.Context, actor hub.Actor, agency hub.AgencyID, year int, kind string) (int64, error)
	Cancel(ctx context.Context, actor hub.Actor, agency hub.AgencyID, year int, number int64, notation, reason string) (hub.OutgoingNumber, error)
	List(ctx context.Context, actor hub.Actor, query hub.OutgoingQuery) (hub.List[hub.OutgoingNumber], error)
}

func numberRoutes() []route {
	send := []hub.Scope{hub.ScopeSubmit}
	return []route{
		{method: http.MethodGet, pattern: "/v1/numbers", scopes: []hub.Scope{hub.ScopeSubmit, hub.ScopeRead}, handle: (*api).numbers},
		{method: http.MethodPost, pattern: "/v1/numbers", scopes: send, limit: jsonLimit, handle: (*api).takeNumber},
		{method: http.MethodGet, pattern: "/v1/numbers/next", scopes: send, handle: (*api).nextNumber},
		{method: http.MethodPost, pattern: "/v1/numbers/cancellations", scopes: send, limit: jsonLimit, handle: (*api).cancelNumber},
	}
}

func (a *api) numbers(x *exchange) error {
	q := x.query()
	agency := q.text("agency")
	wanted := hub.OutgoingQuery{Year: int(q.number("year", 1, 9999, 0)), State: hub.NumberState(q.text("state")), Page: q.page()}
	if err := q.done(); err != nil {
		return err
	}
	var err error
	if wanted.Agency, err = a.agencyOf(x.actor, agency); err != nil {
		return err
	}
	list, err := a.Numbers.List(x.r.Context(), x.actor, wanted)
	if err != nil {
		return err
	}
	return x.json(http.StatusOK, listed(list))
}

// numberWish is the body of POST /v1/numbers. The agency is a code or an id.
type numberWish struct {
	Agency   string `json:"agency"`
	Year     int    `json:"year"`
	Kind     string `json:"kind"`
	Notation string `json:"notation"`
	Number   int64  `json:"number"`
	Subject  string `json:"subject"`
	Key      string `json:"key"`
}

func (a *api) takeNumber(x *exchange) error {
	var w numberWish
	if err := x.read(&w); err != nil {
		return err
	}
	agency, err := a.agencyOf(x.actor, w.Agency)
	if err != nil {
		return err
	}
	taken, err := a.Numbers.Take(x.r.Context(), x.actor, hub.NumberWish{
		Agency: agency, Year: w.Year, Kind: w.Kind, Notation: w.Notation, Number: w.Number, Subject: w.Subject, Key: w.Key,
	})
	if err != nil {
		return err
	}
	return x.json(http.StatusOK, taken)
}

// nextNumberAnswer is the answer of GET /v1/numbers/next.
type nextNumberAnswer struct {
	Number int64 `json:"number"`
}

func (a *api) nextNumber(x *exchange) error {
	q := x.query()
	year, kind := int(q.number("year", 1, 9999, 0)), q.text("kind")
	agency, err := a.agencyIn(x, q)
	if err != nil {
		return err
	}
	next, err := a.Numbers.Next(x.r.Context(), x.actor, agency, year, kind)
	if err != nil {
		return err
	}
	return x.json(http.StatusOK, nextNumberAnswer{next})
}

// numberEnd is the body of POST /v1/numbers/cancellations. The agency is a code or an id.
type numberEnd struct {
	Agency   string `json:"agency"`
	Year     int    `json:"year"`
	Number   int64  `json:"number"`
	Notation string `json:"notation"`
	Reason   string `json:"reason"`
}

func (a *api) cancelNumber(x *exchange) error {
	var w numberEnd
	if err := x.read(&w); err != nil {
		return err
	}
	agency, err := a.agencyOf(x.actor, w.Agency)
	if err != nil {
		return err
	}
	cancelled, err := a.Numbers.Cancel(x.r.Context(), x.actor, agency, w.Year, w.Number, w.Notation, w.Reason)
	if err != nil {
		return err
	}
	return x.json(http.StatusOK, cancelled)
}
