package httpapi

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/lienthong/lienthong/hub"
)

type fakeDossiers struct{ *fakeHub }

func (f fakeDossiers) view() hub.DossierView {
	clock := hub.DossierClock{
		Start: testTime, Basis: hub.DueByLimit, Set: testTime, Due: testTime, End: testTime, Requests: 1, Suspended: 60, Worked: 90, Ended: true, Late: true, Timeliness: hub.Overdue,
		Explain: []hub.DossierReason{{Rule: hub.RuleStart, Event: 2, At: testTime}, {Rule: hub.RuleSuspended, Event: 3, Until: 4, At: testTime, Minutes: 60}},
	}
	return hub.DossierView{
		Dossier: hub.Dossier{
			ID: "d1", Number: "H47-260302-0001", Unit: "a1", UnitName: "UBND", Day: "2026-03-02", Sequence: 1, Key: "hs-1", Procedure: hub.DossierProcedure{Code: "1.001193", Version: 1, Name: "Đăng ký khai sinh", Limit: hub.ProcedureLimit{Amount: 1, Unit: hub.LimitWorkingDays}},
			Owner: &hub.DossierOwner{Name: "Nguyễn Văn Ví Dụ"}, Channel: hub.ChannelOnline, Received: testTime, Appointed: testTime, Parties: []hub.AgencyID{"a1"}, Status: hub.DossierReturned, Ended: testTime, Version: 1,
		},
		Lead: "a1", LeadName: "UBND", Clock: clock, Shares: []hub.DossierShare{{Agency: "a2", Name: "Sở", Role: hub.DossierCo, Clock: clock}}, Letter: testTime, Anew: testTime,
		Findings: []hub.DossierFinding{{Rule: hub.RuleLate}, {Rule: hub.FindingForeseen, Agency: "a2"}},
		Events:   []hub.DossierEvent{{Seq: 1, Act: hub.DossierRegister, At: testTime, Agency: "a1", Name: "UBND", By: "an", Recorded: testTime, Status: hub.DossierNew, Note: "n1"}},
	}
}

func (f fakeDossiers) List(_ context.Context, actor hub.Actor, query hub.DossierQuery) (hub.List[hub.DossierView], error) {
	if err := actor.SpeaksFor(query.Agency, hub.ScopeRead); err != nil && actor.SpeaksFor(query.Agency, hub.ScopeSubmit) != nil {
		return hub.List[hub.DossierView]{}, err
	}
	return hub.List[hub.DossierView]{Items: []hub.DossierView{f.view()}}, f.err
}

func (f fakeDossiers) Show(context.Context, hub.Actor, string) (hub.DossierView, error) {
	return f.view(), f.err
}

func (f fakeDossiers) ProgressOf(context.Context, hub.Actor, string) (hub.DossierProgress, error) {
	return hub.DossierProgress{
		Number: "H47-260302-0001", Procedure: "1.001193", ProcedureName: "Đăng ký khai sinh", Unit: "UBND", Channel: hub.ChannelOnline, Received: testTime, Status: hub.DossierReturned, Due: testTime, Late: true, Ended: testTime, Apologised: testTime, Anew: testTime,
		Steps: []hub.DossierStep{{At: testTime, Act: hub.DossierRegister, Status: hub.DossierNew, Agency: "UBND", To: "Sở"}},
		Files: []hub.DossierOffer{{Event: 5, Kind: hub.DossierResult, At: testTime, Name: "a.pdf", MediaType: "application/pdf", Size: 1, Digest: hub.Digest{1}}},
	}, f.err
}

func (f fakeDossiers) Register(_ context.Context, actor hub.Actor, wish hub.DossierWish) (hub.DossierView, bool, error) {
	if err := actor.SpeaksFor(wish.Unit, hub.ScopeSubmit); err != nil && actor.SpeaksFor(wish.Unit, hub.ScopePortal) != nil {
		return hub.DossierView{}, false, err
	}
	return f.view(), wish.Key != "again", f.err
}

func (f fakeDossiers) Act(_ context.Context, _ hub.Actor, id hub.DossierID, order hub.DossierOrder) (hub.DossierView, error) {
	v := f.view()
	v.ID, v.Events[0].Act, v.Events[0].To, v.Events[0].Role = id, order.Act, order.To, order.Role
	return v, f.err
}

