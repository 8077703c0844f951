package sqlite

import (
	"context"
	"database/sql"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/storage/internal/sqlkit"
)

// SaveEnrolment inserts an enrolment.
func (s *Store) SaveEnrolment(ctx context.Context, e hub.Enrolment) error {
	body, err := sqlkit.EncodeEnrolment(&e)
	if err != nil {
		return err
	}
	return s.do(ctx, 1, func(t *tx) error {
		return failed("save enrolment", t.exec("INSERT INTO enrolments (id, hash, open, body) VALUES (?, ?, 1, ?)", e.ID, e.Hash[:], body))
	})
}

// Enrolments lists all enrolments by id, which is oldest first.
func (s *Store) Enrolments(ctx context.Context) ([]hub.Enrolment, error) {
	return collect(ctx, s.reader, scanEnrolment, "SELECT body FROM enrolments ORDER BY id")
}

// EnrolmentByHash returns an enrolment; KindNotFound when there is none.
func (s *Store) EnrolmentByHash(ctx context.Context, hash hub.Digest) (hub.Enrolment, error) {
	return one(ctx, s.reader, "enrolment", scanEnrolment, "SELECT body FROM enrolments WHERE hash = ?", hash[:])
}

func scanEnrolment(rows *sql.Rows) (hub.Enrolment, error) {
	var body sql.RawBytes
	if err := rows.Scan(&body); err != nil {
		return hub.Enrolment{}, err
	}
	return sqlkit.DecodeEnrolment(body)
}

// CloseEnrolment closes an open enrolment with what it does to keys; KindConflict when it
// is closed.
func (s *Store) CloseEnrolment(ctx context.Context, e hub.Enrolment, issued []hub.APIKey, ended []hub.KeyEnd) error {
	body, err := sqlkit.EncodeEnrolment(&e)
	if err != nil {
		return err
	}
	fresh, err := sqlkit.IssuedKeys(issued)
	if err != nil {
		return err
	}
	return s.do(ctx, 1+len(fresh)+len(ended), func(t *tx) error {
		n, err := t.change("UPDATE enrolments SET open = 0, body = ? WHERE id = ? AND open = 1", body, e.ID)
		if err == nil && n == 0 {
			return sqlkit.EnrolmentClosed()
		}
		for i := 0; i < len(fresh) && err == nil; i++ {
			err = t.exec("INSERT INTO api_keys (id, hash, body) VALUES (?, ?, ?)", issued[i].ID, issued[i].Hash[:], fresh[i])
		}
		for i := 0; i < len(ended) && err == nil; i++ {
			err = endKey(ctx, t, ended[i].Key, ended[i].At)
		}
		return failed("close enrolment", err)
	})
}
