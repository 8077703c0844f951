package tsp

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/rsa"
	_ "crypto/sha512" // SHA-384 and SHA-512 of strong keys
	"crypto/x509"
	"encoding/asn1"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"slices"
	"time"

	"golang.org/x/crypto/cryptobyte"
	tags "golang.org/x/crypto/cryptobyte/asn1"

	"github.com/lienthong/lienthong/signing/trust"
)

// maxRequest is above the size of any request, in bytes.
const maxRequest = 4 << 10

// DefaultPolicy names the policy of an authority that states none: below 2.999, the
// arc that X.660 sets aside for examples.
func DefaultPolicy() asn1.ObjectIdentifier { return asn1.ObjectIdentifier{2, 999, 3161} }

// AuthorityOptions configures an Authority.
type AuthorityOptions struct {
	Key      crypto.Signer         // required; RSA or ECDSA
	Chain    []*x509.Certificate   // required; its own first, root left out or not
	Policy   asn1.ObjectIdentifier // DefaultPolicy if nil
	Accuracy time.Duration         // stated in every token; left out if zero
	Now      func() time.Time      // required
}

// Authority makes tokens. It is safe for concurrent use when its key is.
type Authority struct {
	options   AuthorityOptions
	algorithm asn1.ObjectIdentifier // of the signature
	hash      crypto.Hash           // of the signature: as strong as the key
}

// NewAuthority returns an authority. Its certificate must be one for timestamps and
// nothing else, critically so (RFC 3161, 2.3).
func NewAuthority(options AuthorityOptions) (*Authority, error) {
	a := &Authority{options: options}
	if len(options.Chain) == 0 {
		return nil, errors.New("a time-stamp authority needs a certificate")
	}
	if problem := trust.MayStamp(options.Chain[0]); problem != nil {
		return nil, errors.New(problem.Reason)
	}
	switch key := options.Key.Public().(type) {
	case *rsa.PublicKey:
		a.algorithm, a.hash = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 11}, crypto.SHA256
	case *ecdsa.PublicKey:
		a.algorithm, a.hash = ecdsaSuite(key)
	default:
		return nil, errors.New("a time-stamp authority needs an RSA or ECDSA key")
	}
	if a.options.Policy == nil {
		a.options.Policy = DefaultPolicy()
	}
	return a, nil
}

// ServeHTTP answers a request as RFC 3161, 3.4 wants it.
func (a *Authority) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost || r.Header.Get("Content-Type") != mediaQuery {
		http.Error(w, "POST a timestamp request as "+mediaQuery, http.StatusUnsupportedMediaType)
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxRequest))
	if err != nil {
		http.Error(w, "the request is too large or ended early", http.StatusBadRequest)
		return
	}
	answer, err := a.Respond(body)
	if err != nil {
		http.Error(w, "no timestamp can be made now", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", mediaReply)
	_, _ = w.Write(answer) // a client that went away asks again
}

// Respond answers one request, in DER; a request that cannot be granted gets the
// refusal of RFC 3161. The error says that no answer could be signed.
func (a *Authority) Respond(der []byte) ([]byte, error) {
	question, bad := parseRequest(der)
	if bad == failNone && question.policy != nil && !question.policy.Equal(a.options.Policy) {
		bad = failPolicy
	}
	if bad != failNone {
		return refusal(bad)
	}
	token, err := a.token(question)
	if err != nil {
		return nil, err
	}
	return reply(token)
}

// Timestamp makes a token without a transport between.
func (a *Authority) Timestamp(hash crypto.Hash, digest []byte) (*Token, error) {
	if identifierOf(hash) == nil || len(digest) != hash.Size() {
		return nil, fmt.Errorf("no timestamp is made over a digest of %d bytes by %v", len(digest), hash)
	}
	der, err := a.token(&request{imprint: Imprint{hash, digest}, certificates: true})
	if err != nil {
		return nil, err
	}
	token, problem := Parse(der)
	if problem != nil {
		return nil, errors.New(problem.Reason)
	}
	return token, nil
}

// token signs a TSTInfo. Serial numbers are random: unique without a state to lose.
func (a *Authority) token(question *request) ([]byte, error) {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return nil, fmt.Errorf("make a serial number: %w", err)
	}
	info := Info{
		Policy: a.options.Policy, Imprint: question.imprint, Serial: serial,
		Time: a.options.Now().UTC().Truncate(time.Second), Accuracy: a.options.Accuracy, Nonce: question.nonce,
	}
	content, err := info.encode()
	if err != nil {
		return nil, fmt.Errorf("write a timestamp: %w", err)
	}
	return a.sign(content, question.certificates)
}

