package audit

import (
	"context"
	"regexp"
	"slices"
	"time"

	"github.com/lienthong/lienthong/hub"
)

// PlaceStore knows where the log holds what.
type PlaceStore interface {
	// LogPlace answers KindNotFound while the log does not hold the source.
	LogPlace(ctx context.Context, source string) (hub.LogPlace, error)
	LogShards(ctx context.Context) ([]hub.LogShard, error)
	// LogStamps lists time-stamped checkpoints from a size on, smallest first.
	LogStamps(ctx context.Context, origin string, size int64, limit int) ([]hub.LogStamp, error)
	// LogRenewals lists the further tokens of the stamp of that size and time, in order.
	LogRenewals(ctx context.Context, origin string, size int64, stamped time.Time) ([]hub.LogRenewal, error)
}

// RehashReader reads shards that were hashed anew.
type RehashReader interface {
	LogRehashes(ctx context.Context, origin string) ([]hub.LogRehash, error)
	// RehashTile reads a tile; KindNotFound when there is none.
	RehashTile(ctx context.Context, origin string, number int, tree hub.RehashTree, level int, n int64) (hub.RehashTile, error)
}

// Reader shows the log: to anybody its checkpoints and tiles, which hold no personal
// data, and to those whom an evidence concerns its proof.
type Reader struct {
	Evidence *Service
	Store    PlaceStore
	Rehashes RehashReader
	Tiles    TileStore
	Policy   *Policy // with the quorum that checkpoints should have; nil: none
}

// Proof returns the proof that the log holds an evidence, as a file of the form
// c2sp.org/tlog-proof. Whom the evidence does not concern it does not exist for
// (KindNotFound). Before the log has published it, a moment after it was recorded, the
// answer is KindUnavailable.
func (r *Reader) Proof(ctx context.Context, actor hub.Actor, id hub.EvidenceID) ([]byte, error) {
	proof, _, err := r.Prove(ctx, actor, id)
	if err != nil {
		return nil, err
	}
	return proof.Text(), nil
}

// Held is what holds the checkpoint of a proof in time.
type Held struct {
	// Tokens are time-stamps: the one over the note, then its renewals in order; none while
	// there is none.
	Tokens [][]byte
	// Rehashes are those that hold the evidence and the time-stamps, in order.
	Rehashes []Rehashed
}

// Prove is Proof before it is written, and what holds its checkpoint.
func (r *Reader) Prove(ctx context.Context, actor hub.Actor, id hub.EvidenceID) (Proof, Held, error) {
	none := Proof{}
	if _, err := r.Evidence.Evidence(ctx, actor, id); err != nil {
		return none, Held{}, err
	}
	place, err := r.Store.LogPlace(ctx, string(id))
	if err != nil && hub.KindOf(err) == hub.KindNotFound {
		return none, Held{}, notPublished()
	}
	if err != nil {
		return none, Held{}, err
	}
	signed, stamp, err := r.head(ctx, place)
	if err != nil {
		return none, Held{}, err
	}
	c, err := checkpointOf(signed)
	if err != nil {
		return none, Held{}, err
	}
	hashes, err := Inclusion(ctx, r.Tiles, ShardName(place.Origin)+"/", &c, place.Index)
	if err != nil {
		return none, Held{}, err
	}
	proof := Proof{Index: place.Index, Hashes: hashes, Note: signed}
	leaf, err := ParseLeaf(place.Data)
	if err != nil {
		return none, Held{}, damaged("entry %d of %s: %v", place.Index, place.Origin, err)
	}
	proof.Extra, _ = leaf.Seq.raw() // ParseLeaf has read it
	held, err := r.held(ctx, stamp, place.Index)
	return proof, held, err
}

// held returns what holds a stamp, and the entry of an index.
func (r *Reader) held(ctx context.Context, stamp *hub.LogStamp, index int64) (Held, error) {
	if stamp == nil {
		return Held{}, nil
	}
	renewals, err := r.Store.LogRenewals(ctx, stamp.Origin, stamp.Size, stamp.Time)
	if err != nil {
		return Held{}, err
	}
	held := Held{Tokens: [][]byte{stamp.Token}}
	for i := range renewals {
		held.Tokens = append(held.Tokens, renewals[i].Token)
	}
	held.Rehashes, err = rehashed(ctx, r.Rehashes, stamp, index)
	return held, err
}

// Consistency returns the hashes that show that one checkpoint of a shard is the
// beginning of another.
func (r *Reader) Consistency(ctx context.Context, older, newer *Checkpoint) ([]hub.Digest, error) {
	return Consistency(ctx, r.Tiles, ShardName(newer.Origin)+"/", older.Size, newer)
}

