package app

import (
	"bytes"
	"errors"
	"os"
	"strings"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/signing/token"
)

// readKey finds out how the key is opened, and opens it where it is a file.
func (s *sealSetting) readKey() error {
	chain, err := s.chain()
	if err != nil {
		return err
	}
	secret := ""
	if s.SecretFile != "" {
		raw, err := readGuarded(s.at+".secret_file", s.SecretFile, 0o037, token.MaxFile)
		if err != nil {
			return err
		}
		line, _, _ := bytes.Cut(raw, []byte("\n"))
		secret = strings.TrimSuffix(string(line), "\r")
	}
	if strings.HasPrefix(s.Key, "pkcs11:") {
		return s.hardware(secret, chain)
	}
	if s.Key == "" {
		return hub.Invalid(s.at+".key", "required", "name the key: a file, or pkcs11:token=...;object=...?module-path=...")
	}
	raw, err := readGuarded(s.at+".key", s.Key, 0o037, token.MaxFile)
	if err != nil {
		return err
	}
	s.options.Open = func() (*token.Key, error) {
		if bytes.Contains(raw, []byte("-----BEGIN")) {
			return token.FromPEM(bytes.Join([][]byte{raw, chain}, []byte("\n")))
		}
		return token.FromPKCS12(raw, secret)
	}
	key, err := s.options.Open()
	if err != nil {
		return s.keyFailure(err)
	}
	return key.Close()
}

// hardware reads the URI of a key in a token.
func (s *sealSetting) hardware(pin string, chain []byte) error {
	h, err := token.ParseURI(s.Key)
	if err == nil && pin == "" {
		err = errors.New("a key in a token needs its PIN in secret_file")
	}
	if err != nil {
		return hub.Invalid(s.at+".key", "pkcs11_uri", "%v", err)
	}
	h.PIN, h.Chain = pin, chain
	if _, err := os.Stat(h.Module); err != nil {
		return hub.Invalid(s.at+".key", "module", "%v", err)
	}
	s.options.Open = func() (*token.Key, error) { return token.OpenHardware(h) }
	return nil
}

// keyFailure gives what is wrong with a key its field and rule.
func (s *sealSetting) keyFailure(err error) error {
	switch {
	case errors.Is(err, token.ErrPassphrase), errors.Is(err, token.ErrPIN):
		return hub.Invalid(s.at+".secret_file", "secret", "%v", err)
	case errors.Is(err, token.ErrNoHardware):
		return hub.Errorf(hub.KindUnsupported, s.at+".key", "build", "%v", err)
	case errors.Is(err, token.ErrNotIncluded):
		return hub.Invalid(s.at+".chain", "certificate", "%v", err)
	}
	return hub.Invalid(s.at+".key", "key", "%v", err)
}
