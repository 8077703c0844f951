package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lienthong/lienthong/adapters/hubclient"
	"github.com/lienthong/lienthong/adapters/webhook"
	"github.com/lienthong/lienthong/cmd/lienthong/internal/hubproc"
	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/hub/audit"
	"github.com/lienthong/lienthong/hub/hubtest/server"
)

// town is a hub with two agencies, as processes see it.
type town struct {
	*testing.T
	bin, data string
	options   hubproc.Options
	hub       *hubproc.Process
	folder    string // with signed.pdf
}

func newTown(t *testing.T, args ...string) *town {
	t.Helper()
	w := &town{T: t, bin: build(t), data: t.TempDir(), folder: t.TempDir()}
	w.options = hubproc.Options{Bin: w.bin, DataDir: w.data, Args: args}
	w.start()
	t.Cleanup(func() { w.hub.Kill() })
	const list = "id,code,name,level,kind,parent_code,valid_from,valid_to,registers,email,telephone,aliases,successors,channel\n" +
		"h47,H47,UBND tỉnh Quảng Nam,province,,,,,true,,,,,\nsnv,H47.12,Sở Nội vụ (hư cấu),department,,H47,,,true,,,,,\n"
	if _, err := w.client(w.operatorKey()).ImportAgencies(t.Context(), strings.NewReader(list), false); err != nil {
		t.Fatal(err)
	}
	if err := writeDocuments(w.folder); err != nil {
		t.Fatal(err)
	}
	return w
}

// start starts the hub at the address that it had before.
func (w *town) start() {
	w.Helper()
	h, err := hubproc.Start(w.Context(), w.options)
	if err != nil {
		w.Fatal(err)
	}
	w.hub, w.options.Listen = h, strings.TrimPrefix(h.URL, "http://")
}

func (w *town) operatorKey() string {
	w.Helper()
	key, err := w.hub.OperatorKey()
	if err != nil {
		w.Fatal(err)
	}
	return key
}

func (w *town) client(key string) *hubclient.Client {
	w.Helper()
	c, err := hubclient.New(hubclient.Options{URL: w.hub.URL, Key: key})
	if err != nil {
		w.Fatal(err)
	}
	w.Cleanup(c.CloseIdle)
	return c
}

func (w *town) key(agency string) string {
	w.Helper()
	issued, err := w.client(w.operatorKey()).IssueKey(w.Context(), hubclient.NewKey{
		Name: agency, Kind: hub.ActorSystem, Agencies: []string{agency}, Scopes: []hub.Scope{hub.ScopeSubmit, hub.ScopeCollect, hub.ScopeRead},
	})
	if err != nil {
		w.Fatal(err)
	}
	return issued.Secret
}

// run runs the program as a person with a key would.
func (w *town) run(key string, args ...string) (string, error) {
	cmd := exec.CommandContext(w.Context(), w.bin, args...)
	cmd.Env = append(os.Environ(), "LIENTHONG_URL="+w.hub.URL, "LIENTHONG_KEY="+key)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	if err != nil {
		return stderr.String(), err
	}
	return strings.TrimSpace(stdout.String()), nil
}

func (w *town) must(key string, args ...string) string {
	w.Helper()
	out, err := w.run(key, args...)
	if err != nil {
		w.Fatalf("%v: %v\n%s", args, err, out)
	}
	return out
}

// send sends the signed file.
func (w *town) send(key, from, to, id string) hub.Accepted {
	w.Helper()
	path := filepath.Join(w.folder, "signed.pdf")
	info, err := os.Stat(path)
	if err != nil {
		w.Fatal(err)
	}
	accepted, err := w.client(key).Submit(w.Context(), hub.Submission{
		Sender: from, Recipients: []string{to}, ExternalID: id, Operation: hub.OperationNew,
		Document: hub.Document{CodeNumber: id, CodeNotation: "UBND-TN", TypeName: "Công văn", Subject: "Thử kênh " + id, Promulgated: "2026-01-05"},
	}, []hubclient.File{{
		Part: hub.Part{ID: "p1", Role: hub.RoleOriginal, Name: "a.pdf", MediaType: "application/pdf", Size: info.Size()},
		Open: func() (io.ReadCloser, error) { return os.Open(path) },
	}}, nil)
	if err != nil {
		w.Fatal(err)
	}
	return accepted
}

