package audit

import (
	"bytes"
	"context"
	"sort"
	"time"

	"github.com/lienthong/lienthong/hub"
)

// Rehashed shows that a rehash holds an evidence, the time-stamp over its checkpoint, and
// the rehashes before.
type Rehashed struct {
	Number  int
	Head    []byte
	Tokens  [][]byte // over the head and those before
	Entry   RehashProof
	Stamp   RehashProof
	Earlier []RehashProof // of those before that Held names, in order
}

// rehashed returns the proofs of all rehashes that hold both.
func rehashed(ctx context.Context, store RehashReader, stamp *hub.LogStamp, index int64) ([]Rehashed, error) {
	all, err := store.LogRehashes(ctx, stamp.Origin)
	if err != nil {
		return nil, err
	}
	var list []Rehashed
	for i := range all {
		if !all[i].Finished() || index >= all[i].Size || stamp.Size > all[i].Size {
			continue
		}
		p := &rehashProver{ctx: ctx, store: store, rehash: &all[i]}
		one, holds, err := p.prove(stamp, index, list)
		if err != nil {
			return nil, err
		}
		if holds {
			list = append(list, one)
		}
	}
	return list, nil
}

// rehashProver makes proofs of one rehash.
type rehashProver struct {
	ctx    context.Context //nolint:containedctx // of the one call that it lives for
	store  RehashReader
	rehash *hub.LogRehash
	head   RehashHead
}

// prove reports whether the rehash holds the time-stamp. Entries have one place; time-stamps
// stand behind the rehashes before, by size and time.
func (p *rehashProver) prove(stamp *hub.LogStamp, index int64, before []Rehashed) (Rehashed, bool, error) {
	out := Rehashed{Number: p.rehash.Number, Head: p.rehash.Head, Tokens: rehashTokens(p.rehash)}
	var err error
	if p.head, err = ParseRehashHead(p.rehash.Head); err != nil {
		return out, false, err
	}
	place, err := p.find(stamp)
	if err != nil || place < 0 {
		return out, false, err
	}
	if out.Stamp, err = p.proof(hub.RehashStamps, place, p.head.Stamps); err != nil {
		return out, false, err
	}
	if out.Entry, err = p.proof(hub.RehashEntries, index, p.head.Entries); err != nil {
		return out, false, err
	}
	for i := range before {
		proof, err := p.proof(hub.RehashStamps, int64(before[i].Number-1), p.head.Stamps)
		if err != nil {
			return out, false, err
		}
		out.Earlier = append(out.Earlier, proof)
	}
	return out, true, nil
}

// find looks for the place of a time-stamp; -1 where the rehash does not hold it.
func (p *rehashProver) find(stamp *hub.LogStamp) (int64, error) {
	first := int64(p.rehash.Number - 1)
	var failure error
	leafAt := func(place int64) (leaf RehashStamp) {
		line, err := p.line(hub.RehashStamps, place)
		if err == nil {
			err = decodeRehash(line, &leaf)
		}
		if err != nil {
			failure = err
		}
		return leaf
	}
	at := func(l *RehashStamp) bool { return l.Size == stamp.Size && sameMicros(l.Stamped, stamp.Time) }
	n := sort.Search(int(p.head.Stamps-first), func(i int) bool {
		l := leafAt(first + int64(i))
		return l.Size > stamp.Size || at(&l) || l.Size == stamp.Size && l.Stamped.After(stamp.Time)
	})
	place := first + int64(n)
	if failure != nil || place == p.head.Stamps {
		return -1, failure
	}
	if l := leafAt(place); !at(&l) {
		return -1, failure
	}
	return place, nil
}

// sameMicros compares times as stores keep them.
func sameMicros(a, b time.Time) bool { return a.UnixMicro() == b.UnixMicro() }

// proof proves the leaf of a place.
func (p *rehashProver) proof(tree hub.RehashTree, place, size int64) (RehashProof, error) {
	line, err := p.line(tree, place)
	if err != nil {
		return RehashProof{}, err
	}
	r := &rehashReader{digest: p.head.Digest, known: map[[2]int64][]byte{}, tile: func(level int, n int64) ([]byte, error) {
		tile, err := p.store.RehashTile(p.ctx, p.rehash.Origin, p.rehash.Number, tree, level, n)
		return tile.Data, err
	}}
	hashes, err := r.path(place, size)
	return RehashProof{Index: place, Leaf: line, Hashes: hashes}, err
}

// line reads what the leaf of a place is made from.
func (p *rehashProver) line(tree hub.RehashTree, place int64) ([]byte, error) {
	tile, err := p.store.RehashTile(p.ctx, p.rehash.Origin, p.rehash.Number, tree, entryLevel, place/tileWidth)
	if err != nil {
		return nil, err
	}
	lines := bytes.Split(tile.Data, []byte("\n"))
	if n := int(place % tileWidth); n < len(lines)-1 {
		return lines[n], nil
	}
	return nil, damaged("a tile of leaves of a rehash has %d of them", len(lines)-1)
}
