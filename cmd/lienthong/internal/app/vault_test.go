package app_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/lienthong/lienthong/cmd/lienthong/internal/app"
	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/signing"
)

// agreed is what nodes agree on.
type agreed map[string]string

// Settle implements engine.Settler.
func (a agreed) Settle(_ context.Context, name, value string) (string, error) {
	if _, ok := a[name]; !ok {
		a[name] = value
	}
	return a[name], nil
}

// TestRotatedSecretsKey: a node that runs reads what another one seals with a key that was
// added to the file meanwhile, and a file that is spoilt costs it nothing that it had.
func TestRotatedSecretsKey(t *testing.T) {
	t.Parallel()
	config, nodes := configIn(t.TempDir()), agreed{}
	running := app.NewVault(&config, nodes)
	first, err := running.Seal(t.Context(), []byte("first"), "it")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := app.RotateSecretsKey(&config, signing.WrappingKey{}); err != nil {
		t.Fatal(err)
	}
	started := app.NewVault(&config, nodes)
	second, err := started.Seal(t.Context(), []byte("second"), "it")
	if err != nil {
		t.Fatalf("the hub is taken for another after the rotation: %v", err)
	}
	opens := func(sealed []byte, want string) {
		t.Helper()
		if got, err := running.Open(sealed, "it"); err != nil || string(got) != want {
			t.Errorf("opened %q, %v, want %s", got, err, want)
		}
	}
	opens(second, "second")
	opens(first, "first")

	file := filepath.Join(config.DataDir, "key", "secrets.pem")
	other := configIn(t.TempDir())
	stranger, err := app.NewVault(&other, agreed{}).Seal(t.Context(), []byte("x"), "it")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := running.Open(stranger, "it"); err == nil || hub.KindOf(err) != hub.KindUnavailable {
		t.Errorf("what another hub sealed: %v", err)
	}
	if err := os.WriteFile(file, []byte("spoilt"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := running.Open(stranger, "it"); err == nil {
		t.Error("what another hub sealed opens")
	}
	opens(second, "second")
	if _, err := app.RotateSecretsKey(&config, signing.WrappingKey{}); err == nil || hub.KindOf(err) != hub.KindInvalid {
		t.Errorf("a spoilt file is rotated: %v", err)
	}
}

// TestRotatedSecretsKeyMended: a file that could not be read when it changed is read once
// that is mended, even if no byte of it and no time changed.
func TestRotatedSecretsKeyMended(t *testing.T) {
	t.Parallel()
	config, nodes := configIn(t.TempDir()), agreed{}
	running := app.NewVault(&config, nodes)
	first, err := running.Seal(t.Context(), []byte("first"), "it")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := app.RotateSecretsKey(&config, signing.WrappingKey{}); err != nil {
		t.Fatal(err)
	}
	second, err := app.NewVault(&config, nodes).Seal(t.Context(), []byte("second"), "it")
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(config.DataDir, "key", "secrets.pem")
	if err := os.Chmod(file, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := running.Open(second, "it"); err == nil || hub.KindOf(err) != hub.KindDenied {
		t.Fatalf("with a file that is open to others: %v", err)
	}
	if got, err := running.Open(first, "it"); err != nil || string(got) != "first" {
		t.Errorf("what it had before: %q, %v", got, err)
	}
	if err := os.Chmod(file, 0o600); err != nil {
		t.Fatal(err)
	}
	if got, err := running.Open(second, "it"); err != nil || string(got) != "second" {
		t.Errorf("once that is mended: %q, %v", got, err)
	}
}
