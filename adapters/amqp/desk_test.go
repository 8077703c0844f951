package amqp_test

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	amqp091 "github.com/rabbitmq/amqp091-go"

	"github.com/lienthong/lienthong/adapters/amqp"
	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/hub/hubtest/server"
)

const deskCode, otherCode = "000.00.31.H26", "000.00.32.H26"

// office plays the services behind a desk: it remembers what it was asked for and fails
// when told to.
type office struct {
	mu      sync.Mutex
	subs    []hub.Submission
	actors  []hub.Actor
	acks    []map[string]hub.Digest
	orders  []hub.ForwardOrder
	fail    func(try int) error // of Submit
	tries   int
	notices []hub.Notice
	taken   []string
}

func (o *office) ByChannel(channel hub.Channel, _ time.Time) []*hub.Agency {
	if channel != hub.ChannelAMQP {
		return nil
	}
	d := agencies()
	return []*hub.Agency{d["one"], d["other"], d["broken"]}
}

func (o *office) Submit(_ context.Context, actor hub.Actor, s hub.Submission) (hub.Accepted, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.tries++
	if o.fail != nil {
		if err := o.fail(o.tries); err != nil {
			return hub.Accepted{}, err
		}
	}
	o.subs, o.actors = append(o.subs, s), append(o.actors, actor)
	duplicate := false
	for _, before := range o.subs[:len(o.subs)-1] {
		duplicate = duplicate || before.Key == s.Key
	}
	return hub.Accepted{Dispatch: hub.Dispatch{ID: "d1"}, Deliveries: []hub.Delivery{{ID: "v1", State: hub.StateConsigned}}, Duplicate: duplicate, Receipt: sealed("<accepted>")}, nil
}

func (o *office) Forward(_ context.Context, actor hub.Actor, order hub.ForwardOrder) (hub.Accepted, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if order.Delivery != "v1" || actor.Agencies[0] != "one" {
		return hub.Accepted{}, hub.Errorf(hub.KindNotFound, "delivery", "", "there is no such delivery")
	}
	o.orders = append(o.orders, order)
	return hub.Accepted{Dispatch: hub.Dispatch{ID: "d2"}, Deliveries: []hub.Delivery{{ID: "v2"}}, Duplicate: len(o.orders) > 1, Receipt: sealed("forwarded")}, nil
}

// sealed is a receipt whose bytes would change if anything escaped them.
func sealed(note string) hub.SealedEvidence {
	canonical := []byte(`{"note":"` + note + `&"}`)
	return hub.SealedEvidence{Canonical: canonical, JWS: "e30..c2ln", Digest: sha256.Sum256(canonical)}
}

func (o *office) Lease(_ context.Context, actor hub.Actor, r hub.LeaseRequest) ([]hub.Item, error) {
	if r.IDs[0] != "v1" {
		return nil, hub.Errorf(hub.KindNotFound, "delivery", "", "there is no such delivery")
	}
	i := item(actor.Agencies[0])
	i.Delivery.Lease = &hub.Lease{Fence: 3, Until: r.Until}
	i.Delivery.ForInformation, i.Dispatch.Origin = true, &hub.Origin{SenderName: "UBND tỉnh (hư cấu)"}
	i.Dispatch.Parts = append(i.Dispatch.Parts, hub.Part{ID: "p2", Size: 12 << 20}, hub.Part{ID: "envelope", Role: hub.RoleEnvelope, Size: 1})
	return []hub.Item{i}, nil
}

func (o *office) Dispatch(context.Context, hub.Actor, hub.DispatchID) (hub.SentItem, error) {
	return hub.SentItem{Dispatch: hub.Dispatch{ID: "d1"}, Deliveries: []hub.Delivery{{ID: "v1", State: hub.StateHandedOver}}}, nil
}

func (o *office) Open(context.Context, hub.Actor, hub.DispatchID, string) (hub.Part, hub.Blob, error) {
	return hub.Part{}, blob{strings.NewReader("content")}, nil
}

