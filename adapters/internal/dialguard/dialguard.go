// Package dialguard judges the addresses that a hub connects to where somebody else wrote
// the address: a certificate, a subscription.
//
// A name is resolved once and the connection goes to the address that was judged, so a
// name that changes between look and use changes nothing. Refused are addresses of the
// machine itself, of private and link-local networks (metadata services among them) and
// their disguises in IPv6, unless the operator allows the network.
package dialguard

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"syscall"
	"time"
)

// ErrNotAllowed says that an address is not one that the operator allows.
var ErrNotAllowed = errors.New("not allowed")

// Guard says which addresses are allowed besides those of the public Internet.
type Guard struct {
	Private  bool           // all networks
	Networks []netip.Prefix // these
}

// Dialer returns a dialer that connects to allowed addresses alone.
func (g Guard) Dialer(timeout time.Duration) *net.Dialer {
	return &net.Dialer{Timeout: timeout, Control: g.control}
}

// control judges the very address that is connected to, after the name was resolved.
func (g Guard) control(_, address string, _ syscall.RawConn) error {
	target, err := netip.ParseAddrPort(address)
	if err != nil {
		return fmt.Errorf("%s: %w", address, ErrNotAllowed)
	}
	if !g.Allows(target.Addr()) {
		return fmt.Errorf("%s is not a public address: %w", target.Addr(), ErrNotAllowed)
	}
	return nil
}

// Allows reports whether an address may be connected to.
func (g Guard) Allows(address netip.Addr) bool {
	plain := address.Unmap().WithZone("")
	return g.Private || public(plain) || slices.ContainsFunc(g.Networks, func(p netip.Prefix) bool { return p.Contains(plain) })
}

// public reports whether an address is one of the public Internet, and not another one
// in disguise. Of IPv6 that is the block that is given out alone (RFC 4291, 2.4): around it
// lie the old forms that carry an IPv4 address inside, and the prefixes of NAT64.
func public(address netip.Addr) bool {
	if !address.IsGlobalUnicast() || address.IsPrivate() || address.IsLoopback() || address.IsLinkLocalUnicast() {
		return false
	}
	if address.Is6() && !netip.MustParsePrefix("2000::/3").Contains(address) {
		return false
	}
	return !slices.ContainsFunc(special(), func(p netip.Prefix) bool { return p.Contains(address) })
}

// special are networks that are not private by name and yet none of the public ones
// (RFC 6890), or that carry an IPv4 address inside.
func special() []netip.Prefix {
	var list []netip.Prefix
	for _, text := range []string{
		"0.0.0.0/8", "100.64.0.0/10", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "240.0.0.0/4",
		"2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20",
	} {
		list = append(list, netip.MustParsePrefix(text))
	}
	return list
}
