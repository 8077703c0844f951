package bench

import (
	"strings"
	"testing"
	"time"
)

func TestPercentiles(t *testing.T) {
	var hundred []time.Duration
	for i := range 100 {
		hundred = append(hundred, time.Duration(100-i)*time.Millisecond)
	}
	for _, c := range []struct {
		of   []time.Duration
		q    float64
		want time.Duration
	}{
		{nil, 0.5, 0},
		{[]time.Duration{7}, 0.5, 7},
		{[]time.Duration{7}, 0.99, 7},
		{[]time.Duration{3, 1, 2}, 0.5, 2},
		{[]time.Duration{4, 3, 1, 2}, 0.5, 2},
		{hundred, 0.50, 50 * time.Millisecond},
		{hundred, 0.95, 95 * time.Millisecond},
		{hundred, 0.99, 99 * time.Millisecond},
		{hundred, 1, 100 * time.Millisecond},
	} {
		if got := percentile(c.of, c.q); got != c.want {
			t.Errorf("%v of %v is %v, want %v", c.q, c.of, got, c.want)
		}
	}
}

// Every thousand documents in a row have exactly the shares of the mix, and the
// first hundred about those.
func TestMixHasItsShares(t *testing.T) {
	sc := Scenario{Classes: Mix()}
	total := 0
	for _, c := range sc.Classes {
		total += c.Share
	}
	if total != 1000 {
		t.Fatalf("the shares are %d thousandths", total)
	}
	for _, from := range []int64{0, 12345} {
		found := map[int]int{}
		for n := from; n < from+1000; n++ {
			found[sc.pick(n).Size]++
		}
		for _, c := range sc.Classes {
			if found[c.Size] != c.Share {
				t.Errorf("from %d: %d documents of %d bytes, want %d", from, found[c.Size], c.Size, c.Share)
			}
		}
	}
	small := 0
	for n := range int64(100) {
		if sc.pick(n).Size <= 10<<10 {
			small++
		}
	}
	if small < 85 || small > 95 {
		t.Errorf("%d of the first 100 are small", small)
	}
	if mean := sc.mean(); mean < 40_000 || mean > 60_000 {
		t.Errorf("the mean is %d bytes", mean)
	}
}

func TestScenariosOfAllOptions(t *testing.T) {
	all, err := (&Options{Scenario: []string{"all"}}).scenarios()
	if err != nil {
		t.Fatal(err)
	}
	names := map[string]bool{}
	for i := range all {
		sc := &all[i]
		if names[sc.Name] {
			t.Errorf("%s comes twice", sc.Name)
		}
		names[sc.Name] = true
		if sc.Clients < 1 || sc.FanOut < 1 || sc.Rounds < 1 || sc.For <= 0 || sc.Collecting > sc.FanOut || sc.about() == "" {
			t.Errorf("%+v", sc)
		}
		if title := (&Measure{Scenario: sc.Name}).title(&words{scenarios: english().scenarios}); title == "" {
			t.Errorf("%s has no title", sc.Name)
		}
	}
	for _, name := range []string{"mix", "fixed", "peak", "edxml", "fanout-500", "hold", "single-8x1000MB"} {
		if !names[name] {
			t.Errorf("%s is missing", name)
		}
	}
	if _, err := (&Options{Scenario: []string{"none"}}).scenarios(); err == nil {
		t.Error("a scenario that is none")
	}
}

func TestRatesCountWhatWasHandedOver(t *testing.T) {
	sum := &tally{}
	for range 2 {
		sum.add(&tally{
			accepts: make([]time.Duration, 10), handovers: make([]time.Duration, 20), refusals: 1,
			sending: time.Second, collecting: 2 * time.Second, cpu: 30 * time.Millisecond,
		})
	}
	if got := sum.submissionRate(); got != 5 {
		t.Errorf("%v submissions/s: a backlog is no speed", got)
	}
	if got := sum.deliveryRate(); got != 10 {
		t.Errorf("%v deliveries/s", got)
	}
	if got := sum.cpuPerDispatch(); got != 3 || sum.refusals != 2 {
		t.Errorf("%v ms, %d refusals", got, sum.refusals)
	}
	if (&tally{}).submissionRate() != 0 || (&tally{}).cpuPerDispatch() != 0 {
		t.Error("nothing has a rate")
	}
}

func TestTableGoesBetweenItsMarks(t *testing.T) {
	r := &Result{
		Machine: Machine{CPU: "CPU", Cores: 2, Memory: "8 GiB", Disk: "ext4", OS: "OS", Go: "go"},
		Date:    time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC),
		Runs: []Measure{
			{Mode: ModeEmbedded, Scenario: "mix", SubmissionsPerSecond: 812.4, RatioToFloor: 0.614, DeliveriesPerSecond: 812.4, AcceptP50: 9.6, AcceptP99: 41, HandoverP50: 20, HandoverP99: 80, CPUPerDispatch: 1.24, PeakRSSMB: 88.8},
			{Mode: ModeProduction, Scenario: "fanout-500", SubmissionsPerSecond: 4.26, AcceptP50: 100, AcceptP99: 300},
			{Mode: ModeEmbedded, Scenario: "single-8x1000MB", SubmissionsPerSecond: 0.5},
			{Mode: ModeEmbedded, Scenario: "hold", Rate: 300, Seconds: 600},
		},
	}
	got, err := withTable("before\n<!-- bench -->\nold\n<!-- /bench -->\nafter\n", r.Markdown(false))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"before\n<!-- bench -->\nMeasured on 2026-11-23: CPU, 2 cores",
		"| embedded: mix, 2 KB to 10 MB | 812 | 61 % | 812 | 10 / 41 ms | 20 / 80 ms | 1.2 ms | 89 MB |\n",
		"| PostgreSQL, RabbitMQ, S3: 200 KB to 500 recipients | 4.26 | – | – | 100 / 300 ms | – | – | – |\n",
		"8 × 1000 MB at once", "200 KB at 300/s for 10 min",
		"<!-- /bench -->\nafter\n",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is not in\n%s", want, got)
		}
	}
	if strings.Contains(got+r.Markdown(true), "%!") {
		t.Error("a figure is formatted wrongly")
	}
	if strings.Contains(got, "old") {
		t.Error("the old table stays")
	}
	if !strings.Contains(r.Markdown(true), "| nhúng: hỗn hợp, 2 KB đến 10 MB | 812 | 61 % | 812 | 10 / 41 ms | 20 / 80 ms | 1,2 ms | 89 MB |") {
		t.Errorf("in Vietnamese:\n%s", r.Markdown(true))
	}
	for _, text := range []string{"", "<!-- bench -->\n", "<!-- /bench -->"} {
		if _, err := withTable(text, "table"); err == nil {
			t.Errorf("%q has no place for a table", text)
		}
	}
}
