package faulttest

import (
	"context"
	"fmt"
	"io"
	"net/url"
	"strings"
	"testing"
	"time"

	toxiproxy "github.com/Shopify/toxiproxy/v2"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"

	"github.com/lienthong/lienthong/hub/hubtest/server"
)

// link is the network between a hub and one server.
type link struct {
	proxy *toxiproxy.Proxy
}

// newLink opens a link to an address and returns it with the address to use instead.
func newLink(t *testing.T, upstream string) (*link, string) {
	t.Helper()
	s := toxiproxy.NewServer(toxiproxy.NewMetricsContainer(prometheus.NewRegistry()), zerolog.New(io.Discard))
	p := toxiproxy.NewProxy(s, "link", "127.0.0.1:0", upstream)
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Stop)
	return &link{p}, p.Listen
}

// through replaces the host of an address by that of the link.
func through(t *testing.T, address, host string) string {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	u.Host = host
	return u.String()
}

// spoil lets the link misbehave in one way; heal lets it be sound again.
func (l *link) spoil(kind, stream, attributes string) func() error {
	return func() error {
		_, err := l.proxy.Toxics.AddToxicJson(strings.NewReader(fmt.Sprintf(
			`{"name": "fault", "type": %q, "stream": %q, "attributes": %s}`, kind, stream, attributes)))
		return err
	}
}

func (l *link) heal() error { return l.proxy.Toxics.RemoveToxic(context.Background(), "fault") }

// networkFaults are the ways in which the link to a server misbehaves. A hub works on
// through the slow ones and comes back from the others.
func networkFaults(l *link) []fault {
	faults := []fault{}
	for _, f := range []struct {
		name, kind, stream, attributes string
		wait                           time.Duration
	}{
		{"answers are late", "latency", "downstream", `{"latency": 100, "jitter": 50}`, 2 * time.Second},
		{"little bandwidth", "bandwidth", "upstream", `{"rate": 64}`, 2 * time.Second},
		{"cut into small pieces", "slicer", "downstream", `{"average_size": 64, "size_variation": 32, "delay": 100}`, 2 * time.Second},
		{"connections reset", "reset_peer", "upstream", `{"timeout": 20}`, time.Second},
		{"cut after some bytes", "limit_data", "upstream", `{"bytes": 20000}`, time.Second},
		{"answers cut after some bytes", "limit_data", "downstream", `{"bytes": 3000}`, time.Second},
		{"swallowed without an answer", "timeout", "downstream", `{"timeout": 0}`, 2 * time.Second},
	} {
		faults = append(faults, fault{name: f.name, begin: l.spoil(f.kind, f.stream, f.attributes), end: l.heal, wait: f.wait})
	}
	return faults
}

// TestNetworkToTheDatabase: whatever the network does, nothing is promised that is not
// kept; in particular a commit whose answer is cut off is never taken for a failure.
func TestNetworkToTheDatabase(t *testing.T) {
	t.Parallel() // mostly waits
	database := server.PostgreSQL(t)
	l, host := newLink(t, database.Address())
	s := newSite(t, 1, "LIENTHONG_DATABASE="+through(t, database.Database(t), host))
	survive(t, s.start(t), s.load(), networkFaults(l))
}
