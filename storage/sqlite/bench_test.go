package sqlite_test

import (
	"fmt"
	"path/filepath"
	"sync/atomic"
	"testing"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/storage/sqlite"
	"github.com/lienthong/lienthong/storage/storagetest"
)

// BenchmarkAccept measures acceptances per second by number of recipients: one
// caller, where each commit stands alone, and 64 callers that share commits.
func BenchmarkAccept(b *testing.B) {
	for _, recipients := range []int{1, 100, 500} {
		for _, callers := range []int{1, 64} {
			b.Run(fmt.Sprintf("recipients=%d/callers=%d", recipients, callers), func(b *testing.B) {
				benchmarkAccept(b, recipients, callers)
			})
		}
	}
}

func benchmarkAccept(b *testing.B, recipients, callers int) {
	s, err := sqlite.Open(b.Context(), sqlite.Options{Path: filepath.Join(b.TempDir(), "hub.db")})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	agencies := make([]hub.AgencyID, recipients)
	for i := range agencies {
		agencies[i] = hub.AgencyID(fmt.Sprintf("r%d", i))
	}
	m := storagetest.NewMaker()
	inParallel(b, callers, func() error {
		_, err := s.Accept(b.Context(), m.Acceptance(agencies...))
		return err
	})
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "accepts/s")
}

// BenchmarkCollect measures what recipients do all day: look into a full box, and
// the steps that empty it.
func BenchmarkCollect(b *testing.B) {
	s, err := sqlite.Open(b.Context(), sqlite.Options{Path: filepath.Join(b.TempDir(), "hub.db")})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	m := storagetest.NewMaker()
	fill := func(b *testing.B, n int) []hub.Step {
		steps := make([]hub.Step, n)
		for i := range steps {
			a, err := s.Accept(b.Context(), m.Acceptance("r1"))
			if err != nil {
				b.Fatal(err)
			}
			steps[i] = m.Step(a.Deliveries[0], hub.StateConsigned)
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
