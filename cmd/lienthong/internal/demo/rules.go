package demo

import (
	"context"
	"slices"

	"github.com/lienthong/lienthong/adapters/hubclient"
	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/hub/routing"
)

// byRules has two agencies keep routing rules: what the province sends as a normative
// document goes to the Department of Justice for inspection, too, and what Tam Kỳ registers
// of them it forwards to a ward. Each leaves its trace.
func (s *show) byRules(ctx context.Context) error {
	copied, err := routing.Normative(justice)
	if err != nil {
		return err
	}
	forwarded := hub.RoutingRule{
		Name: "Chuyển văn bản quy phạm pháp luật cho phường", Action: hub.RouteForward, Types: []string{"Quyết định"}, Numbers: []string{"*/20??/*"},
		Recipients: []string{hoaThuan}, Note: "Để triển khai",
	}
	if err := s.keepRules(ctx, province, copied); err != nil {
		return err
	}
	if err := s.keepRules(ctx, tamKy, []hub.RoutingRule{forwarded}); err != nil {
		return err
	}
	if err := s.keepRules(ctx, justice, []hub.RoutingRule{inspectingRule()}); err != nil {
		return err
	}
	accepted, err := s.submit(ctx, s.parties[province], normativeFile, normativeID, normativeData(), tamKy)
	if err != nil {
		return err
	}
	extra := slices.IndexFunc(accepted.Deliveries, func(d hub.Delivery) bool { return d.AddressedAs == justice })
	s.check(len(accepted.Deliveries) == 2 && extra >= 0 && accepted.Deliveries[extra].Rule != nil, "a rule copies the normative document to the Department of Justice (%d deliveries)", len(accepted.Deliveries))
	trace := slices.ContainsFunc(accepted.Dispatch.Routing, func(t hub.RuleTrace) bool { return t.Recipient == justice && t.Outcome == hub.RuleAdded })
	s.check(trace, "the rule leaves its trace on the dispatch (%+v)", accepted.Dispatch.Routing)
	for _, code := range []string{justice, tamKy, hoaThuan} {
		if err := s.empty(ctx, s.parties[code], 1); err != nil {
			return err
		}
	}
	last := s.handled[len(s.handled)-1]
	item, err := s.parties[hoaThuan].client.Dispatch(ctx, last.Dispatch)
	if err != nil {
		return err
	}
	origin := item.Dispatch.Origin
	s.check(origin != nil && origin.Rule != nil && origin.Rule.Name == forwarded.Name && item.Dispatch.Document.Number() == accepted.Dispatch.Document.Number(),
		"a rule of Tam Kỳ forwards the document to %s (%+v)", s.parties[hoaThuan].Name, origin)
	s.say("%s → %s; %s → %s", accepted.Dispatch.Document.Number(), s.parties[justice].Name, s.parties[tamKy].Name, s.parties[hoaThuan].Name)
	return nil
}

// keepRules sets the rules of an agency, with a key of its administrator.
func (s *show) keepRules(ctx context.Context, code string, rules []hub.RoutingRule) error {
	client, err := s.clientOf(ctx, code, "administrator", hub.ScopeAccounts)
	if err != nil {
		return err
	}
	defer client.CloseIdle()
	set, err := client.SetRoutingRules(ctx, hub.RoutingRules{Agency: hub.AgencyID(code), Rules: rules})
	s.check(err != nil || set.Version == 1, "the rules of %s are in force (version %d)", s.parties[code].Name, set.Version)
	return err
}

// clientOf speaks for an agency with a key of its own that may do one thing.
func (s *show) clientOf(ctx context.Context, code, name string, scope hub.Scope) (*hubclient.Client, error) {
	issued, err := s.operator.IssueKey(ctx, hubclient.NewKey{
		Name: name + " " + code, Kind: hub.ActorSystem, Agencies: []string{code}, Scopes: []hub.Scope{scope},
	})
	if err != nil {
		return nil, err
	}
	return hubclient.New(hubclient.Options{URL: s.hub.URL, Key: issued.Secret})
}
