package intake

import (
	"context"
	"fmt"
	"time"

	"github.com/lienthong/lienthong/hub"
)

// addressed is one to whom a submission goes, with the place where it says so.
type addressed struct {
	code, field string
	listed      bool // as a member of a list
}

// written are recipients of whom none stands for a list.
func written(codes []string) []addressed {
	all := make([]addressed, len(codes))
	for i, code := range codes {
		all[i] = addressed{code: code, field: fmt.Sprintf("recipients[%d]", i)}
	}
	return all
}

// maxSpread is how many times the allowed recipients the members of all lists may be:
// lists overlap, and all of them are looked up before that is known.
const maxSpread = 10

// spread puts the members of lists in their place. Its error is one of the store, which
// says nothing about the submission.
func (s *Service) spread(ctx context.Context, sender hub.AgencyID, place string, recipients []string) ([]addressed, hub.Violations, error) {
	if len(recipients) > s.MaxRecipients {
		return nil, nil, nil // validate refuses them all
	}
	var violations hub.Violations
	all := make([]addressed, 0, len(recipients))
	for i, code := range recipients {
		field := fmt.Sprintf("%s[%d]", place, i)
		name, ok := hub.ListName(code)
		if !ok || s.Lists == nil {
			all = append(all, addressed{code: code, field: field})
			continue
		}
		members, err := s.Lists.Members(ctx, sender, name)
		switch {
		case err != nil && (hub.KindOf(err) == hub.KindNotFound || hub.KindOf(err) == hub.KindInvalid):
			violations = append(violations, hub.Invalid(field, "list", "the sender has no list %.100q", name))
		case err != nil:
			return nil, nil, err
		}
		if len(all)+len(members) > maxSpread*s.MaxRecipients {
			return nil, hub.Violations{hub.Errorf(hub.KindTooLarge, field, "max_items", "with this list they are more than %d recipients", maxSpread*s.MaxRecipients)}, nil
		}
		for _, member := range members {
			all = append(all, addressed{code: member, field: field, listed: true})
		}
	}
	return all, violations, nil
}

// resolve finds every addressee at the time of submission. A closed agency leads
// to its one successor; what cannot be found is named by its place in the list. Who is
// meant twice because of a list gets the document once.
func (s *Service) resolve(all []addressed, now time.Time) ([]hub.Resolution, hub.Violations) {
	var violations hub.Violations
	list := make([]hub.Resolution, 0, len(all))
	seen := make(map[hub.AgencyID]*addressed, len(all))
	for i := range all {
		to := &all[i]
		r, err := s.Directory.Resolve(to.code, now)
		if err != nil {
			violations = append(violations, hub.ViolationsOf(inField(err, to.field))...)
			continue
		}
		if first, ok := seen[r.Agency.ID]; ok {
			if !to.listed && !first.listed {
				violations = append(violations, hub.Invalid(to.field, "unique", "%s is the same agency as %s", to.code, first.field))
			}
			continue
		}
		seen[r.Agency.ID] = to
		list = append(list, r)
	}
	if len(list) > s.MaxRecipients {
		violations = append(violations, hub.Errorf(hub.KindTooLarge, "recipients", "max_items", "%d recipients, at most %d are allowed", len(list), s.MaxRecipients))
	}
	return list, violations
}

// informed finds those of the recipients who get the document for information. Whoever is
// none of them is named by its place in the list.
func (s *Service) informed(ctx context.Context, sender hub.AgencyID, sub *hub.Submission, recipients []hub.Resolution, now time.Time) (map[hub.AgencyID]bool, hub.Violations, error) {
	if len(sub.ForInformation) == 0 || len(sub.ForInformation) > s.MaxRecipients {
		return nil, nil, nil // validate refuses too many
	}
	among := make(map[hub.AgencyID]bool, len(recipients))
	for _, r := range recipients {
		among[r.Agency.ID] = true
	}
	informed := make(map[hub.AgencyID]bool, len(sub.ForInformation))
	all, violations, err := s.spread(ctx, sender, "for_information", sub.ForInformation)
	if err != nil {
		return nil, nil, err
	}
	for _, to := range all {
		r, err := s.Directory.Resolve(to.code, now)
		if err != nil || !among[r.Agency.ID] {
			violations = append(violations, hub.Invalid(to.field, "recipient", "%.40q is not among the recipients", to.code))
			continue
		}
		informed[r.Agency.ID] = true
	}
	return informed, violations, nil
}

// verify opens every part, which proves that it is there with the size that was
// said, and has its signatures verified. The package as received is verified only
// when it claims to be signed: REST and most senders of packages do not sign it.
func (s *Service) verify(ctx context.Context, sub *hub.Submission, asked *examination) ([]hub.SignatureReport, error) {
	var violations hub.Violations
	var reports []hub.SignatureReport
	for i, part := range sub.AllParts() {
		field, wanted := fmt.Sprintf("parts[%d]", i), true
		if part.Role == hub.RoleEnvelope {
			field, wanted = "envelope", sub.XMLSigned
		}
		report, err := s.verifyPart(ctx, part, field, wanted)
		switch {
		case err != nil && hub.KindOf(err) == hub.KindInvalid:
			violations = append(violations, hub.ViolationsOf(err)...)
			continue
		case err != nil:
			return nil, err
		case !wanted:
			continue
		}
		violations = append(violations, asked.judge(part, &report, field)...)
		reports = append(reports, report)
	}
	return reports, violations.AsError()
}

func (s *Service) open(ctx context.Context, part hub.Part, field string) (hub.Blob, error) {
	blob, err := s.Blobs.OpenBlob(ctx, part.Digest)
	if err != nil {
		if hub.KindOf(err) == hub.KindNotFound {
			return nil, hub.Invalid(field+".sha256", "digest", "no content with the SHA-256 %s was received", part.Digest)
		}
		return nil, err
	}
	if blob.Size() != part.Size {
		blob.Close()
		return nil, hub.Invalid(field+".size", "digest", "the content has %d bytes, %d were announced", blob.Size(), part.Size)
	}
	return blob, nil
}

// verifyPart makes sure that a part is there and gives the verdict on it if one
// is wanted.
func (s *Service) verifyPart(ctx context.Context, part hub.Part, field string, wanted bool) (hub.SignatureReport, error) {
	blob, err := s.open(ctx, part, field)
	if err != nil {
		return hub.SignatureReport{}, err
	}
	defer blob.Close()
	if !wanted {
		return hub.SignatureReport{}, nil
	}
	report, err := s.Verifier.VerifyPart(ctx, part, blob)
	if err != nil {
		return report, &hub.Error{Kind: hub.KindUnavailable, Field: field, Message: "the signatures could not be checked now", Err: err}
	}
	return report, nil
}
