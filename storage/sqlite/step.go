package sqlite

import (
	"context"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/storage/internal/sqlkit"
)

// ApplySteps records steps; see the contract in hub/delivery. Beyond state and
// version a step needs that the delivery has not ended, unless the state stays,
// and that nobody took a lease since the delivery was read.
func (s *Store) ApplySteps(ctx context.Context, steps ...hub.Step) ([]error, error) {
	results := make([]error, len(steps))
	changes := make([]*stepRows, len(steps))
	rows := 0
	for i := range steps {
		var err error
		if changes[i], err = encodeStep(&steps[i]); err != nil {
			return nil, err
		}
		rows += 1 + len(steps[i].Evidence) + len(steps[i].Reports)
	}
	err := s.do(ctx, rows, func(t *tx) error {
		for i, change := range changes {
			book, year := steps[i].Enters()
			if err := yearOpen(ctx, t, book, year); err != nil {
				if results[i] = err; hub.KindOf(err) == hub.KindConflict {
					continue
				}
				return err
			}
			applied, err := change.apply(t)
			if err != nil {
				return err
			}
			results[i] = nil
			if !applied {
				results[i] = sqlkit.NotApplied(&steps[i])
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return results, nil
}

// stepRows is a step ready to be recorded.
type stepRows struct {
	legal    bool
	ends     bool // the delivery, which had not ended before
	of       *hub.Step
	update   []any
	reports  [][]any
	evidence []hub.SealedEvidence
}

func encodeStep(step *hub.Step) (*stepRows, error) {
	next := step.Next()
	body, err := sqlkit.EncodeDelivery(&next)
	if err != nil {
		return nil, err
	}
	fence := int64(0)
	if step.Delivery.Lease != nil {
		fence = step.Delivery.Lease.Fence
	}
	r := &stepRows{
		legal:    sqlkit.LegalStep(step),
		ends:     sqlkit.EndsWith(step),
		of:       step,
		evidence: step.Evidence,
		update: []any{
			string(next.State), next.Version, next.Final(), sqlkit.Micros(next.NextAttempt), sqlkit.Micros(next.Deadline()), body,
			string(next.ID), string(step.From), step.Version, fence, next.Request.Open(),
			int(next.AwaitsNow()), sqlkit.Arrived(&next), string(next.FirstDue()),
		},
	}
	for i := range step.Reports {
		row, err := encodeReport(&step.Reports[i])
		if err != nil {
			return nil, err
		}
		r.reports = append(r.reports, row)
	}
	return r, nil
}

// apply checks and changes in one statement, so that a step left out leaves
// nothing behind. It reports false when the delivery is not as the step expects.
func (r *stepRows) apply(t *tx) (bool, error) {
	if !r.legal {
		return false, nil
	}
	n, err := t.change(`UPDATE deliveries SET state = ?1, version = ?2, final = ?3, next_attempt = ?4, expires_at = ?5, body = ?6, asked = ?11,
		awaits = ?12, arrived = CASE ?13 WHEN 0 THEN arrived ELSE ?13 END, due = ?14,
		lease_until = CASE WHEN ?1 = 'consigned' THEN lease_until ELSE 0 END
		WHERE id = ?7 AND state = ?8 AND version = ?9 AND (final = 0 OR state = ?1) AND (lease_until = 0 OR fence = ?10)`, r.update...)
	if err != nil || n == 0 {
		return false, failed("record a step", err)
	}
	if r.ends {
		if err := endDelivery(t, r.of.Delivery.Dispatch, r.of.Delivery.UpdatedAt); err != nil {
			return false, err
		}
	}
	if err := recordTasks(t, &r.of.Delivery); err != nil {
		return false, err
	}
	for i, report := range r.reports {
		if err := insertReport(t, &r.of.Reports[i], report); err != nil {
			return false, err
		}
	}
	return true, insertEvidences(t, "", r.evidence)
}

// encodeReport is a status report as insertReport takes it.
func encodeReport(report *hub.StatusReport) ([]any, error) {
	body, err := sqlkit.Encode(report)
	return []any{report.ID, string(report.Dispatch), body}, err
}

// insertReport records a status report, and the package that it came in.
func insertReport(t *tx, report *hub.StatusReport, row []any) error {
	err := t.exec("INSERT INTO status_reports (id, dispatch, body) VALUES (?, ?, ?)", row...)
	if err == nil && report.Envelope != nil {
		err = t.exec("INSERT INTO report_parts (report, digest) VALUES (?, ?)", report.ID, report.Envelope.Digest[:])
	}
	return failed("record a status report", err)
}
