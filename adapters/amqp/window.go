package amqp

import (
	"context"
	"fmt"
	"strings"
	"time"

	amqp091 "github.com/rabbitmq/amqp091-go"

	"github.com/lienthong/lienthong/hub"
)

// window is where one agency is served.
type window struct {
	*Desk
	code   hub.Code
	agency hub.AgencyID
	actor  hub.Actor
	stop   context.CancelFunc

	channel  *amqp091.Channel
	returned chan amqp091.Return
	failures pauses
}

const (
	// putLimit is how long the broker may take to have an answer.
	putLimit = 30 * time.Second
	// reportsEvery is how soon a status report goes out that no bell told of.
	reportsEvery = 10 * time.Second
	reportsOnce  = 50 // in one look
)

// serveAll serves the agency until ctx ends or something is wrong with the channel.
func (w *window) serveAll(ctx context.Context, c *connection) error {
	messages, err := w.begin(c)
	if err != nil {
		return err
	}
	defer func() { _ = w.channel.Close() }() // what was not acknowledged comes again
	tick := time.NewTicker(reportsEvery)
	defer tick.Stop()
	for {
		bell := w.Reports.Listen(w.agency)
		if err := w.tell(ctx); err != nil {
			return err
		}
		for rung := false; !rung; {
			select {
			case <-ctx.Done():
				return ctx.Err()
			case m, ok := <-messages:
				if !ok {
					return fmt.Errorf("the broker ended the reading of %s", AgencyIntake(w.code))
				}
				if err := w.handle(ctx, &m); err != nil {
					return err
				}
			case <-bell:
				rung = true
			case <-tick.C:
				rung = true
			}
		}
	}
}

// begin makes what is missing in the broker and reads the intake, one message at a time.
func (w *window) begin(c *connection) (<-chan amqp091.Delivery, error) {
	var err error
	if w.channel, err = c.Channel(); err != nil {
		return nil, err
	}
	w.failures = pauses{Backoff: w.queue.Retry}
	w.returned = w.channel.NotifyReturn(make(chan amqp091.Return, 1))
	for _, step := range []func() error{
		func() error { return declareAgency(w.channel, w.code) },
		func() error { return w.channel.Confirm(false) },
		func() error { return w.channel.Qos(1, 0, false) },
	} {
		if err := step(); err != nil {
			return nil, err
		}
	}
	return w.channel.Consume(AgencyIntake(w.code), "", false, false, false, false, nil)
}

// handle serves one message and acknowledges it, or gives it back. Its error ends the
// channel, and the message comes again.
func (w *window) handle(ctx context.Context, m *amqp091.Delivery) error {
	a, err := w.atTheCounter(ctx, m)
	switch {
	case ctx.Err() != nil && err != nil:
		return err
	case err != nil && passing(err) && (hub.KindOf(err) != hub.KindInternal || redeliveries(m) < w.queue.Redeliveries):
		return w.giveBack(ctx, m, err)
	}
	busy := context.WithoutCancel(ctx) // what was done is answered
	if err != nil {
		w.queue.Log.WarnContext(ctx, "a message of an agency is refused", "agency", w.code, "message", idOf(m), "type", m.Type, "error", err)
		if err := w.put(busy, agencyRefused(w.code), w.copyOf(m, hub.ViolationsOf(err)[0])); err != nil {
			return w.notPut(ctx, m, err)
		}
		a = problemOf(err)
	}
	if err := w.answer(busy, m, a); err != nil {
		return w.notPut(ctx, m, err)
	}
	w.failures.reset()
	return m.Ack(false)
}

// atTheCounter serves a message when there is room. The pauses of one agency, and an
// answer that nobody takes, take no room from others.
func (w *window) atTheCounter(ctx context.Context, m *amqp091.Delivery) (answer, error) {
	select {
	case w.room <- struct{}{}:
		defer func() { <-w.room }()
	case <-ctx.Done():
		return answer{}, ctx.Err()
	}
	return w.serve(context.WithoutCancel(ctx), w.actor, m) // what has begun comes to its end
}

