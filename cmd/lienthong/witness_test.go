package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lienthong/lienthong/adapters/hubclient"
	"github.com/lienthong/lienthong/cmd/lienthong/internal/hubproc"
	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/hub/audit"
	"github.com/lienthong/lienthong/hub/hubtest/server"
	"github.com/lienthong/lienthong/signing/pki"
	"github.com/lienthong/lienthong/signing/tsp"
)

// witnessed is a hub with three witnesses, two of which are a quorum, each a process of
// its own. They stay at their addresses over restarts.
type witnessed struct {
	*testing.T
	bin, dir  string
	addresses [3]string
	witnesses [3]*hubproc.Process
	hub       *hubproc.Process
	operator  *hubclient.Client
	agencies  int
}

// newWitnessed starts the hub once to learn the key of its log, then the witnesses, then
// the hub with them.
func newWitnessed(t *testing.T, flags ...string) *witnessed {
	t.Helper()
	w := &witnessed{T: t, bin: build(t), dir: t.TempDir(), addresses: [3]string(server.FreeAddresses(t, 3))}
	w.startHub("data")
	if err := w.hub.Stop(server.Patience); err != nil {
		t.Fatal(err)
	}
	var policy strings.Builder
	for i := range w.addresses {
		name := fmt.Sprintf("w%d.example", i)
		line := w.run(0, "witness", "key", "--name", name, "--data-dir", w.path(name))
		fields := strings.Fields(line)
		fmt.Fprintf(&policy, "witness %s %s http://%s\n", fields[1], fields[2], w.addresses[i])
		w.startWitness(i)
	}
	policy.WriteString("group two 2 w0.example w1.example w2.example\nquorum two\n")
	w.write("witnesses.tlog", policy.String())
	w.startHub("data", append([]string{"--witness-policy", w.path("witnesses.tlog")}, flags...)...)
	return w
}

func (w *witnessed) path(name string) string { return filepath.Join(w.dir, name) }

func (w *witnessed) write(name, text string) {
	w.Helper()
	if err := os.WriteFile(w.path(name), []byte(text), 0o600); err != nil {
		w.Fatal(err)
	}
}

// run runs a command to its end and returns what it printed.
func (w *witnessed) run(code int, args ...string) string {
	w.Helper()
	cmd := exec.CommandContext(w.Context(), w.bin, args...)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); cmd.ProcessState == nil || cmd.ProcessState.ExitCode() != code {
		w.Fatalf("%v: %v\n%s\n%s", args, err, out.String(), errs.String())
	}
	return out.String()
}

func (w *witnessed) start(o hubproc.Options) *hubproc.Process {
	w.Helper()
	o.Bin = w.bin
	p, err := hubproc.Start(w.Context(), o)
	if err != nil {
		w.Fatal(err)
	}
	w.Cleanup(p.Kill)
	return p
}

func (w *witnessed) startWitness(i int) {
	w.Helper()
	name := fmt.Sprintf("w%d.example", i)
	w.witnesses[i] = w.start(hubproc.Options{
		Command: "witness serve", DataDir: w.path(name), Listen: w.addresses[i],
		Args: []string{"--name", name, "--logs", filepath.Join(w.path("data"), "policy.tlog")},
	})
}

func (w *witnessed) startHub(data string, flags ...string) {
	w.Helper()
	w.hub = w.start(hubproc.Options{DataDir: w.path(data), Args: append([]string{"--stamp-every", "1s", "--log-level", "warn"}, flags...)})
	key, err := w.hub.OperatorKey()
	if err != nil {
		w.Fatal(err)
	}
	if w.operator, err = hubclient.New(hubclient.Options{URL: w.hub.URL, Key: key}); err != nil {
		w.Fatal(err)
	}
	w.Cleanup(w.operator.CloseIdle)
}

// act lets the log grow by what an operator does, and waits until it has.
func (w *witnessed) act(times int) {
	w.Helper()
	before := w.size()
	for range times {
		w.agencies++
		list := fmt.Sprintf("id,code,name,level,kind,parent_code,valid_from,valid_to,registers,email,telephone,aliases,successors\n"+
			"a%d,000.00.%02d.H47,Sở %d (hư cấu),department,,,,,true,,,,\n", w.agencies, w.agencies, w.agencies)
		if _, err := w.operator.ImportAgencies(w.Context(), strings.NewReader(list), false); err != nil {
			w.Fatal(err)
		}
	}
	w.await("a log that grew", func() (bool, string) { n := w.size(); return n >= before+times, fmt.Sprint(n) })
}

// checkpoint returns the newest checkpoint of the hub.
func (w *witnessed) checkpoint() []byte {
	w.Helper()
	year, _, _ := strings.Cut(string(w.get(w.hub.URL+"/log")), " ")
	return w.get(w.hub.URL + "/log/" + year + "/checkpoint")
}

// size returns the entries of the log, 0 before the first checkpoint.
func (w *witnessed) size() int {
	w.Helper()
	lines := strings.Split(string(w.checkpoint()), "\n")
	n, _ := strconv.Atoi(lines[min(1, len(lines)-1)])
	return n
}

