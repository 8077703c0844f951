package intake

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/lienthong/lienthong/hub"
)

// manyRecipients is from how many on a submission makes so much evidence that it may have
// to wait for the log.
const manyRecipients = 50

// Submit accepts a submission or refuses it.
//
// Errors: KindDenied and KindInvalid (sender) before the sender is known to be
// the actor's, without a trace; *hub.Rejection with the sealed SubmissionRejection
// for everything that is wrong with the submission itself; KindConflict when the
// key or external id already stands for other content; KindUnavailable when a
// verdict could not be made, or while the intake is closed to what is new.
func (s *Service) Submit(ctx context.Context, actor hub.Actor, sub hub.Submission) (hub.Accepted, error) {
	if len(sub.Recipients) >= manyRecipients {
		s.AwaitLog(ctx)
	}
	now := s.now()
	if sub.ReceivedAt.IsZero() {
		sub.ReceivedAt = now
	}
	sender, err := s.authorize(actor, sub.Sender, now)
	if err != nil {
		if first, found := s.beforeItClosed(ctx, actor, &sub, now); found {
			return first, nil
		}
		return hub.Accepted{}, err
	}
	if first, found, err := s.first(ctx, sender.ID, &sub); found || err != nil {
		if found {
			s.takePackage(ctx, &first.Dispatch)
		}
		return first, err
	}
	if err := s.Closed(); err != nil {
		return hub.Accepted{}, err
	}
	plan, err := s.examine(ctx, actor, sender, &sub, now)
	if err != nil {
		return hub.Accepted{}, s.refuse(ctx, actor, sender, &sub, err, now)
	}
	accepted, err := s.accept(ctx, actor, plan, now)
	if refused := refusesEntry(err); refused != nil {
		return hub.Accepted{}, s.refuse(ctx, actor, sender, &sub, refused, now)
	}
	return accepted, err
}

// beforeItClosed finds what an agency that has closed meanwhile sent before: whose answer
// was lost on the last evening gets it still, and sends nothing anew.
func (s *Service) beforeItClosed(ctx context.Context, actor hub.Actor, sub *hub.Submission, now time.Time) (hub.Accepted, bool) {
	sender, ok := s.Directory.Holder(sub.Sender, now)
	if !ok || sender.LivesAt(now) || actor.SpeaksFor(sender.ID, hub.ScopeSubmit) != nil {
		return hub.Accepted{}, false
	}
	first, found, err := s.first(ctx, sender.ID, sub)
	return first, found && err == nil
}

// authorize finds the sending agency and makes sure that the actor may speak for
// it. What it refuses leaves no evidence: a stranger must not be able to write
// into the records of an agency.
func (s *Service) authorize(actor hub.Actor, code string, now time.Time) (*hub.Agency, error) {
	if err := actor.Require(hub.ScopeSubmit); err != nil {
		return nil, err
	}
	sender, err := s.Directory.ResolveSender(code, now)
	if err != nil {
		return nil, inField(err, "sender")
	}
	if err := actor.SpeaksFor(sender.ID, hub.ScopeSubmit); err != nil {
		return nil, hub.Errorf(hub.KindDenied, "sender", "agency", "this credential may not send for %s", code)
	}
	return sender, nil
}

// first looks for the dispatch that this submission already became.
func (s *Service) first(ctx context.Context, sender hub.AgencyID, sub *hub.Submission) (hub.Accepted, bool, error) {
	first, err := s.Store.FindAccepted(ctx, sender, sub.Key, sub.ExternalID, sub.Operation)
	switch {
	case err != nil && hub.KindOf(err) == hub.KindNotFound:
		return hub.Accepted{}, false, nil
	case err != nil:
		return hub.Accepted{}, false, err
	case first.Dispatch.Fingerprint != sub.Fingerprint():
		return hub.Accepted{}, false, conflict(&first)
	}
	first.Duplicate = true
	return first, true, nil
}

