package engine

import (
	"context"
	"path/filepath"

	"github.com/lienthong/lienthong/hub/audit"
	"github.com/lienthong/lienthong/storage/blobdir"
	"github.com/lienthong/lienthong/storage/s3"
)

// OpenContent opens the store of originals.
func OpenContent(ctx context.Context, o Options) (Content, error) {
	if o.Objects != "" {
		s, err := s3.Open(ctx, s3.Options{
			URL: o.Objects, Region: o.ObjectsRegion, Keys: o.objectsKeys, LockDays: o.ObjectsLockDays, Log: o.Log,
		})
		if err != nil {
			return nil, err
		}
		return bucket{s}, nil
	}
	d, err := blobdir.Open(blobdir.Options{Dir: filepath.Join(o.DataDir, "blobs"), Log: o.Log, Fatal: o.Fatal})
	if err != nil {
		return nil, err
	}
	return folder{d, blobdir.Options{Dir: filepath.Join(o.DataDir, "log"), Log: o.Log, Fatal: o.Fatal}}, nil
}

func (o *Options) objectsKeys() (accessKey, secretKey string, err error) {
	lines, err := secretLines(o.ObjectsKeyFile, 2)
	if err != nil {
		return "", "", err
	}
	return lines[0], lines[1], nil
}

// folder is a blob store that needs no closing and is there as long as the disk is.
type folder struct {
	*blobdir.Dir
	tiles blobdir.Options
}

// Tiles implements Stored.
func (f folder) Tiles() (audit.TileStore, error) { return blobdir.OpenTiles(f.tiles) }

// Close implements io.Closer.
func (folder) Close() error { return nil }

// bucket is a store on other machines.
type bucket struct{ *s3.Store }

// Tiles implements Stored.
func (b bucket) Tiles() (audit.TileStore, error) { return b.Store.Tiles(), nil }
