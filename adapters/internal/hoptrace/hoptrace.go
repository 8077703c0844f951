// Package hoptrace tells a connection test of the hops of an HTTP request: name,
// connection, TLS. What answers behind them is for the caller to judge.
package hoptrace

import (
	"context"
	"crypto/tls"
	"net/http/httptrace"

	"github.com/lienthong/lienthong/hub"
)

// Order are the hops of a request, for hub.Hops.FailNext.
func Order(encrypted bool) []hub.TestHop {
	if encrypted {
		return []hub.TestHop{hub.HopName, hub.HopConnect, hub.HopTLS, hub.HopAnswer}
	}
	return []hub.TestHop{hub.HopName, hub.HopConnect, hub.HopAnswer}
}

// With has the hops of requests of ctx told; nil hops change nothing. A connection may be
// tried over several addresses, and one that is open be used again: each hop is told once.
func With(ctx context.Context, hops *hub.Hops) context.Context {
	if hops == nil {
		return ctx
	}
	once := func(hop hub.TestHop, detail string) {
		if !hops.Has(hop) {
			hops.Pass(hop, detail)
		}
	}
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		ConnectStart:      func(string, string) { once(hub.HopName, "") },
		TLSHandshakeStart: func() { once(hub.HopConnect, "") },
		TLSHandshakeDone: func(state tls.ConnectionState, err error) {
			if err == nil {
				once(hub.HopTLS, tls.VersionName(state.Version))
			}
		},
		GotConn: func(httptrace.GotConnInfo) { once(hub.HopConnect, "") },
	})
}
