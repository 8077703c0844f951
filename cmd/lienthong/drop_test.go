package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/lienthong/lienthong/adapters/edxml"
	"github.com/lienthong/lienthong/adapters/hubclient"
	"github.com/lienthong/lienthong/hub"
)

// dropper is a `drop serve` process on a folder, and how to start it again.
type dropper struct {
	*town
	key, root string
	process   *exec.Cmd
	log       bytes.Buffer // of all its lives
}

func (w *town) dropper(agency string) *dropper {
	w.Helper()
	d := &dropper{town: w, key: w.key(agency), root: w.TempDir()}
	d.live()
	w.Cleanup(d.kill)
	return d
}

func (d *dropper) live() {
	d.Helper()
	d.process = exec.CommandContext(context.WithoutCancel(d.Context()), d.bin, "drop", "serve", "--folder", d.root, "--every", "50ms", "--settle", "100ms")
	d.process.Env = append(os.Environ(), "LIENTHONG_URL="+d.hub.URL, "LIENTHONG_KEY="+d.key)
	d.process.Stderr = &d.log
	if err := d.process.Start(); err != nil {
		d.Fatal(err)
	}
}

func (d *dropper) kill() {
	_ = d.process.Process.Kill()
	_ = d.process.Wait() // how it ended is known
	if d.Failed() {
		d.Log(d.log.String())
	}
}

// put writes a submission as the guide says: the mark last.
func (d *dropper) put(name, from, to string) {
	d.Helper()
	submission := fmt.Sprintf(`{"sender":%q,"recipients":[%q],"external_id":%q,"document":{"code_number":"1","code_notation":"X","type_name":"Công văn","subject":%q,"promulgated":"2026-01-05"},"files":["ký số.pdf"]}`, from, to, name, name)
	d.drop(name, map[string][]byte{"submission.json": []byte(submission), "ký số.pdf": d.signed()})
}

func (d *dropper) found(pattern string) []string {
	list, err := filepath.Glob(filepath.Join(d.root, pattern))
	if err != nil {
		d.Fatal(err)
	}
	return list
}

// TestDrop: two systems that know files alone exchange signed documents, while both
// programs are killed again and again: each document arrives once, with its receipts.
func TestDrop(t *testing.T) {
	t.Parallel()
	const documents = 6
	w := newTown(t)
	province, department := w.dropper("H47"), w.dropper("H47.12")
	for n := range documents {
		province.put(fmt.Sprintf("văn bản %d", n), "H47", "H47.12")
		department.put(fmt.Sprintf("trả lời %d", n), "H47.12", "H47")
		time.Sleep(time.Duration(150+60*n) * time.Millisecond) // at another step each time
		for _, d := range []*dropper{province, department} {
			d.kill()
			d.live()
		}
	}
	province.put("sai", "H47", "KHÔNG CÓ")
	for _, d := range []*dropper{province, department} {
		w.await("all to be there", func() bool {
			return len(d.found("in/*/done")) == documents && len(d.found("sent/*/sent.json")) == documents && len(d.found("work/[^.]*")) == 0
		})
	}
	w.await("the refusal", func() bool { return len(province.found("refused/sai/reason.json")) == 1 })
	reason, err := os.ReadFile(filepath.Join(province.root, "refused", "sai", "reason.json"))
	if err != nil || !strings.Contains(string(reason), "recipients[0]") {
		t.Errorf("the reason: %s, %v", reason, err)
	}
	for _, d := range []*dropper{province, department} {
		list, err := w.client(d.key).Sent(t.Context(), hubclient.SentQuery{})
		if err != nil || len(list.Items) != documents {
			t.Errorf("the hub knows %d documents, want %d: %v", len(list.Items), documents, err)
		}
		for _, name := range d.found("in/*/p1-ký số.pdf") {
			if got, err := os.ReadFile(name); err != nil || !bytes.Equal(got, w.signed()) {
				t.Errorf("%s has other bytes: %v", name, err)
			}
		}
		receipts := append(d.found("in/*/ContentHandover-*.json"), d.found("sent/*/SubmissionAcceptance-*.json")...)
		if len(receipts) != 2*documents {
			t.Errorf("%d receipts", len(receipts))
		}
		w.must(d.key, append([]string{"verify", "--anchors", filepath.Join(w.data, "hub-certificate.pem")}, receipts...)...)
	}
	if out := w.must(province.key, "drop", "check", "--folder", province.root); !strings.Contains(out, "refused              1") {
		t.Errorf("the check says %s", out)
	}
}

