//go:build pkcs11

package token_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"crypto/x509"

	"github.com/lienthong/lienthong/signing/pki"
	"github.com/lienthong/lienthong/signing/token"
)

const pin = "1234"

// softToken makes a software token with one key and returns the path of its library.
func softToken(t *testing.T, id pki.Identity) string {
	t.Helper()
	found, _ := filepath.Glob("/usr/lib*/softhsm/libsofthsm2.so")
	if len(found) == 0 {
		if os.Getenv("CI") == "true" {
			t.Fatal("softhsm2 is not installed")
		}
		t.Skip("softhsm2 is not installed")
	}
	dir := t.TempDir()
	write := func(name string, data []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	tokens := filepath.Join(dir, "tokens")
	if err := os.Mkdir(tokens, 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("SOFTHSM2_CONF", write("softhsm2.conf", []byte("directories.tokendir = "+tokens+"\nobjectstore.backend = file\nlog.level = ERROR\n")))
	der, err := x509.MarshalPKCS8PrivateKey(id.Key)
	if err != nil {
		t.Fatal(err)
	}
	for _, arguments := range [][]string{
		{"--init-token", "--free", "--label", "dau", "--so-pin", "5678", "--pin", pin},
		{"--import", write("key.pem", block("PRIVATE KEY", der)), "--token", "dau", "--label", "seal", "--id", "01", "--pin", pin},
	} {
		if out, err := exec.CommandContext(t.Context(), "softhsm2-util", arguments...).CombinedOutput(); err != nil {
			t.Fatalf("softhsm2-util %s: %v\n%s", arguments[0], err, out)
		}
	}
	return found[0]
}

func TestHardware(t *testing.T) {
	for _, algorithm := range []pki.Algorithm{pki.P256, pki.RSA2048} {
		t.Run(string(algorithm), func(t *testing.T) {
			id := identity(t, algorithm)
			h := token.Hardware{Module: softToken(t, id), Token: "dau", Key: "seal", PIN: pin, Chain: id.PEM()}
			k, err := token.OpenHardware(h)
			if err != nil {
				t.Fatal(err)
			}
			sum := sha256.Sum256([]byte("văn bản"))
			value, err := k.Signer.Sign(rand.Reader, sum[:], crypto.SHA256)
			if err != nil {
				t.Fatal(err)
			}
			switch public := k.Chain[0].PublicKey.(type) {
			case *ecdsa.PublicKey:
				if !ecdsa.VerifyASN1(public, sum[:], value) {
					t.Error("the signature does not verify")
				}
			case *rsa.PublicKey:
				if err := rsa.VerifyPKCS1v15(public, crypto.SHA256, sum[:], value); err != nil {
					t.Error(err)
				}
			}
			expectChain(t, k, nil, id)
			for want, change := range map[string]func(*token.Hardware){
				"open the token":   func(h *token.Hardware) { h.PIN = "0000" },
				"no key pair":      func(h *token.Hardware) { h.Key = "other" },
				"no certificate":   func(h *token.Hardware) { h.Chain = nil },
				`the token "none"`: func(h *token.Hardware) { h.Token = "none" },
			} {
				wrong := h
				change(&wrong)
				_, err := token.OpenHardware(wrong)
				if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), wrong.PIN) {
					t.Errorf("got %v, want %q", err, want)
				}
			}
		})
	}
}

// TestSecretKey: an AES key is made in the token once, encrypts there, and is found again.
func TestSecretKey(t *testing.T) {
	h := token.Hardware{Module: softToken(t, identity(t, pki.P256)), Token: "dau", Key: "secrets", PIN: pin}
	if _, err := token.OpenSecretKey(h); err == nil || !strings.Contains(err.Error(), "no AES key") {
		t.Errorf("before there is one: %v", err)
	}
	if err := token.MakeSecretKey(h); err != nil {
		t.Fatal(err)
	}
	if err := token.MakeSecretKey(h); err == nil || !strings.Contains(err.Error(), "there already") {
		t.Errorf("a second one: %v", err)
	}
	k, err := token.OpenSecretKey(h)
	if err != nil {
		t.Fatal(err)
	}
	nonce := make([]byte, k.NonceSize())
	sealed := k.Seal(nil, nonce, []byte("bí mật"), []byte("about"))
	if err := k.Close(); err != nil {
		t.Fatal(err)
	}
	if k, err = token.OpenSecretKey(h); err != nil {
		t.Fatal(err)
	}
	if opened, err := k.Open(nil, nonce, sealed, []byte("about")); err != nil || string(opened) != "bí mật" {
		t.Errorf("opened %q, %v", opened, err)
	}
	if _, err := k.Open(nil, nonce, sealed, []byte("other")); err == nil {
		t.Error("it opens about something else")
	}
	sealed[0] ^= 1
	if _, err := k.Open(nil, nonce, sealed, []byte("about")); err == nil {
		t.Error("a changed byte counts for nothing")
	}
	if err := k.Close(); err != nil {
		t.Fatal(err)
	}
	h.PIN = "0000"
	if _, err := token.OpenSecretKey(h); !errors.Is(err, token.ErrPIN) || strings.Contains(err.Error(), h.PIN) {
		t.Errorf("with a wrong PIN: %v", err)
	}
	h.PIN, h.Token = pin, "none"
	if _, err := token.OpenSecretKey(h); !errors.Is(err, token.ErrAway) {
		t.Errorf("without the token: %v", err)
	}
}
