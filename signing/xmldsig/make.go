package xmldsig

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/asn1"
	"encoding/base64"
	"errors"
	"fmt"
	"math/big"
	"strings"
	"time"

	"github.com/lienthong/lienthong/signing/c14n"
)

// Errors of making a signature.
var (
	ErrNotEnvelope   = errors.New("this is no edXML envelope with a header that can be signed")
	ErrAlreadySigned = errors.New("the envelope has a signature block already")
	ErrNotDocument   = errors.New("this is no XML document that can be signed as a whole")
)

// Maker makes XAdES baseline signatures (ETSI EN 319 132-1, level B-B) in the header of
// edXML envelopes and at the end of other documents: exclusive canonicalization, SHA-256 or as strong as the key, one
// reference to the whole document and one to the signed properties. It is safe for
// concurrent use when its key and Stamp are.
type Maker struct {
	Key   crypto.Signer       // RSA from 2048 bits on, or ECDSA on P-256, P-384 or P-521
	Chain []*x509.Certificate // signer first, as far up as known; all go into the signature
	PSS   bool                // RSASSA-PSS in place of PKCS #1 v1.5; for RSA keys only

	// Stamp returns an RFC 3161 token (DER) over the given bytes, which becomes the
	// signature timestamp (level B-T). Nil makes none; a failure makes SignEnvelope fail.
	Stamp func(ctx context.Context, stamped []byte) (token []byte, err error)
}

// Check reports whether the maker can sign.
func (m Maker) Check() error {
	_, err := m.algorithm()
	return err
}

// SignEnvelope returns the envelope with a signature at the end of its header; every
// other byte stays as it is. The claimed time is signed as the signing time, in UTC.
func (m Maker) SignEnvelope(ctx context.Context, envelope []byte, claimed time.Time) ([]byte, error) {
	a, err := m.algorithm()
	if err != nil {
		return nil, err
	}
	document, at, err := place(envelope)
	if err != nil {
		return nil, err
	}
	return m.insert(ctx, a, document, envelope, at, claimed)
}

// SignDocument returns a document that is no edXML with a signature over all of it as the
// last child of its root; every other byte stays as it is.
func (m Maker) SignDocument(ctx context.Context, text []byte, claimed time.Time) ([]byte, error) {
	a, err := m.algorithm()
	if err != nil {
		return nil, err
	}
	if len(text) > MaxBytes {
		return nil, fmt.Errorf("%w: it is larger than %d MiB", ErrNotDocument, MaxBytes>>20)
	}
	document, err := c14n.Parse(text)
	switch {
	case err != nil:
		return nil, fmt.Errorf("%w: %w", ErrNotDocument, err)
	case isEnvelope(document) || document.Root.End == 0 || document.Instructions || document.Irregular != "":
		return nil, ErrNotDocument
	case len(signaturesBelow(document.Root, nil)) > 0:
		return nil, ErrAlreadySigned
	}
	return m.insert(ctx, a, document, text, document.Root.End, claimed)
}

// insert puts a signature over the document at a place in its text.
func (m Maker) insert(ctx context.Context, a algorithm, document *c14n.Document, envelope []byte, at int, claimed time.Time) ([]byte, error) {
	sum := a.hash.New()
	if err := document.Write(sum, nil, nil, c14n.Method{Exclusive: true}); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNotEnvelope, err)
	}
	signature, err := m.signature(ctx, a, sum.Sum(nil), claimed)
	if err != nil {
		return nil, err
	}
	return bytes.Join([][]byte{envelope[:at], signature, envelope[at:]}, nil), nil
}

// place returns where the signature goes: before the end tag of the header.
func place(envelope []byte) (*c14n.Document, int, error) {
	if len(envelope) > MaxBytes {
		return nil, 0, fmt.Errorf("%w: it is larger than %d MiB", ErrNotEnvelope, MaxBytes>>20)
	}
	document, err := c14n.Parse(envelope)
	if err != nil {
		return nil, 0, fmt.Errorf("%w: %w", ErrNotEnvelope, err)
	}
	at := document.Root
	for _, name := range []string{"edXMLEnvelope", "edXMLHeader"} {
		var found *c14n.Element
		for _, child := range at.Elements() {
			if child.Local == name && found == nil {
				found = child
			}
		}
		if at = found; at == nil {
			return nil, 0, ErrNotEnvelope
		}
	}
	switch {
	case !isEnvelope(document) || at.End == 0 || document.Instructions || document.Irregular != "":
		return nil, 0, ErrNotEnvelope
	case len(signaturesBelow(document.Root, nil)) > 0:
		return nil, 0, ErrAlreadySigned
	}
	return document, at.End, nil
}

