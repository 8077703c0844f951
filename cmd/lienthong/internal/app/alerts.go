package app

import (
	"cmp"
	"context"
	"crypto/x509"
	"fmt"
	"net"
	"os"
	"slices"
	"time"

	"github.com/lienthong/lienthong/adapters/mail"
	"github.com/lienthong/lienthong/cmd/lienthong/internal/engine"
	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/hub/alerts"
)

var (
	_ alerts.Notes  = engine.State(nil)
	_ alerts.Mailer = (*mail.Teller)(nil)
)

// AlertSettings say what operators are told of, when, and where.
type AlertSettings struct {
	AlertMail      []string      `name:"alert-mail" env:"LIENTHONG_ALERT_MAIL" placeholder:"USER@HOST" help:"Addresses of operators that are told by --mail-server what they must know; repeat or separate with commas. Without one, alerts are only shown. See deploy/alerts.md."`
	AlertQuiet     string        `name:"alert-quiet" env:"LIENTHONG_ALERT_QUIET" default:"22:00-06:00" help:"Hours in which operators are mailed only what is urgent; empty for none."`
	AlertZone      string        `name:"alert-zone" env:"LIENTHONG_ALERT_ZONE" default:"Asia/Ho_Chi_Minh" help:"Time zone of --alert-quiet."`
	AlertGather    time.Duration `name:"alert-gather" env:"LIENTHONG_ALERT_GATHER" default:"10m" help:"How long an alert that is not urgent waits for others that go into the same mail."`
	AlertSettle    time.Duration `name:"alert-settle" env:"LIENTHONG_ALERT_SETTLE" default:"5m" help:"How long a fault must last before it is an alert; an urgent one, 30s at most."`
	AlertDisk      int           `name:"alert-disk" env:"LIENTHONG_ALERT_DISK" default:"2048" help:"MiB free in the data folder below which operators are told, long before --min-free; 0 for never."`
	AlertBacklog   int           `name:"alert-backlog" env:"LIENTHONG_ALERT_BACKLOG" default:"10000" help:"Deliveries that wait to be carried from which operators are told; 0 for never."`
	AlertQueueAge  time.Duration `name:"alert-queue-age" env:"LIENTHONG_ALERT_QUEUE_AGE" default:"5m" help:"How long the first delivery may wait beyond its time before operators are told; 0 for ever."`
	AlertRecipient time.Duration `name:"alert-recipient" env:"LIENTHONG_ALERT_RECIPIENT" default:"2h" help:"How long deliveries to a recipient may fail before operators are told; 0 for ever."`
	AlertExpiry    time.Duration `name:"alert-expiry" env:"LIENTHONG_ALERT_EXPIRY" default:"720h" help:"How long before a certificate of the hub ends operators are told."`
	AlertCRL       time.Duration `name:"alert-crl" env:"LIENTHONG_ALERT_CRL" default:"24h" help:"How long before a revocation list is too old operators are told; at most the last quarter of its time."`
}

// maxAlertMails bounds the addresses that are told.
const maxAlertMails = 20

func (c *Config) checkAlerts() hub.Violations {
	var found hub.Violations
	if len(c.AlertMail) > maxAlertMails {
		found = append(found, hub.Errorf(hub.KindTooLarge, "alert-mail", "max_items", "at most %d addresses are told", maxAlertMails))
	}
	for _, address := range c.AlertMail {
		if err := mail.CheckAddress("alert-mail", address); err != nil {
			found = append(found, hub.ViolationsOf(err)...)
		}
	}
	if len(c.AlertMail) > 0 && c.MailServer == "" {
		found = append(found, hub.Invalid("alert-mail", "required", "operators are told by --mail-server, which is not set"))
	}
	if _, err := c.quiet(); err != nil {
		found = append(found, hub.ViolationsOf(err)...)
	}
	for _, term := range []struct {
		flag  string
		value time.Duration
	}{
		{"alert-gather", c.AlertGather}, {"alert-settle", c.AlertSettle}, {"alert-queue-age", c.AlertQueueAge},
		{"alert-recipient", c.AlertRecipient}, {"alert-expiry", c.AlertExpiry}, {"alert-crl", c.AlertCRL},
		{"alert-disk", time.Duration(c.AlertDisk)}, {"alert-backlog", time.Duration(c.AlertBacklog)},
	} {
		if term.value < 0 {
			found = append(found, hub.Invalid(term.flag, "minimum", "this is 0 or more"))
		}
	}
	return found
}

