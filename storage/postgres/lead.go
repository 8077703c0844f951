package postgres

import (
	"context"
	"errors"
	"maps"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/lienthong/lienthong/hub"
)

// A lock is tried, and the connection of a held one tested, every lockPoll. A holder
// learns at once that the server closed its connection, and gives up when it has not
// answered for pingLimit; the server drops a holder that it has not heard of for five
// to six seconds, and whoever comes next waits for handOver. The old holder thus
// stops first, unless it was frozen: for that there is the epoch.
const (
	lockPoll  = time.Second
	pingLimit = 2 * time.Second
	handOver  = time.Second
)

// holderSettings let the server notice within six seconds that a holder is gone: its
// machine (keepalive), its network (unanswered data), or its process standing still
// (no ping).
func holderSettings() map[string]string {
	return map[string]string{
		"tcp_keepalives_idle": "2", "tcp_keepalives_interval": "1", "tcp_keepalives_count": "3",
		"tcp_user_timeout":     "5000",
		"idle_session_timeout": "6000",
	}
}

// errLost says that a lock was lost while its job ran.
var errLost = errors.New("the lock's connection was lost")

// Lead runs a job that one node at a time may do. It waits until no other node holds
// the name and then calls run, with a context that ends when the right to the job is
// lost, and with an epoch that is greater than that of every holder before: a store
// of the job's results MUST refuse those of an older epoch, because a node that was
// frozen learns late that it lost the right. After a loss Lead waits for the name
// again. It returns what run returns while the right is held, and at the end of ctx.
func (s *Store) Lead(ctx context.Context, name string, run func(ctx context.Context, epoch int64) error) error {
	for {
		var epoch int64
		err := s.holding(ctx, name, lockPoll, func(ctx context.Context, c *pgx.Conn) (err error) {
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-time.After(handOver):
			}
			epoch, err = nextEpoch(ctx, c, name)
			return err
		}, func(ctx context.Context) error { return finished{run(ctx, epoch)} })
		var end finished
		if errors.As(err, &end) {
			return end.err
		}
		if ctx.Err() == nil {
			s.log.WarnContext(ctx, "the right to a job was lost or could not be asked for", "job", name, "error", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(lockPoll):
		}
	}
}

// finished tells what a job itself returned from a loss of its lock.
type finished struct{ err error }

func (finished) Error() string { return "the job has ended" }

// nextEpoch counts the holders of a name. It runs in the connection of the lock: who
// has lost that cannot raise the epoch.
func nextEpoch(ctx context.Context, c *pgx.Conn, name string) (int64, error) {
	epochs, err := rows(ctx, c, pgx.RowTo[int64], `INSERT INTO leaders (name, epoch) VALUES ($1, 1)
		ON CONFLICT (name) DO UPDATE SET epoch = leaders.epoch + 1 RETURNING epoch`, name)
	return first(epochs, "epoch", err)
}

// holding waits for the lock of a name, on a connection of its own, calls begin with
// that connection and then run, whose context ends when the connection is lost. Then
// the error is errLost, whatever run returned.
func (s *Store) holding(ctx context.Context, name string, poll time.Duration, begin func(context.Context, *pgx.Conn) error, run func(context.Context) error) error {
	conn, err := s.connect(ctx)
	if err != nil {
		return failed("connect to the database", err)
	}
	defer func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), pingLimit)
		defer cancel()
		_ = conn.Close(ctx) // the server frees the lock with the connection
	}()
	if err := lock(ctx, conn, name, poll); err != nil {
		return failed("wait for the lock "+name, err)
	}
	if err := begin(ctx, conn); err != nil {
		return failed("begin as the holder of "+name, err)
	}
	held, end := context.WithCancelCause(ctx)
	watched := make(chan struct{})
	go func() {
		defer close(watched)
		watch(held, conn, end)
	}()
	err = run(held)
	lost := context.Cause(held) == errLost //nolint:errorlint // the very cause that watch gave
	end(nil)
	<-watched
	if lost {
		return &hub.Error{Kind: hub.KindUnavailable, Message: "the right to " + name + " was lost", Err: errLost}
	}
	return err
}

// connect opens the connection of a lock.
func (s *Store) connect(ctx context.Context) (*pgx.Conn, error) {
	return s.dialWith(ctx, holderSettings())
}

// dial opens a connection beside the pool.
func (s *Store) dial(ctx context.Context) (*pgx.Conn, error) { return s.dialWith(ctx, nil) }

func (s *Store) dialWith(ctx context.Context, settings map[string]string) (*pgx.Conn, error) {
	config := s.config.Copy()
	maps.Copy(config.RuntimeParams, settings)
	if s.beforeConnect != nil {
		if err := s.beforeConnect(ctx, config); err != nil {
			return nil, err
		}
	}
	return pgx.ConnectConfig(ctx, config)
}

func lock(ctx context.Context, c *pgx.Conn, name string, poll time.Duration) error {
	for {
		var locked bool
		err := c.QueryRow(ctx, "SELECT pg_try_advisory_lock(hashtextextended('lienthong ' || $1, 0))", name).Scan(&locked)
		if err != nil || locked {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(poll):
		}
	}
}

// watch ends a job when the connection of its lock is closed or does not answer.
func watch(held context.Context, c *pgx.Conn, end context.CancelCauseFunc) {
	for held.Err() == nil {
		// Nobody notifies: this waits, and returns at once when the connection breaks.
		ctx, cancel := context.WithTimeout(held, lockPoll)
		_, err := c.WaitForNotification(ctx)
		cancel()
		if err == nil || pgconn.Timeout(err) {
			ctx, cancel := context.WithTimeout(held, pingLimit)
			err = c.Ping(ctx)
			cancel()
		}
		if err != nil && held.Err() == nil {
			end(errLost)
		}
	}
}
