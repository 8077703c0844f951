package whole

import (
	"bytes"
	"errors"
	"io"
	"testing"
	"testing/iotest"
)

func TestCopy(t *testing.T) {
	damaged := errors.New("another digest")
	for _, size := range []int{0, 1, held, held + 1, 2 * held, piece - held, piece - 1, piece, piece + 1, 3*piece + 7} {
		content := bytes.Repeat([]byte("x"), size)
		for _, said := range []int{size, 0, size / 2, 2 * size} { // a wrong size costs nothing but memory
			var good, bad bytes.Buffer
			begun := 0
			if err := Copy(&good, iotest.HalfReader(bytes.NewReader(content)), int64(said), func() { begun++ }); err != nil || begun != 1 || !bytes.Equal(good.Bytes(), content) {
				t.Errorf("%d bytes, said to be %d: %d came after %d beginnings, %v", size, said, good.Len(), begun, err)
			}
			var broken *ReadError
			err := Copy(&bad, io.MultiReader(bytes.NewReader(content), iotest.ErrReader(damaged)), int64(said), func() {})
			if !errors.As(err, &broken) || !errors.Is(err, damaged) || size > 0 && bad.Len() >= size {
				t.Errorf("%d damaged bytes, said to be %d: %d came, %v", size, said, bad.Len(), err)
			}
		}
	}
}

// TestCopyTakesNoMoreMemoryThanContent and what is held back.
func TestCopyTakesNoMoreMemoryThanContent(t *testing.T) {
	content := make([]byte, 2*held)
	took := testing.Benchmark(func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			_ = Copy(io.Discard, bytes.NewReader(content), int64(len(content)), func() {})
		}
	}).AllocedBytesPerOp()
	if took > 3*held {
		t.Errorf("%d bytes were allocated for %d", took, len(content))
	}
}

// TestCopyToOneWhoHasGone gives the error of the writer as it is.
func TestCopyToOneWhoHasGone(t *testing.T) {
	r, w := io.Pipe()
	_ = r.Close()
	var broken *ReadError
	if err := Copy(w, bytes.NewReader(make([]byte, 2*piece)), 2*piece, func() {}); !errors.Is(err, io.ErrClosedPipe) || errors.As(err, &broken) {
		t.Error(err)
	}
}
