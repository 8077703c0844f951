package postgres

import (
	"context"
	"maps"
	"slices"

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

// SaveAgencies inserts or replaces all given agencies, or none.
func (s *Store) SaveAgencies(ctx context.Context, agencies []hub.Agency) (int64, error) {
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
	versions, err := change(ctx, s, "save agencies", pgx.RowTo[int64], `WITH saved AS (
			INSERT INTO agencies (id, body) SELECT id, body FROM unnest($1::text[], $2::text[]) AS a (id, body)
			ON CONFLICT (id) DO UPDATE SET body = excluded.body)
		UPDATE counters SET value = value + 1 WHERE name = 'agencies' RETURNING value`, ids, bodies)
	return first(versions, "version", err)
}

// SaveKey inserts or replaces a key.
func (s *Store) SaveKey(ctx context.Context, key hub.APIKey) error {
	body, err := sqlkit.EncodeKey(&key)
	if err != nil {
		return err
	}
	return s.exec(ctx, "save key "+key.ID, `INSERT INTO api_keys (id, hash, body) VALUES ($1, $2, $3)
		ON CONFLICT (id) DO UPDATE SET hash = excluded.hash, body = excluded.body`, key.ID, key.Hash[:], body)
}

// KeyByID returns a key; KindNotFound when there is none.
func (s *Store) KeyByID(ctx context.Context, id string) (hub.APIKey, error) {
	found, err := collect(ctx, s, scanKey, "SELECT body FROM api_keys WHERE id = $1", id)
	return first(found, "key", err)
}

// Keys lists all keys by id.
func (s *Store) Keys(ctx context.Context) ([]hub.APIKey, error) {
	return collect(ctx, s, scanKey, "SELECT body FROM api_keys ORDER BY id")
}

func scanKey(row pgx.CollectableRow) (hub.APIKey, error) {
	body, err := pgx.RowTo[[]byte](row)
	if err != nil {
		return hub.APIKey{}, err
	}
	return sqlkit.DecodeKey(body)
}
