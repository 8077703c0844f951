package server

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"
)

// ObjectStore is an instance of versitygw, an S3 server that keeps objects as files.
type ObjectStore struct {
	*Process
	Root      string // folder of the buckets
	AccessKey string
	SecretKey string
	port      int
	buckets   atomic.Int64
}

// versitygw is where .ci/setup puts the server.
const versitygw = "lienthong/tools/versitygw-v1.8.0/versitygw"

// S3 starts an instance that ends with the test.
func S3(t testing.TB) *ObjectStore {
	t.Helper()
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	program := Program(t, ".ci/setup installs it", filepath.Join(cache, versitygw))
	folder := t.TempDir()
	s := &ObjectStore{
		Root: filepath.Join(folder, "buckets"), AccessKey: "test", SecretKey: "test-secret-key", port: FreePort(t),
	}
	versions := filepath.Join(folder, "versions")
	for _, dir := range []string{s.Root, versions} {
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	s.Process = Run(t, Options{
		Path: program, Dir: folder,
		Args: []string{"--port", s.Address(), "--health", "/healthy", "--quiet", "--keep-alive", "posix", "--versioning-dir", versions, s.Root},
		Env:  []string{"ROOT_ACCESS_KEY=" + s.AccessKey, "ROOT_SECRET_KEY=" + s.SecretKey, "HOME=" + folder},
		Ready: func() error {
			client := http.Client{Timeout: time.Second}
			answer, err := client.Get("http://" + s.Address() + "/healthy") //nolint:noctx // it has a limit
			if err != nil {
				return err
			}
			defer answer.Body.Close()
			if name := answer.Header.Get("Server"); name != "VERSITYGW" {
				return fmt.Errorf("another server answers: %q", name)
			}
			return nil
		},
	})
	return s
}

// Address is where the server listens, host:port.
func (s *ObjectStore) Address() string { return fmt.Sprintf("127.0.0.1:%d", s.port) }

// Bucket makes an empty bucket and returns its address.
func (s *ObjectStore) Bucket(t testing.TB) string {
	t.Helper()
	name := fmt.Sprintf("bucket-%d", s.buckets.Add(1))
	if err := os.Mkdir(filepath.Join(s.Root, name), 0o700); err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("http://%s/%s", s.Address(), name)
}

// KeyFile writes the keys as the hub reads them: the access key in the first line, the
// secret key in the second.
func (s *ObjectStore) KeyFile(t testing.TB) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "objects-key")
	if err := os.WriteFile(path, []byte(s.AccessKey+"\n"+s.SecretKey+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
