package trust_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"fmt"
	"math/big"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lienthong/lienthong/signing/internal/budget"
	"github.com/lienthong/lienthong/signing/pki"
	"github.com/lienthong/lienthong/signing/trust"
	"github.com/lienthong/lienthong/signing/verdict"
)

var now = time.Date(2026, 11, 23, 3, 0, 0, 0, time.UTC)

// authority is a certificate with its key, for chains that pki does not make.
type authority struct {
	key         crypto.Signer
	certificate *x509.Certificate
}

func ca(name string) *x509.Certificate {
	return &x509.Certificate{
		Subject: pkix.Name{CommonName: name}, NotBefore: now.AddDate(-1, 0, 0), NotAfter: now.AddDate(5, 0, 0),
		KeyUsage: x509.KeyUsageCertSign, IsCA: true, BasicConstraintsValid: true, MaxPathLen: -1,
	}
}

func leaf(name string) *x509.Certificate {
	return &x509.Certificate{
		Subject: pkix.Name{CommonName: name}, NotBefore: now.AddDate(-1, 0, 0), NotAfter: now.AddDate(1, 0, 0),
		KeyUsage: x509.KeyUsageDigitalSignature, BasicConstraintsValid: true,
	}
}

// issue signs the template by the parent, or by itself.
func issue(t testing.TB, parent *authority, template *x509.Certificate, keys ...crypto.Signer) *authority {
	t.Helper()
	var key crypto.Signer
	if len(keys) > 0 {
		key = keys[0]
	} else {
		made, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		key = made
	}
	serial, err := rand.Int(rand.Reader, big.NewInt(1<<62))
	if err != nil {
		t.Fatal(err)
	}
	template.SerialNumber = serial.Add(serial, big.NewInt(1))
	by := &authority{key, template}
	if parent != nil {
		by = parent
	}
	der, err := x509.CreateCertificate(rand.Reader, template, by.certificate, key.Public(), by.key)
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return &authority{key, certificate}
}

func TestPathPasses(t *testing.T) {
	a, err := pki.New(now, pki.P256)
	if err != nil {
		t.Fatal(err)
	}
	id, err := a.Person("Nguyễn Văn Mẫu (hư cấu)", "Sở Thử nghiệm", pki.P256)
	if err != nil {
		t.Fatal(err)
	}
	anchors, err := trust.LoadAnchors(a.AnchorsPEM())
	if err != nil {
		t.Fatal(err)
	}
	chain, problem := trust.NewValidator(anchors).Path(id.Certificate(), id.Chain[1:], now)
	if problem != nil || len(chain) != 3 || !chain[2].Equal(id.Chain[2]) {
		t.Fatalf("%d certificates, %v", len(chain), problem)
	}
}

