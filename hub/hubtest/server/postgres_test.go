package server_test

import (
	"strings"
	"syscall"
	"testing"

	"github.com/lienthong/lienthong/hub/hubtest/server"
)

// TestPostgreSQL: databases are apart, and what was committed survives a kill.
func TestPostgreSQL(t *testing.T) {
	p := server.PostgreSQL(t)
	first, second := p.Database(t), p.Database(t)
	sql := func(database, statements string) string {
		t.Helper()
		out, err := p.SQL(database, statements)
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	sql(first, "CREATE TABLE a (n int); INSERT INTO a VALUES (1), (2)")
	if _, err := p.SQL(second, "SELECT * FROM a"); err == nil || !strings.Contains(err.Error(), "does not exist") {
		t.Errorf("two databases are one: %v", err)
	}
	if got := sql(first, "SHOW fsync; SHOW synchronous_commit; SHOW max_connections"); got != "on\non\n200" {
		t.Errorf("settings %q", got)
	}
	for round := range 3 {
		p.Kill()
		if err := p.Start(); err != nil {
			t.Fatal(err)
		}
		if got := sql(first, "SELECT n FROM a ORDER BY n"); got != "1\n2" {
			t.Errorf("after kill %d: %q", round, got)
		}
	}
	if err := p.Stop(syscall.SIGINT, server.Patience); err != nil {
		t.Error(err)
	}
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	sql(first, "SELECT 1")
}

// TestSharedPostgreSQL: whoever asks gets the same instance, until it is closed.
func TestSharedPostgreSQL(t *testing.T) {
	var shared server.SharedPostgreSQL
	defer shared.Close()
	one := shared.Get(t)
	if two := shared.Get(t); one != two {
		t.Error("two instances")
	}
	if server.Listens(one.Address()) != nil {
		t.Error("it does not listen")
	}
	shared.Close()
	if server.Listens(one.Address()) == nil {
		t.Error("it listens after its end")
	}
}
