package httpapi

import (
	"net/http"

	"github.com/lienthong/lienthong/hub"
)

func (a *api) stuck(x *exchange) error {
	stuck, err := a.Stuck.Stuck(x.r.Context(), x.actor)
	if err != nil {
		return err
	}
	return x.json(http.StatusOK, stuck)
}

// tryAgain is about named deliveries, or about all that wait when that is said: to name
// none is a mistake.
func (a *api) tryAgain(x *exchange) error {
	var wish struct {
		IDs []hub.DeliveryID `json:"ids"`
		All bool             `json:"all"`
	}
	if err := x.read(&wish); err != nil {
		return err
	}
	if wish.All == (len(wish.IDs) > 0) {
		return hub.Invalid("ids", "required", "name the deliveries in ids, or say all")
	}
	outcome, err := a.Stuck.TryAgain(x.r.Context(), x.actor, wish.IDs...)
	if err != nil {
		return err
	}
	return x.json(http.StatusOK, outcome)
}

func (a *api) giveUp(x *exchange) error {
	var wish struct {
		IDs    []hub.DeliveryID `json:"ids"`
		Reason string           `json:"reason"`
	}
	if err := x.read(&wish); err != nil {
		return err
	}
	outcome, err := a.Stuck.GiveUp(x.r.Context(), x.actor, wish.Reason, wish.IDs...)
	if err != nil {
		return err
	}
	return x.json(http.StatusOK, outcome)
}
