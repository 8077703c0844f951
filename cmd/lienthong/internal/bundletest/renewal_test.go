package bundletest

import (
	"bytes"
	"crypto"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/hub/audit"
	"github.com/lienthong/lienthong/hub/audit/bundle"
	"github.com/lienthong/lienthong/signing"
	"github.com/lienthong/lienthong/signing/pki"
	"github.com/lienthong/lienthong/signing/trust"
	"github.com/lienthong/lienthong/signing/tsp"
)

// years are a world in which authorities come and go: the first ends two years after
// begin, each other two years after it began.
type years struct {
	*world
	roots []byte
	begun int // authorities after the first
}

func newYears(t *testing.T) *years {
	y := &years{world: newWorld(t).walk()}
	y.roots = y.pki.AnchorsPEM()
	return y
}

// months is a time so many months after begin.
func months(n int) time.Time { return begin().AddDate(0, n, 0) }

// authority begins at a time, under a root of its own that auditors know.
func (y *years) authority(from time.Time) pki.Identity { return y.under(from, pki.P256) }

// under is an authority with keys of a kind, those of its root, too.
func (y *years) under(from time.Time, kind pki.Algorithm) pki.Identity {
	y.t.Helper()
	ca := must(pki.New(from, kind))(y.t)
	y.roots = append(y.roots, ca.AnchorsPEM()...)
	y.begun++
	for range y.begun + 2 { // all issuers have one name: openssl tells certificates by their numbers
		must(ca.Person("Số", "Sở Thử nghiệm", pki.P256))(y.t)
	}
	return must(ca.TimestampAuthority("Dấu thời gian sau", kind))(y.t)
}

// renew has the checkpoints renewed at a time, as the operator does.
func (y *years) renew(tsa pki.Identity, at time.Time, hash crypto.Hash) audit.RenewalSummary {
	y.t.Helper()
	now := func() time.Time { return at }
	authority := must(signing.OwnTimestamps(tsa.Key, tsa.Chain, now))(y.t)
	r := &audit.Renewer{Store: y, Rehashes: rehashStore{&y.rehashes, y.world}, Authority: authority, Tokens: signing.NewTokens(), Now: now, NewID: func() string { return "renewal" }}
	return must(r.Renew(y.t.Context(), audit.RenewalOrder{Before: at.AddDate(1, 0, 0), Hash: hash}))(y.t)
}

// force adds the next renewal of every checkpoint, whatever it proves.
func (y *years) force(tsa pki.Identity, at time.Time) {
	y.t.Helper()
	authority := must(tsp.NewAuthority(tsp.AuthorityOptions{Key: tsa.Key, Chain: tsa.Chain[:2], Now: func() time.Time { return at }}))(y.t)
	for _, s := range y.stamps {
		content, n := slices.Concat(s.Note, s.Token), 1
		for _, r := range must(y.LogRenewals(y.t.Context(), s.Origin, s.Size, s.Time))(y.t) {
			content, n = append(content, r.Token...), n+1
		}
		h := crypto.SHA384.New()
		h.Write(content)
		token := must(authority.Timestamp(crypto.SHA384, h.Sum(nil)))(y.t)
		y.renewals = append(y.renewals, hub.LogRenewal{Origin: s.Origin, Size: s.Size, Stamped: s.Time, Number: n, Token: token.Raw, Time: at})
	}
}

// judged verifies the bundle for a time.
func (y *years) judged(at time.Time) hub.BundleReport {
	y.t.Helper()
	file := y.bundle(false)
	a := y.auditor()
	a.anchors, a.at = must(trust.LoadAnchors(y.roots))(y.t), at
	return a.verify(y.t, file)
}

