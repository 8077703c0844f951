package main

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"

	"github.com/lienthong/lienthong/adapters/hubclient"
	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/hub/hubtest/server"
)

// guide runs the commands of a page for people who connect systems, in their order and as
// they stand there; only the names that a reader puts in are others.
type guide struct {
	*testing.T
	page     string   // its text
	commands []string // those that were not run yet
	folder   string   // where they run
	env      []string
}

// openGuide reads a page. Commands lie in blocks of the shell; a backslash or a deeper
// indentation goes on with one.
func openGuide(t *testing.T, bin, name string, env ...string) *guide {
	t.Helper()
	return openPage(t, bin, name, nil, env)
}

// inSentence is a command between other words.
var inSentence = regexp.MustCompile("`((?:lienthong|go run|rabbitmqctl) [^`]+)`")

// openWholeGuide reads a page whose commands in sentences are run like those in blocks.
func openWholeGuide(t *testing.T, bin, name string, env ...string) *guide {
	t.Helper()
	return openPage(t, bin, name, inSentence, env)
}

func openPage(t *testing.T, bin, name string, sentences *regexp.Regexp, env []string) *guide {
	t.Helper()
	page, err := os.ReadFile(filepath.Join("deploy", name))
	if err != nil {
		t.Fatal(err)
	}
	g := &guide{T: t, page: string(page), folder: t.TempDir()}
	fence := ""
	for line := range strings.Lines(g.page) {
		line = strings.TrimSuffix(line, "\n")
		kind, fenced := strings.CutPrefix(strings.TrimSpace(line), "```")
		command, indented := strings.CutPrefix(line, "    ")
		switch {
		case fenced && fence == "":
			fence = kind + "```"
			continue
		case fenced:
			fence = ""
			continue
		case fence == "sh```":
			command = strings.TrimSpace(line)
		case fence == "" && !indented && sentences != nil:
			for _, found := range sentences.FindAllStringSubmatch(line, -1) {
				g.commands = append(g.commands, found[1])
			}
			continue
		case fence != "" || !indented:
			continue
		}
		if n := len(g.commands); n > 0 && strings.HasSuffix(g.commands[n-1], "\\") {
			g.commands[n-1] += "\n" + command
			continue
		}
		if command != "" {
			g.commands = append(g.commands, command)
		}
	}
	tools := t.TempDir()
	if err := os.Symlink(bin, filepath.Join(tools, "lienthong")); err != nil {
		t.Fatal(err)
	}
	g.env = append([]string{"PATH=" + tools + ":" + os.Getenv("PATH"), "HOME=" + g.folder, "TMPDIR=" + t.TempDir()}, env...)
	t.Cleanup(func() {
		if len(g.commands) > 0 && !t.Failed() {
			t.Errorf("nobody ran these commands of %s:\n%s", name, strings.Join(g.commands, "\n"))
		}
	})
	return g
}

// next takes the next command, which must begin so, with names put in: pairs of what
// stands in the page and what a reader writes. A name that is not there fails the test.
func (g *guide) next(begins string, names ...string) string {
	g.Helper()
	if len(g.commands) == 0 || !strings.HasPrefix(g.commands[0], begins) {
		g.Fatalf("the next command does not begin with %q:\n%s", begins, strings.Join(g.commands, "\n"))
	}
	command := g.commands[0]
	g.commands = g.commands[1:]
	return g.filled(command, names)
}

// any takes the command that begins so, wherever in the page it stands.
func (g *guide) any(begins string, names ...string) string {
	g.Helper()
	i := slices.IndexFunc(g.commands, func(c string) bool { return strings.HasPrefix(c, begins) })
	if i < 0 {
		g.Fatalf("no command begins with %q:\n%s", begins, strings.Join(g.commands, "\n"))
	}
	command := g.commands[i]
	g.commands = slices.Delete(g.commands, i, i+1)
	return g.filled(command, names)
}

// inline is a command that stands in a sentence.
func (g *guide) inline(command string, names ...string) string {
	g.Helper()
	if !strings.Contains(g.page, "`"+command+"`") {
		g.Fatalf("the page has no command %q", command)
	}
	return g.filled(command, names)
}

func (g *guide) filled(command string, names []string) string {
	g.Helper()
	for i := 0; i+1 < len(names); i += 2 {
		if !strings.Contains(command, names[i]) {
			g.Fatalf("the command %q has no %q", command, names[i])
		}
		command = strings.ReplaceAll(command, names[i], names[i+1])
	}
	return command
}

