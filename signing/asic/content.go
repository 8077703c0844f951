package asic

import (
	"bufio"
	"compress/flate"
	"errors"
	"hash"
	"hash/crc32"
	"io"
)

// content reads an entry and checks, at its end, length and checksum.
type content struct {
	entry  *entry
	packed *io.SectionReader
	input  *bufio.Reader // between packed and unpacker; holds what was read ahead
	reader io.Reader
	left   int64
	crc    hash.Hash32
	done   bool
}

// open returns the content of an entry. It streams: memory does not grow with size.
func (a *archive) open(e *entry) io.Reader {
	c := &content{entry: e, left: e.size, crc: crc32.NewIEEE()}
	c.packed = io.NewSectionReader(a.source, e.content, e.packed)
	c.input = bufio.NewReaderSize(c.packed, int(min(max(e.packed, 16), 32<<10)))
	c.reader = c.input
	if e.method == methodDeflated {
		c.reader = flate.NewReader(c.input)
	}
	return c
}

// Read implements io.Reader.
func (c *content) Read(p []byte) (int, error) {
	if c.done {
		return 0, io.EOF
	}
	if c.left == 0 {
		return 0, c.finish()
	}
	if int64(len(p)) > c.left {
		p = p[:c.left]
	}
	n, err := c.reader.Read(p)
	c.left -= int64(n)
	_, _ = c.crc.Write(p[:n]) // a hash never fails to write
	switch {
	case err == nil || errors.Is(err, io.EOF) && (n > 0 || c.left == 0):
		return n, nil // what follows is asked for by the next call
	case errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF):
		return n, refuse("size", "has an entry shorter than it says: %q", c.entry.name)
	}
	return n, c.damaged(err)
}

// finish requires that the packed bytes end where the content ends.
func (c *content) finish() error {
	if n, err := c.reader.Read(make([]byte, 1)); n > 0 {
		return refuse("size", "has an entry longer than it says: %q", c.entry.name)
	} else if err != nil && !errors.Is(err, io.EOF) {
		return c.damaged(err)
	}
	if _, err := c.input.ReadByte(); err == nil {
		return refuse("layout", "has hidden bytes behind the packed content of %q", c.entry.name)
	}
	if c.crc.Sum32() != c.entry.crc {
		return refuse("checksum", "has an entry whose checksum is wrong: %q", c.entry.name)
	}
	c.done = true
	return io.EOF
}

// damaged tells a bad packed stream, which is the container's fault, from a source
// that could not be read.
func (c *content) damaged(err error) error {
	var corrupt flate.CorruptInputError
	if errors.As(err, &corrupt) || errors.Is(err, io.ErrUnexpectedEOF) {
		return refuse("content", "has an entry that cannot be unpacked: %q", c.entry.name)
	}
	return err
}
