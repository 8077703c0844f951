package app_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/lienthong/lienthong/cmd/lienthong/internal/app"
	"github.com/lienthong/lienthong/cmd/lienthong/internal/engine"
	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/signing"
)

// safe is the folder of a hub that keeps secrets of every sort.
type safe struct {
	*testing.T
	config app.Config
	file   string
}

// sorts are what is sealed, with the words that it is bound to.
func sorts() map[string]string {
	return map[string]string{"key": "system s secret k1", "hook 1": "subscription sub", "hook 2": "subscription sub", "factor": "second factor of a"}
}

func (s *safe) open() engine.State {
	s.Helper()
	store, err := engine.OpenState(s.Context(), engine.Options{Settings: s.config.Settings, DataDir: s.config.DataDir, Name: s.config.Name, Log: slog.New(slog.DiscardHandler)})
	s.must(err)
	return store
}

func (s *safe) must(err error) {
	s.Helper()
	if err != nil {
		s.Fatal(err)
	}
}

func newSafe(t *testing.T) *safe {
	t.Helper()
	s := &safe{T: t, config: configIn(t.TempDir())}
	s.file = filepath.Join(s.config.DataDir, "key", "secrets.pem")
	s.must(os.MkdirAll(s.config.DataDir, 0o700))
	store := s.open()
	defer store.Close()
	seals := map[string][]byte{}
	vault := app.NewVault(&s.config, store)
	for name, about := range sorts() {
		var err error
		seals[name], err = vault.Seal(t.Context(), []byte(name), about)
		s.must(err)
	}
	now := time.Date(2026, 1, 5, 2, 0, 0, 0, time.UTC)
	s.must(store.AddKey(t.Context(), hub.APIKey{ID: "k0", Hash: sha256.Sum256([]byte("0")), Name: "no secret", Kind: hub.ActorSystem, Created: now}))
	s.must(store.AddKey(t.Context(), hub.APIKey{ID: "k1", Hash: sha256.Sum256([]byte("1")), Name: "s", System: "s", Kind: hub.ActorSystem, Created: now, Sealed: seals["key"]}))
	s.must(store.SaveSubscription(t.Context(), hub.Subscription{ID: "sub", Kind: hub.SubscriptionWebhook, Version: 1, Created: now, Secrets: []hub.SubscriptionSecret{{Sealed: seals["hook 1"]}, {Sealed: seals["hook 2"]}}}))
	s.must(store.SaveAccount(t.Context(), hub.Account{Name: "a", Version: 1, Created: now, TwoStep: true, SecondFactor: &hub.SecondFactor{Sealed: seals["factor"], Used: 7}}))
	return s
}

// sealed is what the stores hold now.
func (s *safe) sealed() map[string][]byte {
	s.Helper()
	store := s.open()
	defer store.Close()
	key, err := store.KeyByID(s.Context(), "k1")
	s.must(err)
	sub, err := store.Subscription(s.Context(), "sub")
	s.must(err)
	account, err := store.Account(s.Context(), "a")
	s.must(err)
	if !account.TwoStep || account.SecondFactor.Used != 7 || key.System != "s" {
		s.Errorf("something else changed: %+v, %+v", account, key)
	}
	return map[string][]byte{"key": key.Sealed, "hook 1": sub.Secrets[0].Sealed, "hook 2": sub.Secrets[1].Sealed, "factor": account.SecondFactor.Sealed}
}

// opens counts what a file of keys opens.
func (s *safe) opens(file string) int {
	s.Helper()
	vault, err := signing.LoadVault(file)
	s.must(err)
	n := 0
	for name, about := range sorts() {
		secret, err := vault.Open(s.sealed()[name], about)
		switch {
		case err == nil && string(secret) == name:
			n++
		case !errors.Is(err, signing.ErrOtherVault):
			s.Errorf("%s opens as %q, %v", name, secret, err)
		}
	}
	return n
}

func (s *safe) rotate() {
	s.Helper()
	_, err := app.RotateSecretsKey(&s.config, signing.WrappingKey{})
	s.must(err)
}

func (s *safe) reseal(ctx context.Context, forget bool, told func(int)) (app.Resealed, error) {
	return app.ResealSecrets(ctx, s.config, forget, told, slog.New(slog.DiscardHandler))
}