type blob struct{ *strings.Reader }

func (b blob) Size() int64 { return b.Reader.Size() }
func (blob) Close() error  { return nil }

func (o *office) Acknowledge(_ context.Context, _ hub.Actor, _ hub.DeliveryID, _ int64, digests map[string]hub.Digest) (hub.SealedEvidence, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.acks = append(o.acks, digests)
	return sealed("handed over"), nil
}

func (o *office) Accept(context.Context, hub.Actor, hub.DeliveryID, hub.Registration) (hub.SealedEvidence, error) {
	panic("a fault in the hub")
}

func (o *office) Refuse(context.Context, hub.Actor, hub.DeliveryID, int64, hub.Reason) (hub.SealedEvidence, error) {
	return sealed("refused"), nil
}

func (o *office) Report(context.Context, hub.Actor, hub.DeliveryID, hub.StatusReport) (hub.SealedEvidence, error) {
	return sealed("reported"), nil
}

func (o *office) Notices(_ context.Context, _ hub.Actor, agency hub.AgencyID, _ hub.Page) (hub.List[hub.Notice], error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if agency != "one" {
		return hub.List[hub.Notice]{}, nil
	}
	return hub.List[hub.Notice]{Items: o.notices}, nil
}

func (o *office) TakeNotice(_ context.Context, _ hub.Actor, report string) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.taken, o.notices = append(o.taken, report), nil
	return nil
}

func (o *office) Listen(hub.AgencyID) <-chan struct{} { return make(chan struct{}) }

func (o *office) CreateBlob(context.Context) (hub.BlobWriter, error) { return &blobWriter{}, nil }

type blobWriter struct{ strings.Builder }

func (b *blobWriter) Commit() (hub.Digest, int64, error) {
	return sha256.Sum256([]byte(b.String())), int64(b.Len()), nil
}
func (b *blobWriter) Discard() {}

// counter is a desk that serves two agencies, and the first of them at it.
type counter struct {
	*office
	world *world
	own   *amqp091.Channel // of the first agency
	in    <-chan amqp091.Delivery
}

func newCounter(t *testing.T) *counter {
	t.Helper()
	c := &counter{office: &office{}, world: newWorld(t)}
	q := c.world.open(t)
	admin := newAdmin(t, c.world)
	for _, code := range []hub.Code{deskCode, otherCode} {
		must(t, admin.EnsureAgency(t.Context(), code, "secret"))
		t.Cleanup(func() { _ = admin.RemoveAgency(context.Background(), code) })
	}
	desk := amqp.NewDesk(q, amqp.DeskOptions{Members: c, Intake: c, Forwards: c, Box: c, Recipient: c, Reports: c, Blobs: c})
	ctx, stop := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { desk.Run(ctx) })
	t.Cleanup(func() { stop(); running.Wait() })
	c.own = c.dial(t, deskCode)
	var err error
	c.in, err = c.own.Consume(amqp.AgencyUser(deskCode)+".answers", "", true, false, false, false, nil)
	must(t, err)
	return c
}

// dial opens a channel as an agency.
func (c *counter) dial(t *testing.T, code hub.Code) *amqp091.Channel {
	t.Helper()
	return c.world.channel(t, "amqp://"+amqp.AgencyUser(code)+":secret@"+c.world.Address()+"/"+server.VHostOf(t, c.world.url))
}

// message is one as the first agency writes it.
func message(kind, id, body string) amqp091.Publishing {
	return amqp091.Publishing{
		Type: kind, MessageId: id, UserId: amqp.AgencyUser(deskCode), ContentType: "application/json",
		DeliveryMode: amqp091.Persistent, Body: []byte(body),
	}
}

func (c *counter) send(t *testing.T, m amqp091.Publishing) {
	t.Helper()
	must(t, c.own.PublishWithContext(t.Context(), amqp.AgencyIntake(deskCode), "", true, false, m))
}

