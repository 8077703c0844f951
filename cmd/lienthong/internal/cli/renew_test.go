package cli

import (
	"bytes"
	"context"
	"crypto"
	"crypto/sha256"
	"encoding/json"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/hub/audit"
	"github.com/lienthong/lienthong/signing"
	"github.com/lienthong/lienthong/signing/pki"
	"github.com/lienthong/lienthong/signing/tsp"
	"github.com/lienthong/lienthong/storage/sqlite"
)

// renewals are the stamps of a data folder with what renews them, and the notes of it.
func renewals(t *testing.T, dir string, do func(ctx context.Context, s *sqlite.Store)) {
	t.Helper()
	s, err := sqlite.Open(t.Context(), sqlite.Options{Path: filepath.Join(dir, "hub.db"), Fatal: func(err error) { panic(err) }})
	if err != nil {
		t.Fatal(err)
	}
	do(t.Context(), s)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

// authority answers at an address; its certificate ends two years after from.
func authority(t *testing.T, from time.Time) (*tsp.Authority, *pki.Authority, string) {
	t.Helper()
	ca, err := pki.New(from, pki.P256)
	if err != nil {
		t.Fatal(err)
	}
	id, err := ca.TimestampAuthority("Dấu thời gian", pki.P256)
	if err != nil {
		t.Fatal(err)
	}
	tsa, err := tsp.NewAuthority(tsp.AuthorityOptions{Key: id.Key, Chain: id.Chain, Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(tsa)
	t.Cleanup(server.Close)
	return tsa, ca, server.URL
}

// TestRenew: an operator renews by a second authority, once; one that is away is asked
// again later, and nothing is lost.
func TestRenew(t *testing.T) {
	dir := t.TempDir()
	first, firstCA, firstURL := authority(t, time.Now().AddDate(0, -20, 0)) // ends in four months
	_, secondCA, secondURL := authority(t, time.Now())
	stamp := hub.LogStamp{Origin: "o/evidence/2026", Size: 1, Note: []byte("o/evidence/2026\n1\nroot\n\n— o signature\n")}
	renewals(t, dir, func(ctx context.Context, s *sqlite.Store) {
		digest := sha256.Sum256(stamp.Note)
		token, err := first.Timestamp(crypto.SHA256, digest[:])
		if err != nil {
			t.Fatal(err)
		}
		stamp.Token, stamp.Time = token.Raw, token.Time.UTC()
		if err := s.AppendLog(ctx, 0, hub.LogBatch{Origin: stamp.Origin, Epoch: 1, Entries: []hub.LogEntry{{Source: "a", Data: []byte("a")}}}); err != nil {
			t.Fatal(err)
		}
		if err := s.AddLogStamp(ctx, stamp); err != nil {
			t.Fatal(err)
		}
	})
	run := func(ca *pki.Authority, tsa string, more ...string) (audit.RenewalSummary, int) {
		t.Helper()
		anchors := filepath.Join(t.TempDir(), "anchors.pem")
		if err := os.WriteFile(anchors, ca.AnchorsPEM(), 0o600); err != nil {
			t.Fatal(err)
		}
		var out, errs bytes.Buffer
		args := append([]string{"--json", "renew", "--data-dir", dir, "--tsa", tsa, "--tsa-anchors", anchors}, more...)
		code := Main(t.Context(), Environment{Args: args, Stdout: &out, Stderr: &errs})
		var s audit.RenewalSummary
		if err := json.Unmarshal(out.Bytes(), &s); err != nil {
			t.Fatalf("%v: %s%s", err, out.String(), errs.String())
		}
		return s, code
	}
	if s, code := run(secondCA, secondURL, "--months", "3"); code != exitOK || s.Stamps != 1 || s.Due != 0 {
		t.Errorf("before it is due: %d %+v", code, s)
	}
	if s, code := run(secondCA, secondURL, "--dry-run"); code != exitOK || s.Due != 1 || s.Renewed != 0 {
		t.Errorf("a dry run: %d %+v", code, s)
	}
	if s, code := run(firstCA, firstURL); code != exitFailed || s.Useless != 1 {
		t.Errorf("by the authority that ends: %d %+v", code, s)
	}
	if s, code := run(secondCA, "http://127.0.0.1:1/"); code != exitTryAgain || s.Due != 1 || s.Renewed != 0 {
		t.Errorf("an authority that is away: %d %+v", code, s)
	}
	if s, code := run(secondCA, firstURL); code != exitTryAgain || s.Renewed != 0 {
		t.Errorf("a token that leads elsewhere: %d %+v", code, s)
	}
	if s, code := run(secondCA, secondURL, "--hash", "SHA-512"); code != exitOK || s.Renewed != 1 {
		t.Errorf("in time: %d %+v", code, s)
	}
	if s, code := run(secondCA, secondURL); code != exitOK || s.Due != 0 {
		t.Errorf("again: %d %+v", code, s)
	}
	renewals(t, dir, func(ctx context.Context, s *sqlite.Store) {
		kept, err := s.LogRenewals(ctx, stamp.Origin, stamp.Size, stamp.Time)
		notes, failed := s.LogNotes(ctx, hub.LogNoteRenewal, 5)
		if err != nil || failed != nil || len(kept) != 1 || len(notes) != 1 {
			t.Fatalf("%d renewals, %d notes, %v, %v", len(kept), len(notes), err, failed)
		}
		if err := signing.NewTokens().Intact(kept[0].Token, append(bytes.Clone(stamp.Note), stamp.Token...)); err != nil {
			t.Error(err)
		}
		var fact audit.RenewalFact
		if err := json.Unmarshal(notes[0].Body, &fact); err != nil || fact.Hash != "SHA-512" || fact.Token != sha256.Sum256(kept[0].Token) {
			t.Errorf("the note says %+v, %v", fact, err)
		}
	})
}
