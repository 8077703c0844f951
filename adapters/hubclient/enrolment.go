package hubclient

import (
	"context"
	"net/http"
	"time"

	"github.com/lienthong/lienthong/hub"
)

// NewEnrolment describes an enrolment to be made. Agency is a code or an id.
type NewEnrolment struct {
	Agency   string                 `json:"agency"`
	Channels []hub.EnrolmentChannel `json:"channels"`
	System   string                 `json:"system,omitempty"`
	Client   string                 `json:"client,omitempty"`
	Contact  string                 `json:"contact"`
	Expires  time.Time              `json:"expires,omitzero"`
	Replace  bool                   `json:"replace,omitempty"`
	Overlap  int64                  `json:"overlap,omitempty"` // seconds
}

// GivenEnrolment is an enrolment with its code, which the hub shows this once.
type GivenEnrolment struct {
	Enrolment hub.Enrolment `json:"enrolment"`
	Code      string        `json:"code"`
}

// CreateEnrolment makes an enrolment. It is not repeated after a failure: the first might
// have made it.
func (c *Client) CreateEnrolment(ctx context.Context, wish NewEnrolment) (GivenEnrolment, error) {
	k, err := call{method: http.MethodPost, path: pathOf("enrolments")}.withJSON(wish)
	if err != nil {
		return GivenEnrolment{}, err
	}
	var given GivenEnrolment
	err = c.json(ctx, k, &given)
	return given, err
}

// Enrolments lists all enrolments, oldest first.
func (c *Client) Enrolments(ctx context.Context) ([]hub.Enrolment, error) {
	l, err := list[hub.Enrolment](ctx, c, pathOf("enrolments"), nil, hub.Page{})
	return l.Items, err
}

// RevokeEnrolment ends an enrolment that was not redeemed.
func (c *Client) RevokeEnrolment(ctx context.Context, id string) error {
	return c.json(ctx, call{method: http.MethodDelete, path: pathOf("enrolments", id), idempotent: true}, nil)
}

// Enrol spends a code for credentials. It needs no key and is never repeated.
func (c *Client) Enrol(ctx context.Context, code string) (hub.Enrolled, error) {
	k, err := call{method: http.MethodPost, path: pathOf("enrol")}.withJSON(map[string]string{"code": code})
	if err != nil {
		return hub.Enrolled{}, err
	}
	var enrolled hub.Enrolled
	err = c.json(ctx, k, &enrolled)
	return enrolled, err
}
