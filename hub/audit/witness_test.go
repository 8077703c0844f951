package audit

import (
	"context"
	"crypto/ed25519"
	"errors"
	"log/slog"
	"math"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/lienthong/lienthong/hub"
)

// sight is what a witness remembers, in memory.
type sight struct {
	mu    sync.Mutex
	notes map[string][]byte
	forks []hub.LogFork
	fail  error
}

func (s *sight) Seen(_ context.Context, origin string) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if n, ok := s.notes[origin]; ok {
		return n, nil
	}
	return nil, hub.Errorf(hub.KindNotFound, "log", "", "nothing seen")
}

func (s *sight) Keep(_ context.Context, origin string, signed []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fail == nil {
		s.notes[origin] = signed
	}
	return s.fail
}

func (s *sight) KeepFork(_ context.Context, f hub.LogFork) error {
	s.forks = append(s.forks, f)
	return nil
}

func (s *sight) Forks(context.Context, string) ([]hub.LogFork, error) { return s.forks, nil }

// grownLog is a log that tests ask witnesses about: any tree of any size, forked or not.
type grownLog struct {
	origin string
	key    ed25519.PrivateKey
	hashes map[string][]tlog.Hash // stored hashes, by history
}

func newGrownLog() *grownLog {
	return &grownLog{origin: "hub/evidence/2026", key: ed25519.NewKeyFromSeed(make([]byte, 32)), hashes: map[string][]tlog.Hash{}}
}

// at returns the reader of a history that differs from the honest one from an entry on.
func (l *grownLog) at(forkedFrom, size int64) tlog.HashReader {
	var stored []tlog.Hash
	reader := tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) {
		out := make([]tlog.Hash, len(indexes))
		for i, x := range indexes {
			out[i] = stored[x]
		}
		return out, nil
	})
	for i := range size {
		data := []byte{byte(i), byte(i >> 8)}
		if i >= forkedFrom {
			data = append(data, 'x')
		}
		added, err := tlog.StoredHashes(i, data, reader)
		if err != nil {
			panic(err)
		}
		stored = append(stored, added...)
	}
	return reader
}

const honest = 1 << 30

// update returns what the log tells a witness, in a history that forks at an entry.
func (l *grownLog) update(t *testing.T, forkedFrom, old, size int64) hub.CheckpointUpdate {
	t.Helper()
	reader := l.at(forkedFrom, size)
	root, err := tlog.TreeHash(size, reader)
	if err != nil {
		t.Fatal(err)
	}
	c := Checkpoint{Origin: l.origin, Size: size, Root: hub.Digest(root)}
	signed, err := note.Sign(&note.Note{Text: c.text()}, &signer{name: l.origin, keyType: typeEd25519, key: l.key})
	if err != nil {
		t.Fatal(err)
	}
	u := hub.CheckpointUpdate{Old: old, Note: signed}
	if old > 0 && old < size {
		proof, err := tlog.ProveTree(size, old, reader)
		if err != nil {
			t.Fatal(err)
		}
		u.Proof = digests(proof)
	}
	return u
}

// endless is the checkpoint of a tree as large as a number can say, signed by the log, with
// hashes enough for it.
func (l *grownLog) endless(t *testing.T, old int64) hub.CheckpointUpdate {
	t.Helper()
	c := Checkpoint{Origin: l.origin, Size: math.MaxInt64}
	signed, err := note.Sign(&note.Note{Text: c.text()}, &signer{name: l.origin, keyType: typeEd25519, key: l.key})
	if err != nil {
		t.Fatal(err)
	}
	return hub.CheckpointUpdate{Old: old, Note: signed, Proof: make([]hub.Digest, 63)}
}

