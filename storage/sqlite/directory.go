package sqlite

import (
	"context"
	"database/sql"
	"time"

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

// SaveAgencies inserts or replaces all given agencies if the directory is of the version;
// else it is KindConflict.
func (s *Store) SaveAgencies(ctx context.Context, version int64, agencies []hub.Agency) (int64, error) {
	bodies := make([]string, len(agencies))
	for i := range agencies {
		var err error
		if bodies[i], err = sqlkit.Encode(&agencies[i]); err != nil {
			return 0, err
		}
	}
	err := s.do(ctx, 1+len(agencies), func(t *tx) error {
		n, err := t.change("UPDATE counters SET value = value + 1 WHERE name = 'agencies' AND value = ?", version)
		if err != nil {
			return failed("save agencies", err)
		}
		if n == 0 {
			return sqlkit.AgenciesChanged()
		}
		for i := range agencies {
			err := t.exec("INSERT INTO agencies (id, body) VALUES (?, ?) ON CONFLICT (id) DO UPDATE SET body = excluded.body",
				string(agencies[i].ID), bodies[i])
			if err != nil {
				return failed("save agency "+string(agencies[i].ID), err)
			}
		}
		return nil
	})
	if err != nil {
		return 0, err
	}
	return version + 1, nil
}

// AddKey inserts a key; KindConflict where one has its id.
func (s *Store) AddKey(ctx context.Context, key hub.APIKey) error {
	body, err := sqlkit.EncodeKey(&key)
	if err != nil {
		return err
	}
	return s.do(ctx, 1, func(t *tx) error {
		n, err := t.change("INSERT INTO api_keys (id, hash, body) VALUES (?, ?, ?) ON CONFLICT (id) DO NOTHING", key.ID, key.Hash[:], body)
		if err == nil && n == 0 {
			return sqlkit.KeyPresent()
		}
		return failed("add key "+key.ID, err)
	})
}

// EndKey has a key end at an instant, unless it ends sooner; KindNotFound when there is none.
func (s *Store) EndKey(ctx context.Context, id string, at time.Time) error {
	return s.do(ctx, 1, func(t *tx) error { return endKey(ctx, t, id, at) })
}

// endKey ends a key as it stands now.
func endKey(ctx context.Context, t *tx, id string, at time.Time) error {
	key, err := one(ctx, t, "key", scanKey, "SELECT body, used FROM api_keys WHERE id = ?", id)
	if err != nil || !sqlkit.EndsKey(&key, at) {
		return err
	}
	body, err := sqlkit.EncodeKey(&key)
	if err != nil {
		return err
	}
	return failed("end key "+id, t.exec("UPDATE api_keys SET body = ? WHERE id = ?", body, id))
}

// ResealKey replaces the sealed secret of a key and nothing else of it; KindConflict where
// another one stands there.
func (s *Store) ResealKey(ctx context.Context, id string, was, now []byte) error {
	return s.do(ctx, 1, func(t *tx) error {
		_, err := one(ctx, t, "key", scanInt, "UPDATE api_keys SET body = replace(body, ?1, ?2) WHERE id = ?3 AND instr(body, ?1) > 0 RETURNING 1",
			sqlkit.KeySeal(was), sqlkit.KeySeal(now), id)
		return sqlkit.OtherSeal(failed("reseal key "+id, err))
	})
}

// KeyByID returns a key; KindNotFound when there is none.
func (s *Store) KeyByID(ctx context.Context, id string) (hub.APIKey, error) {
	return one(ctx, s.reader, "key", scanKey, "SELECT body, used FROM api_keys WHERE id = ?", id)
}

// Keys lists all keys by id.
func (s *Store) Keys(ctx context.Context) ([]hub.APIKey, error) {
	return collect(ctx, s.reader, scanKey, "SELECT body, used FROM api_keys ORDER BY id")
}

func scanKey(rows *sql.Rows) (hub.APIKey, error) {
	var body sql.RawBytes
	var used int64
	if err := rows.Scan(&body, &used); err != nil {
		return hub.APIKey{}, err
	}
	return sqlkit.DecodeKey(body, used)
}

// UseKeys sets when keys were last used.
func (s *Store) UseKeys(ctx context.Context, uses []hub.KeyUse) error {
	return s.do(ctx, len(uses), func(t *tx) error {
		for _, u := range uses {
			if err := t.exec("UPDATE api_keys SET used = ?1 WHERE id = ?2 AND used < ?1", sqlkit.Micros(u.At), u.Key); err != nil {
				return failed("record the use of key "+u.Key, err)
			}
		}
		return nil
	})
}