// quiet are the hours in which only urgent alerts are mailed.
func (c *Config) quiet() (alerts.Quiet, error) {
	zone := hub.Vietnam() // also where the machine has no zone database
	if c.AlertZone != "" && c.AlertZone != "Asia/Ho_Chi_Minh" {
		var err error
		if zone, err = time.LoadLocation(c.AlertZone); err != nil {
			return alerts.Quiet{}, hub.Invalid("alert-zone", "zone", "%.60q is no time zone that this machine knows, such as Asia/Ho_Chi_Minh", c.AlertZone)
		}
	}
	return alerts.ParseQuiet(c.AlertQuiet, zone)
}

// alerting wires who is told of what goes wrong.
func (a *App) alerting(context.Context) error {
	c := &a.config
	quiet, err := c.quiet()
	if err != nil {
		return err
	}
	o := alerts.Options{
		Notes: a.store, Recipients: c.AlertMail, Node: a.node(), Own: a.ownFindings, All: a.hubFindings,
		Gather: c.AlertGather, Settle: c.AlertSettle, Quiet: quiet, Now: a.now, NewID: a.newID, Log: a.log,
	}
	teller, err := c.mailer()
	if err != nil {
		return err
	}
	if teller != nil {
		o.Mailer = teller
	}
	a.services.alerts = alerts.New(o)
	return nil
}

// node names this node among those of one hub; empty where there is one alone.
func (a *App) node() string {
	if !a.config.Shared() {
		return ""
	}
	host, err := os.Hostname()
	if err != nil {
		host = "?"
	}
	_, port, _ := net.SplitHostPort(a.listener.Addr().String())
	return net.JoinHostPort(host, port)
}

// watchOwn says what is wrong with this node, as soon as that is known.
func (a *App) watchOwn(ctx context.Context) error {
	select {
	case <-a.health.looked:
		a.services.alerts.Watch(ctx)
	case <-ctx.Done():
	}
	return nil
}

// ownParts are those whose state is that of one node; the others are the same from each.
func ownParts() []string { return []string{"database", "disk", "clock"} }

// ownFindings are parts that this node does not find sound, and its disk.
func (a *App) ownFindings(ctx context.Context) ([]hub.Finding, error) {
	var found []hub.Finding
	for _, check := range a.health.readiness(ctx).Checks {
		if check.State == hub.HealthSound || check.Name == "process" {
			continue
		}
		f := hub.Finding{Kind: hub.AlertPart, About: check.Name, Urgent: a.stops(&check), Detail: check.Reason, Said: check.Said}
		if slices.Contains(ownParts(), check.Name) {
			f.Node = a.node()
		}
		found = append(found, f)
	}
	free, err := freeDisk(a.config.DataDir)
	if err != nil {
		return nil, err
	}
	if least := uint64(a.config.AlertDisk); free < least && free >= uint64(a.config.MinFree) {
		found = append(found, hub.Finding{Kind: hub.AlertDiskLow, Node: a.node(), Count: int64(free)})
	}
	return found, nil
}

// stops reports whether new submissions are refused because of a part.
func (a *App) stops(check *hub.HealthCheck) bool {
	return check.State == hub.HealthFailed || check.Name == "queue" || check.Name == "proofs" && a.config.closesUnproven()
}

