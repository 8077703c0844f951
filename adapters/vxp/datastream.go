package vxp

import (
	"bufio"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/lienthong/lienthong/hub"
)

// maxRest bounds what an answer holds besides its data, in bytes.
const maxRest = 1 << 20

// readFile reads the answer of getEdoc: the members of the answer, and the file in data,
// which is decoded on the way to w. The file may lie in the answer before the member that
// tells of a refusal, so what was written counts only when the answer was success.
func readFile(r io.Reader, w io.Writer) (Answer, error) {
	var a Answer
	budget := &bounded{r: r, left: maxRest}
	d := json.NewDecoder(budget)
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return a, notWhole(fmt.Errorf("it is no object: %w", err))
	}
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return a, notWhole(err)
		}
		if key == fieldData {
			if d, err = streamData(d, budget, w); err != nil {
				return a, err
			}
			continue
		}
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			return a, notWhole(err)
		}
		a.set(fmt.Sprint(key), value)
	}
	if _, err := d.Token(); err != nil {
		return a, notWhole(err)
	}
	return a, nil
}

// set takes a member of an answer; numbers count as their text, as clients take them.
func (a *Answer) set(name string, value json.RawMessage) {
	var text string
	if json.Unmarshal(value, &text) != nil {
		text = string(value)
	}
	switch name {
	case "status":
		a.Status = text
	case "ErrorCode":
		a.Code = text
	case "ErrorDesc":
		a.Desc = text
	case fieldDocID:
		a.DocID = text
	case fieldData:
		a.Data = value
	}
}

// readAnswer reads an answer of at most that many bytes, whatever its members are.
func readAnswer(r io.Reader, most int64) (Answer, error) {
	var a Answer
	var members map[string]json.RawMessage
	if err := json.NewDecoder(&bounded{r, most}).Decode(&members); err != nil {
		return a, notWhole(err)
	}
	for name, value := range members {
		a.set(name, value)
	}
	return a, nil
}

// streamData decodes the text behind the key data, and returns a decoder for what follows.
func streamData(d *json.Decoder, budget *bounded, w io.Writer) (*json.Decoder, error) {
	budget.left = maxAnswer
	rest := bufio.NewReaderSize(io.MultiReader(d.Buffered(), budget), 64<<10)
	for _, want := range []byte{':', '"'} {
		if err := skipTo(rest, want); err != nil {
			return nil, err
		}
	}
	if err := decodeText(rest, w); err != nil {
		return nil, err
	}
	budget.left = maxRest
	next := json.NewDecoder(io.MultiReader(strings.NewReader(`{"":0`), rest))
	for range 3 { // the object, and the member that stands for what was read
		if _, err := next.Token(); err != nil {
			return nil, notWhole(err)
		}
	}
	return next, nil
}

// skipTo reads blanks and then the one byte that must follow.
func skipTo(r *bufio.Reader, want byte) error {
	for {
		c, err := r.ReadByte()
		switch {
		case err != nil:
			return notWhole(err)
		case c == want:
			return nil
		case !strings.ContainsRune(" \t\r\n", rune(c)):
			return hub.Errorf(hub.KindUnavailable, "data", "json", "the axis answers getEdoc with data that is no text")
		}
	}
}

// decodeText decodes base64 until the end of a JSON text: of either alphabet, with or
// without padding and breaks of lines, as clients accept it.
func decodeText(r *bufio.Reader, w io.Writer) error {
	group := make([]byte, 0, 32<<10)
	out := make([]byte, base64.RawStdEncoding.DecodedLen(cap(group)))
	flush := func() error {
		n, err := base64.RawStdEncoding.Decode(out, group)
		if err != nil {
			return hub.Errorf(hub.KindUnavailable, "data", "base64", "the axis answers getEdoc with data that is no base64")
		}
		group = group[:0]
		_, err = w.Write(out[:n])
		return err
	}
	for {
		c, err := textByte(r)
		switch {
		case errors.Is(err, errTextEnds):
			return flush()
		case err != nil:
			return notWhole(err)
		case strings.IndexByte("= \t\r\n", c) >= 0:
			continue
		case c == '-':
			c = '+'
		case c == '_':
			c = '/'
		}
		if group = append(group, c); len(group) == cap(group) {
			if err := flush(); err != nil {
				return err
			}
		}
	}
}

var errTextEnds = errors.New("the text ends")

// textByte reads one character of a JSON text. Whatever base64 does not have comes back
// as a byte that it does not have either.
func textByte(r *bufio.Reader) (byte, error) {
	c, err := r.ReadByte()
	switch {
	case err != nil:
		return 0, err
	case c == '"':
		return 0, errTextEnds
	case c < ' ':
		return '!', nil // it may stand there as an escape alone (RFC 8259, 7)
	case c != '\\':
		return c, nil
	}
	c, err = r.ReadByte()
	switch {
	case err != nil:
		return 0, err
	case strings.IndexByte("bfnrt", c) >= 0:
		return '\n', nil
	case strings.IndexByte(`"\/`, c) >= 0:
		return c, nil
	case c != 'u':
		return '!', nil
	}
	hex := make([]byte, 4)
	if _, err := io.ReadFull(r, hex); err != nil {
		return 0, err
	}
	n, err := strconv.ParseUint(string(hex), 16, 16)
	if err != nil || n > 127 {
		return '!', nil //nolint:nilerr // no base64, which the decoder says
	}
	return byte(n), nil
}

// bounded fails when more comes than is left.
type bounded struct {
	r    io.Reader
	left int64
}

// Read implements io.Reader.
func (b *bounded) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, errors.New("the answer is too large")
	}
	n, err := b.r.Read(p[:min(int64(len(p)), b.left)])
	b.left -= int64(n)
	return n, err
}
