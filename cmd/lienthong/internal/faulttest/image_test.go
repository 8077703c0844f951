package faulttest

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/lienthong/lienthong/cmd/lienthong/internal/hubproc"
)

// A crash image is what a power cut leaves: ext4 on a loop file, the hub frozen
// under load, the file copied, the copy mounted. Data that was never synchronised
// is missing from it. A kill alone cannot show that, because the page cache
// survives the death of a process.

// TestCrashImages takes images under load and checks each.
func TestCrashImages(t *testing.T) {
	t.Parallel() // half of it waits for disks
	needMount(t)
	images := rounds(t, "LIENTHONG_CRASH_IMAGES", 2)
	receipts := 0
	for n := range images {
		violations, r := crashImage(t, "")
		receipts += len(r.accepted)
		for _, v := range violations {
			t.Errorf("image %d: %s", n, v)
		}
	}
	t.Logf("%d images, %d receipts", images, receipts)
	if images > 0 && receipts == 0 {
		t.Error("no receipt was given before any image: this run proves nothing")
	}
}

// TestCrashImageMutants proves that images show missing synchronisation.
func TestCrashImageMutants(t *testing.T) {
	t.Parallel() // half of it waits for disks
	needMount(t)
	if testing.Short() {
		t.Skip("mutants need many images")
	}
	for _, mutant := range []string{"no-blob-fsync", "sync-normal"} {
		t.Run(mutant, func(t *testing.T) {
			for range 12 {
				if violations, _ := crashImage(t, mutant); len(violations) > 0 {
					t.Logf("caught: %s (and %d more)", violations[0], len(violations)-1)
					return
				}
			}
			t.Error("the mutant was not caught: the crash test is blind to this fault")
		})
	}
}

// needMount skips where loop devices cannot be mounted; on a CI machine that
// says it can (root), failing to mount is an error.
func needMount(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("crash images need root for loop mounts")
	}
	dir := t.TempDir()
	if err := run("truncate", "-s", "8M", filepath.Join(dir, "probe")); err != nil {
		t.Fatal(err)
	}
	if err := run("mkfs.ext4", "-q", filepath.Join(dir, "probe")); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(dir, "mnt"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := run("mount", "-o", "loop", filepath.Join(dir, "probe"), filepath.Join(dir, "mnt")); err != nil {
		t.Skipf("this machine does not allow loop mounts: %v", err)
	}
	if err := run("umount", filepath.Join(dir, "mnt")); err != nil {
		t.Fatal(err)
	}
}

func run(name string, args ...string) error {
	if out, err := exec.CommandContext(context.Background(), name, args...).CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w: %s", name, err, out)
	}
	return nil
}

// smallDisk is for hubs on the disks below: all of them have less room than a hub wants
// to have free for its work.
const smallDisk = "LIENTHONG_MIN_FREE=0"

// disk is one mounted loop file system.
type disk struct{ image, mount string }

func newDisk(t *testing.T, image string, format bool) disk {
	t.Helper()
	d := disk{image: image, mount: image + ".mnt"}
	if format {
		for _, step := range [][]string{{"truncate", "-s", "256M", image}, {"mkfs.ext4", "-q", image}} {
			if err := run(step[0], step[1:]...); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := os.MkdirAll(d.mount, 0o700); err != nil {
		t.Fatal(err)
	}
	// commit=600: ext4 must not rescue unsynchronised data by its own rhythm.
	if err := run("mount", "-o", "loop,commit=600", image, d.mount); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { syscall.Unmount(d.mount, syscall.MNT_DETACH) }) // after a failed test only
	return d
}

func (d disk) unmount(t *testing.T) {
	t.Helper()
	for end := time.Now().Add(patience); time.Now().Before(end); {
		if err := syscall.Unmount(d.mount, 0); err == nil {
			return
		}
		time.Sleep(20 * time.Millisecond) // the kernel lets go shortly after the process is gone
	}
	t.Fatalf("cannot unmount %s", d.mount)
}

// crashImage runs one hub on a fresh disk under load, freezes it, copies the
// disk and checks a hub on the copy against the promises given until then.
func crashImage(t *testing.T, mutant string) ([]string, *record) {
	t.Helper()
	dir := t.TempDir()
	original := newDisk(t, filepath.Join(dir, "disk"), true)
	dataDir := filepath.Join(original.mount, "hub")
	l := &load{keys: prepared(t, dataDir, smallDisk), record: newRecord(), counter: new(atomic.Int64)}
	h := startHub(t, dataDir, mutant, smallDisk)
	ctx, cancel := context.WithCancel(t.Context())
	var group sync.WaitGroup
	group.Go(func() { l.run(ctx, h.URL) })
	waitForReceipts(t, h, l.record, 100)

	if err := h.Freeze(); err != nil {
		t.Fatal(err)
	}
	promised := l.record.snapshot() // what was answered before the power went
	copied := filepath.Join(dir, "copy")
	if err := run("cp", "--sparse=always", original.image, copied); err != nil {
		t.Fatal(err)
	}
	if err := h.Thaw(); err != nil {
		t.Fatal(err)
	}
	cancel()
	h.Kill()
	group.Wait()
	original.unmount(t)

	crashed := newDisk(t, copied, false)
	defer crashed.unmount(t)
	h = startHub(t, filepath.Join(crashed.mount, "hub"), "", smallDisk)
	defer h.Kill()
	// Documents answered after the freeze are gone with the power; only those
	// attempted before it may be shown.
	l.record = promised
	if err := l.settle(t.Context(), h.URL); err != nil {
		return []string{"lost: " + err.Error()}, promised
	}
	return audit(t, h, l), promised
}

func waitForReceipts(t *testing.T, h *hubproc.Process, r *record, count int) {
	t.Helper()
	deadline := time.After(patience)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		r.mu.Lock()
		got, refusals, refusal := len(r.accepted), r.refusals, r.refusal
		r.mu.Unlock()
		if got >= count {
			return
		}
		select {
		case <-tick.C:
		case <-h.Done():
			t.Fatalf("the hub ended by itself:\n%s", h.Log())
		case <-deadline:
			t.Fatalf("%d of %d receipts in %s; %d refusals, the last one: %v\n%s", got, count, patience, refusals, refusal, h.Log())
		}
	}
}
