package sqlkit

import (
	"encoding/json"

	"github.com/lienthong/lienthong/hub"
)

// NotNextRehash says that a step of a rehash does not follow what stands.
func NotNextRehash(origin string, number int) error {
	return hub.Errorf(hub.KindConflict, "rehash", "order",
		"rehash %d of %s is not there as it must be: it is not the next one, or another run has changed or finished it", number, origin)
}

// ScanRehashTile reads tree, level, n and data.
func ScanRehashTile[R Row](row R) (hub.RehashTile, error) {
	var t hub.RehashTile
	err := row.Scan((*int)(&t.Tree), &t.Level, &t.N, &t.Data)
	return t, err
}

// ScanRehashTileRecord reads origin, number and what ScanRehashTile reads into the record
// of a tile.
func ScanRehashTileRecord[R Row](row R) (json.RawMessage, error) {
	var t hub.RehashTileRecord
	if err := row.Scan(&t.Origin, &t.Number, (*int)(&t.Tree), &t.Level, &t.N, &t.Data); err != nil {
		return nil, err
	}
	return marshal(t)
}

// LogPageText reads what ScanLogRow takes: entries of a shard from an index on. The
// parameters are the origin, the index and how many; jws reads the JWS of an evidence e.
func LogPageText(jws string, parameter [3]string) string {
	return `SELECT s.origin, l.idx, l.data, coalesce(l.source, ''), e.canonical, coalesce(` + jws + `, ''), coalesce(e.dispatch, ''), coalesce(e.delivery, ''), coalesce(e.rejected, ''), n.body
		FROM log_shards s JOIN log_entries l ON l.shard = s.number LEFT JOIN evidences e ON e.id = l.source LEFT JOIN log_notes n ON n.id = l.source
		WHERE s.origin = ` + parameter[0] + ` AND l.idx >= ` + parameter[1] + ` ORDER BY l.idx LIMIT ` + parameter[2]
}

// RehashTileSource reads what ScanRehashTileRecord takes, in the order of archives.
const RehashTileSource = `SELECT s.origin, t.number, t.tree, t.level, t.n, t.data FROM log_rehash_tiles t JOIN log_shards s ON s.number = t.shard
	ORDER BY t.shard, t.number, t.tree, t.level, t.n`

// LogRehashTexts read what ScanLogRehash takes: first all rehashes by shard and number,
// then all tiles in the order of archives.
func LogRehashTexts() []string {
	return []string{
		`SELECT coalesce(s.origin, '?'), r.number, r.tokens, r.body, 0, 0, 0, NULL FROM log_rehashes r LEFT JOIN log_shards s ON s.number = r.shard
			ORDER BY r.shard, r.number`,
		`SELECT coalesce(s.origin, '?'), t.number, 0, NULL, t.tree, t.level, t.n, t.data FROM log_rehash_tiles t LEFT JOIN log_shards s ON s.number = t.shard
			ORDER BY t.shard, t.number, t.tree, t.level, t.n`,
	}
}

// ScanLogRehash reads origin, number, tokens and body of a rehash, and tree, level, place
// and data of a tile.
func ScanLogRehash[R Row](row R) (hub.LogRehashRow, error) {
	var r hub.LogRehashRow
	err := row.Scan(&r.Origin, &r.Number, &r.Tokens, &r.Body, (*int)(&r.Tile.Tree), &r.Tile.Level, &r.Tile.N, &r.Tile.Data)
	return r, err
}
