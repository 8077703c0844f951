package postgres

import (
	"cmp"
	"context"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/storage/internal/sqlkit"
)

// SaveEnrolment inserts an enrolment.
func (s *Store) SaveEnrolment(ctx context.Context, e hub.Enrolment) error {
	body, err := sqlkit.EncodeEnrolment(&e)
	if err != nil {
		return err
	}
	return s.exec(ctx, "save enrolment", "INSERT INTO enrolments (id, hash, open, body) VALUES ($1, $2, true, $3) ON CONFLICT (id) DO NOTHING", e.ID, e.Hash[:], body)
}

// Enrolments lists all enrolments by id, which is oldest first.
func (s *Store) Enrolments(ctx context.Context) ([]hub.Enrolment, error) {
	return collect(ctx, s, scanEnrolment, "SELECT body FROM enrolments ORDER BY id")
}

// EnrolmentByHash returns an enrolment; KindNotFound when there is none.
func (s *Store) EnrolmentByHash(ctx context.Context, hash hub.Digest) (hub.Enrolment, error) {
	found, err := collect(ctx, s, scanEnrolment, "SELECT body FROM enrolments WHERE hash = $1", hash[:])
	return first(found, "enrolment", err)
}

func scanEnrolment(row pgx.CollectableRow) (hub.Enrolment, error) {
	body, err := pgx.RowTo[[]byte](row)
	if err != nil {
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
	ids, hashes := make([]string, len(issued)), make([][]byte, len(issued))
	for i := range issued {
		ids[i], hashes[i] = issued[i].ID, issued[i].Hash[:]
	}
	ended = slices.SortedFunc(slices.Values(ended), func(a, b hub.KeyEnd) int { return cmp.Compare(a.Key, b.Key) }) // two wait rather than block each other
	return s.act(ctx, "close enrolment", func(ctx context.Context, c *pgx.Conn) error {
		return pgx.BeginFunc(ctx, c, func(tx pgx.Tx) error {
			closed, err := tx.Exec(ctx, "UPDATE enrolments SET open = false, body = $2 WHERE id = $1 AND open", e.ID, body)
			if err == nil && closed.RowsAffected() == 0 {
				return sqlkit.EnrolmentClosed()
			}
			if err == nil {
				_, err = tx.Exec(ctx, "INSERT INTO api_keys (id, hash, body) SELECT * FROM unnest($1::text[], $2::bytea[], $3::text[])", ids, hashes, fresh)
			}
			for i := 0; i < len(ended) && err == nil; i++ {
				err = endKey(ctx, c, ended[i].Key, ended[i].At)
			}
			return err
		})
	})
}
