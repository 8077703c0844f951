package intake

import (
	"slices"
	"strings"
	"time"

	"golang.org/x/text/unicode/norm"

	"github.com/lienthong/lienthong/hub"
)

// demands are what this submission is judged by.
func (s *Service) demands(sender hub.AgencyID, channel hub.Format) hub.SignatureDemands {
	var d hub.SignatureDemands
	if s.Rules != nil {
		d = s.Rules.Demands(sender, channel)
	}
	if d.Rule == nil {
		d.Rule = &hub.SignatureRule{Verdict: s.Policy, TwoSignatures: hub.CheckOff, Binding: hub.CheckOff}
	}
	return d
}

// examination judges the reports of one submission by what is asked of its sender.
type examination struct {
	hub.SignatureDemands
	senderName string // at the time of submission
}

func examine(d hub.SignatureDemands, sender *hub.Agency, now time.Time) *examination {
	return &examination{d, sender.NameAt(now)}
}

// judge applies the rule to the verdict on one part. Every check that is not met is
// named; one that is only to be noted leaves a finding in the report.
func (e *examination) judge(part hub.Part, r *hub.SignatureReport, field string) hub.Violations {
	var found hub.Violations
	if v := e.verdict(part, r, field); v != nil {
		found = append(found, v)
	}
	if part.Role != hub.RoleOriginal {
		return found
	}
	for _, check := range []struct {
		mode    hub.CheckMode
		rule    string
		met     func(*hub.SignatureReport) bool
		message string
	}{
		{e.Rule.Binding, "certificate_agency", e.bound, "no certificate that is bound to the sender signed it"},
		{
			e.Rule.TwoSignatures, "two_signatures", e.twice,
			"it is not signed by a person and then sealed by the agency (NĐ 30/2020/NĐ-CP art. 5 and 32, QĐ 28/2018/QĐ-TTg art. 4)",
		},
	} {
		if check.mode != hub.CheckNote && check.mode != hub.CheckEnforce || check.met(r) {
			continue
		}
		if check.mode == hub.CheckNote {
			r.Findings = append(r.Findings, check.rule+": "+check.message)
			continue
		}
		found = append(found, hub.Errorf(hub.KindUntrusted, field, check.rule, "%s: %s", part.Name, check.message))
	}
	return found
}

// verdict applies the rule to what was found in one part. Of the envelope of a package
// no signature is asked, but one that is there must be good.
func (e *examination) verdict(part hub.Part, report *hub.SignatureReport, field string) *hub.Error {
	if e.Rule.Verdict == hub.PolicyRecord {
		return nil
	}
	r := *report
	if part.Role == hub.RoleEnvelope {
		r.Signatures = report.Counted()
		r.Conclude()
	}
	switch {
	case r.Indication == hub.TotalFailed:
		return hub.Errorf(hub.KindUntrusted, field, "signature", "%s: a signature is not valid (%s)", part.Name, r.Sub)
	case r.Indication == hub.Indeterminate && e.Rule.Verdict == hub.PolicyStrict:
		return hub.Errorf(hub.KindUntrusted, field, "signature", "%s: a signature could not be verified (%s); this hub takes nothing undecided from this sender", part.Name, r.Sub)
	case r.Indication == hub.NoSignatureFound && part.Role == hub.RoleOriginal:
		return hub.Errorf(hub.KindUntrusted, field, "signature", "%s is not signed; this hub takes signed originals only", part.Name)
	}
	return nil
}

// bound reports whether a certificate of the sender made one of the signatures, over all
// of the file.
func (e *examination) bound(r *hub.SignatureReport) bool {
	return slices.ContainsFunc(r.Signatures, func(s hub.SignatureVerdict) bool { return coversAll(&s) && e.binding(&s) != nil })
}

// coversAll reports whether a signature is over the whole file. In XML and in containers
// the rest can be anybody's; behind the signature of a PDF there is only what the
// verifier found that it permits.
func coversAll(s *hub.SignatureVerdict) bool {
	switch s.Format {
	case "XMLDSig", "XAdES", "CAdES":
		return s.CoversWhole
	}
	return true
}

// verified reports whether the key of the certificate in a verdict made the signature:
// it passed, or all that is in doubt is the path of the certificate. Anybody can put a
// certificate that is public beside a value that nobody can check.
func verified(s *hub.SignatureVerdict) bool {
	if s.Indication != hub.Indeterminate {
		return s.Indication == hub.TotalPassed
	}
	switch s.Sub {
	case hub.SubNoCertificateChain, hub.SubNoCertificateChainNoPOE, hub.SubTryLater, hub.SubOutOfBoundsNoPOE, hub.SubOutOfBoundsNotRevoked:
		return true
	}
	return false
}

// binding finds the binding that a signature was made under. Only the pinned certificate
// itself counts where its path could not be verified: names prove nothing then.
func (e *examination) binding(s *hub.SignatureVerdict) *hub.CertificateBinding {
	if !verified(s) {
		return nil
	}
	for i := range e.Bindings {
		b := &e.Bindings[i]
		switch {
		case !b.SHA256.IsZero():
			if b.SHA256 == s.Certificate {
				return b
			}
		case s.Indication == hub.TotalPassed && fits(b.Issuer, s.Issuer) && holds(b.Subject, s.Subject):
			return b
		}
	}
	return nil
}

// holds reports whether a certificate has all the names that a binding wants.
func holds(wanted, names []string) bool {
	for _, w := range wanted {
		if !slices.ContainsFunc(names, func(name string) bool { return fits(w, name) }) {
			return false
		}
	}
	return len(wanted) > 0
}

// fits compares names, where * in the pattern stands for any text. Unicode has two ways
// to write Vietnamese letters; they are the same name.
func fits(pattern, name string) bool {
	parts := strings.Split(norm.NFC.String(pattern), "*")
	rest, ok := strings.CutPrefix(norm.NFC.String(name), parts[0])
	if !ok || len(parts) == 1 {
		return ok && rest == ""
	}
	last := len(parts) - 1
	for _, part := range parts[1:last] {
		_, after, found := strings.Cut(rest, part)
		if !found {
			return false
		}
		rest = after
	}
	return strings.HasSuffix(rest, parts[last])
}

// twice reports whether a person signed and the agency sealed behind. A seal must have
// passed or be bound: its name alone can be anybody's.
func (e *examination) twice(r *hub.SignatureReport) bool {
	signed := false
	for i := range r.Signatures {
		s := &r.Signatures[i]
		switch {
		case !verified(s) || s.Signer == "":
		case !e.seal(s):
			signed = true
		case signed && (s.Indication == hub.TotalPassed || e.binding(s) != nil):
			return true
		}
	}
	return false
}

// seal tells the seal of the agency from the signature of a person: by the role of its
// binding or, where none says, because the certificate is issued to the name of the
// agency.
func (e *examination) seal(s *hub.SignatureVerdict) bool {
	if b := e.binding(s); b != nil && b.Role != "" {
		return b.Role == hub.RoleSeal
	}
	return strings.EqualFold(norm.NFC.String(s.Signer), norm.NFC.String(e.senderName))
}
