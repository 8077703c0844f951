package hubtest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/lienthong/lienthong/hub"
)

// Blobs is all content of one hub, by SHA-256, and the staged bytes of uploads.
// The zero value is empty and ready. It is safe for concurrent use.
type Blobs struct {
	Now func() time.Time // when content is written; nil for the time of the machine

	mu       sync.Mutex
	content  map[hub.Digest][]byte
	written  map[hub.Digest]time.Time // when it was last stored
	staged   map[string][]byte
	appended map[string]time.Time // when bytes were last staged
}

// Put stores content and returns its digest.
func (b *Blobs) Put(content []byte) hub.Digest {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.content == nil {
		b.content, b.written = map[hub.Digest][]byte{}, map[hub.Digest]time.Time{}
	}
	digest := hub.Digest(sha256.Sum256(content))
	b.content[digest], b.written[digest] = bytes.Clone(content), b.now()
	return digest
}

// Damage changes one bit of stored content, as a bad disk would.
func (b *Blobs) Damage(digest hub.Digest) {
	b.mu.Lock()
	defer b.mu.Unlock()
	damaged := bytes.Clone(b.content[digest])
	damaged[len(damaged)-1] ^= 1
	b.content[digest] = damaged
}

// Remove takes content away.
func (b *Blobs) Remove(digest hub.Digest) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.content, digest)
}

// OpenBlob opens content.
func (b *Blobs) OpenBlob(_ context.Context, digest hub.Digest) (hub.Blob, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	content, ok := b.content[digest]
	if !ok {
		return nil, hub.Errorf(hub.KindNotFound, "sha256", "", "there is no content with the SHA-256 %s", digest)
	}
	return &blob{bytes.NewReader(content), sha256.Sum256(content) != digest}, nil
}

// blob gives nothing of damaged content away.
type blob struct {
	*bytes.Reader
	damaged bool
}

// Read implements io.Reader.
func (b *blob) Read(p []byte) (int, error) {
	if b.damaged {
		return 0, hub.Internal("read content", hub.ErrDamaged)
	}
	return b.Reader.Read(p)
}

// ReadAt implements io.ReaderAt.
func (b *blob) ReadAt(p []byte, off int64) (int, error) {
	if b.damaged {
		return 0, hub.Internal("read content", hub.ErrDamaged)
	}
	return b.Reader.ReadAt(p, off)
}

// Close implements io.Closer.
func (b *blob) Close() error { return nil }

// CreateBlob begins new content.
func (b *Blobs) CreateBlob(ctx context.Context) (hub.BlobWriter, error) {
	return &blobWriter{ctx: ctx, blobs: b}, nil
}

type blobWriter struct {
	ctx     context.Context //nolint:containedctx // that of the one who writes
	blobs   *Blobs
	content bytes.Buffer
	ended   bool
}

// Write implements io.Writer.
func (w *blobWriter) Write(p []byte) (int, error) {
	if err := w.ctx.Err(); err != nil {
		return 0, err
	}
	return w.content.Write(p)
}

// Commit implements hub.BlobWriter.
func (w *blobWriter) Commit() (hub.Digest, int64, error) {
	if w.ended {
		return hub.Digest{}, 0, hub.Internal("commit content twice", nil)
	}
	w.ended = true
	return w.blobs.Put(w.content.Bytes()), int64(w.content.Len()), nil
}

// Discard implements hub.BlobWriter.
func (w *blobWriter) Discard() { w.ended = true }

func checkStagingID(id string) error {
	safe := func(r rune) bool {
		return r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r == '-' || r == '_'
	}
	if id == "" || len(id) > 200 || strings.ContainsFunc(id, func(r rune) bool { return !safe(r) }) {
		return hub.Invalid("id", "staging_id", "staged bytes have an id of at most 200 letters, digits, hyphens and underscores")
	}
	return nil
}

// AppendStaged adds bytes at the end, which must be at offset.
func (b *Blobs) AppendStaged(ctx context.Context, id string, offset int64, r io.Reader) (int64, error) {
	if err := checkStagingID(id); err != nil {
		return 0, err
	}
	buffer := make([]byte, 4096)
	for {
		if err := ctx.Err(); err != nil {
			return offset, err
		}
		n, readErr := r.Read(buffer)
		end, err := b.stage(id, offset, buffer[:n])
		if err != nil {
			return end, err
		}
		offset = end
		switch {
		case errors.Is(readErr, io.EOF):
			return offset, nil
		case readErr != nil:
			return offset, readErr
		}
	}
}

func (b *Blobs) stage(id string, offset int64, more []byte) (int64, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.staged == nil {
		b.staged, b.appended = map[string][]byte{}, map[string]time.Time{}
	}
	if end := int64(len(b.staged[id])); end != offset {
		return end, hub.Errorf(hub.KindConflict, "upload_offset", "offset", "the part has %d bytes, go on from there", end)
	}
	b.staged[id], b.appended[id] = append(b.staged[id], more...), b.now()
	return offset + int64(len(more)), nil
}

// StagedSize returns how many bytes are staged; 0 when there are none.
func (b *Blobs) StagedSize(_ context.Context, id string) (int64, error) {
	if err := checkStagingID(id); err != nil {
		return 0, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	return int64(len(b.staged[id])), nil
}

// CommitStaged moves the staged bytes into the content.
func (b *Blobs) CommitStaged(ctx context.Context, id string) (hub.Digest, int64, error) {
	if err := checkStagingID(id); err != nil {
		return hub.Digest{}, 0, err
	}
	b.mu.Lock()
	staged := b.staged[id]
	b.mu.Unlock()
	return b.Put(staged), int64(len(staged)), b.DiscardStaged(ctx, id)
}

// DiscardStaged removes staged bytes; none is no error.
func (b *Blobs) DiscardStaged(_ context.Context, id string) error {
	if err := checkStagingID(id); err != nil {
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.staged, id)
	return nil
}

// Staged returns how many ids have staged bytes.
func (b *Blobs) Staged() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.staged)
}
