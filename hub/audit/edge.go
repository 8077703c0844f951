package audit

import (
	"encoding/binary"
	"fmt"
	"math/bits"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/lienthong/lienthong/hub"
)

// tileWidth is how many hashes or entries a full tile holds (c2sp.org/tlog-tiles);
// tileHeight is how many levels of the tree it stands for.
const (
	tileWidth  = 256
	tileHeight = 8
)

// maxEntry is how long an entry can be: its length takes two bytes.
const maxEntry = 1<<16 - 1

// entryLevel stands for the bundles of entries, which lie beside the tiles.
const entryLevel = -1

// tileName returns the name of a tile within its log; a width of tileWidth is a full one.
func tileName(level int, n int64, width int) string {
	name := "tile/entries"
	if level != entryLevel {
		name = fmt.Sprintf("tile/%d", level)
	}
	digits := fmt.Sprintf("%03d", n%1000)
	for n >= 1000 {
		n /= 1000
		digits = fmt.Sprintf("x%03d/%s", n%1000, digits)
	}
	name += "/" + digits
	if width < tileWidth {
		name += fmt.Sprintf(".p/%d", width)
	}
	return name
}

// edge is the right edge of a growing Merkle tree (RFC 6962, 2.1), which is all that
// is needed to let it grow: the hashes of the tiles that are not full, and the bundle
// of entries that is not. It takes a few kilobytes whatever the size of the tree.
type edge struct {
	size   int64
	levels [][]tlog.Hash // of level L: roots of full tiles of the level below, fewer than tileWidth
	bundle []byte        // the entries behind the last full bundle, as they are served
}

// sink takes tiles as they become full.
type sink func(level int, n int64, data []byte)

// add appends an entry. It is at most maxEntry bytes long.
func (e *edge) add(data []byte, full sink) {
	e.bundle = append(binary.BigEndian.AppendUint16(e.bundle, uint16(len(data))), data...)
	e.addHash(tlog.RecordHash(data), full)
}

// addHash appends the hash of an entry.
func (e *edge) addHash(leaf tlog.Hash, full sink) {
	e.size++
	if e.size%tileWidth == 0 {
		full(entryLevel, e.size/tileWidth-1, e.bundle)
		e.bundle = nil
	}
	for level, h := 0, leaf; ; level++ {
		if level == len(e.levels) {
			e.levels = append(e.levels, make([]tlog.Hash, 0, tileWidth))
		}
		e.levels[level] = append(e.levels[level], h)
		if len(e.levels[level]) < tileWidth {
			return
		}
		full(level, e.size>>(tileHeight*(level+1))-1, join(e.levels[level]))
		h = subtree(e.levels[level])
		e.levels[level] = e.levels[level][:0]
	}
}

// partial hands out the tiles that are not full.
func (e *edge) partial(each func(level int, n int64, width int, data []byte)) {
	if width := int(e.size % tileWidth); width > 0 {
		each(entryLevel, e.size/tileWidth, width, e.bundle)
	}
	for level, hashes := range e.levels {
		if len(hashes) > 0 {
			each(level, e.size>>(tileHeight*(level+1)), len(hashes), join(hashes))
		}
	}
}

// root returns the hash of the tree.
func (e *edge) root() tlog.Hash {
	root, empty := tlog.Hash{}, true
	for _, hashes := range e.levels {
		// The hashes of a level make perfect trees, one for each bit of their
		// number, the smallest one rightmost.
		for rest := hashes; len(rest) > 0; {
			n := 1 << bits.TrailingZeros(uint(len(rest)))
			h := subtree(rest[len(rest)-n:])
			rest = rest[:len(rest)-n]
			if root, empty = join2(h, root, empty), false; len(rest) == 0 {
				break
			}
		}
	}
	if empty {
		root, _ = tlog.TreeHash(0, nil) // of the empty tree, without reading
	}
	return root
}

func join2(left, right tlog.Hash, rightEmpty bool) tlog.Hash {
	if rightEmpty {
		return left
	}
	return tlog.NodeHash(left, right)
}

// subtree returns the hash over a perfect tree: the number of hashes is a power of two.
func subtree(hashes []tlog.Hash) tlog.Hash {
	var level [tileWidth]tlog.Hash
	n := copy(level[:], hashes)
	for ; n > 1; n /= 2 {
		for i := range n / 2 {
			level[i] = tlog.NodeHash(level[2*i], level[2*i+1])
		}
	}
	return level[0]
}

func join(hashes []tlog.Hash) []byte {
	out := make([]byte, 0, len(hashes)*tlog.HashSize)
	for i := range hashes {
		out = append(out, hashes[i][:]...)
	}
	return out
}

// split reads the hashes of a tile of a known width.
func split(data []byte, width int) ([]tlog.Hash, error) {
	if len(data) != width*tlog.HashSize {
		return nil, damaged("a tile of %d hashes has %d bytes", width, len(data))
	}
	hashes := make([]tlog.Hash, width)
	for i := range hashes {
		copy(hashes[i][:], data[i*tlog.HashSize:])
	}
	return hashes, nil
}

// splitEntries reads a bundle of a known number of entries. They share its bytes.
func splitEntries(bundle []byte, n int) ([][]byte, error) {
	entries := make([][]byte, n)
	for i := range entries {
		if len(bundle) < 2 || len(bundle)-2 < int(binary.BigEndian.Uint16(bundle)) {
			return nil, damaged("a bundle of %d entries ends within entry %d", n, i)
		}
		length := int(binary.BigEndian.Uint16(bundle))
		entries[i], bundle = bundle[2:2+length], bundle[2+length:]
	}
	if len(bundle) > 0 {
		return nil, damaged("a bundle of %d entries has %d bytes more", n, len(bundle))
	}
	return entries, nil
}

// damaged says that stored bytes of the log are not what they must be.
func damaged(format string, args ...any) error {
	return hub.Errorf(hub.KindInternal, "log", "damaged", format, args...)
}

// clone returns a copy that grows on its own.
func (e *edge) clone() edge {
	c := edge{size: e.size, levels: make([][]tlog.Hash, len(e.levels)), bundle: append([]byte(nil), e.bundle...)}
	for i, hashes := range e.levels {
		c.levels[i] = append(make([]tlog.Hash, 0, tileWidth), hashes...)
	}
	return c
}