// await asks until what is there is wanted.
func (w *witnessed) await(what string, there func() (bool, string)) {
	w.Helper()
	limit := time.Now().Add(server.Patience)
	for {
		ok, found := there()
		if ok {
			return
		}
		if time.Now().After(limit) {
			w.Fatalf("%s: there is %s\n%s", what, found, w.hub.Log())
		}
		time.Sleep(50 * time.Millisecond) // between two questions
	}
}

func (w *witnessed) get(url string) []byte {
	w.Helper()
	request, err := http.NewRequestWithContext(w.Context(), http.MethodGet, url, http.NoBody)
	if err != nil {
		w.Fatal(err)
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		w.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		w.Fatal(err)
	}
	return body
}

// awaitCheck waits for a state of one check of /readyz, and returns its reason.
func (w *witnessed) awaitCheck(name string, state hub.HealthState) (reason string) {
	w.Helper()
	w.await(name+" is "+string(state), func() (bool, string) {
		var ready hub.Readiness
		if err := json.Unmarshal(w.get(w.hub.URL+"/readyz"), &ready); err != nil {
			w.Fatal(err)
		}
		for _, c := range ready.Checks {
			if c.Name == name {
				reason = c.Reason
				return c.State == state, fmt.Sprint(c)
			}
		}
		return false, fmt.Sprint(ready)
	})
	return reason
}

// awaitQuorum waits for a newest checkpoint that so many witnesses have seen, and returns
// its size.
func (w *witnessed) awaitQuorum(data string, by int) (size int64) {
	w.Helper()
	text, err := os.ReadFile(filepath.Join(w.path(data), "policy.tlog"))
	if err != nil {
		w.Fatal(err)
	}
	policy, err := audit.ParsePolicy(text)
	if err != nil {
		w.Fatal(err)
	}
	w.await("a quorum", func() (bool, string) {
		note := w.checkpoint()
		seen, err := policy.Open(note)
		size = seen.Checkpoint.Size
		return err == nil && seen.Quorum && len(seen.Cosignatures) >= by, fmt.Sprintf("%s %v", note, err)
	})
	return size
}

// TestWitnesses: with one witness of three gone the log has its quorum, with two gone it
// shows what it lacks and goes on; they catch up. A copy of the hub that goes on alone is
// refused by all of them, and they show both histories.
func TestWitnesses(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("many processes")
	}
	w := newWitnessed(t)
	w.act(2)
	w.awaitQuorum("data", 3)
	w.witnesses[0].Kill()
	w.act(2)
	w.awaitQuorum("data", 2)
	w.awaitCheck("witnesses", hub.HealthSound)
	w.witnesses[1].Kill()
	w.act(2) // the exchange goes on
	if reason := w.awaitCheck("witnesses", hub.HealthDegraded); !strings.Contains(reason, "w0.example: ") && !strings.Contains(reason, "w1.example: ") {
		t.Errorf("what is lacking: %s", reason)
	}
	if seen := string(w.get("http://" + w.addresses[2] + "/")); !strings.Contains(seen, "lienthong/evidence/") || !strings.Contains(seen, "  size ") {
		t.Errorf("the page of a witness: %s", seen)
	}
	if err := w.hub.Stop(server.Patience); err != nil {
		t.Fatal(err)
	}
	if err := os.CopyFS(w.path("copy"), os.DirFS(w.path("data"))); err != nil {
		t.Fatal(err)
	}
	for _, private := range []string{"key", "key/hub.pem", "key/log.pem", "key/tsa.pem", "operator.key"} { // CopyFS leaves modes to the umask
		info, err := os.Stat(filepath.Join(w.path("data"), private))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(filepath.Join(w.path("copy"), private), info.Mode().Perm()); err != nil {
			t.Fatal(err)
		}
	}
	w.startWitness(0)
	w.startWitness(1)
	flags := []string{"--witness-policy", w.path("witnesses.tlog")}
	w.startHub("data", flags...)
	w.act(3)
	size := w.awaitQuorum("data", 2)
	w.await("all witnesses have seen it", func() (bool, string) {
		for _, address := range w.addresses {
			if seen := string(w.get("http://" + address + "/seen")); !strings.Contains(seen, fmt.Sprintf(`"size": %d,`, size)) {
				return false, seen
			}
		}
		return true, ""
	})
	if err := w.hub.Stop(server.Patience); err != nil {
		t.Fatal(err)
	}

	w.startHub("copy", flags...)
	if reason := w.awaitCheck("witnesses", hub.HealthDegraded); reason == "" {
		t.Error("the copy gives no reason")
	}
	w.act(6) // until the copy is as large as what was seen, and larger
	w.await("a proof of two histories", func() (bool, string) {
		metrics := string(w.get("http://" + w.addresses[2] + "/metrics"))
		return strings.Contains(metrics, "} 1\nlienthong_witness_forks") || strings.Contains(metrics, `lienthong_witness_forks{origin="lienthong/evidence/`+fmt.Sprint(time.Now().UTC().Year())+`"} 1`), metrics
	})
	out := w.run(1, "witness", "show", "--name", "w2.example", "--data-dir", w.path("w2.example"), "--logs", filepath.Join(w.path("data"), "policy.tlog"))
	if strings.Count(out, "FORKED") == 0 || strings.Count(out, "— lienthong/evidence/") < 2 {
		t.Errorf("the witness shows: %s", out)
	}
}

