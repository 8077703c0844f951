package backuptest

import (
	"database/sql"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/lienthong/lienthong/storage/sqlite"
)

// TestVerifyStoreNamesDamage damages a sound hub in every way that a disk, a person
// or a wrong program could, one at a time.
func TestVerifyStoreNamesDamage(t *testing.T) {
	s := newSite(t)
	p := s.start()
	s.prepare(p)
	l := s.load(p.URL)
	l.await(t, 4)
	l.stop()
	s.drain(p.URL)
	s.stop(p)
	if c := s.verify(0); c.Findings > 0 || c.Dispatches < 4 {
		t.Fatalf("the sound hub: %+v", c)
	}
	const unlocked = "PRAGMA foreign_keys = OFF; DROP TRIGGER evidences_never_change; DROP TRIGGER evidences_never_go; "
	const one = "(SELECT min(id) FROM deliveries)"
	for name, test := range map[string]struct {
		rule   string
		damage func(t *testing.T, data string)
	}{
		"an original is gone":          {"content_missing", func(t *testing.T, data string) { original(t, data, os.Remove) }},
		"an original has other bits":   {"content_damaged", func(t *testing.T, data string) { original(t, data, flip) }},
		"an original is cut off":       {"content_damaged", func(t *testing.T, data string) { original(t, data, halve) }},
		"a dispatch is gone":           {"no_dispatch", execute(unlocked + "DELETE FROM dispatches WHERE id = (SELECT min(id) FROM dispatches)")},
		"a delivery is gone":           {"deliveries", execute(unlocked + "DELETE FROM deliveries WHERE id = " + one)},
		"a state was set by hand":      {"state", execute("UPDATE deliveries SET state = 'refused', body = json_set(body, '$.state', 'refused') WHERE id = " + one)},
		"a recipient was exchanged":    {"recipient", execute("UPDATE deliveries SET body = json_set(body, '$.recipient', 'r9') WHERE id = " + one)},
		"a part was exchanged":         {"parts", execute("UPDATE dispatches SET body = json_set(body, '$.parts[0].name', 'b.pdf') WHERE id = (SELECT min(id) FROM dispatches)")},
		"the receipt is another":       {"receipt", execute("UPDATE dispatches SET receipt = (SELECT max(id) FROM evidences) WHERE id = (SELECT min(id) FROM dispatches)")},
		"the acceptance is gone":       {"chain", execute(unlocked + "DELETE FROM evidences WHERE position = (SELECT min(position) FROM evidences)")},
		"a link of a chain is gone":    {"chain", execute(unlocked + "DELETE FROM evidences WHERE CAST(canonical AS TEXT) LIKE '%/ContentHandover\"%' AND delivery = " + one)},
		"the end of a chain is gone":   {"state", execute(unlocked + "DELETE FROM evidences WHERE CAST(canonical AS TEXT) LIKE '%/ConsignmentAcceptance\"%' AND delivery = " + one)},
		"an evidence was changed":      {"signature", execute(unlocked + "UPDATE evidences SET canonical = CAST(replace(CAST(canonical AS TEXT), 'drill-', 'drilx-') AS BLOB) WHERE delivery = " + one)},
		"a signature was exchanged":    {"signature", execute(unlocked + "UPDATE evidences SET jws = (SELECT jws FROM evidences ORDER BY position DESC LIMIT 1) WHERE delivery = " + one)},
		"the head of a chain is older": {"head", execute("UPDATE deliveries SET body = json_set(body, '$.last_evidence.id', 'x') WHERE id = " + one)},
		"a size was changed":           {"content_size", execute("UPDATE dispatches SET body = json_set(body, '$.parts[0].size', 7)")},
		"a report about nothing":       {"report", execute("INSERT INTO status_reports (id, dispatch, body) SELECT 'x', id, json_object('id', 'x', 'dispatch', id, 'delivery', 'y') FROM dispatches LIMIT 1")},
	} {
		t.Run(name, func(t *testing.T) {
			copied := *s
			copied.t, copied.data = t, filepath.Join(t.TempDir(), "data")
			if err := os.CopyFS(copied.data, os.DirFS(s.data)); err != nil {
				t.Fatal(err)
			}
			test.damage(t, copied.data)
			c := copied.verify(1)
			var rules []string
			for _, f := range c.Found {
				rules = append(rules, f.Rule)
			}
			if !slices.Contains(rules, test.rule) || c.Findings != int64(len(c.Found)) {
				t.Errorf("%d findings %v, want %s", c.Findings, c.Found, test.rule)
			}
		})
	}
}

// original does something to one of the originals.
func original(t *testing.T, data string, damage func(path string) error) {
	t.Helper()
	done := false
	err := filepath.WalkDir(filepath.Join(data, "blobs", "objects"), func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() || done {
			return err
		}
		done = true
		return damage(path)
	})
	if err != nil || !done {
		t.Fatal(err, done)
	}
}

func flip(path string) error {
	content, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	content[len(content)/2] ^= 1
	return os.WriteFile(path, content, 0o600)
}

func halve(path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	return os.Truncate(path, info.Size()/2)
}

// execute changes the database behind the hub's back.
func execute(text string) func(*testing.T, string) {
	return func(t *testing.T, data string) {
		t.Helper()
		path := filepath.Join(data, "hub.db")
		store, err := sqlite.OpenArchive(t.Context(), path) // there is a database to damage
		if err != nil {
			t.Fatal(err)
		}
		if err := store.Close(); err != nil {
			t.Fatal(err)
		}
		db, err := sql.Open("sqlite", path)
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		result, err := db.ExecContext(t.Context(), text)
		if err != nil {
			t.Fatal(err)
		}
		if n, err := result.RowsAffected(); err != nil || n == 0 {
			t.Fatalf("%d rows were damaged, %v", n, err)
		}
	}
}
