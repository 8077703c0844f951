package trust_test

import (
	"crypto"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"math/big"
	"testing"
	"time"

	"golang.org/x/crypto/ocsp"

	"github.com/lienthong/lienthong/signing/trust"
	"github.com/lienthong/lienthong/signing/verdict"
)

const day = 24 * time.Hour

func listing(name string) *x509.Certificate {
	c := ca(name)
	c.KeyUsage |= x509.KeyUsageCRLSign
	return c
}

// listOf signs a revocation list that was made at a time and is good for a week.
func listOf(t testing.TB, issuer *authority, at time.Time, number int64, entries ...x509.RevocationListEntry) []byte {
	t.Helper()
	der, err := x509.CreateRevocationList(rand.Reader, &x509.RevocationList{
		Number: big.NewInt(number), ThisUpdate: at, NextUpdate: at.Add(7 * day), RevokedCertificateEntries: entries,
	}, issuer.certificate, issuer.key)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

func revokedAt(a *authority, at time.Time, reason int) x509.RevocationListEntry {
	return x509.RevocationListEntry{SerialNumber: a.certificate.SerialNumber, RevocationTime: at, ReasonCode: reason}
}

// answerOf signs an OCSP response about a certificate of an issuer.
func answerOf(t testing.TB, issuer, responder *authority, about *authority, change func(r *ocsp.Response)) []byte {
	t.Helper()
	template := ocsp.Response{
		Status: ocsp.Good, SerialNumber: about.certificate.SerialNumber,
		ThisUpdate: time.Now().Add(-time.Hour), NextUpdate: time.Now().Add(day), // the library says that it is produced now
		IssuerHash: crypto.SHA256,
	}
	if responder != issuer {
		template.Certificate = responder.certificate
	}
	if change != nil {
		change(&template)
	}
	der, err := ocsp.CreateResponse(issuer.certificate, responder.certificate, template, responder.key)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

// hierarchy is a root, an authority below it and a signer.
type hierarchy struct {
	root, middle, signer *authority
	anchors              *trust.Anchors
}

func newHierarchy(t testing.TB) hierarchy {
	root := issue(t, nil, listing("root"))
	middle := issue(t, root, listing("middle"))
	return hierarchy{root, middle, issue(t, middle, leaf("a")), trust.NewAnchors(root.certificate)}
}

func (h hierarchy) clean(t testing.TB) []byte { return listOf(t, h.root, now.Add(-time.Hour), 1) }

func (h hierarchy) judge(require trust.Requirement, c trust.Case) trust.Result {
	c.Candidates = append(c.Candidates, h.middle.certificate)
	if c.At.IsZero() {
		c.At = now
	}
	return trust.New(trust.Options{Anchors: h.anchors, Revocation: require}).Validate(h.signer.certificate, c)
}

func TestRevocationLists(t *testing.T) {
	h := newHierarchy(t)
	good := listOf(t, h.middle, now.Add(-time.Hour), 1)
	yesterday, tomorrow := now.Add(-day), now.Add(day)
	stranger := issue(t, nil, listing("middle"))
	noLists := issue(t, h.root, ca("middle")) // another key of that name, which may not sign lists
	cases := map[string]struct {
		require trust.Requirement
		c       trust.Case
		want    verdict.Sub
	}{
		"nothing known, nothing demanded":  {trust.RevocationIfAvailable, trust.Case{}, ""},
		"nothing known, required":          {trust.RevocationRequired, trust.Case{}, verdict.TryLater},
		"good":                             {trust.RevocationRequired, trust.Case{CRLs: [][]byte{good, h.clean(t)}}, ""},
		"only the signer known":            {trust.RevocationRequired, trust.Case{CRLs: [][]byte{good}}, verdict.TryLater},
		"list of another key":              {trust.RevocationRequired, trust.Case{CRLs: [][]byte{listOf(t, stranger, yesterday, 1), h.clean(t)}}, verdict.TryLater},
		"signer of the list may not":       {trust.RevocationRequired, trust.Case{Candidates: []*x509.Certificate{noLists.certificate}, CRLs: [][]byte{listOf(t, &authority{noLists.key, withLists(noLists.certificate)}, yesterday, 1), h.clean(t)}}, verdict.TryLater},
		"revoked, time unproved":           {trust.RevocationIfAvailable, trust.Case{CRLs: [][]byte{listOf(t, h.middle, now.Add(-time.Hour), 1, revokedAt(h.signer, yesterday, 1))}}, verdict.RevokedNoPOE},
		"revoked before the proven time":   {trust.RevocationIfAvailable, trust.Case{Proven: now.Add(-2 * time.Hour), CRLs: [][]byte{listOf(t, h.middle, now.Add(-time.Hour), 1, revokedAt(h.signer, yesterday, 1))}}, verdict.RevokedNoPOE},
		"revoked after the proven time":    {trust.RevocationIfAvailable, trust.Case{Proven: now.Add(-2 * day), CRLs: [][]byte{listOf(t, h.middle, now.Add(-time.Hour), 1, revokedAt(h.signer, yesterday, 1))}}, ""},
		"revoked, and made after that":     {trust.RevocationIfAvailable, trust.Case{Proven: now, NotOlder: now.Add(-time.Hour), CRLs: [][]byte{listOf(t, h.middle, now.Add(-time.Hour), 1, revokedAt(h.signer, yesterday, 1))}}, verdict.Revoked},
		"authority revoked":                {trust.RevocationIfAvailable, trust.Case{CRLs: [][]byte{good, listOf(t, h.root, now.Add(-time.Hour), 1, revokedAt(h.middle, yesterday, 2))}}, verdict.RevokedCANoPOE},
		"on hold":                          {trust.RevocationIfAvailable, trust.Case{CRLs: [][]byte{listOf(t, h.middle, now.Add(-time.Hour), 1, revokedAt(h.signer, yesterday, 6))}}, verdict.TryLater},
		"hold lifted since":                {trust.RevocationIfAvailable, trust.Case{CRLs: [][]byte{listOf(t, h.middle, yesterday, 1, revokedAt(h.signer, yesterday, 6)), listOf(t, h.middle, now.Add(-time.Hour), 2)}}, ""},
		"old list":                         {trust.RevocationRequired, trust.Case{CRLs: [][]byte{listOf(t, h.middle, now.Add(-8*day), 1), h.clean(t)}}, verdict.TryLater},
		"old list, revoked counts anyway":  {trust.RevocationIfAvailable, trust.Case{CRLs: [][]byte{listOf(t, h.middle, now.Add(-8*day), 1, revokedAt(h.signer, now.Add(-9*day), 1))}}, verdict.RevokedNoPOE},
		"old list, but of the proven time": {trust.RevocationRequired, trust.Case{Proven: now.Add(-3 * day), CRLs: [][]byte{listOf(t, h.middle, now.Add(-8*day), 1), listOf(t, h.root, now.Add(-8*day), 1)}}, ""},
		"list from the future":             {trust.RevocationRequired, trust.Case{CRLs: [][]byte{listOf(t, h.middle, tomorrow, 1), h.clean(t)}}, verdict.TryLater},
		"garbage":                          {trust.RevocationRequired, trust.Case{CRLs: [][]byte{{1, 2, 3}, good, h.clean(t)}, OCSPs: [][]byte{{1}}}, ""},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			result := h.judge(c.require, c.c)
			problem := result.Problem
			if problem == nil {
				problem = result.Revocation
			}
			if c.want == verdict.Revoked {
				if problem == nil || problem.Sub != c.want || problem.Indication != verdict.Failed {
					t.Fatalf("got %v", problem)
				}
				return
			}
			expect(t, problem, c.want)
		})
	}
}

