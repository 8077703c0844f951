// Package server runs real servers for tests: PostgreSQL, RabbitMQ, an S3 store.
//
// Each server is an instance of its own: free ports on the loopback address, data
// in a folder of the test, and an end with the test. Nothing but the process that
// was started here is ever touched, by its process id. Where the program of a
// server is missing the test is skipped, in CI it fails: a proof that was not made
// is none.
package server

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/lienthong/lienthong/hub/hubtest/frozen"
)

// Patience is how long tests wait for what must come. Only a failure uses it up, so it
// allows for a machine that has a dozen other tests to run.
const Patience = 10 * time.Minute

// Options say what to run.
type Options struct {
	Path string   // the program
	Args []string // without the name of the program
	Env  []string // the whole environment, KEY=value
	Dir  string   // working folder
	User *syscall.Credential
	// Ready reports whether the server answers and is the one that was started.
	// It is asked every 50 ms.
	Ready func() error
	// Limit bounds the wait for Ready; default 5 min: a server that fails ends by
	// itself, one that is only slow on a busy machine deserves patience.
	Limit time.Duration
}

// Process is one running server.
type Process struct {
	options Options
	mu      sync.Mutex
	cmd     *exec.Cmd
	log     *tail
	done    chan struct{} // closed when the process has ended and was reaped
}

// Run starts a server and stops it with the test.
func Run(t testing.TB, o Options) *Process {
	t.Helper()
	p := &Process{options: o}
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Kill)
	return p
}

// Start starts the server, again after a Kill or Stop, on the data it left behind,
// and returns when it is ready.
func (p *Process) Start() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	o := p.options
	p.log, p.done = &tail{}, make(chan struct{})
	p.cmd = exec.CommandContext(context.Background(), o.Path, o.Args...)
	p.cmd.Env, p.cmd.Dir, p.cmd.Stdout, p.cmd.Stderr = o.Env, o.Dir, p.log, p.log
	// A group of its own, so that the children of a server end with it.
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Credential: o.User, Setpgid: true, Pdeathsig: syscall.SIGKILL}
	if err := p.cmd.Start(); err != nil {
		return err
	}
	go func(cmd *exec.Cmd, done chan struct{}) {
		_ = cmd.Wait() // how it ended is in its log
		close(done)
	}(p.cmd, p.done)
	return p.awaitReady()
}

func (p *Process) awaitReady() error {
	limit := p.options.Limit
	if limit == 0 {
		limit = Patience
	}
	deadline := time.Now().Add(limit)
	for {
		err := p.options.Ready()
		if err == nil {
			return nil
		}
		select {
		case <-p.done:
			return fmt.Errorf("%s ended before it was ready:\n%s", p.options.Path, p.log)
		case <-time.After(50 * time.Millisecond):
		}
		if time.Now().After(deadline) {
			p.kill()
			return fmt.Errorf("%s was not ready within %s (%w):\n%s", p.options.Path, limit, err, p.log)
		}
	}
}

// Kill ends the server and its children with SIGKILL and waits until it is gone.
func (p *Process) Kill() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.kill()
}

func (p *Process) kill() {
	_ = syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL) // it may have ended by itself
	<-p.done
}

// Stop asks the server to stop with a signal and waits; after the limit it is
// killed and the error says so.
func (p *Process) Stop(signal syscall.Signal, limit time.Duration) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := p.cmd.Process.Signal(signal); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	select {
	case <-p.done:
		return nil
	case <-time.After(limit):
		p.kill()
		return fmt.Errorf("%s did not stop within %s:\n%s", p.options.Path, limit, p.log)
	}
}

// Freeze stops the server where it stands, children included, and returns when none of
// them runs any more: a signal only asks for that. Thaw lets it go on.
func (p *Process) Freeze() error {
	group := p.cmd.Process.Pid
	if err := syscall.Kill(-group, syscall.SIGSTOP); err != nil {
		return err
	}
	return frozen.Await(frozen.Group(group))
}

