package cms

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	encoding "encoding/asn1"
	"errors"
	"fmt"
	"slices"
	"time"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

// Maker makes signatures of detached contents as the baseline profiles want them
// (ETSI EN 319 142-1 for PDF, EN 319 122-1 for ASiC): SignedData version 1, one
// signer named by issuer and serial number, the signed attributes content type,
// message digest and signing-certificate-v2, and nothing else unless asked for. It
// is safe for concurrent use when its key and Stamp are.
type Maker struct {
	Key   crypto.Signer       // RSA from 2048 bits on, or ECDSA on P-256, P-384 or P-521
	Chain []*x509.Certificate // signer first, as far up as known; all go into the message
	PSS   bool                // RSASSA-PSS in place of PKCS #1 v1.5; for RSA keys only

	// Stamp returns an RFC 3161 token (a DER ContentInfo) over the signature value.
	// It becomes the signature timestamp (level T). Nil makes none; a failure makes
	// Sign fail, since the level was asked for.
	Stamp func(ctx context.Context, value []byte) (token []byte, err error)
}

// Errors of a Maker that is set up wrongly.
var (
	errNoKey   = errors.New("a key and its certificate are needed")
	errKeyPair = errors.New("the key does not belong to the first certificate")
)

// Check reports whether the maker can sign: the certificate must be of the key.
func (m Maker) Check() error {
	_, err := m.suite()
	return err
}

// Hash returns the function that the content must be hashed with: one as strong as
// the key.
func (m Maker) Hash() (crypto.Hash, error) {
	s, err := m.suite()
	return s.hash, err
}

// Sign returns the message (a DER ContentInfo) over a content with that digest, made
// with Hash. A claimed time other than zero becomes the signed attribute
// signing-time: CAdES in containers must have it, PAdES must not.
func (m Maker) Sign(ctx context.Context, digest []byte, claimed time.Time) ([]byte, error) {
	s, err := m.suite()
	if err != nil {
		return nil, fmt.Errorf("make a signature: %w", err)
	}
	if len(digest) != s.hash.Size() {
		return nil, fmt.Errorf("make a signature: the digest has %d bytes, not the %d of %s", len(digest), s.hash.Size(), s.hash)
	}
	attributes, err := m.signedAttributes(s, digest, claimed)
	if err != nil {
		return nil, fmt.Errorf("make a signature: %w", err)
	}
	value, err := m.value(s, attributes)
	if err != nil {
		return nil, fmt.Errorf("make a signature: %w", err)
	}
	var token []byte
	if m.Stamp != nil {
		if token, err = m.Stamp(ctx, value); err != nil {
			return nil, fmt.Errorf("timestamp the signature: %w", err)
		}
	}
	return m.message(s, attributes, value, token)
}

// suite is the set of algorithms that a key leads to.
type suite struct {
	hash      crypto.Hash
	options   crypto.SignerOpts
	algorithm encoder // of the signature
}

type encoder func(b *cryptobyte.Builder)

// suite picks the algorithms and checks that key and certificate belong together.
func (m Maker) suite() (suite, error) {
	if m.Key == nil || len(m.Chain) == 0 {
		return suite{}, errNoKey
	}
	public, ok := m.Key.Public().(interface{ Equal(crypto.PublicKey) bool })
	if ok && !public.Equal(m.Chain[0].PublicKey) {
		return suite{}, errKeyPair
	}
	return m.suiteOf(m.Key.Public())
}

func (m Maker) suiteOf(public crypto.PublicKey) (suite, error) {
	switch public := public.(type) {
	case *rsa.PublicKey:
		return m.rsaSuite(public)
	case *ecdsa.PublicKey:
		return m.ecdsaSuite(public)
	}
	return suite{}, fmt.Errorf("keys of kind %T are not supported, only RSA and ECDSA", public)
}

// IsPlain reports whether der, which the message was read from, is what a Maker without
// a timestamp writes who has no certificate but that of the signer: then no byte of it
// is free to choose, but those that the signature covers or that are the signature.
func (m *Message) IsPlain(der []byte) bool {
	signer, problem := m.Signer()
	if problem != nil || len(m.Certificates) != 1 {
		return false
	}
	maker := Maker{Chain: []*x509.Certificate{signer}}
	s, err := maker.suiteOf(signer.PublicKey)
	if err != nil {
		return false
	}
	again, err := maker.message(s, m.signer.signedRaw, m.signer.value, nil)
	return err == nil && bytes.Equal(again, der)
}