func (f fakeDossiers) RenewSecret(_ context.Context, _ hub.Actor, id hub.DossierID, _ hub.AgencyID) (hub.DossierView, error) {
	v := f.view()
	v.ID, v.Events[0].Act, v.Events[0].Lookup, v.Secret = id, hub.DossierRenew, hub.Digest{1}, "7K3MQ9XD2VBTH5RW"
	return v, f.err
}

func (f fakeDossiers) Receipt(_ context.Context, _ hub.Actor, _ hub.DossierID, _ hub.AgencyID, secret string, to io.Writer) error {
	if f.err == nil {
		_, _ = io.WriteString(to, "%PDF "+secret)
	}
	return f.err
}

func (f fakeDossiers) MayAttach(context.Context, hub.Actor, hub.DossierID, hub.AgencyID) error {
	return f.err
}

func (f fakeDossiers) Attach(_ context.Context, _ hub.Actor, id hub.DossierID, order hub.DossierOrder, paper hub.DossierPaper) (hub.DossierView, error) {
	v := f.view()
	v.ID, v.Events[0].Act, v.Events[0].Key, v.Events[0].Paper = id, hub.DossierAttach, order.Key, &paper
	return v, f.err
}

func (f fakeDossiers) Open(ctx context.Context, actor hub.Actor, _ hub.DossierID, event int64) (hub.Part, hub.Blob, error) {
	if event != 3 {
		return hub.Part{}, nil, hub.Errorf(hub.KindNotFound, "event", "", "no such file")
	}
	return f.fakeHub.Open(ctx, actor, "d1", "p1")
}

func (f fakeDossiers) Figures(_ context.Context, _ hub.Actor, query hub.DossierFigureQuery) (hub.DossierFigures, error) {
	count := hub.DossierCount{Total: 3, InTime: 2, Late: 1, Rate: "66.67", Missing: 1}
	tally := hub.DossierTally{Counts: map[hub.DossierMeasure]int64{hub.DossiersAll: 3, hub.DossiersLate: 1}, Worked: 480, Allowed: 960, Parties: 4}
	return hub.DossierFigures{Unit: query.Unit, Period: query.Period, Under: query.Under, AsOf: testTime, DossierCount: count, Channels: map[hub.DossierChannel]hub.DossierCount{hub.ChannelOnline: count}, Tally: tally, Pending: true}, f.err
}

func (f fakeDossiers) Counted(context.Context, hub.Actor, hub.DossierFigureQuery) (hub.List[hub.DossierCounted], error) {
	return hub.List[hub.DossierCounted]{Items: []hub.DossierCounted{{ID: "d1", Number: "H47-260302-0001", Channel: hub.ChannelPost, Late: true, Explain: f.view().Clock.Explain}}}, f.err
}

func (f fakeDossiers) Online(_ context.Context, _ hub.Actor, agency hub.AgencyID) (hub.DossierOnline, error) {
	return hub.DossierOnline{Agency: agency, Procedures: []string{}}, f.err
}

func (f fakeDossiers) SetOnline(_ context.Context, _ hub.Actor, agency hub.AgencyID, procedures []string) (hub.DossierOnline, error) {
	return hub.DossierOnline{Agency: agency, Procedures: procedures, SetBy: "an", SetAt: testTime}, f.err
}

func (f fakeDossiers) Words(_ context.Context, _ hub.Actor, agency hub.AgencyID) (hub.DossierWords, error) {
	return hub.DossierWords{Agency: agency, Words: map[string]hub.DossierStatus{}}, f.err
}

func (f fakeDossiers) SetWords(_ context.Context, _ hub.Actor, agency hub.AgencyID, words map[string]hub.DossierStatus) (hub.DossierWords, error) {
	return hub.DossierWords{Agency: agency, Version: 1, Words: words, SetBy: "an", SetAt: testTime}, f.err
}

func (f fakeDossiers) News(_ context.Context, _ hub.Actor, _ hub.AgencyID, after int64, _ int) ([]hub.DossierNews, error) {
	if after >= 7 {
		return nil, f.err
	}
	return []hub.DossierNews{{Seq: 7, Dossier: "d1", Number: "H47-260302-0001", Unit: "a1", Event: f.view().Events[0]}}, f.err
}

