package faulttest

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"os/exec"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/lienthong/lienthong/cmd/lienthong/internal/hubproc"
	"github.com/lienthong/lienthong/hub/hubtest/server"
)

// TestSyscallFaults lets the kernel refuse the nth call of each kind that a hub makes
// for the disk, under load: a failed synchronisation, a full disk, a broken read. The
// hub may refuse, or end; it may not promise what it has not got.
func TestSyscallFaults(t *testing.T) {
	t.Parallel() // mostly waits
	strace := server.Program(t, "apt-get install strace", "strace")
	dir := t.TempDir()
	l := &load{keys: prepared(t, dir), record: newRecord(), counter: new(atomic.Int64)}
	deepest := rounds(t, "LIENTHONG_SYSCALLS", 1)
	fired, deaths := 0, 0
	for _, fault := range []string{
		"fsync,fdatasync:error=EIO", "pwrite64:error=ENOSPC", "pwrite64:error=EIO", "pread64:error=EIO",
		"renameat:error=EIO", "write:error=ENOSPC", "openat:error=EMFILE", "fallocate,ftruncate:error=ENOSPC",
	} {
		for n := 1; n <= deepest; n++ {
			h := startHub(t, dir, "")
			refusals, died := faulty(t, strace, h, l, fmt.Sprintf("%s:when=%d", fault, n))
			fired += refusals
			deaths += died
			h.Kill()
			h = startHub(t, dir, "")
			if err := l.settle(t.Context(), h.URL); err != nil {
				t.Fatalf("%s, call %d: lost: %v", fault, n, err)
			}
			for _, violation := range auditRecent(t, h, l) {
				t.Errorf("%s, call %d: %s", fault, n, violation)
			}
			h.Kill()
			if t.Failed() {
				return
			}
		}
	}
	h := startHub(t, dir, "")
	defer h.Kill()
	for _, violation := range audit(t, h, l) {
		t.Error(violation)
	}
	t.Logf("%d calls were refused, the hub ended %d times, %d receipts", fired, deaths, len(l.record.snapshot().accepted))
	if fired == 0 || deaths == 0 {
		t.Error("no call was refused, or a failed synchronisation did not end the hub: this run proves nothing")
	}
}

// faulty runs the load while the kernel refuses calls, and returns how many it refused
// and whether the hub ended because of it.
func faulty(t *testing.T, strace string, h *hubproc.Process, l *load, inject string) (refusals, died int) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	calls, _, _ := strings.Cut(inject, ":")
	tracer := exec.CommandContext(ctx, strace, "-f", "-qq", "-e", "trace="+calls, "-e", "signal=none", "-e", "inject="+inject, "-p", strconv.Itoa(h.PID()))
	said, err := tracer.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := tracer.Start(); err != nil {
		t.Fatal(err)
	}
	var injected atomic.Int64
	attached, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		watchTracer(said, &injected, attached)
	}()
	loaded := make(chan struct{})
	go func() {
		defer close(loaded)
		l.run(ctx, h.URL)
	}()
	limit, observe := 5*time.Second, 500*time.Millisecond
	if strings.Contains(calls, "sync") && strings.HasSuffix(inject, ":when=1") {
		limit, observe = patience, patience // it is made and refused, and the end comes; on a busy machine later
	}
	select {
	case <-attached:
	case <-time.After(limit): // none of these calls was made
	}
	select {
	case <-h.Done():
		died = 1
	case <-time.After(observe):
	}
	_ = tracer.Process.Signal(syscall.SIGINT) // it lets go of the hub
	cancel()
	<-loaded
	<-done
	_ = tracer.Wait()
	return int(injected.Load()), died
}

// watchTracer counts what was refused; attached is closed with the first traced call.
func watchTracer(said io.Reader, injected *atomic.Int64, attached chan<- struct{}) {
	lines := bufio.NewScanner(said)
	lines.Buffer(make([]byte, 1<<16), 1<<20)
	first := true
	for lines.Scan() {
		if first {
			first = false
			close(attached)
		}
		if bytes.Contains(lines.Bytes(), []byte("(INJECTED)")) {
			injected.Add(1)
		}
	}
}
