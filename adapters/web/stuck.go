package web

import (
	"net/http"

	"github.com/lienthong/lienthong/hub"
)

// stuckPage shows an operator what does not come on.
type stuckPage struct {
	hub.Stuck
	Outcome *hub.StuckOutcome // of the act before
	Act     string            // that act: retry or giveup
	Reason  string            // that was typed for giving up
	Chosen  map[hub.DeliveryID]bool
}

func (x *exchange) stuck() error { return x.showStuck(http.StatusOK, stuckPage{}, nil) }

func (x *exchange) showStuck(status int, p stuckPage, problems map[string]string) error {
	var err error
	if p.Stuck, err = x.Stuck.Stuck(x.r.Context(), x.visit.Actor); err != nil {
		return err
	}
	return x.show(status, "stuck", p, problems)
}

// actOnStuck has deliveries tried again, those that were chosen or all, or gives those that
// were chosen up.
func (x *exchange) actOnStuck() error {
	p := stuckPage{Act: x.r.PostFormValue("do"), Reason: x.r.PostFormValue("reason"), Chosen: map[hub.DeliveryID]bool{}}
	var ids []hub.DeliveryID
	for _, id := range x.r.PostForm["delivery"] {
		ids = append(ids, hub.DeliveryID(id))
		p.Chosen[hub.DeliveryID(id)] = true
	}
	var outcome hub.StuckOutcome
	var err error
	switch {
	case p.Act == "all":
		outcome, err = x.Stuck.TryAgain(x.r.Context(), x.visit.Actor)
	case len(ids) == 0:
		return x.showStuck(http.StatusUnprocessableEntity, p, map[string]string{"delivery": x.texts.text(x.lang, "stuck.none")})
	case p.Act == "retry":
		outcome, err = x.Stuck.TryAgain(x.r.Context(), x.visit.Actor, ids...)
	case p.Act == "giveup":
		outcome, err = x.Stuck.GiveUp(x.r.Context(), x.visit.Actor, p.Reason, ids...)
	default:
		return hub.Invalid("do", "unknown", "this page has no such button")
	}
	if err != nil && again(err) {
		return x.showStuck(statusOf(hub.KindOf(err)), p, x.problems(err, "reason", "delivery"))
	}
	if err != nil {
		return err
	}
	return x.showStuck(http.StatusOK, stuckPage{Outcome: &outcome, Act: p.Act}, nil)
}
