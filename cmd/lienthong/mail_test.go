package main

import (
	"crypto/tls"
	"io"
	"net"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/emersion/go-smtp"

	"github.com/lienthong/lienthong/adapters/hubclient"
	"github.com/lienthong/lienthong/hub"
)

// mailroom is a mail server that takes everything.
type mailroom struct {
	address     string                       // smtp://
	certificate string                       // file
	flags       []string                     // of serve
	session     func(*mailroom) smtp.Session // nil for one without a password
	mu          sync.Mutex
	mails       []string
}

// openMailroom starts the mail server with STARTTLS.
func openMailroom(t *testing.T, session func(*mailroom) smtp.Session) *mailroom {
	t.Helper()
	cert, key := certificate(t)
	pair, err := tls.LoadX509KeyPair(cert, key)
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := "smtp://" + l.Addr().String()
	room := &mailroom{
		address: address, certificate: cert, session: session,
		flags: []string{"--mail-server", address, "--mail-from", "lienthong@tinh.example", "--mail-ca", cert},
	}
	server := smtp.NewServer(room)
	server.TLSConfig = &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12}
	done := make(chan error, 1)
	go func() { done <- server.Serve(l) }()
	t.Cleanup(func() {
		server.Close()
		<-done
	})
	return room
}

// NewSession implements smtp.Backend.
func (m *mailroom) NewSession(*smtp.Conn) (smtp.Session, error) {
	if m.session != nil {
		return m.session(m), nil
	}
	return m, nil
}

// Mail implements smtp.Session.
func (*mailroom) Mail(string, *smtp.MailOptions) error { return nil }

// Rcpt implements smtp.Session.
func (*mailroom) Rcpt(string, *smtp.RcptOptions) error { return nil }

// Data implements smtp.Session.
func (m *mailroom) Data(r io.Reader) error {
	text, err := io.ReadAll(r)
	m.mu.Lock()
	defer m.mu.Unlock()
	m.mails = append(m.mails, string(text))
	return err
}

// Reset implements smtp.Session.
func (*mailroom) Reset() {}

// Logout implements smtp.Session.
func (*mailroom) Logout() error { return nil }

func (m *mailroom) got() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return append([]string(nil), m.mails...)
}

// TestMailNotice: a clerk gets one mail for what came together, over STARTTLS, and none
// again after the hub was killed.
func TestMailNotice(t *testing.T) {
	t.Parallel()
	room := openMailroom(t, nil)
	w := newTown(t, append(room.flags, "--mail-gather", "3s")...)
	province, department := w.key("H47"), w.key("H47.12")
	if out, err := w.run(department, "subscription", "create", "--mail", "Văn thư"); err == nil || !strings.Contains(out, "target") {
		t.Errorf("a bad address: %v %s", err, out)
	}
	id := w.must(w.operatorKey(), "subscription", "create", "--mail", "van.thu@snv.example", "--agency", "H47.12")
	w.must(department, "subscription", "test", id)
	w.await("the test", func() bool { return len(room.got()) == 1 })
	hops := w.must(department, "agency", "test")
	for _, hop := range []string{"in_use", "connect", "tls", "sign_in", "answer"} {
		if !regexp.MustCompile(`(?m)^mail +van\.thu@snv\.example +` + hop + ` +passed`).MatchString(hops) {
			t.Errorf("no hop %s: %s", hop, hops)
		}
	}
	w.await("the mail of the connection test", func() bool { return len(room.got()) == 2 })

	w.send(province, "H47", "H47.12", "1")
	w.send(province, "H47", "H47.12", "2")
	c := w.client(department)
	w.await("both to be told", func() bool {
		list, err := c.Pushes(t.Context(), id, hub.PushTold, hub.Page{})
		return err == nil && len(list.Items) == 2
	})
	told := strings.Join(room.got()[2:], "\n")
	if strings.Contains(told, "UBND-TN") || strings.Contains(told, "Thử kênh") || !strings.Contains(told, "To: van.thu@snv.example") {
		t.Errorf("the mail says %s", told)
	}
	before := len(room.got())
	w.hub.Kill()
	w.start()
	third := w.send(province, "H47", "H47.12", "3")
	w.await("the next mail", func() bool { return len(room.got()) > before })
	c = w.client(department)
	w.await("all to be settled", func() bool {
		list, err := c.Pushes(t.Context(), id, hub.PushWaiting, hub.Page{})
		return err == nil && len(list.Items) == 0
	})
	if n := len(room.got()); n != before+1 {
		t.Errorf("%d mails after the hub was killed, want 1", n-before)
	}
	items, err := c.Lease(t.Context(), hubclient.LeaseRequest{Deliveries: []hub.DeliveryID{third.Deliveries[0].ID}})
	if err != nil || len(items) != 1 {
		t.Errorf("what the mail announced: %v, %v", items, err)
	}
}
