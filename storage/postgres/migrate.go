package postgres

import (
	"context"
	"embed"
	"io/fs"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/storage/internal/schema"
)

//go:embed migrations/*.sql
var migrations embed.FS

// migrate brings the schema forward while no other node does.
func (s *Store) migrate(ctx context.Context) error {
	nothing := func(context.Context, *pgx.Conn) error { return nil }
	return s.holding(ctx, "migrate", lockPoll/10, nothing, func(ctx context.Context) error {
		err := s.migrateAlone(ctx)
		if err == nil {
			s.era, err = s.currentEra(ctx)
		}
		return err
	})
}

func (s *Store) migrateAlone(ctx context.Context) error {
	config := s.config.Copy()
	config.RuntimeParams["statement_timeout"] = "0" // an index over years takes its time
	var options []stdlib.OptionOpenDB
	if s.beforeConnect != nil {
		options = append(options, stdlib.OptionBeforeConnect(s.beforeConnect))
	}
	db := stdlib.OpenDB(*config, options...)
	defer func() { _ = db.Close() }() // what was migrated is committed
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return hub.Internal("read the migrations", err)
	}
	provider, err := schema.Provider(goose.DialectPostgres, db, files)
	if err != nil {
		return hub.Internal("read the migrations", err)
	}
	current, target, err := provider.GetVersions(ctx)
	if err != nil {
		return failed("read the version of the schema", err)
	}
	if current > target {
		return hub.Errorf(hub.KindUnsupported, "", "schema",
			"the database has schema version %d, this program knows versions up to %d: use the newer program", current, target)
	}
	results, err := provider.Up(ctx)
	if err != nil {
		return failed("bring the database to the newest schema", err)
	}
	for _, r := range results {
		s.log.InfoContext(ctx, "database schema brought forward", "version", r.Source.Version, "took", r.Duration.Round(time.Millisecond))
	}
	return nil
}

// currentEra returns the number of the cluster's era, a new one when the database
// came from another cluster. Nodes MUST be stopped while a database moves.
func (s *Store) currentEra(ctx context.Context) (int, error) {
	eras, err := change(ctx, s, "read the era of the cluster", pgx.RowTo[int], `WITH
		here AS (SELECT system_identifier AS cluster FROM pg_control_system()),
		last AS (SELECT era, cluster FROM eras ORDER BY era DESC LIMIT 1),
		next AS (INSERT INTO eras (era, cluster)
			SELECT coalesce((SELECT era FROM last), 0) + 1, cluster FROM here
			WHERE NOT EXISTS (SELECT 1 FROM last WHERE last.cluster = here.cluster)
			RETURNING era)
		SELECT coalesce((SELECT era FROM next), (SELECT era FROM last))`)
	return first(eras, "era", err)
}