func (w *town) signed() []byte {
	w.Helper()
	content, err := os.ReadFile(filepath.Join(w.folder, "signed.pdf"))
	if err != nil {
		w.Fatal(err)
	}
	return content
}

// await waits until something is so.
func (w *town) await(what string, so func() bool) {
	w.Helper()
	for deadline := time.Now().Add(server.Patience); !so(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			w.Fatalf("in vain waited for: %s\n%s", what, w.troubles())
		}
	}
}

func (w *town) awaitState(key string, a hub.Accepted, state hub.DeliveryState) {
	w.Helper()
	c := w.client(key)
	w.await(string(state), func() bool {
		item, err := c.Dispatch(w.Context(), a.Dispatch.ID)
		return err == nil && item.Deliveries[0].State == state
	})
}

// certificate writes one of 127.0.0.1 and its key.
func certificate(t *testing.T) (cert, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	cert, key = filepath.Join(folder, "cert.pem"), filepath.Join(folder, "key.pem")
	for path, block := range map[string]*pem.Block{cert: {Type: "CERTIFICATE", Bytes: der}, key: {Type: "PRIVATE KEY", Bytes: pkcs8}} {
		if err := os.WriteFile(path, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return cert, key
}

// receiver builds the program of the guide.
func receiver(t *testing.T) string {
	t.Helper()
	page, err := os.ReadFile(filepath.Join("deploy", "connect-webhook.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(page), "```go\n")
	program, _, found := strings.Cut(rest, "\n```")
	if !found {
		t.Fatal("the guide has no program")
	}
	folder := t.TempDir()
	if err := os.WriteFile(filepath.Join(folder, "receiver.go"), []byte(program+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "go", "build", "-o", "receiver", "receiver.go")
	cmd.Dir = folder
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("build the receiver: %v\n%s", err, out)
	}
	return filepath.Join(folder, "receiver")
}

// spawn starts a program and waits for its first line.
func spawn(t *testing.T, bin string, env ...string) (line string, kill func()) {
	t.Helper()
	cmd := exec.CommandContext(context.WithoutCancel(t.Context()), bin)
	cmd.Env, cmd.Stderr = append(os.Environ(), env...), os.Stderr
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := false
	kill = func() {
		if !ended {
			ended = true
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
		}
	}
	t.Cleanup(kill)
	line, err = bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		t.Fatalf("%s does not start: %v", bin, err)
	}
	return strings.TrimSpace(line), kill
}

// freeAddress is one that nobody listens at just now.
func freeAddress(t *testing.T) string {
	t.Helper()
	return server.FreeAddresses(t, 1)[0]
}

// TestWebhook: the receiver of the guide, a process of its own, gets a signed document
// both ways over TLS; what happens while it or the hub is away comes later, and once.
func TestWebhook(t *testing.T) {
	t.Parallel()
	cert, certKey := certificate(t)
	w := newTown(t, "--webhook-network", "127.0.0.0/8", "--webhook-ca", cert)
	province, department := w.key("H47"), w.key("H47.12")

	for _, bad := range []string{"http://127.0.0.1/", "https://169.254.169.254/latest/meta-data", "https://u:p@qlvb.xa.example/", "qlvb"} {
		if out, err := w.run(department, "subscription", "create", "--webhook", bad); err == nil || !strings.Contains(out, "target") {
			t.Errorf("%s: %v %s", bad, err, out)
		}
	}
	address, secret, box := freeAddress(t), filepath.Join(t.TempDir(), "hook.secret"), t.TempDir()
	id := w.must(department, "subscription", "create", "--webhook", "https://"+address+"/lienthong", "--out", secret)
	if out, err := w.run(province, "subscription", "remove", id); err == nil {
		t.Errorf("a stranger removed the subscription: %s", out)
	}

	first := w.send(province, "H47", "H47.12", "1") // nobody listens yet
	w.await("a failure", func() bool { return strings.Contains(w.must(department, "subscription", "list"), "failing since") })
	if out, err := w.run(department, "subscription", "test", id); err == nil || !strings.Contains(out, "cannot be reached") {
		t.Errorf("a test of nobody: %v %s", err, out)
	}
	env := []string{"HUB=" + w.hub.URL, "KEY=" + department, "SECRET_FILE=" + secret, "FOLDER=" + box, "LISTEN=" + address, "CERT=" + cert, "CERT_KEY=" + certKey}
	program := receiver(t)
	_, kill := spawn(t, program, env...)
	w.must(department, "subscription", "test", id)
	w.must(department, "subscription", "resume", id)
	w.awaitState(province, first, hub.StateHandedOver)
	got, err := os.ReadFile(filepath.Join(box, string(first.Deliveries[0].ID)+".p1"))
	if err != nil || !bytes.Equal(got, w.signed()) {
		t.Errorf("the receiver has other bytes: %v", err)
	}

	kill() // -9, and the hub with it, in the middle of whatever
	second := w.send(province, "H47", "H47.12", "2")
	w.hub.Kill()
	w.start()
	marks, err := filepath.Glob(filepath.Join(box, "*.done"))
	if err != nil {
		t.Fatal(err)
	}
	for _, mark := range marks { // as a kill right behind an acknowledgement leaves it
		if err := os.Remove(mark); err != nil {
			t.Fatal(err)
		}
	}
	w.must(department, "subscription", "replay", id, "--since", "2020-01-01T00:00:00Z")
	_, kill = spawn(t, program, env...)
	w.must(department, "subscription", "resume", id)
	w.awaitState(province, second, hub.StateHandedOver)
	w.await("every call to be settled", func() bool {
		return w.must(department, "subscription", "pushes", id, "--state", "waiting", "--json") == "[]"
	})
	if files, err := filepath.Glob(filepath.Join(box, "*.p1")); err != nil || len(files) != 2 {
		t.Errorf("the receiver keeps %v, want each document once", files)
	}

	back := w.send(department, "H47.12", "H47", "3")
	if items, err := w.client(province).Lease(t.Context(), hubclient.LeaseRequest{Deliveries: []hub.DeliveryID{back.Deliveries[0].ID}, For: time.Minute}); err != nil || len(items) != 1 {
		t.Errorf("the way back: %v, %v", items, err)
	}
	w.refuses(address, cert, secret)
	kill()
	if out := w.must(w.operatorKey(), "subscription", "list"); !strings.Contains(out, id) {
		t.Errorf("the operator does not see the subscription: %s", out)
	}
}

// TestNobodyToTell: what waits for an agency whose web server is gone has on record, for
// both sides, that the agency was not told and why, also what comes later and over a kill
// of the hub; once, without the address, in receipts that verify. It is told as soon as
// somebody listens, and collected all the same.
func TestNobodyToTell(t *testing.T) {
	t.Parallel()
	cert, certKey := certificate(t)
	pair, err := tls.LoadX509KeyPair(cert, certKey)
	if err != nil {
		t.Fatal(err)
	}
	var heard atomic.Int64
	var open atomic.Bool
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(answer http.ResponseWriter, _ *http.Request) {
		if heard.Add(1); !open.Load() {
			answer.WriteHeader(http.StatusGone)
		}
	}))
	server.TLS = &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12}
	server.StartTLS()
	t.Cleanup(server.Close)
	w := newTown(t, "--webhook-network", "127.0.0.0/8", "--webhook-ca", cert)
	province, department := w.key("H47"), w.key("H47.12")
	id := w.must(department, "subscription", "create", "--webhook", server.URL+"/secret-path", "--out", filepath.Join(t.TempDir(), "hook.secret"))
	untold := func(key string, a hub.Accepted) []hub.SealedEvidence {
		list, err := w.client(key).DispatchEvidence(t.Context(), a.Dispatch.ID, hub.Page{Limit: 100})
		if err == nil {
			err = audit.CheckChain(list.Items)
		}
		if err != nil {
			t.Fatal(err)
		}
		return slices.DeleteFunc(list.Items, func(e hub.SealedEvidence) bool { return e.Evidence.Event != hub.EventNotificationFailure })
	}
	first := w.send(province, "H47", "H47.12", "1")
	w.await("the first to be on record", func() bool { return len(untold(province, first)) == 1 })
	second := w.send(province, "H47", "H47.12", "2")
	w.await("the second to be on record", func() bool { return len(untold(department, second)) == 1 })
	w.hub.Kill()
	w.start()
	third := w.send(province, "H47", "H47.12", "3")
	w.await("the third to be on record", func() bool { return len(untold(province, third)) == 1 })
	for _, a := range []hub.Accepted{first, second, third} {
		list := untold(department, a)
		e := &list[0]
		if len(list) != 1 || e.Evidence.Reasons[0].Code != hub.ReasonUnreachable || strings.Contains(string(e.Canonical), "secret-path") {
			t.Errorf("%d on record: %s", len(list), e.Canonical)
		}
	}
	if n := heard.Load(); n != 1 {
		t.Errorf("what is gone was called %d times", n)
	}
	folder := t.TempDir()
	w.must(province, "receipt", string(first.Dispatch.ID), "--dir", folder)
	receipts, err := filepath.Glob(filepath.Join(folder, "*.json"))
	if err != nil || len(receipts) != 3 {
		t.Fatal(receipts, err)
	}
	anchors := filepath.Join(w.data, "hub-certificate.pem")
	if out := w.must("", append([]string{"verify", "--anchors", anchors}, receipts...)...); !strings.Contains(out, "consigned, 3 receipts in an unbroken chain") {
		t.Errorf("the receipts: %s", out)
	}
	open.Store(true)
	w.must(department, "subscription", "resume", id)
	w.await("all to be told", func() bool { return heard.Load() == 4 })
	item, err := w.client(province).Dispatch(t.Context(), first.Dispatch.ID)
	if err != nil || item.Deliveries[0].UntoldAt.IsZero() || item.Deliveries[0].State != hub.StateConsigned {
		t.Errorf("%+v, %v", item.Deliveries, err)
	}
	if n := len(untold(department, first)); n != 1 {
		t.Errorf("%d on record", n)
	}
}

