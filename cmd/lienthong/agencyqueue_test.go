package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	amqp091 "github.com/rabbitmq/amqp091-go"

	"github.com/lienthong/lienthong/adapters/amqp"
	"github.com/lienthong/lienthong/adapters/hubclient"
	"github.com/lienthong/lienthong/cmd/lienthong/internal/hubproc"
	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/hub/hubtest/server"
)

// TestAgencyWithAQueueOfItsOwn: the operator grants a queue, the agency's user finds the
// notice in it and sees nothing else; the example consumer collects the document whole and
// acknowledges it; and the agency sends through its exchange.
func TestAgencyWithAQueueOfItsOwn(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("a broker takes long to start")
	}
	broker := server.RabbitMQ(t)
	vhost := broker.VHost(t)
	address, passwordFile := server.Split(t, vhost)
	bin := build(t)
	user, _ := broker.Login()
	options := hubproc.Options{
		Bin: bin, DataDir: t.TempDir(), Env: []string{
			"LIENTHONG_BROKER=" + address, "LIENTHONG_BROKER_PASSWORD_FILE=" + passwordFile, "LIENTHONG_BROKER_MANAGEMENT=" + broker.ManagementURL(),
			"LIENTHONG_BROKER_MANAGEMENT_USER=" + user, "LIENTHONG_BROKER_MANAGEMENT_PASSWORD_FILE=" + passwordFile,
		},
	}
	h, err := hubproc.Start(t.Context(), options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(h.Kill)
	secret := filepath.Join(t.TempDir(), "agency.secret")
	operatorKey, err := h.OperatorKey()
	if err != nil {
		t.Fatal(err)
	}
	queue := func(args ...string) (string, error) {
		cmd := exec.CommandContext(t.Context(), bin, append([]string{"queue"}, args...)...)
		cmd.Env = append(os.Environ(), "LIENTHONG_URL="+h.URL, "LIENTHONG_KEY="+operatorKey)
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	if out, err := queue("grant", "H47.12", "--out", secret); err != nil {
		t.Fatalf("grant: %v\n%s", err, out)
	}
	if out, err := queue("grant", "H47.12", "--out", secret); err == nil || !strings.Contains(out, "is there already") {
		t.Errorf("over the password that works: %v\n%s", err, out)
	}

	awaitBroker(t, h.URL)
	client := func(key string) *hubclient.Client {
		c, err := hubclient.New(hubclient.Options{URL: h.URL, Key: key})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(c.CloseIdle)
		return c
	}
	operator := client(operatorKey)
	list := "id,code,name,level,kind,parent_code,valid_from,valid_to,registers,email,telephone,aliases,successors,channel\n" +
		"h47,H47,UBND tỉnh Quảng Nam,province,,,,,true,,,,,\nsnv,H47.12,Sở Nội vụ (hư cấu),department,,H47,,,true,,,,,amqp\n" +
		"ptc,H47.12.01,Phòng Tổ chức (hư cấu),unit,,H47.12,,,false,,,,,\n"
	if _, err := operator.ImportAgencies(t.Context(), strings.NewReader(list), false); err != nil {
		t.Fatal(err)
	}
	issue := func(agency string, scopes ...hub.Scope) string {
		issued, err := operator.IssueKey(t.Context(), hubclient.NewKey{Name: agency, Kind: hub.ActorSystem, Agencies: []string{agency}, Scopes: scopes})
		if err != nil {
			t.Fatal(err)
		}
		return issued.Secret
	}
	folder := t.TempDir()
	if err := writeDocuments(folder); err != nil {
		t.Fatal(err)
	}
	accepted := sendSigned(t, client(issue("H47", hub.ScopeSubmit, hub.ScopeRead)), filepath.Join(folder, "signed.pdf"))

	notice := readNotice(t, vhost, secret)
	if notice.Delivery != accepted.Deliveries[0].ID || notice.Dispatch != accepted.Dispatch.ID || notice.Parts[0].Digest != accepted.Dispatch.Parts[0].Digest {
		t.Errorf("the notice %+v is not about %s", notice, accepted.Deliveries[0].ID)
	}
	sender := client(issue("H47", hub.ScopeRead, hub.ScopeCollect))
	answerBySecondProcess(t, accepted, filepath.Join(folder, "signed.pdf"), address, secret, sender)
	sendThroughTheExchange(t, vhost, secret, filepath.Join(folder, "signed.pdf"), sender)
	keepClosedYear(t, vhost, secret, filepath.Join(folder, "signed.pdf"), accepted, client(issue("H47.12", hub.ScopeSubmit, hub.ScopeRead, hub.ScopeAccounts)))
	forwardThroughTheExchange(t, vhost, secret, accepted, client(issue("H47.12.01", hub.ScopeRead, hub.ScopeCollect)))

	given, err := operator.CreateEnrolment(t.Context(), hubclient.NewEnrolment{Agency: "H47.12", Channels: []hub.EnrolmentChannel{hub.EnrolAMQP}, Contact: "Mẫu"})
	if err != nil {
		t.Fatal(err)
	}
	if out, err := exec.CommandContext(t.Context(), bin, "enrol", h.URL, given.Code, "--dir", folder).CombinedOutput(); err != nil {
		t.Fatalf("enrol: %v\n%s", err, out)
	}
	ch := agencyChannel(t, vhost, filepath.Join(folder, "amqp.secret"))
	if _, err := ch.QueueDeclarePassive(amqp.AgencyUser("H47.12"), true, false, false, false, nil); err != nil {
		t.Errorf("the password of the enrolment: %v", err)
	}
	h = killUnderTraffic(t, h, options, ch)
	if out, err := queue("revoke", "H47.12"); err != nil {
		t.Errorf("revoke: %v\n%s", err, out)
	}
	if _, err := ch.QueueDeclarePassive(amqp.AgencyUser("H47.12"), true, false, false, false, nil); err == nil {
		t.Error("what was revoked is still open")
	}
}

// readNotice reads one message as the agency's user, and looks whether it may do more.
func readNotice(t *testing.T, vhost, secretFile string) amqp.Notice {
	t.Helper()
	if _, err := agencyChannel(t, vhost, secretFile).ConsumeWithContext(t.Context(), "lienthong.work.00", "", true, false, false, false, nil); err == nil {
		t.Error("the agency's user may read the queues of the hub")
	}
	ch := agencyChannel(t, vhost, secretFile)
	defer ch.Close() // the notice goes back: the consumer finds it again
	messages, err := ch.ConsumeWithContext(t.Context(), amqp.AgencyUser("H47.12"), "", false, false, false, false, nil)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), server.Patience)
	defer cancel()
	select {
	case m := <-messages:
		var n amqp.Notice
		if err := json.Unmarshal(m.Body, &n); err != nil {
			t.Fatalf("%v: %s", err, m.Body)
		}
		return n
	case <-ctx.Done():
		t.Fatal("no notice came")
	}
	return amqp.Notice{}
}