// algorithm picks the method that the key leads to.
func (m Maker) algorithm() (algorithm, error) {
	if m.Key == nil || len(m.Chain) == 0 {
		return algorithm{}, errors.New("a key and its certificate are needed")
	}
	type equaler interface{ Equal(crypto.PublicKey) bool }
	if public, ok := m.Key.Public().(equaler); !ok || !public.Equal(m.Chain[0].PublicKey) {
		return algorithm{}, errors.New("the key does not belong to the first certificate")
	}
	switch public := m.Key.Public().(type) {
	case *rsa.PublicKey:
		if public.N.BitLen() < 2048 {
			return algorithm{}, errors.New("the RSA key is shorter than 2048 bits")
		}
		if m.PSS {
			return algorithmOf(newestAlgorithms + "sha256-rsa-MGF1"), nil
		}
		return algorithmOf(moreAlgorithms + "rsa-sha256"), nil
	case *ecdsa.PublicKey:
		switch size := public.Curve.Params().BitSize; {
		case m.PSS:
		case size == 256:
			return algorithmOf(moreAlgorithms + "ecdsa-sha256"), nil
		case size == 384:
			return algorithmOf(moreAlgorithms + "ecdsa-sha384"), nil
		case size == 521:
			return algorithmOf(moreAlgorithms + "ecdsa-sha512"), nil
		}
	}
	return algorithm{}, errors.New("keys of this kind are not supported")
}

// signature returns the signature element over a document of that digest. Its parts are
// put together as text; exclusive canonicalization gives the same bytes wherever they
// stand.
func (m Maker) signature(ctx context.Context, a algorithm, document []byte, claimed time.Time) ([]byte, error) {
	id := "sig-" + fmt.Sprintf("%x", document[:8])
	properties := m.properties(id, a, claimed)
	_, sum, err := canonicalPart(properties, "SignedProperties", a.hash)
	if err != nil {
		return nil, err
	}
	info := signedInfo(id, a, document, sum)
	_, sum, err = canonicalPart(info, "SignedInfo", a.hash)
	if err != nil {
		return nil, err
	}
	value, err := m.value(a, sum)
	if err != nil {
		return nil, fmt.Errorf("make a signature: %w", err)
	}
	valueElement := `<SignatureValue xmlns="` + namespace + `">` + base64.StdEncoding.EncodeToString(value) + `</SignatureValue>`
	unsigned := ""
	if m.Stamp != nil {
		if unsigned, err = m.stamp(ctx, valueElement); err != nil {
			return nil, err
		}
	}
	var b strings.Builder
	b.WriteString(`<Signature xmlns="` + namespace + `" Id="` + id + `">` + info + valueElement + `<KeyInfo><X509Data>`)
	for _, certificate := range m.Chain {
		b.WriteString(`<X509Certificate>` + base64.StdEncoding.EncodeToString(certificate.Raw) + `</X509Certificate>`)
	}
	b.WriteString(`</X509Data></KeyInfo><Object><xades:QualifyingProperties xmlns:xades="` + xades132 + `" Target="#` + id + `">` +
		properties + unsigned + `</xades:QualifyingProperties></Object></Signature>`)
	return []byte(b.String()), nil
}

// properties returns the SignedProperties.
func (m Maker) properties(id string, a algorithm, claimed time.Time) string {
	sum := a.hash.New()
	sum.Write(m.Chain[0].Raw)
	return `<xades:SignedProperties xmlns:xades="` + xades132 + `" xmlns:ds="` + namespace + `" Id="` + id + `-properties">` +
		`<xades:SignedSignatureProperties><xades:SigningTime>` + claimed.UTC().Format(time.RFC3339) + `</xades:SigningTime>` +
		`<xades:SigningCertificateV2><xades:Cert><xades:CertDigest><ds:DigestMethod Algorithm="` + digestURI(a.hash) + `"></ds:DigestMethod>` +
		`<ds:DigestValue>` + base64.StdEncoding.EncodeToString(sum.Sum(nil)) + `</ds:DigestValue></xades:CertDigest>` +
		`</xades:Cert></xades:SigningCertificateV2></xades:SignedSignatureProperties>` +
		`<xades:SignedDataObjectProperties><xades:DataObjectFormat ObjectReference="#` + id + `-document"><xades:MimeType>text/xml</xades:MimeType>` +
		`</xades:DataObjectFormat></xades:SignedDataObjectProperties></xades:SignedProperties>`
}

