package web

import (
	"cmp"
	"context"
	"net/http"
	"strconv"
	"time"

	"github.com/lienthong/lienthong/hub"
)

// Alerts shows operators what they must know, and takes what they say of it.
type Alerts interface {
	Board(ctx context.Context, actor hub.Actor) (hub.AlertBoard, error)
	Past(ctx context.Context, actor hub.Actor, page hub.Page) (hub.List[hub.Alert], error)
	Acknowledge(ctx context.Context, actor hub.Actor, id, reason string) error
	Mute(ctx context.Context, actor hub.Actor, id, reason string, days int) error
	Unmute(ctx context.Context, actor hub.Actor, id string) error
}

// alertsPage shows what is wrong now, and what was.
type alertsPage struct {
	hub.AlertBoard
	Past          []hub.Alert
	First, Follow string // pages of Past; empty for none
	Acted         string // id of the alert whose form was sent and is shown again
	Reason, Days  string // that was typed into it
}

// pastAlerts are shown at once.
const pastAlerts = 20

// openAlerts counts what is wrong now and not muted, for the menu of operators. A page is
// shown also when nobody can tell.
func (x *exchange) openAlerts() int {
	board, err := x.Alerts.Board(x.r.Context(), x.visit.Actor)
	if err != nil {
		x.Log.WarnContext(x.r.Context(), "alerts cannot be counted", "error", err)
		return 0
	}
	open := 0
	for i := range board.Open {
		if board.Open[i].Muted == nil {
			open++
		}
	}
	return open
}

func (x *exchange) alerts() error {
	return x.showAlerts(http.StatusOK, alertsPage{}, nil)
}

func (x *exchange) showAlerts(status int, p alertsPage, problems map[string]string) error {
	ctx := x.r.Context()
	var err error
	if p.AlertBoard, err = x.Alerts.Board(ctx, x.visit.Actor); err != nil {
		return err
	}
	after := x.r.URL.Query().Get("after")
	past, err := x.Alerts.Past(ctx, x.visit.Actor, hub.Page{After: after, Limit: pastAlerts})
	if err != nil {
		return err
	}
	p.Past = past.Items
	if after != "" {
		p.First = "/alerts"
	}
	if past.Next != "" {
		p.Follow = "/alerts?" + query("after", past.Next)
	}
	p.Days = cmp.Or(p.Days, "7")
	return x.show(status, "alerts", p, problems)
}

// sayOfAlert takes what an operator says of an alert.
func (x *exchange) sayOfAlert() error {
	id, value := x.r.PathValue("alert"), x.r.PostFormValue
	p := alertsPage{Acted: id, Reason: value("reason"), Days: value("days")}
	ctx, actor := x.r.Context(), x.visit.Actor
	var err error
	switch value("do") {
	case "acknowledge":
		err = x.Alerts.Acknowledge(ctx, actor, id, p.Reason)
	case "mute":
		days, typed := strconv.Atoi(p.Days)
		if typed != nil {
			days = 0 // which is refused as any other wrong number
		}
		err = x.Alerts.Mute(ctx, actor, id, p.Reason, days)
	case "unmute":
		err = x.Alerts.Unmute(ctx, actor, id)
	default:
		return hub.Invalid("do", "unknown", "this page has no such button")
	}
	if err != nil && again(err) {
		return x.showAlerts(statusOf(hub.KindOf(err)), p, x.problems(err, "reason", "days"))
	}
	if err != nil {
		return err
	}
	return x.redirect("/alerts")
}

// Alert says what an alert is about.
func (v *view) Alert(a hub.Alert) string {
	name, at := cmp.Or(a.Name, a.About), v.Clock(a.At)
	var words string
	switch a.Kind {
	case hub.AlertPart:
		words = v.T("alert.part", v.T("check."+a.About))
	case hub.AlertDiskLow, hub.AlertBacklog:
		words = v.T("alert."+string(a.Kind), strconv.FormatInt(a.Count, 10))
	default:
		words = v.T("alert."+string(a.Kind), name, at)
	}
	if a.Node != "" {
		words += " " + v.T("alert.node", a.Node)
	}
	return words
}

// Until is the last day of a mute.
func (v *view) Until(t time.Time) string { return t.In(hub.Vietnam()).Format("02/01/2006") }