// block is the n-th block of that kind, from 0.
func (g *guide) block(kind string, n int) string {
	g.Helper()
	rest := g.page
	for ; ; n-- {
		_, after, found := strings.Cut(rest, "```"+kind+"\n")
		text, after, ended := strings.Cut(after, "\n```")
		if !found || !ended {
			g.Fatalf("the page has not so many blocks of %s", kind)
		}
		if n == 0 {
			return text
		}
		rest = after
	}
}

// shell is a command ready to run.
func (g *guide) shell(command string, env []string) *exec.Cmd {
	cmd := exec.CommandContext(context.WithoutCancel(g.Context()), "sh", "-euc", command)
	cmd.Dir, cmd.Env = g.folder, append(g.env, env...)
	return cmd
}

// run runs a command and returns what it prints.
func (g *guide) run(command string, env ...string) string {
	g.Helper()
	out, err := g.shell(command, env).CombinedOutput()
	if err != nil {
		g.Fatalf("%s: %v\n%s", command, err, out)
	}
	return string(out)
}

// background runs a command, and all that it starts, until it is stopped or the test ends.
func (g *guide) background(command string, env ...string) (stop func()) {
	g.Helper()
	cmd := g.shell(command, env)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	log, err := os.Create(filepath.Join(g.TempDir(), "log"))
	if err != nil {
		g.Fatal(err)
	}
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		g.Fatal(err)
	}
	stop = sync.OnceFunc(func() {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) // the group that the command leads
		_ = cmd.Wait()
	})
	g.Cleanup(func() {
		stop()
		if text, err := os.ReadFile(log.Name()); err == nil && g.Failed() {
			g.Logf("%s\n%s", command, text)
		}
		_ = log.Close()
	})
	return stop
}

// file writes a file into the folder of the reader.
func (g *guide) file(name, text string) string {
	g.Helper()
	name = filepath.Join(g.folder, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
		g.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		g.Fatal(err)
	}
	return name
}

// people has the agencies that the pages speak of.
const people = "id,code,name,level,kind,parent_code,valid_from,valid_to,registers,email,telephone,aliases,successors,channel\n" +
	"h47,H47,UBND tỉnh Quảng Nam,province,,,,,true,,,,,\nsnv,H47.12,Sở Nội vụ (hư cấu),department,,H47,,,true,,,,,\n" +
	"phong,H47.12.01,Phòng Tổ chức (hư cấu),unit,,H47.12,,,true,,,,,\nstp,000.00.01.H47,Sở Tư pháp (hư cấu),department,,H47,,,true,,,,,\n"

func (w *town) populate(list string) {
	w.Helper()
	if _, err := w.client(w.operatorKey()).ImportAgencies(w.Context(), strings.NewReader(list), false); err != nil {
		w.Fatal(err)
	}
}

// TestDocumentedDrop: who follows the page on folders sends the submission that stands
// there, passes on what arrived, and verifies it.
func TestDocumentedDrop(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	w.populate(people)
	g := openGuide(t, w.bin, "connect-drop.md")
	names := []string{"https://hub.tinh.example", w.hub.URL, "/etc/lienthong/agency.key", g.file("agency.key", w.key("H47.12")), "/srv/lienthong", g.folder}
	serve := g.next("lienthong drop serve", names...)
	g.background(serve)
	found := func(pattern string) []string {
		list, err := filepath.Glob(filepath.Join(g.folder, pattern))
		if err != nil {
			t.Fatal(err)
		}
		return list
	}
	w.await("the folders", func() bool { return len(found("out")) == 1 })
	g.inline("lienthong drop check")
	if out := g.run(strings.Replace(serve, "drop serve", "drop check", 1)); !strings.Contains(out, "refused") {
		t.Errorf("the check says %s", out)
	}
	g.fromFolder(w, found)
}