const (
	minRSABits  = 2048
	bigRSABits  = 7680 // as strong as P-384 (SP 800-57)
	oidRSA      = "1.2.840.113549.1.1.1"
	oidPSS      = "1.2.840.113549.1.1.10"
	oidMGF1     = "1.2.840.113549.1.1.8"
	oidSHA256   = "2.16.840.1.101.3.4.2.1"
	oidSHA384   = "2.16.840.1.101.3.4.2.2"
	oidSHA512   = "2.16.840.1.101.3.4.2.3"
	oidECDSA256 = "1.2.840.10045.4.3.2"
	oidECDSA384 = "1.2.840.10045.4.3.3"
	oidECDSA512 = "1.2.840.10045.4.3.4"
)

func (m Maker) rsaSuite(key *rsa.PublicKey) (suite, error) {
	if key.N.BitLen() < minRSABits {
		return suite{}, fmt.Errorf("the RSA key has %d bits, fewer than %d", key.N.BitLen(), minRSABits)
	}
	hash := crypto.SHA256
	if key.N.BitLen() >= bigRSABits {
		hash = crypto.SHA384
	}
	if m.PSS {
		return suite{hash, &rsa.PSSOptions{SaltLength: hash.Size(), Hash: hash}, pssAlgorithm(hash)}, nil
	}
	return suite{hash, hash, plainAlgorithm(oidRSA, true)}, nil
}

func (m Maker) ecdsaSuite(key *ecdsa.PublicKey) (suite, error) {
	switch {
	case m.PSS:
		return suite{}, errors.New("RSASSA-PSS was asked for, but the key is not an RSA key")
	case key.Curve == elliptic.P256():
		return suite{crypto.SHA256, crypto.SHA256, plainAlgorithm(oidECDSA256, false)}, nil
	case key.Curve == elliptic.P384():
		return suite{crypto.SHA384, crypto.SHA384, plainAlgorithm(oidECDSA384, false)}, nil
	case key.Curve == elliptic.P521():
		return suite{crypto.SHA512, crypto.SHA512, plainAlgorithm(oidECDSA512, false)}, nil
	}
	return suite{}, fmt.Errorf("the curve %s is not supported", key.Curve.Params().Name)
}

// digestAlgorithm has no parameters (RFC 5754, 2).
func digestAlgorithm(hash crypto.Hash) encoder {
	return plainAlgorithm(map[crypto.Hash]string{crypto.SHA256: oidSHA256, crypto.SHA384: oidSHA384, crypto.SHA512: oidSHA512}[hash], false)
}

// plainAlgorithm is an AlgorithmIdentifier without parameters, or with NULL.
func plainAlgorithm(algorithm string, null bool) encoder {
	return func(b *cryptobyte.Builder) {
		b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
			addOID(b, algorithm)
			if null {
				b.AddASN1NULL()
			}
		})
	}
}

// pssAlgorithm names the hash for content and mask, and a salt as long as it
// (RFC 4055, 3.1).
func pssAlgorithm(hash crypto.Hash) encoder {
	field := func(n uint8) asn1.Tag { return asn1.Tag(n).ContextSpecific().Constructed() }
	return func(b *cryptobyte.Builder) {
		b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
			addOID(b, oidPSS)
			b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
				b.AddASN1(field(0), cryptobyte.BuilderContinuation(digestAlgorithm(hash)))
				b.AddASN1(field(1), func(b *cryptobyte.Builder) {
					b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
						addOID(b, oidMGF1)
						digestAlgorithm(hash)(b)
					})
				})
				b.AddASN1(field(2), func(b *cryptobyte.Builder) { b.AddASN1Int64(int64(hash.Size())) })
			})
		})
	}
}

// addOID adds an object identifier given as text; all of them are constants here.
func addOID(b *cryptobyte.Builder, text string) {
	id, err := x509.ParseOID(text)
	if err != nil {
		b.SetError(fmt.Errorf("object identifier %q: %w", text, err))
		return
	}
	der, err := id.MarshalBinary()
	if err != nil {
		b.SetError(err)
		return
	}
	b.AddASN1(asn1.OBJECT_IDENTIFIER, func(b *cryptobyte.Builder) { b.AddBytes(der) })
}

// signedAttributes returns the DER SET that is signed.
func (m Maker) signedAttributes(s suite, digest []byte, claimed time.Time) ([]byte, error) {
	list := []encoder{
		attribute(oidContentType, func(b *cryptobyte.Builder) { addOID(b, oidData) }),
		attribute(oidMessageDigest, func(b *cryptobyte.Builder) { b.AddASN1OctetString(digest) }),
		attribute(oidSigningCertificateV2, m.certificateReference(s)),
	}
	if !claimed.IsZero() {
		list = append(list, attribute(oidSigningTime, func(b *cryptobyte.Builder) { addTime(b, claimed) }))
	}
	encoded := make([][]byte, len(list))
	for i, add := range list {
		var b cryptobyte.Builder
		add(&b)
		var err error
		if encoded[i], err = b.Bytes(); err != nil {
			return nil, err
		}
	}
	slices.SortFunc(encoded, bytes.Compare) // DER order of a SET OF
	var set cryptobyte.Builder
	set.AddASN1(asn1.SET, func(b *cryptobyte.Builder) { b.AddBytes(slices.Concat(encoded...)) })
	return set.Bytes()
}

