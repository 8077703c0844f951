package amqp_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	amqp091 "github.com/rabbitmq/amqp091-go"

	"github.com/lienthong/lienthong/adapters/amqp"
	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/hub/hubtest/server"
)

// directory holds agencies by id.
type directory map[hub.AgencyID]*hub.Agency

func (d directory) ByID(id hub.AgencyID) (*hub.Agency, bool) { a, ok := d[id]; return a, ok }

// agencies are fictional (hư cấu).
func agencies() directory {
	d := directory{}
	for id, code := range map[hub.AgencyID]hub.Code{"one": "000.00.31.H26", "other": "000.00.32.H26", "broken": "?"} {
		d[id] = &hub.Agency{ID: id, Codes: []hub.Dated[hub.Code]{{Value: code}}, Levels: []hub.Dated[hub.Level]{{Value: hub.LevelDepartment}}}
	}
	return d
}

func item(recipient hub.AgencyID) hub.Item {
	return hub.Item{
		Dispatch: hub.Dispatch{
			ID: "d1", Operation: hub.OperationNew,
			Document: hub.Document{CodeNumber: "173", CodeNotation: "UBND-KSTTHC", Subject: "Về việc hư cấu", Priority: hub.PriorityUrgent},
			Parts:    []hub.Part{{ID: "p1", Role: hub.RoleOriginal, Name: "mật.pdf", Size: 7, Digest: hub.Digest{1}}},
		},
		Delivery: hub.Delivery{ID: "v1", Dispatch: "d1", Recipient: recipient, ExpiresAt: time.Date(2026, 2, 1, 0, 0, 0, 0, time.UTC)},
	}
}

// TestCarrier: the agency finds a reference in its queue, and nothing of the content.
func TestCarrier(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	q := w.open(t)
	c := amqp.NewCarrier(q, agencies())
	must(t, c.Carry(t.Context(), item("one")))
	ch := w.channel(t, w.url)
	d, ok, err := ch.Get("agency.000.00.31.H26", true)
	if err != nil || !ok {
		t.Fatal(ok, err)
	}
	const want = `{"delivery":"v1","dispatch":"d1","operation":"new","number":"173/UBND-KSTTHC","priority":1,` +
		`"parts":[{"id":"p1","role":"original","size":7,"sha256":"0100000000000000000000000000000000000000000000000000000000000000"}],` +
		`"path":"/v1/deliveries/v1","expires_at":"2026-02-01T00:00:00Z"}`
	if string(d.Body) != want || d.MessageId != "v1" || d.DeliveryMode != amqp091.Persistent || d.RoutingKey != "000.00.31.H26.department.urgent" {
		t.Errorf("%s %s %s", d.MessageId, d.RoutingKey, d.Body)
	}
	var n amqp.Notice
	must(t, json.Unmarshal(d.Body, &n))
	must(t, c.Carry(t.Context(), item("other")))
	if _, there, _ := ch.Get("agency.000.00.31.H26", true); there {
		t.Error("one agency has a notice for another")
	}
	w.deleteQueue(t, "agency.000.00.31.H26")
	if err := c.Carry(t.Context(), item("one")); hub.KindOf(err) != hub.KindUnavailable {
		t.Errorf("without a queue: %v", err)
	}
	must(t, c.Carry(t.Context(), item("one")))
	for _, recipient := range []hub.AgencyID{"nobody", "broken"} {
		if err := c.Carry(t.Context(), item(recipient)); err == nil || hub.KindOf(err) != hub.KindUnknownAgency {
			t.Errorf("%s: %v", recipient, err)
		}
	}
}

// TestFullAgencyQueue: an agency that does not read hears of nothing more for a while;
// that is temporary and no other agency's matter.
func TestFullAgencyQueue(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	q := w.open(t)
	c := amqp.NewCarrier(q, agencies())
	must(t, c.Carry(t.Context(), item("one")))
	_, err := w.API(http.MethodPut, w.path(t, "policies", "/small"),
		`{"pattern":"^agency\\.000\\.00\\.31\\.H26$","definition":{"max-length":2},"apply-to":"queues"}`)
	must(t, err)
	await(t, "the queue refuses", func() bool {
		err := c.Carry(t.Context(), item("one"))
		return err != nil && hub.KindOf(err) == hub.KindUnavailable
	})
	must(t, c.Carry(t.Context(), item("other")))
	if st := q.Stats(); st.Nacked == 0 {
		t.Errorf("%+v", st)
	}
}