// awaitBroker waits until the hub is connected: before, a notice would be tried again
// half a minute later.
func awaitBroker(t *testing.T, url string) {
	t.Helper()
	for deadline := time.Now().Add(server.Patience); ; time.Sleep(50 * time.Millisecond) {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url+"/readyz", nil)
		if err != nil {
			t.Fatal(err)
		}
		answer, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		var r hub.Readiness
		err = json.NewDecoder(answer.Body).Decode(&r)
		answer.Body.Close()
		if err == nil && slices.ContainsFunc(r.Checks, func(c hub.HealthCheck) bool { return c.Name == "broker" && c.State == hub.HealthSound }) &&
			len(r.Checks) > 0 && r.Checks[2].Since.Before(time.Now().Add(-time.Second)) {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("the broker is %+v", r.Checks)
		}
	}
}

// build returns the program as its users run it.
func build(t *testing.T) string {
	t.Helper()
	bin, err := program.Program()
	if err != nil {
		t.Fatal(err)
	}
	return bin
}

// sendSigned sends a file from the province to the department.
func sendSigned(t *testing.T, c *hubclient.Client, path string) hub.Accepted {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	accepted, err := c.Submit(t.Context(), hub.Submission{
		Sender: "H47", Recipients: []string{"H47.12"}, ExternalID: "queue-1", Operation: hub.OperationNew,
		Document: hub.Document{CodeNumber: "1", CodeNotation: "UBND-TN", TypeName: "Công văn", Subject: "Thử hàng đợi riêng", Promulgated: "2026-01-05"},
	}, []hubclient.File{{
		Part: hub.Part{ID: "p1", Role: hub.RoleOriginal, Name: "a.pdf", MediaType: "application/pdf", Size: info.Size()},
		Open: func() (io.ReadCloser, error) { return os.Open(path) },
	}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return accepted
}

// answerBySecondProcess runs the example consumer until the document is handed over.
func answerBySecondProcess(t *testing.T, accepted hub.Accepted, original, address, secretFile string, sender *hubclient.Client) {
	t.Helper()
	consumer, folder := filepath.Join(t.TempDir(), "consumer"), t.TempDir()
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", consumer, "./deploy/amqpconsumer").CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	u.User = nil
	cmd := exec.CommandContext(t.Context(), consumer, amqp.AgencyUser("H47.12"), folder)
	cmd.Env = append(os.Environ(), "LIENTHONG_AMQP="+u.String(), "AMQP_PASSWORD_FILE="+secretFile)
	var said bytes.Buffer
	cmd.Stderr = &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = cmd.Process.Kill(); _ = cmd.Wait() }()
	delivery := accepted.Deliveries[0].ID
	receipt := filepath.Join(folder, "acknowledge."+string(delivery)+".json")
	awaitUntil(t, "the receipt of the hand-over", func() bool { _, err := os.Stat(receipt); return err == nil })
	want, _ := os.ReadFile(original)
	got, err := os.ReadFile(filepath.Join(folder, string(delivery)+"."+accepted.Dispatch.Parts[0].ID))
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("the consumer has %d bytes of %d: %v\n%s", len(got), len(want), err, said.String())
	}
	text, _ := os.ReadFile(receipt)
	sealed, err := hub.ParseReceipt(text)
	if err != nil || sealed.Evidence.Event != hub.EventContentHandover || sealed.Evidence.Delivery != delivery {
		t.Errorf("the receipt %s: %v", text, err)
	}
	item, err := sender.Dispatch(t.Context(), accepted.Dispatch.ID)
	if err != nil || item.Deliveries[0].State != hub.StateHandedOver {
		t.Errorf("%+v, %v", item.Deliveries, err)
	}
}

