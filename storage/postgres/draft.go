package postgres

import (
	"context"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/storage/internal/sqlkit"
)

// SaveDraft inserts a draft or replaces it, and removes those that are too old and, of
// its person, too many.
func (s *Store) SaveDraft(ctx context.Context, d hub.Draft) error {
	body, err := sqlkit.Encode(&d)
	if err != nil {
		return err
	}
	err = s.exec(ctx, "save a draft", `INSERT INTO drafts (account, id, saved, body) VALUES ($1, $2, $3, $4)
		ON CONFLICT (account, id) DO UPDATE SET saved = excluded.saved, body = excluded.body`, d.Account, d.ID, sqlkit.Micros(d.Saved), body)
	if err != nil {
		return err
	}
	return s.exec(ctx, "remove old drafts", `DELETE FROM drafts WHERE saved < $1
		OR account = $2 AND id IN (SELECT id FROM drafts WHERE account = $2 ORDER BY saved DESC, id DESC OFFSET $3)`,
		sqlkit.Micros(d.Saved.Add(-hub.DraftLife)), d.Account, hub.MaxDrafts)
}

// Draft returns a draft of a person; KindNotFound when there is none.
func (s *Store) Draft(ctx context.Context, account, id string) (hub.Draft, error) {
	found, err := collect(ctx, s, scanBody[hub.Draft], "SELECT body FROM drafts WHERE account = $1 AND id = $2", account, id)
	return first(found, "draft", err)
}

// Drafts lists the drafts of a person, the one saved last first.
func (s *Store) Drafts(ctx context.Context, account string) ([]hub.Draft, error) {
	return collect(ctx, s, scanBody[hub.Draft], "SELECT body FROM drafts WHERE account = $1 ORDER BY saved DESC, id DESC", account)
}

// DeleteDraft removes a draft; one that is not there is no error.
func (s *Store) DeleteDraft(ctx context.Context, account, id string) error {
	return s.exec(ctx, "remove a draft", "DELETE FROM drafts WHERE account = $1 AND id = $2", account, id)
}
