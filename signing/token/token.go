// Package token opens the key that signs, wherever it is kept: in PEM files, in a
// PKCS #12 file, or in hardware behind PKCS #11, where it never leaves the device.
//
// Secrets (passphrases, PINs) are arguments; where they come from is the caller's
// matter, and they are in no error. Files are foreign bytes: they are bounded, and a
// key must belong to the first certificate. Hardware needs a build with the tag
// pkcs11 and a C compiler, since every such module is a C library; other builds say
// so.
package token

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"slices"

	"software.sslmate.com/src/go-pkcs12"
)

// MaxFile is above the size of any file with a key and its certificates, in bytes.
const MaxFile = 1 << 20

// Key signs, and says who with.
type Key struct {
	Signer crypto.Signer
	Chain  []*x509.Certificate // its own first, as far up as known

	closer io.Closer // nil for keys in files
}

// Close ends the session with the hardware. The key is not used after it.
func (k *Key) Close() error {
	if k.closer == nil {
		return nil
	}
	return k.closer.Close()
}

// Errors that callers explain in their own words.
var (
	ErrPassphrase  = errors.New("the passphrase is wrong")
	ErrNoHardware  = errors.New("this build cannot use PKCS #11; build with: CGO_ENABLED=1 go build -tags pkcs11 ./cmd/lienthong")
	ErrPIN         = errors.New("the token refuses the PIN") // asking again may lock it
	ErrAway        = errors.New("the token is out of reach") // it may come back
	ErrNotIncluded = errors.New("no certificate belongs to the key; give its certificates too")
)

// FromPEM reads a private key (PKCS #8, PKCS #1 or SEC 1) and certificates, from one
// file or two; data holds their contents one behind the other.
func FromPEM(data []byte) (*Key, error) {
	if len(data) > 2*MaxFile {
		return nil, errors.New("the key file is too large")
	}
	k := &Key{}
	var certificates []*x509.Certificate
	for rest := data; ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		switch block.Type {
		case "CERTIFICATE":
			certificate, err := x509.ParseCertificate(block.Bytes)
			if err != nil {
				return nil, fmt.Errorf("read a certificate: %w", err)
			}
			certificates = append(certificates, certificate)
		case "PRIVATE KEY", "RSA PRIVATE KEY", "EC PRIVATE KEY":
			if k.Signer != nil {
				return nil, errors.New("the files hold more than one private key")
			}
			var err error
			if k.Signer, err = parseKey(block); err != nil {
				return nil, err
			}
		case "ENCRYPTED PRIVATE KEY":
			return nil, errors.New("encrypted PEM keys are not supported; use PKCS #12: openssl pkcs12 -export")
		}
	}
	if k.Signer == nil {
		return nil, errors.New("there is no private key in PEM form in the file")
	}
	return k, k.setChain(certificates)
}

func parseKey(block *pem.Block) (crypto.Signer, error) {
	if block.Headers["DEK-Info"] != "" {
		return nil, errors.New("encrypted PEM keys are not supported; use PKCS #12: openssl pkcs12 -export")
	}
	var key any
	var err error
	switch block.Type {
	case "RSA PRIVATE KEY":
		key, err = x509.ParsePKCS1PrivateKey(block.Bytes)
	case "EC PRIVATE KEY":
		key, err = x509.ParseECPrivateKey(block.Bytes)
	default:
		key, err = x509.ParsePKCS8PrivateKey(block.Bytes)
	}
	if err != nil {
		return nil, fmt.Errorf("read the private key: %w", err)
	}
	return signerOf(key)
}

func signerOf(key any) (crypto.Signer, error) {
	switch k := key.(type) {
	case *rsa.PrivateKey:
		return k, nil
	case *ecdsa.PrivateKey:
		return k, nil
	}
	return nil, fmt.Errorf("keys of kind %T are not supported, only RSA and ECDSA", key)
}

// FromPKCS12 reads a key with its certificates (.p12, .pfx). A wrong passphrase is
// ErrPassphrase.
func FromPKCS12(data []byte, passphrase string) (*Key, error) {
	if len(data) > MaxFile {
		return nil, errors.New("the key file is too large")
	}
	if err := checkWork(data); err != nil {
		return nil, err
	}
	key, own, others, err := pkcs12.DecodeChain(data, passphrase)
	switch {
	case errors.Is(err, pkcs12.ErrIncorrectPassword):
		return nil, ErrPassphrase
	case err != nil:
		return nil, fmt.Errorf("read the PKCS #12 file: %w", err)
	}
	signer, err := signerOf(key)
	if err != nil {
		return nil, err
	}
	k := &Key{Signer: signer}
	return k, k.setChain(append([]*x509.Certificate{own}, others...))
}

// setChain orders the certificates from the signer's up.
func (k *Key) setChain(certificates []*x509.Certificate) error {
	public, ok := k.Signer.Public().(interface{ Equal(crypto.PublicKey) bool })
	if !ok {
		return fmt.Errorf("keys of kind %T are not supported, only RSA and ECDSA", k.Signer.Public())
	}
	own := slices.IndexFunc(certificates, func(c *x509.Certificate) bool { return public.Equal(c.PublicKey) })
	if own < 0 {
		return ErrNotIncluded
	}
	k.Chain = []*x509.Certificate{certificates[own]}
	for len(k.Chain) < len(certificates) {
		last := k.Chain[len(k.Chain)-1]
		above := slices.IndexFunc(certificates, func(c *x509.Certificate) bool {
			return bytes.Equal(c.RawSubject, last.RawIssuer) && last.CheckSignatureFrom(c) == nil && !slices.ContainsFunc(k.Chain, c.Equal)
		})
		if above < 0 {
			break
		}
		k.Chain = append(k.Chain, certificates[above])
	}
	return nil
}
