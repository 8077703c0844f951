package partner

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	amqp091 "github.com/rabbitmq/amqp091-go"

	"github.com/lienthong/lienthong/adapters/amqp"
	"github.com/lienthong/lienthong/hub"
)

// Broker is how to reach a hub through RabbitMQ as an agency.
type Broker struct {
	Address  string      // amqps://HOST/VHOST
	TLS      *tls.Config // nil for the authorities of the system
	Agency   hub.Code
	Password string
	PDF      []byte
}

// RunBroker runs the tests of the channel AMQP. It takes what lies in the agency's queues
// of notices and answers: nothing else may read them meanwhile.
func RunBroker(ctx context.Context, b Broker, told func(Result)) []Result {
	t := &broker{Broker: b, id: fmt.Sprintf("partner-%d", time.Now().UnixNano())}
	defer t.close()
	return run(ctx, append((&network{address: b.Address, tls: b.TLS}).steps(), t.steps()...), told)
}

type broker struct {
	Broker
	id         string
	connection *amqp091.Connection
	channel    *amqp091.Channel
	answers    <-chan amqp091.Delivery
	notices    <-chan amqp091.Delivery
	first      string // dispatch
	delivery   string
	fence      int64
}

func (t *broker) close() {
	if t.connection != nil {
		_ = t.connection.Close() // the tests are over
	}
}

func (t *broker) steps() []step {
	return []step{
		{Test{"A01", "a wrong password opens nothing", "refused"}, t.wrongPassword},
		{Test{"A02", "the password opens the agency's queues", "open"}, t.open},
		{Test{"A03", "the exchange of another agency is closed", "ACCESS_REFUSED"}, t.foreignExchange},
		{Test{"A04", "the name of another agency is refused", "PRECONDITION_FAILED"}, t.foreignName},
		{Test{"A05", "a document with one PDF is accepted, with evidence", "accepted receipt"}, t.good},
		{Test{"A06", "the same message again gives the same dispatch", "accepted receipt, same dispatch"}, t.again},
		{Test{"A07", "JSON that breaks off is answered with a problem", "problem json"}, t.bad("A07", "submit", `{"sender":`, nil)},
		{Test{"A08", "a message of an unknown type is", "problem message_type"}, t.bad("A08", "destroy", `{}`, nil)},
		{Test{"A09", "a message without user_id is", "problem user_id"}, t.bad("A09", "track", `{}`, func(m *amqp091.Publishing) { m.UserId = "" })},
		{Test{"A10", "bytes that are not the announced ones are", "problem digest"}, t.wrongBytes},
		{Test{"A11", "a notice of the document comes", "notice"}, t.notice},
		{Test{"A12", "collect brings its content", "collected, same bytes"}, t.collect},
		{Test{"A13", "digests that are not those of the content hand nothing over", "problem digest"}, t.acknowledge("A13", func() string { return fmt.Sprintf("%064x", 10) })},
		{Test{"A14", "the right digests hand it over, with evidence", "receipt receipt"}, t.acknowledge("A14", t.digest)},
		{Test{"A15", "track tells the sender", "tracked handed_over"}, t.track},
		{Test{"A16", "a delivery that is not the agency's is not there", "problem not_found"}, t.bad("A16", "collect", `{"delivery":"00000000-0000-7000-8000-000000000000"}`, nil)},
		{Test{"A17", "an unknown recipient is refused, with evidence", "problem unknown_agency, receipt"}, t.unknownRecipient},
		{Test{"A18", "a status code that there is not is refused", "problem code_list"}, t.about("A18", "report", `"code":"99"`)},
		{Test{"A19", "a reason that there is not is refused", "problem code_list"}, t.about("A19", "refuse", `"code":"mood","detail":"x"`)},
		{Test{"A20", "what is forwarded to who has it is refused", "problem self"}, t.about("A20", "forward", fmt.Sprintf(`"recipients":[%q]`, t.Agency))},
	}
}

// about sends a message about the delivery of this run.
func (t *broker) about(number, kind, members string) func(context.Context) (string, error) {
	return func(ctx context.Context) (string, error) {
		if t.delivery == "" {
			return "", errNeeds
		}
		return t.bad(number, kind, fmt.Sprintf(`{"delivery":%q,%s}`, t.delivery, members), nil)(ctx)
	}
}

