package blobdir

import (
	"context"
	"crypto/sha256"
	"errors"
	"hash"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/storage/internal/fault"
)

// CreateBlob opens a writer for new content. Writing stops when ctx ends.
func (d *Dir) CreateBlob(ctx context.Context) (hub.BlobWriter, error) {
	f, err := os.CreateTemp(d.path(temporaryFolder(d.created.Add(1))), "blob-*")
	if err != nil {
		return nil, failure("create a temporary file", err)
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
		return n, failure("write content", err)
	}
	return n, nil
}

// Commit implements hub.BlobWriter.
func (w *writer) Commit() (hub.Digest, int64, error) {
	if w.done {
		return hub.Digest{}, 0, hub.Internal("commit of a writer that has ended", nil)
	}
	w.done = true
	digest := hub.Digest(w.hash.Sum(nil))
	if fault.RowBeforeObject {
		time.AfterFunc(200*time.Millisecond, func() { _ = w.dir.place(w.file, digest, w.size) })
		return digest, w.size, nil
	}
	if err := w.dir.place(w.file, digest, w.size); err != nil {
		_ = os.Remove(w.file.Name()) // a leftover is swept
		return hub.Digest{}, 0, err
	}
	return digest, w.size, nil
}

// Discard implements hub.BlobWriter.
func (w *writer) Discard() {
	if !w.done {
		w.done = true
		w.file.Close()
		_ = os.Remove(w.file.Name()) // a leftover is swept
	}
}

// place moves a finished file durably to where its digest belongs, or removes it
// when its content is there already. It closes the file. On an error the file
// stays where it was.
func (d *Dir) place(f *os.File, digest hub.Digest, size int64) error {
	defer f.Close()
	present, err := d.present(digest, size)
	if err == nil && present {
		present, err = d.renew(digest)
	}
	if err != nil {
		return err
	}
	if present {
		_ = os.Remove(f.Name()) // a leftover is swept
	} else if err := d.move(f, digest, size); err != nil {
		return err
	}
	// Also when another call put the content there: it may not have got this far.
	d.syncFolder(filepath.Dir(d.objectPath(digest)))
	return nil
}

func (d *Dir) move(f *os.File, digest hub.Digest, size int64) error {
	d.syncFile(f)
	now := d.Now() // staged bytes may be days old
	if err := os.Chtimes(f.Name(), now, now); err != nil {
		return failure("put content in place", err)
	}
	if err := os.Rename(f.Name(), d.objectPath(digest)); err != nil {
		return failure("put content in place", err)
	}
	if info, err := f.Stat(); err == nil {
		d.verified.add(verifiedKey{digest, size, info.ModTime()}) // hashed on its way in
	}
	return nil
}

// present reports whether sound content is in place. A damaged file is kept under
// another name, as the proof, and reported as absent so that it is replaced.
func (d *Dir) present(digest hub.Digest, size int64) (bool, error) {
	b, err := d.open(digest)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return false, nil
	case err != nil:
		return false, failure("look for content", err)
	}
	defer func() { _ = b.Close() }() // was only read
	switch err := b.verify(); {
	case err == nil && b.Size() == size:
		return true, nil
	case err != nil && !errors.Is(err, hub.ErrDamaged):
		return false, err
	}
	target := d.objectPath(digest)
	if err := os.Link(target, target+".damaged"); err != nil && !errors.Is(err, fs.ErrExist) {
		return false, failure("keep damaged content", err)
	}
	return false, nil
}
