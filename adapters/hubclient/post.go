package hubclient

import (
	"context"
	"net/http"
	"net/url"

	"github.com/lienthong/lienthong/hub"
)

// PostalQuery selects orders at the post of an agency (code or id), which may be empty when
// the credential speaks for one.
type PostalQuery struct {
	Agency   string
	Open     bool
	Outgoing bool
	Oldest   bool
	Dossier  hub.DossierID
	Dispatch hub.DispatchID
	From, To hub.Date
	Finding  hub.PostalRule // "": all
	Page     hub.Page
}

// PostalOrders lists a page of orders, those ordered last first.
func (c *Client) PostalOrders(ctx context.Context, q PostalQuery) (hub.List[hub.PostalOrder], error) {
	query := url.Values{}
	for name, value := range map[string]string{
		"agency": q.Agency, "dossier": string(q.Dossier), "dispatch": string(q.Dispatch), "from": string(q.From), "to": string(q.To), "finding": string(q.Finding),
	} {
		setNonEmpty(query, name, value)
	}
	for name, on := range map[string]bool{"open": q.Open, "outgoing": q.Outgoing, "oldest": q.Oldest} {
		if on {
			query.Set(name, "true")
		}
	}
	return list[hub.PostalOrder](ctx, c, pathOf("post", "orders"), query, q.Page)
}

// PostalOrder shows one order with its events.
func (c *Client) PostalOrder(ctx context.Context, id hub.PostalID) (hub.PostalOrder, error) {
	var order hub.PostalOrder
	err := c.json(ctx, get(pathOf("post", "orders", string(id)), nil), &order)
	return order, err
}

// OrderPost has the post carry something for an agency (code or id, empty where the credential
// speaks for one). It is tried again only where the wish has a key.
func (c *Client) OrderPost(ctx context.Context, agency string, wish hub.PostalWish) (hub.PostalOrder, error) {
	var order hub.PostalOrder
	k, err := call{method: http.MethodPost, path: pathOf("post", "orders"), idempotent: wish.Key != ""}.withJSON(struct {
		hub.PostalWish
		Agency string `json:"agency,omitempty"`
	}{wish, agency})
	if err == nil {
		err = c.json(ctx, k, &order)
	}
	return order, err
}

// ReportPost says what a bill says of an order. It is tried again only where the report has a
// key.
func (c *Client) ReportPost(ctx context.Context, id hub.PostalID, report hub.PostalReport) (hub.PostalOrder, error) {
	var order hub.PostalOrder
	k, err := call{method: http.MethodPost, path: pathOf("post", "orders", string(id), "events"), idempotent: report.Key != ""}.withJSON(report)
	if err == nil {
		err = c.json(ctx, k, &order)
	}
	return order, err
}
