package audit

import (
	"context"
	"encoding/binary"
	"fmt"
	"testing"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/lienthong/lienthong/hub"
)

// counted are tiles that count how many of them are read.
type counted struct {
	tiles map[string][]byte
	reads int
}

func (c *counted) Tile(_ context.Context, name string) ([]byte, error) {
	c.reads++
	if data, ok := c.tiles[name]; ok {
		return data, nil
	}
	return nil, hub.Errorf(hub.KindNotFound, "tile", "", "no %s", name)
}

// grown returns the tiles of hashes of a tree over made-up leaves.
func grown(size int64) (*counted, Checkpoint) {
	c := &counted{tiles: map[string][]byte{}}
	var e edge
	keep := func(level int, n int64, data []byte) {
		if level != entryLevel {
			c.tiles[tileName(level, n, tileWidth)] = data
		}
	}
	var leaf tlog.Hash
	for n := range size {
		binary.BigEndian.PutUint64(leaf[:], uint64(n))
		e.addHash(leaf, keep)
	}
	e.partial(func(level int, n int64, width int, data []byte) { c.tiles[tileName(level, n, width)] = data })
	return c, Checkpoint{Origin: "o/2026", Size: size, Root: hub.Digest(e.root())}
}

// BenchmarkInclusion measures how a proof is built: with the size of the log grows
// neither the time nor what is read beyond its logarithm.
func BenchmarkInclusion(b *testing.B) {
	for _, size := range []int64{1e4, 1e6, 1e7} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			tiles, c := grown(size)
			index, hashes := int64(0), 0
			for b.Loop() {
				proof, err := Inclusion(context.Background(), tiles, "", &c, index%size)
				if err != nil {
					b.Fatal(err)
				}
				index, hashes = index+7919, hashes+len(proof)
			}
			b.ReportMetric(float64(tiles.reads)/float64(b.N), "tiles/op")
			b.ReportMetric(float64(hashes)/float64(b.N), "hashes/op")
		})
	}
}

// TestProofsGrowWithTheLogarithm: a proof takes one hash for each doubling of the log,
// and reads about one tile for eight of them.
func TestProofsGrowWithTheLogarithm(t *testing.T) {
	for size, most := range map[int64]struct{ hashes, tiles int }{200: {8, 1}, 10_000: {14, 5}, 300_000: {19, 7}} {
		tiles, c := grown(size)
		for _, index := range []int64{0, 1, size / 3, size - 1} {
			tiles.reads = 0
			proof, err := Inclusion(context.Background(), tiles, "", &c, index)
			if err != nil || len(proof) > most.hashes || tiles.reads > most.tiles {
				t.Errorf("entry %d of %d: %d hashes from %d tiles, %v", index, size, len(proof), tiles.reads, err)
			}
		}
	}
}
