package signing_test

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/signing"
)

func TestVault(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "key")
	if _, err := signing.OpenVault(dir); !errors.Is(err, fs.ErrNotExist) {
		t.Fatalf("without a key: %v", err)
	}
	first, err := signing.CreateVault(dir)
	if err != nil {
		t.Fatal(err)
	}
	again, err := signing.CreateVault(dir) // never replaces a key
	if err != nil || !bytes.Equal(first.Mark(), again.Mark()) {
		t.Fatalf("a second key took the place of the first: %v", err)
	}
	secret := []byte("topsecret")
	sealed := first.Seal(secret, "system A")
	if bytes.Contains(sealed, secret) || bytes.Equal(sealed, first.Seal(secret, "system A")) {
		t.Error("the secret shows, or two seals are equal")
	}
	if opened, err := again.Open(sealed, "system A"); err != nil || !bytes.Equal(opened, secret) {
		t.Errorf("opened %q, %v", opened, err)
	}
	if _, err := again.Open(sealed, "system B"); err == nil {
		t.Error("the secret of A opened as that of B")
	}
	for i := range sealed {
		changed := bytes.Clone(sealed)
		changed[i] ^= 1
		if _, err := first.Open(changed, "system A"); err == nil {
			t.Fatalf("byte %d counts for nothing", i)
		}
	}
	for n := range sealed {
		if _, err := first.Open(sealed[:n], "system A"); err == nil {
			t.Fatalf("%d bytes of the seal opened", n)
		}
	}
	other, err := signing.CreateVault(filepath.Join(t.TempDir(), "key"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := other.Open(sealed, "system A"); err == nil || hub.KindOf(err) != hub.KindUnavailable {
		t.Errorf("with another key: %v", err)
	}
}

// TestVaultRotation: a new key seals, the old ones still open what they sealed, and the
// hub is known by the key that it began with.
func TestVaultRotation(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "key")
	first, err := signing.CreateVault(dir)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "secrets.pem")
	sealed := [][]byte{first.Seal([]byte("secret 0"), "it")}
	last := first
	for n := 1; n < 16; n++ {
		text, err := last.Rotated(signing.WrappingKey{})
		if err == nil {
			err = os.WriteFile(path, text, 0o600)
		}
		if err == nil {
			last, err = signing.OpenVault(dir)
		}
		if err != nil {
			t.Fatal(err)
		}
		sealed = append(sealed, last.Seal(fmt.Appendf(nil, "secret %d", n), "it"))
		if !bytes.Equal(last.Mark(), first.Mark()) || bytes.Equal(sealed[n][:9], sealed[n-1][:9]) {
			t.Fatalf("rotation %d: the hub is another, or the same key seals", n)
		}
	}
	for n, s := range sealed {
		if opened, err := last.Open(s, "it"); err != nil || string(opened) != fmt.Sprint("secret ", n) {
			t.Errorf("%d: %q, %v", n, opened, err)
		}
	}
	if _, err := first.Open(sealed[1], "it"); !errors.Is(err, signing.ErrOtherVault) {
		t.Errorf("the first key opens what another one sealed: %v", err)
	}
	if _, err := last.Rotated(signing.WrappingKey{}); err == nil || hub.KindOf(err) != hub.KindConflict {
		t.Errorf("a file without bounds: %v", err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for name, damaged := range map[string][]byte{
		"mark":      bytes.Replace(text, []byte("Began-With: "), []byte("Began-With: z"), 1),
		"short key": append(bytes.Clone(text), "-----BEGIN LIENTHONG SECRETS KEY-----\nAAAA\n-----END LIENTHONG SECRETS KEY-----\n"...),
	} {
		if err := os.WriteFile(path, damaged, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := signing.OpenVault(dir); err == nil || hub.KindOf(err) != hub.KindInvalid {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestWrappingKey: what is wrong with a key in a token is said before the token is asked,
// and the PIN in no error.
func TestWrappingKey(t *testing.T) {
	dir := t.TempDir()
	vault, err := signing.CreateVault(filepath.Join(dir, "key"))
	if err != nil {
		t.Fatal(err)
	}
	pins := map[string]os.FileMode{"good": 0o600, "open": 0o644, "empty": 0o600}
	for name, mode := range pins {
		text := "1234567\n"
		if name == "empty" {
			text = "\n1234567"
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), mode); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(filepath.Join(dir, name), mode); err != nil {
			t.Fatal(err)
		}
	}
	const uri = "pkcs11:token=t;object=o?module-path=/nowhere.so"
	for name, c := range map[string]struct {
		uri, pin, want string
	}{
		"no URI":         {"/a/file", "good", "[pkcs11_uri]"},
		"no object":      {"pkcs11:token=t?module-path=/x", "good", "[pkcs11_uri]"},
		"PIN in the URI": {uri + "&pin-value=1234567", "good", "[pkcs11_uri]"},
		"no PIN file":    {uri, "none", "[pin_file]"},
		"empty PIN":      {uri, "empty", "[pin_file]"},
		"open PIN":       {uri, "open", "[permissions]"},
		"no such module": {uri, "good", "[token]"},
	} {
		wrap := signing.WrappingKey{URI: c.uri, PINFile: filepath.Join(dir, c.pin)}
		_, err := vault.Rotated(wrap)
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "1234567") {
			t.Errorf("%s: %v", name, err)
		}
		if err := wrap.Make(); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: made: %v", name, err)
		}
	}
}

func TestVaultKeyFiles(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "key")
	if _, err := signing.CreateVault(dir); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "secrets.pem")
	for mode, ok := range map[os.FileMode]bool{0o440: true, 0o444: false} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		if _, err := signing.LoadVault(path); (err == nil) != ok {
			t.Errorf("mode %o: %v", mode, err)
		}
		if _, err := signing.OpenVault(dir); err == nil {
			t.Errorf("mode %o is open to others in the hub's own folder", mode)
		}
	}
	if err := os.WriteFile(path, []byte("no key"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := signing.OpenVault(dir); err == nil || hub.KindOf(err) != hub.KindInvalid {
		t.Errorf("a file without a key: %v", err)
	}
}
