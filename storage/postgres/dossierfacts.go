package postgres

import (
	"context"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/storage/internal/sqlkit"
)

const insertDossierFacts = "INSERT INTO dossier_facts (" + sqlkit.DossierFactColumns + `) SELECT * FROM unnest($1::text[], $2::bigint[], $3::bigint[], $4::text[], $5::text[], $6::text[], $7::bigint[],
	$8::bigint[], $9::bigint[], $10::bigint[], $11::bigint[], $12::bigint[], $13::bigint[], $14::bigint[])`

// factsOf inserts what is kept of dossiers.
func factsOf(files ...*hub.DossierFile) statement {
	var facts columns
	for _, f := range files {
		for _, row := range sqlkit.DossierFactValues(f) {
			facts.add(row...)
		}
	}
	return statement{insertDossierFacts, facts.args}
}

func forgetFacts(dossiers ...string) statement {
	return statement{"DELETE FROM dossier_facts WHERE dossier = ANY($1)", []any{dossiers}}
}

func place(n int) string { return fmt.Sprint("$", n) }

// DossierSums counts the dossiers of a look, by procedure and channel.
func (s *Store) DossierSums(ctx context.Context, look hub.DossierLook) ([]hub.DossierSum, error) {
	return collect(ctx, s, sqlkit.ScanDossierSum[pgx.CollectableRow], sqlkit.DossierSumText(place(1), place(2), place(3), place(4), place(5)), sqlkit.DossierLookValues(&look)...)
}

// DossierCount counts the dossiers of a look, all together.
func (s *Store) DossierCount(ctx context.Context, look hub.DossierLook) (hub.DossierCount, error) {
	counts, err := collect(ctx, s, scanDossierCount, sqlkit.DossierCountText(place(1), place(2), place(3), place(4), place(5)), sqlkit.DossierLookValues(&look)...)
	return first(counts, "count of dossiers", err)
}

func scanDossierCount(row pgx.CollectableRow) (hub.DossierCount, error) {
	return sqlkit.ScanDossierCount(row)
}

// DossierUnits lists the units that dossiers were counted of, by id.
func (s *Store) DossierUnits(ctx context.Context) ([]hub.AgencyID, error) {
	return collect(ctx, s, pgx.RowTo[hub.AgencyID], sqlkit.DossierUnitsText)
}

// CountedDossiers lists the dossiers of a look that count for a measure, by their end.
func (s *Store) CountedDossiers(ctx context.Context, look hub.DossierLook, m hub.DossierMeasure, page hub.Page) (hub.List[hub.DossierFile], error) {
	var l hub.List[hub.DossierFile]
	places, next, err := sqlkit.CountedPlaces(page, func(behind sqlkit.DossierPlace, limit int) ([]sqlkit.DossierPlace, error) {
		args := append(sqlkit.DossierLookValues(&look), behind.Ended, behind.Until, behind.Dossier, limit)
		return collect(ctx, s, sqlkit.ScanDossierPlace[pgx.CollectableRow], sqlkit.CountedText(m, behind.Open(), place), args...)
	})
	if err != nil {
		return l, err
	}
	l.Next = next
	found, err := collect(ctx, s, scanBody[hub.Dossier], "SELECT body FROM dossiers WHERE id = ANY($1)", sqlkit.PlacedDossiers(places))
	if err != nil {
		return l, err
	}
	l.Items, err = s.dossierFiles(ctx, sqlkit.ByPlace(found, places))
	return l, err
}

// UncountedDossiers returns dossiers of which nothing is kept, or what is outdated.
func (s *Store) UncountedDossiers(ctx context.Context, basis string, limit int) ([]hub.DossierFile, error) {
	for _, text := range []string{
		"SELECT body FROM dossiers WHERE counted < $1 ORDER BY counted, id LIMIT $2",
		"SELECT body FROM dossiers WHERE counted > $1 ORDER BY counted, id LIMIT $2",
		"SELECT body FROM dossiers WHERE counted_version <> (body::jsonb ->> 'version')::bigint AND $1::text <> '' LIMIT $2",
	} {
		found, err := collect(ctx, s, scanBody[hub.Dossier], text, basis, limit)
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
	var ids, bases []string
	var versions []int64
	for i := range files {
		basis, _ := sqlkit.DossierBasis(&files[i])
		ids, bases, versions = append(ids, string(files[i].ID)), append(bases, basis), append(versions, files[i].Version)
	}
	return s.actOnDossier(ctx, func(ctx context.Context, tx pgx.Tx) error {
		rows, err := tx.Query(ctx, `WITH held AS (SELECT d.id, f.basis, f.version FROM unnest($1::text[], $2::text[], $3::bigint[]) AS f (id, basis, version) JOIN dossiers d ON d.id = f.id
			WHERE (d.body::jsonb ->> 'version')::bigint = f.version ORDER BY d.id FOR UPDATE OF d)
			UPDATE dossiers d SET counted = held.basis, counted_version = held.version FROM held WHERE d.id = held.id RETURNING d.id`, ids, bases, versions)
		if err != nil {
			return err
		}
		held, err := pgx.CollectRows(rows, pgx.RowTo[string])
		if err != nil {
			return err
		}
		var parties columns
		var kept []*hub.DossierFile
		for i := range files {
			if slices.Contains(held, string(files[i].ID)) {
				addDossierParties(&parties, &files[i])
				kept = append(kept, &files[i])
			}
		}
		return runAll(ctx, tx, statement{putDossierParties, parties.args}, forgetFacts(held...), factsOf(kept...))
	})
}
