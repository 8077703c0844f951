package sqlite_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/storage/sqlite"
	"github.com/lienthong/lienthong/storage/storagetest"
)

// TestArchiveBesideAHub: an archive can be read while the hub works, sees one instant,
// changes nothing, and can be read when the hub has stopped or was killed.
func TestArchiveBesideAHub(t *testing.T) {
	path := filepath.Join(t.TempDir(), "hub.db")
	store, m := open(t, path), storagetest.NewMaker()
	accept := func() {
		t.Helper()
		if _, err := store.Accept(t.Context(), m.Acceptance("r1", "r2")); err != nil {
			t.Fatal(err)
		}
	}
	accept()
	archive, err := sqlite.OpenArchive(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
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
	if err := archive.Close(); err != nil {
		t.Fatal(err)
	}
	accept()
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	if archive, err = sqlite.OpenArchive(t.Context(), path); err != nil {
		t.Fatal(err)
	}
	defer archive.Close()
	if n := count(nil); n != 3 {
		t.Errorf("after the stop %d dispatches are seen", n)
	}
}

func TestOpenArchiveRefuses(t *testing.T) {
	dir := t.TempDir()
	kind := func(path string, want hub.ErrorKind) {
		t.Helper()
		if a, err := sqlite.OpenArchive(t.Context(), path); err == nil || hub.KindOf(err) != want {
			t.Errorf("%s: %v, %v, want %s", path, a, err, want)
		}
	}
	kind(filepath.Join(dir, "none.db"), hub.KindNotFound)
	if entries, err := os.ReadDir(dir); err != nil || len(entries) > 0 {
		t.Errorf("looking for a database made %v, %v", entries, err)
	}
	path := filepath.Join(dir, "hub.db")
	if err := open(t, path).Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := behind(t, path).Exec("INSERT INTO goose_db_version (version_id, is_applied) VALUES (999, true)"); err != nil {
		t.Fatal(err)
	}
	kind(path, hub.KindUnsupported)
}

// TestArchiveKnowsEveryTable: whoever adds a table decides what becomes of it in an
// archive.
func TestArchiveKnowsEveryTable(t *testing.T) {
	path := filepath.Join(t.TempDir(), "hub.db")
	open(t, path)
	var tables string
	err := behind(t, path).QueryRow("SELECT group_concat(name, ' ') FROM (SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name)").Scan(&tables)
	want := "accounts agencies api_keys " +
		"completions counters deliveries dispatch_links dispatch_parts " +
		"dispatch_words dispatch_words_config dispatch_words_content dispatch_words_data dispatch_words_idx " +
		"dispatches " + // completions, links, parts and words are made anew from the dispatches
		"dossier_events " +
		"dossier_facts " + // counted anew after a restore
		"dossier_news " +
		"dossier_parties " + // made anew from the dossiers
		"dossiers " +
		"drafts " + // a letter that was not sent is begun again after a restore
		"enrolments " + // no code opens anything after a restore
		"evidences feedback " +
		"figure_facts figure_progress figure_refusals figures " + // counted anew from the log after a restore
		"goose_db_version " + // made by the program that opens the store
		"inspection_events " +
		"inspection_parties " + // made anew from the inspections
		"inspections " +
		"log_entries log_notes log_numbers log_rehash_tiles log_rehashes log_renewals log_shards log_stamps " +
		"notice_readers notices outgoing_numbers postal_orders procedure_changes procedure_versions " + // an agency reads the last reports again after a restore
		"pushes register_numbers register_years report_parts retention_notes " +
		"sessions " + // nobody is signed in after a restore
		"settled status_reports subscriptions " +
		"tasks " + // made anew from the deliveries
		"test_turns " + // no connection is being tested after a restore
		"traffic " + // counted with the figures
		"uploads"
	if err != nil || tables != want {
		t.Errorf("the tables are %v, %v, archives know %v", tables, err, want)
	}
}
