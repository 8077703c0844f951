package pdfsig

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// TestHexadecimalStrings: wherever blanks, an odd digit or the end of the window fall,
// the value is that of reading digit by digit (ISO 32000-1, 7.3.4.3).
func TestHexadecimalStrings(t *testing.T) {
	for _, tt := range []struct {
		text string
		want []byte
	}{
		{"<>", nil},
		{"<4>", []byte{0x40}},
		{"<4f>", []byte{0x4f}},
		{"<4F5>", []byte{0x4f, 0x50}},
		{"< 4 f\n5\t>", []byte{0x4f, 0x50}},
		{"<4f 5e6d>", []byte{0x4f, 0x5e, 0x6d}},
		{"<4 f5 e6 d>", []byte{0x4f, 0x5e, 0x6d}},
		{"<" + strings.Repeat("aB", windowBytes) + "1>", append(bytes.Repeat([]byte{0xab}, windowBytes), 0x10)},
		{"<0 " + strings.Repeat("12", windowBytes) + ">", slices.Concat([]byte{0x01}, bytes.Repeat([]byte{0x21}, windowBytes-1), []byte{0x20})},
	} {
		for offset := range 3 {
			p := newParser(strings.NewReader(strings.Repeat(" ", offset)+tt.text+" x"), int64(offset))
			got, ok := p.object(0).(*text)
			if p.err != nil || !ok || !bytes.Equal(got.value, tt.want) || got.end != int64(offset+len(tt.text)) {
				t.Errorf("%.20s: %v, %v", tt.text, ok, p.err)
			}
		}
	}
	for _, bad := range []string{"<4g>", "<4f", "<4f5", "<" + strings.Repeat("00", maxStringBytes+1) + ">"} {
		p := newParser(strings.NewReader(bad), 0)
		if p.object(0); p.err == nil {
			t.Errorf("%.20s... was read", bad)
		}
	}
}

func BenchmarkHexadecimalString(b *testing.B) {
	raw := fmt.Sprintf("<%s>", strings.Repeat("30", 16<<10))
	for b.Loop() {
		if p := newParser(strings.NewReader(raw), 0); p.object(0) == nil {
			b.Fatal(p.err)
		}
	}
}
