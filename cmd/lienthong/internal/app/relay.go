package app

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/lienthong/lienthong/adapters/edxml"
	"github.com/lienthong/lienthong/adapters/httpapi"
	"github.com/lienthong/lienthong/adapters/vxp"
	"github.com/lienthong/lienthong/cmd/lienthong/internal/engine"
	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/hub/delivery"
	"github.com/lienthong/lienthong/hub/directory"
	"github.com/lienthong/lienthong/hub/intake"
	"github.com/lienthong/lienthong/hub/relay"
	"github.com/lienthong/lienthong/hub/tracking"
)

// Who implements the ports of the membership.
var (
	_ relay.Axis       = (*vxp.Member)(nil)
	_ relay.Register   = (*vxp.Member)(nil)
	_ relay.Blobs      = engine.Content(nil)
	_ relay.Store      = engine.State(nil)
	_ relay.Notes      = engine.State(nil)
	_ relay.Intake     = (*intake.Service)(nil)
	_ relay.Recipient  = (*tracking.Service)(nil)
	_ relay.Notices    = (*tracking.Service)(nil)
	_ relay.Directory  = (*directory.Directory)(nil)
	_ httpapi.Axis     = (*relay.Passages)(nil)
	_ httpapi.Passages = (*relay.Passages)(nil)
	_ delivery.Carrier = (*relay.Passages)(nil)
	_ relay.Line       = (*vxp.Member)(nil)
	_ relay.Secrets    = (*directory.Keys)(nil)
	_ relay.Boxes      = (*tracking.Service)(nil)
	_ relay.Moves      = moves{}
)

// AxisSettings make this hub a member of another axis.
type AxisSettings struct {
	Axis           string        `env:"LIENTHONG_AXIS" placeholder:"https://HOST/PATH" help:"Endpoint (VXP) of the axis of which this hub is a member for all its agencies: it hands over there what is for agencies whose channel is axis, and takes what waits there for the others. See deploy/connect-axis.md."`
	AxisSystem     string        `env:"LIENTHONG_AXIS_SYSTEM" help:"System id of this hub on the axis."`
	AxisSecretFile string        `env:"LIENTHONG_AXIS_SECRET_FILE" type:"path" placeholder:"FILE" help:"File with the secret of this hub on the axis, read again for every call; used as text, not decoded."`
	AxisCAFile     string        `name:"axis-ca-file" env:"LIENTHONG_AXIS_CA_FILE" type:"path" placeholder:"FILE" help:"Certificates (PEM) that the certificate of the axis must lead to; without it, those of the system."`
	AxisPoll       time.Duration `env:"LIENTHONG_AXIS_POLL" default:"15s" help:"Time between two looks at what waits on the axis."`
	AxisPatience   time.Duration `env:"LIENTHONG_AXIS_PATIENCE" default:"1m" help:"How long a call to the axis may stand still before it is cut off."`
	NoAxisRegister bool          `env:"LIENTHONG_NO_AXIS_REGISTER" help:"Do not ask the axis to register the agencies of this hub."`
}

// DeliverySettings say how deliveries are carried to where they are pushed.
type DeliverySettings struct {
	RetryFirst time.Duration `env:"LIENTHONG_RETRY_FIRST" default:"30s" help:"Pause before a delivery that failed is carried again; it doubles up to an hour."`
	CarryLimit time.Duration `env:"LIENTHONG_CARRY_LIMIT" default:"1m" help:"How long carrying one delivery may take; to an axis longer by the time that its size needs at 16 KiB/s."`
}

func (c *Config) checkRelay() hub.Violations {
	var found hub.Violations
	if c.RetryFirst < 0 || c.CarryLimit < 0 || c.CarryLimit > 0 && c.CarryLimit < time.Second {
		found = append(found, hub.Invalid("retry-first", "minimum", "--retry-first is not below 0, --carry-limit at least 1s"))
	}
	if c.AxisPoll != 0 && c.AxisPoll < 50*time.Millisecond || c.AxisPatience != 0 && c.AxisPatience < 100*time.Millisecond { // passages poll, too
		found = append(found, hub.Invalid("axis-poll", "minimum", "--axis-poll is at least 50ms, --axis-patience at least 100ms"))
	}
	if c.Axis == "" {
		if _, err := c.axisRoots(); err != nil { // passages go without a membership
			found = append(found, hub.Invalid("axis-ca-file", "file", "%v", err))
		}
		if c.AxisSystem+c.AxisSecretFile != "" {
			found = append(found, hub.Invalid("axis", "required", "the settings of a member go with the endpoint of the axis, --axis"))
		}
		return found
	}
	if u, err := url.Parse(c.Axis); err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" || u.User != nil || u.RawQuery != "" {
		found = append(found, hub.Invalid("axis", "url", "the endpoint of an axis is of the form https://HOST/PATH"))
	}
	if c.AxisSystem == "" {
		found = append(found, hub.Invalid("axis-system", "required", "as which system is this hub known on the axis?"))
	}
	if c.AxisSecretFile == "" {
		found = append(found, hub.Invalid("axis-secret-file", "required", "name the file with the secret of this hub on the axis"))
	} else if _, err := c.axisSecret(); err != nil {
		found = append(found, hub.Invalid("axis-secret-file", "file", "%v", err))
	}
	if _, err := c.axisRoots(); err != nil {
		found = append(found, hub.Invalid("axis-ca-file", "file", "%v", err))
	}
	return found
}

