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
	var ids []hub.DispatchID
	for range 3 {
		of := m.Acceptance("r1", "r2")
		of.Reports[0].Signatures = []hub.SignatureVerdict{{ClaimedAt: m.Clock.Add(-time.Hour)}}
		a := must[hub.Accepted](t)(s.Accept(t.Context(), of))
		ids = append(ids, a.Dispatch.ID)
		m.Clock = m.Clock.Add(1500 * time.Millisecond)
		steps = append(steps, m.Step(a.Deliveries[0], hub.StateFailed), m.Step(a.Deliveries[1], hub.StateFailed))
	}
	steps = steps[:5] // one stays open
	steps[0].Reports = []hub.StatusReport{{ID: m.ID(), Dispatch: steps[0].Delivery.Dispatch, Envelope: &hub.Part{Digest: hub.Digest{9}}}}
	if _, err := s.ApplySteps(t.Context(), steps...); err != nil {
		t.Fatal(err)
	}
	lies := must[hub.Accepted](t)(s.Accept(t.Context(), m.Tasked("2026-03-10", "r3")))
	if _, err := s.ApplySteps(t.Context(), m.Step(lies.Deliveries[0], hub.StateConsigned)); err != nil {
		t.Fatal(err)
	}
	look := func(s stored) (all []any) {
		t.Helper()
		completed := must[[]hub.Completed](t)(s.Completed(t.Context(), hub.CompletedQuery{Until: m.Clock, Limit: 10}))
		named := must[[]hub.Digest](t)(s.NamedContent(t.Context(), hub.Digest{}, 10))
		if len(completed) != 2 || len(named) != 2 {
			t.Fatalf("%d completed, %d named", len(completed), len(named))
		}
		sources := must[[]hub.FigureSource](t)(s.FigureSources(t.Context(), ids))
		if len(sources) != 3 || sources[0].SignedAt.IsZero() || len(sources[0].Deliveries) != 2 {
			t.Fatalf("what figures need: %+v", sources)
		}
		return []any{completed, named, sources, must[[]hub.Digest](t)(s.Unreferenced(t.Context(), []hub.Digest{{9}, {8}}))}
	}
	want := look(s)
	older := behind(t, s.url)
	for _, text := range []string{
		"DROP TABLE log_numbers",
		"DROP TABLE report_parts, completions, retention_notes, log_entries, log_notes, log_rehash_tiles, log_rehashes, log_renewals, log_shards, log_stamps, accounts, sessions, drafts, register_numbers, register_years, outgoing_numbers, procedure_versions, procedure_changes, dossiers, dossier_parties, dossier_events, dossier_facts, feedback, dossier_news, inspections, inspection_parties, inspection_events, postal_orders, enrolments, tasks, pushes, subscriptions", "DELETE FROM counters WHERE name IN ('pushes', 'subscriptions')", "DELETE FROM counters WHERE name = 'retention'",
		"DROP FUNCTION dispatches_with", "DROP FUNCTION indexed_words", "DROP TABLE dispatch_words", "UPDATE dispatches SET search = '173/ubnd-ksttHC – v/v: day  manh (cai cach) bac, ubnd tinh'",
		"DROP INDEX deliveries_failing", "DROP INDEX deliveries_registered", "DROP INDEX deliveries_by_share", "DROP TABLE dispatch_links", "ALTER TABLE deliveries DROP COLUMN asked, DROP COLUMN awaits, DROP COLUMN arrived, DROP COLUMN due",
		"DROP TRIGGER status_reports_are_noticed ON status_reports", "DROP FUNCTION notice_report", "DROP FUNCTION begin_notices", "DROP TABLE notices, notice_readers",
		"DROP TABLE figure_facts, figures, figure_refusals, figure_progress, traffic",
		"ALTER TABLE dispatches DROP COLUMN figures", "DROP TABLE test_turns", "ALTER TABLE api_keys DROP COLUMN used",
		"DELETE FROM goose_db_version WHERE version_id >= 4",
	} {
		run(t, older, text)
	}
	migrated := openAt(t, s.url)
	for _, text := range []string{"173/ubnd", "Cải cách", "bắc", "ubnd tỉnh"} {
		found := must[hub.List[hub.SentItem]](t)(migrated.Sent(t.Context(), hub.SentQuery{Agency: "s1", Text: text, Page: hub.Page{Limit: 1}}))
		if len(found.Items) != 1 {
			t.Errorf("search %q after the migration: %d found", text, len(found.Items))
		}
	}
	for awaits, want := range []int{0, 0, 0, 1} { // both duties are open, since the acceptance
		span := hub.ArrivalSpan{Awaits: hub.Awaits(awaits), Interval: hub.Interval{From: lies.Dispatch.AcceptedAt, To: lies.Dispatch.AcceptedAt.Add(time.Millisecond)}}
		list := must[hub.List[hub.Item]](t)(migrated.Mailbox(t.Context(), hub.MailboxQuery{Agency: "r3", Pressed: &hub.Pressed{Spans: []hub.ArrivalSpan{span}}, Page: hub.Page{Limit: 2}}))
		if len(list.Items) != want {
			t.Errorf("after the migration %d of r3 await %d", len(list.Items), awaits)
		}
	}
	for until, want := range map[hub.Date]int{"2026-03-09": 0, "2026-03-10": 1} {
		list := must[hub.List[hub.Item]](t)(migrated.Mailbox(t.Context(), hub.MailboxQuery{Agency: "r3", Pressed: &hub.Pressed{DueUntil: until}, Page: hub.Page{Limit: 2}}))
		if len(list.Items) != want {
			t.Errorf("after the migration %d of r3 are due until %s", len(list.Items), until)
		}
	}
	if list := must[hub.List[hub.AssignedTask]](t)(migrated.Tasks(t.Context(), hub.TaskQuery{Agency: "r3", Shown: true, Page: hub.Page{Limit: 2}})); len(list.Items) != 1 {
		t.Errorf("after the migration r3 sees %d tasks", len(list.Items))
	}
	var indexed int
	if err := older.QueryRow(t.Context(), "SELECT count(*) FROM dispatch_words WHERE words @> '{manh,173+ubnd,@7331,@7231}'").Scan(&indexed); err != nil || indexed != 3 {
		t.Errorf("the words of %d dispatches are in the index, %v", indexed, err)
	}
	if got := look(migrated); !reflect.DeepEqual(got, want) {
		t.Errorf("after the migration\n got %+v\nwant %+v", got, want)
	}
}
