package demo_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/smtp"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	amqp091 "github.com/rabbitmq/amqp091-go"
	"go.uber.org/goleak"

	"github.com/lienthong/lienthong/adapters/hubclient"
	"github.com/lienthong/lienthong/adapters/lgsp"
	"github.com/lienthong/lienthong/adapters/vxp"
	"github.com/lienthong/lienthong/adapters/webhook"
	"github.com/lienthong/lienthong/cmd/lienthong/internal/app"
	"github.com/lienthong/lienthong/cmd/lienthong/internal/demo"
	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/signing/pki"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// loopback is where the hubs of tests listen.
const loopback = "127.0.0.1:0"

// startHub returns the Start of a real hub in this process that stops with the
// test; front may put something between it and the demonstration.
func startHub(t *testing.T, front func(t *testing.T, hubURL string) string) func(context.Context, app.Config) (demo.Hub, error) {
	return func(ctx context.Context, config app.Config) (demo.Hub, error) {
		config.SignaturePolicy = string(hub.PolicyEnforce)
		a, err := app.New(ctx, config, "test", slog.New(slog.DiscardHandler))
		if err != nil {
			return demo.Hub{}, err
		}
		running, end := context.WithCancel(context.WithoutCancel(ctx))
		ended := make(chan error, 1)
		go func() { ended <- a.Run(running) }()
		t.Cleanup(func() {
			end()
			if err := <-ended; err != nil {
				t.Errorf("the hub ended with: %v", err)
			}
			if err := a.Close(); err != nil {
				t.Errorf("close: %v", err)
			}
		})
		address := a.URL()
		if front != nil && config.Axis != "" { // that of the province
			address = front(t, address)
		}
		return demo.HubOf(&config, address, a.PortalURL())
	}
}

// folderFile is demo.json as a script reads it.
type folderFile struct {
	URL, API, Docs, Anchors string
	Accounts                *json.RawMessage
	Hub                     struct {
		Operator struct {
			KeyFile string `json:"key_file"`
			Key     string
		}
	}
	Agencies []struct {
		ID, Name, Level string
		Codes           []string
		Credentials     map[string]struct {
			KeyFile string `json:"key_file"`
			Key     string
		}
	}
	Procedures struct {
		Decision string
		InForce  string `json:"in_force"`
		Lapsed   string
		LapsedAt time.Time `json:"lapsed_at"`
	}
	Report struct {
		ID, SHA256 string
		Units      int
		Files      []string
	}
	Evaluation struct {
		Table, Score string
		Units        int
		Late, Files  []string
	}
	Inspection struct {
		ID, State, Outcome string
		InTime             bool `json:"answered_in_time"`
		Surprise           int
	}
	Dossier struct {
		Number     string
		Timeliness string
		Letter     int
		Bill       string
		Portal     string
		Secret     string
	}
	Dispatches []struct {
		ID                   string
		Receipts, Recipients int
	}
	LGSP struct {
		API    string
		Client struct {
			Key    string `json:"consumer_key"`
			Secret string `json:"consumer_secret"`
			Units  []struct {
				Agency string
				Secret string `json:"unit_secret"`
			}
		}
		Package string
	}
	Drop struct {
		Agency, Folder, In, Out, Sent string
		KeyFile                       string `json:"key_file"`
	}
	Webhook struct {
		Agency, Subscription, URL string
		SecretFile                string `json:"secret_file"`
		Certificate               string `json:"certificate_file"`
		Key                       string `json:"certificate_key_file"`
		Message                   string `json:"message_file"`
		Paused                    bool
	}
	Mail struct {
		Agency, Subscription, Address, Server string
		Message                               string `json:"message_file"`
		Paused                                bool
	}
	Nation struct {
		URL string
		Hub struct {
			Operator struct{ Key string }
		}
		Axis struct {
			Endpoint   string
			System     string `json:"system_id"`
			SecretFile string `json:"secret_file"`
		}
		Agency struct {
			Code, Name, Key string
			KeyFile         string `json:"key_file"`
		}
		Sent struct{ Up, Down hub.DispatchID }
	}
	AMQP struct {
		Agency, URL, User, Exchange, Answers string
		PasswordFile                         string `json:"password_file"`
		LeftOut                              string `json:"left_out"`
	}
	VXP struct {
		Endpoint, Package string
		Systems           []struct {
			ID       string `json:"system_id"`
			Secret   string
			Agencies []string
		}
	}
}

