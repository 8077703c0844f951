package edxml

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/lienthong/lienthong/hub"
)

// scanner walks over a package once. It copies everything but the content of
// attachments into a skeleton, which a general parser then reads, and hands the
// content of each attachment to a sink while it passes by. A general XML parser
// alone would cost more than everything else that the hub does with a package.
type scanner struct {
	in       *bufio.Reader
	limits   Limits
	skeleton bytes.Buffer
	cuts     []cut    // where content was left out of the skeleton
	stack    []string // local names of the open elements
	elements int
	line     int  // of the byte to be read next, from 1
	column   int  // of the byte to be read next, in bytes from 1
	ended    bool // the root element is closed
	hint     attachmentHint
	content  func(hint attachmentHint, r io.Reader) error
}

// cut maps a place in the skeleton to the place in the package.
type cut struct{ skeleton, line, column int }

// attachmentHint is what the elements before the content said of an attachment.
type attachmentHint struct{ contentType, name, format *string }

func newScanner(r io.Reader, limits Limits, content func(attachmentHint, io.Reader) error) *scanner {
	return &scanner{in: bufio.NewReaderSize(r, 128<<10), limits: limits, line: 1, column: 1, content: content}
}

// malformed is the error of a package that is not well-formed XML.
func malformed(line, column int, message string) *hub.Error {
	return hub.Invalid("package", "well_formed", "line %d, column %d: %s", line, column, message)
}

func (s *scanner) malformed(message string) *hub.Error { return malformed(s.line, s.column, message) }

// scan reads the package to its end.
func (s *scanner) scan() error {
	if err := s.start(); err != nil {
		return err
	}
	for {
		text, err := s.until('<')
		if err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		if s.outside() && len(bytes.TrimSpace(text)) > 0 {
			return s.malformed("text outside of the root element")
		}
		s.noteText(text)
		if err := s.keep(text); err != nil {
			return err
		}
		if errors.Is(err, io.EOF) {
			return s.finish()
		}
		if err := s.markup(); err != nil {
			return err
		}
	}
}

func (s *scanner) outside() bool { return len(s.stack) == 0 }

func (s *scanner) finish() error {
	switch {
	case len(s.stack) > 0:
		return s.malformed("the package ends inside <" + s.stack[len(s.stack)-1] + ">")
	case !s.ended:
		return s.malformed("the package is empty")
	}
	return nil
}

// start looks at the first bytes: a byte order mark is dropped from what is
// parsed, another encoding than UTF-8 is refused.
func (s *scanner) start() error {
	head, err := s.in.Peek(4)
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	switch {
	case bytes.HasPrefix(head, []byte("\xef\xbb\xbf")):
		_, err := s.in.Discard(3)
		return err
	case bytes.HasPrefix(head, []byte("\xff\xfe")), bytes.HasPrefix(head, []byte("\xfe\xff")), bytes.IndexByte(head, 0) >= 0:
		return hub.Errorf(hub.KindUnsupported, "package", "encoding", "the package is not UTF-8")
	}
	return nil
}

// until reads up to and including the delimiter and returns the bytes before it.
// The slice is valid until the next read.
func (s *scanner) until(delimiter byte) ([]byte, error) {
	text, err := s.in.ReadSlice(delimiter)
	if errors.Is(err, bufio.ErrBufferFull) {
		long := slices.Clone(text)
		for errors.Is(err, bufio.ErrBufferFull) {
			if len(long)+s.skeleton.Len() > s.limits.Header {
				return nil, s.tooLarge()
			}
			text, err = s.in.ReadSlice(delimiter)
			long = append(long, text...)
		}
		text = long
	}
	s.advance(text)
	if err == nil {
		text = text[:len(text)-1]
	}
	return text, err
}

func (s *scanner) advance(text []byte) {
	if n := bytes.Count(text, []byte{'\n'}); n > 0 {
		s.line += n
		s.column = len(text) - bytes.LastIndexByte(text, '\n')
		return
	}
	s.column += len(text)
}

func (s *scanner) keep(parts ...[]byte) error {
	for _, p := range parts {
		if s.skeleton.Len()+len(p) > s.limits.Header {
			return s.tooLarge()
		}
		s.skeleton.Write(p)
	}
	return nil
}

func (s *scanner) tooLarge() error {
	return hub.Errorf(hub.KindTooLarge, "package", "max_header", "the package has more than %d bytes beside its attachments", s.limits.Header)
}

// markup handles what follows a '<'.
func (s *scanner) markup() error {
	head, _ := s.in.Peek(9) // fewer at the end of the package
	switch {
	case bytes.HasPrefix(head, []byte("!--")):
		return s.skip("!--", "-->")
	case bytes.HasPrefix(head, []byte("![CDATA[")):
		return s.skip("![CDATA[", "]]>")
	case bytes.HasPrefix(head, []byte("?")):
		return s.skip("?", "?>")
	case bytes.HasPrefix(head, []byte("!")):
		return hub.Errorf(hub.KindInvalid, "package", "doctype", "line %d: a DOCTYPE or other declaration is not allowed", s.line)
	}
	return s.tag()
}

