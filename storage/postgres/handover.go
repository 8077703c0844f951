package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/storage/internal/sqlkit"
)

// HandOver records all that a hand-over changes, or nothing: KindConflict where the
// directory, an account or a delivery is of another version.
func (s *Store) HandOver(ctx context.Context, h hub.HandOverChange) error {
	rows, err := sqlkit.EncodeHandOver(&h)
	if err != nil {
		return err
	}
	statements, err := s.stepStatements(h.Steps)
	if err != nil {
		return err
	}
	return s.act(ctx, "hand over", func(ctx context.Context, c *pgx.Conn) error {
		return pgx.BeginFunc(ctx, c, func(tx pgx.Tx) error {
			moved, err := tx.Exec(ctx, "UPDATE counters SET value = value + 1 WHERE name = 'agencies' AND value = $1", h.Version)
			if err != nil {
				return err
			}
			if moved.RowsAffected() == 0 {
				return sqlkit.AgenciesChanged()
			}
			batch := &pgx.Batch{}
			for i := range h.Accounts {
				batch.Queue("UPDATE accounts SET version = $1, body = $2 WHERE name = $3 AND version = $1 - 1", h.Accounts[i].Version, rows.Accounts[i], h.Accounts[i].Name)
			}
			for i := range h.Agencies {
				batch.Queue("UPDATE agencies SET body = $1 WHERE id = $2", rows.Agencies[i], string(h.Agencies[i].ID))
			}
			batch.Queue("UPDATE drafts SET body = jsonb_set(body::jsonb, '{office}', to_jsonb($1::text))::text WHERE body::jsonb ->> 'office' = $2", string(h.To), string(h.From))
			batch.Queue("INSERT INTO retention_notes (name, body) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET body = excluded.body", h.Note.Name, string(h.Note.Body))
			results := tx.SendBatch(ctx, batch)
			for i := range batch.Len() {
				done, err := results.Exec()
				if err == nil && i < len(h.Accounts) && done.RowsAffected() == 0 {
					err = sqlkit.OtherAccount(sqlkit.NotFound("account"))
				}
				if err != nil {
					_ = results.Close() // the first error says what is wrong
					return err
				}
			}
			if err := results.Close(); err != nil {
				return err
			}
			return changeAll(ctx, c, h.Steps, statements)
		})
	})
}

// OfficeDrafts counts the drafts of all persons in an office.
func (s *Store) OfficeDrafts(ctx context.Context, office hub.AgencyID) (int, error) {
	found, err := collect(ctx, s, pgx.RowTo[int64], "SELECT count(*) FROM drafts WHERE body::jsonb ->> 'office' = $1", string(office))
	n, err := first(found, "drafts", err)
	return int(n), err
}