// conflict names the first dispatch, so that a sender can find out what it sent.
func conflict(first *hub.Accepted) error {
	return hub.Errorf(hub.KindConflict, "external_id", "duplicate",
		"this id or key already stands for dispatch %s with other content (receipt %s)",
		first.Dispatch.ID, first.Receipt.Evidence.ID)
}

// plan is a submission that passed every check.
type plan struct {
	sub     *hub.Submission
	sender  *hub.Agency
	routed  routed
	tasks   []hub.Task // that it sets
	reports []hub.SignatureReport
	earlier hub.Earlier // what it says of documents that were sent before
}

// examine makes every check that can refuse a submission. Cheap checks come
// first and report together; bytes are looked at only when they all passed.
func (s *Service) examine(ctx context.Context, actor hub.Actor, sender *hub.Agency, sub *hub.Submission, now time.Time) (*plan, error) {
	violations := s.validate(sub)
	recipients, unresolved, err := s.addressees(ctx, sender.ID, sub, now)
	if err != nil {
		return nil, err
	}
	informed, strangers, err := s.informed(ctx, sender.ID, sub, recipients, now)
	if err != nil {
		return nil, err
	}
	tasks, unfit, err := s.tasks(ctx, sender.ID, sub, recipients, informed, now)
	if err != nil {
		return nil, err
	}
	if violations = slices.Concat(violations, unresolved, strangers, unfit); len(violations) > 0 {
		return nil, violations
	}
	if err := s.checkPackage(ctx, actor, sender.ID, sub, recipients); err != nil {
		return nil, err
	}
	to := routed{recipients: recipients, informed: informed}
	s.route(sender, sub, &to, now)
	if len(to.missing) > 0 {
		return nil, to.missing
	}
	earlier, err := s.earlier(ctx, sender, sub, to.recipients)
	if err == nil && s.reach(&earlier, &to, now) {
		earlier, err = s.earlier(ctx, sender, sub, to.recipients)
	}
	if err != nil {
		return nil, err
	}
	reports, err := s.verify(ctx, sub, examine(s.demands(sender.ID, sub.Format), sender, now))
	if err != nil {
		return nil, err
	}
	return &plan{sub: sub, sender: sender, routed: to, tasks: tasks, reports: reports, earlier: earlier}, nil
}

// accept makes dispatch, deliveries and evidence durable together and only then answers.
func (s *Service) accept(ctx context.Context, actor hub.Actor, p *plan, now time.Time) (hub.Accepted, error) {
	acceptance := s.draft(p, now)
	evidence, err := s.acceptanceEvidence(&acceptance, p, actor)
	if err != nil {
		return hub.Accepted{}, err
	}
	if err := s.seal(ctx, &acceptance, evidence); err != nil {
		return hub.Accepted{}, err
	}
	if err := s.watch(ctx, &acceptance); err != nil {
		return hub.Accepted{}, err
	}
	if s.Dossiers != nil {
		if err := s.Dossiers.AwaitPackage(ctx, actor, &acceptance.Dispatch); err != nil {
			return hub.Accepted{}, err
		}
	}
	accepted, err := s.record(ctx, actor, &acceptance, p.earlier.Aims)
	if err != nil && hub.KindOf(err) == hub.KindConflict {
		// The same key came twice at once and the other one was faster.
		if first, found, why := s.first(ctx, p.sender.ID, p.sub); found || why != nil {
			return first, why
		}
	}
	if err != nil {
		return hub.Accepted{}, err
	}
	if !accepted.Duplicate {
		s.announce(ctx, &accepted)
		for i := range acceptance.Changes {
			s.Bell.Ring(acceptance.Changes[i].Delivery.Recipient)
		}
	}
	s.takePackage(ctx, &accepted.Dispatch)
	return accepted, nil
}

// takePackage has what a package says put into its dossier before the sender has its answer,
// also where an earlier try of the same is at it, or was interrupted.
func (s *Service) takePackage(ctx context.Context, d *hub.Dispatch) {
	if s.Dossiers != nil {
		s.Dossiers.TakePackage(context.WithoutCancel(ctx), d)
	}
}

