package hubtest

import (
	"context"
	"maps"
	"slices"
	"sync"

	"github.com/lienthong/lienthong/hub"
)

// Persons keeps accounts and sessions. It fits the store
// ports of accounts and is safe for concurrent use.
type Persons struct {
	mu       sync.Mutex
	accounts map[string]hub.Account
	sessions map[hub.Digest]hub.Session
}

// NewPersons returns an empty store.
func NewPersons() *Persons {
	return &Persons{accounts: map[string]hub.Account{}, sessions: map[hub.Digest]hub.Session{}}
}

// SaveAccount inserts an account of version 1 or replaces the one before it.
func (p *Persons) SaveAccount(_ context.Context, a hub.Account) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.accounts[a.Name].Version != a.Version-1 {
		return hub.Errorf(hub.KindConflict, "account", "version", "the account has changed")
	}
	if a.Login != nil {
		if other, ok := p.byLogin(*a.Login); ok && other.Name != a.Name {
			return hub.Errorf(hub.KindConflict, "account", "version", "another account has the login")
		}
	}
	a.Memberships = slices.Clone(a.Memberships)
	p.accounts[a.Name] = a
	return nil
}

// Account returns an account.
func (p *Persons) Account(_ context.Context, name string) (hub.Account, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	a, ok := p.accounts[name]
	if !ok {
		return a, notFound("account")
	}
	return a, nil
}

// AccountByLogin returns the account of a login.
func (p *Persons) AccountByLogin(_ context.Context, login hub.Login) (hub.Account, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	a, ok := p.byLogin(login)
	if !ok {
		return a, notFound("account")
	}
	return a, nil
}

func (p *Persons) byLogin(login hub.Login) (hub.Account, bool) {
	for _, a := range p.accounts {
		if a.Login != nil && *a.Login == login {
			return a, true
		}
	}
	return hub.Account{}, false
}

// Accounts lists all accounts by name.
func (p *Persons) Accounts(context.Context) ([]hub.Account, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	var list []hub.Account
	for _, name := range slices.Sorted(maps.Keys(p.accounts)) {
		list = append(list, p.accounts[name])
	}
	return list, nil
}

// BeginSession inserts a session and removes those that are over.
func (p *Persons) BeginSession(_ context.Context, s hub.Session) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	maps.DeleteFunc(p.sessions, func(_ hub.Digest, old hub.Session) bool { return old.Expires.Before(s.Begun) })
	p.sessions[s.Hash] = s
	return nil
}

// ChangeSession replaces a session that is there and works in an office.
func (p *Persons) ChangeSession(_ context.Context, was hub.AgencyID, s hub.Session) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch there, ok := p.sessions[s.Hash]; {
	case !ok:
		return notFound("session")
	case there.Office != was:
		return hub.Errorf(hub.KindConflict, "session", "version", "the session works elsewhere")
	}
	p.sessions[s.Hash] = s
	return nil
}

// Session returns a session.
func (p *Persons) Session(_ context.Context, hash hub.Digest) (hub.Session, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	s, ok := p.sessions[hash]
	if !ok {
		return s, notFound("session")
	}
	return s, nil
}

// EndSession removes a session.
func (p *Persons) EndSession(_ context.Context, hash hub.Digest) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.sessions, hash)
	return nil
}

// EndSessions removes all sessions of an account.
func (p *Persons) EndSessions(_ context.Context, account string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	maps.DeleteFunc(p.sessions, func(_ hub.Digest, s hub.Session) bool { return s.Account == account })
	return nil
}
