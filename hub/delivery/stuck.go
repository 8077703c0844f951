package delivery

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/lienthong/lienthong/hub"
)

const (
	stuckShown = 200            // deliveries of each kind that are listed
	stuckRead  = 1000           // and that are looked at for it
	stuckAll   = 10_000         // that one act reaches when it is about all
	overdue    = time.Minute    // so long a delivery waits behind others and is not stuck
	endsSoon   = 24 * time.Hour // what is left to a recipient
	maxGivenUp = 1000           // characters of the reason for giving up
	// giveUpLimit bounds one act of giving up: it is over before a hold is.
	giveUpLimit = time.Minute
)

// forever is later than any next attempt.
func (s *Service) forever() time.Time { return s.now().AddDate(100, 0, 0) }

// Stuck lists what does not come on. It needs ScopeOperate.
func (s *Service) Stuck(ctx context.Context, actor hub.Actor) (hub.Stuck, error) {
	if err := actor.Require(hub.ScopeOperate); err != nil {
		return hub.Stuck{}, err
	}
	now := s.now()
	queued, err := s.Store.DueDeliveries(ctx, s.forever(), stuckRead)
	if err != nil {
		return hub.Stuck{}, err
	}
	open, err := s.Store.ExpiringDeliveries(ctx, now.Add(endsSoon), stuckRead)
	if err != nil {
		return hub.Stuck{}, err
	}
	stuck := hub.Stuck{More: len(queued) == stuckRead || len(open) == stuckRead}
	pick := func(items []hub.Item, wanted func(d *hub.Delivery) bool) []hub.StuckDelivery {
		picked := []hub.StuckDelivery{}
		for i := range items {
			switch {
			case !wanted(&items[i].Delivery):
			case len(picked) == stuckShown:
				stuck.More = true
			default:
				picked = append(picked, seen(&items[i]))
			}
		}
		return picked
	}
	stuck.Failing = pick(queued, func(d *hub.Delivery) bool { return d.LastError != "" || now.Sub(d.NextAttempt) > overdue })
	stuck.Ending = pick(open, func(d *hub.Delivery) bool { return d.State != hub.StateQueued && !d.ExpiresAt.After(now.Add(endsSoon)) })
	return stuck, nil
}

// seen is what an operator sees of a delivery.
func seen(item *hub.Item) hub.StuckDelivery {
	d := &item.Delivery
	return hub.StuckDelivery{
		ID: d.ID, Dispatch: d.Dispatch, Sender: item.Dispatch.Sender, Recipient: d.Recipient, Channel: d.Channel, State: d.State, Urgent: d.Urgent,
		AcceptedAt: item.Dispatch.AcceptedAt, ExpiresAt: d.ExpiresAt, Attempts: d.Attempts, NextAttempt: d.NextAttempt, LastError: d.LastError, LastSaid: d.LastSaid,
	}
}

// TryAgain has queued deliveries tried at once, whatever pause they are in: those named, or
// without names all that wait for another attempt, up to 10,000. One whose
// attempt may be under way is left. It needs ScopeOperate; KindNotFound
// says that a named delivery does not exist, and then nothing was done.
func (s *Service) TryAgain(ctx context.Context, actor hub.Actor, ids ...hub.DeliveryID) (hub.StuckOutcome, error) {
	if err := actor.Require(hub.ScopeOperate); err != nil {
		return hub.StuckOutcome{}, err
	}
	items, err := s.waiting(ctx, ids)
	if err != nil {
		return hub.StuckOutcome{}, err
	}
	unmovable := func(item *hub.Item) (*hub.Error, error) { return s.unmovable(item), nil }
	outcome, done, err := s.act(ctx, items, unmovable, func(item *hub.Item) move {
		next := item.Delivery
		next.NextAttempt = s.now()
		return s.transition(item, next)
	})
	for _, d := range done { // what the queue does not take, the sweeper finds
		if err := s.Queue.Publish(ctx, d.Dispatch, d.Urgent); err != nil {
			s.Log.WarnContext(ctx, "a delivery that an operator wants tried again waits for the sweeper", "delivery", d.ID, "error", err)
		}
	}
	return outcome, err
}

