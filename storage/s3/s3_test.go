package s3_test

import (
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/hub/hubtest/server"
	"github.com/lienthong/lienthong/storage/s3"
	"github.com/lienthong/lienthong/storage/storagetest"
)

// bucket is a store with the place of its objects on the disk of the server.
type bucket struct {
	*s3.Store
	url    string
	server *server.ObjectStore
}

func open(t testing.TB, srv *server.ObjectStore, address string) *bucket {
	t.Helper()
	s, err := s3.Open(t.Context(), s3.Options{
		URL:  address,
		Keys: func() (string, string, error) { return srv.AccessKey, srv.SecretKey, nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	return &bucket{s, address, srv}
}

// folder is where the server keeps the bucket.
func (b *bucket) folder(t testing.TB) string {
	t.Helper()
	u, err := url.Parse(b.url)
	if err != nil {
		t.Fatal(err)
	}
	name, _, _ := strings.Cut(strings.Trim(u.Path, "/"), "/")
	return filepath.Join(b.server.Root, name)
}

// files are all objects of the bucket as files.
func (b *bucket) files(t testing.TB) []string {
	t.Helper()
	var all []string
	err := filepath.WalkDir(b.folder(t), func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() && !strings.Contains(path, ".sgwtmp") {
			all = append(all, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func (b *bucket) file(t testing.TB, digest hub.Digest) string {
	t.Helper()
	for _, path := range b.files(t) {
		if filepath.Base(path) == digest.String() {
			return path
		}
	}
	t.Fatalf("no object of %s", digest)
	return ""
}

// client talks to the server without the store.
func (b *bucket) client(t testing.TB) (client *minio.Client, name string) {
	t.Helper()
	client, err := minio.New(b.server.Address(), &minio.Options{Creds: credentials.NewStaticV4(b.server.AccessKey, b.server.SecretKey, "")})
	if err != nil {
		t.Fatal(err)
	}
	return client, filepath.Base(b.folder(t))
}

func (b *bucket) keepVersions(t testing.TB) error {
	t.Helper()
	client, name := b.client(t)
	return client.EnableVersioning(t.Context(), name)
}

// versions counts the versions of a key.
func (b *bucket) versions(t testing.TB, key string) int {
	t.Helper()
	client, name := b.client(t)
	n := 0
	for o := range client.ListObjects(t.Context(), name, minio.ListObjectsOptions{Prefix: key, Recursive: true, WithVersions: true}) {
		if o.Err != nil {
			t.Fatal(o.Err)
		}
		n++
	}
	return n
}

// TestConformance runs what every store of content promises, against a real server.
func TestConformance(t *testing.T) {
	srv := server.S3(t)
	t.Run("all", func(t *testing.T) { // its parallel tests end before the server does
		storagetest.RunBlobs(t, storagetest.BlobBackend{
			Open:   func(t *testing.T) storagetest.Blobs { return open(t, srv, srv.Bucket(t)) },
			Reopen: func(t *testing.T, s storagetest.Blobs) storagetest.Blobs { return open(t, srv, s.(*bucket).url) },
			Damage: func(t *testing.T, s storagetest.Blobs, digest hub.Digest, change func([]byte) []byte) {
				path := s.(*bucket).file(t, digest)
				body, err := os.ReadFile(path)
				if err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(path, change(body), 0o600); err != nil {
					t.Fatal(err)
				}
			},
			Count: func(t *testing.T, s storagetest.Blobs) int { return len(s.(*bucket).files(t)) },
		})
	})
}

// TestTiles runs what every place for a log promises, against a real server.
func TestTiles(t *testing.T) {
	srv := server.S3(t)
	b := open(t, srv, srv.Bucket(t))
	storagetest.RunTiles(t, b.Tiles())
	if err := b.keepVersions(t); err != nil {
		t.Fatal(err)
	}
	tiles := b.Tiles()
	for _, text := range []string{"three", "four", "five"} {
		if err := tiles.PutHead(t.Context(), hub.LogTile{Name: "2026/checkpoint", Data: []byte(text)}); err != nil {
			t.Fatal(err)
		}
	}
	if head, err := tiles.Tile(t.Context(), "2026/checkpoint"); err != nil || string(head) != "five" {
		t.Errorf("the checkpoint is %q, %v", head, err)
	}
	if n := b.versions(t, "log/2026/checkpoint"); n != 1 {
		t.Errorf("there are %d versions of the checkpoint", n)
	}
	if infos, err := b.BlobInfos(t.Context(), hub.Digest{}, 10); err != nil || len(infos) != 0 {
		t.Errorf("files of the log count as originals: %v, %v", infos, err)
	}
}
