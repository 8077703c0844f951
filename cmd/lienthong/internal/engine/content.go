package engine

import (
	"context"
	"path/filepath"

	"github.com/lienthong/lienthong/storage/blobdir"
	"github.com/lienthong/lienthong/storage/s3"
)

// OpenContent opens the store of originals.
func OpenContent(ctx context.Context, o Options) (Content, error) {
	if o.Objects != "" {
		return s3.Open(ctx, s3.Options{
			URL: o.Objects, Region: o.ObjectsRegion, Keys: o.objectsKeys, LockDays: o.ObjectsLockDays, Log: o.Log,
		})
	}
	d, err := blobdir.Open(blobdir.Options{Dir: filepath.Join(o.DataDir, "blobs"), Log: o.Log, Fatal: o.Fatal})
	if err != nil {
		return nil, err
	}
	return folder{d}, nil
}

func (o *Options) objectsKeys() (accessKey, secretKey string, err error) {
	lines, err := secretLines(o.ObjectsKeyFile, 2)
	if err != nil {
		return "", "", err
	}
	return lines[0], lines[1], nil
}

// folder is a blob store that needs no closing and is there as long as the disk is.
type folder struct{ *blobdir.Dir }

// Close implements io.Closer.
func (folder) Close() error { return nil }
