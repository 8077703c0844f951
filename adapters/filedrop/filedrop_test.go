package filedrop_test

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/lienthong/lienthong/adapters/filedrop"
	"github.com/lienthong/lienthong/hub"
)

// hubOf is a hub that keeps the promises which the adapter builds on: the same key gives
// the first answer again, and so does a second acknowledgement.
type hubOf struct {
	sent   map[string]hub.Accepted // by key
	box    []hub.Item
	acks   map[hub.DeliveryID]int // how often the first one was recorded
	leased map[hub.DeliveryID]int64
	err    error // of every call
	steal  bool  // leases are lost before the acknowledgement
	// unread are dispatches whose content, and whose evidence, cannot be had; recalled are
	// deliveries that were taken back.
	unread   map[hub.DispatchID]bool
	recalled map[hub.DeliveryID]bool
	before   func() error // of every look at content
}

func newHub() *hubOf {
	return &hubOf{sent: map[string]hub.Accepted{}, acks: map[hub.DeliveryID]int{}, leased: map[hub.DeliveryID]int64{}, unread: map[hub.DispatchID]bool{}, recalled: map[hub.DeliveryID]bool{}}
}

const content = "%PDF nội dung"

func sealed(event hub.Event, id string) hub.SealedEvidence {
	return hub.SealedEvidence{Evidence: hub.Evidence{ID: hub.EvidenceID(id), Event: event}, Canonical: []byte("{}"), JWS: "a..b"}
}

func (h *hubOf) accept(key string) (hub.Accepted, error) {
	if h.err != nil {
		return hub.Accepted{}, h.err
	}
	a, again := h.sent[key]
	if !again {
		id := fmt.Sprint("x", len(h.sent))
		a = hub.Accepted{Dispatch: hub.Dispatch{ID: hub.DispatchID(id)}, Receipt: sealed(hub.EventSubmissionAcceptance, "e-"+id)}
		h.sent[key] = a
	}
	a.Duplicate = again
	return a, nil
}

func (h *hubOf) SendPackage(_ context.Context, open func() (io.ReadCloser, error), _ int64, key string) (hub.Accepted, error) {
	f, err := open()
	if err != nil {
		return hub.Accepted{}, err
	}
	defer f.Close()
	text, err := io.ReadAll(f)
	if err == nil && string(text) == "bad" {
		err = hub.Invalid("package", "xml", "not well-formed")
	}
	if err != nil {
		return hub.Accepted{}, err
	}
	return h.accept(key)
}

func (h *hubOf) SendFiles(_ context.Context, sub hub.Submission, files []filedrop.File) (hub.Accepted, error) {
	for _, f := range files {
		r, err := f.Open()
		if err != nil {
			return hub.Accepted{}, err
		}
		r.Close()
	}
	return h.accept(sub.Key)
}

func (h *hubOf) Forward(_ context.Context, order hub.ForwardOrder) (hub.Accepted, error) {
	if h.acks[order.Delivery] == 0 {
		return hub.Accepted{}, hub.Errorf(hub.KindNotFound, "delivery", "", "no delivery of yours has this id")
	}
	return h.accept("forward " + order.Fingerprint().String())
}

func (h *hubOf) Followed(_ context.Context, id hub.DispatchID) ([]hub.SealedEvidence, bool, error) {
	if h.unread[id] {
		return nil, false, hub.Errorf(hub.KindNotFound, "", "", "gone")
	}
	return []hub.SealedEvidence{sealed(hub.EventSubmissionAcceptance, "e-"+string(id)), sealed(hub.EventContentHandover, "h-"+string(id))}, true, h.err
}

func (h *hubOf) ReceiptXML(context.Context, hub.EvidenceID) ([]byte, error) {
	return []byte("<e/>"), h.err
}

