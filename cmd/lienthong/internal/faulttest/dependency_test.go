package faulttest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/lienthong/lienthong/cmd/lienthong/internal/hubproc"
	"github.com/lienthong/lienthong/hub/hubtest/server"
)

// fault is something that happens to a server below a hub, and its end.
type fault struct {
	name  string
	begin func() error
	end   func() error
	// stops: while it lasts nothing new is accepted, and /readyz says why.
	stops string
	// degrades: while it lasts the exchange goes on, and /readyz says what is wrong.
	degrades string
	// wait is how long it lasts.
	wait time.Duration
}

// recovery is how long a hub may take after the end of a fault to accept again.
const recovery = patience

// survive lets faults happen one after the other while nodes work under load, and asks
// after each whether the hub kept its word, came back by itself, and said what was wrong.
func survive(t *testing.T, nodes []*hubproc.Process, l *load, faults []fault) {
	t.Helper()
	for _, f := range faults {
		ctx, cancel := context.WithCancel(t.Context())
		var group sync.WaitGroup
		for _, h := range nodes {
			group.Go(func() { l.insist(ctx, h.URL) })
		}
		time.Sleep(300 * time.Millisecond) // of ordinary work
		if err := f.begin(); err != nil {
			t.Fatalf("%s: %v", f.name, err)
		}
		if f.stops != "" {
			awaitReadiness(t, nodes[0], f.name, false, f.stops, "failed")
		}
		if f.degrades != "" {
			awaitReadiness(t, nodes[0], f.name, true, f.degrades, "degraded")
			goesOn(t, l, f.name)
		}
		time.Sleep(f.wait)
		if err := f.end(); err != nil {
			t.Fatalf("%s: %v", f.name, err)
		}
		ended := time.Now()
		before := l.count()
		for l.count() == before && time.Since(ended) < recovery {
			time.Sleep(10 * time.Millisecond)
		}
		back := time.Since(ended).Round(time.Millisecond)
		if l.count() == before {
			t.Fatalf("%s: nothing was accepted within %v after its end\n%s", f.name, recovery, nodes[0].Log())
		}
		cancel()
		group.Wait()
		for _, h := range nodes {
			awaitReadiness(t, h, f.name, true, "", "")
		}
		if err := l.settle(t.Context(), nodes[0].URL); err != nil {
			t.Fatalf("%s: lost: %v", f.name, err)
		}
		for _, violation := range auditRecent(t, nodes[len(nodes)-1], l) {
			t.Errorf("%s: %s", f.name, violation)
		}
		t.Logf("%s: accepted again after %v, %d receipts so far", f.name, back, l.count())
		if t.Failed() {
			return
		}
	}
	for _, violation := range auditUnseen(t, nodes[0], l) {
		t.Error(violation)
	}
}

