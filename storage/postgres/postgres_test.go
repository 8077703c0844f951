package postgres_test

import (
	"os"
	"testing"

	"go.uber.org/goleak"

	"github.com/lienthong/lienthong/hub/hubtest/server"
	"github.com/lienthong/lienthong/storage/postgres"
	"github.com/lienthong/lienthong/storage/storagetest"
)

// shared is the server of all tests that leave it alone.
var shared server.SharedPostgreSQL

func TestMain(m *testing.M) {
	code := m.Run()
	shared.Close()
	if code == 0 {
		if err := goleak.Find(); err != nil {
			println(err.Error())
			code = 1
		}
	}
	os.Exit(code)
}

// stored is a store that knows its database.
type stored struct {
	*postgres.Store
	url string
}

// TestConformance runs what every store promises.
func TestConformance(t *testing.T) {
	storagetest.Run(t, storagetest.Backend{
		Open: func(t *testing.T) storagetest.Store { return open(t, shared.Get(t).Database(t)) },
		Reopen: func(t *testing.T, s storagetest.Store) storagetest.Store {
			if err := s.(stored).Close(); err != nil {
				t.Fatal(err)
			}
			return open(t, s.(stored).url)
		},
	})
}

func open(t testing.TB, url string) stored {
	t.Helper()
	// A few connections each: all stores of the tests share one server.
	s, err := postgres.Open(t.Context(), postgres.Options{URL: url, MaxConns: 4})
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
