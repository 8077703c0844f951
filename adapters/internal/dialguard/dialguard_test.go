package dialguard_test

import (
	"errors"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/lienthong/lienthong/adapters/internal/dialguard"
)

func TestAllows(t *testing.T) {
	inside := dialguard.Guard{Networks: []netip.Prefix{netip.MustParsePrefix("10.20.0.0/16"), netip.MustParsePrefix("fd00:20::/32")}}
	for address, want := range map[string]bool{
		"8.8.8.8": true, "2606:4700::1111": true,
		"10.20.3.4": true, "::ffff:10.20.3.4": true, "fd00:20::1": true,
		"10.21.3.4": false, "127.0.0.1": false, "::1": false, "::ffff:127.0.0.1": false, "0.0.0.0": false, "::": false,
		"169.254.169.254": false, "fe80::1": false, "192.168.1.1": false, "172.16.0.1": false, "100.64.0.1": false,
		"fd00:21::1": false, "64:ff9b::7f00:1": false, "2002:7f00:1::": false, "64:ff9b:1::a14:304": false, "::7f00:1": false, "::ffff:0:7f00:1": false, "fec0::1": false, "2001::1": false, "3fff::1": false,
		"224.0.0.1": false, "255.255.255.255": false,
	} {
		if got := inside.Allows(netip.MustParseAddr(address)); got != want {
			t.Errorf("%s allowed: %v, want %v", address, got, want)
		}
	}
	if !(dialguard.Guard{Private: true}).Allows(netip.MustParseAddr("127.0.0.1")) {
		t.Error("who allows private networks allows this machine")
	}
}

// TestDialer: what a name resolves to is judged, not the name.
func TestDialer(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	_, err = dialguard.Guard{}.Dialer(time.Second).DialContext(t.Context(), "tcp", net.JoinHostPort("localhost", port))
	if !errors.Is(err, dialguard.ErrNotAllowed) {
		t.Errorf("localhost: %v", err)
	}
	home := dialguard.Guard{Networks: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}
	conn, err := home.Dialer(time.Second).DialContext(t.Context(), "tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	conn.Close()
}
