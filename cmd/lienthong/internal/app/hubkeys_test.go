package app_test

import (
	"bytes"
	"encoding/json"
	"encoding/pem"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lienthong/lienthong/cmd/lienthong/internal/app"
	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/hub/hubtest/server"
	"github.com/lienthong/lienthong/signing"
	"github.com/lienthong/lienthong/signing/trust"
)

// accepted submits a document and returns the receipt of its acceptance.
func (h *testHub) accepted(t *testing.T, key, id string) hub.SealedEvidence {
	t.Helper()
	done, err := h.client(t, key).Submit(t.Context(), submission(id), original("nội dung "+id), nil)
	if err != nil {
		t.Fatal(err)
	}
	return done.Receipt
}

// published are the certificates that the hub shows.
func (h *testHub) published(t *testing.T) []byte {
	t.Helper()
	text, err := os.ReadFile(h.config.CertificateFile())
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// verifies requires of receipts that they verify with the certificates that the hub
// shows, and returns who signed each.
func (h *testHub) verifies(t *testing.T, receipts ...hub.SealedEvidence) []string {
	t.Helper()
	anchors, err := trust.LoadAnchors(h.published(t))
	if err != nil {
		t.Fatal(err)
	}
	verifier := signing.NewVerifier(signing.VerifierOptions{Anchors: anchors, Now: time.Now})
	var signers []string
	for i := range receipts {
		_, report, err := verifier.VerifyReceipt(hub.MarshalReceipt(receipts[i]), time.Time{})
		if err != nil || report.Indication != hub.TotalPassed {
			t.Fatalf("receipt %d: %v %+v", i, err, report)
		}
		header, _, _ := strings.Cut(receipts[i].JWS, ".")
		signers = append(signers, header[len(header)-60:]) // the thumbprint of the certificate
	}
	return signers
}

// awaitCertificates waits until the hub shows so many certificates.
func (h *testHub) awaitCertificates(t *testing.T, n int) {
	t.Helper()
	for deadline := time.Now().Add(server.Patience); bytes.Count(h.published(t), []byte("BEGIN CERTIFICATE")) != n; time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("the hub shows\n%s", h.published(t))
		}
	}
}

