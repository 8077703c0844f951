package blobdir

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/storage/internal/together"
)

// Tiles keeps the files of a log in a folder, by their names. Any web server can serve
// the folder, and any client of c2sp.org/tlog-tiles can read a copy of it.
type Tiles struct {
	dir *Dir

	mu sync.Mutex
	// linked are the folders that a power cut cannot take: this process made their entry in
	// the folder above durable, and those of all above that.
	linked map[string]bool
}

// OpenTiles prepares a folder for a log. Of the options, Dir, Log and Fatal count.
func OpenTiles(o Options) (*Tiles, error) {
	if o.Fatal == nil {
		o.Fatal = func(err error) {
			panic("blobdir: a synchronisation failed, the process must end: " + err.Error())
		}
	}
	t := &Tiles{dir: &Dir{Options: o}, linked: map[string]bool{}}
	if err := os.MkdirAll(o.Dir, 0o700); err != nil {
		return nil, failure("create the folder of the log", err)
	}
	t.dir.syncFolder(filepath.Dir(filepath.Clean(o.Dir)))
	return t, t.sweep()
}

// newTile begins the names of files that are being written.
const newTile = ".new-"

// sweep removes what processes that died have left half-written. No other process
// writes here: the hub holds the lock of its data folder.
func (t *Tiles) sweep() error {
	root, err := os.OpenRoot(t.dir.Dir)
	if err != nil {
		return failure("sweep the folder of the log", err)
	}
	defer root.Close() //nolint:errcheck // nothing is written through it
	err = fs.WalkDir(root.FS(), ".", func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() && strings.HasPrefix(d.Name(), newTile) {
			err = root.Remove(path)
		}
		return err
	})
	if err != nil {
		return failure("sweep the folder of the log", err)
	}
	return nil
}

// path refuses names that lead elsewhere.
func (t *Tiles) path(name string) (string, error) {
	if !fs.ValidPath(name) || name == "." {
		return "", hub.Invalid("tile", "name", "%.80q is not the name of a tile", name)
	}
	return filepath.Join(t.dir.Dir, filepath.FromSlash(name)), nil
}

// Tile reads a tile; KindNotFound when there is none.
func (t *Tiles) Tile(_ context.Context, name string) ([]byte, error) {
	path, err := t.path(name)
	if err != nil {
		return nil, err
	}
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, hub.Errorf(hub.KindNotFound, "tile", "", "there is no %s in the log", name)
	}
	if err != nil {
		return nil, failure("read a tile", err)
	}
	return data, nil
}

// PutTiles stores tiles durably before it returns. One that is there with other bytes
// is KindConflict.
func (t *Tiles) PutTiles(ctx context.Context, tiles []hub.LogTile) error {
	folders, err := t.place(ctx, tiles)
	if err != nil {
		return err
	}
	t.syncAll(folders)
	return nil
}

// place writes the tiles that are not there, and returns the folders that must be
// synchronised: also those of a tile that is there, for who wrote it may have died
// before.
func (t *Tiles) place(ctx context.Context, tiles []hub.LogTile) (map[string]bool, error) {
	paths := make([]string, len(tiles))
	err := together.Each(len(tiles), func(i int) (err error) {
		paths[i], err = t.placeOne(ctx, &tiles[i])
		return err
	})
	if err != nil {
		return nil, err
	}
	folders := map[string]bool{}
	for _, path := range paths {
		t.foldersOf(path, folders)
	}
	return folders, nil
}

// placeOne writes a tile unless it is there, and returns its file.
func (t *Tiles) placeOne(ctx context.Context, tile *hub.LogTile) (string, error) {
	path, err := t.path(tile.Name)
	if err != nil {
		return "", err
	}
	there, err := t.Tile(ctx, tile.Name)
	switch {
	case err == nil && !bytes.Equal(there, tile.Data):
		return "", hub.Errorf(hub.KindConflict, "tile", "differs", "the tile %s is there with other bytes", tile.Name)
	case err == nil:
		return path, nil
	case hub.KindOf(err) != hub.KindNotFound:
		return "", err
	}
	return path, t.put(path, tile.Data)
}

// foldersOf adds the folder of a file, and those that lead to it, up to that of the log, as
// far as they are not linked. One that is there may have been made by a process that died
// before it was durable.
func (t *Tiles) foldersOf(path string, folders map[string]bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	root := filepath.Clean(t.dir.Dir)
	for up := filepath.Dir(path); ; up = filepath.Dir(up) {
		folders[up] = true
		if up == root || t.linked[up] {
			return
		}
	}
}

func (t *Tiles) syncAll(folders map[string]bool) {
	for folder := range folders {
		t.dir.syncFolder(folder)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	for folder := range folders {
		if folders[filepath.Dir(folder)] {
			t.linked[folder] = true
		}
	}
}

// PutHead replaces a file that changes.
func (t *Tiles) PutHead(_ context.Context, head hub.LogTile) error {
	path, err := t.path(head.Name)
	if err != nil {
		return err
	}
	if err := t.put(path, head.Data); err != nil {
		return err
	}
	folders := map[string]bool{}
	t.foldersOf(path, folders)
	t.syncAll(folders)
	return nil
}

// put writes a file that is never seen half. Its folders are not durable yet.
func (t *Tiles) put(path string, data []byte) error {
	folder := filepath.Dir(path)
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return failure("create a folder of the log", err)
	}
	f, err := os.CreateTemp(folder, newTile+"*")
	if err != nil {
		return failure("write a tile", err)
	}
	defer os.Remove(f.Name())
	if _, err = f.Write(data); err != nil {
		return failure("write a tile", errors.Join(err, f.Close()))
	}
	t.dir.syncFile(f)
	if err := f.Close(); err != nil {
		return failure("write a tile", err)
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return failure("put a tile in place", err)
	}
	return nil
}

// DropPartial removes the partial tiles of a tile that is full now.
func (t *Tiles) DropPartial(_ context.Context, name string) error {
	path, err := t.path(name)
	if err != nil {
		return err
	}
	t.mu.Lock()
	delete(t.linked, path+".p")
	t.mu.Unlock()
	if err := os.RemoveAll(path + ".p"); err != nil {
		return failure("remove partial tiles", err)
	}
	return nil
}
