package axistest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lienthong/lienthong/adapters/edxml"
	"github.com/lienthong/lienthong/adapters/hubclient"
	"github.com/lienthong/lienthong/adapters/vxp"
	"github.com/lienthong/lienthong/hub"
)

// evening is an agency whose system is on the axis of a nation, and a hub to which it
// moves. The department stays on the axis.
type evening struct {
	*country
	town   *site
	key    string // of the operator
	link   *link
	secret string
	there  *vxp.Client // the system as it is at the axis
	here   *vxp.Client // and at the hub: another address, nothing else
}

// system is that of the page about moving.
const system = "qlvb.c1"

func newEvening(t *testing.T, env ...string) *evening {
	t.Helper()
	e := &evening{country: &country{t: t, nation: newSite(t, "nation", agencies(""), []string{department, office}, "LIENTHONG_VXP_PATH=/vxp")}}
	secret, err := os.ReadFile(e.nation.admit(system, commune))
	if err != nil {
		t.Fatal(err)
	}
	e.secret, e.link = strings.TrimSpace(string(secret)), newLink(t, e.nation.url)
	own := strings.Split(agencies(""), "\n")
	e.town = newSite(t, "town", strings.Join(own[:4], "\n")+"\n", []string{neighbour}, append(env, "LIENTHONG_AXIS_POLL=100ms", "LIENTHONG_AXIS_PATIENCE=1s")...)
	e.first = e.town
	if e.key, err = e.town.process.OperatorKey(); err != nil {
		t.Fatal(err)
	}
	e.there, e.here = e.client(e.nation), e.client(e.town)
	return e
}

func (e *evening) client(at *site) *vxp.Client {
	return &vxp.Client{HTTP: http.DefaultClient, Endpoint: at.url + "/vxp", System: system, Secret: e.secret, Now: time.Now}
}

func (e *evening) wish(secret string) hubclient.PassageWish {
	return hubclient.PassageWish{Endpoint: "http://" + e.link.proxy.Listen + "/vxp", Agencies: []string{commune}, Secret: secret}
}

// documented runs the command of the page about moving that begins so.
func (e *evening) documented(command string) string {
	e.t.Helper()
	page, err := os.ReadFile("../../deploy/move-in.md")
	if err != nil {
		e.t.Fatal(err)
	}
	at := strings.Index(string(page), "    "+command)
	if at < 0 {
		e.t.Fatalf("the page has no command %q", command)
	}
	line, _, _ := strings.Cut(string(page[at:]), "\n")
	dir := e.t.TempDir()
	for name, text := range map[string]string{"qlvb.secret": e.secret, "operator.key": e.key} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text+"\n"), 0o600); err != nil {
			e.t.Fatal(err)
		}
	}
	cmd := exec.CommandContext(e.t.Context(), "sh", "-euc", `lienthong() { "$BIN" "$@"; }; `+strings.TrimSpace(line))
	cmd.Dir = dir
	cmd.Env = []string{"BIN=" + e.town.options.Bin, "LIENTHONG_URL=" + e.town.url, "LIENTHONG_KEY_FILE=operator.key", "AXIS=" + e.wish("").Endpoint, "HOME=" + dir}
	out, err := cmd.CombinedOutput()
	if err != nil {
		e.t.Fatalf("%s: %v\n%s", line, err, out)
	}
	return string(out)
}

// moveIn switches the passage on.
func (e *evening) moveIn() {
	e.t.Helper()
	if out := e.documented("lienthong axis pass-through on"); !strings.Contains(out, system+"  on ") {
		e.t.Fatalf("switched on: %s", out)
	}
}

// waiting lists what waits of a kind for the system.
func (e *evening) waiting(c *vxp.Client, kind string) []string {
	e.t.Helper()
	rows, err := c.Received(e.t.Context(), kind)
	if err != nil {
		e.t.Fatal(err)
	}
	var ids []string
	for _, r := range rows {
		ids = append(ids, r.DocID)
	}
	return ids
}

