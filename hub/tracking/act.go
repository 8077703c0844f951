package tracking

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/lienthong/lienthong/hub"
)

// act is one business act of a recipient on one delivery.
type act struct {
	event hub.Event
	// done returns the evidence of this very act if it was made before.
	done func(ctx context.Context, item *hub.Item) (hub.SealedEvidence, bool, error)
	// change checks the act against the delivery as it is now and sets new values.
	change func(d *hub.Delivery, now time.Time) error
	// describe adds to the evidence what the event needs.
	describe func(e *hub.Evidence, d *hub.Delivery)
	reports  []hub.StatusReport
	// then drafts a second evidence, which follows the first; nil for none. It destroys
	// the recipient's copy.
	then func(item *hub.Item, d *hub.Delivery, now time.Time) hub.Evidence
}

// conflictRetries bounds how often an act is tried against a delivery that
// somebody else changes at the same moment.
const conflictRetries = 5

// perform runs an act: once in effect, however often it is asked for. choose
// decides on the act by the delivery as it is; it is asked again after a race.
func (s *Service) perform(ctx context.Context, actor hub.Actor, id hub.DeliveryID, choose func(*hub.Item) act) (hub.SealedEvidence, error) {
	for try := 0; ; try++ {
		item, err := s.own(ctx, actor, id)
		if err != nil {
			return hub.SealedEvidence{}, err
		}
		a := choose(&item)
		if first, found, err := a.done(ctx, &item); found || err != nil {
			return first, err
		}
		sealed, err := s.attempt(ctx, actor, item, a)
		if err != nil && hub.KindOf(err) == hub.KindConflict && try < conflictRetries && s.moved(ctx, &item) {
			continue
		}
		return sealed, err
	}
}

// moved reports whether the delivery changed since it was read: then a conflict
// came from the race and not from the act.
func (s *Service) moved(ctx context.Context, item *hub.Item) bool {
	now, err := s.Store.Item(ctx, item.Delivery.ID)
	return err == nil && now.Delivery.Version != item.Delivery.Version
}

func (s *Service) attempt(ctx context.Context, actor hub.Actor, item hub.Item, a act) (hub.SealedEvidence, error) {
	before, next, now := item.Delivery, item.Delivery, s.now()
	if err := a.change(&next, now); err != nil {
		return hub.SealedEvidence{}, err
	}
	if next.State != before.State && !before.State.MayBecome(next.State) {
		return hub.SealedEvidence{}, hub.Errorf(hub.KindConflict, "delivery", "state",
			"the delivery is %s and cannot become %s", before.State, next.State)
	}
	at := before.Moment(now)
	next.Version, next.UpdatedAt = before.Version+1, at
	draft := hub.DeliveryEvidence(a.event, &item.Dispatch, &before, at)
	a.describe(&draft, &next)
	delegate, err := s.delegate(&actor, before.Recipient, now)
	if err != nil {
		return hub.SealedEvidence{}, err
	}
	draft.Delegate = delegate
	sealed, err := s.Notary.Seal(ctx, draft)
	if err != nil {
		return hub.SealedEvidence{}, err
	}
	next.LastEvidence = sealed[0].Ref()
	if a.then != nil {
		if sealed, err = s.destroy(ctx, &item, &next, sealed, a.then(&item, &next, at)); err != nil {
			return hub.SealedEvidence{}, err
		}
	}
	if next.Registration != nil && before.Registration == nil {
		next.Register = s.register(before.Recipient, now)
	}
	step := hub.Step{Delivery: next, From: before.State, Version: before.Version, Evidence: sealed, Reports: a.reports}
	results, err := s.Store.ApplySteps(ctx, step)
	if err != nil {
		return hub.SealedEvidence{}, err
	}
	return sealed[0], results[0]
}

// delegate is who acts in the place of a recipient; nil where it acts itself. To an actor
// that no longer receives for the recipient the delivery does not exist.
func (s *Service) delegate(actor *hub.Actor, recipient hub.AgencyID, now time.Time) (*hub.Party, error) {
	if slices.Contains(actor.Agencies, recipient) {
		return nil, nil
	}
	served, ok := s.Directory.ByID(recipient)
	if !ok {
		return nil, noDelivery()
	}
	by, ok := s.Directory.ByID(served.ReceivedByAt(now))
	if !ok || !by.LivesAt(now) || !slices.Contains(actor.Agencies, by.ID) {
		return nil, noDelivery()
	}
	code := by.CodeAt(now)
	return &hub.Party{ID: by.ID, Code: code, Scheme: string(code.Form()), Name: by.NameAt(now)}, nil
}

