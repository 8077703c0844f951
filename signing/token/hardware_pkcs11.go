//go:build pkcs11

package token

import (
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"

	"github.com/ThalesGroup/crypto11"
)

// OpenHardware logs in to a token and finds its key. The key works until Close.
func OpenHardware(h Hardware) (*Key, error) {
	session, err := crypto11.Configure(&crypto11.Config{Path: h.Module, TokenLabel: h.Token, Pin: h.PIN})
	if err != nil {
		kind := ErrAway
		if strings.Contains(err.Error(), "CKR_PIN_") { // the only name that crypto11 gives it
			kind = ErrPIN
		}
		return nil, fmt.Errorf("open the token %q: %w: %w", h.Token, kind, err)
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