// TestRenewals: what was renewed in time is proven beyond the end of its authorities, and
// nothing else is. The second verifier, which is slow, agrees on one of each kind.
func TestRenewals(t *testing.T) {
	both := []string{"renewed once more", "too late", "renewals in the wrong order"}
	for name, c := range map[string]struct {
		do   func(y *years)
		at   time.Time
		want hub.Indication
		sub  hub.SubReason
		step string
		says string
	}{
		"not needed yet": {do: func(*years) {}, at: months(12), want: hub.TotalPassed},
		"never renewed": {
			do: func(*years) {}, at: months(36), want: hub.Indeterminate, sub: hub.SubOutOfBoundsNoPOE,
			step: "renewals", says: "(its certificate ends), and no later time-stamp holds it",
		},
		"renewed": {do: func(y *years) { y.renew(y.authority(months(18)), months(20), crypto.SHA384) }, at: months(36), want: hub.TotalPassed},
		"renewed once more": {
			do: func(y *years) {
				y.renew(y.authority(months(18)), months(20), crypto.SHA256)
				y.renew(y.authority(months(36)), months(38), crypto.SHA512)
			},
			at: months(56), want: hub.TotalPassed,
		},
		"renewed once, of twice": {
			do: func(y *years) { y.renew(y.authority(months(18)), months(20), crypto.SHA384) }, at: months(56),
			want: hub.Indeterminate, sub: hub.SubOutOfBoundsNoPOE, step: "renewals", says: "renewal-01.tst stopped proving anything",
		},
		"verified for a time before the renewal": {do: func(y *years) { y.renew(y.authority(months(18)), months(20), crypto.SHA384) }, at: months(6), want: hub.TotalPassed},
		"too late": {
			do: func(y *years) { y.force(y.authority(months(30)), months(31)) }, at: months(36),
			want: hub.Indeterminate, sub: hub.SubOutOfBoundsNoPOE, step: "renewals", says: "renewal-01.tst was made too late, on 2029-06-23",
		},
		"older than what it renews": {
			do: func(y *years) {
				tsa := y.authority(months(18))
				y.force(tsa, months(20))
				y.force(tsa, months(19))
			},
			at: months(36), want: hub.TotalFailed, sub: hub.SubTimestampOrderFailure, step: "renewals", says: "and renews what is of 2028-07-23",
		},
		"an authority that nobody knows": {
			do: func(y *years) {
				y.renew(y.authority(months(18)), months(20), crypto.SHA384)
				y.roots = y.pki.AnchorsPEM()
			},
			at: months(36), want: hub.Indeterminate, sub: hub.SubOutOfBoundsNoPOE, step: "renewals", says: "renewal-01.tst does not count",
		},
		"renewals of two checkpoints swapped": {
			do: renewedTwice(swap("log/2026-3-renewal-01.tst", "log/2026-5-renewal-01.tst")), at: months(36),
			want: hub.TotalFailed, sub: hub.SubHashFailure, step: "renewals", says: "made for other bytes",
		},
		"renewals in the wrong order": {
			do: renewedTwice(swap("log/2026-3-renewal-01.tst", "log/2026-3-renewal-02.tst")), at: months(56),
			want: hub.TotalFailed, sub: hub.SubHashFailure, step: "renewals", says: "made for other bytes",
		},
		"the first renewal taken away": {
			do: renewedTwice(drop("log/2026-3-renewal-01.tst")), at: months(56),
			want: hub.TotalFailed, sub: hub.SubFormatFailure, step: "container", says: "2026-3-renewal-02.tst",
		},
		"the last renewal taken away": {
			do: renewedTwice(drop("log/2026-3-renewal-02.tst")), at: months(56),
			want: hub.Indeterminate, sub: hub.SubOutOfBoundsNoPOE, step: "renewals", says: "log/2026-3-renewal-01.tst stopped",
		},
		"a renewal that was changed": {
			do: renewedTwice(edit("log/2026-3-renewal-01.tst", func(token []byte) []byte { token[len(token)-1] ^= 1; return token })), at: months(36),
			want: hub.TotalFailed, step: "renewals", says: "log/2026-3-renewal-01.tst",
		},
		"an algorithm that ended": {
			do: func(y *years) { y.stampAgain(y.rsa()) }, at: months(30), // RSA with 2048 bits ends with 2028
			want: hub.Indeterminate, sub: hub.SubCryptoConstraintsNoPOE, step: "renewals", says: "RSA with SHA-256 is relied upon no longer",
		},
		"an algorithm that ended, renewed before": {
			do: func(y *years) {
				y.stampAgain(y.rsa())
				y.renew(y.authority(months(18)), months(20), crypto.SHA512)
			},
			at: months(36), want: hub.TotalPassed,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			y := newYears(t)
			c.do(y)
			r := y.judged(c.at)
			if slices.Contains(both, name) {
				y.byShell(c.at, never, r.Indication)
			}
			if r.Indication != c.want || c.sub != "" && r.Sub != c.sub || c.step != "" && !names(&r, attack{step: c.step, says: c.says}) {
				t.Errorf("%s %s instead of %s %s:\n%s", r.Indication, r.Sub, c.want, c.sub, stepsOf(&r))
			}
		})
	}
}