// skip copies a comment, CDATA section or processing instruction.
func (s *scanner) skip(open, end string) error {
	var body []byte
	for {
		text, err := s.until('>')
		if err != nil {
			return s.unexpectedEnd(err)
		}
		body = append(append(body, text...), '>')
		if len(body) >= len(open)+len(end) && bytes.HasSuffix(body, []byte(end)) {
			break
		}
		if len(body) > s.limits.Header {
			return s.tooLarge()
		}
	}
	if open == "![CDATA[" {
		if s.outside() {
			return s.malformed("text outside of the root element")
		}
		s.noteText(body[len(open) : len(body)-len(end)])
	}
	return s.keep([]byte{'<'}, body)
}

func (s *scanner) unexpectedEnd(err error) error {
	if errors.Is(err, io.EOF) {
		return s.malformed("the package ends in the middle of markup")
	}
	return err
}

// tag handles a start or end tag.
func (s *scanner) tag() error {
	line, column := s.line, s.column-1
	body, err := s.tagBody()
	if err != nil {
		return err
	}
	if err := s.keep([]byte{'<'}, body, []byte{'>'}); err != nil {
		return err
	}
	if body[0] == '/' {
		return s.endTag(localName(body[1:]))
	}
	if s.ended {
		return malformed(line, column, "a second root element")
	}
	name, empty := localName(body), body[len(body)-1] == '/'
	if s.elements++; s.elements > s.limits.Elements || len(s.stack) >= s.limits.Depth {
		return hub.Errorf(hub.KindTooLarge, "package", "max_elements", "line %d: the package has too many or too deeply nested elements", line)
	}
	if empty {
		s.ended = s.outside()
		return nil
	}
	s.stack = append(s.stack, name)
	switch {
	case name == "Attachment":
		s.hint = attachmentHint{}
	case s.inContent():
		return s.attachment()
	}
	return nil
}

// tagBody returns the bytes between '<' and '>', which may stand inside quotes.
func (s *scanner) tagBody() ([]byte, error) {
	var body []byte
	var quote byte
	for {
		text, err := s.until('>')
		if err != nil {
			return nil, s.unexpectedEnd(err)
		}
		body = append(body, text...)
		if quote = quoteAfter(quote, text); quote == 0 {
			break
		}
		if body = append(body, '>'); len(body) > s.limits.Header {
			return nil, s.tooLarge()
		}
	}
	if len(body) == 0 || bytes.IndexByte(body, '<') >= 0 {
		return nil, s.malformed("a tag is broken")
	}
	return body, nil
}

// quoteAfter returns the quotation mark that is open behind a piece of a tag; 0
// for none.
func quoteAfter(quote byte, piece []byte) byte {
	for _, b := range piece {
		switch {
		case quote == 0 && (b == '"' || b == '\''):
			quote = b
		case b == quote:
			quote = 0
		}
	}
	return quote
}

func (s *scanner) endTag(name string) error {
	if len(s.stack) == 0 {
		return s.malformed("</" + name + "> closes nothing")
	}
	open := s.stack[len(s.stack)-1]
	if open != name {
		return s.malformed("</" + name + "> where </" + open + "> is expected")
	}
	s.stack = s.stack[:len(s.stack)-1]
	s.ended = s.outside()
	return nil
}

func localName(tag []byte) string {
	end := bytes.IndexAny(tag, " \t\r\n/")
	if end >= 0 {
		tag = tag[:end]
	}
	if colon := bytes.LastIndexByte(tag, ':'); colon >= 0 {
		tag = tag[colon+1:]
	}
	return string(tag)
}

// inContent reports whether the scanner stands in the content of an attachment:
// root / AttachmentEncoded / Attachment / ContentTransferEncoded.
func (s *scanner) inContent() bool {
	n := len(s.stack)
	return n == 4 && s.stack[1] == "AttachmentEncoded" && s.stack[2] == "Attachment" && s.stack[3] == "ContentTransferEncoded"
}

// noteText remembers what says how the content of an attachment is to be read,
// for the usual order in which it stands before the content.
func (s *scanner) noteText(text []byte) {
	if len(s.stack) != 4 || s.stack[2] != "Attachment" || len(text) > 1024 {
		return
	}
	value := strings.TrimSpace(string(text))
	if value == "" {
		return
	}
	switch s.stack[3] {
	case "ContentType":
		s.hint.contentType = &value
	case "AttachmentName":
		s.hint.name = &value
	case "Format":
		s.hint.format = &value
	}
}

// attachment streams the content that follows to the sink. What the sink leaves
// unread is read over. The skeleton gets nothing of it.
func (s *scanner) attachment() error {
	r := &contentReader{s: s}
	err := s.content(s.hint, r)
	if err == nil {
		_, err = io.Copy(io.Discard, r)
	}
	if err != nil {
		return err
	}
	s.cuts = append(s.cuts, cut{skeleton: s.skeleton.Len(), line: s.line, column: s.column})
	return nil
}

// position translates a line of the skeleton into one of the package.
func (s *scanner) position(skeletonLine int) int {
	line, offset := skeletonLine, 0
	for _, c := range s.cuts {
		inSkeleton := 1 + bytes.Count(s.skeleton.Bytes()[:c.skeleton], []byte{'\n'})
		if inSkeleton <= skeletonLine {
			offset = c.line - inSkeleton
		}
	}
	return line + offset
}

// valid refuses bytes that are no text.
func (s *scanner) valid() error {
	if !utf8.Valid(s.skeleton.Bytes()) {
		return hub.Errorf(hub.KindUnsupported, "package", "encoding", "the package is not valid UTF-8")
	}
	return nil
}
