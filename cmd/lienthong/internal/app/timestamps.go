package app

import (
	"cmp"
	"context"
	"crypto/x509"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/hub/audit"
	"github.com/lienthong/lienthong/signing"
	"github.com/lienthong/lienthong/signing/trust"
)

// TimeSettings say who tells this hub what time it is, in a way that others believe.
type TimeSettings struct {
	TSA        []string      `name:"tsa" env:"LIENTHONG_TSA" placeholder:"URL" help:"Addresses of time-stamp authorities (RFC 3161) for checkpoints of the log, asked in order until one answers. own: one inside this hub, which proves no more than its own word; none: no time-stamps. When left out: own with the embedded database, else none."`
	TSAAnchors string        `name:"tsa-anchors" env:"LIENTHONG_TSA_ANCHORS" type:"path" placeholder:"FILE" help:"Certificates (PEM) that tokens of --tsa must lead to; required with addresses."`
	StampEvery time.Duration `name:"stamp-every" env:"LIENTHONG_STAMP_EVERY" default:"1h" help:"Time between two time-stamps while the log grows, one second to one hour."`

	RequireTimestampWithin time.Duration `env:"LIENTHONG_REQUIRE_TIMESTAMP_WITHIN" default:"0s" help:"Refuse new submissions (503) while something in the log waits for a time-stamp for longer, or the clock of the node differs from that of the authority by more than a minute; 0 never."`
}

// The words that --tsa takes besides addresses.
const (
	tsaOwn  = "own"
	tsaNone = "none"
)

// stampEvery is how often the log gets a token where nothing else is set.
const stampEvery = time.Hour

func (s *TimeSettings) pace() time.Duration { return cmp.Or(s.StampEvery, stampEvery) }

// authorities returns the addresses, or one of the words alone.
func (c *Config) authorities() []string {
	switch {
	case len(c.TSA) > 0 && c.TSA[0] != "":
		return c.TSA
	case c.Shared():
		return []string{tsaNone}
	}
	return []string{tsaOwn}
}

func (c *Config) checkTime() hub.Violations {
	var found hub.Violations
	list := c.authorities()
	word := slices.Contains(list, tsaOwn) || slices.Contains(list, tsaNone)
	switch {
	case word && len(list) > 1:
		found = append(found, hub.Invalid("tsa", "exclusive", "own and none stand alone, without addresses"))
	case list[0] == tsaOwn && c.Shared():
		found = append(found, hub.Invalid("tsa", "own", "nodes that share a database have no time-stamp authority in common: name the address of one"))
	case word && c.TSAAnchors != "":
		found = append(found, hub.Invalid("tsa-anchors", "unused", "--tsa-anchors goes with the address of a time-stamp authority"))
	case !word && c.TSAAnchors == "":
		found = append(found, hub.Invalid("tsa-anchors", "required", "name the certificates (PEM) that the tokens of %s must lead to", list[0]))
	case !word:
		if _, err := c.externalTimestamps(); err != nil {
			found = append(found, hub.ViolationsOf(err)...)
		}
	}
	if pace := c.pace(); pace < time.Second || pace > stampEvery {
		found = append(found, hub.Invalid("stamp-every", "range", "the log is time-stamped once an hour at least and once a second at most"))
	}
	if within := c.RequireTimestampWithin; within != 0 && (within <= c.pace() || list[0] == tsaNone) {
		found = append(found, hub.Invalid("require-timestamp-within", "minimum", "it is longer than --stamp-every (%s), and goes with a time-stamp authority", c.pace()))
	}
	return found
}

func (c *Config) externalTimestamps() (*signing.Timestamps, error) {
	pem, err := os.ReadFile(c.TSAAnchors)
	if err != nil {
		return nil, hub.Invalid("tsa-anchors", "file", "%v", err)
	}
	anchors, err := trust.LoadAnchors(pem)
	if err != nil {
		return nil, hub.Invalid("tsa-anchors", "pem", "%s: %v", c.TSAAnchors, err)
	}
	return signing.NewTimestamps(c.authorities(), anchors, c.now)
}

