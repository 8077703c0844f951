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
	CA          string        `name:"ca" type:"existingfile" help:"Certificates (PEM) that the server's certificate must lead to; the system's when left out."`
	Stores      bool          `help:"Also compare every row of the stores that the settings below name with the log and back, and dispatches, deliveries and verdicts with their evidence."`
	Wait        time.Duration `default:"10s" help:"How long, at a hub that works, a checkpoint may take to be seen by its witnesses, and what the stores hold to come into the log."`
	Certificate string        `type:"path" placeholder:"FILE" help:"Certificates of the hub (PEM), for --stores; DATA-DIR/hub-certificate.pem when left out."`

	hubSettings `embed:""`
}

// Help says what is checked.
func (auditCommand) Help() string {
	return "Reads the whole log of every year and believes nothing but the keys of the policy: recomputes all hashes, compares the root with the signed checkpoint, " +
		"the checkpoint with all that were kept, and each year with the one before. A log that was cut, forked or changed is named; with --stores, so is every row that was removed, edited, exchanged or added. Prints one finding on a line. Exit code 0: sound; 1: findings."
}

// logAudit is the result.
type logAudit struct {
	Logs     []audit.Replayed `json:"logs"`
	Rows     int64            `json:"rows_compared"`
	Findings int64            `json:"findings"`
	Found    []logFinding     `json:"found"` // at most maxShown

	env     *env
	source  tlog.Source
	policy  *audit.Policy
	kept    []audit.Kept
	replays map[string]*audit.Replay // by name of the log
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
	heads, err := result.heads(ctx, time.Now().Add(c.patience()))
	if err != nil {
		return err
	}
	if c.Stores {
		err = c.compare(ctx, result, heads)
	} else {
		result.Logs, err = result.replay(ctx, heads, nil)
	}
	if err != nil {
		return err
	}
	result.gone()
	return result.print()
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
		r.Entry = take
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
		if !entry.Type().IsRegular() {
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
		if filepath.Ext(entry.Name()) == ".json" {
			continue // receipts lie beside their proofs
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
		fmt.Fprintf(w, "%d findings\n", a.Findings)
	})
	if err == nil && a.Findings > 0 {
		return verdict(exitFailed)
	}
	return err
}
