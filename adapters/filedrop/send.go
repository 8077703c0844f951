package filedrop

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/lienthong/lienthong/adapters/internal/strictjson"
	"github.com/lienthong/lienthong/hub"
)

const (
	packageEnding  = ".edxml"
	doneEnding     = ".done"
	doneFile       = "done"
	submissionFile = "submission.json"
	forwardFile    = "forward.json"
	reasonFile     = "reason.json"
	sentFile       = "sent.json"
	endedFile      = "ended"
)

// take claims what is complete in out and sends it.
func (d *Drop) take(ctx context.Context) error {
	entries, err := d.list(outFolder)
	if err != nil {
		return err
	}
	there := map[string]bool{}
	for _, e := range entries {
		there[e.Name()] = true
	}
	for name := range d.seen {
		if !there[name] {
			delete(d.seen, name)
		}
	}
	var failed error
	for _, e := range entries {
		if ignored(e.Name()) || !d.complete(e, there) {
			continue
		}
		slot, err := d.claim(e.Name())
		if err == nil {
			err = d.send(ctx, slot)
		}
		if failed = errors.Join(failed, err); endsRound(err) {
			break
		}
	}
	return failed
}

// endsRound reports whether an error is about the hub as a whole, and not about one
// submission or delivery that others need not wait for.
func endsRound(err error) bool {
	kind := hub.KindOf(err)
	return err != nil && (kind == hub.KindUnavailable || kind == hub.KindBusy || errors.Is(err, context.Canceled))
}

// ignored reports whether a name is that of something that is still being written, by the
// habits of those who write, or a marker.
func ignored(name string) bool {
	lower := strings.ToLower(name)
	if strings.HasPrefix(name, ".") || strings.HasPrefix(name, "~") {
		return true
	}
	return slices.ContainsFunc([]string{"~", ".tmp", ".part", ".partial", ".crdownload", doneEnding}, func(end string) bool { return strings.HasSuffix(lower, end) })
}

// complete reports whether something in out may be taken. What can never be sent is taken
// at once, to be refused.
func (d *Drop) complete(e fs.DirEntry, there map[string]bool) bool {
	name := e.Name()
	info, err := d.root.Lstat(path.Join(outFolder, name))
	switch {
	case err != nil:
		return false // it is gone, or comes and goes
	case info.IsDir():
		done, err := d.root.Lstat(path.Join(outFolder, name, doneFile))
		return err == nil && done.Mode().IsRegular()
	case !info.Mode().IsRegular() || there[name+doneEnding]:
		return true
	}
	last, now := d.seen[name], d.Now()
	if last.since.IsZero() || last.size != info.Size() || !last.time.Equal(info.ModTime()) {
		d.seen[name] = sight{info.Size(), info.ModTime(), now}
		return false
	}
	return now.Sub(last.since) >= d.Settle
}

// claim moves something from out into a folder of its own in work, and returns its name.
func (d *Drop) claim(name string) (string, error) {
	base := harmless(name)
	if strings.HasPrefix(base, arrivalPrefix) {
		base = "_" + base
	}
	slot := base
	for n := 2; ; n++ {
		d.step("claim")
		err := d.root.Mkdir(path.Join(workFolder, slot), 0o770)
		if err == nil {
			break
		}
		if !errors.Is(err, fs.ErrExist) {
			return "", hub.Internal("claim "+name, err)
		}
		slot = fmt.Sprintf("%s~%d", base, n)
	}
	// The mark goes first: one that is left would declare the next file of this name complete.
	d.step("remove the mark")
	if err := d.root.Remove(path.Join(outFolder, name+doneEnding)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", hub.Internal("remove the mark of "+name, err)
	}
	if err := d.rename(path.Join(outFolder, name), path.Join(workFolder, slot, originalName(name))); err != nil {
		return "", err
	}
	delete(d.seen, name)
	return slot, nil
}

// originalPrefix stands before the name of what was claimed.
const originalPrefix = "original-"

func originalName(name string) string { return originalPrefix + harmless(name) }

