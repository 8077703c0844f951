package httpapi

import (
	"net/http"

	"github.com/lienthong/lienthong/hub"
)

// route is one operation. Deny by default: a route that is not public needs a
// key, and one of the scopes when it names any.
type route struct {
	method  string
	pattern string
	served  string // the pattern as the router has it, where a parameter holds slashes; else empty
	public  bool
	shared  bool                // public, and reads from the stores: all who ask share the budget of one key
	scopes  []hub.Scope         // any of them; empty: every key but those of portals
	limit   func(*Limits) int64 // bytes of the body; nil: it takes none
	stream  bool                // it answers with an event stream
	begins  bool                // it begins a dispatch, which can wait while the hub is overloaded
	handle  func(*api, *exchange) error
}

// routes is the whole API; schemas/openapi.yaml describes the same operations.
func routes() []route {
	lists := [][]route{publicRoutes(), directoryRoutes(), sendingRoutes(), collectingRoutes(), readingRoutes(), logRoutes(), bundleRoutes(), retentionRoutes(), signatureRoutes(), changeRoutes(), accountRoutes(), enrolmentRoutes(), subscriptionRoutes(), alertRoutes(), listRoutes(), routingRoutes(), calendarRoutes(), lawRoutes(), registerRoutes(), numberRoutes(), procedureRoutes(), dossierRoutes(), evaluationRoutes(), inspectionRoutes(), reportRoutes(), axisRoutes(), passageRoutes(), connectionRoutes(), figureRoutes()}
	lists = append(lists, taskRoutes(), handOverRoutes(), postRoutes())
	var all []route
	for _, list := range lists {
		all = append(all, list...)
	}
	return all
}

func publicRoutes() []route {
	return []route{
		{method: http.MethodGet, pattern: "/healthz", public: true, handle: (*api).health},
		{method: http.MethodGet, pattern: "/readyz", public: true, handle: (*api).ready},
		{method: http.MethodGet, pattern: "/v1/version", public: true, handle: (*api).version},
		{method: http.MethodGet, pattern: "/v1/openapi.yaml", public: true, handle: (*api).specification},
		{method: http.MethodGet, pattern: "/v1/docs", public: true, handle: (*api).documentation},
	}
}

func directoryRoutes() []route {
	operate := []hub.Scope{hub.ScopeOperate}
	return []route{
		{method: http.MethodGet, pattern: "/metrics", scopes: operate, handle: (*api).metrics},
		{method: http.MethodGet, pattern: "/v1/dead-letters", scopes: operate, handle: (*api).deadLetters},
		{method: http.MethodPost, pattern: "/v1/dead-letters/replay", scopes: operate, limit: jsonLimit, handle: (*api).replayLetters},
		{method: http.MethodGet, pattern: "/v1/stuck-deliveries", scopes: operate, handle: (*api).stuck},
		{method: http.MethodPost, pattern: "/v1/stuck-deliveries/retry", scopes: operate, limit: jsonLimit, handle: (*api).tryAgain},
		{method: http.MethodPost, pattern: "/v1/stuck-deliveries/give-up", scopes: operate, limit: jsonLimit, handle: (*api).giveUp},
		{method: http.MethodPost, pattern: "/v1/dead-letters/discard", scopes: operate, limit: jsonLimit, handle: (*api).discardLetters},
		{method: http.MethodPost, pattern: "/v1/agencies/{code}/queue", scopes: operate, handle: (*api).grantQueue},
		{method: http.MethodDelete, pattern: "/v1/agencies/{code}/queue", scopes: operate, handle: (*api).revokeQueue},
		{method: http.MethodGet, pattern: "/v1/me", handle: (*api).me},
		{method: http.MethodGet, pattern: "/v1/agencies", handle: (*api).agencies},
		{method: http.MethodGet, pattern: "/v1/agencies/{code}", handle: (*api).agency},
		{method: http.MethodGet, pattern: "/v1/agencies/{code}/children", handle: (*api).children},
		{method: http.MethodPost, pattern: "/v1/agencies/import", scopes: operate, limit: csvLimit, handle: (*api).importAgencies},
		{method: http.MethodGet, pattern: "/v1/agencies.csv", scopes: operate, handle: (*api).exportAgencies},
		{method: http.MethodGet, pattern: "/v1/agencies.json", scopes: operate, handle: (*api).exportWhole},
		{method: http.MethodGet, pattern: "/v1/agencies/{code}/history", handle: (*api).agencyHistory},
		{method: http.MethodGet, pattern: "/v1/agencies/changes", handle: (*api).agencyChanges},
		{method: http.MethodGet, pattern: "/v1/agencies/acts", handle: (*api).agencyActs},
		{method: http.MethodPost, pattern: "/v1/agencies/acts", scopes: operate, limit: jsonLimit, handle: (*api).reorganise},
		{method: http.MethodGet, pattern: "/v1/keys", scopes: operate, handle: (*api).listKeys},
		{method: http.MethodPost, pattern: "/v1/keys", scopes: operate, limit: jsonLimit, handle: (*api).issueKey},
		{method: http.MethodDelete, pattern: "/v1/keys/{key}", scopes: operate, handle: (*api).revokeKey},
	}
}

