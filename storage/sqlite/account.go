package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"strings"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/storage/internal/sqlkit"
)

// SaveAccount inserts an account of version 1 or replaces the one before it.
func (s *Store) SaveAccount(ctx context.Context, account hub.Account) error {
	body, err := sqlkit.EncodeAccount(&account)
	if err != nil {
		return err
	}
	statement := "INSERT INTO accounts (version, body, login, name) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING RETURNING 1"
	args := []any{account.Version, body, sqlkit.LoginOf(&account), account.Name}
	if account.Version > 1 {
		statement = "UPDATE OR IGNORE accounts SET version = ?, body = ?, login = ? WHERE name = ? AND version = ? RETURNING 1"
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

// AccountByLogin returns the account of a login; KindNotFound when there is none.
func (s *Store) AccountByLogin(ctx context.Context, login hub.Login) (hub.Account, error) {
	return one(ctx, s.reader, "account", scanAccount, "SELECT body FROM accounts WHERE login = ?", login.Key())
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

// ChangeSession replaces a session that works in an office; KindConflict where it works
// elsewhere by now.
func (s *Store) ChangeSession(ctx context.Context, was hub.AgencyID, session hub.Session) error {
	body, err := sqlkit.Encode(&session)
	if err != nil {
		return err
	}
	return s.do(ctx, 1, func(t *tx) error {
		now, err := one(ctx, t, "session", scanBody[hub.Session], "SELECT body FROM sessions WHERE hash = ?", session.Hash[:])
		if err == nil && now.Office != was {
			err = sqlkit.OtherOffice()
		}
		if err != nil {
			return err
		}
		return failed("change a session", t.exec("UPDATE sessions SET body = ? WHERE hash = ?", body, session.Hash[:]))
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
		if err := yearOpen(ctx, t, n.Agency, n.Year); err != nil {
			return err
		}
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

// NextNumber is the number that a delivery has in the register of a year, else the one
// behind the highest.
func (s *Store) NextNumber(ctx context.Context, agency hub.AgencyID, year int, delivery hub.DeliveryID) (string, error) {
	return nextNumber(ctx, s.reader, agency, year, delivery)
}

func nextNumber(ctx context.Context, q queryer, agency hub.AgencyID, year int, delivery hub.DeliveryID) (string, error) {
	held, err := collect(ctx, q, scanText, "SELECT number FROM register_numbers WHERE delivery = ? AND agency = ? AND year = ? ORDER BY position DESC LIMIT 1",
		string(delivery), string(agency), year)
	if err != nil || len(held) > 0 {
		return strings.Join(held, ""), err
	}
	return one(ctx, q, "number", scanText, "SELECT CAST(coalesce(max(position), 0) + 1 AS TEXT) FROM register_numbers WHERE agency = ? AND year = ?", string(agency), year)
}

// AssignNumber gives a delivery its NextNumber for good.
func (s *Store) AssignNumber(ctx context.Context, agency hub.AgencyID, year int, delivery hub.DeliveryID) (number string, err error) {
	err = s.do(ctx, 1, func(t *tx) error {
		if err := yearOpen(ctx, t, agency, year); err != nil {
			return err
		}
		if number, err = nextNumber(ctx, t, agency, year, delivery); err == nil {
			err = insertNumber(t, &hub.RegisterNumber{Agency: agency, Year: year, Number: number, Delivery: delivery})
		}
		return failed("assign a number", err)
	})
	return number, err
}

func scanNumberRecord(rows *sql.Rows) (json.RawMessage, error) {
	var n hub.RegisterNumber
	if err := rows.Scan(&n.Agency, &n.Year, &n.Number, &n.Delivery); err != nil {
		return nil, err
	}
	return json.Marshal(n)
}