// fromFolder sends what the page shows and follows it.
func (g *guide) fromFolder(w *town, found func(string) []string) {
	g.Helper()
	for _, f := range []struct{ name, text string }{
		{"submission.json", g.block("json", 0)}, {"153-SNV-VP.pdf", string(w.signed())}, {"phu-luc.xlsx", "x"}, {"done", ""},
	} {
		g.file("out/cong-van/"+f.name, f.text)
	}
	w.await("the submission to be sent", func() bool { return len(found("sent/cong-van/sent.json")) == 1 })
	if list, err := w.client(w.key("000.00.01.H47")).Mailbox(g.Context(), hubclient.MailboxQuery{}); err != nil || len(list.Items) != 1 || list.Items[0].Dispatch.Document.Number() != "153/SNV-VP" {
		g.Errorf("its second recipient has %+v, %v", list.Items, err)
	}
	w.send(w.key("H47"), "H47", "H47.12", "7")
	w.await("what arrives", func() bool { return len(found("in/*/done")) == 1 })
	arrived := filepath.Dir(found("in/*/done")[0])
	id := filepath.Base(arrived)
	g.run(g.inline("lienthong verify in/DELIVERY/*.pdf --anchors roots.pem", "DELIVERY", id, "roots.pem", filepath.Join(w.folder, "anchors.pem")))
	g.run(g.inline("lienthong verify in/DELIVERY/ContentHandover-*.json --anchors hub-certificate.pem", "DELIVERY", id, "hub-certificate.pem", filepath.Join(w.data, "hub-certificate.pem")))
	for _, f := range []struct{ name, text string }{{"forward.json", strings.Replace(g.block("json", 1), "01a22866-d648-7317-b149-1148dee1b247", id, 1)}, {"done", ""}} {
		g.file("out/chuyen/"+f.name, f.text)
	}
	w.await("it to be passed on", func() bool { return len(found("sent/chuyen/sent.json")) == 1 })
	if list, err := w.client(w.key("H47.12.01")).Mailbox(g.Context(), hubclient.MailboxQuery{}); err != nil || len(list.Items) != 1 || list.Items[0].Dispatch.Document.CodeNumber != "7" {
		g.Errorf("the unit has %+v, %v", list.Items, err)
	}
}

// keptMail is a mail server that asks for the password of the page.
type keptMail struct{ *mailroom }

// AuthMechanisms implements smtp.AuthSession.
func (keptMail) AuthMechanisms() []string { return []string{sasl.Plain} }

// Auth implements smtp.AuthSession.
func (keptMail) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, user, password string) error {
		if user != "lienthong" || password != "secret of a test" {
			return smtp.ErrAuthFailed
		}
		return nil
	}), nil
}

// TestDocumentedMail: a hub that is set as the page says tells a clerk by mail.
func TestDocumentedMail(t *testing.T) {
	t.Parallel()
	room := openMailroom(t, func(m *mailroom) smtp.Session { return keptMail{m} })
	g := openWholeGuide(t, build(t), "connect-mail.md")
	serve := g.next("lienthong serve", "smtp://mail.tinh.example:587", room.address, "/etc/lienthong/mail.password", g.file("mail.password", "secret of a test\n"))
	flags := strings.Fields(strings.ReplaceAll(strings.TrimPrefix(serve, "lienthong serve "), "\\\n", " "))
	w := newTown(t, append(flags, "--mail-ca", room.certificate)...)
	w.populate(people)
	g.env = append(g.env, "LIENTHONG_URL="+w.hub.URL)
	clerk, operator := "LIENTHONG_KEY="+w.key("H47.12"), "LIENTHONG_KEY="+w.operatorKey()
	id := strings.TrimSpace(g.run(g.next("lienthong subscription create"), clerk))
	second := strings.TrimSpace(g.run(g.next("lienthong subscription create"), operator))
	g.run(g.next("lienthong subscription test ID", " ID", " "+id), clerk)
	if got := room.got(); len(got) != 1 || !strings.Contains(got[0], "To: van.thu@xa.example") {
		t.Errorf("the test mail: %q", got)
	}
	if out := g.run(g.next("lienthong agency test"), clerk); strings.Count(out, "passed") < 10 || !strings.Contains(out, "van.thu@xa.example") {
		t.Errorf("hop by hop: %s", out)
	}
	g.run(g.next("lienthong subscription pause ID", " ID", " "+id), clerk)
	g.run(g.next("lienthong subscription remove ID", " ID", " "+second), clerk)
	if out := g.run(g.next("lienthong subscription pushes ID", " ID", " "+id), clerk); !strings.Contains(out, "ATTEMPTS") {
		t.Errorf("what was told: %s", out)
	}
	g.run(g.next("lienthong subscription replay ID --set-aside", " ID", " "+id), clerk)
	if out := g.run(g.next("lienthong subscription list"), clerk); !strings.Contains(out, "paused") || strings.Contains(out, second) {
		t.Errorf("what is left: %s", out)
	}
	demonstration := g.next("lienthong demo --once --dir demo")
	if testing.Short() {
		t.Skip("the demonstration signs many documents")
	}
	g.run(demonstration)
	notice, err := os.ReadFile(filepath.Join(g.folder, "demo", "mail", "notice.eml"))
	if err != nil || !strings.Contains(string(notice), "Subject: ") {
		t.Errorf("the mail of the demonstration is %q, %v", notice, err)
	}
}

