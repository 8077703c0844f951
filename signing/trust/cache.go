package trust

import (
	"crypto/sha256"
	"crypto/x509"
	"sync"
)

// generations is a bounded cache. When a generation is full it becomes the old one,
// and what is asked for again moves on. It is safe for concurrent use.
type generations[K comparable, V any] struct {
	mu       sync.Mutex
	size     int
	new, old map[K]V
}

func newGenerations[K comparable, V any](size int) *generations[K, V] {
	return &generations[K, V]{size: size, new: map[K]V{}}
}

func (g *generations[K, V]) get(key K) (V, bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	value, known := g.new[key]
	if known {
		return value, true
	}
	if value, known = g.old[key]; known {
		g.keep(key, value)
	}
	return value, known
}

func (g *generations[K, V]) put(key K, value V) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.keep(key, value)
}

func (g *generations[K, V]) keep(key K, value V) {
	if len(g.new) >= g.size {
		g.old, g.new = g.new, make(map[K]V, g.size)
	}
	g.new[key] = value
}

// Sizes of the caches: two generations of links are about 200 KB (a hub meets a few
// hundred signers a day). Parsed lists take several times their size, and strangers send
// them, so few and no large ones are kept; the large ones of real authorities lie in the
// mirror, which is read once.
const (
	linkGeneration = 1024
	listGeneration = 16
	maxRemembered  = 512 << 10
)

// linkKey names a link: digest of what is signed with its signature, and of the key
// said to have signed it.
type linkKey struct{ content, key [32]byte }

// linkCache remembers what was signed by which key. The answer depends on nothing
// else, not even on time, so it never goes stale; only the rules of a path are
// applied anew each time.
type linkCache struct{ *generations[linkKey, bool] }

func newLinkCache() linkCache { return linkCache{newGenerations[linkKey, bool](linkGeneration)} }

// certified reports whether the issuer's key made the signature of a certificate.
func (c linkCache) certified(certificate, issuer *x509.Certificate) bool {
	return c.verified(sha256.Sum256(certificate.Raw), issuer, certificate.SignatureAlgorithm, certificate.RawTBSCertificate, certificate.Signature)
}

// verified is the same for any signed bytes; the digest covers them and the signature.
func (c linkCache) verified(digest [32]byte, issuer *x509.Certificate, algorithm x509.SignatureAlgorithm, signed, signature []byte) bool {
	key := linkKey{digest, sha256.Sum256(issuer.RawSubjectPublicKeyInfo)}
	if answer, known := c.get(key); known {
		return answer
	}
	err := issuer.CheckSignature(algorithm, signed, signature)
	c.put(key, err == nil)
	return err == nil
}
