package amqp

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"time"

	amqp091 "github.com/rabbitmq/amqp091-go"

	"github.com/lienthong/lienthong/hub"
)

// AdminOptions configure an Admin.
type AdminOptions struct {
	URL         string                                    // of the management API, https://HOST:15671
	Credentials func() (user, password string, err error) // of an administrator
	VHost       string                                    // default "/"
	Client      *http.Client                              // default: with a limit of 10 s
}

// Admin gives agencies queues and users in RabbitMQ, through its management API.
type Admin struct{ AdminOptions }

// NewAdmin returns an Admin. It asks nobody yet.
func NewAdmin(o AdminOptions) *Admin {
	setDefault(&o.VHost, "/")
	if o.Client == nil {
		o.Client = &http.Client{Timeout: 10 * time.Second}
	}
	return &Admin{o}
}

// AgencyUser is the name of an agency's user; its queue has the same name.
func AgencyUser(code hub.Code) string { return agencyPrefix + string(code) }

// Ping fails where EnsureAgency would for want of a broker or of rights.
func (a *Admin) Ping(ctx context.Context) error { return a.do(ctx, http.MethodGet, "/api/users", nil) }

// EnsureAgency makes the queues, the exchange and the user of an agency, or sets the
// user's password. The user may read the agency's queues of deliveries, answers and
// refused messages, write to its exchange, and nothing else. Connections that were opened
// with an earlier password end: the broker by itself would leave them open for as long as
// they like. Again with the same arguments it changes nothing else.
func (a *Admin) EnsureAgency(ctx context.Context, code hub.Code, password string) error {
	if _, err := hub.ParseCode(string(code)); err != nil {
		return err
	}
	if password == "" {
		return hub.Invalid("password", "required", "a user of the broker needs a password")
	}
	for _, step := range a.agencySteps(code, password) {
		if err := a.do(ctx, step.method, step.path, step.body); err != nil {
			return err
		}
	}
	err := a.do(ctx, http.MethodDelete, "/api/connections/username/"+url.PathEscape(AgencyUser(code)), nil)
	if hub.KindOf(err) == hub.KindNotFound {
		return nil // there are none
	}
	return err
}

// step is one request to the management API.
type step struct {
	method, path string
	body         map[string]any
}

func (a *Admin) agencySteps(code hub.Code, password string) []step {
	type object = map[string]any
	name := AgencyUser(code)
	steps := []step{
		{http.MethodPut, a.path("exchanges", eventsExchange), object{"type": amqp091.ExchangeTopic, "durable": true}},
		{http.MethodPut, a.path("exchanges", AgencyIntake(code)), object{"type": amqp091.ExchangeFanout, "durable": true}},
	}
	for _, b := range agencyBounds(code) {
		steps = append(steps, step{http.MethodPut, a.path("queues", b.queue), object{"durable": true, "arguments": b.arguments}})
		if b.exchange != "" {
			steps = append(steps, step{http.MethodPost, a.path("bindings", "e", b.exchange, "q", b.queue), object{"routing_key": b.key}})
		}
	}
	own := "^" + regexp.QuoteMeta(name)
	return append(steps,
		step{http.MethodPut, "/api/users/" + url.PathEscape(name), object{"password": password, "tags": ""}},
		step{http.MethodPut, a.path("permissions", name), object{
			"configure": "^$", "write": own + regexp.QuoteMeta(intakeSuffix) + "$",
			"read": own + "(" + regexp.QuoteMeta(answersSuffix) + "|" + regexp.QuoteMeta(refusedSuffix) + ")?$",
		}})
}

// RemoveAgency removes the user, whose connections end, and then the exchange and the
// queues with what is in them. What is not there is no error.
func (a *Admin) RemoveAgency(ctx context.Context, code hub.Code) error {
	paths := []string{"/api/users/" + url.PathEscape(AgencyUser(code)), a.path("exchanges", AgencyIntake(code))}
	for _, b := range agencyBounds(code) {
		paths = append(paths, a.path("queues", b.queue))
	}
	for _, path := range paths {
		if err := a.do(ctx, http.MethodDelete, path, nil); err != nil && hub.KindOf(err) != hub.KindNotFound {
			return err
		}
	}
	return nil
}

// path is the address of something in the virtual host.
func (a *Admin) path(kind string, names ...string) string {
	path := "/api/" + kind + "/" + url.PathEscape(a.VHost)
	for _, name := range names {
		path += "/" + url.PathEscape(name)
	}
	return path
}

func (a *Admin) do(ctx context.Context, method, path string, body any) error {
	user, password, err := a.Credentials()
	if err != nil {
		return away(err, "the password of the broker's administrator cannot be read")
	}
	text, err := json.Marshal(body)
	if err != nil {
		return hub.Internal("write a request to the broker", err)
	}
	request, err := http.NewRequestWithContext(ctx, method, a.URL+path, bytes.NewReader(text))
	if err != nil {
		return hub.Invalid("management", "url", "this is not the address of a management API")
	}
	request.SetBasicAuth(user, password)
	request.Header.Set("Content-Type", "application/json")
	response, err := a.Client.Do(request)
	if err != nil {
		return away(err, "no answer from the management API of the broker")
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(response.Body, 4<<10))
	if err != nil {
		return away(err, "the management API of the broker broke off")
	}
	return statusError(response.StatusCode, answer)
}

// statusError maps what the management API answers.
func statusError(status int, answer []byte) error {
	kind := hub.KindUnavailable
	switch {
	case status < http.StatusBadRequest:
		return nil
	case status == http.StatusNotFound:
		kind = hub.KindNotFound
	case status == http.StatusUnauthorized, status == http.StatusForbidden:
		kind = hub.KindDenied
	case status == http.StatusBadRequest:
		kind = hub.KindConflict // something of the name is there, and another
	}
	return hub.Errorf(kind, "", fmt.Sprintf("http_%d", status), "the broker answered %d: %.200s", status, answer)
}