// authority is a time-stamp authority behind HTTP that can be stopped and started at its
// address, with a clock that can be wrong.
type authority struct {
	*testing.T
	tsa     *tsp.Authority
	address string
	server  *http.Server
	ahead   atomic.Int64 // of its clock, in nanoseconds
}

func newAuthority(t *testing.T, anchors string) *authority {
	t.Helper()
	a := &authority{T: t, address: server.FreeAddresses(t, 1)[0]}
	issuer, err := pki.New(time.Now(), pki.P256)
	if err != nil {
		t.Fatal(err)
	}
	id, err := issuer.TimestampAuthority("TSA", pki.P256)
	if err != nil {
		t.Fatal(err)
	}
	now := func() time.Time { return time.Now().Add(time.Duration(a.ahead.Load())) }
	if a.tsa, err = tsp.NewAuthority(tsp.AuthorityOptions{Key: id.Key, Chain: id.Chain, Now: now}); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(anchors, issuer.AnchorsPEM(), 0o600); err != nil {
		t.Fatal(err)
	}
	a.start()
	t.Cleanup(a.stop)
	return a
}

func (a *authority) start() {
	a.Helper()
	l, err := (&net.ListenConfig{}).Listen(a.Context(), "tcp", a.address)
	if err != nil {
		a.Fatal(err)
	}
	a.server = &http.Server{Handler: a.tsa, ReadHeaderTimeout: time.Minute}
	go a.server.Serve(l) // it ends with stop
}

func (a *authority) stop() { _ = a.server.Close() }

// TestFailsClosed: where the operator requires it, a hub takes no new submissions while
// the log lacks its quorum or its time-stamp for too long, or the clocks differ, by whatever
// way they come. What was taken is still handed over, and the hub recovers by itself.
func TestFailsClosed(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("many processes")
	}
	anchors := filepath.Join(t.TempDir(), "tsa.pem")
	tsa := newAuthority(t, anchors)
	w := newWitnessed(t, "--tsa", "http://"+tsa.address, "--tsa-anchors", anchors, "--require-timestamp-within", "4s", "--require-witnesses-within", "4s")
	list := "id,code,name,level,kind,parent_code,valid_from,valid_to,registers,email,telephone,aliases,successors\n" +
		"h47,H47,UBND tỉnh Quảng Nam,province,,,,,true,,,,\nsnv,H47.12,Sở Nội vụ (hư cấu),department,,H47,,,true,,,,\n"
	if _, err := w.operator.ImportAgencies(t.Context(), strings.NewReader(list), false); err != nil {
		t.Fatal(err)
	}
	clients := map[string]*hubclient.Client{}
	for _, agency := range []string{"H47", "H47.12"} {
		issued, err := w.operator.IssueKey(t.Context(), hubclient.NewKey{
			Name: agency, Kind: hub.ActorSystem, Agencies: []string{agency}, Scopes: []hub.Scope{hub.ScopeSubmit, hub.ScopeRead, hub.ScopeCollect},
		})
		if err != nil {
			t.Fatal(err)
		}
		if clients[agency], err = hubclient.New(hubclient.Options{URL: w.hub.URL, Key: issued.Secret}); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(clients[agency].CloseIdle)
	}
	folder := t.TempDir()
	if err := writeDocuments(folder); err != nil {
		t.Fatal(err)
	}
	w.awaitCheck("proofs", hub.HealthSound)
	sent := sendSigned(t, clients["H47"], filepath.Join(folder, "signed.pdf"))
	in := newDoors(t, w.hub.URL, w.operator)
	in.open()

	closed := func(why string) {
		t.Helper()
		w.await("closed by "+why, func() (bool, string) {
			reason := w.awaitCheck("proofs", hub.HealthDegraded)
			return strings.Contains(reason, why), reason
		})
		in.closed(why)
	}

	w.witnesses[0].Kill()
	w.witnesses[1].Kill()
	w.act(1)
	closed("quorum")
	if items, err := clients["H47.12"].Lease(t.Context(), hubclient.LeaseRequest{Deliveries: []hub.DeliveryID{sent.Deliveries[0].ID}, For: time.Minute}); err != nil || len(items) != 1 {
		t.Errorf("what was accepted cannot be collected: %v, %v", items, err)
	}
	w.startWitness(0)
	w.awaitCheck("proofs", hub.HealthSound)

	tsa.stop()
	w.act(1)
	closed("time-stamp")
	tsa.start()
	w.awaitCheck("proofs", hub.HealthSound)
	w.awaitCheck("timestamps", hub.HealthSound)

	tsa.ahead.Store(int64(10 * time.Minute))
	w.act(1)
	w.awaitCheck("clock", hub.HealthDegraded)
	closed("clock")
	tsa.ahead.Store(0)
	w.act(1)
	w.awaitCheck("clock", hub.HealthSound)
	w.awaitCheck("proofs", hub.HealthSound)
	in.open()
}
