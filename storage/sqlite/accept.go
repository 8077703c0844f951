package sqlite

import (
	"context"
	"database/sql"
	"strings"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/storage/internal/fault"
	"github.com/lienthong/lienthong/storage/internal/sqlkit"
)

// first is where an earlier acceptance is to be found.
type first struct {
	dispatch hub.DispatchID
	receipt  hub.EvidenceID
}

func scanFirst(rows *sql.Rows) (first, error) {
	var f first
	err := rows.Scan(&f.dispatch, &f.receipt)
	return f, err
}

// FindAccepted returns what (sender, key) or (sender, external id, operation)
// led to; KindNotFound when nothing.
func (s *Store) FindAccepted(ctx context.Context, sender hub.AgencyID, key, externalID string, op hub.Operation) (hub.Accepted, error) {
	return findAccepted(ctx, s.reader, sender, key, externalID, op)
}

func findAccepted(ctx context.Context, q queryer, sender hub.AgencyID, key, externalID string, op hub.Operation) (hub.Accepted, error) {
	if fault.NoIdempotencyKey {
		return hub.Accepted{}, hub.Errorf(hub.KindNotFound, "dispatch", "", "there is no such dispatch")
	}
	// The key decides before the external id: it names this very call.
	found, err := one(ctx, q, "dispatch", scanFirst, `SELECT id, receipt FROM (SELECT 0 AS rank, id, receipt FROM dispatches WHERE sender = ?1 AND key = ?2 AND ?2 <> ''
			UNION ALL SELECT 1, id, receipt FROM dispatches WHERE sender = ?1 AND external_id = ?3 AND operation = ?4)
		ORDER BY rank LIMIT 1`, string(sender), key, externalID, string(op))
	if err != nil {
		return hub.Accepted{}, err
	}
	item, err := dispatchItem(ctx, q, found.dispatch)
	if err != nil {
		return hub.Accepted{}, err
	}
	receipt, err := evidence(ctx, q, found.receipt)
	return hub.Accepted{Dispatch: item.Dispatch, Deliveries: item.Deliveries, Receipt: receipt}, err
}

// Accept records an acceptance once; see the contract in hub/intake.
func (s *Store) Accept(ctx context.Context, a hub.Acceptance) (hub.Accepted, error) {
	if len(a.Evidence) == 0 {
		return hub.Accepted{}, hub.Internal("an acceptance without its evidence", nil)
	}
	rows, err := encodeAcceptance(&a)
	if err != nil {
		return hub.Accepted{}, err
	}
	var accepted hub.Accepted
	err = s.do(ctx, 2+len(a.Dispatch.Parts)+len(a.Deliveries)+len(a.Evidence)+len(a.Arrivals)+3*len(a.Changes), func(t *tx) error {
		accepted = hub.Accepted{Dispatch: a.Dispatch, Deliveries: a.Deliveries, Receipt: a.Evidence[0]}
		inserted, err := rows.insert(t)
		switch {
		case err != nil:
		case inserted:
			// An error undoes the whole act.
			if err = yearOpen(ctx, t, a.Dispatch.Sender, a.Dispatch.AcceptedAt.In(hub.Vietnam()).Year()); err == nil {
				err = checkOrigin(ctx, t, &a.Dispatch)
			}
			if err == nil {
				err = claimOutgoing(ctx, t, &a.Dispatch)
			}
		default:
			accepted, err = earlier(ctx, t, &a.Dispatch)
		}
		return err
	})
	if err != nil {
		return hub.Accepted{}, err
	}
	return accepted, nil
}

// earlier returns the acceptance that stands in the way of a new one, as a
// duplicate when it is the same act, else as KindConflict.
func earlier(ctx context.Context, t *tx, d *hub.Dispatch) (hub.Accepted, error) {
	found, err := findAccepted(ctx, t, d.Sender, d.Key, d.ExternalID, d.Operation)
	if err != nil {
		return found, hub.Internal("the dispatch cannot be recorded and no earlier one is there", err)
	}
	return sqlkit.Duplicate(d, found)
}

