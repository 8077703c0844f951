package app

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"net/netip"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/lienthong/lienthong/adapters/httpapi"
	"github.com/lienthong/lienthong/adapters/mail"
	"github.com/lienthong/lienthong/adapters/webhook"
	"github.com/lienthong/lienthong/cmd/lienthong/internal/engine"
	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/hub/audit"
	"github.com/lienthong/lienthong/hub/directory"
	"github.com/lienthong/lienthong/hub/push"
	"github.com/lienthong/lienthong/hub/tracking"
)

var (
	_ push.SubscriptionStore = engine.State(nil)
	_ push.Feed              = engine.State(nil)
	_ push.Outbox            = engine.State(nil)
	_ push.Items             = engine.State(nil)
	_ push.Noted             = engine.State(nil)
	_ push.Contents          = (*tracking.Service)(nil)
	_ push.Directory         = (*directory.Directory)(nil)
	_ push.Vault             = (*vault)(nil)
	_ push.Notes             = (*audit.Notes)(nil)
	_ push.Teller            = (*webhook.Teller)(nil)
	_ push.Teller            = (*mail.Teller)(nil)
	_ httpapi.Subscriptions  = (*push.Service)(nil)
	_ httpapi.Telling        = (*push.Service)(nil)
)

// PushSettings are how subscriptions are told.
type PushSettings struct {
	WebhookNetworks  []string      `name:"webhook-network" env:"LIENTHONG_WEBHOOK_NETWORK" placeholder:"10.0.0.0/8" help:"Networks besides the public Internet that webhooks may lead to; repeat or separate with commas. See deploy/connect-webhook.md."`
	WebhookPlainHTTP bool          `name:"webhook-plain-http" env:"LIENTHONG_WEBHOOK_PLAIN_HTTP" help:"Allow webhooks with http:// addresses: inside a network that encrypts by itself."`
	WebhookCA        string        `name:"webhook-ca" env:"LIENTHONG_WEBHOOK_CA" help:"Certificates (PEM) of authorities that webhooks are trusted by, besides those of the system."`
	MailServer       string        `name:"mail-server" env:"LIENTHONG_MAIL_SERVER" placeholder:"smtp://HOST:587" help:"Mail server that notices go out by: smtp:// with STARTTLS, smtps:// with TLS from the beginning. Without it nobody is told by mail. See deploy/connect-mail.md."`
	MailUser         string        `name:"mail-user" env:"LIENTHONG_MAIL_USER" help:"Name that the hub signs in to --mail-server with."`
	MailPasswordFile string        `name:"mail-password-file" env:"LIENTHONG_MAIL_PASSWORD_FILE" help:"File with the password of --mail-user, read for every mail."`
	MailFrom         string        `name:"mail-from" env:"LIENTHONG_MAIL_FROM" placeholder:"USER@HOST" help:"Address that notices come from; answers to it are for the operator."`
	MailCA           string        `name:"mail-ca" env:"LIENTHONG_MAIL_CA" help:"Certificates (PEM) of authorities that --mail-server is trusted by, besides those of the system."`
	MailGather       time.Duration `name:"mail-gather" env:"LIENTHONG_MAIL_GATHER" default:"15m" help:"How long a notice waits for others that go into the same mail, where the subscription does not say."`
	PushPauseAfter   time.Duration `name:"push-pause-after" env:"LIENTHONG_PUSH_PAUSE_AFTER" default:"72h" help:"How long a subscription may fail before it is paused; what it would tell waits."`
}

func (c *Config) checkPush() hub.Violations {
	var found hub.Violations
	if _, err := c.webhookNetworks(); err != nil {
		found = append(found, hub.ViolationsOf(err)...)
	}
	if _, err := authorities("webhook-ca", c.WebhookCA); err != nil {
		found = append(found, hub.ViolationsOf(err)...)
	}
	found = append(found, c.checkMail()...)
	if c.PushPauseAfter < 0 {
		found = append(found, hub.Invalid("push-pause-after", "minimum", "a subscription is paused after some time of failing"))
	}
	return found
}

func (c *Config) webhookNetworks() ([]netip.Prefix, error) {
	list := make([]netip.Prefix, len(c.WebhookNetworks))
	for i, text := range c.WebhookNetworks {
		var err error
		if list[i], err = netip.ParsePrefix(text); err != nil {
			return nil, hub.Invalid("webhook-network", "network", "%q is not a network of the form 10.0.0.0/8", text)
		}
	}
	return list, nil
}

