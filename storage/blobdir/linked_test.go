package blobdir

import (
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/lienthong/lienthong/hub"
)

// A folder is made durable in the one above it once by each process, and again when it was
// removed; that of a new file always is.
func TestFoldersOfTilesAreMadeDurableOnce(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "log")
	open := func() *Tiles {
		t.Helper()
		tiles, err := OpenTiles(Options{Dir: dir, Fatal: func(err error) { t.Error(err) }})
		if err != nil {
			t.Fatal(err)
		}
		return tiles
	}
	tiles := open()
	synced := func(name string) string {
		t.Helper()
		path, err := tiles.path(name)
		if err != nil {
			t.Fatal(err)
		}
		folders := map[string]bool{}
		tiles.foldersOf(path, folders)
		if err := tiles.PutTiles(t.Context(), []hub.LogTile{{Name: name, Data: []byte(name)}}); err != nil {
			t.Fatal(err)
		}
		var list []string
		for _, folder := range slices.Sorted(maps.Keys(folders)) {
			rel, _ := filepath.Rel(dir, folder)
			list = append(list, filepath.ToSlash(rel))
		}
		return strings.Join(list, " ")
	}
	look := func(name, want string) {
		t.Helper()
		if got := synced(name); got != want {
			t.Errorf("%s: %q are made durable, want %q", name, got, want)
		}
	}
	look("2026/tile/0/000.p/1", ". 2026 2026/tile 2026/tile/0 2026/tile/0/000.p")
	look("2026/tile/0/000.p/2", "2026/tile/0/000.p")
	look("2026/tile/entries/000.p/1", "2026/tile 2026/tile/entries 2026/tile/entries/000.p")
	look("2026/tile/0/000", "2026/tile/0")
	if err := tiles.DropPartial(t.Context(), "2026/tile/0/000"); err != nil {
		t.Fatal(err)
	}
	look("2026/tile/0/000.p/3", "2026/tile/0 2026/tile/0/000.p")
	tiles = open() // another process, which does not know what the one before came to
	look("2026/tile/0/000.p/4", ". 2026 2026/tile 2026/tile/0 2026/tile/0/000.p")
}
