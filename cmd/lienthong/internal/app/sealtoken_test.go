//go:build pkcs11

package app_test

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

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
