package httpapi

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"github.com/lienthong/lienthong/hub"
)

func theClasses() hub.RetentionClasses {
	return hub.RetentionClasses{Version: 3, SetBy: "all", SetAt: testTime, Classes: []hub.RetentionClass{
		{ID: "cong-van", Name: "Công văn", Types: []int{7}, Agencies: []hub.AgencyID{"a1"}, Keep: hub.RetentionPeriod{Years: 10}, LegalBasis: "hư cấu", Priority: 1},
		{ID: "mai", Name: "Vĩnh viễn"},
	}}
}

func (f *fakeHub) Rules(context.Context, hub.Actor) (hub.SignatureRules, error) {
	return hub.SignatureRules{Version: 2, SetBy: "all", SetAt: testTime, Rules: []hub.SignatureRule{{
		Sender: "a1", Channel: hub.FormatREST, Verdict: hub.PolicyStrict, TwoSignatures: hub.CheckNote, Binding: hub.CheckOff,
	}}}, f.err
}
func (f *fakeHub) SetRules(_ context.Context, _ hub.Actor, set hub.SignatureRules) (hub.SignatureRules, error) {
	set.Version++
	return set, f.err
}
func (f *fakeHub) Bind(_ context.Context, _ hub.Actor, b hub.CertificateBinding) (hub.CertificateBinding, error) {
	b.ID, b.BoundBy, b.BoundAt = "b1", "all", testTime
	return b, f.err
}
func (f *fakeHub) Unbind(_ context.Context, _ hub.Actor, agency hub.AgencyID, id string) (hub.CertificateBinding, error) {
	return hub.CertificateBinding{ID: id, Agency: agency, Issuer: "CA", Subject: []string{"O=x"}, BoundBy: "all", BoundAt: testTime, RemovedBy: "all", RemovedAt: testTime}, f.err
}
func (f *fakeHub) Bindings(_ context.Context, _ hub.Actor, agency hub.AgencyID) ([]hub.CertificateBinding, error) {
	return []hub.CertificateBinding{{ID: "b1", Agency: agency, SHA256: hub.Digest{1}, Role: hub.RoleSeal, BoundBy: "all", BoundAt: testTime}}, f.err
}

func (f *fakeHub) Classes(context.Context, hub.Actor) (hub.RetentionClasses, error) {
	return theClasses(), f.err
}
func (f *fakeHub) SetClasses(_ context.Context, _ hub.Actor, set hub.RetentionClasses) (hub.RetentionClasses, error) {
	set.Version++
	return set, f.err
}
func (f *fakeHub) ForecastClasses(context.Context, hub.Actor, hub.RetentionClasses) (hub.RetentionForecast, error) {
	return hub.RetentionForecast{Purged: 2, ByClass: map[string]int{"a": 2}, Held: 1, Examined: 9, Complete: true}, f.err
}
func (f *fakeHub) PlaceHold(_ context.Context, _ hub.Actor, h hub.LegalHold) (hub.LegalHold, error) {
	h.ID, h.PlacedBy, h.PlacedAt = "h1", "all", testTime
	return h, f.err
}
func (f *fakeHub) ReleaseHold(_ context.Context, _ hub.Actor, id, reason string) (hub.LegalHold, error) {
	return hub.LegalHold{ID: id, Number: "173", Reason: "x", PlacedBy: "all", PlacedAt: testTime, ReleasedBy: "all", ReleasedAt: testTime, ReleaseReason: reason}, f.err
}
func (f *fakeHub) Holds(_ context.Context, _ hub.Actor, released bool, _ hub.Page) (hub.List[hub.LegalHold], error) {
	h := hub.LegalHold{ID: "h1", Dispatch: "d1", Reason: "x", PlacedBy: "all", PlacedAt: testTime, Until: testTime}
	if released {
		h.ReleasedBy, h.ReleasedAt, h.ReleaseReason = "all", testTime, "xong"
	}
	return hub.List[hub.LegalHold]{Items: []hub.LegalHold{h}, Next: "h1"}, f.err
}

