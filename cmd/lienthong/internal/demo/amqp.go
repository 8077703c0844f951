package demo

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	amqp091 "github.com/rabbitmq/amqp091-go"

	"github.com/lienthong/lienthong/adapters/amqp"
	"github.com/lienthong/lienthong/cmd/lienthong/internal/app"
	"github.com/lienthong/lienthong/hub"
)

const brokerPatience = time.Minute // until a document went there and back

// Broker is a RabbitMQ that the hub may use, with an administrator of it.
type Broker struct {
	URL        string // amqp://HOST:PORT/VHOST or amqps://, without user and password
	Management string // http://HOST:PORT
	User       string
	Password   string
}

// BrokerAt reads the address of a RabbitMQ with its administrator; management may be empty
// for where it mostly is.
func BrokerAt(address, management string) (*Broker, error) {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "amqp" && u.Scheme != "amqps" || u.Host == "" || u.User == nil {
		return nil, hub.Invalid("amqp", "url", "the address of a RabbitMQ is of the form amqp://USER:PASSWORD@HOST:5672/VHOST; the user is an administrator")
	}
	b := &Broker{User: u.User.Username(), Management: management}
	b.Password, _ = u.User.Password()
	if management == "" {
		b.Management = "http://" + u.Hostname() + ":15672"
		if u.Scheme == "amqps" {
			b.Management = "https://" + u.Hostname() + ":15671"
		}
	}
	u.User = nil
	b.URL = u.String()
	return b, nil
}

// address is that of the broker for a user.
func (b *Broker) address(user string) (string, error) {
	u, err := url.Parse(b.URL)
	if err != nil {
		return "", err
	}
	u.User = url.User(user)
	return u.String(), nil
}

// vhost is the virtual host of the hub.
func (b *Broker) vhost() string {
	if u, err := url.Parse(b.URL); err == nil && len(u.Path) > 1 {
		return u.Path[1:]
	}
	return "/"
}

// manifestBroker tells scripts about the agency that is connected by RabbitMQ. Without a
// broker it says why there is none.
type manifestBroker struct {
	LeftOut      string `json:"left_out,omitempty"`
	Agency       string `json:"agency,omitempty"` // code
	URL          string `json:"url,omitempty"`
	User         string `json:"user,omitempty"` // also the queue of notices
	PasswordFile string `json:"password_file,omitempty"`
	Exchange     string `json:"exchange,omitempty"`
	Answers      string `json:"answers,omitempty"`
}

// useBroker has the hub of the province use the broker.
func (s *show) useBroker(config *app.Config) error {
	if s.Broker == nil {
		return nil
	}
	var err error
	config.BrokerPasswordFile, config.BrokerShards = s.path("keys", "broker.secret"), 4
	if config.Broker, err = s.Broker.address(s.Broker.User); err != nil {
		return err
	}
	return s.save([]byte(s.Broker.Password+"\n"), "keys", "broker.secret")
}

// overBroker has a commune that is connected by RabbitMQ receive a document and answer it,
// over one connection and without a call of the API.
func (s *show) overBroker(ctx context.Context) error {
	if s.Broker == nil {
		s.broker.LeftOut = s.NoBroker
		s.say("bỏ qua / left out: %s", s.NoBroker)
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, brokerPatience)
	defer cancel()
	p := s.parties[duyVinh]
	if err := s.connectByBroker(ctx, p); err != nil {
		return err
	}
	system, err := s.dialBroker(p)
	if err != nil {
		return err
	}
	defer system.close()
	if _, err := s.submit(ctx, s.parties[province], brokeredFile, brokeredID, letterData("183"), duyVinh); err != nil {
		return err
	}
	if err := system.collect(ctx); err != nil {
		return err
	}
	if err := system.answer(ctx); err != nil {
		return err
	}
	if err := s.empty(ctx, s.parties[province], 1); err != nil {
		return err
	}
	err = system.awaitStatus(ctx)
	s.say("183/UBND-KSTTHC: %s -> %s; 16/UBND-VP: %s -> UBND tỉnh Quảng Nam", s.Broker.URL, s.broker.User, s.broker.Exchange)
	return err
}