// checkPackage has a submission checked for what it says of a dossier.
func (s *Service) checkPackage(ctx context.Context, actor hub.Actor, sender hub.AgencyID, sub *hub.Submission, recipients []hub.Resolution) error {
	if s.Dossiers == nil {
		return nil
	}
	ids := make([]hub.AgencyID, len(recipients))
	for i := range recipients {
		ids[i] = recipients[i].Agency.ID
	}
	return s.Dossiers.CheckPackage(ctx, actor, sender, sub, ids)
}

// seal seals the acceptance and what follows it in the same act, by one signature: a key
// is asked once for a document, however many its recipients are.
func (s *Service) seal(ctx context.Context, a *hub.Acceptance, acceptance hub.Evidence) error {
	acceptance.ID = hub.EvidenceID(s.NewID())
	for i := range a.Deliveries {
		a.Deliveries[i].LastEvidence = hub.EvidenceRef{ID: acceptance.ID}
	}
	drafts, owners := s.consign(a, append(make([]hub.Evidence, 0, 2+len(a.Deliveries)), acceptance))
	if acceptance.Sender.Auth.Method == hub.AuthAxis {
		drafts = append(drafts, receivedEvidence(&acceptance))
	}
	var err error
	if a.Evidence, err = s.Notary.Seal(ctx, drafts...); err != nil {
		return err
	}
	for i := range a.Deliveries {
		a.Deliveries[i].LastEvidence = a.Evidence[0].Ref()
	}
	for i, d := range owners {
		d.LastEvidence = a.Evidence[1+i].Ref()
	}
	return nil
}

// consign puts what its recipient collects here into the recipient's box, in the
// transaction of the acceptance: there is nothing to carry, so nothing that could come
// between the two. What has to be carried stays queued. The evidence of it, and of the
// report that the hub makes of it for some recipients, is added to the drafts; owners are
// the deliveries that these are about.
func (s *Service) consign(a *hub.Acceptance, drafts []hub.Evidence) (_ []hub.Evidence, owners []*hub.Delivery) {
	for i := range a.Deliveries {
		d := &a.Deliveries[i]
		if d.Channel != hub.ChannelPull {
			continue
		}
		d.State, d.Attempts, d.ConsignedAt = hub.StateConsigned, 1, a.Dispatch.AcceptedAt
		e := hub.DeliveryEvidence(hub.EventContentConsignment, &a.Dispatch, d, a.Dispatch.AcceptedAt)
		e.DeliveryInfo = &hub.DeliveryInfo{Attempt: d.Attempts, Channel: d.Channel}
		drafts, owners = append(drafts, e), append(owners, d)
		if r := hub.Arrival(d, s.NewID); r != nil {
			e := &drafts[len(drafts)-1]
			e.ID = hub.EvidenceID(s.NewID())
			d.LastEvidence, d.Progress = hub.EvidenceRef{ID: e.ID}, d.Progress.Further(r.Code)
			drafts, owners = append(drafts, hub.ArrivalEvidence(&a.Dispatch, d, r)), append(owners, d)
			a.Arrivals = append(a.Arrivals, *r)
		}
	}
	return drafts, owners
}

// watch has verdicts looked at again that may change.
func (s *Service) watch(ctx context.Context, a *hub.Acceptance) error {
	for i := range a.Reports {
		if s.Undecided != nil && a.Reports[i].MayChange() {
			return s.Undecided.Watch(ctx, a.Dispatch.ID, a.Dispatch.AcceptedAt)
		}
	}
	return nil
}

// announce tells recipients that something lies in their boxes, and workers that
// something is to be carried, also when the sender is gone by now. A failure loses
// nothing: the sweeper looks for queued deliveries by itself.
func (s *Service) announce(ctx context.Context, a *hub.Accepted) {
	queued := false
	for i := range a.Deliveries {
		if a.Deliveries[i].State == hub.StateConsigned {
			s.Bell.Ring(a.Deliveries[i].Recipient)
		} else {
			queued = true
		}
	}
	if !queued {
		return
	}
	d := &a.Dispatch
	if err := s.Queue.Publish(context.WithoutCancel(ctx), d.ID, d.Document.Priority.Urgent()); err != nil {
		s.Log.WarnContext(ctx, "dispatch waits for the sweeper", "dispatch", d.ID, "error", err)
	}
}

