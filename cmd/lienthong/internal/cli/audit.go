package cli

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/lienthong/lienthong/adapters/tlog"
	"github.com/lienthong/lienthong/cmd/lienthong/internal/app"
	"github.com/lienthong/lienthong/cmd/lienthong/internal/text"
	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/hub/audit"
)

type auditCommand struct {
	Log         string `arg:"" help:"Address of a hub or of a log, or a folder with a copy of its files."`
	Policy      string `required:"" type:"existingfile" help:"Keys of the log and of its witnesses (c2sp.org/tlog-policy), from a place that you trust."`
	Checkpoints string `type:"existingdir" placeholder:"DIR" help:"Folder with checkpoints and proofs that were kept at any time: the log must be consistent with all of them."`
	CA          string `name:"ca" type:"existingfile" help:"Certificates (PEM) that the server's certificate must lead to; the system's when left out."`
	Stores      bool   `help:"Also compare every row of the stores that the settings below name with the log, and back."`

	hubSettings `embed:""`
}

// Help says what is checked.
func (auditCommand) Help() string {
	return "Reads the whole log of every year and believes nothing but the keys of the policy: recomputes all hashes, compares the root with the signed checkpoint, " +
		"the checkpoint with all that were kept, and each year with the one before. A log that was cut, forked or changed is named. Prints one finding on a line. Exit code 0: sound; 1: findings."
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
	entries map[leafKey]bool // seen in the stores; nil without them
}

type logFinding struct {
	Rule    string `json:"rule"`
	Message string `json:"message"`
}

// leafKey tells leaves apart: half a SHA-256.
type leafKey [16]byte

func keyOf(leaf []byte) leafKey {
	digest := sha256.Sum256(leaf)
	return leafKey(digest[:16])
}

// Run audits all logs at an address.
func (c *auditCommand) Run(ctx context.Context, e *env) error {
	result := &logAudit{env: e, Found: []logFinding{}, Logs: []audit.Replayed{}}
	raw, err := os.ReadFile(c.Policy)
	if err != nil {
		return hub.Invalid("policy", "file", "%v", err)
	}
	if result.policy, err = audit.ParsePolicy(raw); err != nil {
		return err
	}
	config, err := (&connection{CA: c.CA}).tls()
	if err != nil {
		return err
	}
	if result.source, err = tlog.Open(c.Log, config); err != nil {
		return err
	}
	kept, err := keptCheckpoints(c.Checkpoints)
	if err != nil {
		return err
	}
	if c.Stores {
		result.entries = map[leafKey]bool{}
	}
	if err := result.replay(ctx, kept); err != nil {
		return err
	}
	if c.Stores {
		if err := result.compare(ctx, e, &c.Config); err != nil {
			return err
		}
	}
	return result.print()
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

// replay reads every log from its beginning.
func (a *logAudit) replay(ctx context.Context, kept [][]byte) error {
	logs, err := a.source.Logs(ctx)
	if err != nil {
		return err
	}
	var previous []byte
	for _, log := range logs {
		signed, err := a.source.Checkpoint(ctx, log)
		if err != nil {
			return err
		}
		done, err := a.replayOne(ctx, log, signed, previous, kept)
		if err != nil {
			a.found("unreadable", "the log %s cannot be read to its end: %v", log, err)
		}
		a.Logs = append(a.Logs, done)
		previous = signed
	}
	return a.missing(kept)
}

func (a *logAudit) replayOne(ctx context.Context, log string, signed, previous []byte, kept [][]byte) (audit.Replayed, error) {
	r := audit.Replay{Policy: a.policy, Tiles: a.source, Shard: log, Others: kept, Previous: previous, Found: a.found}
	if progress := a.env.progress(); progress != nil {
		r.Progress = func(read, size int64) { progress("entries", read, size) }
	}
	if a.entries != nil {
		r.Entry = func(_ int64, data []byte, leaf *audit.Leaf) error {
			if leaf.Checkpoint == "" {
				a.entries[keyOf(data)] = false
			}
			return nil
		}
	}
	return r.Run(ctx, signed)
}

// missing names checkpoints that were kept of logs that are not there.
func (a *logAudit) missing(kept [][]byte) error {
	there := map[string]bool{}
	for i := range a.Logs {
		there[a.Logs[i].Origin] = true
	}
	for _, signed := range kept {
		if w, err := a.policy.Open(signed); err == nil && !there[w.Checkpoint.Origin] {
			a.found("gone", "a checkpoint of %s was kept, and that log is not there", w.Checkpoint.Origin)
		}
	}
	return nil
}

// maxKept is above the size of any checkpoint or proof in bytes.
const maxKept = 1 << 20

// keptCheckpoints reads the signed notes in a folder, and those in proofs.
func keptCheckpoints(dir string) ([][]byte, error) {
	if dir == "" {
		return nil, nil
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, hub.Invalid("checkpoints", "folder", "%v", err)
	}
	var kept [][]byte
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
		kept = append(kept, raw)
	}
	return kept, nil
}

