package postgres

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/hub/hubtest/server"
	"github.com/lienthong/lienthong/storage/storagetest"
)

// TestKilled kills the server again and again under load. Whatever was answered for
// is there, whatever was not can be repeated and takes effect once, and a server that
// is away is never more than unavailable.
func TestKilled(t *testing.T) {
	t.Parallel()
	p := server.PostgreSQL(t)
	s, m := openAt(t, p.Database(t)), storagetest.NewMaker()
	ctx, end := context.WithCancel(t.Context())
	var group sync.WaitGroup
	var mu sync.Mutex
	accepted := map[hub.DispatchID]hub.Accepted{}
	unavailable, repeated := 0, 0
	for range 6 {
		group.Go(func() {
			for ctx.Err() == nil {
				a := m.Acceptance("r1", "r2", "r3")
				got, err := s.Accept(t.Context(), a)
				for err != nil {
					wants(t, hub.KindUnavailable, err)
					mu.Lock()
					unavailable++
					mu.Unlock()
					if t.Failed() {
						return
					}
					got, err = s.Accept(t.Context(), a) // its outcome is unknown: the same once more
				}
				mu.Lock()
				accepted[a.Dispatch.ID] = got
				if got.Duplicate {
					repeated++
				}
				mu.Unlock()
			}
		})
	}
	for range 5 {
		before := s.count(&mu, accepted)
		until(t, "more acceptances", func() bool { return s.count(&mu, accepted) > before+50 })
		p.Kill()
		_, err := s.Mailbox(t.Context(), hub.MailboxQuery{Agency: "r1", Page: hub.Page{Limit: 1}})
		wants(t, hub.KindUnavailable, err)
		wants(t, hub.KindUnavailable, s.Ping(t.Context()))
		if err := p.Start(); err != nil {
			t.Fatal(err)
		}
	}
	until(t, "the store answers again", func() bool { return s.Ping(t.Context()) == nil })
	end()
	group.Wait()
	for id, a := range accepted {
		item, err := s.DispatchItem(t.Context(), id)
		if err != nil || len(item.Deliveries) != 3 {
			t.Errorf("accepted and not there: %s: %v", id, err)
		}
		if _, err := s.Evidence(t.Context(), a.Receipt.Evidence.ID); err != nil {
			t.Errorf("a receipt without its evidence: %v", err)
		}
	}
	c := behind(t, s.url)
	for _, table := range []string{"acceptances", "dispatches", "evidences"} {
		if n := ask[int](t, c, "SELECT count(*) FROM "+table); n != len(accepted) {
			t.Errorf("%d %s for %d acceptances", n, table, len(accepted))
		}
	}
	t.Logf("%d acceptances, %d calls while the server was away, %d had taken effect though their answer got lost", len(accepted), unavailable, repeated)
}

func (stored) count(mu *sync.Mutex, m map[hub.DispatchID]hub.Accepted) int {
	mu.Lock()
	defer mu.Unlock()
	return len(m)
}

// TestServerAway: a store cannot be opened without its server, and says so in time.
func TestServerAway(t *testing.T) {
	t.Parallel()
	p := server.PostgreSQL(t)
	url := p.Database(t)
	if err := p.Stop(syscall.SIGINT, server.Patience); err != nil {
		t.Fatal(err)
	}
	_, err := Open(t.Context(), Options{URL: url})
	wants(t, hub.KindUnavailable, err)
}

// TestFrozenServer: a server that does not answer holds nobody up beyond the
// deadline, nor after the caller has gone.
func TestFrozenServer(t *testing.T) {
	t.Parallel()
	p := server.PostgreSQL(t)
	s, m := openAt(t, p.Database(t)), storagetest.NewMaker()
	accept(t, s.Store, m, "r1")
	if err := p.Freeze(); err != nil {
		t.Fatal(err)
	}
	a := m.Acceptance("r1")
	for name, call := range map[string]func(context.Context) error{
		"act":  func(ctx context.Context) error { _, err := s.Accept(ctx, a); return err },
		"read": func(ctx context.Context) error { _, err := s.AgenciesVersion(ctx); return err },
		"ping": s.Ping,
	} {
		ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
		began := time.Now()
		err := call(ctx)
		cancel()
		wants(t, hub.KindUnavailable, err)
		if took := time.Since(began); took > server.Patience || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%s: %s, %v", name, took, err)
		}
	}
	ctx, leave := context.WithCancel(t.Context())
	time.AfterFunc(100*time.Millisecond, leave)
	_, err := s.AgenciesVersion(ctx)
	wants(t, hub.KindUnavailable, err)
	if err := p.Thaw(); err != nil {
		t.Fatal(err)
	}
	// The act has an unknown outcome: once more gives the first receipt.
	got := must[hub.Accepted](t)(s.Accept(t.Context(), a))
	if got.Receipt.Evidence.ID != a.Evidence[0].Evidence.ID {
		t.Errorf("the receipt is %s", got.Receipt.Evidence.ID)
	}
}

