package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/storage/internal/sqlkit"
)

// SaveAccount inserts an account of version 1 or replaces the one before it.
func (s *Store) SaveAccount(ctx context.Context, account hub.Account) error {
	body, err := sqlkit.EncodeAccount(&account)
	if err != nil {
		return err
	}
	statement := "INSERT INTO accounts (version, body, name) VALUES (?, ?, ?) ON CONFLICT (name) DO NOTHING RETURNING 1"
	args := []any{account.Version, body, account.Name}
	if account.Version > 1 {
		statement = "UPDATE accounts SET version = ?, body = ? WHERE name = ? AND version = ? RETURNING 1"
		args = append(args, account.Version-1)
	}
	return s.do(ctx, 1, func(t *tx) error {
		_, err := one(ctx, t, "account", scanInt, statement, args...)
		return sqlkit.OtherAccount(failed("save account", err))
	})
}

// Account returns an account; KindNotFound when there is none.
func (s *Store) Account(ctx context.Context, name string) (hub.Account, error) {
	return one(ctx, s.reader, "account", scanAccount, "SELECT body FROM accounts WHERE name = ?", name)
}

// Accounts lists all accounts by name.
func (s *Store) Accounts(ctx context.Context) ([]hub.Account, error) {
	return collect(ctx, s.reader, scanAccount, "SELECT body FROM accounts ORDER BY name")
}

func scanAccount(rows *sql.Rows) (hub.Account, error) {
	var body sql.RawBytes
	if err := rows.Scan(&body); err != nil {
		return hub.Account{}, err
	}
	return sqlkit.DecodeAccount(body)
}

// BeginSession inserts a session and removes those that are over.
func (s *Store) BeginSession(ctx context.Context, session hub.Session) error {
	body, err := sqlkit.Encode(&session)
	if err != nil {
		return err
	}
	return s.do(ctx, 2, func(t *tx) error {
		if err := t.exec("DELETE FROM sessions WHERE expires < ?", sqlkit.Micros(session.Begun)); err != nil {
			return failed("remove old sessions", err)
		}
		return failed("begin a session", t.exec("INSERT INTO sessions (hash, account, expires, body) VALUES (?, ?, ?, ?)",
			session.Hash[:], session.Account, sqlkit.Micros(session.Expires), body))
	})
}

// ChangeSession replaces a session that is there.
func (s *Store) ChangeSession(ctx context.Context, session hub.Session) error {
	body, err := sqlkit.Encode(&session)
	if err != nil {
		return err
	}
	return s.do(ctx, 1, func(t *tx) error {
		_, err := one(ctx, t, "session", scanInt, "UPDATE sessions SET body = ? WHERE hash = ? RETURNING 1", body, session.Hash[:])
		return failed("change a session", err)
	})
}

// Session returns a session; KindNotFound when there is none.
func (s *Store) Session(ctx context.Context, hash hub.Digest) (hub.Session, error) {
	return one(ctx, s.reader, "session", scanBody[hub.Session], "SELECT body FROM sessions WHERE hash = ?", hash[:])
}

// EndSession removes a session.
func (s *Store) EndSession(ctx context.Context, hash hub.Digest) error {
	return s.do(ctx, 1, func(t *tx) error {
		return failed("end a session", t.exec("DELETE FROM sessions WHERE hash = ?", hash[:]))
	})
}

// EndSessions removes all sessions of an account.
func (s *Store) EndSessions(ctx context.Context, account string) error {
	return s.do(ctx, 1, func(t *tx) error {
		return failed("end sessions", t.exec("DELETE FROM sessions WHERE account = ?", account))
	})
}

// TakeNumber gives a number of a register to a delivery for good; KindConflict when
// another delivery has it.
func (s *Store) TakeNumber(ctx context.Context, n hub.RegisterNumber) error {
	return s.do(ctx, 1, func(t *tx) error {
		if err := insertNumber(t, &n); err != nil {
			return failed("take a number", err)
		}
		holder, err := one(ctx, t, "number", scanText, "SELECT delivery FROM register_numbers WHERE agency = ? AND year = ? AND number = ?",
			string(n.Agency), n.Year, n.Number)
		if err == nil && holder != string(n.Delivery) {
			err = sqlkit.NumberTaken(&n)
		}
		return failed("take a number", err)
	})
}

func insertNumber(t *tx, n *hub.RegisterNumber) error {
	return t.exec("INSERT INTO register_numbers (agency, year, number, position, delivery) VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
		string(n.Agency), n.Year, n.Number, n.Position(), string(n.Delivery))
}

// LastNumber is the highest number in the register of a year; 0 without one.
func (s *Store) LastNumber(ctx context.Context, agency hub.AgencyID, year int) (int64, error) {
	return one(ctx, s.reader, "number", scanInt, "SELECT coalesce(max(position), 0) FROM register_numbers WHERE agency = ? AND year = ?", string(agency), year)
}

func scanNumberRecord(rows *sql.Rows) (json.RawMessage, error) {
	var n hub.RegisterNumber
	if err := rows.Scan(&n.Agency, &n.Year, &n.Number, &n.Delivery); err != nil {
		return nil, err
	}
	return json.Marshal(n)
}
