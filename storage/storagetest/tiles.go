package storagetest

import (
	"context"
	"testing"

	"github.com/lienthong/lienthong/hub"
)

// Tiles keeps the files of a log.
type Tiles interface {
	PutTiles(ctx context.Context, tiles []hub.LogTile) error
	Tile(ctx context.Context, name string) ([]byte, error)
	PutHead(ctx context.Context, head hub.LogTile) error
	DropPartial(ctx context.Context, name string) error
}

// RunTiles tests one place for the files of a log.
func RunTiles(t *testing.T, tiles Tiles) {
	ctx := t.Context()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	wants := func(kind hub.ErrorKind, err error) {
		t.Helper()
		if err == nil || hub.KindOf(err) != kind {
			t.Errorf("got %v, want one of kind %s", err, kind)
		}
	}
	read := func(name, want string) {
		t.Helper()
		data, err := tiles.Tile(ctx, name)
		must(err)
		same(t, name, string(data), want)
	}
	first := []hub.LogTile{
		{Name: "2026/tile/0/000", Data: []byte("full")}, {Name: "2026/tile/0/000.p/5", Data: []byte("part")},
		{Name: "2026/tile/entries/x001/067.p/255", Data: []byte("\x00\x01a")},
	}
	must(tiles.PutTiles(ctx, first))
	must(tiles.PutTiles(ctx, first)) // again
	read("2026/tile/0/000", "full")
	read("2026/tile/entries/x001/067.p/255", "\x00\x01a")
	wants(hub.KindConflict, tiles.PutTiles(ctx, []hub.LogTile{{Name: "2026/tile/0/000", Data: []byte("other")}}))
	read("2026/tile/0/000", "full")
	_, err := tiles.Tile(ctx, "2026/tile/0/001")
	wants(hub.KindNotFound, err)
	must(tiles.PutHead(ctx, hub.LogTile{Name: "2026/checkpoint", Data: []byte("one")}))
	must(tiles.PutHead(ctx, hub.LogTile{Name: "2026/checkpoint", Data: []byte("two")}))
	read("2026/checkpoint", "two")
	must(tiles.DropPartial(ctx, "2026/tile/0/000"))
	must(tiles.DropPartial(ctx, "2026/tile/0/000"))
	_, err = tiles.Tile(ctx, "2026/tile/0/000.p/5")
	wants(hub.KindNotFound, err)
	read("2026/tile/0/000", "full")
	for _, name := range []string{"../2026/x", "/2026/x", "", ".", "2026//x", "2026/../../x"} {
		wants(hub.KindInvalid, tiles.PutHead(ctx, hub.LogTile{Name: name}))
		_, err := tiles.Tile(ctx, name)
		wants(hub.KindInvalid, err)
	}
}
