package engine

import (
	"context"
	"path/filepath"
	"time"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/storage/postgres"
	"github.com/lienthong/lienthong/storage/sqlite"
)

// OpenState opens the store of state and brings its schema to the newest version.
func OpenState(ctx context.Context, o Options) (State, error) {
	if o.Database != "" {
		s, err := postgres.Open(ctx, postgres.Options{
			URL: o.Database, Password: o.databasePassword(), MaxConns: o.DatabaseConnections,
			Log: o.Log, ApplicationName: "lienthong " + o.Name,
		})
		if err != nil {
			return nil, err
		}
		return shared{s}, nil
	}
	s, err := sqlite.Open(ctx, sqlite.Options{Path: filepath.Join(o.DataDir, "hub.db"), Log: o.Log, Fatal: o.Fatal})
	if err != nil {
		return nil, err
	}
	return &alone{s}, nil
}

// databasePassword reads the password anew for every connection, so that it can be
// changed without a restart; nil when there is no file.
func (o *Options) databasePassword() func() (string, error) {
	if o.DatabasePasswordFile == "" {
		return nil
	}
	return func() (string, error) { return password(o.DatabasePasswordFile) }
}

// shared is a store that several nodes work on.
type shared struct{ *postgres.Store }

// monthsAhead are prepared, so that a schedule that stands still harms nobody for long.
const monthsAhead = 3

// Maintain implements Maintained: it prepares the partitions of the coming months.
func (s shared) Maintain(ctx context.Context, now time.Time) error {
	return s.EnsurePartitions(ctx, now, monthsAhead)
}

// alone is a store that one process has for itself: it holds every job.
type alone struct{ *sqlite.Store }

// Maintain implements Maintained: SQLite looks after itself.
func (*alone) Maintain(context.Context, time.Time) error { return nil }

// RingOthers implements Bells: there are no others.
func (*alone) RingOthers(context.Context, ...hub.AgencyID) error { return nil }

// Hear implements Bells: there is nobody to hear.
func (*alone) Hear(ctx context.Context, _ func(hub.AgencyID), _ func()) error {
	<-ctx.Done()
	return nil
}

// leadPause is the wait before a job that failed is begun again.
const leadPause = time.Second

// Lead implements Leader. The database file is locked by this process, so nobody
// else can hold the job.
func (*alone) Lead(ctx context.Context, _ string, run func(ctx context.Context, epoch int64) error) error {
	for {
		err := run(ctx, 1)
		if ctx.Err() != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(leadPause):
		}
	}
}
