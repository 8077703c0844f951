package xmldsig

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	_ "crypto/sha1" // #nosec G505 -- to tell a broken old signature from an intact one; never enough to pass
	_ "crypto/sha256"
	_ "crypto/sha512"
	"crypto/x509"
	"math/big"

	"github.com/lienthong/lienthong/signing/verdict"
)

// Namespaces of RFC 6931 that hold the methods.
const (
	moreAlgorithms   = "http://www.w3.org/2001/04/xmldsig-more#"
	newestAlgorithms = "http://www.w3.org/2007/05/xmldsig-more#"
	encryption       = "http://www.w3.org/2001/04/xmlenc#"
)

// leastRSABits is what the standard library still computes with. It is far from enough
// to pass: that is for the judge of the signer to say.
const leastRSABits = 1024

// scheme is a way to make a signature value.
type scheme string

const (
	schemePKCS1 scheme = "RSA"
	schemePSS   scheme = "RSA-PSS"
	schemeECDSA scheme = "ECDSA"
)

// algorithm is a signature method.
type algorithm struct {
	uri    string
	scheme scheme
	hash   crypto.Hash
}

// algorithmOf returns the method of a URI, with no hash when it is not known.
func algorithmOf(uri string) algorithm {
	for _, a := range algorithms() {
		if a.uri == uri {
			return a
		}
	}
	return algorithm{uri: uri}
}

func algorithms() []algorithm {
	return []algorithm{
		{moreAlgorithms + "rsa-sha256", schemePKCS1, crypto.SHA256},
		{moreAlgorithms + "rsa-sha384", schemePKCS1, crypto.SHA384},
		{moreAlgorithms + "rsa-sha512", schemePKCS1, crypto.SHA512},
		{newestAlgorithms + "sha256-rsa-MGF1", schemePSS, crypto.SHA256},
		{newestAlgorithms + "sha384-rsa-MGF1", schemePSS, crypto.SHA384},
		{newestAlgorithms + "sha512-rsa-MGF1", schemePSS, crypto.SHA512},
		{moreAlgorithms + "ecdsa-sha256", schemeECDSA, crypto.SHA256},
		{moreAlgorithms + "ecdsa-sha384", schemeECDSA, crypto.SHA384},
		{moreAlgorithms + "ecdsa-sha512", schemeECDSA, crypto.SHA512},
		{namespace + "rsa-sha1", schemePKCS1, crypto.SHA1},
		{moreAlgorithms + "ecdsa-sha1", schemeECDSA, crypto.SHA1},
	}
}

func (a algorithm) name() string {
	if a.hash == 0 {
		return a.uri
	}
	return string(a.scheme) + " with " + a.hash.String()
}

// check tells methods that are not accepted at all, such as a secret key shared by
// signer and verifier.
func (a algorithm) check() *verdict.Problem {
	if a.hash == 0 {
		return verdict.Weak(a.uri, "the signature method %q is not accepted", a.uri)
	}
	return nil
}

// digestOf returns the hash of a digest method, or zero when it is not accepted.
func digestOf(uri string) crypto.Hash {
	switch uri {
	case encryption + "sha256":
		return crypto.SHA256
	case moreAlgorithms + "sha384":
		return crypto.SHA384
	case encryption + "sha512":
		return crypto.SHA512
	case namespace + "sha1":
		return crypto.SHA1
	}
	return 0
}

// checkStrength refuses what no longer protects a signature.
func checkStrength(hash crypto.Hash, what string) *verdict.Problem {
	if hash == crypto.SHA1 {
		return verdict.Doubt(verdict.CryptoConstraintsFailure, "%s uses SHA-1, which is not accepted", what)
	}
	return nil
}

// verify checks a value over a digest with the certificate's key.
func (a algorithm) verify(signer *x509.Certificate, sum, value []byte) *verdict.Problem {
	right := false
	switch key := signer.PublicKey.(type) {
	case *rsa.PublicKey:
		if key.N.BitLen() < leastRSABits {
			return verdict.Doubt(verdict.CryptoConstraintsFailure, "the RSA key of %d bits is too short to be checked", key.N.BitLen())
		}
		switch a.scheme {
		case schemePKCS1:
			right = rsa.VerifyPKCS1v15(key, a.hash, sum, value) == nil
		case schemePSS: // RFC 6931, 2.3.10: the salt is as long as the digest
			right = rsa.VerifyPSS(key, a.hash, sum, value, &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash}) == nil
		}
	case *ecdsa.PublicKey:
		right = a.scheme == schemeECDSA && verifyECDSA(key, sum, value)
	}
	if !right {
		return verdict.Fail(verdict.SigCryptoFailure, "the signature value does not verify with the key of the signing certificate")
	}
	return nil
}

// verifyECDSA reads the value as XML Signature has it: r and s one behind the
// other, each as long as the field of the curve.
func verifyECDSA(key *ecdsa.PublicKey, sum, value []byte) bool {
	if key.Curve != elliptic.P256() && key.Curve != elliptic.P384() && key.Curve != elliptic.P521() {
		return false
	}
	size := (key.Curve.Params().BitSize + 7) / 8
	if len(value) != 2*size {
		return false
	}
	return ecdsa.Verify(key, sum, new(big.Int).SetBytes(value[:size]), new(big.Int).SetBytes(value[size:]))
}