// authorities reads certificates to trust besides those of the system; nil for those of
// the system alone.
func authorities(flag, file string) (*tls.Config, error) {
	if file == "" {
		return nil, nil //nolint:nilnil // nothing is asked for
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, hub.Invalid(flag, "file", "%v", err)
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool()
	}
	if !pool.AppendCertsFromPEM(text) {
		return nil, hub.Invalid(flag, "pem", "%s holds no certificate", file)
	}
	return &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}, nil
}

func (c *Config) checkMail() hub.Violations {
	var found hub.Violations
	if _, err := authorities("mail-ca", c.MailCA); err != nil {
		found = append(found, hub.ViolationsOf(err)...)
	}
	if c.MailServer == "" {
		return found
	}
	if u, err := url.Parse(c.MailServer); err != nil || u.Scheme != "smtp" && u.Scheme != "smtps" || u.Hostname() == "" || u.Port() == "" || u.User != nil || u.Path != "" {
		found = append(found, hub.Invalid("mail-server", "url", "this is not an address of the form smtp://HOST:587 or smtps://HOST:465; name and password have flags of their own"))
	}
	if err := mail.CheckAddress("mail-from", c.MailFrom); err != nil {
		found = append(found, hub.ViolationsOf(err)...)
	}
	if (c.MailUser == "") != (c.MailPasswordFile == "") {
		found = append(found, hub.Invalid("mail-user", "pair", "--mail-user and --mail-password-file go together"))
	}
	if c.MailGather < 0 {
		found = append(found, hub.Invalid("mail-gather", "minimum", "a notice waits for others for some time or none"))
	}
	return found
}

// mailer sends mails; nil where there is no server for them.
func (c *Config) mailer() (*mail.Teller, error) {
	if c.MailServer == "" {
		return nil, nil //nolint:nilnil // nobody asks for mails
	}
	u, err := url.Parse(c.MailServer)
	if err != nil {
		return nil, hub.Invalid("mail-server", "url", "%v", err)
	}
	trust, err := authorities("mail-ca", c.MailCA)
	if err != nil {
		return nil, err
	}
	return mail.New(mail.Options{
		Server: u.Host, Implicit: u.Scheme == "smtps", User: c.MailUser, From: c.MailFrom, Hub: c.Name, TLS: trust,
		Password: func() (string, error) {
			text, err := os.ReadFile(c.MailPasswordFile)
			return strings.TrimSpace(string(text)), err
		},
	}), nil
}

// mailBatch is how many notices one mail tells at most.
const mailBatch = 500

// pushing wires who is told of what happens.
func (a *App) pushing() (*push.Service, error) {
	networks, err := a.config.webhookNetworks()
	if err != nil {
		return nil, err
	}
	trust, err := authorities("webhook-ca", a.config.WebhookCA)
	if err != nil {
		return nil, err
	}
	ways := map[hub.SubscriptionKind]push.Way{
		hub.SubscriptionWebhook: {Teller: webhook.New(webhook.Options{
			Networks: networks, PlainHTTP: a.config.WebhookPlainHTTP, TLS: trust, UserAgent: "lienthong/" + a.version,
		}), Batch: 1, Signed: true, Hops: webhook.Hops},
	}
	if teller, err := a.config.mailer(); err != nil {
		return nil, err
	} else if teller != nil {
		ways[hub.SubscriptionMail] = push.Way{Teller: teller, Batch: mailBatch, Gather: a.config.MailGather, Once: true, Hops: mail.Hops}
	}
	s := &a.services
	return push.New(push.Options{
		Subscriptions: a.store, Feed: a.store, Outbox: a.store, Items: a.store, Noted: a.store, Steps: a.store, Notary: s.audit, Contents: s.tracking, Directory: s.directory,
		Vault: s.vault, Notes: s.notes, Now: a.now, NewID: a.newID, Log: a.log, PauseAfter: a.config.PushPauseAfter,
		Random: func(b []byte) error {
			_, err := rand.Read(b)
			return err
		},
		Ways: ways,
	}), nil
}

// tellSubscriptions is what one node at a time does.
func (a *App) tellSubscriptions(ctx context.Context, _ int64) error { return a.services.push.Run(ctx) }