func (h *hubOf) Lease(_ context.Context, most int, one hub.DeliveryID) ([]hub.Item, error) {
	if h.recalled[one] {
		return nil, hub.Errorf(hub.KindConflict, "deliveries", "state", "delivery %s is recalled", one)
	}
	var list []hub.Item
	for _, item := range h.box {
		id := item.Delivery.ID
		if h.acks[id] > 0 || len(list) == most || one != "" && one != id || one == "" && h.leased[id] > 0 {
			continue
		}
		h.leased[id]++
		item.Delivery.Lease = &hub.Lease{Fence: h.leased[id]}
		list = append(list, item)
	}
	return list, h.err
}

func (h *hubOf) Held(context.Context) ([]hub.DeliveryID, error) {
	var held []hub.DeliveryID
	for id, fence := range h.leased {
		if fence > 0 && h.acks[id] == 0 {
			held = append(held, id)
		}
	}
	return held, h.err
}

func (h *hubOf) Part(_ context.Context, id hub.DispatchID, _ hub.Part, w io.Writer) error {
	if h.before != nil {
		if err := h.before(); err != nil {
			return err
		}
	}
	if h.unread[id] {
		return hub.Internal("open a part", io.ErrUnexpectedEOF)
	}
	_, err := io.WriteString(w, content)
	return err
}

func (h *hubOf) Acknowledge(_ context.Context, id hub.DeliveryID, fence int64, digests map[string]hub.Digest) (hub.SealedEvidence, error) {
	if digests["p1"] != sha256.Sum256([]byte(content)) {
		return hub.SealedEvidence{}, hub.Invalid("parts", "digest", "other bytes")
	}
	if h.recalled[id] {
		return hub.SealedEvidence{}, hub.Errorf(hub.KindConflict, "delivery", "state", "recalled")
	}
	if h.steal {
		h.steal = false
		h.leased[id]++
	}
	if h.acks[id] == 0 {
		if fence != h.leased[id] {
			return hub.SealedEvidence{}, hub.Errorf(hub.KindConflict, "fence", "", "taken over")
		}
		h.acks[id]++
	}
	return sealed(hub.EventContentHandover, "h-"+string(id)), nil
}

// arrives puts a delivery into the box.
func (h *hubOf) arrives(id hub.DeliveryID, name string) {
	h.box = append(h.box, hub.Item{
		Dispatch: hub.Dispatch{ID: "d" + hub.DispatchID(id), Parts: []hub.Part{{ID: "p1", Name: name, Size: int64(len(content)), Digest: sha256.Sum256([]byte(content))}}},
		Delivery: hub.Delivery{ID: id},
	})
}

type killed struct{}

// world is a folder and a hub, with a program on it that can be killed.
type world struct {
	*testing.T
	root  string
	hub   *hubOf
	clock time.Time
	// unflushed spares the disk where lives end by kills of the program alone.
	unflushed bool
}

func newWorld(t *testing.T) *world {
	t.Helper()
	return &world{T: t, root: t.TempDir(), hub: newHub(), clock: time.Date(2026, 3, 2, 1, 30, 0, 0, time.UTC)}
}

// life runs the program for some rounds, or until it is killed before step number n; 0
// never. It reports whether it was.
func (w *world) life(n int) (dead bool, failed error) {
	w.Helper()
	o := filedrop.Options{Root: w.root, Sending: w.hub, Box: w.hub, Log: slog.New(slog.DiscardHandler), Now: func() time.Time { return w.clock }, Settle: 10 * time.Second}
	if w.unflushed {
		o.Unflushed()
	}
	steps := 0
	o.At(func(string) {
		if steps++; steps == n {
			panic(killed{})
		}
	})
	d, err := filedrop.Open(o)
	if err != nil {
		w.Fatal(err)
	}
	defer d.Close()
	defer func() {
		if r := recover(); r != nil {
			if _, ok := r.(killed); !ok {
				panic(r)
			}
			dead = true
		}
	}()
	for range 3 {
		failed = d.Round(w.Context())
		w.clock = w.clock.Add(10 * time.Second)
	}
	return false, failed
}

func (w *world) put(name, text string) {
	w.Helper()
	path := filepath.Join(w.root, "out", filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
		w.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		w.Fatal(err)
	}
}

