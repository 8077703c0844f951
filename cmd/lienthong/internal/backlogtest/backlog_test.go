package backlogtest

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/lienthong/lienthong/adapters/hubclient"
	"github.com/lienthong/lienthong/cmd/lienthong/internal/engine"
	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/hub/hubtest/server"
)

// engines of a pair of hubs, the empty one and the full one.
type engines struct {
	name  string
	empty func(testing.TB) engine.Settings
}

func bothEngines() []engines {
	return []engines{
		{"sqlite", func(testing.TB) engine.Settings { return engine.Settings{} }},
		{"postgres", func(tb testing.TB) engine.Settings {
			return engine.Settings{Database: server.PostgreSQL(tb).Database(tb)}
		}},
	}
}

// A full box is listed page by page, every row once, and takes new documents.
func TestAFullBox(t *testing.T) {
	for _, e := range bothEngines() {
		t.Run(e.name, func(t *testing.T) {
			t.Parallel()
			waiting := backlog{deliveries: 2_400, boxes: 3}
			full := newSite(t, e.empty(t), waiting.boxes).twin(t, e.empty(t), waiting)
			process := full.start(t)
			collector := client(t, process.URL, full.collector)
			seen := map[hub.DeliveryID]bool{}
			page := hub.Page{Limit: 90}
			for {
				list, err := collector.Mailbox(t.Context(), hubclient.MailboxQuery{Page: page})
				if err != nil {
					t.Fatal(err)
				}
				for i := range list.Items {
					it := &list.Items[i]
					if it.Delivery.Recipient != hub.AgencyID(boxID(0)) || it.Delivery.Dispatch != it.Dispatch.ID || seen[it.Delivery.ID] {
						t.Fatalf("row %d is wrong or came twice: %+v", len(seen), it)
					}
					seen[it.Delivery.ID] = true
				}
				if page.After = list.Next; page.After == "" {
					break
				}
			}
			if want := waiting.deliveries / waiting.boxes; len(seen) != want {
				t.Errorf("%d rows were listed, want %d", len(seen), want)
			}
			if took := submit(t, client(t, process.URL, full.sender), "after", 5, waiting.boxes); len(took) != 5 {
				t.Errorf("%d documents were taken, want 5", len(took))
			}
		})
	}
}

// submit sends so many small documents to one box each and returns how long each took.
func submit(tb testing.TB, c *hubclient.Client, prefix string, count, boxes int) []time.Duration {
	tb.Helper()
	content := []byte("%PDF-1.7\nnot signed\n%%EOF\n")
	var took []time.Duration
	for i := range count {
		begin := time.Now()
		_, err := c.Submit(tb.Context(), hub.Submission{
			Sender: senderCode, Recipients: []string{boxCode(i % boxes)}, ExternalID: fmt.Sprintf("%s-%d", prefix, i), Operation: hub.OperationNew,
			Document: hub.Document{CodeNumber: fmt.Sprint(i + 1), CodeNotation: "UBND-" + prefix, TypeName: "Công văn", Subject: "V/v thử nghiệm", Promulgated: "2026-01-10"},
		}, []hubclient.File{{
			Part: hub.Part{ID: "p1", Role: hub.RoleOriginal, Name: "van-ban.pdf", MediaType: "application/pdf", Size: int64(len(content))},
			Open: func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(content)), nil },
		}}, nil)
		if err != nil {
			tb.Fatal(err)
		}
		took = append(took, time.Since(begin))
	}
	return took
}

// pages lists so many pages of the first box, one after the other and from the start
// again at its end, and returns how long each took.
func pages(tb testing.TB, c *hubclient.Client, count int) []time.Duration {
	tb.Helper()
	var took []time.Duration
	page := hub.Page{Limit: 50}
	for range count {
		begin := time.Now()
		list, err := c.Mailbox(tb.Context(), hubclient.MailboxQuery{Page: page})
		if err != nil {
			tb.Fatal(err)
		}
		took = append(took, time.Since(begin))
		page.After = list.Next
	}
	return took
}

const (
	benchRounds     = 4
	benchDocuments  = 100 // of a round and a sender
	benchSenders    = 4
	benchPagesRound = 250
)

// figures are what one hub did in all rounds.
type figures struct {
	submitting time.Duration
	submits    []time.Duration
	pages      []time.Duration
}

func (f *figures) round(b *testing.B, s *site, url, name string, boxes int) {
	b.Helper()
	var group sync.WaitGroup
	var mu sync.Mutex
	begin := time.Now()
	for sender := range benchSenders {
		group.Go(func() {
			took := submit(b, client(b, url, s.sender), fmt.Sprintf("%s-%d", name, sender), benchDocuments, boxes)
			mu.Lock()
			defer mu.Unlock()
			f.submits = append(f.submits, took...)
		})
	}
	group.Wait()
	f.submitting += time.Since(begin)
	f.pages = append(f.pages, pages(b, client(b, url, s.collector), benchPagesRound)...)
}

func percentile(of []time.Duration, p float64) float64 {
	slices.Sort(of)
	return of[int(float64(len(of)-1)*p)].Seconds() * 1e3
}

// BenchmarkBacklog compares a full hub with an empty one. Reported are the 99th
// percentile of a page of 50 rows of the full box, and what the full hub does and needs
// in relation to the empty one.
func BenchmarkBacklog(b *testing.B) {
	sizes := []backlog{{20_000, 1}, {100_000, 1_000}}
	if os.Getenv("LIENTHONG_BACKLOG") == "full" {
		sizes = []backlog{{1_000_000, 1}, {10_000_000, 12_000}}
	}
	for _, waiting := range sizes {
		for _, e := range bothEngines() {
			b.Run(fmt.Sprintf("%s/%v", e.name, waiting), func(b *testing.B) {
				empty := newSite(b, e.empty(b), waiting.boxes)
				begin := time.Now()
				full := empty.twin(b, e.empty(b), waiting)
				b.Logf("%v were filled in %v", waiting, time.Since(begin).Round(time.Second))
				ofEmpty, ofFull := empty.start(b), full.start(b)
				for b.Loop() {
					var without, with figures
					for round := range benchRounds {
						name := fmt.Sprintf("r%d", round)
						without.round(b, empty, ofEmpty.URL, name, waiting.boxes)
						with.round(b, full, ofFull.URL, name, waiting.boxes)
					}
					b.ReportMetric(percentile(with.pages, 0.99), "page-p99-ms")
					b.ReportMetric(percentile(without.pages, 0.99), "page-p99-ms-empty")
					b.ReportMetric(percentile(with.submits, 0.95), "accept-p95-ms")
					b.ReportMetric(percentile(without.submits, 0.95), "accept-p95-ms-empty")
					b.ReportMetric(without.submitting.Seconds()/with.submitting.Seconds(), "rate-of-empty")
					b.ReportMetric(float64(ofFull.PeakMemory())/float64(ofEmpty.PeakMemory()), "memory-of-empty")
				}
			})
		}
	}
}
