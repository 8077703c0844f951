package postgres

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/storage/internal/sqlkit"
)

// agencyRow is an agency with the version of the directory; of an empty directory
// there is one row without an agency.
type agencyRow struct {
	version int64
	agency  *hub.Agency
}

func scanAgency(row pgx.CollectableRow) (agencyRow, error) {
	var r agencyRow
	var body []byte
	if err := row.Scan(&r.version, &body); err != nil || body == nil {
		return r, err
	}
	agency, err := sqlkit.Decode[hub.Agency](body)
	r.agency = &agency
	return r, err
}

// LoadAgencies returns all agencies, by id, and the version of the directory.
func (s *Store) LoadAgencies(ctx context.Context) ([]hub.Agency, int64, error) {
	found, err := collect(ctx, s, scanAgency,
		"SELECT c.value, a.body FROM counters c LEFT JOIN agencies a ON true WHERE c.name = 'agencies' ORDER BY a.id")
	one, err := first(found, "version", err)
	if err != nil || one.agency == nil {
		return nil, one.version, err
	}
	agencies := make([]hub.Agency, len(found))
	for i := range found {
		agencies[i] = *found[i].agency
	}
	return agencies, one.version, nil
}

// AgenciesVersion returns the version of the directory.
func (s *Store) AgenciesVersion(ctx context.Context) (int64, error) {
	found, err := collect(ctx, s, pgx.RowTo[int64], "SELECT value FROM counters WHERE name = 'agencies'")
	return first(found, "version", err)
}

// SaveAgencies inserts or replaces all given agencies if the directory is of the version;
// else it is KindConflict.
func (s *Store) SaveAgencies(ctx context.Context, version int64, agencies []hub.Agency) (int64, error) {
	byID := make(map[string]string, len(agencies)) // of one given twice the last counts
	for i := range agencies {
		body, err := sqlkit.Encode(&agencies[i])
		if err != nil {
			return 0, err
		}
		byID[string(agencies[i].ID)] = body
	}
	ids := slices.Sorted(maps.Keys(byID)) // one order for all, so that two saves wait rather than block each other
	bodies := make([]string, len(ids))
	for i, id := range ids {
		bodies[i] = byID[id]
	}
	versions, err := change(ctx, s, "save agencies", pgx.RowTo[int64], `WITH moved AS (
			UPDATE counters SET value = value + 1 WHERE name = 'agencies' AND value = $3 RETURNING value), saved AS (
			INSERT INTO agencies (id, body) SELECT id, body FROM unnest($1::text[], $2::text[]) AS a (id, body) WHERE EXISTS (SELECT FROM moved)
			ON CONFLICT (id) DO UPDATE SET body = excluded.body)
		SELECT value FROM moved`, ids, bodies, version)
	if err == nil && len(versions) == 0 {
		return 0, sqlkit.AgenciesChanged()
	}
	return first(versions, "version", err)
}

// AddKey inserts a key; KindConflict where one has its id.
func (s *Store) AddKey(ctx context.Context, key hub.APIKey) error {
	body, err := sqlkit.EncodeKey(&key)
	if err != nil {
		return err
	}
	added, err := change(ctx, s, "add key "+key.ID, pgx.RowTo[int64], "INSERT INTO api_keys (id, hash, body) VALUES ($1, $2, $3) ON CONFLICT (id) DO NOTHING RETURNING 1", key.ID, key.Hash[:], body)
	if err == nil && len(added) == 0 {
		return sqlkit.KeyPresent()
	}
	return err
}

// EndKey has a key end at an instant, unless it ends sooner; KindNotFound when there is none.
func (s *Store) EndKey(ctx context.Context, id string, at time.Time) error {
	return s.act(ctx, "end key "+id, func(ctx context.Context, c *pgx.Conn) error {
		return pgx.BeginFunc(ctx, c, func(pgx.Tx) error { return endKey(ctx, c, id, at) })
	})
}

// endKey ends a key as it stands now, within a transaction.
func endKey(ctx context.Context, c *pgx.Conn, id string, at time.Time) error {
	found, err := rows(ctx, c, scanKey, "SELECT body, used FROM api_keys WHERE id = $1 FOR UPDATE", id)
	key, err := first(found, "key", err)
	if err != nil || !sqlkit.EndsKey(&key, at) {
		return err
	}
	body, err := sqlkit.EncodeKey(&key)
	if err == nil {
		_, err = c.Exec(ctx, "UPDATE api_keys SET body = $1 WHERE id = $2", body, id)
	}
	return err
}

// ResealKey replaces the sealed secret of a key and nothing else of it; KindConflict where
// another one stands there.
func (s *Store) ResealKey(ctx context.Context, id string, was, now []byte) error {
	saved, err := change(ctx, s, "reseal key "+id, pgx.RowTo[int64], "UPDATE api_keys SET body = replace(body, $1, $2) WHERE id = $3 AND strpos(body, $1) > 0 RETURNING 1",
		sqlkit.KeySeal(was), sqlkit.KeySeal(now), id)
	_, err = first(saved, "key", err)
	return sqlkit.OtherSeal(err)
}

// KeyByID returns a key; KindNotFound when there is none.
func (s *Store) KeyByID(ctx context.Context, id string) (hub.APIKey, error) {
	found, err := collect(ctx, s, scanKey, "SELECT body, used FROM api_keys WHERE id = $1", id)
	return first(found, "key", err)
}

// Keys lists all keys by id.
func (s *Store) Keys(ctx context.Context) ([]hub.APIKey, error) {
	return collect(ctx, s, scanKey, "SELECT body, used FROM api_keys ORDER BY id")
}

func scanKey(row pgx.CollectableRow) (hub.APIKey, error) {
	var body []byte
	var used int64
	if err := row.Scan(&body, &used); err != nil {
		return hub.APIKey{}, err
	}
	return sqlkit.DecodeKey(body, used)
}

// UseKeys sets when keys were last used.
func (s *Store) UseKeys(ctx context.Context, uses []hub.KeyUse) error {
	ids, times := make([]string, len(uses)), make([]int64, len(uses))
	for i, u := range uses {
		ids[i], times[i] = u.Key, sqlkit.Micros(u.At)
	}
	return s.exec(ctx, "record the use of keys", `UPDATE api_keys k SET used = u.at
		FROM unnest($1::text[], $2::bigint[]) AS u (id, at) WHERE k.id = u.id AND k.used < u.at`, ids, times)
}
