package postgres

import (
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/storage/storagetest"
)

func openForBench(b *testing.B, connections int32) stored {
	return openAt(b, shared.Get(b).Database(b), func(c *pgxpool.Config) { c.MaxConns = connections })
}

// BenchmarkAccept measures acceptances per second by number of recipients, of
// callers and of connections.
func BenchmarkAccept(b *testing.B) {
	for _, recipients := range []int{1, 100, 500} {
		for _, c := range []struct {
			callers     int
			connections int32
		}{{1, 16}, {64, 8}, {64, 16}, {64, 64}} {
			b.Run(fmt.Sprintf("recipients=%d/callers=%d/connections=%d", recipients, c.callers, c.connections), func(b *testing.B) {
				benchmarkAccept(b, recipients, c.callers, c.connections)
			})
		}
	}
}

func benchmarkAccept(b *testing.B, n, callers int, connections int32) {
	s, m, to := openForBench(b, connections), storagetest.NewMaker(), recipients(n)
	now := time.Now()
	b.ResetTimer()
	inParallel(b, callers, func() error {
		_, err := s.Accept(b.Context(), dated(m.Acceptance(to...), now))
		return err
	})
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "accepts/s")
}

// BenchmarkCollect measures what recipients do all day: look into a full box, and
// the steps that empty it.
func BenchmarkCollect(b *testing.B) {
	s, m := openForBench(b, 16), storagetest.NewMaker()
	fill := func(b *testing.B, n int) []hub.Step {
		steps := make([]hub.Step, n)
		for i := range steps {
			steps[i] = m.Step(accept(b, s.Store, m, "r1").Deliveries[0], hub.StateConsigned)
		}
		return steps
	}
	b.Run("steps=256", func(b *testing.B) {
		for b.Loop() {
			b.StopTimer()
			steps := fill(b, 256)
			b.StartTimer()
			if _, err := s.ApplySteps(b.Context(), steps...); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("page=50", func(b *testing.B) {
		for b.Loop() {
			list, err := s.Mailbox(b.Context(), hub.MailboxQuery{Agency: "r1", Page: hub.Page{Limit: 50}})
			if err != nil || len(list.Items) != 50 {
				b.Fatal(len(list.Items), err)
			}
		}
	})
}

// inParallel shares b.N calls among callers.
func inParallel(b *testing.B, callers int, call func() error) {
	var left atomic.Int64
	left.Store(int64(b.N))
	failures := make(chan error, callers)
	for range callers {
		go func() {
			for left.Add(-1) >= 0 {
				if err := call(); err != nil {
					failures <- err
					return
				}
			}
			failures <- nil
		}()
	}
	for range callers {
		if err := <-failures; err != nil {
			b.Error(err)
		}
	}
}
