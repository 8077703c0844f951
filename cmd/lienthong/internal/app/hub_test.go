package app_test

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/lienthong/lienthong/adapters/hubclient"
	"github.com/lienthong/lienthong/cmd/lienthong/internal/app"
	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/hub/accounts"
	"github.com/lienthong/lienthong/hub/hubtest/server"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	sender    = "000.00.00.H47"
	recipient = "000.00.12.H47"
	agencies  = `id,code,name,level,kind,parent_code,valid_from,valid_to,registers,email,telephone,aliases,successors
h47,000.00.00.H47,UBND tỉnh Quảng Nam,province,,,,,true,,,H47,
snv,000.00.12.H47,Sở Nội vụ (hư cấu),department,,000.00.00.H47,,,true,,,H47.12,
`
)

// configAtAxis is for a hub that is a member of an axis which never answers.
func configAtAxis(t *testing.T) app.Config {
	t.Helper()
	config := configIn(t.TempDir())
	config.Axis, config.AxisSystem, config.AxisSecretFile = "http://127.0.0.1:1/vxp", "H47", filepath.Join(t.TempDir(), "secret")
	config.AxisPoll, config.AxisPatience = time.Minute, time.Minute
	if err := os.WriteFile(config.AxisSecretFile, []byte("secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	return config
}

func configIn(dir string) app.Config {
	return app.Config{
		DataDir: dir, Listen: "127.0.0.1:0", Name: "test", SignaturePolicy: string(hub.PolicyRecord),
		TimeToLive: hub.NewTerms(time.Hour), MaxRecipients: 5, StopLimit: 30 * time.Second,
		PasswordCost: accounts.Cost{Memory: 64, Passes: 1}, // they are made by the hundred
	}
}

// testHub is a running hub.
type testHub struct {
	*app.App
	config app.Config
	stop   func() error // stops, closes, and returns what Run and Close returned; once
}

func start(t *testing.T, config app.Config) *testHub {
	t.Helper()
	return startTelling(t, config, slog.New(slog.DiscardHandler))
}

// startTelling is start with a log of events.
func startTelling(t *testing.T, config app.Config, log *slog.Logger) *testHub {
	t.Helper()
	a, err := app.New(t.Context(), config, "test", log)
	if err != nil {
		t.Fatal(err)
	}
	running, end := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- a.Run(running) }()
	h := &testHub{App: a, config: config, stop: sync.OnceValue(func() error {
		end()
		if err := <-ended; err != nil {
			return err
		}
		return a.Close()
	})}
	t.Cleanup(func() {
		if err := h.stop(); err != nil {
			t.Errorf("the hub did not stop cleanly: %v", err)
		}
	})
	return h
}

func (h *testHub) client(t *testing.T, key string) *hubclient.Client {
	t.Helper()
	c, err := hubclient.New(hubclient.Options{URL: h.URL(), Key: key})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.CloseIdle)
	return c
}

func (h *testHub) operatorKey(t *testing.T) string {
	t.Helper()
	key, err := os.ReadFile(h.config.OperatorKeyFile())
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(key))
}

// enroll imports the agencies and returns keys of sender and recipient.
func (h *testHub) enroll(t *testing.T) (senderKey, recipientKey string) {
	t.Helper()
	operator := h.client(t, h.operatorKey(t))
	if _, err := operator.ImportAgencies(t.Context(), strings.NewReader(agencies), false); err != nil {
		t.Fatal(err)
	}
	issue := func(code string) string {
		issued, err := operator.IssueKey(t.Context(), hubclient.NewKey{
			Name: code, Kind: hub.ActorSystem, Agencies: []string{code},
			Scopes: []hub.Scope{hub.ScopeSubmit, hub.ScopeCollect, hub.ScopeRead, hub.ScopeVerify, hub.ScopeFigures},
		})
		if err != nil {
			t.Fatal(err)
		}
		return issued.Secret
	}
	return issue(sender), issue(recipient)
}

// closedAgency imports an agency that closed and whose successor is the recipient, and
// returns its code.
func (h *testHub) closedAgency(t *testing.T) string {
	t.Helper()
	list := "id,code,name,level,kind,parent_code,valid_from,valid_to,registers,email,telephone,aliases,successors\n" +
		"snv-cu,000.00.82.H47,Sở Cũ (hư cấu),department,,000.00.00.H47,,2025-07-01,true,,,," + recipient + "\n"
	if _, err := h.client(t, h.operatorKey(t)).ImportAgencies(t.Context(), strings.NewReader(list), false); err != nil {
		t.Fatal(err)
	}
	return "000.00.82.H47"
}

// administratorKey returns a key that keeps what belongs to the sender.
func (h *testHub) administratorKey(t *testing.T) string {
	t.Helper()
	issued, err := h.client(t, h.operatorKey(t)).IssueKey(t.Context(), hubclient.NewKey{
		Name: "administrator", Kind: hub.ActorSystem, Agencies: []string{sender}, Scopes: []hub.Scope{hub.ScopeAccounts},
	})
	if err != nil {
		t.Fatal(err)
	}
	return issued.Secret
}