// send brings what was claimed to the hub, and then to sent or refused.
func (d *Drop) send(ctx context.Context, slot string) error {
	folder := path.Join(workFolder, slot)
	entries, err := d.list(folder)
	if err != nil {
		return err
	}
	at := slices.IndexFunc(entries, func(e fs.DirEntry) bool { return strings.HasPrefix(e.Name(), originalPrefix) })
	if at < 0 { // a kill came before the rename: it still lies in out
		return d.remove(folder)
	}
	original := path.Join(folder, entries[at].Name())
	d.step("send")
	accepted, err := d.submit(ctx, original)
	switch {
	case err != nil && ctx.Err() != nil:
		return ctx.Err()
	case temporary(err):
		return err
	case err != nil:
		return d.refuse(slot, err)
	}
	if err := d.keepReceipt(ctx, folder, &accepted.Receipt); err != nil {
		return err
	}
	note := sentNote{Dispatch: accepted.Dispatch.ID, Duplicate: accepted.Duplicate, At: d.Now().UTC()}
	if err := d.writeJSON(path.Join(folder, sentFile), note); err != nil {
		return err
	}
	d.Log.Info("sent", "name", slot, "dispatch", note.Dispatch, "before", note.Duplicate)
	name, err := d.publish(slot, sentFolder)
	if err == nil && d.open != nil {
		d.open[name] = pending{since: d.Now()}
	}
	return err
}

// sentNote is what sent.json says. A status package has no dispatch.
type sentNote struct {
	Dispatch  hub.DispatchID `json:"dispatch,omitempty"`
	Duplicate bool           `json:"sent_before"` // the same content was sent before; the receipt is the first
	At        time.Time      `json:"at"`
}

// temporary reports whether trying again may help.
func temporary(err error) bool {
	if err == nil {
		return false
	}
	switch hub.KindOf(err) {
	case hub.KindUnavailable, hub.KindBusy, hub.KindInternal:
		return true
	}
	return false
}

// refuse puts what cannot be sent aside, with the reason for programs and for people.
func (d *Drop) refuse(slot string, cause error) error {
	type fault struct {
		Kind    hub.ErrorKind `json:"kind"`
		Field   string        `json:"field,omitempty"`
		Rule    string        `json:"rule,omitempty"`
		Message string        `json:"message"`
	}
	var faults []fault
	var text strings.Builder
	for _, v := range hub.ViolationsOf(cause) {
		faults = append(faults, fault{v.Kind, v.Field, v.Rule, v.Message})
		fmt.Fprintf(&text, "%s: %s: %s (%s)\n", v.Kind, v.Field, v.Message, v.Rule)
	}
	folder := path.Join(workFolder, slot)
	err := d.writeJSON(path.Join(folder, reasonFile), map[string]any{"at": d.Now().UTC(), "errors": faults})
	if err == nil {
		err = d.write(path.Join(folder, "reason.txt"), func(w io.Writer) error {
			_, err := io.WriteString(w, text.String())
			return err
		})
	}
	if err != nil {
		return err
	}
	d.Log.Warn("refused; the reason lies beside it", "name", slot, "error", cause)
	_, err = d.publish(slot, refusedFolder)
	return err
}

// submit sends a package, or a folder of files.
func (d *Drop) submit(ctx context.Context, original string) (hub.Accepted, error) {
	info, err := d.root.Lstat(original)
	switch {
	case err != nil:
		return hub.Accepted{}, hub.Internal("look at "+original, err)
	case info.IsDir():
		return d.submitAny(ctx, original)
	case !info.Mode().IsRegular():
		return hub.Accepted{}, hub.Invalid("file", "regular_file", "links and special files are not sent")
	case !strings.HasSuffix(strings.ToLower(original), packageEnding):
		return hub.Accepted{}, hub.Errorf(hub.KindUnsupported, "file", "package", "a single file is an edXML package with a name that ends with %s; other files lie in a folder with %s and %s", packageEnding, submissionFile, doneFile)
	}
	digest, _, err := d.measure(original)
	if err != nil {
		return hub.Accepted{}, err
	}
	return d.Sending.SendPackage(ctx, func() (io.ReadCloser, error) { return d.read(original) }, info.Size(), "drop-"+hex.EncodeToString(digest[:]))
}