// publishLimit is how long a row may wait for its place in the log of a hub that works.
const publishLimit = 10 * time.Second

// compare compares the stores with the log. What the log held before the stores were
// read must be there; what is in the stores must be in the log, or come into it within
// the limit.
func (a *logAudit) compare(ctx context.Context, e *env, config *app.Config) error {
	stores, err := app.OpenStores(ctx, *config, newLog(e.Stderr, "error", config.LogFormat))
	if err != nil {
		return err
	}
	defer stores.Close() //nolint:errcheck // was only read
	waiting := map[leafKey]string{}
	err = stores.Export(ctx, func(r hub.Record) error {
		leaf, what, err := leafOfRecord(&r)
		if err != nil || leaf == nil {
			return err
		}
		a.Rows++
		if key := keyOf(leaf); a.has(key) {
			a.entries[key] = true
		} else {
			waiting[key] = what
		}
		return nil
	})
	if err != nil {
		return err
	}
	for key, seen := range a.entries {
		if !seen {
			a.found("not_in_stores", "the log holds an entry (%x) whose evidence or note is not in the stores, or was changed there", key[:8])
		}
	}
	if err := a.await(ctx, waiting); err != nil {
		return err
	}
	for _, what := range waiting {
		a.found("not_in_log", "%s is in the stores as no entry of the log says", what)
	}
	return nil
}

func (a *logAudit) has(key leafKey) bool {
	_, has := a.entries[key]
	return has
}

// await reads what came into the log meanwhile.
func (a *logAudit) await(ctx context.Context, waiting map[leafKey]string) error {
	for deadline := time.Now().Add(publishLimit); len(waiting) > 0 && time.Now().Before(deadline); {
		again := &logAudit{env: &env{Environment: Environment{Stdout: io.Discard, Stderr: io.Discard}}, source: a.source, policy: a.policy, entries: map[leafKey]bool{}}
		if err := again.replay(ctx, nil); err != nil {
			return err
		}
		before := len(waiting)
		for key := range again.entries {
			delete(waiting, key)
		}
		if len(waiting) == before {
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-time.After(time.Second):
			}
		}
	}
	return nil
}

// leafOfRecord returns the leaf that the log must hold for a record; nil for records
// that it does not hold.
func leafOfRecord(r *hub.Record) (leaf []byte, what string, err error) {
	switch r.Kind {
	case hub.RecordEvidence:
		var e hub.EvidenceRecord
		if err := json.Unmarshal(r.Body, &e); err != nil {
			return nil, "", hub.Internal("read a record", err)
		}
		leaf, err := audit.ReceiptLeaf(e.Bytes(), e.JWS)
		if err != nil { // it cannot be in the log
			leaf = e.Bytes()
		}
		var about struct {
			ID hub.EvidenceID `json:"evidence_id"`
		}
		_ = json.Unmarshal(e.Bytes(), &about) // what cannot be read has no id
		return leaf, "evidence " + string(about.ID), nil
	case hub.RecordLogNote:
		var n hub.LogNote
		if err := json.Unmarshal(r.Body, &n); err != nil {
			return nil, "", hub.Internal("read a record", err)
		}
		leaf, err := audit.NoteLeaf(&n)
		return leaf, "note " + n.ID, err
	}
	return nil, "", nil
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
		if a.entries != nil {
			fmt.Fprintf(w, "%d rows of the stores compared\n", a.Rows)
		}
		fmt.Fprintf(w, "%d findings\n", a.Findings)
	})
	if err == nil && a.Findings > 0 {
		return verdict(exitFailed)
	}
	return err
}
