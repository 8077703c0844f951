package telemetry

import (
	"context"
	"errors"

	"github.com/lienthong/lienthong/adapters/httpapi"
	"github.com/lienthong/lienthong/hub"
)

// Intake watches submissions.
func (t *Telemetry) Intake(i httpapi.Intake) httpapi.Intake { return &intake{i, t} }

type intake struct {
	httpapi.Intake
	t *Telemetry
}

// Submit implements httpapi.Intake.
func (i *intake) Submit(ctx context.Context, actor hub.Actor, sub hub.Submission) (hub.Accepted, error) {
	accepted, err := i.Intake.Submit(ctx, actor, sub)
	i.t.submitted(accepted, err)
	return accepted, err
}

// Uploads watches submissions whose bytes came in parts.
func (t *Telemetry) Uploads(u httpapi.Uploads) httpapi.Uploads { return &uploads{u, t} }

type uploads struct {
	httpapi.Uploads
	t *Telemetry
}

// Complete implements httpapi.Uploads.
func (u *uploads) Complete(ctx context.Context, actor hub.Actor, id string) (hub.Accepted, error) {
	accepted, err := u.Uploads.Complete(ctx, actor, id)
	u.t.submitted(accepted, err)
	return accepted, err
}

func (t *Telemetry) submitted(accepted hub.Accepted, err error) {
	outcome := "accepted"
	var rejection *hub.Rejection
	switch {
	case errors.As(err, &rejection):
		outcome = "rejected"
	case err != nil:
		outcome = string(hub.KindOf(err))
	case accepted.Duplicate:
		outcome = "duplicate"
	}
	t.submissions.WithLabelValues(outcome).Inc()
}
