package sqlite

import (
	"context"
	"database/sql"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/storage/internal/sqlkit"
)

// LogPage reads entries of a shard with what they are about, in order from an index on.
func (s *Store) LogPage(ctx context.Context, origin string, from int64, limit int) ([]hub.LogRow, error) {
	return collect(ctx, s.reader, sqlkit.ScanLogRow[*sql.Rows], sqlkit.LogPageText(sqlkit.SQLiteJWS, [3]string{"?1", "?2", "?3"}), origin, from, limit)
}

// LogRehashes lists the rehashes of a shard, in order. The last may be unfinished.
func (s *Store) LogRehashes(ctx context.Context, origin string) ([]hub.LogRehash, error) {
	return collect(ctx, s.reader, scanBody[hub.LogRehash], `SELECT body FROM log_rehashes
		WHERE shard = (SELECT number FROM log_shards WHERE origin = ?) ORDER BY number`, origin)
}

// BeginLogRehash records that a rehash begins; an unfinished one of its number, and its
// tiles, are gone.
func (s *Store) BeginLogRehash(ctx context.Context, r hub.LogRehash) error {
	body, err := sqlkit.Encode(r)
	if err != nil {
		return err
	}
	return s.do(ctx, 2, func(t *tx) error {
		begun, err := t.change(`INSERT INTO log_rehashes (shard, number, tokens, body)
			SELECT number, ?2, 0, ?3 FROM log_shards s WHERE origin = ?1
				AND ?2 = 1 + (SELECT count(*) FROM log_rehashes r WHERE r.shard = s.number AND r.tokens > 0)
			ON CONFLICT (shard, number) DO UPDATE SET body = excluded.body`, r.Origin, r.Number, body)
		if err != nil {
			return failed("begin a rehash", err)
		}
		if begun == 0 {
			return sqlkit.NotNextRehash(r.Origin, r.Number)
		}
		return failed("begin a rehash", t.exec("DELETE FROM log_rehash_tiles WHERE shard = (SELECT number FROM log_shards WHERE origin = ?) AND number = ?", r.Origin, r.Number))
	})
}

// PutRehashTiles keeps tiles of a rehash that is not finished, in place of earlier ones.
func (s *Store) PutRehashTiles(ctx context.Context, origin string, number int, tiles []hub.RehashTile) error {
	return s.do(ctx, len(tiles), func(t *tx) error {
		for i := range tiles {
			tile := &tiles[i]
			put, err := t.change(`INSERT INTO log_rehash_tiles (shard, number, tree, level, n, data)
				SELECT r.shard, r.number, ?3, ?4, ?5, ?6 FROM log_rehashes r JOIN log_shards s ON s.number = r.shard
				WHERE s.origin = ?1 AND r.number = ?2 AND r.tokens = 0
				ON CONFLICT (shard, number, tree, level, n) DO UPDATE SET data = excluded.data`,
				origin, number, int(tile.Tree), tile.Level, tile.N, tile.Data)
			if err != nil {
				return failed("keep a tile of a rehash", err)
			}
			if put == 0 {
				return sqlkit.NotNextRehash(origin, number)
			}
		}
		return nil
	})
}

// RehashTile reads a tile of a rehash; KindNotFound where there is none.
func (s *Store) RehashTile(ctx context.Context, origin string, number int, tree hub.RehashTree, level int, n int64) (hub.RehashTile, error) {
	return one(ctx, s.reader, "tile of a rehash", sqlkit.ScanRehashTile[*sql.Rows], `SELECT tree, level, n, data FROM log_rehash_tiles
		WHERE shard = (SELECT number FROM log_shards WHERE origin = ?) AND number = ? AND tree = ? AND level = ? AND n = ?`, origin, number, int(tree), level, n)
}

// StampLogRehash records a rehash with its next token, together with the note of it.
func (s *Store) StampLogRehash(ctx context.Context, r hub.LogRehash, note hub.LogNote) error {
	body, noted, err := sqlkit.EncodeNoted(r, note)
	if err != nil {
		return err
	}
	return s.do(ctx, 2, func(t *tx) error {
		stamped, err := t.change(`UPDATE log_rehashes SET body = ?3, tokens = ?4
			WHERE shard = (SELECT number FROM log_shards WHERE origin = ?1) AND number = ?2 AND tokens = ?4 - 1`,
			r.Origin, r.Number, body, len(r.Tokens))
		if err != nil {
			return failed("time-stamp a rehash", err)
		}
		if stamped == 0 {
			return sqlkit.NotNextRehash(r.Origin, r.Number)
		}
		return failed("record a note", t.exec("INSERT INTO log_notes (id, kind, body, pending) VALUES (?, ?, ?, 1)", note.ID, string(note.Kind), noted))
	})
}

func rehashSources() []recordSource {
	return []recordSource{
		{hub.RecordLogRehash, "SELECT body FROM log_rehashes ORDER BY shard, number", scanRaw},
		{hub.RecordRehashTile, sqlkit.RehashTileSource, sqlkit.ScanRehashTileRecord[*sql.Rows]},
	}
}

func (t *tx) importRehash(r *hub.Record) error {
	if r.Kind == hub.RecordLogRehash {
		return importAs(r, func(h *hub.LogRehash) error {
			return t.exec("INSERT INTO log_rehashes (shard, number, tokens, body) SELECT number, ?, ?, ? FROM log_shards WHERE origin = ?",
				h.Number, len(h.Tokens), string(r.Body), h.Origin)
		})
	}
	return importAs(r, func(h *hub.RehashTileRecord) error {
		return t.exec("INSERT INTO log_rehash_tiles (shard, number, tree, level, n, data) SELECT number, ?, ?, ?, ?, ? FROM log_shards WHERE origin = ?",
			h.Number, int(h.Tree), h.Level, h.N, h.Data, h.Origin)
	})
}
