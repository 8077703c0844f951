package gzipped_test

import (
	"bytes"
	"compress/gzip"
	"io"
	"testing"

	"github.com/lienthong/lienthong/adapters/internal/gzipped"
)

func TestAccepted(t *testing.T) {
	for header, want := range map[string]bool{
		"": false, "gzip": true, "deflate, gzip;q=0.5": true, "GZIP": true, "*": true, "br": false,
		"gzip;q=0": false, "gzip; q=0.000": false, "gzip;q=x": false, "gzipped": false,
	} {
		if got := gzipped.Accepted(header); got != want {
			t.Errorf("%q: %v, want %v", header, got, want)
		}
	}
}

func TestCompress(t *testing.T) {
	body := bytes.Repeat([]byte("văn bản "), 500)
	small, shorter := gzipped.Compress(body, gzip.BestSpeed)
	if !shorter {
		t.Fatal("text is not made shorter")
	}
	z, err := gzip.NewReader(bytes.NewReader(small))
	if err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(z); err != nil || !bytes.Equal(got, body) {
		t.Errorf("%d bytes come back of %d, %v", len(got), len(body), err)
	}
	if _, shorter := gzipped.Compress([]byte("a"), gzip.BestSpeed); shorter {
		t.Error("one byte is made shorter")
	}
	if _, shorter := gzipped.Compress(body, 99); shorter {
		t.Error("a level that does not exist compresses")
	}
}