// withLists lets the test library sign a list with a certificate that may not.
func withLists(certificate *x509.Certificate) *x509.Certificate {
	changed := *certificate
	changed.KeyUsage |= x509.KeyUsageCRLSign
	return &changed
}

func TestResponses(t *testing.T) {
	now := time.Now()
	h := newHierarchy(t)
	responder := func(by *authority, change func(c *x509.Certificate)) *authority {
		c := leaf("responder")
		c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageOCSPSigning}
		c.ExtraExtensions = []pkix.Extension{{Id: asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 48, 1, 5}, Value: []byte{5, 0}}}
		if change != nil {
			change(c)
		}
		return issue(t, by, c)
	}
	other := issue(t, h.root, listing("middle")) // the name of the issuer, another key
	answer := func(by *authority, change func(r *ocsp.Response)) []byte {
		return answerOf(t, h.middle, by, h.signer, change)
	}
	unchecked := responder(h.middle, func(c *x509.Certificate) { c.ExtraExtensions = nil })
	revoked := responder(h.middle, func(c *x509.Certificate) { c.ExtraExtensions = nil })
	cases := map[string]struct {
		answer []byte
		lists  [][]byte
		want   verdict.Sub
	}{
		"by the issuer itself":   {answer(h.middle, nil), nil, ""},
		"by a delegate":          {answer(responder(h.middle, nil), nil), nil, ""},
		"delegate of the root":   {answer(responder(h.root, nil), nil), nil, verdict.TryLater},
		"delegate of nobody":     {answer(responder(nil, nil), nil), nil, verdict.TryLater},
		"delegate not for OCSP":  {answer(responder(h.middle, func(c *x509.Certificate) { c.ExtKeyUsage = nil }), nil), nil, verdict.TryLater},
		"delegate expired":       {answer(responder(h.middle, func(c *x509.Certificate) { c.NotAfter = now.Add(-day) }), nil), nil, verdict.TryLater},
		"delegate not checked":   {answer(unchecked, nil), nil, ""},
		"delegate revoked":       {answer(revoked, nil), [][]byte{listOf(t, h.middle, now.Add(-9*day), 1, revokedAt(revoked, now.Add(-10*day), 1))}, verdict.TryLater},
		"about another issuer":   {answerOf(t, other, responder(h.middle, nil), h.signer, nil), nil, verdict.TryLater},
		"about another serial":   {answerOf(t, h.middle, h.middle, h.middle, nil), nil, verdict.TryLater},
		"unknown is not good":    {answer(h.middle, func(r *ocsp.Response) { r.Status = ocsp.Unknown }), nil, verdict.TryLater},
		"stale":                  {answer(h.middle, func(r *ocsp.Response) { r.ThisUpdate, r.NextUpdate = now.Add(-3*day), now.Add(-day) }), nil, verdict.TryLater},
		"open end, young":        {answer(h.middle, func(r *ocsp.Response) { r.NextUpdate = time.Time{} }), nil, ""},
		"open end, old":          {answer(h.middle, func(r *ocsp.Response) { r.ThisUpdate, r.NextUpdate = now.Add(-3*day), time.Time{} }), nil, verdict.TryLater},
		"revoked":                {answer(h.middle, func(r *ocsp.Response) { r.Status, r.RevokedAt = ocsp.Revoked, now.Add(-day) }), nil, verdict.RevokedNoPOE},
		"revoked for a stranger": {answer(responder(nil, nil), func(r *ocsp.Response) { r.Status, r.RevokedAt = ocsp.Revoked, now.Add(-day) }), nil, verdict.TryLater},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			result := h.judge(trust.RevocationRequired, trust.Case{At: now, OCSPs: [][]byte{c.answer}, CRLs: append(c.lists, listOf(t, h.root, now.Add(-time.Hour), 1))})
			if result.Problem != nil {
				t.Fatal(result.Problem)
			}
			expect(t, result.Revocation, c.want)
			if c.want == "" && (!result.Known || !result.Complete || len(result.Used.Certificates) < 3) {
				t.Errorf("%+v", result)
			}
		})
	}
}

