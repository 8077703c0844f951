package audit

import (
	"bytes"
	"crypto/sha3"
	"crypto/sha512"
	"hash"
	"math/bits"

	"github.com/lienthong/lienthong/hub"
)

// TreeDigest is a digest by which a shard is hashed anew.
type TreeDigest struct {
	Name string // as algorithm tables name it
	size int    // bytes
	make func() hash.Hash
}

// TreeDigests are those that are known, the usual one first. SHA-256, by which the log
// itself is hashed, is none of them.
func TreeDigests() []TreeDigest {
	return []TreeDigest{
		{"SHA-384", sha512.Size384, sha512.New384},
		{"SHA-512", sha512.Size, sha512.New},
		{"SHA3-256", 32, func() hash.Hash { return sha3.New256() }},
	}
}

// TreeDigestOf finds a digest by its name.
func TreeDigestOf(name string) (TreeDigest, error) {
	for _, d := range TreeDigests() {
		if d.Name == name {
			return d, nil
		}
	}
	return TreeDigest{}, hub.Invalid("rehash", "digest", "no log is hashed anew by %.20q", name)
}

// New begins to digest content.
func (d *TreeDigest) New() hash.Hash { return d.make() }

// Sum digests some bytes.
func (d *TreeDigest) Sum(data ...[]byte) []byte {
	h := d.make()
	for _, piece := range data {
		h.Write(piece)
	}
	return h.Sum(nil)
}

// The hashes of RFC 9162, 2.1.1, by whichever digest.
func (d *TreeDigest) leaf(line []byte) []byte        { return d.Sum([]byte{0}, line) }
func (d *TreeDigest) node(left, right []byte) []byte { return d.Sum([]byte{1}, left, right) }

// perfect is the root over a power of two of hashes, which stand one behind the other.
func (d *TreeDigest) perfect(hashes []byte) []byte {
	for len(hashes) > d.size {
		next := make([]byte, 0, len(hashes)/2)
		for i := 0; i < len(hashes); i += 2 * d.size {
			next = append(next, d.node(hashes[i:i+d.size], hashes[i+d.size:i+2*d.size])...)
		}
		hashes = next
	}
	return hashes
}

// rehashEdge is the right edge of a growing tree of one digest, as edge is of the log.
type rehashEdge struct {
	digest TreeDigest
	tree   hub.RehashTree
	size   int64
	levels [][]byte // of level L: hashes of the tile that is not full, one behind the other
	lines  []byte   // of the leaves behind the last full tile
}

// add appends a leaf, which is a line, and hands out the tiles that are full with it.
func (e *rehashEdge) add(line []byte, full func(hub.RehashTile)) {
	e.lines = append(append(e.lines, line...), '\n')
	e.size++
	if e.size%tileWidth == 0 {
		full(hub.RehashTile{Tree: e.tree, Level: entryLevel, N: e.size/tileWidth - 1, Data: bytes.Clone(e.lines)})
		e.lines = e.lines[:0]
	}
	for level, h := 0, e.digest.leaf(line); ; level++ {
		if level == len(e.levels) {
			e.levels = append(e.levels, nil)
		}
		e.levels[level] = append(e.levels[level], h...)
		if len(e.levels[level]) < tileWidth*e.digest.size {
			return
		}
		full(hub.RehashTile{Tree: e.tree, Level: level, N: e.size>>(tileHeight*(level+1)) - 1, Data: bytes.Clone(e.levels[level])})
		h = e.digest.perfect(e.levels[level])
		e.levels[level] = e.levels[level][:0]
	}
}

// partial returns the tiles that are not full.
func (e *rehashEdge) partial() []hub.RehashTile {
	var tiles []hub.RehashTile
	if len(e.lines) > 0 {
		tiles = append(tiles, hub.RehashTile{Tree: e.tree, Level: entryLevel, N: e.size / tileWidth, Data: bytes.Clone(e.lines)})
	}
	for level, hashes := range e.levels {
		if len(hashes) > 0 {
			tiles = append(tiles, hub.RehashTile{Tree: e.tree, Level: level, N: e.size >> (tileHeight * (level + 1)), Data: bytes.Clone(hashes)})
		}
	}
	return tiles
}

// root is the root of the tree; that of none is the digest of nothing.
func (e *rehashEdge) root() []byte {
	var root []byte
	for _, hashes := range e.levels {
		for len(hashes) > 0 {
			n := e.digest.size << bits.TrailingZeros(uint(len(hashes)/e.digest.size))
			h := e.digest.perfect(hashes[len(hashes)-n:])
			if hashes = hashes[:len(hashes)-n]; root == nil {
				root = h
			} else {
				root = e.digest.node(h, root)
			}
		}
	}
	if root == nil {
		return e.digest.Sum()
	}
	return root
}

// rehashReader reads the hashes of a tree from its tiles.
type rehashReader struct {
	digest TreeDigest
	tile   func(level int, n int64) ([]byte, error)
	known  map[[2]int64][]byte // tiles that were read, by level and place
}

// path returns the hashes that lead from a leaf to the root of a tree of so many leaves
// (RFC 9162, 2.1.3.1), the lowest first.
func (r *rehashReader) path(index, size int64) ([][]byte, error) {
	var path [][]byte
	for low, high := int64(0), size; high-low > 1; {
		var beside [2]int64
		middle := low + split2(high-low)
		if index < middle {
			beside, high = [2]int64{middle, high}, middle
		} else {
			beside, low = [2]int64{low, middle}, middle
		}
		h, err := r.hash(beside[0], beside[1])
		if err != nil {
			return nil, err
		}
		path = append([][]byte{h}, path...)
	}
	return path, nil
}

// split2 is the largest power of two below n, which is at least 2.
func split2(n int64) int64 { return 1 << (bits.Len64(uint64(n-1)) - 1) }

// hash is the hash over the leaves from low to before high.
func (r *rehashReader) hash(low, high int64) ([]byte, error) {
	n := high - low
	if n&(n-1) != 0 {
		left, err := r.hash(low, low+split2(n))
		if err != nil {
			return nil, err
		}
		right, err := r.hash(low+split2(n), high)
		return r.digest.node(left, right), err
	}
	height := bits.TrailingZeros64(uint64(n))
	level := height / tileHeight
	at, count := low>>(tileHeight*level), 1<<(height%tileHeight)
	key := [2]int64{int64(level), at / tileWidth}
	if r.known[key] == nil {
		data, err := r.tile(level, at/tileWidth)
		if err != nil {
			return nil, err
		}
		r.known[key] = data
	}
	from := int(at%tileWidth) * r.digest.size
	if len(r.known[key]) < from+count*r.digest.size {
		return nil, damaged("a tile of a rehash has %d bytes", len(r.known[key]))
	}
	return r.digest.perfect(r.known[key][from : from+count*r.digest.size]), nil
}

// leads checks that hashes lead from a leaf to a root (RFC 9162, 2.1.3.2).
func (d *TreeDigest) leads(line []byte, index, size int64, path [][]byte, root []byte) bool {
	if index < 0 || index >= size {
		return false
	}
	at, last, h := index, size-1, d.leaf(line)
	for _, beside := range path {
		if last == 0 {
			return false
		}
		if at&1 == 1 || at == last {
			h = d.node(beside, h)
			for at&1 == 0 && at != 0 {
				at, last = at>>1, last>>1
			}
		} else {
			h = d.node(h, beside)
		}
		at, last = at>>1, last>>1
	}
	return last == 0 && bytes.Equal(h, root)
}
