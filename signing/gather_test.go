package signing

import (
	"crypto"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/signing/jose"
)

// slowKey signs when it is told to, and counts.
type slowKey struct {
	crypto.Signer
	asked chan struct{}
	leave chan error // what each signature waits for; an error refuses it
	panic bool
}

func (k *slowKey) Sign(random io.Reader, digest []byte, o crypto.SignerOpts) ([]byte, error) {
	k.asked <- struct{}{}
	if err := <-k.leave; err != nil {
		return nil, err
	}
	if k.panic {
		panic("the key broke")
	}
	return k.Signer.Sign(random, digest, o)
}

func slowSealer(t *testing.T) (*Sealer, *slowKey) {
	t.Helper()
	key, chain, err := LoadOrCreateHubKey(filepath.Join(t.TempDir(), "key"), "Trục thử nghiệm", time.Now())
	if err != nil {
		t.Fatal(err)
	}
	slow := &slowKey{Signer: key, asked: make(chan struct{}, 100), leave: make(chan error)}
	sealer, err := NewSealer(slow, chain)
	if err != nil {
		t.Fatal(err)
	}
	return sealer, slow
}

// outcome is what a call of SealEvidence gave.
type outcome struct {
	sealed []hub.SealedEvidence
	err    error
}

// sealAtOnce makes one call that signs and so many calls that wait behind it, of some
// evidences each.
func sealAtOnce(t *testing.T, s *Sealer, key *slowKey, calls, each int) []outcome {
	t.Helper()
	outcomes := make([]outcome, 1+calls)
	var group sync.WaitGroup
	seal := func(i, n int) {
		group.Go(func() {
			drafts := make([]hub.Evidence, n)
			for j := range drafts {
				drafts[j] = hub.Evidence{ID: hub.EvidenceID(fmt.Sprintf("e-%d-%d", i, j)), Event: hub.EventContentConsignment, Time: time.Unix(int64(i), 0).UTC()}
			}
			defer func() {
				if recover() != nil {
					outcomes[i].err = errors.New("panic")
				}
			}()
			outcomes[i].sealed, outcomes[i].err = s.SealEvidence(t.Context(), drafts...)
		})
	}
	seal(0, 1)
	<-key.asked
	for i := range calls {
		seal(1+i, each)
	}
	for waiting := 0; waiting < calls; runtime.Gosched() {
		s.queue.mu.Lock()
		waiting = len(s.queue.waiting)
		s.queue.mu.Unlock()
	}
	close(key.leave)
	group.Wait()
	return outcomes
}

// Acts that wait while a key signs share the next signature, and each of their
// evidences verifies alone.
func TestActsThatWaitShareASignature(t *testing.T) {
	sealer, key := slowSealer(t)
	for i, o := range sealAtOnce(t, sealer, key, 20, 3) {
		if o.err != nil {
			t.Fatal(o.err)
		}
		for j := range o.sealed {
			e := &o.sealed[j]
			if want := hub.EvidenceID(fmt.Sprintf("e-%d-%d", i, j)); e.Evidence.ID != want || jose.InBatch(e.JWS) != (i > 0) {
				t.Errorf("%s is %s, in a batch: %v", want, e.Evidence.ID, jose.InBatch(e.JWS))
			}
			if _, err := jose.VerifyDetached(e.JWS, e.Canonical); err != nil {
				t.Errorf("%s: %v", e.Evidence.ID, err)
			}
		}
	}
	if n := 1 + len(key.asked); n != 2 {
		t.Errorf("%d signatures for 21 acts, want 2", n)
	}
}

// What does not fit into one batch takes the next; an act is never divided.
func TestNoMoreThanABatchAtOnce(t *testing.T) {
	sealer, key := slowSealer(t)
	for _, o := range sealAtOnce(t, sealer, key, 3, jose.MaxBatch/2-1) {
		if o.err != nil {
			t.Fatal(o.err)
		}
		for _, e := range []hub.SealedEvidence{o.sealed[0], o.sealed[len(o.sealed)-1]} {
			if _, err := jose.VerifyDetached(e.JWS, e.Canonical); err != nil {
				t.Error(err)
			}
		}
	}
	if n := 1 + len(key.asked); n != 3 {
		t.Errorf("%d signatures, want 3", n)
	}
}

// A key that breaks leaves nobody waiting, and gives nobody a seal.
func TestAKeyThatBreaksLeavesNobodyWaiting(t *testing.T) {
	sealer, key := slowSealer(t)
	key.panic = true
	for i, o := range sealAtOnce(t, sealer, key, 5, 2) {
		if o.err == nil || o.sealed != nil {
			t.Errorf("act %d: %v", i, o.sealed)
		}
	}
}

// An evidence follows another of the same call, and only one that is there.
func TestAnEvidenceFollowsAnother(t *testing.T) {
	sealer, key := slowSealer(t)
	close(key.leave)
	first := hub.Evidence{ID: "first", Event: hub.EventSubmissionAcceptance}
	next := hub.Evidence{ID: "next", Event: hub.EventContentConsignment, Prev: &hub.EvidenceRef{ID: "first"}}
	sealed, err := sealer.SealEvidence(t.Context(), first, next)
	if err != nil || *sealed[1].Evidence.Prev != sealed[0].Ref() || next.Prev.SHA256 != (hub.Digest{}) {
		t.Errorf("%+v, %v", sealed, err)
	}
	if _, err := sealer.SealEvidence(t.Context(), next, first); hub.KindOf(err) != hub.KindInternal {
		t.Errorf("an evidence that follows nothing: %v", err)
	}
}