// TestRun plays the whole demonstration once, looks at what it left, and then
// damages copies of it in every way that must be noticed.
func TestRun(t *testing.T) {
	t.Parallel() // half of it waits
	dir := filepath.Join(t.TempDir(), "demo")
	var board, progress bytes.Buffer
	result, err := demo.Run(t.Context(), demo.Options{Dir: dir, Listen: loopback, NoBroker: "no broker in this test", Start: startHub(t, nil), Out: &board, Err: &progress})
	if err != nil {
		t.Fatalf("%v\n%s", err, progress.String())
	}
	if len(result.Failed) > 0 || result.Checks < 1000 || result.Receipts < 150 || len(result.Board) != 22 {
		t.Errorf("%d checks, %d failed, %d receipts, %d documents", result.Checks, len(result.Failed), result.Receipts, len(result.Board))
	}
	t.Run("files", func(t *testing.T) { checkFiles(t, dir) })
	t.Run("demo.json", func(t *testing.T) { checkManifest(t, dir) })
	t.Run("pages", func(t *testing.T) { checkPages(t, dir) })
	t.Run("outcome", func(t *testing.T) { checkOutcome(t, &result) })
	t.Run("board", func(t *testing.T) { checkBoard(t, board.String()) })
	t.Run("verify again", func(t *testing.T) {
		proof, err := demo.VerifyFolder(t.Context(), dir)
		if err != nil || len(proof.Failed) > 0 || proof.Receipts != result.Receipts {
			t.Errorf("%d receipts, failed: %v, %v", proof.Receipts, proof.Failed, err)
		}
	})
	t.Run("tampered", func(t *testing.T) { checkTampered(t, dir) })
}