// senderCode is the code as the sender wrote it, without blanks around it.
func senderCode(sub *hub.Submission) hub.Code { return hub.Code(strings.TrimSpace(sub.Sender)) }

func (s *Service) draft(p *plan, now time.Time) hub.Acceptance {
	d := hub.Dispatch{
		ID:          hub.DispatchID(s.NewID()),
		Sender:      p.sender.ID,
		SenderCode:  senderCode(p.sub),
		SenderName:  p.sender.NameAt(now),
		ExternalID:  p.sub.ExternalID,
		Operation:   p.sub.Operation,
		Key:         p.sub.Key,
		Fingerprint: p.sub.Fingerprint(),
		Format:      p.sub.Format,
		Document:    p.sub.Document,
		Parts:       p.sub.AllParts(),
		AcceptedAt:  now,
		SignedAt:    hub.SignedLast(p.reports),
		TraceID:     p.sub.TraceID,
		Links:       p.earlier.Links,
		Routing:     p.routed.trace,
		Tasks:       p.tasks,
	}
	calendar := s.Calendar()
	deliveries := make([]hub.Delivery, len(p.routed.recipients))
	for i, r := range p.routed.recipients {
		deliveries[i] = hub.Delivery{
			ID:             hub.DeliveryID(s.NewID()),
			Dispatch:       d.ID,
			Index:          i,
			Recipient:      r.Agency.ID,
			AddressedAs:    r.Code,
			Name:           r.Agency.NameAt(now),
			Note:           r.Note,
			Channel:        r.Agency.ChannelAt(now),
			Registers:      r.Agency.Registers,
			ReportsArrival: r.Agency.ReportsArrival,
			Urgent:         d.Document.Priority.Urgent(),
			ForInformation: p.routed.informed[r.Agency.ID],
			Rule:           p.routed.rule(r.Agency.ID),
			State:          hub.StateQueued,
			Version:        1,
			UpdatedAt:      now,
			NextAttempt:    now,
			Tasks:          assignments(p.tasks, r.Agency.ID, calendar, now),
		}
		s.Deadlines.Accepted(&deliveries[i], d.Document.Priority, now)
		if d := &deliveries[i]; d.Channel == hub.ChannelPaper {
			// Nobody carries it but the post, and who is not connected registers nothing here.
			d.Registers, d.ReportsArrival, d.NextAttempt = false, false, d.ExpiresAt
		}
	}
	return hub.Acceptance{Dispatch: d, Deliveries: deliveries, Reports: p.reports}
}

// refuse seals and stores the rejection. Only a refusal of the submission itself
// is one: a failure of the hub (internal, unavailable) leaves no evidence, since
// the sender will come again.
func (s *Service) refuse(ctx context.Context, actor hub.Actor, sender *hub.Agency, sub *hub.Submission, cause error, now time.Time) error {
	violations := hub.ViolationsOf(cause)
	for _, v := range violations {
		if v.Kind == hub.KindInternal || v.Kind == hub.KindUnavailable || v.Kind == hub.KindBusy {
			return cause
		}
	}
	sealed, err := s.Notary.Seal(ctx, rejectionEvidence(sender, sub, actor, violations, now))
	if err != nil {
		return err
	}
	if err := s.Store.Reject(ctx, sender.ID, sealed[0]); err != nil {
		return err
	}
	return &hub.Rejection{Violations: violations, Receipt: sealed[0]}
}

// inField puts the errors of a shared check under the caller's field.
func inField(err error, field string) error {
	var e *hub.Error
	if !errors.As(err, &e) {
		return err
	}
	named := *e
	named.Field = field
	return &named
}
