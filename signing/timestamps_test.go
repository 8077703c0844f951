package signing_test

import (
	"crypto/sha256"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/signing"
	"github.com/lienthong/lienthong/signing/pki"
	"github.com/lienthong/lienthong/signing/trust"
	"github.com/lienthong/lienthong/signing/tsp"
)

// TestOwnTimestamps: the hub's own authority keeps its key, and its tokens convince who
// was given its root and nobody else.
func TestOwnTimestamps(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "key")
	clock := func() time.Time { return now }
	key, chain, err := signing.LoadOrCreateTSAKey(dir, "hub", now)
	if err != nil {
		t.Fatal(err)
	}
	if _, again, err := signing.LoadOrCreateTSAKey(dir, "other", now.AddDate(1, 0, 0)); err != nil || len(again) != 2 || !again[0].Equal(chain[0]) {
		t.Fatalf("the second start made another key: %v", err)
	}
	own, err := signing.OwnTimestamps(key, chain, clock)
	if err != nil {
		t.Fatal(err)
	}
	content := []byte("a checkpoint")
	token, err := own.Timestamp(t.Context(), sha256.Sum256(content))
	if err != nil || !token.Time.Equal(now) {
		t.Fatalf("%v, %v", token.Time, err)
	}
	trusting := signing.NewVerifier(signing.VerifierOptions{Anchors: trust.NewAnchors(chain[1]), Now: clock})
	if at, err := trusting.Timestamp(token.DER, content); err != nil || !at.Equal(now) {
		t.Errorf("for who has the root: %v, %v", at, err)
	}
	if _, err := trusting.Timestamp(token.DER, []byte("another")); hub.KindOf(err) != hub.KindUntrusted {
		t.Errorf("over other bytes: %v", err)
	}
	strange := signing.NewVerifier(signing.VerifierOptions{Now: clock})
	if _, err := strange.Timestamp(token.DER, content); hub.KindOf(err) != hub.KindUntrusted {
		t.Errorf("for who trusts nobody: %v", err)
	}
}

// TestTimestampsOfOthers: authorities are asked in order, and one that the anchors do not
// know is none.
func TestTimestampsOfOthers(t *testing.T) {
	serve := func() (string, *pki.Authority) {
		t.Helper()
		authority, err := pki.New(now, pki.P256)
		if err != nil {
			t.Fatal(err)
		}
		id, err := authority.TimestampAuthority("TSA", pki.P256)
		if err != nil {
			t.Fatal(err)
		}
		made, err := tsp.NewAuthority(tsp.AuthorityOptions{Key: id.Key, Chain: id.Chain, Now: func() time.Time { return now }})
		if err != nil {
			t.Fatal(err)
		}
		server := httptest.NewServer(made)
		t.Cleanup(server.Close)
		return server.URL, authority
	}
	stranger, _ := serve()
	good, authority := serve()
	gone := httptest.NewServer(nil)
	gone.Close()
	anchors := trust.NewAnchors(authority.Root().Certificate())
	clock := func() time.Time { return now }
	list, err := signing.NewTimestamps([]string{gone.URL, stranger, good}, anchors, clock)
	if err != nil {
		t.Fatal(err)
	}
	if token, err := list.Timestamp(t.Context(), hub.Digest{1}); err != nil || "http://"+token.Authority != good {
		t.Errorf("%q, %v", token.Authority, err)
	}
	if list, err = signing.NewTimestamps([]string{gone.URL, stranger}, anchors, clock); err != nil {
		t.Fatal(err)
	}
	_, err = list.Timestamp(t.Context(), hub.Digest{1})
	if hub.KindOf(err) != hub.KindUnavailable || !strings.Contains(err.Error(), "refused") || !strings.Contains(err.Error(), strings.TrimPrefix(stranger, "http://")) {
		t.Errorf("nobody counts: %v", err)
	}
	for _, address := range []string{"", "tsa.example", "ftp://tsa.example", "http://user:secret@tsa.example"} {
		if _, err := signing.NewTimestamps([]string{address}, anchors, clock); hub.KindOf(err) != hub.KindInvalid {
			t.Errorf("%q: %v", address, err)
		}
	}
}
