package signing_test

import (
	"errors"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/signing"
	"github.com/lienthong/lienthong/signing/jose"
)

var now = time.Date(2026, 11, 23, 3, 0, 0, 0, time.UTC)

func TestHubKeyIsMadeOnceAndKept(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "keys")
	_, first, err := signing.LoadOrCreateHubKey(dir, "Trục thử nghiệm", now)
	if err != nil {
		t.Fatal(err)
	}
	_, second, err := signing.LoadOrCreateHubKey(dir, "another name", now.AddDate(1, 0, 0))
	if err != nil {
		t.Fatal(err)
	}
	if !first[0].Equal(second[0]) {
		t.Error("the second start made another key")
	}
	if got := first[0].Subject.CommonName; got != "Trục thử nghiệm" {
		t.Errorf("common name %q", got)
	}
	for path, want := range map[string]os.FileMode{dir: 0o700, filepath.Join(dir, "hub.pem"): 0o600} {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm() != want {
			t.Errorf("%s has mode %v, want %v", path, info.Mode().Perm(), want)
		}
	}
	left, err := os.ReadDir(dir)
	if err != nil || len(left) != 1 {
		t.Errorf("the folder holds %v, %v; want the key alone", left, err)
	}
}

func TestHubKeyMadeByManyAtOnceIsOne(t *testing.T) {
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	const starters = 8
	serials := make([]string, starters)
	var group sync.WaitGroup
	for i := range starters {
		group.Go(func() {
			_, chain, err := signing.LoadOrCreateHubKey(dir, "hub", now)
			if err != nil {
				t.Error(err)
				return
			}
			serials[i] = chain[0].SerialNumber.Text(16)
		})
	}
	group.Wait()
	for _, serial := range serials {
		if serial != serials[0] {
			t.Fatalf("different keys: %v", serials)
		}
	}
}

func TestHubKeyOpenToOthersIsRefused(t *testing.T) {
	for _, open := range []string{"folder", "file"} {
		t.Run(open, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "keys")
			if _, _, err := signing.LoadOrCreateHubKey(dir, "hub", now); err != nil {
				t.Fatal(err)
			}
			path, mode := dir, os.FileMode(0o755)
			if open == "file" {
				path, mode = filepath.Join(dir, "hub.pem"), 0o640
			}
			if err := os.Chmod(path, mode); err != nil {
				t.Fatal(err)
			}
			_, _, err := signing.LoadOrCreateHubKey(dir, "hub", now)
			var refusal *hub.Error
			if !errors.As(err, &refusal) || refusal.Kind != hub.KindDenied || refusal.Rule != "permissions" {
				t.Fatalf("got %v, want a refusal because of permissions", err)
			}
		})
	}
}

func TestDamagedHubKeyIsNotReplaced(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "keys")
	if _, _, err := signing.LoadOrCreateHubKey(dir, "hub", now); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "hub.pem")
	if err := os.WriteFile(path, []byte("not a key"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, _, err := signing.LoadOrCreateHubKey(dir, "hub", now); err == nil || hub.KindOf(err) != hub.KindInvalid {
		t.Fatalf("got %v, want an error of kind invalid", err)
	}
	if data, _ := os.ReadFile(path); string(data) != "not a key" {
		t.Error("the damaged file was overwritten")
	}
}

func TestSealEvidence(t *testing.T) {
	key, chain, err := signing.LoadOrCreateHubKey(filepath.Join(t.TempDir(), "keys"), "hub", now)
	if err != nil {
		t.Fatal(err)
	}
	sealer, err := signing.NewSealer(key, chain)
	if err != nil {
		t.Fatal(err)
	}
	evidence := hub.Evidence{
		Version: hub.EvidenceVersion, Profile: hub.EvidenceProfile, ID: "0199",
		Event: hub.EventSubmissionAcceptance, Time: now,
		Issuer: hub.Party{ID: "hub", Name: "Trục <thử> & nghiệm"},
	}
	list, err := sealer.SealEvidence(t.Context(), evidence)
	if err != nil {
		t.Fatal(err)
	}
	sealed := list[0]
	if !jose.IsCanonical(sealed.Canonical) {
		t.Errorf("not canonical: %s", sealed.Canonical)
	}
	signature, err := jose.VerifyDetached(sealed.JWS, sealed.Canonical)
	if err != nil {
		t.Fatal(err)
	}
	if !signature.Claimed.Equal(now) || !signature.Chain[0].Equal(chain[0]) {
		t.Errorf("claimed %v by %v", signature.Claimed, signature.Chain[0].Subject)
	}
	again, err := sealer.SealEvidence(t.Context(), evidence)
	if err != nil || again[0].Digest != sealed.Digest {
		t.Errorf("the same evidence has another digest, %v", err)
	}
}