// goTools are where the Go of a reader keeps what it has fetched and built.
func goTools(t *testing.T) []string {
	t.Helper()
	var env []string
	for _, name := range []string{"GOCACHE", "GOMODCACHE"} {
		out, err := exec.CommandContext(t.Context(), "go", "env", name).Output()
		if err != nil {
			t.Fatal(err)
		}
		env = append(env, name+"="+strings.TrimSpace(string(out)))
	}
	return env
}

// TestDocumentedWebhook: who follows the page on webhooks runs the receiver that stands
// there and is told of a document, which the receiver collects; the rest of the page is
// about what went wrong.
func TestDocumentedWebhook(t *testing.T) {
	t.Parallel()
	g := openWholeGuide(t, build(t), "connect-webhook.md", goTools(t)...)
	cert, certKey := certificate(t)
	flags := g.inline("--webhook-network 10.0.0.0/8", "10.0.0.0/8", "127.0.0.0/8") + " " + g.inline("--webhook-ca FILE", "FILE", cert)
	w := newTown(t, strings.Fields(flags)...)
	w.populate(people)
	address, key := freeAddress(t), w.key("H47.12")
	g.env = append(g.env, "LIENTHONG_URL="+w.hub.URL, "LIENTHONG_KEY="+key)
	id := strings.TrimSpace(g.run(g.next("lienthong subscription create", "qlvb.xa.example", address)))
	g.file("receiver.go", g.block("go", 0)+"\n")
	g.background(g.any("go run receiver.go"), "HUB="+w.hub.URL, "KEY="+key, "SECRET_FILE=hook.secret", "FOLDER=box", "LISTEN="+address, "CERT="+cert, "CERT_KEY="+certKey)
	w.await("the receiver", func() bool {
		c, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", address)
		return err == nil && c.Close() == nil
	})
	g.run(g.next("lienthong subscription test ID", " ID", " "+id))
	if out := g.run(g.next("lienthong agency test")); !strings.Contains(out, address) || strings.Contains(out, "FAILED") {
		t.Errorf("hop by hop: %s", out)
	}
	g.file("letter.pdf", string(w.signed()))
	g.run(g.next("lienthong send "))
	province := w.key("H47")
	if list, err := w.client(province).Mailbox(t.Context(), hubclient.MailboxQuery{}); err != nil || len(list.Items) != 1 || list.Items[0].Dispatch.Document.Number() != "5/SNV-VP" {
		t.Errorf("the province has %+v, %v", list.Items, err)
	}
	sent := w.send(province, "H47", "H47.12", "1")
	w.awaitState(province, sent, hub.StateHandedOver)
	if got, err := os.ReadFile(filepath.Join(g.folder, "box", string(sent.Deliveries[0].ID)+".p1")); err != nil || string(got) != string(w.signed()) {
		t.Errorf("the receiver has other bytes: %v", err)
	}
	g.run("lienthong subscription pause " + id)
	if out := g.run(g.next("lienthong subscription list")); !strings.Contains(out, "paused") {
		t.Errorf("a pause is not shown: %s", out)
	}
	g.run(g.next("lienthong subscription resume ID", " ID", " "+id))
	if out := g.run("lienthong subscription list"); strings.Contains(out, "paused") {
		t.Errorf("the pause goes on: %s", out)
	}
	done := filepath.Join(g.folder, "box", "*.done")
	told, err := filepath.Glob(done)
	if err != nil || len(told) == 0 {
		t.Fatalf("the receiver was told %v, %v", told, err)
	}
	for _, name := range told { // its data are lost
		if err := os.Remove(name); err != nil {
			t.Fatal(err)
		}
	}
	g.run(g.next("lienthong subscription replay ID", " ID", " "+id, "2026-11-01T00:00:00+07:00", time.Now().Add(-time.Hour).Format(time.RFC3339)))
	w.await("what was told before", func() bool {
		again, err := filepath.Glob(done)
		return err == nil && len(again) > 0
	})
	secret, err := os.ReadFile(filepath.Join(g.folder, "hook.secret"))
	if err != nil {
		t.Fatal(err)
	}
	if out := g.run(g.next("lienthong subscription rotate ID", " ID", " "+id)); !strings.Contains(out, "whsec_") || strings.Contains(out, strings.TrimSpace(string(secret))) {
		t.Errorf("the secret now is %s", out)
	}
	g.run("lienthong subscription test " + id) // signed with both
}

