package floor

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/lienthong/lienthong/hub"
)

// inMemory is what a content may take of memory, in bytes; larger ones go through a
// file.
const inMemory = 1 << 20

// content is one content on its way in, received once and hashed on the way. It is
// a hub.Blob.
type content struct {
	*io.SectionReader // the bytes, wherever they are
	digest            hub.Digest
	text              []byte   // in memory, or
	file              *os.File // in a file of the spool
}

// receive reads a content; the hint is about its size, -1 when unknown.
func (f *Floor) receive(r io.Reader, hint int64) (*content, error) {
	sum := sha256.New()
	if hint < 0 || hint > inMemory {
		return f.receiveFile(io.TeeReader(r, sum), sum.Sum)
	}
	var b bytes.Buffer
	b.Grow(int(hint) + bytes.MinRead)
	if _, err := b.ReadFrom(r); err != nil {
		return nil, errors.Join(errInvalid, err)
	}
	sum.Write(b.Bytes())
	c := &content{text: b.Bytes(), digest: hub.Digest(sum.Sum(nil))}
	c.SectionReader = io.NewSectionReader(bytes.NewReader(c.text), 0, int64(len(c.text)))
	return c, nil
}

func (f *Floor) receiveFile(r io.Reader, sum func([]byte) []byte) (*content, error) {
	file, err := os.CreateTemp(f.spool, "spool-*")
	if err != nil {
		return nil, err
	}
	c := &content{file: file}
	n, err := io.CopyBuffer(struct{ io.Writer }{file}, r, make([]byte, 256<<10))
	if err != nil {
		c.discard()
		return nil, errors.Join(errInvalid, err)
	}
	c.SectionReader, c.digest = io.NewSectionReader(file, 0, n), hub.Digest(sum(nil))
	return c, nil
}

// bytes returns all of it.
func (c *content) bytes() ([]byte, error) {
	if c.file == nil {
		return c.text, nil
	}
	return io.ReadAll(io.NewSectionReader(c.file, 0, c.Size()))
}

// Close implements io.Closer.
func (*content) Close() error { return nil }

func (c *content) discard() {
	if c.file != nil {
		_ = c.file.Close()
		_ = os.Remove(c.file.Name()) // it may be in its place by now
	}
}

// disk keeps objects in folders, as the hub does without an object store.
type disk struct{ folder string }

func openDisk(folder string) (disk, error) {
	for i := range 256 {
		if err := os.MkdirAll(filepath.Join(folder, fmt.Sprintf("%02x", i)), 0o700); err != nil {
			return disk{}, err
		}
	}
	return disk{folder}, nil
}

func (d disk) path(name string) string { return filepath.Join(d.folder, name[:2], name) }

// put makes a file and its entry in the folder durable. What stands there under the
// same name after a crash was never promised and is written anew.
func (d disk) put(_ context.Context, c *content) error {
	path := d.path(c.digest.String())
	if c.file != nil {
		if err := errors.Join(c.file.Sync(), os.Rename(c.file.Name(), path)); err != nil {
			return err
		}
		return syncFolder(filepath.Dir(path))
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	if _, err = f.Write(c.text); err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	return syncFolder(filepath.Dir(path))
}

func syncFolder(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

func (d disk) read(_ context.Context, name string) (io.ReadCloser, error) {
	return os.Open(d.path(name))
}
