//go:build pkcs11

package app_test

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lienthong/lienthong/adapters/hubclient"
	"github.com/lienthong/lienthong/cmd/lienthong/internal/app"
	"github.com/lienthong/lienthong/hub"
)

const pin = "1234"

// softToken puts the key of the seal into a software token and returns its URI.
func (r *sealRoom) softToken() string {
	r.Helper()
	found, _ := filepath.Glob("/usr/lib*/softhsm/libsofthsm2.so")
	if len(found) == 0 {
		if os.Getenv("CI") == "true" {
			r.Fatal("softhsm2 is not installed")
		}
		r.Skip("softhsm2 is not installed")
	}
	tokens := filepath.Join(r.dir, "tokens")
	if err := os.Mkdir(tokens, 0o700); err != nil {
		r.Fatal(err)
	}
	r.Setenv("SOFTHSM2_CONF", r.write("softhsm2.conf", []byte("directories.tokendir = "+tokens+"\nobjectstore.backend = file\nlog.level = ERROR\n")))
	der, err := x509.MarshalPKCS8PrivateKey(r.seal.Key)
	if err != nil {
		r.Fatal(err)
	}
	bare := r.write("bare.pem", pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
	for _, arguments := range [][]string{
		{"--init-token", "--free", "--label", "con dau", "--so-pin", "5678", "--pin", pin},
		{"--import", bare, "--token", "con dau", "--label", "seal", "--id", "01", "--pin", pin},
	} {
		if out, err := exec.CommandContext(r.Context(), "softhsm2-util", arguments...).CombinedOutput(); err != nil {
			r.Fatalf("softhsm2-util %s: %v\n%s", arguments[0], err, out)
		}
	}
	r.write("chain.pem", r.seal.PEM())
	r.write("pin", []byte(pin+"\n"))
	return "pkcs11:token=con%20dau;object=seal?module-path=" + found[0]
}

// TestSealInToken: the key is in a token, and several documents come at once.
func TestSealInToken(t *testing.T) {
	r := newSealRoom(t)
	setting := map[string]any{"agency": sender, "key": r.softToken(), "secret_file": "pin", "chain": []string{"chain.pem"}}
	config := configIn(t.TempDir())
	h, ours, _ := r.hub(config, r.settings(setting))
	document, client := r.signed(0), h.client(t, ours)
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			var out bytes.Buffer
			if _, err := client.Seal(t.Context(), pdfFile(document), "", hub.SealCopied, &out, nil); err != nil {
				t.Error(err)
			} else if r.passes(out.Bytes()) != 2 {
				t.Error("a seal does not hold")
			}
		})
	}
	all.Wait()
	if err := h.stop(); err != nil {
		t.Fatal(err)
	}

	// A wrong PIN stops the hub before it runs; a token that is not there does not.
	r.write("pin", []byte("9999\n"))
	config.Seals = r.settings(setting)
	a, err := app.New(t.Context(), config, "test", slog.New(slog.DiscardHandler))
	if err == nil || !strings.Contains(err.Error(), "seals[0].secret_file [secret]") || strings.Contains(err.Error(), "9999") {
		t.Errorf("with a wrong PIN: %v", err)
	}
	if err == nil {
		_ = a.Close()
	}
	r.write("pin", []byte(pin+"\n"))
	setting["key"] = strings.Replace(setting["key"].(string), "con%20dau", "khac", 1)
	config.Seals = r.settings(setting)
	h = start(t, config)
	_, err = h.client(t, ours).Seal(t.Context(), pdfFile(document), "", hub.SealCopied, &bytes.Buffer{}, nil)
	if v := hub.ViolationsOf(err); len(v) != 1 || v[0].Kind != hub.KindUnavailable || v[0].Rule != "token" {
		t.Errorf("with a token that is not there: %v", err)
	}
}

// TestHubKeyInToken: evidence is signed in a token after the turn of a key in a file, by
// many at once; a token that goes away refuses work and is used again when it is back.
func TestHubKeyInToken(t *testing.T) {
	r := newSealRoom(t)
	uri := r.softToken()
	h := start(t, configIn(t.TempDir()))
	key, _ := h.enroll(t)
	before := h.accepted(t, key, "before")
	next, err := app.RotateHubKey(&h.config, app.HubKeySource{Key: uri, SecretFile: filepath.Join(r.dir, "pin"), Chain: []string{filepath.Join(r.dir, "chain.pem")}}, time.Now().Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	keyList(t, next.List, func(keys []map[string]any) []map[string]any {
		keys[1]["from"] = time.Now().Add(-time.Second).UTC().Format(time.RFC3339)
		return keys
	})
	if err := h.stop(); err != nil {
		t.Fatal(err)
	}
	h = start(t, h.config)
	receipts := make([]hub.SealedEvidence, 4)
	var all sync.WaitGroup
	for i := range receipts {
		all.Go(func() { receipts[i] = h.accepted(t, key, fmt.Sprint("in token ", i)) })
	}
	all.Wait()
	by := h.verifies(t, append(receipts, before)...)
	if by[0] != by[3] || by[4] == by[0] {
		t.Errorf("signed by %v", by)
	}
	if err := h.stop(); err != nil {
		t.Fatal(err)
	}

	// A wrong PIN stops the hub before it runs: asking again may lock the token.
	r.write("pin", []byte("9999\n"))
	a, err := app.New(t.Context(), h.config, "test", slog.New(slog.DiscardHandler))
	if err == nil {
		_ = a.Close()
	}
	if err == nil || !strings.Contains(err.Error(), "hub-keys[1].secret_file [secret]") || strings.Contains(err.Error(), "9999") {
		t.Errorf("with a wrong PIN: %v", err)
	}
	// A running hub asks once, too.
	r.write("pin", []byte(pin+"\n"))
	running, closeIt := opened(t, h.config)
	r.write("pin", []byte("9999\n"))
	touch := func(more time.Duration) {
		if err := os.Chtimes(next.List, time.Now(), time.Now().Add(more)); err != nil {
			t.Fatal(err)
		}
	}
	touch(time.Second)
	refused := running.RefreshKeys(t.Context())
	r.write("pin", []byte(pin+"\n"))
	if again := running.RefreshKeys(t.Context()); refused == nil || !errors.Is(again, refused) {
		t.Errorf("a PIN that was refused is tried again: %v, %v", refused, again)
	}
	touch(2 * time.Second)
	if err := running.RefreshKeys(t.Context()); err != nil {
		t.Errorf("a list that was changed: %v", err)
	}
	closeIt()

	// A token that is out of reach stops nothing but what has to be signed.
	r.write("pin", []byte(pin+"\n"))
	keyList(t, next.List, func(keys []map[string]any) []map[string]any {
		keys[1]["key"] = strings.Replace(uri, "con%20dau", "khac", 1)
		return keys
	})
	h = start(t, h.config)
	once, err := hubclient.New(hubclient.Options{URL: h.URL(), Key: key, Retry: hubclient.Retry{Attempts: 1}})
	if err != nil {
		t.Fatal(err)
	}
	defer once.CloseIdle()
	_, err = once.Submit(t.Context(), submission("away"), original("x"), nil)
	if v := hub.ViolationsOf(err); len(v) != 1 || v[0].Kind != hub.KindUnavailable {
		t.Errorf("with a token that is not there: %v", err)
	}
}
