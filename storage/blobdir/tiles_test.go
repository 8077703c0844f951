package blobdir_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/storage/blobdir"
	"github.com/lienthong/lienthong/storage/storagetest"
)

// TestTiles runs what every place for a log promises.
func TestTiles(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "log")
	tiles, err := blobdir.OpenTiles(blobdir.Options{Dir: dir, Fatal: func(err error) { t.Error(err) }})
	if err != nil {
		t.Fatal(err)
	}
	storagetest.RunTiles(t, tiles)
	if err := os.WriteFile(filepath.Join(dir, "2026", ".new-1"), nil, 0o600); err != nil { // of a process that died
		t.Fatal(err)
	}
	if _, err := blobdir.OpenTiles(blobdir.Options{Dir: dir}); err != nil {
		t.Fatal(err)
	}
	var left []string
	_ = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			rel, _ := filepath.Rel(dir, path)
			left = append(left, filepath.ToSlash(rel))
		}
		return err
	})
	if len(left) != 3 { // nothing temporary
		t.Errorf("the folder holds %v", left)
	}
	if err := tiles.PutHead(t.Context(), hub.LogTile{Name: "2026/tile/0/000/x"}); err == nil {
		t.Error("a file became a folder")
	}
}
