package partner

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/lienthong/lienthong/adapters/edxml"
	"github.com/lienthong/lienthong/hub"
)

// Folders is where `lienthong drop serve` works for an agency.
type Folders struct {
	Root   string
	Agency hub.Code
	PDF    []byte
}

// RunFolders runs the tests of the channel drop. What they put there stays, in sent,
// refused and in.
func RunFolders(ctx context.Context, f Folders, told func(Result)) []Result {
	t := &folders{Folders: f, id: fmt.Sprintf("partner-%d", time.Now().UnixNano())}
	return run(ctx, t.steps(), told)
}

type folders struct {
	Folders
	id      string // of the run; names of folders and ids of documents begin with it
	arrived string // folder in in
}

func (t *folders) steps() []step {
	refused := func(number, title, rule string, note func() []byte) step {
		return step{Test{number, title, "refused " + rule}, func(ctx context.Context) (string, error) { return t.outcome(ctx, number, t.put(number, note(), true)) }}
	}
	return []step{
		{Test{"D01", "the program has made its folders", "in out refused sent"}, t.made},
		{Test{"D02", "a folder with its data and one PDF is sent, with a receipt", "sent receipt"}, t.good("D02")},
		{Test{"D03", "the same under another name was sent before", "sent before receipt"}, t.good("D03")},
		{Test{"D04", "a package with a mark beside it is sent, with a receipt", "sent receipt"}, t.packed("D04", func(p []byte) []byte { return p })},
		{Test{"D05", "a package that breaks off is refused", "refused well_formed"}, t.packed("D05", func(p []byte) []byte { return p[:len(p)/2] })},
		refused("D06", "an unknown recipient is refused", "unknown_agency", func() []byte { return t.note("D06", map[string]any{"recipients": []hub.Code{nobodysCode}}) }),
		refused("D07", "a sender that is not the key's is refused", "unknown_agency", func() []byte { return t.note("D07", map[string]any{"sender": nobodysCode}) }),
		refused("D08", "JSON that breaks off is refused", "json", func() []byte { n := t.note("D08", nil); return n[:len(n)/2] }),
		refused("D09", "data that is too large is refused", "max_size", func() []byte { return append(bytes.Repeat([]byte(" "), 1<<20), t.note("D09", nil)...) }),
		refused("D10", "a file that is not there is refused", "missing", func() []byte { return t.note("D10", map[string]any{"files": []string{"khac.pdf"}}) }),
		refused("D11", "a path in the place of a name is refused", "name", func() []byte { return t.note("D11", map[string]any{"files": []string{"../thu.pdf"}}) }),
		{Test{"D12", "a link is refused, and not followed", "refused regular_file"}, t.linked},
		{Test{"D13", "what was refused lies beside its reason", "original"}, t.original},
		{Test{"D14", "what has no mark yet is left alone", "left"}, t.unfinished},
		{Test{"D15", "the document arrives, whole and once", "1 arrival"}, t.arrivals},
		{Test{"D16", "its file comes as it was sent", "same bytes"}, t.content},
		{Test{"D17", "the hand-over has its receipt, in both forms", "ContentHandover json xml"}, t.receipt},
		{Test{"D18", "a status package about it is recorded, with a receipt", "sent receipt"}, t.report},
		{Test{"D19", "what is forwarded to who has it is refused", "refused self"}, t.forward},
	}
}

func (t *folders) path(elements ...string) string {
	return filepath.Join(append([]string{t.Root}, elements...)...)
}

func (t *folders) name(number string) string { return t.id + "-" + number }

func (t *folders) made(ctx context.Context) (string, error) {
	var there []string
	_, err := await(ctx, func() (string, error) {
		there = nil
		for _, name := range []string{"in", "out", "refused", "sent"} {
			if info, err := os.Stat(t.path(name)); err == nil && info.IsDir() {
				there = append(there, name)
			}
		}
		if len(there) < 4 {
			return "", nil
		}
		return "all", nil
	})
	return strings.Join(there, " "), err
}

// note is the data of a letter, changed as a test wants.
func (t *folders) note(number string, change map[string]any) []byte {
	if number == "D03" {
		number = "D02"
	}
	letter := map[string]any{
		"sender": t.Agency, "recipients": []hub.Code{t.Agency}, "external_id": t.name(number), "document": document(number), "files": []string{"thu.pdf"},
	}
	for member, value := range change {
		letter[member] = value
	}
	text, err := json.Marshal(letter)
	if err != nil {
		return nil // the program refuses it, which the test then says
	}
	return text
}

// mkdir and write let the group in: the program may run as another user.
func mkdir(name string) error { return os.Mkdir(name, 0o770) } //nolint:gosec // see above

func write(name string, content []byte) error { return os.WriteFile(name, content, 0o660) } //nolint:gosec // see above

// put writes a folder into out, the mark last.
func (t *folders) put(number string, note []byte, mark bool) error {
	folder := t.path("out", t.name(number))
	err := mkdir(folder)
	add := func(name string, content []byte) {
		if err == nil {
			err = write(filepath.Join(folder, name), content)
		}
	}
	add("submission.json", note)
	add("thu.pdf", t.PDF)
	if mark {
		add("done", nil)
	}
	return err
}

// outcome waits until what was put into out is sent or refused, and tells which.
func (t *folders) outcome(ctx context.Context, number string, put error) (string, error) {
	if put != nil {
		return "", put
	}
	name := t.name(number)
	return await(ctx, func() (string, error) {
		for _, slot := range []string{name, name + ".edxml"} {
			var reason struct{ Errors []struct{ Rule string } }
			if err := readJSON(t.path("refused", slot, "reason.json"), &reason); err == nil {
				rule := "for no reason"
				if len(reason.Errors) > 0 {
					rule = reason.Errors[0].Rule
				}
				return "refused " + rule, nil
			} else if !errors.Is(err, fs.ErrNotExist) {
				return "", err
			}
			var sent struct {
				Before bool `json:"sent_before"`
			}
			if err := readJSON(t.path("sent", slot, "sent.json"), &sent); err == nil {
				return t.sent(slot, sent.Before)
			} else if !errors.Is(err, fs.ErrNotExist) {
				return "", err
			}
		}
		return "", nil
	})
}

