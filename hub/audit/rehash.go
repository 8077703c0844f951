package audit

import (
	"context"
	"crypto"
	"crypto/sha256"
	"fmt"
	"slices"
	"time"

	"github.com/lienthong/lienthong/hub"
)

// RehashStore keeps shards that are hashed anew.
type RehashStore interface {
	// LogRehashes lists those of a shard, in order; the last may be unfinished.
	LogRehashes(ctx context.Context, origin string) ([]hub.LogRehash, error)
	// BeginLogRehash MUST refuse (KindConflict) a number that is not the next one behind
	// those that are finished. What was begun under it before is gone.
	BeginLogRehash(ctx context.Context, rehash hub.LogRehash) error
	// PutRehashTiles MUST keep tiles durably before it returns, in place of earlier ones,
	// and MUST refuse (KindConflict) those of a rehash that is finished.
	PutRehashTiles(ctx context.Context, origin string, number int, tiles []hub.RehashTile) error
	// RehashTile reads a tile; KindNotFound when there is none.
	RehashTile(ctx context.Context, origin string, number int, tree hub.RehashTree, level int, n int64) (hub.RehashTile, error)
	// StampLogRehash MUST keep the rehash with its next token, and the note, both or
	// nothing. A token that is not the next one is KindConflict.
	StampLogRehash(ctx context.Context, rehash hub.LogRehash, note hub.LogNote) error
}

// RehashSource shows what is hashed anew.
type RehashSource interface {
	LogShards(ctx context.Context) ([]hub.LogShard, error)
	// LogPage reads entries of a shard with what they are about, in order from an index on.
	LogPage(ctx context.Context, origin string, from int64, limit int) ([]hub.LogRow, error)
	LogStamps(ctx context.Context, origin string, size int64, limit int) ([]hub.LogStamp, error)
	LogRenewals(ctx context.Context, origin string, size int64, stamped time.Time) ([]hub.LogRenewal, error)
	DispatchItem(ctx context.Context, dispatch hub.DispatchID) (hub.SentItem, error)
}

// Contents opens originals.
type Contents interface {
	// OpenBlob answers KindNotFound when the content is absent.
	OpenBlob(ctx context.Context, digest hub.Digest) (hub.Blob, error)
}

// Rehasher hashes whole shards of the log anew by another digest, with the evidence that
// they are about and the content that is still kept, and has both new roots time-stamped
// (RFC 4998, 5.3). It promises: nothing is hashed anew before all entries up to the last
// time-stamped checkpoint lead to the roots of all of these, and all tokens are over what
// they must be over; nothing that is kept changes; what is finished has its note in the
// log. Memory does not grow with the log. Whatever interrupts it, the next run takes the full
// tiles that were kept, as far as their leaves are about what the log holds, and goes on.
type Rehasher struct {
	Store     RehashStore
	Source    RehashSource
	Contents  Contents
	Authority RenewalAuthority
	Tokens    Tokens
	Policy    *Policy // with the keys of the log
	Now       func() time.Time
	NewID     func() string
}

// RehashOrder says what to hash anew, and how.
type RehashOrder struct {
	Shard  string // name of one shard; empty: all
	Digest TreeDigest
	Hash   crypto.Hash // of the tokens
	// Again begins anew what was begun by another digest and not finished.
	Again bool
	// DryRun checks all and changes nothing.
	DryRun bool
	// Progress is told how many entries of a shard are done, of how many; nil for nobody.
	Progress func(doing, shard string, done, size int64)
}

// RehashSummary is what was found and done.
type RehashSummary struct {
	Shards   int64           `json:"logs"`    // that were looked at
	Stands   int64           `json:"stand"`   // hashed by that digest up to their last time-stamp
	Rehashed int64           `json:"hashed"`  // by this run
	Entries  int64           `json:"entries"` // of those
	Files    int64           `json:"files"`   // of the content that was read by this run
	Purged   int64           `json:"purged"`  // files that were destroyed at the end of their time
	Missing  int64           `json:"missing"` // files that are lost or damaged
	Until    []RehashUntil   `json:"until"`   // what the new tokens prove how long
	Found    int64           `json:"found"`   // faults
	Findings []RehashFinding `json:"findings"`
}

// RehashUntil says how long the token of a rehash proves anything by itself.
type RehashUntil struct {
	Origin string       `json:"origin"`
	End    hub.TokenEnd `json:"end"`
}

// RehashFinding is a fault. Of the rules content_lost and content_damaged the work goes
// on without that file; every other one ends the work on its shard.
type RehashFinding struct {
	Rule    string `json:"rule"`
	Origin  string `json:"origin"`
	Message string `json:"message"`
}

