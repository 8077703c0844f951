package server_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/lienthong/lienthong/hub/hubtest/server"
)

// TestRabbitMQ: virtual hosts are apart, and what is durable survives a kill.
func TestRabbitMQ(t *testing.T) {
	b := server.RabbitMQ(t)
	first, second := server.VHostOf(t, b.VHost(t)), server.VHostOf(t, b.VHost(t))
	const quorum = `{"durable":true,"arguments":{"x-queue-type":"quorum"}}`
	if _, err := b.API(http.MethodPut, "/api/queues/"+first+"/q", quorum); err != nil {
		t.Fatal(err)
	}
	if _, err := b.API(http.MethodGet, "/api/queues/"+second+"/q", ""); err == nil {
		t.Error("two virtual hosts are one")
	}
	b.Kill()
	if server.Listens(b.Address()) == nil {
		t.Error("it listens after its end")
	}
	if err := b.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := b.API(http.MethodGet, "/api/queues/"+first+"/q", ""); err != nil {
		t.Error(err)
	}
	if err := b.FillMemory(); err != nil {
		t.Fatal(err)
	}
	if out, err := b.Ctl("eval", "rabbit_alarm:get_alarms()."); err != nil || !strings.Contains(out, "memory") {
		t.Errorf("alarms %q, %v", out, err)
	}
	if err := b.FreeMemory(); err != nil {
		t.Fatal(err)
	}
	if err := b.Stop(); err != nil {
		t.Error(err)
	}
	if err := b.Start(); err != nil {
		t.Fatal(err)
	}
}

// TestRabbitMQCluster: three nodes know one another, and one that is cut off stops
// serving until it is back.
func TestRabbitMQCluster(t *testing.T) {
	if testing.Short() {
		t.Skip("starts three brokers")
	}
	nodes := server.RabbitMQCluster(t, 3)
	out, err := nodes[1].Ctl("eval", "length(rabbit_nodes:all_running()).")
	if err != nil || out != "3" {
		t.Fatalf("%q nodes run, %v", out, err)
	}
	if err := nodes[2].Isolate(nodes[0], nodes[1]); err != nil {
		t.Fatal(err)
	}
	running := func(n *server.Broker, want string) {
		t.Helper()
		await(t, func() error {
			out, err := n.Ctl("eval", "length(rabbit_nodes:all_running()).")
			if err == nil && out != want {
				err = fmt.Errorf("%s nodes run, want %s", out, want)
			}
			return err
		})
	}
	running(nodes[0], "2")
	if err := nodes[2].Reunite(nodes[0], nodes[1]); err != nil {
		t.Fatal(err)
	}
	running(nodes[0], "3")
	await(t, func() error { return server.Listens(nodes[2].Address()) })
}

// await waits for what has to come.
func await(t *testing.T, there func() error) {
	t.Helper()
	for deadline := time.Now().Add(server.Patience); ; time.Sleep(100 * time.Millisecond) {
		err := there()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("still so after %s: %v", server.Patience, err)
		}
	}
}