// TestRunOverBroker plays it with a broker of its own: a commune receives and answers over
// RabbitMQ, its password opens its queues, and nothing of the broker is left.
func TestRunOverBroker(t *testing.T) {
	t.Parallel() // half of it waits
	own, err := demo.StartRabbitMQ(t.Context(), filepath.Join(t.TempDir(), "rabbitmq"))
	if errors.Is(err, demo.ErrNoRabbitMQ) && os.Getenv("CI") != "true" {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(own.Stop) // where the test ends before it stops it; the hub works on without it
	dir := filepath.Join(t.TempDir(), "demo")
	var progress bytes.Buffer
	result, err := demo.Run(t.Context(), demo.Options{Dir: dir, Listen: loopback, Broker: &own.Broker, Start: startHub(t, nil), Out: io.Discard, Err: &progress})
	if err != nil {
		t.Fatalf("%v\n%s", err, progress.String())
	}
	numbers := map[string]demo.Sheet{}
	for _, sheet := range result.Board {
		numbers[sheet.Number] = sheet
	}
	for _, number := range []string{"183/UBND-KSTTHC", "16/UBND-VP"} {
		if rows := numbers[number].Rows; len(rows) != 1 || rows[0].State != hub.StateAccepted || !rows[0].Verified || rows[0].Signatures != "2/2" {
			t.Errorf("%s: %+v", number, rows)
		}
	}
	var m folderFile
	if err := json.Unmarshal(read(t, filepath.Join(dir, "demo.json")), &m); err != nil {
		t.Fatal(err)
	}
	dial := func(password string) error {
		c, err := amqp091.DialConfig(m.AMQP.URL, amqp091.Config{SASL: []amqp091.Authentication{&amqp091.PlainAuth{Username: m.AMQP.User, Password: password}}})
		if err == nil {
			err = c.Close()
		}
		return err
	}
	password := strings.TrimSpace(string(read(t, m.AMQP.PasswordFile)))
	if err := dial(password); err != nil || m.AMQP.Agency != "000.01.33.H47" || m.AMQP.LeftOut != "" {
		t.Errorf("demo.json says %+v: %v", m.AMQP, err)
	}
	if dial(password+"x") == nil {
		t.Error("any password opens the queues")
	}
	own.Stop()
	if dial(password) == nil {
		t.Error("the broker is still there")
	}
}

func TestBrokerAt(t *testing.T) {
	for address, want := range map[string]demo.Broker{
		"amqp://admin:secret@mq.example:5673/demo": {URL: "amqp://mq.example:5673/demo", Management: "http://mq.example:15672", User: "admin", Password: "secret"},
		"amqps://admin:secret@mq.example/":         {URL: "amqps://mq.example/", Management: "https://mq.example:15671", User: "admin", Password: "secret"},
	} {
		if got, err := demo.BrokerAt(address, ""); err != nil || *got != want {
			t.Errorf("%s: %+v, %v", address, got, err)
		}
	}
	if got, err := demo.BrokerAt("amqp://a:b@h/", "https://m:1"); err != nil || got.Management != "https://m:1" {
		t.Errorf("%+v, %v", got, err)
	}
	for _, wrong := range []string{"mq.example", "http://a:b@mq.example", "amqp://mq.example/", "amqp://a:b@/", "none "} {
		if _, err := demo.BrokerAt(wrong, ""); err == nil || hub.KindOf(err) != hub.KindInvalid {
			t.Errorf("%q: %v", wrong, err)
		}
	}
}

func checkFiles(t *testing.T, dir string) {
	for pattern, least := range map[string]int{
		"anchors.pem": 1, "demo.json": 1, "hub-data/hub.db": 1,
		"documents/173-UBND-KSTTHC.pdf": 1, "documents/unsigned/173-UBND-KSTTHC.pdf": 1, "documents/*.pdf": 23,
		"documents/collected/*": 20, "documents/collected/000.05.31.H47/*.pdf": 2,
		"edxml/*.edxml": 3, "edxml/sent/*.edxml": 3, "edxml/status/*.edxml": 3, "edxml/collected/*/*.edxml": 1,
		"receipts/*": 5, "receipts/*/001-SubmissionAcceptance.receipt.json": 5,
		"receipts/*/*-ConsignmentRejection.receipt.json": 1, "keys/*.key": 22,
		"log/*.tst": 1, "log/*.checkpoint": 1, "bundles/*.asice": 4,
	} {
		found, err := filepath.Glob(filepath.Join(dir, filepath.FromSlash(pattern)))
		if err != nil || len(found) < least {
			t.Errorf("%s: %d files, want %d (%v)", pattern, len(found), least, err)
		}
	}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() || filepath.Ext(path) != ".key" && filepath.Base(path) != "demo.json" {
			return err
		}
		info, err := d.Info()
		if err == nil && info.Mode().Perm() != 0o600 {
			t.Errorf("%s holds a secret and has mode %o", path, info.Mode().Perm())
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

// checkManifest uses every credential of demo.json on the running hub.
func checkManifest(t *testing.T, dir string) {
	raw, err := os.ReadFile(filepath.Join(dir, "demo.json"))
	if err != nil {
		t.Fatal(err)
	}
	var m folderFile
	if err := json.Unmarshal(raw, &m); err != nil {
		t.Fatal(err)
	}
	if m.Accounts != nil {
		t.Error("accounts are promised although there is no page to use them on")
	}
	if len(m.Agencies) != 21 || len(m.Dispatches) != 22 || m.Hub.Operator.Key == "" {
		t.Errorf("%d agencies, %d dispatches, operator %q", len(m.Agencies), len(m.Dispatches), m.Hub.Operator.Key)
	}
	if p := m.Procedures; p.Decision == "" || p.InForce == p.Lapsed || p.LapsedAt.IsZero() || !p.LapsedAt.Before(time.Now()) {
		t.Errorf("the procedures: %+v", p)
	}
	if d := m.Dossier; d.Number == "" || d.Timeliness != "overdue" || d.Letter == 0 || d.Bill == "" || !strings.HasSuffix(d.Portal, "/dossiers") || len(d.Secret) != 16 {
		t.Errorf("the dossier: %+v", d)
	}
	if i := m.Inspection; i.ID == "" || i.State != "concluded" || i.Outcome != "amended" || !i.InTime || i.Surprise != 1 {
		t.Errorf("the inspection: %+v", i)
	}
	if e := m.Evaluation; e.Table != "qd766" || e.Score == "" || e.Units != 2 || !slices.Contains(e.Late, m.Dossier.Number) || len(e.Files) != 2 {
		t.Errorf("the evaluation: %+v", e)
	}
	if r := m.Report; r.ID == "" || len(r.SHA256) != 64 || r.Units < 20 || len(r.Files) != 3 {
		t.Errorf("the report: %+v", r)
	}
	checkAxis(t, &m)
	checkProvince(t, &m)
	checkWebhook(t, &m)
	checkMail(t, &m)
	if m.AMQP.LeftOut != "no broker in this test" || m.AMQP.URL != "" {
		t.Errorf("demo.json says %+v of a broker that is not there", m.AMQP)
	}
	checkNation(t, &m)
	checkDrop(t, &m)
	for _, a := range m.Agencies {
		rest := a.Credentials["rest"]
		file, err := os.ReadFile(rest.KeyFile)
		if err != nil || strings.TrimSpace(string(file)) != rest.Key {
			t.Errorf("%s: the key file does not hold the key (%v)", a.Name, err)
		}
		c, err := hubclient.New(hubclient.Options{URL: m.URL, Key: rest.Key})
		if err != nil {
			t.Fatal(err)
		}
		me, err := c.Me(t.Context())
		c.CloseIdle()
		if err != nil || len(me.Agencies) != 1 || string(me.Agencies[0].ID) != a.ID || len(a.Codes) != 2 {
			t.Errorf("%s: the key speaks for %v (%v)", a.Name, me.Agencies, err)
		}
	}
}

// checkPages runs what the pages on connecting a system say, as it stands there.
func checkPages(t *testing.T, dir string) {
	for _, tool := range []string{"curl", "jq", "openssl"} {
		if _, err := exec.LookPath(tool); err != nil && os.Getenv("CI") != "true" {
			t.Skip(err)
		}
	}
	for _, page := range []string{"connect-rest.md", "connect-vxp.md", "connect-lgsp.md"} {
		text := string(read(t, filepath.Join("..", "..", "deploy", page)))
		_, section, _ := strings.Cut(text, "\n## Try it\n")
		var script strings.Builder
		for line := range strings.Lines(section) {
			command, is := strings.CutPrefix(line, "    ")
			if is && !strings.HasPrefix(command, "lienthong demo") {
				script.WriteString(command)
			}
			if strings.HasPrefix(line, "## ") {
				break
			}
		}
		cmd := exec.CommandContext(t.Context(), "sh", "-euc", script.String())
		cmd.Dir = t.TempDir()
		if err := os.Symlink(dir, filepath.Join(cmd.Dir, "demo")); err != nil {
			t.Fatal(err)
		}
		out, err := cmd.CombinedOutput()
		if err != nil || script.Len() == 0 || strings.Contains(string(out), `"FAIL"`) {
			t.Errorf("%s: %v\n%s\n%s", page, err, script.String(), out)
		}
	}
}

// checkAxis sends the package that waits in the folder from the first system to the second.
func checkAxis(t *testing.T, m *folderFile) {
	if len(m.VXP.Systems) < 2 {
		t.Fatalf("systems of the axis: %+v", m.VXP)
	}
	client := func(i int) *vxp.Client {
		s := m.VXP.Systems[i]
		return &vxp.Client{
			HTTP: &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}, Now: time.Now,
			Endpoint: m.VXP.Endpoint, System: s.ID, Secret: s.Secret,
		}
	}
	first, second := client(0), client(1)
	file, err := os.ReadFile(m.VXP.Package)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := first.Send(t.Context(), "edoc", m.VXP.Systems[0].Agencies[0], file); err != nil {
		t.Fatal(err)
	}
	rows, err := second.Received(t.Context(), "edoc")
	if err != nil || len(rows) != 1 || rows[0].To != m.VXP.Systems[1].Agencies[0] {
		t.Fatalf("the second system receives %+v, %v", rows, err)
	}
	if got, err := second.Fetch(t.Context(), rows[0].DocID); err != nil || !bytes.Equal(got, file) {
		t.Errorf("the second system fetches something else: %v", err)
	}
	for _, c := range []*vxp.Client{first, second} {
		if rows, err := c.Received(t.Context(), "status"); err != nil || len(rows) != 0 {
			t.Errorf("status messages were left: %+v, %v", rows, err)
		}
	}
}

// checkProvince sends the package that waits in the folder from the second unit of the
// application to the first.
func checkProvince(t *testing.T, m *folderFile) {
	if len(m.LGSP.Client.Units) != 2 {
		t.Fatalf("the application of the provincial API: %+v", m.LGSP)
	}
	unit := func(i int) *lgsp.Client {
		return &lgsp.Client{
			HTTP: &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}, Now: time.Now,
			URL: strings.TrimSuffix(m.LGSP.API, lgsp.DefaultProfile().APIPath),
			ID:  m.LGSP.Client.Key, Secret: m.LGSP.Client.Secret, UnitSecret: m.LGSP.Client.Units[i].Secret,
		}
	}
	file, err := os.ReadFile(m.LGSP.Package)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := unit(1).Send(t.Context(), "edoc", file); err != nil {
		t.Fatal(err)
	}
	rows, err := unit(0).Received(t.Context())
	if err != nil || len(rows) != 1 || rows[0].MessageType != "edoc" || rows[0].To != m.LGSP.Client.Units[0].Agency || rows[0].From != m.LGSP.Client.Units[1].Agency {
		t.Fatalf("the first unit receives %+v, %v", rows, err)
	}
	if got, err := unit(0).Fetch(t.Context(), rows[0].DocID); err != nil || !bytes.Equal(got, file) {
		t.Errorf("the first unit fetches something else: %v", err)
	}
}

// checkWebhook looks at the subscription as the hub and the folder have it.
func checkWebhook(t *testing.T, m *folderFile) {
	c := m.client(t, m.Webhook.Agency)
	defer c.CloseIdle()
	sub, err := c.Subscription(t.Context(), m.Webhook.Subscription)
	if err != nil || sub.Target != m.Webhook.URL || sub.Health.LastSuccess.IsZero() || !m.Webhook.Paused || sub.Paused == nil {
		t.Errorf("the subscription is %+v, demo.json says %+v (%v)", sub, m.Webhook, err)
	}
	if _, err := tls.LoadX509KeyPair(m.Webhook.Certificate, m.Webhook.Key); err != nil {
		t.Error(err)
	}
	if secret := read(t, m.Webhook.SecretFile); !bytes.HasPrefix(secret, []byte("whsec_")) {
		t.Errorf("the file of the secret holds %d bytes of something else", len(secret))
	}
	var message webhook.Message
	if err := json.Unmarshal(read(t, m.Webhook.Message), &message); err != nil || message.Type != hub.TopicWaiting || message.Data.Delivery.Number != "180/UBND-KSTTHC" {
		t.Errorf("the message says %+v (%v)", message, err)
	}
}

// checkMail looks at the notice as the mail server took it, and at the subscription.
func checkMail(t *testing.T, m *folderFile) {
	c := m.client(t, m.Mail.Agency)
	defer c.CloseIdle()
	sub, err := c.Subscription(t.Context(), m.Mail.Subscription)
	if err != nil || sub.Target != m.Mail.Address || sub.Health.LastSuccess.IsZero() || !m.Mail.Paused || sub.Paused == nil {
		t.Errorf("the subscription is %+v, demo.json says %+v (%v)", sub, m.Mail, err)
	}
	notice := read(t, m.Mail.Message)
	if !bytes.Contains(notice, []byte("To: "+m.Mail.Address+"\r\n")) || !bytes.Contains(notice, []byte("181/UBND-KSTTHC")) {
		t.Errorf("the notice is %s", notice)
	}
	if err := smtp.SendMail(strings.TrimPrefix(m.Mail.Server, "smtp://"), nil, m.Mail.Address, []string{m.Mail.Address}, notice); err == nil {
		t.Error("the mail server is still there")
	}
}

// checkNation looks at both ends of what went over the axis: one document, two hubs that
// know nothing of each other's ids, and the same bytes.
func checkNation(t *testing.T, m *folderFile) {
	here, there := m.client(t, "000.00.00.H47"), client(t, m.Nation.URL, m.Nation.Agency.Key)
	defer here.CloseIdle()
	defer there.CloseIdle()
	up, err := here.Dispatch(t.Context(), m.Nation.Sent.Up)
	if err != nil || up.Deliveries[0].Channel != hub.ChannelAxis || up.Deliveries[0].State != hub.StateAccepted {
		t.Errorf("the document to the ministry is %+v (%v)", up.Deliveries, err)
	}
	down, err := there.Dispatch(t.Context(), m.Nation.Sent.Down)
	if err != nil || down.Deliveries[0].State != hub.StateAccepted {
		t.Errorf("the document of the ministry is %+v (%v)", down.Deliveries, err)
	}
	if _, err := here.Dispatch(t.Context(), m.Nation.Sent.Down); hub.KindOf(err) != hub.KindNotFound {
		t.Errorf("the hub of the province knows a dispatch of the nation: %v", err)
	}
	for number, sides := range map[string]struct {
		sender, recipient *hubclient.Client
		sent              hub.SentItem
	}{"182/UBND-KSTTHC": {here, there, up}, "12/BM-VP": {there, here, down}} {
		list, err := sides.recipient.Mailbox(t.Context(), hubclient.MailboxQuery{Text: number, States: []hub.DeliveryState{hub.StateAccepted}})
		if err != nil || len(list.Items) != 1 {
			t.Fatalf("%s lies %d times in the box (%v)", number, len(list.Items), err)
		}
		if part := list.Items[0].Dispatch.PartByID("p1"); part == nil || part.Digest != sides.sent.Dispatch.Parts[0].Digest {
			t.Errorf("%s is another file at its recipient: %+v", number, part)
		}
	}
	checkMembership(t, m)
}

// checkMembership looks at what scripts need to call the axis and its operator.
func checkMembership(t *testing.T, m *folderFile) {
	member := &vxp.Client{
		HTTP: &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}, Now: time.Now,
		Endpoint: m.Nation.Axis.Endpoint, System: m.Nation.Axis.System, Secret: strings.TrimSpace(string(read(t, m.Nation.Axis.SecretFile))),
	}
	if rows, err := member.Received(t.Context(), "edoc"); err != nil || len(rows) != 0 {
		t.Errorf("%d documents are left on the axis (%v)", len(rows), err)
	}
	operator := client(t, m.Nation.URL, m.Nation.Hub.Operator.Key)
	defer operator.CloseIdle()
	if me, err := operator.Me(t.Context()); err != nil || me.Kind != hub.ActorOperator {
		t.Errorf("the key of the second hub's operator is that of %+v (%v)", me, err)
	}
	if strings.TrimSpace(string(read(t, m.Nation.Agency.KeyFile))) != m.Nation.Agency.Key {
		t.Error("the key file of the ministry does not hold its key")
	}
}

