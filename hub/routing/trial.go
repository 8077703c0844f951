package routing

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"slices"
	"time"

	"github.com/lienthong/lienthong/hub"
)

// The bounds of a trial.
const (
	maxTrialDays = 366
	trialPages   = 5 // of one part
	trialPage    = 200
	maxTouched   = 1000 // of one part
)

// trialCursor is where a part of a trial ended.
type trialCursor struct {
	Received bool      `json:"received"` // what was sent was looked at to its end
	After    string    `json:"after,omitempty"`
	Until    time.Time `json:"until"` // when the trial began, so that all parts see one period
}

// Try says what rules would have done with what an agency sent and received in past days,
// and does nothing. It looks at some of it and tells where to go on: who asks shows how far
// it has come. Numbers and kinds of documents are told, not what they say. It is for who may
// read the rules of the agency and works for it. Errors: hub.Violations for days, after and,
// as in SetRules, for rules.
func (s *Service) Try(ctx context.Context, actor hub.Actor, t hub.RoutingTrial) (hub.RoutingTrialPart, error) {
	part := hub.RoutingTrialPart{Touched: []hub.RoutingTouch{}}
	owned := slices.ContainsFunc([]hub.Scope{hub.ScopeAccounts, hub.ScopeSubmit, hub.ScopeCollect}, func(scope hub.Scope) bool {
		return actor.SpeaksFor(t.Agency, scope) == nil
	})
	if !owned {
		return part, hub.Errorf(hub.KindDenied, "agency", "agency", "the traffic of an agency is its own")
	}
	now := s.now()
	if t.Days < 1 || t.Days > maxTrialDays {
		return part, hub.Invalid("days", "range", "a trial looks at 1 to %d days", maxTrialDays)
	}
	set, err := s.tried(ctx, &t, now)
	if err != nil {
		return part, err
	}
	at, err := readCursor(t.After, now)
	if err != nil {
		return part, err
	}
	r := &trial{Service: s, ctx: ctx, set: set, since: at.Until.AddDate(0, 0, -t.Days), at: at, part: part}
	if err := r.run(); err != nil {
		return part, err
	}
	return r.part, nil
}

// tried are the rules of a trial: its own, checked as if they were to be set, or those in
// force; all of them whatever their validity.
func (s *Service) tried(ctx context.Context, t *hub.RoutingTrial, now time.Time) (*hub.RoutingRules, error) {
	set := hub.RoutingRules{Agency: t.Agency, Rules: slices.Clone(t.Rules)}
	if t.Rules == nil {
		var err error
		if set, err = s.newest(ctx, t.Agency); err != nil {
			return nil, err
		}
	}
	for i := range set.Rules {
		tidy(&set.Rules[i])
	}
	if t.Rules != nil {
		if err := s.check(&set, now).AsError(); err != nil {
			return nil, err
		}
		if err := s.circles(s.current.Load(), &set, now).AsError(); err != nil {
			return nil, err
		}
	}
	for i := range set.Rules { // what it would have done had it been in force
		set.Rules[i].ValidFrom, set.Rules[i].ValidTo = "", ""
	}
	return &set, nil
}

func readCursor(text string, now time.Time) (trialCursor, error) {
	c := trialCursor{Until: now}
	if text == "" {
		return c, nil
	}
	body, err := base64.RawURLEncoding.DecodeString(text)
	if err == nil {
		err = json.Unmarshal(body, &c)
	}
	if err != nil || c.Until.After(now) {
		return c, hub.Invalid("after", "cursor", "this is no place where a part of a trial ended")
	}
	return c, nil
}

// trial is one part on its way.
type trial struct {
	*Service
	ctx   context.Context //nolint:containedctx // that of the one call
	set   *hub.RoutingRules
	since time.Time
	at    trialCursor
	part  hub.RoutingTrialPart
}

func (r *trial) run() error {
	for range trialPages {
		next, err := r.page()
		if err != nil {
			return err
		}
		switch r.at.After = next; {
		case next == "" && r.at.Received:
			return nil
		case next == "":
			r.at.Received = true
		}
		if len(r.part.Touched) >= maxTouched {
			break
		}
	}
	body, err := json.Marshal(r.at)
	if err != nil {
		return hub.Internal("encode a cursor", err)
	}
	r.part.Next = base64.RawURLEncoding.EncodeToString(body)
	return nil
}

