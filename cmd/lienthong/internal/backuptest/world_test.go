package backuptest

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lienthong/lienthong/adapters/hubclient"
	"github.com/lienthong/lienthong/cmd/lienthong/internal/hubbuild"
	"github.com/lienthong/lienthong/cmd/lienthong/internal/hubproc"
	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/hub/hubtest/server"
)

// program is built once for all tests.
var program = hubbuild.Once{}

func TestMain(m *testing.M) {
	code := m.Run()
	program.Done()
	os.Exit(code)
}

const agencies = `id,code,name,level,kind,parent_code,valid_from,valid_to,registers,email,telephone,aliases,successors
h47,000.00.00.H47,UBND tỉnh (thử nghiệm),province,,,,,true,,,,
r0,000.00.11.H47,Sở thử nghiệm 0 (hư cấu),department,,000.00.00.H47,,,true,,,,
r1,000.00.12.H47,Sở thử nghiệm 1 (hư cấu),department,,000.00.00.H47,,,true,,,,
`

// site is a hub with its clients and its backups.
type site struct {
	t          *testing.T
	bin        string
	data       string
	repository string
	identity   string
	recipients string
	args       []string // further settings of every command

	sender     string // keys
	collectors []string
}

func newSite(t *testing.T) *site {
	t.Helper()
	bin, err := program.Program()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	s := &site{
		t: t, bin: bin, data: filepath.Join(dir, "data"), repository: filepath.Join(dir, "repository"),
		identity: filepath.Join(dir, "identity.txt"), recipients: filepath.Join(dir, "recipients.txt"),
	}
	s.run(0, nil, "backup", "keygen", "--identity", s.identity, "--recipients", s.recipients)
	return s
}

// run runs a command, which must end with the exit code, and decodes its result.
func (s *site) run(code int, out any, args ...string) (stderr string) {
	s.t.Helper()
	cmd := exec.CommandContext(s.t.Context(), s.bin, append(args, "--json")...)
	var stdout, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &errs
	err := cmd.Run()
	var exit *exec.ExitError
	got := 0
	if errors.As(err, &exit) {
		got = exit.ExitCode()
	} else if err != nil {
		s.t.Fatal(err)
	}
	if got != code {
		s.t.Fatalf("%s: exit code %d, want %d\n%s%s", strings.Join(args, " "), got, code, stdout.String(), errs.String())
	}
	if out != nil {
		if err := json.Unmarshal(stdout.Bytes(), out); err != nil {
			s.t.Fatalf("%s: %v\n%s", strings.Join(args, " "), err, stdout.String())
		}
	}
	return errs.String()
}

// made is what backup says.
type made struct {
	ID    string `json:"id"`
	Added struct {
		Count int64 `json:"count"`
		Bytes int64 `json:"bytes"`
	} `json:"added"`
}

func (s *site) backUp() (m made) {
	s.t.Helper()
	s.run(0, &m, append([]string{"backup", "--data-dir", s.data, "--to", s.repository, "--recipients", s.recipients}, s.args...)...)
	return m
}

// checked is what verify-store says.
type checked struct {
	Dispatches int64                       `json:"dispatches"`
	Promised   int64                       `json:"promised"`
	States     map[hub.DeliveryState]int64 `json:"states"`
	Findings   int64                       `json:"findings"`
	Found      []struct {
		Rule    string `json:"rule"`
		Subject string `json:"subject"`
		Message string `json:"message"`
	} `json:"found"`
}

func (s *site) restore(more ...string) (c checked) {
	s.t.Helper()
	args := append([]string{"restore", "--from", s.repository, "--identity", s.identity, "--data-dir", s.data}, s.args...)
	s.run(0, &c, append(args, more...)...)
	return c
}

func (s *site) verify(code int, more ...string) (c checked) {
	s.t.Helper()
	s.run(code, &c, append(append([]string{"verify-store", "--data-dir", s.data}, s.args...), more...)...)
	return c
}

func (s *site) start() *hubproc.Process {
	s.t.Helper()
	p, err := hubproc.Start(s.t.Context(), hubproc.Options{Bin: s.bin, DataDir: s.data, Args: s.args})
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(p.Kill)
	return p
}

func (s *site) stop(p *hubproc.Process) {
	s.t.Helper()
	if err := p.Stop(server.Patience); err != nil {
		s.t.Fatal(err)
	}
}