func client(t *testing.T, url, key string) *hubclient.Client {
	t.Helper()
	c, err := hubclient.New(hubclient.Options{URL: url, Key: key})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// checkDrop looks at the folders of the agency that knows files alone.
func checkDrop(t *testing.T, m *folderFile) {
	if m.Drop.Agency != "000.02.32.H47" || m.Drop.KeyFile == "" {
		t.Errorf("demo.json says %+v of the folders", m.Drop)
	}
	original := read(t, filepath.Join(filepath.Dir(m.Drop.Folder), "documents", "180-UBND-KSTTHC.pdf"))
	for _, arrived := range match(t, m.Drop.In, "*/p1-180-UBND-KSTTHC.pdf") {
		if !bytes.Equal(read(t, arrived), original) {
			t.Errorf("%s is not what was sent", arrived)
		}
	}
	for _, pattern := range []string{"*/ContentHandover-*.json", "*/ContentHandover-*.xml", "*/delivery.json", "*/done"} {
		match(t, m.Drop.In, pattern)
	}
	for _, pattern := range []string{"SubmissionAcceptance-*.xml", "ConsignmentAcceptance-*.json", "sent.json", "original-*/15-UBND-VP.pdf", "ended"} {
		match(t, filepath.Join(m.Drop.Sent, "15-UBND-VP"), pattern)
	}
	if left, err := os.ReadDir(m.Drop.Out); err != nil || len(left) != 0 {
		t.Errorf("%v was left in %s (%v)", left, m.Drop.Out, err)
	}
}

// client speaks for an agency.
func (m *folderFile) client(t *testing.T, code string) *hubclient.Client {
	t.Helper()
	for _, a := range m.Agencies {
		if a.Codes[0] == code {
			return client(t, m.URL, a.Credentials["rest"].Key)
		}
	}
	t.Fatalf("no agency has the code %q", code)
	return nil
}

func checkOutcome(t *testing.T, r *demo.Result) {
	states := map[hub.DeliveryState]int{}
	for _, sheet := range r.Board {
		for _, row := range sheet.Rows {
			states[row.State]++
			if !row.Verified || row.Receipts < 3 {
				t.Errorf("%s at %s: %d receipts, verified %v", sheet.Number, row.Name, row.Receipts, row.Verified)
			}
		}
	}
	if states[hub.StateAccepted] != 49 || states[hub.StateRefused] != 1 || states[hub.StateHandedOver] != 2 {
		t.Errorf("states: %v", states)
	}
	checkTasks(t, r)
	normative := slices.IndexFunc(r.Board, func(s demo.Sheet) bool { return s.Number == "05/2020/QĐ-UBND" && len(s.Rows) == 2 })
	if normative < 0 || !slices.ContainsFunc(r.Board[max(normative, 0)].Rows, func(row demo.Row) bool { return row.Code == "000.00.14.H47" }) {
		t.Error("the normative document was not copied to the Department of Justice")
	}
	if i := slices.IndexFunc(r.Board, func(s demo.Sheet) bool { return s.Number == "31/UBND-VP" }); i < 0 || r.Board[i].Rows[0].State != hub.StateAccepted {
		t.Error("the unit behind the provincial API has not answered")
	}
	i := slices.IndexFunc(r.Board, func(s demo.Sheet) bool { return s.Number == "97/SNV-CCHC" })
	if answer := r.Board[max(i, 0)]; i < 0 || answer.Rows[0].Name != "UBND tỉnh Quảng Nam" {
		t.Errorf("the answer is %+v", answer)
	}
}

// checkTasks reads of the seed case who was in time, who was late by one day, who got more
// time, and who does not answer.
func checkTasks(t *testing.T, r *demo.Result) {
	if r.Tasks.Totals != (hub.TaskTotals{DoneInTime: 1, DoneLate: 1, OpenInTime: 3, OpenLate: 1}) || len(r.Tasks.Assignments) != 6 {
		t.Errorf("the tasks stand as %+v", r.Tasks)
	}
	set := r.Tasks.SetOn
	for agency, want := range map[string]struct {
		state    hub.TaskState
		due, end hub.Date
		extended int
		told     hub.TaskAct
	}{
		"Sở Tài chính":          {state: hub.TaskDone, due: set.Plus(48), end: set.Plus(20)},
		"Sở Nội vụ":             {state: hub.TaskDone, due: set.Plus(48), end: set.Plus(49)},
		"Sở Y tế":               {state: hub.TaskNotStarted, due: set.Plus(78), extended: 1},
		"UBND thành phố Tam Kỳ": {state: hub.TaskNotStarted, due: set.Plus(48), told: hub.ActOverdue},
	} {
		i := slices.IndexFunc(r.Tasks.Assignments, func(a demo.Assignment) bool { return strings.HasPrefix(a.Agency, agency) && a.Role == hub.RoleEach })
		if i < 0 {
			t.Fatalf("%s has no task", agency)
		}
		a := r.Tasks.Assignments[i]
		if a.State != want.state || a.Due != want.due || a.Ended != want.end || a.Extended != want.extended || a.Reminded != want.told {
			t.Errorf("the task of %s stands as %+v, want %+v", agency, a, want)
		}
	}
}

func checkBoard(t *testing.T, board string) {
	for _, want := range []string{
		"173/UBND-KSTTHC  V/v đẩy mạnh công tác cải cách hành chính năm 2020",
		"từ chối: sai nơi nhận  từ chối     –       –       3 ✓",
		"20 nơi nhận: 2 đã nhận, 17 đã vào sổ, 1 từ chối;", "Nhiệm vụ giao theo Công văn 173/UBND-KSTTHC", "done in time: 1, quá hạn / late: 1;", "overdue: 1", "Total: 22 documents, 52 deliveries (52 ✓)",
	} {
		if !strings.Contains(board, want) {
			t.Errorf("the board lacks %q", want)
		}
	}
	if strings.ContainsAny(board, "\x1b✗") {
		t.Error("the board has colours although it is no terminal, or something is wrong on it")
	}
	if t.Failed() {
		t.Log(board)
	}
}

// checkTampered damages a copy of the folder and names what must be noticed.
func checkTampered(t *testing.T, dir string) {
	for name, c := range map[string]struct {
		damage func(t *testing.T, dir string)
		want   string // in one of the failed checks
	}{
		"a word in a receipt":             {edit("*-ConsignmentRejection*", `wrong_addressee`, `other`), "-ConsignmentRejection.receipt.json of 173/UBND-KSTTHC verifies"},
		"the signature of a receipt":      {edit("*-ContentHandover*", `"jws": ?"(.)`, `"jws":"${1}A`), "-ContentHandover.receipt.json of "},
		"a receipt that is no JSON":       {edit("*-ContentHandover*", `^\{`, ``), "-ContentHandover.receipt.json of "},
		"a member that was not signed":    {edit("*-ContentHandover*", `"evidence": ?\{`, `"evidence":{"extra":1,`), "-ContentHandover.receipt.json of "},
		"a receipt in the middle is gone": {remove("receipts/*/*-ContentConsignment.receipt.json"), "form one whole chain"},
		"the last receipt is gone":        {removeLast("receipts/*/*.receipt.json"), "(186/UBND-NC) has its 7 receipts (6)"},
		"all receipts of a dispatch gone": {removeAll("receipts/*"), "dispatches of demo.json"},
		"a receipt of another dispatch":   {swap("receipts/*/001-SubmissionAcceptance.receipt.json"), "form one whole chain"},
		"an original":                     {grow("documents/173-UBND-KSTTHC.pdf"), "names the digest of the real 173-UBND-KSTTHC.pdf"},
		"a byte inside an original":       {flip("documents/42-STP-VP.pdf"), "42-STP-VP.pdf has two valid signatures"},
		"the unsigned file instead":       {unsign("97-SNV-CCHC.pdf"), "97-SNV-CCHC.pdf has two valid signatures"},
		"two originals exchanged":         {swapFiles("documents/42-STP-VP.pdf", "documents/97-SNV-CCHC.pdf"), "names the digest of the real 42-STP-VP.pdf"},
		"the package":                     {grow("edxml/173-UBND-KSTTHC.edxml"), "names the digest of the real"},
		"a collected file":                {grow("documents/collected/000.05.31.H47/173-phu-luc.pdf"), "000.05.31.H47 collected 173-phu-luc.pdf byte for byte"},
		"a collected package":             {grow("edxml/collected/000.00.33.H47/173-UBND-KSTTHC.edxml"), "000.00.33.H47 collected 173-UBND-KSTTHC.edxml byte for byte"},
		"a byte of the time-stamp":        {flip("log/*.tst"), "stands over its checkpoint"},
		"the time-stamped checkpoint":     {grow("log/*.checkpoint"), "stands over its checkpoint"},
		"a byte of a bundle":              {flip("bundles/refused.asice"), "the bundle refused.asice passes"},
		"a package of the axis":           {grow("edxml/axis/12-BM-VP.edxml"), "names the digest of the real package.edxml"},
		"no bundle":                       {remove("bundles/*.asice"), "there are four evidence bundles"},
		"no time-stamp":                   {removeAll("log"), "there are time-stamps over the log"},
		"the anchors of somebody else":    {strangersAnchors, "-SubmissionAcceptance.receipt.json of 173/UBND-KSTTHC verifies"},
	} {
		t.Run(name, func(t *testing.T) {
			copied := t.TempDir()
			for _, part := range []string{"documents", "edxml", "receipts", "log", "bundles", "anchors.pem", "demo.json"} {
				link(t, filepath.Join(dir, part), filepath.Join(copied, part))
			}
			c.damage(t, copied)
			proof, err := demo.VerifyFolder(t.Context(), copied)
			if err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(strings.Join(proof.Failed, "\n"), c.want) {
				t.Errorf("nothing says %q:\n%s", c.want, strings.Join(proof.Failed, "\n"))
			}
		})
	}
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// link makes a copy that shares the files; write replaces them.
func link(t *testing.T, from, to string) {
	t.Helper()
	err := filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		target := filepath.Join(to, strings.TrimPrefix(path, from))
		if d.IsDir() {
			return os.MkdirAll(target, 0o700)
		}
		return os.Link(path, target)
	})
	if err != nil {
		t.Fatal(err)
	}
}

