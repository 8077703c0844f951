// Package pki makes a throw-away public key infrastructure for demonstrations and
// tests: a root, an issuing authority, and certificates of persons and agencies.
// Every subject carries the organisation Mark, so that nobody can take a
// signature made with it for a real one. Keys exist in memory only; a hub must
// never be given its anchors outside a demonstration.
package pki

import (
	"bytes"
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
	"time"
)

// Mark is the organisation in every subject: "test, without legal value".
const Mark = "TEST - KHÔNG CÓ GIÁ TRỊ PHÁP LÝ"

// Algorithm is the kind of a key.
type Algorithm string

// The algorithms.
const (
	P256    Algorithm = "P-256"
	P384    Algorithm = "P-384"
	P521    Algorithm = "P-521"
	RSA2048 Algorithm = "RSA-2048"
)

// Identity is a key with its certificates, its own first and the root last.
type Identity struct {
	Key   crypto.Signer
	Chain []*x509.Certificate
}

// Certificate returns the identity's own certificate.
func (i Identity) Certificate() *x509.Certificate { return i.Chain[0] }

// Authority issues test certificates. It is not safe for concurrent use.
type Authority struct {
	root, issuing Identity
	now           time.Time
	serial        int64
}

// New makes a root and an issuing authority whose keys use the given algorithm.
// All certificates are valid from one day before now.
func New(now time.Time, algorithm Algorithm) (*Authority, error) {
	a := &Authority{now: now.UTC().Truncate(time.Second)}
	root, err := a.issueAuthority(Identity{}, "Gốc thử nghiệm", algorithm, 10)
	if err != nil {
		return nil, err
	}
	issuing, err := a.issueAuthority(root, "Cấp phát thử nghiệm", algorithm, 5)
	if err != nil {
		return nil, err
	}
	a.root, a.issuing = root, issuing
	return a, nil
}

// Person issues a certificate for a leader or clerk of an agency, valid two years.
func (a *Authority) Person(name, agency string, algorithm Algorithm) (Identity, error) {
	return a.Issue(a.Template(pkix.Name{CommonName: name, OrganizationalUnit: []string{agency}}), algorithm)
}

// Agency issues a certificate for the seal of an agency, valid two years.
func (a *Authority) Agency(name string, algorithm Algorithm) (Identity, error) {
	return a.Issue(a.Template(pkix.Name{CommonName: name}), algorithm)
}

// TimestampAuthority issues a certificate for timestamps and nothing else (RFC 3161,
// 2.3), valid two years.
func (a *Authority) TimestampAuthority(name string, algorithm Algorithm) (Identity, error) {
	template := a.Template(pkix.Name{CommonName: name})
	template.KeyUsage = x509.KeyUsageDigitalSignature
	purpose, err := asn1.Marshal([]asn1.ObjectIdentifier{{1, 3, 6, 1, 5, 5, 7, 3, 8}})
	if err != nil {
		return Identity{}, fmt.Errorf("write a purpose: %w", err)
	}
	template.ExtraExtensions = []pkix.Extension{{Id: asn1.ObjectIdentifier{2, 5, 29, 37}, Critical: true, Value: purpose}}
	return a.Issue(template, algorithm)
}

// Template returns a certificate for document signing that Issue completes; tests
// change it to make the certificates that must be refused.
func (a *Authority) Template(subject pkix.Name) *x509.Certificate {
	return &x509.Certificate{
		Subject:               subject,
		NotBefore:             a.now.AddDate(0, 0, -1),
		NotAfter:              a.now.AddDate(2, 0, 0),
		KeyUsage:              x509.KeyUsageDigitalSignature | x509.KeyUsageContentCommitment,
		BasicConstraintsValid: true,
	}
}

// Issue signs a template with the issuing authority under a new key. It sets the
// serial number and marks the subject as a test.
func (a *Authority) Issue(template *x509.Certificate, algorithm Algorithm) (Identity, error) {
	return a.issue(a.issuing, template, algorithm)
}

// Root is the anchor with its key; tests sign revocation lists with it.
func (a *Authority) Root() Identity { return a.root }

// Issuing is the authority that issues the certificates of persons and agencies.
func (a *Authority) Issuing() Identity { return a.issuing }

// AnchorsPEM returns the root certificate: what a verifier must be given.
func (a *Authority) AnchorsPEM() []byte { return encode(a.root.Certificate()) }

// PEM returns a chain in PEM form.
func (i Identity) PEM() []byte { return encode(i.Chain...) }

func (a *Authority) issueAuthority(by Identity, name string, algorithm Algorithm, years int) (Identity, error) {
	return a.issue(by, &x509.Certificate{
		Subject:               pkix.Name{CommonName: name},
		NotBefore:             a.now.AddDate(0, 0, -1),
		NotAfter:              a.now.AddDate(years, 0, 0),
		KeyUsage:              x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
		BasicConstraintsValid: true,
		IsCA:                  true,
	}, algorithm)
}

// issue signs template by an identity, or by its own key when there is none yet.
func (a *Authority) issue(by Identity, template *x509.Certificate, algorithm Algorithm) (Identity, error) {
	key, err := newKey(algorithm)
	if err != nil {
		return Identity{}, err
	}
	a.serial++
	template.SerialNumber = big.NewInt(a.serial)
	template.Subject.Country = []string{"VN"}
	template.Subject.Organization = []string{Mark}
	parent, signer := template, key
	if len(by.Chain) > 0 {
		parent, signer = by.Certificate(), by.Key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), signer)
	if err != nil {
		return Identity{}, fmt.Errorf("issue a test certificate: %w", err)
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		return Identity{}, fmt.Errorf("read back a test certificate: %w", err)
	}
	return Identity{Key: key, Chain: append([]*x509.Certificate{certificate}, by.Chain...)}, nil
}

func newKey(algorithm Algorithm) (crypto.Signer, error) {
	switch algorithm {
	case P256:
		return ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	case P384:
		return ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	case P521:
		return ecdsa.GenerateKey(elliptic.P521(), rand.Reader)
	case RSA2048:
		return rsa.GenerateKey(rand.Reader, 2048)
	}
	return nil, fmt.Errorf("unknown key algorithm %q", algorithm)
}

func encode(chain ...*x509.Certificate) []byte {
	var out bytes.Buffer
	for _, certificate := range chain {
		_ = pem.Encode(&out, &pem.Block{Type: "CERTIFICATE", Bytes: certificate.Raw}) // a buffer never fails to write
	}
	return out.Bytes()
}

// CRLs returns the current revocation lists of the root and of the issuing authority
// in DER, valid for a week. The certificates named are on the list of the latter.
func (a *Authority) CRLs(revoked ...*x509.Certificate) ([][]byte, error) {
	var lists [][]byte
	for i, by := range []Identity{a.root, a.issuing} {
		list := &x509.RevocationList{Number: big.NewInt(1), ThisUpdate: a.now.Add(-time.Hour), NextUpdate: a.now.AddDate(0, 0, 7)}
		for _, certificate := range revoked {
			if i == 0 {
				break // the root issued none of them
			}
			list.RevokedCertificateEntries = append(list.RevokedCertificateEntries,
				x509.RevocationListEntry{SerialNumber: certificate.SerialNumber, RevocationTime: a.now.Add(-time.Hour)})
		}
		der, err := x509.CreateRevocationList(rand.Reader, list, by.Certificate(), by.Key)
		if err != nil {
			return nil, fmt.Errorf("issue a test revocation list: %w", err)
		}
		lists = append(lists, der)
	}
	return lists, nil
}
