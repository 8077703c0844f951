package lgsp

import (
	"bufio"
	"encoding/base64"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"os"
	"strings"

	"github.com/lienthong/lienthong/hub"
)

// The bounds of a body with members.
const (
	maxFields    = 64
	maxFieldName = 100 // bytes
)

// field is a member of a body, or the whole of a body that has none.
type field struct {
	name    string
	whole   bool
	content io.Reader
}

// fieldSource yields the members of a body, one after the other as they arrive. The
// content of one ends with the call for the next.
type fieldSource interface {
	// next returns io.EOF behind the last one.
	next() (field, error)
}

// sourceOf chooses how a body is read, by its media type.
func sourceOf(r *http.Request, body io.Reader) (fieldSource, error) {
	value := r.Header.Get("Content-Type")
	mediaType, params, err := mime.ParseMediaType(value)
	if value != "" && err != nil {
		return nil, hub.Errorf(hub.KindUnsupported, "Content-Type", "media_type", "the media type cannot be read")
	}
	switch mediaType {
	case "application/x-www-form-urlencoded":
		return &form{r: bufio.NewReader(body)}, nil
	case "multipart/form-data":
		if params["boundary"] == "" {
			return nil, hub.Invalid("Content-Type", "boundary", "multipart/form-data has a boundary")
		}
		return &parts{r: multipart.NewReader(body, params["boundary"])}, nil
	case "application/json":
		return &members{r: bufio.NewReader(body)}, nil
	case "", "text/plain", "application/octet-stream", "application/xml", "text/xml":
		return &single{r: body}, nil
	}
	return nil, hub.Errorf(hub.KindUnsupported, "Content-Type", "media_type", "a body is a form, JSON, or the file itself as text/plain or application/octet-stream")
}

// single is a body that is the content itself.
type single struct{ r io.Reader }

func (s *single) next() (field, error) {
	r := s.r
	if r == nil {
		return field{}, io.EOF
	}
	s.r = nil
	return field{whole: true, content: r}, nil
}

// parts are those of multipart/form-data.
type parts struct{ r *multipart.Reader }

func (p *parts) next() (field, error) {
	part, err := p.r.NextRawPart()
	switch {
	case errors.Is(err, io.EOF):
		return field{}, io.EOF
	case err != nil:
		return field{}, orMalformed(err, "multipart", "the parts of the form cannot be read")
	}
	return field{name: part.FormName(), content: &partReader{part}}, nil
}

type partReader struct{ r io.Reader }

func (p *partReader) Read(b []byte) (int, error) {
	n, err := p.r.Read(b)
	if err != nil && !errors.Is(err, io.EOF) {
		err = orMalformed(err, "multipart", "the parts of the form cannot be read")
	}
	return n, err
}

// orMalformed keeps what was said already and calls everything else malformed.
func orMalformed(err error, rule, message string) error {
	var e *hub.Error
	if errors.As(err, &e) {
		return e
	}
	return &hub.Error{Kind: hub.KindInvalid, Field: "body", Rule: rule, Message: message, Err: err}
}

// arriving is a body on its way: bounded, and with an error that tells how it broke off.
type arriving struct {
	r     io.Reader
	room  int64 // bytes that may still come
	limit int64
}

func (a *arriving) Read(p []byte) (int, error) {
	n, err := a.r.Read(p)
	if a.room -= int64(n); a.room < 0 {
		return 0, hub.Errorf(hub.KindTooLarge, "body", "max_size", "the body is above %d bytes", a.limit)
	}
	switch {
	case err == nil || errors.Is(err, io.EOF):
		return n, err
	case errors.Is(err, os.ErrDeadlineExceeded):
		return n, &hub.Error{Kind: hub.KindInvalid, Field: "body", Rule: "body_timeout", Message: "the body came too slowly", Err: err}
	}
	return n, &hub.Error{Kind: hub.KindInvalid, Field: "body", Rule: "truncated", Message: "the body broke off", Err: err}
}

// packageReader reads the content of a member as a package: base64, or the XML itself.
// Programs that do not escape "+" in a form have it arrive as a blank.
type packageReader struct {
	r     io.Reader
	room  int64 // bytes that may still come
	limit int64
	err   error // that it ended with
}

func newPackageReader(content io.Reader, limit int64) *packageReader {
	b := bufio.NewReaderSize(content, 64<<10)
	p := &packageReader{r: b, room: limit, limit: limit}
	for {
		c, err := b.ReadByte()
		if err != nil {
			p.err = err
			return p
		}
		if c == ' ' || c == '\t' || c == '\r' || c == '\n' {
			continue
		}
		_ = b.UnreadByte()        // it was read just now
		if c != '<' && c <= 127 { // neither XML nor the mark of its byte order
			p.r = base64.NewDecoder(base64.StdEncoding, &plusReader{b})
		}
		return p
	}
}

// Read implements io.Reader.
func (p *packageReader) Read(b []byte) (int, error) {
	if p.err != nil {
		return 0, p.err
	}
	n, err := p.r.Read(b)
	if p.room -= int64(n); p.room < 0 {
		n, err = 0, hub.Errorf(hub.KindTooLarge, "file", "max_size", "a file has at most %d bytes", p.limit)
	}
	var corrupt base64.CorruptInputError
	switch {
	case errors.As(err, &corrupt), errors.Is(err, io.ErrUnexpectedEOF):
		err = hub.Invalid("file", "base64", "the file is no base64, or only a part of it")
	}
	p.err = err
	return n, err
}

// whole reports whether it was read to an end that was right.
func (p *packageReader) whole() bool { return errors.Is(p.err, io.EOF) }

type plusReader struct{ r io.Reader }

func (p *plusReader) Read(b []byte) (int, error) {
	n, err := p.r.Read(b)
	for i := range b[:n] {
		if b[i] == ' ' {
			b[i] = '+'
		}
	}
	return n, err
}

// readValue reads a small member.
func readValue(name string, content io.Reader, limit int64) (string, error) {
	var b strings.Builder
	n, err := io.Copy(&b, io.LimitReader(content, limit+1))
	switch {
	case err != nil:
		return "", err
	case n > limit:
		return "", hub.Errorf(hub.KindTooLarge, name, "max_size", "a value has at most %d bytes", limit)
	}
	return b.String(), nil
}
