package postgres

import (
	"io"
	"slices"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/storage/storagetest"
)

// TestArchiveBesideNodes: an archive is read beside the nodes and sees one instant.
func TestArchiveBesideNodes(t *testing.T) {
	s, m := openNew(t), storagetest.NewMaker()
	accept := func() {
		t.Helper()
		if _, err := s.Accept(t.Context(), m.Acceptance("r1", "r2")); err != nil {
			t.Fatal(err)
		}
	}
	accept()
	archive, err := OpenArchive(t.Context(), Options{URL: s.url})
	if err != nil {
		t.Fatal(err)
	}
	defer archive.Close()
	count := func(during func()) (n int) {
		t.Helper()
		err := archive.Export(t.Context(), func(r hub.Record) error {
			if during != nil {
				during()
				during = nil
			}
			if r.Kind == hub.RecordDispatch {
				n++
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	if n := count(accept); n != 1 {
		t.Errorf("an export sees %d dispatches, one of them accepted after it began", n)
	}
	if n := count(nil); n != 2 {
		t.Errorf("the next export sees %d dispatches", n)
	}
}

func TestOpenArchiveRefuses(t *testing.T) {
	url := shared.Get(t).Database(t)
	if a, err := OpenArchive(t.Context(), Options{URL: url}); err == nil || hub.KindOf(err) != hub.KindNotFound {
		t.Errorf("a database without a hub: %v, %v", a, err)
	}
	s := openAt(t, url)
	if _, err := behind(t, s.url).Exec(t.Context(), "INSERT INTO goose_db_version (version_id, is_applied) VALUES (999, true)"); err != nil {
		t.Fatal(err)
	}
	if a, err := OpenArchive(t.Context(), Options{URL: url}); err == nil || hub.KindOf(err) != hub.KindUnsupported {
		t.Errorf("a database of a newer program: %v, %v", a, err)
	}
}

// TestImportFillsMonths: rows of years go into partitions of their months.
func TestImportFillsMonths(t *testing.T) {
	from, m := openNew(t), storagetest.NewMaker()
	a := m.Acceptance("r1")
	a.Dispatch.ID = "018cc251-f400-7000-8000-000000000001" // 1 January 2024
	a.Evidence[0] = m.Seal(hub.Evidence{Event: hub.EventSubmissionAcceptance, Dispatch: a.Dispatch.ID})
	a.Deliveries[0].Dispatch, a.Deliveries[0].ID = a.Dispatch.ID, "018cc251-f400-7000-8000-000000000002"
	if _, err := from.Accept(t.Context(), a); err != nil {
		t.Fatal(err)
	}
	to := openNew(t)
	var records []hub.Record
	if err := from.Export(t.Context(), func(r hub.Record) error { records = append(records, r); return nil }); err != nil {
		t.Fatal(err)
	}
	n := 0
	err := to.Import(t.Context(), func() (hub.Record, error) {
		if n == len(records) {
			return hub.Record{}, io.EOF
		}
		n++
		return records[n-1], nil
	})
	if err != nil {
		t.Fatal(err)
	}
	rows, err := behind(t, to.url).Query(t.Context(), "SELECT tableoid::regclass::text FROM dispatches UNION ALL SELECT tableoid::regclass::text FROM deliveries")
	if err != nil {
		t.Fatal(err)
	}
	places, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if want := []string{"dispatches_2024_01", "deliveries_2024_01"}; err != nil || !slices.Equal(places, want) {
		t.Errorf("rows lie in %v, %v, want %v", places, err, want)
	}
}

// TestArchiveKnowsEveryTable: whoever adds a table decides what becomes of it in an
// archive.
func TestArchiveKnowsEveryTable(t *testing.T) {
	s := openNew(t)
	rows, err := behind(t, s.url).Query(t.Context(), `SELECT relname::text FROM pg_class
		WHERE relnamespace = current_schema()::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition ORDER BY relname COLLATE "C"`)
	if err != nil {
		t.Fatal(err)
	}
	tables, err := pgx.CollectRows(rows, pgx.RowTo[string])
	want := []string{
		"acceptances", "accounts", "agencies", "api_keys",
		"completions", // made anew from the dispatches
		"counters", "deliveries",
		"dispatch_links", // made anew from the dispatches
		"dispatch_parts", // made anew from the dispatches
		"dispatch_words", // made anew from the dispatches
		"dispatches",
		"dossier_events",
		"dossier_facts", // counted anew after a restore
		"dossier_news",
		"dossier_parties", // made anew from the dossiers
		"dossiers",
		"drafts",     // a letter that was not sent is begun again after a restore
		"enrolments", // no code opens anything after a restore
		"eras",       // eras belong to a cluster
		"evidences", "feedback",
		"figure_facts", "figure_progress", "figure_refusals", "figures", // counted anew from the log after a restore
		"goose_db_version",
		"inspection_events",
		"inspection_parties", // made anew from the inspections
		"inspections",
		"leaders", // nobody leads after a restore
		"log_entries", "log_notes", "log_numbers", "log_rehash_tiles", "log_rehashes", "log_renewals", "log_shards", "log_stamps",
		"notice_readers", "notices", // an agency reads the last reports again after a restore
		"outgoing_numbers", "postal_orders", "procedure_changes", "procedure_versions",
		"pushes", "register_numbers", "register_years",
		"report_parts", // made anew from the reports
		"retention_notes",
		"sessions", // nobody is signed in after a restore
		"settled", "status_reports", "subscriptions",
		"tasks",      // made anew from the deliveries
		"test_turns", // no connection is being tested after a restore
		"traffic",    // counted with the figures
		"uploads",
	}
	if err != nil || !slices.Equal(tables, want) {
		t.Errorf("the tables are %v, %v, archives know %v", tables, err, want)
	}
}