// answer sends a message and returns what comes back.
func (c *counter) answer(t *testing.T, m amqp091.Publishing) amqp091.Delivery {
	t.Helper()
	c.send(t, m)
	return c.next(t)
}

func (c *counter) next(t *testing.T) amqp091.Delivery {
	t.Helper()
	select {
	case d := <-c.in:
		return d
	case <-time.After(server.Patience):
		t.Fatal("no answer came")
		return amqp091.Delivery{}
	}
}

const aLetter = `{"sender":"000.00.31.H26","recipients":["000.00.32.H26"],"for_information":["000.00.32.H26"],"external_id":"x1","document":{"subject":"Thử"},` +
	`"parts":[{"name":"a.pdf","content":"Y29udGVudA=="}]}`

// TestDesk: each message gets its answer, with what it is about and the receipt as it was
// sealed; the same message again, the same answer.
func TestDesk(t *testing.T) {
	c := newCounter(t)
	for i := range 2 {
		a := c.answer(t, message("submit", "m1", aLetter))
		var body struct {
			Dispatch  string
			Duplicate bool
			Receipt   json.RawMessage
		}
		must(t, json.Unmarshal(a.Body, &body))
		if a.Type != "accepted" || a.CorrelationId != "m1" || a.MessageId != "m1.answer" || a.DeliveryMode != amqp091.Persistent ||
			body.Dispatch != "d1" || body.Duplicate != (i == 1) || string(body.Receipt) != `{"evidence":{"note":"<accepted>&"},"jws":"e30..c2ln"}` {
			t.Errorf("%s %s %s: %s", a.Type, a.CorrelationId, a.MessageId, a.Body)
		}
	}
	s, actor := c.subs[0], c.actors[0]
	if len(s.ForInformation) != 1 || s.Key != "m1" || s.Sender != deskCode || s.Operation != hub.OperationNew || len(s.Parts) != 1 || s.Parts[0].ID != "p1" ||
		s.Parts[0].Role != hub.RoleOriginal || s.Parts[0].Size != 7 || s.Parts[0].Digest != sha256.Sum256([]byte("content")) {
		t.Errorf("%+v", s)
	}
	if actor.Auth != hub.AuthBrokerUser || len(actor.Agencies) != 1 || actor.Agencies[0] != "one" || actor.Has(hub.ScopeOperate) {
		t.Errorf("%+v", actor)
	}
	a := c.answer(t, message("collect", "m2", `{"delivery":"v1","seconds":60}`))
	var got struct {
		Fence          int64
		ForInformation bool `json:"for_information"`
		Origin         hub.Origin
		Parts          []struct{ ID, Content, Path string }
	}
	must(t, json.Unmarshal(a.Body, &got))
	if a.Type != "collected" || !got.ForInformation || got.Origin.SenderName == "" || got.Fence != 3 || len(got.Parts) != 3 || got.Parts[0].Content != "Y29udGVudA==" || got.Parts[0].Path != "" ||
		got.Parts[1].Path != "/v1/dispatches/d1/parts/p2" || got.Parts[1].Content != "" || got.Parts[2].Path == "" {
		t.Errorf("%s: %s", a.Type, a.Body)
	}
	digest := sha256.Sum256([]byte("content"))
	for kind, body := range map[string]string{
		"acknowledge": fmt.Sprintf(`{"delivery":"v1","fence":3,"parts":{"p1":"%x"}}`, digest),
		"refuse":      `{"delivery":"v1","code":"other","detail":"sai nơi nhận"}`,
		"report":      `{"delivery":"v1","code":"06","stated_at":"2026-01-05T08:00:00+07:00"}`,
	} {
		if a := c.answer(t, message(kind, kind, body)); a.Type != "receipt" || !strings.Contains(string(a.Body), `"receipt":{"evidence":`) {
			t.Errorf("%s: %s %s", kind, a.Type, a.Body)
		}
	}
	if len(c.acks) != 1 || c.acks[0]["p1"] != digest {
		t.Errorf("%v", c.acks)
	}
	if a := c.answer(t, message("track", "m3", `{"dispatch":"d1"}`)); a.Type != "tracked" || !strings.Contains(string(a.Body), `"state":"handed_over"`) {
		t.Errorf("%s %s", a.Type, a.Body)
	}
}

