// Package bench measures a real hub over HTTP: it starts one as a child process,
// lets many clients submit signed PDFs and the recipients collect and acknowledge
// them meanwhile, and reports rates, latencies, and the processor time and memory
// of the hub alone.
//
// Beside the hub it measures the floor: a program that does nothing but the work
// that no hub can leave out (package floor), driven by the same clients with the
// same documents in turns with the hub, so that a slow minute of the disk hits
// both. Rates depend on the machine; the ratio of the two hardly does, and the
// processor time per dispatch neither. Compare ratios, never single rates of two
// machines.
//
// A run fails when a submission is refused for good or a delivery does not reach
// its recipient: a fast hub that loses documents has no figure.
package bench

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/lienthong/lienthong/cmd/lienthong/internal/sample"
)

// Modes of a hub.
const (
	ModeEmbedded   = "embedded"
	ModeProduction = "production"
)

// Options say what to measure. Zero values leave the choice to the scenario.
type Options struct {
	Bin      string   // the lienthong binary to start
	Mode     string   // ModeEmbedded or ModeProduction: how the result is labelled
	Settings []string // flags of serve that choose the engines, for hub and floor
	Scenario []string // names of ScenarioNames, or "all"

	Count      int           // documents of a round, instead of a time
	For        time.Duration // length of a round
	Rounds     int           // of the hub and, in turns, of the floor
	Rate       float64       // documents a second; 0 for as many as go through
	HoldRate   float64       // the same of the scenario hold
	HoldFor    time.Duration // length of the scenario hold
	Clients    int           // senders at once
	Size       int           // bytes of a PDF, where the scenario has one size
	FanOut     int           // recipients of each document
	Singles    int           // large documents at once
	SingleSize int           // bytes of each of them
	NoFloor    bool
	// Blank is a lienthong built with the tag "mutants", which runs beside the hub without
	// evidence and so tells what evidence costs; empty for none. Embedded mode only.
	Blank string

	URL         string // a hub that runs already; nothing is started then
	OperatorKey string // of that hub

	Version string
	Save    string    // file that the result is added to after every scenario; may be empty
	Out     io.Writer // progress lines
	Dir     string    // where to work; empty for a temporary folder
}

// session is one call of Run.
type session struct {
	Options
	dir     string
	anchors string // file
	signers sample.Signers
	letters map[int]*letter // by wanted size
	nonce   string          // makes the ids of this session its own
	sent    int64           // documents so far
	result  *Result
}

// Run measures the scenarios and returns what it found.
func Run(ctx context.Context, o Options) (*Result, error) {
	chosen, err := o.scenarios()
	if err != nil {
		return nil, err
	}
	s, err := newSession(o)
	if err != nil {
		return nil, err
	}
	defer s.close()
	s.result = &Result{Machine: thisMachine(s.dir), Date: time.Now().UTC().Truncate(time.Second), Commit: o.Version}
	for i := range chosen {
		if err := s.measure(ctx, &chosen[i]); err != nil {
			return nil, fmt.Errorf("%s: %w", chosen[i].Name, err)
		}
		if o.Save == "" {
			continue
		}
		if err := Save(o.Save, s.result); err != nil {
			return nil, err
		}
	}
	return s.result, nil
}

// newSession makes a folder and the signers of the documents.
func newSession(o Options) (*session, error) {
	dir, err := os.MkdirTemp(o.Dir, "lienthong-bench")
	if err != nil {
		return nil, err
	}
	s := &session{
		Options: o, dir: dir, anchors: filepath.Join(dir, "anchors.pem"), letters: map[int]*letter{},
		nonce: fmt.Sprintf("%08x", uint32(time.Now().UnixNano())),
	}
	if s.signers, err = newSigners(s.anchors); err != nil {
		s.close()
		return nil, fmt.Errorf("make signers: %w", err)
	}
	return s, nil
}

// close removes all that was written.
func (s *session) close() { _ = os.RemoveAll(s.dir) } // what cannot be removed is in a folder for temporary files

// measure measures one scenario.
func (s *session) measure(ctx context.Context, sc *Scenario) error {
	if err := s.checkRoom(sc); err != nil {
		return err
	}
	fmt.Fprintf(s.Out, "%-12s %s\n", sc.Name, sc.about())
	documents, err := s.documents(ctx, sc)
	if err != nil {
		return fmt.Errorf("make documents: %w", err)
	}
	targets, err := s.start(ctx, sc)
	defer func() {
		for _, t := range targets {
			t.stop()
		}
	}()
	if err != nil {
		return err
	}
	sums := make([]*tally, len(targets))
	for i := range sums {
		sums[i] = &tally{}
	}
	for round := range sc.Rounds + sc.warmUp() {
		for i, t := range targets {
			found, err := s.round(ctx, sc, t, documents, round < sc.warmUp())
			if err != nil {
				return fmt.Errorf("%s: %w\n%s", t.name, err, t.log())
			}
			if round >= sc.warmUp() {
				sums[i].add(found)
				fmt.Fprintf(s.Out, "  %-6s %7.1f submissions/s %8.1f deliveries/s  accept p99 %6.1f ms\n",
					t.name, found.submissionRate(), found.deliveryRate(), ms(percentile(found.accepts, 0.99)))
			}
		}
	}
	s.result.Runs = append(s.result.Runs, newRun(s.Mode, sc, targets, sums))
	return nil
}
