package postgres

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/lienthong/lienthong/hub/hubtest/server"
)

// tenure is one holder's time.
type tenure struct {
	node  int
	epoch int64
	began time.Time
	ctx   context.Context
}

// candidates lets several nodes, each with a store of its own, run for a name. A
// holder stays until its right or the test ends.
func candidates(t *testing.T, url string, nodes int) (tenures chan tenure, holders *atomic.Int32) {
	t.Helper()
	ctx, end := context.WithCancel(t.Context())
	tenures, holders = make(chan tenure, 100), &atomic.Int32{}
	var group sync.WaitGroup
	for node := range nodes {
		s := openAt(t, url)
		group.Go(func() {
			err := s.Lead(ctx, "job", func(ctx context.Context, epoch int64) error {
				if holders.Add(1) != 1 {
					t.Error("two holders at once")
				}
				defer holders.Add(-1)
				tenures <- tenure{node: node, epoch: epoch, began: time.Now(), ctx: ctx}
				<-ctx.Done()
				return ctx.Err()
			})
			if err != nil && !errors.Is(err, context.Canceled) {
				t.Errorf("node %d: %v", node, err)
			}
		})
	}
	t.Cleanup(func() { end(); group.Wait() })
	return tenures, holders
}

func next(t *testing.T, tenures chan tenure) tenure {
	t.Helper()
	select {
	case got := <-tenures:
		return got
	case <-time.After(server.Patience):
		t.Fatalf("no holder within %s", server.Patience)
		return tenure{}
	}
}

// cut ends the connection that holds the lock, as a broken network would, and
// reports whether there was one.
func cut(t *testing.T, c *pgx.Conn) bool {
	t.Helper()
	return ask[int](t, c, `SELECT count(pg_terminate_backend(pid)) FROM pg_locks
		WHERE locktype = 'advisory' AND granted AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`) > 0
}

// TestLead: one node holds a name; when its connection is lost it is told, another
// takes over with a greater epoch, and there are never two.
func TestLead(t *testing.T) {
	t.Parallel()
	url := shared.Get(t).Database(t)
	tenures, holders := candidates(t, url, 3)
	c := behind(t, url)
	last := next(t, tenures)
	if last.epoch != 1 {
		t.Errorf("the first epoch is %d", last.epoch)
	}
	for range 6 {
		if !cut(t, c) {
			t.Fatal("nobody holds the lock")
		}
		lost := time.Now()
		select {
		case <-last.ctx.Done():
		case <-time.After(server.Patience):
			t.Fatal("the holder was not told that it lost the right")
		}
		now := next(t, tenures)
		if now.epoch <= last.epoch {
			t.Errorf("epoch %d after %d", now.epoch, last.epoch)
		}
		t.Logf("node %d took over from node %d after %s, epoch %d", now.node, last.node, now.began.Sub(lost).Round(time.Millisecond), now.epoch)
		last = now
	}
	if n := holders.Load(); n != 1 {
		t.Errorf("%d holders", n)
	}
}

// TestLeadEnds: the job's own end ends Lead, and so does the caller's.
func TestLeadEnds(t *testing.T) {
	t.Parallel()
	s := openNew(t)
	wrong := errors.New("wrong")
	if err := s.Lead(t.Context(), "job", func(context.Context, int64) error { return wrong }); !errors.Is(err, wrong) {
		t.Errorf("a job that failed: %v", err)
	}
	if err := s.Lead(t.Context(), "job", func(context.Context, int64) error { return nil }); err != nil {
		t.Errorf("a job that was done: %v", err)
	}
	ctx, end := context.WithCancel(t.Context())
	held := make(chan struct{})
	var group sync.WaitGroup
	group.Go(func() {
		_ = s.Lead(ctx, "job", func(ctx context.Context, _ int64) error { close(held); <-ctx.Done(); return nil })
	})
	<-held
	waiting, leave := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer leave()
	if err := s.Lead(waiting, "job", func(context.Context, int64) error { t.Error("two holders"); return nil }); err != nil {
		t.Errorf("a candidate that gave up: %v", err)
	}
	// Another name is another job.
	if err := s.Lead(t.Context(), "other", func(context.Context, int64) error { return nil }); err != nil {
		t.Error(err)
	}
	end()
	group.Wait()
}

// helperURL tells the test program that it is to be a node and where.
const helperURL = "LIENTHONG_TEST_LEADER"

// TestHoldUntilKilled is not a test but the node that TestHolderKilled kills.
func TestHoldUntilKilled(t *testing.T) {
	url := os.Getenv(helperURL)
	if url == "" {
		t.Skip("only as a child of TestHolderKilled")
	}
	s := openAt(t, url)
	_ = s.Lead(t.Context(), "job", func(ctx context.Context, epoch int64) error {
		fmt.Println("holding", epoch)
		<-ctx.Done()
		return nil
	})
}

// takeOver bounds how long nobody holds a name when its node is gone: 10 s on a machine
// that has time (it is logged), and this is asked on one that may not.
const takeOver = server.Patience

// TestHolderKilled: a node takes over soon after the holder's process was killed, and
// also when it was only frozen.
func TestHolderKilled(t *testing.T) {
	t.Parallel()
	url := shared.Get(t).Database(t)
	openAt(t, url) // so that the schema is there
	for _, signal := range []syscall.Signal{syscall.SIGKILL, syscall.SIGSTOP} {
		holder := exec.Command(os.Args[0], "-test.run=TestHoldUntilKilled$")
		holder.Env = append(os.Environ(), helperURL+"="+url)
		out, err := holder.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := holder.Start(); err != nil {
			t.Fatal(err)
		}
		var epoch int64
		if _, err := fmt.Fscanf(out, "holding %d\n", &epoch); err != nil {
			t.Fatal(err)
		}
		ctx, end := context.WithCancel(t.Context())
		tenures := make(chan int64, 1)
		var group sync.WaitGroup
		s := openAt(t, url)
		group.Go(func() {
			_ = s.Lead(ctx, "job", func(ctx context.Context, epoch int64) error { tenures <- epoch; <-ctx.Done(); return nil })
		})
		if err := holder.Process.Signal(signal); err != nil {
			t.Fatal(err)
		}
		gone := time.Now()
		select {
		case now := <-tenures:
			if now <= epoch {
				t.Errorf("epoch %d after %d", now, epoch)
			}
			t.Logf("%s: taken over after %s", signal, time.Since(gone).Round(time.Millisecond))
		case <-time.After(takeOver):
			t.Errorf("%s: not taken over within %s", signal, takeOver)
		}
		_ = holder.Process.Kill()
		_ = holder.Wait()
		end()
		group.Wait()
	}
}

// TestServerOfLeaderKilled: when the server is away nobody holds the name; when it is
// back, one does.
func TestServerOfLeaderKilled(t *testing.T) {
	t.Parallel()
	p := server.PostgreSQL(t)
	tenures, holders := candidates(t, p.Database(t), 2)
	first := next(t, tenures)
	p.Kill()
	until(t, "the holder is told", func() bool { return first.ctx.Err() != nil && holders.Load() == 0 })
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	if again := next(t, tenures); again.epoch <= first.epoch {
		t.Errorf("epoch %d after %d", again.epoch, first.epoch)
	}
}
