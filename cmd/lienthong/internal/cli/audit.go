package cli

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/lienthong/lienthong/adapters/tlog"
	"github.com/lienthong/lienthong/cmd/lienthong/internal/text"
	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/hub/audit"
)

type auditCommand struct {
	Log         string        `arg:"" help:"Address of a hub or of a log, or a folder with a copy of its files."`
	Policy      string        `required:"" type:"existingfile" help:"Keys of the log and of its witnesses (c2sp.org/tlog-policy), from a place that you trust."`
	Checkpoints string        `type:"existingdir" placeholder:"DIR" help:"Folder with checkpoints and proofs that were kept at any time: the log must be consistent with all of them."`
	Sequence    []string      `type:"existingfile" placeholder:"FILE" help:"What lienthong sequence --out kept: the log must hold exactly that of the sequence of its agency. Not together with --stores, which compares all of them. May be repeated."`
	Receipts    []string      `type:"path" placeholder:"FILE|DIR" help:"Receipt files, or folders with some: each must be in the log, and which are not is told. May be repeated."`
	CA          string        `name:"ca" type:"existingfile" help:"Certificates (PEM) that the server's certificate must lead to; the system's when left out."`
	Stores      bool          `help:"Also compare every row of the stores that the settings below name with the log and back, and dispatches, deliveries and verdicts with their evidence."`
	Wait        time.Duration `default:"10s" help:"How long, at a hub that works, a checkpoint may take to be seen by its witnesses, and what the stores hold to come into the log."`
	Certificate string        `type:"path" placeholder:"FILE" help:"Certificates of the hub (PEM), for --stores; DATA-DIR/hub-certificate.pem when left out."`

	hubSettings `embed:""`
}

// Help says what is checked.
func (auditCommand) Help() string {
	return "Reads the whole log of every year and believes nothing but the keys of the policy: recomputes all hashes, compares the root with the signed checkpoint, " +
		"the checkpoint with all that were kept, and each year with the one before. A log that was cut, forked or changed is named; with --stores, so is every row that was removed, edited, exchanged or added; with --receipts, every receipt that the log does not hold. Prints one finding on a line. Exit code 0: sound; 1: findings."
}

// logAudit is the result.
type logAudit struct {
	Logs     []audit.Replayed `json:"logs"`
	Rows     int64            `json:"rows_compared"`
	Receipts *int             `json:"receipts_held,omitempty"` // of those that were looked for
	Findings int64            `json:"findings"`
	Found    []logFinding     `json:"found"` // at most maxShown

	env     *env
	source  tlog.Source
	policy  *audit.Policy
	kept    []audit.Kept
	replays map[string]*audit.Replay // by name of the log
	asked   *audit.ReceiptWatch      // nil: no receipts
	stores  bool
}

type logFinding struct {
	Rule    string `json:"rule"`
	Message string `json:"message"`
}

// logHead is the newest checkpoint of a log when it was asked for.
type logHead struct {
	log    string
	signed []byte
}

// takeEntry is told every entry of every log in order.
type takeEntry func(origin string, index int64, data []byte) error

// Run audits all logs at an address.
func (c *auditCommand) Run(ctx context.Context, e *env) error {
	if c.Stores && len(c.Sequence) > 0 {
		return hub.Invalid("sequence", "exclusive", "--stores compares the sequences of all agencies; give one of the two")
	}
	result := &logAudit{env: e, Found: []logFinding{}, Logs: []audit.Replayed{}, replays: map[string]*audit.Replay{}, stores: c.Stores}
	var err error
	if result.policy, err = readLogPolicy(c.Policy); err != nil {
		return err
	}
	config, err := (&connection{CA: c.CA}).tls()
	if err != nil {
		return err
	}
	if result.source, err = tlog.Open(c.Log, config); err != nil {
		return err
	}
	if result.kept, err = keptCheckpoints(c.Checkpoints); err != nil {
		return err
	}
	if err := result.ask(c.Receipts); err != nil {
		return err
	}
	heads, err := result.heads(ctx, time.Now().Add(c.patience()))
	if err != nil {
		return err
	}
	if c.Stores {
		err = c.compare(ctx, result, heads)
	} else {
		err = c.watch(ctx, result, heads)
	}
	if err != nil {
		return err
	}
	result.gone()
	if result.asked != nil {
		held := result.asked.End()
		result.Receipts = &held
	}
	return result.print()
}

