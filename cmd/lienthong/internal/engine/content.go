package engine

import (
	"context"
	"path/filepath"

	"github.com/lienthong/lienthong/storage/blobdir"
)

// OpenContent opens the store of originals.
func OpenContent(_ context.Context, o Options) (Content, error) {
	d, err := blobdir.Open(blobdir.Options{Dir: filepath.Join(o.DataDir, "blobs"), Log: o.Log, Fatal: o.Fatal})
	if err != nil {
		return nil, err
	}
	return folder{d}, nil
}

// folder is a blob store that needs no closing and is there as long as the disk is.
type folder struct{ *blobdir.Dir }

// Close implements io.Closer.
func (folder) Close() error { return nil }
