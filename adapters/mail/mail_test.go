package mail_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"math/big"
	"mime"
	"mime/quotedprintable"
	"net"
	netmail "net/mail"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"

	"github.com/lienthong/lienthong/adapters/mail"
	"github.com/lienthong/lienthong/hub"
)

// office is a mail server.
type office struct {
	address string
	tls     *tls.Config // for clients

	mu    sync.Mutex
	mails []string
	// answer decides about an address or, with the empty one, about a mail.
	answer func(to string) error
}

func (o *office) decide(to string) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.answer == nil {
		return nil
	}
	return o.answer(to)
}

// NewSession implements smtp.Backend.
func (o *office) NewSession(*smtp.Conn) (smtp.Session, error) { return &session{office: o}, nil }

type session struct {
	office *office
	signed bool
}

func (s *session) AuthMechanisms() []string { return []string{sasl.Plain} }
func (s *session) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, user, password string) error {
		if user != "hub" || password != "secret" {
			return smtp.ErrAuthFailed
		}
		s.signed = true
		return nil
	}), nil
}
func (s *session) Mail(string, *smtp.MailOptions) error {
	if !s.signed {
		return smtp.ErrAuthRequired
	}
	return nil
}
func (s *session) Rcpt(to string, _ *smtp.RcptOptions) error { return s.office.decide(to) }
func (s *session) Data(r io.Reader) error {
	text, err := io.ReadAll(r)
	if err == nil {
		err = s.office.decide("")
	}
	if err != nil {
		return err
	}
	s.office.mu.Lock()
	defer s.office.mu.Unlock()
	s.office.mails = append(s.office.mails, string(text))
	return nil
}
func (s *session) Reset()        {}
func (s *session) Logout() error { return nil }

func certificate(t *testing.T) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(parsed)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, pool
}

// open opens an office: with STARTTLS, with TLS from the beginning, or in the clear.
func open(t *testing.T, implicit, plain bool) *office {
	t.Helper()
	pair, pool := certificate(t)
	o := &office{tls: &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}}
	server := smtp.NewServer(o)
	config := &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	o.address = l.Addr().String()
	switch {
	case implicit:
		l = tls.NewListener(l, config)
	case !plain:
		server.TLSConfig = config
	}
	done := make(chan error, 1)
	go func() { done <- server.Serve(l) }()
	t.Cleanup(func() {
		server.Close()
		<-done
	})
	return o
}

func (o *office) teller(change ...func(*mail.Options)) *mail.Teller {
	options := mail.Options{
		Server: o.address, User: "hub", Password: func() (string, error) { return "secret", nil }, From: "lienthong@tinh.example", Hub: "lienthong", TLS: o.tls,
	}
	for _, c := range change {
		c(&options)
	}
	return mail.New(options)
}

func call(events ...hub.PushEvent) hub.PushCall {
	return hub.PushCall{
		Subscription: hub.Subscription{ID: "s1", Target: "van.thu@xa.example"}, At: time.Date(2026, 3, 2, 1, 30, 0, 0, time.UTC),
		Agency: &hub.Agency{Names: []hub.Dated[string]{{Value: "UBND xã Mẫu\r\nBcc: all@x.example"}}}, Events: events,
	}
}

func waiting(id string) hub.PushEvent {
	return hub.PushEvent{ID: id, Topic: hub.TopicWaiting, Item: &hub.Item{Dispatch: hub.Dispatch{
		SenderName: "Sở Nội vụ", Document: hub.Document{CodeNumber: "7", CodeNotation: "SNV", Subject: "Chủ đề\r\n.\r\nQUIT"},
	}}}
}

// TestMail: the server gets one mail that names the agency and, unless it is asked for,
// no document; names of others break neither headers nor the protocol.
func TestMail(t *testing.T) {
	for name, implicit := range map[string]bool{"STARTTLS": false, "TLS from the beginning": true} {
		t.Run(name, func(t *testing.T) {
			o := open(t, implicit, false)
			teller := o.teller(func(m *mail.Options) { m.Implicit = implicit })
			plain, full := call(waiting("e1"), waiting("e2")), call(waiting("e1"))
			full.Subscription.Details = true
			for _, c := range []hub.PushCall{plain, plain, full} {
				if err := teller.Tell(t.Context(), c); err != nil {
					t.Fatal(err)
				}
			}
			var ids []string
			for i, text := range o.mails {
				m, err := netmail.ReadMessage(strings.NewReader(text))
				if err != nil {
					t.Fatal(err)
				}
				body, err := io.ReadAll(quotedprintable.NewReader(m.Body))
				if err != nil {
					t.Fatal(err)
				}
				subject, err := new(mime.WordDecoder).DecodeHeader(m.Header.Get("Subject"))
				if err != nil || !strings.Contains(subject, "UBND xã Mẫu") || m.Header.Get("Bcc") != "" || m.Header.Get("Auto-Submitted") != "auto-generated" {
					t.Errorf("headers %v, subject %q, %v", m.Header, subject, err)
				}
				if shows := strings.Contains(string(body), "7/SNV Chủ đề . QUIT - Sở Nội vụ"); shows != (i == 2) {
					t.Errorf("mail %d: %s", i, body)
				}
				ids = append(ids, m.Header.Get("Message-ID"))
			}
			if len(ids) != 3 || ids[0] != ids[1] || ids[0] == ids[2] {
				t.Errorf("ids %v", ids)
			}
		})
	}
}