// acceptanceRows is an acceptance ready to be inserted: what takes time is done
// before the writer is asked.
type acceptanceRows struct {
	of         *hub.Acceptance
	dispatch   []any
	words      string
	deliveries [][]any
	evidence   []hub.SealedEvidence
	arrivals   [][]any
	changes    []*stepRows
}

func encodeAcceptance(a *hub.Acceptance) (*acceptanceRows, error) {
	d := &a.Dispatch
	body, err := sqlkit.Encode(d)
	if err != nil {
		return nil, err
	}
	reports, err := sqlkit.EncodeReports(a)
	if err != nil {
		return nil, err
	}
	figures, err := sqlkit.EncodeFigureSource(d, a.Reports)
	if err != nil {
		return nil, err
	}
	r := &acceptanceRows{
		of: a, evidence: a.Evidence, deliveries: make([][]any, len(a.Deliveries)),
		dispatch: dispatchRow(d, string(a.Evidence[0].Evidence.ID), body, reports, figures),
		words:    strings.Join(sqlkit.IndexedWords(d, a.Deliveries), " "),
	}
	for i := range a.Deliveries {
		if r.deliveries[i], err = encodeDelivery(&a.Deliveries[i]); err != nil {
			return nil, err
		}
	}
	for i := range a.Arrivals {
		row, err := encodeReport(&a.Arrivals[i])
		if err != nil {
			return nil, err
		}
		r.arrivals = append(r.arrivals, row)
	}
	for i := range a.Changes {
		change, err := encodeStep(&a.Changes[i])
		if err != nil {
			return nil, err
		}
		r.changes = append(r.changes, change)
	}
	return r, nil
}

// dispatchRow is a dispatch as insertDispatch takes it.
func dispatchRow(d *hub.Dispatch, receipt, body, reports, figures string) []any {
	key, externalID := sql.NullString{String: d.Key, Valid: d.Key != ""}, d.ExternalID
	if fault.NoIdempotencyKey {
		key.Valid, externalID = false, externalID+string(d.ID)
	}
	return []any{
		string(d.ID), string(d.Sender), externalID, string(d.Operation), key, d.Document.Number(), string(d.Document.Promulgated),
		sqlkit.SearchText(d), receipt, body, reports, figures,
	}
}

const insertDispatch = `INSERT INTO dispatches
	(id, sender, external_id, operation, key, number, promulgated, search, receipt, body, reports, figures)
	VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`

// insert records all rows; it reports false, and has done nothing, when an
// earlier dispatch stands in the way.
func (r *acceptanceRows) insert(t *tx) (bool, error) {
	n, err := t.change(insertDispatch+" ON CONFLICT DO NOTHING", r.dispatch...)
	if err != nil || n == 0 {
		return false, failed("record the dispatch", err)
	}
	open, completedAt := sqlkit.OpenAmong(r.of)
	if err := insertParts(t, &r.of.Dispatch, open, completedAt); err != nil {
		return false, err
	}
	if err := insertWords(t, r.words, r.of.Dispatch.ID); err != nil {
		return false, err
	}
	if err := insertDeliveries(t, r.deliveries); err != nil {
		return false, err
	}
	for i := range r.of.Deliveries {
		if err := recordTasks(t, &r.of.Deliveries[i]); err != nil {
			return false, err
		}
	}
	if err := insertEvidences(t, "", r.evidence); err != nil {
		return false, err
	}
	for i, arrival := range r.arrivals {
		if err := insertReport(t, &r.of.Arrivals[i], arrival); err != nil {
			return false, err
		}
	}
	for _, change := range r.changes {
		applied, err := change.apply(t)
		if err == nil && !applied {
			err = sqlkit.Changed(change.of) // undoes the whole act
		}
		if err != nil {
			return false, err
		}
	}
	return true, insertLinks(t, &r.of.Dispatch)
}

// Reject records the evidence of a refused submission.
func (s *Store) Reject(ctx context.Context, sender hub.AgencyID, evidence hub.SealedEvidence) error {
	return s.do(ctx, 1, func(t *tx) error {
		return insertEvidences(t, sender, []hub.SealedEvidence{evidence})
	})
}
