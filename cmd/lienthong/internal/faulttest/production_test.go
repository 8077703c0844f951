package faulttest

import (
	"encoding/json"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/lienthong/lienthong/hub/hubtest/server"
)

// servers are what a hub runs on in production.
type servers struct {
	database *server.Postgres
	objects  *server.ObjectStore
	broker   *server.Broker
	name     string // of the database, as an address
	vhost    string // of the broker, as an address
	env      []string
}

// sharedDatabase and sharedBroker serve all tests that leave their servers alone; each
// has a database and a virtual host of its own there.
var (
	sharedDatabase server.SharedPostgreSQL
	sharedBroker   server.SharedRabbitMQ
)

// startServers returns servers of which the test may stop and freeze the object store.
func startServers(t *testing.T) *servers {
	t.Helper()
	return serversWith(t, sharedBroker.Get(t))
}

func serversWith(t *testing.T, broker *server.Broker) *servers {
	t.Helper()
	s := &servers{database: sharedDatabase.Get(t), objects: server.S3(t), broker: broker}
	s.name, s.vhost = s.database.Database(t), s.broker.VHost(t)
	address, password := server.Split(t, s.vhost)
	s.env = []string{
		"LIENTHONG_DATABASE=" + s.name,
		"LIENTHONG_BROKER=" + address, "LIENTHONG_BROKER_PASSWORD_FILE=" + password,
		"LIENTHONG_OBJECTS=" + s.objects.Bucket(t), "LIENTHONG_OBJECTS_KEY_FILE=" + s.objects.KeyFile(t),
	}
	return s
}

// TestKillInProduction kills nodes of two at random moments under load.
func TestKillInProduction(t *testing.T) {
	t.Parallel() // half of it waits for starts
	site := newSite(t, 2, startServers(t).env...)
	nodes, l := site.start(t), site.load()
	l.slow = true
	for round := range (rounds(t, "LIENTHONG_KILLS", 5) + 3) / 4 { // a round takes four times as long as with SQLite
		n := round % len(nodes)
		live(t, nodes[n], l)
		nodes[n] = startHub(t, site.dirs[n], "", site.env...)
		if err := l.settle(t.Context(), nodes[0].URL); err != nil {
			t.Fatalf("lost: %v", err)
		}
		if round%10 == 9 {
			for _, violation := range auditRecent(t, nodes[1], l) {
				t.Error(violation)
			}
		}
	}
	for _, violation := range auditUnseen(t, nodes[1], l) {
		t.Error(violation)
	}
	if l.count() == 0 {
		t.Error("the load did nothing: this run proves nothing")
	}
	t.Logf("%d receipts", l.count())
}

// TestEveryStepInProduction is TestEveryStep on real servers.
func TestEveryStepInProduction(t *testing.T) {
	t.Parallel() // half of it waits for starts
	everyStep(t, startServers(t).env...)
}

// TestLinearizableInProduction is TestLinearizable on real servers.
func TestLinearizableInProduction(t *testing.T) {
	t.Parallel()
	linearizable(t, rounds(t, "LIENTHONG_HISTORIES", 1), startServers(t).env...)
}

// TestObjectsAway: without its originals a hub accepts nothing; it comes back by itself.
func TestObjectsAway(t *testing.T) {
	t.Parallel() // mostly waits
	s := startServers(t)
	site := newSite(t, 1, s.env...)
	survive(t, site.start(t), site.load(), objectsFaults(s.objects))
}

func objectsFaults(objects *server.ObjectStore) []fault {
	return []fault{
		{name: "object store killed", begin: func() error { objects.Kill(); return nil }, end: objects.Start, stops: "objects", wait: time.Second},
		{
			name: "object store stopped in order", stops: "objects", wait: time.Second,
			begin: func() error { return objects.Stop(syscall.SIGTERM, patience) }, end: objects.Start,
		},
		{name: "object store frozen", begin: objects.Freeze, end: objects.Thaw, wait: 2 * time.Second},
	}
}

