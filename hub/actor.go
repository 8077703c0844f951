package hub

import "slices"

// Actor is who asks. It is always an argument, never hidden in a context.
type Actor struct {
	// Name identifies the actor in logs, leases and evidence: the id of an API
	// key, or the name of a person's account.
	Name     string
	Kind     ActorKind
	Agencies []AgencyID // the agencies it may speak for
	Scopes   []Scope
	// Auth says how the actor proved itself, for the evidence.
	Auth AuthMethod
}

// ActorKind is the kind of an actor.
type ActorKind string

// The actor kinds.
const (
	ActorSystem   ActorKind = "system"   // document system of an agency
	ActorClerk    ActorKind = "clerk"    // văn thư
	ActorAuditor  ActorKind = "auditor"  // reads evidence, not content
	ActorOperator ActorKind = "operator" // runs the hub, reads no content

	ActorLeader        ActorKind = "leader"        // a person who receives and assigns
	ActorAdministrator ActorKind = "administrator" // a person who keeps the accounts of an agency
)

// AuthMethod names how an actor was authenticated.
type AuthMethod string

// The authentication methods.
const (
	AuthAPIKey AuthMethod = "api_key"
	AuthLocal  AuthMethod = "local" // the operator on the machine itself
	// AuthSignedHeaders is an HMAC over the headers of a request, of which the body is
	// no part but where its digest is among them (national document axis).
	AuthSignedHeaders AuthMethod = "signed_headers"
	AuthPassword      AuthMethod = "password" // a person with a local account
)

// Scope is one thing that a credential allows.
type Scope string

// The scopes.
const (
	ScopeSubmit  Scope = "submit"  // send documents
	ScopeCollect Scope = "collect" // read the mailbox, collect, acknowledge, report
	ScopeRead    Scope = "read"    // read sent list and evidence of own dispatches
	ScopeVerify  Scope = "verify"  // verify files, look up agencies
	ScopeSeal    Scope = "seal"    // put the seal of an agency on documents
	ScopeAudit   Scope = "audit"   // read all evidence and the log, no content
	ScopeOperate Scope = "operate" // agencies, keys, settings

	ScopeAccounts Scope = "accounts" // accounts of persons of its own agencies
)

// Scopes lists all scopes.
func Scopes() []Scope {
	return []Scope{ScopeSubmit, ScopeCollect, ScopeRead, ScopeVerify, ScopeSeal, ScopeAudit, ScopeOperate, ScopeAccounts}
}

// Valid reports whether the scope is one of the list.
func (s Scope) Valid() bool { return slices.Contains(Scopes(), s) }

// Has reports whether the actor holds the scope.
func (a *Actor) Has(scope Scope) bool { return slices.Contains(a.Scopes, scope) }

// Require returns nil when the actor holds the scope, else an error of KindDenied.
func (a *Actor) Require(scope Scope) error {
	if a.Has(scope) {
		return nil
	}
	return Errorf(KindDenied, "", "scope", "this credential does not have the scope %q", scope)
}

// Oversees returns nil for operators and auditors, who read what concerns the hub as a
// whole, else an error of KindDenied.
func (a *Actor) Oversees() error {
	if a.Has(ScopeAudit) {
		return nil
	}
	return a.Require(ScopeOperate)
}

// SpeaksFor returns nil when the actor holds the scope and may act for the
// agency, else an error of KindDenied. It is the one place where access by
// agency is decided; everything is denied unless it says otherwise.
func (a *Actor) SpeaksFor(agency AgencyID, scope Scope) error {
	if err := a.Require(scope); err != nil {
		return err
	}
	if agency != "" && slices.Contains(a.Agencies, agency) {
		return nil
	}
	return Errorf(KindDenied, "", "agency", "this credential may not act for that agency")
}

// MaySee reports whether the actor may know of the dispatch at all: its sender,
// one of its recipients, or an auditor. To everyone else it does not exist
// (KindNotFound, not KindDenied, so that nothing can be inferred).
func (a *Actor) MaySee(d *Dispatch, deliveries []Delivery) bool {
	if a.Has(ScopeAudit) || slices.Contains(a.Agencies, d.Sender) {
		return true
	}
	return slices.ContainsFunc(deliveries, func(v Delivery) bool {
		return slices.Contains(a.Agencies, v.Recipient)
	})
}