func client(t *testing.T, url, key string) *hubclient.Client {
	t.Helper()
	c, err := hubclient.New(hubclient.Options{URL: url, Key: key, Retry: hubclient.Retry{Attempts: 1}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.CloseIdle)
	return c
}

// prepare gives a new hub its agencies and keys.
func (s *site) prepare(p *hubproc.Process) {
	s.t.Helper()
	secret, err := p.OperatorKey()
	if err != nil {
		s.t.Fatal(err)
	}
	operator := client(s.t, p.URL, secret)
	if _, err := operator.ImportAgencies(s.t.Context(), strings.NewReader(agencies), false); err != nil {
		s.t.Fatal(err)
	}
	issue := func(agency string) string {
		s.t.Helper()
		issued, err := operator.IssueKey(s.t.Context(), hubclient.NewKey{
			Name: "drill", Kind: hub.ActorSystem, Agencies: []string{agency},
			Scopes: []hub.Scope{hub.ScopeSubmit, hub.ScopeCollect, hub.ScopeRead},
		})
		if err != nil {
			s.t.Fatal(err)
		}
		return issued.Secret
	}
	s.sender = issue("000.00.00.H47")
	s.collectors = []string{issue("000.00.11.H47"), issue("000.00.12.H47")}
}

// promise is what a sender was given.
type promise struct {
	submission hub.Submission
	content    []byte
	accepted   hub.Accepted
}

// load sends and collects until it is stopped, and writes every promise down. What it
// has begun it finishes, so that no lease is left behind in a hub that goes on.
type load struct {
	mu       sync.Mutex
	promises []promise
	grown    chan struct{} // gets a value when there is a promise more
	count    atomic.Int64
	group    sync.WaitGroup
	stopped  atomic.Bool
}

func (s *site) load(url string) *load {
	s.t.Helper()
	ctx, l := s.t.Context(), &load{grown: make(chan struct{}, 1)}
	s.t.Cleanup(l.stop)
	for range 2 {
		c := client(s.t, url, s.sender)
		l.group.Go(func() {
			for !l.stopped.Load() {
				p := newPromise(l.count.Add(1))
				if p.send(ctx, c) == nil {
					l.keep(p)
				}
			}
		})
	}
	for _, key := range s.collectors {
		c := client(s.t, url, key)
		l.group.Go(func() {
			for !l.stopped.Load() {
				_, _ = collect(ctx, c, time.Second) // the hub may be dead by now
			}
		})
	}
	return l
}

func (l *load) keep(p promise) {
	l.mu.Lock()
	l.promises = append(l.promises, p)
	l.mu.Unlock()
	select {
	case l.grown <- struct{}{}:
	default:
	}
}

// stop ends the load.
func (l *load) stop() {
	l.stopped.Store(true)
	l.group.Wait()
}

// taken returns the promises so far.
func (l *load) taken() []promise {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.promises[:len(l.promises):len(l.promises)]
}

// await waits until there are so many promises.
func (l *load) await(t *testing.T, n int) []promise {
	t.Helper()
	deadline := time.After(server.Patience)
	for len(l.taken()) < n {
		select {
		case <-l.grown:
		case <-deadline:
			t.Fatalf("%d documents were accepted within %s, %d expected", len(l.taken()), server.Patience, n)
		}
	}
	return l.taken()
}

func newPromise(n int64) promise {
	content := make([]byte, 8<<10)
	rand.Read(content)
	id := fmt.Sprintf("drill-%06d", n)
	to := []string{"000.00.11.H47", "000.00.12.H47"}
	return promise{content: content, submission: hub.Submission{
		Sender: "000.00.00.H47", Recipients: to[:1+n%2], ExternalID: id, Operation: hub.OperationNew, Key: id,
		Document: hub.Document{CodeNumber: fmt.Sprint(n), CodeNotation: "UBND-TN", TypeName: "Công văn", Subject: "V/v diễn tập khôi phục (hư cấu)", Promulgated: "2026-03-02"},
	}}
}

func (p *promise) send(ctx context.Context, c *hubclient.Client) error {
	file := hubclient.File{
		Part: hub.Part{ID: "p1", Role: hub.RoleOriginal, Name: "a.pdf", MediaType: "application/pdf", Size: int64(len(p.content))},
		Open: func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(p.content)), nil },
	}
	var err error
	p.accepted, err = c.Submit(ctx, p.submission, []hubclient.File{file}, nil)
	return err
}

// collect waits for something, takes it, acknowledges and registers it, and returns how many.
func collect(ctx context.Context, c *hubclient.Client, wait time.Duration) (int, error) {
	if _, err := c.Mailbox(ctx, hubclient.MailboxQuery{Wait: wait, Page: hub.Page{Limit: 1}}); err != nil {
		return 0, err
	}
	items, err := c.Lease(ctx, hubclient.LeaseRequest{Max: 10})
	if err != nil {
		return 0, err
	}
	for _, it := range items {
		digests := map[string]hub.Digest{}
		for _, part := range it.Dispatch.Parts {
			if digests[part.ID], err = c.Part(ctx, it.Dispatch.ID, part, io.Discard, nil); err != nil {
				return 0, err
			}
		}
		if _, err := c.Acknowledge(ctx, it.Delivery.ID, it.Delivery.Lease.Fence, digests); err != nil {
			return 0, err
		}
		if _, err := c.Accept(ctx, it.Delivery.ID, hub.Registration{Number: "7", Date: "2026-03-02"}); err != nil {
			return 0, err
		}
	}
	return len(items), nil
}
