package xmldsig

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	_ "crypto/sha256" // registers what digestOf and hash return
	_ "crypto/sha512"
	"crypto/x509"
	"math/big"
	"strings"

	"github.com/lienthong/lienthong/signing/verdict"
)

// moreAlgorithms is the namespace of RFC 6931 that holds the accepted methods.
const moreAlgorithms = "http://www.w3.org/2001/04/xmldsig-more#"

// algorithm is the URI of a signature method.
type algorithm string

// parts returns the kind of key and the hash of an accepted method, or zero.
func (a algorithm) parts() (kind x509.PublicKeyAlgorithm, hash crypto.Hash) {
	switch strings.TrimPrefix(string(a), moreAlgorithms) {
	case "rsa-sha256":
		return x509.RSA, crypto.SHA256
	case "rsa-sha384":
		return x509.RSA, crypto.SHA384
	case "rsa-sha512":
		return x509.RSA, crypto.SHA512
	case "ecdsa-sha256":
		return x509.ECDSA, crypto.SHA256
	case "ecdsa-sha384":
		return x509.ECDSA, crypto.SHA384
	case "ecdsa-sha512":
		return x509.ECDSA, crypto.SHA512
	}
	return 0, 0
}

func (a algorithm) name() string {
	if kind, hash := a.parts(); hash != 0 {
		return kind.String() + " with " + hash.String()
	}
	return string(a)
}

func (a algorithm) check() *verdict.Problem {
	if _, hash := a.parts(); hash == 0 || !strings.HasPrefix(string(a), moreAlgorithms) {
		return verdict.Doubt(verdict.CryptoConstraintsFailure, "the signature method %q is not accepted", string(a))
	}
	return nil
}

// digestOf returns the hash of a digest method, or zero when it is not accepted.
func digestOf(uri string) crypto.Hash {
	switch uri {
	case "http://www.w3.org/2001/04/xmlenc#sha256":
		return crypto.SHA256
	case moreAlgorithms + "sha384":
		return crypto.SHA384
	case "http://www.w3.org/2001/04/xmlenc#sha512":
		return crypto.SHA512
	}
	return 0
}

// verify checks a value over the canonical signed info with the certificate's key.
func (a algorithm) verify(signer *x509.Certificate, signed, value []byte) *verdict.Problem {
	kind, hash := a.parts()
	digest := hash.New()
	digest.Write(signed)
	sum := digest.Sum(nil)
	right := false
	switch key := signer.PublicKey.(type) {
	case *rsa.PublicKey:
		right = kind == x509.RSA && rsa.VerifyPKCS1v15(key, hash, sum, value) == nil
	case *ecdsa.PublicKey:
		right = kind == x509.ECDSA && verifyECDSA(key, sum, value)
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
