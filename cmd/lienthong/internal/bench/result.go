package bench

import (
	"fmt"
	"io"
	"math"
	"text/tabwriter"
	"time"
)

// Result is what was measured, and where.
type Result struct {
	Machine Machine   `json:"machine"`
	Date    time.Time `json:"date"`
	Commit  string    `json:"commit"`
	Runs    []Measure `json:"runs"`
}

// Measure is one scenario in one mode. Figures that do not apply are left out: those
// of the floor where it did not run, and of processor and memory where the hub was
// not started here. Times count from the begin of the submission.
type Measure struct {
	Mode         string  `json:"mode"`     // ModeEmbedded or ModeProduction
	Scenario     string  `json:"scenario"` // ScenarioNames, with the number of recipients or documents
	Form         string  `json:"form"`     // "rest" or "edxml"
	MeanBytes    int     `json:"mean_bytes"`
	FanOut       int     `json:"fan_out"`
	Collecting   int     `json:"collecting"` // recipients that collect; the boxes of the others fill
	Clients      int     `json:"clients"`
	Rate         float64 `json:"rate,omitempty"` // that was asked for; without it as many as went through
	Count        int     `json:"count"`          // submissions accepted
	Seconds      float64 `json:"seconds"`        // that they took
	Errors       int     `json:"errors"`         // answers that asked to come again
	RatioToFloor float64 `json:"ratio_to_floor,omitempty"`
	CPURatio     float64 `json:"cpu_ratio_to_floor,omitempty"` // of the hub's processor time to that of the floor

	SubmissionsPerSecond      float64 `json:"submissions_per_s"`
	DeliveriesPerSecond       float64 `json:"deliveries_per_s"` // submitted to handed over, evidence included
	AcceptsPerSecond          float64 `json:"accepts_per_s"`    // while documents were sent; more than submissions where a backlog was left
	MegabytesPerSecond        float64 `json:"mb_per_s"`         // of submissions
	FloorSubmissionsPerSecond float64 `json:"floor_submissions_per_s,omitempty"`

	AcceptP50    float64 `json:"accept_p50_ms"`
	AcceptP95    float64 `json:"accept_p95_ms"`
	AcceptP99    float64 `json:"accept_p99_ms"`
	ConsignedP50 float64 `json:"consigned_p50_ms,omitempty"`
	ConsignedP95 float64 `json:"consigned_p95_ms,omitempty"`
	ConsignedP99 float64 `json:"consigned_p99_ms,omitempty"`
	HandoverP50  float64 `json:"handover_p50_ms,omitempty"`
	HandoverP95  float64 `json:"handover_p95_ms,omitempty"`
	HandoverP99  float64 `json:"handover_p99_ms,omitempty"`

	// Evidence until everybody could read it in the log: the oldest of each checkpoint.
	LogP50 float64 `json:"log_p50_ms,omitempty"`
	LogP95 float64 `json:"log_p95_ms,omitempty"`
	LogP99 float64 `json:"log_p99_ms,omitempty"`

	CPUPerDispatch      float64 `json:"cpu_ms_per_dispatch,omitempty"` // all processors, consignment and hand-over included
	CPUSecondsPer1000   float64 `json:"cpu_s_per_1000,omitempty"`      // the same
	FloorCPUPerDispatch float64 `json:"floor_cpu_ms_per_dispatch,omitempty"`
	PeakRSSMB           float64 `json:"peak_rss_mb,omitempty"`

	// What a hub without evidence did in turns with this one, and what evidence costs: the
	// part of its rate that is lost, and the part of this hub's processor time, in percent.
	BlankSubmissionsPerSecond float64 `json:"blank_submissions_per_s,omitempty"`
	BlankCPUPerDispatch       float64 `json:"blank_cpu_ms_per_dispatch,omitempty"`
	EvidenceRateCost          float64 `json:"evidence_cost_of_rate_percent,omitempty"`
	EvidenceCPUCost           float64 `json:"evidence_cost_of_cpu_percent,omitempty"`
}