func TestPathRules(t *testing.T) {
	root := issue(t, nil, ca("root"))
	middle := issue(t, root, ca("middle"))
	sub := func(change func(c *x509.Certificate)) *authority {
		c := ca("changed")
		change(c)
		return issue(t, root, c)
	}
	cases := []struct {
		name   string
		signer *authority
		bag    []*authority
		at     time.Time
		want   verdict.Sub
	}{
		{"passes", issue(t, middle, leaf("a")), []*authority{middle}, now, ""},
		{"signed by the root itself", issue(t, root, leaf("a")), nil, now, ""},
		{"issuer is missing", issue(t, middle, leaf("a")), nil, now, verdict.NoCertificateChain},
		{"self-signed", issue(t, nil, leaf("a")), nil, now, verdict.NoCertificateChain},
		{"other root in the bag", issue(t, issue(t, nil, ca("root")), leaf("a")), []*authority{issue(t, nil, ca("root"))}, now, verdict.NoCertificateChain},
		{"issuer is no authority", issue(t, sub(func(c *x509.Certificate) { c.IsCA = false }), leaf("a")), nil, now, verdict.NoCertificateChain},
		{"expired signer", issue(t, middle, leaf("a")), []*authority{middle}, now.AddDate(2, 0, 0), verdict.OutOfBoundsNoPOE},
		{"signer not yet valid", issue(t, middle, leaf("a")), []*authority{middle}, now.AddDate(-2, 0, 0), verdict.OutOfBoundsNoPOE},
	}
	withIssuer := func(name string, want verdict.Sub, change func(c *x509.Certificate)) {
		issuer := sub(change)
		cases = append(cases, struct {
			name   string
			signer *authority
			bag    []*authority
			at     time.Time
			want   verdict.Sub
		}{name, issue(t, issuer, leaf("a")), []*authority{issuer}, now, want})
	}
	withIssuer("not an authority, given", verdict.ChainConstraintsFailure, func(c *x509.Certificate) { c.IsCA, c.MaxPathLen = false, 0 })
	withIssuer("may not sign certificates", verdict.ChainConstraintsFailure, func(c *x509.Certificate) { c.KeyUsage = x509.KeyUsageCRLSign })
	withIssuer("expired issuer", verdict.OutOfBoundsNoPOE, func(c *x509.Certificate) { c.NotAfter = now.AddDate(0, 0, -1) })
	withIssuer("constraints on names that the signer has not", "", func(c *x509.Certificate) { c.PermittedDNSDomains = []string{"vn"} })
	withIssuer("unknown critical extension", verdict.ChainConstraintsFailure, func(c *x509.Certificate) {
		c.ExtraExtensions = []pkix.Extension{{Id: asn1.ObjectIdentifier{1, 2, 3}, Critical: true, Value: []byte{5, 0}}}
	})
	withIssuer("path length zero is enough", "", func(c *x509.Certificate) { c.MaxPathLen, c.MaxPathLenZero = 0, true })
	anchors := trust.NewAnchors(root.certificate)
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			var bag []*x509.Certificate
			for _, a := range c.bag {
				bag = append(bag, a.certificate)
			}
			_, problem := trust.NewValidator(anchors).Path(c.signer.certificate, bag, c.at)
			expect(t, problem, c.want)
		})
	}
}

func expect(t *testing.T, problem *verdict.Problem, want verdict.Sub) {
	t.Helper()
	switch {
	case want == "" && problem != nil:
		t.Fatalf("got %v, want it to pass", problem)
	case want != "" && problem == nil:
		t.Fatalf("passed, want %s", want)
	case want != "" && (problem.Sub != want || problem.Indication != verdict.Indeterminate):
		t.Fatalf("got %v, want INDETERMINATE/%s", problem, want)
	}
}

func TestPathLength(t *testing.T) {
	root := issue(t, nil, ca("root"))
	limited := ca("limited")
	limited.MaxPathLen, limited.MaxPathLenZero = 0, true
	upper := issue(t, root, limited)
	lower := issue(t, upper, ca("lower"))
	signer := issue(t, lower, leaf("a"))
	_, problem := trust.NewValidator(trust.NewAnchors(root.certificate)).
		Path(signer.certificate, []*x509.Certificate{lower.certificate, upper.certificate}, now)
	expect(t, problem, verdict.ChainConstraintsFailure)
}

func TestWeakKeysAndAlgorithms(t *testing.T) {
	root := issue(t, nil, ca("root"))
	validator := trust.NewValidator(trust.NewAnchors(root.certificate))
	small, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	curve, err := ecdsa.GenerateKey(elliptic.P224(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for name, key := range map[string]crypto.Signer{"RSA-1024": small, "P-224": curve} {
		_, problem := validator.Path(issue(t, root, leaf("a"), key).certificate, nil, now)
		if problem == nil || problem.Sub != verdict.CryptoConstraintsNoPOE {
			t.Errorf("%s: %v", name, problem)
		}
	}
	// A certificate that says it is signed with SHA-1, the way old ones are.
	old := issue(t, root, leaf("old")).certificate
	old.SignatureAlgorithm = x509.SHA1WithRSA
	_, problem := validator.Path(old, nil, now)
	expect(t, problem, verdict.CryptoConstraintsFailure)
}

func TestSignerPurpose(t *testing.T) {
	root := issue(t, nil, ca("root"))
	validator := trust.NewValidator(trust.NewAnchors(root.certificate))
	document := asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 3, 36}
	cases := map[string]struct {
		change func(c *x509.Certificate)
		want   verdict.Sub
	}{
		"plain":            {func(*x509.Certificate) {}, ""},
		"e-mail":           {func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageEmailProtection} }, ""},
		"document signing": {func(c *x509.Certificate) { c.UnknownExtKeyUsage = []asn1.ObjectIdentifier{document} }, ""},
		"no key usage":     {func(c *x509.Certificate) { c.KeyUsage = 0 }, ""},
		"encryption only": {func(c *x509.Certificate) { c.KeyUsage = x509.KeyUsageKeyEncipherment },
			verdict.ChainConstraintsFailure},
		"server only": {func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth} },
			verdict.ChainConstraintsFailure},
		"authority": {func(c *x509.Certificate) { c.IsCA, c.MaxPathLen = true, -1 }, verdict.ChainConstraintsFailure},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			template := leaf("a")
			c.change(template)
			signature := &verdict.Signature{Signer: issue(t, root, template).certificate}
			validator.Judge(signature, nil, now)
			expect(t, signature.Problem, c.want)
			last := signature.Checks[len(signature.Checks)-1]
			if last.Name != "revocation" || last.Passed {
				t.Errorf("the report does not say that revocation was not checked: %+v", last)
			}
		})
	}
}