// read opens a regular file; what a link names is refused, also when it took the place of
// a file a moment ago. A pipe that did keeps nobody waiting.
func (d *Drop) read(name string) (io.ReadCloser, error) {
	before, err := d.root.Lstat(name)
	if err != nil {
		return nil, hub.Internal("look at "+name, err)
	}
	if !before.Mode().IsRegular() {
		return nil, hub.Invalid("file", "regular_file", "%s: links and special files are not sent", path.Base(name))
	}
	f, err := d.root.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, hub.Internal("open "+name, err)
	}
	if after, err := f.Stat(); err != nil || !os.SameFile(before, after) {
		return nil, errors.Join(hub.Invalid("file", "regular_file", "%s was exchanged while it was read", path.Base(name)), f.Close())
	}
	return f, nil
}

func (d *Drop) measure(name string) (hub.Digest, int64, error) {
	f, err := d.read(name)
	if err != nil {
		return hub.Digest{}, 0, err
	}
	defer f.Close()
	hash := sha256.New()
	n, err := io.Copy(hash, f)
	if err != nil {
		return hub.Digest{}, 0, hub.Internal("read "+name, err)
	}
	return hub.Digest(hash.Sum(nil)), n, nil
}

// dropped is submission.json: a submission as the API takes it, whose files are named.
type dropped struct {
	Sender         string         `json:"sender"`
	Recipients     []string       `json:"recipients"`
	ForInformation []string       `json:"for_information"`
	Tasks          []hub.TaskWish `json:"tasks"`
	ExternalID     string         `json:"external_id"`
	Operation      hub.Operation  `json:"operation"`
	Document       hub.Document   `json:"document"`
	Files          []string       `json:"files"` // the original first
}

// submitAny sends what a folder holds: files, or an order to forward.
func (d *Drop) submitAny(ctx context.Context, folder string) (hub.Accepted, error) {
	order, submission := d.holds(folder, forwardFile), d.holds(folder, submissionFile)
	switch {
	case order && submission:
		return hub.Accepted{}, hub.Invalid(forwardFile, "alone", "a folder has %s or %s, not both", submissionFile, forwardFile)
	case order:
		return d.forward(ctx, folder)
	}
	return d.submitFolder(ctx, folder)
}

func (d *Drop) holds(folder, name string) bool {
	_, err := d.root.Lstat(path.Join(folder, name))
	return err == nil
}

// forward hands on what was received, as forward.json says. The same order again is the
// same act.
func (d *Drop) forward(ctx context.Context, folder string) (hub.Accepted, error) {
	raw, err := d.readNote(folder, forwardFile)
	if err != nil {
		return hub.Accepted{}, err
	}
	var wish struct {
		Delivery   hub.DeliveryID `json:"delivery"`
		Recipients []string       `json:"recipients"`
		Note       string         `json:"note"`
	}
	if err := parseNote(forwardFile, raw, &wish); err != nil {
		return hub.Accepted{}, err
	}
	if wish.Delivery == "" {
		return hub.Accepted{}, hub.Invalid("delivery", "required", "which delivery? Its id is the name of its folder in %s", inFolder)
	}
	return d.Sending.Forward(ctx, hub.ForwardOrder{Delivery: wish.Delivery, Recipients: wish.Recipients, Note: wish.Note})
}

func (d *Drop) submitFolder(ctx context.Context, folder string) (hub.Accepted, error) {
	wish, err := d.readSubmission(folder)
	if err != nil {
		return hub.Accepted{}, err
	}
	sub := hub.Submission{Sender: wish.Sender, Recipients: wish.Recipients, ForInformation: wish.ForInformation, Tasks: wish.Tasks, ExternalID: wish.ExternalID, Operation: wish.Operation, Document: wish.Document}
	if sub.Operation == "" {
		sub.Operation = hub.OperationNew
	}
	files := make([]File, len(wish.Files))
	for i, name := range wish.Files {
		full := path.Join(folder, name)
		f := File{Part: hub.Part{ID: hub.PartName(i + 1), Role: hub.RoleAttachment, Name: name, MediaType: "application/octet-stream"}, Open: func() (io.ReadCloser, error) { return d.read(full) }}
		if i == 0 {
			f.Part.Role = hub.RoleOriginal
		}
		if strings.EqualFold(path.Ext(name), ".pdf") {
			f.Part.MediaType = "application/pdf"
		}
		if f.Part.Digest, f.Part.Size, err = d.measure(full); err != nil {
			return hub.Accepted{}, missing(err, name)
		}
		files[i], sub.Parts = f, append(sub.Parts, f.Part)
	}
	key := "drop-" + sub.Fingerprint().String()
	if sub.ExternalID == "" {
		sub.ExternalID = key[:37]
	}
	sub.Key = key
	return d.Sending.SendFiles(ctx, sub, files)
}

