package bench

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"time"

	"github.com/lienthong/lienthong/cmd/lienthong/internal/sample"
	"github.com/lienthong/lienthong/signing/pki"
)

// A load of many thousand documents cannot be signed beforehand, and must not be
// signed while the clock runs: to sign costs more than to verify. So each size is
// signed once, by a leader and then by the agency, and the documents that are sent
// differ in how the digits of the last signature value are written: hexadecimal
// letters in capitals or not (ISO 32000-1, 7.3.4.3). No signature covers the
// spelling of its own value. Each document is therefore another file with another
// SHA-256, both its signatures are sound, and to verify it is the same work.

// letter is a signed document that can be spelt in many ways.
type letter struct {
	content []byte
	from    int   // the spelling is content[from:to]
	to      int   // not included
	letters []int // places of the hexadecimal letters, from the start of the spelling
}

// spellings is how many bits the spelling of a document carries.
const spellings = 64

// newLetter signs a document of about size bytes: exactly size where two signatures
// leave room for that.
func newLetter(ctx context.Context, signers sample.Signers, size int) (*letter, error) {
	padding := 0
	for {
		signed, err := signers.Sign(ctx, unsigned(padding), time.Now())
		if err != nil {
			return nil, err
		}
		missing := size - len(signed)
		if missing <= 0 || padding > 0 && missing < size/100 {
			return spelt(signed)
		}
		padding += missing
	}
}

// spelt finds the value of the last signature.
func spelt(signed []byte) (*letter, error) {
	mark := []byte("/Contents<")
	at := bytes.LastIndex(signed, mark)
	if at < 0 {
		return nil, errors.New("the signed document has no signature value")
	}
	l := &letter{content: signed, from: at + len(mark)}
	for l.to = l.from; l.to < len(signed) && len(l.letters) < spellings; l.to++ {
		switch c := signed[l.to] | 0x20; {
		case c >= 'a' && c <= 'f':
			l.letters = append(l.letters, l.to-l.from)
		case signed[l.to] == '>':
			return nil, errors.New("the signature value is too short to be spelt in many ways")
		}
	}
	return l, nil
}

// size in bytes, of every spelling.
func (l *letter) size() int64 { return int64(len(l.content)) }

// spelling is the n-th way to write the value.
func (l *letter) spelling(n uint64) []byte {
	spelling := bytes.ToLower(l.content[l.from:l.to])
	for bit, at := range l.letters {
		if n>>bit&1 == 1 {
			spelling[at] &^= 0x20
		}
	}
	return spelling
}

// body is the n-th spelling; what it is called is said beside it.
func (l *letter) body(n uint64, _, _ string) io.Reader {
	return io.MultiReader(bytes.NewReader(l.content[:l.from]), bytes.NewReader(l.spelling(n)), bytes.NewReader(l.content[l.to:]))
}

// unsigned is a page of one line with an attachment of so many bytes that do not
// compress; without one where there is nothing to attach.
func unsigned(attached int) []byte {
	text := "BT /F1 12 Tf 72 720 Td (SAMPLE WITHOUT LEGAL VALUE - lienthong load test) Tj ET"
	objects := [][]byte{
		[]byte("<</Type/Catalog/Pages 2 0 R>>"),
		[]byte("<</Type/Pages/Kids[3 0 R]/Count 1>>"),
		[]byte("<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Contents 4 0 R/Resources<</Font<</F1 5 0 R>>>>>>"),
		fmt.Appendf(nil, "<</Length %d>>\nstream\n%s\nendstream", len(text), text),
		[]byte("<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>"),
	}
	if attached > 0 {
		objects[0] = []byte("<</Type/Catalog/Pages 2 0 R/Names<</EmbeddedFiles<</Names[(annex.bin) 6 0 R]>>>>>>")
		stream := fmt.Appendf(make([]byte, 0, attached+100), "<</Type/EmbeddedFile/Length %d>>\nstream\n", attached)
		objects = append(objects, []byte("<</Type/Filespec/F(annex.bin)/EF<</F 7 0 R>>>>"),
			append(appendNoise(stream, attached), "\nendstream"...))
	}
	return assemble(objects)
}

// assemble writes objects as a file, with the table that says where each one is.
func assemble(objects [][]byte) []byte {
	out := slices.Grow([]byte("%PDF-1.7\n"), len(objects[len(objects)-1])+2048)
	table := fmt.Appendf(nil, "xref\n0 %d\n0000000000 65535 f \n", len(objects)+1)
	for i, object := range objects {
		table = fmt.Appendf(table, "%010d 00000 n \n", len(out))
		out = fmt.Appendf(out, "%d 0 obj\n", i+1)
		out = append(append(out, object...), "\nendobj\n"...)
	}
	start := len(out)
	out = append(out, table...)
	return fmt.Appendf(out, "trailer\n<</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n", len(objects)+1, start)
}

// appendNoise adds bytes that do not compress, the same every time.
func appendNoise(b []byte, size int) []byte {
	state := uint32(1)
	for range size {
		state = state*1664525 + 1013904223
		b = append(b, byte(state>>24))
	}
	return b
}

// newSigners makes a test PKI with RSA-2048, which agencies use today, and writes
// its anchors to a file.
func newSigners(anchors string) (sample.Signers, error) {
	authority, err := pki.New(time.Now(), pki.RSA2048)
	if err != nil {
		return sample.Signers{}, err
	}
	signers, err := sample.NewSigners(authority, "Cơ quan đo tải", pki.RSA2048)
	if err != nil {
		return sample.Signers{}, err
	}
	return signers, os.WriteFile(anchors, authority.AnchorsPEM(), 0o600)
}
