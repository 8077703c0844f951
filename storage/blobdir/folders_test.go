package blobdir

import (
	"maps"
	"path/filepath"
	"slices"
	"testing"

	"github.com/lienthong/lienthong/hub"
)

// TestTilesThatAreThereLast: a tile that an earlier process wrote, and may have died
// before it was durable, is made durable by the next one, with all its folders.
func TestTilesThatAreThereLast(t *testing.T) {
	dir := t.TempDir()
	tiles, err := OpenTiles(Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	var want []string
	for _, folder := range []string{"", "2026", "2026/tile", "2026/tile/0", "2026/tile/0/000.p"} {
		want = append(want, filepath.Join(dir, filepath.FromSlash(folder)))
	}
	for range 2 {
		folders, err := tiles.place(t.Context(), []hub.LogTile{{Name: "2026/tile/0/000.p/5", Data: []byte("part")}})
		if err != nil {
			t.Fatal(err)
		}
		if got := slices.Sorted(maps.Keys(folders)); !slices.Equal(got, want) {
			t.Errorf("%v are synchronised, want %v", got, want)
		}
	}
}
