package audit

import (
	"context"
	"crypto/sha256"
	"log/slog"
	"sync"
	"time"

	"github.com/lienthong/lienthong/hub"
)

// StampStore keeps time-stamped checkpoints.
type StampStore interface {
	LogShards(ctx context.Context) ([]hub.LogShard, error)
	// LogStamps lists time-stamped checkpoints from a size on, smallest first.
	LogStamps(ctx context.Context, origin string, size int64, limit int) ([]hub.LogStamp, error)
	// AddLogStamp is durable when it returns. What is there stays.
	AddLogStamp(ctx context.Context, stamp hub.LogStamp) error
}

// TimeAuthority gives time-stamp tokens (RFC 3161).
type TimeAuthority interface {
	// Timestamp returns a token over a SHA-256 digest. Its errors may pass.
	Timestamp(ctx context.Context, digest hub.Digest) (hub.TimeToken, error)
}

// StamperOptions are what a Stamper needs; all fields but Took are required.
type StamperOptions struct {
	Store     StampStore
	Authority TimeAuthority
	Every     time.Duration // between two tokens while the log grows
	Quorum    bool          // checkpoints wait a while for their witnesses
	Now       func() time.Time
	Log       *slog.Logger
	Took      func(token hub.TimeToken, err error) // each answer of the authority, for who counts; may be nil
}

// How a Stamper goes about its work.
const (
	firstPause   = time.Second
	longestPause = 5 * time.Minute
	// witnessPatience is how long a checkpoint waits for its cosignatures before it gets
	// its token without them: when it was there must not hang on who saw it.
	witnessPatience = time.Minute
)

// Stamper lets time-stamp authorities say when a checkpoint was there, and with it
// everything that the log held: at least once in each span of Every while the log grows,
// once more behind the end of each day (UTC), and for the last checkpoint of a year. The
// token is over the SHA-256 of the signed note, with its cosignatures where a quorum
// gave them.
//
// An authority that is away stops nothing: the checkpoints wait, the fault says so, and
// it is asked again with growing pauses. One node at a time runs it, the one that lets
// the log grow; should two, there are tokens to spare.
type Stamper struct {
	StamperOptions

	last map[string]stampedAt // the newest of each shard, as far as it was looked for

	mu    sync.Mutex // guards fault
	fault error
}

// stampedAt is how far a shard is stamped, and since when by the clock of this node: that
// of an authority that is wrong must not decide when it is asked again.
type stampedAt struct {
	size int64
	time time.Time
}

// NewStamper returns a stamper. It does nothing before Run.
func NewStamper(o StamperOptions) *Stamper {
	return &Stamper{StamperOptions: o, last: map[string]stampedAt{}}
}

// Run stamps until ctx ends.
func (s *Stamper) Run(ctx context.Context) {
	defer s.setFault(nil) // from here on it is another's
	clear(s.last)         // another node may have stamped since
	look := min(max(s.Every/10, 200*time.Millisecond), 10*time.Second)
	pause := firstPause
	for wait := time.Duration(0); ; {
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait):
		}
		err := s.Step(ctx)
		if ctx.Err() != nil {
			return
		}
		s.setFault(err)
		if err == nil {
			wait, pause = look, firstPause
			continue
		}
		s.Log.WarnContext(ctx, "the log gets no time-stamp; it will be tried again", "error", err, "after", pause)
		wait, pause = pause, min(2*pause, longestPause)
	}
}

// Step stamps what is due now. One authority that fails is asked no more in this step.
func (s *Stamper) Step(ctx context.Context) error {
	shards, err := s.Store.LogShards(ctx)
	if err != nil {
		return err
	}
	for i := range shards {
		last, known := s.last[shards[i].Origin]
		if !known {
			newest, err := lastStamp(ctx, s.Store, &shards[i])
			if err != nil {
				return err
			}
			if last.size = newest.Size; newest.Time.Before(s.Now()) {
				last.time = newest.Time
			}
			s.last[shards[i].Origin] = last
		}
		if head, due := s.due(&shards[i], i < len(shards)-1, last); due {
			if err := s.stamp(ctx, head); err != nil {
				return err
			}
		}
	}
	return nil
}

// due chooses the checkpoint of a shard that wants a token now, if one does.
func (s *Stamper) due(shard *hub.LogShard, ended bool, last stampedAt) (hub.LogHead, bool) {
	now, head := s.Now(), shard.Head
	switch {
	case head.Size <= last.size:
		return head, false
	case ended, now.Sub(last.time) >= s.Every, !sameDay(now, last.time):
	default:
		return head, false
	}
	if s.Quorum && shard.Witnessed.Size < head.Size && now.Sub(head.At) < witnessPatience {
		// The witnessed one is behind and covers something new all the same.
		return shard.Witnessed, shard.Witnessed.Size > last.size
	}
	if shard.Witnessed.Size == head.Size {
		return shard.Witnessed, true
	}
	return head, true
}

func sameDay(a, b time.Time) bool {
	return a.UTC().Format(time.DateOnly) == b.UTC().Format(time.DateOnly)
}

func (s *Stamper) stamp(ctx context.Context, head hub.LogHead) error {
	token, err := s.Authority.Timestamp(ctx, sha256.Sum256(head.Note))
	if s.Took != nil && ctx.Err() == nil {
		s.Took(token, err)
	}
	if err != nil {
		return err
	}
	stamp := hub.LogStamp{Origin: head.Origin, Size: head.Size, Note: head.Note, Token: token.DER, Time: token.Time}
	if err := s.Store.AddLogStamp(ctx, stamp); err != nil {
		return err
	}
	s.last[head.Origin] = stampedAt{stamp.Size, s.Now()}
	s.Log.InfoContext(ctx, "the log is time-stamped", "origin", head.Origin, "size", head.Size, "time", token.Time, "authority", token.Authority)
	return nil
}

// stampReader is what lastStamp reads.
type stampReader interface {
	LogStamps(ctx context.Context, origin string, size int64, limit int) ([]hub.LogStamp, error)
}

// lastStamp finds the newest token of a shard by its size, in few steps however many
// there are; the zero value where there is none.
func lastStamp(ctx context.Context, store stampReader, shard *hub.LogShard) (hub.LogStamp, error) {
	var last hub.LogStamp
	for low, high := int64(0), shard.Head.Size; low <= high; {
		middle := low + (high-low)/2
		found, err := store.LogStamps(ctx, shard.Origin, middle, 1)
		if err != nil {
			return last, err
		}
		if len(found) == 0 {
			high = middle - 1
			continue
		}
		last, low = found[0], found[0].Size+1
	}
	return last, nil
}

// Fault returns why checkpoints wait for their token, nil while none does.
func (s *Stamper) Fault() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.fault
}

func (s *Stamper) setFault(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fault = err
}
