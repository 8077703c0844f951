package s3

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"io"
	"io/fs"
	"sync"

	"github.com/minio/minio-go/v7"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/storage/internal/together"
)

// maxTile bounds a tile: 256 entries of at most 64 KiB with their lengths.
const maxTile = 256 * (64<<10 + 2)

// Tiles keeps the files of a log in the bucket of the originals, below "log/".
type Tiles struct {
	store *Store
	stays sync.Once // says that versions stay
}

// Tiles returns the place of the log.
func (s *Store) Tiles() *Tiles { return &Tiles{store: s} }

// key refuses names that lead elsewhere.
func (t *Tiles) key(name string) (string, error) {
	if !fs.ValidPath(name) || name == "." {
		return "", hub.Invalid("tile", "name", "%.80q is not the name of a tile", name)
	}
	return t.store.prefix + "log/" + name, nil
}

// Tile reads a tile; KindNotFound when there is none.
func (t *Tiles) Tile(ctx context.Context, name string) ([]byte, error) {
	key, err := t.key(name)
	if err != nil {
		return nil, err
	}
	object, err := t.store.client.GetObject(ctx, t.store.bucket, key, minio.GetObjectOptions{})
	if err != nil {
		return nil, failure("read a tile", err)
	}
	defer object.Close() //nolint:errcheck // was only read
	data, err := io.ReadAll(io.LimitReader(object, maxTile+1))
	switch {
	case isAbsent(err):
		return nil, hub.Errorf(hub.KindNotFound, "tile", "", "there is no %s in the log", name)
	case err != nil:
		return nil, failure("read a tile", err)
	case len(data) > maxTile:
		return nil, hub.Errorf(hub.KindInternal, "tile", "damaged", "the tile %s is longer than a tile can be", name)
	}
	return data, nil
}

// PutTiles stores tiles durably before it returns. One that is there with other bytes
// is KindConflict.
func (t *Tiles) PutTiles(ctx context.Context, tiles []hub.LogTile) error {
	return together.Each(len(tiles), func(i int) error { return t.putOne(ctx, &tiles[i]) })
}

func (t *Tiles) putOne(ctx context.Context, tile *hub.LogTile) error {
	key, err := t.key(tile.Name)
	if err != nil {
		return err
	}
	_, err = t.store.checked.PutObject(ctx, t.store.bucket, key, bytes.NewReader(tile.Data), int64(len(tile.Data)), conditional(checksummed(tile.Data)))
	if !isTaken(err) {
		if err != nil {
			return failure("write a tile", err)
		}
		return nil
	}
	there, err := t.Tile(ctx, tile.Name)
	if err != nil {
		return err
	}
	if !bytes.Equal(there, tile.Data) {
		return hub.Errorf(hub.KindConflict, "tile", "differs", "the tile %s is there with other bytes", tile.Name)
	}
	return nil
}

// PutHead replaces a file that changes. A bucket that keeps versions keeps no older one:
// a year would leave millions, and each tells less than the next.
func (t *Tiles) PutHead(ctx context.Context, head hub.LogTile) error {
	key, err := t.key(head.Name)
	if err != nil {
		return err
	}
	put, err := t.store.checked.PutObject(ctx, t.store.bucket, key, bytes.NewReader(head.Data), int64(len(head.Data)), checksummed(head.Data))
	if err != nil {
		return failure("write a checkpoint", err)
	}
	if put.VersionID == "" {
		return nil
	}
	if err := t.dropOlder(ctx, key, put.VersionID); err != nil { // the checkpoint stands all the same
		t.stays.Do(func() {
			t.store.Log.WarnContext(ctx, "older versions of a checkpoint stay; said once", "key", key, "error", err)
		})
	}
	return nil
}

// dropOlder removes all versions of a key but one.
func (t *Tiles) dropOlder(ctx context.Context, key, kept string) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	for o := range t.store.client.ListObjects(ctx, t.store.bucket, minio.ListObjectsOptions{Prefix: key, Recursive: true, WithVersions: true}) {
		if o.Err != nil {
			return failure("list versions", o.Err)
		}
		if o.Key != key || o.VersionID == kept {
			continue
		}
		if err := t.store.removeVersion(ctx, key, o.VersionID); err != nil {
			return err
		}
	}
	return nil
}

// checksummed lets the store compare what it received. Tiles are under no lock: a
// partial one may go.
func checksummed(data []byte) minio.PutObjectOptions {
	digest := sha256.Sum256(data)
	return minio.PutObjectOptions{
		ContentType: "application/octet-stream", DisableMultipart: true,
		UserMetadata: map[string]string{"x-amz-checksum-sha256": base64.StdEncoding.EncodeToString(digest[:])},
	}
}

// DropPartial removes the partial tiles of a tile that is full now.
func (t *Tiles) DropPartial(ctx context.Context, name string) error {
	key, err := t.key(name)
	if err != nil {
		return err
	}
	return t.store.removeAll(ctx, key+".p/")
}