// Forged data in a file, however much, does not keep what the operator holds from being
// looked at; where that happens none the less, nothing passes.
func TestFloodOfValidationData(t *testing.T) {
	at := time.Now()
	h := newHierarchy(t)
	var forgers []*x509.Certificate
	for range 10 {
		forgers = append(forgers, issue(t, nil, listing("middle")).certificate)
	}
	forger := issue(t, nil, listing("middle"))
	var answers, lists [][]byte
	for i := range 30 {
		answers = append(answers, answerOf(t, h.middle, forger, h.signer, nil))
		lists = append(lists, listOf(t, forger, at.Add(-time.Hour), int64(i)))
	}
	revoking := listOf(t, h.middle, at.Add(-time.Hour), 1, revokedAt(h.signer, at.Add(-day), 1))
	clean := [][]byte{listOf(t, h.middle, at.Add(-time.Hour), 1), listOf(t, h.root, at.Add(-time.Hour), 1)}
	many := forgers
	for range 20 {
		many = append(many, forgers...)
	}
	cases := map[string]struct {
		c    trust.Case
		kept verdict.Material
		want verdict.Sub
	}{
		"responses before a revocation":  {trust.Case{Candidates: forgers, OCSPs: answers}, verdict.Material{CRLs: [][]byte{revoking}}, verdict.RevokedNoPOE},
		"lists before a revocation":      {trust.Case{Candidates: forgers, CRLs: lists}, verdict.Material{CRLs: [][]byte{revoking}}, verdict.RevokedNoPOE},
		"responses before good lists":    {trust.Case{Candidates: forgers, OCSPs: answers}, verdict.Material{CRLs: clean}, ""},
		"no end of signers":              {trust.Case{Candidates: many}, verdict.Material{OCSPs: answers[:1], CRLs: [][]byte{revoking}}, verdict.TryLater},
		"no end of signers of good news": {trust.Case{Candidates: many}, verdict.Material{OCSPs: answers[:1], CRLs: clean}, verdict.TryLater},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			c.c.At, c.c.Kept = at, trust.NewMirror(c.kept)
			result := h.judge(trust.RevocationIfAvailable, c.c)
			if result.Problem != nil {
				t.Fatal(result.Problem)
			}
			expect(t, result.Revocation, c.want)
			if result.Known != (c.want == "") {
				t.Errorf("known: %v", result.Known)
			}
		})
	}
}