// sign wraps the content into a SignedData of one signer (RFC 3161, 2.4.2).
func (a *Authority) sign(content []byte, certificates bool) ([]byte, error) {
	attributes, err := a.attributes(content)
	if err != nil {
		return nil, fmt.Errorf("write a timestamp: %w", err)
	}
	value, err := a.options.Key.Sign(rand.Reader, a.digest(attributes), a.hash)
	if err != nil {
		return nil, fmt.Errorf("sign a timestamp: %w", err)
	}
	explicit := tags.Tag(0).ContextSpecific().Constructed()
	var b cryptobyte.Builder
	b.AddASN1(tags.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1ObjectIdentifier(asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 2})
		b.AddASN1(explicit, func(b *cryptobyte.Builder) {
			b.AddASN1(tags.SEQUENCE, func(b *cryptobyte.Builder) {
				b.AddASN1Int64(3)
				b.AddASN1(tags.SET, func(b *cryptobyte.Builder) { addDigestAlgorithm(b, a.hash) })
				b.AddASN1(tags.SEQUENCE, func(b *cryptobyte.Builder) {
					b.AddASN1ObjectIdentifier(oidTSTInfo())
					b.AddASN1(explicit, func(b *cryptobyte.Builder) { b.AddASN1OctetString(content) })
				})
				if certificates {
					b.AddASN1(explicit, a.addCertificates)
				}
				b.AddASN1(tags.SET, func(b *cryptobyte.Builder) { a.addSigner(b, attributes, value) })
			})
		})
	})
	return b.Bytes()
}

func (a *Authority) addCertificates(b *cryptobyte.Builder) {
	var set [][]byte
	for _, certificate := range a.options.Chain {
		set = append(set, certificate.Raw)
	}
	slices.SortFunc(set, bytes.Compare) // DER wants a set in order
	for _, raw := range set {
		b.AddBytes(raw)
	}
}

func (a *Authority) addSigner(b *cryptobyte.Builder, attributes, value []byte) {
	own := a.options.Chain[0]
	b.AddASN1(tags.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1Int64(1)
		b.AddASN1(tags.SEQUENCE, func(b *cryptobyte.Builder) {
			b.AddBytes(own.RawIssuer)
			b.AddASN1BigInt(own.SerialNumber)
		})
		addDigestAlgorithm(b, a.hash)
		implicit := bytes.Clone(attributes)
		implicit[0] = 0xa0 // signed as a SET, sent under its tag (RFC 5652, 5.4)
		b.AddBytes(implicit)
		b.AddASN1(tags.SEQUENCE, func(b *cryptobyte.Builder) {
			b.AddASN1ObjectIdentifier(a.algorithm)
			if _, isRSA := a.options.Key.Public().(*rsa.PublicKey); isRSA {
				b.AddASN1NULL()
			}
		})
		b.AddASN1OctetString(value)
	})
}

// ecdsaSuite is the signature algorithm for a key, with the digest of its strength.
func ecdsaSuite(key *ecdsa.PublicKey) (asn1.ObjectIdentifier, crypto.Hash) {
	switch size := key.Curve.Params().BitSize; {
	case size > 384:
		return asn1.ObjectIdentifier{1, 2, 840, 10045, 4, 3, 4}, crypto.SHA512
	case size > 256:
		return asn1.ObjectIdentifier{1, 2, 840, 10045, 4, 3, 3}, crypto.SHA384
	}
	return asn1.ObjectIdentifier{1, 2, 840, 10045, 4, 3, 2}, crypto.SHA256
}

func (a *Authority) digest(data []byte) []byte {
	h := a.hash.New()
	h.Write(data)
	return h.Sum(nil)
}

// attributes returns the signed attributes as a DER SET: content type, digest, and
// the reference to the certificate (RFC 5816).
func (a *Authority) attributes(content []byte) ([]byte, error) {
	digest, certificate := a.digest(content), a.digest(a.options.Chain[0].Raw)
	list := [][]byte{}
	for _, attribute := range []struct {
		kind  asn1.ObjectIdentifier
		value func(b *cryptobyte.Builder)
	}{
		{asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 3}, func(b *cryptobyte.Builder) { b.AddASN1ObjectIdentifier(oidTSTInfo()) }},
		{asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 4}, func(b *cryptobyte.Builder) { b.AddASN1OctetString(digest) }},
		{asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 16, 2, 47}, func(b *cryptobyte.Builder) {
			nest(b, 3, func(b *cryptobyte.Builder) {
				if a.hash != crypto.SHA256 { // the default (RFC 5035, 4)
					addDigestAlgorithm(b, a.hash)
				}
				b.AddASN1OctetString(certificate)
			})
		}},
	} {
		var b cryptobyte.Builder
		b.AddASN1(tags.SEQUENCE, func(b *cryptobyte.Builder) {
			b.AddASN1ObjectIdentifier(attribute.kind)
			b.AddASN1(tags.SET, attribute.value)
		})
		raw, err := b.Bytes()
		if err != nil {
			return nil, err
		}
		list = append(list, raw)
	}
	slices.SortFunc(list, bytes.Compare)
	var b cryptobyte.Builder
	b.AddASN1(tags.SET, func(b *cryptobyte.Builder) {
		for _, raw := range list {
			b.AddBytes(raw)
		}
	})
	return b.Bytes()
}

// nest puts a value into so many sequences.
func nest(b *cryptobyte.Builder, depth int, value func(b *cryptobyte.Builder)) {
	if depth == 0 {
		value(b)
		return
	}
	b.AddASN1(tags.SEQUENCE, func(b *cryptobyte.Builder) { nest(b, depth-1, value) })
}

func oidTSTInfo() asn1.ObjectIdentifier {
	return asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 16, 1, 4}
}
