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
func (x *exchange) letters(act func(ctx context.Context, ids ...string) (int, error)) error {
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
	n, err := act(x.r.Context(), wish.IDs...)
	if err != nil {
		return err
	}
	return x.json(http.StatusOK, map[string]int{"count": n})
}
