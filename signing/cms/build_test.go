package cms_test

import (
	"cmp"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	encoding "encoding/asn1"
	"math/big"
	"slices"
	"testing"
	"time"
	"unicode/utf16"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

var (
	now     = time.Date(2026, 11, 23, 3, 0, 0, 0, time.UTC)
	content = []byte("the bytes of a document")
)

type oid = encoding.ObjectIdentifier

// identity is a self-signed signer.
type identity struct {
	key         crypto.Signer
	certificate *x509.Certificate
}

func newIdentity(t testing.TB, key crypto.Signer) identity {
	t.Helper()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(0xABCDEF), Subject: pkix.Name{CommonName: "Người ký"},
		NotBefore: now.Add(-time.Hour), NotAfter: now.Add(time.Hour), SubjectKeyId: []byte{1, 2, 3, 4},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return identity{key, certificate}
}

func ecKey(t testing.TB, curve elliptic.Curve) crypto.Signer {
	t.Helper()
	key, err := ecdsa.GenerateKey(curve, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func edKey(t testing.TB) crypto.Signer {
	t.Helper()
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func rsaKey(t testing.TB) crypto.Signer {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// nameInBMP is a distinguished name of a common name alone, as a BMPString.
func nameInBMP(common string) []byte {
	var b cryptobyte.Builder
	b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1(asn1.SET, func(b *cryptobyte.Builder) {
			b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
				b.AddASN1ObjectIdentifier(oid{2, 5, 4, 3})
				b.AddASN1(asn1.Tag(30), func(b *cryptobyte.Builder) {
					for _, unit := range utf16.Encode([]rune(common)) {
						b.AddUint16(unit)
					}
				})
			})
		})
	})
	return b.BytesOrPanic()
}

// message says how to build a SignedData; newMessage fills in a good one, and each
// test changes what it is about.
type message struct {
	signer       identity
	hash         crypto.Hash
	bag          [][]byte
	contentType  oid
	econtent     []byte
	attributes   [][]byte // encoded Attribute values
	noAttributes bool
	signature    func(b *cryptobyte.Builder) // AlgorithmIdentifier
	sign         func(sum []byte) ([]byte, error)
	byKeyID      bool
	signers      int
	unsigned     [][]byte
	version      int64  // of the signer; 0 for the right one
	issuer       []byte // in the signer identifier; nil for the one of the certificate
	overRaw      []byte // signed in place of the attributes, by keys that take no digest
}

func newMessage(signer identity) *message {
	m := &message{signer: signer, hash: crypto.SHA256, bag: [][]byte{signer.certificate.Raw}, contentType: oidOf("1.2.840.113549.1.7.1"), signers: 1}
	sum := sha256.Sum256(content)
	m.attributes = [][]byte{contentTypeAttribute("1.2.840.113549.1.7.1"), digestAttribute(sum[:]), essAttribute(signer.certificate, 2)}
	m.sign = func(sum []byte) ([]byte, error) { return signer.key.Sign(rand.Reader, sum, m.hash) }
	m.signature = algorithm("1.2.840.10045.4.3.2")
	switch signer.key.(type) {
	case *rsa.PrivateKey:
		m.signature = algorithm("1.2.840.113549.1.1.1")
	case ed25519.PrivateKey:
		withHash(m, crypto.SHA512, "1.3.101.112")
		m.sign = func(raw []byte) ([]byte, error) { return signer.key.Sign(rand.Reader, raw, crypto.Hash(0)) }
	}
	return m
}

func oidOf(text string) oid {
	parsed, err := x509.ParseOID(text)
	if err != nil {
		panic(err)
	}
	der, err := parsed.MarshalBinary()
	if err != nil {
		panic(err)
	}
	var out oid
	input := cryptobyte.String(append([]byte{6, byte(len(der))}, der...))
	if !input.ReadASN1ObjectIdentifier(&out) {
		panic(text)
	}
	return out
}

func algorithm(text string) func(b *cryptobyte.Builder) {
	return func(b *cryptobyte.Builder) {
		b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) { b.AddASN1ObjectIdentifier(oidOf(text)) })
	}
}

// pss is the AlgorithmIdentifier of RSASSA-PSS with these parameters.
func pss(hash, mask string, salt, trailer int64) func(b *cryptobyte.Builder) {
	field := func(n uint8) asn1.Tag { return asn1.Tag(n).ContextSpecific().Constructed() }
	return func(b *cryptobyte.Builder) {
		b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
			b.AddASN1ObjectIdentifier(oidOf("1.2.840.113549.1.1.10"))
			b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
				b.AddASN1(field(0), algorithm(hash))
				b.AddASN1(field(1), func(b *cryptobyte.Builder) {
					b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
						b.AddASN1ObjectIdentifier(oidOf("1.2.840.113549.1.1.8"))
						algorithm(mask)(b)
					})
				})
				b.AddASN1(field(2), func(b *cryptobyte.Builder) { b.AddASN1Int64(salt) })
				b.AddASN1(field(3), func(b *cryptobyte.Builder) { b.AddASN1Int64(trailer) })
			})
		})
	}
}

func attribute(kind string, values ...func(b *cryptobyte.Builder)) []byte {
	var b cryptobyte.Builder
	b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1ObjectIdentifier(oidOf(kind))
		b.AddASN1(asn1.SET, func(b *cryptobyte.Builder) {
			for _, value := range values {
				value(b)
			}
		})
	})
	return b.BytesOrPanic()
}