// forwardThroughTheExchange hands what the agency acknowledged on to a unit of it, which has
// the same file and sees whose document it is; out of the house nothing goes.
func forwardThroughTheExchange(t *testing.T, vhost, secretFile string, accepted hub.Accepted, unit *hubclient.Client) {
	t.Helper()
	user := amqp.AgencyUser("H47.12")
	ch := agencyChannel(t, vhost, secretFile)
	defer ch.Close() // answers that come later are for others
	answers, err := ch.Consume(user+".answers", "", true, false, false, false, nil)
	if err != nil {
		t.Fatal(err)
	}
	order := func(id, recipient string) amqp091.Delivery {
		t.Helper()
		if err := ch.PublishWithContext(t.Context(), amqp.AgencyIntake("H47.12"), "", true, false, amqp091.Publishing{
			Type: "forward", MessageId: id, UserId: user, ContentType: "application/json", DeliveryMode: amqp091.Persistent,
			Body: fmt.Appendf(nil, `{"delivery":%q,"recipients":[%q],"note":"Xử lý"}`, accepted.Deliveries[0].ID, recipient),
		}); err != nil {
			t.Fatal(err)
		}
		return nextMessage(t, answers)
	}
	if a := order("f1", "H47.12"); a.Type != "problem" || !strings.Contains(string(a.Body), `"rule":"self"`) {
		t.Errorf("to itself: %s %s", a.Type, a.Body)
	}
	var first, again struct {
		Dispatch   hub.DispatchID
		Deliveries []struct{ Delivery hub.DeliveryID }
	}
	for _, got := range []any{&first, &again} {
		if a := order("f2", "H47.12.01"); a.Type != "accepted" || json.Unmarshal(a.Body, got) != nil {
			t.Fatalf("%s %s", a.Type, a.Body)
		}
	}
	if first.Dispatch != again.Dispatch {
		t.Errorf("one order, two acts: %s, %s", first.Dispatch, again.Dispatch)
	}
	items, err := unit.Lease(t.Context(), hubclient.LeaseRequest{Deliveries: []hub.DeliveryID{first.Deliveries[0].Delivery}, For: time.Minute})
	if err != nil || len(items) != 1 || items[0].Dispatch.Parts[0].Digest != accepted.Dispatch.Parts[0].Digest ||
		items[0].Dispatch.Origin == nil || items[0].Dispatch.Origin.SenderCode != "H47" {
		t.Errorf("%+v, %v", items, err)
	}
}

