package tracking

import (
	"context"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/lienthong/lienthong/hub"
)

// act is one business act of a recipient on one delivery. done looks for the
// evidence of the same act made before; step drafts the transition and evidence.
type act struct {
	event hub.Event
	// same reports whether the delivery already shows this very act.
	same func(d *hub.Delivery) bool
	// change checks the act against the delivery as it is now and sets new values.
	change func(item *hub.Item, now time.Time) error
	// describe adds to the evidence what the event needs.
	describe func(e *hub.Evidence, d *hub.Delivery)
	reports  []hub.StatusReport
}

// conflictRetries bounds how often an act is tried against a delivery that
// somebody else changes at the same moment.
const conflictRetries = 5

// perform runs an act: once in effect, however often it is asked for.
func (s *Service) perform(ctx context.Context, actor hub.Actor, id hub.DeliveryID, a act) (hub.SealedEvidence, error) {
	for try := 0; ; try++ {
		item, err := s.own(ctx, actor, id)
		if err != nil {
			return hub.SealedEvidence{}, err
		}
		if a.same(&item.Delivery) {
			return s.earlier(ctx, id, a.event)
		}
		sealed, err := s.attempt(ctx, item, a)
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

func (s *Service) attempt(ctx context.Context, item hub.Item, a act) (hub.SealedEvidence, error) {
	now := s.Now().UTC()
	before := item.Delivery
	if err := a.change(&item, now); err != nil {
		return hub.SealedEvidence{}, err
	}
	next := item.Delivery
	if next.State != before.State && !before.State.MayBecome(next.State) {
		return hub.SealedEvidence{}, hub.Errorf(hub.KindConflict, "delivery", "state",
			"the delivery is %s and cannot become %s", before.State, next.State)
	}
	next.Version, next.UpdatedAt = before.Version+1, now
	draft := hub.DeliveryEvidence(a.event, &item.Dispatch, &before, now)
	a.describe(&draft, &next)
	sealed, err := s.Notary.Seal(ctx, draft)
	if err != nil {
		return hub.SealedEvidence{}, err
	}
	next.LastEvidence = sealed[0].Ref()
	step := hub.Step{Delivery: next, From: before.State, Version: before.Version, Evidence: sealed, Reports: a.reports}
	results, err := s.Store.ApplySteps(ctx, step)
	if err != nil {
		return hub.SealedEvidence{}, err
	}
	return sealed[0], results[0]
}

// earlier returns the newest evidence of an event in the delivery's chain.
func (s *Service) earlier(ctx context.Context, id hub.DeliveryID, event hub.Event) (hub.SealedEvidence, error) {
	query := hub.EvidenceQuery{Delivery: id, Page: hub.Page{Limit: s.MaxPage}}
	var found *hub.SealedEvidence
	for {
		list, err := s.Evidences.Evidences(ctx, query)
		if err != nil {
			return hub.SealedEvidence{}, err
		}
		for i := range list.Items {
			if list.Items[i].Evidence.Event == event {
				found = &list.Items[i]
			}
		}
		if query.Page.After = list.Next; list.Next == "" {
			break
		}
	}
	if found == nil {
		return hub.SealedEvidence{}, hub.Internal("delivery "+string(id)+" shows an act without its evidence "+event.Name(), nil)
	}
	return *found, nil
}

// Acknowledge hands the content over: the recipient names the digests of what it
// got, and only when they are those of the dispatch does the hub issue
// ContentHandover. digests maps part ids to digests and covers every part, or
// every part but the envelope, or the envelope alone.
func (s *Service) Acknowledge(ctx context.Context, actor hub.Actor, id hub.DeliveryID, fence int64, digests map[string]hub.Digest) (hub.SealedEvidence, error) {
	var wrong error
	a := act{event: hub.EventContentHandover}
	a.same = func(d *hub.Delivery) bool {
		return d.State == hub.StateHandedOver || d.State == hub.StateAccepted
	}
	a.change = func(item *hub.Item, now time.Time) error {
		if wrong = matchDigests(&item.Dispatch, digests); wrong != nil {
			return wrong
		}
		if item.Delivery.State == hub.StateConsigned {
			if err := checkFence(&item.Delivery, fence, now); err != nil {
				return err
			}
		}
		item.Delivery.State = hub.StateHandedOver
		return nil
	}
	a.describe = func(e *hub.Evidence, d *hub.Delivery) {
		e.DeliveryInfo = &hub.DeliveryInfo{
			Attempt: d.Attempts, Channel: d.Channel,
			Ack: &hub.AuthFact{Method: actor.Auth, Actor: actor.Name},
		}
	}
	if item, err := s.own(ctx, actor, id); err != nil {
		return hub.SealedEvidence{}, err
	} else if err := matchDigests(&item.Dispatch, digests); err != nil {
		return hub.SealedEvidence{}, err
	}
	return s.perform(ctx, actor, id, a)
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
// the delivery.
func (s *Service) Accept(ctx context.Context, actor hub.Actor, id hub.DeliveryID, r hub.Registration) (hub.SealedEvidence, error) {
	if err := checkRegistration(r); err != nil {
		return hub.SealedEvidence{}, err
	}
	return s.perform(ctx, actor, id, s.acceptance(actor, r, nil))
}

func (s *Service) acceptance(actor hub.Actor, r hub.Registration, reports []hub.StatusReport) act {
	return act{
		event:   hub.EventConsignmentAcceptance,
		reports: reports,
		same: func(d *hub.Delivery) bool {
			return d.State == hub.StateAccepted && d.Registration != nil && *d.Registration == r
		},
		change: func(item *hub.Item, _ time.Time) error {
			d := &item.Delivery
			if d.State == hub.StateAccepted {
				return hub.Errorf(hub.KindConflict, "registration", "state", "the delivery is already registered under another number")
			}
			if !d.Registers {
				return hub.Errorf(hub.KindConflict, "registration", "state", "this recipient does not register documents on this hub")
			}
			d.State, d.Registration = hub.StateAccepted, &r
			d.Progress = d.Progress.Further(hub.StatusAccepted)
			return nil
		},
		describe: func(e *hub.Evidence, d *hub.Delivery) {
			e.Registration = d.Registration
			e.DeliveryInfo = &hub.DeliveryInfo{Channel: d.Channel, Ack: &hub.AuthFact{Method: actor.Auth, Actor: actor.Name}}
			if len(reports) > 0 {
				e.Status = statusFact(&reports[0])
			}
		},
	}
}

func checkRegistration(r hub.Registration) error {
	if err := plainText("number", r.Number, true, 50); err != nil {
		return err
	}
	if err := plainText("unit", r.Unit, false, 200); err != nil {
		return err
	}
	if _, err := hub.ParseDate(string(r.Date)); err != nil {
		return hub.Invalid("date", "date", "the date of registration has the form YYYY-MM-DD")
	}
	return nil
}

// plainText checks one line of text from a recipient.
func plainText(field, value string, required bool, longest int) error {
	switch {
	case required && strings.TrimSpace(value) == "":
		return hub.Invalid(field, "required", "%s is required", field)
	case !utf8.ValidString(value) || strings.ContainsFunc(value, func(r rune) bool { return unicode.IsControl(r) && r != '\n' && r != '\t' }):
		return hub.Invalid(field, "control_character", "%s contains control characters", field)
	case utf8.RuneCountInString(value) > longest:
		return hub.Invalid(field, "max_length", "%s has more than %d characters", field, longest)
	}
	return nil
}

// Refuse sends the document back with a reason (QĐ 28/2018/QĐ-TTg art. 5.4). It
// ends the delivery. fence is that of the running lease, or 0 without one.
func (s *Service) Refuse(ctx context.Context, actor hub.Actor, id hub.DeliveryID, fence int64, reason hub.Reason) (hub.SealedEvidence, error) {
	if err := checkReason(reason); err != nil {
		return hub.SealedEvidence{}, err
	}
	return s.perform(ctx, actor, id, s.refusal(actor, fence, reason, nil))
}

func (s *Service) refusal(actor hub.Actor, fence int64, reason hub.Reason, reports []hub.StatusReport) act {
	return act{
		event:   hub.EventConsignmentRejection,
		reports: reports,
		same: func(d *hub.Delivery) bool {
			return d.State == hub.StateRefused && d.Reason != nil && *d.Reason == reason
		},
		change: func(item *hub.Item, now time.Time) error {
			d := &item.Delivery
			if d.State == hub.StateConsigned {
				if err := checkFence(d, fence, now); err != nil {
					return err
				}
			}
			if d.State == hub.StateHandedOver && !d.Registers {
				return hub.Errorf(hub.KindConflict, "delivery", "state", "the delivery ended with its hand-over")
			}
			if d.State == hub.StateRefused {
				return hub.Errorf(hub.KindConflict, "delivery", "state", "the delivery is already refused for another reason")
			}
			d.State, d.Reason = hub.StateRefused, &reason
			d.Progress = hub.StatusRefused
			return nil
		},
		describe: func(e *hub.Evidence, d *hub.Delivery) {
			e.Reasons = []hub.Reason{reason}
			e.DeliveryInfo = &hub.DeliveryInfo{Channel: d.Channel, Ack: &hub.AuthFact{Method: actor.Auth, Actor: actor.Name}}
			if len(reports) > 0 {
				e.Status = statusFact(&reports[0])
			}
		},
	}
}

// maxReason is the longest reason in characters.
const maxReason = 1000

func checkReason(r hub.Reason) error {
	known := false
	for _, code := range hub.RefusalReasons() {
		known = known || code == r.Code
	}
	if !known {
		return hub.Invalid("code", "code_list", "%q is not a reason to refuse", r.Code)
	}
	return plainText("detail", r.Detail, true, maxReason)
}