// hubFindings are what is wrong with the hub as a whole.
func (a *App) hubFindings(ctx context.Context) ([]hub.Finding, error) {
	backlog, err := a.health.lastBacklog(ctx)
	if err != nil {
		return nil, err
	}
	found := append(a.lateFindings(backlog), a.expiryFindings()...)
	failing, err := a.failingRecipients(ctx)
	return append(found, failing...), err
}

func (a *App) lateFindings(b hub.Backlog) []hub.Finding {
	age, c := b.Age(a.now()), &a.config
	if (c.AlertBacklog == 0 || b.Queued < c.AlertBacklog) && (c.AlertQueueAge == 0 || age < c.AlertQueueAge) {
		return nil
	}
	waited := age.Round(time.Second)
	return []hub.Finding{{Kind: hub.AlertBacklog, Count: int64(b.Queued), Detail: fmt.Sprintf("the first has waited for %s", waited), Said: hub.Say("first_waited", waited)}}
}

// maxFailing bounds the recipients that are looked at.
const maxFailing = 100

// failingRecipients are those to whom a delivery has failed for too long.
func (a *App) failingRecipients(ctx context.Context) ([]hub.Finding, error) {
	if a.config.AlertRecipient == 0 {
		return nil, nil
	}
	items, err := a.store.FailingDeliveries(ctx, maxFailing)
	if err != nil {
		return nil, err
	}
	now := a.now()
	var found []hub.Finding
	for i := range items {
		d, since := &items[i].Delivery, items[i].Dispatch.AcceptedAt
		if now.Sub(since) < a.config.AlertRecipient {
			continue
		}
		f := hub.Finding{Kind: hub.AlertRecipient, About: string(d.Recipient), Name: d.Name, At: since, Detail: fmt.Sprintf("%s: %s", d.Channel, d.LastError), Said: d.LastSaid}
		if agency, ok := a.services.directory.ByID(d.Recipient); ok {
			f.Name = agency.NameAt(now)
		}
		found = append(found, f)
	}
	return found, nil
}

// maxExpiring bounds the certificates and lists that are told of at once.
const maxExpiring = 100

// expiryFindings are certificates and revocation lists that end soon, or have ended.
func (a *App) expiryFindings() []hub.Finding {
	now := a.now()
	var found []hub.Finding
	for _, e := range a.expiries() {
		soon, ended, before := hub.AlertCertificateEnds, hub.AlertCertificateEnded, a.config.AlertExpiry
		about := fmt.Sprintf("%s %s %s", e.Kind, e.Name, e.Until.Format(time.DateOnly))
		if e.Kind == hub.ExpiryCRL {
			soon, ended, before = hub.AlertListEnds, hub.AlertListEnded, min(a.config.AlertCRL, e.Until.Sub(e.From)/4)
			about = e.Name // each list has its own end
		}
		f := hub.Finding{Kind: soon, About: about, Name: e.Name, At: e.Until, Detail: expiryDetails()[e.Kind], Said: hub.Say("expiry_" + string(e.Kind))}
		switch {
		case !now.Before(e.Until):
			f.Kind, f.Urgent = ended, e.Kind == hub.ExpiryTLS || e.Kind == hub.ExpiryEvidence
		case e.Until.Sub(now) > before:
			continue
		}
		if found = append(found, f); len(found) == maxExpiring {
			break
		}
	}
	return found
}

// expiryDetails say what each kind is to the hub.
func expiryDetails() map[hub.ExpiryKind]string {
	return map[hub.ExpiryKind]string{
		hub.ExpiryTLS:      "certificate of the listener (--tls-cert, or self-made: a restart makes a new one)",
		hub.ExpiryEvidence: "certificate of the evidence key (lienthong key rotate-hub)",
		hub.ExpirySeal:     "certificate of the seal of an agency (--seals)",
		hub.ExpiryCRL:      "revocation list in --mirror (lienthong trust fetch)",
	}
}

