package token_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"strings"
	"testing"
	"time"

	"software.sslmate.com/src/go-pkcs12"

	"github.com/lienthong/lienthong/signing/pki"
	"github.com/lienthong/lienthong/signing/token"
)

func identity(t testing.TB, algorithm pki.Algorithm) pki.Identity {
	t.Helper()
	a, err := pki.New(time.Now(), pki.P256)
	if err != nil {
		t.Fatal(err)
	}
	id, err := a.Agency("UBND tỉnh", algorithm)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func block(kind string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
}

func pkcs8(t testing.TB, key any) []byte {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return block("PRIVATE KEY", der)
}

// expectChain requires the certificates in order, from the key's own to the root.
func expectChain(t testing.TB, k *token.Key, err error, id pki.Identity) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	if len(k.Chain) != len(id.Chain) {
		t.Fatalf("%d certificates, want %d", len(k.Chain), len(id.Chain))
	}
	for i, c := range k.Chain {
		if !c.Equal(id.Chain[i]) {
			t.Errorf("certificate %d is the one of %s", i, c.Subject.CommonName)
		}
	}
	if err := k.Close(); err != nil {
		t.Error(err)
	}
}

func TestFromPEM(t *testing.T) {
	ec, rsaID := identity(t, pki.P256), identity(t, pki.RSA2048)
	sec1, err := x509.MarshalECPrivateKey(ec.Key.(*ecdsa.PrivateKey))
	if err != nil {
		t.Fatal(err)
	}
	pkcs1 := x509.MarshalPKCS1PrivateKey(rsaID.Key.(*rsa.PrivateKey))
	for name, c := range map[string]struct {
		key []byte
		id  pki.Identity
	}{
		"PKCS 8": {pkcs8(t, ec.Key), ec}, "SEC 1": {block("EC PRIVATE KEY", sec1), ec}, "PKCS 1": {block("RSA PRIVATE KEY", pkcs1), rsaID},
	} {
		t.Run(name, func(t *testing.T) {
			k, err := token.FromPEM(append(bytes.Clone(c.key), c.id.PEM()...))
			expectChain(t, k, err, c.id)
			// The order of the certificates in the file does not matter.
			backwards := bytes.Clone(c.key)
			for i := len(c.id.Chain) - 1; i >= 0; i-- {
				backwards = append(backwards, block("CERTIFICATE", c.id.Chain[i].Raw)...)
			}
			k, err = token.FromPEM(backwards)
			expectChain(t, k, err, c.id)
		})
	}
}

func TestFromPEMRefuses(t *testing.T) {
	id, other := identity(t, pki.P256), identity(t, pki.P256)
	_, odd, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	key := pkcs8(t, id.Key)
	for name, c := range map[string]struct {
		data []byte
		want string
	}{
		"nothing":        {nil, "no private key"},
		"no certificate": {key, token.ErrNotIncluded.Error()},
		"another's":      {append(bytes.Clone(key), other.PEM()...), token.ErrNotIncluded.Error()},
		"two keys":       {append(bytes.Clone(key), key...), "more than one"},
		"kind of key":    {append(pkcs8(t, odd), id.PEM()...), "not supported"},
		"encrypted":      {block("ENCRYPTED PRIVATE KEY", []byte{1}), "PKCS #12"},
		"broken key":     {block("PRIVATE KEY", []byte{1}), "read the private key"},
		"broken cert":    {append(bytes.Clone(key), block("CERTIFICATE", []byte{1})...), "read a certificate"},
		"large":          {make([]byte, 2*token.MaxFile+1), "too large"},
	} {
		if _, err := token.FromPEM(c.data); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %q", name, err, c.want)
		}
	}
}

func container(t testing.TB, encoder *pkcs12.Encoder, id pki.Identity, passphrase string) []byte {
	t.Helper()
	data, err := encoder.Encode(id.Key, id.Chain[0], id.Chain[1:], passphrase)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestFromPKCS12(t *testing.T) {
	const passphrase = "mật khẩu thử"
	for _, algorithm := range []pki.Algorithm{pki.P256, pki.RSA2048} {
		id := identity(t, algorithm)
		for name, encoder := range map[string]*pkcs12.Encoder{"2023": pkcs12.Modern2023, "DES": pkcs12.LegacyDES, "RC2": pkcs12.LegacyRC2} {
			t.Run(name, func(t *testing.T) {
				data := container(t, encoder, id, passphrase)
				k, err := token.FromPKCS12(data, passphrase)
				expectChain(t, k, err, id)
				if _, err := token.FromPKCS12(data, "other"); !errors.Is(err, token.ErrPassphrase) {
					t.Errorf("a wrong passphrase: %v", err)
				}
			})
		}
	}
}

func TestFromPKCS12Refuses(t *testing.T) {
	many := []byte{0x02, 0x04, 0x7F, 0xFF, 0xFF, 0xFF}
	salted := append(append([]byte{0x04, 0x81, 0xC0}, make([]byte, 0xC0)...), many...) // a long salt hides nothing
	plain := append([]byte{0x30, 0x81, byte(len(salted))}, salted...)
	nested := append([]byte{0x30, 0x81, byte(len(plain) + 3), 0x04, 0x81, byte(len(plain))}, plain...)
	// What is encrypted may look like anything.
	encrypted := append([]byte{0x30, 0x81, byte(len(salted) + 3), 0x80, 0x81, byte(len(salted))}, salted...)
	if _, err := token.FromPKCS12(encrypted, "x"); err == nil || strings.Contains(err.Error(), "too many rounds") {
		t.Errorf("bytes that are no structure were counted: %v", err)
	}
	for name, c := range map[string]struct {
		data []byte
		want string
	}{
		"nothing": {nil, "read the PKCS #12 file"},
		"text":    {[]byte("text"), "read the PKCS #12 file"},
		"large":   {make([]byte, token.MaxFile+1), "too large"},
		"plain":   {plain, "too many rounds"},
		"nested":  {nested, "too many rounds"},
	} {
		if _, err := token.FromPKCS12(c.data, "x"); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %q", name, err, c.want)
		}
	}
}

func FuzzFromPKCS12(f *testing.F) {
	id := identity(f, pki.P256)
	f.Add(container(f, pkcs12.Modern2023, id, "x"), "x")
	f.Add(container(f, pkcs12.LegacyDES, id, "x"), "y")
	f.Add([]byte{0x30, 0x80}, "")
	f.Fuzz(func(t *testing.T, data []byte, passphrase string) {
		if k, err := token.FromPKCS12(data, passphrase); err == nil && len(k.Chain) == 0 {
			t.Error("a key without a certificate")
		}
	})
}

func FuzzFromPEM(f *testing.F) {
	id := identity(f, pki.P256)
	f.Add(append(pkcs8(f, id.Key), id.PEM()...))
	f.Fuzz(func(t *testing.T, data []byte) {
		if k, err := token.FromPEM(data); err == nil && len(k.Chain) == 0 {
			t.Error("a key without a certificate")
		}
	})
}
