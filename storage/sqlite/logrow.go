package sqlite

import (
	"context"
	"database/sql"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/storage/internal/sqlkit"
)

// LogRows hands out the log of one instant: every entry in its order, with the evidence
// or note that the database holds for it; then every evidence and note without an entry.
// An error of emit ends it and is returned as it is.
func (a *Archive) LogRows(ctx context.Context, emit func(hub.LogRow) error) error {
	return handOut(ctx, a, sqlkit.ScanLogRow[*sql.Rows], emit, sqlkit.LogRowTexts(sqlkit.SQLiteJWS, "e.position")...)
}

// LogRows is Archive.LogRows of an open store.
func (s *Store) LogRows(ctx context.Context, emit func(hub.LogRow) error) error {
	return (&Archive{s.reader.db}).LogRows(ctx, emit)
}

// LogTokenRows hands out each time-stamp of the log with its renewals, of one instant. An
// error of emit ends it and is returned as it is.
func (a *Archive) LogTokenRows(ctx context.Context, emit func(hub.LogTokenRow) error) error {
	return handOut(ctx, a, sqlkit.ScanLogToken[*sql.Rows], emit, sqlkit.LogTokenText)
}

// LogTokenRows is Archive.LogTokenRows of an open store.
func (s *Store) LogTokenRows(ctx context.Context, emit func(hub.LogTokenRow) error) error {
	return (&Archive{s.reader.db}).LogTokenRows(ctx, emit)
}

// LogRehashRows hands out each shard that was hashed anew, then the tiles of all, of one
// instant. An error of emit ends it and is returned as it is.
func (a *Archive) LogRehashRows(ctx context.Context, emit func(hub.LogRehashRow) error) error {
	return handOut(ctx, a, sqlkit.ScanLogRehash[*sql.Rows], emit, sqlkit.LogRehashTexts()...)
}

// LogRehashRows is Archive.LogRehashRows of an open store.
func (s *Store) LogRehashRows(ctx context.Context, emit func(hub.LogRehashRow) error) error {
	return (&Archive{s.reader.db}).LogRehashRows(ctx, emit)
}

// CatalogueRows hands out each change of the catalogue of procedures by its number, then
// each version by code and number, of one instant. An error of emit ends it and is returned
// as it is.
func (a *Archive) CatalogueRows(ctx context.Context, emit func(hub.CatalogueRow) error) error {
	return handOut(ctx, a, sqlkit.ScanCatalogue[*sql.Rows], emit, sqlkit.CatalogueTexts()...)
}

// CatalogueRows is Archive.CatalogueRows of an open store.
func (s *Store) CatalogueRows(ctx context.Context, emit func(hub.CatalogueRow) error) error {
	return (&Archive{s.reader.db}).CatalogueRows(ctx, emit)
}

// DossierRows hands out each event of a dossier by that and its number, then each dossier,
// then their agencies, of one instant. An error of emit ends it and is returned as it is.
func (a *Archive) DossierRows(ctx context.Context, emit func(hub.DossierRow) error) error {
	return handOut(ctx, a, sqlkit.ScanDossierRow[*sql.Rows], emit, sqlkit.DossierRowTexts()...)
}

// DossierRows is Archive.DossierRows of an open store.
func (s *Store) DossierRows(ctx context.Context, emit func(hub.DossierRow) error) error {
	return (&Archive{s.reader.db}).DossierRows(ctx, emit)
}

// handOut hands out what some queries read, one behind the other, of one instant.
func handOut[T any](ctx context.Context, a *Archive, scan func(*sql.Rows) (T, error), emit func(T) error, texts ...string) error {
	return a.snapshot(ctx, func(c *sql.Conn) error {
		for _, text := range texts {
			for row, err := range each(ctx, c, scan, text) {
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
