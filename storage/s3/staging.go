package s3

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/minio/minio-go/v7"

	"github.com/lienthong/lienthong/hub"
)

// The bytes of an upload lie in pieces whose keys end with the offset of their first
// byte, so that a listing tells how far the upload has come.

// folderOf returns the prefix of the pieces of an id. Ids are names, never paths.
func (s *Store) folderOf(id string) (string, error) {
	safe := func(r rune) bool {
		return r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r == '-' || r == '_'
	}
	if id == "" || len(id) > 200 || strings.ContainsFunc(id, func(r rune) bool { return !safe(r) }) {
		return "", hub.Invalid("id", "staging_id", "staged bytes have an id of at most 200 letters, digits, hyphens and underscores")
	}
	return s.prefix + "staged/" + id + "/", nil
}

func pieceKey(folder string, offset int64) string { return fmt.Sprintf("%s%020d", folder, offset) }

// pieces lists what is staged, in order and without gaps.
func (s *Store) pieces(ctx context.Context, folder string) ([]minio.ObjectInfo, int64, error) {
	var list []minio.ObjectInfo
	end := int64(0)
	for o := range s.client.ListObjects(ctx, s.bucket, minio.ListObjectsOptions{Prefix: folder, Recursive: true}) {
		if o.Err != nil {
			return nil, 0, failure("look for staged bytes", o.Err)
		}
		if o.Key == pieceKey(folder, end) {
			list = append(list, o)
			end += o.Size
		}
	}
	return list, end, nil
}

// AppendStaged adds bytes to the staged ones at their end, which must be at offset,
// else the error is KindConflict. It returns the new end, up to which the bytes are
// durable, also beside an error of r or of the store.
func (s *Store) AppendStaged(ctx context.Context, id string, offset int64, r io.Reader) (int64, error) {
	folder, err := s.folderOf(id)
	if err != nil {
		return 0, err
	}
	_, end, err := s.pieces(ctx, folder)
	if err != nil {
		return 0, err
	}
	if end != offset {
		return end, hub.Errorf(hub.KindConflict, "upload_offset", "offset", "the part has %d bytes, go on from there", end)
	}
	buffer := make([]byte, pieceSize)
	for {
		n, readErr := fill(ctx, r, buffer)
		if n > 0 {
			if err := s.putPiece(ctx, pieceKey(folder, end), buffer[:n]); err != nil {
				return end, err
			}
			end += int64(n)
		}
		switch {
		case errors.Is(readErr, io.EOF):
			return end, nil
		case readErr != nil:
			return end, readErr
		}
	}
}

func (s *Store) putPiece(ctx context.Context, key string, body []byte) error {
	// What arrived counts, also when the one who sent it has just gone.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
	defer cancel()
	_, err := s.client.PutObject(ctx, s.bucket, key, bytes.NewReader(body), int64(len(body)), conditional(s.options(nil)))
	taken := isTaken(err)
	if isCut(err) {
		_, absent := s.client.StatObject(ctx, s.bucket, key, minio.StatObjectOptions{})
		taken = absent == nil
	}
	if taken {
		return hub.Errorf(hub.KindConflict, "upload_offset", "taken_over", "a later request goes on with this part")
	}
	return failure("write staged bytes", err)
}

// fill reads until the buffer is full, r has no more, or the request has ended, and
// leaves r's error as it is: a connection that broke is no end.
func fill(ctx context.Context, r io.Reader, buffer []byte) (n int, err error) {
	for n < len(buffer) && err == nil {
		if err = ctx.Err(); err != nil {
			return n, err
		}
		var m int
		m, err = r.Read(buffer[n:])
		n += m
	}
	return n, err
}

// StagedSize returns how many bytes are staged; 0 when there are none.
func (s *Store) StagedSize(ctx context.Context, id string) (int64, error) {
	folder, err := s.folderOf(id)
	if err != nil {
		return 0, err
	}
	_, end, err := s.pieces(ctx, folder)
	return end, err
}

// CommitStaged moves the staged bytes into the store and returns their digest and
// size. Afterwards nothing is staged under the id. Without staged bytes it stores the
// empty content.
func (s *Store) CommitStaged(ctx context.Context, id string) (hub.Digest, int64, error) {
	folder, err := s.folderOf(id)
	if err != nil {
		return hub.Digest{}, 0, err
	}
	list, _, err := s.pieces(ctx, folder)
	if err != nil {
		return hub.Digest{}, 0, err
	}
	w := &writer{store: s, ctx: ctx, hash: newHash()}
	defer w.Discard()
	for _, piece := range list {
		if err := s.copyPiece(ctx, w, piece.Key); err != nil {
			return hub.Digest{}, 0, err
		}
	}
	digest, size, err := w.Commit()
	if err != nil {
		return hub.Digest{}, 0, err
	}
	return digest, size, s.removeAll(ctx, folder)
}

func (s *Store) copyPiece(ctx context.Context, w io.Writer, key string) error {
	body, _, _, err := minio.Core{Client: s.client}.GetObject(ctx, s.bucket, key, minio.GetObjectOptions{})
	if err != nil {
		return failure("read staged bytes", err)
	}
	defer body.Close()
	_, err = io.Copy(w, body)
	return failure("read staged bytes", err)
}

// DiscardStaged removes staged bytes; none is no error.
func (s *Store) DiscardStaged(ctx context.Context, id string) error {
	folder, err := s.folderOf(id)
	if err != nil {
		return err
	}
	return s.removeAll(ctx, folder)
}

// removeAll removes everything below a folder, all versions of it.
func (s *Store) removeAll(ctx context.Context, folder string) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	for o := range s.client.ListObjects(ctx, s.bucket, minio.ListObjectsOptions{Prefix: folder, Recursive: true, WithVersions: true}) {
		if o.Err != nil {
			return failure("list staged bytes", o.Err)
		}
		if err := s.removeVersion(ctx, o.Key, o.VersionID); err != nil {
			return err
		}
	}
	return nil
}