func submission(id string) hub.Submission {
	return hub.Submission{
		Sender: sender, Recipients: []string{recipient}, ExternalID: id, Key: id, Operation: hub.OperationNew,
		Document: hub.Document{
			CodeNumber: "173", CodeNotation: "UBND-KSTTHC", TypeName: "Công văn",
			Subject: "V/v cải cách hành chính", Promulgated: "2020-01-10",
		},
	}
}

func original(content string) []hubclient.File {
	return []hubclient.File{{
		Part: hub.Part{ID: "p1", Role: hub.RoleOriginal, Name: "173.txt", MediaType: "text/plain", Size: int64(len(content))},
		Open: func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(content)), nil },
	}}
}

// arrived waits until something waits in the box.
func arrived(t *testing.T, c *hubclient.Client) []hub.Item {
	t.Helper()
	for deadline := time.Now().Add(server.Patience); ; {
		list, err := c.Mailbox(t.Context(), hubclient.MailboxQuery{Wait: 30 * time.Second})
		if len(list.Items) > 0 {
			return list.Items
		}
		if err != nil || time.Now().After(deadline) {
			t.Fatalf("nothing arrived: %v", err)
		}
	}
}

func TestRestartKeepsEverything(t *testing.T) {
	t.Parallel()
	config := configIn(t.TempDir())
	h := start(t, config)
	senderKey, recipientKey := h.enroll(t)
	first, err := h.client(t, senderKey).Submit(t.Context(), submission("a"), original("Nội dung."), nil)
	if err != nil {
		t.Fatal(err)
	}
	box := h.client(t, recipientKey)
	arrived(t, box)
	items, err := box.Lease(t.Context(), hubclient.LeaseRequest{Max: 1, For: time.Hour})
	if err != nil || len(items) != 1 {
		t.Fatalf("%d leased, %v", len(items), err)
	}
	var content bytes.Buffer
	digest, err := box.Part(t.Context(), first.Dispatch.ID, items[0].Dispatch.Parts[0], &content, nil)
	if err != nil || content.String() != "Nội dung." {
		t.Fatalf("collected %q, %v", &content, err)
	}
	if err := h.stop(); err != nil {
		t.Fatal(err)
	}

	h = start(t, config)
	again, err := h.client(t, senderKey).Submit(t.Context(), submission("a"), original("Nội dung."), nil)
	if err != nil {
		t.Fatal(err)
	}
	if !again.Duplicate || again.Dispatch.ID != first.Dispatch.ID ||
		!bytes.Equal(hub.MarshalReceipt(again.Receipt), hub.MarshalReceipt(first.Receipt)) {
		t.Errorf("sent again after a restart:\n%s\nfirst\n%s", hub.MarshalReceipt(again.Receipt), hub.MarshalReceipt(first.Receipt))
	}
	// The lease, its fence and the box survive as well.
	box = h.client(t, recipientKey)
	receipt, err := box.Acknowledge(t.Context(), items[0].Delivery.ID, items[0].Delivery.Lease.Fence, map[string]hub.Digest{"p1": digest})
	if err != nil || receipt.Evidence.Event != hub.EventContentHandover {
		t.Fatalf("acknowledged with the lease from before: %s, %v", receipt.Evidence.Event, err)
	}
	list, err := h.client(t, senderKey).DispatchEvidence(t.Context(), first.Dispatch.ID, hub.Page{Limit: 10})
	if err != nil || len(list.Items) != 3 {
		t.Errorf("%d evidences, want acceptance, consignment, hand-over: %v", len(list.Items), err)
	}
}

// What was accepted and not yet carried when the process ended is carried by the
// next one: the queue in memory is not the truth.
func TestAcceptedBeforeAStopIsDeliveredAfterIt(t *testing.T) {
	t.Parallel()
	config := configIn(t.TempDir())
	h := start(t, config)
	senderKey, recipientKey := h.enroll(t)
	client := h.client(t, senderKey)
	const count = 20
	for i := range count {
		if _, err := client.Submit(t.Context(), submission(string(rune('a'+i))), original("x"), nil); err != nil {
			t.Fatal(err)
		}
	}
	if err := h.stop(); err != nil {
		t.Fatal(err)
	}
	h = start(t, config)
	box := h.client(t, recipientKey)
	for taken := 0; taken < count; {
		arrived(t, box)
		items, err := box.Lease(t.Context(), hubclient.LeaseRequest{Max: count, For: time.Hour})
		if err != nil {
			t.Fatal(err)
		}
		for _, item := range items {
			if _, err := box.Refuse(t.Context(), item.Delivery.ID, item.Delivery.Lease.Fence, hub.Reason{Code: hub.ReasonOther, Detail: "thử"}); err != nil {
				t.Fatal(err)
			}
		}
		taken += len(items)
	}
}

