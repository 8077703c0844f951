package accounts

import (
	"context"

	"github.com/lienthong/lienthong/hub"
)

// Store keeps accounts by name. What it answers is durable.
type Store interface {
	// SaveAccount inserts an account of version 1, or replaces the one whose version is
	// lower by one; KindConflict where that is not what stands there, or another account has the
	// login.
	SaveAccount(ctx context.Context, account hub.Account) error
	// Account answers KindNotFound when there is none.
	Account(ctx context.Context, name string) (hub.Account, error)
	// AccountByLogin answers KindNotFound when nobody has the login.
	AccountByLogin(ctx context.Context, login hub.Login) (hub.Account, error)
	// Accounts lists all accounts by name.
	Accounts(ctx context.Context) ([]hub.Account, error)
}

// SessionStore keeps sessions by the hash of their token.
type SessionStore interface {
	// BeginSession inserts a session, and removes all that expired before it began.
	BeginSession(ctx context.Context, session hub.Session) error
	// ChangeSession replaces a session that works in the office `was`; KindNotFound when it
	// is there no more, KindConflict when it works elsewhere by now.
	ChangeSession(ctx context.Context, was hub.AgencyID, session hub.Session) error
	// Session answers KindNotFound when there is none, or none any more.
	Session(ctx context.Context, hash hub.Digest) (hub.Session, error)
	// EndSession removes one session; one that is not there is no error.
	EndSession(ctx context.Context, hash hub.Digest) error
	// EndSessions removes all sessions of an account.
	EndSessions(ctx context.Context, account string) error
}

// Directory knows the agencies.
type Directory interface {
	ByID(id hub.AgencyID) (*hub.Agency, bool)
}