// An issuer that writes its name in another string type or case is still found.
func TestNamesWrittenByDifferentTools(t *testing.T) {
	root := issue(t, nil, ca("Sở Thử  nghiệm root"))
	renamed := *root.certificate
	renamed.RawSubject = nil
	renamed.Subject = pkix.Name{CommonName: "SỞ thử nghiệm ROOT"}
	signer := issue(t, &authority{root.key, &renamed}, leaf("a"))
	_, problem := trust.NewValidator(trust.NewAnchors(root.certificate)).Path(signer.certificate, nil, now)
	expect(t, problem, "")
}

func TestNothingIsTrustedByDefault(t *testing.T) {
	root := issue(t, nil, ca("root"))
	signer := issue(t, root, leaf("a"))
	for _, anchors := range []*trust.Anchors{nil, {}} {
		_, problem := trust.NewValidator(anchors).Path(signer.certificate, []*x509.Certificate{root.certificate}, now)
		expect(t, problem, verdict.NoCertificateChain)
	}
}

// Many authorities of one name that sign each other must not make the search long.
func TestSearchIsBounded(t *testing.T) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	var bag []*x509.Certificate
	parent := issue(t, nil, ca("x"), key)
	for range 30 {
		other := issue(t, parent, ca("x"))
		bag = append(bag, other.certificate)
		parent = other
	}
	signer := issue(t, parent, leaf("a"))
	validator := trust.NewValidator(trust.NewAnchors(issue(t, nil, ca("y")).certificate))
	budget.Check(t, time.Second, func() {
		_, problem := validator.Path(signer.certificate, bag, now)
		expect(t, problem, verdict.NoCertificateChain)
	})
}