// TestDeskForwards: what was received goes on by an order alone, without its files, and the
// same message is the same act.
func TestDeskForwards(t *testing.T) {
	c := newCounter(t)
	for i := range 2 {
		a := c.answer(t, message("forward", "f1", `{"delivery":"v1","recipients":["000.00.32.H26"],"note":"Xử lý"}`))
		var body struct {
			Dispatch  string
			Duplicate bool
			Receipt   json.RawMessage
		}
		must(t, json.Unmarshal(a.Body, &body))
		if a.Type != "accepted" || body.Dispatch != "d2" || body.Duplicate != (i == 1) || len(body.Receipt) == 0 {
			t.Errorf("%s: %s", a.Type, a.Body)
		}
	}
	if o := c.orders[1]; o.Key != "f1" || o.Note != "Xử lý" || len(o.Recipients) != 1 || o.Recipients[0] != otherCode {
		t.Errorf("%+v", o)
	}
	for name, body := range map[string]string{"none": `{"recipients":["000.00.32.H26"]}`, "unknown": `{"delivery":"v1","recipient":"x"}`, "another's": `{"delivery":"v9","recipients":["000.00.32.H26"]}`} {
		if a := c.answer(t, message("forward", name, body)); a.Type != "problem" {
			t.Errorf("%s: %s %s", name, a.Type, a.Body)
		}
	}
	if len(c.orders) != 2 {
		t.Errorf("%d orders", len(c.orders))
	}
}

// TestDeskRefuses: what cannot be done is answered with all that is wrong with it, and is
// kept where the agency can read it.
func TestDeskRefuses(t *testing.T) {
	c := newCounter(t)
	with := func(m amqp091.Publishing, change func(*amqp091.Publishing)) amqp091.Publishing { change(&m); return m }
	good := message("submit", "m", aLetter)
	for _, test := range []struct {
		name, field, rule string
		message           amqp091.Publishing
	}{
		{"not JSON", "", "json", message("submit", "m1", "{")},
		{"unknown member", "recipient", "unknown_member", message("submit", "m2", `{"recipient":"x"}`)},
		{"not base64", "parts[0].content", "base64", message("submit", "m3", `{"parts":[{"content":"*"}]}`)},
		{"another digest", "parts[0].sha256", "digest", message("submit", "m4", strings.Replace(aLetter, `"content":`, `"sha256":"`+strings.Repeat("0a", 32)+`","content":`, 1))},
		{"another size", "parts[0].size", "digest", message("submit", "m5", strings.Replace(aLetter, `"content":`, `"size":8,"content":`, 1))},
		{"unknown type", "type", "message_type", message("destroy", "m6", "{}")},
		{"no user", "user_id", "user_id", with(good, func(m *amqp091.Publishing) { m.UserId = "" })},
		{"no id", "message_id", "required", with(good, func(m *amqp091.Publishing) { m.MessageId = "" })},
		{"not JSON by its type", "content_type", "content_type", with(good, func(m *amqp091.Publishing) { m.ContentType = "text/xml" })},
		{"answers elsewhere", "reply_to", "reply_to", with(good, func(m *amqp091.Publishing) { m.ReplyTo = "agency." + otherCode })},
		{"no such delivery", "delivery", "", message("collect", "m7", `{"delivery":"v9"}`)},
		{"a lease for ever", "seconds", "range", message("collect", "m8", `{"delivery":"v1","seconds":100000}`)},
		{"too large", "", "max_size", message("submit", "m9", strings.Repeat(" ", 16<<20+1))},
	} {
		a := c.answer(t, test.message)
		var p struct {
			Kind   hub.ErrorKind
			Errors []struct{ Field, Rule, Message string }
		}
		must(t, json.Unmarshal(a.Body, &p))
		if a.Type != "problem" || a.CorrelationId != test.message.MessageId || len(p.Errors) != 1 || p.Errors[0].Field != test.field || p.Errors[0].Rule != test.rule {
			t.Errorf("%s: %s %s", test.name, a.Type, a.Body)
		}
		kept, there, err := c.own.Get(amqp.AgencyUser(deskCode)+".refused", true)
		if err != nil || !there || string(kept.Body) != string(test.message.Body) || kept.MessageId != test.message.MessageId ||
			!strings.HasSuffix(kept.Headers["x-lienthong-reason"].(string), " "+test.rule) {
			t.Errorf("%s: it is not kept: %v %v %v", test.name, there, err, kept.Headers)
		}
	}
	if c.tries != 0 {
		t.Errorf("%d of them were submitted", c.tries)
	}
}