// connectByBroker gives the agency its queues and says in the directory that it is reached
// there.
func (s *show) connectByBroker(ctx context.Context, p *party) error {
	password := rand.Text()
	admin := amqp.NewAdmin(amqp.AdminOptions{
		URL: s.Broker.Management, VHost: s.Broker.vhost(),
		Credentials: func() (string, string, error) { return s.Broker.User, s.Broker.Password, nil },
	})
	if err := admin.EnsureAgency(ctx, hub.Code(p.Code), password); err != nil {
		return err
	}
	user := amqp.AgencyUser(hub.Code(p.Code))
	s.broker = manifestBroker{
		Agency: p.Code, URL: s.Broker.URL, User: user, PasswordFile: s.path("keys", user+".secret"), Exchange: amqp.AgencyIntake(hub.Code(p.Code)), Answers: user + ".answers",
	}
	if err := s.save([]byte(password+"\n"), "keys", user+".secret"); err != nil {
		return err
	}
	lines := strings.Split(provinceCSV, "\n")
	for _, line := range lines[1:] {
		if strings.HasPrefix(line, p.ID+",") {
			_, err := s.operator.ImportAgencies(ctx, strings.NewReader(lines[0]+",channel\n"+line+",amqp\n"), false)
			return err
		}
	}
	return errors.New("the agency is not in the file of the province")
}

// brokered is the system of the agency: one connection, two queues to read and an exchange
// to write to.
type brokered struct {
	show             *show
	party            *party
	connection       *amqp091.Connection
	channel          *amqp091.Channel
	notices, answers <-chan amqp091.Delivery
}

// brokerAnswer is what the demonstration reads of messages to the agency.
type brokerAnswer struct {
	Delivery   hub.DeliveryID
	Dispatch   hub.DispatchID
	Fence      int64
	State      hub.DeliveryState
	Number     string
	Receipt    json.RawMessage
	Detail     string
	Deliveries []struct{ Delivery hub.DeliveryID }
	Report     hub.StatusReport
	Parts      []struct {
		ID, Name string
		Content  []byte
	}
}

func (s *show) dialBroker(p *party) (*brokered, error) {
	password, err := os.ReadFile(s.broker.PasswordFile)
	if err != nil {
		return nil, err
	}
	b := &brokered{show: s, party: p}
	b.connection, err = amqp091.DialConfig(s.Broker.URL, amqp091.Config{
		SASL: []amqp091.Authentication{&amqp091.PlainAuth{Username: s.broker.User, Password: strings.TrimSpace(string(password))}},
	})
	if err != nil {
		return nil, err
	}
	if b.channel, err = b.connection.Channel(); err == nil {
		err = b.channel.Confirm(false)
	}
	if err == nil {
		b.notices, err = b.channel.Consume(s.broker.User, "", false, false, false, false, nil)
	}
	if err == nil {
		b.answers, err = b.channel.Consume(s.broker.Answers, "", false, false, false, false, nil)
	}
	if err != nil {
		b.close()
	}
	return b, err
}

func (b *brokered) close() { _ = b.connection.Close() } // what was said is with the broker

// say writes a message and waits for the answer to it.
func (b *brokered) say(ctx context.Context, kind, id string, body any) (brokerAnswer, error) {
	var r brokerAnswer
	text, err := json.Marshal(body)
	if err != nil {
		return r, err
	}
	confirmation, err := b.channel.PublishWithDeferredConfirmWithContext(ctx, b.show.broker.Exchange, "", true, false, amqp091.Publishing{
		Type: kind, MessageId: kind + "." + id, UserId: b.show.broker.User, ContentType: "application/json", DeliveryMode: amqp091.Persistent, Body: text,
	})
	if err != nil {
		return r, err
	}
	if ok, err := confirmation.WaitContext(ctx); err != nil || !ok {
		return r, errors.Join(errors.New("the broker did not take a message"), err)
	}
	for {
		m, err := next(ctx, b.answers)
		if err != nil {
			return r, fmt.Errorf("no answer to %s: %w", kind, err)
		}
		if err := errors.Join(m.Ack(false), json.Unmarshal(m.Body, &r)); err != nil || m.CorrelationId == kind+"."+id {
			if m.Type == "problem" {
				err = errors.Join(err, fmt.Errorf("%s: %s", kind, r.Detail))
			}
			return r, err
		}
		r = brokerAnswer{}
	}
}

// next takes a message out of a queue.
func next(ctx context.Context, queue <-chan amqp091.Delivery) (amqp091.Delivery, error) {
	select {
	case m, open := <-queue:
		if !open {
			return m, errors.New("the broker ended the connection")
		}
		return m, nil
	case <-ctx.Done():
		return amqp091.Delivery{}, ctx.Err()
	}
}

