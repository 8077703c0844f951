package server

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/lienthong/lienthong/hub/hubtest/frozen"
)

// Postgres is an instance of PostgreSQL with data of its own. It synchronises every
// commit, as in service: what it answered for survives a Kill.
type Postgres struct {
	*Process
	bin       string // folder of the programs
	folder    string // data and socket
	port      int
	user      *syscall.Credential
	databases atomic.Int64
}

// superuser is the one role of an instance; it needs no password from this machine.
const superuser = "hub"

// PostgreSQL starts an instance that ends with the test.
func PostgreSQL(t testing.TB) *Postgres {
	t.Helper()
	return PostgreSQLIn(t, "")
}

// PostgreSQLIn is PostgreSQL with its data in a new folder inside dir, which the
// server's user must be able to reach; empty: where temporary files are.
func PostgreSQLIn(t testing.TB, dir string) *Postgres {
	t.Helper()
	p := newPostgres(t, dir)
	t.Cleanup(p.remove)
	return p
}

// SharedPostgreSQL is one instance for all tests of a package, started by the first
// that asks. Keep it in a variable of the tests and call Close in TestMain.
type SharedPostgreSQL struct {
	mu      sync.Mutex
	started *Postgres
}

// Get returns the instance. A test that stops or kills its server needs one of its
// own.
func (s *SharedPostgreSQL) Get(t testing.TB) *Postgres {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.started == nil {
		s.started = newPostgres(t, "")
	}
	return s.started
}

// Close ends the instance, if there is one.
func (s *SharedPostgreSQL) Close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.started != nil {
		s.started.remove()
		s.started = nil
	}
}

func newPostgres(t testing.TB, dir string) *Postgres {
	t.Helper()
	program := Program(t, "apt-get install postgresql", "/usr/lib/postgresql/*/bin/postgres", "postgres")
	p := &Postgres{bin: filepath.Dir(program), port: FreePort(t)}
	if err := p.prepare(dir); err != nil {
		t.Fatal(err)
	}
	p.Process = &Process{options: Options{
		Path: program,
		Args: []string{
			"-D", filepath.Join(p.folder, "data"), "-k", p.folder, "-p", strconv.Itoa(p.port),
			"-c", "listen_addresses=127.0.0.1", "-c", "max_connections=200",
			"-c", "fsync=on", "-c", "synchronous_commit=on", "-c", "max_wal_size=1GB",
		},
		Env: environment(), Dir: p.folder, User: p.user,
		Ready: p.ready,
	}}
	if err := p.Start(); err != nil {
		p.remove()
		t.Fatal(err)
	}
	return p
}

// prepare makes a folder in dir that the server's user owns, and the cluster in it. The
// server refuses to run as root, so root runs it as postgres.
func (p *Postgres) prepare(dir string) (err error) {
	if p.folder, err = os.MkdirTemp(dir, "postgres"); err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.RemoveAll(p.folder))
		}
	}()
	if os.Getuid() == 0 {
		if p.user, err = credential("postgres"); err != nil {
			return err
		}
		if err := os.Chown(p.folder, int(p.user.Uid), int(p.user.Gid)); err != nil {
			return err
		}
	}
	_, err = p.run("initdb", "--no-sync", "--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8", "--data-checksums",
		"--username="+superuser, "--pgdata="+filepath.Join(p.folder, "data"))
	return err
}

func credential(name string) (*syscall.Credential, error) {
	u, err := user.Lookup(name)
	if err != nil {
		return nil, err
	}
	uid, err := strconv.ParseUint(u.Uid, 10, 32)
	if err != nil {
		return nil, err
	}
	gid, err := strconv.ParseUint(u.Gid, 10, 32)
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, err
}

func environment() []string { return []string{"PATH=/usr/bin:/bin", "LC_ALL=C.UTF-8", "TZ=UTC"} }