func (f fakeDossiers) SettleTaking(_ context.Context, _ hub.Actor, dispatch hub.DispatchID, reason string) (hub.DossierTaking, error) {
	return hub.DossierTaking{Dispatch: dispatch, Sender: "a1", Number: "H47-260302-0001", At: testTime, By: "an", Refused: []hub.DossierFault{{Message: "gone"}}, Settled: &hub.DossierSettlement{At: testTime, By: "an", Reason: reason}}, f.err
}

func (f fakeDossiers) Takings(_ context.Context, _ hub.Actor, agency hub.AgencyID, _ bool) ([]hub.DossierTaking, error) {
	return []hub.DossierTaking{{Dispatch: "x1", Sender: agency, Number: "H47-260302-0001", At: testTime, By: "an", Refused: []hub.DossierFault{{Field: "dossier", Rule: "erased", Message: "gone"}}}}, f.err
}

// TestDossierRequests: what a request says wrongly is refused by field and rule, and a
// dossier that was registered before is no new one.
func TestDossierRequests(t *testing.T) {
	s := newTestServer(t)
	for _, c := range []struct {
		method, path, body string
		status             int
		want               string
	}{
		{http.MethodPost, "/v1/dossiers", `{"unit": "000.00.00.H47", "procedure": "1", "owner": {"name": "x"}, "key": "again"}`, 200, `"number":"H47-260302-0001"`},
		{http.MethodPost, "/v1/dossiers", `{"unit": "làng", "procedure": "1", "owner": {"name": "x"}}`, 422, `"field":"unit"`},
		{http.MethodPost, "/v1/dossiers", `{"unit": "000.00.00.H47", "Secret": 1}`, 422, `"rule":"unknown_member"`},
		{http.MethodPost, "/v1/dossiers/d1/events", `{"act": "hand_over", "to": "làng"}`, 422, `"field":"to"`},
		{http.MethodPost, "/v1/dossiers/d1/files?name=a.pdf&kind=filed&key=f1", `%PDF`, 200, `"paper":{"kind":"filed","name":"a.pdf","media_type":"application/json","size":4,`},
		{http.MethodPost, "/v1/dossiers/packages/x1/settlement", `{"reason": "đã gửi lại"}`, 200, `"settled":{"at":`},
		{http.MethodPost, "/v1/dossiers/packages/x1/settlement", `{"why": "x"}`, 422, `"rule":"unknown_member"`},
		{http.MethodPost, "/v1/dossiers/d1/secret", ``, 200, `"secret":"7K3MQ9XD2VBTH5RW"`},
		{http.MethodPost, "/v1/dossiers/d1/secret?agency=lang", ``, 422, `"field":"agency"`},
		{http.MethodPost, "/v1/dossiers/d1/receipt", `{"secret": "7K3M"}`, 200, `%PDF 7K3M`},
		{http.MethodPost, "/v1/dossiers/d1/receipt", `{"agency": "lang"}`, 422, `"field":"agency"`},
		{http.MethodPost, "/v1/dossiers/d1/files?name=a.pdf", ``, 422, `"rule":"required"`},
		{http.MethodPost, "/v1/dossiers/d1/files?name=a.pdf&to=x", `%PDF`, 422, `"field":"to"`},
		{http.MethodGet, "/v1/dossiers/d1/files/4", "", 404, `"field":"event"`},
		{http.MethodGet, "/v1/dossiers/d1/files/x", "", 404, `"field":"event"`},
		{http.MethodGet, "/v1/dossiers?status=11", "", 422, `"field":"status"`},
		{http.MethodGet, "/v1/dossiers?finding=late,foreseen", "", 422, `"field":"finding"`},
		{http.MethodGet, "/v1/dossiers?timeliness=soon", "", 422, `"field":"timeliness"`},
		{http.MethodGet, "/v1/dossiers/events?after=3", "", 200, `"last":7`},
		{http.MethodGet, "/v1/dossiers/events?after=7", "", 200, `{"items":[],"last":7}`},
		{http.MethodGet, "/v1/dossiers/events?after=-1", "", 422, `"field":"after"`},
		{http.MethodGet, "/v1/dossiers/d1?x=1", "", 422, `"field":"x"`},
	} {
		a := s.call(t, c.method, c.path, c.body, "Content-Type", "application/json")
		if a.StatusCode != c.status || !strings.Contains(string(a.body), c.want) {
			t.Errorf("%s %s %s: %d %s, want %d with %s", c.method, c.path, c.body, a.StatusCode, a.body, c.status, c.want)
		}
	}
}
