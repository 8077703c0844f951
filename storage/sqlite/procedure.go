package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/storage/internal/sqlkit"
)

const (
	lastProcedureChange   = "SELECT coalesce(max(seq), 0) FROM procedure_changes"
	insertProcedureChange = "INSERT INTO procedure_changes (seq, code, number, body) VALUES (?, ?, ?, ?)"
	putProcedureVersion   = `INSERT INTO procedure_versions (code, number, valid_from, valid_to, agency, search, body) VALUES (?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (code, number) DO UPDATE SET valid_to = excluded.valid_to, body = excluded.body`
)

// SaveProcedures adds changes; see the contract in hub/procedures.
func (s *Store) SaveProcedures(ctx context.Context, last int64, changes []hub.ProcedureChange, versions []hub.ProcedureVersion, note hub.LogNote) error {
	if err := sqlkit.CheckProcedureChanges(last, changes); err != nil {
		return err
	}
	noted, err := sqlkit.Encode(note)
	if err != nil {
		return err
	}
	return s.do(ctx, len(changes)+len(versions)+1, func(t *tx) error {
		now, err := one(ctx, t, "change", scanInt, lastProcedureChange)
		if err == nil && now != last {
			err = sqlkit.ProceduresMoved()
		}
		for i := 0; err == nil && i < len(versions); i++ {
			err = t.putProcedure(&versions[i])
		}
		for i := 0; err == nil && i < len(changes); i++ {
			err = t.putProcedureChange(&changes[i])
		}
		if err == nil {
			err = failed("record a note", t.exec("INSERT INTO log_notes (id, kind, body, pending) VALUES (?, ?, ?, 1)", note.ID, string(note.Kind), noted))
		}
		return err
	})
}

func (t *tx) putProcedure(v *hub.ProcedureVersion) error {
	body, err := sqlkit.StoredVersion(v)
	if err != nil {
		return err
	}
	return failed("save a procedure", t.exec(putProcedureVersion, v.Code, v.Version, sqlkit.Micros(v.Valid.From), sqlkit.ProcedureEnd(v), string(v.Agency), v.SearchText(), body))
}

func (t *tx) putProcedureChange(c *hub.ProcedureChange) error {
	body, err := sqlkit.StoredChange(c)
	if err != nil {
		return err
	}
	return failed("save a change of a procedure", t.exec(insertProcedureChange, c.Seq, c.Code, c.Number, body))
}

// LastProcedureChange is the number of the last change; 0 for none.
func (s *Store) LastProcedureChange(ctx context.Context) (int64, error) {
	return one(ctx, s.reader, "change", scanInt, lastProcedureChange)
}

// ProcedureVersions are all versions of these procedures, by code and number.
func (s *Store) ProcedureVersions(ctx context.Context, codes []string) ([]hub.ProcedureVersion, error) {
	return collect(ctx, s.reader, scanBody[hub.ProcedureVersion],
		"SELECT body FROM procedure_versions WHERE code IN (SELECT value FROM json_each(?)) ORDER BY code, number", list(codes))
}

// Procedures lists the versions that are in force at an instant, by code.
func (s *Store) Procedures(ctx context.Context, query hub.ProcedureQuery) (hub.List[hub.ProcedureVersion], error) {
	var l hub.List[hub.ProcedureVersion]
	after, err := sqlkit.ParseProcedureCursor(query.Page)
	if err != nil {
		return l, err
	}
	at := sqlkit.Micros(query.At)
	var c condition
	c.add("valid_from <= ? AND valid_to > ? AND valid_from < valid_to", at, at)
	if after != "" {
		c.add("code > ?", after)
	}
	if query.Agency != "" {
		c.add("agency = ?", string(query.Agency))
	}
	for _, word := range sqlkit.ProcedureWords(query.Text) {
		c.add(`search LIKE ? ESCAPE '\'`, word)
	}
	found, err := collect(ctx, s.reader, scanBody[hub.ProcedureVersion],
		"SELECT body FROM procedure_versions"+c.where()+" ORDER BY code LIMIT ?", append(c.args, query.Page.Limit+1)...)
	l.Items, l.Next = sqlkit.Cut(found, query.Page.Limit, sqlkit.ProcedureCursor)
	return l, err
}

// ProcedureChanges are the changes behind a number, each with its version as it is now.
func (s *Store) ProcedureChanges(ctx context.Context, after int64, limit int) ([]hub.ProcedureChange, error) {
	return collect(ctx, s.reader, scanProcedureChange, `SELECT c.body, v.body FROM procedure_changes c
		JOIN procedure_versions v ON v.code = c.code AND v.number = c.number WHERE c.seq > ? ORDER BY c.seq LIMIT ?`, after, limit)
}

func scanProcedureChange(rows *sql.Rows) (c hub.ProcedureChange, err error) {
	var change, version []byte
	if err = rows.Scan(&change, &version); err != nil {
		return c, err
	}
	if err = json.Unmarshal(change, &c); err == nil {
		err = json.Unmarshal(version, &c.Version)
	}
	return c, err
}
