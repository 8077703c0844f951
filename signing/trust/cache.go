package trust

import (
	"crypto/sha256"
	"crypto/x509"
	"sync"
)

// cacheGeneration bounds the cache: two generations of so many links, about
// 200 KB. A hub meets a few hundred signers a day.
const cacheGeneration = 1024

// linkKey names a link: digest of the certificate and of the key said to have
// signed it.
type linkKey struct{ certificate, key [32]byte }

// linkCache remembers which certificate was signed by which key. The answer
// depends on nothing else, not even on time, so it never goes stale; only the
// rules of a path are applied anew each time. When a generation is full it
// becomes the old one, and what is asked for again moves on.
type linkCache struct {
	mu       sync.Mutex
	new, old map[linkKey]bool
}

func newLinkCache() *linkCache { return &linkCache{new: map[linkKey]bool{}} }

func (c *linkCache) verified(certificate, issuer *x509.Certificate) bool {
	key := linkKey{sha256.Sum256(certificate.Raw), sha256.Sum256(issuer.RawSubjectPublicKeyInfo)}
	if answer, known := c.get(key); known {
		return answer
	}
	err := issuer.CheckSignature(certificate.SignatureAlgorithm, certificate.RawTBSCertificate, certificate.Signature)
	c.put(key, err == nil)
	return err == nil
}

func (c *linkCache) get(key linkKey) (answer, known bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if answer, known = c.new[key]; known {
		return answer, true
	}
	if answer, known = c.old[key]; known {
		c.keep(key, answer)
	}
	return answer, known
}

func (c *linkCache) put(key linkKey, answer bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.keep(key, answer)
}

func (c *linkCache) keep(key linkKey, answer bool) {
	if len(c.new) >= cacheGeneration {
		c.old, c.new = c.new, make(map[linkKey]bool, cacheGeneration)
	}
	c.new[key] = answer
}
