package relay

import (
	"context"

	"github.com/lienthong/lienthong/hub"
)

// report records a status message of an agency behind the axis. What it says of a
// document that this hub handed over to the axis shows that the agency has the document:
// its word, which the axis relays, is the hand-over.
func (s *Service) report(ctx context.Context, m *hub.StatusMessage) (settled, error) {
	now := s.now()
	resolve := func(code string) (hub.Resolution, error) { return s.Directory.Resolve(code, now) }
	from, err := resolve(m.From)
	switch {
	case err != nil:
		return settled{}, inField(err, "from")
	case !s.behind(from.Agency) && !s.Trusting:
		return settled{}, hub.Errorf(hub.KindDenied, "from", "axis", "%s is reached here and not over the axis", m.From)
	}
	m.FindAddressee(resolve)
	if !s.behind(from.Agency) {
		if err := s.ofBefore(ctx, from.Agency, m); err != nil {
			return settled{}, err
		}
	}
	actor := as(from.Agency.ID)
	if m.Code.ChangeAnswer() { // it may be the first word about the document
		to, err := resolve(m.For.Agency)
		if err != nil {
			return settled{}, inField(err, "response_for.agency")
		}
		item, err := s.Store.MatchDelivery(ctx, to.Agency.ID, from.Agency.ID, m.For)
		if err != nil {
			return settled{}, inField(err, "response_for")
		}
		if err := s.collected(ctx, actor, &item); err != nil {
			return settled{}, err
		}
	}
	if m.Description == "" && reasoned(m.Code) {
		m.Description = noReason
	}
	sealed, err := s.Recipient.ReportMessage(ctx, actor, *m)
	if err != nil && m.Code == hub.StatusRecallAsked && (hub.KindOf(err) == hub.KindNotFound || hub.KindOf(err) == hub.KindConflict) {
		return settled{}, &hub.Error{Kind: hub.KindNotFound, Field: "response_for", Rule: ruleNothingToRecall,
			Message: "what its sender takes back is not here", Err: err}
	}
	if err != nil {
		return settled{}, err
	}
	done := settled{Outcome: outcomeReported, Dispatch: sealed.Evidence.Dispatch, Evidence: sealed.Evidence.ID}
	if !m.Code.Progress() || m.Code == hub.StatusRefused || sealed.Evidence.Delivery == "" {
		return done, nil
	}
	item, err := s.Store.Item(ctx, sealed.Evidence.Delivery)
	if err != nil {
		return settled{}, err
	}
	return done, s.collected(ctx, actor, &item)
}

// ofBefore refuses a status message of an agency that is reached here, unless it is its
// word about a document that this hub handed over to the axis for it. About all else it
// speaks to this hub, and an axis does not speak for it: the message is a stray, of the
// time when the agency was there.
func (s *Service) ofBefore(ctx context.Context, from *hub.Agency, m *hub.StatusMessage) error {
	stray := hub.Errorf(hub.KindNotFound, "response_for", "axis", "%s is reached here: what the axis has of it is about no document of this hub", m.From)
	to, err := s.Directory.Resolve(m.For.Agency, s.now())
	if err != nil || m.Code == hub.StatusRecallAsked {
		return stray
	}
	item, err := s.Store.MatchDelivery(ctx, to.Agency.ID, from.ID, m.For)
	if err != nil && hub.KindOf(err) != hub.KindNotFound {
		return inField(err, "response_for")
	}
	if err != nil || item.Delivery.Channel != hub.ChannelAxis {
		return stray
	}
	return nil
}

// ruleNothingToRecall is broken by a recall of what never came here: an axis that withdrew
// it before it was fetched tells of the recall all the same.
const ruleNothingToRecall = "nothing_to_recall"

// moot reports whether a recall is of something that will not come any more: it was tried
// for a while, and no document is held that it could be about. Documents are fetched
// before status messages.
func (s *Service) moot(ctx context.Context, held *hub.HeldPackage, cause error) (bool, error) {
	if held.Attempts < mootAfter || hub.ViolationsOf(cause)[0].Rule != ruleNothingToRecall {
		return false, nil
	}
	waits := false
	err := each(ctx, s.Notes, heldNotes, func(_ string, other hub.HeldPackage) (bool, error) {
		waits = other.Kind == hub.PackageDocument
		return !waits, nil
	})
	return !waits, err
}

// mootAfter is how often a recall of what is not here is tried again.
const mootAfter = 3

// noReason stands where the hub needs a reason and the format leaves one out.
const noReason = "(không nêu lý do)"

func reasoned(code hub.StatusCode) bool {
	return code == hub.StatusRefused || code == hub.StatusRecallAsked || code == hub.StatusChangeRefused
}

// collected records that the recipient behind the axis has what the axis took over. The
// protocol names no digests: the word stands for those of what was sent, and the evidence
// says whose word it is.
func (s *Service) collected(ctx context.Context, actor hub.Actor, item *hub.Item) error {
	if !item.Delivery.Relayed() {
		return nil
	}
	digests := map[string]hub.Digest{}
	for _, p := range item.Dispatch.Parts {
		digests[p.ID] = p.Digest
	}
	_, err := s.Recipient.Acknowledge(ctx, actor, item.Delivery.ID, 0, digests)
	return err
}
