package httpapi

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"github.com/lienthong/lienthong/hub"
)

type fakePost struct{ *fakeHub }

func (f fakePost) order() hub.PostalOrder {
	o := hub.PostalOrder{
		ID: "o1", Agency: "a1", AgencyName: "UBND", Kind: hub.PostalReturn, Key: "p-1", Dossier: "d1", Number: "H47-260302-0001",
		From: &hub.PostalParty{Name: "UBND", Address: "10 Trần Phú"}, To: &hub.PostalParty{Name: "Nguyễn Văn Ví Dụ", Address: "2 Lê Lợi", Province: "56"},
		Envelopes: 1, By: "an", Created: testTime, SentAt: testTime, Next: testTime, Fees: &hub.PostalFees{Main: 22000}, Version: 3, Findings: []hub.PostalRule{hub.PostalUnknownCode},
	}
	o.Add(hub.PostalEvent{Act: hub.PostalAccepted, At: testTime, Recorded: testTime, Bill: "EB1", Code: "2"})
	o.Add(hub.PostalEvent{Act: hub.PostalUnknown, At: testTime, Recorded: testTime, Code: "77"})
	return o
}

func (f fakePost) Order(_ context.Context, actor hub.Actor, wish hub.PostalWish) (hub.PostalOrder, bool, error) {
	if err := actor.SpeaksFor(wish.Agency, hub.ScopeSubmit); err != nil {
		return hub.PostalOrder{}, false, err
	}
	return f.order(), wish.Key != "again", f.err
}

func (f fakePost) Show(context.Context, hub.Actor, hub.PostalID) (hub.PostalOrder, error) {
	return f.order(), f.err
}

func (f fakePost) List(_ context.Context, actor hub.Actor, query hub.PostalQuery) (hub.List[hub.PostalOrder], error) {
	if err := actor.SpeaksFor(query.Agency, hub.ScopeRead); err != nil && actor.SpeaksFor(query.Agency, hub.ScopeSubmit) != nil {
		return hub.List[hub.PostalOrder]{}, err
	}
	return hub.List[hub.PostalOrder]{Items: []hub.PostalOrder{f.order()}}, f.err
}

func (f fakePost) Report(_ context.Context, _ hub.Actor, id hub.PostalID, report hub.PostalReport) (hub.PostalOrder, error) {
	o := f.order()
	o.ID = id
	o.Add(hub.PostalEvent{Act: report.Act, At: testTime, Recorded: testTime, By: "an", Bill: report.Bill})
	return o, f.err
}

// TestPost: an order that was given before is told so, one finding is asked for at a time,
// and what nobody asked for is refused.
func TestPost(t *testing.T) {
	s := newTestServer(t)
	for _, c := range []struct {
		method, path, body string
		status             int
		want               string
	}{
		{http.MethodPost, "/v1/post/orders", `{"kind": "return", "dossier": "d1", "key": "again"}`, 200, `"id":"o1"`},
		{http.MethodPost, "/v1/post/orders", `{"kind": "return", "dossier": "d1", "Secret": 1}`, 422, `"rule":"unknown_member"`},
		{http.MethodPost, "/v1/post/orders", `{"agency": "làng", "kind": "return"}`, 422, `"field":"agency"`},
		{http.MethodPost, "/v1/post/orders/o9/events", `{"act": "delivered"}`, 200, `"id":"o9"`},
		{http.MethodGet, "/v1/post/orders?finding=silent,failed", "", 422, `"field":"finding"`},
		{http.MethodGet, "/v1/post/orders?finding=bored", "", 422, `"field":"finding"`},
		{http.MethodGet, "/v1/post/orders/o1?x=1", "", 422, `"field":"x"`},
	} {
		a := s.call(t, c.method, c.path, c.body, "Content-Type", "application/json")
		if a.StatusCode != c.status || !strings.Contains(string(a.body), c.want) {
			t.Errorf("%s %s %s: %d %s, want %d with %s", c.method, c.path, c.body, a.StatusCode, a.body, c.status, c.want)
		}
	}
}
