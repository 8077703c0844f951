package sqlite

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"strings"
	"sync"
	"time"

	_ "modernc.org/sqlite" // registers the driver "sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/lienthong/lienthong/hub"
)

// queryer is what reads: the reading connections, or the transaction of an act.
type queryer interface {
	query(ctx context.Context, text string, args ...any) (*sql.Rows, error)
}

// tx is the transaction that acts run in. It lives on the writer's connection,
// with every statement prepared once. Texts must therefore be constants.
//
// Its statements know nothing of the callers' contexts: an interrupted statement
// would roll back the acts of others too.
type tx struct {
	conn     *sql.Conn
	prepared map[string]*sql.Stmt
	wrote    bool // a statement may have changed something since this was set to false
}

func (t *tx) stmt(text string) (*sql.Stmt, error) {
	if s, ok := t.prepared[text]; ok {
		return s, nil
	}
	s, err := t.conn.PrepareContext(context.Background(), text)
	if err == nil {
		t.prepared[text] = s
	}
	return s, err
}

// change runs a statement and returns how many rows it changed.
func (t *tx) change(text string, args ...any) (int64, error) {
	s, err := t.stmt(text) //nolint:sqlclosecheck // kept with the connection
	if err != nil {
		return 0, err
	}
	result, err := s.ExecContext(context.Background(), args...)
	if err != nil {
		return 0, err // SQLite has undone what the statement did
	}
	n, err := result.RowsAffected()
	t.wrote = t.wrote || n > 0 || err != nil
	return n, err
}

func (t *tx) exec(text string, args ...any) error {
	_, err := t.change(text, args...)
	return err
}

// rowsAtOnce is how many rows one statement inserts: enough for the cost of a statement
// to vanish beside that of its rows, few enough that most of a few rows share one too.
const rowsAtOnce = 16

// insert adds rows to a table, in their order, by few statements. head is the statement
// up to VALUES; it must be constant, and all its rows as long as one another.
func (t *tx) insert(head string, rows [][]any) error {
	for len(rows) > 0 {
		n := rowsAtOnce
		if len(rows) < n {
			n = 1
		}
		args := make([]any, 0, n*len(rows[0]))
		for _, row := range rows[:n] {
			args = append(args, row...)
		}
		if err := t.exec(insertText(head, n, len(rows[0])), args...); err != nil {
			return err
		}
		rows = rows[n:]
	}
	return nil
}

// insertText is a statement that inserts so many rows of so many columns.
func insertText(head string, rows, columns int) string {
	row := "(?" + strings.Repeat(", ?", columns-1) + ")"
	return head + " " + row + strings.Repeat(", "+row, rows-1)
}

// query implements queryer.
func (t *tx) query(_ context.Context, text string, args ...any) (*sql.Rows, error) {
	s, err := t.stmt(text) //nolint:sqlclosecheck // kept with the connection
	if err != nil {
		return nil, err
	}
	t.wrote = t.wrote || !strings.HasPrefix(text, "SELECT") // UPDATE ... RETURNING
	return s.QueryContext(context.Background(), args...)
}

// restart undoes the transaction and begins it anew.
func (t *tx) restart() error {
	if err := t.exec("ROLLBACK"); err != nil {
		return err
	}
	return t.exec("BEGIN IMMEDIATE")
}

// writer owns the one connection that writes.
type writer struct {
	db *sql.DB
	tx *tx // nil until the first transaction and after a failure
}

// begin starts a transaction that holds the write lock from the start.
func (w *writer) begin() (*tx, error) {
	if w.tx == nil {
		conn, err := w.db.Conn(context.Background())
		if err != nil {
			return nil, err
		}
		w.tx = &tx{conn: conn, prepared: make(map[string]*sql.Stmt)}
	}
	return w.tx, w.tx.exec("BEGIN IMMEDIATE")
}

// reset throws the connection away, which rolls back what was open on it.
func (w *writer) reset() {
	if w.tx == nil {
		return
	}
	// A connection with a statement left on it would stay, and its locks with it.
	for _, s := range w.tx.prepared {
		_ = s.Close()
	}
	// Said by its user, this makes the pool close the connection.
	_ = w.tx.conn.Raw(func(any) error { return driver.ErrBadConn })
	_ = w.tx.conn.Close()
	w.tx = nil
}

func (w *writer) close() error {
	w.reset()
	return w.db.Close()
}

// reader owns the connections that read. Constant texts are prepared once; a
// text that was put together for one call goes through free.
type reader struct {
	db       *sql.DB
	mu       sync.RWMutex
	prepared map[string]*sql.Stmt
}

// query implements queryer for constant texts.
func (r *reader) query(ctx context.Context, text string, args ...any) (*sql.Rows, error) {
	s, err := r.stmt(ctx, text) //nolint:sqlclosecheck // kept with the pool
	if err != nil {
		return nil, err
	}
	return s.QueryContext(ctx, args...)
}

func (r *reader) stmt(ctx context.Context, text string) (*sql.Stmt, error) {
	r.mu.RLock()
	s, ok := r.prepared[text]
	r.mu.RUnlock()
	if ok {
		return s, nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if s, ok := r.prepared[text]; ok {
		return s, nil
	}
	s, err := r.db.PrepareContext(ctx, text) //nolint:sqlclosecheck // kept with the pool
	if err == nil {
		r.prepared[text] = s
	}
	return s, err
}

// free reads with texts of the moment.
type free struct{ db *sql.DB }

// query implements queryer.
func (f free) query(ctx context.Context, text string, args ...any) (*sql.Rows, error) {
	return f.db.QueryContext(ctx, text, args...)
}

// primaryCode returns SQLite's primary result code, or 0 when err has none.
func primaryCode(err error) int {
	var e interface{ Code() int } // *sqlite.Error
	if !errors.As(err, &e) {
		return 0
	}
	return e.Code() & 0xff
}

// endsTransaction reports whether an act's error is one after which SQLite may
// have rolled the whole transaction back by itself (no room, no memory, a failing
// disk), so that nothing more may be written in it.
func endsTransaction(err error) bool {
	switch primaryCode(err) {
	case 0, sqlite3.SQLITE_ERROR, sqlite3.SQLITE_CONSTRAINT, sqlite3.SQLITE_MISMATCH, sqlite3.SQLITE_TOOBIG:
		return false
	}
	return true
}

// isDiskFailure reports whether a write or a synchronisation failed. What the
// kernel did with the data is unknown then, and trying again proves nothing.
func isDiskFailure(err error) bool {
	return err != nil && primaryCode(err) == sqlite3.SQLITE_IOERR
}

// failed wraps a failure of the database and leaves our own errors as they are.
// A full disk is temporary.
func failed(doing string, err error) error {
	var e *hub.Error
	switch {
	case err == nil || errors.As(err, &e):
		return err
	case primaryCode(err) == sqlite3.SQLITE_FULL:
		return &hub.Error{Kind: hub.KindUnavailable, Message: "the hub's storage is full", RetryAfter: time.Minute, Err: err}
	}
	return hub.Internal(doing, err)
}
