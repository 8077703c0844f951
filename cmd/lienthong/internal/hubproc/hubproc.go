// Package hubproc runs a hub as a child process: for load measurements, which
// want the memory of the hub apart from that of the client, and for tests that
// kill it. It touches no process but the one that it started, by its process id.
package hubproc

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/lienthong/lienthong/hub/hubtest/frozen"
)

// startLimit bounds the wait for the line that says the hub is ready; recovery
// of a large database after a crash is part of it, on a machine that may have much
// else to do. A hub that cannot start ends by itself, at once.
const startLimit = 5 * time.Minute

// Options say what to run.
type Options struct {
	Bin     string   // the lienthong binary
	Command string   // that starts a server; default "serve"
	DataDir string   // created by the hub when absent
	Args    []string // further flags of serve
	Env     []string // added to the environment, KEY=value
	Listen  string   // address; default a free port of this machine
}

// Process is one running hub.
type Process struct {
	URL    string
	Portal string // its address; "" for none
	cmd    *exec.Cmd
	log    tail
	done   chan struct{} // closed when the process has ended and was reaped
	dir    string
}

// Start runs the command and returns when the hub says it is ready.
func Start(ctx context.Context, o Options) (*Process, error) {
	args := slices.Concat(strings.Fields(cmp.Or(o.Command, "serve")), []string{"--data-dir", o.DataDir, "--listen", cmp.Or(o.Listen, "127.0.0.1:0")}, o.Args)
	p := &Process{
		cmd:  exec.CommandContext(context.WithoutCancel(ctx), o.Bin, args...), //nolint:gosec // the caller names its own binary
		done: make(chan struct{}),
		dir:  o.DataDir,
	}
	p.cmd.Env = append(os.Environ(), o.Env...)
	p.cmd.Stderr = &p.log
	stdout, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	ready := make(chan [2]string, 1)
	go p.watch(stdout, ready)
	select {
	case urls := <-ready:
		p.URL, p.Portal = urls[0], urls[1]
		return p, nil
	case <-p.done:
		return nil, fmt.Errorf("the hub ended before it was ready:\n%s", p.Log())
	case <-time.After(startLimit):
		p.Kill()
		return nil, fmt.Errorf("the hub was not ready within %s:\n%s", startLimit, p.Log())
	case <-ctx.Done():
		p.Kill()
		return nil, ctx.Err()
	}
}

func (p *Process) watch(stdout io.Reader, ready chan<- [2]string) {
	defer close(p.done)
	lines := bufio.NewScanner(stdout)
	portal := ""
	for lines.Scan() {
		if _, url, ok := strings.Cut(lines.Text(), "portal url="); ok {
			portal = strings.TrimSpace(url)
		}
		if _, url, ok := strings.Cut(lines.Text(), "ready url="); ok {
			select {
			case ready <- [2]string{strings.TrimSpace(url), portal}:
			default: // said twice: the first one counts
			}
		}
	}
	_ = p.cmd.Wait() // how it ended is in its log
}

// Kill ends the process with SIGKILL and waits until it is gone.
func (p *Process) Kill() {
	_ = p.cmd.Process.Kill() // it may have ended by itself
	<-p.done
}

// Stop asks the process to stop as an operator would and waits until it is gone;
// after the limit it is killed and the error says so.
func (p *Process) Stop(limit time.Duration) error {
	if err := p.signal(syscall.SIGTERM); err != nil {
		return err
	}
	select {
	case <-p.done:
		return nil
	case <-time.After(limit):
		p.Kill()
		return fmt.Errorf("the hub did not stop within %s:\n%s", limit, p.Log())
	}
}

// Freeze stops the process where it stands and returns when none of its threads runs
// any more. Thaw lets it go on.
func (p *Process) Freeze() error {
	if err := p.signal(syscall.SIGSTOP); err != nil {
		return err
	}
	return frozen.Await(frozen.These(p.PID()))
}

// Thaw undoes Freeze.
func (p *Process) Thaw() error { return p.signal(syscall.SIGCONT) }

func (p *Process) signal(s syscall.Signal) error {
	if err := p.cmd.Process.Signal(s); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	return nil
}

// Done is closed when the process has ended.
func (p *Process) Done() <-chan struct{} { return p.done }

// PID is the id of the process.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Log returns the last output of the process, for the message of a failure.
func (p *Process) Log() string { return p.log.String() }

// OperatorKey reads the key that the hub wrote for its operator at first start.
func (p *Process) OperatorKey() (string, error) {
	secret, err := os.ReadFile(filepath.Join(p.dir, "operator.key"))
	return strings.TrimSpace(string(secret)), err
}

// PeakMemory returns the largest resident set of the process so far, in bytes
// (VmHWM of proc(5)); zero where the system does not tell.
func (p *Process) PeakMemory() int64 {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		return 0
	}
	for line := range bytes.Lines(status) {
		if rest, ok := bytes.CutPrefix(line, []byte("VmHWM:")); ok {
			kb, _ := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(string(rest)), " kB"), 10, 64)
			return kb << 10
		}
	}
	return 0
}

// CPUTime returns the processor time that the process has used so far (utime and
// stime of proc(5)); zero where the system does not tell.
func (p *Process) CPUTime() time.Duration {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.cmd.Process.Pid))
	if err != nil {
		return 0
	}
	_, rest, _ := bytes.Cut(stat, []byte(") ")) // the name before it may hold blanks
	fields := strings.Fields(string(rest))
	if len(fields) < 13 {
		return 0
	}
	user, _ := strconv.ParseInt(fields[11], 10, 64)
	system, _ := strconv.ParseInt(fields[12], 10, 64)
	const tick = 10 * time.Millisecond // USER_HZ is 100 on every Linux that Go runs on
	return time.Duration(user+system) * tick
}

// tail keeps the last output of a process.
type tail struct {
	mu   sync.Mutex
	last []byte
}

const tailSize = 16 << 10

// Write implements io.Writer and never fails.
func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.last = append(t.last, p...)
	if over := len(t.last) - tailSize; over > 0 {
		t.last = t.last[over:]
	}
	return len(p), nil
}

// String returns what is kept.
func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(t.last)
}
