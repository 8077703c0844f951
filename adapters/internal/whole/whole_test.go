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
	for _, size := range []int{0, 1, held, held + 1, piece - held, piece - 1, piece, piece + 1, 3*piece + 7} {
		content := bytes.Repeat([]byte("x"), size)
		var good, bad bytes.Buffer
		begun := 0
		if err := Copy(&good, iotest.HalfReader(bytes.NewReader(content)), func() { begun++ }); err != nil || begun != 1 || !bytes.Equal(good.Bytes(), content) {
			t.Errorf("%d bytes: %d came after %d beginnings, %v", size, good.Len(), begun, err)
		}
		var broken *ReadError
		err := Copy(&bad, io.MultiReader(bytes.NewReader(content), iotest.ErrReader(damaged)), func() {})
		if !errors.As(err, &broken) || !errors.Is(err, damaged) || size > 0 && bad.Len() >= size {
			t.Errorf("%d damaged bytes: %d came, %v", size, bad.Len(), err)
		}
	}
}

// TestCopyToOneWhoHasGone gives the error of the writer as it is.
func TestCopyToOneWhoHasGone(t *testing.T) {
	r, w := io.Pipe()
	_ = r.Close()
	var broken *ReadError
	if err := Copy(w, bytes.NewReader(make([]byte, 2*piece)), func() {}); !errors.Is(err, io.ErrClosedPipe) || errors.As(err, &broken) {
		t.Error(err)
	}
}