func TestLoadAnchors(t *testing.T) {
	one := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: issue(t, nil, ca("root")).certificate.Raw})
	two := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: issue(t, nil, ca("root 2")).certificate.Raw})
	a, err := trust.LoadAnchors([]byte("# comment\n" + string(one) + string(two)))
	if err != nil || a.Len() != 2 {
		t.Fatalf("%v, %d anchors", err, a.Len())
	}
	b, err := trust.LoadAnchors(append(two, one...))
	if err != nil || a.Source() != b.Source() || !strings.HasPrefix(a.Source(), "sha256:") {
		t.Errorf("equal sets are named %s and %s, %v", a.Source(), b.Source(), err)
	}
	names := map[string]string{"": a.Source()}
	for _, purposes := range []string{"signing", "evidence", "evidence, signing"} {
		c, err := trust.LoadAnchors([]byte("# purpose: " + purposes + "\n" + string(one) + string(two)))
		if err != nil {
			t.Fatal(err)
		}
		for other, name := range names {
			if name == c.Source() {
				t.Errorf("for %q and %q the set has one name, and gives other verdicts", purposes, other)
			}
		}
		names[purposes] = c.Source()
	}
	if c, err := trust.LoadAnchors([]byte("# purpose: signing,evidence\n" + string(two) + string(one))); err != nil || c.Source() != names["evidence, signing"] {
		t.Errorf("in another order the set has another name, %v", err)
	}
	damaged := strings.Replace(string(one), "-----END", "----END", 1)
	for name, data := range map[string]string{
		"empty": "", "text": "hello", "key": string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: []byte{1}})),
		"garbage in a block": string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: []byte{1, 2}})),
		"damaged":            damaged, "damaged second": string(one) + damaged, "damaged first": damaged + string(one),
		"unknown purpose": "# purpose: signing, all\n" + string(one), "no purpose": "#Purpose:\n" + string(one),
		"purpose without colon": string(one) + "# purposes signing\n" + string(two),
	} {
		if _, err := trust.LoadAnchors([]byte(data)); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

// TestPurposesInPEM: a line counts for what stands behind it in its own file, and no
// purpose implies another.
func TestPurposesInPEM(t *testing.T) {
	one, two := issue(t, nil, ca("root")), issue(t, nil, ca("root 2"))
	signers := []*x509.Certificate{issue(t, one, leaf("signer")).certificate, issue(t, two, leaf("signer")).certificate}
	block := func(i *authority) string {
		return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: i.certificate.Raw}))
	}
	purposes := []trust.Purpose{trust.ForSigning, trust.ForTimestamping, trust.ForEvidence}
	for name, c := range map[string]struct {
		files []string
		want  [2]string // for whom each root is trusted, in the order of purposes
	}{
		"plain":           {[]string{"a comment\n" + block(one) + block(two)}, [2]string{"yyy", "yyy"}},
		"signing":         {[]string{"# purpose: signing\n" + block(one) + block(two)}, [2]string{"ynn", "ynn"}},
		"one each":        {[]string{"# purpose: evidence\r\n" + block(one) + "Purpose:timestamping\n" + block(two)}, [2]string{"nny", "nyn"}},
		"from the middle": {[]string{block(one) + "\ufeff## PURPOSE : signing\n"}, [2]string{}},
		"several, ended":  {[]string{"\ufeff# purpose: signing ,evidence\n" + block(one) + "# purpose: any\n" + block(two)}, [2]string{"yny", "yyy"}},
		"of its file":     {[]string{"# purpose: timestamping\n" + block(one), block(two)}, [2]string{"nyn", "yyy"}},
		"twice":           {[]string{"# purpose: timestamping\n" + block(one) + "# purpose: evidence\n" + block(one) + block(two)}, [2]string{"nyy", "nny"}},
	} {
		t.Run(name, func(t *testing.T) {
			files := make([][]byte, len(c.files))
			for i := range c.files {
				files[i] = []byte(c.files[i])
			}
			anchors, err := trust.LoadAnchors(files...)
			if c.want == [2]string{} {
				if err == nil {
					t.Error("accepted")
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			for i, signer := range signers {
				got := ""
				for _, purpose := range purposes {
					result := trust.NewValidator(anchors).Validate(signer, trust.Case{At: now, Purpose: purpose})
					got += map[bool]string{true: "y", false: "n"}[len(result.Chain) > 0 && result.Problem == nil]
				}
				if got != c.want[i] {
					t.Errorf("root %d is trusted as %s, want %s", i+1, got, c.want[i])
				}
			}
		})
	}
}

func TestValidatorIsSafeForConcurrentUse(t *testing.T) {
	root := issue(t, nil, ca("root"))
	validator := trust.NewValidator(trust.NewAnchors(root.certificate))
	var signers []*x509.Certificate
	for i := range 8 {
		signers = append(signers, issue(t, root, leaf(fmt.Sprint(i))).certificate)
	}
	var group sync.WaitGroup
	for i := range 64 {
		group.Go(func() {
			if _, problem := validator.Path(signers[i%len(signers)], nil, now); problem != nil {
				t.Error(problem)
			}
		})
	}
	group.Wait()
}

func BenchmarkPathCached(b *testing.B) {
	root := issue(b, nil, ca("root"))
	middle := issue(b, root, ca("middle"))
	signer := issue(b, middle, leaf("a"))
	validator := trust.NewValidator(trust.NewAnchors(root.certificate))
	bag := []*x509.Certificate{middle.certificate}
	b.ReportAllocs()
	for b.Loop() {
		if _, problem := validator.Path(signer.certificate, bag, now); problem != nil {
			b.Fatal(problem)
		}
	}
}
