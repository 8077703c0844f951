package bench_test

import (
	"bytes"
	"context"
	"encoding/json"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/lienthong/lienthong/cmd/lienthong/internal/bench"
	"github.com/lienthong/lienthong/cmd/lienthong/internal/cli"
)

// asProgram makes the test binary be the program for the children that a
// measurement starts.
const asProgram = "LIENTHONG_BENCH_CHILD"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		os.Exit(cli.Main(context.Background(), cli.Environment{
			Args: os.Args[1:], Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr, Version: "test",
		}))
	}
	os.Setenv(asProgram, "yes")
	os.Exit(m.Run())
}

func options(t *testing.T, scenario string) bench.Options {
	t.Helper()
	bin, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return bench.Options{
		Bin: bin, Mode: bench.ModeEmbedded, Scenario: []string{scenario}, Count: 12, Rounds: 1, Clients: 3,
		Version: "test", Out: &strings.Builder{}, Dir: t.TempDir(),
	}
}

// A real hub and a real floor, both ways: documents go in and are collected.
func TestSmallMeasurements(t *testing.T) {
	for _, c := range []struct {
		scenario   string
		change     func(*bench.Options)
		deliveries bool
		floor      bool
	}{
		{"mix", func(*bench.Options) {}, true, true},
		{"edxml", func(o *bench.Options) { o.Size = 30_000 }, true, true},
		{"fanout", func(o *bench.Options) { o.FanOut, o.Size = 3, 30_000 }, true, true},
		{"peak", func(o *bench.Options) { o.Size = 30_000 }, false, true},
		{"hold", func(o *bench.Options) { o.Count, o.Rate, o.For, o.Size = 0, 50, 300*time.Millisecond, 30_000 }, true, false},
		{"kills", func(o *bench.Options) { o.Count, o.For, o.Size = 0, time.Second, 30_000 }, true, false},
		{"singles", func(o *bench.Options) { o.Count, o.Singles, o.SingleSize = 0, 2, 3_000_000 }, true, false},
	} {
		t.Run(c.scenario, func(t *testing.T) {
			t.Parallel()
			o := options(t, c.scenario)
			c.change(&o)
			result, err := bench.Run(t.Context(), o)
			if err != nil {
				t.Fatal(err)
			}
			for i := range result.Runs {
				checkMeasure(t, &result.Runs[i], c.deliveries, c.floor)
			}
			left, err := os.ReadDir(o.Dir)
			if err != nil || len(left) > 0 {
				t.Errorf("%v, left behind: %v", err, left)
			}
		})
	}
}

func checkMeasure(t *testing.T, m *bench.Measure, deliveries, floor bool) {
	t.Helper()
	text, _ := json.Marshal(m)
	switch {
	case m.Count == 0 || m.SubmissionsPerSecond <= 0 || m.Seconds <= 0:
		t.Errorf("nothing was measured: %s", text)
	case m.AcceptP50 <= 0 || m.AcceptP95 < m.AcceptP50 || m.AcceptP99 < m.AcceptP95:
		t.Errorf("times of acceptance: %s", text)
	case deliveries && (m.DeliveriesPerSecond <= 0 || m.HandoverP50 < m.ConsignedP50 || m.HandoverP50 <= 0):
		t.Errorf("times of hand-over: %s", text)
	case !deliveries && m.DeliveriesPerSecond != 0:
		t.Errorf("nobody collects: %s", text)
	case floor != (m.RatioToFloor > 0) || floor != (m.FloorSubmissionsPerSecond > 0):
		t.Errorf("the floor: %s", text)
	case m.PeakRSSMB <= 0:
		t.Errorf("memory: %s", text)
	case m.LogP99 < m.LogP50 || m.LogP50 < 0:
		t.Errorf("times until the log has it: %s", text)
	}
}

