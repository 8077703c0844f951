package signing_test

import (
	"bytes"
	"context"
	"crypto"
	"errors"
	"io"
	"sync/atomic"
	"testing"
	"time"

	"codeberg.org/go-pdf/fpdf"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/signing"
	"github.com/lienthong/lienthong/signing/pdfsig"
	"github.com/lienthong/lienthong/signing/pki"
	"github.com/lienthong/lienthong/signing/token"
)

// socket holds a token that can be pulled out.
type socket struct {
	id     pki.Identity
	now    time.Time
	gone   atomic.Bool
	fault  error // what opening says while it is gone
	opened int
}

func (s *socket) open() (*token.Key, error) {
	s.opened++
	if s.gone.Load() {
		return nil, s.fault
	}
	return &token.Key{Signer: chip{s.id.Key, s}, Chain: s.id.Chain}, nil
}

type chip struct {
	crypto.Signer
	socket *socket
}

// Sign implements crypto.Signer.
func (c chip) Sign(random io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	if c.socket.gone.Load() {
		return nil, errors.New("the device was removed")
	}
	return c.Signer.Sign(random, digest, opts)
}

func newSocket(t *testing.T) *socket {
	t.Helper()
	authority, err := pki.New(time.Now(), pki.P256)
	if err != nil {
		t.Fatal(err)
	}
	id, err := authority.Agency("UBND tỉnh", pki.P256)
	if err != nil {
		t.Fatal(err)
	}
	return &socket{id: id, now: time.Now(), fault: token.ErrAway}
}

func sealOnce(t *testing.T, seals *signing.AgencySeals, at time.Time) error {
	t.Helper()
	page := fpdf.New("P", "mm", "A4", "")
	page.AddPage()
	var document bytes.Buffer
	if err := page.Output(&document); err != nil {
		t.Fatal(err)
	}
	_, err := seals.Seal(t.Context(), hub.SealOrder{Agency: "a", Role: hub.SealIssued, At: at}, bytes.NewReader(document.Bytes()), int64(document.Len()), io.Discard)
	return err
}

func expectAway(t *testing.T, err error, rule string) {
	t.Helper()
	v := hub.ViolationsOf(err)
	if len(v) != 1 || v[0].Kind != hub.KindUnavailable || v[0].Field != "agency" || v[0].Rule != rule {
		t.Errorf("got %v, want unavailable by %s", err, rule)
	}
}

// TestTokenComesBack: a token that is pulled out makes its seal unavailable, is left
// alone for a while, and seals again once it is back.
func TestTokenComesBack(t *testing.T) {
	s := newSocket(t)
	seals := signing.NewAgencySeals(func() time.Time { return s.now })
	s.gone.Store(true)
	if away, err := seals.Add("a", signing.SealOptions{Open: s.open, Level: pdfsig.LevelB}); !errors.Is(away, token.ErrAway) || err != nil || !seals.HasSeal("a") {
		t.Fatalf("away %v, %v", away, err)
	}
	s.gone.Store(false)
	for range 2 {
		if err := sealOnce(t, seals, s.now); err != nil {
			t.Fatal(err)
		}
	}
	s.gone.Store(true)
	expectAway(t, sealOnce(t, seals, s.now), "token")
	opened := s.opened
	for range 3 {
		expectAway(t, sealOnce(t, seals, s.now), "token")
	}
	if s.opened != opened {
		t.Errorf("a token that is away was asked %d times at once", s.opened-opened)
	}
	s.gone.Store(false)
	s.now = s.now.Add(time.Minute)
	if err := sealOnce(t, seals, s.now); err != nil {
		t.Error(err)
	}
	// A PIN that is refused is not tried again: the token would lock itself.
	s.gone.Store(true)
	expectAway(t, sealOnce(t, seals, s.now), "token")
	s.fault = token.ErrPIN
	for range 3 {
		s.now = s.now.Add(time.Minute)
		expectAway(t, sealOnce(t, seals, s.now), "token")
	}
	if s.opened != 4 {
		t.Errorf("opened %d times, want 4: at the start, before the first seal, when it came back, and with the PIN that was refused", s.opened)
	}
	if err := seals.Close(); err != nil {
		t.Error(err)
	}
	expectAway(t, sealOnce(t, seals, s.now), "token")
}

func TestSealNeedsWhatItsLevelNeeds(t *testing.T) {
	s := newSocket(t)
	broken := errors.New("http://clock.internal is away")
	stamp := func(context.Context, []byte) ([]byte, error) { return nil, broken }
	seals := signing.NewAgencySeals(func() time.Time { return s.now })
	if _, err := seals.Add("a", signing.SealOptions{Open: s.open, Level: pdfsig.LevelT, Stamp: stamp}); err != nil {
		t.Fatal(err)
	}
	expectAway(t, sealOnce(t, seals, s.now), "timestamp")
	err := sealOnce(t, seals, s.now.AddDate(30, 0, 0))
	if v := hub.ViolationsOf(err); len(v) != 1 || v[0].Kind != hub.KindConflict || v[0].Rule != "certificate" {
		t.Errorf("with a certificate that has ended: %v", err)
	}
	s.gone.Store(true)
	s.fault = token.ErrPIN
	if away, err := seals.Add("b", signing.SealOptions{Open: s.open}); away != nil || !errors.Is(err, token.ErrPIN) || seals.HasSeal("b") {
		t.Errorf("a wrong PIN: %v, %v", away, err)
	}
}
