package demo

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"mime/quotedprintable"
	"net"
	netmail "net/mail"
	"strings"
	"time"

	"github.com/emersion/go-smtp"

	"github.com/lienthong/lienthong/adapters/hubclient"
	"github.com/lienthong/lienthong/hub"
)

const (
	mailFolder   = "mail"
	mailFrom     = "lienthong@quangnam.example"
	clerkMail    = "vanthu@daihiep.example"
	mailPatience = 30 * time.Second // until the notice was mailed
	maxMail      = 1 << 20          // bytes of a mail: it carries no files
)

// manifestMail tells scripts about the agency whose clerk is told by mail. The mail server
// ended with the demonstration, so the subscription is paused.
type manifestMail struct {
	Agency       string `json:"agency"` // code
	Subscription string `json:"subscription"`
	Address      string `json:"address"`
	Server       string `json:"server"`
	Message      string `json:"message_file"` // as the mail server took it
	Paused       bool   `json:"paused"`
}

// letterbox is the mail server of the demonstration: it speaks STARTTLS on a loopback
// address and keeps what comes for the clerk.
type letterbox struct {
	server   *smtp.Server
	listener net.Listener
	url      string
	ended    chan struct{}
	mails    chan []byte
}

// openLetterbox starts the mail server, which the hub must know when it starts.
func (s *show) openLetterbox(ctx context.Context) error {
	certificate, err := s.serverCertificate(mailFolder)
	if err != nil {
		return err
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	b := &letterbox{listener: listener, url: "smtp://" + listener.Addr().String(), ended: make(chan struct{}), mails: make(chan []byte, 10)}
	b.server = smtp.NewServer(b)
	b.server.TLSConfig = &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12}
	b.server.MaxMessageBytes, b.server.ReadTimeout, b.server.WriteTimeout = maxMail, mailPatience, mailPatience
	go func() {
		_ = b.server.Serve(listener) // if it fails, no notice comes
		close(b.ended)
	}()
	s.letterbox = b
	return nil
}

func (b *letterbox) close() {
	_ = b.server.Close()   // what came is kept
	_ = b.listener.Close() // where the server had not come to know it
	<-b.ended
}

// NewSession implements smtp.Backend.
func (b *letterbox) NewSession(*smtp.Conn) (smtp.Session, error) { return b, nil }

// Mail implements smtp.Session.
func (*letterbox) Mail(string, *smtp.MailOptions) error { return nil }

// Rcpt implements smtp.Session: the clerk alone has a box here.
func (*letterbox) Rcpt(to string, _ *smtp.RcptOptions) error {
	if to == clerkMail {
		return nil
	}
	return &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 1, 1}, Message: "nobody of this name"}
}

// Data implements smtp.Session.
func (b *letterbox) Data(r io.Reader) error {
	mail, err := io.ReadAll(r) // the server bounds it
	if err != nil {
		return err
	}
	select {
	case b.mails <- mail:
		return nil
	default:
		return &smtp.SMTPError{Code: 452, EnhancedCode: smtp.EnhancedCode{4, 2, 2}, Message: "the box is full"}
	}
}

// Reset implements smtp.Session.
func (*letterbox) Reset() {}

// Logout implements smtp.Session.
func (*letterbox) Logout() error { return nil }

// overMail has a clerk told by mail that a document waits. The mail only rings: the clerk
// then collects as everybody does.
func (s *show) overMail(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, mailPatience)
	defer cancel()
	p := s.parties[daiHiep]
	given, err := p.client.Subscribe(ctx, hubclient.NewSubscription{
		Kind: hub.SubscriptionMail, Target: clerkMail, Topics: []hub.Topic{hub.TopicWaiting}, Details: true,
	})
	if err != nil {
		return err
	}
	s.mail = manifestMail{
		Agency: p.Code, Subscription: given.Subscription.ID, Address: clerkMail, Server: s.letterbox.url, Message: s.path(mailFolder, "notice.eml"),
	}
	if _, err := s.submit(ctx, s.parties[province], mailedFile, mailedID, letterData("181"), daiHiep); err != nil {
		return err
	}
	if err := s.awaitMail(ctx); err != nil {
		return err
	}
	if err := s.empty(ctx, p, 1); err != nil {
		return err
	}
	sub, err := p.client.PauseSubscription(ctx, given.Subscription.ID, true)
	s.mail.Paused = sub.Paused != nil
	s.say("181/UBND-KSTTHC: %s -> %s: %s", p.Name, clerkMail, s.mail.Message)
	return err
}

// awaitMail waits for the mail about the document and looks at what it says.
func (s *show) awaitMail(ctx context.Context) error {
	for {
		select {
		case mail := <-s.letterbox.mails:
			header, text, err := readMail(mail)
			if err != nil {
				return err
			}
			if !strings.Contains(text, "181/UBND-KSTTHC") {
				continue // of what came, and was collected, seconds before the subscription
			}
			s.check(header.Get("To") == clerkMail, "the notice is for %s (%s)", clerkMail, header.Get("To"))
			s.check(strings.HasPrefix(header.Get("Content-Type"), "text/plain"), "the notice carries no file (%s)", header.Get("Content-Type"))
			return s.save(mail, mailFolder, "notice.eml")
		case <-ctx.Done():
			return fmt.Errorf("no notice came by mail: %w", ctx.Err())
		}
	}
}

// readMail returns what a notice says.
func readMail(mail []byte) (netmail.Header, string, error) {
	m, err := netmail.ReadMessage(bytes.NewReader(mail))
	if err != nil {
		return nil, "", err
	}
	body, err := io.ReadAll(quotedprintable.NewReader(m.Body))
	return m.Header, string(body), err
}
