package blobdir_test

import (
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/lienthong/lienthong/hub"
)

// TestBrokenRemoval: content whose removal broke off is back after a restart, and can
// be read before it.
func TestBrokenRemoval(t *testing.T) {
	dir := t.TempDir()
	d := open(t, dir)
	digest := commit(t, d, "abc")
	place, aside := objectPath(t, dir, digest), filepath.Join(dir, "temporary", "removed-"+digest.String())
	old := time.Now().Add(-48 * time.Hour)
	if err := os.Chtimes(place, old, old); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(place, aside); err != nil {
		t.Fatal(err)
	}
	read := func() {
		t.Helper()
		b, err := d.OpenBlob(t.Context(), digest)
		if err != nil {
			t.Fatal(err)
		}
		defer b.Close()
		if text, err := io.ReadAll(b); err != nil || string(text) != "abc" {
			t.Errorf("read %q, %v", text, err)
		}
	}
	read()
	if n, err := d.SweepStaging(t.Context(), time.Now()); n != 0 || err != nil {
		t.Errorf("%d leftovers, %v: a removal under way is none", n, err)
	}
	d = open(t, dir)
	read()
	if got := objectPath(t, dir, digest); got != place || len(files(t, dir)) != 1 {
		t.Errorf("the content is at %s among %v", got, files(t, dir))
	}
	if err := d.RemoveBlob(t.Context(), digest, time.Now().Add(-time.Hour)); err != nil {
		t.Error(err)
	}
}

// TestDamagedCopyGoesToo: the proof of damage is content as well.
func TestDamagedCopyGoesToo(t *testing.T) {
	dir := t.TempDir()
	d := open(t, dir)
	digest := commit(t, d, "abc")
	damage(t, dir, digest, func(b []byte) []byte { b[0] ^= 1; return b })
	commit(t, d, "abc") // heals it and keeps the proof
	if n := len(files(t, dir)); n != 2 {
		t.Fatalf("%d files, want the content and the proof", n)
	}
	infos, err := d.BlobInfos(t.Context(), hub.Digest{}, 10)
	if err != nil || len(infos) != 1 {
		t.Errorf("listed are %v, %v", infos, err)
	}
	if err := d.RemoveBlob(t.Context(), digest, time.Now().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	if left := files(t, dir); len(left) != 0 {
		t.Errorf("left are %v", left)
	}
}
