package app

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"time"

	"golang.org/x/net/netutil"

	"github.com/lienthong/lienthong/adapters/portal"
	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/hub/dossiers"
	"github.com/lienthong/lienthong/hub/procedures"
)

var (
	_ portal.Procedures = procedures.Public{}
	_ portal.Dossiers   = dossiers.Owners{}
	_ portal.Filings    = dossiers.Filings{}
)

// PortalSettings are those of the page for everybody.
type PortalSettings struct {
	PortalListen  string   `env:"LIENTHONG_PORTAL_LISTEN" help:"Address of the listener of the portal for everybody: procedures in force, and dossiers by number and secret; empty for none. See deploy/portal.md."`
	PortalURL     string   `name:"portal-url" env:"LIENTHONG_PORTAL_URL" placeholder:"https://HOST" help:"Address under which people reach the portal, for the code on receipts."`
	PortalTLSCert string   `name:"portal-tls-cert" env:"LIENTHONG_PORTAL_TLS_CERT" help:"Certificate chain (PEM) of the portal. Without it the portal speaks plain HTTP, on a loopback address or with --behind-proxy alone."`
	PortalTLSKey  string   `name:"portal-tls-key" env:"LIENTHONG_PORTAL_TLS_KEY" help:"Private key of --portal-tls-cert (PEM)."`
	PortalProxies []string `env:"LIENTHONG_PORTAL_PROXIES" placeholder:"ADDRESS" help:"Addresses or networks (10.0.0.0/8) of the proxies before the portal, whose X-Forwarded-For says who asks: without it all that comes by one proxy counts as one."`
}

func (c *Config) checkPortal() hub.Violations {
	var found hub.Violations
	if (c.PortalTLSCert == "") != (c.PortalTLSKey == "") {
		found = append(found, hub.Invalid("portal-tls-cert", "pair", "--portal-tls-cert and --portal-tls-key go together"))
	} else if c.PortalTLSCert != "" {
		if _, err := tls.LoadX509KeyPair(c.PortalTLSCert, c.PortalTLSKey); err != nil {
			found = append(found, hub.Invalid("portal-tls-cert", "pem", "%v", err))
		}
	}
	if u, err := url.Parse(c.PortalURL); c.PortalURL != "" && (err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" || u.RawQuery != "" || u.Fragment != "") {
		found = append(found, hub.Invalid("portal-url", "url", "this is not an address of the form https://HOST"))
	}
	if _, err := c.portalProxies(); err != nil {
		found = append(found, hub.Invalid("portal-proxies", "address", "%v", err))
	}
	if c.PortalListen == "" {
		return found
	}
	host, _, err := net.SplitHostPort(c.PortalListen)
	ip := net.ParseIP(host)
	switch {
	case err != nil:
		found = append(found, hub.Invalid("portal-listen", "address", "%q is not of the form HOST:PORT", c.PortalListen))
	case c.PortalTLSCert == "" && !c.BehindProxy && host != "localhost" && (ip == nil || !ip.IsLoopback()):
		found = append(found, hub.Invalid("portal-listen", "plain", "secrets of people do not go over plain HTTP: give the portal --portal-tls-cert, or put it --behind-proxy"))
	}
	return found
}

// portalProxies are the networks of --portal-proxies.
func (c *Config) portalProxies() ([]netip.Prefix, error) {
	var nets []netip.Prefix
	for _, said := range c.PortalProxies {
		if one, err := netip.ParseAddr(said); err == nil {
			nets = append(nets, netip.PrefixFrom(one, one.BitLen()))
			continue
		}
		network, err := netip.ParsePrefix(said)
		if err != nil {
			return nil, err
		}
		nets = append(nets, network)
	}
	return nets, nil
}

// maxPortalConnections bounds those of the portal: the rest of the hub has others.
const maxPortalConnections = 4096

// portalServer is the listener of the portal.
type portalServer struct {
	*http.Server
	listener net.Listener
}

func (a *App) openPortal(ctx context.Context) error {
	if a.config.PortalListen == "" {
		return nil
	}
	proxies, err := a.config.portalProxies()
	if err != nil {
		return hub.Invalid("portal-proxies", "address", "%v", err)
	}
	s := &a.services
	handler, err := portal.New(portal.Options{
		Procedures: s.catalogue.Public(), Dossiers: s.dossiers.Owners(), Filings: s.dossiers.Filings(), Random: rand.Reader, Proxies: proxies, Secure: a.config.PortalTLSCert != "" || a.config.BehindProxy,
		Now: a.now, Log: a.log, Name: a.config.Name, Observe: a.watch.Portal,
	})
	if err != nil {
		return err
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", a.config.PortalListen)
	if err != nil {
		return hub.Invalid("portal-listen", "address", "%v", err)
	}
	server := &http.Server{
		Handler: a.leaving(handler), ReadHeaderTimeout: 10 * time.Second, ReadTimeout: 30 * time.Second, WriteTimeout: 30 * time.Second, IdleTimeout: time.Minute,
		MaxHeaderBytes: 16 << 10, ErrorLog: slog.NewLogLogger(a.log.Handler(), slog.LevelDebug),
	}
	if a.config.PortalTLSCert != "" {
		certificate, err := tls.LoadX509KeyPair(a.config.PortalTLSCert, a.config.PortalTLSKey)
		if err != nil {
			return errors.Join(hub.Invalid("portal-tls-cert", "pem", "%v", err), listener.Close())
		}
		server.TLSConfig = &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12, NextProtos: []string{"h2", "http/1.1"}}
	}
	a.portal = &portalServer{server, netutil.LimitListener(listener, maxPortalConnections)}
	a.log.Info("portal", "url", a.PortalURL())
	return nil
}

func (s *portalServer) serve() error {
	var err error
	if s.TLSConfig != nil {
		err = s.ServeTLS(s.listener, "", "")
	} else {
		err = s.Serve(s.listener)
	}
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return hub.Internal("serve the portal", err)
}

// PortalURL is the address under which this machine reaches the portal; "" for none.
func (a *App) PortalURL() string {
	if a.portal == nil {
		return ""
	}
	return localURL(a.portal.listener, a.config.PortalTLSCert != "")
}

// localURL is the address under which this machine reaches a listener.
func localURL(listener net.Listener, secure bool) string {
	scheme := "http"
	if secure {
		scheme = "https"
	}
	host, port, _ := net.SplitHostPort(listener.Addr().String())
	if ip := net.ParseIP(host); ip == nil || ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	return fmt.Sprintf("%s://%s", scheme, net.JoinHostPort(host, port))
}