// TestDeskLongNames: what an agency writes into its messages does not become so long in
// what is said of them that the broker ends the connection, which serves all agencies.
func TestDeskLongNames(t *testing.T) {
	c := newCounter(t)
	for id, body := range map[string]string{
		"member": `{"` + strings.Repeat("n", 1<<20) + `":1}`,
		"twice":  `{"sender":"a","sender":"` + strings.Repeat("n", 1<<20) + `"}`,
		"number": `{"parts":[{"size":` + strings.Repeat("9", 1<<20) + `}]}`,
		"digest": `{"parts":[{"sha256":"` + strings.Repeat("n", 1<<20) + `"}]}`,
	} {
		if a := c.answer(t, message("submit", id, body)); a.Type != "problem" || a.CorrelationId != id || len(a.Body) > 16<<10 {
			t.Errorf("%s: %s of %d bytes", id, a.Type, len(a.Body))
		}
	}
}

// TestDeskTriesAgain: what fails for now is tried until it is done; a fault of the hub, a
// number of times; in between other messages wait, and other agencies do not.
func TestDeskTriesAgain(t *testing.T) {
	c := newCounter(t)
	c.fail = func(try int) error {
		if try < 30 { // beyond the limit for faults
			return hub.Errorf(hub.KindUnavailable, "", "", "the database is away")
		}
		return nil
	}
	if a := c.answer(t, message("submit", "m1", aLetter)); a.Type != "accepted" || c.tries != 30 {
		t.Errorf("%s after %d tries: %s", a.Type, c.tries, a.Body)
	}
	c.fail = func(int) error { return hub.Internal("store", errors.New("secret of the hub")) }
	a := c.answer(t, message("submit", "m2", aLetter))
	if a.Type != "problem" || strings.Contains(string(a.Body), "secret") || !strings.Contains(string(a.Body), `"kind":"internal"`) {
		t.Errorf("%s %s", a.Type, a.Body)
	}
	if a := c.answer(t, message("register", "m3", `{"delivery":"v1","number":"7","date":"2026-01-05"}`)); a.Type != "problem" {
		t.Errorf("a panic: %s %s", a.Type, a.Body)
	}
}

// TestDeskTellsReports: a status report goes to the agency, and is taken only then.
func TestDeskTellsReports(t *testing.T) {
	c := newCounter(t)
	if a := c.answer(t, message("track", "ready", `{"dispatch":"d1"}`)); a.Type != "tracked" {
		t.Fatal(a.Type)
	}
	c.mu.Lock()
	c.notices = []hub.Notice{{Report: hub.StatusReport{ID: "r1", Code: hub.StatusCompleted}, Item: item("other")}}
	c.mu.Unlock()
	a := c.next(t)
	if a.Type != "status" || a.MessageId != "r1" || !strings.Contains(string(a.Body), `"code":"06"`) || !strings.Contains(string(a.Body), `"number":"173/UBND-KSTTHC"`) {
		t.Errorf("%s %s %s", a.Type, a.MessageId, a.Body)
	}
	await(t, "the report is taken", func() bool { c.mu.Lock(); defer c.mu.Unlock(); return len(c.taken) == 1 })
}