// receipt writes a message that is answered with a receipt and keeps that.
func (b *brokered) receipt(ctx context.Context, kind, id string, body any) (brokerAnswer, error) {
	r, err := b.say(ctx, kind, id, body)
	if err != nil {
		return r, err
	}
	sealed, err := hub.ParseReceipt(r.Receipt)
	return r, b.show.kept(sealed, err)
}

// collect does with the document that a notice names what every agency does.
func (b *brokered) collect(ctx context.Context) error {
	m, err := next(ctx, b.notices)
	if err != nil {
		return fmt.Errorf("no notice came: %w", err)
	}
	var notice brokerAnswer
	if err := errors.Join(json.Unmarshal(m.Body, &notice), m.Ack(false)); err != nil {
		return err
	}
	s, id := b.show, string(notice.Delivery)
	s.check(m.Type == "notice" && notice.Number == "183/UBND-KSTTHC", "the queue tells of the document (%s %s)", m.Type, notice.Number)
	got, err := b.say(ctx, "collect", id, map[string]any{"delivery": id})
	if err != nil {
		return err
	}
	digests := map[string]hub.Digest{}
	for _, part := range got.Parts {
		digests[part.ID] = sha256.Sum256(part.Content)
		if err := s.save(part.Content, "documents", "collected", b.party.Code, filepath.Base(part.Name)); err != nil {
			return err
		}
		report, err := s.verifyFile(ctx, s.path("documents", "collected", b.party.Code, filepath.Base(part.Name)))
		if err != nil {
			return err
		}
		s.check(twicePassed(&report), "%s finds two valid signatures on %s (%s %s)", b.party.Name, part.Name, report.Indication, report.Sub)
		s.verdicts[notice.Delivery] = fmt.Sprintf("%d/%d", passed(&report), len(report.Signatures))
	}
	b.party.register++
	for _, act := range []struct {
		kind, id string
		body     map[string]any
	}{
		{"acknowledge", id, map[string]any{"fence": got.Fence, "parts": digests}},
		{"report", id + ".01", map[string]any{"code": hub.StatusArrived, "description": "Đã đến, qua RabbitMQ"}},
		{"register", id, map[string]any{"number": fmt.Sprint(b.party.register), "date": time.Now().In(hub.Vietnam()).Format(time.DateOnly), "unit": "Văn thư"}},
		{"report", id + ".03", map[string]any{"code": hub.StatusAccepted, "description": "Đã tiếp nhận"}},
		{"report", id + ".05", map[string]any{"code": hub.StatusInProgress, "description": "Đang xử lý"}},
	} {
		act.body["delivery"] = id
		if _, err := b.receipt(ctx, act.kind, act.id, act.body); err != nil {
			return err
		}
	}
	item, err := b.party.client.Delivery(ctx, notice.Delivery)
	s.handled = append(s.handled, item.Delivery)
	return err
}

// answer sends a document to the province, twice: that must change nothing.
func (b *brokered) answer(ctx context.Context) error {
	content, err := os.ReadFile(b.show.path("documents", brokerAnswerFile))
	if err != nil {
		return err
	}
	letter := map[string]any{
		"sender": b.party.Code, "recipients": []string{province}, "external_id": brokerAnswerID, "document": brokeredData(),
		"parts": []map[string]any{{"id": "p1", "name": brokerAnswerFile, "media_type": pdfType, "content": content}},
	}
	first, err := b.receipt(ctx, "submit", "16", letter)
	if err != nil {
		return err
	}
	again, err := b.receipt(ctx, "submit", "16", letter)
	b.show.check(err == nil && again.Dispatch == first.Dispatch && bytes.Equal(again.Receipt, first.Receipt),
		"the same message again gets the first receipt, byte for byte (%s, %s)", first.Dispatch, again.Dispatch)
	return err
}

// awaitStatus waits until the agency is told that the province works on its document.
func (b *brokered) awaitStatus(ctx context.Context) error {
	for {
		m, err := next(ctx, b.answers)
		if err != nil {
			return fmt.Errorf("no status of 16/UBND-VP came: %w", err)
		}
		var r brokerAnswer
		if err := errors.Join(json.Unmarshal(m.Body, &r), m.Ack(false)); err != nil {
			return err
		}
		if m.Type == "status" && r.Number == "16/UBND-VP" && r.Report.Code == hub.StatusInProgress {
			return nil
		}
	}
}