// timeAuthority returns whom the settings name, nil for nobody. The certificates are those
// of the hub's own authority, nil where others are asked.
func (c *Config) timeAuthority() (*signing.Timestamps, []*x509.Certificate, error) {
	switch c.authorities()[0] {
	case tsaNone:
		return nil, nil, nil
	case tsaOwn:
		key, chain, err := signing.LoadOrCreateTSAKey(filepath.Join(c.DataDir, "key"), c.Name, c.now())
		if err != nil {
			return nil, nil, err
		}
		own, err := signing.OwnTimestamps(key, chain, c.now)
		return own, chain, err
	}
	external, err := c.externalTimestamps()
	return external, nil, err
}

// TimestampAnchorsFile holds the certificates that time-stamps of the log lead to, for
// those who verify them.
func (c *Config) TimestampAnchorsFile() string {
	return filepath.Join(c.DataDir, "tsa-certificate.pem")
}

// timestamping wires the job that time-stamps the log, and writes the anchors of its
// tokens beside the certificate of the hub. It returns the certificates of the hub's own
// authority, nil where others are asked.
func (a *App) timestamping() ([]*x509.Certificate, error) {
	authority, own, err := a.config.timeAuthority()
	switch {
	case err != nil || authority == nil:
		return nil, err
	case own != nil:
		if err := writeCertificates(a.config.TimestampAnchorsFile(), own[len(own)-1:]); err != nil {
			return nil, err
		}
	default:
		pem, err := os.ReadFile(a.config.TSAAnchors)
		if err != nil {
			return nil, hub.Invalid("tsa-anchors", "file", "%v", err)
		}
		if err := os.WriteFile(a.config.TimestampAnchorsFile(), pem, 0o644); err != nil { //nolint:gosec // certificates are public
			return nil, hub.Internal("write the anchors of time-stamps", err)
		}
	}
	a.services.stamper = audit.NewStamper(audit.StamperOptions{
		Store: a.store, Authority: authority, Every: a.config.pace(), Quorum: a.services.cosigner != nil, Now: a.now, Log: a.log, Took: a.stamped,
	})
	return own, nil
}

// comparingClocks wires the comparison of this node's clock with the authorities outside.
// Every node has it, for each writes evidence, also one that signs no checkpoints.
func (a *App) comparingClocks() error {
	if first := a.config.authorities()[0]; first == tsaOwn || first == tsaNone {
		return nil
	}
	external, err := a.config.externalTimestamps()
	if err != nil {
		return err
	}
	a.services.clock = audit.NewClock(external, a.log)
	return nil
}

// stamped counts an answer of the authority and compares clocks.
func (a *App) stamped(token hub.TimeToken, err error) {
	a.watch.Stamped(token, err)
	if err == nil && a.services.clock != nil {
		a.services.clock.Observe(context.Background(), token)
	}
}

// checkClock compares the clock of this node with that of the authority until ctx ends.
func (a *App) checkClock(ctx context.Context) error {
	if a.services.clock != nil {
		a.services.clock.Run(ctx)
	}
	<-ctx.Done()
	return nil
}

// clockFault tells by how much the clock of this node is wrong.
func (a *App) clockFault(context.Context) error {
	if err := a.services.audit.ClockFault(); err != nil || a.services.clock == nil {
		return err
	}
	return a.services.clock.Fault()
}

// growLog lets the log grow while this node has the right to, and has it witnessed and
// time-stamped. Nothing that keeps the log from growing ends the node: it goes on with
// everything else.
func (a *App) growLog(ctx context.Context, epoch int64) error {
	var beside sync.WaitGroup
	if a.services.stamper != nil {
		beside.Go(func() { a.services.stamper.Run(ctx) })
	}
	if a.services.cosigner != nil {
		beside.Go(func() { a.services.cosigner.Run(ctx) })
	}
	a.services.log.Run(ctx, epoch)
	beside.Wait()
	return nil
}

// stampFault tells why this node gets no time-stamps for the log, where it should.
func (a *App) stampFault(context.Context) error {
	if a.services.stamper == nil {
		return nil
	}
	return a.services.stamper.Fault()
}