// run runs a program of PostgreSQL as the server's user and returns what it wrote.
func (p *Postgres) run(program string, args ...string) (string, error) {
	c := exec.CommandContext(context.Background(), filepath.Join(p.bin, program), args...)
	c.Env, c.Dir = environment(), p.folder
	c.SysProcAttr = &syscall.SysProcAttr{Credential: p.user}
	var out, log bytes.Buffer
	c.Stdout, c.Stderr = &out, &log
	if err := c.Run(); err != nil {
		return "", fmt.Errorf("%s: %w: %s", program, err, log.String())
	}
	return out.String(), nil
}

// ready asks through the socket in the instance's own folder: on the port somebody
// else could answer.
func (p *Postgres) ready() error {
	_, err := p.run("pg_isready", "--quiet", "--timeout=1", "--host="+p.folder, "--port="+strconv.Itoa(p.port))
	return err
}

// SQL runs statements in a database of the instance, by its URL, and returns the
// rows: one a line, columns separated by |.
func (p *Postgres) SQL(database, statements string) (string, error) {
	u, err := url.Parse(database)
	if err != nil {
		return "", err
	}
	out, err := p.run("psql", "--no-psqlrc", "--quiet", "--no-align", "--tuples-only", "--set=ON_ERROR_STOP=1",
		"--host="+p.folder, "--port="+strconv.Itoa(p.port), "--username="+superuser,
		"--dbname="+strings.TrimPrefix(u.Path, "/"), "--command="+statements)
	return strings.TrimSuffix(out, "\n"), err
}

// Database returns the URL of a new, empty database.
func (p *Postgres) Database(t testing.TB) string {
	t.Helper()
	name := fmt.Sprintf("test%d", p.databases.Add(1))
	if _, err := p.SQL(p.url("postgres"), "CREATE DATABASE "+name); err != nil {
		t.Fatal(err)
	}
	return p.url(name)
}

func (p *Postgres) url(database string) string {
	return fmt.Sprintf("postgres://%s@127.0.0.1:%d/%s?sslmode=disable", superuser, p.port, database)
}

// Address is where the server listens, host:port.
func (p *Postgres) Address() string { return fmt.Sprintf("127.0.0.1:%d", p.port) }

// Kill ends the server and all its backends with SIGKILL, as a power cut would, and
// waits until they are gone: a new server refuses to start beside an old backend.
func (p *Postgres) Kill() {
	_ = p.Process.Freeze() // no backend comes while they are counted; it may have ended by itself
	backends := p.backends()
	p.Process.Kill()
	for _, pid := range backends {
		_ = syscall.Kill(pid, syscall.SIGKILL) // it may be gone already
	}
	for _, pid := range backends {
		for alive(pid) {
			time.Sleep(time.Millisecond)
		}
	}
}

// Freeze stops the server and its backends where they stand, and returns when they do.
func (p *Postgres) Freeze() error {
	if err := p.Process.Freeze(); err != nil { // from here on no backend comes
		return err
	}
	backends := p.backends()
	for _, pid := range backends {
		_ = syscall.Kill(pid, syscall.SIGSTOP) // a backend may end at any time
	}
	return frozen.Await(frozen.These(backends...))
}

// Thaw undoes Freeze.
func (p *Postgres) Thaw() error {
	for _, pid := range p.backends() {
		_ = syscall.Kill(pid, syscall.SIGCONT) // a backend may have ended
	}
	return p.Process.Thaw()
}

// backends are the children of the server: each leads a process group of its own.
func (p *Postgres) backends() []int {
	pid := p.PID()
	list, _ := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pid, pid)) // none when it has ended
	var backends []int
	for word := range strings.FieldsSeq(string(list)) {
		if pid, err := strconv.Atoi(word); err == nil {
			backends = append(backends, pid)
		}
	}
	return backends
}

// alive reports whether a process still runs; one that ended and was not yet waited
// for does not.
func alive(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	_, state, found := strings.Cut(string(stat), ") ")
	return err == nil && found && state[0] != 'Z' && state[0] != 'X'
}

func (p *Postgres) remove() {
	if p.Process != nil && p.cmd != nil && p.cmd.Process != nil {
		p.Kill()
	}
	_ = os.RemoveAll(p.folder) // a leftover in the folder for temporary files harms nobody
}
