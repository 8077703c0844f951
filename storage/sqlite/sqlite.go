// Package sqlite keeps the state of an embedded hub in one SQLite file.
//
// A business act is one method and one transaction: all of it or nothing, and
// durable when the method returns (WAL with synchronous=FULL). There is one
// writer, which lets many acts share a commit; each runs inside a savepoint of
// its own, so that one that fails spoils no other. Reads run beside it on
// connections of their own. Evidence can be added and never changed or deleted:
// triggers see to that.
package sqlite

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/url"
	"runtime"
	"sync"

	"github.com/pressly/goose/v3"
	_ "modernc.org/sqlite" // registers the driver "sqlite"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/storage/internal/fault"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Options configure a store.
type Options struct {
	Path string // the database file; its folder must exist
	Log  *slog.Logger
}

// Store is the state of one hub. It is safe for concurrent use by one process.
type Store struct {
	reader *sql.DB
	writer *sql.DB
	acts   chan *act
	done   chan struct{} // closed when the writer has ended
	close  sync.Once
	mu     sync.RWMutex // guards closed against sends on acts
	closed bool
}

// Open opens the database, brings it to the newest schema and starts the writer.
func Open(ctx context.Context, o Options) (*Store, error) {
	writer, err := open(o.Path, 1)
	if err != nil {
		return nil, err
	}
	if err := migrate(ctx, writer); err != nil {
		return nil, errors.Join(err, writer.Close())
	}
	reader, err := open(o.Path, max(4, runtime.NumCPU()))
	if err != nil {
		return nil, errors.Join(err, writer.Close())
	}
	s := &Store{reader: reader, writer: writer, acts: make(chan *act, maxBatch), done: make(chan struct{})}
	go s.write()
	return s, nil
}

func open(path string, connections int) (*sql.DB, error) {
	synchronous := "FULL"
	if fault.SyncNormal {
		synchronous = "NORMAL"
	}
	q := url.Values{"_txlock": {"immediate"}, "_pragma": {
		"journal_mode(WAL)", "synchronous(" + synchronous + ")", "foreign_keys(ON)",
		"busy_timeout(10000)", "cache_size(-16000)", "temp_store(MEMORY)",
	}}
	u := url.URL{Scheme: "file", Opaque: (&url.URL{Path: path}).EscapedPath(), RawQuery: q.Encode()}
	db, err := sql.Open("sqlite", u.String())
	if err != nil {
		return nil, hub.Internal("open the database", err)
	}
	db.SetMaxOpenConns(connections)
	db.SetMaxIdleConns(connections)
	return db, nil
}

func migrate(ctx context.Context, db *sql.DB) error {
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return hub.Internal("read the migrations", err)
	}
	provider, err := goose.NewProvider(goose.DialectSQLite3, db, files)
	if err != nil {
		return hub.Internal("read the migrations", err)
	}
	if _, err := provider.Up(ctx); err != nil {
		return hub.Internal("bring the database to the newest schema", err)
	}
	return nil
}

// Close lets the writer finish what was handed to it and closes the database.
func (s *Store) Close() error {
	var err error
	s.close.Do(func() {
		s.mu.Lock()
		s.closed = true
		close(s.acts)
		s.mu.Unlock()
		<-s.done
		err = errors.Join(s.reader.Close(), s.writer.Close())
	})
	return err
}

// Check looks for damage in the file and for rows that point nowhere. It reads
// the whole database.
func (s *Store) Check(ctx context.Context) error {
	var verdict string
	if err := s.reader.QueryRowContext(ctx, "PRAGMA integrity_check").Scan(&verdict); err != nil {
		return hub.Internal("check the database", err)
	}
	if verdict != "ok" {
		return hub.Internal("the database is damaged: "+verdict, nil)
	}
	var table string
	switch err := s.reader.QueryRowContext(ctx, `SELECT "table" FROM pragma_foreign_key_check LIMIT 1`).Scan(&table); {
	case errors.Is(err, sql.ErrNoRows):
		return nil
	case err != nil:
		return hub.Internal("check the database", err)
	}
	return hub.Internal(fmt.Sprintf("the database is damaged: %s points to a row that is not there", table), nil)
}
