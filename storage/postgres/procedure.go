package postgres

import (
	"context"
	"encoding/json"

	"github.com/jackc/pgx/v5"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/storage/internal/sqlkit"
)

const (
	// lockProcedures lets one at a time change the catalogue: the order of the numbers is
	// that of the commits.
	lockProcedures        = "SELECT pg_advisory_xact_lock(hashtextextended('lienthong procedures', 0))"
	lastProcedureChange   = "SELECT coalesce(max(seq), 0) FROM procedure_changes"
	insertProcedureChange = "INSERT INTO procedure_changes (seq, code, number, body) SELECT * FROM unnest($1::bigint[], $2::text[], $3::bigint[], $4::text[])"
	putProcedureVersion   = `INSERT INTO procedure_versions (code, number, valid_from, valid_to, agency, search, body)
		SELECT * FROM unnest($1::text[], $2::bigint[], $3::bigint[], $4::bigint[], $5::text[], $6::text[], $7::text[])
		ON CONFLICT (code, number) DO UPDATE SET valid_to = excluded.valid_to, body = excluded.body`
)

// SaveProcedures adds changes; see the contract in hub/procedures.
func (s *Store) SaveProcedures(ctx context.Context, last int64, changes []hub.ProcedureChange, versions []hub.ProcedureVersion, note hub.LogNote) error {
	if err := sqlkit.CheckProcedureChanges(last, changes); err != nil {
		return err
	}
	var made, acts columns
	for i := range versions {
		v := &versions[i]
		body, err := sqlkit.StoredVersion(v)
		if err != nil {
			return err
		}
		made.add(procedureColumns(v, body)...)
	}
	for i := range changes {
		c := &changes[i]
		body, err := sqlkit.StoredChange(c)
		if err != nil {
			return err
		}
		acts.add(c.Seq, c.Code, c.Number, body)
	}
	noted, err := sqlkit.Encode(note)
	if err != nil {
		return err
	}
	return s.act(ctx, "save procedures", func(ctx context.Context, c *pgx.Conn) error {
		return pgx.BeginFunc(ctx, c, func(tx pgx.Tx) error {
			if _, err := tx.Exec(ctx, lockProcedures); err != nil {
				return err
			}
			var now int64
			if err := tx.QueryRow(ctx, lastProcedureChange).Scan(&now); err != nil {
				return err
			}
			if now != last {
				return sqlkit.ProceduresMoved()
			}
			if _, err := tx.Exec(ctx, putProcedureVersion, made.args...); err != nil {
				return err
			}
			if _, err := tx.Exec(ctx, insertProcedureChange, acts.args...); err != nil {
				return err
			}
			_, err := tx.Exec(ctx, "INSERT INTO log_notes (id, kind, body, pending) VALUES ($1, $2, $3, true)", note.ID, string(note.Kind), noted)
			return err
		})
	})
}

func procedureColumns(v *hub.ProcedureVersion, body string) []any {
	return []any{v.Code, v.Version, sqlkit.Micros(v.Valid.From), sqlkit.ProcedureEnd(v), string(v.Agency), v.SearchText(), body}
}

// LastProcedureChange is the number of the last change; 0 for none.
func (s *Store) LastProcedureChange(ctx context.Context) (int64, error) {
	found, err := collect(ctx, s, pgx.RowTo[int64], lastProcedureChange)
	return first(found, "change", err)
}

// ProcedureVersions are all versions of these procedures, by code and number.
func (s *Store) ProcedureVersions(ctx context.Context, codes []string) ([]hub.ProcedureVersion, error) {
	return collect(ctx, s, scanBody[hub.ProcedureVersion], "SELECT body FROM procedure_versions WHERE code = ANY($1) ORDER BY code, number", codes)
}

// Procedures lists the versions that are in force at an instant, by code.
func (s *Store) Procedures(ctx context.Context, query hub.ProcedureQuery) (hub.List[hub.ProcedureVersion], error) {
	var l hub.List[hub.ProcedureVersion]
	after, err := sqlkit.ParseProcedureCursor(query.Page)
	if err != nil {
		return l, err
	}
	var c condition
	c.add("valid_from <= %s AND valid_to > %s AND valid_from < valid_to", sqlkit.Micros(query.At), sqlkit.Micros(query.At))
	if after != "" {
		c.add("code > %s", after)
	}
	if query.Agency != "" {
		c.add("agency = %s", string(query.Agency))
	}
	for _, word := range sqlkit.ProcedureWords(query.Text) {
		c.add(`search LIKE %s ESCAPE '\'`, word)
	}
	limit := c.arg(query.Page.Limit + 1)
	found, err := collect(ctx, s, scanBody[hub.ProcedureVersion], "SELECT body FROM procedure_versions"+c.where()+" ORDER BY code LIMIT "+limit, c.args...)
	l.Items, l.Next = sqlkit.Cut(found, query.Page.Limit, sqlkit.ProcedureCursor)
	return l, err
}

// ProcedureChanges are the changes behind a number, each with its version as it is now.
func (s *Store) ProcedureChanges(ctx context.Context, after int64, limit int) ([]hub.ProcedureChange, error) {
	return collect(ctx, s, scanProcedureChange, `SELECT c.body, v.body FROM procedure_changes c
		JOIN procedure_versions v ON v.code = c.code AND v.number = c.number WHERE c.seq > $1 ORDER BY c.seq LIMIT $2`, after, limit)
}

func scanProcedureChange(row pgx.CollectableRow) (c hub.ProcedureChange, err error) {
	var change, version []byte
	if err = row.Scan(&change, &version); err != nil {
		return c, err
	}
	if err = json.Unmarshal(change, &c); err == nil {
		err = json.Unmarshal(version, &c.Version)
	}
	return c, err
}
