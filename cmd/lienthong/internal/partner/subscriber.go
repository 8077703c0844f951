package partner

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/lienthong/lienthong/hub"
)

// subscriber is an agency that has itself told of what waits, by webhook or by mail.
type subscriber struct {
	rest
	kind   hub.SubscriptionKind
	target string
	gather int // seconds
	sub    string
	secret string
}

// subscribed makes a subscription at an address.
func (t *subscriber) subscribed(ctx context.Context, target string) (*reply, error) {
	wish := map[string]any{"agency": t.Agency, "kind": t.kind, "target": target}
	if t.gather > 0 {
		wish["gather_seconds"] = t.gather
	}
	body, err := json.Marshal(wish)
	if err != nil {
		return nil, err
	}
	return t.json(ctx, "/v1/subscriptions", string(body))
}

// refusedTarget tries an address that must not be taken.
func (t *subscriber) refusedTarget(target string) func(context.Context) (string, error) {
	return func(ctx context.Context) (string, error) {
		a, err := t.subscribed(ctx, target)
		if err != nil {
			return "", err
		}
		return a.brief(), nil
	}
}

func (t *subscriber) subscribe(ctx context.Context) (string, error) {
	a, err := t.subscribed(ctx, t.target)
	if err != nil {
		return "", err
	}
	var answer struct {
		Subscription struct{ ID string }
		Secret       string
	}
	if err := json.Unmarshal(a.body, &answer); err != nil {
		return a.brief(), err
	}
	t.sub, t.secret = answer.Subscription.ID, answer.Secret
	got := a.brief()
	if t.secret != "" {
		got += " secret"
	}
	return got, nil
}

// of is the address of something of the subscription.
func (t *subscriber) of(what string) string { return "/v1/subscriptions/" + t.sub + what }

// ask has a test told, and tells whether it was.
func (t *subscriber) ask(ctx context.Context) (string, error) {
	if t.sub == "" {
		return "", errNeeds
	}
	a, err := t.json(ctx, t.of("/tests"), "{}")
	if err != nil {
		return "", err
	}
	var answer struct {
		Told  bool
		Error string
	}
	if err := json.Unmarshal(a.body, &answer); err != nil || !answer.Told {
		return a.brief() + " " + answer.Error, err
	}
	return "told", nil
}

// sendOne sends a document from the agency to itself and keeps its delivery.
func (t *subscriber) sendOne(ctx context.Context, number string) error {
	if t.sub == "" {
		return errNeeds
	}
	a, err := t.submit(ctx, t.letter(number), t.PDF)
	if err != nil || len(a.Deliveries) != 1 {
		return failedWith(err, a)
	}
	t.dispatch, t.delivery = a.Dispatch.ID, a.Deliveries[0].ID
	return nil
}

// pushes are what the subscription has to tell of the delivery sent last.
func (t *subscriber) pushes(ctx context.Context) ([]hub.Push, error) {
	var list hub.List[hub.Push]
	a, err := t.call(ctx, http.MethodGet, t.of("/pushes?limit=200"), "", nil)
	if err == nil {
		err = json.Unmarshal(a.body, &list)
	}
	return slices.DeleteFunc(list.Items, func(p hub.Push) bool { return string(p.Delivery) != t.delivery }), err
}

// awaitTold waits until the delivery sent last was told.
func (t *subscriber) awaitTold(ctx context.Context) (string, error) {
	state := "nothing"
	got, err := await(ctx, func() (string, error) {
		list, err := t.pushes(ctx)
		if len(list) > 0 {
			state = string(list[0].State)
		}
		if err != nil || state != string(hub.PushTold) {
			return "", err
		}
		return state, nil
	})
	if got == "" {
		got = state
	}
	return got, err
}

// quiet is how long nothing must come.
const quiet = 3 * time.Second

// hush waits that long.
func hush(ctx context.Context) {
	select {
	case <-ctx.Done():
	case <-time.After(quiet):
	}
}

// halt pauses the subscription or lets it go on.
func (t *subscriber) halt(ctx context.Context, paused bool) error {
	a, err := t.call(ctx, http.MethodPut, t.of("/pause"), "application/json", fmt.Appendf(nil, `{"paused":%t}`, paused))
	if err == nil && a.Status != http.StatusOK {
		err = failedWith(nil, a)
	}
	return err
}

// remove ends the subscription, and then it is not there.
func (t *subscriber) remove(ctx context.Context) (string, error) {
	if t.sub == "" {
		return "", errNeeds
	}
	if _, err := t.call(ctx, http.MethodDelete, t.of(""), "", nil); err != nil {
		return "", err
	}
	a, err := t.call(ctx, http.MethodGet, t.of(""), "", nil)
	if err != nil {
		return "", err
	}
	return a.brief(), nil
}
