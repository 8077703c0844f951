package witnessdir

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lienthong/lienthong/hub"
)

// TestWhatWasSeenStays: across a restart, one log apart from the other, and with the
// first proofs of a fork.
func TestWhatWasSeenStays(t *testing.T) {
	path := filepath.Join(t.TempDir(), "witness")
	d, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Open(path); hub.KindOf(err) != hub.KindConflict {
		t.Errorf("a second process: %v", err)
	}
	if _, err := d.Seen(t.Context(), "a"); hub.KindOf(err) != hub.KindNotFound {
		t.Errorf("before the first: %v", err)
	}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(d.Keep(t.Context(), "a", []byte("one\n")))
	must(d.Keep(t.Context(), "a", []byte("two\n")))
	must(d.Keep(t.Context(), "../../b", []byte("other\n")))
	fork := func(refused string, proven bool, minute int) hub.LogFork {
		return hub.LogFork{
			Origin: "a", Seen: []byte("two\n"), Refused: []byte(refused), Old: 3, Proof: []hub.Digest{{1}},
			At: time.Date(2026, 1, 5, 1, minute, 0, 0, time.UTC), Proven: proven,
		}
	}
	for _, f := range []hub.LogFork{fork("x", true, 1), fork("junk", false, 2), fork("x", true, 3), fork("more junk", false, 4), fork("y", true, 5)} {
		must(d.KeepFork(t.Context(), f))
	}
	must(d.Close())
	if d, err = Open(path); err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	for _, reader := range []func() (*Dir, error){func() (*Dir, error) { return d, nil }, func() (*Dir, error) { return Read(path) }} {
		r, err := reader()
		must(err)
		a, err := r.Seen(t.Context(), "a")
		must(err)
		b, err := r.Seen(t.Context(), "../../b")
		must(err)
		if string(a) != "two\n" || string(b) != "other\n" {
			t.Errorf("seen %q and %q", a, b)
		}
		forks, err := r.Forks(t.Context(), "a")
		must(err)
		if diff := cmp.Diff([]hub.LogFork{fork("x", true, 1), fork("more junk", false, 4), fork("y", true, 5)}, forks); diff != "" {
			t.Error(diff)
		}
	}
	for i := range 2 * maxForks {
		must(d.KeepFork(t.Context(), fork(string(rune('A'+i)), true, 10+i)))
	}
	if forks, err := d.Forks(t.Context(), "a"); err != nil || len(forks) != maxForks+1 {
		t.Errorf("%d forks are kept, %v", len(forks), err)
	}
	left, err := filepath.Glob(filepath.Join(path, "logs", "*", ".new-*"))
	if err != nil || len(left) > 0 {
		t.Errorf("left half-written: %v", left)
	}
}

// TestAFailedWriteChangesNothing.
func TestAFailedWriteChangesNothing(t *testing.T) {
	d, err := Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if err := d.Keep(t.Context(), "a", []byte("one\n")); err != nil {
		t.Fatal(err)
	}
	checkpoint := filepath.Join(d.folder("a"), checkpointFile)
	if err := os.Remove(checkpoint); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(checkpoint, "in the way"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := d.Keep(t.Context(), "a", []byte("two\n")); err == nil {
		t.Error("a write that failed is told as done")
	}
	if left, _ := filepath.Glob(filepath.Join(d.folder("a"), ".new-*")); len(left) > 0 {
		t.Errorf("left half-written: %v", left)
	}
}
