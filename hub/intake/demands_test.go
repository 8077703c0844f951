package intake_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/hub/hubtest"
	"github.com/lienthong/lienthong/hub/intake"
)

// told is a verifier that finds what it is told, and rules that ask it.
type told struct {
	signatures []hub.SignatureVerdict
	envelope   []hub.SignatureVerdict // those of the envelope
	demands    hub.SignatureDemands
}

func (f *told) VerifyPart(_ context.Context, part hub.Part, _ hub.Blob) (hub.SignatureReport, error) {
	r := hub.SignatureReport{Part: part.ID, SHA256: part.Digest, Signatures: f.signatures}
	if part.Role == hub.RoleEnvelope {
		r.Signatures = f.envelope
	}
	r.Conclude()
	return r, nil
}

func (f *told) Demands(hub.AgencyID, hub.Format) hub.SignatureDemands { return f.demands }

const provinceName = "UBND tỉnh Quảng Nam"

func signature(signer string, indication hub.Indication, certificate byte) hub.SignatureVerdict {
	s := hub.SignatureVerdict{
		Signer: signer, Issuer: "CA", Indication: indication, Certificate: hub.Digest{certificate},
		Subject: []string{"C=VN", "O=" + provinceName, "CN=" + signer},
	}
	if indication == hub.Indeterminate {
		s.Sub = hub.SubNoCertificateChain
	}
	return s
}

// because is a signature with another reason for its verdict.
func because(s hub.SignatureVerdict, sub hub.SubReason) hub.SignatureVerdict {
	s.Sub = sub
	return s
}

// over is a signature of another format, over the whole file or part of it.
func over(s hub.SignatureVerdict, format string, whole bool) hub.SignatureVerdict {
	s.Format, s.CoversWhole = format, whole
	return s
}

