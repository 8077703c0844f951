// Package bench measures a real hub over HTTP: it starts one as a child process
// on fresh data, makes signed PDFs, lets many clients submit them and the
// recipients collect and acknowledge them, and reports rates, latencies, and the
// processor time and memory of the hub alone.
//
// Rates depend on the machine and its disk; processor time per dispatch hardly
// does. Compare ratios of runs on one machine, never single figures of two.
package bench

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/lienthong/lienthong/cmd/lienthong/internal/sample"
)

// Options say what to measure.
type Options struct {
	Bin     string    // the lienthong binary to start
	Count   int       // documents to send
	Size    int       // bytes of one signed PDF, about
	FanOut  int       // recipients of each document
	Clients int       // senders at once
	Format  string    // "rest" or "edxml"
	Large   int       // documents of LargeSize sent at once afterwards; 0 for none
	LargeMB int       // megabytes of a large document
	Out     io.Writer // progress lines
	Dir     string    // where to work; empty for a temporary folder
}

// Report is the result of one run.
type Report struct {
	Mode               string  `json:"mode"` // "embedded"
	Format             string  `json:"format"`
	Documents          int     `json:"documents"`
	DocumentBytes      int     `json:"document_bytes"`
	FanOut             int     `json:"fan_out"`
	Clients            int     `json:"clients"`
	Seconds            float64 `json:"seconds"`
	SubmissionsPerSec  float64 `json:"submissions_per_s"`
	DeliveriesPerSec   float64 `json:"deliveries_per_s"` // submitted to handed over, evidence included
	AcceptP50          float64 `json:"accept_p50_ms"`
	AcceptP95          float64 `json:"accept_p95_ms"`
	AcceptP99          float64 `json:"accept_p99_ms"`
	HandoverP50        float64 `json:"handover_p50_ms"`
	HandoverP95        float64 `json:"handover_p95_ms"`
	HandoverP99        float64 `json:"handover_p99_ms"`
	HubCPUPerDispatch  float64 `json:"hub_cpu_ms_per_dispatch"`
	PeakRSSMB          float64 `json:"peak_rss_mb"`
	LargeDocuments     int     `json:"large_documents,omitempty"`
	LargeMB            int     `json:"large_mb,omitempty"`
	LargeSeconds       float64 `json:"large_seconds,omitempty"`
	LargePeakRSSMB     float64 `json:"large_peak_rss_mb,omitempty"`
	SubmissionFailures int     `json:"submission_failures"`
}

// Run measures once. It fails when a submission fails for good or a delivery
// does not reach its recipient: a fast hub that loses documents has no figure.
func Run(ctx context.Context, o Options) (Report, error) {
	dir, err := os.MkdirTemp(o.Dir, "lienthong-bench")
	if err != nil {
		return Report{}, err
	}
	defer os.RemoveAll(dir)
	fmt.Fprintf(o.Out, "making %d signed PDFs of %d bytes\n", o.Count, o.Size)
	anchors := filepath.Join(dir, "anchors.pem")
	signers, err := newSigners(anchors)
	if err != nil {
		return Report{}, fmt.Errorf("make signers: %w", err)
	}
	files, err := makeDocuments(ctx, filepath.Join(dir, "documents"), o, signers)
	if err != nil {
		return Report{}, fmt.Errorf("make documents: %w", err)
	}
	report := Report{
		Mode: "embedded", Format: o.Format, Documents: o.Count, DocumentBytes: o.Size,
		FanOut: o.FanOut, Clients: o.Clients,
	}
	if err := measureMany(ctx, dir, anchors, files, o, &report); err != nil {
		return Report{}, err
	}
	if o.Large > 0 {
		err = measureLarge(ctx, dir, anchors, signers, o, &report)
	}
	return report, err
}

// measureMany sends all documents and waits until each is handed over.
func measureMany(ctx context.Context, dir, anchors string, files []string, o Options, report *Report) error {
	hub, parties, err := startPrepared(ctx, o.Bin, filepath.Join(dir, "hub"), anchors, o.FanOut)
	if err != nil {
		return err
	}
	defer hub.Kill()
	fmt.Fprintf(o.Out, "sending through %d clients to %d recipients each\n", o.Clients, o.FanOut)
	cpuBefore, begin := hub.CPUTime(), time.Now()
	r := &run{options: o, parties: parties, files: files, sentAt: make([]time.Time, len(files))}
	if err := r.drive(ctx, hub.URL); err != nil {
		return fmt.Errorf("%w\n%s", err, hub.Log())
	}
	total := time.Since(begin)
	report.Seconds = total.Seconds()
	report.SubmissionsPerSec = float64(len(files)) / r.submitted.Sub(begin).Seconds()
	report.DeliveriesPerSec = float64(len(files)*o.FanOut) / total.Seconds()
	report.HubCPUPerDispatch = ms(hub.CPUTime()-cpuBefore) / float64(len(files))
	report.AcceptP50, report.AcceptP95, report.AcceptP99 = percentiles(r.accepts)
	report.HandoverP50, report.HandoverP95, report.HandoverP99 = percentiles(r.handovers)
	report.PeakRSSMB = float64(hub.PeakMemory()) / (1 << 20)
	report.SubmissionFailures = int(r.failures.Load())
	return nil
}

// run is one measurement under way.
type run struct {
	options   Options
	parties   parties
	files     []string
	next      atomic.Int64
	failures  atomic.Int64 // refusals that were tried again
	mu        sync.Mutex
	accepts   []time.Duration
	handovers []time.Duration
	sentAt    []time.Time
	submitted time.Time // when the last submission was accepted
	firstErr  error
}