// keepClosedYear closes last year's registers of the agency: what it received is not entered
// into them by its messages, by number or by report, and nothing is sent under a number of that
// year, by a sealed rejection; this year everything goes on.
func keepClosedYear(t *testing.T, vhost, secretFile, original string, accepted hub.Accepted, keeper *hubclient.Client) {
	t.Helper()
	content, err := os.ReadFile(original)
	if err != nil {
		t.Fatal(err)
	}
	year := closeLastYear(t, keeper, "SNV-VP")
	user := amqp.AgencyUser("H47.12")
	ch := agencyChannel(t, vhost, secretFile)
	defer ch.Close() // answers that come later are for others
	answers, err := ch.Consume(user+".answers", "", true, false, false, false, nil)
	if err != nil {
		t.Fatal(err)
	}
	delivery := accepted.Deliveries[0].ID
	letter := func(id string, year int) string {
		return fmt.Sprintf(`{"sender":"H47.12","recipients":["H47"],"external_id":%q,"document":{"code_number":"1","code_notation":"SNV-VP","type_name":"Báo cáo","subject":"Năm đã khóa sổ","promulgated":"%d-11-30"},`+
			`"parts":[{"name":"b.pdf","media_type":"application/pdf","content":%q}]}`, id, year, base64.StdEncoding.EncodeToString(content))
	}
	for i, c := range []struct{ kind, body, answer, field string }{
		{"register", fmt.Sprintf(`{"delivery":%q,"number":"1","date":"%d-12-31"}`, delivery, year), "problem", "date"},
		{"report", fmt.Sprintf(`{"delivery":%q,"code":"03","stated_at":"%d-12-31T03:00:00Z"}`, delivery, year), "problem", "date"},
		{"submit", letter("closed", year), "problem", "document.promulgated"},
		{"submit", letter("open", year+1), "accepted", ""},
		{"register", fmt.Sprintf(`{"delivery":%q,"number":"1","date":%q}`, delivery, hub.DateOf(time.Now())), "receipt", ""},
	} {
		if err := ch.PublishWithContext(t.Context(), amqp.AgencyIntake("H47.12"), "", true, false, amqp091.Publishing{
			Type: c.kind, MessageId: fmt.Sprint("year", i), UserId: user, ContentType: "application/json", DeliveryMode: amqp091.Persistent, Body: []byte(c.body),
		}); err != nil {
			t.Fatal(err)
		}
		a := nextMessage(t, answers)
		var said struct {
			Errors  []struct{ Field, Rule string }
			Receipt *hub.SealedEvidence
		}
		if err := json.Unmarshal(a.Body, &said); err != nil || a.Type != c.answer || a.CorrelationId != fmt.Sprint("year", i) {
			t.Fatalf("%s: %s %s: %v", c.kind, a.Type, a.Body, err)
		}
		if c.field == "" {
			continue
		}
		if len(said.Errors) != 1 || said.Errors[0].Field != c.field || said.Errors[0].Rule != hub.RuleYearClosed ||
			(said.Receipt != nil) != (c.kind == "submit") {
			t.Errorf("%s in a closed year: %s", c.kind, a.Body)
		}
	}
}

// sendThroughTheExchange sends a signed file as the agency does, twice, and one message
// that cannot be read; then its recipient registers, and the agency hears of it.
func sendThroughTheExchange(t *testing.T, vhost, secretFile, original string, recipient *hubclient.Client) {
	t.Helper()
	user := amqp.AgencyUser("H47.12")
	ch := agencyChannel(t, vhost, secretFile)
	defer ch.Close() // answers that come later are for others
	content, err := os.ReadFile(original)
	if err != nil {
		t.Fatal(err)
	}
	letter := fmt.Sprintf(`{"sender":"H47.12","recipients":["H47"],"external_id":"amqp-1","document":{"code_number":"2","code_notation":"SNV-VP","type_name":"Công văn","subject":"Gửi qua hàng đợi","promulgated":"2026-01-05"},`+
		`"parts":[{"name":"b.pdf","media_type":"application/pdf","content":%q}]}`, base64.StdEncoding.EncodeToString(content))
	answers, err := ch.Consume(user+".answers", "", true, false, false, false, nil)
	if err != nil {
		t.Fatal(err)
	}
	ask := func(kind, id, body string) amqp091.Delivery {
		t.Helper()
		if err := ch.PublishWithContext(t.Context(), amqp.AgencyIntake("H47.12"), "", true, false, amqp091.Publishing{
			Type: kind, MessageId: id, UserId: user, ContentType: "application/json", DeliveryMode: amqp091.Persistent, Body: []byte(body),
		}); err != nil {
			t.Fatal(err)
		}
		return nextMessage(t, answers)
	}
	var first struct {
		Dispatch   hub.DispatchID
		Duplicate  bool
		Deliveries []struct{ Delivery hub.DeliveryID }
		Receipt    hub.SealedEvidence
	}
	for i := range 2 {
		a, got := ask("submit", "m1", letter), first
		if err := json.Unmarshal(a.Body, &got); err != nil || a.Type != "accepted" || got.Duplicate != (i == 1) ||
			got.Receipt.Evidence.Sender.Auth.Method != hub.AuthBrokerUser || i == 1 && got.Dispatch != first.Dispatch {
			t.Fatalf("%s %s: %v", a.Type, a.Body, err)
		}
		first = got
	}
	if a := ask("submit", "m2", letter[:len(letter)/2]); a.Type != "problem" || a.CorrelationId != "m2" {
		t.Errorf("half a message: %s %s", a.Type, a.Body)
	}
	items, err := recipient.Lease(t.Context(), hubclient.LeaseRequest{Deliveries: []hub.DeliveryID{first.Deliveries[0].Delivery}, For: time.Minute})
	if err != nil || len(items) != 1 || items[0].Dispatch.Parts[0].Digest != sha256.Sum256(content) {
		t.Fatalf("%+v, %v", items, err)
	}
	if _, err := recipient.ReportStatus(t.Context(), first.Deliveries[0].Delivery, hubclient.Status{Code: hub.StatusArrived}); err != nil {
		t.Fatal(err)
	}
	if a := nextMessage(t, answers); a.Type != "status" || !strings.Contains(string(a.Body), `"code":"01"`) {
		t.Errorf("%s %s", a.Type, a.Body)
	}
}