// names lists a folder without what begins with a dot.
func (w *world) names(folder string) []string {
	w.Helper()
	entries, err := os.ReadDir(filepath.Join(w.root, folder))
	if err != nil {
		w.Fatal(err)
	}
	var list []string
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), ".") {
			list = append(list, e.Name())
		}
	}
	return list
}

func (w *world) want(folder string, want ...string) {
	w.Helper()
	if got := w.names(folder); !slices.Equal(got, want) {
		w.Errorf("%s holds %q, want %q", folder, got, want)
	}
}

const submission = `{"sender":"H47","recipients":["H47.12"],"document":{"subject":"x"},"files":["a.pdf"]}`

func (w *world) fill() {
	w.put("công văn.edxml", "<edXML/>")
	w.put("công văn.edxml.done", "")
	w.put("second/"+"submission.json", submission)
	w.put("second/a.pdf", content)
	w.put("second/done", "")
	w.hub.arrives("v1", "../../etc/passwd")
	w.hub.arrives("v2", "b.pdf")
}

func (w *world) check() {
	w.Helper()
	if len(w.hub.sent) != 2 || w.hub.acks["v1"] != 1 || w.hub.acks["v2"] != 1 {
		w.Errorf("%d documents were sent, acknowledgements %v", len(w.hub.sent), w.hub.acks)
	}
	w.want("out")
	w.want("work")
	w.want("refused")
	w.want("sent", "công văn.edxml", "second")
	w.want("in", "v1", "v2")
	w.want("in/v1", "ContentHandover-h-v1.json", "ContentHandover-h-v1.xml", "delivery.json", "done", "p1-_.._etc_passwd")
	w.want("sent/second", "ContentHandover-h-x0.json", "ContentHandover-h-x0.xml", "SubmissionAcceptance-e-x0.json", "SubmissionAcceptance-e-x0.xml", "ended", "original-second", "sent.json")
	if text, err := os.ReadFile(filepath.Join(w.root, "in", "v2", "p1-b.pdf")); err != nil || string(text) != content {
		w.Errorf("an arrival: %q, %v", text, err)
	}
}

// TestKillAtEveryStep: whatever step a kill comes before, and a second kill at the same
// distance from the next start, nothing is lost and nothing done twice.
func TestKillAtEveryStep(t *testing.T) {
	for n := 1; ; n++ {
		w := newWorld(t)
		w.unflushed = true
		if err := os.MkdirAll(filepath.Join(w.root, "out"), 0o750); err != nil {
			t.Fatal(err)
		}
		w.fill()
		dead, _ := w.life(n)
		w.life(n)
		if _, err := w.life(0); err != nil {
			t.Fatalf("killed before step %d: %v", n, err)
		}
		if len(w.hub.sent) != 2 || w.hub.acks["v1"] != 1 || w.hub.acks["v2"] != 1 {
			t.Errorf("killed before step %d: %d documents were sent, acknowledgements %v", n, len(w.hub.sent), w.hub.acks)
		}
		w.want("out")
		w.want("work")
		w.want("sent", "công văn.edxml", "second")
		w.want("in", "v1", "v2")
		if t.Failed() {
			t.Fatalf("killed before step %d", n)
		}
		if !dead {
			w.check()
			if n < 20 {
				t.Errorf("only %d steps", n)
			}
			return
		}
	}
}

