package audit

import (
	"context"
	"slices"
	"strconv"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/lienthong/lienthong/hub"
)

// EntryStore reads entries of the log.
type EntryStore interface {
	// LogEntries lists entries of a shard from an index on, at most so many.
	LogEntries(ctx context.Context, origin string, from int64, limit int) ([]hub.LogEntry, error)
}

// Browser shows auditors the log and checks it in front of them. Everything is read from
// what the log published, and checked as anybody could check it.
type Browser struct {
	Reader *Reader
	Store  EntryStore
	// Policy has the keys of the log and its witnesses as of now; nil where this node has
	// none.
	Policy func() (*Policy, error)
}

// Shards shows each shard as it stands, newest first.
func (b *Browser) Shards(ctx context.Context, actor hub.Actor) ([]hub.LogView, error) {
	if err := actor.Require(hub.ScopeAudit); err != nil {
		return nil, err
	}
	policy, err := b.policy()
	if err != nil {
		return nil, err
	}
	shards, err := b.Reader.Shards(ctx)
	if err != nil {
		return nil, err
	}
	slices.Reverse(shards)
	views := make([]hub.LogView, len(shards))
	for i := range shards {
		signed, err := b.Reader.Checkpoint(ctx, ShardName(shards[i].Origin))
		if err != nil {
			return nil, err
		}
		if views[i], err = view(policy, signed); err != nil {
			return nil, err
		}
	}
	return views, nil
}

func (b *Browser) policy() (*Policy, error) {
	policy, err := b.Policy()
	if err == nil && policy == nil {
		err = hub.Errorf(hub.KindUnavailable, "policy", "required", "this node does not have the keys of the log")
	}
	return policy, err
}

func (c *Checkpoint) logTree() hub.LogTree { return hub.LogTree(*c) }

// view checks the signatures of a checkpoint.
func view(policy *Policy, signed []byte) (hub.LogView, error) {
	w, err := policy.Open(signed)
	v := hub.LogView{LogTree: w.Checkpoint.logTree(), Note: string(signed), Quorum: w.Quorum, Wanted: policy.WantsWitnesses()}
	for _, c := range w.Cosignatures {
		v.Seen = append(v.Seen, hub.LogSeen{Witness: c.Witness, Time: c.Time})
	}
	return v, err
}

// Entries lists the published entries of a shard, named by its year, below an index or, where
// that is 0, from the end; the newest first.
func (b *Browser) Entries(ctx context.Context, actor hub.Actor, shard string, below int64, limit int) ([]hub.LogLine, error) {
	if err := actor.Require(hub.ScopeAudit); err != nil {
		return nil, err
	}
	s, err := b.Reader.shard(ctx, shard)
	if err != nil {
		return nil, err
	}
	if below <= 0 || below > s.Head.Size {
		below = s.Head.Size
	}
	from := max(0, below-int64(limit))
	entries, err := b.Store.LogEntries(ctx, s.Origin, from, int(below-from))
	if err != nil {
		return nil, err
	}
	lines := make([]hub.LogLine, len(entries))
	for i := range entries {
		leaf, err := ParseLeaf(entries[i].Data)
		if err != nil {
			return nil, err
		}
		lines[len(lines)-1-i] = hub.LogLine{
			Index: entries[i].Index, Source: entries[i].Source, Event: leaf.Event, Note: hub.LogNoteKind(leaf.Kind), Time: leaf.Time,
		}
	}
	return lines, nil
}

// Path shows hash by hash that the log holds an evidence, under the checkpoint that proves
// most. Errors are those of Reader.Proof, and KindUntrusted where the log does not hold
// what the hub has.
func (b *Browser) Path(ctx context.Context, actor hub.Actor, id hub.EvidenceID) (hub.LogPath, error) {
	var path hub.LogPath
	if err := actor.Require(hub.ScopeAudit); err != nil {
		return path, err
	}
	policy, err := b.policy()
	if err != nil {
		return path, err
	}
	sealed, err := b.Reader.Evidence.Evidence(ctx, actor, id)
	if err != nil {
		return path, err
	}
	proof, _, err := b.Reader.Prove(ctx, actor, id)
	if err != nil {
		return path, err
	}
	if path.LogView, err = view(policy, proof.Note); err != nil {
		return path, err
	}
	if err := proof.Holds(&Checkpoint{path.Origin, path.Size, path.Root}, &sealed); err != nil {
		return path, err
	}
	entry, err := proof.Leaf(&sealed)
	if err != nil {
		return path, err
	}
	path.Index, path.Leaf = proof.Index, hub.Digest(tlog.RecordHash(entry))
	path.Steps = climb(path.Leaf, proof.Index, path.Size, proof.Hashes)
	return path, nil
}

// climb is the verification of an inclusion proof (RFC 9162, 2.1.3.2), with each node on
// the way. What the last node must be is for the caller to compare.
func climb(leaf hub.Digest, index, size int64, hashes []hub.Digest) []hub.LogStep {
	steps := make([]hub.LogStep, len(hashes))
	for i, last := 0, size-1; i < len(hashes); i, index, last = i+1, index/2, last/2 {
		for index%2 == 0 && index == last && last > 0 { // it has no neighbour at this height
			index, last = index/2, last/2
		}
		step := hub.LogStep{Sibling: hashes[i], Left: index%2 == 1}
		left, right := leaf, hashes[i]
		if step.Left {
			left, right = right, left
		}
		leaf = hub.Digest(tlog.NodeHash(tlog.Hash(left), tlog.Hash(right)))
		step.Node = leaf
		steps[i] = step
	}
	return steps
}

// Compare checks that a checkpoint that somebody kept is the beginning of the log as it is
// now. One that the log signed and that is not is KindUntrusted with the rule
// "consistency": the log is two histories.
func (b *Browser) Compare(ctx context.Context, actor hub.Actor, kept []byte) (hub.LogGrowth, error) {
	var growth hub.LogGrowth
	if err := actor.Require(hub.ScopeAudit); err != nil {
		return growth, err
	}
	policy, err := b.policy()
	if err != nil {
		return growth, err
	}
	older, err := policy.Open(kept)
	if err != nil {
		return growth, err
	}
	signed, err := b.Reader.Checkpoint(ctx, ShardName(older.Checkpoint.Origin))
	if err != nil {
		return growth, err
	}
	newer, err := policy.Open(signed)
	if err != nil {
		return growth, err
	}
	growth.Kept, growth.Now = older.Checkpoint.logTree(), newer.Checkpoint.logTree()
	if older.Checkpoint.Size > newer.Checkpoint.Size {
		return growth, hub.Errorf(hub.KindUntrusted, "checkpoint", "consistency",
			"the log signed a tree of %s entries and now has only %s", strconv.FormatInt(growth.Kept.Size, 10), strconv.FormatInt(growth.Now.Size, 10))
	}
	if growth.Proof, err = b.Reader.Consistency(ctx, &older.Checkpoint, &newer.Checkpoint); err != nil {
		return growth, err
	}
	return growth, CheckConsistency(&older.Checkpoint, &newer.Checkpoint, growth.Proof)
}
