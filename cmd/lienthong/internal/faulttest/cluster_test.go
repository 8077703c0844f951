package faulttest

import (
	"testing"
	"time"

	"github.com/lienthong/lienthong/hub/hubtest/server"
)

// TestBrokerCluster: of three nodes of RabbitMQ one is killed, then one is cut off from
// the others, at last the one that the hub is connected to; the hub goes on and loses
// nothing.
func TestBrokerCluster(t *testing.T) {
	t.Parallel() // mostly waits
	nodes := server.RabbitMQCluster(t, 3)
	broker, password := server.Split(t, nodes[0].URL())
	s := newSite(t, 1,
		"LIENTHONG_DATABASE="+server.PostgreSQL(t).Database(t),
		"LIENTHONG_BROKER="+broker, "LIENTHONG_BROKER_PASSWORD_FILE="+password)
	l := s.load()
	l.pace = 500 * time.Millisecond
	survive(t, s.start(t), l, []fault{
		{name: "one broker of three killed", begin: func() error { nodes[1].Kill(); return nil }, end: nodes[1].Start, wait: 3 * time.Second},
		{
			name: "one broker of three cut off", wait: 2 * server.TickTime,
			begin: func() error { return nodes[2].Isolate(nodes[0], nodes[1]) },
			end:   func() error { return nodes[2].Reunite(nodes[0], nodes[1]) },
		},
		{
			name: "the hub's own broker cut off", wait: 2 * server.TickTime,
			begin: func() error { return nodes[0].Isolate(nodes[1], nodes[2]) },
			end:   func() error { return nodes[0].Reunite(nodes[1], nodes[2]) },
		},
	})
}
