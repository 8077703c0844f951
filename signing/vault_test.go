package signing_test

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
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
