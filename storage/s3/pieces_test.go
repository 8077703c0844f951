package s3

import (
	"bytes"
	"io"
	"math/rand/v2"
	"testing"
	"testing/iotest"
)

// TestPieces: whatever the writes were, what is read is what was written, from any place.
func TestPieces(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 20 {
		var p pieces
		var want []byte
		for range r.IntN(40) {
			b := make([]byte, r.IntN(3*leastPiece))
			for i := range b {
				b[i] = byte(r.Uint32())
			}
			if n, err := p.Write(b); n != len(b) || err != nil {
				t.Fatal(n, err)
			}
			want = append(want, b...)
			clear(b) // a writer may use its buffer again
		}
		if err := iotest.TestReader(p.reader(), want); err != nil {
			t.Fatal(err)
		}
	}
}

// TestContentInMemoryTakesNoMoreThanItself: hundreds of documents wait in memory for a
// store that is slow.
func TestContentInMemoryTakesNoMoreThanItself(t *testing.T) {
	body := make([]byte, 200_000)
	took := testing.Benchmark(func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			var p pieces
			_, _ = io.CopyBuffer(&p, struct{ io.Reader }{bytes.NewReader(body)}, make([]byte, 64<<10))
		}
	}).AllocedBytesPerOp() - 64<<10
	if took > int64(len(body))*5/4 {
		t.Errorf("%d bytes were allocated for %d", took, len(body))
	}
}
