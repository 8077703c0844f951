package web

import (
	"net/http"
	"slices"

	"github.com/lienthong/lienthong/hub"
)

// route is one address. Deny by default: a route that is not public needs a session,
// and one of the scopes.
type route struct {
	method, pattern string
	public          bool
	anybody         bool        // who is signed in, whatever the scopes; also with a temporary password
	scopes          []hub.Scope // any of them
	open            bool        // a page that is open asks by itself: no sign of life of the session
	files           bool        // the form holds files: the handler reads it, and its token first
	handle          func(*exchange) error
}

// routes are all addresses.
func routes() []route {
	collect, read := []hub.Scope{hub.ScopeCollect}, []hub.Scope{hub.ScopeRead}
	submit, figures := []hub.Scope{hub.ScopeSubmit}, []hub.Scope{hub.ScopeFigures}
	numbers := []hub.Scope{hub.ScopeSubmit, hub.ScopeRead}
	either := []hub.Scope{hub.ScopeCollect, hub.ScopeRead}
	accounts := []hub.Scope{hub.ScopeAccounts, hub.ScopeOperate}
	own, books := []hub.Scope{hub.ScopeAccounts}, []hub.Scope{hub.ScopeCollect, hub.ScopeRead, hub.ScopeAccounts}
	audit, proof := []hub.Scope{hub.ScopeAudit}, []hub.Scope{hub.ScopeRead, hub.ScopeAudit}
	operate, verify := []hub.Scope{hub.ScopeOperate}, []hub.Scope{hub.ScopeVerify}
	return []route{
		{method: http.MethodGet, pattern: "/{$}", anybody: true, handle: (*exchange).home},
		{method: http.MethodGet, pattern: "/sign-in", public: true, handle: (*exchange).signInForm},
		{method: http.MethodPost, pattern: "/sign-in", public: true, handle: (*exchange).signIn},
		{method: http.MethodGet, pattern: "/sign-in/provider", public: true, handle: (*exchange).beginAtProvider},
		{method: http.MethodGet, pattern: "/sign-in/provider/back", public: true, handle: (*exchange).backFromProvider},
		{method: http.MethodGet, pattern: "/enrol", public: true, handle: (*exchange).enrolForm},
		{method: http.MethodPost, pattern: "/enrol", public: true, handle: (*exchange).enrol},
		{method: http.MethodPost, pattern: "/language", public: true, handle: (*exchange).chooseLanguage},
		{method: http.MethodPost, pattern: "/sign-out", anybody: true, handle: (*exchange).signOut},
		{method: http.MethodGet, pattern: "/password", anybody: true, handle: (*exchange).passwordForm},
		{method: http.MethodPost, pattern: "/password", anybody: true, handle: (*exchange).changePassword},
		{method: http.MethodGet, pattern: "/second-factor", anybody: true, handle: (*exchange).secondFactor},
		{method: http.MethodPost, pattern: "/second-factor/begin", anybody: true, handle: (*exchange).beginSecondFactor},
		{method: http.MethodPost, pattern: "/second-factor/confirm", anybody: true, handle: (*exchange).confirmSecondFactor},
		{method: http.MethodPost, pattern: "/second-factor/end", anybody: true, handle: (*exchange).endSecondFactor},
		{method: http.MethodPost, pattern: "/office", anybody: true, handle: (*exchange).chooseOffice},

		{method: http.MethodGet, pattern: "/inbox", scopes: collect, handle: (*exchange).inbox},
		{method: http.MethodPost, pattern: "/inbox/receive", scopes: collect, handle: (*exchange).receiveMany},
		{method: http.MethodGet, pattern: "/inbox/{delivery}", scopes: collect, handle: (*exchange).incoming},
		{method: http.MethodPost, pattern: "/inbox/{delivery}/register", scopes: collect, handle: (*exchange).register},
		{method: http.MethodPost, pattern: "/inbox/{delivery}/refuse", scopes: collect, handle: (*exchange).refuse},
		{method: http.MethodPost, pattern: "/inbox/{delivery}/report", scopes: collect, handle: (*exchange).report},
		{method: http.MethodPost, pattern: "/inbox/{delivery}/answer", scopes: collect, handle: (*exchange).answer},
		{method: http.MethodPost, pattern: "/inbox/{delivery}/forward", scopes: submit, handle: (*exchange).forward},
		{method: http.MethodGet, pattern: "/send", scopes: submit, handle: (*exchange).newLetter},
		{method: http.MethodPost, pattern: "/send", scopes: submit, files: true, handle: (*exchange).sendLetter},
		{method: http.MethodPost, pattern: "/send/draft", scopes: submit, handle: (*exchange).keepDraft},
		{method: http.MethodPost, pattern: "/send/draft/remove", scopes: submit, handle: (*exchange).removeDraft},
		{method: http.MethodPost, pattern: "/send/draft/restore", scopes: submit, handle: (*exchange).restoreDraft},
		{method: http.MethodPost, pattern: "/send/files", scopes: submit, handle: (*exchange).announceFile},
		{method: http.MethodGet, pattern: "/send/files/{upload}", scopes: submit, open: true, handle: (*exchange).fileProgress},
		{method: http.MethodPost, pattern: "/send/files/{upload}", scopes: submit, files: true, handle: (*exchange).appendFile},
		{method: http.MethodPost, pattern: "/send/files/{upload}/finish", scopes: submit, handle: (*exchange).finishFile},
		{method: http.MethodGet, pattern: "/sent", scopes: read, handle: (*exchange).sent},
		{method: http.MethodPost, pattern: "/filters", scopes: either, handle: (*exchange).changeFilter},
		{method: http.MethodGet, pattern: "/sent/{dispatch}", scopes: read, handle: (*exchange).board},
		{method: http.MethodPost, pattern: "/sent/{dispatch}/recall", scopes: submit, handle: (*exchange).recall},
		{method: http.MethodPost, pattern: "/sent/{dispatch}/remind", scopes: submit, handle: (*exchange).remind},
		{method: http.MethodGet, pattern: "/tasks", scopes: either, handle: (*exchange).tasks},
		{method: http.MethodGet, pattern: "/tasks/{task}", scopes: either, handle: (*exchange).task},
		{method: http.MethodPost, pattern: "/tasks/{task}/acts", scopes: either, handle: (*exchange).actOnTask},
		{method: http.MethodGet, pattern: "/live/inbox", scopes: collect, open: true, handle: (*exchange).liveInbox},
		{method: http.MethodGet, pattern: "/live/sent/{dispatch}", scopes: read, open: true, handle: (*exchange).liveBoard},
		{method: http.MethodGet, pattern: "/documents/{dispatch}/parts/{part}", scopes: either, handle: (*exchange).part},
		{method: http.MethodGet, pattern: "/documents/{dispatch}/bundle", scopes: proof, handle: (*exchange).bundle},
		{method: http.MethodGet, pattern: "/evidence/{evidence}", scopes: proof, handle: (*exchange).receipt},

		{method: http.MethodGet, pattern: "/figures", scopes: figures, handle: (*exchange).figures},
		{method: http.MethodGet, pattern: "/figures/documents", scopes: figures, handle: (*exchange).countedDocuments},
		{method: http.MethodGet, pattern: "/figures/file", scopes: figures, handle: (*exchange).figuresFile},
		{method: http.MethodGet, pattern: "/evaluations", scopes: figures, handle: (*exchange).evaluations},
		{method: http.MethodPost, pattern: "/evaluations", scopes: figures, handle: (*exchange).evaluate},
		{method: http.MethodGet, pattern: "/evaluations/dossiers", scopes: figures, handle: (*exchange).scoredDossiers},
		{method: http.MethodGet, pattern: "/evaluations/file", scopes: figures, handle: (*exchange).evaluationFile},
		{method: http.MethodGet, pattern: "/procedures", scopes: hub.Scopes(), handle: (*exchange).procedures},
		{method: http.MethodGet, pattern: "/procedures/import", scopes: submit, handle: (*exchange).importForm},
		{method: http.MethodPost, pattern: "/procedures/import", scopes: submit, files: true, handle: (*exchange).importProcedures},
		{method: http.MethodGet, pattern: "/procedures/{code}", scopes: hub.Scopes(), handle: (*exchange).procedure},
		{method: http.MethodPost, pattern: "/procedures/{code}/abolish", scopes: submit, handle: (*exchange).abolishProcedure},
		{method: http.MethodGet, pattern: "/reports", scopes: figures, handle: (*exchange).reports},
		{method: http.MethodPost, pattern: "/reports", scopes: figures, handle: (*exchange).makeReport},
		{method: http.MethodPost, pattern: "/reports/template", scopes: figures, files: true, handle: (*exchange).setReportFile},
		{method: http.MethodGet, pattern: "/reports/{report}", scopes: figures, handle: (*exchange).reformReport},
		{method: http.MethodGet, pattern: "/reports/{report}/files/{format}", scopes: figures, handle: (*exchange).reportFile},
		{method: http.MethodGet, pattern: "/inspections", scopes: numbers, handle: (*exchange).inspections},
		{method: http.MethodPost, pattern: "/inspections", scopes: submit, handle: (*exchange).registerVisit},
		{method: http.MethodGet, pattern: "/inspections/new", scopes: submit, handle: (*exchange).newVisit},
		{method: http.MethodGet, pattern: "/inspections/{inspection}", scopes: numbers, handle: (*exchange).inspection},
		{method: http.MethodPost, pattern: "/inspections/{inspection}/events", scopes: submit, handle: (*exchange).actOnInspection},
		{method: http.MethodGet, pattern: "/dossiers", scopes: numbers, handle: (*exchange).dossiers},
		{method: http.MethodPost, pattern: "/dossiers", scopes: submit, handle: (*exchange).registerDossier},
		{method: http.MethodGet, pattern: "/dossiers/new", scopes: submit, handle: (*exchange).newDossier},
		{method: http.MethodPost, pattern: "/dossiers/packages/{dispatch}/settlement", scopes: submit, handle: (*exchange).settleDossierPackage},
		{method: http.MethodGet, pattern: "/dossiers/{dossier}", scopes: numbers, handle: (*exchange).dossier},
		{method: http.MethodPost, pattern: "/dossiers/{dossier}/events", scopes: submit, handle: (*exchange).actOnDossier},
		{method: http.MethodPost, pattern: "/dossiers/{dossier}/secret", scopes: submit, handle: (*exchange).renewDossierSecret},
		{method: http.MethodPost, pattern: "/dossiers/{dossier}/receipt", scopes: submit, handle: (*exchange).dossierReceipt},
		{method: http.MethodPost, pattern: "/dossiers/{dossier}/files", scopes: submit, files: true, handle: (*exchange).attachToDossier},
		{method: http.MethodGet, pattern: "/dossiers/{dossier}/files/{event}", scopes: numbers, handle: (*exchange).dossierFile},
		{method: http.MethodGet, pattern: "/post", scopes: numbers, handle: (*exchange).post},
		{method: http.MethodPost, pattern: "/post", scopes: submit, handle: (*exchange).orderPost},
		{method: http.MethodGet, pattern: "/post/new", scopes: submit, handle: (*exchange).newPost},
		{method: http.MethodGet, pattern: "/post/{order}", scopes: numbers, handle: (*exchange).postOrder},
		{method: http.MethodPost, pattern: "/post/{order}/events", scopes: submit, handle: (*exchange).reportPost},
		{method: http.MethodGet, pattern: "/registers", scopes: books, handle: (*exchange).registers},
		{method: http.MethodGet, pattern: "/numbers", scopes: numbers, handle: (*exchange).numbers},
		{method: http.MethodPost, pattern: "/numbers/cancel", scopes: submit, handle: (*exchange).cancelNumber},
		{method: http.MethodPost, pattern: "/registers/years", scopes: own, handle: (*exchange).closeYear},
		{method: http.MethodGet, pattern: "/registers/print", scopes: either, handle: (*exchange).printRegister},

		{method: http.MethodGet, pattern: "/trail", scopes: audit, handle: (*exchange).trail},
		{method: http.MethodPost, pattern: "/trail/compare", scopes: audit, handle: (*exchange).compareLog},
		{method: http.MethodPost, pattern: "/trail/case", scopes: audit, handle: (*exchange).caseFile},
		{method: http.MethodGet, pattern: "/trail/evidence/{evidence}", scopes: audit, handle: (*exchange).entry},
		{method: http.MethodGet, pattern: "/trail/dispatch/{dispatch}", scopes: audit, handle: (*exchange).course},
		{method: http.MethodPost, pattern: "/trail/dispatch/{dispatch}/verify", scopes: audit, handle: (*exchange).verifyCourse},
		{method: http.MethodGet, pattern: "/examine", scopes: verify, handle: (*exchange).examineForm},
		{method: http.MethodPost, pattern: "/examine", scopes: verify, files: true, handle: (*exchange).examine},
		{method: http.MethodPost, pattern: "/examine/report", scopes: verify, handle: (*exchange).saveReport},
		{method: http.MethodGet, pattern: "/health", scopes: operate, handle: (*exchange).health},
		{method: http.MethodGet, pattern: "/alerts", scopes: operate, handle: (*exchange).alerts},
		{method: http.MethodPost, pattern: "/alerts/{alert}", scopes: operate, handle: (*exchange).sayOfAlert},
		{method: http.MethodGet, pattern: "/stuck", scopes: operate, handle: (*exchange).stuck},
		{method: http.MethodPost, pattern: "/stuck", scopes: operate, handle: (*exchange).actOnStuck},
		{method: http.MethodGet, pattern: "/settings", scopes: operate, handle: (*exchange).settings},
		{method: http.MethodGet, pattern: "/agencies", scopes: operate, handle: (*exchange).agencies},
		{method: http.MethodGet, pattern: "/agencies/acts", scopes: operate, handle: (*exchange).agencyActs},
		{method: http.MethodPost, pattern: "/agencies/{agency}/acts", scopes: operate, handle: (*exchange).reorganise},
		{method: http.MethodGet, pattern: "/agencies/{agency}/keys", scopes: operate, handle: (*exchange).keys},
		{method: http.MethodPost, pattern: "/agencies/{agency}/keys", scopes: operate, handle: (*exchange).createKey},
		{method: http.MethodGet, pattern: "/agencies/{agency}/keys/{key}", scopes: operate, handle: (*exchange).key},
		{method: http.MethodPost, pattern: "/agencies/{agency}/keys/{key}/rotate", scopes: operate, handle: (*exchange).rotateKey},
		{method: http.MethodPost, pattern: "/agencies/{agency}/keys/{key}/revoke", scopes: operate, handle: (*exchange).revokeKey},
		{method: http.MethodPost, pattern: "/agencies/{agency}/hand-over", scopes: operate, handle: (*exchange).handOver},
		{method: http.MethodGet, pattern: "/agencies/{agency}", scopes: operate, handle: (*exchange).agency},
		{method: http.MethodGet, pattern: "/subscriptions", scopes: accounts, handle: (*exchange).subscriptions},
		{method: http.MethodGet, pattern: "/subscriptions/{subscription}", scopes: accounts, handle: (*exchange).subscription},
		{method: http.MethodPost, pattern: "/subscriptions/{subscription}/pause", scopes: accounts, handle: (*exchange).pauseSubscription},
		{method: http.MethodPost, pattern: "/subscriptions/{subscription}/replay", scopes: accounts, handle: (*exchange).replaySubscription},
		{method: http.MethodPost, pattern: "/subscriptions/{subscription}/remove", scopes: accounts, handle: (*exchange).removeSubscription},
		{method: http.MethodGet, pattern: "/rules", scopes: own, handle: (*exchange).rules},
		{method: http.MethodPost, pattern: "/rules", scopes: own, handle: (*exchange).addRule},
		{method: http.MethodPost, pattern: "/rules/remove", scopes: own, handle: (*exchange).removeRule},
		{method: http.MethodGet, pattern: "/connection", scopes: accounts, handle: (*exchange).connectionForm},
		{method: http.MethodPost, pattern: "/connection", scopes: accounts, handle: (*exchange).testConnection},
		{method: http.MethodGet, pattern: "/accounts", scopes: accounts, handle: (*exchange).accounts},
		{method: http.MethodPost, pattern: "/accounts", scopes: accounts, handle: (*exchange).createAccount},
		{method: http.MethodPost, pattern: "/accounts/{name}/reset", scopes: accounts, handle: (*exchange).resetAccount},
		{method: http.MethodPost, pattern: "/accounts/{name}/lock", scopes: accounts, handle: (*exchange).lockAccount},
		{method: http.MethodPost, pattern: "/accounts/{name}/login", scopes: operate, handle: (*exchange).linkAccount},
	}
}

// may reports whether an actor has one of the scopes.
func may(actor *hub.Actor, scopes []hub.Scope) bool { return slices.ContainsFunc(scopes, actor.Has) }

// home leads to the first page of what the person does.
func (x *exchange) home() error {
	a := &x.visit.Actor
	switch {
	case x.visit.Account.Temporary:
		return x.redirect("/password")
	case a.Has(hub.ScopeCollect):
		return x.redirect("/inbox")
	case a.Has(hub.ScopeOperate):
		return x.redirect("/health")
	case a.Has(hub.ScopeAudit):
		return x.redirect("/trail")
	case a.Has(hub.ScopeVerify):
		return x.redirect("/examine")
	case a.Has(hub.ScopeAccounts):
		return x.redirect("/accounts")
	}
	return x.redirect("/password")
}

func (x *exchange) nothing() error {
	return hub.Errorf(hub.KindNotFound, "", "", "there is no such page")
}