// notPut goes on after an answer that the broker has for certain not taken. Where nobody
// knows, the channel ends: what it says later must not be taken for an answer to the next.
func (w *window) notPut(ctx context.Context, m *amqp091.Delivery, err error) error {
	if err == errRefused || err == errNoRoute { //nolint:errorlint // ours, never wrapped
		return w.giveBack(ctx, m, err)
	}
	return err
}

// giveBack leaves a message to the next try, after a pause.
func (w *window) giveBack(ctx context.Context, m *amqp091.Delivery, why error) error {
	w.queue.Log.WarnContext(ctx, "a message of an agency is tried again", "agency", w.code, "message", idOf(m), "error", why)
	w.failures.wait(ctx)
	return m.Nack(false, true)
}

// answer puts an answer into the agency's queue of answers. The answer to the same
// message has the same id.
func (w *window) answer(ctx context.Context, m *amqp091.Delivery, a answer) error {
	body, err := encode(a.body)
	if err != nil {
		return err
	}
	id := m.MessageId
	if !printable(id) {
		id = idOf(&amqp091.Delivery{Body: m.Body})
	}
	out := w.queue.message(ctx, id+".answer", body)
	out.Type, out.CorrelationId = a.kind, m.MessageId
	return w.put(ctx, agencyAnswers(w.code), out)
}

// copyOf is a refused message as it is kept, with the reason in its headers.
func (w *window) copyOf(m *amqp091.Delivery, why *hub.Error) amqp091.Publishing {
	return amqp091.Publishing{
		MessageId: m.MessageId, Type: m.Type, CorrelationId: m.CorrelationId, ReplyTo: m.ReplyTo, Timestamp: m.Timestamp, DeliveryMode: amqp091.Persistent,
		ContentType: m.ContentType, ContentEncoding: m.ContentEncoding, Body: m.Body,
		Headers: amqp091.Table{
			headerReason: string(why.Kind) + " " + short(why.Field) + " " + why.Rule, headerUser: m.UserId,
			headerBuried: w.queue.Now().UTC().Truncate(time.Second),
		},
	}
}

// maxShort bounds what is repeated of an error, in bytes. A broker ends the connection,
// which serves all agencies, when headers do not fit into a frame.
const maxShort = 1 << 10

func short(s string) string {
	if len(s) <= maxShort {
		return s
	}
	return strings.ToValidUTF8(s[:maxShort], "")
}

// put publishes to a queue and waits until the broker has it durably there.
func (w *window) put(ctx context.Context, queue string, m amqp091.Publishing) error {
	ctx, cancel := context.WithTimeout(ctx, putLimit)
	defer cancel()
	confirm, err := w.channel.PublishWithDeferredConfirmWithContext(ctx, "", queue, true, false, m)
	if err != nil {
		return away(err, "the broker did not take an answer")
	}
	taken, err := confirm.WaitContext(ctx)
	switch {
	case err != nil:
		return away(err, "the broker did not confirm an answer in time")
	case !taken:
		return errRefused
	}
	select {
	case <-w.returned: // it comes before the confirm
		return errNoRoute
	default:
		return nil
	}
}

// tell passes on the status reports that wait for the agency. A report that was passed
// on twice has the same message id.
func (w *window) tell(ctx context.Context) error {
	for {
		list, err := w.Reports.Notices(ctx, w.actor, w.agency, hub.Page{Limit: reportsOnce})
		if err != nil {
			w.queue.Log.WarnContext(ctx, "status reports wait", "agency", w.code, "error", err)
			return nil // the next look finds them
		}
		for i := range list.Items {
			n := &list.Items[i]
			body, err := encode(statusMessage{
				Report: n.Report, Dispatch: n.Item.Dispatch.ID, Delivery: n.Item.Delivery.ID,
				State: n.Item.Delivery.State, Number: n.Item.Dispatch.Document.Number(),
			})
			if err != nil {
				return err
			}
			out := w.queue.message(ctx, n.Report.ID, body)
			out.Type = typeStatus
			if err := w.put(ctx, agencyAnswers(w.code), out); err != nil {
				w.failures.wait(ctx)
				return err
			}
			if err := w.Reports.TakeNotice(ctx, w.actor, n.Report.ID); err != nil {
				return err
			}
		}
		if len(list.Items) < reportsOnce {
			return nil
		}
	}
}
