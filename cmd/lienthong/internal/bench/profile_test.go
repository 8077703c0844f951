package bench

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"runtime/pprof"
	"strings"
	"testing"

	"github.com/alecthomas/kong"

	"github.com/lienthong/lienthong/cmd/lienthong/internal/app"
	"github.com/lienthong/lienthong/cmd/lienthong/internal/floor"
)

// BenchmarkHub sends b.N documents through a hub in this very process, so that it
// can be profiled; everything of the hub has the label side=server:
//
//	go test -run '^$' -bench 'Hub/mix' -benchtime 5000x -cpuprofile cpu.out ./cmd/lienthong/internal/bench
//	go tool pprof -tagfocus side=server -top cpu.out
func BenchmarkHub(b *testing.B) { benchmark(b, startHub) }

// BenchmarkFloor does the same to the floor.
func BenchmarkFloor(b *testing.B) { benchmark(b, startFloor) }

func benchmark(b *testing.B, start func(context.Context, *session) (server, error)) {
	for _, o := range []Options{
		{Scenario: []string{"mix"}}, {Scenario: []string{"fixed"}}, {Scenario: []string{"peak"}}, {Scenario: []string{"edxml"}},
		{Scenario: []string{"fanout"}, FanOut: 10}, {Scenario: []string{"fanout"}, FanOut: 100}, {Scenario: []string{"fanout"}, FanOut: 500},
	} {
		b.Run(fmt.Sprintf("%s-%d", o.Scenario[0], max(1, o.FanOut)), func(b *testing.B) {
			o.Mode, o.Count, o.Rounds, o.Out, o.NoFloor, o.Dir = ModeEmbedded, b.N, 1, io.Discard, true, b.TempDir()
			s, err := newSession(o)
			if err != nil {
				b.Fatal(err)
			}
			b.Cleanup(s.close) // behind the stop of the server, which still writes there
			s.result = &Result{}
			inProcess(b, s, start)
			chosen, err := o.scenarios()
			if err != nil {
				b.Fatal(err)
			}
			b.ResetTimer()
			if err := s.measure(b.Context(), &chosen[0]); err != nil {
				b.Fatal(err)
			}
			b.ReportMetric(s.result.Runs[0].SubmissionsPerSecond, "submissions/s")
			b.ReportMetric(s.result.Runs[0].HandoverP99, "handover-p99-ms")
		})
	}
}

// server is a hub or a floor.
type server interface {
	URL() string
	Run(ctx context.Context) error
	Close() error
}

// inProcess starts a server and makes the session measure it.
func inProcess(b *testing.B, s *session, start func(context.Context, *session) (server, error)) {
	b.Helper()
	ready, ended := make(chan server, 1), make(chan error, 1)
	ctx, stop := context.WithCancel(context.Background())
	go pprof.Do(ctx, pprof.Labels("side", "server"), func(ctx context.Context) {
		started, err := start(ctx, s)
		if err == nil {
			ready <- started
			err = errors.Join(started.Run(ctx), started.Close())
		}
		ended <- err
	})
	select {
	case started := <-ready:
		s.URL = started.URL()
	case err := <-ended:
		stop()
		b.Fatal(err)
	}
	b.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			b.Error(err)
		}
	})
	key, err := os.ReadFile(filepath.Join(dataDir(s), "operator.key"))
	if err != nil {
		b.Fatal(err)
	}
	s.OperatorKey = strings.TrimSpace(string(key))
}

// dataDir is one for all runs on servers: a database knows the key of its hub.
func dataDir(s *session) string {
	return cmp.Or(os.Getenv("LIENTHONG_DATA_DIR"), filepath.Join(s.dir, "data"))
}

func startHub(ctx context.Context, s *session) (server, error) {
	var config app.Config
	parser, err := kong.New(&config, kong.DefaultEnvars("LIENTHONG"))
	if err != nil {
		return nil, err
	}
	_, err = parser.Parse([]string{
		"--data-dir", dataDir(s), "--listen", "127.0.0.1:0", "--anchors", s.anchors, "--client-rate", "1000000",
	})
	if err != nil {
		return nil, err
	}
	return app.New(ctx, config, "profile", slog.New(slog.NewTextHandler(io.Discard, nil)))
}

func startFloor(ctx context.Context, s *session) (server, error) {
	return floor.Open(ctx, floor.Options{DataDir: dataDir(s), Listen: "127.0.0.1:0", Anchors: s.anchors})
}
