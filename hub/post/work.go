package post

import (
	"context"
	"errors"
	"time"

	"github.com/lienthong/lienthong/hub"
)

const (
	atOnce    = 200 // orders of one round
	shortest  = 5 * time.Second
	longest   = time.Hour
	slowest   = 6 * time.Hour // between two questions about an order that is old
	unasked   = 60 * 24 * time.Hour
	toldAgain = time.Minute
	doublings = 16
)

// pause is how long the operator is left alone: it doubles while it does not answer.
type pause struct {
	until time.Time
	tries int
}

// Work does what is due: it gives orders to the operator, asks about those that it has, and
// tells dossiers and documents what became of them. It returns how many orders it changed.
// One node at a time calls it.
func (s *Service) Work(ctx context.Context) (int, error) {
	due, err := s.Store.DuePostalOrders(ctx, s.now(), atOnce)
	if err != nil {
		return 0, err
	}
	changed := 0
	var failed []error
	for i := range due {
		if ctx.Err() != nil {
			return changed, ctx.Err()
		}
		switch err := s.work(ctx, due[i]); {
		case err == nil:
			changed++
		case hub.KindOf(err) != hub.KindConflict: // else somebody was faster
			failed = append(failed, err)
		}
	}
	return changed, errors.Join(failed...)
}

func (s *Service) work(ctx context.Context, o hub.PostalOrder) error {
	if err := s.tell(ctx, &o); err != nil {
		o.Next = s.now().Add(toldAgain) // behind all others
		return errors.Join(err, s.save(ctx, &o))
	}
	switch {
	case s.Operator == nil, !o.Open(), o.Erased(), o.SentAt.IsZero() && o.State != "": // the last was brought to the post by hand
		o.Next = time.Time{}
		return s.save(ctx, &o)
	case s.now().Before(s.away.until):
		return nil // it stays due
	case o.SentAt.IsZero():
		return s.send(ctx, o)
	}
	return s.ask(ctx, o)
}

func (s *Service) save(ctx context.Context, o *hub.PostalOrder) error {
	o.Version++
	return s.Store.ChangePostalOrder(ctx, *o)
}

// send gives an order to the operator. That it was sent is durable before it goes out: who
// comes after a crash asks first.
func (s *Service) send(ctx context.Context, o hub.PostalOrder) error {
	if o.SentAt.IsZero() {
		o.SentAt = s.now()
	}
	o.Next = s.now().Add(2 * s.Patience)
	if err := s.save(ctx, &o); err != nil {
		return err
	}
	err := s.call(ctx, "order", func(ctx context.Context) error { return s.Operator.Order(ctx, &o) })
	switch {
	case err == nil:
		o.Add(hub.PostalEvent{Act: hub.PostalOrdered, At: s.now(), Recorded: s.now()})
		s.answered(&o)
	case refusal(err):
		o.Add(hub.PostalEvent{Act: hub.PostalRejected, At: s.now(), Recorded: s.now(), Text: told(err)})
		s.answered(&o)
	default:
		s.unanswered(&o, err)
	}
	return s.save(ctx, &o)
}

// ask asks what the operator knows of an order. One that it has not got is sent.
func (s *Service) ask(ctx context.Context, o hub.PostalOrder) error {
	var news hub.PostalNews
	err := s.call(ctx, "ask", func(ctx context.Context) (err error) {
		news, err = s.Operator.Ask(ctx, &o)
		return err
	})
	switch {
	case err == nil:
		s.hear(&o, &news)
		s.answered(&o)
	case hub.KindOf(err) == hub.KindNotFound && o.State == "":
		return s.send(ctx, o)
	case refusal(err) || hub.KindOf(err) == hub.KindNotFound:
		tries := o.Asked + 1
		s.answered(&o)
		o.Asked, o.LastError = tries, told(err)
	default:
		s.unanswered(&o, err)
	}
	if err := s.save(ctx, &o); err != nil {
		return err
	}
	return s.tell(ctx, &o)
}

// call asks the operator, no longer than its patience.
func (s *Service) call(ctx context.Context, name string, call func(context.Context) error) error {
	limited, cancel := context.WithTimeout(ctx, s.Patience)
	defer cancel()
	err := call(limited)
	outcome := "answered"
	if err != nil {
		outcome = string(hub.KindOf(err))
	}
	s.Observed(name, outcome)
	return err
}

// refusal reports whether the operator said no, and would say so again.
func refusal(err error) bool {
	switch hub.KindOf(err) {
	case hub.KindInvalid, hub.KindConflict, hub.KindDenied:
		return true
	}
	return false
}

// told is what agencies are told of an error.
func told(err error) string {
	var e *hub.Error
	if errors.As(err, &e) && e.Kind != hub.KindInternal {
		return e.Message
	}
	return "the operator could not be asked"
}

func (s *Service) answered(o *hub.PostalOrder) {
	s.seen.Store(s.now().UnixMilli())
	s.away = pause{}
	o.Asked, o.LastError = 0, ""
	o.Next = s.later(o)
}

// unanswered leaves the operator alone for a while, and the order for longer.
func (s *Service) unanswered(o *hub.PostalOrder, err error) {
	s.Log.Warn("the operator of the post does not answer", "order", o.ID, "attempts", o.Asked+1, "error", err)
	o.Asked++
	o.LastError = told(err)
	o.Next = s.now().Add(s.growing(o.Asked))
	s.away.tries++
	s.away.until = s.now().Add(s.growing(s.away.tries) / 4)
}

// growing is a pause that doubles with each try.
func (s *Service) growing(tries int) time.Duration {
	d := min(shortest, s.Poll) << min(tries-1, doublings)
	d = min(d, longest)
	return (d + s.Jitter(d/4)).Truncate(time.Millisecond)
}

// later is when an order is asked about again: rarely where it is old, and not at all where
// nothing was told for long.
func (s *Service) later(o *hub.PostalOrder) time.Time {
	now := s.now()
	if !o.Open() || now.Sub(o.LastHeard()) > unasked {
		return time.Time{}
	}
	d := min(max(s.Poll, now.Sub(o.Created)/50), slowest)
	return now.Add(d + s.Jitter(d/4)).Truncate(time.Millisecond)
}

// hear adds what the operator tells, each thing once.
func (s *Service) hear(o *hub.PostalOrder, news *hub.PostalNews) {
	now := s.now()
	if o.State == "" {
		o.Add(hub.PostalEvent{Act: hub.PostalOrdered, At: now, Recorded: now})
	}
	for _, e := range news.Events {
		if len(o.Events) >= maxEvents {
			break
		}
		e.Recorded, e.By, e.Key = now, "", ""
		e.Unsound = e.At.Before(o.Created.Truncate(time.Minute).Add(-clockLeeway)) || e.At.After(now.Add(clockLeeway))
		o.Add(e)
	}
	if news.Fees != nil {
		o.Fees = news.Fees
	}
}

// tell tells dossier and document what the post did, in the order in which it became known.
// A crash in between tells it again, which changes nothing.
func (s *Service) tell(ctx context.Context, o *hub.PostalOrder) error {
	told := o.Told
	for i := range o.Events {
		e := &o.Events[i]
		if e.Seq <= o.Told || e.Unsound || e.Act == hub.PostalUnknown {
			continue
		}
		var err error
		if o.Kind == hub.PostalPaper {
			err = s.prove(ctx, o, e)
		} else {
			err = s.enter(ctx, o, e)
		}
		if err != nil {
			return err
		}
	}
	if o.Told = int64(len(o.Events)); o.Told == told {
		return nil
	}
	return s.save(ctx, o)
}
