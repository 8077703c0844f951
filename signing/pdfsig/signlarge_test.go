package pdfsig_test

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"testing"

	"github.com/lienthong/lienthong/signing/pdfsig"
	"github.com/lienthong/lienthong/signing/pki"
)

// TestLargeFilesAreSignedInPieces signs files of 50 and 300 MB: memory does not
// depend on their size, and what comes out is the file with something behind it.
func TestLargeFilesAreSignedInPieces(t *testing.T) {
	a := authority(t, pki.P256)
	by, seal := person(t, a, pki.P256), agency(t, a, pki.P256)
	for _, size := range []int64{50 << 20, 300 << 20} {
		t.Run(fmt.Sprint(size>>20), func(t *testing.T) {
			file := largeSigned(t, size, by)
			total := sizeOf(t, file)
			out := &counter{keep: total}
			peak := peakDuring(func() {
				if err := pdfsig.Sign(t.Context(), file, total, out, baseline(seal)); err != nil {
					t.Fatal(err)
				}
			})
			if peak > 16<<20 {
				t.Errorf("signing %d MB takes %d KB of memory", size>>20, peak>>10)
			}
			if out.written <= total || out.tail.Len() > 32<<10 || !bytes.HasSuffix(out.tail.Bytes(), []byte("%%EOF\n")) {
				t.Errorf("%d bytes became %d", total, out.written)
			}
		})
	}
}

// counter throws away the first bytes of what is written to it.
type counter struct {
	keep, written int64
	tail          bytes.Buffer
}

// Write implements io.Writer.
func (c *counter) Write(p []byte) (int, error) {
	n := len(p)
	if skip := c.keep - c.written; skip > 0 {
		p = p[min(skip, int64(n)):]
	}
	c.written += int64(n)
	c.tail.Write(p)
	return n, nil
}

func BenchmarkSign(b *testing.B) {
	a := authority(b, pki.P256)
	for _, size := range []int{200 << 10, 50 << 20} {
		file := documentOfSize(b, size)
		for _, algorithm := range []pki.Algorithm{pki.P256, pki.RSA2048} {
			request := baseline(agency(b, a, algorithm))
			b.Run(fmt.Sprintf("%dKB/%s", size>>10, algorithm), func(b *testing.B) {
				b.ReportAllocs()
				b.SetBytes(int64(len(file)))
				for b.Loop() {
					if err := pdfsig.Sign(b.Context(), bytes.NewReader(file), int64(len(file)), io.Discard, request); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
		b.Run(fmt.Sprintf("%dKB/SHA-256 alone", size>>10), func(b *testing.B) {
			b.SetBytes(int64(len(file)))
			for b.Loop() {
				sha256.Sum256(file)
			}
		})
	}
}
