package hubclient

import (
	"context"
	"net/http"
	"net/url"
	"strconv"

	"github.com/lienthong/lienthong/hub"
)

// NumberWish is a number to take. Agency is a code or an id, empty when the credential
// speaks for one; Year 0 is this one, Number 0 the next. The same Key takes the same number.
type NumberWish struct {
	Agency   string `json:"agency,omitempty"`
	Year     int    `json:"year,omitempty"`
	Kind     string `json:"kind"`
	Notation string `json:"notation"`
	Number   int64  `json:"number,omitempty"`
	Subject  string `json:"subject,omitempty"`
	Key      string `json:"key,omitempty"`
}

// TakeNumber takes a number for a document. It is tried again only where the wish has a key.
func (c *Client) TakeNumber(ctx context.Context, wish NumberWish) (hub.OutgoingNumber, error) {
	var taken hub.OutgoingNumber
	k, err := call{method: http.MethodPost, path: pathOf("numbers"), idempotent: wish.Key != ""}.withJSON(wish)
	if err == nil {
		err = c.json(ctx, k, &taken)
	}
	return taken, err
}

func numberQuery(agency string, year int) url.Values {
	query := ofAgency(agency)
	if year != 0 {
		query.Set("year", strconv.Itoa(year))
	}
	return query
}

// NextNumber is the number that would be taken now; nothing is.
func (c *Client) NextNumber(ctx context.Context, agency string, year int, kind string) (int64, error) {
	query := numberQuery(agency, year)
	query.Set("kind", kind)
	var next struct {
		Number int64 `json:"number"`
	}
	err := c.json(ctx, call{method: http.MethodGet, path: pathOf("numbers", "next"), query: query}, &next)
	return next.Number, err
}

// CancelNumber gives a number up for good. The same again changes nothing.
func (c *Client) CancelNumber(ctx context.Context, agency string, year int, number int64, notation, reason string) (hub.OutgoingNumber, error) {
	var cancelled hub.OutgoingNumber
	k, err := call{method: http.MethodPost, path: pathOf("numbers", "cancellations"), idempotent: true}.withJSON(struct {
		Agency   string `json:"agency,omitempty"`
		Year     int    `json:"year,omitempty"`
		Number   int64  `json:"number"`
		Notation string `json:"notation"`
		Reason   string `json:"reason"`
	}{agency, year, number, notation, reason})
	if err == nil {
		err = c.json(ctx, k, &cancelled)
	}
	return cancelled, err
}

// Numbers lists a page of the numbers of an agency in a year, by kind and number.
func (c *Client) Numbers(ctx context.Context, agency string, year int, state hub.NumberState, page hub.Page) (hub.List[hub.OutgoingNumber], error) {
	query := numberQuery(agency, year)
	setNonEmpty(query, "state", string(state))
	return list[hub.OutgoingNumber](ctx, c, pathOf("numbers"), query, page)
}
