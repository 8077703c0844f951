//go:build pkcs11

package token

import (
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"

	"github.com/ThalesGroup/crypto11"
)

// logIn opens a session with a token.
func logIn(h Hardware) (*crypto11.Context, error) {
	session, err := crypto11.Configure(&crypto11.Config{Path: h.Module, TokenLabel: h.Token, Pin: h.PIN, GCMIVLength: nonceSize})
	if err != nil {
		kind := ErrAway
		if strings.Contains(err.Error(), "CKR_PIN_") { // the only name that crypto11 gives it
			kind = ErrPIN
		}
		return nil, fmt.Errorf("open the token %q: %w: %w", h.Token, kind, err)
	}
	return session, nil
}

// nonceSize is that of AES-GCM which needs no further hashing (NIST SP 800-38D), in bytes.
const nonceSize = 12

// OpenSecretKey logs in to a token and finds its AES key. The key works until Close.
func OpenSecretKey(h Hardware) (*SecretKey, error) {
	session, err := logIn(h)
	if err != nil {
		return nil, err
	}
	keys, err := session.FindKeys(nil, []byte(h.Key))
	if err == nil && len(keys) != 1 {
		err = fmt.Errorf("%d are there", len(keys))
	}
	k := &SecretKey{closer: session}
	if err == nil {
		k.AEAD, err = keys[0].NewGCM()
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("the token %q has no AES key %q that can be used: %w", h.Token, h.Key, err), session.Close())
	}
	return k, nil
}

// MakeSecretKey makes an AES-256 key in a token, which the token never hands out. It
// replaces none.
func MakeSecretKey(h Hardware) error {
	session, err := logIn(h)
	if err != nil {
		return err
	}
	there, err := session.FindKeys(nil, []byte(h.Key))
	if err == nil && len(there) > 0 {
		err = errors.New("it is there already")
	}
	if err == nil {
		id := make([]byte, 8)
		_, _ = rand.Read(id) // never fails: it ends the process instead
		_, err = session.GenerateSecretKeyWithLabel(id, []byte(h.Key), 256, crypto11.CipherAES)
	}
	if err != nil {
		err = fmt.Errorf("make the AES key %q in the token %q: %w", h.Key, h.Token, err)
	}
	return errors.Join(err, session.Close())
}

// OpenHardware logs in to a token and finds its key. The key works until Close.
func OpenHardware(h Hardware) (*Key, error) {
	session, err := logIn(h)
	if err != nil {
		return nil, err
	}
	k, err := findKey(session, h)
	if err != nil {
		return nil, errors.Join(err, session.Close())
	}
	k.closer = session
	return k, nil
}

func findKey(session *crypto11.Context, h Hardware) (*Key, error) {
	pair, err := session.FindKeyPair(nil, []byte(h.Key))
	if err == nil && pair == nil {
		err = errors.New("not found")
	}
	if err != nil {
		return nil, fmt.Errorf("the token %q has no key pair %q that can be used: %w", h.Token, h.Key, err)
	}
	var certificates []*x509.Certificate
	for block, rest := pem.Decode(h.Chain); block != nil; block, rest = pem.Decode(rest) {
		certificate, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("read a certificate: %w", err)
		}
		certificates = append(certificates, certificate)
	}
	if len(certificates) == 0 {
		stored, err := session.FindCertificate(nil, []byte(h.Key), nil)
		if err != nil {
			return nil, fmt.Errorf("find the certificate %q: %w", h.Key, err)
		}
		if stored != nil {
			certificates = append(certificates, stored)
		}
	}
	k := &Key{Signer: pair}
	return k, k.setChain(certificates)
}