// TestDocumentedQueues: an agency with a queue of its own collects with the consumer of
// the page, from a hub that is set as the page says and from the demonstration.
func TestDocumentedQueues(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("a broker takes long to start")
	}
	g := openWholeGuide(t, build(t), "connect-amqp.md", goTools(t)...)
	for _, name := range []string{"go.mod", "go.sum", "cmd"} { // the reader is in the source
		source, err := filepath.Abs(filepath.Join("..", "..", name))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(source, filepath.Join(g.folder, name)); err != nil {
			t.Fatal(err)
		}
	}
	broker := server.RabbitMQ(t)
	address, passwordFile := server.Split(t, broker.VHost(t))
	user, _ := broker.Login()
	w := newTown(t, append(strings.Fields(g.inline("--broker-management https://BROKER:15671", "https://BROKER:15671", broker.ManagementURL())),
		"--broker", address, "--broker-password-file", passwordFile,
		g.inline("--broker-management-user"), user, g.inline("--broker-management-password-file"), passwordFile)...)
	w.populate(people)
	awaitBroker(t, w.hub.URL)
	g.env = append(g.env, "LIENTHONG_URL="+w.hub.URL)
	operator := "LIENTHONG_KEY=" + w.operatorKey()
	grant := g.next("lienthong queue grant")
	g.run(grant, operator)
	g.file("agencies.csv", strings.Replace(people, "department,,H47,,,true,,,,,", "department,,H47,,,true,,,,,amqp", 1))
	g.run(g.next("lienthong agency import agencies.csv"), operator)
	g.run(g.next("lienthong queue revoke")+"; rm h47-12.secret", operator)
	g.run(grant, operator)
	closing, reason, _ := strings.Cut(strings.TrimSuffix(g.next("rabbitmqctl ", "agency.CODE", "agency.H47.12"), `"`), ` "`)
	if _, err := broker.Ctl(append(strings.Fields(closing)[1:], reason)...); err != nil {
		t.Error(err)
	}
	script := g.next("mkdir ") + "\n" + g.next("export ", "amqps://BROKER/VHOST", "amqp://"+address[strings.Index(address, "@")+1:]) + "\n"
	g.background(script + g.next("go run ./cmd/lienthong/deploy/amqpconsumer"))
	province := w.key("H47")
	sent := w.send(province, "H47", "H47.12", "1")
	w.awaitState(province, sent, hub.StateHandedOver)
	if got, err := os.ReadFile(filepath.Join(g.folder, "received", string(sent.Deliveries[0].ID)+".p1")); err != nil || string(got) != string(w.signed()) {
		t.Errorf("the consumer has other bytes: %v", err)
	}
	receipt := "received/acknowledge." + string(sent.Deliveries[0].ID) + ".json"
	w.await("the receipt", func() bool {
		text, err := os.ReadFile(filepath.Join(g.folder, receipt))
		return err == nil && json.Valid(text)
	})
	g.fromDemonstration(w)
	g.run(g.next("lienthong verify", "DELIVERY", string(sent.Deliveries[0].ID), "hub-certificate.pem", filepath.Join(w.data, "hub-certificate.pem")))
	if out := g.run(g.next("lienthong agency test"), "LIENTHONG_KEY="+w.key("H47.12")); !strings.Contains(out, "H47.12 (amqp)") || strings.Contains(out, "FAILED") {
		t.Errorf("hop by hop: %s", out)
	}
}