func write(t *testing.T, path string, content []byte) {
	t.Helper()
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
}

// match returns the files of a pattern, at least one.
func match(t *testing.T, dir, pattern string) []string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(dir, filepath.FromSlash(pattern)))
	if err != nil || len(found) == 0 {
		t.Fatalf("%s: %v files (%v)", pattern, found, err)
	}
	return found
}

type damage = func(t *testing.T, dir string)

// edit changes the first match in the first receipt of a name.
func edit(name, pattern, replacement string) damage {
	return func(t *testing.T, dir string) {
		path := match(t, dir, "receipts/*/"+name)[0]
		before := read(t, path)
		after := regexp.MustCompile(pattern).ReplaceAll(before, []byte(replacement))
		if bytes.Equal(before, after) {
			t.Fatalf("%q does not occur in %s", pattern, before)
		}
		write(t, path, after)
	}
}

func remove(pattern string) damage {
	return func(t *testing.T, dir string) { os.Remove(match(t, dir, pattern)[0]) }
}

func removeAll(pattern string) damage {
	return func(t *testing.T, dir string) { os.RemoveAll(match(t, dir, pattern)[0]) }
}

func removeLast(pattern string) damage {
	return func(t *testing.T, dir string) {
		files := match(t, dir, pattern)
		os.Remove(files[len(files)-1])
	}
}

