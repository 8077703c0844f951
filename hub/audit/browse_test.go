package audit

import (
	"context"
	"fmt"
	"testing"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/lienthong/lienthong/hub"
)

// TestClimb: in trees of every shape, the hashes lead from each entry to the root.
func TestClimb(t *testing.T) {
	var stored []tlog.Hash
	hashes := tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) {
		found := make([]tlog.Hash, len(indexes))
		for i, at := range indexes {
			found[i] = stored[at]
		}
		return found, nil
	})
	for size := int64(1); size <= 70; size++ {
		more, err := tlog.StoredHashes(size-1, fmt.Append(nil, size-1), hashes)
		if err != nil {
			t.Fatal(err)
		}
		stored = append(stored, more...)
		root, err := tlog.TreeHash(size, hashes)
		if err != nil {
			t.Fatal(err)
		}
		for index := range size {
			proof, err := tlog.ProveRecord(size, index, hashes)
			if err != nil {
				t.Fatal(err)
			}
			last := hub.Digest(tlog.RecordHash(fmt.Append(nil, index)))
			steps := climb(last, index, size, digests(proof))
			if len(steps) > 0 {
				last = steps[len(steps)-1].Node
			}
			if last != hub.Digest(root) || len(steps) != len(proof) {
				t.Fatalf("entry %d of %d: %d steps lead to %s", index, size, len(steps), last)
			}
		}
	}
}

// places answers for shards alone.
type places struct {
	PlaceStore
	*memory
}

func (p places) LogShards(context.Context) ([]hub.LogShard, error) { return p.shards, nil }

// TestCompareNamesAFork: a tree that the log signed and does not grow from is named, as is
// one that is larger than the log of now; a true beginning is proved.
func TestCompareNamesAFork(t *testing.T) {
	m, other := newMemory(), newMemory()
	m.record(40)
	other.record(40)
	other.sources[3].JWS += "x"
	now := at(2026)
	l, twin := newTestLog(m, now), newTestLog(other, now)
	if err := grow(l); err != nil {
		t.Fatal(err)
	}
	if err := grow(twin); err != nil {
		t.Fatal(err)
	}
	early := m.shards[0].Head.Note
	forked := other.shards[0].Head.Note
	m.record(300)
	if err := grow(l); err != nil {
		t.Fatal(err)
	}
	late := m.shards[0].Head.Note
	policy := testPolicy(t)
	b := &Browser{Reader: &Reader{Store: places{memory: m}, Tiles: m}, Store: m, Policy: func() (*Policy, error) { return policy, nil }}
	auditor := hub.Actor{Scopes: []hub.Scope{hub.ScopeAudit}}

	growth, err := b.Compare(t.Context(), auditor, early)
	if err != nil || growth.Kept.Size != 40 || growth.Now.Size != 340 || len(growth.Proof) == 0 {
		t.Errorf("the beginning: %+v, %v", growth, err)
	}
	if _, err := b.Compare(t.Context(), auditor, late); err != nil {
		t.Errorf("the log of now: %v", err)
	}
	rule := func(name string, kept []byte, want string) {
		t.Helper()
		_, err := b.Compare(t.Context(), auditor, kept)
		if got := hub.ViolationsOf(err); len(got) != 1 || got[0].Rule != want {
			t.Errorf("%s: %v", name, err)
		}
	}
	rule("another history", forked, "consistency")
	rule("a signature of nobody", append([]byte("x"), early...), "signature")
	b.Reader.Store = places{memory: other}
	b.Reader.Tiles = other
	rule("a log that shrank", late, "consistency")
	if _, err := b.Compare(t.Context(), hub.Actor{}, early); hub.KindOf(err) != hub.KindDenied {
		t.Errorf("somebody else: %v", err)
	}
}

// TestEntriesPage: pages of entries meet without a gap and end at the first.
func TestEntriesPage(t *testing.T) {
	m := newMemory()
	m.record(7)
	if err := grow(newTestLog(m, at(2026))); err != nil {
		t.Fatal(err)
	}
	b := &Browser{Reader: &Reader{Store: places{memory: m}, Tiles: m}, Store: m}
	auditor := hub.Actor{Scopes: []hub.Scope{hub.ScopeAudit}}
	var seen []int64
	for below := int64(0); ; {
		lines, err := b.Entries(t.Context(), auditor, "2026", below, 3)
		if err != nil {
			t.Fatal(err)
		}
		for _, l := range lines {
			seen = append(seen, l.Index)
		}
		if below = seen[len(seen)-1]; below == 0 {
			break
		}
	}
	if fmt.Sprint(seen) != "[6 5 4 3 2 1 0]" {
		t.Errorf("the pages show %v", seen)
	}
	if _, err := b.Entries(t.Context(), auditor, "1999", 0, 3); hub.KindOf(err) != hub.KindNotFound {
		t.Errorf("a year without a log: %v", err)
	}
	if _, err := b.Entries(t.Context(), hub.Actor{Scopes: []hub.Scope{hub.ScopeOperate}}, "2026", 0, 3); hub.KindOf(err) != hub.KindDenied {
		t.Errorf("somebody else: %v", err)
	}
}
