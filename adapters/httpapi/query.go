package httpapi

import (
	"cmp"
	"encoding/base64"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/lienthong/lienthong/hub"
)

// Page sizes of listings.
const (
	defaultPage = 50
	maxPage     = 200
)

// maxQuery bounds the text of a search in bytes.
const maxQuery = 500

// query reads the parameters after the question mark, each at most once unless
// it may repeat. The first error is kept; unknown parameters are errors too, since
// a misspelt filter would silently show everything.
type query struct {
	values url.Values
	known  []string
	err    error
}

func (x *exchange) query() *query {
	values, err := url.ParseQuery(x.r.URL.RawQuery)
	q := &query{values: values}
	if err != nil {
		q.fail("", "query", "the query cannot be read")
	}
	return q
}

func (q *query) fail(field, rule, message string) {
	if q.err == nil {
		q.err = hub.Invalid(field, rule, "%s", message)
	}
}

// done returns the first error, and refuses parameters that nobody asked for.
func (q *query) done() error {
	for name := range q.values {
		if !slices.Contains(q.known, name) {
			q.fail(name, "unknown_parameter", "there is no parameter "+strconv.Quote(name)+" here")
		}
	}
	return q.err
}

func (q *query) all(name string) []string {
	q.known = append(q.known, name)
	return q.values[name]
}

func (q *query) text(name string) string {
	values := q.all(name)
	switch {
	case len(values) == 0:
		return ""
	case len(values) > 1:
		q.fail(name, "once", "the parameter occurs more than once")
	case len(values[0]) > maxQuery:
		q.fail(name, "max_length", "the parameter is too long")
	}
	return values[0]
}

func (q *query) number(name string, least, most, absent int64) int64 {
	s := q.text(name)
	if s == "" {
		return absent
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n < least || n > most {
		q.fail(name, "range", "a number from "+strconv.FormatInt(least, 10)+" to "+strconv.FormatInt(most, 10)+" is wanted")
		return absent
	}
	return n
}

func (q *query) flag(name string) bool {
	switch q.text(name) {
	case "", "false":
		return false
	case "true":
		return true
	}
	q.fail(name, "boolean", "true or false is wanted")
	return false
}

// at reads the time that a look-up is for (RFC 3339), now when it is absent.
func (q *query) at(now time.Time) time.Time {
	s := q.text("at")
	if s == "" {
		return now
	}
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		q.fail("at", "date_time", "a time like 2026-01-05T08:00:00Z is wanted")
	}
	return t.UTC()
}

// day reads a date in Vietnam as its first instant, zero when it is absent.
func (q *query) day(name string) time.Time {
	s := q.text(name)
	if s == "" {
		return time.Time{}
	}
	t, err := time.ParseInLocation(time.DateOnly, s, hub.Vietnam())
	if err != nil || t.Year() < 1900 {
		q.fail(name, "date", "a date like 2025-07-01 is wanted")
	}
	return t.UTC()
}

func (q *query) states() []hub.DeliveryState { return listedIn(q, "state", hub.DeliveryStates()) }

// listedIn reads a parameter that may repeat, or name several values by commas, all of a
// closed list. Each comes once.
func listedIn[T ~string](q *query, name string, all []T) []T {
	var list []T
	for _, value := range q.all(name) {
		for s := range strings.SplitSeq(value, ",") {
			switch v := T(s); {
			case !slices.Contains(all, v):
				if q.err == nil {
					q.err = hub.Unlisted(name, v, all)
				}
			case !slices.Contains(list, v):
				list = append(list, v)
			}
		}
	}
	return list
}

// oneIn reads a parameter that names one value of a closed list; "" when it is absent.
func oneIn[T ~string](q *query, name string, all []T) T {
	list := listedIn(q, name, all)
	switch len(list) {
	case 0:
		return ""
	case 1:
		return list[0]
	}
	q.fail(name, "max_items", "one "+name+" at a time")
	return ""
}

func (q *query) page() hub.Page {
	return hub.Page{
		After: q.cursor(),
		Limit: int(q.number("limit", 1, maxPage, defaultPage)),
	}
}

// cursor reads what nextCursor wrote.
func (q *query) cursor() string {
	after, err := parseCursor(q.text("after"))
	if err != nil {
		q.fail("after", "cursor", `this is not the "next" of an earlier page`)
	}
	return after
}

func parseCursor(s string) (string, error) {
	raw, err := base64.RawURLEncoding.Strict().DecodeString(s)
	return string(raw), err
}

// nextCursor makes the cursor of a store safe to stand in an address as it is. It
// is no secret: whatever it says, the services decide what its bearer may see.
func nextCursor(after string) string { return base64.RawURLEncoding.EncodeToString([]byte(after)) }

// listing is one page of a listing on the wire.
type listing[T any] struct {
	Items []T    `json:"items"`
	Next  string `json:"next,omitempty"`
}

func listed[T any](l hub.List[T]) listing[T] {
	if l.Items == nil {
		l.Items = []T{}
	}
	return listing[T]{l.Items, nextCursor(l.Next)}
}

// agencyAsked is the agency of a request that has no parameter but agency.
func (a *api) agencyAsked(x *exchange) (hub.AgencyID, error) { return a.agencyIn(x, x.query()) }

// agencyIn reads whose things are meant, and ends the parameters.
func (a *api) agencyIn(x *exchange, q *query) (hub.AgencyID, error) {
	code := q.text("agency")
	if err := q.done(); err != nil {
		return "", err
	}
	return a.agencyOf(x.actor, code)
}

// periodAsked reads whose figures are meant and of which period, and ends the parameters.
func (a *api) periodAsked(x *exchange, q *query) (hub.AgencyID, hub.Period, error) {
	period := a.periodOf(q.text("period"))
	agency, err := a.agencyIn(x, q)
	return agency, period, err
}

// periodOf is a period, or the year that runs where none is named.
func (a *api) periodOf(named string) hub.Period {
	return hub.Period(cmp.Or(named, a.Now().In(hub.Vietnam()).Format("2006")))
}

// agencyOf finds the agency that a parameter names: an id or a code, of the
// actor's own agencies, and those it receives for, also one that is no longer in force. It may be absent when
// the actor speaks for exactly one agency.
func (a *api) agencyOf(actor hub.Actor, value string) (hub.AgencyID, error) {
	if value == "" {
		if len(actor.Agencies) == 1 {
			return actor.Agencies[0], nil
		}
		return "", hub.Invalid("agency", "required", "this key speaks for %d agencies: name one", len(actor.Agencies))
	}
	for _, id := range actor.Recipients() {
		own, ok := a.Directory.ByID(id)
		if ok && slices.ContainsFunc(own.Codes, func(c hub.Dated[hub.Code]) bool { return string(c.Value) == value }) {
			return id, nil
		}
	}
	return a.anyAgency("agency", value)
}

// anyAgency finds an agency by id or by a code that is in force.
func (a *api) anyAgency(field, value string) (hub.AgencyID, error) {
	if agency, ok := a.Directory.ByID(hub.AgencyID(value)); ok {
		return agency.ID, nil
	}
	r, err := a.Directory.Resolve(value, a.Now())
	if err != nil {
		e := *hub.ViolationsOf(err)[0]
		e.Field = field
		return "", &e
	}
	return r.Agency.ID, nil
}

// agencyOrNone is anyAgency, and "" where none is named.
func (a *api) agencyOrNone(field, value string) (hub.AgencyID, error) {
	if value == "" {
		return "", nil
	}
	return a.anyAgency(field, value)
}