// TestWhatIsComplete: half a file is not taken, whatever comes and goes meanwhile.
func TestWhatIsComplete(t *testing.T) {
	w := newWorld(t)
	w.put("a.edxml", "<ed")
	w.put("b.edxml.tmp", "<ed")
	w.put("folder/submission.json", submission)
	if _, err := w.life(0); err != nil { // 10 s apart: the second look finds it as it was
		t.Fatal(err)
	}
	w.want("sent", "a.edxml")
	w.want("out", "b.edxml.tmp", "folder")
	w.clock = w.clock.Add(time.Hour)
	d, err := filedrop.Open(filedrop.Options{Root: w.root, Sending: w.hub, Box: w.hub, Log: slog.New(slog.DiscardHandler), Now: func() time.Time { return w.clock }, Settle: 10 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	for n := range 5 { // it grows between looks
		w.put("c.edxml", strings.Repeat("x", n+1))
		if err := d.Round(t.Context()); err != nil {
			t.Fatal(err)
		}
		w.clock = w.clock.Add(11 * time.Second)
	}
	w.want("sent", "a.edxml")
	if _, err := filedrop.Open(filedrop.Options{Root: w.root}); hub.KindOf(err) != hub.KindConflict {
		t.Errorf("a second process on the folder: %v", err)
	}
}

// TestRepeats: the same content under any name, as often as a drive shows it, is one
// submission; its receipts are there each time.
func TestRepeats(t *testing.T) {
	w := newWorld(t)
	for _, name := range []string{"a.edxml", "b.edxml"} {
		w.put(name, "<edXML/>")
		w.put(name+".done", "")
	}
	w.life(0)
	w.put("a.edxml", "<edXML/>")
	w.life(0)
	w.want("sent", "a.edxml", "a.edxml~2", "b.edxml")
	if len(w.hub.sent) != 1 {
		t.Errorf("%d submissions", len(w.hub.sent))
	}
	var note struct {
		Before bool `json:"sent_before"`
	}
	text, err := os.ReadFile(filepath.Join(w.root, "sent", "a.edxml~2", "sent.json"))
	if err == nil {
		err = json.Unmarshal(text, &note)
	}
	if err != nil || !note.Before {
		t.Errorf("%s, %v", text, err)
	}
}

// TestRefused: what can't be sent is put aside with the reason, and nothing outside is
// touched.
func TestRefused(t *testing.T) {
	w := newWorld(t)
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, []byte(submission), 0o600); err != nil {
		t.Fatal(err)
	}
	link := func(name string) {
		t.Helper()
		path := filepath.Join(w.root, "out", name)
		if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(secret, path); err != nil {
			t.Fatal(err)
		}
	}
	folder := func(name, text string) {
		w.put(name+"/submission.json", text)
		w.put(name+"/done", "")
	}
	w.put("bad.edxml", "bad")
	w.put("photo.jpg", "x")
	link("link.edxml")
	folder("escape", strings.Replace(submission, "a.pdf", "../../secret", 1))
	folder("linked", strings.Replace(submission, "a.pdf", "l.pdf", 1))
	link("linked/l.pdf")
	folder("missing", submission)
	folder("no json", "{")
	folder("unknown", `{"files":["a.pdf"],"wrong":1}`)
	folder("twice", strings.Replace(submission, `{`, `{"recipients":["H47.99"],`, 1))
	folder("case", strings.Replace(submission, `{`, `{"Recipients":["H47.99"],`, 1))
	w.put("empty/done", "")
	w.put("arrival-v9/done", "")
	if _, err := w.life(0); err != nil {
		t.Fatal(err)
	}
	want := []string{"_arrival-v9", "bad.edxml", "case", "empty", "escape", "link.edxml", "linked", "missing", "no json", "photo.jpg", "twice", "unknown"}
	w.want("refused", want...)
	w.want("out")
	if len(w.hub.sent) != 0 {
		t.Errorf("something was sent: %v", w.hub.sent)
	}
	for name, rule := range map[string]string{"bad.edxml": "xml", "link.edxml": "regular_file", "linked": "regular_file", "escape": "name", "missing": "missing", "photo.jpg": "package", "no json": "json", "unknown": "unknown_member", "twice": "duplicate_member", "case": "unknown_member"} {
		text, err := os.ReadFile(filepath.Join(w.root, "refused", name, "reason.json"))
		if err != nil || !strings.Contains(string(text), `"rule": "`+rule+`"`) {
			t.Errorf("%s: %s %v, want the rule %s", name, text, err, rule)
		}
	}
	if text, err := os.ReadFile(secret); err != nil || string(text) != submission {
		t.Errorf("the file behind a link: %q, %v", text, err)
	}
}

// TestForward: an order about what came is an act as any other, and the same one once.
func TestForward(t *testing.T) {
	w := newWorld(t)
	w.hub.arrives("v1", "a.pdf")
	w.life(0)
	for name, text := range map[string]string{
		"on": `{"delivery":"v1","recipients":["H47.12"],"note":"Xử lý"}`, "again": `{"delivery":"v1","recipients":["H47.12"],"note":"Xử lý"}`,
		"strange": `{"delivery":"v9","recipients":["H47.12"]}`, "which": `{"recipients":["H47.12"]}`, "unknown": `{"delivery":"v1","to":"H47.12"}`, "half": `{"delivery":`,
	} {
		w.put(name+"/forward.json", text)
		w.put(name+"/done", "")
	}
	w.put("both/forward.json", `{"delivery":"v1","recipients":["H47.12"]}`)
	w.put("both/submission.json", submission)
	w.put("both/done", "")
	if _, err := w.life(0); err != nil {
		t.Fatal(err)
	}
	w.want("sent", "again", "on")
	w.want("refused", "both", "half", "strange", "unknown", "which")
	if len(w.hub.sent) != 1 {
		t.Errorf("%d acts, want one", len(w.hub.sent))
	}
}

// TestHubAway: nothing is refused for that, and all is done when it is back.
func TestHubAway(t *testing.T) {
	w := newWorld(t)
	w.fill()
	w.hub.err = hub.Errorf(hub.KindUnavailable, "", "", "away")
	if _, err := w.life(0); hub.KindOf(err) != hub.KindUnavailable {
		t.Errorf("%v", err)
	}
	w.want("refused")
	w.want("sent")
	w.hub.err = nil
	if _, err := w.life(0); err != nil {
		t.Fatal(err)
	}
	w.want("sent", "công văn.edxml", "second")
	w.want("in", "v1", "v2")
}

// TestLeaseLost: an arrival whose lease ended is acknowledged under a new one.
func TestLeaseLost(t *testing.T) {
	w := newWorld(t)
	w.hub.arrives("v1", "a.pdf")
	w.hub.steal = true
	if _, err := w.life(0); err != nil {
		t.Fatal(err)
	}
	w.want("in", "v1")
}

// TestOneBadDelivery: what cannot be fetched keeps no other waiting, neither beside it nor
// after a restart.
func TestOneBadDelivery(t *testing.T) {
	w := newWorld(t)
	w.hub.unread["dbad"] = true
	for _, id := range []hub.DeliveryID{"bad", "v1"} {
		w.hub.arrives(id, "a.pdf")
	}
	w.life(0)
	w.want("in", "v1")
	w.hub.arrives("v2", "a.pdf")
	w.life(0)
	w.want("in", "v1", "v2")
	w.hub.unread["dbad"] = false
	if _, err := w.life(0); err != nil {
		t.Error(err)
	}
	w.want("in", "bad", "v1", "v2")
	w.want("work")
}

// TestAwayInTheMiddle: what was leased when the hub went away is brought as soon as it is
// back, not when the leases are over.
func TestAwayInTheMiddle(t *testing.T) {
	w := newWorld(t)
	away := true
	w.hub.before = func() error {
		if away {
			return hub.Errorf(hub.KindUnavailable, "", "", "away")
		}
		return nil
	}
	w.hub.arrives("v1", "a.pdf")
	w.hub.arrives("v2", "a.pdf")
	d, err := filedrop.Open(filedrop.Options{Root: w.root, Sending: w.hub, Box: w.hub, Log: slog.New(slog.DiscardHandler), Now: func() time.Time { return w.clock }})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if err := d.Round(t.Context()); hub.KindOf(err) != hub.KindUnavailable {
		t.Errorf("%v", err)
	}
	away = false
	if err := d.Round(t.Context()); err != nil {
		t.Error(err)
	}
	w.want("in", "v1", "v2")
}

// TestTakenBack: a document that its sender took back before it was acknowledged goes.
func TestTakenBack(t *testing.T) {
	w := newWorld(t)
	w.hub.arrives("v1", "a.pdf")
	w.hub.recalled["v1"] = true
	if _, err := w.life(0); err != nil {
		t.Error(err)
	}
	w.want("work")
	w.want("in")
}

// TestSameNames: two files whose names become the same are two files.
func TestSameNames(t *testing.T) {
	w := newWorld(t)
	w.hub.arrives("v1", "a.pdf")
	item := &w.hub.box[0]
	for _, id := range []string{"x/y", "x_y", "X:y"} {
		part := item.Dispatch.Parts[0]
		part.ID = id
		item.Dispatch.Parts = append(item.Dispatch.Parts, part)
	}
	if _, err := w.life(0); err != nil {
		t.Fatal(err)
	}
	w.want("in/v1", "2~x_y-a.pdf", "3~X_y-a.pdf", "ContentHandover-h-v1.json", "ContentHandover-h-v1.xml", "delivery.json", "done", "p1-a.pdf", "x_y-a.pdf")
}

// TestFollow: receipts come beside what was sent, however much was sent before and
// whatever the hub does not know any more.
func TestFollow(t *testing.T) {
	w := newWorld(t)
	for n := range 300 {
		if err := os.MkdirAll(filepath.Join(w.root, "sent", fmt.Sprint("before ", n)), 0o750); err != nil {
			t.Fatal(err)
		}
	}
	w.unflushed = true
	w.hub.unread["x0"] = true
	for n := range 8 {
		name := fmt.Sprint(n, ".edxml")
		w.put(name, name)
		w.put(name+".done", "")
	}
	if _, err := w.life(0); hub.KindOf(err) != hub.KindNotFound {
		t.Errorf("%v", err)
	}
	if found, err := filepath.Glob(filepath.Join(w.root, "sent", "*.edxml", "ended")); err != nil || len(found) != 7 {
		t.Errorf("of 8 documents all has ended about %d, want 7: %v", len(found), err)
	}
}

func TestHarmless(t *testing.T) {
	for name, want := range map[string]string{
		"Công văn số 1.pdf": "Công văn số 1.pdf", "../../x": "_.._x", "a/b\\c": "a_b_c", "": "_", "...": "_", ".hidden": "hidden", "con\x00\n:*?\"<>|": "con_________",
		"a.pdf. ": "a.pdf", strings.Repeat("đ", 200) + ".pdf": strings.Repeat("đ", 58) + ".pdf",
		strings.Repeat("a", 119) + " b": strings.Repeat("a", 119), // what a cut leaves at the end is trimmed too
	} {
		if got := filedrop.Harmless(name); got != want {
			t.Errorf("%q becomes %q, want %q", name, got, want)
		}
	}
}

func FuzzHarmless(f *testing.F) {
	f.Add("../a")
	f.Add(strings.Repeat("ạ", 100))
	f.Add(strings.Repeat("a", 119) + " b")
	f.Fuzz(func(t *testing.T, name string) {
		safe := filedrop.Harmless(name)
		if safe == "" || len(safe) > 120 || !utf8.ValidString(safe) || strings.ContainsAny(safe, "/\\\x00\n:") || strings.HasPrefix(safe, ".") || filepath.Base(safe) != safe {
			t.Errorf("%q becomes %q", name, safe)
		}
		if again := filedrop.Harmless(safe); again != safe {
			t.Errorf("%q becomes %q and then %q", name, safe, again)
		}
	})
}

func FuzzSubmission(f *testing.F) {
	f.Add([]byte(submission))
	f.Add([]byte(`{"files":["a/b"]}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		files, err := filedrop.ParseSubmission(raw)
		if err != nil {
			return
		}
		for _, name := range files {
			if name == "" || name == ".." || strings.ContainsAny(name, "/\\\x00") {
				t.Errorf("a file may be called %q", name)
			}
		}
	})
}