func TestDemandsOnSignatures(t *testing.T) {
	leader, seal := signature("Nguyễn Văn A", hub.TotalPassed, 1), signature(provinceName, hub.TotalPassed, 2)
	doubtful, forged := signature("Nguyễn Văn A", hub.Indeterminate, 1), signature(provinceName, hub.TotalFailed, 2)
	decomposed := signature("Nguyễn Văn A", hub.TotalPassed, 1)
	decomposed.Subject = []string{"O=UBND ti\u0309nh Qua\u0309ng Nam"}
	doubtfulSeal := signature(provinceName, hub.Indeterminate, 2)
	stranger := signature("Ai Đó", hub.TotalPassed, 9)
	stranger.Subject = []string{"O=Sở Khác"}
	pinned := hub.CertificateBinding{SHA256: hub.Digest{1}}
	named := hub.CertificateBinding{Issuer: "CA", Subject: []string{"O=UBND tỉnh Quảng Nam"}}
	pattern := hub.CertificateBinding{Issuer: "C*", Subject: []string{"O=UBND*Quảng*", "C=VN"}}
	otherCA := hub.CertificateBinding{Issuer: "CB", Subject: []string{"O=UBND tỉnh Quảng Nam"}}
	sealing := hub.CertificateBinding{SHA256: hub.Digest{9}, Role: hub.RoleSeal}
	type found = []hub.SignatureVerdict
	type bound = []hub.CertificateBinding
	for name, tt := range map[string]struct {
		rule       hub.SignatureRule
		bindings   bound
		signatures found
		refused    string // rules, "" for accepted
		noted      string
	}{
		"strict takes what passed":          {hub.SignatureRule{Verdict: hub.PolicyStrict}, nil, found{leader}, "", ""},
		"strict refuses doubt":              {hub.SignatureRule{Verdict: hub.PolicyStrict}, nil, found{leader, doubtful}, "signature", ""},
		"enforce takes doubt":               {hub.SignatureRule{Verdict: hub.PolicyEnforce}, nil, found{doubtful}, "", ""},
		"record takes a forgery":            {hub.SignatureRule{Verdict: hub.PolicyRecord}, nil, found{forged}, "", ""},
		"two in order":                      {hub.SignatureRule{TwoSignatures: hub.CheckEnforce}, nil, found{leader, seal}, "", ""},
		"two the other way":                 {hub.SignatureRule{TwoSignatures: hub.CheckEnforce}, nil, found{seal, leader}, "two_signatures", ""},
		"two persons":                       {hub.SignatureRule{TwoSignatures: hub.CheckEnforce}, nil, found{leader, stranger}, "two_signatures", ""},
		"a seal by its binding":             {hub.SignatureRule{TwoSignatures: hub.CheckEnforce}, bound{sealing}, found{leader, stranger}, "", ""},
		"a forged seal is none":             {hub.SignatureRule{TwoSignatures: hub.CheckEnforce}, nil, found{leader, forged}, "two_signatures", ""},
		"one is noted":                      {hub.SignatureRule{TwoSignatures: hub.CheckNote}, nil, found{leader}, "", "two_signatures"},
		"the pinned certificate":            {hub.SignatureRule{Binding: hub.CheckEnforce}, bound{pinned}, found{leader}, "", ""},
		"pinned, path unknown":              {hub.SignatureRule{Binding: hub.CheckEnforce}, bound{pinned}, found{doubtful}, "", ""},
		"pinned, forged":                    {hub.SignatureRule{Binding: hub.CheckEnforce}, bound{{SHA256: hub.Digest{2}}}, found{forged}, "certificate_agency", ""},
		"by names":                          {hub.SignatureRule{Binding: hub.CheckEnforce}, bound{named}, found{leader}, "", ""},
		"names written the other way":       {hub.SignatureRule{Binding: hub.CheckEnforce}, bound{named}, found{decomposed}, "", ""},
		"by a pattern":                      {hub.SignatureRule{Binding: hub.CheckEnforce}, bound{pattern}, found{leader}, "", ""},
		"names prove nothing when in doubt": {hub.SignatureRule{Binding: hub.CheckEnforce}, bound{named}, found{doubtful}, "certificate_agency", ""},
		"the same names of another CA":      {hub.SignatureRule{Binding: hub.CheckEnforce}, bound{otherCA}, found{leader}, "certificate_agency", ""},
		"valid, of another agency":          {hub.SignatureRule{Binding: hub.CheckEnforce}, bound{pinned, named, pattern}, found{stranger}, "certificate_agency", ""},
		"nothing is bound":                  {hub.SignatureRule{Binding: hub.CheckEnforce}, nil, found{leader}, "certificate_agency", ""},
		"of another agency, noted":          {hub.SignatureRule{Binding: hub.CheckNote}, bound{named}, found{stranger}, "", "certificate_agency"},
		"pinned, expired":                   {hub.SignatureRule{Binding: hub.CheckEnforce}, bound{pinned}, found{because(doubtful, hub.SubOutOfBoundsNoPOE)}, "", ""},
		"pinned, revocation unknown":        {hub.SignatureRule{Binding: hub.CheckEnforce}, bound{pinned}, found{because(doubtful, hub.SubTryLater)}, "", ""},
		"pinned, value not checked":         {hub.SignatureRule{Binding: hub.CheckEnforce}, bound{pinned}, found{because(doubtful, hub.SubCryptoConstraintsFailure)}, "certificate_agency", ""},
		"pinned, form not known":            {hub.SignatureRule{Binding: hub.CheckEnforce}, bound{pinned}, found{because(doubtful, hub.SubFormatFailure)}, "certificate_agency", ""},
		"pinned, revoked":                   {hub.SignatureRule{Binding: hub.CheckEnforce}, bound{pinned}, found{because(doubtful, hub.SubRevokedNoPOE)}, "certificate_agency", ""},
		"bound, over all files":             {hub.SignatureRule{Binding: hub.CheckEnforce}, bound{pinned}, found{over(leader, "CAdES", true)}, "", ""},
		"bound, over some files":            {hub.SignatureRule{Binding: hub.CheckEnforce}, bound{pinned}, found{over(leader, "XAdES", false), over(stranger, "XAdES", true)}, "certificate_agency", ""},
		"bound, over part of the XML":       {hub.SignatureRule{Binding: hub.CheckEnforce}, bound{pinned}, found{over(doubtful, "XMLDSig", false)}, "certificate_agency", ""},
		"bound, before the seal of a PDF":   {hub.SignatureRule{Binding: hub.CheckEnforce}, bound{pinned}, found{over(leader, "ETSI.CAdES.detached", false)}, "", ""},
		"a seal by a doubtful name":         {hub.SignatureRule{TwoSignatures: hub.CheckEnforce}, nil, found{leader, doubtfulSeal}, "two_signatures", ""},
		"a doubtful seal is no person":      {hub.SignatureRule{TwoSignatures: hub.CheckEnforce}, nil, found{doubtfulSeal, seal}, "two_signatures", ""},
		"a doubtful seal that is pinned":    {hub.SignatureRule{TwoSignatures: hub.CheckEnforce}, bound{{SHA256: hub.Digest{2}}}, found{leader, doubtfulSeal}, "", ""},
		"a person nobody can check":         {hub.SignatureRule{TwoSignatures: hub.CheckEnforce}, nil, found{because(doubtful, hub.SubCryptoConstraintsFailure), seal}, "two_signatures", ""},
		"a bound seal nobody can check":     {hub.SignatureRule{TwoSignatures: hub.CheckEnforce}, bound{{SHA256: hub.Digest{2}, Role: hub.RoleSeal}}, found{leader, because(doubtfulSeal, hub.SubFormatFailure)}, "two_signatures", ""},
		"everything at once":                {hub.SignatureRule{Verdict: hub.PolicyStrict, TwoSignatures: hub.CheckEnforce, Binding: hub.CheckEnforce}, nil, found{forged}, "signature certificate_agency two_signatures", ""},
	} {
		t.Run(name, func(t *testing.T) {
			if tt.rule.Verdict == "" {
				tt.rule.Verdict = hub.PolicyRecord
			}
			fake := &told{signatures: tt.signatures, demands: hub.SignatureDemands{Rule: &tt.rule, Bindings: tt.bindings}}
			f := newFixture(func(o *intake.Options) { o.Verifier, o.Rules = fake, fake })
			got, err := f.Submit(t.Context(), f.actor, f.Submission("1", office))
			if tt.refused != "" {
				r := f.rejected(t, err)
				for i, rule := range strings.Fields(tt.refused) {
					if v := r.Violations[i]; v.Rule != rule || v.Field != "parts[0]" || v.Kind != hub.KindUntrusted {
						t.Errorf("violation %d is %+v", i, v)
					}
				}
				if e := r.Receipt.Evidence; len(e.Reasons) != len(strings.Fields(tt.refused)) || e.Reasons[0].Code != hub.ReasonInvalidSignature || len(f.sent(t)) != 0 {
					t.Errorf("%+v", e.Reasons)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			reports, err := f.SignatureReports(t.Context(), got.Dispatch.ID)
			if err != nil || tt.noted == "" != (len(reports[0].Findings) == 0) || tt.noted != "" && !strings.HasPrefix(reports[0].Findings[0], tt.noted) {
				t.Errorf("noted %q, %v", reports[0].Findings, err)
			}
		})
	}
}

// A rule is about originals: an annex may come from anybody.
func TestDemandsAreAboutOriginals(t *testing.T) {
	rule := hub.SignatureRule{Verdict: hub.PolicyRecord, TwoSignatures: hub.CheckEnforce, Binding: hub.CheckEnforce}
	fake := &told{signatures: []hub.SignatureVerdict{signature("A", hub.TotalPassed, 1)}, demands: hub.SignatureDemands{Rule: &rule}}
	f := newFixture(func(o *intake.Options) { o.Verifier, o.Rules = fake, fake })
	sub := f.Submission("1", office)
	sub.Parts = append(sub.Parts, f.Part("p2", hub.RoleAttachment, "signed annex"))
	_, err := f.Submit(t.Context(), f.actor, sub)
	r := f.rejected(t, err)
	if got := rules(r); got != "parts[0] certificate_agency, parts[0] two_signatures" {
		t.Errorf("got %s", got)
	}
}

// watched remembers what it is told of, and whether the dispatch was recorded by then.
type watched struct {
	*hubtest.World
	told []hub.DispatchID
	err  error
}

func (w *watched) Watch(ctx context.Context, id hub.DispatchID, at time.Time) error {
	if _, err := w.DispatchItem(ctx, id); hub.KindOf(err) != hub.KindNotFound || !at.Equal(w.Clock.Now()) {
		return hub.Internal("told too late", err)
	}
	w.told = append(w.told, id)
	return w.err
}

// What may change later is watched before it is recorded; nothing else is.
func TestUndecidedIsWatched(t *testing.T) {
	later, never := signature("A", hub.Indeterminate, 1), signature("A", hub.Indeterminate, 1)
	later.Sub, never.Sub = hub.SubTryLater, hub.SubSigConstraintsFailure
	for name, tt := range map[string]struct {
		signatures []hub.SignatureVerdict
		watched    bool
	}{
		"passed":                   {[]hub.SignatureVerdict{signature("A", hub.TotalPassed, 1)}, false},
		"undecided for ever":       {[]hub.SignatureVerdict{never}, false},
		"may change":               {[]hub.SignatureVerdict{never, later}, true},
		"decided by a failed one":  {[]hub.SignatureVerdict{later, signature("A", hub.TotalFailed, 1)}, false},
		"undecided after a passed": {[]hub.SignatureVerdict{signature("A", hub.TotalPassed, 1), later}, true},
	} {
		fake, w := &told{signatures: tt.signatures}, &watched{}
		f := newFixture(func(o *intake.Options) { o.Verifier, o.Undecided = fake, w })
		w.World = f.World
		got := f.submit(t, f.Submission("1", office))
		if len(w.told) > 0 != tt.watched || tt.watched && w.told[0] != got.Dispatch.ID {
			t.Errorf("%s: told of %v", name, w.told)
		}
		w.err = hub.Errorf(hub.KindUnavailable, "", "", "away")
		_, err := f.Submit(t.Context(), f.actor, f.Submission("2", office))
		if tt.watched != (hub.KindOf(err) == hub.KindUnavailable) || tt.watched && len(f.sent(t)) != 1 {
			t.Errorf("%s: without the store: %v", name, err)
		}
	}
}

// A package need not be signed, but a signature of its envelope that is there must be as
// good as that of a file. A block that nobody can be told to have made counts as none.
func TestDemandsOnTheEnvelope(t *testing.T) {
	good, forged, doubtful := signature("A", hub.TotalPassed, 1), signature("A", hub.TotalFailed, 1), signature("A", hub.Indeterminate, 1)
	block := signature("", hub.Indeterminate, 0)
	for name, tt := range map[string]struct {
		policy    hub.SignaturePolicy
		signature hub.SignatureVerdict
		refused   bool
	}{
		"record, forged":    {hub.PolicyRecord, forged, false},
		"enforce, forged":   {hub.PolicyEnforce, forged, true},
		"enforce, doubtful": {hub.PolicyEnforce, doubtful, false},
		"strict, forged":    {hub.PolicyStrict, forged, true},
		"strict, doubtful":  {hub.PolicyStrict, doubtful, true},
		"strict, good":      {hub.PolicyStrict, good, false},
		"strict, a block":   {hub.PolicyStrict, block, false},
	} {
		t.Run(name, func(t *testing.T) {
			fake := &told{signatures: []hub.SignatureVerdict{good}, envelope: []hub.SignatureVerdict{tt.signature}}
			f := newFixture(func(o *intake.Options) { o.Verifier, o.Policy = fake, tt.policy })
			sub := f.Submission("1", office)
			envelope := f.Part("envelope", hub.RoleEnvelope, "a signed package")
			sub.Envelope, sub.XMLSigned, sub.Format = &envelope, true, hub.FormatEdXML
			_, err := f.Submit(t.Context(), f.actor, sub)
			if !tt.refused {
				if err != nil {
					t.Error(err)
				}
				return
			}
			if r := f.rejected(t, err); rules(r) != "envelope signature" || r.Violations[0].Kind != hub.KindUntrusted {
				t.Errorf("got %s", rules(r))
			}
		})
	}
}