func newRun(mode string, sc *Scenario, targets []*target, sums []*tally) Measure {
	t := sums[0]
	m := Measure{
		Mode: mode, Scenario: sc.Name, Form: sc.Form, MeanBytes: sc.mean(), FanOut: sc.FanOut, Collecting: sc.Collecting,
		Clients: sc.Clients, Rate: sc.Rate, Count: len(t.accepts), Seconds: round3(max(t.sending, t.collecting).Seconds()), Errors: t.refusals,
		SubmissionsPerSecond: round3(t.submissionRate()), DeliveriesPerSecond: round3(t.deliveryRate()),
		MegabytesPerSecond: round3(t.submissionRate() * float64(sc.mean()) / 1e6),
		AcceptsPerSecond:   round3(perSecond(len(t.accepts), t.sending)),
	}
	for _, p := range []struct {
		of               []time.Duration
		half, most, edge *float64
	}{
		{t.accepts, &m.AcceptP50, &m.AcceptP95, &m.AcceptP99},
		{t.consigned, &m.ConsignedP50, &m.ConsignedP95, &m.ConsignedP99},
		{t.handovers, &m.HandoverP50, &m.HandoverP95, &m.HandoverP99},
		{t.published, &m.LogP50, &m.LogP95, &m.LogP99},
	} {
		*p.half, *p.most, *p.edge = round3(ms(percentile(p.of, 0.50))), round3(ms(percentile(p.of, 0.95))), round3(ms(percentile(p.of, 0.99)))
	}
	if targets[0].process != nil {
		m.CPUPerDispatch = round3(t.cpuPerDispatch())
		m.CPUSecondsPer1000 = m.CPUPerDispatch
		m.PeakRSSMB = round3(float64(targets[0].memory()) / 1e6)
	}
	for i, other := range targets[1:] {
		m.compare(other.name, t, sums[1+i])
	}
	return m
}

// compare adds what another target did under the same load.
func (m *Measure) compare(name string, t, other *tally) {
	switch name {
	case theFloor:
		floor := other
		m.FloorSubmissionsPerSecond = round3(floor.submissionRate())
		m.FloorCPUPerDispatch = round3(floor.cpuPerDispatch())
		m.RatioToFloor = round3(t.submissionRate() / floor.submissionRate())
		m.CPURatio = round3(t.cpuPerDispatch() / floor.cpuPerDispatch())
	case theBlank:
		m.BlankSubmissionsPerSecond = round3(other.submissionRate())
		m.BlankCPUPerDispatch = round3(other.cpuPerDispatch())
		m.EvidenceRateCost = round3(100 * (1 - t.submissionRate()/other.submissionRate()))
		m.EvidenceCPUCost = round3(100 * (1 - other.cpuPerDispatch()/t.cpuPerDispatch()))
	}
}

// round3 keeps three digits behind the point: more than is ever meant.
func round3(f float64) float64 {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return 0
	}
	return math.Round(f*1000) / 1000
}

// Table writes the result for a person.
func (r *Result) Table(w io.Writer) {
	fmt.Fprintf(w, "%s\n\n", r.where(new(english())))
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(table, "scenario\taccepts/s\tsubm/s\tfloor/s\tratio\tdeliv/s\taccept p50\tp95\tp99\tconsigned p95\thanded over p50\tp95\tp99\tin log p50\tp99 ms\tCPU ms\tfloor\tevidence %\tRSS MB\tagain\t")
	for i := range r.Runs {
		m := &r.Runs[i]
		fmt.Fprintf(table, "%s %s\t%s\t%s\t%s\t%s\t%s\t%.1f\t%.1f\t%.1f\t%.1f\t%.1f\t%.1f\t%.1f\t%s\t%s\t%.2f\t%s\t%s\t%.0f\t%d\t\n",
			m.Mode, m.Scenario, rate(m.AcceptsPerSecond), rate(m.SubmissionsPerSecond), rate(m.FloorSubmissionsPerSecond), known("%.2f", m.RatioToFloor), rate(m.DeliveriesPerSecond),
			m.AcceptP50, m.AcceptP95, m.AcceptP99, m.ConsignedP95, m.HandoverP50, m.HandoverP95, m.HandoverP99, known("%.0f", m.LogP50), known("%.0f", m.LogP99),
			m.CPUPerDispatch, known("%.2f", m.FloorCPUPerDispatch), known("%.1f", m.EvidenceCPUCost), m.PeakRSSMB, m.Errors)
	}
	_ = table.Flush() // a writer to a terminal that fails has nobody to tell
}

// none stands where a figure does not apply.
const none = "–"

// known formats a figure, or says that there is none.
func known(format string, f float64) string {
	if f == 0 {
		return none
	}
	return fmt.Sprintf(format, f)
}

// rate keeps what matters of a rate.
func rate(f float64) string {
	if f < 10 {
		return known("%.2f", f)
	}
	return fmt.Sprintf("%.0f", f)
}