// TestResealSecrets: after a rotation every secret is sealed anew, whatever breaks off in
// between; then the key before opens nothing any more and can be destroyed.
func TestResealSecrets(t *testing.T) {
	t.Parallel()
	s := newSafe(t)
	old := filepath.Join(t.TempDir(), "old.pem")
	text, err := os.ReadFile(s.file)
	s.must(err)
	s.must(os.WriteFile(old, text, 0o400))
	s.rotate()
	for stop := 1; stop <= 2; stop++ {
		ctx, cancel := context.WithCancel(t.Context())
		if _, err := s.reseal(ctx, true, func(done int) {
			if done == stop {
				cancel()
			}
		}); !errors.Is(err, context.Canceled) {
			t.Errorf("stopped behind %d: %v", stop, err)
		}
		if n := s.opens(s.file); n != len(sorts()) {
			t.Errorf("stopped behind %d, only %d secrets open", stop, n)
		}
	}
	out, err := s.reseal(t.Context(), false, func(int) {})
	if err != nil || out.Secrets != 3 || out.Changed != 1 || len(out.Failed) != 0 || out.Keys != 2 || out.Forgotten != 0 {
		t.Errorf("what was left: %+v, %v", out, err)
	}
	if n, all := s.opens(old), s.opens(s.file); n != 0 || all != len(sorts()) {
		t.Errorf("the key before opens %d, all keys %d", n, all)
	}
	before := s.sealed()
	out, err = s.reseal(t.Context(), true, func(int) {})
	if err != nil || out.Changed != 0 || out.Keys != 1 || out.Forgotten != 1 || !bytes.Equal(before["key"], s.sealed()["key"]) {
		t.Errorf("once more: %+v, %v", out, err)
	}
	if n := s.opens(out.Before); n != len(sorts()) {
		t.Errorf("the file as it was opens %d", n)
	}
	text, err = os.ReadFile(s.file)
	if err != nil || bytes.Count(text, []byte("BEGIN")) != 1 || s.opens(s.file) != len(sorts()) {
		t.Errorf("the file is %s, %v", text, err)
	}
	store := s.open()
	defer store.Close()
	if _, err := app.NewVault(&s.config, store).Seal(t.Context(), []byte("x"), "it"); err != nil {
		t.Errorf("the hub is taken for another with the newest key alone: %v", err)
	}
	notes := notesOf(t, s.config.DataDir, hub.LogNoteOperator)
	if !slices.Contains(notes, `{"action":"secrets.reseal","actor":"local","what":{"forget":true}}`) {
		t.Errorf("the log says %q", notes)
	}
}

// TestResealFails: a secret that nobody can read is named and keeps the keys in the file;
// a hub that runs is left alone.
func TestResealFails(t *testing.T) {
	t.Parallel()
	s := newSafe(t)
	other := configIn(t.TempDir())
	foreign, err := app.NewVault(&other, agreed{}).Seal(t.Context(), []byte("x"), "system s secret k2")
	s.must(err)
	store := s.open()
	s.must(store.AddKey(t.Context(), hub.APIKey{ID: "k2", Hash: sha256.Sum256([]byte("2")), Name: "s", System: "s", Kind: hub.ActorSystem, Created: time.Now(), Sealed: foreign}))
	s.must(store.Close())
	s.rotate()
	out, err := s.reseal(t.Context(), true, func(int) {})
	if err != nil || out.Changed != 3 || len(out.Failed) != 1 || out.Failed[0].What != "secret k2 of system s" || out.Keys != 2 || out.Forgotten != 0 || s.opens(s.file) != len(sorts()) {
		t.Errorf("%+v, %v", out, err)
	}
	h := start(t, s.config)
	if _, err := s.reseal(t.Context(), true, func(int) {}); hub.KindOf(err) != hub.KindConflict {
		t.Errorf("while the hub runs: %v", err)
	}
	s.must(h.stop())
	empty := &safe{T: t, config: configIn(t.TempDir())}
	s.must(os.MkdirAll(filepath.Join(empty.config.DataDir, "key"), 0o700))
	if _, err := empty.reseal(t.Context(), false, func(int) {}); hub.KindOf(err) != hub.KindInvalid {
		t.Errorf("where there is no hub: %v", err)
	}
	s.must(empty.open().Close())
	if _, err := empty.reseal(t.Context(), false, func(int) {}); hub.KindOf(err) != hub.KindUnavailable {
		t.Errorf("without a key: %v", err)
	}
	empty.rotate()
	if out, err := empty.reseal(t.Context(), true, func(int) {}); hub.KindOf(err) != hub.KindConflict || out.Forgotten != 0 {
		t.Errorf("of a hub without secrets: %+v, %v", out, err)
	}
}