func nextMessage(t *testing.T, from <-chan amqp091.Delivery) amqp091.Delivery {
	t.Helper()
	select {
	case d := <-from:
		return d
	case <-time.After(server.Patience):
		t.Fatal("no answer came")
		return amqp091.Delivery{}
	}
}

func awaitUntil(t *testing.T, what string, there func() bool) {
	t.Helper()
	for deadline := time.Now().Add(server.Patience); !there(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("in vain waited for: %s", what)
		}
	}
}

// agencyChannel is one of the agency's user.
func agencyChannel(t *testing.T, vhost, secretFile string) *amqp091.Channel {
	t.Helper()
	secret, err := os.ReadFile(secretFile)
	if err != nil {
		t.Fatal(err)
	}
	u, err := amqp091.ParseURI(vhost)
	if err != nil {
		t.Fatal(err)
	}
	u.Username, u.Password = amqp.AgencyUser("H47.12"), strings.TrimSpace(string(secret))
	conn, err := amqp091.Dial(u.String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	ch, err := conn.Channel()
	if err != nil {
		t.Fatal(err)
	}
	return ch
}

// killUnderTraffic kills the hub while it serves what the agency sends: whatever the
// broker confirmed is accepted once when the hub is back, and answered. It returns the hub
// that is back.
func killUnderTraffic(t *testing.T, h *hubproc.Process, options hubproc.Options, ch *amqp091.Channel) *hubproc.Process {
	t.Helper()
	const letters = 40
	user := amqp.AgencyUser("H47.12")
	answers, err := ch.Consume(user+".answers", "", true, false, false, false, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := ch.Confirm(false); err != nil {
		t.Fatal(err)
	}
	for i := range letters {
		confirm, err := ch.PublishWithDeferredConfirmWithContext(t.Context(), amqp.AgencyIntake("H47.12"), "", true, false, amqp091.Publishing{
			Type: "submit", MessageId: fmt.Sprint("kill", i), UserId: user, ContentType: "application/json", DeliveryMode: amqp091.Persistent,
			Body: fmt.Appendf(nil, `{"sender":"H47.12","recipients":["H47"],"external_id":"kill-%d","document":{"code_number":"%d","code_notation":"SNV","type_name":"Công văn","subject":"Giữa chừng","promulgated":"2026-01-05"},`+
				`"parts":[{"name":"c.txt","media_type":"text/plain","content":"Y29udGVudA=="}]}`, i, i),
		})
		if err != nil || !confirm.Wait() {
			t.Fatalf("message %d is not confirmed: %v", i, err)
		}
	}
	dispatches := map[string]hub.DispatchID{} // by message
	take := func() {
		d := nextMessage(t, answers)
		var a struct{ Dispatch hub.DispatchID }
		if err := json.Unmarshal(d.Body, &a); err != nil {
			t.Fatal(err)
		}
		if d.Type != "accepted" || dispatches[d.CorrelationId] != "" && dispatches[d.CorrelationId] != a.Dispatch {
			t.Fatalf("%s of %s: %s", d.Type, d.CorrelationId, d.Body)
		}
		dispatches[d.CorrelationId] = a.Dispatch
	}
	take()
	h.Kill()
	again, err := hubproc.Start(t.Context(), options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(again.Kill)
	for len(dispatches) < letters {
		take()
	}
	made := map[hub.DispatchID]bool{}
	for _, id := range dispatches {
		made[id] = true
	}
	if len(made) != letters {
		t.Errorf("%d messages became %d dispatches", letters, len(made))
	}
	return again
}
