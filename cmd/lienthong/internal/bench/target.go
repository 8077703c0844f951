package bench

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/lienthong/lienthong/cmd/lienthong/internal/blank"
	"github.com/lienthong/lienthong/cmd/lienthong/internal/hubproc"
)

// target is a server under load: a hub, or the floor.
type target struct {
	name       string
	url        string
	process    *hubproc.Process // nil for a hub that was there before
	options    hubproc.Options  // of the process
	spent      time.Duration    // processor time of processes before this one
	peak       int64            // largest resident set of these, in bytes
	senders    []party
	recipients []party
}

// party is an agency with its key.
type party struct{ code, key string }

// Names of targets.
const (
	theHub   = "hub"
	theFloor = "floor"
	theBlank = "blank" // a hub without evidence
)

// sendingAgencies is how many agencies the senders speak for: what one key may have
// under way is bounded.
const sendingAgencies = 8

// start starts what a scenario needs. On an error too the targets must be stopped.
func (s *session) start(ctx context.Context, sc *Scenario) ([]*target, error) {
	if s.URL != "" {
		t := &target{name: theHub, url: s.URL}
		return []*target{t}, t.prepare(ctx, s.OperatorKey, sc)
	}
	names := []string{theHub}
	if !sc.HubOnly {
		names = append(names, theFloor)
	}
	if s.Blank != "" && sc.steady() {
		names = append(names, theBlank)
	}
	var targets []*target
	for _, name := range names {
		t, err := s.startChild(ctx, name, sc)
		if t != nil {
			targets = append(targets, t)
		}
		if err != nil {
			return targets, fmt.Errorf("%s: %w", name, err)
		}
	}
	return targets, nil
}

func (s *session) startChild(ctx context.Context, name string, sc *Scenario) (*target, error) {
	o := hubproc.Options{
		Bin: s.Bin, DataDir: filepath.Join(s.dir, sc.Name, name),
		Args: slices.Concat([]string{"--anchors", s.anchors}, s.Settings),
	}
	switch name {
	case theFloor:
		o.Command = "bench-floor"
	case theBlank:
		o.Bin, o.Env = s.Blank, []string{"LIENTHONG_MUTANT=no-evidence"}
		fallthrough
	default:
		o.Args = append(o.Args, "--client-rate", "1000000") // a few keys carry the load of many
	}
	if s.Mode == ModeProduction {
		o.DataDir = filepath.Join(s.dir, name) // a database knows the key of its hub
	}
	process, err := hubproc.Start(ctx, o)
	if err != nil {
		return nil, err
	}
	t := &target{name: name, url: process.URL, process: process, options: o}
	if name == theBlank && !strings.Contains(process.Log(), blank.Mark) {
		return t, fmt.Errorf("%s was not built with the tag mutants: it makes evidence, and would tell nothing of its cost", s.Blank)
	}
	operator, err := process.OperatorKey()
	if err != nil {
		return t, err
	}
	if err := t.prepare(ctx, operator, sc); err != nil {
		return t, fmt.Errorf("prepare: %w\n%s", err, process.Log())
	}
	return t, nil
}

// prepare imports the agencies and issues a key to each.
func (t *target) prepare(ctx context.Context, operatorKey string, sc *Scenario) error {
	operator := newClient(t.url, operatorKey)
	defer operator.close()
	var csv strings.Builder
	csv.WriteString("id,code,name,level,kind,parent_code,valid_from,valid_to,registers,email,telephone,aliases,successors\n")
	for i := range sendingAgencies {
		t.senders = append(t.senders, party{code: senderCode(i)})
		fmt.Fprintf(&csv, "bench-s%d,%s,Nơi gửi %d (đo tải),province,,,,,true,,,,\n", i, senderCode(i), i)
	}
	for i := range sc.recipients() {
		code := recipientCode(sc.Collecting > 0, i)
		t.recipients = append(t.recipients, party{code: code})
		fmt.Fprintf(&csv, "bench-%s,%s,Nơi nhận %d (đo tải),commune,,%s,,,true,,,,\n", code, code, i, senderCode(0))
	}
	body := csv.String()
	if _, err := operator.do(ctx, http.MethodPost, "/v1/agencies/import", "text/csv", strings.NewReader(body), int64(len(body))); err != nil {
		return err
	}
	for i := range t.senders {
		if err := operator.issueKey(ctx, &t.senders[i]); err != nil {
			return err
		}
	}
	for i := range t.recipients[:mostCollecting] {
		if err := operator.issueKey(ctx, &t.recipients[i]); err != nil {
			return err
		}
	}
	return nil
}

func (c *client) issueKey(ctx context.Context, p *party) error {
	var answer struct {
		Secret string `json:"secret"`
	}
	err := c.json(ctx, http.MethodPost, "/v1/keys", map[string]any{
		"name": "bench", "kind": "system", "agencies": []string{p.code},
		"scopes": []string{"submit", "collect", "read"},
	}, &answer)
	p.key = answer.Secret
	return err
}

func (t *target) stop() {
	if t.process != nil {
		t.process.Kill()
	}
}

// log returns what the server complained of lately.
func (t *target) log() string {
	if t.process == nil {
		return ""
	}
	var b strings.Builder
	for line := range strings.Lines(t.process.Log()) {
		if !strings.Contains(line, "level=INFO") {
			b.WriteString(line)
		}
	}
	return b.String()
}

func (t *target) cpu() time.Duration {
	if t.process == nil {
		return 0
	}
	return t.spent + t.process.CPUTime()
}

// memory returns the largest resident set in bytes.
func (t *target) memory() int64 { return max(t.peak, t.process.PeakMemory()) }

// kill ends the server with SIGKILL and starts it again at the same address.
func (t *target) kill(ctx context.Context) error {
	t.spent, t.peak = t.cpu(), t.memory()
	t.process.Kill()
	o := t.options
	address, err := url.Parse(t.url)
	if err != nil {
		return err
	}
	o.Listen = address.Host
	process, err := hubproc.Start(ctx, o)
	if err != nil {
		return fmt.Errorf("start again: %w", err)
	}
	t.process = process
	return nil
}

// Calm is a server that uses less than a twentieth of a processor for calmFor.
const (
	calmFor   = 300 * time.Millisecond
	calmLimit = time.Minute
)

// awaitCalm waits until the server has finished what it does behind its answers, so
// that it neither disturbs the next round nor hides work from this one.
func (t *target) awaitCalm(ctx context.Context) {
	for begin := time.Now(); t.process != nil && time.Since(begin) < calmLimit; {
		before := t.cpu()
		select {
		case <-ctx.Done():
			return
		case <-time.After(calmFor):
		}
		if t.cpu()-before < calmFor/20 {
			return
		}
	}
}
