package s3

import (
	"context"
	"crypto/sha256"
	"errors"
	"hash"
	"io"
	"os"
	"sync"

	"github.com/minio/minio-go/v7"

	"github.com/lienthong/lienthong/hub"
)

// OpenBlob opens content; KindNotFound when it is absent.
func (s *Store) OpenBlob(ctx context.Context, digest hub.Digest) (hub.Blob, error) {
	b, err := s.open(ctx, digest)
	if isAbsent(err) {
		return nil, hub.Errorf(hub.KindNotFound, "sha256", "", "there is no content with the SHA-256 %s", digest)
	}
	if err != nil {
		return nil, failure("open content", err)
	}
	return b, nil
}

func (s *Store) open(ctx context.Context, digest hub.Digest) (*blob, error) {
	// One call: the answer has the size at its head and the content behind it.
	body, info, _, err := minio.Core{Client: s.client}.GetObject(ctx, s.bucket, s.key(digest), minio.GetObjectOptions{})
	if err != nil {
		return nil, err
	}
	return &blob{store: s, ctx: ctx, body: body, key: verifiedKey{digest, info.Size, info.ETag}, hash: sha256.New()}, nil
}

// blob is one content open for reading. Reading from the start to the end streams and
// hashes on the way. Any other access first brings the whole content here and verifies
// it: into memory when it is small, else into a file without a name.
type blob struct {
	store  *Store
	ctx    context.Context //nolint:containedctx // of the request that reads
	body   io.ReadCloser   // the content from the start, nil when it was closed
	read   int64           // bytes taken from body
	key    verifiedKey
	hash   hash.Hash // of what was taken from body
	offset int64     // position of Read
	local  local     // nil until it is needed
}

// local is verified content on this machine.
type local interface {
	io.ReaderAt
	io.Closer
}

// Size implements hub.Blob.
func (b *blob) Size() int64 { return b.key.size }

// Close implements io.Closer.
func (b *blob) Close() error {
	var errs []error
	if b.body != nil {
		errs = append(errs, b.body.Close())
	}
	if b.local != nil {
		errs = append(errs, b.local.Close())
	}
	return errors.Join(errs...)
}

// Read implements io.Reader. The last bytes are only passed on once the digest of all
// of them was found right.
func (b *blob) Read(p []byte) (int, error) {
	if b.local != nil || b.offset != b.read || b.body == nil {
		n, err := b.ReadAt(p, b.offset)
		b.offset += int64(n)
		return n, err
	}
	n, err := b.body.Read(p)
	b.hash.Write(p[:n])
	b.read += int64(n)
	b.offset = b.read
	ended := errors.Is(err, io.EOF)
	switch {
	case err != nil && !ended && !errors.Is(err, io.ErrUnexpectedEOF):
		return n, failure("read content", err)
	case err == nil && b.read < b.Size():
		return n, nil
	}
	if !ended && b.read == b.Size() { // nothing may follow
		var more [1]byte
		extra, next := b.body.Read(more[:])
		ended = extra == 0 && errors.Is(next, io.EOF)
	}
	if !ended || hub.Digest(b.hash.Sum(nil)) != b.key.digest {
		return 0, b.damaged()
	}
	b.store.verified.add(b.key)
	return n, err
}

func (b *blob) damaged() error {
	b.store.Log.Error("stored content is damaged", "sha256", b.key.digest.String(), "bucket", b.store.bucket)
	return hub.Internal("read content "+b.key.digest.String(), hub.ErrDamaged)
}

// ReadAt implements io.ReaderAt.
func (b *blob) ReadAt(p []byte, off int64) (int, error) {
	if b.local == nil {
		if err := b.fetch(); err != nil {
			return 0, err
		}
	}
	return b.local.ReadAt(p, off)
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
	if offset < 0 {
		return 0, hub.Internal("seek in content: before its start", nil)
	}
	b.offset = offset
	return offset, nil
}

// fetch brings the whole content here and verifies it.
func (b *blob) fetch() error {
	body := b.body
	if b.read > 0 || body == nil { // the stream has gone on: a new one is needed
		again, err := b.store.open(b.ctx, b.key.digest)
		if err != nil {
			return failure("read content", err)
		}
		defer func() { _ = again.Close() }() // was only read
		body = again.body
	}
	copied, err := b.bring(body)
	if err != nil {
		return err
	}
	b.local = copied
	if b.body != nil {
		_ = b.body.Close() // was only read
		b.body = nil
	}
	b.store.verified.add(b.key)
	return nil
}

func (b *blob) bring(body io.Reader) (local, error) {
	sum := sha256.New()
	body = io.TeeReader(io.LimitReader(body, b.Size()+1), sum)
	var copied local
	var n int64
	var err error
	if b.Size() <= smallSize {
		text := make([]byte, b.Size())
		n, err = readAll(body, text)
		copied = hub.BlobOf(text)
	} else {
		var f *os.File
		if f, err = nameless(); err != nil {
			return nil, err
		}
		n, err = io.Copy(f, body)
		copied = f
	}
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, errors.Join(failure("read content", err), copied.Close())
	}
	if n != b.Size() || hub.Digest(sum.Sum(nil)) != b.key.digest {
		return nil, errors.Join(b.damaged(), copied.Close())
	}
	return copied, nil
}

// readAll fills p and counts a byte more when one follows.
func readAll(r io.Reader, p []byte) (int64, error) {
	n, err := io.ReadFull(r, p)
	if err != nil && !errors.Is(err, io.EOF) {
		return int64(n), err
	}
	more, err := io.Copy(io.Discard, r)
	return int64(n) + more, err
}

// nameless is a file that ends with its last user.
func nameless() (*os.File, error) {
	f, err := os.CreateTemp("", "lienthong-*")
	if err != nil {
		return nil, &hub.Error{Kind: hub.KindUnavailable, Message: "there is no room for temporary files", Err: err}
	}
	return f, os.Remove(f.Name())
}

// verifiedKey names one state of one object.
type verifiedKey struct {
	digest hub.Digest
	size   int64
	etag   string
}

// verifiedSet remembers which objects were verified. It is bounded: when full it
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