// byShell has the second verifier judge the same bundle.
func (y *years) byShell(at time.Time, ends string, want hub.Indication) {
	y.t.Helper()
	dir := y.t.TempDir()
	save := func(name string, content []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, content, 0o600); err != nil {
			y.t.Fatal(err)
		}
		return path
	}
	t := y.t.(*testing.T)
	code, out := runShell(t, save("y.asice", y.bundle(false)), save("anchors.pem", y.roots), save("policy.tlog", y.policyText(2)), at.Format(time.RFC3339), ends)
	if codes := map[int]hub.Indication{0: hub.TotalPassed, 1: hub.TotalFailed, 2: hub.Indeterminate}; codes[code] != want {
		y.t.Errorf("verify-bundle.sh gives %d, lienthong verify %s:\n%s", code, want, out)
	}
}

// renewedTwice has everything renewed twice, and then changes the files.
func renewedTwice(change func([]bundle.File) []bundle.File) func(y *years) {
	return func(y *years) {
		y.renew(y.authority(months(18)), months(20), crypto.SHA384)
		y.renew(y.authority(months(36)), months(38), crypto.SHA384)
		y.change = change
	}
}

// rsa is an authority with a short key that nothing but the table of algorithms ends.
func (y *years) rsa() pki.Identity {
	y.t.Helper()
	template := y.pki.Template(pkix.Name{CommonName: "Dấu thời gian RSA"})
	template.NotAfter, template.KeyUsage = begin().AddDate(4, 0, 0), x509.KeyUsageDigitalSignature
	purpose := must(asn1.Marshal([]asn1.ObjectIdentifier{{1, 3, 6, 1, 5, 5, 7, 3, 8}}))(y.t)
	template.ExtraExtensions = []pkix.Extension{{Id: asn1.ObjectIdentifier{2, 5, 29, 37}, Critical: true, Value: purpose}}
	return must(y.pki.Issue(template, pki.RSA2048))(y.t)
}

// stampAgain has the checkpoints stamped by another authority instead.
func (y *years) stampAgain(tsa pki.Identity) {
	y.t.Helper()
	for i := range y.stamps {
		s := &y.stamps[i]
		authority := must(tsp.NewAuthority(tsp.AuthorityOptions{Key: tsa.Key, Chain: tsa.Chain[:2], Now: func() time.Time { return s.Time }}))(y.t)
		h := crypto.SHA256.New()
		h.Write(s.Note)
		s.Token = must(authority.Timestamp(crypto.SHA256, h.Sum(nil)))(y.t).Raw
	}
}

// TestRenewer: what is due is renewed once, what cannot be is named, and the notes say
// which tokens were renewed by which.
func TestRenewer(t *testing.T) {
	y := newYears(t)
	second := y.authority(months(18))
	if s := y.renew(second, months(6), crypto.SHA384); s.Stamps != 2 || s.Due != 0 || s.Renewed != 0 {
		t.Errorf("long before the end: %+v", s)
	}
	if s := y.renew(y.tsa, months(20), crypto.SHA384); s.Due != 2 || s.Useless != 2 || s.Renewed != 0 || len(y.renewals) != 0 {
		t.Errorf("by the authority that ends: %+v", s)
	}
	if s := y.renew(second, months(20), crypto.SHA384); s.Renewed != 2 || s.Found != 0 {
		t.Errorf("in time: %+v", s)
	}
	if s := y.renew(second, months(21), crypto.SHA384); s.Due != 0 || len(y.renewals) != 2 {
		t.Errorf("again: %+v", s)
	}
	var fact audit.RenewalFact
	if err := json.Unmarshal(y.notes[1].Body, &fact); err != nil || fact.Size != 5 || fact.Number != 1 || fact.Hash != "SHA-384" || len(fact.Earlier) != 1 ||
		!fact.Time.Equal(months(20)) || y.notes[1].Kind != hub.LogNoteRenewal {
		t.Errorf("the note of a renewal: %+v, %v", fact, err)
	}

	late := newYears(t)
	if s := late.renew(late.authority(months(24)), months(25), crypto.SHA384); s.Found != 2 || s.Findings[0].Rule != "too_late" || len(late.renewals) != 0 {
		t.Errorf("too late: %+v", s)
	}
	changed := newYears(t)
	changed.stamps[0].Note = bytes.Replace(changed.stamps[0].Note, []byte("\n3\n"), []byte("\n4\n"), 1)
	if s := changed.renew(second, months(20), crypto.SHA384); s.Found != 1 || s.Findings[0].Rule != "not_intact" || s.Renewed != 1 {
		t.Errorf("a checkpoint that was changed: %+v", s)
	}
}