// RehashFact is the body of a note of LogNoteRehash.
type RehashFact struct {
	Origin string     `json:"origin"`
	Number int        `json:"number"`
	Digest string     `json:"digest"`
	Size   int64      `json:"size"`
	Head   Hex        `json:"head"`         // by the digest of the rehash
	Token  int        `json:"token_number"` // from 1; later ones renew it
	SHA256 hub.Digest `json:"token_sha256"`
	Time   time.Time  `json:"time"` // of the token
}

// rehashing is one run.
type rehashing struct {
	*Rehasher
	RehashOrder
	RehashSummary
	contents contentDigests
}

// shardWork is the work on one shard.
type shardWork struct {
	*rehashing
	origin  string
	stamps  []stampRoot // those that are covered, by size and time
	earlier []hub.LogRehash
	rehash  hub.LogRehash
	faults  int64
}

// stampRoot is what a time-stamped checkpoint says of the tree.
type stampRoot struct {
	size    int64
	stamped time.Time
	root    hub.Digest
}

// Rehash does what is left to do, oldest shard first. Its error ends the run; the summary
// tells what was done until then, and the next run does the rest.
func (r *Rehasher) Rehash(ctx context.Context, order RehashOrder) (RehashSummary, error) {
	run := &rehashing{Rehasher: r, RehashOrder: order, RehashSummary: RehashSummary{Findings: []RehashFinding{}, Until: []RehashUntil{}}}
	run.contents = contentDigests{run: run}
	shards, err := r.Source.LogShards(ctx)
	if err != nil {
		return run.RehashSummary, err
	}
	known := order.Shard == ""
	for i := range shards {
		if order.Shard != "" && ShardName(shards[i].Origin) != order.Shard {
			continue
		}
		known = true
		run.Shards++
		if err := (&shardWork{rehashing: run, origin: shards[i].Origin}).do(ctx); err != nil {
			return run.RehashSummary, err
		}
	}
	if !known {
		return run.RehashSummary, hub.Errorf(hub.KindNotFound, "shard", "", "there is no log %.40q", order.Shard)
	}
	return run.RehashSummary, nil
}

func (r *rehashing) found(rule, origin, format string, args ...any) {
	r.Found++
	if len(r.Findings) < maxRenewalFindings {
		r.Findings = append(r.Findings, RehashFinding{rule, origin, fmt.Sprintf(format, args...)})
	}
}

// fault is a finding that ends the work on the shard.
func (s *shardWork) fault(rule, format string, args ...any) {
	s.faults++
	s.found(rule, s.origin, format, args...)
}

func (s *shardWork) tell(doing string, done int64) {
	if s.Progress != nil {
		s.Progress(doing, ShardName(s.origin), done, s.rehash.Size)
	}
}

// do checks a shard, hashes it, and has it stamped, as far as none of it is done.
func (s *shardWork) do(ctx context.Context) error {
	if err := s.readStamps(ctx); err != nil {
		return err
	}
	if len(s.stamps) == 0 {
		s.fault("no_time_stamp", "no time-stamp covers any of it: have it time-stamped first")
		return nil
	}
	begun, err := s.plan(ctx)
	if err != nil || s.rehash.Number == 0 {
		return err
	}
	for _, check := range []func(context.Context) error{s.checkEntries, s.checkTokens} {
		if err := check(ctx); err != nil {
			return err
		}
	}
	if s.faults > 0 || s.DryRun {
		return nil
	}
	if !begun {
		if err := s.Store.BeginLogRehash(ctx, s.rehash); err != nil {
			return err
		}
	}
	entries, err := s.hashEntries(ctx)
	if err != nil || s.faults > 0 {
		return err
	}
	stamps, err := s.hashStamps(ctx)
	if err != nil {
		return err
	}
	return s.finish(ctx, entries, stamps)
}

// readStamps reads which checkpoints are time-stamped.
func (s *shardWork) readStamps(ctx context.Context) error {
	return eachStamp(ctx, s.Source, s.origin, func(stamp *hub.LogStamp) error {
		w, err := s.Policy.Open(stamp.Note)
		if err != nil || w.Checkpoint.Size != stamp.Size || w.Checkpoint.Origin != s.origin {
			s.fault("checkpoint", "the time-stamped checkpoint over %d entries is not signed as it must be, or another one: %v", stamp.Size, err)
			return nil
		}
		s.stamps = append(s.stamps, stampRoot{stamp.Size, stamp.Time, w.Checkpoint.Root})
		return nil
	})
}

// eachStamp reads all time-stamps of a shard, by size and time.
func eachStamp(ctx context.Context, source interface {
	LogStamps(ctx context.Context, origin string, size int64, limit int) ([]hub.LogStamp, error)
}, origin string, each func(*hub.LogStamp) error) error {
	size, last := int64(0), time.Time{}
	for {
		page, err := source.LogStamps(ctx, origin, size, stampPage)
		if err != nil {
			return err
		}
		fresh := slices.DeleteFunc(slices.Clone(page), func(s hub.LogStamp) bool { return s.Size == size && !s.Time.After(last) })
		for i := range fresh {
			if err := ctx.Err(); err != nil {
				return err
			}
			if err := each(&fresh[i]); err != nil {
				return err
			}
			size, last = fresh[i].Size, fresh[i].Time
		}
		if len(page) < stampPage {
			return nil
		}
		if len(fresh) == 0 { // a page of one size, all seen
			size, last = size+1, time.Time{}
		}
	}
}

