package audit

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"fmt"
	"slices"
	"testing"
)

func testPolicy(t testing.TB, more ...string) *Policy {
	t.Helper()
	var text bytes.Buffer
	for _, year := range []string{"2026", "2027"} {
		fmt.Fprintf(&text, "log %s\n", VerifierKey("hub/evidence/"+year, testKey(1).Public().(ed25519.PublicKey)))
	}
	for _, line := range more {
		text.WriteString(line + "\n")
	}
	if len(more) == 0 {
		text.WriteString("quorum none\n")
	}
	p, err := ParsePolicy(text.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// replayed returns the rules that a replay found broken.
func replayed(t *testing.T, m *memory, r Replay, head []byte) []string {
	t.Helper()
	var rules []string
	r.Policy, r.Tiles = testPolicy(t), m
	r.Found = func(rule, _ string, _ ...any) { rules = append(rules, rule) }
	if _, err := r.Run(context.Background(), head); err != nil {
		rules = append(rules, "error")
	}
	slices.Sort(rules)
	return slices.Compact(rules)
}

// files are checkpoints that somebody kept.
func files(notes ...[]byte) []Kept {
	var kept []Kept
	for i, n := range notes {
		kept = append(kept, Kept{fmt.Sprint("file ", i), n})
	}
	return kept
}

// TestForks: what an operator may try with the log, and what an auditor calls it.
func TestForks(t *testing.T) {
	now := at(2026)
	built := func(forged int, sizes ...int) (*memory, [][]byte) {
		t.Helper()
		m := newMemory()
		var heads [][]byte
		for _, n := range sizes {
			m.record(n)
			if forged >= 0 && forged < len(m.sources) {
				m.sources[forged].JWS = "another signature"
			}
			if err := grow(newTestLog(m, now)); err != nil {
				t.Fatal(err)
			}
			heads = append(heads, m.shards[len(m.shards)-1].Head.Note)
		}
		return m, heads
	}
	honest, kept := built(-1, 300, 400, 100)
	forked, forkedHeads := built(5, 800)
	short, shortHeads := built(-1, 300)
	newest := kept[2]
	for name, c := range map[string]struct {
		m     *memory
		r     Replay
		head  []byte
		rules []string
	}{
		"an honest log":             {honest, Replay{Others: files(kept...)}, newest, nil},
		"an old checkpoint":         {honest, Replay{Others: files(kept...)}, kept[1], []string{"truncated"}},
		"a shorter log":             {short, Replay{Others: files(kept...)}, shortHeads[0], []string{"truncated"}},
		"another history":           {forked, Replay{Others: files(kept...)}, forkedHeads[0], []string{"fork"}},
		"a head of another history": {honest, Replay{}, forkedHeads[0], []string{"root"}},
		"not the year before":       {honest, Replay{Previous: kept[0]}, newest, []string{"link"}},
		"nonsense that was kept":    {honest, Replay{Others: files([]byte("x"))}, newest, []string{"checkpoint"}},
		"no signature":              {honest, Replay{}, []byte("hub/evidence/2026\n800\nAAAA\n\n"), []string{"error"}},
	} {
		c.r.Shard = "2026/"
		if got := replayed(t, c.m, c.r, c.head); !slices.Equal(got, c.rules) {
			t.Errorf("%s: found %v, want %v", name, got, c.rules)
		}
	}
	for name, change := range map[string]func(m *memory){
		"tile":  func(m *memory) { m.tiles["2026/tile/0/001"][40] ^= 1 },
		"leaf":  func(m *memory) { m.tiles["2026/tile/entries/001"][20] ^= 0x80 },
		"error": func(m *memory) { delete(m.tiles, "2026/tile/entries/002") },
	} {
		m, heads := built(-1, 800)
		change(m)
		if got := replayed(t, m, Replay{Shard: "2026/"}, heads[0]); !slices.Contains(got, name) {
			t.Errorf("a changed %s: found %v", name, got)
		}
	}
}

// TestReplayOfYears: each year begins with the last checkpoint of the one before.
func TestReplayOfYears(t *testing.T) {
	m := newMemory()
	for _, year := range []int{2026, 2027} {
		m.record(3)
		if err := grow(newTestLog(m, at(year))); err != nil {
			t.Fatal(err)
		}
	}
	previous := m.shards[0].Head.Note
	if got := replayed(t, m, Replay{Shard: "2027/", Previous: previous, Others: files(previous)}, m.shards[1].Head.Note); len(got) > 0 {
		t.Errorf("found %v", got)
	}
}

func TestPolicyRefuses(t *testing.T) {
	key := VerifierKey("l", testKey(1).Public().(ed25519.PublicKey))
	w1, w2 := WitnessKey("w1", testKey(2).Public().(ed25519.PublicKey)), WitnessKey("w2", testKey(3).Public().(ed25519.PublicKey))
	good := "# a policy\nlog " + key + "\twitness\n\nwitness one " + w1 + " https://w1.example/\nwitness two " + w2 + "\ngroup both 2 one two\nquorum both\n"
	if _, err := ParsePolicy([]byte(good)); err != nil {
		t.Fatal(err)
	}
	for _, bad := range []string{
		"", "log " + key, "quorum nobody", "quorum none\nquorum none", "log " + key + "\nlog " + key + "\nquorum none", "log " + w1 + "\nquorum none",
		"witness one " + key + "\nquorum none", "witness none " + w1 + "\nquorum none", "witness a " + w1 + "\nwitness b " + w1 + "\nquorum none",
		"witness a " + w1 + "\nwitness a " + w2 + "\nquorum a", "witness a " + w1 + "\ngroup g 2 a\nquorum g", "witness a " + w1 + "\ngroup g 0 a\nquorum g",
		"witness a " + w1 + "\ngroup g any a\ngroup h any a\nquorum h", "group g any a\nquorum g", "log " + key[:len(key)-4] + "\nquorum none",
		"log x+00000000+AAAA\nquorum none", "quorum none\x00", "quorum none\r\n", "nonsense", "log\nquorum none",
	} {
		if _, err := ParsePolicy([]byte(bad)); err == nil {
			t.Errorf("%q is taken for a policy", bad)
		}
	}
}

// FuzzPolicy: no text makes the reader of policies panic.
func FuzzPolicy(f *testing.F) {
	f.Add([]byte("log x+00000000+AAAA\nquorum none\n"))
	f.Fuzz(func(_ *testing.T, text []byte) { _, _ = ParsePolicy(text) })
}

// BenchmarkReplay measures what an auditor's machine does for one leaf.
func BenchmarkReplay(b *testing.B) {
	m := newMemory()
	m.record(100_000)
	if err := grow(newTestLog(m, at(2026))); err != nil {
		b.Fatal(err)
	}
	head, policy := m.shards[0].Head.Note, testPolicy(b)
	perCPU := leavesPerSecond(b, 100_000)
	for b.Loop() {
		r := Replay{Policy: policy, Tiles: m, Shard: "2026/", Found: func(rule, _ string, _ ...any) { b.Fatal(rule) }}
		if _, err := r.Run(context.Background(), head); err != nil {
			b.Fatal(err)
		}
	}
	perCPU()
}

// TestQuorumIsToldOnce: that witnesses have not seen a log is said of its first
// checkpoint, however often the replay goes on.
func TestQuorumIsToldOnce(t *testing.T) {
	m, now := newMemory(), at(2026)
	told := 0
	r := &Replay{Policy: testPolicy(t, "witness w1 "+WitnessKey("w1", testKey(11).Public().(ed25519.PublicKey)), "quorum w1"), Tiles: m, Shard: "2026/", Found: func(string, string, ...any) { told++ }}
	for range 3 {
		m.record(2)
		if err := grow(newTestLog(m, now)); err != nil {
			t.Fatal(err)
		}
		if _, err := r.Run(t.Context(), m.shards[0].Head.Note); err != nil {
			t.Fatal(err)
		}
	}
	if told != 1 {
		t.Errorf("told %d times", told)
	}
}
