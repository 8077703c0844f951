package floor

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
)

// The least that rows must hold: what was accepted, once; what is open, by
// recipient; what was proved, by dispatch.
const schema = `
CREATE TABLE IF NOT EXISTS floor_dispatches (
	id TEXT PRIMARY KEY, sender TEXT NOT NULL, external_id TEXT NOT NULL, body TEXT NOT NULL);
CREATE UNIQUE INDEX IF NOT EXISTS floor_dispatches_once ON floor_dispatches (sender, external_id);
CREATE TABLE IF NOT EXISTS floor_deliveries (
	id TEXT PRIMARY KEY, dispatch TEXT NOT NULL, recipient TEXT NOT NULL, open INTEGER NOT NULL);
CREATE INDEX IF NOT EXISTS floor_deliveries_open ON floor_deliveries (recipient, id) WHERE open = 1;
CREATE TABLE IF NOT EXISTS floor_evidences (
	id TEXT PRIMARY KEY, dispatch TEXT NOT NULL, body TEXT NOT NULL, signature BLOB NOT NULL);
CREATE INDEX IF NOT EXISTS floor_evidences_of ON floor_evidences (dispatch);`

// sqlite has one connection and one writer, which lets many acts share a commit.
type sqlite struct {
	db    *sql.DB
	conn  *sql.Conn
	group *group[func() error]

	insertDispatch, insertDelivery, insertEvidence, closeDelivery *sql.Stmt
}

// openSQLite opens the database with the durability of the hub's. Package engine
// brings the driver.
func openSQLite(ctx context.Context, path string) (*sqlite, error) {
	db, err := sql.Open("sqlite", "file:"+path+"?_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)&_pragma=wal_autocheckpoint(4000)&_pragma=cache_size(-8000)")
	if err != nil {
		return nil, err
	}
	s := &sqlite{db: db}
	if s.conn, err = db.Conn(ctx); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	if _, err = s.conn.ExecContext(ctx, schema); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	for text, statement := range map[string]**sql.Stmt{
		"INSERT INTO floor_dispatches (id, sender, external_id, body) VALUES (?, ?, ?, ?)": &s.insertDispatch,
		"INSERT INTO floor_deliveries (id, dispatch, recipient, open) VALUES (?, ?, ?, 1)": &s.insertDelivery,
		"INSERT INTO floor_evidences (id, dispatch, body, signature) VALUES (?, ?, ?, ?)":  &s.insertEvidence,
		"UPDATE floor_deliveries SET open = 0 WHERE id = ? AND open = 1":                   &s.closeDelivery,
	} {
		if *statement, err = s.conn.PrepareContext(ctx, text); err != nil { //nolint:sqlclosecheck // closed with the connection
			return nil, errors.Join(err, db.Close())
		}
	}
	s.group = newGroup(1, s.commit)
	return s, nil
}

func (s *sqlite) accept(_ context.Context, d *dispatch) error {
	body, err := json.Marshal(d)
	if err != nil {
		return err
	}
	return s.group.do(func() error {
		if _, err := s.insertDispatch.ExecContext(context.Background(), d.ID, d.Sender, d.ExternalID, string(body)); err != nil {
			return err
		}
		for _, v := range d.deliveries {
			if _, err := s.insertDelivery.ExecContext(context.Background(), v.id, d.ID, v.recipient); err != nil {
				return err
			}
		}
		return s.prove(d.ID, d.proof)
	})
}

func (s *sqlite) handOver(_ context.Context, v *delivery, p proof) error {
	return s.group.do(func() error {
		if _, err := s.closeDelivery.ExecContext(context.Background(), v.id); err != nil {
			return err
		}
		return s.prove(v.dispatch.ID, p)
	})
}

func (s *sqlite) prove(dispatch string, p proof) error {
	_, err := s.insertEvidence.ExecContext(context.Background(), newID(), dispatch, string(p.Evidence), p.Signature)
	return err
}

// commit runs the acts of a group in one transaction.
func (s *sqlite) commit(acts []func() error) error {
	ctx := context.Background()
	if _, err := s.conn.ExecContext(ctx, "BEGIN IMMEDIATE"); err != nil {
		return err
	}
	for _, run := range acts {
		if err := run(); err != nil {
			_, undone := s.conn.ExecContext(ctx, "ROLLBACK")
			return errors.Join(err, undone)
		}
	}
	_, err := s.conn.ExecContext(ctx, "COMMIT")
	return err
}

// Close lets the writer finish.
func (s *sqlite) Close() error {
	s.group.close()
	return errors.Join(s.conn.Close(), s.db.Close())
}
