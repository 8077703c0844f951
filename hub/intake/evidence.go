package intake

import (
	"time"

	"github.com/lienthong/lienthong/hub"
)

// acceptanceEvidence is R01: it names all recipients and the digests of the
// exact bytes, and what the signatures were found to be.
func acceptanceEvidence(a *hub.Acceptance, p *plan, actor hub.Actor) hub.Evidence {
	e := evidence(hub.EventSubmissionAcceptance, p.sender, p.sub, actor, a.Dispatch.AcceptedAt)
	e.Dispatch = a.Dispatch.ID
	e.Content = hub.PartFacts(a.Dispatch.Parts)
	e.Validation = validation(a.Reports)
	for i, r := range p.recipients {
		e.Recipients = append(e.Recipients, recipient(r, i, a.Dispatch.AcceptedAt))
	}
	return e
}

// rejectionEvidence is R02. It names what the sender wrote, not what the hub
// would have made of it.
func rejectionEvidence(sender *hub.Agency, sub *hub.Submission, actor hub.Actor, violations hub.Violations, now time.Time) hub.Evidence {
	e := evidence(hub.EventSubmissionRejection, sender, sub, actor, now)
	e.Content = hub.PartFacts(sub.AllParts())
	for _, v := range violations {
		detail := v.Message
		if v.Field != "" {
			detail = v.Field + ": " + detail
		}
		e.Reasons = append(e.Reasons, hub.Reason{Code: reasonOf(v), Detail: detail})
	}
	return e
}

func evidence(event hub.Event, sender *hub.Agency, sub *hub.Submission, actor hub.Actor, now time.Time) hub.Evidence {
	code := hub.Code(sub.Sender)
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

func validation(reports []hub.SignatureReport) []hub.Validation {
	var list []hub.Validation
	for _, r := range reports {
		if len(r.Signatures) == 0 {
			list = append(list, hub.Validation{Part: r.Part, Indication: r.Indication, Sub: r.Sub})
		}
		for _, sig := range r.Signatures {
			list = append(list, hub.Validation{Part: r.Part, Signer: sig.Signer, Indication: sig.Indication, Sub: sig.Sub})
		}
	}
	return list
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
	case v.Kind == hub.KindConflict:
		return hub.ReasonClosedRecipient
	case v.Kind == hub.KindDenied:
		return hub.ReasonSenderNotAllowed
	case v.Kind == hub.KindTooLarge:
		return hub.ReasonTooLarge
	case v.Kind == hub.KindUnsupported:
		return hub.ReasonPolicyViolation
	}
	return hub.ReasonInvalidFormat
}
