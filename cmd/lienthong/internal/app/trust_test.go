package app

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/hub/audit"
	"github.com/lienthong/lienthong/signing"
	"github.com/lienthong/lienthong/signing/jose"
	"github.com/lienthong/lienthong/signing/pki"
	"github.com/lienthong/lienthong/signing/trust"
)

// noteBook keeps notes in memory.
type noteBook struct {
	notes []hub.LogNote // newest first
	away  bool
}

func (b *noteBook) AddLogNote(_ context.Context, note hub.LogNote) error {
	if b.away {
		return hub.Errorf(hub.KindUnavailable, "", "", "the database is away")
	}
	b.notes = append([]hub.LogNote{note}, b.notes...)
	return nil
}

func (b *noteBook) LogNotes(_ context.Context, _ hub.LogNoteKind, limit int) ([]hub.LogNote, error) {
	return b.notes[:min(limit, len(b.notes))], nil
}

// TestTrustIsReadAgain: what the operator changes counts without a restart and after the
// log has a note of it; what is damaged, goes back, or can't be noted changes nothing.
func TestTrustIsReadAgain(t *testing.T) {
	t.Parallel()
	now := time.Now()
	authority, err := pki.New(now, pki.P256)
	if err != nil {
		t.Fatal(err)
	}
	operator, err := authority.Agency("operator", pki.P256)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := jose.NewSigner(operator.Key, operator.Chain[:1])
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	file := filepath.Join(dir, "trust.json")
	clock := now
	put := func(path string, data []byte) {
		t.Helper()
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		clock = clock.Add(time.Second) // two writes in one tick of the file system differ, too
		if err := os.Chtimes(path, clock, clock); err != nil {
			t.Fatal(err)
		}
	}
	list := func(sequence int64, anchors ...pki.Identity) []byte {
		t.Helper()
		l := trust.List{Sequence: sequence}
		for _, a := range anchors {
			l.Add(a.Certificate(), time.Time{}, time.Time{}, "test", trust.ForSigning)
		}
		data, err := l.Seal(signer, now)
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	put(file, list(1))
	a := &App{log: slog.New(slog.DiscardHandler), config: Config{TrustSettings: TrustSettings{
		Anchors: file, TrustSigner: trust.Fingerprint(operator.Certificate()), Mirror: dir + "/mirror",
	}}}
	book := &noteBook{}
	a.noted.Log, a.services.notes = "key", &audit.Notes{Store: book, Now: time.Now, NewID: newID}
	if err := os.Mkdir(dir+"/mirror", 0o700); err != nil {
		t.Fatal(err)
	}
	if a.services.verifier, err = a.newVerifier(signing.VerifierOptions{Now: time.Now}); err != nil {
		t.Fatal(err)
	}
	source := func(wantError bool) string {
		t.Helper()
		if err := a.refreshTrust(t.Context()); (err != nil) != wantError {
			t.Fatalf("refresh: %v", err)
		}
		return a.services.verifier.AnchorSource()
	}
	first := source(false)
	put(file, list(2, authority.Root()))
	second := source(false)
	if first == second {
		t.Errorf("still %s", second)
	}
	put(file, []byte("{}"))
	if now := source(true); now != second {
		t.Errorf("a damaged list changed trust to %s", now)
	}
	if len(book.notes) != 1 || !strings.Contains(string(book.notes[0].Body), `"trust_list":2`) {
		t.Errorf("notes of the second list: %s", book.notes)
	}
	put(file, list(1))
	if now := source(true); now != second {
		t.Errorf("an older list changed trust to %s", now)
	}
	put(file, list(3, authority.Root(), authority.Issuing()))
	book.away = true
	if now := source(true); now != second {
		t.Errorf("a list that could not be noted changed trust to %s", now)
	}
	book.away = false
	third := source(false)
	if len(book.notes) != 2 || !strings.Contains(string(book.notes[0].Body), `"trust_list":3`) {
		t.Errorf("notes of the third list: %s", book.notes)
	}
	put(dir+"/mirror/bad.crl", []byte("half a list"))
	if now := source(true); third == second || now != third {
		t.Errorf("%s, then %s, then %s", second, third, now)
	}
}