func (t *broker) unknownRecipient(ctx context.Context) (string, error) {
	got, r, err := t.ask(ctx, "A17", "submit", bytes.Replace(t.letter("A17", map[string]any{}),
		fmt.Appendf(nil, `"recipients":[%q]`, t.Agency), []byte(`"recipients":["000.00.00.Z99"]`), 1), nil)
	if err != nil {
		return "", err
	}
	if len(r.Receipt) == 0 {
		return r.brief(got), nil
	}
	return r.brief(got) + ", receipt", nil
}

func (t *broker) dial(password string) (*amqp091.Connection, error) {
	return amqp091.DialConfig(t.Address, amqp091.Config{
		TLSClientConfig: t.TLS, SASL: []amqp091.Authentication{&amqp091.PlainAuth{Username: amqp.AgencyUser(t.Agency), Password: password}},
	})
}

func (t *broker) wrongPassword(context.Context) (string, error) {
	c, err := t.dial(t.Password + "x")
	if err == nil {
		return "open", c.Close()
	}
	var e *amqp091.Error
	if errors.As(err, &e) && (e.Code == amqp091.AccessRefused || e.Code == amqp091.ErrCredentials.Code) {
		return "refused", nil
	}
	return "", err
}

func (t *broker) open(context.Context) (string, error) {
	var err error
	if t.connection, err = t.dial(t.Password); err != nil {
		return "", err
	}
	if t.channel, err = t.connection.Channel(); err != nil {
		return "", err
	}
	user := amqp.AgencyUser(t.Agency)
	if t.answers, err = t.channel.Consume(user+".answers", "", true, false, false, false, nil); err != nil {
		return "", err
	}
	t.notices, err = t.channel.Consume(user, "", true, false, false, false, nil)
	return word("open", err)
}

// refused publishes on a channel of its own and tells with what the broker ends it.
func (t *broker) refused(ctx context.Context, exchange, user string) (string, error) {
	if t.connection == nil {
		return "", errNeeds
	}
	ch, err := t.connection.Channel()
	if err != nil {
		return "", err
	}
	closed := ch.NotifyClose(make(chan *amqp091.Error, 1))
	if err := ch.PublishWithContext(ctx, exchange, "", false, false, amqp091.Publishing{UserId: user, Body: []byte("{}")}); err != nil {
		return "", err
	}
	select {
	case why := <-closed:
		switch {
		case why == nil:
			return "closed", nil
		case why.Code == amqp091.AccessRefused:
			return "ACCESS_REFUSED", nil
		case why.Code == amqp091.PreconditionFailed:
			return "PRECONDITION_FAILED", nil
		}
		return why.Reason, nil
	case <-ctx.Done():
		return "allowed", nil
	}
}

func (t *broker) foreignExchange(ctx context.Context) (string, error) {
	return t.refused(ctx, amqp.AgencyIntake("000.00.00.Z99"), amqp.AgencyUser(t.Agency))
}

func (t *broker) foreignName(ctx context.Context) (string, error) {
	return t.refused(ctx, amqp.AgencyIntake(t.Agency), amqp.AgencyUser("000.00.00.Z99"))
}

// brokerReply is what a test reads of any answer.
type brokerReply struct {
	Dispatch string
	Delivery string
	Fence    int64
	Receipt  json.RawMessage
	Kind     string
	Errors   []struct{ Rule string }
	Parts    []struct{ Content []byte }

	Deliveries []struct{ Delivery, State string }
}

// brief is the answer in the words of Want: type, rule or kind, and whether evidence came.
func (r *brokerReply) brief(kind string) string {
	switch {
	case kind == "problem" && len(r.Errors) > 0 && r.Errors[0].Rule != "":
		return kind + " " + r.Errors[0].Rule
	case kind == "problem":
		return kind + " " + r.Kind
	case len(r.Receipt) > 0:
		return kind + " receipt"
	}
	return kind
}

