package web

import (
	"cmp"
	"context"
	"net/http"
	"slices"
	"time"

	"github.com/lienthong/lienthong/hub"
)

// Subscriptions says who is told of what happens, to those who keep it.
type Subscriptions interface {
	List(ctx context.Context, actor hub.Actor, agency hub.AgencyID) ([]hub.Subscription, error)
	Get(ctx context.Context, actor hub.Actor, id string) (hub.Subscription, error)
	Pushes(ctx context.Context, actor hub.Actor, query hub.PushQuery) (hub.List[hub.Push], error)
	Remove(ctx context.Context, actor hub.Actor, id string) error
}

// Telling lets subscriptions rest, go on and tell again.
type Telling interface {
	Pause(ctx context.Context, actor hub.Actor, id string) (hub.Subscription, error)
	Resume(ctx context.Context, actor hub.Actor, id string) (hub.Subscription, error)
	Replay(ctx context.Context, actor hub.Actor, id string, which hub.Replay) (int, error)
}

type subscriptionsPage struct {
	Subscriptions []hub.Subscription
	Wide          bool // of any agency, not of the person's own alone
	Removed       bool
	First, Follow string
}

// subscriptions lists first what wants somebody: what is paused, then what fails.
func (x *exchange) subscriptions() error {
	all, err := x.Subscriptions.List(x.r.Context(), x.visit.Actor, "")
	if err != nil {
		return err
	}
	slices.SortFunc(all, func(a, b hub.Subscription) int {
		return cmp.Or(urgency(&a)-urgency(&b), cmp.Compare(a.Agency, b.Agency), cmp.Compare(a.ID, b.ID))
	})
	q := x.r.URL.Query()
	p := subscriptionsPage{Wide: x.visit.Actor.Has(hub.ScopeOperate), Removed: q.Get("removed") != ""}
	if after := q.Get("after"); after != "" {
		p.First = "/subscriptions"
		// One that has gone meanwhile begins anew.
		all = all[1+slices.IndexFunc(all, func(s hub.Subscription) bool { return s.ID == after }):]
	}
	if len(all) > rows {
		all = all[:rows]
		p.Follow = "/subscriptions?" + query("after", all[rows-1].ID)
	}
	p.Subscriptions = all
	return x.show(http.StatusOK, "subscriptions", p, nil)
}

// urgency orders subscriptions by how much they want somebody.
func urgency(s *hub.Subscription) int {
	switch {
	case s.Paused != nil:
		return 0
	case s.Health.Failures > 0:
		return 1
	}
	return 2
}

type subscriptionPage struct {
	hub.Subscription
	Waiting, SetAside []hub.Push // the first of them
	More              bool       // wait than are shown
	Again             bool       // somebody asked to tell again
	Told              int        // so many
	Since             string     // as typed
}

func (x *exchange) subscription() error {
	return x.subscriptionShown(http.StatusOK, subscriptionPage{}, nil)
}

// subscriptionShown shows how a subscription fares and what it has yet to tell.
func (x *exchange) subscriptionShown(status int, p subscriptionPage, problems map[string]string) error {
	ctx, id := x.r.Context(), x.r.PathValue("subscription")
	var err error
	if p.Subscription, err = x.Subscriptions.Get(ctx, x.visit.Actor, id); err != nil {
		return err
	}
	for state, found := range map[hub.PushState]*[]hub.Push{hub.PushWaiting: &p.Waiting, hub.PushSetAside: &p.SetAside} {
		list, err := x.Subscriptions.Pushes(ctx, x.visit.Actor, hub.PushQuery{Subscription: id, State: state, Page: hub.Page{Limit: shownPushes}})
		if err != nil {
			return err
		}
		*found = list.Items
		p.More = p.More || list.Next != ""
	}
	if p.Since == "" {
		p.Since = x.Now().Add(-24 * time.Hour).In(hub.Vietnam()).Format(typedTime)
	}
	return x.show(status, "subscription", p, problems)
}

const (
	shownPushes = 20
	typedTime   = "2006-01-02T15:04" // of a field for date and time
)

func (x *exchange) pauseSubscription() error {
	id, act := x.r.PathValue("subscription"), x.Telling.Resume
	if x.r.PostFormValue("paused") == "true" {
		act = x.Telling.Pause
	}
	if _, err := act(x.r.Context(), x.visit.Actor, id); err != nil {
		return err
	}
	return x.redirect("/subscriptions/" + id)
}

// replaySubscription tells again what was told since a time, or what was set aside.
func (x *exchange) replaySubscription() error {
	which := hub.Replay{SetAside: x.r.PostFormValue("which") == "set_aside"}
	p := subscriptionPage{}
	if !which.SetAside {
		p.Since = x.r.PostFormValue("since")
		since, err := time.ParseInLocation(typedTime, p.Since, hub.Vietnam())
		if err != nil || since.After(x.Now()) {
			return x.subscriptionShown(http.StatusUnprocessableEntity, p, map[string]string{"since": x.texts.text(x.lang, "subscription.since.wrong")})
		}
		which.Since = since.UTC()
	}
	n, err := x.Telling.Replay(x.r.Context(), x.visit.Actor, x.r.PathValue("subscription"), which)
	if err != nil {
		return err
	}
	p.Again, p.Told = true, n
	return x.subscriptionShown(http.StatusOK, p, nil)
}

// removeSubscription ends a subscription, when the person has said twice that it shall.
func (x *exchange) removeSubscription() error {
	if x.r.PostFormValue("sure") != "yes" {
		return x.subscriptionShown(http.StatusUnprocessableEntity, subscriptionPage{}, map[string]string{"sure": x.texts.text(x.lang, "subscription.sure.wrong")})
	}
	if err := x.Subscriptions.Remove(x.r.Context(), x.visit.Actor, x.r.PathValue("subscription")); err != nil {
		return err
	}
	return x.redirect("/subscriptions?removed=1")
}