func (c *Config) axisSecret() (string, error) {
	text, err := os.ReadFile(c.AxisSecretFile)
	secret := strings.TrimSpace(string(text))
	if err == nil && secret == "" {
		return "", hub.Invalid("axis-secret-file", "required", "the file is empty")
	}
	return secret, err
}

// axisRoots are those of the operator; nil for those of the system.
func (c *Config) axisRoots() (*x509.CertPool, error) {
	if c.AxisCAFile == "" {
		return nil, nil
	}
	pem, err := os.ReadFile(c.AxisCAFile)
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(pem) {
		return nil, hub.Invalid("axis-ca-file", "pem", "there is no certificate in it")
	}
	return roots, nil
}

// joinAxis makes the hub a member of the axis that the operator names, and lets systems
// pass through to theirs.
func (a *App) joinAxis(ctx context.Context) error {
	c := &a.config
	roots, err := c.axisRoots()
	if err != nil {
		return err
	}
	client, o := axisClient(roots), a.relaying()
	s := &a.services
	o.Noted = func(ctx context.Context, st *hub.Stray) error { return s.notes.Note(ctx, hub.LogNoteStray, st) }
	s.passages = relay.NewPassages(relay.PassageOptions{
		Options: o, Secrets: s.keys, Moves: moves{s.directory, a.log}, Boxes: s.tracking, Stored: a.store, Grace: passageGrace,
		Connect: func(endpoint, system string, secret func() (string, error)) relay.Line {
			if strings.HasPrefix(endpoint, "http:") {
				a.log.Warn("what goes to the axis and comes from it is not encrypted", "axis", endpoint, "system", system)
			}
			return a.line(client, endpoint, system, secret)
		},
	})
	if c.Axis != "" {
		if strings.HasPrefix(c.Axis, "http:") {
			a.log.Warn("what goes to the axis and comes from it is not encrypted", "axis", c.Axis)
		}
		member := a.line(client, c.Axis, c.AxisSystem, c.axisSecret)
		o.Axis, o.Register, o.Endpoint, o.System, o.NoWishes = member, member, c.Axis, c.AxisSystem, c.NoAxisRegister
		o.Here, o.Served = s.passages.Passing, func(id hub.AgencyID) bool { return !s.passages.Passing(id) }
		s.relay = relay.New(o)
		s.passages.SetOwn(s.relay)
	}
	return s.passages.Refresh(ctx)
}

// line speaks to an axis as a system.
func (a *App) line(client *http.Client, endpoint, system string, secret func() (string, error)) *vxp.Member {
	return &vxp.Member{Patience: cmp.Or(a.config.AxisPatience, time.Minute), Client: &vxp.Client{
		HTTP: client, Endpoint: endpoint, System: system, Now: a.now, SecretNow: secret,
	}}
}

// relaying is what all memberships have in common.
func (a *App) relaying() relay.Options {
	codec, s := edxml.New(edxml.Options{}), &a.services
	return relay.Options{
		Blobs: a.blobs, Store: a.store, Notes: a.store, Intake: a.watch.Intake(s.intake),
		Recipient: s.tracking, Notices: s.tracking, Directory: s.directory, Now: a.now, Log: a.log,
		Codec: relay.Codec{
			Decode: func(ctx context.Context, r io.Reader) (hub.Package, error) { return codec.Decode(ctx, r, a.blobs) },
			Encode: func(ctx context.Context, w io.Writer, item hub.SentItem, open func(hub.Part) (hub.Blob, error)) error {
				return codec.EncodeDispatch(ctx, w, item.Dispatch, item.Deliveries, func(_ context.Context, part hub.Part) (hub.Blob, error) { return open(part) })
			},
			EncodeStatus: codec.EncodeStatus,
		},
		Jitter: func(d time.Duration) time.Duration { return rand.N(d + 1) }, Busy: a.health.overloaded,
		Observed: a.watch.Relayed, RetryMin: a.config.AxisPoll,
	}
}

