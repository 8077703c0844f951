package hubclient

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"io"
	"mime/multipart"
	"net/http"
	"net/textproto"
	"net/url"

	"github.com/lienthong/lienthong/hub"
)

// submission is hub.Submission as a sender writes it.
type submission struct {
	Sender         string         `json:"sender"`
	Recipients     []string       `json:"recipients"`
	ForInformation []string       `json:"for_information,omitempty"`
	Tasks          []hub.TaskWish `json:"tasks,omitempty"`
	ExternalID     string         `json:"external_id"`
	Operation      hub.Operation  `json:"operation"`
	Document       hub.Document   `json:"document"`
	Parts          []part         `json:"parts"`
}

// part is hub.Part whose size and digest may be absent.
type part struct {
	ID          string       `json:"id"`
	Role        hub.PartRole `json:"role"`
	Name        string       `json:"name"`
	Description string       `json:"description,omitempty"`
	MediaType   string       `json:"media_type"`
	Size        int64        `json:"size,omitempty"`
	Digest      hub.Digest   `json:"sha256,omitzero"`
}

func submissionOf(sub hub.Submission, files []File) submission {
	s := submission{
		Sender: sub.Sender, Recipients: sub.Recipients, ForInformation: sub.ForInformation, Tasks: sub.Tasks, ExternalID: sub.ExternalID,
		Operation: sub.Operation, Document: sub.Document, Parts: []part{},
	}
	for i := range files {
		s.Parts = append(s.Parts, part(files[i].Part))
	}
	return s
}

// keyOf returns the sender's idempotency key, or a fresh one for this call.
func keyOf(key string) string { return cmp.Or(key, rand.Text()) }

// Submit sends a document with its files in one request. The parts come from
// files; those of sub are ignored. Size and digest of a file are optional; the
// hub checks those that are given. The same sub.Key with the same content gives
// the first acceptance again; an empty one makes only the repetitions inside this
// call one act.
func (c *Client) Submit(ctx context.Context, sub hub.Submission, files []File, progress Progress) (hub.Accepted, error) {
	form, err := formOf(submissionOf(sub, files), files)
	if err != nil {
		return hub.Accepted{}, err
	}
	k := call{
		method: http.MethodPost, path: pathOf("dispatches"), body: form.open, size: form.size(),
		idempotent: true, progress: progress,
	}
	k = k.with("Content-Type", form.contentType).with("Idempotency-Key", keyOf(sub.Key))
	var accepted hub.Accepted
	err = c.json(ctx, k, &accepted)
	return accepted, err
}

// Package is an edXML package to be sent as it is.
type Package struct {
	Open func() (io.ReadCloser, error) // from the start, for every attempt
	Size int64                         // bytes; -1 or 0 when unknown
	To   []string                      // addressees of the call; empty: those that the package names
	Key  string                        // idempotency key as in Submit
}

// PackageAnswer is what became of a package: the acceptance of a document, or
// the evidence of a status report.
type PackageAnswer struct {
	Accepted *hub.Accepted      // nil for a status package
	Receipt  hub.SealedEvidence // set for both
}

// SubmitPackage sends an edXML package, byte for byte.
func (c *Client) SubmitPackage(ctx context.Context, p Package, progress Progress) (PackageAnswer, error) {
	k := call{
		method: http.MethodPost, path: pathOf("packages"), query: url.Values{"to": p.To},
		body: p.Open, size: cmp.Or(p.Size, -1), idempotent: true, progress: progress,
	}
	k = k.with("Content-Type", "application/xml").with("Idempotency-Key", keyOf(p.Key))
	var answer struct {
		Dispatch   *hub.Dispatch      `json:"dispatch"`
		Deliveries []hub.Delivery     `json:"deliveries"`
		Receipt    hub.SealedEvidence `json:"receipt"`
		Duplicate  bool               `json:"duplicate"`
	}
	if err := c.json(ctx, k, &answer); err != nil {
		return PackageAnswer{}, err
	}
	result := PackageAnswer{Receipt: answer.Receipt}
	if answer.Dispatch != nil {
		result.Accepted = &hub.Accepted{
			Dispatch: *answer.Dispatch, Deliveries: answer.Deliveries,
			Receipt: answer.Receipt, Duplicate: answer.Duplicate,
		}
	}
	return result, nil
}

// form is a multipart body in pieces: texts with the files between them, so that
// every attempt streams the files anew and the length is known before.
type form struct {
	contentType string
	texts       [][]byte // texts[i] goes before files[i]; one more than files
	files       []File
}

func formOf(s submission, files []File) (*form, error) {
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	f := &form{contentType: w.FormDataContentType(), files: files}
	head, err := w.CreatePart(textproto.MIMEHeader{
		"Content-Disposition": {`form-data; name="submission"`},
		"Content-Type":        {"application/json"},
	})
	if err != nil {
		return nil, hub.Internal("write the form", err)
	}
	encoder := json.NewEncoder(head)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(s); err != nil {
		return nil, hub.Internal("write the submission", err)
	}
	for i := range files {
		if _, err := w.CreateFormFile(files[i].Part.ID, files[i].Part.Name); err != nil {
			return nil, hub.Internal("write the form", err)
		}
		f.cut(&b)
	}
	if err := w.Close(); err != nil {
		return nil, hub.Internal("write the form", err)
	}
	f.cut(&b)
	return f, nil
}

func (f *form) cut(b *bytes.Buffer) {
	f.texts = append(f.texts, bytes.Clone(b.Bytes()))
	b.Reset()
}

func (f *form) size() int64 {
	var total int64
	for _, t := range f.texts {
		total += int64(len(t))
	}
	for i := range f.files {
		n := f.files[i].size()
		if n < 0 {
			return -1
		}
		total += n
	}
	return total
}

func (f *form) open() (io.ReadCloser, error) { return &formReader{form: f}, nil }

// formReader reads the pieces one after the other; at most one file is open.
type formReader struct {
	form  *form
	piece int // even: texts[piece/2], odd: files[piece/2]
	now   io.ReadCloser
}

func (r *formReader) Read(p []byte) (int, error) {
	for {
		if r.now == nil {
			if err := r.next(); err != nil {
				return 0, err
			}
		}
		n, err := r.now.Read(p)
		if err != io.EOF { //nolint:errorlint // io.EOF is never wrapped by a Reader
			return n, err
		}
		err = r.Close()
		if n > 0 || err != nil {
			return n, err
		}
	}
}

func (r *formReader) next() error {
	i := r.piece / 2
	switch {
	case i == len(r.form.texts):
		return io.EOF
	case r.piece%2 == 0:
		r.now = io.NopCloser(bytes.NewReader(r.form.texts[i]))
	case i < len(r.form.files):
		file, err := r.form.files[i].Open()
		if err != nil {
			return err
		}
		r.now = file
	default:
		return io.EOF
	}
	r.piece++
	return nil
}

func (r *formReader) Close() error {
	if r.now == nil {
		return nil
	}
	now := r.now
	r.now = nil
	return now.Close()
}
