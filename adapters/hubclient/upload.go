package hubclient

import (
	"context"
	"io"
	"net/http"
	"strconv"

	"github.com/lienthong/lienthong/hub"
)

// DefaultChunk is the size in bytes of the chunks of Upload: what is lost at most
// when a connection breaks.
const DefaultChunk = 8 << 20

// Register registers a submission before its bytes: the hub authorises every
// recipient and announces where the bytes go. The files must have been measured.
func (c *Client) Register(ctx context.Context, sub hub.Submission, files []File) (hub.Upload, error) {
	k := call{method: http.MethodPost, path: pathOf("uploads"), idempotent: true}
	k, err := k.with("Idempotency-Key", keyOf(sub.Key)).withJSON(submissionOf(sub, files))
	if err != nil {
		return hub.Upload{}, err
	}
	var upload hub.Upload
	err = c.json(ctx, k, &upload)
	return upload, err
}

// UploadStatus tells how many bytes of each part are durable.
func (c *Client) UploadStatus(ctx context.Context, id string) (hub.Upload, error) {
	var upload hub.Upload
	err := c.json(ctx, get(pathOf("uploads", id), nil), &upload)
	return upload, err
}

// Append sends one chunk that starts at offset and returns the offset after it.
// It is not repeated: after a failure UploadStatus tells where to go on.
func (c *Client) Append(ctx context.Context, id, part string, offset int64, chunk io.Reader, size int64) (int64, error) {
	return c.append(ctx, id, part, offset, chunk, size, nil)
}

func (c *Client) append(ctx context.Context, id, part string, offset int64, chunk io.Reader, size int64, progress Progress) (int64, error) {
	k := call{
		method: http.MethodPatch, path: pathOf("uploads", id, "parts", part),
		body: func() (io.ReadCloser, error) { return io.NopCloser(chunk), nil }, size: size, progress: progress,
	}
	k = k.with("Content-Type", "application/octet-stream").with("Upload-Offset", strconv.FormatInt(offset, 10))
	resp, err := c.open(ctx, k)
	if err != nil {
		return offset, err
	}
	defer resp.Body.Close()
	next, err := strconv.ParseInt(resp.Header.Get("Upload-Offset"), 10, 64)
	if err != nil || next < offset || size >= 0 && next > offset+size {
		return offset, hub.Errorf(hub.KindUnsupported, "Upload-Offset", "answer", "the hub does not say how far the upload is")
	}
	return next, nil
}

// Complete turns a complete upload into a dispatch.
func (c *Client) Complete(ctx context.Context, id string) (hub.Accepted, error) {
	var accepted hub.Accepted
	err := c.json(ctx, call{method: http.MethodPost, path: pathOf("uploads", id, "complete"), idempotent: true}, &accepted)
	return accepted, err
}

// Upload registers, sends every file in chunks and completes. It survives broken
// connections as far as Retry goes; every chunk that arrives starts the count of
// attempts anew. What was sent is not lost with the error: give the id of
// registered to Resume.
func (c *Client) Upload(ctx context.Context, sub hub.Submission, files []File, progress Progress) (registered hub.Upload, accepted hub.Accepted, err error) {
	for i := range files {
		if !files[i].Part.Digest.IsZero() {
			continue
		}
		if err := files[i].Measure(); err != nil {
			return hub.Upload{}, hub.Accepted{}, err
		}
	}
	if registered, err = c.Register(ctx, sub, files); err != nil {
		return registered, hub.Accepted{}, err
	}
	accepted, err = c.Resume(ctx, registered.ID, files, progress)
	return registered, accepted, err
}

// Resume goes on with a registered upload: it asks how far each part is, sends
// the rest and completes.
func (c *Client) Resume(ctx context.Context, id string, files []File, progress Progress) (hub.Accepted, error) {
	upload, err := c.UploadStatus(ctx, id)
	if err != nil {
		return hub.Accepted{}, err
	}
	s := sending{client: c, upload: upload, progress: progress}
	for i := range files {
		if err := s.file(ctx, &files[i]); err != nil {
			return hub.Accepted{}, err
		}
	}
	return c.Complete(ctx, id)
}

// sending is the state of one upload under way.
type sending struct {
	client   *Client
	upload   hub.Upload
	progress Progress
}

func (s *sending) file(ctx context.Context, f *File) error {
	part := s.part(f.Part.ID)
	if part == nil {
		return hub.Invalid("parts", "unknown_part", "the upload %s has no part %q", s.upload.ID, f.Part.ID)
	}
	for part.Offset < part.Size {
		if err := s.client.retry.run(ctx, true, func() error { return s.chunk(ctx, f, part) }); err != nil {
			return err
		}
	}
	return nil
}

// chunk sends the next chunk. After a failure it asks the hub how far it is;
// bytes that did arrive make it a success.
func (s *sending) chunk(ctx context.Context, f *File, part *hub.UploadPart) error {
	r, err := f.openAt(part.Offset)
	if err != nil {
		return hub.Internal("read "+f.Part.Name, err)
	}
	defer r.Close()
	start, size := part.Offset, min(DefaultChunk, part.Size-part.Offset)
	next, err := s.client.append(ctx, s.upload.ID, part.ID, start, io.LimitReader(r, size), size, s.progressFrom())
	if err == nil {
		part.Offset = next
		return nil
	}
	if !Temporary(err) && hub.KindOf(err) != hub.KindConflict || ctx.Err() != nil {
		return err
	}
	if asked := s.ask(ctx); asked != nil {
		return asked
	}
	if part.Offset > start {
		return nil
	}
	return err
}

// progressFrom makes the progress of one chunk that of the whole upload.
func (s *sending) progressFrom() Progress {
	if s.progress == nil {
		return nil
	}
	var done, total int64
	for _, p := range s.upload.Parts {
		done += p.Offset
		total += p.Size
	}
	return func(n, _ int64) { s.progress(done+n, total) }
}

// ask learns the durable offsets anew.
func (s *sending) ask(ctx context.Context) error {
	upload, err := s.client.UploadStatus(ctx, s.upload.ID)
	if err != nil {
		return err
	}
	for _, p := range upload.Parts {
		if mine := s.part(p.ID); mine != nil {
			mine.Offset = p.Offset
		}
	}
	return nil
}

func (s *sending) part(id string) *hub.UploadPart {
	for i := range s.upload.Parts {
		if s.upload.Parts[i].ID == id {
			return &s.upload.Parts[i]
		}
	}
	return nil
}