func sendingRoutes() []route {
	submit := []hub.Scope{hub.ScopeSubmit}
	either := []hub.Scope{hub.ScopeSubmit, hub.ScopeCollect} // a package may be a document or a status report
	return []route{
		{method: http.MethodPost, pattern: "/v1/packages", scopes: either, begins: true, limit: packageLimit, handle: (*api).submitPackage},
		{method: http.MethodPost, pattern: "/v1/dispatches", scopes: submit, begins: true, limit: formLimit, handle: (*api).submitForm},
		{method: http.MethodPost, pattern: "/v1/uploads", scopes: submit, limit: jsonLimit, begins: true, handle: (*api).registerUpload},
		{method: http.MethodGet, pattern: "/v1/uploads/{upload}", scopes: submit, handle: (*api).uploadStatus},
		{method: http.MethodPatch, pattern: "/v1/uploads/{upload}/parts/{part}", scopes: submit, limit: chunkLimit, handle: (*api).appendUpload},
		{method: http.MethodPost, pattern: "/v1/uploads/{upload}/complete", scopes: submit, limit: jsonLimit, handle: (*api).completeUpload},
	}
}

func collectingRoutes() []route {
	collect := []hub.Scope{hub.ScopeCollect}
	either := []hub.Scope{hub.ScopeCollect, hub.ScopeRead}
	return []route{
		{method: http.MethodGet, pattern: "/v1/mailbox", scopes: collect, handle: (*api).mailbox},
		{method: http.MethodGet, pattern: "/v1/mailbox/events", scopes: collect, stream: true, handle: (*api).events},
		{method: http.MethodPost, pattern: "/v1/mailbox/leases", scopes: collect, limit: jsonLimit, handle: (*api).lease},
		{method: http.MethodGet, pattern: "/v1/deliveries/{delivery}", scopes: either, handle: (*api).delivery},
		{method: http.MethodPut, pattern: "/v1/deliveries/{delivery}/lease", scopes: collect, limit: jsonLimit, handle: (*api).renewLease},
		{method: http.MethodDelete, pattern: "/v1/deliveries/{delivery}/lease", scopes: collect, handle: (*api).releaseLease},
		{method: http.MethodPost, pattern: "/v1/deliveries/{delivery}/acknowledgement", scopes: collect, limit: jsonLimit, handle: (*api).acknowledge},
		{method: http.MethodPost, pattern: "/v1/deliveries/{delivery}/acceptance", scopes: collect, limit: jsonLimit, handle: (*api).accept},
		{method: http.MethodPost, pattern: "/v1/deliveries/{delivery}/refusal", scopes: collect, limit: jsonLimit, handle: (*api).refuse},
		{method: http.MethodPost, pattern: "/v1/deliveries/{delivery}/status", scopes: collect, limit: jsonLimit, handle: (*api).reportStatus},
	}
}

func readingRoutes() []route {
	read := []hub.Scope{hub.ScopeRead}
	content := []hub.Scope{hub.ScopeRead, hub.ScopeCollect}
	parties := []hub.Scope{hub.ScopeRead, hub.ScopeCollect, hub.ScopeAudit}
	evidence := []hub.Scope{hub.ScopeRead, hub.ScopeAudit}
	return []route{
		{method: http.MethodGet, pattern: "/v1/sent", scopes: read, handle: (*api).sent},
		{method: http.MethodGet, pattern: "/v1/dispatches/{dispatch}", scopes: parties, handle: (*api).dispatch},
		{method: http.MethodGet, pattern: "/v1/dispatches/{dispatch}/evidence", scopes: evidence, handle: (*api).dispatchEvidence},
		{method: http.MethodGet, pattern: "/v1/dispatches/{dispatch}/signatures", scopes: parties, handle: (*api).signatures},
		{method: http.MethodGet, pattern: "/v1/dispatches/{dispatch}/validation", scopes: parties, handle: (*api).validation},
		{method: http.MethodGet, pattern: "/v1/dispatches/{dispatch}/reports", scopes: parties, handle: (*api).reports},
		{method: http.MethodGet, pattern: "/v1/dispatches/{dispatch}/parts/{part}", scopes: content, handle: (*api).part},
		{method: http.MethodGet, pattern: "/v1/dispatches/{dispatch}/package", scopes: content, handle: (*api).packageOf},
		{method: http.MethodGet, pattern: "/v1/evidence/{evidence}", scopes: evidence, handle: (*api).evidence},
		{method: http.MethodGet, pattern: "/v1/rejections", scopes: evidence, handle: (*api).rejections},
		{method: http.MethodPost, pattern: "/v1/verify", scopes: []hub.Scope{hub.ScopeVerify}, limit: verifyLimit, handle: (*api).verify},
		{method: http.MethodPost, pattern: "/v1/seal", scopes: []hub.Scope{hub.ScopeSeal}, limit: sealLimit, handle: (*api).seal},
	}
}

func jsonLimit(l *Limits) int64    { return l.JSON }
func csvLimit(l *Limits) int64     { return l.CSV }
func packageLimit(l *Limits) int64 { return l.Package }
func formLimit(l *Limits) int64    { return l.Form }
func chunkLimit(l *Limits) int64   { return l.Chunk }
func verifyLimit(l *Limits) int64  { return l.Verify }
func sealLimit(l *Limits) int64    { return l.Seal }