func attribute(kind string, value encoder) encoder {
	return func(b *cryptobyte.Builder) {
		b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
			addOID(b, kind)
			b.AddASN1(asn1.SET, cryptobyte.BuilderContinuation(value))
		})
	}
}

// certificateReference is a SigningCertificateV2 with the digest of the signer's
// certificate (RFC 5035). The hash function is named unless it is the default, as
// DER requires; issuer and serial number are left out, as the baseline recommends.
func (m Maker) certificateReference(s suite) encoder {
	digest := s.hash.New()
	digest.Write(m.Chain[0].Raw)
	return func(b *cryptobyte.Builder) {
		b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
			b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
				b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
					if s.hash != crypto.SHA256 {
						digestAlgorithm(s.hash)(b)
					}
					b.AddASN1OctetString(digest.Sum(nil))
				})
			})
		})
	}
}

// addTime writes UTCTime up to 2049 and GeneralizedTime behind it (RFC 5652, 11.3).
func addTime(b *cryptobyte.Builder, at time.Time) {
	at = at.UTC()
	if at.Year() >= 1950 && at.Year() < 2050 {
		b.AddASN1UTCTime(at)
		return
	}
	b.AddASN1GeneralizedTime(at)
}

func (m Maker) value(s suite, attributes []byte) ([]byte, error) {
	digest := s.hash.New()
	digest.Write(attributes)
	return m.Key.Sign(rand.Reader, digest.Sum(nil), s.options)
}

// message puts the parts together.
func (m Maker) message(s suite, attributes, value, token []byte) ([]byte, error) {
	explicit := asn1.Tag(0).ContextSpecific().Constructed()
	var b cryptobyte.Builder
	b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
		addOID(b, oidSignedData)
		b.AddASN1(explicit, func(b *cryptobyte.Builder) {
			b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
				b.AddASN1Int64(1)
				b.AddASN1(asn1.SET, cryptobyte.BuilderContinuation(digestAlgorithm(s.hash)))
				b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) { addOID(b, oidData) })
				b.AddASN1(explicit, m.addBag)
				b.AddASN1(asn1.SET, func(b *cryptobyte.Builder) { m.addSigner(b, s, attributes, value, token) })
			})
		})
	})
	der, err := b.Bytes()
	if err != nil {
		return nil, fmt.Errorf("encode a signature: %w", err)
	}
	return der, nil
}

// addBag writes the certificates in the order of DER.
func (m Maker) addBag(b *cryptobyte.Builder) {
	raw := make([][]byte, len(m.Chain))
	for i, certificate := range m.Chain {
		raw[i] = certificate.Raw
	}
	slices.SortFunc(raw, bytes.Compare)
	b.AddBytes(slices.Concat(slices.CompactFunc(raw, bytes.Equal)...))
}

func (m Maker) addSigner(b *cryptobyte.Builder, s suite, attributes, value, token []byte) {
	b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1Int64(1)
		b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
			b.AddBytes(m.Chain[0].RawIssuer)
			b.AddASN1BigInt(m.Chain[0].SerialNumber)
		})
		digestAlgorithm(s.hash)(b)
		implicit := bytes.Clone(attributes)
		implicit[0] = byte(asn1.Tag(0).ContextSpecific().Constructed())
		b.AddBytes(implicit)
		s.algorithm(b)
		b.AddASN1OctetString(value)
		if token != nil {
			b.AddASN1(asn1.Tag(1).ContextSpecific().Constructed(), cryptobyte.BuilderContinuation(
				attribute(oidTimestamp, func(b *cryptobyte.Builder) { addToken(b, token) })))
		}
	})
}

// addToken adds a token only if it is one whole DER SEQUENCE.
func addToken(b *cryptobyte.Builder, token []byte) {
	var raw encoding.RawValue
	if rest, err := encoding.Unmarshal(token, &raw); err != nil || len(rest) > 0 || raw.Tag != encoding.TagSequence || !raw.IsCompound {
		b.SetError(errors.New("the timestamp token is not a DER value"))
		return
	}
	b.AddBytes(token)
}
