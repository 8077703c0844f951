package audit

import (
	"context"
	"time"

	"github.com/lienthong/lienthong/hub"
)

// UnprovenStore knows what was recorded and how far the log proves it.
type UnprovenStore interface {
	LogShards(ctx context.Context) ([]hub.LogShard, error)
	LogStamps(ctx context.Context, origin string, size int64, limit int) ([]hub.LogStamp, error)
	LogEntries(ctx context.Context, origin string, from int64, limit int) ([]hub.LogEntry, error)
	Unsequenced(ctx context.Context, mark hub.LogMark, limit int) (hub.LogIntake, error)
}

// Unproven tells how long the oldest entry waits that no time-stamp covers, or no quorum
// of witnesses. It reads the store alone, so that every node of a hub says the same,
// also after a start. It is not safe for concurrent use.
type Unproven struct {
	Store UnprovenStore
	Now   func() time.Time

	stamped map[string]int64 // sizes of the newest stamps, as far as seen
}

// SinceStamp returns for how long something waits for a time-stamp; 0 when nothing does.
func (u *Unproven) SinceStamp(ctx context.Context) (time.Duration, error) {
	return u.since(ctx, func(shard *hub.LogShard) (int64, error) {
		if u.stamped == nil {
			u.stamped = map[string]int64{}
		}
		known := u.stamped[shard.Origin]
		newer, err := u.Store.LogStamps(ctx, shard.Origin, known+1, 1)
		if err != nil || len(newer) == 0 {
			return known, err
		}
		last, err := lastStamp(ctx, u.Store, shard)
		if err == nil {
			u.stamped[shard.Origin] = last.Size
		}
		return last.Size, err
	})
}

// SinceRecorded returns for how long something waits for its place in the log; 0 when
// nothing does.
func (u *Unproven) SinceRecorded(ctx context.Context) (time.Duration, error) {
	return u.since(ctx, func(shard *hub.LogShard) (int64, error) { return shard.Size, nil })
}

// SinceQuorum returns for how long something waits for its witnesses; 0 when nothing does.
func (u *Unproven) SinceQuorum(ctx context.Context) (time.Duration, error) {
	return u.since(ctx, func(shard *hub.LogShard) (int64, error) { return shard.Witnessed.Size, nil })
}

// since finds the oldest entry that is not covered: in the shards, oldest first, then
// among what has no index yet.
func (u *Unproven) since(ctx context.Context, covered func(shard *hub.LogShard) (int64, error)) (time.Duration, error) {
	shards, err := u.Store.LogShards(ctx)
	if err != nil {
		return 0, err
	}
	mark := hub.LogMark("")
	for i := range shards {
		size, err := covered(&shards[i])
		if err != nil {
			return 0, err
		}
		mark = shards[i].Mark
		// The first entry of a shard may be the link to the one before, without a time.
		entries, err := u.Store.LogEntries(ctx, shards[i].Origin, size, 2)
		if err != nil {
			return 0, err
		}
		for j := range entries {
			leaf, err := ParseLeaf(entries[j].Data)
			if err != nil {
				return 0, err
			}
			if leaf.Type != leafPrevious {
				return u.age(leaf.Time), nil
			}
		}
	}
	intake, err := u.Store.Unsequenced(ctx, mark, 1)
	if err != nil || len(intake.Sources) == 0 {
		return 0, err
	}
	at, err := timeOf(&intake.Sources[0])
	return u.age(at), err
}

// timeOf is when something was recorded, as its leaf will say.
func timeOf(s *hub.LogSource) (time.Time, error) {
	if s.Note != nil {
		return s.Note.Time, nil
	}
	about, err := readAbout(s.Canonical)
	return about.Time, err
}

func (u *Unproven) age(at time.Time) time.Duration { return max(0, u.Now().Sub(at)) }