// passageGrace is how long a system that was shut out waits for what is on its way into its
// box: other nodes let it in, and know its agencies as reached here, a little longer, and a
// document that is being accepted found them so.
const passageGrace = 2 * directory.KeyMemory

// axisClient follows no redirects: they would lose the body or the signature.
func axisClient(roots *x509.CertPool) *http.Client {
	return &http.Client{
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			Proxy: http.ProxyFromEnvironment, DialContext: (&net.Dialer{Timeout: 10 * time.Second}).DialContext,
			TLSHandshakeTimeout: 10 * time.Second, IdleConnTimeout: 30 * time.Second, MaxIdleConnsPerHost: 8,
			TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: roots}, DisableCompression: true,
		},
	}
}

// carriers are the ways to recipients that do not collect here.
func (a *App) carriers() map[hub.Channel]delivery.Carrier {
	all := map[hub.Channel]delivery.Carrier{hub.ChannelAxis: a.watch.Carrier(hub.ChannelAxis, lateRelay{a})}
	for channel, c := range a.queue.Carriers(a.services.directory) {
		all[channel] = c
	}
	return all
}

// lateRelay carries over the memberships of an application, which it has only when its
// services are made.
type lateRelay struct{ app *App }

// Carry implements delivery.Carrier. Without an axis a delivery waits: a setting that is
// missing costs nobody a document.
func (r lateRelay) Carry(ctx context.Context, item hub.Item) error {
	return r.app.services.passages.Carry(ctx, item)
}

// answer is what a counterpart answered to a carry, for the evidence.
func (a *App) answer(ctx context.Context, item *hub.Item) string {
	if item.Delivery.Channel != hub.ChannelAxis {
		return ""
	}
	return a.services.passages.Answer(ctx, item)
}

// hold keeps a dispatch from going to another axis.
func (a *App) hold(ctx context.Context, item *hub.Item) (release func(), err error) {
	return a.services.passages.Hold(ctx, item)
}

// inBox reports whether what is for an agency waits in its box: since it was handed over
// nobody of its own looks for it anywhere else.
func (a *App) inBox(id hub.AgencyID) bool {
	agency, ok := a.services.directory.ByID(id)
	return ok && agency.TookOverAt(a.now()) != ""
}

// pollAxis is what one node at a time does for the membership, and for the systems that
// pass through.
func (a *App) pollAxis(ctx context.Context, epoch int64) error {
	pace := cmp.Or(a.config.AxisPoll, 15*time.Second)
	if a.services.relay == nil {
		return a.services.passages.Lead(ctx, pace)
	}
	a.log.Info("this node polls the axis", "epoch", epoch, "axis", a.config.Axis, "system", a.config.AxisSystem)
	var passing sync.WaitGroup
	var failed error
	passing.Go(func() { failed = a.services.passages.Lead(ctx, pace) })
	err := a.services.relay.Lead(ctx, pace)
	passing.Wait()
	return errors.Join(err, failed)
}

// axisFault tells why a membership wants somebody's attention.
func (a *App) axisFault(ctx context.Context) error {
	silent := func(st hub.AxisStatus) bool {
		return st.Leads && st.LastError != "" && time.Since(st.LastPoll) > 4*a.config.AxisPoll
	}
	if a.services.relay == nil {
		return a.services.passages.Fault(ctx, silent)
	}
	st, err := a.services.relay.Fault(ctx)
	switch {
	case err != nil:
		return err
	case silent(st):
		return hub.Errorf(hub.KindUnavailable, "", "axis_silent", "the axis did not answer lately: %s", st.LastError)
	case st.Held > 0:
		return hub.Errorf(hub.KindUnavailable, "", "axis_held", "%d packages of the axis wait for the operator: lienthong axis held", st.Held)
	}
	return a.services.passages.Fault(ctx, silent)
}

// lastRelay is what the membership tells a scrape; the second result is false without one.
func (a *App) lastRelay(ctx context.Context) (hub.AxisStatus, bool) {
	if a.services.relay == nil {
		return hub.AxisStatus{}, false
	}
	st, err := a.services.relay.Look(ctx)
	return st, err == nil
}
