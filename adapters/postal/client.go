package postal

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/lienthong/lienthong/hub"
)

// Client gives orders to the operator. It is safe for concurrent use.
type Client struct {
	HTTP     *http.Client // follows no redirects: they would carry the token elsewhere
	URL      string       // what stands before the names of the calls
	Customer string       // MaKhachHang: as whom the operator knows this hub
	Token    func() (string, error)
	Codes    Codes
}

// maxAnswer bounds an answer, in bytes.
const maxAnswer = 1 << 20

// Order gives an order. One that the operator has already under its number is taken.
func (c *Client) Order(ctx context.Context, o *hub.PostalOrder) error {
	a, err := c.call(ctx, callOrder, orderOf(c.Customer, o))
	switch {
	case err != nil || a.Status || slices.Contains(c.Codes.Known, string(a.Code)):
		return err
	}
	return hub.Errorf(hub.KindInvalid, "", "post", "the operator refuses the order: %s", said(&a))
}

// Ask tells what the operator knows of an order; KindNotFound where it has none. It asks for
// the end first: what led to an end that is told is then told, too.
func (c *Client) Ask(ctx context.Context, o *hub.PostalOrder) (hub.PostalNews, error) {
	end, _, err := c.rows(ctx, callDelivery, o)
	if err != nil {
		return hub.PostalNews{}, err
	}
	begin, known, err := c.rows(ctx, callAcceptance, o)
	if err != nil {
		return hub.PostalNews{}, err
	}
	if !known {
		return hub.PostalNews{}, hub.Errorf(hub.KindNotFound, "order", "post", "the operator has no such order")
	}
	return c.Codes.news(append(begin, end...)), nil
}

// rows are what a call tells of an order, and whether the operator knows the order.
func (c *Client) rows(ctx context.Context, call string, o *hub.PostalOrder) (rows []row, known bool, err error) {
	a, err := c.call(ctx, call, question{SoDonHang: string(o.ID), MaKhachHang: c.Customer})
	known = a.Status || !slices.Contains(c.Codes.Unknown, string(a.Code))
	if err == nil && known && !a.Status {
		err = hub.Errorf(hub.KindUnavailable, "", "post", "the operator does not say what became of the order: %s", said(&a))
	}
	return a.Data, known, err
}

func said(a *answer) string { return short(strings.TrimSpace(string(a.Code) + " " + a.Message)) }

// call makes one call. That the operator does not know this hub is no refusal of the order:
// the token may be the wrong one.
func (c *Client) call(ctx context.Context, name string, body any) (answer, error) {
	var a answer
	token, err := c.Token()
	if err != nil {
		return a, &hub.Error{Kind: hub.KindUnavailable, Rule: "post", Message: "the token of the post cannot be read", Err: err}
	}
	text, err := json.Marshal(body)
	if err != nil {
		return a, hub.Internal("encode an order", err)
	}
	address := strings.TrimSuffix(c.URL, "/") + "/" + name + "?" + url.Values{"token": {token}}.Encode()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(text))
	if err != nil {
		return a, unavailable("the address of the post is none", err)
	}
	r.Header.Set("Content-Type", "application/json; charset=utf-8")
	response, err := c.HTTP.Do(r)
	if err != nil {
		return a, unavailable("the post does not answer", err)
	}
	defer response.Body.Close()
	switch response.StatusCode {
	case http.StatusUnauthorized, http.StatusForbidden:
		return a, hub.Errorf(hub.KindUnavailable, "", "post_token", "the post does not know this hub: its token or customer number is wrong")
	case http.StatusOK, http.StatusCreated, http.StatusBadRequest, http.StatusNotFound, http.StatusConflict, http.StatusUnprocessableEntity: // with an answer
	default:
		return a, hub.Errorf(hub.KindUnavailable, "", "post", "the post answers with status %d", response.StatusCode)
	}
	if err := json.NewDecoder(io.LimitReader(response.Body, maxAnswer)).Decode(&a); err != nil {
		return a, unavailable("the answer of the post cannot be read", err)
	}
	return a, nil
}

// unavailable is an error without the address that it may hold: the token stands in it.
func unavailable(what string, err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		err = u.Err
	}
	return &hub.Error{Kind: hub.KindUnavailable, Rule: "post", Message: what, Err: err}
}
