package server

import (
	"net/url"
	"os"
	"path/filepath"
	"testing"
)

// Split takes the password out of an address, as the hub wants it: in a file of its own.
func Split(t testing.TB, address string) (without, passwordFile string) {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	password, _ := u.User.Password()
	u.User = url.User(u.User.Username())
	passwordFile = filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(passwordFile, []byte(password+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return u.String(), passwordFile
}
