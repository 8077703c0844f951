package faulttest

import (
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lienthong/lienthong/adapters/hubclient"
	"github.com/lienthong/lienthong/cmd/lienthong/internal/hubproc"
)

// throughKills runs a test on SQLite and on PostgreSQL, with what the hub runs on and how
// often it is to be killed.
func throughKills(t *testing.T, run func(t *testing.T, env []string, kills int)) {
	t.Helper()
	t.Parallel() // half of it waits for starts
	for name, env := range map[string]func(t *testing.T) []string{
		"sqlite": func(*testing.T) []string { return nil },
		"postgres": func(t *testing.T) []string {
			return []string{"LIENTHONG_DATABASE=" + sharedDatabase.Get(t).Database(t)}
		},
	} {
		t.Run(name, func(t *testing.T) { run(t, env(t), (rounds(t, "LIENTHONG_KILLS", 5)+1)/2) })
	}
}

// mortal is a hub that is killed and started again, each time at another address.
type mortal struct {
	*testing.T
	dir    string
	env    []string
	secret string // key of the sender
	keys   keys
	hub    *hubproc.Process
	url    atomic.Pointer[string]
}

func startMortal(t *testing.T, env []string) *mortal {
	t.Helper()
	m := &mortal{T: t, dir: t.TempDir(), env: env}
	m.keys = prepared(t, m.dir, env...)
	m.secret = m.keys.sender
	m.start()
	return m
}

func (m *mortal) start() {
	m.Helper()
	m.hub = startHub(m.T, m.dir, "", m.env...)
	m.url.Store(&m.hub.URL)
	next := m.address() + ".next"
	if err := errors.Join(os.WriteFile(next, []byte(m.hub.URL), 0o600), os.Rename(next, m.address())); err != nil {
		m.Fatal(err)
	}
}

// address is a file that tells other processes where the hub is.
func (m *mortal) address() string { return filepath.Join(m.dir, "address") }

// kill kills the hub so many times, each at a random moment after it did something for its
// clients: done counts that.
func (m *mortal) kill(times int, done func() int) {
	m.Helper()
	for range times {
		before := done()
		await(m.T, "the hub does something", func() bool { return done() > before })
		time.Sleep(rand.N(500 * time.Millisecond))
		m.hub.Kill()
		m.start()
	}
}

// call calls the hub that runs as the sender.
func (m *mortal) call(do func(c *hubclient.Client) error) error {
	client, err := hubclient.New(hubclient.Options{URL: *m.url.Load(), Key: m.secret})
	if err != nil {
		return err
	}
	defer client.CloseIdle()
	return do(client)
}

// insist does something until it is done: an answer was lost, or the hub is away.
func (m *mortal) insist(do func() error) {
	for do() != nil && m.Context().Err() == nil {
		time.Sleep(20 * time.Millisecond)
	}
}