// swap exchanges the first two files of a pattern.
func swap(pattern string) damage {
	return func(t *testing.T, dir string) {
		files := match(t, dir, pattern)
		a, b := read(t, files[0]), read(t, files[1])
		write(t, files[0], b)
		write(t, files[1], a)
	}
}

func swapFiles(first, second string) damage {
	return func(t *testing.T, dir string) {
		a, b := read(t, filepath.Join(dir, first)), read(t, filepath.Join(dir, second))
		write(t, filepath.Join(dir, first), b)
		write(t, filepath.Join(dir, second), a)
	}
}

func grow(name string) damage {
	return func(t *testing.T, dir string) {
		path := match(t, dir, name)[0]
		write(t, path, append(read(t, path), '\n'))
	}
}

func flip(name string) damage {
	return func(t *testing.T, dir string) {
		path := match(t, dir, name)[0]
		content := read(t, path)
		content[len(content)/4] ^= 1
		write(t, path, content)
	}
}

func unsign(name string) damage {
	return func(t *testing.T, dir string) {
		write(t, filepath.Join(dir, "documents", name), read(t, filepath.Join(dir, "documents", "unsigned", name)))
	}
}

func strangersAnchors(t *testing.T, dir string) {
	other, err := pki.New(time.Now(), pki.P256)
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "anchors.pem"), other.AnchorsPEM())
}

