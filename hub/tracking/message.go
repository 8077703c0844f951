package tracking

import (
	"context"
	"slices"
	"strings"

	"github.com/lienthong/lienthong/hub"
)

// ReportMessage records a status package: a report 01 to 06 or an answer 15 or 16 about
// the delivery that it names, or the sender's request 13 to give a document back. Errors
// name the fields of the package: from, status_code, response_for.
func (s *Service) ReportMessage(ctx context.Context, actor hub.Actor, m hub.StatusMessage) (hub.SealedEvidence, error) {
	now := s.now()
	from, err := s.Directory.Resolve(m.From, now)
	if err != nil {
		return hub.SealedEvidence{}, inField(err, "from")
	}
	scope := hub.ScopeCollect
	if m.Code == hub.StatusRecallAsked {
		scope = hub.ScopeSubmit
	}
	if err := actor.SpeaksFor(from.Agency.ID, scope); err != nil {
		return hub.SealedEvidence{}, inField(err, "from")
	}
	if !m.Code.Valid() {
		return hub.SealedEvidence{}, hub.Errorf(hub.KindUnsupported, "status_code", "code_list", "status %.10q is none of 01 to 06, 13, 15 and 16", string(m.Code))
	}
	other, err := s.Directory.Resolve(m.For.Agency, now)
	if err != nil {
		return hub.SealedEvidence{}, inField(err, "response_for.agency")
	}
	if m.Code == hub.StatusRecallAsked {
		return s.recallMessage(ctx, actor, from.Agency.ID, other.Agency.ID, &m)
	}
	item, err := s.reportedOn(ctx, other.Agency.ID, from.Agency.ID, m.For)
	if err != nil {
		return hub.SealedEvidence{}, inField(err, "response_for")
	}
	return s.Report(ctx, actor, item.Delivery.ID, hub.StatusReport{
		Code: m.Code, Description: m.Description, Staff: m.Staff, StatedAt: m.StatedAt, Envelope: m.Envelope,
	})
}

// reportedOn finds the delivery that a report is about. Among documents to which the
// sender gave one id, the number decides, and the newest of that number.
func (s *Service) reportedOn(ctx context.Context, sender, recipient hub.AgencyID, ref hub.Reference) (hub.Item, error) {
	item, err := s.Options.Reports.MatchDelivery(ctx, sender, recipient, ref)
	if err != nil || ref.ExternalID == "" || ref.Number == "" {
		return item, err
	}
	numbered, err := s.Options.Reports.MatchDelivery(ctx, sender, recipient, hub.Reference{Number: ref.Number, Promulgated: ref.Promulgated})
	switch {
	case err == nil && marks(numbered.Dispatch.ExternalID, ref.ExternalID):
		return numbered, nil
	case err != nil && hub.KindOf(err) != hub.KindNotFound:
		return item, err
	}
	return item, nil
}

// marks reports whether an external id is one that the hub made of another.
func marks(id, of string) bool { return strings.HasPrefix(id, of+hub.IDMark) }

// recallMessage recalls a document from the agency that the package is for, or from all
// recipients where a program wrote the sender itself there, and returns the evidence of
// the first.
func (s *Service) recallMessage(ctx context.Context, actor hub.Actor, sender, at hub.AgencyID, m *hub.StatusMessage) (hub.SealedEvidence, error) {
	none := hub.SealedEvidence{}
	if err := checkText(nil, "description", m.Description, true, maxReason).AsError(); err != nil {
		return none, err
	}
	item, err := s.sentDocument(ctx, sender, at, m.For)
	if err != nil {
		return none, err
	}
	var ids []hub.DeliveryID
	for _, d := range item.Deliveries {
		if at == sender || d.Recipient == at {
			ids = append(ids, d.ID)
		}
	}
	outcomes, err := s.recall(ctx, actor, item.Dispatch.ID, ids, m.Description, m)
	if err != nil {
		return none, err
	}
	for _, o := range outcomes {
		if o.Receipt != nil {
			return *o.Receipt, nil
		}
	}
	return none, hub.Errorf(hub.KindConflict, "response_for", "state", "the document never came to this recipient: there is nothing to take back")
}

// sentDocument finds a document of the sender that went to an agency (to any where that
// is the sender itself) by its external id, else by its number and date: the newest, and
// no recall. Among documents with one id the number decides.
func (s *Service) sentDocument(ctx context.Context, sender, at hub.AgencyID, ref hub.Reference) (hub.SentItem, error) {
	var found []hub.SentItem
	for _, query := range []hub.SentQuery{{ExternalID: ref.ExternalID}, {Number: ref.Number}} {
		if query.ExternalID == "" && query.Number == "" {
			continue
		}
		query.Agency, query.Page = sender, hub.Page{Limit: maxSameID}
		list, err := s.Store.Sent(ctx, query)
		if err != nil {
			return hub.SentItem{}, err
		}
		i := slices.IndexFunc(list.Items, func(item hub.SentItem) bool {
			dated := query.Number == "" || ref.Promulgated == "" || ref.Promulgated == item.Dispatch.Document.Promulgated
			return item.Dispatch.Operation != hub.OperationRecall && dated && (at == sender || goesTo(&item, at))
		})
		if i >= 0 {
			found = append(found, list.Items[i])
		}
	}
	switch {
	case len(found) == 0:
		return hub.SentItem{}, hub.Errorf(hub.KindNotFound, "response_for", "", "no document of this agency to that one is known by this reference")
	case len(found) == 2 && marks(found[1].Dispatch.ExternalID, ref.ExternalID):
		return found[1], nil
	}
	return found[0], nil
}

func goesTo(item *hub.SentItem, agency hub.AgencyID) bool {
	for i := range item.Deliveries {
		if item.Deliveries[i].Recipient == agency {
			return true
		}
	}
	return false
}
