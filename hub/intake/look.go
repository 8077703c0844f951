package intake

import (
	"context"
	"fmt"
	"time"

	"github.com/lienthong/lienthong/hub"
)

// resolve finds every addressee at the time of submission. A closed agency leads
// to its one successor; what cannot be found is named by its place in the list.
func (s *Service) resolve(codes []string, now time.Time) ([]hub.Resolution, hub.Violations) {
	if len(codes) > s.MaxRecipients {
		return nil, nil // validate refuses them all
	}
	var violations hub.Violations
	list := make([]hub.Resolution, 0, len(codes))
	seen := make(map[hub.AgencyID]int, len(codes))
	for i, code := range codes {
		field := fmt.Sprintf("recipients[%d]", i)
		r, err := s.Directory.Resolve(code, now)
		if err != nil {
			violations = append(violations, hub.ViolationsOf(inField(err, field))...)
			continue
		}
		if first, ok := seen[r.Agency.ID]; ok {
			violations = append(violations, hub.Invalid(field, "unique", "%s is the same agency as recipients[%d]", code, first))
			continue
		}
		seen[r.Agency.ID] = i
		list = append(list, r)
	}
	return list, violations
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
