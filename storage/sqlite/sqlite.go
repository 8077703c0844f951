// Package sqlite keeps the state of an embedded hub in one SQLite file.
//
// A business act is one method and one transaction: all of it or nothing, and
// durable when the method returns (WAL with synchronous=FULL). There is one
// writer, which lets many acts share a commit; one that fails is undone and spoils
// no other. When the commit itself fails, all acts of it fail. Reads run beside the writer on connections of their own
// and see what was committed when they began. Evidence can be added and never
// changed or deleted: triggers see to that.
//
// A failed write to the disk cannot be tried again, since nobody knows what the
// kernel kept: Fatal is called, which must end the process. SQLite brings the
// file back to the last commit when it is opened again.
//
// Errors are *hub.Error; those of the database are KindInternal, of a full disk
// and of a store that was closed KindUnavailable.
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
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"

	"github.com/pressly/goose/v3"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/storage/internal/fault"
	"github.com/lienthong/lienthong/storage/internal/schema"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Options configure a store.
type Options struct {
	Path string       // the database file; its folder must exist
	Log  *slog.Logger // default: none
	// Fatal is called with the cause when a write to the disk failed and MUST NOT
	// return. Without it the process panics.
	Fatal func(error)
}

// Store is the state of one hub. It is safe for concurrent use by one process.
type Store struct {
	reader *reader
	writer *writer
	path   string
	fatal  func(error)
	acts   chan *act
	ahead  chan *act     // go before those
	done   chan struct{} // closed when the writer has ended
	close  sync.Once
	mu     sync.RWMutex // guards closed against sends on acts and ahead
	closed bool
}

// Open opens the database, creating it with permissions for its owner alone,
// brings it to the newest schema and starts the writer. A database that a newer
// version of the hub has changed is refused.
func Open(ctx context.Context, o Options) (*Store, error) {
	if err := createFile(o.Path); err != nil {
		return nil, hub.Internal("create the database", err)
	}
	register()
	writing, err := open(o.Path, 1, url.Values{"_txlock": {"immediate"}, "_pragma": {writerCache}})
	if err != nil {
		return nil, err
	}
	if err := migrate(ctx, writing, o.log()); err != nil {
		return nil, errors.Join(err, writing.Close())
	}
	reading, err := open(o.Path, max(4, runtime.NumCPU()), url.Values{"_pragma": {"query_only(ON)", readerCache}})
	if err != nil {
		return nil, errors.Join(err, writing.Close())
	}
	s := &Store{
		reader: &reader{db: reading, prepared: make(map[string]*sql.Stmt)},
		writer: &writer{db: writing},
		path:   o.Path,
		fatal:  o.Fatal,
		acts:   make(chan *act, maxBatch),
		ahead:  make(chan *act, 1),
		done:   make(chan struct{}),
	}
	if s.fatal == nil {
		s.fatal = func(err error) { panic("sqlite: a write to the disk failed, the process must end: " + err.Error()) }
	}
	go s.write()
	return s, nil
}

func (o *Options) log() *slog.Logger {
	if o.Log != nil {
		return o.Log
	}
	return slog.New(slog.DiscardHandler)
}

// createFile makes the file before SQLite does: SQLite would let everybody read
// it, and gives its companions (-wal, -shm) the permissions of the file.
func createFile(path string) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	folder, err := os.Open(filepath.Dir(path))
	if err != nil {
		return errors.Join(err, f.Close())
	}
	return errors.Join(f.Sync(), f.Close(), folder.Sync(), folder.Close())
}

// The writer walks through many B-trees at random and keeps their pages. A reader must
// forget its pages whenever the writer has committed: a large cache would be memory for
// nothing on each of its connections.
const (
	writerCache = "cache_size(-8000)" // KiB
	readerCache = "cache_size(-2000)"
)

func open(path string, connections int, q url.Values) (*sql.DB, error) {
	synchronous := "FULL"
	if fault.SyncNormal {
		synchronous = "NORMAL"
	}
	q["_pragma"] = append(q["_pragma"],
		"busy_timeout(10000)", "journal_mode(WAL)", "synchronous("+synchronous+")", "foreign_keys(ON)",
		"wal_autocheckpoint(4000)",     // 16 MB: a checkpoint costs two synchronisations
		"journal_size_limit(67108864)", // gives the room of a burst back
		"temp_store(MEMORY)")
	u := url.URL{Scheme: "file", Opaque: (&url.URL{Path: path}).EscapedPath(), RawQuery: q.Encode()}
	db, err := sql.Open("sqlite", u.String())
	if err != nil {
		return nil, hub.Internal("open the database", err)
	}
	db.SetMaxOpenConns(connections)
	db.SetMaxIdleConns(connections)
	return db, nil
}

func migrate(ctx context.Context, db *sql.DB, log *slog.Logger) error {
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return hub.Internal("read the migrations", err)
	}
	provider, err := schema.Provider(goose.DialectSQLite3, db, files)
	if err != nil {
		return hub.Internal("read the migrations", err)
	}
	current, target, err := provider.GetVersions(ctx)
	if err != nil {
		return hub.Internal("read the version of the schema", err)
	}
	if current > target {
		return hub.Errorf(hub.KindUnsupported, "", "schema",
			"the database has schema version %d, this program knows versions up to %d: use the newer program", current, target)
	}
	results, err := provider.Up(ctx)
	if err != nil {
		return hub.Internal("bring the database to the newest schema", err)
	}
	for _, r := range results {
		log.InfoContext(ctx, "database schema brought forward", "version", r.Source.Version)
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
		close(s.ahead)
		s.mu.Unlock()
		<-s.done
		err = errors.Join(s.reader.db.Close(), s.writer.close())
	})
	return err
}

// Check looks for damage in the file and for rows that point nowhere, and names
// all it finds. It reads the whole database.
func (s *Store) Check(ctx context.Context) error {
	verdicts, err := collect(ctx, s.reader, scanText, "PRAGMA integrity_check")
	if err != nil {
		return err
	}
	orphans, err := collect(ctx, s.reader, scanText,
		`SELECT "table" || ' row ' || coalesce(rowid, '?') || ' points to a row of ' || parent || ' that is not there' FROM pragma_foreign_key_check LIMIT 100`)
	if err != nil {
		return err
	}
	if len(verdicts) == 1 && verdicts[0] == "ok" && len(orphans) == 0 {
		return nil
	}
	return hub.Internal(fmt.Sprintf("the database is damaged: %s", strings.Join(append(verdicts, orphans...), "; ")), nil)
}

func scanText(rows *sql.Rows) (string, error) {
	var s string
	err := rows.Scan(&s)
	return s, err
}
