package httpapi

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"slices"

	"github.com/lienthong/lienthong/adapters/internal/strictjson"
	"github.com/lienthong/lienthong/hub"
)

// copyBuffer is the size of the pieces in which content passes: large enough that
// a file of 10 MB is not thousands of writes, small enough to have one for each
// request.
const copyBuffer = 64 << 10

// formBuffers are what a form passes through on its way in and on to the store.
type formBuffers struct {
	in  *bufio.Reader
	out *bufio.Writer
}

func (a *api) takeBuffers() *formBuffers {
	if b, ok := a.buffers.Get().(*formBuffers); ok {
		return b
	}
	return &formBuffers{bufio.NewReaderSize(nil, copyBuffer), bufio.NewWriterSize(nil, copyBuffer)}
}

// giveBack keeps buffers for the next form, and nothing that they led to.
func (a *api) giveBack(b *formBuffers) {
	b.in.Reset(nil)
	b.out.Reset(nil)
	a.buffers.Put(b)
}

// form is a multipart/form-data body on its way: the submission, then the files,
// each read once and written straight to the blob store.
type form struct {
	parts  *multipart.Reader
	end    *ending
	out    *bufio.Writer // parts come in pieces of 4 KiB
	blobs  Blobs
	limits Limits
}

func (a *api) openForm(x *exchange, buffers *formBuffers) (*form, error) {
	mediaType, params, err := mime.ParseMediaType(x.r.Header.Get("Content-Type"))
	if err != nil || mediaType != "multipart/form-data" {
		return nil, hub.Errorf(hub.KindUnsupported, "Content-Type", "content_type", "the body is of the type multipart/form-data")
	}
	if params["boundary"] == "" {
		return nil, badForm(errors.New("the boundary is missing"))
	}
	body, err := x.decoded(a.Limits.Form)
	if err != nil {
		return nil, err
	}
	end := &ending{inner: body, boundary: "--" + params["boundary"] + "--"}
	buffers.in.Reset(end) // the package multipart would ask for 4 KiB at a time
	return &form{multipart.NewReader(buffers.in, params["boundary"]), end, buffers.out, a.Blobs, a.Limits}, nil
}

// next returns the next part, nil after the last. Raw parts: a transfer encoding
// is what HTTP does without.
func (f *form) next() (*multipart.Part, error) {
	p, err := f.parts.NextRawPart()
	switch {
	case errors.Is(err, io.EOF) && f.end.sound():
		return nil, nil //nolint:nilnil // the end of a form is no error
	case err != nil:
		return nil, badForm(err)
	}
	return p, nil
}

// maxEpilogue bounds what may follow the last boundary, in bytes.
const maxEpilogue = 1 << 10

// ending remembers the last bytes of a form. The package mime/multipart reports a
// form that was cut off in the header of a part like one that is at its end.
type ending struct {
	inner    io.Reader
	boundary string // the last one
	tail     []byte
}

// Read implements io.Reader.
func (e *ending) Read(p []byte) (int, error) {
	n, err := e.inner.Read(p)
	e.tail = append(e.tail, p[max(0, n-len(e.boundary)-maxEpilogue):n]...)
	e.tail = slices.Delete(e.tail, 0, max(0, len(e.tail)-len(e.boundary)-maxEpilogue))
	return n, err
}

// sound reads to the end and reports whether the last boundary is there with
// nothing but white space behind it.
func (e *ending) sound() bool {
	_, err := io.CopyN(io.Discard, e, maxEpilogue)
	return errors.Is(err, io.EOF) && bytes.HasSuffix(bytes.TrimRight(e.tail, " \t\r\n"), []byte(e.boundary))
}

// badForm keeps errors that say more than that the form is broken.
func badForm(err error) error {
	var known *hub.Error
	if errors.As(err, &known) {
		return err
	}
	return &hub.Error{Kind: hub.KindInvalid, Rule: "multipart", Message: "the body is not sound multipart/form-data", Err: err}
}