func (r *run) drive(ctx context.Context, url string) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var senders, collectors sync.WaitGroup
	for range r.options.Clients {
		senders.Go(func() { r.stopOn(r.send(ctx, newClient(url, r.parties.senderKey)), cancel) })
	}
	remaining := new(atomic.Int64)
	remaining.Store(int64(len(r.files) * r.options.FanOut))
	for _, key := range r.parties.recipientKeys {
		for range collectorsPerRecipient(r.options.FanOut) {
			collectors.Go(func() { r.stopOn(r.collect(ctx, newClient(url, key), remaining), cancel) })
		}
	}
	senders.Wait()
	collectors.Wait()
	return r.firstErr
}

// collectorsPerRecipient keeps the number of collecting clients near eight.
func collectorsPerRecipient(fanOut int) int { return max(1, 8/fanOut) }

func (r *run) stopOn(err error, cancel context.CancelFunc) {
	if err == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.firstErr == nil {
		r.firstErr = err
	}
	cancel()
}

func (r *run) send(ctx context.Context, c *client) error {
	for {
		n := int(r.next.Add(1)) - 1
		if n >= len(r.files) {
			return nil
		}
		begin := time.Now()
		r.mu.Lock()
		r.sentAt[n] = begin
		r.mu.Unlock()
		failed, err := c.submitFile(ctx, r.options.Format, n, r.files[n], r.parties)
		if err != nil {
			return fmt.Errorf("document %d: %w", n, err)
		}
		r.failures.Add(int64(failed))
		r.mu.Lock()
		r.accepts = append(r.accepts, time.Since(begin))
		r.submitted = time.Now()
		r.mu.Unlock()
	}
}

func (r *run) collect(ctx context.Context, c *client, remaining *atomic.Int64) error {
	for remaining.Load() > 0 {
		items, err := c.lease(ctx, 16)
		if err != nil {
			return fmt.Errorf("lease: %w", err)
		}
		if len(items) == 0 {
			if err := c.awaitArrival(ctx); err != nil {
				return fmt.Errorf("wait: %w", err)
			}
			continue
		}
		for _, it := range items {
			n, err := c.collect(ctx, it)
			if err != nil {
				return fmt.Errorf("collect: %w", err)
			}
			remaining.Add(-1)
			r.mu.Lock()
			r.handovers = append(r.handovers, time.Since(r.sentAt[n]))
			r.mu.Unlock()
		}
	}
	return nil
}

// measureLarge sends the large documents all at once and reads the peak of
// memory of a hub that has done nothing else.
func measureLarge(ctx context.Context, dir, anchors string, signers sample.Signers, o Options, report *Report) error {
	fmt.Fprintf(o.Out, "making %d documents of %d MB\n", o.Large, o.LargeMB)
	hub, parties, err := startPrepared(ctx, o.Bin, filepath.Join(dir, "hub-large"), anchors, 1)
	if err != nil {
		return err
	}
	defer hub.Kill()
	o.Count, o.Size, o.FanOut, o.Clients = o.Large, o.LargeMB<<20, 1, o.Large
	files, err := makeDocuments(ctx, filepath.Join(dir, "large"), o, signers)
	if err != nil {
		return err
	}
	begin := time.Now()
	r := &run{options: o, parties: parties, files: files, sentAt: make([]time.Time, len(files))}
	if err := r.drive(ctx, hub.URL); err != nil {
		return fmt.Errorf("large documents: %w\n%s", err, hub.Log())
	}
	report.LargeDocuments, report.LargeMB = o.Large, o.LargeMB
	report.LargeSeconds = time.Since(begin).Seconds()
	report.LargePeakRSSMB = float64(hub.PeakMemory()) / (1 << 20)
	return nil
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// percentiles returns p50, p95 and p99 in milliseconds.
func percentiles(d []time.Duration) (p50, p95, p99 float64) {
	if len(d) == 0 {
		return 0, 0, 0
	}
	slices.Sort(d)
	at := func(q float64) float64 { return ms(d[min(len(d)-1, int(q*float64(len(d))))]) }
	return at(0.50), at(0.95), at(0.99)
}

// Table writes the report for a person.
func (r Report) Table(w io.Writer) {
	fmt.Fprintf(w, "documents            %d of %d KB (%s), %d recipients, %d clients\n", r.Documents, r.DocumentBytes>>10, r.Format, r.FanOut, r.Clients)
	fmt.Fprintf(w, "submissions          %.0f /s\n", r.SubmissionsPerSec)
	fmt.Fprintf(w, "deliveries           %.0f /s, from submission to evidence of hand-over\n", r.DeliveriesPerSec)
	fmt.Fprintf(w, "accept               p50 %.1f  p95 %.1f  p99 %.1f ms\n", r.AcceptP50, r.AcceptP95, r.AcceptP99)
	fmt.Fprintf(w, "hand-over            p50 %.1f  p95 %.1f  p99 %.1f ms\n", r.HandoverP50, r.HandoverP95, r.HandoverP99)
	fmt.Fprintf(w, "hub processor time   %.2f ms per dispatch\n", r.HubCPUPerDispatch)
	fmt.Fprintf(w, "hub peak memory      %.0f MB\n", r.PeakRSSMB)
	fmt.Fprintf(w, "tried again          %d\n", r.SubmissionFailures)
	if r.LargeDocuments > 0 {
		fmt.Fprintf(w, "large                %d x %d MB at once in %.1f s, peak memory %.0f MB\n", r.LargeDocuments, r.LargeMB, r.LargeSeconds, r.LargePeakRSSMB)
	}
}