// TestAgencyUsers: an agency reads its own queue and can do nothing else.
func TestAgencyUsers(t *testing.T) {
	w := newWorld(t)
	q := w.open(t)
	admin := newAdmin(t, w)
	const code, password = "000.00.31.H26", "mật khẩu 1"
	for range 2 {
		must(t, admin.EnsureAgency(t.Context(), code, password))
	}
	must(t, admin.EnsureAgency(t.Context(), "000.00.32.H26", "mật khẩu 2"))
	must(t, amqp.NewCarrier(q, agencies()).Carry(t.Context(), item("one")))
	user := amqp.AgencyUser(code)
	own := "amqp://" + user + ":m%E1%BA%ADt%20kh%E1%BA%A9u%201@" + w.Address() + "/" + server.VHostOf(t, w.url)
	messages, err := w.channel(t, own).Consume("agency."+code, "", false, false, false, false, nil)
	must(t, err)
	select {
	case d := <-messages:
		must(t, d.Ack(false))
	case <-time.After(server.Patience):
		t.Fatal("the agency got nothing")
	}
	refused := func(what string, err error) {
		t.Helper()
		if err == nil || !strings.Contains(err.Error(), "ACCESS_REFUSED") {
			t.Errorf("%s: %v", what, err)
		}
	}
	_, err = w.channel(t, own).Consume("agency.000.00.32.H26", "", false, false, false, false, nil)
	refused("another's queue", err)
	_, err = w.channel(t, own).Consume("lienthong.work.00", "", false, false, false, false, nil)
	refused("the work", err)
	_, err = w.channel(t, own).QueueDeclare("own", true, false, false, false, nil)
	refused("a queue of its own", err)
	_, err = w.channel(t, own).QueueDelete("agency."+code, false, false, false)
	refused("the end of its queue", err)
	for _, exchange := range []string{"lienthong.work", "lienthong.events", "lienthong.dead", ""} {
		ch := w.channel(t, own)
		closed := ch.NotifyClose(make(chan *amqp091.Error, 1))
		must(t, ch.PublishWithContext(t.Context(), exchange, "work.normal.00", true, false, amqp091.Publishing{Body: []byte("{}")}))
		select {
		case why := <-closed:
			refused("publish to "+exchange, why)
		case <-time.After(server.Patience):
			t.Errorf("the agency published to %q", exchange)
		}
	}
	ended := w.channel(t, own).NotifyClose(make(chan *amqp091.Error, 1))
	must(t, admin.EnsureAgency(t.Context(), code, "another"))
	select {
	case <-ended:
	case <-time.After(server.Patience):
		t.Error("a connection with the old password stays open")
	}
	if c, err := amqp091.Dial(own); err == nil {
		_ = c.Close()
		t.Error("the old password still opens the queues")
	}
	must(t, admin.RemoveAgency(t.Context(), code))
	must(t, admin.RemoveAgency(t.Context(), code))
	if c, err := amqp091.Dial(own); err == nil {
		_ = c.Close()
		t.Error("the agency still has a user")
	}
	must(t, admin.RemoveAgency(t.Context(), "000.00.32.H26"))
}

func newAdmin(t *testing.T, w *world) *amqp.Admin {
	t.Helper()
	return amqp.NewAdmin(amqp.AdminOptions{
		URL: w.ManagementURL(), VHost: server.VHostOf(t, w.url),
		Credentials: func() (string, string, error) { user, password := w.Login(); return user, password, nil },
		Client:      &http.Client{Transport: &http.Transport{DisableKeepAlives: true}},
	})
}

// TestAdminErrors: each has the kind that tells what to do.
func TestAdminErrors(t *testing.T) {
	w := newWorld(t)
	admin := newAdmin(t, w)
	want := func(kind hub.ErrorKind, err error) {
		t.Helper()
		if err == nil || hub.KindOf(err) != kind {
			t.Errorf("%v, want %s", err, kind)
		}
	}
	want(hub.KindInvalid, admin.EnsureAgency(t.Context(), "../x", "p"))
	want(hub.KindInvalid, admin.EnsureAgency(t.Context(), "000.00.31.H26", ""))
	wrong := *admin
	wrong.Credentials = func() (string, string, error) { return "hub", "wrong", nil }
	want(hub.KindDenied, wrong.EnsureAgency(t.Context(), "000.00.31.H26", "p"))
	_, err := w.API(http.MethodPut, w.path(t, "queues", "/agency.000.00.31.H26"), `{"durable":true}`)
	must(t, err)
	want(hub.KindConflict, admin.EnsureAgency(t.Context(), "000.00.31.H26", "p"))
	gone := *admin
	gone.URL = "http://127.0.0.1:1"
	want(hub.KindUnavailable, gone.RemoveAgency(t.Context(), "000.00.31.H26"))
}

// hopsOf lists the hops of a test; a failed one has its error.
func hopsOf(hops *hub.Hops) string {
	var all []string
	for _, h := range hops.List() {
		all = append(all, strings.TrimSpace(string(h.Hop)+" "+h.Error))
	}
	return strings.Join(all, ", ")
}

// TestConnectionOfAnAgency: each hop to its queue, and a message of the type test where
// somebody reads.
func TestConnectionOfAnAgency(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	q := w.open(t)
	agency := agencies()["one"]
	test := func(q *amqp.Queue, agency *hub.Agency) string {
		hops := hub.NewHops(time.Now, func(hub.TestHop, error) {})
		q.TestAgency(t.Context(), agency, hops)
		return hopsOf(hops)
	}
	const name = "agency.000.00.31.H26"
	if got, want := test(q, agency), "connect, queue not_found: the broker has no queue "+name+": give the agency its names by enrolment or lienthong queue grant"; got != want {
		t.Errorf("without a queue: %s, want %s", got, want)
	}
	must(t, amqp.NewCarrier(q, agencies()).Carry(t.Context(), item("one")))
	if got, want := test(q, agency), "connect, queue, consumer unavailable: nobody reads the queue "+name+" now"; got != want {
		t.Errorf("unread: %s, want %s", got, want)
	}
	read, err := w.channel(t, w.url).Consume(name, "", true, false, false, false, nil)
	must(t, err)
	if d := <-read; d.Type != "notice" {
		t.Errorf("%s %s", d.Type, d.Body)
	}
	if got, want := test(q, agency), "connect, queue, consumer, message"; got != want {
		t.Errorf("read: %s, want %s", got, want)
	}
	if d := <-read; d.Type != "test" || string(d.Body) != "{}" || d.Expiration != "60000" {
		t.Errorf("%s %s %s", d.Type, d.Body, d.Expiration)
	}
	if got := test(w.openAway(t), agency); !strings.HasPrefix(got, "connect unavailable: the broker does not serve") {
		t.Errorf("away: %s", got)
	}
}
