package sqlite

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/storage/internal/sqlkit"
)

func place(n int) string { return fmt.Sprint("?", n) }

// DossierSums counts the dossiers of a look, by procedure and channel.
func (s *Store) DossierSums(ctx context.Context, look hub.DossierLook) ([]hub.DossierSum, error) {
	return collect(ctx, s.reader, sqlkit.ScanDossierSum[*sql.Rows], dossierSums(), sqlkit.DossierLookValues(&look)...)
}

func dossierSums() string {
	return sqlkit.DossierSumText(place(1), place(2), place(3), place(4), place(5))
}

// DossierCount counts the dossiers of a look, all together.
func (s *Store) DossierCount(ctx context.Context, look hub.DossierLook) (hub.DossierCount, error) {
	return one(ctx, s.reader, "count of dossiers", sqlkit.ScanDossierCount[*sql.Rows], dossierCount(), sqlkit.DossierLookValues(&look)...)
}

func dossierCount() string {
	return sqlkit.DossierCountText(place(1), place(2), place(3), place(4), place(5))
}

// DossierUnits lists the units that dossiers were counted of, by id.
func (s *Store) DossierUnits(ctx context.Context) ([]hub.AgencyID, error) {
	return collect(ctx, s.reader, func(rows *sql.Rows) (id hub.AgencyID, err error) {
		err = rows.Scan((*string)(&id))
		return id, err
	}, sqlkit.DossierUnitsText)
}

// CountedDossiers lists the dossiers of a look that count for a measure, by their end.
func (s *Store) CountedDossiers(ctx context.Context, look hub.DossierLook, m hub.DossierMeasure, page hub.Page) (hub.List[hub.DossierFile], error) {
	var l hub.List[hub.DossierFile]
	places, next, err := sqlkit.CountedPlaces(page, func(behind sqlkit.DossierPlace, limit int) ([]sqlkit.DossierPlace, error) {
		args := append(sqlkit.DossierLookValues(&look), behind.Ended, behind.Until, behind.Dossier, limit)
		return collect(ctx, s.reader, sqlkit.ScanDossierPlace[*sql.Rows], sqlkit.CountedText(m, behind.Open(), place), args...)
	})
	if err != nil {
		return l, err
	}
	l.Next = next
	found, err := collect(ctx, s.reader, scanBody[hub.Dossier], "SELECT body FROM dossiers WHERE id IN (SELECT value FROM json_each(?))", list(sqlkit.PlacedDossiers(places)))
	if err != nil {
		return l, err
	}
	l.Items, err = s.dossierFiles(ctx, sqlkit.ByPlace(found, places))
	return l, err
}

// uncountedDossiers are the ways in which what is kept of a dossier may be none or outdated.
func uncountedDossiers() []string {
	return []string{
		"SELECT body FROM dossiers WHERE counted < ?1 ORDER BY counted, id LIMIT ?2",
		"SELECT body FROM dossiers WHERE counted > ?1 ORDER BY counted, id LIMIT ?2",
		"SELECT body FROM dossiers WHERE counted_version <> body ->> '$.version' AND id > '' AND ?1 <> '' LIMIT ?2",
	}
}

// UncountedDossiers returns dossiers of which nothing is kept, or what is outdated.
func (s *Store) UncountedDossiers(ctx context.Context, basis string, limit int) ([]hub.DossierFile, error) {
	for _, text := range uncountedDossiers() {
		found, err := collect(ctx, s.reader, scanBody[hub.Dossier], text, basis, limit)
		if err != nil {
			return nil, err
		}
		if len(found) > 0 {
			return s.dossierFiles(ctx, found)
		}
	}
	return nil, nil
}

// CountDossiers records what is kept of dossiers, but of those that have changed since.
func (s *Store) CountDossiers(ctx context.Context, files []hub.DossierFile) error {
	rows := 0
	for i := range files {
		rows += 5 + len(files[i].Parties)
	}
	return s.do(ctx, rows, func(t *tx) error {
		for i := range files {
			f := &files[i]
			basis, version := sqlkit.DossierBasis(f)
			n, err := t.change("UPDATE dossiers SET counted = ?, counted_version = ? WHERE id = ? AND body ->> '$.version' = ?", basis, version, string(f.ID), f.Version)
			if err == nil && n > 0 {
				err = t.keepDossier(f)
			}
			if err != nil {
				return failed("count dossiers", err)
			}
		}
		return nil
	})
}
