package hub

import "slices"

// Actor is who asks. It is always an argument, never hidden in a context.
type Actor struct {
	// Name identifies the actor in logs, leases and evidence: the id of an API
	// key, or the name of a person's account.
	Name     string
	Kind     ActorKind
	Agencies []AgencyID // the agencies it may speak for
	// ReceivesFor are further agencies whose documents it may receive in their place, by the
	// directory of this moment: it collects, registers, refuses and reports, and nothing else.
	ReceivesFor []AgencyID
	// TookOver are those of them that have closed and were handed over to an agency of the
	// actor: for these it also reads what they sent, and answers what is asked of them.
	TookOver []AgencyID
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
	// AuthSubscription is the hub itself, which carries content to the target that an
	// agency subscribed with.
	AuthSubscription AuthMethod = "subscription"

	AuthPassword AuthMethod = "password" // a person with a local account
	AuthProvider AuthMethod = "oidc"     // a person for whom an identity provider vouches (OpenID Connect)
	// AuthAccessToken is a token of limited life that a client got for its secret, with
	// the secret of the agency that it calls for (provincial API).
	AuthAccessToken AuthMethod = "access_token"
	// AuthAxis is the word of another axis, given to this hub as its member: it vouches
	// for who its agencies are.
	AuthAxis AuthMethod = "axis"
	// AuthBrokerUser is the user of an agency in RabbitMQ, who alone may write to the
	// agency's exchange there.
	AuthBrokerUser AuthMethod = "broker_user"
	// AuthRule is a routing rule of the agency itself, for which the hub acts.
	AuthRule AuthMethod = "routing_rule"
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
	ScopeFigures  Scope = "figures"  // figures of its own agencies and of those under them

	ScopePortal Scope = "portal" // hand in dossiers of its agencies and see how these stand; never beside another one
)

// Scopes lists all scopes.
func Scopes() []Scope {
	return []Scope{ScopeSubmit, ScopeCollect, ScopeRead, ScopeVerify, ScopeSeal, ScopeAudit, ScopeOperate, ScopeAccounts, ScopeFigures, ScopePortal}
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
// agency, which for one that it took over means to collect and to read; else an error of
// KindDenied. It is the one place where access by
// agency is decided; everything is denied unless it says otherwise.
func (a *Actor) SpeaksFor(agency AgencyID, scope Scope) error {
	if err := a.Require(scope); err != nil {
		return err
	}
	if agency != "" && slices.Contains(a.Agencies, agency) {
		return nil
	}
	if (scope == ScopeCollect || scope == ScopeRead) && slices.Contains(a.TookOver, agency) {
		return nil
	}
	return Errorf(KindDenied, "", "agency", "this credential may not act for that agency")
}

// Receives returns nil when the actor may act for the agency as a recipient: the agency is
// its own, or one for which it receives; else an error of KindDenied. What is no act of a
// recipient asks SpeaksFor.
func (a *Actor) Receives(agency AgencyID) error {
	if err := a.Require(ScopeCollect); err != nil {
		return err
	}
	if slices.Contains(a.ReceivesFor, agency) {
		return nil
	}
	return a.SpeaksFor(agency, ScopeCollect)
}

// Recipients are the agencies as whose recipient the actor sees something: its own, and
// those for which it receives.
func (a *Actor) Recipients() []AgencyID { return slices.Concat(a.Agencies, a.ReceivesFor) }
