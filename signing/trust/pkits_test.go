package trust_test

import (
	"archive/zip"
	"crypto/x509"
	"io"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/lienthong/lienthong/signing/trust"
	"github.com/lienthong/lienthong/signing/verdict"
)

// pkitsCase is a certificate of the suite, the inputs, and what NIST wants.
type pkitsCase struct {
	name     string // of the file, without EE.crt
	policies trust.Policies
	pass     bool
}

const (
	policy1 = "2.16.840.1.101.3.2.1.48.1"
	policy2 = "2.16.840.1.101.3.2.1.48.2"
	policy3 = "2.16.840.1.101.3.2.1.48.3"
	policy6 = "2.16.840.1.101.3.2.1.48.6"
)

func accept(policies ...string) trust.Policies {
	return trust.Policies{Accepted: policies, Explicit: true}
}

// policyCases are those of sections 4.8 to 4.12 that run with several inputs or whose
// name does not say what they must give.
func policyCases() []pkitsCase {
	explicit := trust.Policies{Explicit: true}
	var none trust.Policies
	return []pkitsCase{
		{"ValidCertificatePathTest1", none, true},
		{"ValidCertificatePathTest1", explicit, true},
		{"ValidCertificatePathTest1", accept(policy1), true},
		{"ValidCertificatePathTest1", accept(policy2), false},
		{"ValidCertificatePathTest1", accept(policy1, policy2), true},
		{"AllCertificatesNoPoliciesTest2", none, true},
		{"AllCertificatesNoPoliciesTest2", explicit, false},
		{"DifferentPoliciesTest3", none, true},
		{"DifferentPoliciesTest3", explicit, false},
		{"DifferentPoliciesTest3", accept(policy1, policy2), false},
		{"DifferentPoliciesTest4", none, false},
		{"DifferentPoliciesTest5", none, false},
		{"OverlappingPoliciesTest6", none, true},
		{"OverlappingPoliciesTest6", trust.Policies{Accepted: []string{policy1}}, true},
		{"OverlappingPoliciesTest6", trust.Policies{Accepted: []string{policy2}}, false},
		{"DifferentPoliciesTest7", none, false},
		{"DifferentPoliciesTest8", none, false},
		{"DifferentPoliciesTest9", none, false},
		{"AllCertificatesSamePoliciesTest10", none, true},
		{"AllCertificatesSamePoliciesTest10", accept(policy1), true},
		{"AllCertificatesSamePoliciesTest10", accept(policy2), true},
		{"AllCertificatesanyPolicyTest11", none, true},
		{"AllCertificatesanyPolicyTest11", accept(policy1), true},
		{"DifferentPoliciesTest12", none, false},
		{"AllCertificatesSamePoliciesTest13", accept(policy1), true},
		{"AllCertificatesSamePoliciesTest13", accept(policy2), true},
		{"AllCertificatesSamePoliciesTest13", accept(policy3), true},
		{"AnyPolicyTest14", accept(policy1), true},
		{"AnyPolicyTest14", accept(policy2), false},
		{"UserNoticeQualifierTest15", none, true},
		{"UserNoticeQualifierTest16", none, true},
		{"UserNoticeQualifierTest17", none, true},
		{"UserNoticeQualifierTest18", accept(policy1), true},
		{"UserNoticeQualifierTest18", accept(policy2), true},
		{"UserNoticeQualifierTest19", none, true},
		{"CPSPointerQualifierTest20", accept(policy1), true},
		{"ValidPolicyMappingTest1", accept(policy1), true},
		{"ValidPolicyMappingTest1", accept(policy2), false},
		{"ValidPolicyMappingTest1", trust.Policies{Explicit: true, InhibitMapping: true}, false},
		{"InvalidPolicyMappingTest2", none, false},
		{"InvalidPolicyMappingTest2", trust.Policies{InhibitMapping: true}, false},
		{"ValidPolicyMappingTest3", accept(policy1), false},
		{"ValidPolicyMappingTest3", accept(policy2), true},
		{"ValidPolicyMappingTest5", accept(policy1), true},
		{"ValidPolicyMappingTest5", accept(policy6), false},
		{"ValidPolicyMappingTest6", accept(policy1), true},
		{"ValidPolicyMappingTest6", accept(policy6), false},
		{"ValidPolicyMappingTest12", accept(policy1), true},
		{"ValidPolicyMappingTest12", accept(policy2), true},
		{"inhibitAnyPolicyTest3", none, true},
		{"inhibitAnyPolicyTest3", trust.Policies{InhibitAny: true}, false},
	}
}