// refuses shows that the receiver takes nothing that the hub did not sign just now.
func (w *town) refuses(address, cert, secretFile string) {
	w.Helper()
	text, err := os.ReadFile(secretFile)
	if err != nil {
		w.Fatal(err)
	}
	secret, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(strings.TrimSpace(string(text)), "whsec_"))
	if err != nil {
		w.Fatal(err)
	}
	roots, err := os.ReadFile(cert)
	if err != nil {
		w.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(roots)
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}, DisableKeepAlives: true}}
	body, other := []byte(`{"type":"test"}`), sha256.Sum256(nil)
	foreign := []byte(`{"type":"delivery.waiting","data":{"event":"ContentConsignment","delivery":{"id":"019b0000-0000-7000-8000-00000000ffff"}}}`)
	large := append(bytes.Repeat([]byte(" "), 17<<20), body...)
	for name, c := range map[string]struct {
		secret       []byte
		at           time.Time
		signed, sent []byte
		want         int
	}{
		"a right one":           {secret, time.Now(), body, body, 200},
		"another secret":        {other[:], time.Now(), body, body, 401},
		"an old one":            {secret, time.Now().Add(-10 * time.Minute), body, body, 401},
		"another body":          {secret, time.Now(), body, []byte(`{"type":"test" }`), 401},
		"half a body":           {secret, time.Now(), body, body[:8], 401},
		"a large one":           {secret, time.Now(), large, large, 401},
		"no JSON, and signed":   {secret, time.Now(), body[:8], body[:8], 503}, // the hub says it again, and then sets it aside
		"a type that is new":    {secret, time.Now(), []byte(`{"type":"news"}`), []byte(`{"type":"news"}`), 200},
		"a delivery of another": {secret, time.Now(), foreign, foreign, 503},
	} {
		r, err := http.NewRequestWithContext(w.Context(), http.MethodPost, "https://"+address+"/lienthong", bytes.NewReader(c.sent))
		if err != nil {
			w.Fatal(err)
		}
		id := strings.ReplaceAll(name, " ", "-") // what has been done is not looked at again
		r.Header.Set("webhook-id", id)
		r.Header.Set("webhook-timestamp", big.NewInt(c.at.Unix()).String())
		r.Header.Set("webhook-signature", webhook.Sign([][]byte{c.secret}, id, c.at, c.signed))
		answer, err := client.Do(r)
		if err != nil {
			w.Fatal(err)
		}
		answer.Body.Close()
		if answer.StatusCode != c.want {
			w.Errorf("%s: %d, want %d", name, answer.StatusCode, c.want)
		}
	}
}

// troubles are the lines of the hub's log that are no requests.
func (w *town) troubles() string {
	var lines []string
	for line := range strings.Lines(w.hub.Log()) {
		if !strings.Contains(line, "msg=request") {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, "")
}
