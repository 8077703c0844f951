package main

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
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
// notice in it and sees nothing else, and the content waits in the box until it is
// collected.
func TestAgencyWithAQueueOfItsOwn(t *testing.T) {
	if testing.Short() {
		t.Skip("a broker takes long to start")
	}
	broker := server.RabbitMQ(t)
	vhost := broker.VHost(t)
	address, passwordFile := server.Split(t, vhost)
	bin := build(t)
	h, err := hubproc.Start(t.Context(), hubproc.Options{
		Bin: bin, DataDir: t.TempDir(), Env: []string{"LIENTHONG_BROKER=" + address, "LIENTHONG_BROKER_PASSWORD_FILE=" + passwordFile},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(h.Kill)
	user, _ := broker.Login()
	secret := filepath.Join(t.TempDir(), "agency.secret")
	cmd := exec.CommandContext(t.Context(), bin, "queue", "grant", "H47.12", "--out", secret, "--management", broker.ManagementURL(),
		"--management-user", user, "--management-password-file", passwordFile, "--vhost", server.VHostOf(t, vhost))
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("grant: %v\n%s", err, out)
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
	operatorKey, err := h.OperatorKey()
	if err != nil {
		t.Fatal(err)
	}
	operator := client(operatorKey)
	list := "id,code,name,level,kind,parent_code,valid_from,valid_to,registers,email,telephone,aliases,successors,channel\n" +
		"h47,H47,UBND tỉnh Quảng Nam,province,,,,,true,,,,,\nsnv,H47.12,Sở Nội vụ (hư cấu),department,,H47,,,true,,,,,amqp\n"
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
	items, err := client(issue("H47.12", hub.ScopeCollect)).Lease(t.Context(), hubclient.LeaseRequest{Deliveries: []hub.DeliveryID{notice.Delivery}, For: time.Minute})
	if err != nil || len(items) != 1 || items[0].Delivery.State != hub.StateConsigned {
		t.Errorf("what the notice names cannot be collected: %v, %v", items, err)
	}
}

// readNotice reads one message as the agency's user, and looks whether it may do more.
func readNotice(t *testing.T, vhost, secretFile string) amqp.Notice {
	t.Helper()
	secret, err := os.ReadFile(secretFile)
	if err != nil {
		t.Fatal(err)
	}
	user := amqp.AgencyUser("H47.12")
	u, err := amqp091.ParseURI(vhost)
	if err != nil {
		t.Fatal(err)
	}
	u.Username, u.Password = user, strings.TrimSpace(string(secret))
	conn, err := amqp091.Dial(u.String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	channel := func() *amqp091.Channel {
		ch, err := conn.Channel()
		if err != nil {
			t.Fatal(err)
		}
		return ch
	}
	if _, err := channel().ConsumeWithContext(t.Context(), "lienthong.work.00", "", true, false, false, false, nil); err == nil {
		t.Error("the agency's user may read the queues of the hub")
	}
	messages, err := channel().ConsumeWithContext(t.Context(), user, "", true, false, false, false, nil)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
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
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(50 * time.Millisecond) {
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

// build builds the program as its users run it.
func build(t *testing.T) string {
	t.Helper()
	bin := filepath.Join(t.TempDir(), "lienthong")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", bin, ".").CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
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
