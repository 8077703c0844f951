package signing

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"math/big"
	"time"
)

const tsaKeyFile = "tsa.pem"

// LoadOrCreateTSAKey returns the key of the hub's own time-stamp authority and its
// certificates, its own first and the root last: "tsa.pem" in dir, beside the hub key and
// under its rules. At first start it makes a P-256 key with a certificate for timestamps
// and nothing else (RFC 3161, 2.3), issued by a root whose key is thrown away: nobody can
// make a second authority under it.
func LoadOrCreateTSAKey(dir, name string, now time.Time) (crypto.Signer, []*x509.Certificate, error) {
	return loadOrCreateChain(dir, tsaKeyFile, func() ([]byte, error) { return newTSAKey(name, now) })
}

func newTSAKey(name string, now time.Time) ([]byte, error) {
	purpose, err := asn1.Marshal([]asn1.ObjectIdentifier{{1, 3, 6, 1, 5, 5, 7, 3, 8}})
	if err != nil {
		return nil, err
	}
	root := &x509.Certificate{
		Subject: pkix.Name{CommonName: name + " time-stamp root"}, KeyUsage: x509.KeyUsageCertSign,
		IsCA: true, MaxPathLen: 0, MaxPathLenZero: true,
	}
	own := &x509.Certificate{
		Subject: pkix.Name{CommonName: name + " time-stamp authority"}, KeyUsage: x509.KeyUsageDigitalSignature,
		ExtraExtensions: []pkix.Extension{{Id: asn1.ObjectIdentifier{2, 5, 29, 37}, Critical: true, Value: purpose}},
	}
	rootKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	encoded, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	_ = pem.Encode(&out, &pem.Block{Type: pemKey, Bytes: encoded}) // a buffer never fails to write
	for _, issue := range []struct {
		template *x509.Certificate
		public   *ecdsa.PublicKey
	}{{own, &key.PublicKey}, {root, &rootKey.PublicKey}} {
		t := issue.template
		t.NotBefore, t.NotAfter, t.BasicConstraintsValid = now.UTC().Add(-clockSlack), now.UTC().AddDate(hubKeyYears, 0, 0), true
		if t.SerialNumber, err = rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127)); err != nil {
			return nil, err
		}
		certificate, err := x509.CreateCertificate(rand.Reader, t, root, issue.public, rootKey)
		if err != nil {
			return nil, err
		}
		_ = pem.Encode(&out, &pem.Block{Type: pemCert, Bytes: certificate})
	}
	return out.Bytes(), nil
}
