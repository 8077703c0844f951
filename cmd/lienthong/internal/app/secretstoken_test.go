//go:build pkcs11

package app_test

import (
	"bytes"
	"errors"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/lienthong/lienthong/adapters/hubclient"
	"github.com/lienthong/lienthong/adapters/vxp"
	"github.com/lienthong/lienthong/cmd/lienthong/internal/app"
	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/signing"
	"github.com/lienthong/lienthong/signing/token"
)

// admitSystem lets a system of the axis in and returns its secret.
func (h *testHub) admitSystem(t *testing.T, system string) string {
	t.Helper()
	issued, err := h.client(t, h.operatorKey(t)).IssueKey(t.Context(), hubclient.NewKey{
		Name: system, Kind: hub.ActorSystem, System: system, Agencies: []string{recipient}, Scopes: []hub.Scope{hub.ScopeSubmit, hub.ScopeCollect},
	})
	if err != nil {
		t.Fatal(err)
	}
	return issued.Secret
}

// knows asks whether a system gets in with a secret, which the hub must decrypt for it.
func (h *testHub) knows(t *testing.T, system, secret string) error {
	t.Helper()
	c := &vxp.Client{
		HTTP: &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}, Endpoint: h.URL() + "/vxp", System: system, Secret: secret, Now: time.Now,
	}
	_, err := c.Received(t.Context(), "edoc")
	return err
}

// TestSecretsKeyInToken: the key of the secrets moves from its file into a token, from one
// key in it to another, and back; what was sealed before stays readable at each step.
func TestSecretsKeyInToken(t *testing.T) {
	r := newSealRoom(t)
	uri := strings.Replace(r.softToken(), "object=seal", "object=secrets", 1)
	pinFile := filepath.Join(r.dir, "pin")
	config := configIn(t.TempDir())
	config.VXPPath = "/vxp"
	h := start(t, config)
	h.enroll(t)
	secrets := map[string]string{"plain": h.admitSystem(t, "plain")}
	all := func(when string) {
		t.Helper()
		for system, secret := range secrets {
			if err := h.knows(t, system, secret); err != nil {
				t.Errorf("%s: %s does not get in: %v", when, system, err)
			}
			if err := h.knows(t, system, secret+"x"); err == nil {
				t.Errorf("%s: %s gets in with another secret", when, system)
			}
		}
	}
	all("before")
	file := filepath.Join(config.DataDir, "key", "secrets.pem")
	rotate := func(system string, wrap signing.WrappingKey) {
		t.Helper()
		if err := h.stop(); err != nil {
			t.Fatal(err)
		}
		if path, err := app.RotateSecretsKey(&config, wrap); err != nil || path != file {
			t.Fatalf("%s: %q, %v", system, path, err)
		}
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if plain := bytes.Contains(text, []byte("BEGIN LIENTHONG SECRETS KEY")); plain != (wrap.URI == "") {
			t.Errorf("%s: the file is %s", system, text)
		}
		if bytes.Contains(text, []byte(pin)) {
			t.Errorf("%s: the file holds the PIN", system)
		}
		h = start(t, config)
		all("after " + system)
		secrets[system] = h.admitSystem(t, system)
		all("with " + system)
	}
	wrap := signing.WrappingKey{URI: uri, PINFile: pinFile}
	if _, err := app.RotateSecretsKey(&config, wrap); err == nil || !strings.Contains(err.Error(), "no AES key") {
		t.Fatalf("by a key that the token has not: %v", err)
	}
	all("after a rotation that failed")
	if err := wrap.Make(); err != nil {
		t.Fatal(err)
	}
	rotate("token", wrap)
	other := signing.WrappingKey{URI: strings.Replace(uri, "object=secrets", "object=secrets-2", 1), PINFile: pinFile}
	if err := other.Make(); err != nil {
		t.Fatal(err)
	}
	rotate("other-key", other)
	if err := h.stop(); err != nil {
		t.Fatal(err)
	}
	// A wrong PIN stops the hub before it runs: asking again may lock the token.
	r.write("pin", []byte("9999\n"))
	a, err := app.New(t.Context(), config, "test", slog.New(slog.DiscardHandler))
	if !errors.Is(err, token.ErrPIN) || strings.Contains(err.Error(), "9999") {
		t.Errorf("with a wrong PIN: %v", err)
	}
	if err == nil {
		_ = a.Close()
	}
	r.write("pin", []byte(pin+"\n"))

	// A token that is out of reach stops nothing but the systems whose secrets it guards.
	tokens := filepath.Join(r.dir, "tokens")
	if err := os.Rename(tokens, tokens+".away"); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(tokens, 0o700); err != nil {
		t.Fatal(err)
	}
	h = start(t, config)
	if err := h.knows(t, "plain", secrets["plain"]); err == nil {
		t.Error("a system gets in without the token")
	}
	if _, err := h.client(t, h.operatorKey(t)).Keys(t.Context()); err != nil {
		t.Errorf("what needs no token: %v", err)
	}
	if err := h.stop(); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(os.Remove(tokens), os.Rename(tokens+".away", tokens)); err != nil {
		t.Fatal(err)
	}
	h = start(t, config)
	all("with the token again")
	rotate("file", signing.WrappingKey{})
	if err := os.RemoveAll(tokens); err != nil {
		t.Fatal(err)
	}
	if err := h.stop(); err != nil {
		t.Fatal(err)
	}
	h = start(t, config)
	all("in a file again, without the token")
}
