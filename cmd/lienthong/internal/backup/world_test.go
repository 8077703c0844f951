package backup_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/lienthong/lienthong/cmd/lienthong/internal/backup"
	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/storage/blobdir"
	"github.com/lienthong/lienthong/storage/sqlite"
	"github.com/lienthong/lienthong/storage/storagetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// stores are those of an embedded hub.
type stores struct {
	*sqlite.Store
	*blobdir.Dir
	t *testing.T
	m *storagetest.Maker
}

func newStores(t *testing.T) *stores {
	t.Helper()
	dir := t.TempDir()
	state, err := sqlite.Open(t.Context(), sqlite.Options{Path: filepath.Join(dir, "hub.db")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { state.Close() })
	content, err := blobdir.Open(blobdir.Options{Dir: filepath.Join(dir, "blobs")})
	if err != nil {
		t.Fatal(err)
	}
	return &stores{Store: state, Dir: content, t: t, m: storagetest.NewMaker()}
}

// keep stores content.
func (s *stores) keep(content []byte) (hub.Digest, int64) {
	s.t.Helper()
	w, err := s.CreateBlob(s.t.Context())
	if err != nil {
		s.t.Fatal(err)
	}
	defer w.Discard()
	if _, err := w.Write(content); err != nil {
		s.t.Fatal(err)
	}
	digest, size, err := w.Commit()
	if err != nil {
		s.t.Fatal(err)
	}
	return digest, size
}

// accept stores dispatches with an original and an envelope each.
func (s *stores) accept(count int) (last hub.Dispatch) {
	s.t.Helper()
	for range count {
		a := s.m.Acceptance("r1", "r2")
		document := make([]byte, 3000)
		rand.Read(document)
		parts := []struct {
			role    hub.PartRole
			content []byte
		}{{hub.RoleOriginal, document}, {hub.RoleEnvelope, []byte(strings.Repeat(fmt.Sprintf("<edXML>%x</edXML>", document[:32]), 200))}}
		a.Dispatch.Parts = nil
		for i, p := range parts {
			digest, size := s.keep(p.content)
			a.Dispatch.Parts = append(a.Dispatch.Parts, hub.Part{ID: fmt.Sprint("p", i), Role: p.role, Size: size, Digest: digest})
		}
		if _, err := s.Accept(s.t.Context(), a); err != nil {
			s.t.Fatal(err)
		}
		last = a.Dispatch
	}
	return last
}

// records is all state as text; a restore raises fences, which stand at zero here.
func (s *stores) records() string {
	s.t.Helper()
	var b strings.Builder
	err := s.Export(s.t.Context(), func(r hub.Record) error {
		fmt.Fprintf(&b, "%s %s\n", r.Kind, r.Body)
		return nil
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return strings.ReplaceAll(b.String(), `"fence":1000000,`, `"fence":0,`)
}

// vault is a repository with what writes and reads it.
type vault struct {
	t                                 *testing.T
	dir, folder, identity, recipients string
}

func newVault(t *testing.T) *vault {
	t.Helper()
	dir := t.TempDir()
	v := &vault{t, filepath.Join(dir, "repository"), dir, filepath.Join(dir, "identity.txt"), filepath.Join(dir, "recipients.txt")}
	if _, err := backup.Generate(v.identity, v.recipients, time.Now()); err != nil {
		t.Fatal(err)
	}
	return v
}

func (v *vault) writing() *backup.Repository {
	v.t.Helper()
	c, err := backup.LoadRecipients(v.recipients)
	if err != nil {
		v.t.Fatal(err)
	}
	r, err := backup.OpenOrCreate(v.dir, c)
	if err != nil {
		v.t.Fatal(err)
	}
	return r
}

func (v *vault) open(id string) (*backup.Backup, error) {
	c, err := backup.LoadIdentity(v.identity)
	if err != nil {
		return nil, err
	}
	r, err := backup.Open(v.dir, c)
	if err != nil {
		return nil, err
	}
	return r.Backup(id)
}

// options are those of a machine whose clock goes backwards.
func (v *vault) options(source backup.Source) backup.Options {
	v.t.Helper()
	n := len(v.files("backups"))
	return backup.Options{
		Source: source, Hub: "test", Version: "1", Engine: "sqlite, folder",
		Files: []backup.File{{Name: "hub.pem", Content: []byte("a secret")}},
		Now:   func() time.Time { return time.Date(2026, 3, 2, 8, 0, -n, 0, time.UTC) },
	}
}

func (v *vault) backUp(source backup.Source) (*backup.Index, *backup.Manifest) {
	v.t.Helper()
	index, manifest, err := v.writing().BackUp(v.t.Context(), v.options(source))
	if err != nil {
		v.t.Fatal(err)
	}
	return index, manifest
}

func (v *vault) restore(into backup.Target) (files []backup.File, err error) {
	b, err := v.open("")
	if err != nil {
		return nil, err
	}
	_, err = b.Restore(v.t.Context(), into, func(f backup.File) error {
		files = append(files, f)
		return nil
	}, nil)
	return files, err
}

// files lists the files below a part of the repository, with their sizes.
func (v *vault) files(part string) map[string]int64 {
	v.t.Helper()
	found := map[string]int64{}
	root := filepath.Join(v.dir, part)
	err := filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
		if os.IsNotExist(err) {
			return nil
		}
		if err != nil || e.IsDir() {
			return err
		}
		info, err := e.Info()
		if err != nil {
			return err
		}
		name, _ := filepath.Rel(v.dir, path)
		found[name] = info.Size()
		return nil
	})
	if err != nil {
		v.t.Fatal(err)
	}
	return found
}

// broken is a source whose content store fails.
type broken struct {
	*stores
	open func(hub.Digest) error
}

func (b *broken) OpenBlob(ctx context.Context, digest hub.Digest) (hub.Blob, error) {
	if err := b.open(digest); err != nil {
		return nil, err
	}
	return b.Dir.OpenBlob(ctx, digest)
}

func read(t *testing.T, open func() (io.ReadCloser, error)) string {
	t.Helper()
	r, err := open()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	content, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

func wantKind(t *testing.T, what string, kind hub.ErrorKind, err error) {
	t.Helper()
	if err == nil || hub.KindOf(err) != kind {
		t.Errorf("%s: %v, want %s", what, err, kind)
	}
}
