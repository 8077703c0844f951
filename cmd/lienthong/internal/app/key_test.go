package app_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/lienthong/lienthong/hub"
)

// TestHubKeyFile: a key that an operator provides is used, and one that others may read
// is refused.
func TestHubKeyFile(t *testing.T) {
	first := start(t, configIn(t.TempDir()))
	if err := first.stop(); err != nil {
		t.Fatal(err)
	}
	pem, err := os.ReadFile(filepath.Join(first.config.DataDir, "key", "hub.pem"))
	if err != nil {
		t.Fatal(err)
	}
	config := configIn(t.TempDir())
	config.HubKeyFile = filepath.Join(t.TempDir(), "hub.pem")
	if err := os.WriteFile(config.HubKeyFile, pem, 0o440); err != nil {
		t.Fatal(err)
	}
	second := start(t, config)
	want, err := os.ReadFile(first.config.CertificateFile())
	if err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(second.config.CertificateFile()); err != nil || string(got) != string(want) {
		t.Errorf("the second hub has another certificate, %v", err)
	}
	if err := os.Chmod(config.HubKeyFile, 0o444); err != nil {
		t.Fatal(err)
	}
	if v := hub.ViolationsOf(config.Check()); len(v) != 1 || v[0].Field != "hub-key-file" {
		t.Errorf("a key that everybody may read: %v", v)
	}
}