// lie replaces a word in the answers whose path ends so.
type lie struct{ path, is, becomes string }

// TestRunNoticesALyingHub puts a hub in between that changes what it hands out.
func TestRunNoticesALyingHub(t *testing.T) {
	t.Parallel() // half of it waits
	front := func(t *testing.T, hubURL string) string {
		return liar(t, hubURL,
			lie{"/evidence", "wrong_addressee", "incomplete"},
			lie{"/sent", `"state":"handed_over"`, `"state":"accepted"`})
	}
	var board bytes.Buffer
	dir := filepath.Join(t.TempDir(), "demo")
	result, err := demo.Run(t.Context(), demo.Options{Dir: dir, Listen: loopback, Start: startHub(t, front), Out: &board, Err: io.Discard})
	if err == nil {
		t.Fatal("nothing was noticed")
	}
	for _, want := range []string{
		"-ConsignmentRejection.receipt.json of 173/UBND-KSTTHC verifies",
		`UBND huyện Bắc Trà My (hư cấu) prove the state accepted (they prove "handed_over")`,
		"173/UBND-KSTTHC ends as handed_over 01 at UBND huyện Bắc Trà My (hư cấu)",
	} {
		if !strings.Contains(strings.Join(result.Failed, "\n"), want) {
			t.Errorf("nothing says %q: %v", want, err)
		}
	}
	if !strings.Contains(board.String(), "✗") {
		t.Error("the board shows nothing wrong")
	}
}

