package audit

import (
	"bytes"
	"encoding/json"
	"fmt"

	"github.com/lienthong/lienthong/hub"
)

// RehashRows compares the shards that a store keeps hashed anew with themselves: tiles of
// leaves lead to all others and to the roots in the head, and each token is over the head
// and all tokens before. What the log notes of them, Comparison.RehashRows compares.
type RehashRows struct {
	tokens   TokenReader
	found    func(rule, format string, args ...any)
	rehashes map[rehashID]*rehashRow
	reading  *rehashRow // whose tiles are read
}

type rehashID struct {
	origin string
	number int
}

func (id rehashID) String() string {
	return fmt.Sprintf("rehash %d of %.80s", id.number, id.origin)
}

// rehashRow is a rehash and what its tiles were so far.
type rehashRow struct {
	hub.LogRehash
	id      rehashID
	head    RehashHead
	tree    rehashEdge // that is read
	made    map[rehashTileID]hub.Digest
	leaves  int64 // tiles of them
	whole   bool  // the tree has all its leaves, and what they make is known
	checked [2]bool
}

type rehashTileID struct {
	level int
	n     int64
}

// NewRehashRows returns one that has read nothing.
func NewRehashRows(tokens TokenReader, found func(rule, format string, args ...any)) *RehashRows {
	return &RehashRows{tokens: tokens, found: found, rehashes: map[rehashID]*rehashRow{}}
}

// Row takes the next row: rehashes by shard and number, then tiles by rehash, tree, level
// and place.
func (r *RehashRows) Row(row *hub.LogRehashRow) {
	id := rehashID{row.Origin, row.Number}
	if row.Body != nil {
		r.rehash(id, row)
		return
	}
	if r.reading == nil || r.reading.id != id {
		r.endTree()
		if r.reading = r.rehashes[id]; r.reading == nil {
			r.found("rehash_row", "the store keeps tiles of %v, which it does not keep", id)
			r.reading = &rehashRow{id: id}
		}
		r.reading.begin(row.Tile.Tree)
	}
	if r.reading.tree.tree != row.Tile.Tree {
		r.endTree()
		r.reading.begin(row.Tile.Tree)
	}
	if r.reading.Finished() { // what is not finished may be anything
		r.tile(r.reading, &row.Tile)
	}
}

// End says that there are no more rows.
func (r *RehashRows) End() {
	r.endTree()
	for _, kept := range r.rehashes {
		for tree, checked := range kept.checked {
			if kept.Finished() && !checked {
				r.found("rehash_tile", "the store keeps %v without tiles of its tree %d", kept.id, tree)
			}
		}
	}
}

func (r *RehashRows) rehash(id rehashID, row *hub.LogRehashRow) {
	kept := &rehashRow{id: id}
	r.rehashes[id] = kept
	before := r.rehashes[rehashID{id.origin, id.number - 1}]
	if id.number != 1 && (before == nil || !before.Finished()) {
		r.found("rehash_gone", "the store keeps %v, and not all before it as they were finished", id)
	}
	var body hub.LogRehash
	if err := json.Unmarshal(row.Body, &body); err != nil {
		r.found("rehash_row", "%v cannot be read: %v", id, err)
		return
	}
	if (rehashID{body.Origin, body.Number}) != id || len(body.Tokens) != row.Tokens {
		r.found("rehash_row", "%v stands in the store under the place of another, or with other tokens than its row says", id)
	}
	if !body.Finished() {
		return
	}
	head, err := ParseRehashHead(body.Head)
	if err != nil || head.Origin != body.Origin || head.Digest.Name != body.Hash || head.Entries != body.Size {
		r.found("rehash_row", "%v has a head that is about something else, or cannot be read: %v", id, err)
		return
	}
	kept.LogRehash, kept.head = body, head
	covered := hub.LogRehash{Head: body.Head}
	for i, token := range body.Tokens {
		if err := r.tokens.Intact(token.DER, rehashCovered(&covered)); err != nil {
			r.found("rehash_token", "token %d of %v is none over what it should be: %v", i+1, id, err)
		} else if made, err := r.tokens.Time(token.DER); err != nil || !made.Equal(token.Time) {
			r.found("rehash_token", "token %d of %v says another time than is stored", i+1, id)
		}
		covered.Tokens = append(covered.Tokens, token)
	}
}

