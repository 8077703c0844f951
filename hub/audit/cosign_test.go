package audit

import (
	"context"
	"crypto/ed25519"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lienthong/lienthong/hub"
)

// WitnessLog makes memory a store of cosigned checkpoints.
func (m *memory) WitnessLog(_ context.Context, head hub.LogHead) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for i := range m.shards {
		if s := &m.shards[i]; s.Origin == head.Origin && head.Size <= s.Head.Size && head.Size >= s.Witnessed.Size {
			s.Witnessed = head
			return nil
		}
	}
	return hub.Errorf(hub.KindConflict, "log", "order", "not published")
}

func (m *memory) LogShards(context.Context) ([]hub.LogShard, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return append([]hub.LogShard(nil), m.shards...), nil
}

// circle are witnesses by address; some are away, hang, or say what is not theirs.
type circle struct {
	mu    sync.Mutex
	all   map[string]*Witness
	away  map[string]bool
	mute  map[string]bool
	liar  map[string]*Witness // who answers instead
	asked map[string]int
}

func (c *circle) AddCheckpoint(ctx context.Context, address string, u hub.CheckpointUpdate) ([]byte, error) {
	c.mu.Lock()
	c.asked[address]++
	away, mute, w := c.away[address], c.mute[address], c.all[address]
	if liar := c.liar[address]; liar != nil {
		w = liar
	}
	c.mu.Unlock()
	if mute {
		<-ctx.Done()
	}
	if away || mute {
		return nil, hub.Errorf(hub.KindUnavailable, "witness", "", "away")
	}
	return w.AddCheckpoint(ctx, u)
}

// witnessedHub is a log with three witnesses, two of which are a quorum.
type witnessedHub struct {
	*memory
	*circle
	log    *Log
	policy *Policy
	run    *Cosigner
}

func newWitnessedHub(t *testing.T) *witnessedHub {
	t.Helper()
	c := &witnessedHub{memory: newMemory(), circle: &circle{all: map[string]*Witness{}, away: map[string]bool{}, mute: map[string]bool{}, liar: map[string]*Witness{}, asked: map[string]int{}}}
	c.log = newTestLog(c.memory, at(2026))
	vkey := VerifierKey("hub/evidence/2026", c.log.Key.Public().(ed25519.PublicKey))
	text := "log " + vkey + "\n"
	for i := byte(1); i <= 3; i++ {
		w := newTestWitness(t, newSight(), i, vkey)
		address := fmt.Sprintf("https://w%d.example/", i)
		c.all[address] = w
		text += fmt.Sprintf("witness w%d %s %s\n", i, w.VerifierKey(), address)
	}
	var err error
	if c.policy, err = ParsePolicy([]byte(text + "group g 2 w1 w2 w3\nquorum g\n")); err != nil {
		t.Fatal(err)
	}
	if err := c.policy.CheckReachable(); err != nil {
		t.Fatal(err)
	}
	c.run = c.another()
	return c
}

func (c *witnessedHub) another() *Cosigner {
	return NewCosigner(CosignerOptions{Store: c.memory, Tiles: c.memory, Asker: c.circle, Policy: c.policy, Now: time.Now, Log: slog.New(slog.DiscardHandler)})
}

func (c *witnessedHub) grow(t *testing.T, n int) {
	t.Helper()
	c.record(n)
	if err := grow(c.log); err != nil {
		t.Fatal(err)
	}
}

// expect checks which size has a quorum, and by how many it was seen.
func (c *witnessedHub) expect(t *testing.T, what string, size int64, by int) {
	t.Helper()
	head := c.shards[0].Witnessed
	if head.Size != size {
		t.Fatalf("%s: %d entries have a quorum, want %d", what, head.Size, size)
	}
	if w, err := c.policy.Open(head.Note); err != nil || !w.Quorum || len(w.Cosignatures) != by || w.Checkpoint.Size != size {
		t.Errorf("%s: %+v, %v", what, w, err)
	}
}