// fromDemonstration collects what is sent to the commune of the demonstration.
func (g *guide) fromDemonstration(w *town) {
	g.Helper()
	var m struct {
		URL  string
		AMQP struct{ User string }
	}
	stop := g.background(g.next("lienthong demo "))
	defer stop()
	w.await("the demonstration", func() bool {
		text, err := os.ReadFile(filepath.Join(g.folder, "demo", "demo.json"))
		return err == nil && json.Unmarshal(text, &m) == nil
	})
	if m.AMQP.User == "" {
		g.Fatalf("the demonstration has no queues: %+v", m)
	}
	defer g.background(g.next("LIENTHONG_AMQP="))()
	g.file("letter.pdf", string(w.signed()))
	key := strings.TrimSpace(g.run("cat demo/keys/000.00.00.H47.key"))
	g.run("lienthong send --pdf letter.pdf --to 000.01.33.H47 --number 9/UBND --subject 'Thử hàng đợi'", "LIENTHONG_URL="+m.URL, "LIENTHONG_KEY="+key)
	w.await("the document of the commune", func() bool {
		list, err := filepath.Glob(filepath.Join(g.folder, "received", "acknowledge.*.json"))
		return err == nil && len(list) == 2
	})
}

// TestDocumentedConnectionTest: three ways of asking how an agency is connected.
func TestDocumentedConnectionTest(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	w.populate(people)
	g := openGuide(t, w.bin, "connection-test.md", "LIENTHONG_URL="+w.hub.URL, "HUB="+w.hub.URL)
	for _, out := range []string{
		g.run(g.next("lienthong agency test "), "LIENTHONG_KEY="+w.key("H47")),
		g.run(g.next("lienthong agency test H47.12"), "LIENTHONG_KEY="+w.operatorKey()),
		g.run(g.next("curl "), "KEY="+w.key("000.00.01.H47")),
	} {
		if !strings.Contains(out, "box") || strings.Contains(out, "FAILED") {
			t.Errorf("hop by hop: %s", out)
		}
	}
}

// TestDocumentedEnrolment: sheets are printed, one is redeemed by the program, one with
// curl, and one is revoked.
func TestDocumentedEnrolment(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	w.populate("id,code,name,level,kind,parent_code,valid_from,valid_to,registers,email,telephone,aliases,successors,channel\n" +
		"snv,000.00.12.H47,Sở Nội vụ (hư cấu),department,,,,,true,,,,,\n")
	g := openGuide(t, w.bin, "enrol.md", "LIENTHONG_URL="+w.hub.URL)
	operator := "LIENTHONG_KEY=" + w.operatorKey()
	code := func(text string) string {
		t.Helper()
		found := regexp.MustCompile(`[0-9A-Z]{4}(-[0-9A-Z]{4}){3,}`).FindString(text)
		if found == "" {
			t.Fatalf("no code in %s", text)
		}
		return found
	}
	create := g.next("lienthong enrolment create")
	g.run(create, operator)
	sheet, err := os.ReadFile(filepath.Join(g.folder, "sheet.html"))
	if err != nil {
		t.Fatal(err)
	}
	list := g.next("lienthong enrolment list")
	kept := strings.Fields(g.run(list+" | tail -1", operator))[0]
	g.run(strings.Replace(create, "sheet.html", "second.html", 1), operator)
	all := g.run(list, operator)
	revoked := regexp.MustCompile(`(?m)^[0-9a-f]{8}-[0-9a-f-]{27}`).FindAllString(all, -1)
	if revoked = slices.DeleteFunc(revoked, func(id string) bool { return id == kept }); len(revoked) != 1 {
		t.Fatalf("the sheets are %s", all)
	}
	g.run(g.next("lienthong enrolment revoke ID", " ID", " "+revoked[0]), operator)
	keys := g.next("lienthong key list")
	again := g.run(g.next("lienthong enrolment create", `"..."`, `"Phòng CNTT"`), operator)
	redeem := g.shell(g.next("lienthong enrol https://HUB", "https://HUB", w.hub.URL), nil)
	redeem.Stdin = strings.NewReader(code(string(sheet)) + "\n")
	if out, err := redeem.CombinedOutput(); err != nil || !strings.Contains(string(out), "rest.secret") {
		t.Fatalf("redeemed: %v %s", err, out)
	}
	if list := g.run(keys, operator); !strings.Contains(list, "enrolment "+kept) {
		t.Errorf("the keys are %s", list)
	}
	if out := g.run(g.next("curl -d", "ABCD-...", code(again), "https://HUB", w.hub.URL)); !strings.Contains(out, `"channel":"vxp"`) {
		t.Errorf("redeemed with curl: %s", out)
	}
	if out := g.run("lienthong agency test", "LIENTHONG_KEY_FILE="+filepath.Join(g.folder, "secrets", "rest.secret")); !strings.Contains(out, "answer") {
		t.Errorf("with what the sheet gave: %s", out)
	}
}