// ask sends a message and waits for the answer to it; others are left behind.
func (t *broker) ask(ctx context.Context, number, kind string, body []byte, spoil func(*amqp091.Publishing)) (string, *brokerReply, error) {
	if t.answers == nil {
		return "", nil, errNeeds
	}
	m := amqp091.Publishing{
		Type: kind, MessageId: t.id + "-" + number, UserId: amqp.AgencyUser(t.Agency), ContentType: "application/json", DeliveryMode: amqp091.Persistent, Body: body,
	}
	if spoil != nil {
		spoil(&m)
	}
	if err := t.channel.PublishWithContext(ctx, amqp.AgencyIntake(t.Agency), "", false, false, m); err != nil {
		return "", nil, err
	}
	for {
		select {
		case d, ok := <-t.answers:
			if !ok {
				return "", nil, errors.New("the broker ended the connection")
			}
			if d.CorrelationId != m.MessageId {
				continue
			}
			var r brokerReply
			return d.Type, &r, json.Unmarshal(d.Body, &r)
		case <-ctx.Done():
			return "", nil, errors.New("no answer came")
		}
	}
}

func (t *broker) bad(number, kind, body string, spoil func(*amqp091.Publishing)) func(context.Context) (string, error) {
	return func(ctx context.Context) (string, error) {
		got, r, err := t.ask(ctx, number, kind, []byte(body), spoil)
		if err != nil {
			return "", err
		}
		return r.brief(got), nil
	}
}

func (t *broker) letter(number string, part map[string]any) []byte {
	part["id"], part["name"], part["media_type"], part["content"] = "p1", "thu.pdf", "application/pdf", t.PDF
	text, _ := json.Marshal(map[string]any{ //nolint:errchkjson // texts and bytes cannot fail
		"sender": t.Agency, "recipients": []hub.Code{t.Agency}, "external_id": t.id + "-" + number, "document": document(number), "parts": []any{part},
	})
	return text
}

func (t *broker) good(ctx context.Context) (string, error) {
	got, r, err := t.ask(ctx, "A05", "submit", t.letter("A05", map[string]any{}), nil)
	if err != nil {
		return "", err
	}
	t.first = r.Dispatch
	if len(r.Deliveries) == 1 {
		t.delivery = r.Deliveries[0].Delivery
	}
	return r.brief(got), nil
}

func (t *broker) again(ctx context.Context) (string, error) {
	got, r, err := t.ask(ctx, "A05", "submit", t.letter("A05", map[string]any{}), nil)
	switch {
	case err != nil:
		return "", err
	case r.Dispatch != t.first || t.first == "":
		return r.brief(got) + ", another dispatch", nil
	}
	return r.brief(got) + ", same dispatch", nil
}

func (t *broker) wrongBytes(ctx context.Context) (string, error) {
	got, r, err := t.ask(ctx, "A10", "submit", t.letter("A10", map[string]any{"sha256": fmt.Sprintf("%064x", 10)}), nil)
	if err != nil {
		return "", err
	}
	return r.brief(got), nil
}

func (t *broker) notice(ctx context.Context) (string, error) {
	if t.delivery == "" {
		return "", errNeeds
	}
	for {
		select {
		case d, ok := <-t.notices:
			if !ok {
				return "", errors.New("the broker ended the connection")
			}
			if d.MessageId == t.delivery {
				return d.Type, nil
			}
		case <-ctx.Done():
			return "", errors.New("no notice came")
		}
	}
}

func (t *broker) collect(ctx context.Context) (string, error) {
	got, r, err := t.ask(ctx, "A12", "collect", fmt.Appendf(nil, `{"delivery":%q,"seconds":60}`, t.delivery), nil)
	if err != nil {
		return "", err
	}
	t.fence = r.Fence
	if len(r.Parts) == 1 && bytes.Equal(r.Parts[0].Content, t.PDF) {
		return got + ", same bytes", nil
	}
	return r.brief(got) + ", other bytes", nil
}

func (t *broker) digest() string { return fmt.Sprintf("%x", sha256.Sum256(t.PDF)) }

func (t *broker) acknowledge(number string, digest func() string) func(context.Context) (string, error) {
	return func(ctx context.Context) (string, error) {
		return t.bad(number, "acknowledge", fmt.Sprintf(`{"delivery":%q,"fence":%d,"parts":{"p1":%q}}`, t.delivery, t.fence, digest()), nil)(ctx)
	}
}

func (t *broker) track(ctx context.Context) (string, error) {
	got, r, err := t.ask(ctx, "A15", "track", fmt.Appendf(nil, `{"dispatch":%q}`, t.first), nil)
	if err != nil || len(r.Deliveries) != 1 {
		return got, err
	}
	return got + " " + r.Deliveries[0].State, nil
}