func signedInfo(id string, a algorithm, document, properties []byte) string {
	digest := func(sum []byte) string {
		return `<DigestMethod Algorithm="` + digestURI(a.hash) + `"></DigestMethod><DigestValue>` + base64.StdEncoding.EncodeToString(sum) + `</DigestValue>`
	}
	const canonical = `<Transform Algorithm="` + exclusiveC14N + `"></Transform></Transforms>`
	return `<SignedInfo xmlns="` + namespace + `"><CanonicalizationMethod Algorithm="` + exclusiveC14N + `"></CanonicalizationMethod>` +
		`<SignatureMethod Algorithm="` + a.uri + `"></SignatureMethod>` +
		`<Reference Id="` + id + `-document" URI=""><Transforms><Transform Algorithm="` + transformEnveloped + `"></Transform>` + canonical + digest(document) + `</Reference>` +
		`<Reference Type="` + typeProperties + `" URI="#` + id + `-properties"><Transforms>` + canonical + digest(properties) + `</Reference></SignedInfo>`
}

func digestURI(hash crypto.Hash) string {
	switch hash {
	case crypto.SHA384:
		return moreAlgorithms + "sha384"
	case crypto.SHA512:
		return encryption + "sha512"
	}
	return encryption + "sha256"
}

// canonicalPart returns the canonical form of an element given as text, and its digest.
func canonicalPart(text, name string, hash crypto.Hash) (canonical, sum []byte, err error) {
	part, err := c14n.Parse([]byte(text))
	if err != nil {
		return nil, nil, fmt.Errorf("make %s: %w", name, err)
	}
	var b bytes.Buffer
	if err := part.Write(&b, part.Root, nil, c14n.Method{Exclusive: true}); err != nil {
		return nil, nil, fmt.Errorf("make %s: %w", name, err)
	}
	h := hash.New()
	h.Write(b.Bytes())
	return b.Bytes(), h.Sum(nil), nil
}

// value signs a digest and gives the value the form that XML Signature has.
func (m Maker) value(a algorithm, sum []byte) ([]byte, error) {
	var options crypto.SignerOpts = a.hash
	if a.scheme == schemePSS {
		options = &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash, Hash: a.hash}
	}
	value, err := m.Key.Sign(rand.Reader, sum, options)
	if err != nil || a.scheme != schemeECDSA {
		return value, err
	}
	var pair struct{ R, S *big.Int }
	if _, err := asn1.Unmarshal(value, &pair); err != nil {
		return nil, err
	}
	size := (m.Key.Public().(*ecdsa.PublicKey).Params().BitSize + 7) / 8
	return append(pair.R.FillBytes(make([]byte, size)), pair.S.FillBytes(make([]byte, size))...), nil
}

// stamp returns the unsigned properties with a timestamp over the value.
func (m Maker) stamp(ctx context.Context, valueElement string) (string, error) {
	stamped, _, err := canonicalPart(valueElement, "SignatureValue", crypto.SHA256)
	if err != nil {
		return "", err
	}
	token, err := m.Stamp(ctx, stamped)
	if err != nil {
		return "", fmt.Errorf("timestamp the signature: %w", err)
	}
	return `<xades:UnsignedProperties><xades:UnsignedSignatureProperties><xades:SignatureTimeStamp>` +
		`<CanonicalizationMethod Algorithm="` + exclusiveC14N + `"></CanonicalizationMethod>` +
		`<xades:EncapsulatedTimeStamp>` + base64.StdEncoding.EncodeToString(token) + `</xades:EncapsulatedTimeStamp>` +
		`</xades:SignatureTimeStamp></xades:UnsignedSignatureProperties></xades:UnsignedProperties>`, nil
}