func contentTypeAttribute(kind string) []byte {
	return attribute("1.2.840.113549.1.9.3", func(b *cryptobyte.Builder) { b.AddASN1ObjectIdentifier(oidOf(kind)) })
}

func octets(value []byte) func(b *cryptobyte.Builder) {
	return func(b *cryptobyte.Builder) { b.AddASN1OctetString(value) }
}

func digestAttribute(sums ...[]byte) []byte {
	var values []func(b *cryptobyte.Builder)
	for _, sum := range sums {
		values = append(values, octets(sum))
	}
	return attribute("1.2.840.113549.1.9.4", values...)
}

func timeAttribute(at time.Time) []byte {
	return attribute("1.2.840.113549.1.9.5", func(b *cryptobyte.Builder) { b.AddASN1UTCTime(at) })
}

// essAttribute names a certificate in version 1 (SHA-1) or 2 (SHA-256), with its
// issuer and serial number.
func essAttribute(certificate *x509.Certificate, version int) []byte {
	kind, sum := "1.2.840.113549.1.9.16.2.47", sha256.Sum256(certificate.Raw)
	digest := sum[:]
	if version == 1 {
		old := sha1.Sum(certificate.Raw)
		kind, digest = "1.2.840.113549.1.9.16.2.12", old[:]
	}
	return attribute(kind, func(b *cryptobyte.Builder) {
		b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
			b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
				b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
					b.AddASN1OctetString(digest)
					b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
						b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
							b.AddASN1(asn1.Tag(4).ContextSpecific().Constructed(), func(b *cryptobyte.Builder) { b.AddBytes(certificate.RawIssuer) })
						})
						b.AddASN1BigInt(certificate.SerialNumber)
					})
				})
			})
		})
	})
}

var digestAlgorithms = map[crypto.Hash]string{
	crypto.SHA1: "1.3.14.3.2.26", crypto.SHA256: "2.16.840.1.101.3.4.2.1",
	crypto.SHA384: "2.16.840.1.101.3.4.2.2", crypto.SHA512: "2.16.840.1.101.3.4.2.3", crypto.MD5: "1.2.840.113549.2.5",
	crypto.SHA224: "2.16.840.1.101.3.4.2.4", crypto.SHA3_256: "2.16.840.1.101.3.4.2.8",
	crypto.SHA3_384: "2.16.840.1.101.3.4.2.9", crypto.SHA3_512: "2.16.840.1.101.3.4.2.10",
}

// build encodes the message; the attributes are sorted unless there are none.
func (m *message) build(t testing.TB) []byte {
	t.Helper()
	slices.SortFunc(m.attributes, slices.Compare[[]byte])
	return m.encode(t)
}

func (m *message) encode(t testing.TB) []byte {
	t.Helper()
	attributes := slices.Concat(m.attributes...)
	var set cryptobyte.Builder
	set.AddASN1(asn1.SET, func(b *cryptobyte.Builder) { b.AddBytes(attributes) })
	signed := set.BytesOrPanic()
	if m.noAttributes {
		signed = content
	}
	hash := m.hash.New()
	hash.Write(signed)
	sum := hash.Sum(nil)
	if m.takesRaw() {
		if sum = signed; m.overRaw != nil {
			sum = m.overRaw
		}
	}
	value, err := m.sign(sum)
	if err != nil {
		t.Fatal(err)
	}
	explicit := asn1.Tag(0).ContextSpecific().Constructed()
	var b cryptobyte.Builder
	b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1ObjectIdentifier(oidOf("1.2.840.113549.1.7.2"))
		b.AddASN1(explicit, func(b *cryptobyte.Builder) {
			b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
				b.AddASN1Int64(1)
				b.AddASN1(asn1.SET, algorithm(digestAlgorithms[m.hash]))
				b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
					b.AddASN1ObjectIdentifier(m.contentType)
					if m.econtent != nil {
						b.AddASN1(explicit, octets(m.econtent))
					}
				})
				b.AddASN1(explicit, func(b *cryptobyte.Builder) { b.AddBytes(slices.Concat(m.bag...)) })
				b.AddASN1(asn1.SET, func(b *cryptobyte.Builder) {
					for range m.signers {
						m.addSigner(b, attributes, value)
					}
				})
			})
		})
	})
	return b.BytesOrPanic()
}

// takesRaw reports whether the key signs the attributes and not their digest.
func (m *message) takesRaw() bool {
	_, ok := m.signer.key.(ed25519.PrivateKey)
	return ok
}

func (m *message) addSigner(b *cryptobyte.Builder, attributes, value []byte) {
	b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
		if m.byKeyID {
			b.AddASN1Int64(3)
			b.AddASN1(asn1.Tag(0).ContextSpecific(), func(b *cryptobyte.Builder) { b.AddBytes(m.signer.certificate.SubjectKeyId) })
		} else {
			b.AddASN1Int64(max(m.version, 1))
			b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
				b.AddBytes([]byte(cmp.Or(string(m.issuer), string(m.signer.certificate.RawIssuer))))
				b.AddASN1BigInt(m.signer.certificate.SerialNumber)
			})
		}
		algorithm(digestAlgorithms[m.hash])(b)
		if !m.noAttributes {
			b.AddASN1(asn1.Tag(0).ContextSpecific().Constructed(), func(b *cryptobyte.Builder) { b.AddBytes(attributes) })
		}
		m.signature(b)
		b.AddASN1OctetString(value)
		if m.unsigned != nil {
			b.AddASN1(asn1.Tag(1).ContextSpecific().Constructed(), func(b *cryptobyte.Builder) { b.AddBytes(slices.Concat(m.unsigned...)) })
		}
	})
}
