package sqlite

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
	return s.do(ctx, 3, func(t *tx) error {
		err := t.exec("INSERT INTO drafts (account, id, saved, body) VALUES (?, ?, ?, ?) ON CONFLICT (account, id) DO UPDATE SET saved = excluded.saved, body = excluded.body",
			d.Account, d.ID, sqlkit.Micros(d.Saved), body)
		if err == nil {
			err = t.exec("DELETE FROM drafts WHERE saved < ?", sqlkit.Micros(d.Saved.Add(-hub.DraftLife)))
		}
		if err == nil {
			err = t.exec("DELETE FROM drafts WHERE account = ? AND id IN (SELECT id FROM drafts WHERE account = ? ORDER BY saved DESC, id DESC LIMIT -1 OFFSET ?)",
				d.Account, d.Account, hub.MaxDrafts)
		}
		return failed("save a draft", err)
	})
}

// Draft returns a draft of a person; KindNotFound when there is none.
func (s *Store) Draft(ctx context.Context, account, id string) (hub.Draft, error) {
	return one(ctx, s.reader, "draft", scanBody[hub.Draft], "SELECT body FROM drafts WHERE account = ? AND id = ?", account, id)
}

// Drafts lists the drafts of a person, the one saved last first.
func (s *Store) Drafts(ctx context.Context, account string) ([]hub.Draft, error) {
	return collect(ctx, s.reader, scanBody[hub.Draft], "SELECT body FROM drafts WHERE account = ? ORDER BY saved DESC, id DESC", account)
}

// DeleteDraft removes a draft; one that is not there is no error.
func (s *Store) DeleteDraft(ctx context.Context, account, id string) error {
	return s.do(ctx, 1, func(t *tx) error {
		return failed("remove a draft", t.exec("DELETE FROM drafts WHERE account = ? AND id = ?", account, id))
	})
}
