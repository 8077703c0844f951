// Package schema brings databases forward by files of SQL.
package schema

import (
	"context"
	"database/sql"
	"fmt"
	"io/fs"
	"strings"

	"github.com/pressly/goose/v3"
)

// Provider returns what brings a database forward by the files of a folder, whose names
// begin with their version (00001_start.sql). Each file goes to the driver as a whole and in
// a transaction of its own: goose takes files apart line by line with a buffer of 4 MB for
// each of them, which was most of what the start of a new hub took, and a database on
// another machine answers once for a file instead of once for a statement.
func Provider(dialect goose.Dialect, db *sql.DB, files fs.FS) (*goose.Provider, error) {
	names, err := fs.Glob(files, "*.sql")
	if err != nil {
		return nil, err
	}
	migrations := make([]*goose.Migration, 0, len(names))
	for _, name := range names {
		version, err := goose.NumericComponent(name)
		if err != nil {
			return nil, err
		}
		text, err := fs.ReadFile(files, name)
		if err != nil {
			return nil, err
		}
		if err := check(name, string(text)); err != nil {
			return nil, err
		}
		migrations = append(migrations, goose.NewGoMigration(version, &goose.GoFunc{RunTx: func(ctx context.Context, tx *sql.Tx) error {
			if _, err := tx.ExecContext(ctx, string(text)); err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
			return nil
		}}, nil))
	}
	return goose.NewProvider(dialect, db, nil, goose.WithGoMigrations(migrations...), goose.WithDisableGlobalRegistry(true))
}

// check refuses marks of goose that ask for more than to run the whole file in a
// transaction: a way back, or no transaction.
func check(name, text string) error {
	first := true
	for line := range strings.Lines(text) {
		mark, marked := strings.CutPrefix(strings.TrimSpace(line), "-- +goose ")
		switch {
		case first && (!marked || mark != "Up"):
			return fmt.Errorf("%s does not begin with -- +goose Up", name)
		case marked && !first && mark != "StatementBegin" && mark != "StatementEnd":
			return fmt.Errorf("%s: what %q asks for is not done here", name, strings.TrimSpace(line))
		}
		first = false
	}
	return nil
}
