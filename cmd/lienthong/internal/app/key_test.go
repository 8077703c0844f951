package app_test

import (
	"log/slog"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/lienthong/lienthong/cmd/lienthong/internal/app"
	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/signing/pki"
	"github.com/lienthong/lienthong/signing/tsp"
)

// TestHubKeyFile: a key that an operator provides is used, and one that others may read
// is refused.
func TestHubKeyFile(t *testing.T) {
	t.Parallel()
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

// TestNodesShareTheKeyOfTheLog: nodes that share the evidence key do not make a key of
// the log each.
func TestNodesShareTheKeyOfTheLog(t *testing.T) {
	t.Parallel()
	seed := start(t, configIn(t.TempDir()))
	if err := seed.stop(); err != nil {
		t.Fatal(err)
	}
	config := configIn(t.TempDir())
	config.Database = "postgres://hub@127.0.0.1:1/hub"
	config.DatabaseConnections = 4
	config.HubKeyFile = filepath.Join(seed.config.DataDir, "key", "hub.pem")
	if v := hub.ViolationsOf(config.Check()); len(v) != 1 || v[0].Field != "log-key-file" || v[0].Rule != "required" {
		t.Errorf("without a key of the log: %v", v)
	}
	config.LogKeyFile = filepath.Join(seed.config.DataDir, "key", "log.pem")
	if err := config.Check(); err != nil {
		t.Errorf("with both keys: %v", err)
	}
}

// TestALostLogKey: without the key of its log a hub does not start, unless it is told to
// work on without its log.
func TestALostLogKey(t *testing.T) {
	t.Parallel()
	h := start(t, configIn(t.TempDir()))
	if err := h.stop(); err != nil {
		t.Fatal(err)
	}
	policy, err := os.ReadFile(h.config.PolicyFile())
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(h.config.DataDir, "key", "log.pem")); err != nil {
		t.Fatal(err)
	}
	a, err := app.New(t.Context(), h.config, "test", slog.New(slog.DiscardHandler))
	if err == nil {
		_ = a.Close()
	}
	if v := hub.ViolationsOf(err); len(v) != 1 || v[0].Rule != "log_key" {
		t.Errorf("another key: %v", err)
	}
	config := h.config
	config.NoLogGrowth = true
	config.TSA, config.TSAAnchors = slowAuthority(t)
	h = start(t, config)
	await(t, h, func(r hub.Readiness) bool {
		// It writes evidence all the same, by a clock that others must believe.
		clock := slices.ContainsFunc(r.Checks, func(c hub.HealthCheck) bool { return c.Name == "clock" && c.State == hub.HealthDegraded })
		return r.Ready && clock && logCheck(r).State == hub.HealthDegraded
	})
	if after, err := os.ReadFile(config.PolicyFile()); err != nil || string(after) != string(policy) {
		t.Errorf("the policy names another key now: %v", err)
	}
}

// slowAuthority is a time-stamp authority whose clock is ten minutes behind: its address,
// and the file of the certificates that its tokens lead to.
func slowAuthority(t *testing.T) (addresses []string, anchors string) {
	t.Helper()
	issuer, err := pki.New(time.Now().Add(-time.Hour), pki.P256)
	if err != nil {
		t.Fatal(err)
	}
	own, err := issuer.TimestampAuthority("Dấu thời gian", pki.P256)
	if err != nil {
		t.Fatal(err)
	}
	tsa, err := tsp.NewAuthority(tsp.AuthorityOptions{Key: own.Key, Chain: own.Chain, Now: func() time.Time { return time.Now().Add(-10 * time.Minute) }})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(tsa)
	t.Cleanup(server.Close)
	anchors = filepath.Join(t.TempDir(), "tsa.pem")
	if err := os.WriteFile(anchors, issuer.AnchorsPEM(), 0o600); err != nil {
		t.Fatal(err)
	}
	return []string{server.URL}, anchors
}