func readJSON(name string, into any) error {
	text, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	return json.Unmarshal(text, into)
}

func (t *folders) sent(slot string, before bool) (string, error) {
	words := []string{"sent"}
	if before {
		words = append(words, "before")
	}
	receipts, err := filepath.Glob(t.path("sent", slot, "*-*.json"))
	if len(receipts) > 0 {
		words = append(words, "receipt")
	}
	return strings.Join(words, " "), err
}

func (t *folders) good(number string) func(context.Context) (string, error) {
	return func(ctx context.Context) (string, error) {
		return t.outcome(ctx, number, t.put(number, t.note(number, nil), true))
	}
}

// drop writes a single file into out, and its mark behind it.
func (t *folders) drop(number string, content []byte) error {
	name := t.path("out", t.name(number)+".edxml")
	return errors.Join(write(name, content), write(name+".done", nil))
}

func (t *folders) packed(number string, spoil func([]byte) []byte) func(context.Context) (string, error) {
	return func(ctx context.Context) (string, error) {
		file, err := pack(ctx, t.Agency, t.Agency, t.id, number, t.PDF)
		if err != nil {
			return "", err
		}
		return t.outcome(ctx, number, t.drop(number, spoil(file)))
	}
}

func (t *folders) linked(ctx context.Context) (string, error) {
	err := t.put("D12", t.note("D12", nil), false)
	folder := t.path("out", t.name("D12"))
	if err == nil {
		err = os.Rename(filepath.Join(folder, "thu.pdf"), filepath.Join(folder, "that.pdf"))
	}
	if err == nil {
		err = os.Symlink("that.pdf", filepath.Join(folder, "thu.pdf"))
	}
	if err == nil {
		err = write(filepath.Join(folder, "done"), nil)
	}
	return t.outcome(ctx, "D12", err)
}

func (t *folders) original(context.Context) (string, error) {
	found, err := filepath.Glob(t.path("refused", t.name("D06"), "original-*", "thu.pdf"))
	if err != nil || len(found) != 1 {
		return "nothing", err
	}
	return "original", nil
}

func (t *folders) unfinished(ctx context.Context) (string, error) {
	if err := t.put("D14", t.note("D14", nil), false); err != nil {
		return "", err
	}
	folder := t.path("out", t.name("D14"))
	hush(ctx) // several rounds of the program
	if _, err := os.Stat(filepath.Join(folder, "submission.json")); err != nil {
		return "taken", nil //nolint:nilerr // that it is gone is the answer
	}
	return "left", os.RemoveAll(folder)
}

// arrivals waits for the document of D02 in in.
func (t *folders) arrivals(ctx context.Context) (string, error) {
	count := 0
	_, err := await(ctx, func() (string, error) {
		names, err := filepath.Glob(t.path("in", "*", "done"))
		count = 0
		for _, name := range names {
			var item hub.Item
			if readJSON(filepath.Join(filepath.Dir(name), "delivery.json"), &item) == nil && item.Dispatch.ExternalID == t.name("D02") {
				t.arrived = filepath.Dir(name)
				count++
			}
		}
		if count == 0 {
			return "", err
		}
		return "there", err
	})
	if count == 1 {
		return "1 arrival", err
	}
	return fmt.Sprint(count, " arrivals"), err
}

func (t *folders) content(context.Context) (string, error) {
	if t.arrived == "" {
		return "", errNeeds
	}
	got, err := os.ReadFile(filepath.Join(t.arrived, "p1-thu.pdf"))
	if err != nil || !bytes.Equal(got, t.PDF) {
		return "other bytes", err
	}
	return "same bytes", nil
}

func (t *folders) receipt(context.Context) (string, error) {
	if t.arrived == "" {
		return "", errNeeds
	}
	words := []string{"ContentHandover"}
	for _, form := range []string{"json", "xml"} {
		if found, err := filepath.Glob(filepath.Join(t.arrived, "ContentHandover-*."+form)); err == nil && len(found) == 1 {
			words = append(words, form)
		}
	}
	return strings.Join(words, " "), nil
}

func (t *folders) report(ctx context.Context) (string, error) {
	if t.arrived == "" {
		return "", errNeeds
	}
	d := document("D02")
	var message bytes.Buffer
	err := edxml.New(edxml.Options{}).EncodeStatus(&message, hub.StatusMessage{
		From: string(t.Agency), Code: hub.StatusInProgress, Description: mark, StatedAt: time.Now(),
		For: hub.Reference{Agency: string(t.Agency), Number: d.Number(), ExternalID: t.name("D02"), Promulgated: d.Promulgated},
	})
	if err != nil {
		return "", err
	}
	return t.outcome(ctx, "D18", t.drop("D18", message.Bytes()))
}

func (t *folders) forward(ctx context.Context) (string, error) {
	if t.arrived == "" {
		return "", errNeeds
	}
	folder := t.path("out", t.name("D19"))
	order, err := json.Marshal(map[string]any{"delivery": filepath.Base(t.arrived), "recipients": []hub.Code{t.Agency}})
	if err == nil {
		err = mkdir(folder)
	}
	if err == nil {
		err = write(filepath.Join(folder, "forward.json"), order)
	}
	if err == nil {
		err = write(filepath.Join(folder, "done"), nil)
	}
	return t.outcome(ctx, "D19", err)
}
