package httpapi

import (
	"context"
	"net/http"

	"github.com/lienthong/lienthong/hub"
)

// maxLetters is how many dead letters one answer shows.
const maxLetters = 1000

func (a *api) deadLetters(x *exchange) error {
	q := x.query()
	limit := q.number("limit", 1, maxLetters, 100)
	if err := q.done(); err != nil {
		return err
	}
	letters, err := a.DeadLetters.DeadLetters(x.r.Context(), int(limit))
	if err != nil {
		return err
	}
	return x.json(http.StatusOK, listed(hub.List[hub.DeadLetter]{Items: letters}))
}

func (a *api) replayLetters(x *exchange) error { return x.letters(a.DeadLetters.Replay) }

func (a *api) discardLetters(x *exchange) error { return x.letters(a.DeadLetters.Discard) }

// letters does something with named dead letters, or with all of them when that is
// said: to name none is a mistake.
func (x *exchange) letters(act func(ctx context.Context, actor hub.Actor, ids ...string) (int, error)) error {
	var wish struct {
		IDs []string `json:"ids"`
		All bool     `json:"all"`
	}
	if err := x.read(&wish); err != nil {
		return err
	}
	if wish.All == (len(wish.IDs) > 0) {
		return hub.Invalid("ids", "required", "name the dead letters in ids, or say all")
	}
	n, err := act(x.r.Context(), x.actor, wish.IDs...)
	if err != nil {
		return err
	}
	return x.json(http.StatusOK, map[string]int{"count": n})
}

// queueCode is the code whose names in the broker are meant. The directory is not asked:
// names of a code that has ended are taken away, too.
func (x *exchange) queueCode() (hub.Code, error) {
	code, err := hub.ParseCode(x.param("code"))
	if err != nil {
		return "", hub.Invalid("code", "agency_code", "%.40q is no code of an agency", x.param("code"))
	}
	return code, nil
}

func (a *api) grantQueue(x *exchange) error {
	code, err := x.queueCode()
	if err != nil {
		return err
	}
	given, err := a.AgencyQueues.Grant(x.r.Context(), x.actor, code)
	if err != nil {
		return err
	}
	return x.json(http.StatusCreated, given)
}

func (a *api) revokeQueue(x *exchange) error {
	code, err := x.queueCode()
	if err == nil {
		err = a.AgencyQueues.Revoke(x.r.Context(), x.actor, code)
	}
	if err != nil {
		return err
	}
	x.w.WriteHeader(http.StatusNoContent)
	return nil
}
