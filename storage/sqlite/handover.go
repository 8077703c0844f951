package sqlite

import (
	"context"

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
	steps := make([]*stepRows, len(h.Steps))
	for i := range h.Steps {
		if steps[i], err = encodeStep(&h.Steps[i]); err != nil {
			return err
		}
	}
	return s.do(ctx, 3+len(rows.Agencies)+len(rows.Accounts)+2*len(steps), func(t *tx) error {
		n, err := t.change("UPDATE counters SET value = value + 1 WHERE name = 'agencies' AND value = ?", h.Version)
		if err != nil {
			return failed("hand over", err)
		}
		if n == 0 {
			return sqlkit.AgenciesChanged()
		}
		for i := range h.Agencies {
			if _, err := t.change("UPDATE agencies SET body = ? WHERE id = ?", rows.Agencies[i], string(h.Agencies[i].ID)); err != nil {
				return failed("hand over an agency", err)
			}
		}
		for i := range h.Accounts {
			n, err := t.change("UPDATE accounts SET version = ?, body = ? WHERE name = ? AND version = ?", h.Accounts[i].Version, rows.Accounts[i], h.Accounts[i].Name, h.Accounts[i].Version-1)
			if err != nil {
				return failed("hand over an account", err)
			}
			if n == 0 {
				return sqlkit.OtherAccount(sqlkit.NotFound("account"))
			}
		}
		if _, err := t.change("UPDATE drafts SET body = json_set(body, '$.office', ?) WHERE json_extract(body, '$.office') = ?", string(h.To), string(h.From)); err != nil {
			return failed("hand over drafts", err)
		}
		for _, step := range steps {
			applied, err := step.apply(t)
			if err == nil && !applied {
				err = sqlkit.Changed(step.of)
			}
			if err != nil {
				return err
			}
		}
		return saveNotes(t, []hub.RetentionNote{h.Note})
	})
}

// OfficeDrafts counts the drafts of all persons in an office.
func (s *Store) OfficeDrafts(ctx context.Context, office hub.AgencyID) (int, error) {
	n, err := one(ctx, s.reader, "drafts", scanInt, "SELECT count(*) FROM drafts WHERE json_extract(body, '$.office') = ?", string(office))
	return int(n), err
}
