package routing

import (
	"context"
	"crypto/sha256"
	"errors"
	"log/slog"
	"net/url"
	"time"

	"github.com/lienthong/lienthong/hub"
)

// Feed reads the log.
type Feed interface {
	// PushPosition tells where the log ends.
	PushPosition(ctx context.Context) (position, end int64, err error)
	// LogFrom reads entries in their order, from a place on. What is no evidence comes
	// with its place alone.
	LogFrom(ctx context.Context, place int64, limit int) ([]hub.PlacedEvidence, error)
}

// Items reads deliveries; KindNotFound when there is none.
type Items interface {
	Item(ctx context.Context, id hub.DeliveryID) (hub.Item, error)
}

// Forwards hands on what an agency received. The same order again is the same act.
type Forwards interface {
	Forward(ctx context.Context, actor hub.Actor, order hub.ForwardOrder) (hub.Accepted, error)
}

// Inspections takes what an agency received and inspects. The same item again is the same
// inspection.
type Inspections interface {
	Receive(ctx context.Context, item *hub.Item, rule hub.RuleRef) error
}

// ForwarderOptions are what a Forwarder needs; times without a value take the default named
// beside.
type ForwarderOptions struct {
	Rules       *Service
	Feed        Feed
	Items       Items
	Forwards    Forwards
	Inspections Inspections
	Log         *slog.Logger

	Every      time.Duration // how often the log is looked at; default 1 s
	RetryEvery time.Duration // how often open failures are looked at; default 30 s
	TidyEvery  time.Duration // how often those that ended are; default 1 h
	First, Max time.Duration // pauses after failures; default 1 min doubled up to 6 h
	GiveUp     time.Duration // after which a failure ends; default 7 days
	Keep       time.Duration // how long what ended is shown; default 30 days
}

// Forwarder makes the forwards and the inspections of rules: one at a time runs, on whichever node. It reads the
// log behind the exchange, so that nothing is skipped, and goes on from its place only when
// each forward was made or is written down to be tried again. A crash in between makes the
// same order again, which is the same act.
type Forwarder struct{ ForwarderOptions }

// NewForwarder returns a Forwarder with defaults filled in.
func NewForwarder(o ForwarderOptions) *Forwarder {
	for _, d := range []struct {
		value    *time.Duration
		standard time.Duration
	}{{&o.Every, time.Second}, {&o.RetryEvery, 30 * time.Second}, {&o.TidyEvery, time.Hour}, {&o.First, time.Minute}, {&o.Max, 6 * time.Hour}, {&o.GiveUp, 7 * 24 * time.Hour}, {&o.Keep, 30 * 24 * time.Hour}} {
		if *d.value == 0 {
			*d.value = d.standard
		}
	}
	return &Forwarder{o}
}

const (
	positionName = "routing-position"
	// Failures are kept under two names: those that are tried again, which are looked at all
	// the time, apart from those that ended, which are many more in the end.
	openPrefix  = "routing-waiting/"
	endedPrefix = "routing-ended/"
	feedPage    = 500
	// idleLag is how far the position may stay behind while no rule forwards.
	idleLag = 10_000
)

// Run makes forwards until ctx ends.
func (f *Forwarder) Run(ctx context.Context) {
	tick, retry, tidy := time.NewTicker(f.Every), time.NewTicker(f.RetryEvery), time.NewTicker(f.TidyEvery)
	defer tick.Stop()
	defer retry.Stop()
	defer tidy.Stop()
	for {
		var err error
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			err = f.Feeding(ctx)
		case <-retry.C:
			err = f.Retry(ctx)
		case <-tidy.C:
			err = f.Tidy(ctx)
		}
		if err != nil && ctx.Err() == nil {
			f.Log.WarnContext(ctx, "forwarding by rules will be tried again", "error", err)
		}
	}
}

