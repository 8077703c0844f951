package postgres

import (
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/storage/internal/sqlkit"
)

// What may be tried again is tried so often, with growing pauses: enough for a
// deadlock or a connection that broke while it was idle, not for a server that
// restarts. Whoever called can wait longer than we.
const (
	attempts   = 4
	firstPause = 10 * time.Millisecond
)

// read runs a call that changes nothing: whatever was temporary is tried again.
func (s *Store) read(ctx context.Context, doing string, call func(context.Context, *pgx.Conn) error) error {
	ctx, cancel := context.WithTimeout(ctx, callLimit)
	defer cancel()
	return s.try(ctx, doing, isTemporary, call)
}

// act runs a business act: it is tried again only when it certainly did nothing. An
// act whose ctx has ended is not begun; once begun it ends with the deadline of ctx
// and not with its cancellation, because its outcome should be known.
func (s *Store) act(ctx context.Context, doing string, call func(context.Context, *pgx.Conn) error) error {
	if err := ctx.Err(); err != nil {
		return failed(doing, err)
	}
	deadline := time.Now().Add(callLimit)
	if d, ok := ctx.Deadline(); ok && d.Before(deadline) {
		deadline = d
	}
	ctx, cancel := context.WithDeadline(context.WithoutCancel(ctx), deadline)
	defer cancel()
	return s.try(ctx, doing, didNothing, call)
}

func (s *Store) try(ctx context.Context, doing string, again func(error) bool, call func(context.Context, *pgx.Conn) error) error {
	pause := firstPause
	for n := 1; ; n++ {
		err := s.once(ctx, call)
		if err == nil || n == attempts || !again(err) || ctx.Err() != nil {
			return failed(doing, err)
		}
		select {
		case <-ctx.Done():
			return failed(doing, err)
		case <-time.After(pause/2 + rand.N(pause)):
			pause *= 4
		}
	}
}

func (s *Store) once(ctx context.Context, call func(context.Context, *pgx.Conn) error) error {
	if s.closed.Load() {
		return hub.Errorf(hub.KindUnavailable, "", "", "the hub is stopping")
	}
	conn, err := s.acquire(ctx)
	if err != nil {
		return err
	}
	defer conn.Release()
	err = call(ctx, conn.Conn())
	if state(err) == readOnlyTransaction {
		_ = conn.Conn().Close(ctx) // this server became a standby: the pool looks for the other
	}
	return err
}

func (s *Store) acquire(ctx context.Context) (*pgxpool.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, acquireLimit)
	defer cancel()
	return s.pool.Acquire(ctx)
}

// rows runs one statement on a connection. Without an error the transaction of the
// statement has ended well.
func rows[T any](ctx context.Context, c *pgx.Conn, scan pgx.RowToFunc[T], text string, args ...any) ([]T, error) {
	found, err := c.Query(ctx, text, args...)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(found, scan)
}

// collect reads all rows of one statement.
func collect[T any](ctx context.Context, s *Store, scan pgx.RowToFunc[T], text string, args ...any) ([]T, error) {
	var found []T
	err := s.read(ctx, "read", func(ctx context.Context, c *pgx.Conn) (err error) {
		found, err = rows(ctx, c, scan, text, args...)
		return err
	})
	return found, err
}

// change runs a business act of one statement and returns its rows.
func change[T any](ctx context.Context, s *Store, doing string, scan pgx.RowToFunc[T], text string, args ...any) ([]T, error) {
	var found []T
	err := s.act(ctx, doing, func(ctx context.Context, c *pgx.Conn) (err error) {
		found, err = rows(ctx, c, scan, text, args...)
		return err
	})
	return found, err
}

// exec runs a business act of one statement without rows.
func (s *Store) exec(ctx context.Context, doing, text string, args ...any) error {
	return s.act(ctx, doing, func(ctx context.Context, c *pgx.Conn) error {
		_, err := c.Exec(ctx, text, args...)
		return err
	})
}

// first returns the first row; without any it answers KindNotFound for what was
// looked for.
func first[T any](found []T, what string, err error) (T, error) {
	if err == nil && len(found) == 0 {
		err = sqlkit.NotFound(what)
	}
	if err != nil {
		var zero T
		return zero, err
	}
	return found[0], nil
}

// scanBody reads a row whose one column is a JSON object.
func scanBody[T any](row pgx.CollectableRow) (T, error) {
	body, err := pgx.RowTo[[]byte](row)
	if err != nil {
		var zero T
		return zero, err
	}
	return sqlkit.Decode[T](body)
}

// The SQLSTATEs that decide something, by class where a class does (PostgreSQL,
// appendix A).
const (
	readOnlyTransaction = "25006"
	serialization       = "40001"
	deadlock            = "40P01"
	lockNotAvailable    = "55P03"
	tooManyConnections  = "53300"
	diskFull            = "53100"
	cannotConnectNow    = "57P03"
	queryCanceled       = "57014" // by statement_timeout
	notInRepertoire     = "22021" // a text that is not UTF-8, or holds U+0000
	uniqueViolation     = "23505"
	badPassword         = "28P01"
	unknownStatement    = "26000" // a prepared one that the connection has lost
)

// state returns the SQLSTATE of an error, or "" when the server did not send it.
func state(err error) string {
	var e *pgconn.PgError
	if !errors.As(err, &e) {
		return ""
	}
	return e.Code
}

// didNothing reports whether the call certainly had no effect and may be repeated at
// once.
func didNothing(err error) bool {
	switch state(err) {
	case serialization, deadlock, lockNotAvailable, tooManyConnections, cannotConnectNow, unknownStatement:
		return true
	}
	var connect *pgconn.ConnectError
	return pgconn.SafeToRetry(err) || errors.As(err, &connect)
}

// isTemporary reports whether the fault lies in the server being away, busy, full or
// on its way to another machine, rather than in what it was asked.
func isTemporary(err error) bool {
	if didNothing(err) {
		return true
	}
	switch code := state(err); code {
	case "":
		return isBroken(err)
	case readOnlyTransaction, queryCanceled, badPassword:
		return true
	default:
		class := code[:2] // connection, resources, operator's intervention, system
		return class == "08" || class == "53" || class == "57" || class == "58"
	}
}

// isBroken reports whether the connection failed under a call, or time ran out.
func isBroken(err error) bool {
	var network net.Error
	return errors.As(err, &network) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) ||
		errors.Is(err, net.ErrClosed) || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled)
}

// failed wraps a failure of the database and leaves our own errors as they are.
func failed(doing string, err error) error {
	var e *hub.Error
	switch {
	case err == nil || errors.As(err, &e):
		return err
	case state(err) == diskFull:
		return &hub.Error{Kind: hub.KindUnavailable, Message: "the hub's storage is full", RetryAfter: time.Minute, Err: err}
	case isTemporary(err):
		return &hub.Error{Kind: hub.KindUnavailable, Message: doing + ": the database does not answer", RetryAfter: time.Second, Err: err}
	case state(err) == notInRepertoire:
		return &hub.Error{Kind: hub.KindInvalid, Rule: "charset", Message: "a text is not UTF-8 or holds the character U+0000", Err: err}
	}
	return hub.Internal(doing, err)
}
