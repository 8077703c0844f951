package postgres

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"go.uber.org/goleak"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/hub/hubtest/server"
	"github.com/lienthong/lienthong/storage/storagetest"
)

// shared is the server of all tests that leave it alone.
var shared server.SharedPostgreSQL

func TestMain(m *testing.M) {
	code := m.Run()
	shared.Close()
	if err := goleak.Find(); err != nil && code == 0 {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

// stored is a store that knows its database.
type stored struct {
	*Store
	url string
}

// TestConformance runs what every store promises.
func TestConformance(t *testing.T) {
	storagetest.Run(t, storagetest.Backend{
		Open: func(t *testing.T) storagetest.Store { return openNew(t) },
		Reopen: func(t *testing.T, s storagetest.Store) storagetest.Store {
			if err := s.(stored).Close(); err != nil {
				t.Fatal(err)
			}
			return openAt(t, s.(stored).url)
		},
	})
}

func openNew(t testing.TB) stored {
	t.Helper()
	return openAt(t, shared.Get(t).Database(t))
}

func openAt(t testing.TB, url string, tune ...func(*pgxpool.Config)) stored {
	t.Helper()
	// A few connections each: all stores of the tests share one server.
	s, err := open(t.Context(), Options{URL: url, MaxConns: 4}, func(c *pgxpool.Config) {
		for _, change := range tune {
			change(c)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return stored{s, url}
}

// behind connects to the database behind the store's back.
func behind(t testing.TB, url string) *pgx.Conn {
	t.Helper()
	c, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close(t.Context()) })
	return c
}

// application makes a role, named as the database, that works as the application, and
// returns the URL for it.
func application(t testing.TB, owner *pgx.Conn, url string) string {
	t.Helper()
	role := owner.Config().Database
	run(t, owner, "CREATE ROLE "+role+" LOGIN")
	run(t, owner, "SELECT grant_application($1)", role)
	return strings.Replace(url, "hub@", role+"@", 1)
}

func run(t testing.TB, c *pgx.Conn, text string, args ...any) {
	t.Helper()
	if _, err := c.Exec(t.Context(), text, args...); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
}

func ask[T any](t testing.TB, c *pgx.Conn, text string, args ...any) T {
	t.Helper()
	var v T
	if err := c.QueryRow(t.Context(), text, args...).Scan(&v); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return v
}

func must[T any](t testing.TB) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// wants fails the test unless err is of the kind.
func wants(t testing.TB, kind hub.ErrorKind, err error) {
	t.Helper()
	if err == nil || hub.KindOf(err) != kind {
		t.Errorf("got error %v, want one of kind %s", err, kind)
	}
}

// until waits for something that another goroutine or the server brings about.
func until(t testing.TB, what string, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(server.Patience); !done(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not within %s: %s", server.Patience, what)
		}
	}
}

// accept records a dispatch to the recipients and returns it.
func accept(t testing.TB, s *Store, m *storagetest.Maker, recipients ...hub.AgencyID) hub.Accepted {
	t.Helper()
	return must[hub.Accepted](t)(s.Accept(t.Context(), m.Acceptance(recipients...)))
}

// dated gives an acceptance ids of a month, as UUIDv7 are.
func dated(a hub.Acceptance, at time.Time) hub.Acceptance {
	hex := fmt.Sprintf("%012x", at.UnixMilli())
	month := func(id string) string { return hex[:8] + "-" + hex[8:] + id[13:] }
	a.Dispatch.ID = hub.DispatchID(month(string(a.Dispatch.ID)))
	for i := range a.Deliveries {
		a.Deliveries[i].ID, a.Deliveries[i].Dispatch = hub.DeliveryID(month(string(a.Deliveries[i].ID))), a.Dispatch.ID
	}
	for i := range a.Evidence {
		e := &a.Evidence[i]
		e.Evidence.ID, e.Evidence.Dispatch = hub.EvidenceID(month(string(e.Evidence.ID))), a.Dispatch.ID
		e.Canonical, _ = json.Marshal(e.Evidence)
	}
	return a
}

func recipients(n int) []hub.AgencyID {
	list := make([]hub.AgencyID, n)
	for i := range list {
		list[i] = hub.AgencyID(fmt.Sprintf("r%03d", i))
	}
	return list
}