func newTestWitness(t *testing.T, s *sight, seed byte, logs ...string) *Witness {
	t.Helper()
	key := ed25519.NewKeyFromSeed(append(make([]byte, 31), seed))
	w, err := NewWitness(WitnessOptions{
		Name: "w" + string('0'+rune(seed)), Key: key, Logs: logs, Store: s, Now: func() time.Time { return *at(2026) }, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func newSight() *sight { return &sight{notes: map[string][]byte{}} }

func ruleOf(err error) string {
	if err == nil {
		return ""
	}
	return hub.ViolationsOf(err)[0].Rule
}

// TestWitness walks through the answers of the protocol (c2sp.org/tlog-witness).
func TestWitness(t *testing.T) {
	l, s := newGrownLog(), newSight()
	vkey := VerifierKey(l.origin, l.key.Public().(ed25519.PublicKey))
	w := newTestWitness(t, s, 1, vkey, vkey)
	for _, step := range []struct {
		name   string
		update hub.CheckpointUpdate
		rule   string
		seen   int64
	}{
		{"the first", l.update(t, honest, 0, 5), "", 5},
		{"again", l.update(t, honest, 5, 5), "", 5},
		{"larger", l.update(t, honest, 5, 13), "", 13},
		{"as if nothing was seen", l.update(t, honest, 0, 20), "old_size", 13},
		{"from too far", l.update(t, honest, 14, 20), "old_size", 13},
		{"back", l.update(t, honest, 5, 7), "old_size", 13},
		{"an old size above the new one", l.update(t, honest, 21, 20), "size", 13},
		{"another history of that size", l.update(t, 10, 13, 13), "fork", 13},
		{"the same from elsewhere", l.update(t, 10, 0, 13), "fork", 13},
		{"another history that is larger", l.update(t, 10, 13, 30), "consistency", 13},
		{"no proof", func() hub.CheckpointUpdate { u := l.update(t, honest, 13, 20); u.Proof = nil; return u }(), "consistency", 13},
		{"a proof where none belongs", func() hub.CheckpointUpdate {
			u := l.update(t, honest, 13, 13)
			u.Proof = []hub.Digest{{}}
			return u
		}(), "consistency", 13},
		{"on", l.update(t, honest, 13, 300), "", 300},
	} {
		lines, err := w.AddCheckpoint(t.Context(), step.update)
		if ruleOf(err) != step.rule {
			t.Fatalf("%s: %v, want the rule %q", step.name, err, step.rule)
		}
		var stale *hub.StaleSize
		if errors.As(err, &stale) && stale.Size != step.seen {
			t.Errorf("%s: the witness says that it has seen %d", step.name, stale.Size)
		}
		views, err := w.Views(t.Context())
		if err != nil || views[0].Size != step.seen || !views[0].Time.Equal(at(2026).Truncate(time.Second)) {
			t.Fatalf("%s: seen is %+v, %v", step.name, views, err)
		}
		if step.rule != "" {
			continue
		}
		policy, err := ParsePolicy([]byte("log " + vkey + "\nwitness w1 " + w.VerifierKey() + "\nquorum w1\n"))
		if err != nil {
			t.Fatal(err)
		}
		if got, err := policy.Open(append(step.update.Note, lines...)); err != nil || !got.Quorum {
			t.Errorf("%s: the cosignature does not count: %v", step.name, err)
		}
	}
	if _, err := w.AddCheckpoint(t.Context(), hub.CheckpointUpdate{Note: []byte("else\n1\nAAAA\n\n— else AAAA\n")}); ruleOf(err) != "origin" {
		t.Errorf("an unknown log: %v", err)
	}
	if _, err := w.AddCheckpoint(t.Context(), l.endless(t, 300)); ruleOf(err) != "size" {
		t.Errorf("a tree without an end: %v", err)
	}
	forged := l.update(t, honest, 300, 301)
	forged.Note = []byte(strings.Replace(string(forged.Note), "\n301\n", "\n302\n", 1))
	if _, err := w.AddCheckpoint(t.Context(), forged); ruleOf(err) != "signature" {
		t.Errorf("a forged checkpoint: %v", err)
	}
	proven := 0
	for _, f := range s.forks {
		if f.Proven {
			proven++
			if c, err := checkpointOf(f.Seen); err != nil || c.Size != 13 {
				t.Errorf("a fork is kept beside %d, %v", c.Size, err)
			}
		}
	}
	if len(s.forks) != 5 || proven != 3 {
		t.Errorf("%d refusals are kept, %d are proofs of a fork; want 5 and 3", len(s.forks), proven)
	}
}

// TestWitnessAnswersAfterItIsDurable: what could not be kept is not cosigned.
func TestWitnessAnswersAfterItIsDurable(t *testing.T) {
	l, s := newGrownLog(), newSight()
	w := newTestWitness(t, s, 1, VerifierKey(l.origin, l.key.Public().(ed25519.PublicKey)))
	s.fail = errors.New("disk")
	if lines, err := w.AddCheckpoint(t.Context(), l.update(t, honest, 0, 5)); err == nil || lines != nil {
		t.Errorf("%q, %v", lines, err)
	}
}

// TestTwoAtOnce: of many requests that begin with the same tree one wins, and never two
// histories.
func TestTwoAtOnce(t *testing.T) {
	l, s := newGrownLog(), newSight()
	w := newTestWitness(t, s, 1, VerifierKey(l.origin, l.key.Public().(ed25519.PublicKey)))
	var all sync.WaitGroup
	var mu sync.Mutex
	won := 0
	for i := range int64(24) {
		u := l.update(t, 5+i, 0, 40) // 24 histories of one size
		all.Go(func() {
			if _, err := w.AddCheckpoint(t.Context(), u); err == nil {
				mu.Lock()
				won++
				mu.Unlock()
			}
		})
	}
	all.Wait()
	if won != 1 || len(s.forks) != 23 {
		t.Errorf("%d of 24 histories were cosigned, %d forks are kept", won, len(s.forks))
	}
}
