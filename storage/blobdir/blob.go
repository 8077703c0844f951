package blobdir

import (
	"context"
	"crypto/sha256"
	"errors"
	"hash"
	"io"
	"io/fs"
	"os"
	"sync"
	"time"

	"github.com/lienthong/lienthong/hub"
)

// OpenBlob opens content; KindNotFound when it is absent.
func (d *Dir) OpenBlob(_ context.Context, digest hub.Digest) (hub.Blob, error) {
	b, err := d.open(digest)
	if errors.Is(err, fs.ErrNotExist) {
		if b, err = d.openFile(digest, d.removedPath(digest)); err != nil {
			b, err = d.open(digest) // back in its place, if it was on the way out
		}
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, noContent(digest)
	case err != nil:
		return nil, failure("open content", err)
	}
	return b, nil
}

func noContent(digest hub.Digest) error {
	return hub.Errorf(hub.KindNotFound, "sha256", "", "there is no content with the SHA-256 %s", digest)
}

func (d *Dir) open(digest hub.Digest) (*blob, error) {
	return d.openFile(digest, d.objectPath(digest))
}

func (d *Dir) openFile(digest hub.Digest, path string) (*blob, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return &blob{dir: d, file: f, key: verifiedKey{digest, info.Size(), info.ModTime()}, hash: sha256.New()}, nil
}

// blob is one content open for reading. Reading from the start to the end hashes
// on the way; any other access verifies the whole content first, once per file.
type blob struct {
	dir    *Dir
	file   *os.File
	key    verifiedKey
	hash   hash.Hash // of what Read has passed on since the start
	offset int64     // position of Read
	sought bool      // Read has not come here from the start
}

// Size implements hub.Blob.
func (b *blob) Size() int64 { return b.key.size }

// Close implements io.Closer.
func (b *blob) Close() error { return b.file.Close() }

// Read implements io.Reader. The last bytes are only passed on once the digest of
// all of them was found right.
func (b *blob) Read(p []byte) (int, error) {
	if b.sought {
		if err := b.verify(); err != nil {
			return 0, err
		}
	}
	n, err := b.file.ReadAt(p, b.offset)
	b.offset += int64(n)
	switch {
	case err != nil && !errors.Is(err, io.EOF):
		return n, failure("read content", err)
	case b.sought:
		return n, err
	}
	b.hash.Write(p[:n])
	if err != nil || b.offset >= b.Size() {
		if hub.Digest(b.hash.Sum(nil)) != b.key.digest {
			return 0, b.damaged()
		}
		b.dir.verified.add(b.key)
	}
	return n, err
}

func (b *blob) damaged() error {
	b.dir.Log.Error("stored content is damaged", "sha256", b.key.digest.String(), "path", b.file.Name())
	return hub.Internal("read content "+b.key.digest.String(), hub.ErrDamaged)
}

// ReadAt implements io.ReaderAt.
func (b *blob) ReadAt(p []byte, off int64) (int, error) {
	if err := b.verify(); err != nil {
		return 0, err
	}
	n, err := b.file.ReadAt(p, off)
	if err != nil && !errors.Is(err, io.EOF) {
		err = failure("read content", err)
	}
	return n, err
}

// Seek implements io.Seeker. It reads nothing: to seek to the end and back is how
// callers ask for the size.
func (b *blob) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekStart:
	case io.SeekCurrent:
		offset += b.offset
	case io.SeekEnd:
		offset += b.Size()
	default:
		return 0, hub.Internal("seek in content: no such origin", nil)
	}
	switch {
	case offset < 0:
		return 0, hub.Internal("seek in content: before its start", nil)
	case offset == 0:
		b.hash.Reset()
		b.sought = false
	case offset != b.offset:
		b.sought = true
	}
	b.offset = offset
	return offset, nil
}

// verify hashes the whole content unless that was done since the file was last
// changed.
func (b *blob) verify() error {
	if b.dir.verified.has(b.key) {
		return nil
	}
	sum := sha256.New()
	content := io.NewSectionReader(b.file, 0, b.Size())
	if _, err := io.CopyBuffer(sum, struct{ io.Reader }{content}, make([]byte, bufferSize)); err != nil {
		return failure("verify content", err)
	}
	if hub.Digest(sum.Sum(nil)) != b.key.digest {
		return b.damaged()
	}
	b.dir.verified.add(b.key)
	return nil
}

// verifiedKey names one state of one file.
type verifiedKey struct {
	digest   hub.Digest
	size     int64
	modified time.Time
}

// verifiedSet remembers which files were verified. It is bounded: when full it
// starts anew, which costs one more verification and nothing else.
type verifiedSet struct {
	mu  sync.Mutex
	set map[verifiedKey]struct{}
}

const maxVerified = 4096

func (v *verifiedSet) has(k verifiedKey) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	_, ok := v.set[k]
	return ok
}

func (v *verifiedSet) add(k verifiedKey) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.set == nil || len(v.set) >= maxVerified {
		v.set = make(map[verifiedKey]struct{})
	}
	v.set[k] = struct{}{}
}
