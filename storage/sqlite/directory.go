package sqlite

import (
	"context"
	"database/sql"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/storage/internal/sqlkit"
)

// LoadAgencies returns all agencies, by id, and the version of the directory. The
// version is read first: it may be older than the agencies, never newer, so that
// whoever compares versions loads once too often rather than once too few.
func (s *Store) LoadAgencies(ctx context.Context) ([]hub.Agency, int64, error) {
	version, err := s.AgenciesVersion(ctx)
	if err != nil {
		return nil, 0, err
	}
	agencies, err := collect(ctx, s.reader, scanBody[hub.Agency], "SELECT body FROM agencies ORDER BY id")
	return agencies, version, err
}

// AgenciesVersion returns the version of the directory.
func (s *Store) AgenciesVersion(ctx context.Context) (int64, error) {
	return one(ctx, s.reader, "version", scanInt, "SELECT value FROM counters WHERE name = 'agencies'")
}

// SaveAgencies inserts or replaces all given agencies, or none.
func (s *Store) SaveAgencies(ctx context.Context, agencies []hub.Agency) (int64, error) {
	bodies := make([]string, len(agencies))
	for i := range agencies {
		var err error
		if bodies[i], err = sqlkit.Encode(&agencies[i]); err != nil {
			return 0, err
		}
	}
	var version int64
	err := s.do(ctx, len(agencies), func(t *tx) error {
		for i := range agencies {
			err := t.exec("INSERT INTO agencies (id, body) VALUES (?, ?) ON CONFLICT (id) DO UPDATE SET body = excluded.body",
				string(agencies[i].ID), bodies[i])
			if err != nil {
				return failed("save agency "+string(agencies[i].ID), err)
			}
		}
		var err error
		version, err = one(ctx, t, "version", scanInt, "UPDATE counters SET value = value + 1 WHERE name = 'agencies' RETURNING value")
		return err
	})
	return version, err
}

// SaveKey inserts or replaces a key.
func (s *Store) SaveKey(ctx context.Context, key hub.APIKey) error {
	body, err := sqlkit.EncodeKey(&key)
	if err != nil {
		return err
	}
	return s.do(ctx, 1, func(t *tx) error {
		return failed("save key "+key.ID, t.exec(`INSERT INTO api_keys (id, hash, body) VALUES (?, ?, ?)
			ON CONFLICT (id) DO UPDATE SET hash = excluded.hash, body = excluded.body`, key.ID, key.Hash[:], body))
	})
}

// KeyByID returns a key; KindNotFound when there is none.
func (s *Store) KeyByID(ctx context.Context, id string) (hub.APIKey, error) {
	return one(ctx, s.reader, "key", scanKey, "SELECT body FROM api_keys WHERE id = ?", id)
}

// Keys lists all keys by id.
func (s *Store) Keys(ctx context.Context) ([]hub.APIKey, error) {
	return collect(ctx, s.reader, scanKey, "SELECT body FROM api_keys ORDER BY id")
}

func scanKey(rows *sql.Rows) (hub.APIKey, error) {
	var body sql.RawBytes
	if err := rows.Scan(&body); err != nil {
		return hub.APIKey{}, err
	}
	return sqlkit.DecodeKey(body)
}
