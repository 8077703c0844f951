package hubclient

import (
	"context"
	"iter"
	"net/http"
	"net/url"
	"strconv"

	"github.com/lienthong/lienthong/hub"
)

// page is one page of a listing on the wire.
type page[T any] struct {
	Items []T    `json:"items"`
	Next  string `json:"next"`
}

func list[T any](ctx context.Context, c *Client, path string, query url.Values, p hub.Page) (hub.List[T], error) {
	if query == nil {
		query = url.Values{}
	}
	var answer page[T]
	err := c.json(ctx, get(path, pageQuery(query, p)), &answer)
	return hub.List[T]{Items: answer.Items, Next: answer.Next}, err
}

// pageQuery adds a page to a query.
func pageQuery(query url.Values, p hub.Page) url.Values {
	setNonEmpty(query, "after", p.After)
	if p.Limit > 0 {
		query.Set("limit", strconv.Itoa(p.Limit))
	}
	return query
}

// All walks through every page of a listing and stops after the first error:
//
//	for item, err := range hubclient.All(func(p hub.Page) (hub.List[hub.SentItem], error) {
//		return client.Sent(ctx, hubclient.SentQuery{Page: p})
//	}) { ... }
func All[T any](fetch func(hub.Page) (hub.List[T], error)) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for p := (hub.Page{}); ; {
			l, err := fetch(p)
			if err != nil {
				var zero T
				yield(zero, err)
				return
			}
			for _, item := range l.Items {
				if !yield(item, nil) {
					return
				}
			}
			if p.After = l.Next; p.After == "" {
				return
			}
		}
	}
}

// ofAgency is a query about an agency, which may be empty.
func ofAgency(agency string) url.Values {
	query := url.Values{}
	setNonEmpty(query, "agency", agency)
	return query
}

func setNonEmpty(query url.Values, name, value string) {
	if value != "" {
		query.Set(name, value)
	}
}

// receiptAnswer is the answer to an act: the evidence that it made.
type receiptAnswer struct {
	Receipt hub.SealedEvidence `json:"receipt"`
}

// act posts v, an idempotent act, and returns the receipt.
func (c *Client) act(ctx context.Context, path string, v any) (hub.SealedEvidence, error) {
	k, err := call{method: http.MethodPost, path: path, idempotent: true}.withJSON(v)
	if err != nil {
		return hub.SealedEvidence{}, err
	}
	var answer receiptAnswer
	err = c.json(ctx, k, &answer)
	return answer.Receipt, err
}
