package lgsp

import (
	"bufio"
	"errors"
	"io"
	"strings"

	"github.com/lienthong/lienthong/hub"
)

// form reads application/x-www-form-urlencoded as it arrives.
type form struct {
	r    *bufio.Reader
	last *formValue
}

func (f *form) next() (field, error) {
	if f.last != nil {
		if _, err := io.Copy(io.Discard, f.last); err != nil {
			return field{}, err
		}
	}
	var name strings.Builder
	for reader := (&formValue{r: f.r, until: '='}); ; {
		var b [1]byte
		n, err := reader.Read(b[:])
		if n > 0 {
			name.WriteByte(b[0])
		}
		switch {
		case name.Len() > maxFieldName:
			return field{}, hub.Invalid("body", "form", "a name in the form has at most %d bytes", maxFieldName)
		case errors.Is(err, io.EOF) && reader.last == 0 && name.Len() == 0:
			return field{}, io.EOF
		case errors.Is(err, io.EOF) && reader.last == '&' && name.Len() == 0: // nothing between two
			reader = &formValue{r: f.r, until: '='}
		case errors.Is(err, io.EOF) && reader.last != '=': // a name without a value
			f.last = nil
			return field{name: name.String(), content: strings.NewReader("")}, nil
		case errors.Is(err, io.EOF):
			f.last = &formValue{r: f.r}
			return field{name: name.String(), content: f.last}, nil
		case err != nil:
			return field{}, err
		}
	}
}

// formValue decodes up to the next "&", or an earlier end, and takes that with it.
type formValue struct {
	r     *bufio.Reader
	until byte // ends it besides "&"; 0 for nothing
	last  byte // what ended it; 0 for the end of the body
	done  bool
}

// Read implements io.Reader.
func (v *formValue) Read(p []byte) (n int, err error) {
	for n < len(p) {
		if v.done {
			return n, io.EOF
		}
		c, err := v.r.ReadByte()
		switch {
		case errors.Is(err, io.EOF):
			v.done = true
			continue
		case err != nil:
			return n, err
		case c == '&' || v.until != 0 && c == v.until:
			v.done, v.last = true, c
			continue
		case c == '+':
			c = ' '
		case c == '%':
			if c, err = v.escaped(); err != nil {
				return n, err
			}
		}
		p[n] = c
		n++
	}
	return n, nil
}

func (v *formValue) escaped() (byte, error) {
	var pair [2]byte
	if _, err := io.ReadFull(v.r, pair[:]); err != nil {
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return 0, hub.Invalid("body", "form", "the form ends in the middle of a character")
		}
		return 0, err
	}
	high, ok1 := hexDigit(pair[0])
	low, ok2 := hexDigit(pair[1])
	if !ok1 || !ok2 {
		return 0, hub.Invalid("body", "form", "%%%.2s in the form is no character", pair[:])
	}
	return high<<4 | low, nil
}

func hexDigit(c byte) (byte, bool) {
	switch {
	case c >= '0' && c <= '9':
		return c - '0', true
	case c >= 'a' && c <= 'f':
		return c - 'a' + 10, true
	case c >= 'A' && c <= 'F':
		return c - 'A' + 10, true
	}
	return 0, false
}