// Feeding reads what the log has got since the last time and makes the forwards of it. The
// first time it begins at the end of the log.
func (f *Forwarder) Feeding(ctx context.Context) error {
	was, err := f.note(ctx, positionName)
	if err != nil {
		return err
	}
	_, end, err := f.Feed.PushPosition(ctx)
	if err != nil {
		return err
	}
	position := end
	if len(was.Body) > 0 {
		if position, err = decode[int64](&was); err != nil {
			return err
		}
	}
	// The rules are asked for behind each look at the log: one that was there when an entry
	// came into the log is then among them.
	if err := f.Rules.Refresh(ctx); err != nil {
		return err
	}
	if idle := !f.Rules.current.Load().received; len(was.Body) == 0 || idle {
		if len(was.Body) == 0 || end-position > idleLag {
			_, err = f.move(ctx, was, end)
		}
		return err
	}
	for position < end && ctx.Err() == nil {
		entries, err := f.Feed.LogFrom(ctx, position, feedPage)
		if err != nil || len(entries) == 0 {
			return err
		}
		if err := f.Rules.Refresh(ctx); err != nil {
			return err
		}
		for i := range entries {
			if err := f.consider(ctx, &entries[i].Evidence.Evidence); err != nil {
				return err
			}
		}
		position = entries[len(entries)-1].Place + 1
		if was, err = f.move(ctx, was, position); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// note returns a note, without a body where there is none.
func (f *Forwarder) note(ctx context.Context, name string) (hub.RetentionNote, error) {
	n, err := f.Rules.Notes.Note(ctx, name)
	if err != nil && hub.KindOf(err) == hub.KindNotFound {
		return hub.RetentionNote{Name: name}, nil
	}
	return n, err
}

func (f *Forwarder) move(ctx context.Context, was hub.RetentionNote, position int64) (hub.RetentionNote, error) {
	now, err := encode(positionName, position)
	if err == nil {
		err = f.Rules.Notes.SwapNote(ctx, was, now)
	}
	return now, err
}

// consider makes the forwards and inspections that follow from an evidence: a recipient has registered a
// document or, where it does not register, acknowledged it.
func (f *Forwarder) consider(ctx context.Context, e *hub.Evidence) error {
	if e.Event != hub.EventConsignmentAcceptance && e.Event != hub.EventContentHandover || len(e.Recipients) != 1 {
		return nil
	}
	if len(f.Rules.current.Load().rules[e.Recipients[0].ID].Rules) == 0 {
		return nil
	}
	item, err := f.Items.Item(ctx, e.Delivery)
	if err != nil {
		if hub.KindOf(err) == hub.KindNotFound {
			return nil // removed at the end of its time
		}
		return err
	}
	if e.Event == hub.EventContentHandover && item.Delivery.Registers {
		return nil // the registration decides
	}
	rules := f.Rules.receiving(item.Delivery.Recipient, &item.Dispatch, e.Time)
	for i := range rules {
		if rules[i].Since.After(e.Time) {
			continue
		}
		if rules[i].Action == hub.RouteInspect {
			if err := f.Inspections.Receive(ctx, &item, rules[i].Ref()); err != nil {
				return err
			}
		}
		for _, code := range rules[i].Recipients {
			if err := f.first(ctx, &item, &rules[i], code); err != nil {
				return err
			}
		}
	}
	return nil
}

// first makes a forward, or writes down that it could not be made.
func (f *Forwarder) first(ctx context.Context, item *hub.Item, rule *hub.ActingRule, code string) error {
	if f.origin(item, code) {
		return nil
	}
	now := f.Rules.now()
	failure := hub.RoutingFailure{
		Agency: item.Delivery.Recipient, Rule: rule.Ref(), Recipient: code,
		Delivery: item.Delivery.ID, Number: item.Dispatch.Document.Number(), Since: now,
	}
	was, err := f.note(ctx, openPrefix+failureName(&failure))
	if err != nil || len(was.Body) > 0 {
		return err // it is written down, and tried again from there
	}
	if ended, err := f.note(ctx, endedPrefix+failureName(&failure)); err != nil || len(ended.Body) > 0 {
		return err
	}
	if err := tooManySteps(item); err != nil {
		failure.Problem, failure.Said, failure.Ended = err.Message, hub.SaidOf(err), now
		return f.keep(ctx, was, &failure)
	}
	if err := f.forward(ctx, &failure, rule); err != nil {
		f.failed(&failure, err, now)
		return f.keep(ctx, was, &failure)
	}
	return nil
}

// origin reports whether a document came from who a code means: it has it.
func (f *Forwarder) origin(item *hub.Item, code string) bool {
	to, err := f.Rules.Directory.Resolve(code, f.Rules.now())
	author, _, _ := item.Dispatch.Author()
	return err == nil && (to.Agency.ID == item.Dispatch.Sender || to.Agency.ID == author)
}

// tooManySteps says why a document is forwarded by rules no further: whatever the rules of
// agencies came to be, no document goes on for ever.
func tooManySteps(item *hub.Item) *hub.Error {
	if o := item.Dispatch.Origin; o != nil && o.Steps >= hub.MaxRuleSteps {
		return hub.Errorf(hub.KindConflict, "document", "rule_steps", "the document was forwarded by rules %d times already", o.Steps)
	}
	return nil
}

// forward makes a forward. That it was made before is no error.
func (f *Forwarder) forward(ctx context.Context, unit *hub.RoutingFailure, rule *hub.ActingRule) error {
	ref := rule.Ref()
	actor := hub.Actor{
		Name: "rule: " + rule.Name, Kind: hub.ActorSystem, Auth: hub.AuthRule, Agencies: []hub.AgencyID{unit.Agency},
		Scopes: []hub.Scope{hub.ScopeSubmit, hub.ScopeCollect, hub.ScopeRead},
	}
	_, err := f.Forwards.Forward(ctx, actor, hub.ForwardOrder{
		Delivery: unit.Delivery, Recipients: []string{unit.Recipient}, Note: rule.Note, Key: key(unit), Rule: &ref,
	})
	var e *hub.Error
	if errors.As(err, &e) && e.Kind == hub.KindConflict && e.Rule == "duplicate" {
		return nil // made before, when the note of the rule was another
	}
	return err
}

// key is the same for the same forward, whatever becomes of the other words of the rule.
func key(unit *hub.RoutingFailure) string {
	return "rule:" + digest(unit.Rule.Name+"\x00"+unit.Recipient) + ":" + string(unit.Delivery)
}

func digest(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hub.Digest(sum).String()[:16]
}

// failureName is that of the note of a failure, behind its prefix.
func failureName(unit *hub.RoutingFailure) string {
	return url.PathEscape(string(unit.Agency)) + "/" + string(unit.Delivery) + "/" + digest(unit.Rule.Name+"\x00"+unit.Recipient)
}

// failed says when to try again. What was taken back, removed or belongs to a closed agency
// is not forwarded any more; everything else may be otherwise tomorrow.
func (f *Forwarder) failed(unit *hub.RoutingFailure, err error, now time.Time) {
	unit.Attempts++
	first := hub.ViolationsOf(err)[0]
	unit.Problem, unit.Said = first.Message, hub.SaidOf(first)
	kind := hub.KindOf(err)
	if kind == hub.KindNotFound || kind == hub.KindDenied || now.Sub(unit.Since) >= f.GiveUp {
		unit.Ended, unit.Next = now, time.Time{}
		return
	}
	pause := f.First
	for n := 1; n < unit.Attempts && pause < f.Max; n++ {
		pause *= 2
	}
	unit.Next = now.Add(min(pause, f.Max))
}

// keep writes a failure down in the place of what was known of it. One that ended gets its
// other name first: a crash in between has it tried once more, and loses nothing.
func (f *Forwarder) keep(ctx context.Context, was hub.RetentionNote, unit *hub.RoutingFailure) error {
	f.Log.WarnContext(ctx, "a routing rule could not forward", "agency", unit.Agency, "rule", unit.Rule.Name, "delivery", unit.Delivery, "attempts", unit.Attempts, "ended", !unit.Ended.IsZero())
	if unit.Ended.IsZero() {
		now, err := encode(was.Name, unit)
		if err != nil {
			return err
		}
		return f.Rules.Notes.SwapNote(ctx, was, now)
	}
	before, err := f.note(ctx, endedPrefix+failureName(unit))
	if err != nil {
		return err
	}
	now, err := encode(before.Name, unit)
	if err == nil {
		err = f.Rules.Notes.SwapNote(ctx, before, now)
	}
	if err != nil || len(was.Body) == 0 {
		return err
	}
	return f.forget(ctx, was)
}

func (f *Forwarder) forget(ctx context.Context, was hub.RetentionNote) error {
	return f.Rules.Notes.SwapNote(ctx, was, hub.RetentionNote{Name: was.Name})
}

// Retry tries again what failed and is due.
func (f *Forwarder) Retry(ctx context.Context) error { return f.each(ctx, openPrefix, f.again) }

// Tidy forgets what ended long ago.
func (f *Forwarder) Tidy(ctx context.Context) error {
	return f.each(ctx, endedPrefix, func(ctx context.Context, was hub.RetentionNote) error {
		unit, err := decode[hub.RoutingFailure](&was)
		if err != nil || f.Rules.now().Sub(unit.Ended) < f.Keep {
			return err
		}
		return f.forget(ctx, was)
	})
}

// each visits all notes with a prefix.
func (f *Forwarder) each(ctx context.Context, prefix string, visit func(context.Context, hub.RetentionNote) error) error {
	for q := (hub.NotesQuery{Prefix: prefix, Limit: pageSize}); ; {
		notes, err := f.Rules.Notes.Notes(ctx, q)
		if err != nil {
			return err
		}
		for i := range notes {
			if err := visit(ctx, notes[i]); err != nil {
				return err
			}
		}
		if len(notes) < pageSize {
			return nil
		}
		q.After = notes[len(notes)-1].Name
	}
}

func (f *Forwarder) again(ctx context.Context, was hub.RetentionNote) error {
	unit, err := decode[hub.RoutingFailure](&was)
	if err != nil {
		return err
	}
	now := f.Rules.now()
	switch {
	case !unit.Ended.IsZero(): // written down before those that ended had a name of their own
		return f.keep(ctx, was, &unit)
	case unit.Next.After(now):
		return nil
	}
	rule := f.rule(&unit)
	if rule == nil {
		unit.Ended, unit.Next, unit.Problem = now, time.Time{}, "the rule was taken away or names this recipient no more"
		return f.keep(ctx, was, &unit)
	}
	if err := f.forward(ctx, &unit, rule); err != nil {
		f.failed(&unit, err, now)
		return f.keep(ctx, was, &unit)
	}
	if ended, err := f.note(ctx, endedPrefix+failureName(&unit)); err != nil || len(ended.Body) > 0 {
		if err == nil { // a crash left it behind
			err = f.forget(ctx, ended)
		}
		if err != nil {
			return err
		}
	}
	return f.forget(ctx, was)
}

// rule is the rule by which a forward is still wanted; nil for none.
func (f *Forwarder) rule(unit *hub.RoutingFailure) *hub.ActingRule {
	set := f.Rules.current.Load().rules[unit.Agency]
	for i := range set.Rules {
		r := &set.Rules[i]
		if r.Name != unit.Rule.Name || r.Action != hub.RouteForward {
			continue
		}
		for _, code := range r.Recipients {
			if code == unit.Recipient {
				return &hub.ActingRule{RoutingRule: *r, Version: set.Version}
			}
		}
	}
	return nil
}

// maxFailures is how many failures one answer has.
const maxFailures = 200

// Failures lists forwards that rules of an agency could not make, those that are tried again
// before those that ended, to who may read its rules.
func (s *Service) Failures(ctx context.Context, actor hub.Actor, agency hub.AgencyID) ([]hub.RoutingFailure, error) {
	if err := mayRead(&actor, agency); err != nil {
		return nil, err
	}
	var list []hub.RoutingFailure
	for _, prefix := range []string{openPrefix, endedPrefix} {
		notes, err := s.Notes.Notes(ctx, hub.NotesQuery{Prefix: prefix + url.PathEscape(string(agency)) + "/", Backwards: true, Limit: maxFailures - len(list)})
		if err != nil {
			return nil, err
		}
		for i := range notes {
			failure, err := decode[hub.RoutingFailure](&notes[i])
			if err != nil {
				return nil, err
			}
			list = append(list, failure)
		}
		if len(list) == maxFailures {
			break
		}
	}
	return list, nil
}
