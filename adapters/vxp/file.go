package vxp

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"hash"
	"io"
	"os"
	"strconv"
	"strings"

	"github.com/lienthong/lienthong/hub"
)

// file reads the body of sendEdoc as the file that it carries: the client adds one CR LF
// behind the file, and says the hash of the file without them. The last two bytes are
// held back until the end tells whether they belong to the file. A body with another
// hash ends in an error instead of io.EOF, so that nothing of it is taken.
type file struct {
	r          io.Reader
	room       int64 // bytes that may still come
	limit      int64
	want       string
	sum        hash.Hash // of what was handed out
	buf        []byte
	pos, ready int // buf[pos:ready] may be handed out
	end        int // buf[ready:end] is held back
	err        error
}

const crlf = "\r\n"

func newFile(r io.Reader, limit int64, want string) *file {
	return &file{r: r, room: limit + int64(len(crlf)), limit: limit, want: strings.ToLower(want), sum: sha256.New(), buf: make([]byte, 64<<10)}
}

// Read implements io.Reader. Errors: KindTooLarge, KindInvalid (hash-file, truncated).
func (f *file) Read(p []byte) (int, error) {
	for f.pos == f.ready {
		if f.err != nil {
			return 0, f.err
		}
		f.fill()
	}
	n := copy(p, f.buf[f.pos:f.ready])
	f.pos += n
	return n, nil
}

// whole reports whether the file was read to an end that was right.
func (f *file) whole() bool { return errors.Is(f.err, io.EOF) && f.pos == f.ready }

func (f *file) fill() {
	held := copy(f.buf, f.buf[f.ready:f.end])
	n, err := f.r.Read(f.buf[held:])
	f.pos, f.ready, f.end = 0, 0, held+n
	if f.room -= int64(n); f.room < 0 {
		f.end, f.err = 0, hub.Errorf(hub.KindTooLarge, "file", "max_size", "a file has at most %d bytes", f.limit)
		return
	}
	switch {
	case errors.Is(err, io.EOF):
		f.finish()
		return
	case errors.Is(err, os.ErrDeadlineExceeded):
		f.end, f.err = 0, &hub.Error{Kind: hub.KindInvalid, Field: "file", Rule: "body_timeout", Message: "the file came too slowly", Err: err}
		return
	case err != nil:
		f.end, f.err = 0, &hub.Error{Kind: hub.KindInvalid, Field: "file", Rule: "truncated", Message: "the file broke off", Err: err}
		return
	}
	f.ready = max(0, f.end-len(crlf))
	f.sum.Write(f.buf[:f.ready])
}

// finish decides whether the last two bytes are the file's. A client that adds none is
// understood too.
func (f *file) finish() {
	cut := max(0, f.end-len(crlf))
	f.sum.Write(f.buf[:cut])
	f.ready, f.err = cut, io.EOF
	if string(f.buf[cut:f.end]) == crlf && matches(f.want, f.sum.Sum(nil)) {
		return
	}
	f.sum.Write(f.buf[cut:f.end])
	f.ready = f.end
	if !matches(f.want, f.sum.Sum(nil)) {
		f.ready, f.end = 0, 0
		f.err = hub.Invalid("hash-file", "digest", "the file that came has another SHA-256 than hash-file says: send it again")
	}
}

// matches compares the hash as the client writes it, each byte in hexadecimal without
// leading zeros, and as everybody else does.
func matches(want string, sum []byte) bool {
	return want == unpadded(sum) || want == hex.EncodeToString(sum)
}

func unpadded(sum []byte) string {
	var b strings.Builder
	for _, c := range sum {
		b.WriteString(strconv.FormatUint(uint64(c), 16))
	}
	return b.String()
}