// keyList reads and changes the list of evidence keys.
func keyList(t *testing.T, path string, change func(keys []map[string]any) []map[string]any) {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var list struct {
		Keys []map[string]any `json:"keys"`
	}
	if err := json.Unmarshal(raw, &list); err != nil {
		t.Fatal(err)
	}
	list.Keys = change(list.Keys)
	if raw, err = json.Marshal(list); err != nil {
		t.Fatal(err)
	}
	next := path + ".next"
	if err := os.WriteFile(next, raw, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(next, path); err != nil {
		t.Fatal(err)
	}
}

// TestHubKeyRotation: the next key is shown before its turn, takes it while the hub
// works, and leaves all that was signed before as good as it was.
func TestHubKeyRotation(t *testing.T) {
	t.Parallel()
	h := start(t, configIn(t.TempDir()))
	key, _ := h.enroll(t)
	before := h.accepted(t, key, "before")
	if _, err := app.RotateHubKey(&h.config, app.HubKeySource{}, time.Now().Add(time.Second)); hub.KindOf(err) != hub.KindInvalid {
		t.Errorf("a turn that other nodes cannot know of: %v", err)
	}
	if _, err := app.RotateHubKey(&h.config, app.HubKeySource{Key: filepath.Join(h.config.DataDir, "key", "hub.pem")}, time.Now().AddDate(30, 0, 0)); len(hub.ViolationsOf(err)) != 1 || hub.ViolationsOf(err)[0].Rule != "validity" {
		t.Errorf("a turn that begins after the certificate has ended: %v", err)
	}
	next, err := app.RotateHubKey(&h.config, app.HubKeySource{}, time.Now().Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := app.RotateHubKey(&h.config, app.HubKeySource{}, time.Now().Add(2*time.Hour)); hub.KindOf(err) != hub.KindConflict {
		t.Errorf("a second one while the first waits: %v", err)
	}
	h.awaitCertificates(t, 2)
	overlap := h.accepted(t, key, "overlap")
	if by := h.verifies(t, before, overlap); by[0] != by[1] {
		t.Error("the next key signs before its turn")
	}
	// The hour passes.
	keyList(t, next.List, func(keys []map[string]any) []map[string]any {
		keys[1]["from"] = time.Now().Add(-time.Second).UTC().Format(time.RFC3339)
		return keys
	})
	old := h.verifies(t, before)[0]
	after := before
	for end := time.Now().Add(server.Patience); h.verifies(t, after)[0] == old; {
		after = h.accepted(t, key, "after "+time.Now().String())
		if time.Sleep(100 * time.Millisecond); time.Now().After(end) {
			t.Fatal("the next key never signs")
		}
	}
	h.verifies(t, before, overlap, after)
	if err := h.stop(); err != nil {
		t.Fatal(err)
	}

	files, err := h.config.Files(true)
	if err != nil {
		t.Fatal(err)
	}
	elsewhere := configIn(t.TempDir())
	var names []string
	for _, f := range files {
		names = append(names, f.Name)
		if err := elsewhere.KeepFile(f); err != nil {
			t.Error(err)
		}
	}
	if !slices.Contains(names, "hub-keys.json") || len(names) < 6 {
		t.Errorf("a backup holds %v", names)
	}
	if got, err := os.ReadFile(filepath.Join(elsewhere.DataDir, "key", "hub-keys.json")); err != nil || len(got) == 0 {
		t.Errorf("after a restore: %v", err)
	}

	// The old key is destroyed; its certificate stays.
	first := bytes.SplitAfter(h.published(t), []byte("END CERTIFICATE-----\n"))[0]
	if err := os.WriteFile(filepath.Join(h.config.DataDir, "key", "hub-first.pem"), first, 0o600); err != nil {
		t.Fatal(err)
	}
	keyList(t, next.List, func(keys []map[string]any) []map[string]any {
		return append(keys[1:], map[string]any{"chain": []string{"hub-first.pem"}})
	})
	if err := os.Remove(filepath.Join(h.config.DataDir, "key", "hub.pem")); err != nil {
		t.Fatal(err)
	}
	h = start(t, h.config)
	if by := h.verifies(t, before, overlap, after, h.accepted(t, key, "last")); by[3] != by[2] || by[0] == by[2] {
		t.Errorf("signed by %v", by)
	}
}

// TestNodesRotateTogether: a node takes its turn from the list that all have, and one
// that has another key for it does not start.
func TestNodesRotateTogether(t *testing.T) {
	t.Parallel()
	database := server.PostgreSQL(t).Database(t)
	seed := start(t, configIn(t.TempDir()))
	if err := seed.stop(); err != nil {
		t.Fatal(err)
	}
	next, err := app.RotateHubKey(&seed.config, app.HubKeySource{}, time.Now().Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	node := func() app.Config {
		c := configIn(t.TempDir())
		c.Database, c.DatabaseConnections = database, 4
		c.HubKeysFile, c.LogKeyFile = next.List, filepath.Join(seed.config.DataDir, "key", "log.pem")
		return c
	}
	a, b := start(t, node()), start(t, node())
	if string(a.published(t)) != string(b.published(t)) || bytes.Count(a.published(t), []byte("BEGIN")) != 2 {
		t.Error("the nodes show other certificates")
	}
	other, err := signing.MakeHubKey(filepath.Dir(next.List), "test", time.Now().Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	keyList(t, next.List, func(keys []map[string]any) []map[string]any {
		keys[1]["key"] = other
		return keys
	})
	stranger, err := app.New(t.Context(), node(), "test", slog.New(slog.DiscardHandler))
	if err == nil {
		_ = stranger.Close()
	}
	if v := hub.ViolationsOf(err); len(v) != 1 || v[0].Rule != "hub_key" || v[0].Kind != hub.KindConflict {
		t.Errorf("a node with another next key: %v", err)
	}
}

// TestHubKeysRefuses: what is wrong with a list is said with its place.
func TestHubKeysRefuses(t *testing.T) {
	t.Parallel()
	h := start(t, configIn(t.TempDir()))
	if err := h.stop(); err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(h.config.DataDir, "key")
	certificate, rest := pem.Decode(h.published(t))
	if certificate == nil || len(rest) > 0 {
		t.Fatal("no certificate")
	}
	for list, want := range map[string]string{
		`{`:             "hub-keys-file [json]",
		`{"keys":[]}`:   "hub-keys-file [required]",
		`{"keys":[{}]}`: "hub-keys[0].key [required]",
		`{"keys":[{"key":"hub.pem"},{"key":"hub.pem"}]}`:      "hub-keys[1].from [order]",
		`{"keys":[{"key":"none.pem"}]}`:                       "hub-keys[0].key [file]",
		`{"keys":[{"key":"hub.pem","pin":"1"}]}`:              "hub-keys-file [json]",
		`{"keys":[{"key":"pkcs11:token=x;object=y"}]}`:        "hub-keys[0].key [pkcs11_uri]",
		`{"keys":[{"key":"hub.pem"},{"chain":["none.pem"]}]}`: "hub-keys[1].chain [file]",
		`{"keys":[{"key":"hub.pem"}]} {}`:                     "hub-keys-file [json]",
	} {
		config := h.config
		config.HubKeysFile = filepath.Join(dir, "list.json")
		if err := os.WriteFile(config.HubKeysFile, []byte(list), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := config.Check(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %s", list, err, want)
		}
	}
}

// opened is a hub that was opened and does not run, with what closes it.
func opened(t *testing.T, config app.Config) (a *app.App, closeIt func()) {
	t.Helper()
	a, err := app.New(t.Context(), config, "test", slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	closeIt = sync.OnceFunc(func() {
		if err := a.Close(); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(closeIt)
	return a, closeIt
}

// TestAListThatIsGone: a list that cannot be used changes nothing of what a running hub
// signs with and shows, and is taken when it can.
func TestAListThatIsGone(t *testing.T) {
	t.Parallel()
	h := start(t, configIn(t.TempDir()))
	if err := h.stop(); err != nil {
		t.Fatal(err)
	}
	next, err := app.RotateHubKey(&h.config, app.HubKeySource{}, time.Now().Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	a, closeIt := opened(t, h.config)
	before := string(h.published(t))
	list, err := os.ReadFile(next.List)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(next.List); err != nil {
		t.Fatal(err)
	}
	if err := a.RefreshKeys(t.Context()); hub.KindOf(err) != hub.KindInvalid || string(h.published(t)) != before {
		t.Errorf("without its list: %v", err)
	}
	for content, ok := range map[string]bool{"{": false, string(list): true} {
		if err := os.WriteFile(next.List, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := a.RefreshKeys(t.Context()); (err == nil) != ok || string(h.published(t)) != before {
			t.Errorf("with the list %q: %v", content, err)
		}
	}

	// The next start does not go back to the first key, or make another one.
	closeIt()
	for _, path := range []string{next.List, filepath.Join(h.config.DataDir, "key", "hub.pem")} {
		if err := os.Rename(path, path+".away"); err != nil {
			t.Fatal(err)
		}
		again, err := app.New(t.Context(), h.config, "test", slog.New(slog.DiscardHandler))
		if err == nil {
			_ = again.Close()
		}
		if v := hub.ViolationsOf(err); len(v) != 1 || v[0].Rule != "gone" || string(h.published(t)) != before {
			t.Errorf("a start without %s: %v", path, err)
		}
	}
	if _, err := os.Stat(filepath.Join(h.config.DataDir, "key", "hub.pem")); err == nil {
		t.Error("another key was made")
	}
}
