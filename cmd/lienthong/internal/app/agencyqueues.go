package app

import (
	"context"

	"github.com/lienthong/lienthong/adapters/amqp"
	"github.com/lienthong/lienthong/adapters/httpapi"
	"github.com/lienthong/lienthong/cmd/lienthong/internal/engine"
	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/hub/directory"
	"github.com/lienthong/lienthong/hub/intake"
	"github.com/lienthong/lienthong/hub/tracking"
)

var (
	_ amqp.Members   = (*directory.Directory)(nil)
	_ amqp.Intake    = (*intake.Service)(nil)
	_ amqp.Forwards  = (*intake.Service)(nil)
	_ amqp.Box       = (*tracking.Service)(nil)
	_ amqp.Recipient = (*tracking.Service)(nil)
	_ amqp.Reports   = (*tracking.Service)(nil)
	_ amqp.Blobs     = engine.Content(nil)

	_ httpapi.AgencyQueues = notedQueues{}
)

// notedQueues gives agencies queues of their own, and notes that.
type notedQueues struct {
	users *brokerUsers // nil: this hub may not
	chronicle
}

func (a *App) agencyQueues(acts chronicle) (notedQueues, error) {
	users, err := a.config.brokerUsers()
	return notedQueues{users, acts}, err
}

func noManagement() error {
	return hub.Errorf(hub.KindUnavailable, "broker-management", "required",
		"this hub may make no users in a broker: its settings --broker and --broker-management are empty")
}

// Grant implements httpapi.AgencyQueues.
func (q notedQueues) Grant(ctx context.Context, actor hub.Actor, code hub.Code) (hub.Credential, error) {
	if err := q.note(ctx, actor, "queue.grant", string(code), nil); err != nil {
		return hub.Credential{}, err
	}
	if q.users == nil {
		return hub.Credential{}, noManagement()
	}
	given, err := q.users.give(ctx, code)
	given.Channel, given.Address = hub.EnrolAMQP, q.users.address
	return given, err
}

// Revoke implements httpapi.AgencyQueues.
func (q notedQueues) Revoke(ctx context.Context, actor hub.Actor, code hub.Code) error {
	if err := q.note(ctx, actor, "queue.revoke", string(code), nil); err != nil {
		return err
	}
	if q.users == nil {
		return noManagement()
	}
	return q.users.admin.RemoveAgency(ctx, code)
}

// serveAgencies serves agencies that send through the broker, on one node at a time.
func (a *App) serveAgencies(ctx context.Context) error {
	s := &a.services
	if a.config.Broker == "" {
		<-ctx.Done()
		return nil
	}
	return a.store.Lead(ctx, "agencies", func(ctx context.Context, _ int64) error {
		a.queue.ServeAgencies(ctx, amqp.DeskOptions{
			Members: s.directory, Intake: a.watch.Intake(s.intake), Forwards: s.intake, Box: s.tracking, Recipient: s.tracking, Reports: s.tracking,
			Blobs: a.blobs, Overloaded: a.health.overloaded,
		})
		return nil
	})
}