func (k *rehashRow) begin(tree hub.RehashTree) {
	k.tree, k.made, k.leaves, k.whole = rehashEdge{digest: k.head.Digest, tree: tree}, map[rehashTileID]hub.Digest{}, 0, false
}

// tile takes the next tile of a tree: first those of leaves, then those that they make.
func (r *RehashRows) tile(k *rehashRow, tile *hub.RehashTile) {
	if tile.Level == entryLevel {
		lines := bytes.SplitAfter(tile.Data, []byte("\n"))
		lines = lines[:len(lines)-1] // behind the last end of a line
		if tile.N != k.leaves || k.tree.size != k.leaves*tileWidth || len(lines) > tileWidth || !bytes.HasSuffix(tile.Data, []byte("\n")) {
			r.found("rehash_tile", "tile %d of leaves of the tree %d of %v is not the next one, or the one before was not full", tile.N, tile.Tree, k.id)
			return
		}
		k.leaves++
		for _, line := range lines {
			k.tree.add(line[:len(line)-1], k.make)
		}
		return
	}
	k.complete()
	id := rehashTileID{tile.Level, tile.N}
	if k.made[id] != digestOf(tile.Data) {
		r.found("rehash_tile", "tile %d of level %d of the tree %d of %v is not what its leaves make", tile.N, tile.Level, tile.Tree, k.id)
	}
	delete(k.made, id)
}

// make keeps what a tile must be that leaves make; those of the leaves were just read.
func (k *rehashRow) make(tile hub.RehashTile) {
	if tile.Level != entryLevel {
		k.made[rehashTileID{tile.Level, tile.N}] = digestOf(tile.Data)
	}
}

func (k *rehashRow) complete() {
	if k.whole {
		return
	}
	k.whole = true
	for _, tile := range k.tree.partial() {
		k.make(tile)
	}
}

// endTree compares the tree that was read last with the head.
func (r *RehashRows) endTree() {
	k := r.reading
	if k == nil || !k.Finished() {
		return
	}
	k.complete()
	size, root := k.head.Entries, k.head.Root
	if k.tree.tree == hub.RehashStamps {
		size, root = k.head.Stamps, k.head.Stamped
	}
	if k.tree.size != size || !bytes.Equal(k.tree.root(), root) {
		r.found("rehash_tile", "the leaves of the tree %d of %v do not lead to the root in its head", k.tree.tree, k.id)
	}
	if len(k.made) > 0 {
		r.found("rehash_tile", "the store lacks %d tiles of the tree %d of %v", len(k.made), k.tree.tree, k.id)
	}
	if tree := int(k.tree.tree); tree < len(k.checked) {
		k.checked[tree] = true
	}
}

// holds reports whether a store keeps a token of a rehash as its note says.
func (r *RehashRows) holds(f *RehashFact) bool {
	k := r.rehashes[f.id()]
	return k != nil && f.Token > 0 && f.Token <= len(k.Tokens) && digestOf(k.Tokens[f.Token-1].DER) == f.SHA256 &&
		k.Hash == f.Digest && k.Size == f.Size && bytes.Equal(k.head.Digest.Sum(k.Head), f.Head)
}

func (f *RehashFact) id() rehashID { return rehashID{f.Origin, f.Number} }

// RehashRows compares shards that were hashed anew with the notes of their tokens. Before
// and again are as for TokenRows.
func (c *Comparison) RehashRows(before *RehashRows, again func() (*RehashRows, error)) error {
	type token struct {
		rehashID
		number int
	}
	noted := map[token]bool{}
	if err := compareFacts(c.rehashes, before, again, func(f *RehashFact, held bool) {
		noted[token{f.id(), f.Token}] = true
		if !held {
			c.found("rehash_gone", "the log notes token %d of %v, and the store does not keep it with its trees, or other ones", f.Token, f.id())
		}
	}); err != nil {
		return err
	}
	for id, kept := range before.rehashes {
		c.Rows += int64(len(kept.Tokens))
		for n := range kept.Tokens {
			if !noted[token{id, n + 1}] {
				c.found("rehash_row", "the store keeps token %d of %v, and the log has no note of it", n+1, id)
			}
		}
	}
	return nil
}
