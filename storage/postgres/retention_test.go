package postgres

import (
	"reflect"
	"testing"
	"time"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/storage/storagetest"
)

// TestRetentionOfOlderDatabases: what was stored before there was retention is named,
// and completed when its last delivery ended.
func TestRetentionOfOlderDatabases(t *testing.T) {
	s, m := openNew(t), storagetest.NewMaker()
	var steps []hub.Step
	for range 3 {
		a := accept(t, s.Store, m, "r1", "r2")
		m.Clock = m.Clock.Add(1500 * time.Millisecond)
		steps = append(steps, m.Step(a.Deliveries[0], hub.StateFailed), m.Step(a.Deliveries[1], hub.StateFailed))
	}
	steps = steps[:5] // one stays open
	steps[0].Reports = []hub.StatusReport{{ID: m.ID(), Dispatch: steps[0].Delivery.Dispatch, Envelope: &hub.Part{Digest: hub.Digest{9}}}}
	if _, err := s.ApplySteps(t.Context(), steps...); err != nil {
		t.Fatal(err)
	}
	look := func(s stored) (all []any) {
		t.Helper()
		completed := must[[]hub.Completed](t)(s.Completed(t.Context(), hub.CompletedQuery{Until: m.Clock, Limit: 10}))
		named := must[[]hub.Digest](t)(s.NamedContent(t.Context(), hub.Digest{}, 10))
		if len(completed) != 2 || len(named) != 2 {
			t.Fatalf("%d completed, %d named", len(completed), len(named))
		}
		return []any{completed, named, must[[]hub.Digest](t)(s.Unreferenced(t.Context(), []hub.Digest{{9}, {8}}))}
	}
	want := look(s)
	older := behind(t, s.url)
	for _, text := range []string{
		"DROP TABLE report_parts, completions, retention_notes, log_entries, log_notes, log_renewals, log_shards, log_stamps, accounts, sessions, register_numbers", "DELETE FROM counters WHERE name = 'retention'",
		"DROP INDEX deliveries_by_share", "DROP TABLE dispatch_links", "ALTER TABLE deliveries DROP COLUMN asked",
		"DROP TRIGGER status_reports_are_noticed ON status_reports", "DROP FUNCTION notice_report", "DROP FUNCTION begin_notices", "DROP TABLE notices, notice_readers",
		"DELETE FROM goose_db_version WHERE version_id >= 4",
	} {
		run(t, older, text)
	}
	if got := look(openAt(t, s.url)); !reflect.DeepEqual(got, want) {
		t.Errorf("after the migration\n got %+v\nwant %+v", got, want)
	}
}