// A response from the future does not count.
func TestResponseFromTheFuture(t *testing.T) {
	h := newHierarchy(t)
	raw := answerOf(t, h.middle, h.middle, h.signer, nil) // produced now, days after the time of the case
	result := h.judge(trust.RevocationRequired, trust.Case{OCSPs: [][]byte{raw}, CRLs: [][]byte{h.clean(t)}})
	expect(t, result.Revocation, verdict.TryLater)
}

// The word of a signer that has ended counts only if it is proven to be older.
func TestSignerOfTheListHasEnded(t *testing.T) {
	root := issue(t, nil, listing("root"))
	short := listing("middle")
	short.NotAfter = now.Add(30 * day)
	middle := issue(t, root, short)
	signer := issue(t, middle, leaf("a"))
	h := hierarchy{root, middle, signer, trust.NewAnchors(root.certificate)}
	c := trust.Case{
		At: now.Add(60 * day), Proven: now,
		CRLs: [][]byte{listOf(t, middle, now.Add(time.Hour), 1), listOf(t, root, now.Add(time.Hour), 1)},
	}
	expect(t, h.judge(trust.RevocationRequired, c).Revocation, verdict.RevocationNoPOE)
	c.Archived = now.Add(2 * day)
	expect(t, h.judge(trust.RevocationRequired, c).Revocation, "")
}

