// Package whole copies content to those who ask for it so that what is damaged never
// arrives whole: the last piece is held back until the content has ended well, because
// only then its digest is known to be right.
package whole

import (
	"errors"
	"io"
)

// Content is read in pieces, of which the end is held back, in bytes. The buffer is most of
// what a download allocates: it is no larger than the content.
const (
	piece = 64 << 10
	held  = 16 << 10
)

// ReadError says that the content could not be read to its end. Who answered with a part
// of it must break off.
type ReadError struct{ Err error }

// Error implements error.
func (e *ReadError) Error() string { return e.Err.Error() }

// Unwrap returns what reading failed with.
func (e *ReadError) Unwrap() error { return e.Err }

// Copy copies content, which should have size bytes, and calls begin once before it writes,
// when the first piece was read. Its error is a *ReadError, or that of the writer as it is.
func Copy(w io.Writer, content io.Reader, size int64, begin func()) error {
	buffer, have := make([]byte, min(piece, max(size+1, 2*held))), 0 // a byte more, where the end shows
	for first, end := true, false; !end; first = false {
		n, err := fill(content, buffer[have:])
		if end = errors.Is(err, io.EOF); err != nil && !end {
			return &ReadError{err}
		}
		if first {
			begin()
		}
		if have += n; end {
			break
		}
		if _, err := w.Write(buffer[:have-held]); err != nil { // it is full
			return err
		}
		have = copy(buffer, buffer[have-held:])
	}
	_, err := w.Write(buffer[:have])
	return err
}

// fill reads until p is full or reading fails, and keeps every error, unlike
// io.ReadFull.
func fill(r io.Reader, p []byte) (n int, err error) {
	for n < len(p) && err == nil {
		var m int
		m, err = r.Read(p[n:])
		n += m
	}
	return n, err
}
