package signing

import (
	"bytes"
	"context"
	"crypto"
	"crypto/sha256"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"slices"
	"time"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/signing/cms"
	"github.com/lienthong/lienthong/signing/pdfsig"
	"github.com/lienthong/lienthong/signing/tsp"
)

// maxCRLs bounds what ReadCRLs reads from one file.
const maxCRLs = 64

// Stamp returns a function for pdfsig.SignRequest that asks a time-stamp authority
// for a token over the SHA-256 of a signature value.
func Stamp(client *tsp.Client) func(ctx context.Context, value []byte) ([]byte, error) {
	stamp := StampDigest(client)
	return func(ctx context.Context, value []byte) ([]byte, error) {
		digest := sha256.Sum256(value)
		return stamp(ctx, digest[:])
	}
}

// StampDigest is Stamp for what was hashed with SHA-256 before.
func StampDigest(client *tsp.Client) func(ctx context.Context, digest []byte) ([]byte, error) {
	return func(ctx context.Context, digest []byte) ([]byte, error) {
		token, err := client.Timestamp(ctx, crypto.SHA256, digest)
		if err != nil {
			return nil, &hub.Error{Kind: hub.KindUnavailable, Field: "tsa", Rule: "timestamp", Message: err.Error(), Err: err}
		}
		return token.Raw, nil
	}
}

// ReadCRLs reads certificate revocation lists from a file: one in DER, or several in
// PEM form.
func ReadCRLs(data []byte) ([]*x509.RevocationList, error) {
	var lists []*x509.RevocationList
	add := func(der []byte) error {
		list, err := x509.ParseRevocationList(der)
		if err != nil || len(lists) == maxCRLs {
			return hub.Invalid("crl", "format", "the file is not a certificate revocation list, or holds more than %d", maxCRLs)
		}
		lists = append(lists, list)
		return nil
	}
	block, rest := pem.Decode(data)
	if block == nil {
		return lists, add(data)
	}
	for ; block != nil; block, rest = pem.Decode(rest) {
		if err := add(block.Bytes); err != nil {
			return nil, err
		}
	}
	return lists, nil
}

// LongTerm collects the validation data of levels B-LT and B-LTA from certificates and
// revocation lists at hand; nothing is fetched.
type LongTerm struct {
	Certificates []*x509.Certificate // of authorities, those of the signer's path among them
	CRLs         []*x509.RevocationList
	Now          func() time.Time
}

// Material returns the paths of the signer and of the authority of the timestamp, with
// a current list for every certificate that is not the end of its path. What is
// missing is named, and a certificate that is on its list is refused.
func (l LongTerm) Material(_ context.Context, message []byte) (pdfsig.Material, error) {
	parsed, problem := cms.Parse(message)
	if problem != nil {
		return pdfsig.Material{}, hub.Internal("read the signature just made", fmt.Errorf("%s", problem))
	}
	signer, problem := parsed.Signer()
	if problem != nil {
		return pdfsig.Material{}, hub.Internal("read the signature just made", fmt.Errorf("%s", problem))
	}
	known := slices.Concat(parsed.Certificates, l.Certificates)
	c := collection{LongTerm: l, known: known}
	if err := c.follow(signer); err != nil {
		return pdfsig.Material{}, err
	}
	for _, raw := range parsed.Tokens {
		token, problem := tsp.Parse(raw)
		if problem != nil {
			return pdfsig.Material{}, hub.Internal("read the timestamp just made", fmt.Errorf("%s", problem))
		}
		c.known = slices.Concat(c.known, token.Message.Certificates)
		authority, problem := token.Message.Signer()
		if problem != nil {
			return pdfsig.Material{}, hub.Errorf(hub.KindUntrusted, "tsa", "certificate", "the timestamp comes without the certificate of its authority")
		}
		if err := c.follow(authority); err != nil {
			return pdfsig.Material{}, err
		}
	}
	return c.found, nil
}

// collection is a LongTerm under way.
type collection struct {
	LongTerm
	known []*x509.Certificate
	found pdfsig.Material
}

// maxPath bounds a path of certificates.
const maxPath = 10

// follow adds a certificate, what issued it, and the lists on the way.
func (c *collection) follow(certificate *x509.Certificate) error {
	for range maxPath {
		if !slices.ContainsFunc(c.found.Certificates, certificate.Equal) {
			c.found.Certificates = append(c.found.Certificates, certificate)
		}
		if bytes.Equal(certificate.RawIssuer, certificate.RawSubject) {
			return nil // the end of a path is trusted or not; no list says so
		}
		issuer := slices.IndexFunc(c.known, func(above *x509.Certificate) bool {
			return bytes.Equal(above.RawSubject, certificate.RawIssuer) && certificate.CheckSignatureFrom(above) == nil
		})
		if issuer < 0 {
			return hub.Invalid("chain", "complete", "the certificate of %q, which issued the one of %q, is missing", certificate.Issuer.CommonName, certificate.Subject.CommonName)
		}
		if err := c.addList(certificate, c.known[issuer]); err != nil {
			return err
		}
		certificate = c.known[issuer]
	}
	return hub.Invalid("chain", "max_length", "a path has more than %d certificates", maxPath)
}

func (c *collection) addList(certificate, issuer *x509.Certificate) error {
	now := c.Now()
	i := slices.IndexFunc(c.CRLs, func(list *x509.RevocationList) bool {
		return bytes.Equal(list.RawIssuer, issuer.RawSubject) && !list.ThisUpdate.After(now) && now.Before(list.NextUpdate) &&
			list.CheckSignatureFrom(issuer) == nil
	})
	if i < 0 {
		return hub.Invalid("crl", "current", "a revocation list of %q that is valid now is missing", issuer.Subject.CommonName)
	}
	list := c.CRLs[i]
	for _, entry := range list.RevokedCertificateEntries {
		if entry.SerialNumber.Cmp(certificate.SerialNumber) == 0 {
			return hub.Errorf(hub.KindUntrusted, "chain", "revoked", "the certificate of %q was revoked on %s", certificate.Subject.CommonName, entry.RevocationTime.Format(time.DateOnly))
		}
	}
	if !slices.ContainsFunc(c.found.CRLs, func(known []byte) bool { return bytes.Equal(known, list.Raw) }) {
		c.found.CRLs = append(c.found.CRLs, list.Raw)
	}
	return nil
}
