// Package blobdir keeps content in a folder, addressed by its SHA-256.
//
// Content is durable when Commit returns: written to a temporary file of the
// same file system, synchronised, linked to its place, and the folder
// synchronised. Nothing that is in place is ever changed. Reading verifies: a
// byte that rotted on disk is an error and never passed on as good.
//
// A failed synchronisation is not an error that can be tried again, since the
// kernel may have dropped the data: Fatal is called, which must end the process.
package blobdir

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/storage/internal/fault"
)

// Options configure a folder.
type Options struct {
	Dir string
	Log *slog.Logger
	// Fatal is called with the cause when a synchronisation failed and MUST NOT
	// return. Without it the process panics.
	Fatal func(error)
}

// Dir is a blob store in a folder. It is safe for concurrent use by one process.
type Dir struct {
	root     string
	log      *slog.Logger
	fatal    func(error)
	verified verifiedSet
}

// staleAfter is the age from which an unfinished file is taken for the leftover
// of a crash.
const staleAfter = 24 * time.Hour

// Open prepares the folder and removes leftovers of crashes.
func Open(o Options) (*Dir, error) {
	d := &Dir{root: o.Dir, log: o.Log, fatal: o.Fatal}
	if d.log == nil {
		d.log = slog.Default()
	}
	if d.fatal == nil {
		d.fatal = func(err error) { panic("blobdir: a synchronisation failed, content may be lost: " + err.Error()) }
	}
	if err := d.makeFolders(); err != nil {
		return nil, d.failure("create the blob folders", err)
	}
	return d, d.sweep()
}

// makeFolders creates the fixed set of folders, durably: later only files come
// and go, and one folder's entry is all that a commit must synchronise.
func (d *Dir) makeFolders() error {
	folders := []string{d.path("temporary"), d.path("staged")}
	for i := range 256 {
		folders = append(folders, d.path("objects", fmt.Sprintf("%02x", i)))
	}
	for _, folder := range folders {
		if err := os.MkdirAll(folder, 0o700); err != nil {
			return err
		}
	}
	for _, parent := range []string{d.path("objects"), d.root, filepath.Dir(filepath.Clean(d.root))} {
		d.syncDir(parent)
	}
	return nil
}

func (d *Dir) path(elements ...string) string {
	return filepath.Join(append([]string{d.root}, elements...)...)
}

func (d *Dir) sweep() error {
	entries, err := os.ReadDir(d.path("temporary"))
	if err != nil {
		return hub.Internal("read the folder of temporary files", err)
	}
	for _, e := range entries {
		info, err := e.Info()
		if err == nil && time.Since(info.ModTime()) > staleAfter {
			_ = os.Remove(d.path("temporary", e.Name())) // the next start tries again
		}
	}
	return nil
}

// objectPath is where content lives: objects/aa/aabb...
func (d *Dir) objectPath(digest hub.Digest) string {
	name := digest.String()
	return d.path("objects", name[:2], name)
}

// bufferSize is that of copies; large writes keep system calls few.
const bufferSize = 256 << 10

// CreateBlob opens a writer for new content.
func (d *Dir) CreateBlob(ctx context.Context) (hub.BlobWriter, error) {
	f, err := os.CreateTemp(d.path("temporary"), "blob-*")
	if err != nil {
		return nil, d.failure("create a temporary file", err)
	}
	return &writer{dir: d, ctx: ctx, file: f, hash: sha256.New()}, nil
}

// writer is one content on its way in.
type writer struct {
	dir  *Dir
	ctx  context.Context //nolint:containedctx // a writer lives as long as the request that writes
	file *os.File
	hash hash.Hash
	size int64
	done bool
}

// Write implements io.Writer.
func (w *writer) Write(p []byte) (int, error) {
	if err := w.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := w.file.Write(p)
	w.hash.Write(p[:n])
	w.size += int64(n)
	if err != nil {
		return n, w.dir.failure("write content", err)
	}
	return n, nil
}

// Commit implements hub.BlobWriter.
func (w *writer) Commit() (hub.Digest, int64, error) {
	if w.done {
		return hub.Digest{}, 0, hub.Internal("commit of an ended writer", nil)
	}
	w.done = true
	digest := hub.Digest(w.hash.Sum(nil))
	return digest, w.size, w.dir.place(w.file, digest, w.size)
}

// Discard implements hub.BlobWriter.
func (w *writer) Discard() {
	if !w.done {
		w.done = true
		w.file.Close()
		_ = os.Remove(w.file.Name()) // a leftover is swept
	}
}

// place makes a finished temporary file durable under its digest and closes it.
func (d *Dir) place(f *os.File, digest hub.Digest, size int64) error {
	if fault.RowBeforeObject {
		time.AfterFunc(200*time.Millisecond, func() { _ = d.placeNow(f, digest, size) })
		return nil
	}
	return d.placeNow(f, digest, size)
}

func (d *Dir) placeNow(f *os.File, digest hub.Digest, size int64) error {
	defer os.Remove(f.Name())
	defer f.Close()
	target := d.objectPath(digest)
	if present, err := d.present(target, size); present || err != nil {
		return err
	}
	if !fault.NoBlobSync {
		if err := f.Sync(); err != nil {
			d.fatal(err)
		}
	}
	if err := os.Link(f.Name(), target); err != nil && !errors.Is(err, fs.ErrExist) {
		return d.failure("put content in place", err)
	}
	d.syncDir(filepath.Dir(target))
	if info, err := f.Stat(); err == nil {
		d.verified.add(verifiedKey{digest, size, info.ModTime()}) // hashed on its way in
	}
	return nil
}

