package postgres

import (
	"context"
	"encoding/json"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/storage/internal/sqlkit"
)

// SaveAccount inserts an account of version 1 or replaces the one before it.
func (s *Store) SaveAccount(ctx context.Context, account hub.Account) error {
	body, err := sqlkit.EncodeAccount(&account)
	if err != nil {
		return err
	}
	statement := "INSERT INTO accounts (version, body, name, login) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING RETURNING 1"
	args := []any{account.Version, body, account.Name, sqlkit.LoginOf(&account)}
	if account.Version > 1 {
		statement = "UPDATE accounts SET version = $1, body = $2, login = $4 WHERE name = $3 AND version = $1 - 1 RETURNING 1"
	}
	saved, err := change(ctx, s, "save account", pgx.RowTo[int64], statement, args...)
	if state(err) == uniqueViolation { // another account has the login
		saved, err = nil, nil
	}
	_, err = first(saved, "account", err)
	return sqlkit.OtherAccount(err)
}

// Account returns an account; KindNotFound when there is none.
func (s *Store) Account(ctx context.Context, name string) (hub.Account, error) {
	found, err := collect(ctx, s, scanAccount, "SELECT body FROM accounts WHERE name = $1", name)
	return first(found, "account", err)
}

// AccountByLogin returns the account of a login; KindNotFound when there is none.
func (s *Store) AccountByLogin(ctx context.Context, login hub.Login) (hub.Account, error) {
	found, err := collect(ctx, s, scanAccount, "SELECT body FROM accounts WHERE login = $1", login.Key())
	return first(found, "account", err)
}

// Accounts lists all accounts by name.
func (s *Store) Accounts(ctx context.Context) ([]hub.Account, error) {
	return collect(ctx, s, scanAccount, "SELECT body FROM accounts ORDER BY name")
}

func scanAccount(row pgx.CollectableRow) (hub.Account, error) {
	body, err := pgx.RowTo[[]byte](row)
	if err != nil {
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
	return s.exec(ctx, "begin a session", `WITH over AS (DELETE FROM sessions WHERE expires < $5)
		INSERT INTO sessions (hash, account, expires, body) VALUES ($1, $2, $3, $4)`,
		session.Hash[:], session.Account, sqlkit.Micros(session.Expires), body, sqlkit.Micros(session.Begun))
}

// ChangeSession replaces a session that works in an office; KindConflict where it works
// elsewhere by now.
func (s *Store) ChangeSession(ctx context.Context, was hub.AgencyID, session hub.Session) error {
	body, err := sqlkit.Encode(&session)
	if err != nil {
		return err
	}
	changed, err := change(ctx, s, "change a session", pgx.RowTo[int64],
		"UPDATE sessions SET body = $1 WHERE hash = $2 AND coalesce(body::jsonb ->> 'office', '') = $3 RETURNING 1", body, session.Hash[:], string(was))
	if err != nil || len(changed) > 0 {
		return err
	}
	if _, err = s.Session(ctx, session.Hash); err == nil {
		err = sqlkit.OtherOffice()
	}
	return err
}

// Session returns a session; KindNotFound when there is none.
func (s *Store) Session(ctx context.Context, hash hub.Digest) (hub.Session, error) {
	found, err := collect(ctx, s, scanBody[hub.Session], "SELECT body FROM sessions WHERE hash = $1", hash[:])
	return first(found, "session", err)
}

// EndSession removes a session.
func (s *Store) EndSession(ctx context.Context, hash hub.Digest) error {
	return s.exec(ctx, "end a session", "DELETE FROM sessions WHERE hash = $1", hash[:])
}

// EndSessions removes all sessions of an account.
func (s *Store) EndSessions(ctx context.Context, account string) error {
	return s.exec(ctx, "end sessions", "DELETE FROM sessions WHERE account = $1", account)
}

// TakeNumber gives a number of a register to a delivery for good; KindConflict when
// another delivery has it.
func (s *Store) TakeNumber(ctx context.Context, n hub.RegisterNumber) error {
	if err := s.yearOpen(ctx, n.Agency, n.Year); err != nil {
		return err
	}
	args := []any{string(n.Agency), n.Year, n.Number, n.Position(), string(n.Delivery)}
	err := s.exec(ctx, "take a number", `INSERT INTO register_numbers (agency, year, number, position, delivery)
		VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING`, args...)
	if err != nil {
		return err
	}
	found, err := collect(ctx, s, pgx.RowTo[string], "SELECT delivery FROM register_numbers WHERE agency = $1 AND year = $2 AND number = $3", args[:3]...)
	holder, err := first(found, "number", err)
	if err == nil && holder != string(n.Delivery) {
		err = sqlkit.NumberTaken(&n)
	}
	return err
}

const (
	heldNumber = "SELECT number FROM register_numbers WHERE delivery = $3 AND agency = $1 AND year = $2 ORDER BY position DESC LIMIT 1"
	lastNumber = "SELECT coalesce(max(position), 0) FROM register_numbers WHERE agency = $1 AND year = $2"
	// lockRegister lets one at a time count on in the register of an agency.
	lockRegister = "SELECT pg_advisory_xact_lock(hashtextextended('lienthong register ' || $1, 0))"
	// countOn does nothing where somebody who typed that number was faster.
	countOn = `INSERT INTO register_numbers (agency, year, number, position, delivery)
		SELECT $1::text, $2::integer, (n + 1)::text, n + 1, $3::text FROM (` + lastNumber + `) AS last (n) ON CONFLICT DO NOTHING`
)

// NextNumber is the number that a delivery has in the register of a year, else the one
// behind the highest.
func (s *Store) NextNumber(ctx context.Context, agency hub.AgencyID, year int, delivery hub.DeliveryID) (string, error) {
	held, err := collect(ctx, s, pgx.RowTo[string], heldNumber, string(agency), year, string(delivery))
	if err != nil || len(held) > 0 {
		return strings.Join(held, ""), err
	}
	found, err := collect(ctx, s, pgx.RowTo[int64], lastNumber, string(agency), year)
	last, err := first(found, "number", err)
	return strconv.FormatInt(last+1, 10), err
}

// AssignNumber gives a delivery its NextNumber for good.
func (s *Store) AssignNumber(ctx context.Context, agency hub.AgencyID, year int, delivery hub.DeliveryID) (number string, err error) {
	if err := s.yearOpen(ctx, agency, year); err != nil {
		return "", err
	}
	err = s.act(ctx, "assign a number", func(ctx context.Context, c *pgx.Conn) error {
		return pgx.BeginFunc(ctx, c, func(tx pgx.Tx) error {
			if _, err := tx.Exec(ctx, lockRegister, string(agency)); err != nil {
				return err
			}
			for {
				held, err := rows(ctx, c, pgx.RowTo[string], heldNumber, string(agency), year, string(delivery))
				if err != nil || len(held) > 0 {
					number = strings.Join(held, "")
					return err
				}
				if _, err := tx.Exec(ctx, countOn, string(agency), year, string(delivery)); err != nil {
					return err
				}
			}
		})
	})
	return number, err
}

func scanNumberRecord(row pgx.CollectableRow) (json.RawMessage, error) {
	var n hub.RegisterNumber
	if err := row.Scan(&n.Agency, &n.Year, &n.Number, &n.Delivery); err != nil {
		return nil, err
	}
	return json.Marshal(n)
}