// strangeAxis answers as an axis on which a package waits that nobody can read, and whose
// register has an agency.
func strangeAxis(t *testing.T) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		data := `[]`
		switch operation := path.Base(r.URL.Path); {
		case operation == "getAgenciesList":
			data = `[{"id":"1","pid":"","code":"000.00.12.H41","name":"Sở Mẫu","mail":""}]`
		case operation == "getReceivedEdocList" && r.Header.Get("XroadVnpt-messagetype") == "edoc":
			data = `[{"docId":"p-1"},{"docId":"p-2"}]`
		case operation == "getEdoc":
			data = `"` + base64.StdEncoding.EncodeToString([]byte("this is no package")) + `"`
		}
		_, _ = io.WriteString(w, `{"status":"OK","ErrorCode":"0","ErrorDesc":"","data":`+data+`}`)
	}))
	t.Cleanup(s.Close)
	return s.URL
}

// TestDocumentedAxis: a hub becomes a member of an axis by the settings of the page, takes
// the register over, and its operator deals with packages that cannot be read; then the
// page's nation and province exchange a document.
func TestDocumentedAxis(t *testing.T) {
	t.Parallel()
	g := openGuide(t, build(t), "connect-axis.md")
	serve := g.next("lienthong serve --axis", "https://AXIS/ENDPOINT", strangeAxis(t)+"/vxp", "axis.secret", g.file("axis.secret", "secret"))
	w := newTown(t, append(strings.Fields(serve)[2:], "--axis-poll", "1s")...)
	g.env = append(g.env, "LIENTHONG_URL="+w.hub.URL)
	operator := "LIENTHONG_KEY=" + w.operatorKey()
	g.run(g.next("lienthong axis agencies"), operator)
	dry := g.next("lienthong agency import --dry-run away.csv")
	if out := g.run(dry, operator) + g.run(strings.Replace(dry, "--dry-run ", "", 1), operator); !strings.Contains(out, "1") {
		t.Errorf("imported: %s", out)
	}
	if out := g.run("lienthong agency show 000.00.12.H41", operator); !strings.Contains(out, "Sở Mẫu") {
		t.Errorf("the directory has %s", out)
	}
	w.await("the packages to be held", func() bool {
		held, err := w.client(w.operatorKey()).AxisHeld(t.Context(), hub.Page{Limit: 10})
		return err == nil && len(held.Items) == 2 && held.Items[0].Waits && held.Items[1].Waits
	})
	if out := g.run(g.next("lienthong axis status"), operator); !strings.Contains(out, "2") {
		t.Errorf("the status is %s", out)
	}
	if out := g.run(g.next("lienthong axis held"), operator); !strings.Contains(out, "p-1") || !strings.Contains(out, "text outside of the root element") {
		t.Errorf("held are %s", out)
	}
	g.run(g.next("lienthong axis get", "PACKAGE", "p-1"), operator)
	if got, err := os.ReadFile(filepath.Join(g.folder, "held.edxml")); err != nil || string(got) != "this is no package" {
		t.Errorf("the bytes are %q, %v", got, err)
	}
	g.run(g.next("lienthong axis retry", "PACKAGE", "p-1"), operator)
	g.run(g.next("lienthong axis give-up", "PACKAGE", "p-2", `"..."`, `"Không đọc được"`), operator)
	g.twoHubs(w)
}