// missing turns the absence of a named file into what is wrong with the submission.
func missing(err error, name string) error {
	if errors.Is(err, fs.ErrNotExist) {
		return hub.Invalid("files", "missing", "there is no file %q beside %s", name, submissionFile)
	}
	return err
}

func (d *Drop) readSubmission(folder string) (dropped, error) {
	var wish dropped
	raw, err := d.readNote(folder, submissionFile)
	if err != nil {
		return wish, err
	}
	return wish, parseSubmission(raw, &wish)
}

// readNote reads a small file that says what is to be done with a folder.
func (d *Drop) readNote(folder, name string) ([]byte, error) {
	f, err := d.read(path.Join(folder, name))
	if err != nil {
		return nil, missing(err, name)
	}
	defer f.Close()
	raw, err := io.ReadAll(io.LimitReader(f, maxSubmission+1))
	switch {
	case err != nil:
		return nil, hub.Internal("read "+name, err)
	case len(raw) > maxSubmission:
		return nil, hub.Errorf(hub.KindTooLarge, name, "max_size", "%s has at most %d bytes", name, maxSubmission)
	}
	return raw, nil
}

// parseNote reads JSON as the other doors do. What is wrong with no member is wrong with
// the file.
func parseNote(name string, raw []byte, into any) error {
	err := strictjson.Decode(bytes.TrimPrefix(raw, []byte("\ufeff")), into) // some editors begin with it
	if v := hub.ViolationsOf(err); err != nil && len(v) == 1 && v[0].Field == "" {
		return hub.Errorf(v[0].Kind, name, v[0].Rule, "%s", v[0].Message)
	}
	return err
}

// parseSubmission reads submission.json.
func parseSubmission(raw []byte, wish *dropped) error {
	if err := parseNote(submissionFile, raw, wish); err != nil {
		return err
	}
	if n := len(wish.Files); n == 0 || n > maxFiles {
		return hub.Invalid("files", "count", "a submission has 1 to %d files", maxFiles)
	}
	for i, name := range wish.Files {
		if name == "" || name == "." || name == ".." || strings.ContainsAny(name, "/\\\x00") || slices.Contains(wish.Files[:i], name) {
			return hub.Invalid(fmt.Sprintf("files[%d]", i), "name", "a file is named once, by a name in the same folder, not by a path")
		}
	}
	return nil
}

// keepReceipt writes both forms of a receipt into a folder.
func (d *Drop) keepReceipt(ctx context.Context, folder string, sealed *hub.SealedEvidence) error {
	id := sealed.Evidence.ID
	if id == "" {
		return nil
	}
	name := path.Join(folder, sealed.Evidence.Event.Name()+"-"+harmless(string(id)))
	if _, err := d.root.Lstat(name + ".xml"); err == nil {
		return nil // both are there: the XML form comes last
	}
	text, err := d.Sending.ReceiptXML(ctx, id)
	if err != nil {
		return err
	}
	for _, form := range []struct {
		ending string
		text   []byte
	}{{".json", hub.MarshalReceipt(*sealed)}, {".xml", text}} {
		if err := d.write(name+form.ending, func(w io.Writer) error {
			_, err := w.Write(form.text)
			return err
		}); err != nil {
			return err
		}
	}
	return nil
}

func (d *Drop) writeJSON(name string, v any) error {
	return d.write(name, func(w io.Writer) error {
		encoder := json.NewEncoder(w)
		encoder.SetIndent("", "  ")
		encoder.SetEscapeHTML(false)
		return encoder.Encode(v)
	})
}

// remove removes a folder of work with all in it.
func (d *Drop) remove(folder string) error {
	d.step("remove")
	if err := d.root.RemoveAll(folder); err != nil {
		return hub.Internal("remove "+folder, err)
	}
	return nil
}