// watch replays the log and looks in it for the sequences of agencies.
func (c *auditCommand) watch(ctx context.Context, a *logAudit, heads []logHead) error {
	watches := make([]*audit.SequenceWatch, len(c.Sequence))
	for i, path := range c.Sequence {
		said, err := readSequence(path)
		if err != nil {
			return err
		}
		if watches[i], err = audit.WatchSequence(said, a.found); err != nil {
			return err
		}
	}
	take := func(origin string, index int64, data []byte) error {
		for _, w := range watches {
			if err := w.Entry(origin, index, data); err != nil {
				return err
			}
		}
		return nil
	}
	var err error
	if a.Logs, err = a.replay(ctx, heads, take); err != nil {
		return err
	}
	for _, w := range watches {
		w.End()
	}
	return nil
}

// readLogPolicy reads the keys that an auditor trusts.
func readLogPolicy(path string) (*audit.Policy, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, hub.Invalid("policy", "file", "%v", err)
	}
	return audit.ParsePolicy(raw)
}

func (a *logAudit) found(rule, format string, args ...any) {
	a.Findings++
	f := logFinding{rule, fmt.Sprintf(format, args...)}
	if len(a.Found) < maxShown {
		a.Found = append(a.Found, f)
	}
	if !a.env.json {
		fmt.Fprintf(a.env.Stdout, "[%s] %s\n", f.Rule, text.Printable(f.Message))
	}
}

// patience is how long checkpoints may take to be seen: files change no more.
func (c *auditCommand) patience() time.Duration {
	if strings.HasPrefix(c.Log, "http://") || strings.HasPrefix(c.Log, "https://") {
		return c.Wait
	}
	return 0
}

// heads asks for the newest checkpoint of every log, oldest log first, until then for one
// that enough witnesses have seen.
func (a *logAudit) heads(ctx context.Context, until time.Time) ([]logHead, error) {
	logs, err := a.source.Logs(ctx)
	if err != nil {
		return nil, err
	}
	heads := make([]logHead, len(logs))
	for i, log := range logs {
		heads[i].log = log
		if heads[i].signed, err = a.head(ctx, log, until); err != nil {
			return nil, err
		}
	}
	return heads, nil
}

// askAgain is the pause before a checkpoint is asked for that enough witnesses have seen:
// the log of a hub that works has a newer one in less than half a second.
const askAgain = 50 * time.Millisecond

func (a *logAudit) head(ctx context.Context, log string, until time.Time) ([]byte, error) {
	for {
		signed, err := a.source.Checkpoint(ctx, log)
		if err != nil {
			return nil, err
		}
		seen, wrong := a.policy.Open(signed)
		if wrong != nil || seen.Quorum || !time.Now().Before(until) {
			return signed, nil //nolint:nilerr // the replay says what is wrong with it
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(askAgain):
		}
	}
}

// replay reads every log up to its checkpoint, from where the last replay ended.
func (a *logAudit) replay(ctx context.Context, heads []logHead, take takeEntry) ([]audit.Replayed, error) {
	done := []audit.Replayed{}
	var previous []byte
	for _, head := range heads {
		r := a.replays[head.log]
		if r == nil {
			r = &audit.Replay{Policy: a.policy, Tiles: a.source, Shard: head.log, Others: a.kept, Previous: previous, Found: a.found}
			if progress := a.env.progress(); progress != nil {
				r.Progress = func(read, size int64) { progress("entries", read, size) }
			}
			a.replays[head.log] = r
		}
		r.Entry = a.alsoAsked(take)
		read, err := r.Run(ctx, head.signed)
		switch {
		case ctx.Err() != nil:
			return done, ctx.Err()
		case err != nil:
			a.found("unreadable", "the log %s cannot be read to its end: %v", head.log, err)
		}
		r.Others = nil // told once
		done, previous = append(done, read), head.signed
	}
	return done, nil
}

// ask has receipts looked for in the log.
func (a *logAudit) ask(paths []string) error {
	if len(paths) == 0 {
		return nil
	}
	files, err := receiptFiles(paths)
	if err != nil {
		return err
	}
	a.asked = audit.WatchReceipts(a.found)
	for _, path := range files {
		raw, err := os.ReadFile(path)
		if err != nil {
			return hub.Invalid("receipts", "file", "%v", err)
		}
		sealed, err := hub.ParseReceipt(raw)
		if err != nil {
			return hub.Invalid("receipts", "receipt", "%s: %v", path, err)
		}
		a.asked.Add(path, &sealed)
	}
	return nil
}