// recorded returns the newest evidence in a delivery's chain that fits.
func (s *Service) recorded(ctx context.Context, id hub.DeliveryID, fits func(*hub.Evidence) bool) (found hub.SealedEvidence, ok bool, err error) {
	query := hub.EvidenceQuery{Delivery: id, Page: hub.Page{Limit: s.MaxPage}}
	for {
		list, err := s.Evidences.Evidences(ctx, query)
		if err != nil {
			return found, false, err
		}
		for i := range list.Items {
			if fits(&list.Items[i].Evidence) {
				found, ok = list.Items[i], true
			}
		}
		if query.Page.After = list.Next; list.Next == "" {
			return found, ok, nil
		}
	}
}

// ofEvent tells the evidence of one event.
func ofEvent(event hub.Event) func(*hub.Evidence) bool {
	return func(e *hub.Evidence) bool { return e.Event == event }
}

func acknowledged(actor hub.Actor, d *hub.Delivery) *hub.DeliveryInfo {
	return &hub.DeliveryInfo{
		Attempt: d.Attempts, Channel: d.Channel,
		Ack: &hub.AuthFact{Method: actor.Auth, Actor: actor.Name},
	}
}

// Acknowledge hands the content over: the recipient names the digests of what it
// got, and only when they are those of the dispatch does the hub issue
// ContentHandover. digests maps part ids to digests and covers every part but the
// envelope, or the envelope. fence is that of the current lease, or 0 while
// nobody holds one. Errors: KindInvalid (rule digest or required, with the part)
// leaves the delivery as it is; KindConflict when it was taken over or has ended.
func (s *Service) Acknowledge(ctx context.Context, actor hub.Actor, id hub.DeliveryID, fence int64, digests map[string]hub.Digest) (hub.SealedEvidence, error) {
	early := false // an acceptance was reported before
	sealed, err := s.perform(ctx, actor, id, func(item *hub.Item) act {
		early = item.Delivery.Progress >= hub.StatusAccepted
		return s.handover(actor, item.Dispatch.Document.Priority, fence, digests)
	})
	if err == nil && early {
		s.catchUp(ctx, actor, id)
	}
	return sealed, err
}

func (s *Service) handover(actor hub.Actor, urgency hub.Priority, fence int64, digests map[string]hub.Digest) act {
	return act{
		event: hub.EventContentHandover,
		done: func(ctx context.Context, item *hub.Item) (hub.SealedEvidence, bool, error) {
			err := matchDigests(&item.Dispatch, digests)
			if err != nil || item.Delivery.State == hub.StateConsigned || item.Delivery.State == hub.StateQueued {
				return hub.SealedEvidence{}, false, err
			}
			return s.recorded(ctx, item.Delivery.ID, ofEvent(hub.EventContentHandover))
		},
		change: func(d *hub.Delivery, now time.Time) error {
			if d.State != hub.StateConsigned {
				return hub.Errorf(hub.KindConflict, "delivery", "state", "the delivery is %s and cannot be acknowledged", d.State)
			}
			d.State = hub.StateHandedOver
			s.Deadlines.HandedOver(d, urgency, now)
			return checkFence(d, fence, now)
		},
		describe: func(e *hub.Evidence, d *hub.Delivery) { e.DeliveryInfo = acknowledged(actor, d) },
	}
}

// matchDigests compares what the recipient got with what was sent.
func matchDigests(d *hub.Dispatch, digests map[string]hub.Digest) error {
	envelope := d.PartByID(string(hub.RoleEnvelope))
	_, gotEnvelope := digests[string(hub.RoleEnvelope)]
	for _, p := range d.Parts {
		got, ok := digests[p.ID]
		switch {
		case ok && got != p.Digest:
			return hub.Invalid("parts."+p.ID, "digest", "part %s has the SHA-256 %s, you name %s: collect it again", p.ID, p.Digest, got)
		case !ok && p.Role != hub.RoleEnvelope && (envelope == nil || !gotEnvelope):
			return hub.Invalid("parts."+p.ID, "required", "the digest of part %s is missing", p.ID)
		case !ok && len(d.Parts) == 1: // a package without files
			return hub.Invalid("parts."+p.ID, "required", "the digest of the package is missing")
		}
	}
	for id := range digests {
		if d.PartByID(id) == nil {
			return hub.Invalid("parts."+id, "unknown", "the dispatch has no part %q", id)
		}
	}
	return nil
}

// Accept records that the recipient registered the document (số đến). It ends
// the delivery. KindConflict when it was not handed over before, or is registered
// otherwise already.
func (s *Service) Accept(ctx context.Context, actor hub.Actor, id hub.DeliveryID, r hub.Registration) (hub.SealedEvidence, error) {
	if err := checkRegistration(r); err != nil {
		return hub.SealedEvidence{}, err
	}
	return s.perform(ctx, actor, id, func(item *hub.Item) act {
		said := fmt.Sprintf("Số đến %s ngày %s", r.Number, r.Date)
		return s.told(item, s.acceptance(actor, r, nil), hub.StatusAccepted, said)
	})
}

