package app

import (
	"github.com/lienthong/lienthong/adapters/httpapi"
	"github.com/lienthong/lienthong/cmd/lienthong/internal/engine"
	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/hub/directory"
	"github.com/lienthong/lienthong/hub/intake"
	"github.com/lienthong/lienthong/hub/routing"
)

var (
	_ intake.Routing       = (*routing.Service)(nil)
	_ routing.Notes        = engine.State(nil)
	_ routing.Past         = engine.State(nil)
	_ routing.Feed         = engine.State(nil)
	_ routing.Items        = engine.State(nil)
	_ routing.Directory    = (*directory.Directory)(nil)
	_ routing.Forwards     = (*intake.Service)(nil)
	_ httpapi.RoutingRules = notedRouting{}
)

// newForwarder makes the forwards of routing rules, on the node that holds the schedule.
func (a *App) newForwarder() *routing.Forwarder {
	s := &a.services
	return routing.NewForwarder(routing.ForwarderOptions{Rules: s.routing, Feed: a.store, Items: a.store, Forwards: s.intake, Inspections: s.inspected, Log: a.log})
}

// normativeRule is the example that ships, for an administrator to name the recipient.
func normativeRule() (hub.RoutingRule, error) {
	rules, err := routing.Normative("")
	if err != nil {
		return hub.RoutingRule{}, err
	}
	return rules[0], nil
}
