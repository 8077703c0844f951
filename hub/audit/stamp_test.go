package audit

import (
	"context"
	"crypto/sha256"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lienthong/lienthong/hub"
)

// stamps is a store of time-stamped checkpoints and the authority that makes them.
type stamps struct {
	shards []hub.LogShard
	kept   []hub.LogStamp
	mu     sync.Mutex // guards away and asked, where a stamper runs beside its test
	away   error
	asked  int
	reads  int
}

func (s *stamps) LogShards(context.Context) ([]hub.LogShard, error) {
	return slices.Clone(s.shards), nil
}

func (s *stamps) LogStamps(_ context.Context, origin string, size int64, limit int) ([]hub.LogStamp, error) {
	s.reads++
	var found []hub.LogStamp
	for _, k := range s.kept {
		if k.Origin == origin && k.Size >= size {
			found = append(found, k)
		}
	}
	slices.SortFunc(found, func(a, b hub.LogStamp) int { return int(a.Size - b.Size) })
	return found[:min(limit, len(found))], nil
}

func (s *stamps) AddLogStamp(_ context.Context, stamp hub.LogStamp) error {
	s.kept = append(s.kept, stamp)
	return nil
}

func (s *stamps) Timestamp(_ context.Context, digest hub.Digest) (hub.TimeToken, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked++
	return hub.TimeToken{DER: digest[:], Time: time.Now().Truncate(time.Second)}, s.away
}

// grow publishes a checkpoint of the newest shard.
func (s *stamps) grow(size int64) {
	shard := &s.shards[len(s.shards)-1]
	shard.Head = hub.LogHead{Origin: shard.Origin, Size: size, Note: []byte("head"), At: time.Now()}
}

func (s *stamps) stamper(quorum bool) *Stamper {
	return NewStamper(StamperOptions{Store: s, Authority: s, Every: time.Hour, Quorum: quorum, Now: time.Now, Log: slog.New(slog.DiscardHandler)})
}

func (s *stamps) expect(t *testing.T, what string, sizes ...int64) {
	t.Helper()
	var got []int64
	for _, k := range s.kept {
		got = append(got, k.Size)
	}
	if !slices.Equal(got, sizes) {
		t.Fatalf("%s: there are tokens over the sizes %v, want %v", what, got, sizes)
	}
}

// TestWhenTheLogIsStamped: at once, hourly while it grows, behind the end of a day, at the
// end of a year, and never twice for the same.
func TestWhenTheLogIsStamped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // the clock begins at midnight of 2000-01-01
		s := &stamps{shards: []hub.LogShard{{Origin: "o/2000"}}}
		run := s.stamper(false)
		step := func() {
			t.Helper()
			if err := run.Step(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		step()
		s.expect(t, "an empty log")
		s.grow(3)
		step()
		s.expect(t, "the first entries", 3)
		if want := sha256.Sum256([]byte("head")); string(s.kept[0].Token) != string(want[:]) {
			t.Error("the token is not over the SHA-256 of the note")
		}
		s.grow(5)
		time.Sleep(59 * time.Minute)
		step()
		s.expect(t, "within the hour", 3)
		time.Sleep(time.Minute)
		step()
		step()
		s.expect(t, "an hour later", 3, 5)
		time.Sleep(30 * time.Hour)
		step()
		s.expect(t, "while nothing is new", 3, 5)
		time.Sleep(17*time.Hour + 50*time.Minute) // 22:50
		s.grow(6)
		step()
		time.Sleep(40 * time.Minute)
		s.grow(7)
		step()
		s.expect(t, "before midnight", 3, 5, 6)
		time.Sleep(30*time.Minute + time.Second)
		step()
		s.expect(t, "behind the end of the day", 3, 5, 6, 7)
		s.grow(9)
		s.shards = append(s.shards, hub.LogShard{Origin: "o/2001"})
		run = s.stamper(false) // another node
		step()
		s.expect(t, "the last of a year", 3, 5, 6, 7, 9)
		if s.asked != len(s.kept) {
			t.Errorf("%d tokens were asked for, %d are kept", s.asked, len(s.kept))
		}
	})
}

// TestStampsWaitForWitnesses, and not for long.
func TestStampsWaitForWitnesses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &stamps{shards: []hub.LogShard{{Origin: "o/2000"}}}
		run := s.stamper(true)
		step := func() {
			if err := run.Step(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		s.grow(3)
		step()
		s.expect(t, "without a quorum")
		s.shards[0].Witnessed = hub.LogHead{Origin: "o/2000", Size: 3, Note: []byte("cosigned")}
		step()
		s.expect(t, "with it", 3)
		if string(s.kept[0].Note) != "cosigned" {
			t.Error("the note is the one without cosignatures")
		}
		time.Sleep(time.Hour)
		s.grow(5)
		s.shards[0].Witnessed.Size = 4
		step()
		s.expect(t, "a quorum over less", 3, 4)
		time.Sleep(time.Hour)
		s.grow(6)
		time.Sleep(witnessPatience)
		step()
		s.expect(t, "a quorum that does not come", 3, 4, 6)
		if string(s.kept[2].Note) != "head" {
			t.Error("the note is not the newest")
		}
	})
}

// TestAnAuthorityThatIsAway is told, asked less and less often, and asked again.
func TestAnAuthorityThatIsAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &stamps{shards: []hub.LogShard{{Origin: "o/2000"}}, away: hub.Errorf(hub.KindUnavailable, "tsa", "no_token", "away")}
		run := s.stamper(false)
		s.grow(3)
		ctx, end := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { run.Run(ctx); close(done) }()
		time.Sleep(time.Hour)
		synctest.Wait()
		s.mu.Lock()
		if run.Fault() == nil || s.asked < 8 || s.asked > 25 {
			t.Errorf("after an hour: %v, asked %d times", run.Fault(), s.asked)
		}
		s.away = nil
		s.mu.Unlock()
		time.Sleep(longestPause)
		synctest.Wait()
		s.expect(t, "when it is back", 3)
		if err := run.Fault(); err != nil {
			t.Errorf("when it is back: %v", err)
		}
		end()
		<-done
	})
}

// TestTheLastStampIsFoundFast, however many there are.
func TestTheLastStampIsFoundFast(t *testing.T) {
	s := &stamps{}
	for i := range int64(3000) {
		s.kept = append(s.kept, hub.LogStamp{Origin: "o/2000", Size: 7 * i})
	}
	last, err := lastStamp(t.Context(), s, &hub.LogShard{Origin: "o/2000", Head: hub.LogHead{Size: 1 << 30}})
	if err != nil || last.Size != 7*2999 || s.reads > 64 {
		t.Errorf("found %d after %d reads, %v", last.Size, s.reads, err)
	}
}
