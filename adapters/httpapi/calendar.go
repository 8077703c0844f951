package httpapi

import (
	"context"
	"net/http"
	"slices"

	"github.com/lienthong/lienthong/hub"
)

// WorkingDays keeps which days are worked.
type WorkingDays interface {
	Calendar() *hub.Calendar
	Import(ctx context.Context, actor hub.Actor, source string, days []hub.CalendarDay, dryRun bool) (hub.CalendarImport, error)
}

func calendarRoutes() []route {
	return []route{
		{method: http.MethodGet, pattern: "/v1/calendar", handle: (*api).calendar},
		{method: http.MethodPost, pattern: "/v1/calendar", scopes: []hub.Scope{hub.ScopeOperate}, limit: jsonLimit, handle: (*api).importCalendar},
	}
}

func (a *api) calendar(x *exchange) error {
	q := x.query()
	year := int(q.number("year", 1, 9999, 0))
	if err := q.done(); err != nil {
		return err
	}
	years := a.WorkingDays.Calendar().Years()
	if year != 0 {
		years = slices.DeleteFunc(years, func(y hub.CalendarYear) bool { return y.Year != year })
	}
	return x.json(http.StatusOK, listed(hub.List[hub.CalendarYear]{Items: years}))
}

// calendarWish is the body of POST /v1/calendar.
type calendarWish struct {
	Source string            `json:"source"`
	Days   []hub.CalendarDay `json:"days"`
	DryRun bool              `json:"dry_run"`
}

func (a *api) importCalendar(x *exchange) error {
	var wish calendarWish
	if err := x.read(&wish); err != nil {
		return err
	}
	report, err := a.WorkingDays.Import(x.r.Context(), x.actor, wish.Source, wish.Days, wish.DryRun)
	if err != nil {
		return err
	}
	return x.json(http.StatusOK, report)
}