// receiptEnd is how the names of receipt files end.
const receiptEnd = ".receipt.json"

// receiptFiles lists files, and those of receipts in folders.
func receiptFiles(paths []string) ([]string, error) {
	var files []string
	for _, path := range paths {
		info, err := os.Stat(path)
		if err != nil {
			return nil, hub.Invalid("receipts", "file", "%v", err)
		}
		if !info.IsDir() {
			files = append(files, path)
			continue
		}
		entries, err := os.ReadDir(path)
		if err != nil {
			return nil, hub.Invalid("receipts", "folder", "%v", err)
		}
		before := len(files)
		for _, entry := range entries {
			if entry.Type().IsRegular() && strings.HasSuffix(entry.Name(), receiptEnd) {
				files = append(files, filepath.Join(path, entry.Name()))
			}
		}
		if len(files) == before {
			return nil, hub.Invalid("receipts", "folder", "there is no file *%s in %s", receiptEnd, path)
		}
	}
	return files, nil
}

// alsoAsked shows entries to the watch for receipts as well.
func (a *logAudit) alsoAsked(take takeEntry) takeEntry {
	if a.asked == nil {
		return take
	}
	return func(origin string, index int64, data []byte) error {
		if err := a.asked.Entry(origin, index, data); err != nil || take == nil {
			return err
		}
		return take(origin, index, data)
	}
}

// gone names checkpoints that were kept of logs that are not there.
func (a *logAudit) gone() {
	there := map[string]bool{}
	for i := range a.Logs {
		there[a.Logs[i].Origin] = true
	}
	for _, kept := range a.kept {
		if w, err := a.policy.Open(kept.Note); err == nil && !there[w.Checkpoint.Origin] {
			a.found("gone", "a checkpoint of %s was kept (%s), and that log is not there", w.Checkpoint.Origin, kept.Name)
		}
	}
}

// maxKept is above the size of any checkpoint or proof in bytes.
const maxKept = 1 << 20

// liesBeside reports whether a file is one of those that lie beside checkpoints and proofs:
// receipts and time-stamps.
func liesBeside(name string) bool {
	switch filepath.Ext(name) {
	case ".json", ".xml", ".tst":
		return true
	}
	return false
}

// keptCheckpoints reads the signed notes in a folder, and those in proofs.
func keptCheckpoints(dir string) ([]audit.Kept, error) {
	if dir == "" {
		return nil, nil
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, hub.Invalid("checkpoints", "folder", "%v", err)
	}
	var kept []audit.Kept
	for _, entry := range entries {
		if !entry.Type().IsRegular() || liesBeside(entry.Name()) {
			continue
		}
		info, err := entry.Info()
		if err != nil || info.Size() > maxKept {
			continue
		}
		raw, err := os.ReadFile(filepath.Join(dir, entry.Name()))
		if err != nil {
			return nil, hub.Invalid("checkpoints", "file", "%v", err)
		}
		if filepath.Ext(entry.Name()) == ".tlog-proof" {
			proof, err := audit.ParseProof(raw)
			if err != nil {
				return nil, hub.Invalid("checkpoints", "proof", "%s: %v", entry.Name(), err)
			}
			raw = proof.Note
		}
		kept = append(kept, audit.Kept{Name: entry.Name(), Note: raw})
	}
	return kept, nil
}

// print prints the counts and returns the exit code.
func (a *logAudit) print() error {
	err := a.env.print(a, func(w io.Writer) {
		t := text.Table{Head: []string{"LOG", "ENTRIES", "RECEIPTS", "COMPARED", "WITNESSES", "ROOT"}}
		for i := range a.Logs {
			l := &a.Logs[i]
			t.Add(l.Origin, strconv.FormatInt(l.Size, 10), strconv.FormatInt(l.Receipts, 10), strconv.Itoa(l.Others), strconv.Itoa(len(l.Witnesses)), l.Root.String()[:16])
		}
		t.Write(w)
		if a.stores {
			fmt.Fprintf(w, "%d rows of the stores compared\n", a.Rows)
		}
		if a.Receipts != nil {
			fmt.Fprintf(w, "%d receipts are in the log\n", *a.Receipts)
		}
		fmt.Fprintf(w, "%d findings\n", a.Findings)
	})
	if err == nil && a.Findings > 0 {
		return verdict(exitFailed)
	}
	return err
}
