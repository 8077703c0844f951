package s3

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"hash"
	"io"
	"time"

	"github.com/minio/minio-go/v7"

	"github.com/lienthong/lienthong/hub"
)

// CreateBlob opens a writer for new content. Writing stops when ctx ends.
func (s *Store) CreateBlob(ctx context.Context) (hub.BlobWriter, error) {
	return &writer{store: s, ctx: ctx, hash: sha256.New()}, nil
}

// writer is one content on its way in: in memory while it is small, then streamed to a
// place of its own.
type writer struct {
	store  *Store
	ctx    context.Context //nolint:containedctx // a writer lives as long as the request that writes
	hash   hash.Hash
	size   int64
	small  pieces
	stream *stream // nil while the content is small
	done   bool
}

// stream is large content under way to the store.
type stream struct {
	store *Store
	key   string
	pipe  *io.PipeWriter
	ended chan error // holds one answer
}

// Write implements io.Writer.
func (w *writer) Write(p []byte) (int, error) {
	if err := w.ctx.Err(); err != nil {
		return 0, err
	}
	w.hash.Write(p)
	w.size += int64(len(p))
	if w.stream == nil && w.size <= partSize {
		return w.small.Write(p)
	}
	if w.stream == nil {
		w.stream = w.store.stream(w.ctx)
		if _, err := io.Copy(w.stream.pipe, w.small.reader()); err != nil {
			return 0, failure("write content", err)
		}
		w.small = pieces{}
	}
	n, err := w.stream.pipe.Write(p)
	return n, failure("write content", err)
}

// stream begins to put what is written into a pipe.
func (s *Store) stream(ctx context.Context) *stream {
	r, pipe := io.Pipe()
	st := &stream{store: s, key: s.prefix + "incoming/" + unique(), pipe: pipe, ended: make(chan error, 1)}
	go func() {
		_, err := s.client.PutObject(ctx, s.bucket, st.key, r, -1, minio.PutObjectOptions{PartSize: partSize, NumThreads: 1})
		_ = r.CloseWithError(errors.Join(err, io.ErrClosedPipe)) // ends a write that still waits
		st.ended <- err
	}()
	return st
}

// Commit implements hub.BlobWriter.
func (w *writer) Commit() (hub.Digest, int64, error) {
	if w.done {
		return hub.Digest{}, 0, hub.Internal("commit of a writer that has ended", nil)
	}
	w.done = true
	digest := hub.Digest(w.hash.Sum(nil))
	var err error
	if w.stream == nil {
		err = w.store.place(w.ctx, digest, &w.small)
	} else {
		err = w.store.finish(w.ctx, w.stream, digest, w.size)
	}
	if err != nil {
		return hub.Digest{}, 0, err
	}
	return digest, w.size, nil
}

// Discard implements hub.BlobWriter.
func (w *writer) Discard() {
	if w.done {
		return
	}
	w.done = true
	if w.stream != nil {
		w.stream.cancel()
		// The request may be gone; what stays is swept.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(w.ctx), answerLimit)
		defer cancel()
		_ = w.store.remove(ctx, w.stream.key)
	}
}

var errDiscarded = errors.New("the content was discarded")

// cancel ends a stream that is not wanted: nothing appears under its key.
func (st *stream) cancel() {
	_ = st.pipe.CloseWithError(errDiscarded)
	if err := <-st.ended; err == nil {
		st.store.Log.Debug("content was discarded when all of it had arrived", "key", st.key)
	}
}

// place puts small content under its name. Its digest is that of the signed body, too, so
// that nothing is hashed or signed a second time.
func (s *Store) place(ctx context.Context, digest hub.Digest, body *pieces) error {
	put := func(o minio.PutObjectOptions) error {
		o.DisableContentSha256 = true // of each chunk
		_, err := minio.Core{Client: s.checked}.PutObject(ctx, s.bucket, s.key(digest), body.reader(), body.size, "", digest.String(), o)
		return err
	}
	err := put(conditional(s.options(&digest)))
	if !isTaken(err) && !isCut(err) { // after a cut: what is not there is put again
		return failure("store content", err)
	}
	if fresh, err := s.present(ctx, digest, body.size); err != nil || fresh {
		return err
	}
	return failure("store content again", put(s.options(&digest)))
}

// options are those of a put of an original; with a digest the store compares it with
// what it received.
func (s *Store) options(digest *hub.Digest) minio.PutObjectOptions {
	o := minio.PutObjectOptions{ContentType: "application/octet-stream", DisableMultipart: true}
	if digest != nil {
		o.UserMetadata = map[string]string{"x-amz-checksum-sha256": base64.StdEncoding.EncodeToString(digest[:])}
		if s.LockDays > 0 {
			o.Mode, o.RetainUntilDate = minio.Compliance, s.lockedUntil()
		}
	}
	return o
}

func (s *Store) lockedUntil() time.Time {
	return time.Now().UTC().AddDate(0, 0, s.LockDays).Truncate(time.Second)
}

// finish ends a stream and gives its content its name.
func (s *Store) finish(ctx context.Context, st *stream, digest hub.Digest, size int64) error {
	defer func() {
		removing, cancel := context.WithTimeout(context.WithoutCancel(ctx), answerLimit)
		defer cancel()
		_ = s.remove(removing, st.key) // what stays is swept
	}()
	_ = st.pipe.Close()
	if err := <-st.ended; err != nil {
		return failure("store content", err)
	}
	return s.adopt(ctx, st.key, digest, size)
}

// adopt copies content within the store to its name, unless it is there.
func (s *Store) adopt(ctx context.Context, from string, digest hub.Digest, size int64) error {
	if fresh, err := s.present(ctx, digest, size); err != nil || fresh {
		return err
	}
	target := minio.CopyDestOptions{Bucket: s.bucket, Object: s.key(digest)}
	if s.LockDays > 0 {
		target.Mode, target.RetainUntilDate = minio.Compliance, s.lockedUntil()
	}
	_, err := s.client.ComposeObject(ctx, target, minio.CopySrcOptions{Bucket: s.bucket, Object: from})
	if err != nil {
		return failure("give content its name", err)
	}
	// The store has copied it: whether it did so right only reading tells.
	if sound, err := s.sound(ctx, digest, size); err != nil {
		return err
	} else if !sound {
		return hub.Internal("the object store copied content wrongly", nil)
	}
	return nil
}

// present reports whether sound content is in place and young enough to be left alone.
func (s *Store) present(ctx context.Context, digest hub.Digest, size int64) (bool, error) {
	info, err := s.client.StatObject(ctx, s.bucket, s.key(digest), minio.StatObjectOptions{})
	if isAbsent(err) {
		return false, nil
	}
	if err != nil {
		return false, failure("look for content", err)
	}
	if time.Since(info.LastModified) > s.RenewAfter {
		return false, nil
	}
	return s.sound(ctx, digest, size)
}

// sound reads content that is there and reports whether it is what its name says.
func (s *Store) sound(ctx context.Context, digest hub.Digest, size int64) (bool, error) {
	b, err := s.open(ctx, digest)
	if isAbsent(err) {
		return false, nil
	}
	if err != nil {
		return false, failure("look for content", err)
	}
	defer func() { _ = b.Close() }() // was only read
	if s.verified.has(b.key) {
		return b.Size() == size, nil
	}
	n, err := io.Copy(io.Discard, b)
	if errors.Is(err, hub.ErrDamaged) {
		return false, nil
	}
	return err == nil && n == size, err
}