func TestTimesOfTheSigner(t *testing.T) {
	h := newHierarchy(t)
	before, after := h.signer.certificate.NotBefore.Add(-day), h.signer.certificate.NotAfter.Add(day)
	cases := map[string]struct {
		c          trust.Case
		want       verdict.Sub
		indication verdict.Indication
	}{
		"proven before it began":      {trust.Case{Proven: before}, verdict.NotYetValid, verdict.Failed},
		"not begun, unproved":         {trust.Case{At: before}, verdict.OutOfBoundsNoPOE, verdict.Indeterminate},
		"expired, unproved":           {trust.Case{At: after}, verdict.OutOfBoundsNoPOE, verdict.Indeterminate},
		"expired, made after that":    {trust.Case{At: after, NotOlder: after.Add(-time.Hour)}, verdict.Expired, verdict.Failed},
		"expired, proven while valid": {trust.Case{At: after, Proven: now}, "", verdict.Passed},
		"a proof from the future":     {trust.Case{At: now, Proven: after}, "", verdict.Passed},
		"expired, known to be unrevoked": {trust.Case{At: after, CRLs: [][]byte{
			listOf(t, h.middle, h.signer.certificate.NotAfter.Add(-2*day), 1), listOf(t, h.root, after.Add(-time.Hour), 1),
		}}, verdict.OutOfBoundsNotRevoked, verdict.Indeterminate},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			problem := h.judge(trust.RevocationIfAvailable, c.c).Problem
			switch {
			case c.want == "" && problem != nil, c.want != "" && problem == nil:
				t.Fatalf("got %v", problem)
			case problem != nil && (problem.Sub != c.want || problem.Indication != c.indication):
				t.Fatalf("got %v", problem)
			}
		})
	}
}

func TestAlgorithmDates(t *testing.T) {
	h := newHierarchy(t)
	table, err := trust.ParseAlgorithms([]byte(`{"version":"t","digests":[{"name":"SHA-256"}],
		"signatures":[{"name":"ECDSA","bits":256,"until":"2026-11-01"}]}`))
	if err != nil {
		t.Fatal(err)
	}
	judge := func(proven time.Time) *verdict.Problem {
		v := trust.New(trust.Options{Anchors: h.anchors, Algorithms: table})
		return v.Validate(h.signer.certificate, trust.Case{Candidates: []*x509.Certificate{h.middle.certificate}, At: now, Proven: proven}).Problem
	}
	expect(t, judge(time.Time{}), verdict.CryptoConstraintsNoPOE)
	expect(t, judge(now.Add(-day)), verdict.CryptoConstraintsFailure)
	expect(t, judge(now.AddDate(0, -1, 0)), "")
	for _, bad := range []string{``, `{}`, `{"version":"1","digests":[{"name":"x","until":"soon"}],"signatures":[{"name":"y"}]}`, `{"extra":1}`} {
		if _, err := trust.ParseAlgorithms([]byte(bad)); err == nil {
			t.Errorf("%s: accepted", bad)
		}
	}
}