// Thaw undoes Freeze.
func (p *Process) Thaw() error { return syscall.Kill(-p.cmd.Process.Pid, syscall.SIGCONT) }

// PID is the process id of the server.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Log is the end of what the server wrote.
func (p *Process) Log() string { return p.log.String() }

// FreePort returns a port of the loopback address that nobody listens on. It lies
// below the range that the kernel gives to outgoing connections (32768 and above
// unless changed): a server binds it seconds later, or again after a kill, and until
// then another test's connection would take it.
func FreePort(t testing.TB) int {
	t.Helper()
	return freePorts(t, 1)[0]
}

// FreeAddresses returns so many addresses with a port as of FreePort each, each another one.
func FreeAddresses(t testing.TB, n int) []string {
	t.Helper()
	var free []string
	for _, port := range freePorts(t, n) {
		free = append(free, fmt.Sprintf("127.0.0.1:%d", port))
	}
	return free
}

// freePorts returns n such ports, each another one: it listens on all of them before it
// gives any away. What it gives away no other process of tests does while this one runs.
func freePorts(t testing.TB, n int) []int {
	t.Helper()
	var ports []int
	var held []net.Listener
	defer func() {
		for _, l := range held {
			_ = l.Close()
		}
	}()
	for range 1000 * n {
		port := 10000 + rand.IntN(22000)
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port)) //nolint:noctx // closed at once
		if err != nil {
			continue // taken
		}
		if !reserved(t, port) {
			_ = l.Close()
			continue
		}
		ports, held = append(ports, port), append(held, l)
		if len(ports) == n {
			return ports
		}
	}
	t.Fatal("no free port was found")
	return nil
}

// reserved keeps a port from all other tests until this process ends: between the choice of
// a port and the server that listens on it, half a minute can pass. It reports whether
// nobody else keeps it.
func reserved(t testing.TB, port int) bool {
	t.Helper()
	folder := filepath.Join(os.TempDir(), fmt.Sprintf("lienthong-ports-%d", os.Getuid()))
	if err := os.MkdirAll(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	fd, err := syscall.Open(filepath.Join(folder, fmt.Sprint(port)), syscall.O_CREAT|syscall.O_RDWR|syscall.O_CLOEXEC, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Flock(fd, syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		_ = syscall.Close(fd)
		return false
	}
	return true // the lock goes with the process
}

// Listens reports whether something accepts connections on the address.
func Listens(address string) error {
	dialer := net.Dialer{Timeout: time.Second}
	c, err := dialer.DialContext(context.Background(), "tcp", address)
	if err != nil {
		return err
	}
	return c.Close()
}

// Program finds a program among the candidates: paths, patterns of filepath.Glob
// (the newest version first) or names on PATH. Without one the test is skipped, in
// CI it fails; hint says how to come by it.
func Program(t testing.TB, hint string, candidates ...string) string {
	t.Helper()
	for _, candidate := range candidates {
		found, _ := filepath.Glob(candidate) // a pattern of ours is well-formed
		slices.Sort(found)
		slices.Reverse(found)
		for _, path := range append(found, candidate) {
			if path, err := exec.LookPath(path); err == nil {
				return path
			}
		}
	}
	Missing(t, fmt.Sprintf("none of %q is installed: %s", candidates, hint))
	return ""
}

// Missing skips a test that cannot run here; in CI it fails.
func Missing(t testing.TB, why string) {
	t.Helper()
	if os.Getenv("CI") != "" {
		t.Fatal(why)
	}
	t.Skip(why)
}

// tail keeps the end of what is written to it.
type tail struct {
	mu  sync.Mutex
	end []byte
}

const tailBytes = 16 << 10

func (w *tail) Write(b []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.end = append(w.end, b...)
	if len(w.end) > 2*tailBytes {
		w.end = bytes.Clone(w.end[len(w.end)-tailBytes:])
	}
	return len(b), nil
}

func (w *tail) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return string(w.end)
}