// TestAgenciesAreApart: an agency writes to its own exchange alone, as nobody else, and
// reads what is its own alone.
func TestAgenciesAreApart(t *testing.T) {
	c := newCounter(t)
	refused := func(what string, code int, act func(ch *amqp091.Channel) error) {
		t.Helper()
		ch := c.dial(t, deskCode)
		closed := ch.NotifyClose(make(chan *amqp091.Error, 1))
		_ = act(ch) // publishing fails later than it returns
		select {
		case why := <-closed:
			if why == nil || why.Code != code {
				t.Errorf("%s: %v", what, why)
			}
		case <-time.After(server.Patience):
			t.Errorf("%s is allowed", what)
		}
	}
	publish := func(exchange, key, user string) func(ch *amqp091.Channel) error {
		return func(ch *amqp091.Channel) error {
			m := message("submit", "m", aLetter)
			m.UserId = user
			return ch.PublishWithContext(context.Background(), exchange, key, false, false, m)
		}
	}
	own := amqp.AgencyUser(deskCode)
	refused("another's exchange", amqp091.AccessRefused, publish(amqp.AgencyIntake(otherCode), "", own))
	refused("another's answers, by name", amqp091.AccessRefused, publish("", "agency."+otherCode+".answers", own))
	refused("another's name", amqp091.PreconditionFailed, publish(amqp.AgencyIntake(deskCode), "", amqp.AgencyUser(otherCode)))
	for _, queue := range []string{"agency." + otherCode, "agency." + otherCode + ".answers", "agency." + otherCode + ".refused", amqp.AgencyIntake(deskCode)} {
		refused(queue, amqp091.AccessRefused, func(ch *amqp091.Channel) error {
			_, err := ch.ConsumeWithContext(context.Background(), queue, "", true, false, false, false, nil)
			return err
		})
	}
	refused("a binding", amqp091.AccessRefused, func(ch *amqp091.Channel) error {
		return ch.QueueBind(own, "#", "lienthong.events", false, nil)
	})
}

// TestDeskIsForAll: an agency that does not read its answers delays nobody else, and gets
// all of them when it reads again.
func TestDeskIsForAll(t *testing.T) {
	c := newCounter(t)
	_, err := c.world.API(http.MethodPut, c.world.path(t, "policies", "/unread"),
		`{"pattern":"^agency\\.000\\.00\\.32\\.H26\\.answers$","definition":{"max-length":1},"apply-to":"queues"}`)
	must(t, err)
	other := c.dial(t, otherCode)
	for i := range 30 {
		m := message("track", fmt.Sprint("other", i), `{"dispatch":"d1"}`)
		m.UserId = amqp.AgencyUser(otherCode)
		must(t, other.PublishWithContext(t.Context(), amqp.AgencyIntake(otherCode), "", true, false, m))
	}
	await(t, "the other agency has answers that it does not read", func() bool {
		q, err := other.QueueDeclarePassive(amqp.AgencyUser(otherCode)+".answers", true, false, false, false, nil)
		return err == nil && q.Messages > 0
	})
	for i := range 20 {
		if a := c.answer(t, message("track", fmt.Sprint("mine", i), `{"dispatch":"d1"}`)); a.Type != "tracked" {
			t.Fatalf("%s", a.Type)
		}
	}
	answers, err := other.Consume(amqp.AgencyUser(otherCode)+".answers", "", true, false, false, false, nil)
	must(t, err)
	for got := map[string]bool{}; len(got) < 30; {
		select {
		case d := <-answers:
			got[d.CorrelationId] = true
		case <-time.After(server.Patience):
			t.Fatalf("only %d of 30 answers came", len(got))
		}
	}
}
