package push

import (
	"context"
	"encoding/json"
	"time"

	"github.com/lienthong/lienthong/hub"
)

const (
	// feedPage is how many entries of the log are read at once.
	feedPage = 500
	// clocks is how far an evidence may be older than a subscription that it is told to:
	// the clocks of nodes differ, and an evidence carries the time before it is in the log.
	clocks = 10 * time.Second
	// idleLag is how far the position may stay behind while nobody subscribes.
	idleLag = 10_000
)

// feed reads what the log has got since the last time, up to where it ended when this
// began, and records what it means for subscriptions. It returns which of them have
// something new.
//
// The subscriptions are asked for behind each look at the log: one that was there when
// an entry came into the log is then among them. Where nobody subscribes, no entry is read.
func (s *Service) feed(ctx context.Context, current func(context.Context) ([]hub.Subscription, error)) (map[string]bool, error) {
	position, end, err := s.Feed.PushPosition(ctx)
	if err != nil || position >= end {
		return nil, err
	}
	subs, err := current(ctx)
	if err != nil {
		return nil, err
	}
	fresh := map[string]bool{}
	for position < end && ctx.Err() == nil {
		if len(subs) == 0 { // who subscribes later is told of what comes later
			if end-position > idleLag {
				err = s.Feed.AddPushes(ctx, position, end, nil)
			}
			return fresh, err
		}
		entries, err := s.Feed.LogFrom(ctx, position, feedPage)
		if err != nil || len(entries) == 0 {
			return fresh, err
		}
		if subs, err = current(ctx); err != nil {
			return fresh, err
		}
		pushes := s.pushesOf(entries, subs)
		next := entries[len(entries)-1].Place + 1
		for i := range pushes { // also when nobody knows whether they were recorded
			fresh[pushes[i].Subscription] = true
		}
		if err := s.Feed.AddPushes(ctx, position, next, pushes); err != nil {
			return fresh, err
		}
		position = next
	}
	return fresh, ctx.Err()
}

// pushesOf is what entries of the log mean for subscriptions.
func (s *Service) pushesOf(entries []hub.PlacedEvidence, subs []hub.Subscription) []hub.Push {
	byAgency := map[hub.AgencyID][]*hub.Subscription{}
	for i := range subs {
		byAgency[subs[i].Agency] = append(byAgency[subs[i].Agency], &subs[i])
	}
	var pushes []hub.Push
	for i := range entries {
		pushes = s.appendPushes(pushes, &entries[i], byAgency)
	}
	return pushes
}

// appendPushes adds what an entry of the log means for subscriptions.
func (s *Service) appendPushes(pushes []hub.Push, p *hub.PlacedEvidence, byAgency map[hub.AgencyID][]*hub.Subscription) []hub.Push {
	if p.Note != nil {
		return s.appendNote(pushes, p, byAgency)
	}
	e := &p.Evidence.Evidence
	for _, agency := range parties(e) {
		topic := topicFor(e, agency)
		for _, sub := range byAgency[agency] {
			told := topic
			if !sub.Wants(told) {
				told = hub.TopicEvidence
			}
			if !sub.Wants(told) || e.Time.Before(sub.Created.Add(-clocks)) {
				continue
			}
			due := s.now().Add(s.gather(sub))
			if sub.Digest && told == hub.TopicTask {
				due = morning(s.now())
			}
			pushes = append(pushes, hub.Push{
				Subscription: sub.ID, Evidence: e.ID, Place: p.Place, Topic: told, Dispatch: e.Dispatch, Delivery: e.Delivery,
				At: e.Time, State: hub.PushWaiting, Due: due,
			})
		}
	}
	return pushes
}

