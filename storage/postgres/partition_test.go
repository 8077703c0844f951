package postgres

import (
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/storage/storagetest"
)

func partitions(t *testing.T, c *pgx.Conn, table string) []string {
	t.Helper()
	return must[[]string](t)(rows(t.Context(), c, pgx.RowTo[string],
		"SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = $1::text::regclass ORDER BY 1", table))
}

// TestEnsurePartitions: the months are there once, whoever asks and however often,
// and rows go where the time in their ids says.
func TestEnsurePartitions(t *testing.T) {
	s, m := openNew(t), storagetest.NewMaker()
	c := behind(t, s.url)
	now := time.Date(2030, 11, 30, 23, 59, 59, 0, time.UTC)
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			if err := s.EnsurePartitions(t.Context(), now, 2); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	for _, table := range []string{"dispatches", "dispatch_parts", "deliveries", "evidences", "status_reports"} {
		got := partitions(t, c, table)
		for _, month := range []string{"_default", "_2030_11", "_2030_12", "_2031_01"} {
			if !slices.Contains(got, table+month) {
				t.Errorf("%s has the partitions %v", table, got)
			}
		}
		if want := 1 + 3 + 1 + preparedMonths; len(got) != want { // those of Open are of now
			t.Errorf("%s has %d partitions, want %d", table, len(got), want)
		}
	}
	for at, month := range map[time.Time]string{
		now:                             "_2030_11",
		now.Add(time.Second):            "_2030_12",
		now.Add(999 * time.Millisecond): "_2030_11",
		time.Date(2031, 1, 31, 0, 0, 0, 0, time.UTC):  "_2031_01",
		time.Date(2031, 2, 1, 0, 0, 0, 0, time.UTC):   "_default",
		time.Date(2019, 12, 31, 0, 0, 0, 0, time.UTC): "_default",
	} {
		a := dated(m.Acceptance("r1", "r2"), at)
		must[hub.Accepted](t)(s.Accept(t.Context(), a))
		for table, id := range map[string]string{"dispatches": string(a.Dispatch.ID), "deliveries": string(a.Deliveries[1].ID), "evidences": string(a.Evidence[0].Evidence.ID)} {
			if got := ask[string](t, c, "SELECT tableoid::regclass::text FROM "+table+" WHERE id = $1", id); got != table+month {
				t.Errorf("%s of %s lies in %s, want %s", table, at, got, month)
			}
		}
		if got := must[hub.SentItem](t)(s.DispatchItem(t.Context(), a.Dispatch.ID)); len(got.Deliveries) != 2 {
			t.Errorf("the dispatch of %s comes with %d deliveries", at, len(got.Deliveries))
		}
	}
	if got := ask[string](t, c, "SELECT encode(digest, 'hex') FROM dispatch_parts LIMIT 1"); !strings.HasPrefix(got, "ba7816bf") { // of "abc"
		t.Errorf("the digest of the part is %s", got)
	}
	// February came before its partition: its rows stay where they are.
	if err := s.EnsurePartitions(t.Context(), now, 4); err != nil {
		t.Fatal(err)
	}
	got := partitions(t, c, "evidences")
	if slices.Contains(got, "evidences_2031_02") || !slices.Contains(got, "evidences_2031_03") {
		t.Errorf("partitions %v", got)
	}
}

// TestDetachPartitions: what is old and ended goes out of daily work, whole and
// readable; what is open, and all evidence, stays.
func TestDetachPartitions(t *testing.T) {
	s, m := openNew(t), storagetest.NewMaker()
	c, ctx := behind(t, s.url), t.Context()
	months := map[string]time.Time{}
	ended := map[string]hub.Accepted{}
	for i, name := range []string{"2020_03", "2020_04", "2020_05"} {
		at := time.Date(2020, time.Month(3+i), 15, 0, 0, 0, 0, time.UTC)
		months[name] = at
		if err := s.EnsurePartitions(ctx, at, 0); err != nil {
			t.Fatal(err)
		}
		a := must[hub.Accepted](t)(s.Accept(ctx, dated(m.Acceptance("r1"), at)))
		ended[name] = a
		step := m.Step(a.Deliveries[0], hub.StateFailed)
		step.Reports = []hub.StatusReport{{ID: string(a.Deliveries[0].ID), Dispatch: a.Dispatch.ID, Code: hub.StatusArrived}}
		if results, err := s.ApplySteps(ctx, step); err != nil || results[0] != nil {
			t.Fatal(results, err)
		}
	}
	open := must[hub.Accepted](t)(s.Accept(ctx, dated(m.Acceptance("r1"), months["2020_04"])))
	detach := func(before time.Time, want ...string) {
		t.Helper()
		if got := must[[]string](t)(s.DetachPartitions(ctx, before)); !slices.Equal(got, want) {
			t.Errorf("detached %v, want %v", got, want)
		}
	}
	detach(time.Date(2020, 3, 31, 0, 0, 0, 0, time.UTC))
	detach(time.Date(2020, 6, 1, 0, 0, 0, 0, time.UTC), "deliveries_2020_03", "deliveries_2020_05", "status_reports_2020_03")
	detach(time.Date(2020, 6, 1, 0, 0, 0, 0, time.UTC))
	if results, err := s.ApplySteps(ctx, m.Step(open.Deliveries[0], hub.StateFailed)); err != nil || results[0] != nil {
		t.Fatal(results, err)
	}
	detach(time.Date(2020, 6, 1, 0, 0, 0, 0, time.UTC), "deliveries_2020_04", "status_reports_2020_04", "status_reports_2020_05")

	for name, a := range ended {
		if n := ask[int](t, c, "SELECT count(*) FROM archive.deliveries_"+name+" WHERE id = $1", string(a.Deliveries[0].ID)); n != 1 {
			t.Errorf("the delivery of %s is not in the archive", name)
		}
		item := must[hub.SentItem](t)(s.DispatchItem(ctx, a.Dispatch.ID))
		if len(item.Deliveries) != 0 || item.Dispatch.ID != a.Dispatch.ID {
			t.Errorf("the dispatch of %s comes as %+v", name, item)
		}
		must[hub.SealedEvidence](t)(s.Evidence(ctx, a.Receipt.Evidence.ID))
		// A repeated submission still gets its first receipt.
		found := must[hub.Accepted](t)(s.FindAccepted(ctx, "s1", a.Dispatch.Key, "", ""))
		if found.Receipt.Evidence.ID != a.Receipt.Evidence.ID {
			t.Errorf("the receipt of %s is %s", name, found.Receipt.Evidence.ID)
		}
		// What was detached is not made again, empty, beside the archive.
		if err := s.EnsurePartitions(ctx, months[name], 0); err != nil {
			t.Error(err)
		}
	}
	if got := partitions(t, c, "deliveries"); slices.ContainsFunc(got, func(p string) bool { return strings.HasPrefix(p, "deliveries_2020") }) {
		t.Errorf("partitions %v", got)
	}
	_, err := s.DetachPartitions(ctx, time.Now().AddDate(0, 1, 0))
	wants(t, hub.KindInvalid, err)
}
