package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"strings"
	"time"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/storage/internal/fault"
)

// FindAccepted returns what (sender, key) or (sender, external id, operation)
// led to; KindNotFound when nothing.
func (s *Store) FindAccepted(ctx context.Context, sender hub.AgencyID, key, externalID string, op hub.Operation) (hub.Accepted, error) {
	return findAccepted(ctx, s.reader, sender, key, externalID, op)
}

func findAccepted(ctx context.Context, q queryer, sender hub.AgencyID, key, externalID string, op hub.Operation) (hub.Accepted, error) {
	if fault.NoIdempotencyKey {
		return hub.Accepted{}, missing(sql.ErrNoRows, "dispatch")
	}
	id, receipt, err := acceptedByKey(ctx, q, sender, key)
	if errors.Is(err, sql.ErrNoRows) {
		id, receipt, err = acceptedByExternalID(ctx, q, sender, externalID, op)
	}
	if err != nil {
		return hub.Accepted{}, missing(err, "dispatch")
	}
	item, err := dispatchItem(ctx, q, hub.DispatchID(id))
	if err != nil {
		return hub.Accepted{}, err
	}
	sealed, err := evidenceByID(ctx, q, hub.EvidenceID(receipt))
	return hub.Accepted{Dispatch: item.Dispatch, Deliveries: item.Deliveries, Receipt: sealed}, err
}

func acceptedByKey(ctx context.Context, q queryer, sender hub.AgencyID, key string) (id, receipt string, err error) {
	if key == "" {
		return "", "", sql.ErrNoRows
	}
	err = q.QueryRowContext(ctx, "SELECT id, receipt FROM dispatches WHERE sender = ? AND key = ?", string(sender), key).Scan(&id, &receipt)
	return id, receipt, err
}

func acceptedByExternalID(ctx context.Context, q queryer, sender hub.AgencyID, externalID string, op hub.Operation) (id, receipt string, err error) {
	err = q.QueryRowContext(ctx, "SELECT id, receipt FROM dispatches WHERE sender = ? AND external_id = ? AND operation = ?",
		string(sender), externalID, string(op)).Scan(&id, &receipt)
	return id, receipt, err
}

// Accept records an acceptance once; see the contract in hub/intake.
func (s *Store) Accept(ctx context.Context, a hub.Acceptance) (hub.Accepted, error) {
	var accepted hub.Accepted
	err := s.do(ctx, func(tx *sql.Tx) error {
		d := &a.Dispatch
		first, err := findAccepted(ctx, tx, d.Sender, d.Key, d.ExternalID, d.Operation)
		switch {
		case err == nil && first.Dispatch.Fingerprint != d.Fingerprint:
			return hub.Errorf(hub.KindConflict, "external_id", "duplicate",
				"this id or key already stands for dispatch %s with other content (receipt %s)", first.Dispatch.ID, first.Receipt.Evidence.ID)
		case err == nil:
			accepted = first
			accepted.Duplicate = true
			return nil
		case hub.KindOf(err) != hub.KindNotFound:
			return err
		}
		accepted = hub.Accepted{Dispatch: a.Dispatch, Deliveries: a.Deliveries, Receipt: a.Evidence[0]}
		return insertAcceptance(ctx, tx, &a)
	})
	return accepted, err
}

func insertAcceptance(ctx context.Context, tx *sql.Tx, a *hub.Acceptance) error {
	if err := insertDispatch(ctx, tx, a); err != nil {
		return err
	}
	if err := insertDeliveries(ctx, tx, a.Deliveries); err != nil {
		return err
	}
	return insertEvidences(ctx, tx, "", a.Evidence)
}

func insertDispatch(ctx context.Context, tx *sql.Tx, a *hub.Acceptance) error {
	d := &a.Dispatch
	body, err := encode(d)
	if err != nil {
		return err
	}
	reports, err := encode(a.Reports)
	if err != nil {
		return err
	}
	var key any
	if d.Key != "" {
		key = d.Key
	}
	externalID := d.ExternalID
	if fault.NoIdempotencyKey {
		key, externalID = nil, externalID+string(d.ID)
	}
	_, err = tx.ExecContext(ctx, `INSERT INTO dispatches
		(id, sender, external_id, operation, key, number, accepted_at, search, receipt, body, reports)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		string(d.ID), string(d.Sender), externalID, string(d.Operation), key, d.Document.Number(),
		micros(d.AcceptedAt), searchText(d), string(a.Evidence[0].Evidence.ID), body, reports)
	return failed("record the dispatch", err)
}

// searchText is what a search without diacritics looks through.
func searchText(d *hub.Dispatch) string {
	return hub.Fold(strings.Join([]string{
		d.Document.Number(), d.Document.Subject, d.SenderName, string(d.SenderCode),
		d.Document.Signer.FullName, d.Document.TypeName,
	}, " "))
}

func insertDeliveries(ctx context.Context, tx *sql.Tx, deliveries []hub.Delivery) error {
	insert, err := tx.PrepareContext(ctx, `INSERT INTO deliveries
		(id, dispatch, position, recipient, state, version, final, calm, next_attempt, expires_at, body)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`)
	if err != nil {
		return failed("record deliveries", err)
	}
	defer insert.Close()
	for i := range deliveries {
		d := &deliveries[i]
		body, err := encode(d)
		if err != nil {
			return err
		}
		_, err = insert.ExecContext(ctx, string(d.ID), string(d.Dispatch), d.Index, string(d.Recipient), string(d.State),
			d.Version, d.Final(), !d.Urgent, micros(d.NextAttempt), micros(d.ExpiresAt), body)
		if err != nil {
			return failed("record a delivery", err)
		}
	}
	return nil
}

// Reject records the evidence of a refused submission.
func (s *Store) Reject(ctx context.Context, sender hub.AgencyID, evidence hub.SealedEvidence) error {
	return s.do(ctx, func(tx *sql.Tx) error {
		return insertEvidences(ctx, tx, sender, []hub.SealedEvidence{evidence})
	})
}

// SaveUpload inserts or replaces an upload.
func (s *Store) SaveUpload(ctx context.Context, u hub.Upload) error {
	body, err := encode(u)
	if err != nil {
		return err
	}
	return s.do(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `INSERT INTO uploads (id, expires, body) VALUES (?, ?, ?)
			ON CONFLICT (id) DO UPDATE SET expires = excluded.expires, body = excluded.body`, u.ID, micros(u.Expires), body)
		return failed("save upload "+u.ID, err)
	})
}

// Upload returns an upload; KindNotFound when there is none.
func (s *Store) Upload(ctx context.Context, id string) (hub.Upload, error) {
	var body string
	if err := s.reader.QueryRowContext(ctx, "SELECT body FROM uploads WHERE id = ?", id).Scan(&body); err != nil {
		return hub.Upload{}, missing(err, "upload")
	}
	return decode[hub.Upload](body)
}

// DeleteUpload removes an upload; none is no error.
func (s *Store) DeleteUpload(ctx context.Context, id string) error {
	return s.do(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, "DELETE FROM uploads WHERE id = ?", id)
		return failed("delete upload "+id, err)
	})
}

// ExpiredUploads lists uploads whose time has passed, oldest first.
func (s *Store) ExpiredUploads(ctx context.Context, now time.Time, limit int) ([]hub.Upload, error) {
	return collect(ctx, s.reader, bodies[hub.Upload],
		"SELECT body FROM uploads WHERE expires <= ? ORDER BY expires LIMIT ?", micros(now), limit)
}