func theRun() hub.RetentionRun {
	return hub.RetentionRun{ID: "r1", Job: hub.JobPurge, AskBy: "all", Began: testTime, Ended: testTime, Rules: 3, Purged: 2, ByClass: map[string]int{"a": 2}}
}

func (f *fakeHub) Runs(context.Context, hub.Actor, hub.Page) (hub.List[hub.RetentionRun], error) {
	return hub.List[hub.RetentionRun]{Items: []hub.RetentionRun{theRun()}}, f.err
}
func (f *fakeHub) RunOf(context.Context, hub.Actor, string) (hub.RetentionRun, error) {
	return theRun(), f.err
}
func (f *fakeHub) AskPurge(context.Context, hub.Actor) (string, error) { return "r1", f.err }
func (f *fakeHub) Findings(context.Context, hub.Actor, hub.Page) (hub.List[hub.RetentionFinding], error) {
	return hub.List[hub.RetentionFinding]{Items: []hub.RetentionFinding{
		{Digest: hub.Digest{1}, Problem: hub.ContentDamaged, First: testTime, Last: testTime, Dispatches: []hub.DispatchID{"d1"}},
	}}, f.err
}

// TestRetentionIsOptional: a hub without it has no such addresses.
func TestRetentionIsOptional(t *testing.T) {
	s := newTestServer(t, func(o *Options) { o.Retention = nil })
	for _, rt := range retentionRoutes() {
		e := examples()[rt.method+" "+rt.pattern]
		if a := s.call(t, rt.method, e.path, e.body, e.headers()...); a.StatusCode != http.StatusNotFound || a.problem(t).Errors[0].Rule != "route" {
			t.Errorf("%s %s: %d %s", rt.method, rt.pattern, a.StatusCode, a.body)
		}
	}
}

// TestSetClasses: codes become ids, the set that comes back is in force, and a dry run
// tells what it would do.
func TestSetClasses(t *testing.T) {
	s, spec := newTestServer(t), readSpec(t)
	const body = `{"version":3,"classes":[{"id":"a","name":"A","agencies":["000.00.12.H47"],"keep":"P1Y6M","legal_basis":"x"}]}`
	a := s.call(t, http.MethodPut, "/v1/retention/classes", body, "Content-Type", "application/json")
	spec.check(t, http.MethodPut, "/v1/retention/classes", a)
	if want := `"version":4,"classes":[{"id":"a","name":"A","agencies":["a1"],"keep":"P1Y6M","legal_basis":"x"}]`; a.StatusCode != http.StatusOK || !strings.Contains(string(a.body), want) || strings.Contains(string(a.body), "forecast") {
		t.Errorf("%d %s, want %s", a.StatusCode, a.body, want)
	}
	a = s.call(t, http.MethodPut, "/v1/retention/classes?dry_run=true", body, "Content-Type", "application/json")
	if !strings.Contains(string(a.body), `"forecast":{"purged":2,"by_class":{"a":2},"held":1,"examined":9,"complete":true}`) {
		t.Errorf("%d %s", a.StatusCode, a.body)
	}
	for body, want := range map[string][2]string{
		`{"classes":[{"id":"a","name":"A","keep":"1 year"}]}`:               {"classes[0].keep", "period"},
		`{"classes":[{"id":"a","name":"A","agencies":["999.00.00.H99"]}]}`:  {"classes[0].agencies[0]", "unknown_agency"},
		`{"classes":[{"id":"a","name":"A","until":"2027"}]}`:                {"classes[0].until", "unknown_member"},
		`{"classes":[{"id":"a","name":"A","types":["Công văn"]}],"x":true}`: {"classes[0].types[0]", "type"},
	} {
		a := s.call(t, http.MethodPut, "/v1/retention/classes", body, "Content-Type", "application/json")
		if p := a.problem(t); !p.has(want[0], want[1]) {
			t.Errorf("%s: %d %s", body, a.StatusCode, a.body)
		}
	}
}