// awaitWaiting waits until so many packages of a kind wait at the hub.
func (e *evening) awaitWaiting(kind string, n int) []string {
	e.t.Helper()
	var ids []string
	await(e.t, "packages of the kind "+kind, func() (bool, string) {
		ids = e.waiting(e.here, kind)
		return len(ids) == n, e.town.process.Log()
	})
	return ids
}

// receive fetches a package and acknowledges it.
func (e *evening) receive(c *vxp.Client, id string) string {
	e.t.Helper()
	content, err := c.Fetch(e.t.Context(), id)
	if err == nil {
		err = c.Update(e.t.Context(), id, "done")
	}
	if err != nil {
		e.t.Fatal(err)
	}
	return string(content)
}

// packaged is a letter of the commune as its system makes one.
func packaged(t *testing.T, id string, to ...string) []byte {
	t.Helper()
	sub, files := letter(id, commune, to...)
	sub.Document.TypeCode, sub.Document.SteeringType, sub.Document.Signer = 18, 1, hub.Signer{FullName: "Nguyễn Văn Mẫu"}
	sub.Document.Place = "Mẫu"
	sub.Parts = []hub.Part{files[0].Part}
	sub.Trace = []hub.Hop{{Agency: commune, Time: time.Date(2026, 1, 5, 8, 0, 0, 0, hub.Vietnam())}}
	raw := []byte("%PDF-1.7\n" + strings.Repeat("văn bản "+id+"\n", 200))
	var out bytes.Buffer
	if err := edxml.New(edxml.Options{}).EncodeSubmission(t.Context(), &out, sub, nil, func(context.Context, hub.Part) (hub.Blob, error) {
		return hub.BlobOf(raw), nil
	}); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// send has the system send a package over the hub.
func (e *evening) send(id string, to ...string) (file []byte, docID string) {
	e.t.Helper()
	file = packaged(e.t, id, to...)
	docID, err := e.here.Send(e.t.Context(), "edoc", commune, file)
	if err != nil {
		e.t.Fatal(err)
	}
	return file, docID
}

// report has the system report on a document that it received.
func (e *evening) report(c *vxp.Client, code hub.StatusCode, id string) error {
	var out bytes.Buffer
	err := edxml.New(edxml.Options{}).EncodeStatus(&out, hub.StatusMessage{
		From: commune, Code: code, Description: "Đã nhận", StatedAt: time.Now(),
		For: hub.Reference{Agency: department, Number: id + "/UBND", ExternalID: department + ",2026/01/05," + id + "/UBND", Promulgated: "2026-01-05"},
	})
	if err == nil {
		_, err = c.Send(e.t.Context(), "status", commune, out.Bytes())
	}
	return err
}

// awaitOff waits until the passage is off.
func (e *evening) awaitOff() {
	e.t.Helper()
	await(e.t, "the passage being off", func() (bool, string) {
		all, err := e.town.operator.Passages(e.t.Context())
		return err == nil && len(all) == 1 && all[0].State == hub.PassageOff, e.town.process.Log()
	})
}

// TestMoveInAndBack: a system moves to the hub with a document that waits on its axis,
// works over the hub while links are cut and hubs killed, and moves back with a document
// that waits here. Each document is at its recipient once.
func TestMoveInAndBack(t *testing.T) {
	t.Parallel()
	e := newEvening(t)
	ctx := t.Context()
	before, after := e.beforeTheMove()
	early := e.nation.send("51", department, commune)
	for _, secret := range []string{"not the secret", strings.ToUpper(e.secret)} {
		if _, err := e.town.operator.PassThrough(ctx, system, e.wish(secret)); hub.KindOf(err) != hub.KindInvalid || hub.ViolationsOf(err)[0].Field != "secret" {
			t.Errorf("with another secret: %v", err)
		}
	}
	if all, err := e.town.operator.Passages(ctx); err != nil || len(all) != 0 {
		t.Errorf("after that %+v, %v pass through", all, err)
	}
	e.moveIn()
	if got := e.town.hops(commune); !strings.Contains(got, "axis/name axis/connect axis/answer") || !strings.Contains(got, "vxp/answer") {
		t.Errorf("the connection of an agency that passes through: %s", got)
	}
	ids := e.awaitWaiting("edoc", 1)
	if again := e.waiting(e.here, "edoc"); !slices.Equal(ids, again) {
		t.Errorf("the ids are %v and then %v", ids, again)
	}
	if !strings.Contains(e.receive(e.here, ids[0]), "51") {
		t.Error("another document came")
	}
	if err := e.report(e.here, hub.StatusAccepted, "51"); err != nil {
		t.Fatal(err)
	}
	e.nation.awaitState(department, early.Dispatch.ID, commune, hub.StateAccepted)

	e.afterTheMove(before, after)
	file, first := e.send("52", department, neighbour)
	arrived := e.nation.awaitArrival(department, "52")
	if local := e.town.awaitArrival(neighbour, "52"); local.Dispatch.ID != hub.DispatchID(first) {
		t.Errorf("locally it is %s", local.Dispatch.ID)
	}
	if p := arrived.Dispatch.PartByID("envelope"); p == nil || p.Digest != sha256.Sum256(file) {
		t.Errorf("another package arrived: %+v", p)
	}
	e.nation.collect(department, arrived)
	e.nation.enter(department, arrived, "9")
	for _, id := range e.awaitWaiting("status", 1) {
		e.receive(e.here, id)
	}
	await(t, "the system reading that it is done", func() (bool, string) {
		rows, err := e.here.Sent(ctx, first)
		return err == nil && slices.ContainsFunc(rows, func(r vxp.SentRow) bool { return r.ToCode == department && r.ReceiveStatus == "done" }), ""
	})

	e.link.spoil("timeout", "downstream", `{"timeout": 0}`) // the axis takes, and its answers are lost
	_, lost := e.send("53", department)
	if _, again := e.send("53", department); again != lost {
		t.Errorf("the repetition is %s, the first %s", again, lost)
	}
	e.nation.awaitArrival(department, "53")
	e.town.crash()
	e.here.Endpoint = e.town.url + "/vxp"
	e.link.heal()
	e.nation.process.Kill()
	e.send("54", department)
	e.nation.start()
	e.nation.awaitArrival(department, "54")
	await(t, "all being handed over", func() (bool, string) {
		all, err := e.town.operator.Passages(ctx)
		return err == nil && all[0].Left.Outgoing == 0, e.town.process.Log()
	})

	e.link.spoil("limit_data", "downstream", `{"bytes": 2500}`) // answers are cut in the middle
	e.nation.send("540", department, commune)
	e.awaitFault("the axis")
	e.link.heal()
	e.receive(e.here, e.awaitWaiting("edoc", 1)[0])
	e.otherSecret()
	e.nation.send("55", department, commune)
	ids = e.awaitWaiting("edoc", 1)
	if out := e.documented("lienthong axis pass-through off"); !strings.Contains(out, "leaving") || !strings.Contains(out, "1 to collect here") {
		t.Fatalf("switched off: %s", out)
	}
	e.nation.send("56", department, commune)
	e.town.crash()
	if got := e.receive(e.here, ids[0]); !strings.Contains(got, "55") {
		t.Error("another document came")
	}
	e.awaitOff()
	if out := e.documented("lienthong axis pass-through list"); !strings.Contains(out, system+"  off ") {
		t.Errorf("in the end %s", out)
	}
	if _, err := e.here.Received(ctx, "edoc"); err == nil {
		t.Error("the hub lets a system in that has moved back")
	}
	ids = e.waiting(e.there, "edoc")
	if len(ids) != 1 || !strings.Contains(e.receive(e.there, ids[0]), "56") {
		t.Errorf("at the axis wait %v", ids)
	}
	e.onceAtTheNation(commune, 1, "50", "52", "53", "54", "541")
}

// awaitFault waits until the list of passages shows an error.
func (e *evening) awaitFault(text string) {
	e.t.Helper()
	await(e.t, "the passage telling of an error", func() (bool, string) {
		all, err := e.town.operator.Passages(e.t.Context())
		return err == nil && strings.Contains(all[0].Axis.LastError, text), e.town.process.Log()
	})
}

// otherSecret has the axis give the system another secret: what is sent meanwhile waits,
// until the operator of the hub has it too.
func (e *evening) otherSecret() {
	e.t.Helper()
	keys, err := e.nation.operator.Keys(e.t.Context())
	if err != nil {
		e.t.Fatal(err)
	}
	for i := range keys {
		if keys[i].System == system {
			if err := e.nation.operator.RevokeKey(e.t.Context(), keys[i].ID); err != nil {
				e.t.Fatal(err)
			}
		}
	}
	e.send("541", department)
	e.awaitFault("401")
	secret, err := os.ReadFile(e.nation.admit(system, commune))
	if err != nil {
		e.t.Fatal(err)
	}
	e.secret = strings.TrimSpace(string(secret))
	e.moveIn()
	e.there, e.here = e.client(e.nation), e.client(e.town)
	e.nation.awaitArrival(department, "541")
}

// beforeTheMove has the system receive a document at its axis and send one there.
func (e *evening) beforeTheMove() (received, sent hub.Accepted) {
	e.t.Helper()
	received = e.nation.send("49", department, commune)
	for _, id := range e.waiting(e.there, "edoc") {
		e.receive(e.there, id)
	}
	id, err := e.there.Send(e.t.Context(), "edoc", commune, packaged(e.t, "50", department))
	if err != nil {
		e.t.Fatal(err)
	}
	sent.Dispatch.ID = hub.DispatchID(id)
	return received, sent
}

// afterTheMove has both sides report on what the hub never had: it passes that on, once.
func (e *evening) afterTheMove(received, sent hub.Accepted) {
	e.t.Helper()
	for range 2 {
		if err := e.report(e.here, hub.StatusAccepted, "49"); err != nil {
			e.t.Fatal(err)
		}
	}
	e.nation.awaitState(department, received.Dispatch.ID, commune, hub.StateAccepted)
	arrived := e.nation.awaitArrival(department, "50")
	e.nation.collect(department, arrived)
	e.nation.enter(department, arrived, "8")
	ids := e.awaitWaiting("status", 1)
	e.town.crash()
	e.here.Endpoint = e.town.url + "/vxp"
	if again := e.awaitWaiting("status", 1); !slices.Equal(again, ids) {
		e.t.Errorf("the ids are %v and then %v", ids, again)
	}
	if got := e.receive(e.here, ids[0]); !strings.Contains(got, "50/UBND") {
		e.t.Errorf("another status message came: %s", got)
	}
	if err := e.here.Update(e.t.Context(), ids[0], "done"); err != nil { // repeated
		e.t.Error(err)
	}
	if rest := e.waiting(e.here, "status"); len(rest) > 0 {
		e.t.Errorf("after that wait %v", rest)
	}
}

// onceAtTheNation fails the test unless an agency sent each of these once, and nothing
// else; so many of them before it moved.
func (e *evening) onceAtTheNation(from string, before int, numbers ...string) {
	e.t.Helper()
	auditor := e.nation.auditor(from)
	list, err := auditor.Sent(e.t.Context(), hubclient.SentQuery{Page: hub.Page{Limit: 200}})
	if err != nil {
		e.t.Fatal(err)
	}
	var got []string
	for i := range list.Items {
		got = append(got, list.Items[i].Dispatch.Document.CodeNumber)
		e.nation.evidence(auditor, list.Items[i].Dispatch.ID)
	}
	slices.Sort(got)
	if !slices.Equal(got, numbers) {
		e.t.Errorf("the axis has %v, want %v", got, numbers)
	}
	ours := e.town.auditor(from)
	mine, err := ours.Sent(e.t.Context(), hubclient.SentQuery{Page: hub.Page{Limit: 200}})
	if err != nil || len(mine.Items) != len(numbers)-before {
		e.t.Errorf("the hub has %d, %v", len(mine.Items), err)
	}
	for i := range mine.Items {
		for _, d := range mine.Items[i].Deliveries {
			taken := events(e.town.evidence(ours, mine.Items[i].Dispatch.ID), d.ID)
			if n := len(slices.DeleteFunc(slices.Clone(taken), func(s string) bool { return s != "RelayAcceptance" })); d.Channel == hub.ChannelAxis && n != 1 {
				e.t.Errorf("the evidence of %s: %v", mine.Items[i].Dispatch.Document.CodeNumber, taken)
			}
		}
	}
}