// TestAskingForAQuorum: two of three are enough, whoever they are, and one is not; a witness that
// was away catches up, and so does a log that forgot where its witnesses are.
func TestAskingForAQuorum(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newWitnessedHub(t)
		step := func(rule string) {
			t.Helper()
			if err := c.run.Step(t.Context()); ruleOf(err) != rule {
				t.Fatalf("%v, want the rule %q", err, rule)
			}
		}
		c.grow(t, 5)
		step("")
		c.expect(t, "all are there", 5, 3)
		c.away["https://w1.example/"] = true
		c.grow(t, 300)
		step("")
		c.expect(t, "one is away", 305, 2)
		c.mute["https://w2.example/"] = true
		c.grow(t, 10)
		step("quorum")
		c.expect(t, "one is left", 305, 2)
		c.grow(t, 10) // the log goes on
		clear(c.away)
		clear(c.mute)
		time.Sleep(longestAbsent)
		step("")
		c.expect(t, "all are back", 325, 3)
		c.run = c.another() // another node
		c.shards[0].Witnessed = hub.LogHead{}
		step("")
		c.expect(t, "after a start", 325, 3)
	})
}

// TestWitnessesThatAreAwayAreAskedLess.
func TestWitnessesThatAreAwayAreAskedLess(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newWitnessedHub(t)
		c.grow(t, 5)
		c.away["https://w1.example/"], c.away["https://w2.example/"] = true, true
		ctx, end := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { c.run.Run(ctx); close(done) }()
		time.Sleep(time.Hour)
		synctest.Wait()
		if n := c.asked["https://w1.example/"]; n < 30 || n > 80 || c.run.Fault() == nil {
			t.Errorf("asked %d times in an hour, fault %v", n, c.run.Fault())
		}
		c.circle.mu.Lock()
		clear(c.away)
		c.circle.mu.Unlock()
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		if err := c.run.Fault(); err != nil || c.shards[0].Witnessed.Size != 5 {
			t.Errorf("they are back: %v", err)
		}
		end()
		<-done
	})
}

// TestWrongCosignatures do not count: of another witness, or of one that the policy does
// not know.
func TestWrongCosignatures(t *testing.T) {
	c := newWitnessedHub(t)
	c.grow(t, 5)
	c.liar["https://w1.example/"] = c.all["https://w3.example/"]
	c.away["https://w2.example/"] = true
	if err := c.run.Step(t.Context()); ruleOf(err) != "quorum" || !strings.Contains(err.Error(), "not signed with its key") {
		t.Errorf("%v", err)
	}
}

// TestAForkedLogFindsNoWitness: a hub that was brought back from before, and goes on, is
// refused by everybody who saw what it has forgotten, and says so.
func TestAForkedLogFindsNoWitness(t *testing.T) {
	for name, recorded := range map[string]int{"smaller": 3, "of the same size": 20, "larger": 50} {
		t.Run(name, func(t *testing.T) {
			c := newWitnessedHub(t)
			c.grow(t, 7)
			if err := c.run.Step(t.Context()); err != nil {
				t.Fatal(err)
			}
			copied := newWitnessedHub(t)
			copied.circle = c.circle
			copied.run = copied.another()
			copied.grow(t, 7)
			c.grow(t, 20)
			if err := c.run.Step(t.Context()); err != nil {
				t.Fatal(err)
			}
			copied.sources = append(copied.sources, hub.LogSource{ID: "other", Note: &hub.LogNote{ID: "other", Kind: hub.LogNoteKey, Body: []byte("{}")}})
			copied.grow(t, recorded-1)
			if err := copied.run.Step(t.Context()); ruleOf(err) != "fork" {
				t.Errorf("the copy: %v", err)
			}
			if copied.shards[0].Witnessed.Size > 7 {
				t.Error("a witness cosigned the second history")
			}
			for address, w := range c.all {
				views, err := w.Views(t.Context())
				if err != nil || views[0].Size != 27 {
					t.Errorf("%s has seen %+v, %v", address, views, err)
				}
				if proven := len(views[0].Forks) > 0 && views[0].Forks[0].Proven; proven != (name != "smaller") {
					t.Errorf("%s: proven %v", address, proven)
				}
			}
		})
	}
}
