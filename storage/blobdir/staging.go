package blobdir

import (
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"io/fs"
	"os"
	"strings"
	"sync"

	"github.com/lienthong/lienthong/hub"
)

// claims sees to it that one call at a time changes the staged bytes of an id.
// The latest call has the claim; an earlier one finds out before its next change.
type claims struct {
	mu   sync.Mutex
	byID map[string]*claim
}

// claim is the right to change the staged bytes of one id.
type claim struct {
	all *claims
	id  string
	// changing is held while bytes change. Successive claims of an id share it as
	// long as one of them is in use.
	changing *sync.Mutex
}

// take makes the caller the one that may change the bytes of the id.
func (c *claims) take(id string) *claim {
	c.mu.Lock()
	defer c.mu.Unlock()
	mine := &claim{all: c, id: id, changing: new(sync.Mutex)}
	if earlier, ok := c.byID[id]; ok {
		mine.changing = earlier.changing
	}
	if c.byID == nil {
		c.byID = make(map[string]*claim)
	}
	c.byID[id] = mine
	return mine
}

// end gives the claim back if it is still held.
func (c *claim) end() {
	c.all.mu.Lock()
	defer c.all.mu.Unlock()
	if c.all.byID[c.id] == c {
		delete(c.all.byID, c.id)
	}
}

func (c *claim) held() bool {
	c.all.mu.Lock()
	defer c.all.mu.Unlock()
	return c.all.byID[c.id] == c
}

// change runs fn unless a later call has taken the claim over.
func (c *claim) change(fn func() error) error {
	c.changing.Lock()
	defer c.changing.Unlock()
	if !c.held() {
		return hub.Errorf(hub.KindConflict, "upload_offset", "taken_over", "a later request goes on with this part")
	}
	return fn()
}

// stagedPath returns the file of an id. Ids are names, never paths.
func (d *Dir) stagedPath(id string) (string, error) {
	safe := func(r rune) bool {
		return r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r == '-' || r == '_'
	}
	if id == "" || len(id) > 200 || strings.ContainsFunc(id, func(r rune) bool { return !safe(r) }) {
		return "", hub.Invalid("id", "staging_id", "staged bytes have an id of at most 200 letters, digits, hyphens and underscores")
	}
	return d.path("staged", id), nil
}

// AppendStaged adds bytes to the staged ones at their end, which must be at
// offset, else the error is KindConflict. It returns the new end, up to which the
// bytes are durable, also beside an error of r or of the disk.
func (d *Dir) AppendStaged(ctx context.Context, id string, offset int64, r io.Reader) (int64, error) {
	path, err := d.stagedPath(id)
	if err != nil {
		return 0, err
	}
	claim := d.staging.take(id)
	defer claim.end()
	f, end, err := d.openStaged(claim, path)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	if end != offset {
		return end, hub.Errorf(hub.KindConflict, "upload_offset", "offset", "the part has %d bytes, go on from there", end)
	}
	end, err = copyStaged(ctx, claim, f, end, r)
	d.syncFile(f)
	d.syncFolder(d.path("staged"))
	return end, err
}

func (d *Dir) openStaged(claim *claim, path string) (f *os.File, end int64, err error) {
	err = claim.change(func() error {
		if f, err = os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600); err != nil {
			return failure("open staged bytes", err)
		}
		if end, err = f.Seek(0, io.SeekEnd); err != nil {
			f.Close()
			return failure("open staged bytes", err)
		}
		return nil
	})
	return f, end, err
}

// copyStaged adds what r gives at end, and returns the new end.
func copyStaged(ctx context.Context, claim *claim, f *os.File, end int64, r io.Reader) (int64, error) {
	r = &contextReader{ctx, r}
	buffer := make([]byte, bufferSize)
	for {
		n, readErr := fill(r, buffer)
		err := claim.change(func() error {
			written, err := f.WriteAt(buffer[:n], end)
			end += int64(written)
			if err != nil {
				return failure("write staged bytes", err)
			}
			return nil
		})
		switch {
		case err != nil:
			return end, err
		case errors.Is(readErr, io.EOF):
			return end, nil
		case readErr != nil:
			return end, readErr
		}
	}
}

// fill reads until the buffer is full or r has no more, and leaves r's error as
// it is: a connection that broke is no end.
func fill(r io.Reader, buffer []byte) (n int, err error) {
	for n < len(buffer) && err == nil {
		var m int
		m, err = r.Read(buffer[n:])
		n += m
	}
	return n, err
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
		return 0, failure("look for staged bytes", err)
	}
	return info.Size(), nil
}

// CommitStaged moves the staged bytes into the store and returns their digest and
// size. Afterwards nothing is staged under the id. Without staged bytes it stores
// the empty content.
func (d *Dir) CommitStaged(ctx context.Context, id string) (hub.Digest, int64, error) {
	path, err := d.stagedPath(id)
	if err != nil {
		return hub.Digest{}, 0, err
	}
	claim := d.staging.take(id)
	defer claim.end()
	f, _, err := d.openStaged(claim, path)
	if err != nil {
		return hub.Digest{}, 0, err
	}
	sum := sha256.New()
	content := io.NewSectionReader(f, 0, 1<<62)
	size, err := io.CopyBuffer(sum, &contextReader{ctx, content}, make([]byte, bufferSize))
	if err != nil {
		f.Close()
		return hub.Digest{}, 0, failure("read staged bytes", err)
	}
	digest := hub.Digest(sum.Sum(nil))
	if err := claim.change(func() error { return d.place(f, digest, size) }); err != nil {
		f.Close()
		return hub.Digest{}, 0, err
	}
	return digest, size, nil
}

// DiscardStaged removes staged bytes; none is no error.
func (d *Dir) DiscardStaged(_ context.Context, id string) error {
	path, err := d.stagedPath(id)
	if err != nil {
		return err
	}
	claim := d.staging.take(id)
	defer claim.end()
	return claim.change(func() error {
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return failure("remove staged bytes", err)
		}
		return nil
	})
}
