package pdfsig

import (
	"slices"

	"github.com/lienthong/lienthong/signing/verdict"
)

// levelOf names the baseline level (ETSI EN 319 142-1): B-B by the form of the
// signature, B-T with a time that was proven, B-LT if path and revocation of the signer
// and of a timestamp could be judged from what is in the file alone, B-LTA with a
// document timestamp over all of that and the signature. What does not follow the baseline profile is
// legacy.
func (e *examination) levelOf(c *candidate, s *verdict.Signature, stamps []verdict.Stamp) string {
	_, hasCert := c.gated.dict["Cert"]
	m := c.message
	if c.gated.subFilter() != subFilterBaseline || !m.HasSigningCertificate() || m.HasSigningTime() || hasCert {
		return "legacy"
	}
	complete := slices.ContainsFunc(stamps, func(stamp verdict.Stamp) bool { return stamp.Complete })
	proven := len(stamps) > 0
	for _, t := range e.report.Timestamps {
		if t.proves(c.gated.end) {
			proven, complete = true, complete || t.Complete
		}
	}
	switch archived := !e.archivedAt(c).IsZero(); {
	case !proven:
		return "B-B"
	case s.Complete && archived && (complete || len(stamps) == 0):
		return "B-LTA"
	case s.Complete && complete:
		return "B-LT"
	}
	return "B-T"
}
