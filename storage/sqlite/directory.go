package sqlite

import (
	"context"
	"database/sql"

	"github.com/lienthong/lienthong/hub"
)

// LoadAgencies returns all agencies and the version of the directory.
func (s *Store) LoadAgencies(ctx context.Context) ([]hub.Agency, int64, error) {
	tx, err := s.reader.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return nil, 0, failed("read the agencies", err)
	}
	defer func() { _ = tx.Rollback() }() // nothing was written
	version, err := agenciesVersion(ctx, tx)
	if err != nil {
		return nil, 0, err
	}
	agencies, err := collect(ctx, tx, bodies[hub.Agency], "SELECT body FROM agencies ORDER BY id")
	return agencies, version, err
}

// AgenciesVersion returns the version of the directory.
func (s *Store) AgenciesVersion(ctx context.Context) (int64, error) {
	return agenciesVersion(ctx, s.reader)
}

func agenciesVersion(ctx context.Context, q queryer) (int64, error) {
	var version int64
	err := q.QueryRowContext(ctx, "SELECT value FROM counters WHERE name = 'agencies'").Scan(&version)
	return version, failed("read the version of the directory", err)
}

// SaveAgencies inserts or replaces all given agencies, or none.
func (s *Store) SaveAgencies(ctx context.Context, agencies []hub.Agency) (int64, error) {
	var version int64
	err := s.do(ctx, func(tx *sql.Tx) error {
		insert, err := tx.PrepareContext(ctx, `INSERT INTO agencies (id, body) VALUES (?, ?)
			ON CONFLICT (id) DO UPDATE SET body = excluded.body`)
		if err != nil {
			return failed("save agencies", err)
		}
		defer insert.Close()
		for _, a := range agencies {
			body, err := encode(a)
			if err != nil {
				return err
			}
			if _, err := insert.ExecContext(ctx, string(a.ID), body); err != nil {
				return failed("save agency "+string(a.ID), err)
			}
		}
		row := tx.QueryRowContext(ctx, "UPDATE counters SET value = value + 1 WHERE name = 'agencies' RETURNING value")
		return failed("save agencies", row.Scan(&version))
	})
	return version, err
}

// storedKey adds to an API key what its JSON form leaves out.
type storedKey struct {
	Key  hub.APIKey
	Hash hub.Digest
}

// SaveKey inserts or replaces a key.
func (s *Store) SaveKey(ctx context.Context, key hub.APIKey) error {
	body, err := encode(storedKey{key, key.Hash})
	if err != nil {
		return err
	}
	return s.do(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `INSERT INTO api_keys (id, hash, body) VALUES (?, ?, ?)
			ON CONFLICT (id) DO UPDATE SET hash = excluded.hash, body = excluded.body`, key.ID, key.Hash[:], body)
		return failed("save key "+key.ID, err)
	})
}

// KeyByID returns a key; KindNotFound when there is none.
func (s *Store) KeyByID(ctx context.Context, id string) (hub.APIKey, error) {
	var body string
	err := s.reader.QueryRowContext(ctx, "SELECT body FROM api_keys WHERE id = ?", id).Scan(&body)
	if err != nil {
		return hub.APIKey{}, missing(err, "key")
	}
	return decodeKey(body)
}

// Keys lists all keys by id.
func (s *Store) Keys(ctx context.Context) ([]hub.APIKey, error) {
	return collect(ctx, s.reader, func(rows *sql.Rows) (hub.APIKey, error) {
		var body string
		if err := rows.Scan(&body); err != nil {
			return hub.APIKey{}, err
		}
		return decodeKey(body)
	}, "SELECT body FROM api_keys ORDER BY id")
}

func decodeKey(body string) (hub.APIKey, error) {
	stored, err := decode[storedKey](body)
	stored.Key.Hash = stored.Hash
	return stored.Key, err
}
