package hub

import (
	"bytes"
	"context"
	"errors"
	"io"
	"time"
)

// ErrDamaged is the cause of errors about stored content that is not what its digest
// says, and of no other failure to read.
var ErrDamaged = errors.New("damaged in the store")

// Blob is the content of one part, open for reading. Sequential reading to the
// end verifies the digest: a mismatch is an error of KindInternal from Read, whose
// cause is ErrDamaged, and never silent. ReadAt and Seek work only on content whose digest has been
// verified before.
type Blob interface {
	io.Reader
	io.ReaderAt
	io.Seeker
	io.Closer
	Size() int64 // bytes
}

// BlobOf is content at hand, which nothing has to be verified of.
func BlobOf(content []byte) Blob { return atHand{bytes.NewReader(content)} }

type atHand struct{ *bytes.Reader }

// Close implements io.Closer.
func (atHand) Close() error { return nil }

// KeepBlob makes content at hand durable, with a writer that create opens.
func KeepBlob(ctx context.Context, create func(context.Context) (BlobWriter, error), content []byte) (Digest, int64, error) {
	w, err := create(ctx)
	if err != nil {
		return Digest{}, 0, err
	}
	defer w.Discard() // after Commit it does nothing
	if _, err := w.Write(content); err != nil {
		return Digest{}, 0, err
	}
	return w.Commit()
}

// BlobInfo tells of stored content. Written is when it was last stored, UTC: storing
// content that is there already renews it, so that what is young is never swept
// from under a submission that has just begun.
type BlobInfo struct {
	Digest  Digest
	Size    int64 // bytes
	Written time.Time
}

// Upload is a submission that was registered before its bytes: every recipient
// is authorised, then the originals come in resumable chunks.
type Upload struct {
	ID         string       `json:"id"`
	Actor      string       `json:"actor"` // Actor.Name of who registered it
	Sender     AgencyID     `json:"sender"`
	Submission Submission   `json:"submission"`
	Key        string       `json:"key"`
	Parts      []UploadPart `json:"parts"`
	Expires    time.Time    `json:"expires"`
}

// UploadPart is the progress of one part of an upload.
type UploadPart struct {
	ID     string `json:"id"`
	Size   int64  `json:"size"`   // bytes announced
	Offset int64  `json:"offset"` // bytes that are durable
	Done   bool   `json:"done"`   // in the blob store under the announced digest
}

// BlobWriter receives one new content of unknown digest. Commit MUST NOT return
// before the content is durable (file and folder synchronised, or the object
// store's answer). Exactly one of Commit and Discard ends the writer; a Discard
// after Commit does nothing, so it can be deferred.
type BlobWriter interface {
	io.Writer
	Commit() (Digest, int64, error)
	Discard()
}
