package httpapi

import (
	"context"

	"github.com/lienthong/lienthong/hub"
)

// fakeAxis is a membership in an axis, where the fake hub is.
type fakeAxis struct{ hub *fakeHub }

func (f fakeAxis) Status(context.Context, hub.Actor) (hub.AxisStatus, error) {
	return hub.AxisStatus{Endpoint: "https://axis.example.vn/vxp", System: "H47", Leads: true, LastPoll: testTime, Held: 1}, f.hub.err
}

func (f fakeAxis) Units(context.Context, hub.Actor) ([]hub.AxisUnit, error) {
	return []hub.AxisUnit{{ID: "u1", Code: "000.00.00.H41", Name: "UBND tỉnh Nghệ An"}}, f.hub.err
}

func (f fakeAxis) held() hub.HeldPackage {
	return hub.HeldPackage{
		ID: "a1", Kind: hub.PackageDocument, From: "000.00.00.H41", To: "000.00.12.H47", Reason: "no agency has the code 000.00.00.H41",
		Package: &hub.Part{ID: "envelope", Role: hub.RoleEnvelope, Name: "a1.edxml", MediaType: "application/xml", Size: 6},
		Errors:  []hub.HeldError{{Kind: hub.KindUnknownAgency, Field: "sender", Rule: "unknown_agency", Message: "no agency has the code 000.00.00.H41"}},
		Waits:   true, Attempts: 1, Since: testTime, Next: testTime,
	}
}

func (f fakeAxis) Held(context.Context, hub.Actor, hub.Page) (hub.List[hub.HeldPackage], error) {
	return hub.List[hub.HeldPackage]{Items: []hub.HeldPackage{f.held()}}, f.hub.err
}

func (f fakeAxis) Open(context.Context, hub.Actor, string) (hub.Part, hub.Blob, error) {
	return *f.held().Package, newFakeBlob([]byte("<edXML"), false), f.hub.err
}

func (f fakeAxis) Retry(context.Context, hub.Actor, string) (hub.HeldPackage, error) {
	return f.held(), f.hub.err
}

func (f fakeAxis) GiveUp(context.Context, hub.Actor, string, string) error { return f.hub.err }
