// Package postgres keeps the state of a hub of one or several nodes in PostgreSQL 15
// or newer.
//
// A business act is one method and one transaction: all of it or nothing, and
// durable when the method returns. Nearly every act and every listing is one
// statement, so it costs one round trip however many recipients it has. The server
// shares synchronisations of the disk among the nodes' commits by itself. A server
// that does not synchronise its commits is refused.
//
// Nodes need not know one another. Steps are guarded by state and version, so a
// delivery that several nodes read as due moves once; leases pass over what another
// node is just leasing; Lead lets one node at a time hold a job.
//
// The large tables lie in partitions by month (see EnsurePartitions). Evidence can be
// added and never changed or deleted: triggers see to that, and where the
// application's role is not the owner it has not got the right either (see
// migrations/00001_start.sql). The listing of all evidences follows the order of
// transactions and ends before the first that may still come, so whoever pages
// through it misses none.
//
// Errors are *hub.Error. A server that is away, restarts, hands over to another, is
// full or has no connection left is KindUnavailable; what certainly did nothing is
// first tried again a few times. A commit whose answer got lost is KindUnavailable
// too, and its outcome is unknown: the caller repeats the act, which changes nothing
// if it had taken effect.
//
// Access is decided above: there are no policies of row-level security, because each
// would cost every act a second statement.
package postgres

import (
	"context"
	"log/slog"
	"runtime"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"golang.org/x/sync/semaphore"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/storage/internal/fault"
)

// Options configure a store.
type Options struct {
	// URL says where the database is (libpq's URL or keyword form). With several
	// hosts the one that takes writes is used.
	URL string
	// Password is asked at every connect, so that it can be changed without a
	// restart; nil leaves what the URL says.
	Password        func() (string, error)
	MaxConns        int          // of this node; default 4 per CPU, at least 8
	Log             *slog.Logger // default: none
	ApplicationName string       // shown by the server; default "lienthong"
}

// No call waits for ever: not for a connection, not for a lock, not for an answer.
const (
	connectLimit   = 5 * time.Second
	acquireLimit   = 10 * time.Second
	lockLimit      = 10 * time.Second
	statementLimit = 30 * time.Second
	// The server ends a statement first and says so; this is for a server or a
	// network that says nothing any more.
	callLimit = statementLimit + 5*time.Second
)

// Store is the state of one hub. It is safe for concurrent use by many nodes.
type Store struct {
	pool          *pgxpool.Pool
	config        *pgx.ConnConfig                              // for connections beside the pool
	beforeConnect func(context.Context, *pgx.ConnConfig) error // puts the password in; nil: none
	log           *slog.Logger
	era           int                 // of the cluster that the database lives in
	room          *semaphore.Weighted // for acceptances to many
	closed        atomic.Bool
}

// Open connects, brings the database to the newest schema (one node at a time) and
// prepares the partitions of this and the coming months. A database that a newer
// version of the hub has changed is refused, and a server that does not synchronise
// its commits.
func Open(ctx context.Context, o Options) (*Store, error) {
	return open(ctx, o, func(*pgxpool.Config) {})
}

func open(ctx context.Context, o Options, tune func(*pgxpool.Config)) (*Store, error) {
	config, err := o.poolConfig()
	if err != nil {
		return nil, err
	}
	tune(config)
	s := &Store{log: o.Log, config: config.ConnConfig.Copy(), beforeConnect: config.BeforeConnect, room: semaphore.NewWeighted(manyAtOnce)}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	if s.pool, err = pgxpool.NewWithConfig(context.WithoutCancel(ctx), config); err != nil {
		return nil, failed("open the database", err)
	}
	if err := s.prepare(ctx); err != nil {
		s.pool.Close()
		return nil, err
	}
	return s, nil
}

func (s *Store) prepare(ctx context.Context) error {
	if err := s.checkDurability(ctx); err != nil {
		return err
	}
	if err := s.migrate(ctx); err != nil {
		return err
	}
	return s.EnsurePartitions(ctx, time.Now(), preparedMonths)
}

func (o *Options) poolConfig() (*pgxpool.Config, error) {
	config, err := pgxpool.ParseConfig(o.URL)
	if err != nil {
		// The text of the cause may hold the URL and so a password.
		return nil, hub.Invalid("url", "format", "the address of the database cannot be read")
	}
	config.MaxConns = int32(max(8, 4*runtime.NumCPU()))
	if o.MaxConns > 0 {
		config.MaxConns = int32(o.MaxConns)
	}
	config.MaxConnLifetime, config.MaxConnLifetimeJitter = time.Hour, 10*time.Minute
	c := config.ConnConfig
	c.ConnectTimeout = connectLimit
	c.ValidateConnect = pgconn.ValidateConnectTargetSessionAttrsReadWrite
	for name, value := range o.settings() {
		c.RuntimeParams[name] = value
	}
	if o.Password != nil {
		config.BeforeConnect = func(_ context.Context, c *pgx.ConnConfig) error {
			password, err := o.Password()
			if err != nil {
				return &hub.Error{Kind: hub.KindUnavailable, Message: "the password of the database cannot be read", Err: err}
			}
			c.Password = password
			return nil
		}
	}
	return config, nil
}

// settings are those of every session.
func (o *Options) settings() map[string]string {
	name := o.ApplicationName
	if name == "" {
		name = "lienthong"
	}
	settings := map[string]string{
		"application_name":                    name,
		"timezone":                            "UTC",
		"statement_timeout":                   millis(statementLimit),
		"lock_timeout":                        millis(lockLimit),
		"idle_in_transaction_session_timeout": millis(callLimit),
		"default_transaction_isolation":       "read committed", // statements check again what they waited for
		// Plans do not depend on the values: without this every sixth call might plan
		// anew over all partitions.
		"plan_cache_mode": "force_generic_plan",
		// Compiling a plan costs more than any statement here takes.
		"jit": "off",
	}
	if fault.SyncNormal {
		settings["synchronous_commit"] = "off"
	}
	return settings
}

func millis(d time.Duration) string { return strconv.FormatInt(d.Milliseconds(), 10) }

// checkDurability refuses a server whose commits are not on disk when it answers.
func (s *Store) checkDurability(ctx context.Context) error {
	off, err := collect(ctx, s, pgx.RowTo[string], `SELECT name FROM pg_settings
		WHERE name IN ('fsync', 'synchronous_commit', 'full_page_writes') AND setting = 'off'`)
	if err != nil || len(off) == 0 || fault.SyncNormal {
		return err
	}
	return hub.Errorf(hub.KindUnsupported, "url", "durability", "the server runs with %s = off: what it commits can be lost", off[0])
}

// Close waits for the calls that run and closes all connections.
func (s *Store) Close() error {
	if !s.closed.Swap(true) {
		s.pool.Close()
	}
	return nil
}
