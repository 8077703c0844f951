package intake

import (
	"crypto/sha256"
	"fmt"
	"strings"
	"time"

	"github.com/lienthong/lienthong/hub"
)

// acceptanceEvidence is R01: it names all recipients and the digests of the exact
// bytes, and what the signatures were found to be, with the digest of each report.
func (s *Service) acceptanceEvidence(a *hub.Acceptance, p *plan, actor hub.Actor) (hub.Evidence, error) {
	e := evidence(hub.EventSubmissionAcceptance, p.sender, p.sub, actor, a.Dispatch.AcceptedAt)
	e.Dispatch = a.Dispatch.ID
	e.Content = hub.PartFacts(a.Dispatch.Parts)
	a.ReportTexts = make([][]byte, len(a.Reports))
	for i := range a.Reports {
		text, err := s.Canonical(&a.Reports[i])
		if err != nil {
			return e, hub.Internal("make a report canonical", err)
		}
		a.ReportTexts[i] = text
		e.Validation = append(e.Validation, a.Reports[i].Validations(sha256.Sum256(text))...)
	}
	e.Links, e.Note, e.Tasks = a.Dispatch.Links, p.routed.note(p.earlier.Note), hub.TaskFacts(&a.Dispatch, a.Deliveries)
	for i, r := range p.routed.recipients {
		party := recipient(r, i, a.Dispatch.AcceptedAt)
		party.ForInformation, party.Rule = p.routed.informed[r.Agency.ID], p.routed.rule(r.Agency.ID)
		e.Recipients = append(e.Recipients, party)
	}
	return e, nil
}

// receivedEvidence is R18, beside the acceptance: the document came from another exchange
// that gave no evidence of its own, so what the acceptance says of the sender is the word
// of that exchange. It is about the dispatch as a whole.
func receivedEvidence(acceptance *hub.Evidence) hub.Evidence {
	e := *acceptance
	e.ID, e.Event, e.Prev = "", hub.EventReceivedFromNonERDS, &hub.EvidenceRef{ID: acceptance.ID}
	e.Validation, e.Links, e.Tasks = nil, nil, nil
	e.Note = "another exchange vouches for the sender; no evidence of its own came with the document"
	return e
}

// Bounds of a rejection: a submission can be wrong in more ways than a receipt
// can hold.
const (
	maxReasons = 50
	maxDetail  = 400 // characters
)

// rejectionEvidence is R02. It names what the sender wrote, not what the hub
// would have made of it, as far as that can be shown.
func rejectionEvidence(sender *hub.Agency, sub *hub.Submission, actor hub.Actor, violations hub.Violations, now time.Time) hub.Evidence {
	e := evidence(hub.EventSubmissionRejection, sender, sub, actor, now)
	e.ExternalID = presentable(e.ExternalID, maxExternalID)
	e.Operation = hub.Operation(presentable(string(e.Operation), maxExternalID))
	e.Content = hub.PartFacts(presentableParts(sub))
	for i, v := range violations {
		if i == maxReasons {
			e.Note = fmt.Sprintf("%d further reasons are not listed", len(violations)-maxReasons)
			break
		}
		detail := v.Message
		if v.Field != "" {
			detail = v.Field + ": " + detail
		}
		e.Reasons = append(e.Reasons, hub.Reason{Code: reasonOf(v), Detail: presentable(detail, maxDetail)})
	}
	return e
}

// presentable makes a text that was not accepted fit for an evidence that people
// will read: bounded, UTF-8, nothing that changes how it looks.
func presentable(text string, longest int) string {
	const mark = "\ufffd" // stands for what cannot be shown
	var b strings.Builder
	n := 0
	for _, r := range text {
		if n++; n > longest {
			b.WriteRune('…')
			break
		}
		if forbidden(r) {
			b.WriteString(mark)
			continue
		}
		b.WriteRune(r) // bytes that are no UTF-8 come as U+FFFD
	}
	return b.String()
}

func presentableParts(sub *hub.Submission) []hub.Part {
	all := sub.AllParts()
	if len(all) > maxReasons {
		all = all[len(all)-maxReasons:] // the package as received, which is last, says it all
	}
	parts := make([]hub.Part, len(all))
	for i, p := range all {
		p.ID, p.Name = presentable(p.ID, maxPartID), presentable(p.Name, maxPartName)
		p.Role = hub.PartRole(presentable(string(p.Role), maxPartID))
		p.MediaType = presentable(p.MediaType, maxName)
		parts[i] = p
	}
	return parts
}

func evidence(event hub.Event, sender *hub.Agency, sub *hub.Submission, actor hub.Actor, now time.Time) hub.Evidence {
	code := senderCode(sub)
	return hub.Evidence{
		Event: event,
		Time:  now,
		Sender: &hub.Party{
			ID: sender.ID, Code: code, Scheme: string(code.Form()), Name: sender.NameAt(now),
			Auth: &hub.AuthFact{Method: actor.Auth, Actor: actor.Name},
		},
		ExternalID:     sub.ExternalID,
		Operation:      sub.Operation,
		SubmissionTime: sub.ReceivedAt,
		TraceID:        sub.TraceID,
	}
}

func recipient(r hub.Resolution, index int, at time.Time) hub.Party {
	return hub.Party{
		ID: r.Agency.ID, Code: r.Code, Scheme: string(r.Code.Form()),
		Name: r.Agency.NameAt(at), Index: &index, Note: r.Note,
	}
}

// reasonOf maps a violation to the closed list of reasons.
func reasonOf(v *hub.Error) hub.ReasonCode {
	switch {
	case v.Rule == "state_secret":
		return hub.ReasonStateSecret
	case v.Rule == "digest":
		return hub.ReasonDigestMismatch
	case v.Kind == hub.KindUntrusted:
		return hub.ReasonInvalidSignature
	case v.Kind == hub.KindUnknownAgency:
		return hub.ReasonUnknownRecipient
	case v.Rule == hub.RuleYearClosed:
		return hub.ReasonPolicyViolation
	case v.Kind == hub.KindConflict:
		return hub.ReasonClosedRecipient
	case v.Kind == hub.KindDenied:
		return hub.ReasonSenderNotAllowed
	case v.Kind == hub.KindTooLarge:
		return hub.ReasonTooLarge
	case v.Kind == hub.KindUnsupported || v.Rule == RuleRouting:
		return hub.ReasonPolicyViolation
	}
	return hub.ReasonInvalidFormat
}