func TestOneProcessPerFolder(t *testing.T) {
	t.Parallel()
	h := start(t, configIn(t.TempDir()))
	_, err := app.New(t.Context(), h.config, "test", slog.New(slog.DiscardHandler))
	if v := hub.ViolationsOf(err); len(v) != 1 || v[0].Kind != hub.KindConflict || v[0].Rule != "in_use" {
		t.Errorf("a second hub on the same folder: %v", err)
	}
}

// A start that fails gives back what it had taken.
func TestFailedStartLeavesNothingBehind(t *testing.T) {
	t.Parallel()
	other := start(t, configIn(t.TempDir()))
	config := configIn(t.TempDir())
	config.Listen = strings.TrimPrefix(other.URL(), "http://")
	_, err := app.New(t.Context(), config, "test", slog.New(slog.DiscardHandler))
	if v := hub.ViolationsOf(err); len(v) != 1 || v[0].Field != "listen" {
		t.Fatalf("listening on a taken port: %v", err)
	}
	config.Listen = "127.0.0.1:0"
	if err := start(t, config).stop(); err != nil {
		t.Error(err)
	}
}

func TestConfigCheckNamesEveryFault(t *testing.T) {
	t.Parallel()
	good := configIn(t.TempDir())
	if err := good.Check(); err != nil {
		t.Fatalf("a good configuration: %v", err)
	}
	file := filepath.Join(t.TempDir(), "file.pem")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name  string
		spoil func(*app.Config)
		want  []string // field and rule
	}{
		{"no port", func(c *app.Config) { c.Listen = "127.0.0.1" }, []string{"listen address"}},
		{"a name to listen on", func(c *app.Config) { c.Listen = "hub.example.vn:443" }, []string{"listen address"}},
		{"certificate without key", func(c *app.Config) { c.TLSCert = file }, []string{"tls-cert pair"}},
		{"key without certificate", func(c *app.Config) { c.TLSKey = file }, []string{"tls-cert pair"}},
		{"TLS twice", func(c *app.Config) { c.TLSCert, c.TLSKey, c.BehindProxy = file, file, true }, []string{"behind-proxy exclusive", "tls-cert pem"}},
		{"absent files", func(c *app.Config) { c.TLSCert, c.TLSKey, c.Anchors = "a", "b", "c" }, []string{"tls-cert file", "anchors file"}},
		{"an absent key", func(c *app.Config) { c.TLSCert, c.TLSKey = file, "b" }, []string{"tls-key file"}},
		{"empty files", func(c *app.Config) { c.TLSCert, c.TLSKey, c.Anchors = file, file, file }, []string{"tls-cert pem", "anchors pem"}},
		{"names", func(c *app.Config) { c.Name = "trục liên thông" }, []string{"name hub_name"}},
		{"no name", func(c *app.Config) { c.Name = "" }, []string{"name hub_name"}},
		{"publishers", func(c *app.Config) { c.ProcedurePublishers = []string{"H47", "Bộ Tư pháp"} }, []string{"procedure-publishers grammar"}},
		{"a portal in plain HTTP", func(c *app.Config) { c.PortalListen = "0.0.0.0:0" }, []string{"portal-listen plain"}},
		{"a portal of a name in plain HTTP", func(c *app.Config) { c.PortalListen = ":80" }, []string{"portal-listen plain"}},
		{"a portal behind a proxy", func(c *app.Config) { c.PortalListen, c.BehindProxy = "0.0.0.0:0", true }, nil},
		{"a portal without a port", func(c *app.Config) { c.PortalListen = "127.0.0.1" }, []string{"portal-listen address"}},
		{"a portal with half a certificate", func(c *app.Config) { c.PortalTLSCert = file }, []string{"portal-tls-cert pair"}},
		{"a portal with no certificate", func(c *app.Config) { c.PortalTLSCert, c.PortalTLSKey = file, file }, []string{"portal-tls-cert pem"}},
		{"a portal elsewhere", func(c *app.Config) { c.PortalURL = "dichvucong.example.vn" }, []string{"portal-url url"}},
		{"a portal at a secret", func(c *app.Config) { c.PortalURL = "https://dichvucong.example.vn/#x" }, []string{"portal-url url"}},
		{"proxies of a portal", func(c *app.Config) { c.PortalProxies = []string{"10.0.0.0/8", "::1", "proxy.example.vn"} }, []string{"portal-proxies address"}},
		{"limits", func(c *app.Config) { c.TimeToLive, c.MaxRecipients = hub.NewTerms(time.Second), 0 }, []string{"time-to-live minimum", "max-recipients minimum"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := good
			tt.spoil(&c)
			var got []string
			for _, v := range hub.ViolationsOf(c.Check()) {
				got = append(got, v.Field+" "+v.Rule)
			}
			if strings.Join(got, ", ") != strings.Join(tt.want, ", ") {
				t.Errorf("got %v, want %v", got, tt.want)
			}
		})
	}
}
