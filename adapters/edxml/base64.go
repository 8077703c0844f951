package edxml

import (
	"bytes"
	"encoding/base64"
	"errors"
	"io"

	"github.com/lienthong/lienthong/hub"
)

// contentReader yields the decoded content of one attachment and ends at the
// tag that closes it. Like the reference parser it takes line breaks, blanks, the
// URL alphabet and missing padding; unlike it, it refuses everything else,
// because content that was damaged on the way must not pass for good.
type contentReader struct {
	s       *scanner
	out     []byte // decoded, not yet read
	buf     []byte // space behind out
	quantum [4]byte
	filled  int  // bytes in quantum
	padding int  // '=' seen
	ended   bool // the closing tag was reached
	err     error
}

// chunk is how much text is decoded at a time.
const chunk = 64 << 10

// Read implements io.Reader.
func (r *contentReader) Read(p []byte) (int, error) {
	for len(r.out) == 0 {
		if r.err != nil {
			return 0, r.err
		}
		if r.ended {
			return 0, io.EOF
		}
		r.err = r.fill()
	}
	n := copy(p, r.out)
	r.out = r.out[n:]
	return n, nil
}

// fill decodes the next piece of text, or notices the end.
func (r *contentReader) fill() error {
	in := r.s.in
	if _, err := in.Peek(1); err != nil {
		return r.s.unexpectedEnd(err)
	}
	text, _ := in.Peek(min(in.Buffered(), chunk)) // what is there already
	if i := bytes.IndexByte(text, '<'); i == 0 {
		return r.tag()
	} else if i > 0 {
		text = text[:i]
	}
	if r.buf == nil {
		r.buf = make([]byte, 0, chunk)
	}
	r.out = r.buf[:0]
	n, err := r.decode(text)
	r.s.advance(text[:n])
	_, discardErr := in.Discard(n)
	return errors.Join(err, discardErr)
}

// decode appends the decoded text to out and returns how much of it was used. Whole
// quanta between line breaks take the fast way; what a line break or the end of the
// piece cuts in two is completed byte by byte.
func (r *contentReader) decode(text []byte) (int, error) {
	used := 0
	for used < len(text) && r.err == nil {
		run := 1
		if r.filled == 0 && r.padding == 0 {
			run = max(1, plain(text[used:])&^3)
		}
		piece := text[used : used+run]
		if run == 1 || !r.fast(piece) {
			run = r.slow(piece)
		}
		used += run
	}
	return used, r.err
}

// plain is how much of a text comes before the first line break or padding, which shift
// or end the quanta.
func plain(text []byte) int {
	for _, b := range []byte("\n\r=") {
		if i := bytes.IndexByte(text, b); i >= 0 {
			text = text[:i]
		}
	}
	return len(text)
}

// fast decodes whole quanta of the plain alphabet. It reports false, and has done
// nothing, when there is anything else among them.
func (r *contentReader) fast(text []byte) bool {
	n, err := base64.StdEncoding.Decode(r.out[len(r.out):cap(r.out)], text)
	if err == nil {
		r.out = r.out[:len(r.out)+n]
	}
	return err == nil
}

// slow decodes byte by byte.
func (r *contentReader) slow(text []byte) int {
	for i, b := range text {
		switch {
		case b == ' ' || b == '\t' || b == '\r' || b == '\n':
			continue
		case b == '=':
			if r.padding++; r.padding > 2 {
				r.err = r.garbage()
				return i
			}
			continue
		case b == '-':
			b = '+'
		case b == '_':
			b = '/'
		case !inAlphabet(b):
			r.err = r.garbage()
			return i
		}
		if r.padding > 0 {
			r.err = r.garbage() // content after the end
			return i
		}
		r.quantum[r.filled] = b
		if r.filled++; r.filled == 4 {
			r.flush()
		}
	}
	return len(text)
}

func inAlphabet(b byte) bool {
	return b >= 'A' && b <= 'Z' || b >= 'a' && b <= 'z' || b >= '0' && b <= '9' || b == '+' || b == '/'
}

// flush decodes what is in the quantum: four characters, or two or three at the end.
func (r *contentReader) flush() {
	var three [3]byte
	n, err := base64.RawStdEncoding.Decode(three[:], r.quantum[:r.filled])
	if err != nil {
		r.err = r.garbage()
		return
	}
	r.out = append(r.out, three[:n]...)
	r.filled = 0
}

func (r *contentReader) garbage() error {
	return hub.Invalid("AttachmentEncoded/Attachment/ContentTransferEncoded", "base64",
		"line %d: the content of an attachment is not Base64", r.s.line)
}

// tag handles a '<' inside the content: comments and CDATA are read through,
// anything else must be the closing tag.
func (r *contentReader) tag() error {
	head, _ := r.s.in.Peek(9)
	switch {
	case bytes.HasPrefix(head, []byte("<!--")), bytes.HasPrefix(head, []byte("<?")):
		return r.s.unmarked(r)
	case bytes.HasPrefix(head, []byte("<![CDATA[")):
		return hub.Invalid("AttachmentEncoded/Attachment/ContentTransferEncoded", "base64",
			"line %d: the content of an attachment must be plain text, not CDATA", r.s.line)
	case bytes.HasPrefix(head, []byte("</")):
		r.ended = true
		r.out = r.buf[:0]
		switch r.filled {
		case 0:
		case 1:
			return r.garbage() // cut off in the middle of a byte
		default:
			r.flush()
		}
		return nil
	}
	return r.s.malformed("an element inside the content of an attachment")
}

// unmarked reads over a comment or processing instruction inside content.
func (s *scanner) unmarked(*contentReader) error {
	if _, err := s.until('<'); err != nil {
		return s.unexpectedEnd(err)
	}
	return s.markup()
}
