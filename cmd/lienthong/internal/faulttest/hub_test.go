package faulttest

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/rs/zerolog"

	"github.com/lienthong/lienthong/cmd/lienthong/internal/hubbuild"
	"github.com/lienthong/lienthong/cmd/lienthong/internal/hubproc"
)

const (
	senderCode  = "000.00.00.H47"
	carriedCode = "000.00.30.H47" // has a queue of its own
)

func recipientCode(i int) string { return fmt.Sprintf("000.00.%02d.H47", 11+i) }

const recipientCount = 6

func agenciesCSV() string {
	var b strings.Builder
	b.WriteString("id,code,name,level,kind,parent_code,valid_from,valid_to,registers,email,telephone,aliases,successors,channel\n")
	fmt.Fprintf(&b, "h47,%s,UBND tỉnh (thử nghiệm),province,,,,,true,,,,,\n", senderCode)
	fmt.Fprintf(&b, "carried,%s,Sở có hàng đợi riêng (hư cấu),department,,%s,,,true,,,,,amqp\n", carriedCode, senderCode)
	for i := range recipientCount {
		fmt.Fprintf(&b, "r%d,%s,Sở thử nghiệm %d (hư cấu),department,,%s,,,true,,,,,\n", i, recipientCode(i), i, senderCode)
	}
	return b.String()
}

// program is built once for all tests, with the mutants compiled in; they sleep unless
// the environment wakes one.
var program = hubbuild.Once{Tags: "mutants"}

func TestMain(m *testing.M) {
	if orders := os.Getenv(deskOrders); orders != "" {
		os.Exit(runDesk(orders))
	}
	zerolog.SetGlobalLevel(zerolog.Disabled) // the proxy of the tests is chatty
	code := m.Run()
	sharedDatabase.Close()
	sharedBroker.Close()
	program.Done()
	os.Exit(code)
}

// startHub starts a hub on the data folder; mutant may be empty, env adds what the hub
// runs on or dies of.
func startHub(t *testing.T, dataDir, mutant string, env ...string) *hubproc.Process {
	t.Helper()
	bin, err := program.Program()
	if err != nil {
		t.Fatal(err)
	}
	h, err := hubproc.Start(t.Context(), hubproc.Options{
		Bin: bin, DataDir: dataDir, Env: append([]string{"LIENTHONG_MUTANT=" + mutant}, env...),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(h.Kill)
	return h
}

// keys are the credentials of one prepared hub; they live in its data folder
// and stay valid over restarts.
type keys struct {
	sender     string
	recipients []string
}

// prepared sets a fresh data folder up with a sound hub, so that a mutant starts
// with agencies and keys in place.
func prepared(t *testing.T, dataDir string, env ...string) keys {
	t.Helper()
	h := startHub(t, dataDir, "", env...)
	k := prepare(t, h)
	if err := h.Stop(patience); err != nil {
		t.Fatal(err)
	}
	return k
}

func prepare(t *testing.T, h *hubproc.Process) keys {
	t.Helper()
	ctx := t.Context()
	secret, err := h.OperatorKey()
	if err != nil {
		t.Fatal(err)
	}
	operator := newClient(h.URL, secret)
	if err := operator.importAgencies(ctx, agenciesCSV()); err != nil {
		t.Fatal(err)
	}
	var k keys
	if k.sender, err = operator.issueKey(ctx, senderCode); err != nil {
		t.Fatal(err)
	}
	for i := range recipientCount {
		key, err := operator.issueKey(ctx, recipientCode(i))
		if err != nil {
			t.Fatal(err)
		}
		k.recipients = append(k.recipients, key)
	}
	return k
}
