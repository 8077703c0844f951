package hub

import (
	"cmp"
	"slices"
	"time"
)

// Account is a person who signs in to the pages of a hub. Its name never changes and
// never goes to another person: evidence names it.
type Account struct {
	Name        string       `json:"name"`      // what the person signs in with, lower case
	FullName    string       `json:"full_name"` // for other people
	Memberships []Membership `json:"memberships"`
	// Password is the hash of the password as a PHC string; it never leaves the hub. Empty
	// where the person has none and signs in by the Login alone.
	Password string `json:"-"`
	// Seed is random, and is to an account without a password what the hash is to others:
	// a secret that never leaves the hub. Empty before its person signed in.
	Seed string `json:"-"`
	// Login lets the person in whom an identity provider says it is; nil for nobody.
	Login *Login `json:"login,omitempty"`
	// Temporary says that somebody else knows the password: nothing works before the
	// person has chosen another one.
	Temporary bool `json:"temporary"`
	// TwoStep says that signing in takes a code of the second factor, too.
	TwoStep      bool          `json:"two_step,omitempty"`
	SecondFactor *SecondFactor `json:"-"` // it never leaves the hub
	// Filters are what the person keeps of the lists on the pages, for nobody else.
	Filters []SavedFilter `json:"-"`
	// Failures counts wrong passwords since the last right one; none is looked at before
	// RetryAt. Those from a browser where the person signed in before count apart.
	Failures      int       `json:"failures,omitempty"`
	RetryAt       time.Time `json:"retry_at,omitzero"` // UTC
	KnownFailures int       `json:"known_failures,omitempty"`
	KnownRetryAt  time.Time `json:"known_retry_at,omitzero"` // UTC
	Locked        time.Time `json:"locked,omitzero"`         // UTC; zero: not locked
	Created       time.Time `json:"created"`                 // UTC
	Version       int64     `json:"version"`                 // from 1, grows by one with every change
}

// Login is how an identity provider names a person: the value of a claim in the ID tokens
// of an issuer (OpenID Connect Core 1.0, section 2). The same value of another issuer or
// in another claim is somebody else.
type Login struct {
	Issuer string `json:"issuer"`
	Claim  string `json:"claim"`
	Value  string `json:"value"`
}

// Key is one text for the login, another one for each. The issuer and the claim have no
// line breaks.
func (l *Login) Key() string { return l.Issuer + "\n" + l.Claim + "\n" + l.Value }

// SecondFactor makes the one-time codes of a person (RFC 6238). It is in force when the
// account says so; before that it waits for its first code.
type SecondFactor struct {
	Sealed []byte `json:"sealed"` // the secret, encrypted
	Used   int64  `json:"used"`   // time step of the last code that was taken
}

// Membership gives a person a role in an agency, or with an empty agency in the hub
// as a whole.
type Membership struct {
	Agency AgencyID `json:"agency,omitempty"`
	Role   Role     `json:"role"`
}

// Role is what a person does in an agency or for the hub.
type Role string

// The roles.
const (
	RoleClerk         Role = "clerk"         // văn thư: receives, registers, sends
	RoleLeader        Role = "leader"        // lãnh đạo: receives, assigns, reports; sends nothing
	RoleAuditor       Role = "auditor"       // kiểm tra: verifies files; of the hub as a whole, reads all evidence
	RoleAdministrator Role = "administrator" // quản trị đơn vị: accounts of the agency
	RoleOperator      Role = "operator"      // vận hành: of the hub as a whole only
)

// Roles lists all roles.
func Roles() []Role {
	return []Role{RoleClerk, RoleLeader, RoleAuditor, RoleAdministrator, RoleOperator}
}

// Valid reports whether the membership makes sense: an operator belongs to the hub as a
// whole, an auditor to either, everybody else to an agency.
func (m Membership) Valid() bool {
	switch m.Role {
	case RoleClerk, RoleLeader, RoleAdministrator:
		return m.Agency != ""
	case RoleAuditor:
		return true
	case RoleOperator:
		return m.Agency == ""
	}
	return false
}

// scopes are what the role allows in its agency.
func (m Membership) scopes() []Scope {
	switch m.Role {
	case RoleClerk:
		return []Scope{ScopeSubmit, ScopeCollect, ScopeRead, ScopeVerify}
	case RoleLeader:
		return []Scope{ScopeCollect, ScopeRead, ScopeVerify, ScopeFigures}
	case RoleAuditor:
		if m.Agency == "" {
			return []Scope{ScopeAudit, ScopeVerify}
		}
		return []Scope{ScopeVerify}
	case RoleAdministrator:
		return []Scope{ScopeAccounts}
	case RoleOperator:
		return []Scope{ScopeOperate, ScopeVerify}
	}
	return nil
}

// kind is the kind of actor of the role.
func (r Role) kind() ActorKind {
	switch r {
	case RoleLeader:
		return ActorLeader
	case RoleAuditor:
		return ActorAuditor
	case RoleAdministrator:
		return ActorAdministrator
	case RoleOperator:
		return ActorOperator
	}
	return ActorClerk
}

// Offices lists where the person has a role, each agency once, in the order of the
// memberships; empty stands for the hub as a whole.
func (a *Account) Offices() []AgencyID {
	var offices []AgencyID
	for _, m := range a.Memberships {
		if !slices.Contains(offices, m.Agency) {
			offices = append(offices, m.Agency)
		}
	}
	return offices
}

// ActorIn is the person at work in one of its offices, with what all its roles there
// allow; nothing at all anywhere else, nor with a temporary password.
func (a *Account) ActorIn(office AgencyID) Actor {
	actor := Actor{Name: a.Name, Kind: ActorClerk, Auth: AuthPassword}
	if a.Temporary {
		return actor
	}
	for _, m := range a.Memberships {
		if m.Agency != office || !m.Valid() {
			continue
		}
		if len(actor.Scopes) == 0 {
			actor.Kind = m.Role.kind()
		}
		if office != "" {
			actor.Agencies = []AgencyID{office}
		}
		for _, s := range m.scopes() {
			if !actor.Has(s) {
				actor.Scopes = append(actor.Scopes, s)
			}
		}
	}
	return actor
}

// Session is one person signed in on one device. The token itself is only there.
type Session struct {
	Hash    Digest `json:"hash"`  // SHA-256 of the token
	Proof   Digest `json:"proof"` // SHA-256 of the hash of the password, or of the login, it was begun with: it ends with that
	Account string `json:"account"`
	// Auth is AuthProvider where an identity provider vouched for the person; empty for a
	// password.
	Auth    AuthMethod `json:"auth,omitempty"`
	Office  AgencyID   `json:"office,omitempty"` // where the person works now; empty: the hub as a whole
	Begun   time.Time  `json:"begun"`            // UTC
	Used    time.Time  `json:"used"`             // UTC, to a minute
	Expires time.Time  `json:"expires"`          // UTC; never moved
}

// Visit is a request of somebody who is signed in.
type Visit struct {
	Account Account
	Session Session
	Actor   Actor
}

// Secret is what only the hub knows of an account, for proofs that it makes for the person:
// it goes with the password. Empty for an account of which it knows nothing.
func (a *Account) Secret() string { return cmp.Or(a.Password, a.Seed) }
