package postgres

import (
	"context"
	"strconv"

	"github.com/jackc/pgx/v5"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/storage/internal/sqlkit"
)

// LogRows hands out the log of one instant: every entry in its order, with the evidence
// or note that the database holds for it; then every evidence and note without an entry.
// An error of emit ends it and is in the tree of its error.
func (s *Store) LogRows(ctx context.Context, emit func(hub.LogRow) error) error {
	return handOut(ctx, s, "log_rows", sqlkit.ScanLogRow, emit, sqlkit.LogRowTexts(sqlkit.PostgresJWS, "e.era, e.xid, e.position")...)
}

// LogRows is Store.LogRows of an archive.
func (a *Archive) LogRows(ctx context.Context, emit func(hub.LogRow) error) error {
	return a.s.LogRows(ctx, emit)
}

// LogTokenRows hands out each time-stamp of the log with its renewals, of one instant. An
// error of emit ends it and is in the tree of its error.
func (s *Store) LogTokenRows(ctx context.Context, emit func(hub.LogTokenRow) error) error {
	return handOut(ctx, s, "log_tokens", sqlkit.ScanLogToken, emit, sqlkit.LogTokenText)
}

// LogTokenRows is Store.LogTokenRows of an archive.
func (a *Archive) LogTokenRows(ctx context.Context, emit func(hub.LogTokenRow) error) error {
	return a.s.LogTokenRows(ctx, emit)
}

// LogRehashRows hands out each shard that was hashed anew, then the tiles of all, of one
// instant. An error of emit ends it and is in the tree of its error.
func (s *Store) LogRehashRows(ctx context.Context, emit func(hub.LogRehashRow) error) error {
	return handOut(ctx, s, "log_rehashes", sqlkit.ScanLogRehash, emit, sqlkit.LogRehashTexts()...)
}

// LogRehashRows is Store.LogRehashRows of an archive.
func (a *Archive) LogRehashRows(ctx context.Context, emit func(hub.LogRehashRow) error) error {
	return a.s.LogRehashRows(ctx, emit)
}

// CatalogueRows hands out each change of the catalogue of procedures by its number, then
// each version by code and number, of one instant. An error of emit ends it and is in the
// tree of its error.
func (s *Store) CatalogueRows(ctx context.Context, emit func(hub.CatalogueRow) error) error {
	return handOut(ctx, s, "catalogue", sqlkit.ScanCatalogue, emit, sqlkit.CatalogueTexts()...)
}

// CatalogueRows is Store.CatalogueRows of an archive.
func (a *Archive) CatalogueRows(ctx context.Context, emit func(hub.CatalogueRow) error) error {
	return a.s.CatalogueRows(ctx, emit)
}

// DossierRows hands out each event of a dossier by that and its number, then each dossier,
// then their agencies, of one instant. An error of emit ends it and is in the tree of its
// error.
func (s *Store) DossierRows(ctx context.Context, emit func(hub.DossierRow) error) error {
	return handOut(ctx, s, "dossiers", sqlkit.ScanDossierRow, emit, sqlkit.DossierRowTexts()...)
}

// DossierRows is Store.DossierRows of an archive.
func (a *Archive) DossierRows(ctx context.Context, emit func(hub.DossierRow) error) error {
	return a.s.DossierRows(ctx, emit)
}

// handOut hands out what some queries read, one behind the other, of one instant. Each has
// a cursor of that name and its place.
func handOut[T any](ctx context.Context, s *Store, cursor string, scan pgx.RowToFunc[T], emit func(T) error, texts ...string) error {
	return s.snapshot(ctx, func(tx pgx.Tx) error {
		for i, text := range texts {
			for row, err := range each(ctx, tx, cursor+"_"+strconv.Itoa(i), scan, text) {
				if err != nil {
					return err
				}
				if err := emit(row); err != nil {
					return err
				}
			}
		}
		return nil
	})
}