// submission reads the first part.
func (f *form) submission() (submission, error) {
	var s submission
	p, err := f.next()
	if err != nil {
		return s, err
	}
	if p == nil || p.FormName() != "submission" {
		return s, hub.Invalid("submission", "required", "the first part of the form is named submission and holds the JSON")
	}
	raw, err := io.ReadAll(io.LimitReader(p, f.limits.JSON+1))
	switch {
	case err != nil:
		return s, badForm(err)
	case int64(len(raw)) > f.limits.JSON:
		return s, hub.Errorf(hub.KindTooLarge, "submission", "max_size", "the submission is above %d bytes", f.limits.JSON)
	}
	return s, strictjson.Decode(bytes.TrimPrefix(raw, []byte("\ufeff")), &s)
}

// received is a file that came, not yet committed.
type received struct {
	part   part
	writer hub.BlobWriter
}

// files receives every file and, when all of them are there, makes them durable
// and fills in sizes and digests. If anything fails before, all are discarded.
func (f *form) files(ctx context.Context, s *submission) error {
	list, err := f.receive(ctx, s)
	defer func() {
		for _, r := range list {
			r.writer.Discard() // does nothing after a commit
		}
	}()
	if err != nil {
		return err
	}
	if len(s.Parts) == 0 {
		for _, r := range list {
			s.Parts = append(s.Parts, r.part)
		}
	}
	for i := range s.Parts {
		at := slices.IndexFunc(list, func(r received) bool { return r.part.ID == s.Parts[i].ID })
		if at < 0 {
			return hub.Invalid(fmt.Sprintf("parts[%d]", i), "required", "no file named %q came with the form", s.Parts[i].ID)
		}
		if err := commit(&s.Parts[i], list[at], i); err != nil {
			return err
		}
	}
	return nil
}

func (f *form) receive(ctx context.Context, s *submission) ([]received, error) {
	var list []received
	for {
		p, err := f.next()
		if p == nil || err != nil {
			return list, err
		}
		announced, err := f.announced(s, list, p)
		if err != nil {
			return list, err
		}
		writer, err := f.blobs.CreateBlob(ctx)
		if err != nil {
			return list, err
		}
		list = append(list, received{announced, writer})
		f.out.Reset(writer)
		if _, err := io.Copy(f.out, p); err != nil {
			return list, badForm(err)
		}
		if err := f.out.Flush(); err != nil {
			return list, err
		}
	}
}

// announced returns what is known of a file before its bytes: its entry in the
// submission or, when that lists no parts, what the form itself says.
func (f *form) announced(s *submission, before []received, p *multipart.Part) (part, error) {
	name := p.FormName()
	if len(before) >= f.limits.Parts {
		return part{}, hub.Errorf(hub.KindTooLarge, "parts", "max_items", "a submission has at most %d files", f.limits.Parts)
	}
	if slices.ContainsFunc(before, func(r received) bool { return r.part.ID == name }) {
		return part{}, hub.Invalid("parts", "unique", "two files are named %q", name)
	}
	for i := range s.Parts {
		if s.Parts[i].ID == name {
			return s.Parts[i], nil
		}
	}
	if len(s.Parts) > 0 {
		return part{}, hub.Invalid("parts", "unknown_part", "the submission has no part %q", name)
	}
	return part{ID: name, Name: p.FileName(), MediaType: cmp.Or(p.Header.Get("Content-Type"), "application/octet-stream")}, nil
}

// commit makes a file durable and checks what was announced of it.
func commit(p *part, r received, i int) error {
	digest, size, err := r.writer.Commit()
	if err != nil {
		return err
	}
	field := fmt.Sprintf("parts[%d]", i)
	switch {
	case p.Size != 0 && p.Size != size:
		return hub.Invalid(field+".size", "digest", "part %s has %d bytes, announced were %d", p.ID, size, p.Size)
	case !p.Digest.IsZero() && p.Digest != digest:
		return hub.Invalid(field+".sha256", "digest", "part %s has the SHA-256 %s, announced was %s", p.ID, digest, p.Digest)
	}
	p.Size, p.Digest = size, digest
	return nil
}