// TestDocumentedProvince: who follows the page from an empty hub on sends the directive, finds
// each number of the figures and what it counts, and goes through 1 July 2025.
func TestDocumentedProvince(t *testing.T) {
	t.Parallel()
	g := openGuide(t, build(t), "first-province.md")
	document := filepath.Join(t.TempDir(), "a")
	if err := os.MkdirAll(document, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := writeDocuments(document); err != nil {
		t.Fatal(err)
	}
	pdf, err := os.ReadFile(filepath.Join(document, "signed.pdf"))
	if err != nil {
		t.Fatal(err)
	}
	g.file("173.pdf", string(pdf))
	g.file("173.json", g.block("json", 0))
	address := freeAddress(t)
	patience := fmt.Sprintf("timeout %d sh -c ", int(server.Patience.Seconds()))
	var script strings.Builder
	for counted := false; len(g.commands) > 0; {
		command := strings.ReplaceAll(g.next(""), "127.0.0.1:8080", address)
		switch {
		case strings.HasSuffix(command, "&"):
			fmt.Fprintf(&script, "%s >hub.log 2>&1 &\ntrap \"kill $!; wait\" EXIT\n%s'until curl -fs http://%s/readyz >/dev/null; do sleep 0.1; done'\n", strings.TrimSuffix(command, "&"), patience, address)
			continue
		case command == "lienthong figures" && !counted:
			counted = true
			fmt.Fprintf(&script, "%s\"until lienthong figures --json | jq -e '.pending != true and .total.sent.tasks_done_in_time == 1' >/dev/null; do sleep 0.2; done\"\n", patience)
		}
		fmt.Fprintf(&script, "echo '$ '%q\n%s\n", strings.ReplaceAll(command, "$", ""), command)
	}
	out := g.run(script.String())
	after := func(command, wants string) {
		t.Helper()
		_, rest, found := strings.Cut(out, "$ "+command+"\n")
		rest, _, _ = strings.Cut(rest, "\n$ ")
		if !found || !regexp.MustCompile("(?m)"+wants).MatchString(rest) {
			t.Errorf("%s, want %s:\n%s", command, wants, rest)
		}
	}
	after("lienthong task list --assigned", "173/UBND-KSTTHC +Nâng cấp")
	after("lienthong figures", `^overdue +2 +2$`)
	after("lienthong figures", `^tasks_open +3 +3$`)
	after("lienthong figures --level department", `^Sở Nội vụ tỉnh Quảng Nam \(hư cấu\) +department`)
	after("lienthong figures documents sent overdue", `12/UBND-KSTTHC +V/v báo cáo quý +Sở Tư pháp`)
	after("lienthong figures documents sent tasks_open", `H47.02 .*Nâng cấp Cổng dịch vụ công$`)
	after("lienthong agency tree H17 --at 2025-07-01", "commune")
	after("LIENTHONG_KEY_FILE=H17.02.key lienthong task list", "not_started +H47.02 .*Nâng cấp")
	after("LIENTHONG_KEY_FILE=H47.key lienthong figures", `^tasks_open +3 +3$`)
	receipts, err := filepath.Glob(filepath.Join(g.folder, "receipts", "*"))
	if err != nil || len(receipts) < 5 {
		t.Errorf("%d receipts, %v", len(receipts), err)
	}
}

// twoHubs runs the rest of the page in one shell, as somebody types it: with time for a
// hub to start, and until the document is there.
func (g *guide) twoHubs(w *town) {
	g.Helper()
	nation, province := freeAddress(g.T), freeAddress(g.T)
	var script strings.Builder
	g.folder = g.TempDir() // another reader's
	for len(g.commands) > 1 {
		command := g.next("")
		for was, is := range map[string]string{"127.0.0.1:8500": nation, "127.0.0.1:8501": province} {
			command = strings.ReplaceAll(command, was, is)
		}
		script.WriteString(command + "\n")
		if strings.HasSuffix(command, "&") {
			address := nation
			if strings.Contains(command, "--name province") {
				address = province
			}
			fmt.Fprintf(&script, "until curl -fs http://%s/readyz >/dev/null; do sleep 0.1; done\n", address)
		}
	}
	last := strings.ReplaceAll(g.next("LIENTHONG_URL=", "127.0.0.1:8500", nation), "\n", "")
	fmt.Fprintf(&script, "until %s | tee inbox | grep -q 'Thử trục'; do sleep 0.2; done\ntouch arrived\nwait\n", last)
	g.file("letter.pdf", string(w.signed()))
	g.background(script.String())
	w.await("the document at the ministry", func() bool {
		_, err := os.Stat(filepath.Join(g.folder, "arrived"))
		return err == nil
	})
	if inbox, err := os.ReadFile(filepath.Join(g.folder, "inbox")); err != nil || !strings.Contains(string(inbox), "5/UBND") {
		g.Errorf("the inbox of the ministry: %s, %v", inbox, err)
	}
}