// expiries are the certificates and revocation lists that the hub relies on, the first to
// end first.
func (a *App) expiries() []hub.Expiry {
	now := a.now()
	var all []hub.Expiry
	if a.tlsLeaf != nil {
		all = append(all, expiryOf(hub.ExpiryTLS, a.tlsLeaf.Subject.CommonName, a.tlsLeaf))
	}
	keys := *a.turns.Load()
	for i := range keys {
		if over := i+1 < len(keys) && !keys[i+1].From.After(now); over {
			continue
		}
		e := expiryOf(hub.ExpiryEvidence, keys[i].Chain[0].Subject.CommonName, keys[i].Chain...)
		if i+1 < len(keys) && keys[i+1].From.Before(e.Until) {
			continue // the next key comes in time
		}
		all = append(all, e)
	}
	for agency, chain := range a.services.seals.Chains() {
		name := string(agency)
		if known, ok := a.services.directory.ByID(agency); ok {
			name = known.NameAt(now)
		}
		all = append(all, expiryOf(hub.ExpirySeal, name, chain...))
	}
	all = append(all, a.listExpiries()...)
	slices.SortFunc(all, func(x, y hub.Expiry) int {
		return cmp.Or(x.Until.Compare(y.Until), cmp.Compare(x.Kind, y.Kind), cmp.Compare(x.Name, y.Name))
	})
	return all
}

// expiryOf is that of the certificate of a chain that ends first.
func expiryOf(kind hub.ExpiryKind, name string, chain ...*x509.Certificate) hub.Expiry {
	first := slices.MinFunc(chain, func(a, b *x509.Certificate) int { return a.NotAfter.Compare(b.NotAfter) })
	return hub.Expiry{Kind: kind, Name: name, From: first.NotBefore.UTC(), Until: first.NotAfter.UTC()}
}

// listExpiries are those of the newest revocation list of each authority at hand.
func (a *App) listExpiries() []hub.Expiry {
	mirror := a.mirror.Load()
	if mirror == nil {
		return nil
	}
	newest := map[string]hub.Expiry{}
	for _, l := range mirror.Lists() {
		if e, known := newest[l.Issuer]; !l.NextUpdate.IsZero() && (!known || l.NextUpdate.After(e.Until)) {
			newest[l.Issuer] = hub.Expiry{Kind: hub.ExpiryCRL, Name: l.Issuer, From: l.ThisUpdate, Until: l.NextUpdate}
		}
	}
	var all []hub.Expiry
	for _, e := range newest {
		all = append(all, e)
	}
	return all
}

// notedAlerts notes what operators say of alerts.
type notedAlerts struct {
	*alerts.Service
	chronicle
}

// saidOfAlert is the body of such a note.
type saidOfAlert struct {
	Reason string `json:"reason,omitempty"`
	Days   int    `json:"days,omitempty"`
}

// Acknowledge implements httpapi.Alerts and web.Alerts.
func (n notedAlerts) Acknowledge(ctx context.Context, actor hub.Actor, id, reason string) error {
	if err := n.note(ctx, actor, "alert.acknowledge", id, saidOfAlert{Reason: reason}); err != nil {
		return err
	}
	return n.Service.Acknowledge(ctx, actor, id, reason)
}

// Mute implements httpapi.Alerts and web.Alerts.
func (n notedAlerts) Mute(ctx context.Context, actor hub.Actor, id, reason string, days int) error {
	if err := n.note(ctx, actor, "alert.mute", id, saidOfAlert{reason, days}); err != nil {
		return err
	}
	return n.Service.Mute(ctx, actor, id, reason, days)
}

// Unmute implements httpapi.Alerts and web.Alerts.
func (n notedAlerts) Unmute(ctx context.Context, actor hub.Actor, id string) error {
	if err := n.note(ctx, actor, "alert.unmute", id, nil); err != nil {
		return err
	}
	return n.Service.Unmute(ctx, actor, id)
}
