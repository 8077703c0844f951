package postgres

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/hub/hubtest/server"
)

// TestManyNodesStart: of nodes that start at once on an empty database one makes the
// schema, and all can work: of four saves by what was read before one is taken.
func TestManyNodesStart(t *testing.T) {
	url := shared.Get(t).Database(t)
	var all sync.WaitGroup
	var saved atomic.Int32
	for range 4 {
		all.Go(func() {
			s, err := Open(t.Context(), Options{URL: url, MaxConns: 2})
			if err != nil {
				t.Error(err)
				return
			}
			defer s.Close()
			switch _, err := s.SaveAgencies(t.Context(), 0, []hub.Agency{{ID: "a"}}); {
			case err == nil:
				saved.Add(1)
			case hub.KindOf(err) != hub.KindConflict:
				t.Error(err)
			}
		})
	}
	all.Wait()
	if n := saved.Load(); n != 1 {
		t.Errorf("%d nodes saved agencies over the same version", n)
	}
	c := behind(t, url)
	if n := ask[int](t, c, "SELECT count(*) FROM goose_db_version WHERE version_id = 1"); n != 1 {
		t.Errorf("the first migration ran %d times", n)
	}
	if n := ask[int](t, c, "SELECT count(*) FROM eras"); n != 1 {
		t.Errorf("%d eras", n)
	}
}

// TestNewerSchema: an older program must not write into what it does not know.
func TestNewerSchema(t *testing.T) {
	s := openNew(t)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	run(t, behind(t, s.url), "INSERT INTO goose_db_version (version_id, is_applied) VALUES (99999, true)")
	_, err := Open(t.Context(), Options{URL: s.url})
	wants(t, hub.KindUnsupported, err)
}

// TestUnsafeServer: a server that answers before its commits are on disk is refused.
func TestUnsafeServer(t *testing.T) {
	url := shared.Get(t).Database(t)
	c := behind(t, url)
	run(t, c, "ALTER DATABASE "+c.Config().Database+" SET synchronous_commit = off")
	_, err := Open(t.Context(), Options{URL: url})
	wants(t, hub.KindUnsupported, err)
}

// TestClosed: a store that was closed takes no more acts and says so.
func TestClosed(t *testing.T) {
	s := openNew(t)
	if err := errors.Join(s.Close(), s.Close()); err != nil {
		t.Fatal(err)
	}
	wants(t, hub.KindUnavailable, s.AddKey(t.Context(), hub.APIKey{ID: "k"}))
	_, err := s.Keys(t.Context())
	wants(t, hub.KindUnavailable, err)
}

// TestBadURL: an address that cannot be read is refused, and its password not told.
func TestBadURL(t *testing.T) {
	_, err := Open(t.Context(), Options{URL: "postgres://hub:geheim@:nowhere/?x"})
	wants(t, hub.KindInvalid, err)
	if strings.Contains(err.Error(), "geheim") {
		t.Errorf("the error tells the password: %v", err)
	}
}

// TestPasswordRotation: the password is read at every connect, so a new one holds
// without a restart, for the pool as for the holder of a lock.
func TestPasswordRotation(t *testing.T) {
	t.Parallel()
	p := server.PostgreSQL(t)
	url := p.Database(t)
	openAt(t, url)
	c := behind(t, url)
	asApplication, role := application(t, c, url), c.Config().Database
	run(t, c, "ALTER ROLE "+role+" PASSWORD 'first'")
	hba := ask[string](t, c, "SHOW hba_file")
	rules := "host all " + role + " 127.0.0.1/32 scram-sha-256\nhost all all 127.0.0.1/32 trust\nlocal all all trust\n"
	if err := os.WriteFile(hba, []byte(rules), 0o600); err != nil {
		t.Fatal(err)
	}
	run(t, c, "SELECT pg_reload_conf()")
	secret := filepath.Join(t.TempDir(), "secret")
	write := func(password string) {
		if err := os.WriteFile(secret, []byte(password), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("first")
	var asked atomic.Int32
	options := Options{
		URL: asApplication, MaxConns: 2,
		Password: func() (string, error) {
			asked.Add(1)
			password, err := os.ReadFile(secret)
			return string(password), err
		},
	}
	var s *Store
	until(t, "the server has read its rules", func() (done bool) {
		write("wrong")
		wrong, err := Open(t.Context(), options)
		if err == nil {
			wrong.Close()
			return false
		}
		wants(t, hub.KindUnavailable, err)
		return true
	})
	write("first")
	s = must[*Store](t)(Open(t.Context(), options))
	defer s.Close()
	run(t, c, "ALTER ROLE "+role+" PASSWORD 'second'")
	run(t, c, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = $1", role)
	_, err := s.Keys(t.Context())
	wants(t, hub.KindUnavailable, err) // whoever is late with the secret can repair it
	write("second")
	must[[]hub.APIKey](t)(s.Keys(t.Context()))
	if err := os.Remove(secret); err != nil {
		t.Fatal(err)
	}
	run(t, c, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = $1", role)
	_, err = s.Keys(t.Context())
	wants(t, hub.KindUnavailable, err)
	if asked.Load() < 4 {
		t.Errorf("the password was asked for %d times", asked.Load())
	}
}
