package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lienthong/lienthong/hub"
)

func openInside(t *testing.T, fatal func(error)) *Store {
	t.Helper()
	s, err := Open(t.Context(), Options{Path: filepath.Join(t.TempDir(), "hub.db"), Fatal: fatal})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// together hands acts to the writer in such a way that they share one batch, and
// returns what each was answered.
func together(t *testing.T, s *Store, acts ...func(*tx) error) []error {
	t.Helper()
	began, goOn := make(chan struct{}), make(chan struct{})
	var group sync.WaitGroup
	group.Go(func() {
		if err := s.do(t.Context(), 1, func(*tx) error { close(began); <-goOn; return nil }); err != nil {
			t.Error(err)
		}
	})
	<-began // the writer is busy: what comes now waits
	answers := make([]error, len(acts))
	for i, run := range acts {
		group.Go(func() { answers[i] = s.do(t.Context(), 1, run) })
	}
	for len(s.acts) < len(acts) {
		time.Sleep(time.Millisecond)
	}
	close(goOn)
	group.Wait()
	return answers
}

func count(t *testing.T, s *Store) int64 {
	t.Helper()
	n, err := one(t.Context(), s.reader, "count", scanInt, "SELECT count(*) FROM agencies")
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func insertAgency(id string) func(*tx) error {
	return func(x *tx) error { return x.exec("INSERT INTO agencies (id, body) VALUES (?, '{}')", id) }
}

// TestSharedCommit: an act that fails is undone alone.
func TestSharedCommit(t *testing.T) {
	s := openInside(t, nil)
	wrong := errors.New("wrong")
	answers := together(t, s, insertAgency("a"), func(x *tx) error {
		if err := insertAgency("b")(x); err != nil {
			return err
		}
		return wrong
	}, insertAgency("c"), func(x *tx) error { return x.exec("no such statement") })
	if answers[0] != nil || !errors.Is(answers[1], wrong) || answers[2] != nil || answers[3] == nil {
		t.Errorf("answers %v", answers)
	}
	if n := count(t, s); n != 2 {
		t.Errorf("%d agencies, want 2", n)
	}
}

// TestFailedCommit: when the commit fails, every act of it fails, and the store
// goes on with the next.
func TestFailedCommit(t *testing.T) {
	s := openInside(t, nil)
	answers := together(t, s, insertAgency("a"), func(x *tx) error {
		// A row that points nowhere and is only looked at by the commit.
		if err := x.exec("PRAGMA defer_foreign_keys = ON"); err != nil {
			return err
		}
		return x.exec(`INSERT INTO deliveries (id, dispatch, position, recipient, state, version, final, calm, next_attempt, expires_at, body)
			VALUES ('d', 'none', 0, 'r', 'queued', 1, 0, 1, 0, 0, '{}')`)
	}, insertAgency("b"))
	for i, err := range answers {
		if err == nil || !strings.Contains(err.Error(), "FOREIGN KEY") {
			t.Errorf("act %d of a commit that failed was answered %v", i, err)
		}
	}
	if n := count(t, s); n != 0 {
		t.Errorf("%d agencies of a commit that failed", n)
	}
	if err := s.do(t.Context(), 1, insertAgency("c")); err != nil {
		t.Errorf("after a commit that failed: %v", err)
	}
	if n := count(t, s); n != 1 {
		t.Errorf("%d agencies, want 1", n)
	}
}

// TestLoneFailure: an act that is alone in its transaction leaves nothing either,
// and the transaction goes on.
func TestLoneFailure(t *testing.T) {
	s := openInside(t, nil)
	wrong := errors.New("wrong")
	for range 3 {
		err := s.do(t.Context(), 1, func(x *tx) error {
			return errors.Join(insertAgency("a")(x), wrong)
		})
		if !errors.Is(err, wrong) {
			t.Errorf("answered %v", err)
		}
	}
	if n := count(t, s); n != 0 {
		t.Errorf("%d agencies", n)
	}
	if err := s.do(t.Context(), 1, insertAgency("a")); err != nil {
		t.Error(err)
	}
}

// diskError is what the driver reports when the disk fails (SQLITE_IOERR_FSYNC).
type diskError struct{}

func (diskError) Error() string { return "disk I/O error" }
func (diskError) Code() int     { return 1034 }

// TestDiskFailure: nobody goes on after a failed write, and nobody was told that
// something is stored.
func TestDiskFailure(t *testing.T) {
	var told error
	s := openInside(t, func(err error) { told = err })
	answers := together(t, s, insertAgency("a"), func(*tx) error { return hub.Internal("write", diskError{}) }, insertAgency("b"))
	for i, err := range answers {
		if err == nil {
			t.Errorf("act %d was answered with success", i)
		}
	}
	if !errors.As(told, &diskError{}) {
		t.Errorf("the process was told %v", told)
	}
	if n := count(t, s); n != 0 {
		t.Errorf("%d agencies", n)
	}
}

// fullError is what the driver reports when there is no room (SQLITE_FULL).
type fullError struct{}

func (fullError) Error() string { return "database or disk is full" }
func (fullError) Code() int     { return 13 }

// TestFullDisk: no room is a temporary failure, also when SQLite has rolled the
// whole transaction back by itself.
func TestFullDisk(t *testing.T) {
	s := openInside(t, nil)
	answers := together(t, s, insertAgency("a"), func(x *tx) error {
		if err := x.exec("ROLLBACK"); err != nil {
			return err
		}
		return failed("write", fullError{})
	}, insertAgency("b"))
	for i, err := range answers {
		if err == nil || hub.KindOf(err) != hub.KindUnavailable {
			t.Errorf("act %d was answered %v", i, err)
		}
	}
	if n := count(t, s); n != 0 {
		t.Errorf("%d agencies", n)
	}
	if err := s.do(t.Context(), 1, insertAgency("c")); err != nil {
		t.Errorf("once there is room again: %v", err)
	}
}

// TestCallerGone: the act of a caller that left while it waited is not begun; one
// that was begun is finished whatever its caller does.
func TestCallerGone(t *testing.T) {
	s := openInside(t, nil)
	ctx, leave := context.WithCancel(t.Context())
	err := s.do(ctx, 1, func(x *tx) error { leave(); return insertAgency("a")(x) })
	if err != nil || count(t, s) != 1 {
		t.Errorf("an act that was begun: %v, %d agencies", err, count(t, s))
	}
	if err := s.do(ctx, 1, insertAgency("b")); !errors.Is(err, context.Canceled) || count(t, s) != 1 {
		t.Errorf("an act of a caller that had gone: %v, %d agencies", err, count(t, s))
	}
}

// TestTheLogGoesAhead: however many acts wait, the next step of the log is taken before them.
func TestTheLogGoesAhead(t *testing.T) {
	s := openInside(t, nil)
	entry := hub.LogBatch{Origin: "o/2026", Entries: []hub.LogEntry{{Data: []byte("leaf")}}}
	steps := []func() error{
		func() error { return s.AppendLog(t.Context(), 0, entry) },
		func() error {
			return s.PublishLog(t.Context(), hub.LogHead{Origin: "o/2026", Size: 1, Note: []byte("note")})
		},
	}
	const done = "SELECT count(*) + coalesce(sum(head <> ''), 0) FROM log_shards"
	for i, step := range steps {
		began, goOn := make(chan struct{}), make(chan struct{})
		var group sync.WaitGroup
		act := func(run func(*tx) error) {
			group.Go(func() {
				if err := s.do(t.Context(), maxRows, run); err != nil {
					t.Error(err)
				}
			})
		}
		act(func(*tx) error { close(began); <-goOn; return nil })
		<-began // the writer is busy: what comes now waits
		const waiting = 3
		for range waiting {
			act(func(x *tx) error {
				n, err := one(t.Context(), x, "count", scanInt, done)
				if n != int64(i+1) {
					t.Errorf("an act that waited for %d steps of the log found %d", i+1, n)
				}
				return err
			})
		}
		for len(s.acts) < waiting {
			time.Sleep(time.Millisecond)
		}
		group.Go(func() {
			if err := step(); err != nil {
				t.Error(err)
			}
		})
		for len(s.acts)+len(s.ahead) == waiting {
			time.Sleep(time.Millisecond)
		}
		close(goOn)
		group.Wait()
	}
}

// TestManyRows: rows come in their order, whether one statement takes them all, none is
// left over, or some are.
func TestManyRows(t *testing.T) {
	for _, n := range []int{0, 1, rowsAtOnce - 1, rowsAtOnce, rowsAtOnce + 1, 3*rowsAtOnce + 2} {
		s := openInside(t, nil)
		rows := make([][]any, n)
		for i := range rows {
			rows[i] = []any{string(rune('A' + i)), "{}"}
		}
		err := s.do(t.Context(), n, func(t *tx) error { return t.insert("INSERT INTO agencies (id, body) VALUES", rows) })
		if err != nil {
			t.Fatal(err)
		}
		order, err := collect(t.Context(), s.reader, func(rows *sql.Rows) (id string, err error) {
			err = rows.Scan(&id)
			return id, err
		}, "SELECT id FROM agencies ORDER BY rowid")
		if err != nil || len(order) != n {
			t.Fatalf("%d rows of %d, %v", len(order), n, err)
		}
		for i, id := range order {
			if id != rows[i][0] {
				t.Errorf("row %d of %d is %s", i, n, id)
			}
		}
	}
}