func (r *trial) page() (next string, err error) {
	page := hub.Page{After: r.at.After, Limit: trialPage}
	a, ok := r.Directory.ByID(r.set.Agency)
	switch {
	case !r.at.Received && r.has(false):
		list, err := r.Past.SentBetween(r.ctx, hub.SentSpan{
			Sender: r.set.Agency, Page: page, First: hub.DispatchID(hub.IDAt(r.since)), End: hub.DispatchID(hub.IDAt(r.at.Until)),
		})
		for i := range list.Items {
			r.sent(&list.Items[i])
		}
		return list.Next, err
	case !r.at.Received || !r.has(true):
		return "", nil
	case ok && a.Registers:
		list, err := r.Past.RegisteredBetween(r.ctx, hub.RegisterQuery{Agency: r.set.Agency, From: day(r.since), To: day(r.at.Until), Page: page})
		for i := range list.Items {
			r.received(&list.Items[i].Item)
		}
		return list.Next, err
	}
	list, err := r.Past.Mailbox(r.ctx, hub.MailboxQuery{Agency: r.set.Agency, States: []hub.DeliveryState{hub.StateHandedOver, hub.StateAccepted}, Now: r.now(), Page: page})
	for i := range list.Items {
		r.received(&list.Items[i])
	}
	return list.Next, err
}

// has reports whether some rule is about what was received, or sent.
func (r *trial) has(received bool) bool {
	return slices.ContainsFunc(r.set.Rules, func(rule hub.RoutingRule) bool { return rule.Action.OfReceived() == received })
}

// sent looks at a dispatch of the agency, which rules mean unless it recalls or forwards.
func (r *trial) sent(item *hub.SentItem) {
	r.part.Looked++
	d := &item.Dispatch
	if d.Origin != nil || d.Operation == hub.OperationRecall {
		return
	}
	for _, rule := range acting(r.set, func(rule *hub.RoutingRule) bool {
		return !rule.Action.OfReceived() && rule.Means(&d.Document, day(d.AcceptedAt))
	}) {
		for _, code := range rule.Recipients {
			to, err := r.Directory.Resolve(code, d.AcceptedAt)
			outcome, problem := hub.RuleAdded, ""
			switch {
			case err != nil:
				outcome, problem = hub.RuleFailed, hub.ViolationsOf(err)[0].Message
			case slices.ContainsFunc(item.Deliveries, func(v hub.Delivery) bool { return v.Recipient == to.Agency.ID && v.Rule == nil }):
				outcome = hub.RulePresent
			case rule.Action == hub.RouteRequire:
				outcome, problem = hub.RuleFailed, "it would have been refused: this recipient is not among those that the sender named"
			}
			r.touch(d, &rule, code, outcome, problem)
		}
	}
}

// received looks at a document that the agency has received.
func (r *trial) received(item *hub.Item) {
	r.part.Looked++
	d := &item.Dispatch
	if d.AcceptedAt.Before(r.since) || item.Forwardable() != nil {
		return
	}
	author, _, _ := d.Author()
	for _, rule := range acting(r.set, func(rule *hub.RoutingRule) bool {
		return rule.Action.OfReceived() && rule.Means(&d.Document, day(d.AcceptedAt)) && r.wrote(rule, author, d.AcceptedAt)
	}) {
		if rule.Action == hub.RouteInspect {
			r.touch(d, &rule, "", hub.RuleAdded, "")
		}
		for _, code := range rule.Recipients {
			switch to, err := r.Directory.Resolve(code, d.AcceptedAt); {
			case err != nil:
				r.touch(d, &rule, code, hub.RuleFailed, hub.ViolationsOf(err)[0].Message)
			case to.Agency.ID == d.Sender || to.Agency.ID == author:
				r.touch(d, &rule, code, hub.RulePresent, "")
			default:
				r.touch(d, &rule, code, hub.RuleAdded, "")
			}
		}
	}
}

func (r *trial) touch(d *hub.Dispatch, rule *hub.ActingRule, code string, outcome hub.RuleOutcome, problem string) {
	r.part.Touched = append(r.part.Touched, hub.RoutingTouch{
		Dispatch: d.ID, Number: d.Document.Number(), TypeName: d.Document.TypeName, At: d.AcceptedAt,
		Rule: rule.Name, Action: rule.Action, Recipient: code, Outcome: outcome, Problem: problem,
	})
}