// goesOn wants documents accepted and handed over while a fault lasts.
func goesOn(t *testing.T, l *load, fault string) {
	t.Helper()
	accepted, handed := l.count(), l.handed()
	deadline := time.Now().Add(recovery)
	for l.count() < accepted+10 || l.handed() < handed+10 {
		if time.Now().After(deadline) {
			t.Fatalf("%s: %d more were accepted and %d handed over in %v", fault, l.count()-accepted, l.handed()-handed, recovery)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// insist is run by clients that try again whatever happens.
func (l *load) insist(ctx context.Context, url string) {
	for ctx.Err() == nil {
		l.run(ctx, url)
		select {
		case <-ctx.Done():
		case <-time.After(50 * time.Millisecond):
		}
	}
}

func (l *load) count() int { return len(l.record.snapshot().accepted) }

func (l *load) handed() int { return len(l.record.snapshot().handed) }

// await waits until something is so.
func await(t *testing.T, what string, so func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !so(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not within %s: %s", patience, what)
		}
	}
}

// awaitReadiness waits until a node says that it is ready, or is not because of a check.
func awaitReadiness(t *testing.T, h *hubproc.Process, fault string, ready bool, check, state string) {
	t.Helper()
	deadline := time.Now().Add(recovery)
	for {
		r, err := readiness(t.Context(), h)
		if err == nil && r.Ready == ready && (check == "" || r.state(check) == state) {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s: the node says %+v, %v; want ready=%v because of %s", fault, r, err, ready, check)
		}
		time.Sleep(50 * time.Millisecond)
	}
}

type ready struct {
	Ready  bool `json:"ready"`
	Checks []struct {
		Name, State, Reason string
	} `json:"checks"`
}

func (r *ready) state(check string) string {
	for _, c := range r.Checks {
		if c.Name == check {
			return c.State
		}
	}
	return ""
}

func readiness(ctx context.Context, h *hubproc.Process) (ready, error) {
	var r ready
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, h.URL+"/readyz", nil)
	if err != nil {
		return r, err
	}
	answer, err := http.DefaultClient.Do(req)
	if err != nil {
		return r, err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		return r, err
	}
	return r, json.Unmarshal(body, &r)
}

// site is where the nodes of a hub run: their servers, and what they share.
type site struct {
	env  []string
	keys keys
	dirs []string
}

// newSite prepares a hub of several nodes.
func newSite(t *testing.T, nodes int, env ...string) *site {
	t.Helper()
	first := t.TempDir()
	s := &site{env: env, dirs: []string{first}}
	s.keys = prepared(t, first, env...)
	s.env = append(s.env, "LIENTHONG_HUB_KEY_FILE="+filepath.Join(first, "key", "hub.pem"), "LIENTHONG_LOG_KEY_FILE="+filepath.Join(first, "key", "log.pem"))
	for range nodes - 1 {
		dir := t.TempDir()
		// Where the originals lie in folders, all nodes share one, as on a file server.
		if err := os.Symlink(filepath.Join(first, "blobs"), filepath.Join(dir, "blobs")); err != nil {
			t.Fatal(err)
		}
		s.dirs = append(s.dirs, dir)
	}
	return s
}

func (s *site) start(t *testing.T) []*hubproc.Process {
	t.Helper()
	var nodes []*hubproc.Process
	for _, dir := range s.dirs {
		nodes = append(nodes, startHub(t, dir, "", s.env...))
	}
	return nodes
}

func (s *site) load() *load {
	// Faults last for seconds, and every document is looked at afterwards.
	return &load{keys: s.keys, record: newRecord(), counter: new(atomic.Int64), pace: 50 * time.Millisecond}
}

// TestDatabaseAway: while the database is away nothing is promised; it is noticed, said,
// and over by itself.
func TestDatabaseAway(t *testing.T) {
	t.Parallel() // mostly waits
	database := server.PostgreSQL(t)
	name := database.Database(t)
	s := newSite(t, 1, "LIENTHONG_DATABASE="+name)
	survive(t, s.start(t), s.load(), databaseFaults(database, name))
}

func databaseFaults(database *server.Postgres, name string) []fault {
	nothing := func() error { return nil }
	return []fault{
		{name: "database killed", begin: func() error { database.Kill(); return nil }, end: database.Start, stops: "database", wait: time.Second},
		{
			name: "database stopped in order", stops: "database", wait: time.Second,
			begin: func() error { return database.Stop(syscall.SIGINT, patience) }, end: database.Start,
		},
		{
			name: "connections cut", end: nothing, wait: 300 * time.Millisecond,
			begin: func() error {
				_, err := database.SQL(name, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()")
				return err
			},
		},
		{name: "database frozen", begin: database.Freeze, end: database.Thaw, wait: 2 * time.Second},
		{
			name: "database read-only", wait: time.Second,
			begin: func() error {
				return alter(database, name, "SET default_transaction_read_only = on")
			},
			end: func() error { return alter(database, name, "RESET default_transaction_read_only") },
		},
	}
}

// alter changes a setting of a database and lets all connections notice.
func alter(database *server.Postgres, name, change string) error {
	for _, statement := range []string{
		// The first one in a transaction of its own: it lifts what the database imposes.
		fmt.Sprintf(`BEGIN READ WRITE; DO $$ BEGIN EXECUTE format('ALTER DATABASE %%I %s', current_database()); END $$; COMMIT`, change),
		"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()",
	} {
		if _, err := database.SQL(name, statement); err != nil {
			return err
		}
	}
	return nil
}

// TestDatabaseDiskFull: when the disk of the database is full nothing more is promised;
// with room, and the server started again if it gave up, the hub goes on.
func TestDatabaseDiskFull(t *testing.T) {
	t.Parallel() // mostly waits
	needMount(t)
	small, err := os.MkdirTemp("", "small") // the server's user must get there
	if err != nil {
		t.Fatal(err)
	}
	if err := run("mount", "-t", "tmpfs", "-o", "size=160m,mode=1777", "tmpfs", small); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = errors.Join(run("umount", "-l", small), os.Remove(small)) })
	database := server.PostgreSQLIn(t, small)
	name := database.Database(t)
	s := newSite(t, 1, "LIENTHONG_DATABASE="+name)
	filler := filepath.Join(small, "filler")
	survive(t, s.start(t), s.load(), []fault{{
		name: "disk of the database full", wait: 5 * time.Second,
		begin: func() error { return fill(filler, small) },
		end: func() error {
			if err := os.Remove(filler); err != nil {
				return err
			}
			database.Kill() // it may have given up by itself
			return database.Start()
		},
	}})
}

// fill takes nearly all room of a file system.
func fill(path, mount string) error {
	var fs syscall.Statfs_t
	if err := syscall.Statfs(mount, &fs); err != nil {
		return err
	}
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer f.Close()
	// A little is left, because the server writes while this is counted.
	return syscall.Fallocate(int(f.Fd()), 0, 0, int64(fs.Bavail)*fs.Bsize-1<<20)
}