// TestNetworkToTheObjects: the network between a hub and its object store misbehaves.
func TestNetworkToTheObjects(t *testing.T) {
	t.Parallel() // mostly waits
	objects := server.S3(t)
	l, host := newLink(t, objects.Address())
	database := server.PostgreSQL(t)
	site := newSite(t, 1,
		"LIENTHONG_DATABASE="+database.Database(t),
		"LIENTHONG_OBJECTS="+through(t, objects.Bucket(t), host), "LIENTHONG_OBJECTS_KEY_FILE="+objects.KeyFile(t))
	survive(t, site.start(t), site.load(), networkFaults(l))
}

// TestWrongBytes: a store that answers with other bytes than it was given is found out;
// nobody is ever handed them, and the right bytes are as good as ever.
func TestWrongBytes(t *testing.T) {
	t.Parallel()
	s := startServers(t)
	site := newSite(t, 1, s.env...)
	h, l := site.start(t)[0], site.load()
	c := newClient(h.URL, l.keys.sender)
	d := l.newDocument()
	if err := submitRecorded(t.Context(), c, l.record, d); err != nil {
		t.Fatal(err)
	}
	dispatch := l.record.snapshot().accepted[d.externalID].dispatch
	found, err := filepath.Glob(filepath.Join(s.objects.Root, "*", "objects", d.sha256[:2], d.sha256))
	if err != nil || len(found) != 1 {
		t.Fatalf("the original lies in %v, %v", found, err)
	}
	right, err := os.ReadFile(found[0])
	if err != nil {
		t.Fatal(err)
	}
	wrong := append([]byte(nil), right...)
	wrong[len(wrong)/2] ^= 1
	if err := os.WriteFile(found[0], wrong, 0o600); err != nil {
		t.Fatal(err)
	}
	if digest, err := c.fetch(t.Context(), dispatch, "p1"); err == nil {
		t.Errorf("wrong bytes were handed out, with the digest %s; want %s", digest, d.sha256)
	}
	if err := os.WriteFile(found[0], right, 0o600); err != nil {
		t.Fatal(err)
	}
	if digest, err := c.fetch(t.Context(), dispatch, "p1"); err != nil || digest != d.sha256 {
		t.Errorf("after the repair: %s, %v", digest, err)
	}
}

// TestBrokerAway: whatever happens to the broker, documents are accepted and delivered;
// it only makes nodes work alone for a while.
func TestBrokerAway(t *testing.T) {
	t.Parallel() // mostly waits
	s := serversWith(t, server.RabbitMQ(t))
	site := newSite(t, 2, s.env...)
	l := site.load()
	l.pace = 500 * time.Millisecond // a broker takes long to start
	survive(t, site.start(t), l, brokerFaults(t, s.broker, s.vhost))
}

func brokerFaults(t *testing.T, broker *server.Broker, vhost string) []fault {
	nothing := func() error { return nil }
	return []fault{
		{name: "broker killed", begin: func() error { broker.Kill(); return nil }, end: broker.Start, degrades: "broker", wait: 2 * time.Second},
		{name: "broker stopped in order", begin: broker.Stop, end: broker.Start, degrades: "broker", wait: time.Second},
		{name: "broker out of memory", begin: broker.FillMemory, end: broker.FreeMemory, wait: 3 * time.Second},
		{name: "broker frozen", begin: broker.Freeze, end: broker.Thaw, wait: 3 * time.Second},
		{name: "queues deleted", begin: func() error { return deleteQueues(t, broker, vhost) }, end: nothing, wait: time.Second},
	}
}

// deleteQueues removes every queue with what is in it.
func deleteQueues(t *testing.T, broker *server.Broker, vhost string) error {
	t.Helper()
	host := server.VHostOf(t, vhost)
	list, err := broker.API(http.MethodGet, "/api/queues/"+host, "")
	if err != nil {
		return err
	}
	var queues []struct {
		Name string `json:"name"`
	}
	if err := json.Unmarshal([]byte(list), &queues); err != nil {
		return err
	}
	for _, q := range queues {
		if _, err := broker.API(http.MethodDelete, "/api/queues/"+host+"/"+url.PathEscape(q.Name), ""); err != nil {
			return err
		}
	}
	return nil
}