// TestLostConnections: connections that the server closed while they were idle cost
// no read, and an act at most one call.
func TestLostConnections(t *testing.T) {
	s, m := openNew(t), storagetest.NewMaker()
	c := behind(t, s.url)
	for range 5 {
		accept(t, s.Store, m, "r1")
		run(t, c, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'lienthong'")
		must[int64](t)(s.AgenciesVersion(t.Context()))
		accept(t, s.Store, m, "r1")
		run(t, c, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'lienthong'")
		if _, err := s.Accept(t.Context(), m.Acceptance("r1")); err != nil {
			wants(t, hub.KindUnavailable, err)
		}
	}
}

// TestTooManyConnections: a server without room for one more is busy, not broken.
func TestTooManyConnections(t *testing.T) {
	s := openNew(t)
	c := behind(t, s.url)
	crowd := application(t, c, s.url)
	run(t, c, "ALTER ROLE "+s.config.Database+" CONNECTION LIMIT 0")
	_, err := Open(t.Context(), Options{URL: crowd})
	wants(t, hub.KindUnavailable, err)
	if state(err) != tooManyConnections {
		t.Errorf("SQLSTATE %q", state(err))
	}
}

// TestStandby: a server that takes no writes is not used.
func TestStandby(t *testing.T) {
	s, m := openNew(t), storagetest.NewMaker()
	c := behind(t, s.url)
	set := func(value string) {
		run(t, c, "ALTER DATABASE "+s.config.Database+" SET default_transaction_read_only = "+value)
		run(t, c, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'lienthong'")
	}
	set("on")
	_, err := s.Accept(t.Context(), m.Acceptance("r1"))
	wants(t, hub.KindUnavailable, err)
	_, err = s.AgenciesVersion(t.Context())
	wants(t, hub.KindUnavailable, err)
	run(t, c, "SET default_transaction_read_only = off")
	set("off")
	until(t, "the store takes writes", func() bool {
		_, err := s.Accept(t.Context(), m.Acceptance("r1"))
		return err == nil
	})
}

// TestDeadlock: whoever is chosen to give way in a deadlock tries again by itself.
func TestDeadlock(t *testing.T) {
	s, m := openNew(t), storagetest.NewMaker()
	d := accept(t, s.Store, m, "r1", "r2").Deliveries
	c, watcher := behind(t, s.url), behind(t, s.url)
	run(t, c, "SET deadlock_timeout = '1min'") // so that the store is the one to notice
	tx := must[pgx.Tx](t)(c.Begin(t.Context()))
	lock := func(id hub.DeliveryID) error {
		_, err := tx.Exec(t.Context(), "SELECT FROM deliveries WHERE id = $1 FOR UPDATE", string(id))
		return err
	}
	if err := lock(d[1].ID); err != nil {
		t.Fatal(err)
	}
	var group sync.WaitGroup
	group.Go(func() {
		results, err := s.ApplySteps(t.Context(), m.Step(d[0], hub.StateConsigned), m.Step(d[1], hub.StateConsigned))
		if err != nil || results[0] != nil || results[1] != nil {
			t.Error(results, err)
		}
	})
	until(t, "the store waits for the lock", func() bool {
		return ask[int](t, watcher, "SELECT count(*) FROM pg_locks WHERE NOT granted") > 0
	})
	if err := lock(d[0].ID); err != nil { // the circle is closed; it opens when the store gives way
		t.Fatal(err)
	}
	if err := tx.Rollback(t.Context()); err != nil {
		t.Fatal(err)
	}
	group.Wait()
	if n := ask[int](t, watcher, "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"); n == 0 {
		t.Error("there was no deadlock")
	}
}

// TestKindsOfFailure: what the server says decides what the caller is told.
func TestKindsOfFailure(t *testing.T) {
	said := func(code string) error { return fmt.Errorf("wrapped: %w", &pgconn.PgError{Code: code}) }
	for _, c := range []struct {
		err   error
		kind  hub.ErrorKind
		again bool // it certainly did nothing and is tried again
	}{
		{said("40001"), hub.KindUnavailable, true},
		{said("40P01"), hub.KindUnavailable, true},
		{said("55P03"), hub.KindUnavailable, true},
		{said("53300"), hub.KindUnavailable, true},
		{said("57P03"), hub.KindUnavailable, true}, // starting up
		{said("53100"), hub.KindUnavailable, false},
		{said("53200"), hub.KindUnavailable, false},
		{said("57P01"), hub.KindUnavailable, false}, // the commit may have been under way
		{said("57014"), hub.KindUnavailable, false},
		{said("25006"), hub.KindUnavailable, false},
		{said("08006"), hub.KindUnavailable, false},
		{said("58030"), hub.KindUnavailable, false},
		{said("28P01"), hub.KindUnavailable, false},
		{said("22021"), hub.KindInvalid, false},
		{said("23505"), hub.KindInternal, false},
		{said("42P01"), hub.KindInternal, false},
		{said("XX001"), hub.KindInternal, false},
		{io.ErrUnexpectedEOF, hub.KindUnavailable, false},
		{&net.OpError{Op: "read", Err: syscall.ECONNRESET}, hub.KindUnavailable, false},
		{context.DeadlineExceeded, hub.KindUnavailable, false},
		{errors.New("something else"), hub.KindInternal, false},
		{hub.Invalid("a", "b", "c"), hub.KindInvalid, false},
	} {
		if got := hub.KindOf(failed("test", c.err)); got != c.kind || didNothing(c.err) != c.again {
			t.Errorf("%v: %s, again %v; want %s, %v", c.err, got, didNothing(c.err), c.kind, c.again)
		}
	}
	full := failed("test", said("53100"))
	var e *hub.Error
	if !errors.As(full, &e) || e.RetryAfter < time.Second {
		t.Errorf("a full disk: %v", full)
	}
}

// TestForeignText: what PostgreSQL cannot hold is the caller's mistake.
func TestForeignText(t *testing.T) {
	s := openNew(t)
	for _, text := range []string{"\x00", "a\xffb"} {
		_, err := s.FindAccepted(t.Context(), "s1", text, "", "")
		wants(t, hub.KindInvalid, err)
	}
}