func TestDefaultAlgorithms(t *testing.T) {
	table := trust.DefaultAlgorithms()
	for suite, want := range map[trust.Suite]string{
		{Scheme: "RSA", Digest: "SHA-256", Bits: 2048}:     "2029-01-01",
		{Scheme: "RSA", Digest: "SHA-256", Bits: 4096}:     "2029-01-01",
		{Scheme: "RSA", Digest: "SHA-1", Bits: 2048}:       "2012-08-01",
		{Scheme: "RSA", Digest: "SHA-256", Bits: 1024}:     "2019-10-01",
		{Scheme: "RSA-PSS", Digest: "SHA-256", Bits: 2048}: "2029-01-01",
		{Scheme: "RSA-PSS", Digest: "SHA-512", Bits: 3072}: "none",
		{Scheme: "ECDSA", Digest: "SHA-256", Bits: 256}:    "none",
		{Scheme: "ECDSA", Digest: "SHA-224", Bits: 384}:    "2029-01-01",
		{Scheme: "ECDSA", Digest: "SHA-256", Bits: 224}:    "2021-10-01",
		{Scheme: "Ed25519", Bits: 256}:                     "none",
		{Scheme: "RSA", Digest: "SHA-256", Bits: 512}:      "unknown",
		{Scheme: "DSA", Digest: "SHA-256", Bits: 3072}:     "unknown",
		{Scheme: "ECDSA", Digest: "SM3", Bits: 256}:        "unknown",
	} {
		end, known := table.Until(suite)
		got := end.Format(time.DateOnly)
		switch {
		case !known:
			got = "unknown"
		case end.IsZero():
			got = "none"
		}
		if got != want {
			t.Errorf("%v: %s, want %s", suite, got, want)
		}
	}
}

func TestPurposeOfAnchors(t *testing.T) {
	h := newHierarchy(t)
	h.anchors = trust.NewAnchorSet(trust.Anchor{
		Certificate: h.root.certificate, From: h.root.certificate.NotBefore, Until: now.Add(day), Purposes: []trust.Purpose{trust.ForTimestamping},
	})
	expect(t, h.judge("", trust.Case{}).Problem, verdict.NoCertificateChain)
	expect(t, h.judge("", trust.Case{Purpose: trust.ForTimestamping}).Problem, "")
	expect(t, h.judge("", trust.Case{Purpose: trust.ForTimestamping, At: now.Add(2 * day)}).Problem, verdict.OutOfBoundsNoPOE)
}

func FuzzCRL(f *testing.F) {
	h := newHierarchy(f)
	f.Add(listOf(f, h.middle, now, 1, revokedAt(h.signer, now, 1)))
	f.Fuzz(func(t *testing.T, data []byte) {
		result := h.judge(trust.RevocationRequired, trust.Case{CRLs: [][]byte{data}})
		if result.Revocation == nil {
			t.Fatal("the whole path became known by one list")
		}
	})
}

func FuzzOCSP(f *testing.F) {
	h := newHierarchy(f)
	f.Add(answerOf(f, h.middle, h.middle, h.signer, nil))
	f.Fuzz(func(t *testing.T, data []byte) {
		result := h.judge(trust.RevocationRequired, trust.Case{OCSPs: [][]byte{data}})
		if result.Revocation == nil {
			t.Fatal("the whole path became known by one response")
		}
	})
}

// A long list that comes along is read in time proportional to its size, and not kept.
func TestLongList(t *testing.T) {
	h := newHierarchy(t)
	var entries []x509.RevocationListEntry
	for i := range 40_000 {
		entries = append(entries, x509.RevocationListEntry{SerialNumber: big.NewInt(int64(i) + 1), RevocationTime: now})
	}
	long := listOf(t, h.middle, now.Add(-time.Hour), 1, append(entries, revokedAt(h.signer, now.Add(-day), 1))...)
	if len(long) < 512<<10 {
		t.Fatalf("only %d bytes", len(long))
	}
	for range 2 {
		expect(t, h.judge("", trust.Case{CRLs: [][]byte{long}}).Revocation, verdict.RevokedNoPOE)
	}
}

func BenchmarkValidateWithLists(b *testing.B) {
	h := newHierarchy(b)
	v := trust.New(trust.Options{Anchors: h.anchors, Revocation: trust.RevocationRequired})
	c := trust.Case{
		Candidates: []*x509.Certificate{h.middle.certificate}, At: now,
		CRLs: [][]byte{listOf(b, h.middle, now.Add(-time.Hour), 1), h.clean(b)},
	}
	b.ReportAllocs()
	for b.Loop() {
		if result := v.Validate(h.signer.certificate, c); result.Problem != nil || result.Revocation != nil {
			b.Fatal(result)
		}
	}
}