// Evidence has its price named, beside a hub without it; a program that makes evidence
// cannot stand in for that.
func TestCostOfEvidence(t *testing.T) {
	t.Parallel()
	o := options(t, "fixed")
	o.Size, o.NoFloor, o.Blank = 30_000, true, o.Bin
	if _, err := bench.Run(t.Context(), o); err == nil || !strings.Contains(err.Error(), "tag mutants") {
		t.Errorf("a normal build beside the hub: %v", err)
	}
	o.Blank = filepath.Join(t.TempDir(), "blank")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-tags", "mutants", "-o", o.Blank, "../..").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	result, err := bench.Run(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	m := result.Runs[0]
	rate, cpu := 100*(1-m.SubmissionsPerSecond/m.BlankSubmissionsPerSecond), 100*(1-m.BlankCPUPerDispatch/m.CPUPerDispatch)
	if m.BlankSubmissionsPerSecond <= 0 || math.Abs(rate-m.EvidenceRateCost) > 0.1 || math.Abs(cpu-m.EvidenceCPUCost) > 0.1 {
		t.Errorf("%.2f%% of the rate, %.2f%% of the processor time: %+v", rate, cpu, m)
	}
}

// A hub that runs already is measured with its operator's key.
func TestRunningHub(t *testing.T) {
	o := options(t, "mix")
	dir := t.TempDir()
	hub := startHub(t, dir)
	key, err := hub.OperatorKey()
	if err != nil {
		t.Fatal(err)
	}
	o.URL, o.OperatorKey, o.Save = hub.URL, key, filepath.Join(dir, "bench.json")
	if _, err := bench.Run(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	result, err := bench.Load(o.Save)
	if err != nil || len(result.Runs) != 1 || result.Machine.Cores == 0 {
		t.Fatalf("%+v, %v", result, err)
	}
	m := result.Runs[0]
	if m.Count != 12 || m.PeakRSSMB != 0 || m.RatioToFloor != 0 {
		t.Errorf("%+v", m)
	}
}

// A measurement in which a document does not arrive has no result.
func TestStrangersAreNoMeasurement(t *testing.T) {
	o := options(t, "mix")
	hub := startHub(t, t.TempDir())
	o.URL, o.OperatorKey = hub.URL, "no key"
	if _, err := bench.Run(t.Context(), o); err == nil || !strings.Contains(err.Error(), "401") {
		t.Errorf("got %v", err)
	}
}

func TestSaveAddsToTheSameVersion(t *testing.T) {
	path := filepath.Join(t.TempDir(), "bench.json")
	first := &bench.Result{Commit: "a", Runs: []bench.Measure{{Mode: "production", Scenario: "mix"}, {Mode: "embedded", Scenario: "mix", Count: 1}}}
	if err := bench.Save(path, first); err != nil {
		t.Fatal(err)
	}
	if err := bench.Save(path, &bench.Result{Commit: "a", Runs: []bench.Measure{{Mode: "embedded", Scenario: "mix", Count: 2}}}); err != nil {
		t.Fatal(err)
	}
	got, err := bench.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Runs) != 2 || got.Runs[0].Count != 2 || got.Runs[1].Mode != "production" {
		t.Errorf("got %+v", got.Runs)
	}
	if err := bench.Save(path, &bench.Result{Commit: "b"}); err == nil {
		t.Error("results of two versions in one file")
	}
}

// The tables in the READMEs are those of the committed result, and the result has
// every figure that its readers look for.
func TestTablesAreThoseOfTheResult(t *testing.T) {
	const committed = "../../bench/bench.json"
	result, err := bench.Load(committed)
	if err != nil {
		t.Fatal(err)
	}
	if len(result.Runs) == 0 || result.Machine.CPU == "" || result.Machine.Cores == 0 || result.Date.IsZero() || result.Commit == "" {
		t.Errorf("the result does not say what was measured, when and where: %+v", result)
	}
	for _, name := range []string{"README.md", "README.vi.md"} {
		text, err := os.ReadFile(filepath.Join("../../../..", name))
		if err != nil {
			t.Fatal(err)
		}
		copied := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(copied, text, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := bench.WriteTable(result, copied); err != nil {
			t.Fatal(err)
		}
		if again, _ := os.ReadFile(copied); !bytes.Equal(text, again) {
			t.Errorf("%s: the table is not that of bench.json; write it with: lienthong bench --table cmd/lienthong/bench/bench.json --into %s", name, name)
		}
	}
}
