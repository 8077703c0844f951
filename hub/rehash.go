package hub

import "time"

// LogRehash is a shard of the log hashed anew by another digest (hash-tree renewal, RFC
// 4998, 5.3): a tree over what the entries are about, a tree over the time-stamps that
// there were, and tokens over both roots. Made while the digest of the log and the
// time-stamps still proved something, it proves all of them beyond.
type LogRehash struct {
	Origin string `json:"origin"` // of the shard
	Number int    `json:"number"` // from 1 without gaps
	Size   int64  `json:"size"`   // entries of the shard that it holds, from the first on
	Hash   string `json:"hash"`   // name of the digest, such as SHA-384
	// Head is what the first token is over: it names both trees. It is empty, and there is
	// no token, until the work is finished.
	Head   []byte        `json:"head,omitempty"`
	Tokens []RehashToken `json:"tokens,omitempty"` // the later ones are over head and tokens before
}

// Finished reports whether it proves anything.
func (r *LogRehash) Finished() bool { return len(r.Tokens) > 0 }

// RehashToken is a time-stamp token (RFC 3161) over a LogRehash.
type RehashToken struct {
	DER  []byte    `json:"der"`
	Time time.Time `json:"time"` // genTime
}

// RehashTree names one of the trees of a LogRehash.
type RehashTree int

// The trees of a LogRehash.
const (
	RehashEntries RehashTree = 0 // over the entries of the shard, with the same indexes
	RehashStamps  RehashTree = 1 // over time-stamps and earlier rehashes
)

// RehashTile is a piece of such a tree: the hashes of up to 256 neighbours of a level, or
// at level -1 what the leaves are made from, a line each.
type RehashTile struct {
	Tree  RehashTree `json:"tree"`
	Level int        `json:"level"`
	N     int64      `json:"n"` // from 0
	Data  []byte     `json:"data"`
}

// RehashTileRecord is a tile in an archive.
type RehashTileRecord struct {
	Origin string `json:"origin"`
	Number int    `json:"number"`
	RehashTile
}