// pkitsExceptions pass for NIST and not here, each for a reason: all err on the safe
// side.
func pkitsExceptions() map[string]string {
	return map[string]string{
		"ValidDSASignaturesTest4":           "DSA with 1024 bits and SHA-1 ended in 2012",
		"ValidDSAParameterInheritanceTest5": "DSA with 1024 bits and SHA-1 ended in 2012",
		"ValiddistributionPointTest4":       "the standard library does not parse a relative distribution point",
		"ValiddistributionPointTest5":       "the standard library does not parse a relative distribution point",
		"ValidcRLIssuerTest29":              "the standard library does not parse a relative distribution point",
	}
}

// TestPKITS runs the whole suite of NIST: every certificate of an end entity, with all
// other certificates and lists at hand, revocation required.
func TestPKITS(t *testing.T) {
	suite, root := readSuite(t)
	mirror := trust.NewMirror(suite.material)
	if certificates, lists, _ := mirror.Counts(); certificates < 170 || lists < 170 {
		t.Fatalf("%d certificates, %d lists", certificates, lists)
	}
	validator := trust.New(trust.Options{Anchors: trust.NewAnchors(root), Mirror: mirror, Revocation: trust.RevocationRequired})
	cases := policyCases()
	for name := range suite.signers {
		known := slices.ContainsFunc(cases, func(c pkitsCase) bool { return c.name == name })
		if !known {
			cases = append(cases, pkitsCase{name: name, pass: strings.HasPrefix(name, "Valid")})
		}
	}
	exceptions := pkitsExceptions()
	failed, agreed := 0, 0
	for _, c := range cases {
		der, ok := suite.signers[c.name]
		if !ok {
			t.Errorf("%s is not in the suite", c.name)
			continue
		}
		problem := judgeSigner(validator, der, c.policies)
		if why, known := exceptions[c.name]; known {
			if problem == nil || !c.pass {
				t.Errorf("%s is no exception (%s)", c.name, why)
			}
			continue
		}
		if agreed++; (problem == nil) != c.pass {
			failed++
			t.Errorf("%s %+v: %v, want it to pass: %v", c.name, c.policies, problem, c.pass)
		}
	}
	t.Logf("%d cases, %d agree, %d exceptions", len(cases), agreed-failed, len(exceptions))
	if len(cases) < 246 {
		t.Errorf("only %d cases", len(cases))
	}
}

func judgeSigner(validator *trust.Validator, der []byte, policies trust.Policies) *verdict.Problem {
	signer, err := x509.ParseCertificate(der)
	if err != nil {
		return verdict.Doubt(verdict.NoSigningCertificate, "%v", err)
	}
	result := validator.Validate(signer, trust.Case{At: now, Policies: policies})
	if result.Problem != nil {
		return result.Problem
	}
	return result.Revocation
}

// suite is the content of pkits.zip.
type suite struct {
	material verdict.Material
	signers  map[string][]byte
}

func readSuite(t *testing.T) (suite, *x509.Certificate) {
	t.Helper()
	archive, err := zip.OpenReader("testdata/pkits.zip")
	if err != nil {
		t.Fatal(err)
	}
	defer archive.Close()
	s := suite{signers: map[string][]byte{}}
	var root *x509.Certificate
	for _, file := range archive.File {
		if file.FileInfo().IsDir() {
			continue
		}
		der := readEntry(t, file)
		name := path.Base(file.Name)
		if strings.HasSuffix(name, ".crl") {
			s.material.CRLs = append(s.material.CRLs, der)
			continue
		}
		if signer, ok := strings.CutSuffix(name, "EE.crt"); ok {
			s.signers[signer] = der
			continue
		}
		certificate, err := x509.ParseCertificate(der)
		if err != nil {
			continue // two with inherited DSA parameters
		}
		if name == "TrustAnchorRootCertificate.crt" {
			root = certificate
		}
		s.material.Certificates = append(s.material.Certificates, certificate)
	}
	return s, root
}

func readEntry(t *testing.T, file *zip.File) []byte {
	t.Helper()
	r, err := file.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	data, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return data
}
