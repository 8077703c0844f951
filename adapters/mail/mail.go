// Package mail tells subscriptions by mail that something waits, and operators what they
// must know, over the SMTP server that the operator names (RFC 5321): one mail for all that
// came together.
//
// A mail names the agency and how many documents wait, and no document: number, subject
// and sender only where the subscription asks for details, files never. The connection is
// encrypted and the certificate of the server verified, always, before anything is said;
// a server that does not offer it gets nothing.
//
// What has no answer after the last byte of a mail may have been sent: that is reported
// as hub.ErrUncertain, and the caller sends it no second time. The client is that of the
// standard library: it does all that is needed here, and needs no other.
package mail

import (
	"cmp"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/mail"
	"net/smtp"
	"net/textproto"
	"strings"
	"time"

	"github.com/lienthong/lienthong/hub"
)

// The bounds of a mail.
const (
	maxAddress = 254 // characters (RFC 5321, 4.5.3.1.3)
	dialLimit  = 10 * time.Second
	maxListed  = 50 // documents that one mail names
)

// Options configure a Teller.
type Options struct {
	Server string // HOST:PORT
	// Implicit says that TLS begins with the connection (RFC 8314), else by STARTTLS.
	Implicit bool
	User     string // empty: without signing in
	Password func() (string, error)
	From     string      // address of the sender
	Hub      string      // name of the hub, for people
	TLS      *tls.Config // whom to trust; default: the system's authorities
}

// Teller sends mails. It is safe for concurrent use.
type Teller struct{ options Options }

// New returns a Teller.
func New(o Options) *Teller { return &Teller{o} }

// Hops are those of a mail. The name of the server is found while it is connected to.
func Hops(string) []hub.TestHop {
	return []hub.TestHop{hub.HopConnect, hub.HopTLS, hub.HopSignIn, hub.HopAnswer}
}

// CheckTarget says what is wrong with an address.
func (t *Teller) CheckTarget(target string) error { return CheckAddress("target", target) }

// CheckAddress says what is wrong with a plain mail address.
func CheckAddress(field, text string) error {
	parsed, err := mail.ParseAddress(text)
	if err != nil || parsed.Address != text || len(text) > maxAddress || strings.ContainsAny(text, " \r\n\x00<>\"") {
		return hub.Invalid(field, "mail_address", "%.60q is not a mail address of the form USER@HOST", text)
	}
	for i := range len(text) {
		if text[i] <= ' ' || text[i] > '~' {
			return hub.Invalid(field, "mail_address", "a mail address has ASCII characters alone")
		}
	}
	return nil
}

// Tell sends one mail.
func (t *Teller) Tell(ctx context.Context, call hub.PushCall) error {
	if err := t.CheckTarget(call.Subscription.Target); err != nil {
		return err
	}
	text, err := t.message(&call)
	if err != nil {
		return err
	}
	return t.send(ctx, call.Subscription.Target, text, call.Hops)
}

// send sends one mail to one address.
func (t *Teller) send(ctx context.Context, to string, text []byte, hops *hub.Hops) error {
	conn, err := t.dial(ctx)
	if err != nil {
		return err
	}
	released := context.AfterFunc(ctx, func() { _ = conn.Close() }) // who stops does not wait for a server
	defer released()
	hops.Pass(hub.HopConnect, "")
	client, err := t.greet(conn, hops)
	if err != nil {
		return err
	}
	defer client.Close() //nolint:errcheck // what counts was answered
	if err := t.begin(client, to); err != nil {
		return err
	}
	body, err := client.Data()
	if err != nil {
		return refused("the mail", err)
	}
	if _, err := body.Write(text); err != nil { // without its end the server drops it
		return away(err)
	}
	if !released() { // it has no end yet: nobody gets it
		return away(ctx.Err())
	}
	if err := body.Close(); err != nil {
		var answer *textproto.Error
		if errors.As(err, &answer) {
			return refused("the mail", err)
		}
		return fmt.Errorf("the mail server did not answer at the end of the mail: %w", hub.ErrUncertain)
	}
	_ = client.Quit() // it was taken
	return nil
}

// dial opens a connection that lasts as long as ctx.
func (t *Teller) dial(ctx context.Context) (net.Conn, error) {
	conn, err := (&net.Dialer{Timeout: dialLimit}).DialContext(ctx, "tcp", t.options.Server)
	if err != nil {
		return nil, away(err)
	}
	if end, ok := ctx.Deadline(); ok {
		_ = conn.SetDeadline(end) // a connection that cannot have one fails at once
	}
	return conn, nil
}