// plan says which rehash is to be made, and whether it was begun; its number stays 0 where
// there is nothing to do.
func (s *shardWork) plan(ctx context.Context) (begun bool, err error) {
	all, err := s.Store.LogRehashes(ctx, s.origin)
	if err != nil {
		return false, err
	}
	size := s.stamps[len(s.stamps)-1].size
	s.earlier = slices.DeleteFunc(slices.Clone(all), func(r hub.LogRehash) bool { return !r.Finished() })
	if slices.ContainsFunc(s.earlier, func(r hub.LogRehash) bool { return r.Hash == s.Digest.Name && r.Size >= size }) {
		s.Stands++
		return false, nil
	}
	next := hub.LogRehash{Origin: s.origin, Number: len(s.earlier) + 1, Size: size, Hash: s.Digest.Name}
	if n := len(all); n > len(s.earlier) && !s.Again {
		if all[n-1].Hash != next.Hash {
			return false, hub.Errorf(hub.KindConflict, "rehash", "begun", "the log %s is being hashed by %s, which is not finished: finish that, or begin anew (--again)",
				ShardName(s.origin), all[n-1].Hash)
		}
		next, begun = all[n-1], true
	}
	s.rehash = next
	s.stamps = slices.DeleteFunc(s.stamps, func(p stampRoot) bool { return p.size > next.Size })
	return begun, nil
}

// finish has the roots time-stamped and keeps the result.
func (s *shardWork) finish(ctx context.Context, entries, stamps *rehashEdge) error {
	head := RehashHead{
		Origin: s.origin, Digest: s.Digest, Entries: entries.size, Root: entries.root(), Stamps: stamps.size, Stamped: stamps.root(),
	}
	s.rehash.Head = head.Text()
	end, err := s.stampRehash(ctx, s.RehashOrder.Hash, &s.rehash, time.Time{}, hub.TokenEnd{})
	if err != nil {
		return err
	}
	s.Rehashed++
	s.Entries += entries.size
	s.Until = append(s.Until, RehashUntil{s.origin, end})
	return nil
}

// stampRehash asks for the next token of a rehash, which must be made between two times
// where there are earlier ones, and keeps it. It returns how long that lasts; the zero
// time where it lasts no longer than what there is, and nothing was kept.
func (r *Rehasher) stampRehash(ctx context.Context, hash crypto.Hash, rehash *hub.LogRehash, last time.Time, before hub.TokenEnd) (hub.TokenEnd, error) {
	none := hub.TokenEnd{}
	content := rehashCovered(rehash)
	token, err := r.Authority.Stamp(ctx, hash, content)
	if err != nil {
		return none, err
	}
	if err := r.Tokens.Intact(token.DER, content); err != nil {
		return none, err
	}
	end, err := r.Tokens.End(token.DER)
	switch {
	case err != nil:
		return none, err
	case rehash.Finished() && (token.Time.Before(last) || token.Time.After(before.At)):
		return none, hub.Errorf(hub.KindUnavailable, "tsa", "clock", "the authority says that it is %s; the tokens of rehash %d of %s can be renewed between %s and %s",
			token.Time.UTC().Format(time.RFC3339), rehash.Number, rehash.Origin, last.UTC().Format(time.RFC3339), before.At.UTC().Format(time.RFC3339))
	case rehash.Finished() && !end.At.After(before.At):
		return none, nil
	}
	head, err := ParseRehashHead(rehash.Head)
	if err != nil {
		return none, err
	}
	rehash.Tokens = append(slices.Clip(rehash.Tokens), hub.RehashToken{DER: token.DER, Time: token.Time})
	note, err := NewNote(hub.LogNoteRehash, RehashFact{
		Origin: rehash.Origin, Number: rehash.Number, Digest: rehash.Hash, Size: rehash.Size, Head: head.Digest.Sum(rehash.Head),
		Token: len(rehash.Tokens), SHA256: sha256.Sum256(token.DER), Time: token.Time,
	}, r.NewID(), r.Now())
	if err != nil {
		return none, err
	}
	return end, r.Store.StampLogRehash(ctx, *rehash, note)
}

// rehashCovered is what the next token of a rehash is over.
func rehashCovered(r *hub.LogRehash) []byte {
	content := slices.Clone(r.Head)
	for i := range r.Tokens {
		content = append(content, r.Tokens[i].DER...)
	}
	return content
}