// appendNote adds what the note of an event of a dossier means for subscriptions: to all that
// it names but the agency that reported it. A reminder is nobody's report.
func (s *Service) appendNote(pushes []hub.Push, p *hub.PlacedEvidence, byAgency map[hub.AgencyID][]*hub.Subscription) []hub.Push {
	fact, err := factOf(p.Note)
	if err != nil {
		s.Log.Error("the note of an event of a dossier can't be read; nobody is told of it", "note", p.Note.ID, "error", err)
		return pushes
	}
	for _, agency := range fact.Tell {
		if agency == fact.Agency && fact.Act != hub.DossierRemind {
			continue
		}
		for _, sub := range byAgency[agency] {
			if !sub.Wants(hub.TopicDossier) || p.Note.Time.Before(sub.Created.Add(-clocks)) {
				continue
			}
			pushes = append(pushes, hub.Push{
				Subscription: sub.ID, Evidence: hub.EvidenceID(p.Note.ID), Place: p.Place, Topic: hub.TopicDossier, At: p.Note.Time, State: hub.PushWaiting, Due: s.now().Add(s.gather(sub)),
			})
		}
	}
	return pushes
}

func factOf(n *hub.LogNote) (*hub.DossierFact, error) {
	var fact hub.DossierFact
	if err := json.Unmarshal(n.Body, &fact); err != nil {
		return nil, hub.Internal("decode the note "+n.ID, err)
	}
	return &fact, nil
}

// digestAt is when the mail of the morning goes out, from midnight in Vietnam: the hub
// reminds of deadlines from eight o'clock on, and all that it has to say is in the log then.
const digestAt = 8*time.Hour + 30*time.Minute

// morning is the next moment from now on at which the mail of the morning goes out.
func morning(now time.Time) time.Time {
	local := now.In(hub.Vietnam())
	at := time.Date(local.Year(), local.Month(), local.Day(), 0, 0, 0, 0, local.Location()).Add(digestAt)
	if at.Before(local) {
		at = at.AddDate(0, 0, 1)
	}
	return at.UTC()
}

// parties are the agencies that an evidence is about, each once: its sender and its
// recipients, who may see it (audit.Service.Evidence decides the same).
func parties(e *hub.Evidence) []hub.AgencyID {
	var all []hub.AgencyID
	if e.Sender != nil {
		all = append(all, e.Sender.ID)
	}
	if e.Dispatch == "" { // a rejection: only its sender knows of it
		return all
	}
	seen := map[hub.AgencyID]bool{}
	if e.Sender != nil {
		seen[e.Sender.ID] = true
	}
	for i := range e.Recipients {
		if id := e.Recipients[i].ID; !seen[id] {
			seen[id] = true
			all = append(all, id)
		}
	}
	return all
}

// topicFor says what an evidence is to one of its parties.
func topicFor(e *hub.Evidence, agency hub.AgencyID) hub.Topic {
	receives := len(e.Recipients) == 1 && e.Recipients[0].ID == agency
	sends := e.Sender != nil && e.Sender.ID == agency
	switch e.Event {
	case hub.EventContentConsignment, hub.EventConsignmentNotification, hub.EventExpiryWarning:
		if receives {
			return hub.TopicWaiting
		}
	case hub.EventTask:
		if len(e.Tasks) == 1 && tells(e.Tasks[0].Act, receives, sends) {
			return hub.TopicTask
		}
	case hub.EventStatusReport:
		asked := e.Status != nil && e.Status.Code == hub.StatusRecallAsked
		if asked && receives || !asked && sends {
			return hub.TopicStatus
		}
	}
	return hub.TopicEvidence
}

// tells reports whether an act on a task is news to the agency that has it (receives), or
// to the assigner (sends): what the other side did, and what the hub says of a deadline.
// That one is over concerns both.
func tells(act hub.TaskAct, receives, sends bool) bool {
	switch {
	case act == hub.ActOverdue || act == hub.ActEscalate:
		return receives || sends
	case act == hub.ActNote || act == hub.ActSee:
		return false
	case act == hub.ActDueSoon || act == hub.ActDueToday || act.OfAssigner():
		return receives
	}
	return sends
}