// greet encrypts a connection to the server, and signs in.
func (t *Teller) greet(conn net.Conn, hops *hub.Hops) (*smtp.Client, error) {
	host, _, err := net.SplitHostPort(t.options.Server)
	if err != nil {
		return nil, errors.Join(hub.Internal("read the address of the mail server", err), conn.Close())
	}
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	if t.options.TLS != nil {
		config = t.options.TLS.Clone()
	}
	config.ServerName = cmp.Or(config.ServerName, host)
	if t.options.Implicit {
		conn = tls.Client(conn, config)
	}
	client, err := smtp.NewClient(conn, host)
	if err != nil {
		return nil, errors.Join(away(err), conn.Close())
	}
	if err := t.secure(client, config, host, hops); err != nil {
		return nil, errors.Join(err, client.Close())
	}
	return client, nil
}

func (t *Teller) secure(client *smtp.Client, config *tls.Config, host string, hops *hub.Hops) error {
	if !t.options.Implicit {
		if offered, _ := client.Extension("STARTTLS"); !offered {
			return hub.Errorf(hub.KindUnavailable, "mail-server", "starttls", "the mail server does not offer STARTTLS; nothing is sent in the clear")
		}
		if err := client.StartTLS(config); err != nil {
			return away(err)
		}
	}
	hops.Pass(hub.HopTLS, "")
	if t.options.User == "" {
		hops.Pass(hub.HopSignIn, "") // with no name
		return nil
	}
	password, err := t.options.Password()
	if err != nil {
		return hub.Errorf(hub.KindUnavailable, "mail-password-file", "file", "the password of the mail server cannot be read")
	}
	if err := client.Auth(smtp.PlainAuth("", t.options.User, password, host)); err != nil {
		return hub.Errorf(hub.KindUnavailable, "mail-user", "credential", "the mail server does not let the hub in")
	}
	hops.Pass(hub.HopSignIn, "")
	return nil
}

func (t *Teller) begin(client *smtp.Client, target string) error {
	if err := client.Mail(t.options.From); err != nil {
		return away(err) // of the hub's own address no subscription is to blame
	}
	err := client.Rcpt(target)
	var answer *textproto.Error
	switch {
	case !errors.As(err, &answer):
	case notOfTheAddress(answer):
		return away(err)
	case answer.Code == 550 || answer.Code == 551 || answer.Code == 553:
		return hub.Errorf(hub.KindNotFound, "target", "mailbox", "the mail server does not know the address (%d)", answer.Code)
	}
	if err != nil {
		return refused("the address", err)
	}
	return nil
}

// notOfTheAddress reports whether a refusal of a recipient says that it comes from
// something else, such as a server that does not relay for the hub: its enhanced code (RFC
// 3463, 3) is about the system, the network, the protocol, the content or a policy (5.3 to
// 5.7) and not about the address (5.1) or its mailbox (5.2).
func notOfTheAddress(answer *textproto.Error) bool {
	return len(answer.Msg) > 3 && answer.Msg[:2] == "5." && answer.Msg[2] >= '3' && answer.Msg[2] <= '7' && answer.Msg[3] == '.'
}

// refused tells a refusal for good (5xx) from one for now (RFC 5321, 4.2.1).
func refused(what string, err error) error {
	var answer *textproto.Error
	if errors.As(err, &answer) && answer.Code >= 500 {
		return hub.Invalid("target", "refused", "the mail server answers %d and refuses %s", answer.Code, what)
	}
	return away(err)
}

// away names what went wrong without what the network said.
func away(err error) error {
	var certificate *tls.CertificateVerificationError
	var answer *textproto.Error
	switch {
	case errors.As(err, &certificate):
		return hub.Errorf(hub.KindUnavailable, "mail-server", "tls", "the certificate of the mail server is not trusted")
	case errors.As(err, &answer):
		return hub.Errorf(hub.KindUnavailable, "mail-server", "status", "the mail server answers %d", answer.Code)
	}
	return hub.Errorf(hub.KindUnavailable, "mail-server", "connection", "the mail server cannot be reached")
}

// messageID is the same for the same events, so that a mail that comes twice in spite of
// all is recognised by those who look.
func (t *Teller) messageID(call *hub.PushCall) string {
	parts := []string{call.Subscription.ID}
	for i := range call.Events {
		parts = append(parts, call.Events[i].ID)
	}
	return t.idOf(parts...)
}

// idOf is a message id that is the same for the same parts.
func (t *Teller) idOf(parts ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(parts, "\n")))
	_, domain, _ := strings.Cut(t.options.From, "@")
	return "<" + hex.EncodeToString(sum[:16]) + "@" + domain + ">"
}