// GiveUp ends queued deliveries as failed, with evidence that tells the sender why: the
// reason, in a sentence. One whose attempt may be under way is left, because its recipient may
// get it at this moment. It needs ScopeOperate; other errors: KindInvalid for the reason,
// KindNotFound for a delivery that does not exist, and then nothing was done.
func (s *Service) GiveUp(ctx context.Context, actor hub.Actor, reason string, ids ...hub.DeliveryID) (hub.StuckOutcome, error) {
	if err := actor.Require(hub.ScopeOperate); err != nil {
		return hub.StuckOutcome{}, err
	}
	reason = strings.TrimSpace(reason)
	switch {
	case len(ids) == 0:
		return hub.StuckOutcome{}, hub.Invalid("ids", "required", "name the deliveries to give up")
	case reason == "":
		return hub.StuckOutcome{}, hub.Invalid("reason", "required", "say why: the sender is told")
	case !utf8.ValidString(reason) || strings.ContainsFunc(reason, unicode.IsControl):
		return hub.StuckOutcome{}, hub.Invalid("reason", "control_character", "reason contains control characters or is not UTF-8")
	case utf8.RuneCountInString(reason) > maxGivenUp:
		return hub.StuckOutcome{}, hub.Invalid("reason", "max_length", "a reason has at most %d characters", maxGivenUp)
	}
	items, err := s.waiting(ctx, ids)
	if err != nil {
		return hub.StuckOutcome{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, giveUpLimit)
	defer cancel()
	h := holding{Service: s, held: map[hub.DispatchID]bool{}}
	defer h.release()
	may := func(item *hub.Item) (*hub.Error, error) { return h.mayHave(ctx, item) }
	outcome, _, err := s.act(ctx, items, may, func(item *hub.Item) move {
		next := item.Delivery
		next.State = hub.StateFailed
		next.Reason = &hub.Reason{Code: hub.ReasonAttemptsExhausted, Detail: fmt.Sprintf("given up by the operator after attempt %d: %s", next.Attempts, reason)}
		return s.transition(item, next)
	})
	return outcome, err
}

// waiting reads deliveries, or without names all that wait for another attempt.
func (s *Service) waiting(ctx context.Context, ids []hub.DeliveryID) ([]hub.Item, error) {
	if len(ids) == 0 {
		return s.Store.DueDeliveries(ctx, s.forever(), stuckAll)
	}
	if len(ids) > stuckRead {
		return nil, hub.Errorf(hub.KindTooLarge, "ids", "max_items", "name at most %d deliveries at once", stuckRead)
	}
	items := make([]hub.Item, len(ids))
	for i, id := range ids {
		var err error
		if items[i], err = s.Store.Item(ctx, id); err != nil {
			return nil, err
		}
	}
	return items, nil
}

// act makes one move each of what can be moved now, in batches, and returns what was moved.
// stays says why one cannot be, nil for nothing.
func (s *Service) act(ctx context.Context, items []hub.Item, stays func(*hub.Item) (*hub.Error, error), moveOf func(*hub.Item) move) (hub.StuckOutcome, []hub.Delivery, error) {
	outcome := hub.StuckOutcome{Left: []hub.StuckLeft{}}
	var moves []move
	var done []hub.Delivery
	leave := func(item *hub.Item, why *hub.Error) {
		outcome.Left = append(outcome.Left, hub.StuckLeft{ID: item.Delivery.ID, Reason: why.Message, Said: hub.SaidOf(why)})
	}
	settle := func() error {
		t, err := s.apply(ctx, moves)
		for i := range moves {
			if err == nil && slices.Contains(t.left, i) {
				leave(moves[i].item, left("changed", "it changed at this moment"))
			} else if err == nil {
				done = append(done, moves[i].step.Delivery)
			}
		}
		moves = moves[:0]
		return err
	}
	for i := range items {
		why, err := stays(&items[i])
		if err != nil {
			return outcome, done, errors.Join(err, settle())
		}
		if why != nil {
			leave(&items[i], why)
			continue
		}
		if moves = append(moves, moveOf(&items[i])); len(moves) == s.Batch {
			if err := settle(); err != nil {
				return outcome, done, err
			}
		}
	}
	err := settle()
	outcome.Count = len(done)
	return outcome, done, err
}

// unmovable says why an operator cannot act on a delivery now, nil for nothing. A carry that
// has begun is not interrupted. It is known by its claim, which leaves no error, and holds
// until the next attempt, even where the node that carried has died: twice the limit of a
// carry, because what came of one is recorded after it.
func (s *Service) unmovable(item *hub.Item) *hub.Error {
	d := &item.Delivery
	switch {
	case d.State != hub.StateQueued:
		return left("waits_not", "it is %s and waits for no attempt", d.State)
	case s.underWay(d):
		return left("under_way", "an attempt may be under way until %s", d.NextAttempt.UTC().Format(time.RFC3339))
	}
	return nil
}

// left is why a delivery is left as it is.
func left(rule, format string, args ...any) *hub.Error {
	return hub.Errorf(hub.KindConflict, "delivery", rule, format, args...)
}

func (s *Service) underWay(d *hub.Delivery) bool {
	return d.Attempts > 0 && d.LastError == "" && s.now().Before(d.NextAttempt)
}

// holding keeps dispatches from going to another axis while deliveries of them are given up.
type holding struct {
	*Service
	held     map[hub.DispatchID]bool
	releases []func()
}

func (h *holding) release() {
	for _, release := range h.releases {
		release()
	}
}

// mayHave says why a delivery cannot be given up. One call to another axis is for all
// recipients of a dispatch there: what is under way or came of it for one of them is so for
// those, too, that are still in a pause of their own. From before this is looked at until
// the delivery has ended no call for any of them begins.
func (h *holding) mayHave(ctx context.Context, item *hub.Item) (*hub.Error, error) {
	d := &item.Delivery
	if why := h.unmovable(item); why != nil || d.Channel != hub.ChannelAxis {
		return why, nil
	}
	if h.Hold != nil && !h.held[d.Dispatch] {
		release, err := h.Hold(ctx, item)
		switch {
		case err != nil && hub.KindOf(err) == hub.KindBusy:
			return left("axis_called", "a call for all recipients behind the axis is under way"), nil
		case err != nil:
			return nil, err
		}
		h.held[d.Dispatch], h.releases = true, append(h.releases, release)
	}
	if h.Answer != nil {
		if answer := h.Answer(ctx, item); answer != "" {
			return left("answered", "%s: have it tried again, and that is recorded", answer), nil
		}
	}
	others, err := h.Store.DueDeliveries(ctx, h.forever(), hub.MaxRecipients, d.Dispatch)
	if err != nil {
		return nil, err
	}
	for i := range others {
		if o := &others[i].Delivery; o.Channel == hub.ChannelAxis && h.underWay(o) {
			return left("axis_under_way", "an attempt for all recipients behind the axis may be under way until %s", o.NextAttempt.UTC().Format(time.RFC3339)), nil
		}
	}
	return nil, nil //nolint:nilnil // nothing keeps it, which is no error
}