// liar is a proxy that lies.
func liar(t *testing.T, hubURL string, lies ...lie) string {
	target, err := url.Parse(hubURL)
	if err != nil {
		t.Fatal(err)
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	server := httptest.NewServer(&httputil.ReverseProxy{
		Transport: transport,
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(target)
			r.Out.Header.Del("Accept-Encoding")
		},
		ModifyResponse: func(r *http.Response) error {
			for _, l := range lies {
				if strings.HasSuffix(r.Request.URL.Path, l.path) {
					return l.tell(r)
				}
			}
			return nil
		},
	})
	t.Cleanup(func() {
		server.Close()
		transport.CloseIdleConnections()
	})
	return server.URL
}

func (l lie) tell(r *http.Response) error {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return err
	}
	body = bytes.ReplaceAll(body, []byte(l.is), []byte(l.becomes))
	r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	r.Header.Del("Content-Length")
	return nil
}

// TestRunFails: what cannot start or is not allowed ends the run with its reason.
func TestRunFails(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		start func(t *testing.T) func(context.Context, app.Config) (demo.Hub, error)
		want  string
	}{
		"no hub": {func(*testing.T) func(context.Context, app.Config) (demo.Hub, error) {
			return func(context.Context, app.Config) (demo.Hub, error) {
				return demo.Hub{}, hub.Invalid("listen", "address", "the address is taken")
			}
		}, "the address is taken"},
		"a wrong operator key": {func(t *testing.T) func(context.Context, app.Config) (demo.Hub, error) {
			start := startHub(t, nil)
			return func(ctx context.Context, config app.Config) (demo.Hub, error) {
				h, err := start(ctx, config)
				h.OperatorKey = "lt_nobody_" + strings.Repeat("A", 43)
				return h, err
			}
		}, "starting the hub and the sample province"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := demo.Run(t.Context(), demo.Options{
				Dir: filepath.Join(t.TempDir(), "demo"), Listen: loopback, Start: c.start(t), Out: io.Discard, Err: io.Discard,
			})
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v, want %q", err, c.want)
			}
		})
	}
}

func TestVerifyFolderUnreadable(t *testing.T) {
	if _, err := demo.VerifyFolder(t.Context(), t.TempDir()); err == nil {
		t.Error("an empty folder verifies")
	}
}
