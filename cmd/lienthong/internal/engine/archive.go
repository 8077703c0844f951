package engine

import (
	"context"
	"io"
	"path/filepath"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/storage/postgres"
	"github.com/lienthong/lienthong/storage/sqlite"
)

// Archive reads a store of state as a whole, of one instant.
type Archive interface {
	// Export hands out everything as records, in the order of hub.RecordKinds.
	Export(ctx context.Context, emit func(hub.Record) error) error
	// DispatchFiles hands out everything by dispatch.
	DispatchFiles(ctx context.Context, emit func(hub.DispatchFile) error) error
	LogArchive
	io.Closer
}

// LogArchive reads what a store keeps of the log; each call is of one instant.
type LogArchive interface {
	// LogRows hands out the log with what it is about, then what is not in it.
	LogRows(ctx context.Context, emit func(hub.LogRow) error) error
	// LogNumberRows hands out the numbers of agencies, by shard, agency and number.
	LogNumberRows(ctx context.Context, emit func(hub.LogNumberRecord) error) error
	// LogTokenRows hands out each time-stamp of the log with its renewals.
	LogTokenRows(ctx context.Context, emit func(hub.LogTokenRow) error) error
	// LogRehashRows hands out each shard that was hashed anew, then the tiles of all.
	LogRehashRows(ctx context.Context, emit func(hub.LogRehashRow) error) error
	DeskArchive
}

// DeskArchive reads what a store keeps of procedures and dossiers, of which the log has
// notes; each call is of one instant.
type DeskArchive interface {
	// CatalogueRows hands out each change of the catalogue of procedures, then each version.
	CatalogueRows(ctx context.Context, emit func(hub.CatalogueRow) error) error
	// DossierRows hands out each event of a dossier, then each dossier, then their agencies.
	DossierRows(ctx context.Context, emit func(hub.DossierRow) error) error
}

// Restorable is a store of state that an archive can be put into.
type Restorable interface {
	Archive
	// Import takes the records of an archive into an empty store, all or none.
	Import(ctx context.Context, next func() (hub.Record, error)) error
}

// OpenArchive opens the store of state of a stopped or a running hub for reading. It
// changes nothing: a schema that is not this program's is KindUnsupported.
func OpenArchive(ctx context.Context, o Options) (Archive, error) {
	if o.Database != "" {
		return postgres.OpenArchive(ctx, o.postgres())
	}
	return sqlite.OpenArchive(ctx, filepath.Join(o.DataDir, "hub.db"))
}

// OpenRestorable opens a store of state for a restore, creating what a hub would
// create. No hub may work on it.
func OpenRestorable(ctx context.Context, o Options) (Restorable, error) {
	if o.Database != "" {
		return postgres.Open(ctx, o.postgres())
	}
	return sqlite.Open(ctx, sqlite.Options{Path: filepath.Join(o.DataDir, "hub.db"), Log: o.Log, Fatal: o.Fatal})
}

func (o *Options) postgres() postgres.Options {
	return postgres.Options{
		URL: o.Database, Password: o.databasePassword(), MaxConns: o.DatabaseConnections,
		Log: o.Log, ApplicationName: "lienthong " + o.Name,
	}
}
