package faulttest

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lienthong/lienthong/adapters/hubclient"
	"github.com/lienthong/lienthong/hub"
)

// TestPackagesThroughKills lets the one-stop systems of two agencies hand dossiers to each
// other through a hub that is killed meanwhile: every package for which one holds a receipt
// is there once, as a document and in its dossier, each with its events, and nothing else is.
func TestPackagesThroughKills(t *testing.T) {
	throughKills(t, packagesThroughKills)
}

// deskProcess is a desk that runs.
type deskProcess struct {
	*testing.T
	cmd    *exec.Cmd
	orders io.WriteCloser
	ended  chan struct{} // its output is read
	says   strings.Builder
	count  *atomic.Int64 // of all desks

	lines []deskLine // read when it has ended
}

func startDesk(t *testing.T, d *desk, count *atomic.Int64) *deskProcess {
	t.Helper()
	orders, err := json.Marshal(d)
	if err != nil {
		t.Fatal(err)
	}
	p := &deskProcess{T: t, cmd: exec.CommandContext(t.Context(), os.Args[0]), ended: make(chan struct{}), count: count}
	p.cmd.Env = append(os.Environ(), deskOrders+"="+string(orders))
	p.cmd.Stderr = &p.says
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if p.orders, err = p.cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(p.ended)
		for lines := bufio.NewScanner(out); lines.Scan(); {
			var line deskLine
			if json.Unmarshal(lines.Bytes(), &line) == nil {
				p.lines = append(p.lines, line)
				p.count.Add(1)
			}
		}
	}()
	return p
}

// end gives a desk its last order and waits until it has done what it does.
func (p *deskProcess) end(order string) []deskLine {
	p.Helper()
	_, _ = io.WriteString(p.orders, order) // why nobody reads it is said below
	_ = p.orders.Close()
	select {
	case <-p.ended:
	case <-time.After(patience):
		p.Fatal("the desk does not come to its end")
	}
	if err := p.cmd.Wait(); err != nil {
		p.Fatalf("the desk failed: %v\n%s", err, &p.says)
	}
	return p.lines
}

func packagesThroughKills(t *testing.T, env []string, kills int) {
	t.Helper()
	h, decision := startDecided(t, env)
	list := "code,name,field,levels,agency,limit\n1.001193,Đăng ký khai sinh,Hộ tịch,xã," + senderCode + ",3 ngày làm việc\n"
	if err := h.call(func(c *hubclient.Client) error {
		_, err := c.ImportProcedures(t.Context(), hub.ProcedureWish{Decision: decision, From: time.Date(2025, 1, 1, 0, 0, 0, 0, hub.Vietnam())}, strings.NewReader(list))
		return err
	}); err != nil {
		t.Fatal(err)
	}
	var count atomic.Int64
	unit := startDesk(t, &desk{Address: h.address(), Key: h.keys.sender, Code: senderCode, Other: recipientCode(0)}, &count)
	lead := startDesk(t, &desk{Address: h.address(), Key: h.keys.recipients[0], Code: recipientCode(0), Other: senderCode, Leads: true}, &count)
	h.kill(kills, func() int { return int(count.Load()) })
	promised := unit.end("")
	numbers := map[string]bool{}
	for _, line := range promised {
		numbers[line.Number] = true
	}
	units, leads := newClient(*h.url.Load(), h.keys.sender), newClient(*h.url.Load(), h.keys.recipients[0])
	awaitTaken(t, units)
	checkHandedOver(t, units, numbers)
	answers := lead.end(fmt.Sprintln(len(numbers)))

	awaitTaken(t, leads)
	known := map[string]bool{}
	checkPackages(t, units, append(promised, deskLine{ID: "decision"}), known)
	checkPackages(t, leads, answers, known)
	checkDossiers(t, units, numbers, known)
	t.Logf("%d dossiers, %d receipts, %d kills", len(numbers), count.Load(), kills)
}

// checkHandedOver finds what is lost before somebody waits for it.
func checkHandedOver(t *testing.T, c *client, numbers map[string]bool) {
	t.Helper()
	for number := range numbers {
		events, err := dossierEvents(t.Context(), c, number)
		if err != nil || !slices.ContainsFunc(events, func(e dossierEvent) bool { return e.Act == "hand_over" }) {
			t.Fatalf("lost: %s was not handed over: %+v, %v", number, events, err)
		}
	}
}

// awaitTaken waits until no package waits to be put into its dossier.
func awaitTaken(t *testing.T, c *client) {
	t.Helper()
	await(t, "all packages are in their dossiers", func() bool {
		var waiting struct {
			Items []hub.DossierTaking `json:"items"`
		}
		if err := c.json(t.Context(), http.MethodGet, "/v1/dossiers/packages", nil, &waiting); err != nil {
			t.Fatal(err)
		}
		for i := range waiting.Items {
			if len(waiting.Items[i].Refused) > 0 {
				t.Fatalf("can't be taken any more: %+v", waiting.Items[i])
			}
		}
		return len(waiting.Items) == 0
	})
}

// checkPackages holds the documents of an agency against the receipts that it got.
func checkPackages(t *testing.T, c *client, promised []deskLine, known map[string]bool) {
	t.Helper()
	sent, err := c.sent(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	wanted := map[string]bool{}
	for _, line := range promised {
		wanted[line.ID] = true
		if len(sent[line.ID]) != 1 {
			t.Errorf("%s became %d documents", line.ID, len(sent[line.ID]))
		}
	}
	for id, dispatches := range sent {
		if !wanted[id] {
			t.Errorf("nobody has a receipt for %s", id)
		}
		for _, dispatch := range dispatches {
			known[dispatch] = true
		}
	}
}

// checkDossiers holds the dossiers against what packages said of them, and what their
// agencies are told against both.
func checkDossiers(t *testing.T, c *client, numbers, dispatches map[string]bool) {
	t.Helper()
	told := map[string][]int64{}
	for last := int64(0); ; {
		news, err := dossierNews(t.Context(), c, last)
		if err != nil {
			t.Fatal(err)
		}
		if len(news) == 0 {
			break
		}
		for _, n := range news {
			if last++; n.Seq != last {
				t.Fatalf("told of %d where %d was to come", n.Seq, last)
			}
			told[n.Number] = append(told[n.Number], n.Event.Seq)
		}
	}
	if len(told) != len(numbers) {
		t.Errorf("%d dossiers are told of, %d were handed over", len(told), len(numbers))
	}
	want := []string{"accept", "attach", "attach", "hand_over", "process", "register", "result"}
	for number := range numbers {
		events, err := dossierEvents(t.Context(), c, number)
		if err != nil {
			t.Errorf("%s: %v", number, err)
			continue
		}
		var acts []string
		for i, e := range events {
			acts = append(acts, e.Act)
			if e.Act != "register" && !dispatches[e.Dispatch] {
				t.Errorf("%s: %s came by a document that is not there: %q", number, e.Act, e.Dispatch)
			}
			if e.Seq != int64(i+1) || i >= len(told[number]) || told[number][i] != e.Seq {
				t.Errorf("%s: of %d events %v are told", number, len(events), told[number])
			}
		}
		if slices.Sort(acts); !slices.Equal(acts, want) {
			t.Errorf("%s: %v", number, acts)
		}
	}
	if len(numbers) == 0 {
		t.Error("the desks did nothing: this run proves nothing")
	}
}