// maxStamps are looked through for one with a quorum; the next ones are newer and as good
// as the newest checkpoint.
const maxStamps = 16

// head chooses the checkpoint that proves most, and returns the time-stamp over it if it
// has one. Where witnesses are asked it is the first one with a time-stamp that a quorum has
// seen, else the newest that a quorum has seen. Without both it is the first with a
// time-stamp, else the newest.
func (r *Reader) head(ctx context.Context, place hub.LogPlace) (signed []byte, stamp *hub.LogStamp, err error) {
	stamps, err := r.Store.LogStamps(ctx, place.Origin, place.Index+1, maxStamps)
	if err != nil {
		return nil, nil, err
	}
	for i := range stamps {
		if r.hasQuorum(stamps[i].Note) {
			return stamps[i].Note, &stamps[i], nil
		}
	}
	shard, err := r.shard(ctx, ShardName(place.Origin))
	switch {
	case err != nil:
		return nil, nil, err
	case shard.Witnessed.Size > place.Index:
		return shard.Witnessed.Note, nil, nil
	case len(stamps) > 0:
		return stamps[0].Note, &stamps[0], nil
	case shard.Head.Size > place.Index:
		return shard.Head.Note, nil, nil
	}
	return nil, nil, notPublished()
}

// hasQuorum reports whether enough witnesses have seen a checkpoint; all where none are
// asked.
func (r *Reader) hasQuorum(signed []byte) bool {
	if r.Policy == nil {
		return true
	}
	w, err := r.Policy.Open(signed)
	return err == nil && w.Quorum
}

func notPublished() error {
	return &hub.Error{
		Kind: hub.KindUnavailable, Field: "evidence", Rule: "not_published", RetryAfter: time.Second,
		Message: "the log does not prove this evidence yet; ask again in a moment",
	}
}

func (r *Reader) shard(ctx context.Context, name string) (hub.LogShard, error) {
	shards, err := r.Store.LogShards(ctx)
	if err != nil {
		return hub.LogShard{}, err
	}
	i := slices.IndexFunc(shards, func(s hub.LogShard) bool { return ShardName(s.Origin) == name })
	if i < 0 || shards[i].Head.Size == 0 {
		return hub.LogShard{}, hub.Errorf(hub.KindNotFound, "log", "", "there is no log %.40q", name)
	}
	return shards[i], nil
}

// Shards names the shards that have a checkpoint, oldest first.
func (r *Reader) Shards(ctx context.Context) ([]hub.LogShard, error) {
	shards, err := r.Store.LogShards(ctx)
	return slices.DeleteFunc(shards, func(s hub.LogShard) bool { return s.Head.Size == 0 }), err
}

// Checkpoint returns the newest checkpoint of a shard, with its cosignatures when
// witnesses have seen it.
func (r *Reader) Checkpoint(ctx context.Context, shard string) ([]byte, error) {
	s, err := r.shard(ctx, shard)
	if err == nil && s.Witnessed.Size == s.Head.Size {
		return s.Witnessed.Note, nil
	}
	return s.Head.Note, err
}

// Stamp returns the smallest time-stamped checkpoint of a shard that has at least so many
// entries; KindNotFound while there is none.
func (r *Reader) Stamp(ctx context.Context, shard string, size int64) (hub.LogStamp, error) {
	s, err := r.shard(ctx, shard)
	if err != nil {
		return hub.LogStamp{}, err
	}
	stamps, err := r.Store.LogStamps(ctx, s.Origin, size, 1)
	if err != nil {
		return hub.LogStamp{}, err
	}
	if len(stamps) == 0 {
		return hub.LogStamp{}, hub.Errorf(hub.KindNotFound, "size", "", "the log %.40s has no time-stamp over %d entries", shard, size)
	}
	return stamps[0], nil
}

// tileNames are the names of c2sp.org/tlog-tiles behind "tile/".
var tileNames = regexp.MustCompile(`^(?:[0-9]|[1-5][0-9]|6[0-3]|entries)/(?:x[0-9]{3}/){0,5}[0-9]{3}(?:\.p/[1-9][0-9]{0,2})?$`)

// Tile returns a tile or a bundle of entries by its name behind "tile/"; KindNotFound
// for all other names.
func (r *Reader) Tile(ctx context.Context, shard, name string) ([]byte, error) {
	if !tileNames.MatchString(name) || !shardNames.MatchString(shard) {
		return nil, hub.Errorf(hub.KindNotFound, "tile", "", "there is no such tile")
	}
	return r.Tiles.Tile(ctx, shard+"/tile/"+name)
}

var shardNames = regexp.MustCompile(`^[0-9]{4}$`)