// TestDropRefuses: bad input of every kind lands beside its reason, a repetition beside the
// first receipt, and the hub has nothing of all but what was good. What is wrong with one
// keeps no other waiting.
func TestDropRefuses(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	if err := writeDocuments(folder); err != nil {
		t.Fatal(err)
	}
	w := newTown(t, "--signature-policy", "enforce", "--anchors", filepath.Join(folder, "anchors.pem"))
	d := w.dropper("H47")
	year := w.closedYear("H47")
	theirs := w.send(w.key("H47.12"), "H47.12", "H47", "theirs")
	w.await("what came to be collected", func() bool { return len(d.found("in/*/done")) == 1 })
	document := func(name string) []byte {
		text, err := os.ReadFile(filepath.Join(folder, name))
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	note := func(sender, recipient, id, more string) []byte {
		return fmt.Appendf(nil, `{"sender":%q,"recipients":[%q],"external_id":%q,"document":{"code_number":"1","code_notation":"X","type_name":"Công văn","subject":"Thử","promulgated":"2026-01-05"%s},"files":["a.pdf"]}`, sender, recipient, id, more)
	}
	good := note("H47", "H47.12", "good", "")
	signed, pack := document("signed.pdf"), document("directive.edxml")
	d.drop("good", map[string][]byte{"submission.json": good, "a.pdf": signed})
	w.await("the good one", func() bool { return len(d.found("sent/good/sent.json")) == 1 })
	closedNote := bytes.Replace(note("H47", "H47.12", "closed", ""), []byte("2026-01-05"), fmt.Appendf(nil, "%d-11-30", year), 1)
	closedNote = bytes.Replace(closedNote, []byte("Công văn"), []byte("Báo cáo"), 1)
	rules := map[string]string{} // by what is refused
	for name, c := range map[string]struct {
		note, pdf []byte
		rule      string
	}{
		"wrong signature":   {note("H47", "H47.12", "wrong", ""), document("tampered.pdf"), "signature"},
		"truncated":         {good[:len(good)/2], signed, "json"},
		"truncated PDF":     {note("H47", "H47.12", "half", ""), signed[:len(signed)/2], "signature"},
		"another agency":    {note("H47.12", "H47", "another", ""), signed, "agency"},
		"oversized":         {append(bytes.Repeat([]byte(" "), 1<<20), good...), signed, "max_size"},
		"other bytes":       {good, document("second.pdf"), "duplicate"},
		"malformed":         {[]byte("<xml/>"), signed, "json"},
		"unknown code":      {note("H47", "H47.12", "code", `,"priority":9`), signed, "code_list"},
		"closed year":       {closedNote, signed, hub.RuleYearClosed},
		"unknown recipient": {note("H47", "000.00.99.H47", "nobody", ""), signed, "unknown_agency"},
	} {
		d.drop(name, map[string][]byte{"submission.json": c.note, "a.pdf": c.pdf})
		rules[name] = c.rule
	}
	d.drop("replay", map[string][]byte{"submission.json": good, "a.pdf": signed})
	closed := bytes.NewBuffer(nil)
	about := &theirs.Dispatch
	if err := edxml.New(edxml.Options{}).EncodeStatus(closed, hub.StatusMessage{
		From: "H47", Code: hub.StatusAccepted, StatedAt: time.Date(year, 12, 31, 3, 0, 0, 0, time.UTC),
		For: hub.Reference{Agency: "H47.12", Number: about.Document.Number(), ExternalID: about.ExternalID, Promulgated: about.Document.Promulgated},
	}); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string][]byte{"half.edxml": pack[:len(pack)/2], "none.edxml": []byte("{}"), "registered late.edxml": closed.Bytes()} {
		rules[name] = "well_formed"
		if name == "registered late.edxml" {
			rules[name] = hub.RuleYearClosed
		}
		for file, text := range map[string][]byte{name: text, name + ".done": nil} {
			if err := os.WriteFile(filepath.Join(d.root, "out", file), text, 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	w.await("all to be dealt with", func() bool {
		return len(d.found("refused/*/reason.json")) == len(rules) && len(d.found("sent/*/sent.json")) == 2
	})
	for name, rule := range rules {
		d.refused(name, rule)
	}
	if again, err := os.ReadFile(filepath.Join(d.root, "sent", "replay", "sent.json")); err != nil || !strings.Contains(string(again), `"sent_before": true`) {
		t.Errorf("the replay: %s, %v", again, err)
	}
	list, err := w.client(d.key).Sent(t.Context(), hubclient.SentQuery{})
	if err != nil || len(list.Items) != 1 || list.Items[0].Dispatch.ExternalID != "good" {
		t.Errorf("the hub has %+v, %v", list.Items, err)
	}
}

// closedYear has an agency keep a series of last year on the hub and closes its registers of
// that year, which it returns.
func (w *town) closedYear(agency string) int {
	w.Helper()
	issued, err := w.client(w.operatorKey()).IssueKey(w.Context(), hubclient.NewKey{
		Name: "keeper", Kind: hub.ActorSystem, Agencies: []string{agency}, Scopes: []hub.Scope{hub.ScopeSubmit, hub.ScopeRead, hub.ScopeAccounts},
	})
	if err != nil {
		w.Fatal(err)
	}
	return closeLastYear(w.T, w.client(issued.Secret), "X")
}

// closeLastYear has an agency keep a series of reports of last year on the hub, closes its
// registers of that year, and returns it.
func closeLastYear(t *testing.T, keeper *hubclient.Client, notation string) int {
	t.Helper()
	now := time.Now().In(hub.Vietnam())
	if now.YearDay() == 1 && now.Hour() == 0 {
		t.Skip("no year is closed in the first hour of the next, and no number is given for one before")
	}
	year := now.Year() - 1
	_, err := keeper.TakeNumber(t.Context(), hubclient.NumberWish{Year: year, Kind: "Báo cáo", Notation: notation})
	if err == nil {
		_, err = keeper.CloseYear(t.Context(), "", year)
	}
	if err != nil {
		t.Fatal(err)
	}
	return year
}

// drop puts a folder with files into out, the mark last.
func (d *dropper) drop(name string, files map[string][]byte) {
	d.Helper()
	folder := filepath.Join(d.root, "out", name)
	if err := os.MkdirAll(folder, 0o750); err != nil {
		d.Fatal(err)
	}
	for file, text := range files {
		if err := os.WriteFile(filepath.Join(folder, file), text, 0o600); err != nil {
			d.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(folder, "done"), nil, 0o600); err != nil {
		d.Fatal(err)
	}
}

// refused checks why something was refused, and that it lies there as it was.
func (d *dropper) refused(name, rule string) {
	d.Helper()
	reason, err := os.ReadFile(filepath.Join(d.root, "refused", name, "reason.json"))
	if err != nil || !strings.Contains(string(reason), `"rule": "`+rule+`"`) {
		d.Errorf("%s: %s, %v; want the rule %s", name, reason, err, rule)
	}
	if len(d.found(filepath.Join("refused", name, "original-*"))) != 1 {
		d.Errorf("%s: the original is gone", name)
	}
}