// present reports whether the content is in place already. A file of another
// size under the same digest is damage: it is set aside and written anew.
func (d *Dir) present(target string, size int64) (bool, error) {
	info, err := os.Stat(target)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return false, nil
	case err != nil:
		return false, d.failure("look for content", err)
	case info.Size() == size:
		// Whoever put it there may not have synchronised the folder yet.
		d.syncDir(filepath.Dir(target))
		return true, nil
	}
	d.log.Error("damaged content is replaced", "path", target, "size", info.Size(), "want", size)
	if err := os.Rename(target, target+".damaged"); err != nil {
		return false, d.failure("set damaged content aside", err)
	}
	return false, nil
}

// syncDir makes the entries of a folder durable.
func (d *Dir) syncDir(dir string) {
	if fault.NoDirSync {
		return
	}
	f, err := os.Open(dir)
	if err == nil {
		err = errors.Join(f.Sync(), f.Close())
	}
	if err != nil {
		d.fatal(err)
	}
}

// failure wraps an error of the file system: a full disk is temporary.
func (d *Dir) failure(doing string, err error) error {
	if isFull(err) {
		return &hub.Error{Kind: hub.KindUnavailable, Message: "the hub's storage is full", RetryAfter: time.Minute, Err: err}
	}
	return hub.Internal(doing, err)
}

// OpenBlob opens content; KindNotFound when it is absent.
func (d *Dir) OpenBlob(_ context.Context, digest hub.Digest) (hub.Blob, error) {
	f, err := os.Open(d.objectPath(digest))
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return nil, hub.Errorf(hub.KindNotFound, "sha256", "", "there is no content with the SHA-256 %s", digest)
		}
		return nil, d.failure("open content", err)
	}
	info, err := f.Stat()
	if err != nil {
		f.Close()
		return nil, d.failure("open content", err)
	}
	return &blob{dir: d, file: f, digest: digest, info: info, hash: sha256.New()}, nil
}

// validStagedID keeps ids of staged bytes from being paths.
func validStagedID(id string) bool {
	return id != "" && len(id) <= 200 && !strings.ContainsFunc(id, func(r rune) bool {
		return (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && r != '-' && r != '_'
	})
}

func (d *Dir) stagedPath(id string) (string, error) {
	if !validStagedID(id) {
		return "", hub.Internal("staged bytes under an impossible id", nil)
	}
	return d.path("staged", id), nil
}

// AppendStaged adds bytes to the staged ones at their end.
func (d *Dir) AppendStaged(ctx context.Context, id string, offset int64, r io.Reader) (int64, error) {
	path, err := d.stagedPath(id)
	if err != nil {
		return 0, err
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return 0, d.failure("open staged bytes", err)
	}
	defer f.Close()
	end, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		return 0, d.failure("open staged bytes", err)
	}
	if end != offset {
		return end, hub.Errorf(hub.KindConflict, "upload_offset", "offset", "the part has %d bytes, go on from there", end)
	}
	n, readErr := io.CopyBuffer(struct{ io.Writer }{f}, &contextReader{ctx, r}, make([]byte, bufferSize))
	if err := f.Sync(); err != nil {
		d.fatal(err)
	}
	d.syncDir(d.path("staged"))
	return offset + n, readErr
}

// contextReader stops reading when the request has ended.
type contextReader struct {
	ctx context.Context //nolint:containedctx // lives within one call
	r   io.Reader
}

// Read implements io.Reader.
func (c *contextReader) Read(p []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	return c.r.Read(p)
}

// StagedSize returns how many bytes are staged; 0 when there are none.
func (d *Dir) StagedSize(_ context.Context, id string) (int64, error) {
	path, err := d.stagedPath(id)
	if err != nil {
		return 0, err
	}
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return 0, nil
	case err != nil:
		return 0, d.failure("look for staged bytes", err)
	}
	return info.Size(), nil
}

// CommitStaged moves the staged bytes into the store and returns their digest.
func (d *Dir) CommitStaged(ctx context.Context, id string) (hub.Digest, int64, error) {
	path, err := d.stagedPath(id)
	if err != nil {
		return hub.Digest{}, 0, err
	}
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		f, err = os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	}
	if err != nil {
		return hub.Digest{}, 0, d.failure("open staged bytes", err)
	}
	digest := sha256.New()
	size, err := io.CopyBuffer(digest, &contextReader{ctx, struct{ io.Reader }{f}}, make([]byte, bufferSize))
	if err != nil {
		f.Close()
		return hub.Digest{}, 0, d.failure("read staged bytes", err)
	}
	sum := hub.Digest(digest.Sum(nil))
	return sum, size, d.placeNow(f, sum, size)
}

// DiscardStaged removes staged bytes; none is no error.
func (d *Dir) DiscardStaged(_ context.Context, id string) error {
	path, err := d.stagedPath(id)
	if err != nil {
		return err
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return d.failure("remove staged bytes", err)
	}
	return nil
}