// acceptance is made by a registration or by a status report that says so.
func (s *Service) acceptance(actor hub.Actor, r hub.Registration, report *hub.StatusReport) act {
	return act{
		event: hub.EventConsignmentAcceptance,
		done: func(ctx context.Context, item *hub.Item) (hub.SealedEvidence, bool, error) {
			d := &item.Delivery
			if d.State != hub.StateAccepted || d.Registration == nil || *d.Registration != r {
				return hub.SealedEvidence{}, false, nil
			}
			return s.recorded(ctx, d.ID, ofEvent(hub.EventConsignmentAcceptance))
		},
		change: func(d *hub.Delivery, now time.Time) error {
			switch {
			case d.State == hub.StateAccepted:
				return hub.Errorf(hub.KindConflict, "registration", "state", "the delivery is already registered otherwise")
			case d.Destroyed != nil:
				return hub.Errorf(hub.KindConflict, "registration", "state", "the document was given back to its sender")
			case !d.Registers:
				return hub.Errorf(hub.KindConflict, "registration", "state", "this recipient does not register documents on this hub")
			}
			d.State, d.Registration, d.RegisteredAt = hub.StateAccepted, &r, d.Moment(now)
			d.Progress = d.Progress.Further(hub.StatusAccepted)
			return nil
		},
		describe: func(e *hub.Evidence, d *hub.Delivery) {
			e.Registration, e.DeliveryInfo, e.Status = d.Registration, acknowledged(actor, d), report.Fact()
		},
	}
}

func checkRegistration(r hub.Registration) error {
	found := hub.Violations{}
	found = checkText(found, "number", r.Number, true, maxRegister)
	found = checkText(found, "unit", r.Unit, false, maxUnit)
	if _, err := hub.ParseDate(string(r.Date)); err != nil {
		found = append(found, hub.Invalid("date", "date", "the date of registration has the form YYYY-MM-DD and exists"))
	}
	return found.AsError()
}

// Refuse sends the document back with a reason (QĐ 28/2018/QĐ-TTg art. 5.4). It
// ends the delivery. fence is that of the current lease, or 0 while nobody holds
// one.
func (s *Service) Refuse(ctx context.Context, actor hub.Actor, id hub.DeliveryID, fence int64, reason hub.Reason) (hub.SealedEvidence, error) {
	if err := checkReason(reason); err != nil {
		return hub.SealedEvidence{}, err
	}
	return s.perform(ctx, actor, id, func(item *hub.Item) act {
		return s.told(item, s.refusal(actor, fence, reason, nil), hub.StatusRefused, reason.Detail)
	})
}

// told adds a status report to an act that came without one, where the sender speaks in
// packages: it reads of its documents by such reports alone.
func (s *Service) told(item *hub.Item, a act, code hub.StatusCode, description string) act {
	if d := &item.Delivery; item.Dispatch.Format == hub.FormatEdXML {
		now := s.now()
		a.reports = []hub.StatusReport{{
			ID: s.NewID(), Dispatch: d.Dispatch, Delivery: d.ID, Reporter: d.Recipient,
			Code: code, Description: description, StatedAt: now.Truncate(time.Second), RecordedAt: now,
		}}
	}
	return a
}

// refusal is made by a reason or by a status report that says so.
func (s *Service) refusal(actor hub.Actor, fence int64, reason hub.Reason, report *hub.StatusReport) act {
	return act{
		event: hub.EventConsignmentRejection,
		done: func(ctx context.Context, item *hub.Item) (hub.SealedEvidence, bool, error) {
			d := &item.Delivery
			if d.State != hub.StateRefused || d.Reason == nil || *d.Reason != reason {
				return hub.SealedEvidence{}, false, nil
			}
			return s.recorded(ctx, d.ID, ofEvent(hub.EventConsignmentRejection))
		},
		change: func(d *hub.Delivery, now time.Time) error {
			switch {
			case d.State == hub.StateRefused:
				return hub.Errorf(hub.KindConflict, "delivery", "state", "the delivery is already refused for another reason")
			case d.State == hub.StateHandedOver && d.Final():
				return hub.Errorf(hub.KindConflict, "delivery", "state", "the delivery ended with its hand-over")
			case d.State == hub.StateConsigned:
				if err := checkFence(d, fence, now); err != nil {
					return err
				}
			}
			d.State, d.Reason, d.Progress, d.RefusedAt = hub.StateRefused, &reason, hub.StatusRefused, d.Moment(now)
			return nil
		},
		describe: func(e *hub.Evidence, d *hub.Delivery) {
			e.Reasons, e.DeliveryInfo, e.Status = []hub.Reason{reason}, acknowledged(actor, d), report.Fact()
		},
	}
}

func checkReason(r hub.Reason) error {
	found := hub.Violations{}
	if !slices.Contains(hub.RefusalReasons(), r.Code) {
		found = append(found, hub.Unlisted("code", r.Code, hub.RefusalReasons()))
	}
	return checkText(found, "detail", r.Detail, true, maxReason).AsError()
}
