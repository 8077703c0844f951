package sqlite_test

import (
	"bytes"
	"database/sql"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/storage/sqlite"
	"github.com/lienthong/lienthong/storage/storagetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// stored is a store that knows its file.
type stored struct {
	*sqlite.Store
	path string
}

// TestConformance runs what every store promises.
func TestConformance(t *testing.T) {
	storagetest.Run(t, storagetest.Backend{
		Open: func(t *testing.T) storagetest.Store { return open(t, filepath.Join(t.TempDir(), "hub.db")) },
		Reopen: func(t *testing.T, s storagetest.Store) storagetest.Store {
			if err := s.(stored).Close(); err != nil {
				t.Fatal(err)
			}
			return open(t, s.(stored).path)
		},
	})
}

func open(t *testing.T, path string) stored {
	t.Helper()
	s, err := sqlite.Open(t.Context(), sqlite.Options{Path: path, Fatal: func(err error) { t.Error(err) }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return stored{s, path}
}

// behind opens the file behind the store's back.
func behind(t *testing.T, path string) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

// TestEvidenceTriggers: even whoever writes SQL by hand cannot change evidence.
func TestEvidenceTriggers(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "hub.db"))
	m := storagetest.NewMaker()
	if _, err := s.Accept(t.Context(), m.Acceptance("r1")); err != nil {
		t.Fatal(err)
	}
	db := behind(t, s.path)
	for _, statement := range []string{
		"UPDATE evidences SET jws = 'forged'",
		"UPDATE evidences SET position = 7",
		"DELETE FROM evidences",
	} {
		if _, err := db.ExecContext(t.Context(), statement); err == nil || !strings.Contains(err.Error(), "evidence is never") {
			t.Errorf("%s: %v", statement, err)
		}
	}
}

// TestKilled: a copy of the files as a killed process leaves them holds all that
// was answered for.
func TestKilled(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "hub.db"))
	m := storagetest.NewMaker()
	var receipts []hub.SealedEvidence
	for range 20 {
		accepted, err := s.Accept(t.Context(), m.Acceptance("r1", "r2"))
		if err != nil {
			t.Fatal(err)
		}
		receipts = append(receipts, accepted.Receipt)
	}
	copied := filepath.Join(t.TempDir(), "hub.db")
	for _, suffix := range []string{"", "-wal"} {
		body, err := os.ReadFile(s.path + suffix)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(copied+suffix, body, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	again := open(t, copied)
	for _, r := range receipts {
		if _, err := again.DispatchItem(t.Context(), r.Evidence.Dispatch); err != nil {
			t.Errorf("a receipt without its dispatch: %v", err)
		}
	}
	if err := again.Check(t.Context()); err != nil {
		t.Error(err)
	}
}

// TestPermissions: the files are for the hub's own account alone.
func TestPermissions(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "hub.db"))
	if err := s.AddKey(t.Context(), hub.APIKey{ID: "k"}); err != nil {
		t.Fatal(err)
	}
	for _, suffix := range []string{"", "-wal", "-shm"} {
		info, err := os.Stat(s.path + suffix)
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm() != 0o600 {
			t.Errorf("hub.db%s has the permissions %s", suffix, info.Mode())
		}
	}
}

// TestNewerSchema: an older program must not write into what it does not know.
func TestNewerSchema(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "hub.db"))
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	db := behind(t, s.path)
	if _, err := db.ExecContext(t.Context(), "INSERT INTO goose_db_version (version_id, is_applied) VALUES (99999, 1)"); err != nil {
		t.Fatal(err)
	}
	db.Close()
	_, err := sqlite.Open(t.Context(), sqlite.Options{Path: s.path})
	if err == nil || hub.KindOf(err) != hub.KindUnsupported {
		t.Errorf("a newer database: %v", err)
	}
}

// TestCheck finds rows that point nowhere and damaged pages.
func TestCheck(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "hub.db"))
	m := storagetest.NewMaker()
	for range 50 {
		if _, err := s.Accept(t.Context(), m.Acceptance("r1", "r2", "r3")); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Check(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := behind(t, s.path).ExecContext(t.Context(), "DELETE FROM dispatches WHERE rowid = 7"); err != nil {
		t.Fatal(err)
	}
	if err := s.Check(t.Context()); err == nil || !strings.Contains(err.Error(), "deliveries row") {
		t.Errorf("rows that point nowhere: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	body, err := os.ReadFile(s.path)
	if err != nil {
		t.Fatal(err)
	}
	page := bytes.LastIndex(body, []byte("SubmissionAcceptance")) &^ 4095 // one of evidence, which opening does not read
	for i := page; i < page+4096; i++ {
		body[i] ^= 0xff
	}
	if err := os.WriteFile(s.path, body, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := open(t, s.path).Check(t.Context()); err == nil {
		t.Error("a damaged page was not found")
	}
}

// TestClosed: a store that was closed takes no more acts and says so.
func TestClosed(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "hub.db"))
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	err := s.AddKey(t.Context(), hub.APIKey{ID: "k"})
	if err == nil || hub.KindOf(err) != hub.KindUnavailable {
		t.Errorf("an act after the end: %v", err)
	}
}
