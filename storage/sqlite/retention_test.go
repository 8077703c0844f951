package sqlite_test

import (
	"path/filepath"
	"reflect"
	"testing"
	"time"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/storage/storagetest"
)

// TestRetentionOfOlderDatabases: what was stored before there was retention is named,
// and completed when its last delivery ended.
func TestRetentionOfOlderDatabases(t *testing.T) {
	path := filepath.Join(t.TempDir(), "hub.db")
	s, m := open(t, path), storagetest.NewMaker()
	var steps []hub.Step
	var ids []hub.DispatchID
	for range 3 {
		of := m.Acceptance("r1", "r2")
		of.Reports[0].Signatures = []hub.SignatureVerdict{{ClaimedAt: m.Clock.Add(-time.Hour)}}
		a, err := s.Accept(t.Context(), of)
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, a.Dispatch.ID)
		m.Clock = m.Clock.Add(1500 * time.Millisecond)
		steps = append(steps, m.Step(a.Deliveries[0], hub.StateFailed), m.Step(a.Deliveries[1], hub.StateFailed))
	}
	steps = steps[:5] // one stays open
	steps[0].Reports = []hub.StatusReport{{ID: m.ID(), Dispatch: steps[0].Delivery.Dispatch, Envelope: &hub.Part{Digest: hub.Digest{9}}}}
	if _, err := s.ApplySteps(t.Context(), steps...); err != nil {
		t.Fatal(err)
	}
	lies, err := s.Accept(t.Context(), m.Tasked("2026-03-10", "r3"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.ApplySteps(t.Context(), m.Step(lies.Deliveries[0], hub.StateConsigned)); err != nil {
		t.Fatal(err)
	}
	look := func() (all []any) {
		t.Helper()
		completed, err := s.Completed(t.Context(), hub.CompletedQuery{Until: m.Clock, Limit: 10})
		named, namedErr := s.NamedContent(t.Context(), hub.Digest{}, 10)
		orphans, orphansErr := s.Unreferenced(t.Context(), []hub.Digest{{9}, {8}})
		if err != nil || namedErr != nil || orphansErr != nil || len(completed) != 2 || len(named) != 2 {
			t.Fatalf("%d completed, %d named: %v, %v, %v", len(completed), len(named), err, namedErr, orphansErr)
		}
		sources, err := s.FigureSources(t.Context(), ids)
		if err != nil || len(sources) != 3 || sources[0].SignedAt.IsZero() || len(sources[0].Deliveries) != 2 {
			t.Fatalf("what figures need: %+v, %v", sources, err)
		}
		return []any{completed, named, orphans, sources}
	}
	want := look()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	older := behind(t, path)
	for _, text := range []string{
		"DROP TABLE dispatch_parts", "DROP TABLE report_parts", "DROP TABLE completions", "DROP TABLE retention_notes",
		"DROP TABLE log_entries", "DROP TABLE log_notes", "DROP TABLE log_numbers", "DROP TABLE log_rehash_tiles", "DROP TABLE log_rehashes", "DROP TABLE log_renewals", "DROP TABLE log_shards", "DROP TABLE log_stamps",
		"DELETE FROM counters WHERE name = 'retention'", "DROP INDEX deliveries_by_share",
		"CREATE UNIQUE INDEX deliveries_by_dispatch ON deliveries (dispatch, position)", "DROP TABLE accounts", "DROP TABLE sessions", "DROP TABLE drafts", "DROP TABLE register_numbers", "DROP TABLE register_years", "DROP TABLE outgoing_numbers", "DROP TABLE procedure_versions", "DROP TABLE procedure_changes", "DROP TABLE dossiers", "DROP TABLE dossier_parties", "DROP TABLE dossier_events", "DROP TABLE dossier_facts", "DROP TABLE feedback", "DROP TABLE dossier_news", "DROP TABLE inspections", "DROP TABLE inspection_parties", "DROP TABLE inspection_events", "DROP TABLE postal_orders", "DROP TABLE enrolments", "DROP TABLE tasks",
		"DROP TABLE pushes", "DROP TABLE subscriptions", "DELETE FROM counters WHERE name IN ('pushes', 'subscriptions')",
		"DROP TRIGGER status_reports_are_noticed", "DROP TABLE notices", "DROP TABLE notice_readers",
		"DROP TABLE dispatch_words", "DROP TABLE dispatch_words_content", "UPDATE dispatches SET search = '173/ubnd-ksttHC – v/v: day  manh (cai cach) bac, ubnd tinh'",
		"DROP INDEX deliveries_failing", "DROP INDEX deliveries_registered", "DROP TABLE dispatch_links", "DROP INDEX deliveries_asked", "ALTER TABLE deliveries DROP COLUMN asked", "DROP INDEX deliveries_awaiting", "DROP INDEX deliveries_due_first", "ALTER TABLE deliveries DROP COLUMN awaits", "ALTER TABLE deliveries DROP COLUMN arrived", "ALTER TABLE deliveries DROP COLUMN due",
		"DROP TABLE figure_facts", "DROP TABLE figures", "DROP TABLE figure_refusals", "DROP TABLE figure_progress", "DROP TABLE traffic",
		"ALTER TABLE dispatches DROP COLUMN figures", "DROP TABLE test_turns", "ALTER TABLE api_keys DROP COLUMN used",
		"DELETE FROM goose_db_version WHERE version_id >= 4",
	} {
		if _, err := older.Exec(text); err != nil {
			t.Fatal(err)
		}
	}
	s = open(t, path)
	for _, text := range []string{"173/ubnd", "Cải cách", "bắc", "ubnd tỉnh"} {
		found, err := s.Sent(t.Context(), hub.SentQuery{Agency: "s1", Text: text, Page: hub.Page{Limit: 1}})
		if err != nil || len(found.Items) != 1 {
			t.Errorf("search %q after the migration: %d found, %v", text, len(found.Items), err)
		}
	}
	for awaits, want := range []int{0, 0, 0, 1} { // both duties are open, since the acceptance
		span := hub.ArrivalSpan{Awaits: hub.Awaits(awaits), Interval: hub.Interval{From: lies.Dispatch.AcceptedAt, To: lies.Dispatch.AcceptedAt.Add(time.Millisecond)}}
		list, err := s.Mailbox(t.Context(), hub.MailboxQuery{Agency: "r3", Pressed: &hub.Pressed{Spans: []hub.ArrivalSpan{span}}, Page: hub.Page{Limit: 2}})
		if err != nil || len(list.Items) != want {
			t.Errorf("after the migration %d of r3 await %d: %v", len(list.Items), awaits, err)
		}
	}
	for until, want := range map[hub.Date]int{"2026-03-09": 0, "2026-03-10": 1} {
		list, err := s.Mailbox(t.Context(), hub.MailboxQuery{Agency: "r3", Pressed: &hub.Pressed{DueUntil: until}, Page: hub.Page{Limit: 2}})
		if err != nil || len(list.Items) != want {
			t.Errorf("after the migration %d of r3 are due until %s: %v", len(list.Items), until, err)
		}
	}
	if list, err := s.Tasks(t.Context(), hub.TaskQuery{Agency: "r3", Shown: true, Page: hub.Page{Limit: 2}}); err != nil || len(list.Items) != 1 {
		t.Errorf("after the migration r3 sees %d tasks: %v", len(list.Items), err)
	}
	var indexed int
	if err := behind(t, path).QueryRow(`SELECT count(*) FROM dispatch_words WHERE dispatch_words MATCH '"manh" AND "173+ubnd" AND "@7331" AND "@7231"'`).Scan(&indexed); err != nil || indexed != 3 {
		t.Errorf("the words of %d dispatches are in the index, %v", indexed, err)
	}
	if got := look(); !reflect.DeepEqual(got, want) {
		t.Errorf("after the migration\n got %+v\nwant %+v", got, want)
	}
}