// TestMailOfTasks: the mails of a day are one, and say of each task how it stands.
func TestMailOfTasks(t *testing.T) {
	o := open(t, false, false)
	task := func(id string, act hub.TaskAct, due hub.Date) hub.PushEvent {
		e := waiting(id)
		e.Topic, e.Evidence.Evidence.Tasks = hub.TopicTask, []hub.TaskFact{{Act: act, Due: due, Text: "bí mật"}}
		return e
	}
	c := call(task("e1", hub.ActOverdue, "2026-02-27"), task("e2", hub.ActConfirm, ""))
	c.Subscription.Details = true
	if err := o.teller().Tell(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	m, err := netmail.ReadMessage(strings.NewReader(o.mails[0]))
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(quotedprintable.NewReader(m.Body))
	for _, line := range []string{"(nhiệm vụ: quá hạn, hạn 2026-02-27) 7/SNV", "(nhiệm vụ: xác nhận hoàn thành) 7/SNV", "- 1 nhiệm vụ quá hạn / tasks: overdue", "- 1 nhiệm vụ xác nhận hoàn thành / tasks: confirm"} {
		if err != nil || !strings.Contains(string(body), line) {
			t.Errorf("%s is not in\n%s", line, body)
		}
	}
	if len(o.mails) != 1 || strings.Contains(string(body), "bí mật") {
		t.Errorf("%d mails: %s", len(o.mails), body)
	}
}

// TestMailOfDossiers: a mail counts what is told of dossiers, the most pressing first, and
// names none.
func TestMailOfDossiers(t *testing.T) {
	o := open(t, false, false)
	fact := func(id string, act hub.DossierAct, finding hub.DossierRule) hub.PushEvent {
		return hub.PushEvent{ID: id, Topic: hub.TopicDossier, Dossier: &hub.DossierFact{Dossier: "0198c0de", Act: act, Finding: finding}}
	}
	c := call(fact("e1", hub.DossierRemind, hub.FindingDueSoon), fact("e2", hub.DossierRemind, hub.FindingLetterDue), fact("e3", hub.DossierRemind, hub.FindingDueSoon), fact("e4", hub.DossierProcess, ""))
	c.Subscription.Details = true
	if err := o.teller().Tell(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	m, err := netmail.ReadMessage(strings.NewReader(o.mails[0]))
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(quotedprintable.NewReader(m.Body))
	want := "- 1 hồ sơ cần xin lỗi và hẹn lại ngay trong ngày / dossiers: an apology is due today\r\n  - 2 hồ sơ sắp đến hạn trả kết quả / dossiers: due soon\r\n  - 1 diễn biến mới / new events"
	if err != nil || !strings.Contains(string(body), want) || strings.Contains(string(body), "0198c0de") {
		t.Errorf("%v\n%s", err, body)
	}
}

// TestAnswers: who is to blame decides what comes next.
func TestAnswers(t *testing.T) {
	o := open(t, false, false)
	status := func(code int) error { return &smtp.SMTPError{Code: code, Message: "SECRET"} }
	detailed := func(code, class, subject, detail int) func(string) error {
		return func(string) error {
			return &smtp.SMTPError{Code: code, EnhancedCode: smtp.EnhancedCode{class, subject, detail}, Message: "SECRET"}
		}
	}
	for name, c := range map[string]struct {
		teller *mail.Teller
		answer func(string) error
		kind   hub.ErrorKind
		rule   string
	}{
		"no such mailbox":         {o.teller(), func(to string) error { return status(550) }, hub.KindNotFound, "mailbox"},
		"a mailbox that is not":   {o.teller(), detailed(550, 5, 1, 1), hub.KindNotFound, "mailbox"},
		"a mailbox that is off":   {o.teller(), detailed(550, 5, 2, 1), hub.KindNotFound, "mailbox"},
		"a full mailbox":          {o.teller(), detailed(552, 5, 2, 2), hub.KindInvalid, "refused"},
		"relaying is denied":      {o.teller(), detailed(550, 5, 7, 1), hub.KindUnavailable, "status"},
		"a policy of the server":  {o.teller(), detailed(554, 5, 7, 0), hub.KindUnavailable, "status"},
		"no route to the address": {o.teller(), detailed(550, 5, 4, 4), hub.KindUnavailable, "status"},
		"mailbox busy":            {o.teller(), func(to string) error { return status(450) }, hub.KindUnavailable, "status"},
		"the mail is refused":     {o.teller(), onMail(status(554)), hub.KindInvalid, "refused"},
		"the mail is deferred":    {o.teller(), onMail(status(451)), hub.KindUnavailable, "status"},
		"wrong password":          {o.teller(func(m *mail.Options) { m.Password = func() (string, error) { return "x", nil } }), nil, hub.KindUnavailable, "credential"},
		"an unknown authority":    {o.teller(func(m *mail.Options) { m.TLS = nil }), nil, hub.KindUnavailable, "tls"},
		"nobody listens":          {o.teller(func(m *mail.Options) { m.Server = "127.0.0.1:1" }), nil, hub.KindUnavailable, "connection"},
		"no STARTTLS":             {open(t, false, true).teller(), nil, hub.KindUnavailable, "starttls"},
	} {
		o.mu.Lock()
		o.answer = c.answer
		o.mu.Unlock()
		err := c.teller.Tell(t.Context(), call(waiting("e1")))
		if found := hub.ViolationsOf(err); err == nil || found[0].Kind != c.kind || found[0].Rule != c.rule || strings.Contains(err.Error(), "SECRET") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if len(o.mails) != 0 {
		t.Errorf("%d mails went out", len(o.mails))
	}
}

func onMail(err error) func(string) error {
	return func(to string) error {
		if to == "" {
			return err
		}
		return nil
	}
}

// TestUncertain: a server that is gone behind the last byte may have taken the mail.
func TestUncertain(t *testing.T) {
	o := open(t, false, false)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	front := make(chan net.Conn, 1)
	go func() {
		client, err := l.Accept()
		if err != nil {
			return
		}
		server, err := net.Dial("tcp", o.address)
		if err != nil {
			return
		}
		front <- client
		go func() { _, _ = io.Copy(server, client) }()
		_, _ = io.Copy(client, server)
	}()
	o.answer = onMail(nil)
	taken := o.answer
	o.answer = func(to string) error {
		if to == "" {
			(<-front).Close() // the answer does not arrive
		}
		return taken(to)
	}
	err = o.teller(func(m *mail.Options) { m.Server = l.Addr().String() }).Tell(t.Context(), call(waiting("e1")))
	if !errors.Is(err, hub.ErrUncertain) {
		t.Errorf("%v", err)
	}
}

// TestStop: a server that says nothing keeps nobody who stops.
func TestStop(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	ctx, stop := context.WithCancel(t.Context())
	go func() {
		if conn, err := l.Accept(); err == nil {
			defer conn.Close()
			stop()
			_, _ = io.Copy(io.Discard, conn) // until the client ends it
		}
	}()
	err = mail.New(mail.Options{Server: l.Addr().String(), From: "lienthong@tinh.example"}).Tell(ctx, call(waiting("e1")))
	if hub.KindOf(err) != hub.KindUnavailable || errors.Is(err, hub.ErrUncertain) {
		t.Errorf("%v", err)
	}
}

func TestCheckTarget(t *testing.T) {
	teller := mail.New(mail.Options{})
	if err := teller.CheckTarget("van.thu+lt@xa.example"); err != nil {
		t.Error(err)
	}
	for _, bad := range []string{"", "x", "a@b\r\nRCPT TO:<c@d>", "Văn thư <a@b.example>", "<a@b.example>", "a@b.example, c@d.example", "vănthư@xa.example", strings.Repeat("a", 300) + "@b.example"} {
		if err := teller.CheckTarget(bad); hub.KindOf(err) != hub.KindInvalid {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

// TestHops: a test tells of each hop to the server, and the caller at which it ended.
func TestHops(t *testing.T) {
	good := open(t, false, false)
	refusing := open(t, true, false)
	refusing.answer = func(string) error { return &smtp.SMTPError{Code: 550, Message: "no"} }
	openly := open(t, false, true)
	for name, test := range map[string]struct {
		teller *mail.Teller
		passed string
		fails  hub.TestHop
	}{
		"good":            {good.teller(), "connect tls sign_in", ""},
		"nobody there":    {good.teller(func(o *mail.Options) { o.Server = "127.0.0.1:1" }), "", hub.HopConnect},
		"not trusted":     {good.teller(func(o *mail.Options) { o.TLS = nil }), "connect", hub.HopTLS},
		"in the clear":    {openly.teller(), "connect", hub.HopTLS},
		"wrong password":  {good.teller(func(o *mail.Options) { o.Password = func() (string, error) { return "x", nil } }), "connect tls", hub.HopSignIn},
		"unknown address": {refusing.teller(func(o *mail.Options) { o.Implicit = true }), "connect tls sign_in", hub.HopAnswer},
	} {
		tested := call(hub.PushEvent{ID: "e1", Topic: hub.TopicTest})
		tested.Hops = hub.NewHops(time.Now, func(hub.TestHop, error) {})
		err := test.teller.Tell(t.Context(), tested)
		var passed []string
		for _, hop := range tested.Hops.List() {
			passed = append(passed, string(hop.Hop))
		}
		if got := strings.Join(passed, " "); got != test.passed || (err != nil) != (test.fails != "") {
			t.Errorf("%s: passed %q, want %q; %v", name, got, test.passed, err)
		}
		if err == nil {
			continue
		}
		tested.Hops.FailNext(err, mail.Hops("")...)
		list := tested.Hops.List()
		if last := list[len(list)-1]; last.Hop != test.fails || last.Error == "" {
			t.Errorf("%s: failed at %+v, want %s", name, last, test.fails)
		}
	}
}
