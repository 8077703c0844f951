package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/storage/internal/sqlkit"
)

// LogPage reads entries of a shard with what they are about, in order from an index on.
func (s *Store) LogPage(ctx context.Context, origin string, from int64, limit int) ([]hub.LogRow, error) {
	return collect(ctx, s, sqlkit.ScanLogRow[pgx.CollectableRow], sqlkit.LogPageText(sqlkit.PostgresJWS, [3]string{"$1", "$2", "$3"}), origin, from, limit)
}

// LogRehashes lists the rehashes of a shard, in order. The last may be unfinished.
func (s *Store) LogRehashes(ctx context.Context, origin string) ([]hub.LogRehash, error) {
	return collect(ctx, s, scanBody[hub.LogRehash], `SELECT body FROM log_rehashes
		WHERE shard = (SELECT number FROM log_shards WHERE origin = $1) ORDER BY number`, origin)
}

// BeginLogRehash records that a rehash begins; an unfinished one of its number, and its
// tiles, are gone.
func (s *Store) BeginLogRehash(ctx context.Context, r hub.LogRehash) error {
	body, err := sqlkit.Encode(r)
	if err != nil {
		return err
	}
	begun, err := change(ctx, s, "begin a rehash", pgx.RowTo[int64], `WITH
		b AS (INSERT INTO log_rehashes (shard, number, tokens, body)
			SELECT number, $2::bigint, 0, $3 FROM log_shards s WHERE origin = $1
				AND $2::bigint = 1 + (SELECT count(*) FROM log_rehashes r WHERE r.shard = s.number AND r.tokens > 0)
			ON CONFLICT (shard, number) DO UPDATE SET body = excluded.body WHERE log_rehashes.tokens = 0 RETURNING shard, number),
		d AS (DELETE FROM log_rehash_tiles t USING b WHERE t.shard = b.shard AND t.number = b.number)
		SELECT number FROM b`, r.Origin, r.Number, body)
	if err == nil && len(begun) == 0 {
		err = sqlkit.NotNextRehash(r.Origin, r.Number)
	}
	return err
}

// PutRehashTiles keeps tiles of a rehash that is not finished, in place of earlier ones.
func (s *Store) PutRehashTiles(ctx context.Context, origin string, number int, tiles []hub.RehashTile) error {
	trees, levels, places, contents := make([]int64, len(tiles)), make([]int64, len(tiles)), make([]int64, len(tiles)), make([][]byte, len(tiles))
	for i := range tiles {
		trees[i], levels[i], places[i], contents[i] = int64(tiles[i].Tree), int64(tiles[i].Level), tiles[i].N, tiles[i].Data
	}
	put, err := change(ctx, s, "keep tiles of a rehash", pgx.RowTo[int64], `INSERT INTO log_rehash_tiles (shard, number, tree, level, n, data)
		SELECT r.shard, r.number, x.tree, x.level, x.n, x.data FROM log_rehashes r JOIN log_shards s ON s.number = r.shard,
			unnest($3::bigint[], $4::bigint[], $5::bigint[], $6::bytea[]) AS x (tree, level, n, data)
		WHERE s.origin = $1 AND r.number = $2 AND r.tokens = 0
		ON CONFLICT (shard, number, tree, level, n) DO UPDATE SET data = excluded.data RETURNING n`, origin, number, trees, levels, places, contents)
	if err == nil && len(put) != len(tiles) {
		err = sqlkit.NotNextRehash(origin, number)
	}
	return err
}

// RehashTile reads a tile of a rehash; KindNotFound where there is none.
func (s *Store) RehashTile(ctx context.Context, origin string, number int, tree hub.RehashTree, level int, n int64) (hub.RehashTile, error) {
	found, err := collect(ctx, s, sqlkit.ScanRehashTile[pgx.CollectableRow], `SELECT tree, level, n, data FROM log_rehash_tiles
		WHERE shard = (SELECT number FROM log_shards WHERE origin = $1) AND number = $2 AND tree = $3 AND level = $4 AND n = $5`, origin, number, int(tree), level, n)
	return first(found, "tile of a rehash", err)
}

// StampLogRehash records a rehash with its next token, together with the note of it.
func (s *Store) StampLogRehash(ctx context.Context, r hub.LogRehash, note hub.LogNote) error {
	body, noted, err := sqlkit.EncodeNoted(r, note)
	if err != nil {
		return err
	}
	stamped, err := change(ctx, s, "time-stamp a rehash", pgx.RowTo[string], `WITH u AS (
			UPDATE log_rehashes SET body = $3, tokens = $4::bigint
			WHERE shard = (SELECT number FROM log_shards WHERE origin = $1) AND number = $2 AND tokens = $4::bigint - 1 RETURNING number)
		INSERT INTO log_notes (id, kind, body, pending) SELECT $5, $6, $7, true FROM u RETURNING id`,
		r.Origin, r.Number, body, len(r.Tokens), note.ID, string(note.Kind), noted)
	if err == nil && len(stamped) == 0 {
		err = sqlkit.NotNextRehash(r.Origin, r.Number)
	}
	return err
}

func rehashSources() []recordSource {
	return []recordSource{
		{hub.RecordLogRehash, "SELECT body FROM log_rehashes ORDER BY shard, number", scanRaw},
		{hub.RecordRehashTile, sqlkit.RehashTileSource, sqlkit.ScanRehashTileRecord[pgx.CollectableRow]},
	}
}

// rehashes inserts records of rehashes.
func (i *importer) rehashes(kind hub.RecordKind) error {
	if kind == hub.RecordLogRehash {
		return insert(i, `INSERT INTO log_rehashes (shard, number, tokens, body) SELECT s.number, x.number, x.tokens, x.body
			FROM unnest($1::bigint[], $2::bigint[], $3::text[], $4::text[]) AS x (number, tokens, body, origin) JOIN log_shards s ON s.origin = x.origin`,
			func(c *columns, r *hub.Record, h *hub.LogRehash) {
				c.add(int64(h.Number), int64(len(h.Tokens)), string(r.Body), h.Origin)
			})
	}
	return insert(i, `INSERT INTO log_rehash_tiles (shard, number, tree, level, n, data) SELECT s.number, x.number, x.tree, x.level, x.n, x.data
		FROM unnest($1::text[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bytea[]) AS x (origin, number, tree, level, n, data) JOIN log_shards s ON s.origin = x.origin`,
		func(c *columns, _ *hub.Record, h *hub.RehashTileRecord) {
			c.add(h.Origin, int64(h.Number), int64(h.Tree), int64(h.Level), h.N, h.Data)
		})
}
