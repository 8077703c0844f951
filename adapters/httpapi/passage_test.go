package httpapi

import (
	"context"

	"github.com/lienthong/lienthong/hub"
)

// fakePassages is a system that passes through, where the fake hub is.
type fakePassages struct{ hub *fakeHub }

func (f fakePassages) status(state hub.PassageState) hub.PassageStatus {
	return hub.PassageStatus{
		Passage: hub.Passage{
			System: "qlvb", Endpoint: "https://axis.example.vn/vxp", Agencies: []hub.AgencyID{"a1"}, Secret: "k1", State: state, Since: testTime, By: "operator",
		},
		Axis: hub.AxisStatus{Endpoint: "https://axis.example.vn/vxp", System: "qlvb", Leads: true, LastPoll: testTime},
	}
}

func (f fakePassages) List(context.Context, hub.Actor) ([]hub.PassageStatus, error) {
	return []hub.PassageStatus{f.status(hub.PassageOn)}, f.hub.err
}

func (f fakePassages) SwitchOn(context.Context, hub.Actor, hub.PassageWish) (hub.PassageStatus, error) {
	return f.status(hub.PassageOn), f.hub.err
}

func (f fakePassages) SwitchOff(context.Context, hub.Actor, string) (hub.PassageStatus, error) {
	return f.status(hub.PassageLeaving), f.hub.err
}
